"""Realistic headers full of invented identity: what a hospital's archive really exports.

Every place where an identity hides in practice gets one: free text, nested sequences, private groups, referenced
objects.  The attributes of the image modules are set by `instances`.
"""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from pydicom.dataset import Dataset
from pydicom.sequence import Sequence
from pydicom.uid import UID, generate_uid

from radcommons.synthetic.identity import OPERATOR, Hospital, Person
from radcommons.synthetic.vendors import Vendor

STUDY_COMPONENT = UID("1.2.840.10008.3.1.2.3.1")


@dataclass(frozen=True, slots=True)
class StudyPlan:
    """One study: what all its series share."""

    key: str
    study_uid: str
    frame_of_reference_uid: str
    at: datetime
    accession: str
    description: str
    earlier_study_uid: str = ""


def uid(*parts: object) -> str:
    """Return the UID that the parts stand for, the same each time."""
    return str(generate_uid(entropy_srcs=["radcommons.synthetic", *(str(part) for part in parts)]))


def identity_header(person: Person, hospital: Hospital, vendor: Vendor, study: StudyPlan, *, number: int) -> Dataset:
    """Return the patient, study and equipment attributes of every instance of a series.

    Parameters
    ----------
    person : Person
    hospital : Hospital
    vendor : Vendor
    study : StudyPlan
    number : int
        Running number of the machine at the hospital.

    References
    ----------
    DICOM PS3.3, C.7.1.1 Patient, C.7.2.1 General Study, C.7.5.1 General Equipment Modules.
    """
    header = Dataset()
    header.SpecificCharacterSet = list(person.charset) if isinstance(person.charset, tuple) else person.charset
    _patient(header, person, hospital)
    _study(header, person, hospital, study)
    _equipment(header, hospital, vendor, number)
    _request(header, person, hospital, study)
    _private(header, person, vendor, study)
    return header


def written(text: str, person: Person) -> str:
    """Return `text` as the patient's character set can hold it: accents fall where the set has none."""
    if not isinstance(person.charset, tuple):
        return text
    return unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()


def _patient(header: Dataset, person: Person, hospital: Hospital) -> None:
    header.PatientName = person.name
    header.PatientID = person.patient_id
    header.IssuerOfPatientID = f"{hospital.code}-KIS"
    header.PatientBirthDate = person.birth.strftime("%Y%m%d")
    header.PatientSex = person.sex
    other = Dataset()
    other.PatientID = person.other_id
    other.IssuerOfPatientID = "INSURANCE"
    other.TypeOfPatientID = "TEXT"
    header.OtherPatientIDsSequence = Sequence([other])
    header.OtherPatientNames = f"{person.maiden_name}^{written(person.name.split('=')[0].split('^')[1], person)}"
    header.PatientBirthName = f"{person.maiden_name}^"
    header.PatientAddress = written(person.address, person)
    header.PatientTelephoneNumbers = person.phone
    header.Occupation = person.occupation[:16]
    header.PatientComments = _comment(person)


def _comment(person: Person) -> str:
    family, given = person.name.split("=")[0].split("^")
    title = "Frau" if person.sex == "F" else "Herr"
    return written(f"{title} {given} {family} (relative {person.relative} waits, call {person.phone})", person)


def _study(header: Dataset, person: Person, hospital: Hospital, study: StudyPlan) -> None:
    header.StudyInstanceUID = study.study_uid
    header.StudyDate = study.at.strftime("%Y%m%d")
    header.StudyTime = study.at.strftime("%H%M%S")
    header.AccessionNumber = study.accession
    header.StudyID = study.accession[-6:]
    header.StudyDescription = study.description
    header.ReferringPhysicianName = written(hospital.staff[0], person)
    header.PhysiciansOfRecord = written(hospital.staff[1], person)
    header.NameOfPhysiciansReadingStudy = written(hospital.staff[2], person)
    header.AdmittingDiagnosesDescription = "Fever, cough, U07.1?"
    header.PatientAge = f"{age_on(person.birth, study.at.date()):03d}Y"
    header.AdditionalPatientHistory = written(
        f"Seen by {hospital.staff[0].split('^')[0]} on {study.at:%d.%m.%Y}, dry cough, sats 91%", person
    )
    if study.earlier_study_uid:
        earlier = Dataset()
        earlier.ReferencedSOPClassUID = STUDY_COMPONENT
        earlier.ReferencedSOPInstanceUID = study.earlier_study_uid
        header.ReferencedStudySequence = Sequence([earlier])


