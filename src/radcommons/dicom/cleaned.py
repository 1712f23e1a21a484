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
        if self.pixel is None or self._has_clean_cells():
            return Hidden(pixels=None, findings=())
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
        writer.write(encoded.before)
        if span is not None:
            head, tail = around_pixels(span, encoded)
            writer.write(head)
            if pixels is None and self._is_in_window(span):
                assert self.window is not None
                writer.write(self.window.view[span.offset : span.offset + span.length])
            else:
                with open_body(body, facts) as opened:
                    for piece in copy_span(opened, span.offset, span.length):
                        writer.write(piece)
            writer.write(tail)
        writer.write(encoded.after)
        return writer.written()

    def _is_in_window(self, span: PixelSpan) -> bool:
        window = self.window
        return window is not None and window.turn == self.turn and span.offset + span.length <= window.filled

    def _has_clean_cells(self) -> bool:
        """Say whether native pixels of one frame in memory fill their frame and use only the bits that are theirs."""
        pixel, facts = self.pixel, self._facts()
        if pixel is None or pixel.encapsulated or pixel.tag != PIXEL_DATA or not self._is_in_window(pixel):
            return False
        dataset = facts.dataset
        allocated = dataset.get("BitsAllocated")
        cells = (dataset.get("Rows") or 0) * (dataset.get("Columns") or 0) * (dataset.get("SamplesPerPixel") or 1)
        if allocated not in (8, 16) or not encoding_of(facts.transfer_syntax).little:
            return False
        if pixel.length != cells * allocated // 8 or pixel.length % 8 or "NumberOfFrames" in dataset:
            return False
        bits = used_bits(facts)
        if bits is None:
            return True
        assert self.window is not None
        stored = np.frombuffer(self.window.view, f"<u{allocated // 8}", cells, pixel.offset)
        if _is_unused_zero(stored, bits[1], allocated) and bits[0] == 0:
            return True
        padding = dataset.get("PixelPaddingValue")
        clean = without_unused_bits(
            stored,
            low=bits[0],
            high=bits[1],
            is_signed=dataset.get("PixelRepresentation") == 1,
            padding=padding if isinstance(padding, int) else None,
        )
        return clean is stored

    def _encoded(self) -> Encoded:
        if self.encoded is None:
            raise UnreadableInstance("The object was refused.", reason="unreadable")
        return self.encoded

    def _facts(self) -> Header:
        if self.facts is None:
            raise UnreadableInstance("The object was refused.", reason="unreadable")
        return self.facts


def _is_unused_zero(stored: np.ndarray[tuple[int], np.dtype[np.unsignedinteger]], high: int, allocated: int) -> bool:
    """Look at eight bytes at a time: the bits above `high` of all cells are zero."""
    unused = ((1 << allocated) - 1) & ~((1 << (high + 1)) - 1)
    return not int(np.bitwise_or.reduce(stored.view("<u8"))) & int.from_bytes(
        unused.to_bytes(allocated // 8, "little") * (64 // allocated), "little"
    )


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
