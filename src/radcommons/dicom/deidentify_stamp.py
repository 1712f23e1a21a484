"""What a de-identified object says of its own de-identification, and only where it is true."""

from __future__ import annotations

from importlib.metadata import version

from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.sequence import Sequence
from pydicom.uid import UID

from radcommons.dicom.dates import age_at
from radcommons.dicom.profile import CLEAN_FACES, CLEAN_PIXELS, CODE_MEANINGS, OF_PIXELS, Profile
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
    fresh.DeidentificationMethod = [f"{PRODUCT} {profile.id} {profile.version}"[:64], f"sha256 {profile.digest[:16]}"]
    codes = dict.fromkeys((*profile.header_codes, *_earlier_codes(original)))
    fresh.DeidentificationMethodCodeSequence = [coded(code, CODE_MEANINGS[code]) for code in sorted(codes)]
    fresh.LongitudinalTemporalInformationModified = _temporal(fresh, original, profile)
    fresh.ContributingEquipmentSequence = [_equipment(profile)]
    _state_age(fresh, original, profile)


def _earlier_codes(original: Dataset) -> list[str]:
    # what an earlier de-identifier did to pixels stays done; of the header only what is done now can be said
    element = original.get("DeidentificationMethodCodeSequence")
    items = element if isinstance(element, Sequence) else []
    stated = [str(item.get("CodeValue", "")).strip() for item in items]
    return sorted(code for code in stated if code in OF_PIXELS)


def _temporal(fresh: Dataset, original: Dataset, profile: Profile) -> str:
    """Return (0028,0303): what was modified or removed before stays so, also where this profile keeps what it finds."""
    earlier = str(original.get("LongitudinalTemporalInformationModified") or "").strip()
    if earlier == "REMOVED" and not fresh.get("StudyDate"):
        return earlier
    return earlier if earlier == "MODIFIED" and profile.keeps_dates else profile.temporal_information


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
    """State that nobody's identity is burned in; for the caller who has really checked, or cleaned, every frame.

    References
    ----------
    DICOM PS3.3, section C.7.6.1, (0028,0301); PS3.15, section E.3.1.
    """
    dataset.BurnedInAnnotation = "NO"
    _state(dataset, CLEAN_PIXELS)


def stamp_faces_removed(dataset: Dataset) -> None:
    """State that no recognizable features are left; for the plug-in that has really removed them.

    References
    ----------
    DICOM PS3.3, section C.7.6.1, (0028,0302); PS3.15, section E.3.2.
    """
    dataset.RecognizableVisualFeatures = "NO"
    _state(dataset, CLEAN_FACES)


def _state(dataset: Dataset, code: str) -> None:
    items = list(dataset.get("DeidentificationMethodCodeSequence") or [])
    if code not in {str(item.get("CodeValue", "")) for item in items}:
        items.append(coded(code, CODE_MEANINGS[code]))
        dataset.DeidentificationMethodCodeSequence = sorted(items, key=lambda item: str(item.CodeValue))


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
