"""Judge whether an object's pixels carry writing: where to look how hard, and what a person is asked.

Radiographs, ultrasound and captures often carry text and are looked at by the network, frame by frame. Original slices
of CT and MR hardly ever do and come by the thousand: a cheap look at each decides which the network sees.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import BinaryIO

import numpy as np
from pydicom.dataset import Dataset
from scipy import ndimage

from radcommons.dicom.boxes import merged, shared
from radcommons.dicom.faint import faint_rows, lines_at
from radcommons.dicom.frames import Frame, frame_count, iter_frames
from radcommons.dicom.geometry import image_type
from radcommons.dicom.pixelread import Kind, TextReader, read_boxes
from radcommons.dicom.pixeltext import TextBox, TextDetector
from radcommons.dicom.read import Header
from radcommons.dicom.render import to_display
from radcommons.dicom.strokes import Suspicion, suspicious_rows
from radcommons.records.errors import UnreadableInstance
from radcommons.records.finding import Finding, Severity

# A grown box of one or two capitals is at most this many times wider than high: a side marker, "AP". Measured on 548
# radiographs: "R" up to 1.73 where the edge cuts it, "KV59" 1.85.
_MARKER_RATIO = 1.75

# A side letter with initials below it is up to this many times higher than wide.
_STACKED_RATIO = 3.0

# Writing is small against the picture; larger boxes were lungs, spines and whole films in the measurement.
_LARGEST_LETTER = 0.15

# Where nobody reads what a box says, a less certain one is left out: it would be anatomy more often than writing.
_UNREAD_SCORE = 0.5

# The network looks twice: at the whole range at full size, and at half of it with the contrast evened.
FULL_SIDE = 2496
_NEIGHBOURHOOD = 0.0125
_LEAST_SPREAD = 4.0

# Of a long series of frames that want the network, so many are looked at fully, evenly spread; the others cheaply.
_FULL_FRAMES = 8
_MAX_ROWS = 6
_MOSTLY = 0.8  # of a suspected place is covered already
_CROP_MARGIN = 48
_CROP_SIDE = 640
_MIN_CROP_SCORE = 0.6
_LEAST_OF_ROW = 0.5  # one letter in a row of four or more is a vessel that looks like one


class Look(StrEnum):
    """How hard to look for writing."""

    FULL = "full"
    QUICK = "quick"


_SLICES = frozenset({"CT", "MR", "PT", "NM"})
_MAPS = frozenset({"SEG", "RTDOSE"})


def text_suspects(dataset: Dataset) -> Look:
    """Tell how hard an object is to be looked at.

    Parameters
    ----------
    dataset : Dataset
        *Modality*, *Image Type*, *Samples per Pixel*, *Lossy Image Compression*, *Burned In Annotation* are read.

    Returns
    -------
    Look
        ``QUICK`` for gray ORIGINAL PRIMARY slices without loss and for maps that are no pictures, else ``FULL``.

    References
    ----------
    DICOM PS3.3 C.7.6.1.1.2 (Image Type), C.7.6.1.1.5 (lossy compression); PS3.15 E.3.1 (Clean Pixel Data Option).
    """
    modality = dataset.get("Modality")
    if dataset.get("BurnedInAnnotation") == "YES" or dataset.get("SamplesPerPixel", 1) != 1:
        return Look.FULL
    if modality in _MAPS:
        return Look.QUICK
    kinds = image_type(dataset)
    is_primary = kinds[:2] == ("ORIGINAL", "PRIMARY") and not {"LOCALIZER", "SCOUT"}.intersection(kinds)
    has_loss = dataset.get("LossyImageCompression") == "01"
    return Look.QUICK if modality in _SLICES and is_primary and not has_loss else Look.FULL


def is_slice(dataset: Dataset) -> bool:
    """Tell whether an object holds slices whose noise tells writing from anatomy, so that no reading is needed."""
    return text_suspects(dataset) is Look.QUICK and dataset.get("Modality") in _SLICES


@dataclass(frozen=True, slots=True, kw_only=True)
class PixelReview:
    """What was found in an object's pixels.

    Parameters
    ----------
    boxes : tuple of (int, TextBox)
        Frame from 0 and region.
    findings : tuple of Finding
        ``burned-in-text`` as a question (a line of text) or a note (a marker), or ``undecodable-pixels`` as a question.
    looked_at : int
        Frames that the network saw, in part or whole.
    frames : int
        Frames that were decoded and looked at.
    """

    boxes: tuple[tuple[int, TextBox], ...]
    findings: tuple[Finding, ...]
    looked_at: int
    frames: int

    @property
    def asks_a_person(self) -> bool:
        """Tell whether a person has to look."""
        return any(finding.severity is not Severity.NOTE for finding in self.findings)


def review_pixels(
    source: BinaryIO, header: Header, *, detector: TextDetector, reader: TextReader | None = None
) -> PixelReview:
    """Look at every frame of an object for burned-in text.

    Parameters
    ----------
    source : binary file, seekable
    header : Header
        What `read_header` said of it.
    detector : TextDetector
    reader : TextReader, optional
        Tells markers and what is no writing by reading; without it the shape of a box alone tells them.

    Returns
    -------
    PixelReview
        Undecodable pixels are a finding, since nobody could check them.

    Notes
    -----
    PHI: findings hold regions, never what is written there. Cost: see `TextDetector.find_text` and `suspicious_rows`.
    """
    look = text_suspects(header.dataset)
    full = frames_for_network(frame_count(header.dataset)) if look is Look.FULL else frozenset[int]()
    boxes: list[tuple[int, TextBox]] = []
    markers: list[tuple[int, TextBox]] = []
    looked_at = seen = 0
    shape = (0, 0)
    try:
        for index, frame in enumerate(iter_frames(source, header)):
            found, ran = find_writing(
                frame, header.dataset, detector=detector, look=Look.FULL if index in full else Look.QUICK
            )
            if reader is None or is_slice(header.dataset):
                boxes += [(index, box) for box in found if box.score >= _UNREAD_SCORE]
            elif found:
                shown = whole_range(frame, header.dataset)
                fit = [box for box in found if is_of_letters(box, frame.shape)]
                for one in read_boxes(shown, fit, reader=reader):
                    told = {Kind.TEXT: boxes, Kind.MARKER: markers}.get(one.kind)
                    if told is not None:
                        told.append((index, one.box))
            looked_at, seen, shape = looked_at + ran, seen + 1, (frame.shape[0], frame.shape[1])
    except UnreadableInstance as problem:
        finding = Finding(
            code="undecodable-pixels", severity=Severity.QUESTION, message=problem.what, where="PixelData"
        )
        return PixelReview(boxes=tuple(boxes), findings=(finding,), looked_at=looked_at, frames=seen)
    if reader is None:
        findings = tuple(text_findings(boxes, shape=shape))
    else:
        findings = (*(_mark(*one) for one in markers), *(_line(*one) for one in boxes))
    return PixelReview(boxes=(*boxes, *markers), findings=findings, looked_at=looked_at, frames=seen)


def frames_for_network(count: int) -> frozenset[int]:
    """Return the frames of many that the network sees whole, evenly spread."""
    return frozenset(np.linspace(0, count - 1, min(count, _FULL_FRAMES)).round().astype(int).tolist())


def find_writing(frame: Frame, dataset: Dataset, *, detector: TextDetector, look: Look) -> tuple[list[TextBox], bool]:
    """Return the boxes of writing in one frame, and whether the network was asked.

    Parameters
    ----------
    frame : ndarray
        As `iter_frames` yields it.
    dataset : Dataset
        Its header.
    detector : TextDetector
    look : Look
    """
    if look is Look.FULL:
        shown = whole_range(frame, dataset)
        boxes = detector.find_text(shown, longest_side=FULL_SIDE)
        boxes += detector.find_text(evened(shown), longest_side=min(FULL_SIDE, max(frame.shape[:2])) // 2)
        if max(frame.shape[:2]) > 1.1 * FULL_SIDE and frame.ndim == 2:
            boxes += _confirmed(suspicious_rows(frame), detector)[
                0
            ]  # small writing that shrinks away in a very large radiograph
        return merged(boxes), True
    if frame.ndim == 2 and is_slice(dataset):
        return _of_slice(frame, detector)
    gray = frame if frame.ndim == 2 else frame.max(axis=2)
    return _confirmed(suspicious_rows(gray), detector)


def evened(shown: Frame) -> Frame:
    """Show each place against its own neighbourhood, so that faint and large writing stands out from anatomy."""
    gray = (shown if shown.ndim == 2 else shown.max(axis=2)).astype(np.float32)
    size = max(round(max(gray.shape) * _NEIGHBOURHOOD) | 1, 9)
    mean = ndimage.uniform_filter(gray, size)
    spread = np.sqrt(np.maximum(ndimage.uniform_filter(gray * gray, size) - mean * mean, 0))
    return np.asarray((128 + (gray - mean) * (100 / (2 * spread + _LEAST_SPREAD))).clip(0, 255).astype(np.uint8))


def whole_range(frame: Frame, dataset: Dataset) -> Frame:
    """Show all values from darkest to brightest: a viewing window could hide writing that another window shows."""
    if frame.ndim == 3 or dataset.get("PhotometricInterpretation") == "PALETTE COLOR":
        return to_display(frame, dataset)
    if frame.dtype == np.uint8 and dataset.get("BitsStored", 8) == 8:
        return frame
    low, high = np.percentile(frame[::2, ::2], (0.1, 99.9))
    scale = 255 / max(float(high) - float(low), 1e-6)
    return np.asarray(((frame.astype(np.float32) - low) * scale).clip(0, 255).astype(np.uint8))


def _of_slice(frame: Frame, detector: TextDetector) -> tuple[list[TextBox], bool]:
    """Return the writing of a slice, whether the network was asked: no row is believed before it was."""
    boxes, ran = _confirmed(suspicious_rows(frame), detector)
    faint = faint_rows(frame)
    for one in faint[:_MAX_ROWS]:
        place = TextBox(x=one.x, y=one.y, width=one.width, height=one.height, score=0.0)
        if not any(shared(box, place) > _MOSTLY * one.width * one.height for box in boxes):
            # What is too large for writing is left out here: a line that grew into it would be left out with it.
            boxes += [box for box in lines_at(frame, one, detector) if is_of_letters(box, frame.shape)]
            ran = True
    return merged(boxes), ran


def _confirmed(suspicions: Sequence[Suspicion], detector: TextDetector) -> tuple[list[TextBox], bool]:
    """Let the network judge what the cheap look suspects, on the view in which the strokes are white on black."""
    boxes: list[TextBox] = []
    asked = 0
    for suspicion in suspicions:
        if asked < _MAX_ROWS and not any(_covers(box, suspicion) for box in boxes):
            boxes += _judged(suspicion, detector)
            asked += 1
    return boxes, bool(suspicions)


def _covers(box: TextBox, suspicion: Suspicion) -> bool:
    x, y = suspicion.x + suspicion.width / 2, suspicion.y + suspicion.height / 2
    return box.x <= x <= box.x + box.width and box.y <= y <= box.y + box.height


def _judged(suspicion: Suspicion, detector: TextDetector) -> list[TextBox]:
    rows, columns = suspicion.view.shape
    left, top = max(suspicion.x - _CROP_MARGIN, 0), max(suspicion.y - _CROP_MARGIN, 0)
    right = min(suspicion.x + suspicion.width + _CROP_MARGIN, columns)
    bottom = min(suspicion.y + suspicion.height + _CROP_MARGIN, rows)
    crop = np.ascontiguousarray(suspicion.view[top:bottom, left:right])
    turned = suspicion.height > 2 * suspicion.width  # the network reads lines that run across
    if turned:
        crop = np.ascontiguousarray(np.rot90(crop))
    found = detector.find_text(crop, longest_side=_CROP_SIDE)
    if turned:
        width = right - left
        found = [
            replace(box, x=width - box.y - box.height, y=box.x, width=box.height, height=box.width) for box in found
        ]
    # A box much higher than the row is a piece of anatomy that the crop shows; the grown box adds some to a real line.
    letter = min(suspicion.width, suspicion.height)
    least = max(suspicion.width, suspicion.height) * _LEAST_OF_ROW
    fits = [
        box
        for box in found
        if min(box.width, box.height) <= 2 * letter + 12
        and box.score >= _MIN_CROP_SCORE
        and (not _is_marker(box) or max(box.width, box.height) >= least)
    ]
    return [replace(box, x=box.x + left, y=box.y + top) for box in fits]


def text_findings(boxes: Iterable[tuple[int, TextBox]], *, shape: tuple[int, int]) -> Iterator[Finding]:
    """Yield one finding for each box: a question for a line of text, a note for a marker of one or two letters.

    Parameters
    ----------
    boxes : iterable of (frame from 0, TextBox)
    shape : (rows, columns)
        Of the frame; a box too large for writing is left out.
    """
    for index, box in boxes:
        if not is_of_letters(box, shape):
            continue
        yield _mark(index, box) if _is_marker(box) else _line(index, box)


def _mark(index: int, box: TextBox) -> Finding:
    return _said(index, box, Severity.NOTE, "A short mark, as for the side, stands in the pixels.")


def _line(index: int, box: TextBox) -> Finding:
    message = "A line of text stands in the pixels; look whether it names anybody."
    return _said(index, box, Severity.QUESTION, message)


def _said(index: int, box: TextBox, severity: Severity, message: str) -> Finding:
    where = f"frame {index + 1}, x {box.x}..{box.x + box.width}, y {box.y}..{box.y + box.height}"
    return Finding(code="burned-in-text", severity=severity, message=message, where=where)


def is_of_letters(box: TextBox, shape: Sequence[int]) -> bool:
    """Tell whether a box is small enough, against a frame of `shape`, to be writing and not anatomy."""
    return min(box.width, box.height) <= _LARGEST_LETTER * max(shape[:2])


def _is_marker(box: TextBox) -> bool:
    return box.width <= _MARKER_RATIO * box.height and box.height <= _STACKED_RATIO * box.width
