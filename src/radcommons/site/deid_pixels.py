"""Look at what the pixels of an object show, and cover writing; imported only by runs that look."""

from __future__ import annotations

from typing import BinaryIO

from pydicom.uid import UID

from radcommons.dicom.cleaned import CleanedHeader
from radcommons.dicom.deidentify_stamp import stamp_pixels_checked
from radcommons.dicom.pixelclean import PixelPolicy, clean_pixels
from radcommons.dicom.pixelread import TextReader
from radcommons.dicom.pixeltext import TextDetector
from radcommons.dicom.profile import Profile
from radcommons.site.deid_file import Look, Patient


class PixelLook:
    """Looks into pixels with networks that are loaded once, when the first pixels come.

    Parameters
    ----------
    profile : Profile
    takes_captures : bool
        Screen saves and dose sheets are treated like images instead of refused.
    """

    __slots__ = ("_detector", "_policy", "_profile", "_reader")

    def __init__(self, profile: Profile, *, takes_captures: bool) -> None:
        self._profile = profile
        self._detector, self._reader = TextDetector(), TextReader()
        self._policy = PixelPolicy(takes_captures=takes_captures, guards_faces=profile.cleans_faces)

    def __call__(self, cleaned: CleanedHeader, source: BinaryIO, patient: Patient) -> Look:
        """Return what came of the pixels of one object."""
        if cleaned.pixel is None:
            return Look(said="none", sop_uid=cleaned.sop_uid)
        filled = cleaned.filled
        if filled is not None and cleaned.facts is not None:  # what is there of a cut image is looked at like any other
            source, header = filled.source, filled.header(cleaned.facts)
        else:
            header = cleaned.header(source)
        done = clean_pixels(source, header, detector=self._detector, reader=self._reader, policy=self._policy)
        if done.asks_a_person:
            return Look(said="checked", findings=done.findings, frames=done.frames)
        dataset = cleaned.dataset() if done.is_checked or done.pixels is not None else None
        sop_uid = cleaned.sop_uid
        if dataset is not None and done.is_checked:
            stamp_pixels_checked(dataset)
        is_derived = done.pixels is not None and done.pixels.is_derived
        if dataset is not None and is_derived and self._profile.keeps_uids:
            # PS3.3 C.7.6.1.1.2: other pixel values are another object, whatever the profile keeps.
            sop_uid = dataset.SOPInstanceUID = UID(patient.mapper.uid(f"{sop_uid}/cleaned"))
        return Look(
            said="cleaned" if is_derived else "checked",
            pixels=done.pixels,
            dataset=dataset,
            findings=done.findings,
            frames=done.frames,
            sop_uid=sop_uid,
        )
