"""Look into an object's pixels for the gateway: cover what is certainly writing, hold what a person has to see."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import BinaryIO

from pydicom.dataset import Dataset
from pydicom.uid import UID

from radcommons.dicom.deidentify_stamp import stamp_pixels_checked
from radcommons.dicom.mapping import Mapper
from radcommons.dicom.pixelclean import PixelCleaning, PixelPolicy, clean_pixels
from radcommons.dicom.pixelcover import cover
from radcommons.dicom.pixelread import TextReader
from radcommons.dicom.pixeltext import TextBox, TextDetector
from radcommons.dicom.profile import Profile
from radcommons.dicom.read import Header, read_header
from radcommons.dicom.rewrite import Written
from radcommons.records.errors import NotFound, UnreadableInstance
from radcommons.records.finding import Finding
from radcommons.site.candidate import PixelBox
from radcommons.site.objects import keep_object
from radcommons.site.store import Store

_MOST_BOXES = 4000  # of one object; what a page can show ends before


@dataclass(frozen=True, slots=True, kw_only=True)
class PixelTools:
    """What the look needs: the two networks, opened at first use, and what the settings say.

    Parameters
    ----------
    detector : TextDetector
    reader : TextReader
    covers : bool
        Writing that was read with certainty is covered; otherwise every line waits for a person.
    takes_captures : bool
        Screen saves and dose sheets are treated like images instead of refused.
    """

    detector: TextDetector
    reader: TextReader
    covers: bool = True
    takes_captures: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Looked:
    """What is to be written: header and source of the pixels, and what was found on the way."""

    header: Header
    source: BinaryIO
    findings: tuple[Finding, ...] = ()
    boxes: tuple[PixelBox, ...] = ()


def look(
    dataset: Dataset, *, original: Header, source: BinaryIO, tools: PixelTools, profile: Profile, mapper: Mapper
) -> Looked:
    """Look into the pixels, and bring the de-identified `dataset` in line with what became of them.

    Parameters
    ----------
    dataset : Dataset
        After de-identification; changed where the pixels are, or were found to be clean.
    original : Header
        Before de-identification: a screen is told by its descriptions.
    source : binary file, seekable
    tools : PixelTools
    profile : Profile
    mapper : Mapper

    Notes
    -----
    PHI: findings and boxes hold regions. An object whose header says that identity is burned in is never covered
    without a person: its maker knows of writing that may be more than what was found.
    """
    if original.pixel is None:
        return Looked(header=original, source=source)
    policy = PixelPolicy(
        covers=tools.covers and original.dataset.get("BurnedInAnnotation") != "YES",
        asks_when_unsure=True,
        takes_captures=tools.takes_captures,
        guards_faces=profile.cleans_faces,
    )
    done = clean_pixels(source, original, detector=tools.detector, reader=tools.reader, policy=policy)
    is_covered = done.pixels is not None and done.pixels.is_derived
    header, stream = original, source
    if done.pixels is not None:
        done.pixels.apply_to(dataset)
        header, stream = done.pixels.header(original), done.pixels.source
    if is_covered and profile.keeps_uids:
        # PS3.3 C.7.6.1.1.2: other pixel values are another object, whatever the profile keeps.
        dataset.SOPInstanceUID = UID(mapper.uid(f"{dataset.SOPInstanceUID}/cleaned"))
    if done.is_checked:
        stamp_pixels_checked(dataset)
    boxes = tuple(
        PixelBox(frame=frame, box=box, kind="unsure" if (frame, box) in done.unsure else "text", is_covered=is_covered)
        for frame, box in done.boxes[:_MOST_BOXES]
    )
    return Looked(header=header, source=stream, findings=done.findings, boxes=boxes)


def cover_held(store: Store, digest: str, boxes: Sequence[tuple[int, TextBox]]) -> tuple[Written, PixelCleaning]:
    """Cover boxes that a person chose in an object of the store, and lay the result down beside it.

    Parameters
    ----------
    store : Store
    digest : str
        Of the object that lies in the store now; it stays, and nothing refers to the new one yet.
    boxes : sequence of (int, TextBox)
        Frame from 0 and region; none says that the person found nothing to cover.

    Returns
    -------
    (Written, PixelCleaning)
        Digest and size of the new object, which states that its pixels were checked; and what was covered.

    Raises
    ------
    NotFound
        If no such object lies there.
    UsageError
        If a box lies outside of the picture.
    UnreadableInstance
        If the frames cannot be decoded.
    """
    path = store.object_path(digest)
    if not path.is_file():
        raise NotFound("There is no object with this digest.")
    with path.open("rb") as source:
        header = read_header(source)
        done = cover(source, header, boxes)
        if done.findings and not done.is_checked:
            raise UnreadableInstance(done.findings[0].message, reason="undecodable-pixels")
        dataset = header.dataset
        stamp_pixels_checked(dataset)
        if done.pixels is None:
            return keep_object(store, dataset, header=header, source=source), done
        done.pixels.apply_to(dataset)
        header = done.pixels.header(header)
        return keep_object(store, dataset, header=header, source=done.pixels.source), done
