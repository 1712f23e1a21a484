"""What a de-identified object says of its own de-identification, and only where it is true."""

from __future__ import annotations

from importlib.metadata import version

from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import UID

from radcommons.dicom.dates import age_at
from radcommons.dicom.profile import CODE_MEANINGS, MODIFIED_DATES, Profile
from radcommons.dicom.rewrite import IMPLEMENTATION_CLASS_UID, IMPLEMENTATION_VERSION_NAME

PRODUCT = "radcommons"
VERSION = version(PRODUCT)
PATIENT_AGE = 0x00101010


def coded(value: str, meaning: str, scheme: str = "DCM") -> Dataset:
    """Return a code sequence item."""
    item = Dataset()
    item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = value, scheme, meaning
    return item


def stamp(fresh: Dataset, original: Dataset, *, profile: Profile, pseudonym: str, encoding_needs_unicode: bool) -> None:
    """Write into a fresh data set what the standard asks a de-identifier to state.

    Parameters
    ----------
    fresh : Dataset
        The result of the walk; changed in place.
    original : Dataset
        Read for the age and for what earlier de-identifiers stated.
    profile : Profile
    pseudonym : str
        Written also where the object named no patient at all.
    encoding_needs_unicode : bool
        Whether text beyond ASCII is left.

    References
    ----------
    DICOM PS3.15, section E.1.1 and E.2; PS3.3, section C.7.1.1 and C.12.1; PS3.16, CID 7050 and CID 7005.
    """
    if encoding_needs_unicode:
        fresh.SpecificCharacterSet = "ISO_IR 192"
    fresh.PatientName = fresh.PatientID = pseudonym
    fresh.PatientIdentityRemoved = "YES"
    fresh.DeidentificationMethod = [f"{PRODUCT} {profile.id} {profile.version}", f"sha256 {profile.digest[:16]}"]
    codes = dict.fromkeys((*profile.codes, *_earlier_codes(original)))
    fresh.DeidentificationMethodCodeSequence = [coded(code, CODE_MEANINGS[code]) for code in codes]
    fresh.LongitudinalTemporalInformationModified = "MODIFIED" if MODIFIED_DATES in profile.codes else "REMOVED"
    fresh.ContributingEquipmentSequence = [_equipment(profile)]
    _state_age(fresh, original, profile)


def _earlier_codes(original: Dataset) -> list[str]:
    # an earlier de-identifier's statements stay, unless ours says otherwise of the same matter
    items = original.get("DeidentificationMethodCodeSequence") or []
    stated = [str(item.get("CodeValue", "")) for item in items]
    return sorted(code for code in stated if code in ("113101", "113102", "113103", "113104"))


def _equipment(profile: Profile) -> Dataset:
    item = Dataset()
    item.Manufacturer = PRODUCT
    item.ManufacturerModelName = PRODUCT
    item.SoftwareVersions = VERSION
    item.ContributionDescription = f"De-identified by profile {profile.id} {profile.version}"
    item.PurposeOfReferenceCodeSequence = [coded("109104", "De-identifying Equipment")]
    return item


def _state_age(fresh: Dataset, original: Dataset, profile: Profile) -> None:
    """State the age where the profile keeps it and the object had only a birth date."""
    if profile.action(PATIENT_AGE) != "K" or fresh.get("PatientAge"):
        return
    age = age_at(str(original.get("PatientBirthDate") or ""), str(original.get("StudyDate") or ""))
    if age:
        fresh.PatientAge = age


def stamp_pixels_checked(dataset: Dataset) -> None:
    """State that nobody's identity is burned in; for the caller who has really checked the pixels.

    References
    ----------
    DICOM PS3.3, section C.7.6.1, (0028,0301).
    """
    dataset.BurnedInAnnotation = "NO"


def file_meta_of(original: Dataset, fresh: Dataset) -> FileMetaDataset:
    """Return new file meta information: the transfer syntax stays, names of senders and implementations go."""
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = fresh.SOPClassUID
    meta.MediaStorageSOPInstanceUID = fresh.SOPInstanceUID
    syntax = getattr(getattr(original, "file_meta", None), "TransferSyntaxUID", None)
    if syntax:
        meta.TransferSyntaxUID = UID(syntax)
    meta.ImplementationClassUID = UID(IMPLEMENTATION_CLASS_UID)
    meta.ImplementationVersionName = IMPLEMENTATION_VERSION_NAME
    return meta