def _equipment(header: Dataset, hospital: Hospital, vendor: Vendor, number: int) -> None:
    ascii_only = not isinstance(header.SpecificCharacterSet, str)
    place = [hospital.name, hospital.address, hospital.department]
    if ascii_only:
        place = [unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode() for text in place]
    header.Manufacturer = vendor.manufacturer
    header.InstitutionName, header.InstitutionAddress, header.InstitutionalDepartmentName = place
    header.StationName = vendor.station.format(number)
    header.ManufacturerModelName = vendor.model
    header.DeviceSerialNumber = f"{hospital.code[:2]}{46_000 + 137 * number}"
    header.SoftwareVersions = vendor.software
    header.OperatorsName = OPERATOR


def _request(header: Dataset, person: Person, hospital: Hospital, study: StudyPlan) -> None:
    item = Dataset()
    item.RequestedProcedureID = study.accession
    item.RequestedProcedureDescription = study.description
    item.ScheduledProcedureStepID = f"S{study.accession[-5:]}"
    family = written(person.name.split("=")[0].split("^")[0], person)
    item.ReasonForTheRequestedProcedure = f"Pneumonia? {family}, {person.patient_id}"
    item.ScheduledProcedureStepDescription = study.description
    header.RequestAttributesSequence = Sequence([item])
    header.PerformedProcedureStepStartDate = study.at.strftime("%Y%m%d")
    header.PerformedProcedureStepStartTime = study.at.strftime("%H%M%S")
    header.PerformedProcedureStepID = study.accession[-8:]
    header.RequestingPhysician = written(hospital.staff[3], person)
    header.PerformingPhysicianName = written(hospital.staff[2], person)


def _private(header: Dataset, person: Person, vendor: Vendor, study: StudyPlan) -> None:
    values = {
        "name": person.plain_family + "^" + person.plain_given,
        "id": person.patient_id,
        "birth": person.birth.strftime("%Y%m%d"),
        "accession": study.accession,
        "station": str(header.StationName),
    }
    for block in vendor.private:
        place = header.private_block(block.group, block.creator, create=True)
        for offset, vr, text in block.elements:
            place.add_new(offset, vr, _private_value(vr, text.format(**values)))


def _private_value(vr: str, text: str) -> Any:
    if vr == "OB":
        raw = text.encode("ascii")
        return raw + b"\0" * (len(raw) % 2)
    if vr in ("SS", "SL", "UL"):
        return int(text)
    if vr == "FD":
        return float(text)
    return text[:16] if vr in ("SH", "CS") else text


def age_on(birth: date, day: date) -> int:
    """Return the age in whole years."""
    return day.year - birth.year - ((day.month, day.day) < (birth.month, birth.day))


def series_header(study: StudyPlan, *, number: int, description: str, later_s: int = 60) -> Dataset:
    """Return what the instances of one series share: its UID, number, words and times."""
    at = study.at + timedelta(seconds=later_s)
    header = Dataset()
    header.SeriesInstanceUID = uid(study.study_uid, "series", number)
    header.SeriesNumber = number
    header.SeriesDescription = description
    header.SeriesDate = at.strftime("%Y%m%d")
    header.SeriesTime = at.strftime("%H%M%S")
    header.BodyPartExamined = "CHEST"
    header.ProtocolName = f"{description} {study.accession}"[:64]
    return header
