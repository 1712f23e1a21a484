"""The hub's own look at the pixels: can they be decoded, and is there text in them?"""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO

from radcommons.dicom.frames import iter_frames
from radcommons.dicom.read import Header
from radcommons.records.errors import UnreadableInstance
from radcommons.records.finding import CODES, Finding, Severity


class Pixels:
    """Decodes the frames of an object, one at a time."""

    def findings(self, source: BinaryIO, header: Header) -> Iterator[Finding]:
        """Yield what was found in the frames of an object."""
        if header.pixel is None:
            return
        try:
            for _ in iter_frames(source, header):
                pass
        except UnreadableInstance:
            yield Finding(code="undecodable-pixels", severity=Severity.QUESTION, message=CODES["undecodable-pixels"])
