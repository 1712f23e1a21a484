"""Images of the canary set: identity in elements of every kind and depth, in private blocks, pixels and file names."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from pydicom.datadict import dictionary_VR, tag_for_keyword
from pydicom.dataset import Dataset
from pydicom.encaps import encapsulate, generate_frames
from pydicom.sequence import Sequence
from pydicom.tag import Tag
from pydicom.uid import (
    UID,
    ComputedRadiographyImageStorage,
    DeflatedExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEGLosslessSV1,
    RLELossless,
    SecondaryCaptureImageStorage,
)

from radcommons.synthetic.canary_base import SIDE_PX, Built, Hidden, body, image, letters, pixels

# Elements that scanners, worklists and clerks fill with people and places, one of each kind of value at least.
_PEOPLE = (
    "OtherPatientNames", "PatientBirthName", "PatientMotherBirthName", "ResponsiblePerson", "PhysiciansOfRecord",
    "PerformingPhysicianName", "NameOfPhysiciansReadingStudy", "OperatorsName", "RequestingPhysician",
    "ScheduledPerformingPhysicianName", "ConsultingPhysicianName", "ReviewerName", "ContentCreatorName",
    "VerifyingObserverName", "PersonName", "HumanPerformerName", "NamesOfIntendedRecipientsOfResults",
)  # fmt: skip
_TEXTS = (
    "PatientComments", "AdditionalPatientHistory", "ImageComments", "StudyComments", "VisitComments",
    "AdmittingDiagnosesDescription", "RequestedProcedureComments", "ImagingServiceRequestComments",
    "ReasonForTheRequestedProcedure", "InterpretationText", "TextComments", "IdentifyingComments",
    "DerivationDescription",
    "ContrastBolusAgent", "AcquisitionComments", "FrameComments", "PatientAddress", "Occupation", "MedicalAlerts",
    "Allergies", "SpecialNeeds", "PatientState", "SeriesDescription", "StudyDescription", "ProtocolName",
    "PerformedProcedureStepDescription", "RequestedProcedureDescription", "CommentsOnThePerformedProcedureStep",
    "RequestingService", "InstitutionAddress", "InstitutionalDepartmentName", "StationName", "CurrentPatientLocation",
    "PatientInstitutionResidence", "BranchOfService", "RegionOfResidence", "CountryOfResidence",
    "IssuerOfPatientID", "OtherPatientIDs", "MilitaryRank", "PatientTelephoneNumbers", "TextString", "LabelText",
)  # fmt: skip
_NUMBERS = (
    "PatientInsurancePlanCodeSequence", "AdmissionID", "ServiceEpisodeID", "FillerOrderNumberImagingServiceRequest",
    "PlacerOrderNumberImagingServiceRequest", "RequestedProcedureID", "ScheduledProcedureStepID",
    "PerformedProcedureStepID", "StudyID", "MedicalRecordLocator", "DetectorID", "GantryID", "CassetteID", "PlateID",
)  # fmt: skip
_ROOM = {"SH": 16, "CS": 16, "AE": 16, "LO": 64}


def cases(hidden: Hidden) -> Iterator[Built]:
    """Yield the images."""
    yield Built(
        name="plain-slice", tells="a CT slice as a scanner writes it", dataset=image(hidden, study=1), must_come=True
    )
    yield _radiograph(hidden)
    yield _every_element(hidden)
    yield _in_sequences(hidden)
    yield _in_private_blocks(hidden)
    yield _in_private_of_no_type(hidden)
    yield _in_other_letters(hidden)
    yield _in_free_text(hidden)
    yield _as_dates(hidden)
    yield _in_file_name(hidden)
    yield _in_padding(hidden)
    yield from _in_syntaxes(hidden)
    yield _in_codestream(hidden)
    yield _in_overlay(hidden)
    yield from _in_pictures(hidden)


def _radiograph(hidden: Hidden) -> Built:
    header = image(hidden, study=2)
    header.SOPClassUID, header.Modality = ComputedRadiographyImageStorage, "CR"
    header.StudyDescription, header.SeriesDescription, header.ViewPosition = "Chest", "PA", "PA"
    for keyword in ("ImagePositionPatient", "ImageOrientationPatient", "FrameOfReferenceUID", "SliceThickness"):
        delattr(header, keyword)
    for keyword in (
        "RescaleIntercept",
        "RescaleSlope",
        "PositionReferenceIndicator",
        "PixelSpacing",
        "PatientPosition",
    ):
        delattr(header, keyword)
    header.ImageType, header.PatientOrientation = ["ORIGINAL", "PRIMARY"], ["L", "F"]
    header.BodyPartExamined, header.PlateID, header.CassetteID = "CHEST", hidden.serial, hidden.serial
    return Built(
        name="plain-radiograph", tells="a radiograph as a plate reader writes it", dataset=header, must_come=True
    )


def _every_element(hidden: Hidden) -> Built:
    header = image(hidden, study=3)
    for keyword in _PEOPLE:
        setattr(header, keyword, hidden.doctor_name if "Physician" in keyword else f"{hidden.maiden}^{hidden.given}")
    header.OperatorsName = hidden.operator
    for keyword in _TEXTS:
        _put(header, keyword, f"{hidden.family} {hidden.sentence} {hidden.street} {hidden.town} {hidden.ward}")
    for keyword in _NUMBERS:
        if dictionary_VR(keyword) != "SQ":
            _put(header, keyword, hidden.other_number)
    return Built(name="every-element", tells="people, places and numbers in about seventy elements", dataset=header)


def _put(target: Dataset, keyword: str, text: str) -> None:
    vr = dictionary_VR(keyword)
    if vr == "CS":
        text = "".join(letter if letter.isalnum() else "_" for letter in text.upper())
    setattr(target, keyword, text[: _ROOM.get(vr, 900)])


def _in_sequences(hidden: Hidden) -> Built:
    header = image(hidden, study=4)
    deepest = Dataset()
    deepest.PersonName, deepest.TextValue = hidden.name, hidden.sentence
    deepest.PatientID, deepest.InstitutionName = hidden.number, hidden.hospital
    for keyword in ("ContentSequence", "ReferencedPatientSequence", "SourceImageSequence", "RequestAttributesSequence"):
        around = Dataset()
        around.ScheduledProcedureStepDescription = f"{hidden.family} chest"
        around.AccessionNumber, around.PatientComments = hidden.accession, hidden.sentence
        around.ReferencedSOPInstanceUID = hidden.uid(4, 7)
        setattr(around, keyword, Sequence([deepest]))
        deepest = around
    header.RequestAttributesSequence = Sequence([deepest])
    other = Dataset()
    other.PatientID, other.IssuerOfPatientID, other.TypeOfPatientID = hidden.other_number, hidden.hospital, "TEXT"
    header.OtherPatientIDsSequence = Sequence([other])
    earlier = Dataset()
    earlier.ReferencedSOPClassUID, earlier.ReferencedSOPInstanceUID = "1.2.840.10008.3.1.2.3.1", hidden.uid(77)
    header.ReferencedStudySequence = Sequence([earlier])
    return Built(name="in-sequences", tells="the identity in items up to five deep", dataset=header)


def _in_private_blocks(hidden: Hidden) -> Built:
    header = image(hidden, study=5)
    for group, creator in ((0x0029, "SIEMENS CSA HEADER"), (0x0009, "GEMS_IDEN_01"), (0x2001, "Philips Imaging DD 001"),
                           (0x0029, f"{hidden.hospital} EXPORT"), (0x7005, "TOSHIBA_MEC_CT3")):  # fmt: skip
        block = header.private_block(group, creator, create=True)
        block.add_new(0x10, "LO", f"{hidden.family} {hidden.given}")
        block.add_new(0x11, "PN", hidden.name)
        block.add_new(0x12, "OB", _even(hidden.sentence.encode("latin-1")))
        block.add_new(0x13, "DA", hidden.birth.strftime("%Y%m%d"))
        block.add_new(0x14, "UI", hidden.uid(5, 5))
        inside = Dataset()
        inside.PatientName, inside.TextValue = hidden.name, hidden.sentence
        block.add_new(0x15, "SQ", Sequence([inside]))
    return Built(name="in-private-blocks", tells="the identity in private groups of five makers", dataset=header)


def _even(raw: bytes) -> bytes:
    return raw + b"\0" * (len(raw) % 2)


def _in_private_of_no_type(hidden: Hidden) -> Built:
    header = image(hidden, study=6)
    header.add_new(0x00110010, "LO", "SOME MAKER")
    for element, text in enumerate((hidden.name, hidden.number, hidden.sentence), start=0x1001):
        raw = _even(text.encode("latin-1"))
        header.add_new(Tag(0x0011, element), "UN", raw)
    return Built(
        name="in-unknown",
        tells="the identity in elements of unknown type",
        dataset=header,
        syntax=ImplicitVRLittleEndian,
    )


def _in_other_letters(hidden: Hidden) -> Built:
    header = image(hidden, study=7)
    header.SpecificCharacterSet = "ISO_IR 192"
    header.PatientName = f"{hidden.family}^{hidden.given}=霧鍋^蛍=きりなべ^ほたる"
    header.OtherPatientNames = f"{hidden.maiden}ß^{hidden.given}"
    header.PatientComments = f"Größe unbekannt. {hidden.sentence}"
    return Built(name="in-other-letters", tells="the identity in UTF-8, with ideographic names", dataset=header)


def _in_free_text(hidden: Hidden) -> Built:
    header = image(hidden, study=8)
    family, given = hidden.family, hidden.given
    spellings = (f"{family.upper()},{given.upper()}", f"{given[0]}. {family}", f"{family}_{given}_{hidden.number}",
                 f"{given}-{family}", f"{family.lower()}{given.lower()}", f"{hidden.number[2:]} {family}")  # fmt: skip
    header.SeriesDescription = f"lung {spellings[0]}"[:64]
    header.StudyDescription = f"CT chest {spellings[1]}"[:64]
    header.ProtocolName = f"Thorax {spellings[2]}"[:64]
    header.ImageComments = f"compare {spellings[3]} and {spellings[4]}; {hidden.sentence}"
    header.RequestedProcedureDescription = f"CT {spellings[5]}"[:64]
    return Built(name="in-free-text", tells="the name in descriptions, in six spellings", dataset=header)


def _as_dates(hidden: Hidden) -> Built:
    header = image(hidden, study=9)
    birth = hidden.birth.strftime("%Y%m%d")
    header.PatientBirthTime = "071500"
    header.AcquisitionDateTime = "20200315101500.000000+0100"
    header.DateOfSecondaryCapture = header.AdmittingDate = header.LastMenstrualDate = birth
    header.ImageComments = f"born {hidden.birth.isoformat()}, DOB {hidden.birth:%d.%m.%Y}, {birth}"
    return Built(name="as-dates", tells="the day of birth in elements and in text", dataset=header)


def _in_file_name(hidden: Hidden) -> Built:
    path = f"{hidden.family}_{hidden.given}/{hidden.number}/{hidden.birth:%Y%m%d}_{hidden.accession}.dcm"
    return Built(
        name="in-file-name", tells="the identity in folder and file names", dataset=image(hidden, study=10), path=path
    )


def _in_padding(hidden: Hidden) -> Built:
    def pad(dataset: Dataset) -> None:
        raw = _even(hidden.sentence.encode("latin-1"))
        dataset.add_new(0xFFFCFFFC, "OB", raw)
        dataset.PixelData = dataset.PixelData + raw
        dataset.file_meta.add_new(0x00020016, "AE", hidden.hospital[:16].upper())
        dataset.file_meta.PrivateInformationCreatorUID = UID(hidden.uid(11, 11))
        dataset.file_meta.PrivateInformation = raw

    return Built(
        name="in-padding",
        tells="the identity in the preamble, the file's own header, behind the pixels and in trailing padding",
        dataset=image(hidden, study=11),
        marks_preamble=True,
        after=pad,
    )


def _in_syntaxes(hidden: Hidden) -> Iterator[Built]:
    for number, syntax, words in (
        (12, DeflatedExplicitVRLittleEndian, "deflated"),
        (13, RLELossless, "run-length"),
        (14, ImplicitVRLittleEndian, "implicit"),
    ):
        header = image(hidden, study=number)
        header.PatientComments = hidden.sentence
        yield Built(name=f"{words}", tells=f"a slice in the {words} encoding", dataset=header, syntax=syntax)


def _in_codestream(hidden: Hidden) -> Built:
    def comment(dataset: Dataset) -> None:
        text = hidden.sentence.encode("latin-1")
        frame = next(generate_frames(dataset.PixelData, number_of_frames=1))
        segment = b"\xff\xfe" + (len(text) + 2).to_bytes(2, "big") + text  # COM, ITU-T T.81 section B.2.4.5
        dataset.PixelData = encapsulate([frame[:2] + segment + frame[2:]])

    return Built(
        name="in-codestream",
        tells="the identity in a comment inside the JPEG stream",
        dataset=image(hidden, study=15),
        syntax=JPEGLosslessSV1,
        after=comment,
    )


def _in_overlay(hidden: Hidden) -> Built:
    header = image(hidden, study=16)
    mask = letters((SIDE_PX, SIDE_PX), (hidden.family, hidden.number))
    header.add_new(0x60000010, "US", SIDE_PX)
    header.add_new(0x60000011, "US", SIDE_PX)
    header.add_new(0x60000022, "LO", f"{hidden.family} overlay")
    header.add_new(0x60000040, "CS", "G")
    header.add_new(0x60000050, "SS", [1, 1])
    header.add_new(0x60000100, "US", 1)
    header.add_new(0x60000102, "US", 0)
    header.add_new(0x60003000, "OW", np.packbits(mask.ravel(), bitorder="little").tobytes())
    return Built(name="in-overlay", tells="the name drawn into an overlay plane", dataset=header)


def _in_pictures(hidden: Hidden) -> Iterator[Built]:
    lines = (f"{hidden.family}", f"{hidden.given}", f"{hidden.birth:%d.%m.%Y}", hidden.number)
    for number, level, words in ((17, 3000, "bright letters"), (18, 1900, "gray letters")):
        picture = np.kron(body(number), np.ones((2, 2), dtype=np.uint16))
        mask = letters(picture.shape, lines)
        picture[mask] = level
        header = image(hidden, study=number, picture=picture)
        tells = f"the name written into the picture in {words}"
        yield Built(name=f"in-pixels-{number - 16}", tells=tells, dataset=header, writing=mask)
    picture = np.full((96, 256), 40, dtype=np.uint16)
    mask = letters((96, 256), lines[:2], size=22)
    picture[mask] = 3500
    header = image(hidden, study=19)
    header.SOPClassUID, header.Modality, header.ConversionType = SecondaryCaptureImageStorage, "OT", "WSD"
    header.ImageType = ["DERIVED", "SECONDARY"]
    pixels(header, picture)
    yield Built(name="screen", tells="a screen save with the name on it", dataset=header, writing=mask)


assert all(tag_for_keyword(keyword) for keyword in (*_PEOPLE, *_TEXTS, *_NUMBERS))
