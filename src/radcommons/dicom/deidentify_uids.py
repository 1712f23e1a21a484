"""Objects without UIDs: real archives hold them, and each one gets the same UIDs whenever it is seen again."""

from __future__ import annotations

from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset

from radcommons.records.finding import Finding, Severity

SOP_INSTANCE_UID, STUDY_UID, SERIES_UID = 0x00080018, 0x0020000D, 0x0020000E
# What tells two studies of a patient, or two series of a study, apart when nothing better is there.
STUDY_KEYS = ("IssuerOfPatientID", "PatientID", "StudyDate", "StudyTime", "StudyID", "AccessionNumber")
SERIES_KEYS = ("Modality", "SeriesNumber", "SeriesDescription", "SeriesDate", "SeriesTime")


def with_uids(dataset: Dataset, *, content_digest: str) -> tuple[Dataset, tuple[Finding, ...]]:
    """Return an object whose study, series and instance have UIDs, and notes of those that were missing.

    Parameters
    ----------
    dataset : Dataset
        Not changed; returned itself when nothing is missing.
    content_digest : str
        SHA-256 of the file, in hexadecimal: two objects of one header must not become one.

    Notes
    -----
    The stand-ins are no UIDs but texts that say what they stand for; `deidentify` maps them like every other UID, with
    the site's key, so that nothing can be guessed from the result.
    """
    study = _value(dataset, STUDY_UID) or "study|" + _joined(dataset, STUDY_KEYS)
    series = _value(dataset, SERIES_UID) or f"series|{study}|" + _joined(dataset, SERIES_KEYS)
    instance = _value(dataset, SOP_INSTANCE_UID) or f"instance|{content_digest}"
    wanted = {SOP_INSTANCE_UID: instance, STUDY_UID: study, SERIES_UID: series}
    missing = [tag for tag in wanted if not _value(dataset, tag)]
    if not missing:
        return dataset, ()
    fresh = Dataset(dict(dataset.items()))  # of a data set itself it would share the elements
    if hasattr(dataset, "file_meta"):
        fresh.file_meta = dataset.file_meta
    implicit, little = dataset.original_encoding
    if implicit is not None and little is not None:
        fresh.set_original_encoding(implicit, little, dataset.original_character_set)
    for tag in missing:
        # a text of this kind is no UID, and the value's own type would refuse or warn
        fresh[tag] = DataElement(tag, "UI", wanted[tag], already_converted=True)
    return fresh, tuple(_note(fresh[tag].keyword) for tag in missing)


def _value(dataset: Dataset, tag: int) -> str:
    return str(dataset[tag].value or "").strip(" \0") if tag in dataset else ""


def _joined(dataset: Dataset, keywords: tuple[str, ...]) -> str:
    return "|".join(str(dataset.get(keyword) or "").strip(" \0") for keyword in keywords)


def _note(keyword: str) -> Finding:
    message = "The UID was missing; one was derived from the object, the same one every time."
    return Finding(code="uid-missing", severity=Severity.NOTE, message=message, where=keyword)
