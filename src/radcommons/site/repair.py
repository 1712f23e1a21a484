"""Give UIDs to objects that came without: derived from the object and the site's secret, the same ones every time."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from pydicom.dataset import Dataset

from radcommons.dicom.mapping import purpose_key
from radcommons.dicom.read import Header
from radcommons.dicom.uids import derive_uid, uid_problem
from radcommons.records.finding import Finding, Severity
from radcommons.site.patient import STUDY_STANDS, PatientKey

_UIDS = ("StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID")


def deriver(secret: bytes) -> Callable[..., str]:
    """Return ``derive_uid(*parts)`` under the site's secret."""
    key = purpose_key(secret, "missing-uid")
    return lambda *parts: derive_uid(key, *parts)


def with_uids(header: Header, *, secret: bytes, original_digest: str) -> tuple[Dataset, tuple[Finding, ...]]:
    """Return the data set with every UID that an instance needs, and notes of those that were missing or malformed.

    Parameters
    ----------
    header : Header
    secret : bytes
        The site's mapping secret.
    original_digest : str
        Of the whole file; stands for an object of which nothing else is known.

    Notes
    -----
    A malformed UID stays as it is here: mapping it gives a valid one, and all objects that share it stay together.
    The input is not changed.
    """
    dataset = Dataset(dict(header.dataset.items()))
    findings = []
    # Of the file meta information only the class is believed: exporters that forget the instance's UID write the same
    # placeholder into every file, and a whole series would fall together into one conflict.
    sop_class = value_of(header.file_meta, "MediaStorageSOPClassUID")
    if not value_of(dataset, "SOPClassUID") and sop_class:
        dataset.add_new("SOPClassUID", "UI", sop_class)
        findings.append(_note("uid-missing", "The UID was missing; the file meta information has it.", "SOPClassUID"))
    derive = deriver(secret)
    for keyword, parts in _origins(dataset, original_digest):
        found = value_of(dataset, keyword)
        if not found:
            # A new element: to set the value of the old one would change the input, which shares it.
            dataset.add_new(keyword, "UI", derive(*parts))
            findings.append(_note("uid-missing", "The UID was missing; one was derived from the object.", keyword))
        elif uid_problem(found):
            findings.append(
                _note("uid-invalid", "The UID broke PS3.5 section 9; it was mapped to a valid one.", keyword)
            )
    return dataset, tuple(findings)


def _origins(dataset: Dataset, original_digest: str) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Yield what each UID is derived from: what its objects share, or the file itself where they share nothing."""
    issuer, patient = value_of(dataset, "IssuerOfPatientID"), value_of(dataset, "PatientID")
    occasion = tuple(value_of(dataset, keyword) for keyword in ("StudyID", "StudyDate", "AccessionNumber"))
    alone = ("alone", original_digest)
    study = ("study", issuer, patient, *occasion) if patient and any(occasion) else alone
    yield "StudyInstanceUID", study
    number = tuple(value_of(dataset, keyword) for keyword in ("Modality", "SeriesNumber", "SeriesDescription"))
    series = ("series", value_of(dataset, "StudyInstanceUID") or "\0".join(study), *number)
    yield "SeriesInstanceUID", series if number[1] else ("series", *alone)
    yield "SOPInstanceUID", ("instance", original_digest)


def patient_key(dataset: Dataset, *, site: str) -> tuple[PatientKey, tuple[Finding, ...]]:
    """Return how the hospital names the patient; a study without identifier stands for its patient, with a note."""
    identifier = value_of(dataset, "PatientID")
    if identifier:
        return PatientKey(site=site, issuer=value_of(dataset, "IssuerOfPatientID"), patient_id=identifier), ()
    key = PatientKey(site=site, issuer=STUDY_STANDS, patient_id=value_of(dataset, "StudyInstanceUID"))
    return key, (_note("no-patient-id", "No patient identifier; the study stands for the patient.", "PatientID"),)


def value_of(dataset: Dataset, keyword: str) -> str:
    """Return a value as text without padding, empty where it is absent; of several values the first."""
    found = dataset.get(keyword)
    if found is None:
        return ""
    if not isinstance(found, str) and hasattr(found, "__len__") and hasattr(found, "__getitem__"):
        found = found[0] if len(found) else ""
    return str(found).strip(" \0")


def _note(code: str, message: str, where: str) -> Finding:
    return Finding(code=code, severity=Severity.NOTE, message=message, where=where)
