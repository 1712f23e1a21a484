"""Make the pixels of an object safe: writing covered, markers kept, what hides beside the pixels taken out.

One call per object answers everything about its pixels. What cannot be made safe is a question for a person or a
refusal, with a reason, never a guess.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import BinaryIO

import numpy as np
from pydicom.dataset import Dataset

from radcommons.dicom.boxes import grown, merged, overlap, place_of
from radcommons.dicom.captures import is_capture_by_origin, is_sheet_by_content
from radcommons.dicom.frames import Frame, frame_count, iter_frames
from radcommons.dicom.hidden import look_beside
from radcommons.dicom.newpixels import NewPixels
from radcommons.dicom.pixelread import Kind, ReadBox, TextReader, read_boxes
from radcommons.dicom.pixeltext import TextBox, TextDetector
from radcommons.dicom.pixelwrite import covered_pixels
from radcommons.dicom.read import Header
from radcommons.dicom.screens import banners
from radcommons.dicom.writing import (
    Look,
    find_writing,
    frames_for_network,
    is_of_letters,
    is_slice,
    text_suspects,
    whole_range,
)
from radcommons.records.errors import UnreadableInstance
from radcommons.records.finding import Finding, Severity

# PS3.5 annex A.4: what moves is not looked into here.
_VIDEO = frozenset(f"1.2.840.10008.1.2.4.{number}" for number in range(100, 109))

_SECOND_LOOK = 960  # another size than those of the first look
_ROUNDS = 2
_CHECKED_FRAMES = 3
_STANDS = 0.1  # of the frame's range: so little differs where the same writing stands in another frame


@dataclass(frozen=True, slots=True, kw_only=True)
class PixelPolicy:
    """What may be done about pixels.

    Parameters
    ----------
    covers : bool
        Writing is covered; otherwise it is a question for a person.
    asks_when_unsure : bool
        Where some of the writing could not be read, and may be none, it is all a question for a person.
    takes_captures : bool
        Screen saves and dose sheets are treated like images instead of refused.
    guards_faces : bool
        Slices of a head are a question, since nothing here takes a face out of a volume (option 113102).
    """

    covers: bool = True
    asks_when_unsure: bool = False
    takes_captures: bool = False
    guards_faces: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class PixelCleaning:
    """What became of an object's pixels.

    Parameters
    ----------
    pixels : NewPixels or None
        What to write in place of the source's value; None where the source's bytes may be copied.
    findings : tuple of Finding
        Notes of what was done; a question or a refusal where it could not be done.
    boxes : tuple of (int, TextBox)
        Frame from 0 and region that was covered, or would be.
    unsure : frozenset
        Those of `boxes` in which nothing could be read.
    looked_at, frames : int
        Frames that the network saw, in part or whole, and frames that were decoded.
    is_checked : bool
        Every frame was looked at, and nothing is left that looks like writing but markers.
    """

    pixels: NewPixels | None = None
    findings: tuple[Finding, ...] = ()
    boxes: tuple[tuple[int, TextBox], ...] = ()
    unsure: frozenset[tuple[int, TextBox]] = frozenset()
    looked_at: int = 0
    frames: int = 0
    is_checked: bool = False

    @property
    def asks_a_person(self) -> bool:
        """Tell whether a person has to look, or it is refused."""
        return any(finding.severity is not Severity.NOTE for finding in self.findings)


def clean_pixels(
    source: BinaryIO, header: Header, *, detector: TextDetector, reader: TextReader, policy: PixelPolicy
) -> PixelCleaning:
    """Look at every frame, cover writing, keep markers, and take out what hides beside the pixels.

    Parameters
    ----------
    source : binary file, seekable
        Has to stay open until the result is written.
    header : Header
        What `read_header` said of it, before de-identification.
    detector : TextDetector
    reader : TextReader
    policy : PixelPolicy

    Raises
    ------
    UnreadableInstance
        Reason ``truncated`` where the pixels end before their frames do.

    Notes
    -----
    PHI: what is read stays in `pixelread`; findings hold regions. Memory: one frame, its code, and covered frames in a
    temporary file. Cost: some 7 s of a processor for 2000 x 2500, 2 s more where something is covered; 20 ms a slice.

    References
    ----------
    DICOM PS3.15 E.3.1 (Clean Pixel Data Option), E.3.2 (Clean Recognizable Visual Features Option).
    """
    if header.pixel is None:
        return PixelCleaning()
    stopped = _stopped(header, policy)
    if stopped:
        return PixelCleaning(findings=(stopped,))
    hidden = look_beside(source, header)
    base, stream = header, source
    if hidden.pixels is not None:
        base, stream = hidden.pixels.header(header), hidden.pixels.source
    seen = _look(stream, base, detector=detector, reader=reader)
    notes = [*hidden.findings, *seen.findings]
    flagged = _flagged(header.dataset, has_text=any(seen.boxes.values()))
    if flagged:
        notes.append(flagged)
    if seen.is_sheet and not policy.takes_captures:
        notes.append(_capture("Its content is that of a screen: lines of writing on an even ground."))
    result = PixelCleaning(
        pixels=hidden.pixels,
        findings=tuple(notes),
        boxes=tuple(_numbered(seen.boxes)),
        unsure=frozenset(seen.unsure),
        looked_at=seen.looked_at,
        frames=seen.frames,
    )
    if result.asks_a_person:
        return result
    if not any(seen.boxes.values()):
        return replace(result, is_checked=True)
    if not policy.covers or (policy.asks_when_unsure and seen.unsure):
        return replace(result, findings=(*notes, *_questions(seen.boxes)))
    return _covered(stream, base, hidden.pixels, result, seen, detector=detector, reader=reader)


@dataclass(slots=True)
class _Seen:
    """What the first look found: boxes of text by frame, and how the frames were looked at."""

    boxes: dict[int, list[TextBox]] = field(default_factory=dict)
    kept: dict[int, list[TextBox]] = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)
    looked_at: int = 0
    frames: int = 0
    is_sheet: bool = False
    unsure: set[tuple[int, TextBox]] = field(default_factory=set)


def _look(stream: BinaryIO, header: Header, *, detector: TextDetector, reader: TextReader) -> _Seen:
    dataset, seen = header.dataset, _Seen()
    look = text_suspects(dataset)
    sampled = frames_for_network(frame_count(dataset)) if look is Look.FULL else frozenset[int]()
    crops: list[tuple[TextBox, Frame]] = []
    votes: Counter[TextBox] = Counter()
    try:
        for index, frame in enumerate(iter_frames(stream, header)):
            how = Look.FULL if index in sampled else Look.QUICK
            found, ran = find_writing(frame, dataset, detector=detector, look=how)
            found = [box for box in found if is_of_letters(box, frame.shape)]
            seen.looked_at, seen.frames = seen.looked_at + ran, seen.frames + 1
            read = _read(frame, dataset, found, reader)
            told = [one for one in read if one.kind is Kind.TEXT]
            texts = [one.box for one in told]
            seen.kept[index] = [one.box for one in read if one.kind is not Kind.TEXT]
            seen.boxes[index] = [grown(box, frame.shape, seen.kept[index]) for box in texts]
            seen.unsure |= {(index, box) for one, box in zip(told, seen.boxes[index], strict=True) if not one.is_sure}
            seen.boxes[index] += banners(dataset, frame.shape)
            if how is Look.FULL:
                seen.is_sheet |= is_sheet_by_content(frame, texts)
                for box in seen.boxes[index]:
                    same = next((other for other, _ in crops if overlap(box, other)), None)
                    votes[same or box] += 1
                    if same is None and len(sampled) < frame_count(dataset):
                        crops.append((box, frame[place_of(box)].copy()))
        if crops:
            _spread(stream, header, seen, crops, votes)
    except UnreadableInstance as problem:
        if problem.reason == "truncated":
            raise
        seen.findings.append(
            Finding(code="undecodable-pixels", severity=Severity.QUESTION, message=problem.what, where="PixelData")
        )
    return seen


def _read(frame: Frame, dataset: Dataset, boxes: Sequence[TextBox], reader: TextReader) -> list[ReadBox]:
    """Tell what kind of writing boxes hold; what was found in a slice is text, however little of it can be read."""
    if is_slice(dataset):
        return [ReadBox(box=box, kind=Kind.TEXT) for box in boxes]
    return read_boxes(whole_range(frame, dataset), boxes, reader=reader) if boxes else []


def _spread(
    stream: BinaryIO,
    header: Header,
    seen: _Seen,
    crops: Sequence[tuple[TextBox, Frame]],
    votes: Counter[TextBox],
) -> None:
    """Take what stands still to the frames between those that the network saw: banners, names, clocks."""
    for index, frame in enumerate(iter_frames(stream, header)):
        mine = seen.boxes[index]
        span = float(np.ptp(frame)) or 1.0
        for box, crop in crops:
            if any(overlap(box, other) for other in mine):
                continue
            here = frame[place_of(box)].astype(np.float32)
            if votes[box] > 1 or float(np.abs(here - crop).mean()) <= _STANDS * span:
                mine.append(box)


def _covered(
    stream: BinaryIO,
    base: Header,
    hidden: NewPixels | None,
    result: PixelCleaning,
    seen: _Seen,
    *,
    detector: TextDetector,
    reader: TextReader,
) -> PixelCleaning:
    boxes = {index: found for index, found in seen.boxes.items() if found}
    try:
        for _ in range(_ROUNDS):
            pixels = covered_pixels(stream, base, boxes)
            left = _left(pixels, base, boxes, seen.kept, detector=detector, reader=reader)
            if not left:
                break
            for index, more in left.items():
                boxes[index] = [*boxes[index], *more]
        else:
            pixels = covered_pixels(stream, base, boxes)
    except UnreadableInstance as problem:
        if problem.reason == "truncated":
            raise
        finding = Finding(
            code="undecodable-pixels", severity=Severity.QUESTION, message=problem.what, where="PixelData"
        )
        return replace(result, findings=(*result.findings, finding))
    if hidden is not None and not pixels.drops:
        for element in hidden.changes:
            pixels.changes.setdefault(element.tag, element)
    notes = [*result.findings, *noted(_numbered(boxes))]
    if base.transfer_syntax != pixels.transfer_syntax:
        notes.append(_note("pixels-cleaned", "Nothing here codes its transfer syntax: it is stored uncompressed.", ""))
    return replace(result, pixels=pixels, findings=tuple(notes), boxes=tuple(_numbered(boxes)), is_checked=True)


def _left(
    pixels: NewPixels,
    base: Header,
    boxes: dict[int, list[TextBox]],
    kept: dict[int, list[TextBox]],
    *,
    detector: TextDetector,
    reader: TextReader,
) -> dict[int, list[TextBox]]:
    """Look again, at another size, at some of the covered frames: whatever still reads like text is covered too."""
    touched = sorted(boxes)
    chosen = touched[:: -(-len(touched) // _CHECKED_FRAMES)]
    header = pixels.header(base)
    dataset = Dataset()
    dataset.update(base.dataset)
    pixels.apply_to(dataset)
    header = replace(header, dataset=dataset)
    found = {}
    for index, frame in zip(chosen, iter_frames(pixels.source, header, indices=chosen), strict=True):
        if is_slice(base.dataset):  # covering made the object a derived one, but not its noise
            boxes_left = find_writing(frame, base.dataset, detector=detector, look=Look.QUICK)[0]
        else:
            boxes_left = detector.find_text(whole_range(frame, dataset), longest_side=_SECOND_LOOK)
        again = [
            box
            for box in boxes_left
            if is_of_letters(box, frame.shape)
            and not any(overlap(box, other) for other in (*boxes[index], *kept.get(index, ())))
        ]
        texts = [one.box for one in _read(frame, base.dataset, again, reader) if one.kind is Kind.TEXT]
        if texts:
            found[index] = [grown(box, frame.shape, kept.get(index, ())) for box in merged(texts)]
    return found


def _stopped(header: Header, policy: PixelPolicy) -> Finding | None:
    """Return why the pixels need not be looked at: nobody here can make them safe."""
    dataset = header.dataset
    if header.transfer_syntax in _VIDEO:
        return Finding(
            code="undecodable-pixels",
            severity=Severity.QUESTION,
            message="It is a video; its frames cannot be checked for writing here.",
            where="PixelData",
        )
    if not policy.takes_captures and is_capture_by_origin(dataset):
        return _capture("Its header says that it is a picture of a screen or a dose sheet.")
    if dataset.get("RecognizableVisualFeatures") == "YES" or (policy.guards_faces and shows_a_head(dataset)):
        return Finding(
            code="recognizable-face",
            severity=Severity.QUESTION,
            message="A face may be made of it. Nothing here takes faces out; do so before, or let a person decide.",
        )
    return None


def shows_a_head(dataset: Dataset) -> bool:
    """Tell whether slices show a head, of which a face can be made: modality and *Body Part Examined* are read."""
    part = str(dataset.get("BodyPartExamined") or "").upper()
    heads = ("HEAD", "BRAIN", "SKULL", "FACE", "ORBIT", "SINUS", "JAW", "HEADNECK", "CRANIUM", "NEURO")
    return dataset.get("Modality") in ("CT", "MR", "PT") and any(head in part for head in heads)


def _flagged(dataset: Dataset, *, has_text: bool) -> Finding | None:
    if dataset.get("BurnedInAnnotation") != "YES" or has_text:
        return None
    return Finding(
        code="identity-flagged",
        severity=Severity.QUESTION,
        message="The header says that identity is burned in, and nothing was found; look whether it is so.",
        where="BurnedInAnnotation",
    )


def _capture(message: str) -> Finding:
    return Finding(code="screen-capture", severity=Severity.REFUSAL, message=message)


def _questions(boxes: dict[int, list[TextBox]]) -> Iterator[Finding]:
    for index, box in _numbered(boxes):
        yield Finding(
            code="burned-in-text",
            severity=Severity.QUESTION,
            message="A line of text stands in the pixels; look whether it names anybody.",
            where=_where(index, box),
        )


def noted(boxes: Iterable[tuple[int, TextBox]]) -> Iterator[Finding]:
    """Yield a note for each region that was covered, once where it is the same in many frames."""
    frames: dict[tuple[int, int, int, int], list[int]] = {}
    for index, box in boxes:
        frames.setdefault((box.x, box.y, box.width, box.height), []).append(index)
    for (x, y, width, height), indices in frames.items():
        first = f"frame {indices[0] + 1}" + (f" and {len(indices) - 1} more" if len(indices) > 1 else "")
        where = f"{first}, x {x}..{x + width}, y {y}..{y + height}"
        yield _note("pixels-cleaned", "Writing in the pixels was covered by a flat value.", where)


def _note(code: str, message: str, where: str) -> Finding:
    return Finding(code=code, severity=Severity.NOTE, message=message, where=where)


def _where(index: int, box: TextBox) -> str:
    return f"frame {index + 1}, x {box.x}..{box.x + box.width}, y {box.y}..{box.y + box.height}"


def _numbered(boxes: dict[int, list[TextBox]]) -> Iterator[tuple[int, TextBox]]:
    return ((index, box) for index in sorted(boxes) for box in boxes[index])
