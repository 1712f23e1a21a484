"""Look for burned-in text in the frames of one object, and say what a person has to decide about it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import BinaryIO

from pydicom.dataset import Dataset

from radcommons.dicom.frames import Frame, iter_frames
from radcommons.dicom.geometry import slice_facts
from radcommons.dicom.pixeltext import TextBox, TextDetector
from radcommons.dicom.read import Header
from radcommons.dicom.render import to_display
from radcommons.dicom.strokes import suspicious_rows
from radcommons.records.errors import UnreadableInstance
from radcommons.records.finding import Finding, Severity

# A side marker is one letter or two: about as wide as high. Longer writing may be a name.
_MARKER_RATIO = 2.0
_MAX_BOXES = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What was found in the pixels; `is_clean` says that every frame was looked at and none holds text."""

    findings: tuple[Finding, ...] = ()
    is_clean: bool = False


@dataclass(slots=True)
class PixelCheck:
    """Looks at frames; the network is loaded when the first frame needs it."""

    detector: TextDetector = field(default_factory=TextDetector)

    def __call__(self, source: BinaryIO, header: Header) -> Seen:
        """Return what was found.

        Raises
        ------
        UnreadableInstance
            With reason ``truncated``; pixels that cannot be decoded are a question instead.
        """
        if header.pixel is None:
            return Seen()
        findings: list[Finding] = []
        try:
            for number, frame in enumerate(iter_frames(source, header)):
                findings += self._look(frame, header.dataset, number)
                if len(findings) >= _MAX_BOXES:
                    break
        except UnreadableInstance as error:
            if error.reason != "undecodable-pixels":
                raise
            message = "The pixel data cannot be decoded, so nobody has checked them for text. Shall they pass unseen?"
            findings.append(_finding("undecodable-pixels", Severity.QUESTION, message, ""))
        return Seen(findings=tuple(findings), is_clean=not findings)

    def _look(self, frame: Frame, dataset: Dataset, number: int) -> Iterator[Finding]:
        if is_plain_slice(dataset) and not suspicious_rows(frame):
            return
        for box in self.detector.find_text(to_display(frame, dataset)):
            where = f"frame {number + 1}, x {box.x}..{box.x + box.width}, y {box.y}..{box.y + box.height}"
            if _is_marker(box):
                message = "A single letter or two stand in the pixels, as side markers do."
                yield _finding("burned-in-text", Severity.NOTE, message, where)
            else:
                message = "Text was found in the pixels. Is it free of identity?"
                yield _finding("burned-in-text", Severity.QUESTION, message, where)


def is_plain_slice(dataset: Dataset) -> bool:
    """Say whether this is a slice as the scanner reconstructed it, where writing can only have been drawn later."""
    facts = slice_facts(dataset)
    is_changed = facts.is_derived or facts.is_secondary or facts.is_projection or facts.is_localizer
    return dataset.get("Modality") in ("CT", "MR") and not is_changed and dataset.get("SamplesPerPixel", 1) == 1


def _is_marker(box: TextBox) -> bool:
    longer, shorter = max(box.width, box.height), min(box.width, box.height)
    return longer <= shorter * _MARKER_RATIO


def _finding(code: str, severity: Severity, message: str, where: str) -> Finding:
    return Finding(code=code, severity=severity, message=message, where=where)
