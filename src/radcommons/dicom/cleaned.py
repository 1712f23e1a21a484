"""A de-identified header that is ready to be written, with the source's pixels or with new ones."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import BinaryIO

import numpy as np
from pydicom.dataset import Dataset
from pydicom.filereader import dcmread

from radcommons.dicom.hidden import Hidden, look_beside, used_bits, without_unused_bits
from radcommons.dicom.newpixels import NewPixels
from radcommons.dicom.read import Header, PixelSpan, encoding_of, open_body, read_header
from radcommons.dicom.rewrite import Encoded, Writer, Written, around_pixels, encode_header, require_complete
from radcommons.dicom.stream import copy_span
from radcommons.dicom.window import Window
from radcommons.records.errors import UnreadableInstance
from radcommons.records.finding import Finding, Severity

PIXEL_DATA = 0x7FE00010


@dataclass(frozen=True, slots=True, kw_only=True)
class Names:
    """By what an object is told: values before or after cleaning, empty where it has none."""

    patient_id: str = ""
    issuer: str = ""
    accession: str = ""
    study: str = ""
    series: str = ""
    instance: str = ""


@dataclass(frozen=True, slots=True)
class Cells:
    """Of what native pixels of a single little endian frame consist, told once for all objects of a kind.

    Parameters
    ----------
    length : int
        Bytes of the frame, 0 where it is none of these.
    width : int
        Bytes of a cell.
    bits : (int, int) or None
        Lowest and highest bit in use; None where all are.
    is_signed : bool
    padding : int or None
    """

    length: int = 0
    width: int = 2
    bits: tuple[int, int] | None = None
    is_signed: bool = False
    padding: int | None = None

    @classmethod
    def of(cls, header: Header) -> Cells:
        """Return what a header says of its cells."""
        dataset = header.dataset
        allocated, frames = dataset.get("BitsAllocated"), dataset.get("NumberOfFrames")
        count = 1
        for keyword in ("Rows", "Columns", "SamplesPerPixel"):
            value = dataset.get(keyword)
            count *= value if isinstance(value, int) else 0
        length = count * allocated // 8 if allocated in (8, 16) else 0
        if frames is not None or not length or length % 8 or not encoding_of(header.transfer_syntax).little:
            return cls()
        padding = dataset.get("PixelPaddingValue")
        return cls(
            length,
            allocated // 8,
            used_bits(header),
            dataset.get("PixelRepresentation") == 1,
            padding if isinstance(padding, int) else None,
        )

    def are_clean(self, view: memoryview, offset: int) -> bool:
        """Say whether no cell of the frame at a place uses a bit that is not its own."""
        if self.bits is None:
            return True
        low, high = self.bits
        if low == 0:  # eight bytes at a time: mostly the bits above are zero, whatever the sign
            unused = ((1 << self.width * 8) - (1 << high + 1)).to_bytes(self.width, "little") * (8 // self.width)
            seen = np.bitwise_or.reduce(np.frombuffer(view, "<u8", self.length // 8, offset))
            if not int(seen) & int.from_bytes(unused, "little"):
                return True
        stored = np.frombuffer(view, f"<u{self.width}", self.length // self.width, offset)
        clean = without_unused_bits(stored, low=low, high=high, is_signed=self.is_signed, padding=self.padding)
        return clean is stored


@dataclass(frozen=True, slots=True, kw_only=True)
class CleanedHeader:
    """What became of one object's header.

    Parameters
    ----------
    findings : tuple of Finding
        Of reading, mending and de-identification; a refusal among them means that nothing can be written.
    record, counts : Mapping
        As in `Deidentified`; objects that met the same treatment share one record.
    sop_class : str
    study_uid, series_uid, sop_uid : str
        Of the object as it will be written.
    transfer_syntax : str
    pixel : PixelSpan or None
    """

    findings: tuple[Finding, ...]
    record: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    counts: Mapping[str, int] = field(default_factory=lambda: MappingProxyType({}))
    sop_class: str = ""
    study_uid: str = ""
    series_uid: str = ""
    sop_uid: str = ""
    pixel: PixelSpan | None = None
    encoded: Encoded | None = None
    facts: Header | None = None
    window: Window | None = None
    turn: int = 0
    cells: Cells | None = None
    filled: NewPixels | None = None
    old_names: Callable[[], Names] = Names

    @property
    def is_refused(self) -> bool:
        """Whether the object cannot be used."""
        return self.encoded is None

    @property
    def refusal(self) -> Finding | None:
        """The finding that says why it cannot be used."""
        return next((one for one in self.findings if one.severity is Severity.REFUSAL), None)

    @property
    def transfer_syntax(self) -> str:
        """The transfer syntax of the source as it really is, and of what will be written without new pixels."""
        return "" if self.facts is None else self.facts.transfer_syntax

    @property
    def old(self) -> Names:
        """What the source says; to be kept at the hospital."""
        return self.old_names()

    @property
    def new(self) -> Names:
        """What will be written."""
        return names_of(self.dataset())

    def dataset(self) -> Dataset:
        """Return the new header as a data set of the caller's own, without pixels.

        Raises
        ------
        UnreadableInstance
            If the object was refused.
        """
        encoded = self._encoded()
        dataset = dcmread(io.BytesIO(encoded.before + encoded.after), force=True)
        return dataset

    def header(self, source: BinaryIO) -> Header:
        """Return the source's header, read with care, for those who look at pixels."""
        return read_header(source)

    def look_beside(self, source: BinaryIO) -> Hidden:
        """Return what hides beside the pixels (see `hidden.look_beside`), told at once where nothing can."""
        if self.pixel is None or self.filled is not None or self._has_clean_cells():
            return Hidden(pixels=self.filled, findings=())
        return look_beside(source, self._facts())

    def write(
        self,
        target: BinaryIO,
        source: BinaryIO,
        *,
        pixels: NewPixels | None = None,
        dataset: Dataset | None = None,
        wants_digest: bool = True,
    ) -> Written:
        """Write the object.

        Parameters
        ----------
        target, source : binary files
            The destination, and the file that was cleaned.
        pixels : NewPixels, optional
            What stands in place of the source's pixels, from `look_beside` or `clean_pixels`.
        dataset : Dataset, optional
            The header to write instead, if the caller changed what `dataset` returned.
        wants_digest : bool
            Whether `Written.sha256` is needed; else it is empty.

        Raises
        ------
        UnreadableInstance
            If the object was refused, or what the caller gave cannot be encoded.

        Notes
        -----
        Memory: 1 MiB beside the header.
        """
        encoded, facts = self._encoded(), self._facts()
        pixels = self.filled if pixels is None else pixels
        span, body = self.pixel, source
        if pixels is not None:
            span, body = pixels.span, pixels.source
            facts = replace(facts, is_deflated=False)
            if len(pixels.changes) or pixels.transfer_syntax != encoded.transfer_syntax:
                dataset = self.dataset() if dataset is None else dataset
                pixels.apply_to(dataset)
        if dataset is not None:
            syntax = encoded.transfer_syntax if pixels is None else pixels.transfer_syntax
            encoded = encode_header(dataset, transfer_syntax=syntax)
        require_complete(span)
        writer = Writer(target, wants_digest=wants_digest)
        head, tail = around_pixels(span, encoded) if span is not None else (b"", b"")
        writer.write(encoded.before + head)
        if span is not None and pixels is None and self._is_in_window(span):
            assert self.window is not None
            writer.write(self.window.view[span.offset : span.offset + span.length])
        elif span is not None:
            with open_body(body, facts) as opened:
                for piece in copy_span(opened, span.offset, span.length):
                    writer.write(piece)
        if tail or encoded.after:
            writer.write(tail + encoded.after)
        return writer.written()

    def _is_in_window(self, span: PixelSpan) -> bool:
        window = self.window
        return window is not None and window.turn == self.turn and span.offset + span.length <= window.filled

    def _has_clean_cells(self) -> bool:
        """Say whether native pixels of one frame in memory fill their frame and use only the bits that are theirs."""
        pixel = self.pixel
        if pixel is None or pixel.encapsulated or pixel.tag != PIXEL_DATA or not self._is_in_window(pixel):
            return False
        cells = self.cells if self.cells is not None else Cells.of(self._facts())
        assert self.window is not None
        return cells.length == pixel.length and cells.are_clean(self.window.view, pixel.offset)

    def _encoded(self) -> Encoded:
        if self.encoded is None:
            raise UnreadableInstance("The object was refused.", reason="unreadable")
        return self.encoded

    def _facts(self) -> Header:
        if self.facts is None:
            raise UnreadableInstance("The object was refused.", reason="unreadable")
        return self.facts


def names_of(dataset: Dataset) -> Names:
    """Return the names of an object in a data set."""

    def text(keyword: str) -> str:
        found = dataset.get(keyword)
        if found is not None and not isinstance(found, str) and hasattr(found, "__getitem__"):
            found = found[0] if len(found) else ""
        return str(found or "").strip(" \0")

    return Names(
        patient_id=text("PatientID"),
        issuer=text("IssuerOfPatientID"),
        accession=text("AccessionNumber"),
        study=text("StudyInstanceUID"),
        series=text("SeriesInstanceUID"),
        instance=text("SOPInstanceUID"),
    )
