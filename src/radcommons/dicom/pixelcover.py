"""Cover what a person points at in the pixels: boxes by hand, no network."""

from __future__ import annotations

from collections.abc import Sequence
from typing import BinaryIO

from radcommons.dicom.frames import frame_count
from radcommons.dicom.pixelclean import PixelCleaning, noted
from radcommons.dicom.pixeltext import TextBox
from radcommons.dicom.pixelwrite import covered_pixels
from radcommons.dicom.read import Header
from radcommons.records.errors import UnreadableInstance, UsageError
from radcommons.records.finding import Finding, Severity


def cover(source: BinaryIO, header: Header, boxes: Sequence[tuple[int, TextBox]]) -> PixelCleaning:
    """Cover boxes that a person chose, and nothing else.

    Parameters
    ----------
    source : binary file, seekable
        Has to stay open until the result is written.
    header : Header
        What `read_header` said of it.
    boxes : sequence of (int, TextBox)
        Frame from 0 and region; what stands out of the frame is cut off.

    Returns
    -------
    PixelCleaning
        `pixels` is None where no box was given, or where the frames cannot be decoded, which is then a question.

    Raises
    ------
    UsageError
        If a box lies in no frame, or outside of it.
    UnreadableInstance
        Reason ``truncated`` where the pixels end before their frames do.

    Notes
    -----
    PHI: regions alone. The person looked, so the result counts as checked. What hides beside the pixels is not looked
    for: the gateway's objects were rid of it when they were added.
    """
    if header.pixel is None or not boxes:
        return PixelCleaning()
    chosen: dict[int, list[TextBox]] = {}
    for frame, box in boxes:
        chosen.setdefault(frame, []).append(_inside(frame, box, header))
    try:
        pixels = covered_pixels(source, header, chosen)
    except UnreadableInstance as problem:
        if problem.reason == "truncated":
            raise
        question = Finding(
            code="undecodable-pixels", severity=Severity.QUESTION, message=problem.what, where="PixelData"
        )
        return PixelCleaning(findings=(question,))
    covered = tuple((frame, box) for frame in sorted(chosen) for box in chosen[frame])
    return PixelCleaning(
        pixels=pixels,
        findings=tuple(noted(covered)),
        boxes=covered,
        looked_at=0,
        frames=len(chosen),
        is_checked=True,
    )


def _inside(frame: int, box: TextBox, header: Header) -> TextBox:
    """Return a box cut to its frame, its sides even: two pixels may share their colors."""
    rows, columns = int(header.dataset.Rows), int(header.dataset.Columns)
    left, top = max(box.x, 0) // 2 * 2, max(box.y, 0)
    right, bottom = min(-(-(box.x + box.width) // 2) * 2, columns), min(box.y + box.height, rows)
    if not 0 <= frame < frame_count(header.dataset) or left >= right or top >= bottom:
        raise UsageError(
            "A box lies outside of the picture.", mend="Give frame, x, y, width and height in the picture's pixels."
        )
    return TextBox(x=left, y=top, width=right - left, height=bottom - top, score=box.score)
