"""Make objects whole that came without their last bytes or without saying what they are, and say so."""

from __future__ import annotations

from dataclasses import replace
from typing import BinaryIO

from pydicom.dataset import Dataset

from radcommons.dicom.allowed import definition
from radcommons.dicom.newpixels import NewPixels, Span, native
from radcommons.dicom.read import Header, open_body
from radcommons.dicom.uids import uid_problem
from radcommons.records.finding import Finding, Severity

SOP_CLASS, SOP_INSTANCE_UID = 0x00080016, 0x00080018
SECONDARY_CAPTURE, RAW_DATA = "1.2.840.10008.5.1.4.1.1.7", "1.2.840.10008.5.1.4.1.1.66"
# The plainest image class of each modality that has one of its own (PS3.3 C.7.3.1.1.1, PS3.4 B.5).
CLASSES = {
    "CR": "1.2.840.10008.5.1.4.1.1.1", "CT": "1.2.840.10008.5.1.4.1.1.2", "DX": "1.2.840.10008.5.1.4.1.1.1.1",
    "MG": "1.2.840.10008.5.1.4.1.1.1.2", "MR": "1.2.840.10008.5.1.4.1.1.4", "NM": "1.2.840.10008.5.1.4.1.1.20",
    "PT": "1.2.840.10008.5.1.4.1.1.128", "US": "1.2.840.10008.5.1.4.1.1.6.1", "XA": "1.2.840.10008.5.1.4.1.1.12.1",
}  # fmt: skip
_SHAPE = ("Rows", "Columns", "BitsAllocated")
_PIECE = bytes(1 << 16)
MOST_FILLED_BYTES = 1 << 30


def completed(header: Header, source: BinaryIO) -> tuple[Header, NewPixels | None]:
    """Return a header whose native pixels have the length that its frames ask for, zeros in place of what is missing.

    Notes
    -----
    Pixels of which nothing says what shape they have are no image, and nobody can look into them: they go.
    Encapsulated pixels, and such of which nothing is there or whose length cannot be told, stay refused.
    """
    pixel, dataset = header.pixel, header.dataset
    if pixel is not None and not all(dataset.get(keyword) for keyword in _SHAPE):
        return _without_pixels(header), None
    if pixel is None or pixel.is_complete or pixel.encapsulated or header.is_deflated or not pixel.length:
        return header, None
    wanted = 1
    for keyword in ("Rows", "Columns", "SamplesPerPixel", "BitsAllocated", "NumberOfFrames"):
        value = dataset.get(keyword, 1 if keyword in ("SamplesPerPixel", "NumberOfFrames") else 0)
        wanted *= int(value) if isinstance(value, int) else 1
    missing = -(-wanted // 8) - pixel.length
    missing += (missing + pixel.length) % 2
    if not 0 <= missing <= MOST_FILLED_BYTES:
        return header, None
    with open_body(source, header) as body:
        spans = [Span(body, pixel.offset, pixel.length)]
    for start in range(0, missing, len(_PIECE)):
        spans.append(Span.of(_PIECE[: min(len(_PIECE), missing - start)]))
    joined, span = native(spans, pixel)
    message = "The file ends before its pixel data does; what is missing was filled with zeros. Copy it again."
    findings = tuple(one for one in header.findings if one.severity is not Severity.REFUSAL)
    note = Finding(code="truncated", severity=Severity.NOTE, message=message, where="PixelData")
    whole = replace(header, pixel=span, findings=(*findings, note))
    return whole, NewPixels(source=joined, span=span, transfer_syntax=header.transfer_syntax)


def _without_pixels(header: Header) -> Header:
    message = "Nothing says how many rows, columns and bits the pixel data have, so nobody can check them; they went."
    findings = tuple(one for one in header.findings if one.severity is not Severity.REFUSAL)
    note = Finding(code="undecodable-pixels", severity=Severity.NOTE, message=message, where="PixelData")
    return replace(header, pixel=None, findings=(*findings, note))


def with_known_class(dataset: Dataset, header: Header) -> tuple[Dataset, tuple[Finding, ...]]:
    """Return a data set of a SOP Class that has a definition: its own, or the one that modality and pixels tell.

    Notes
    -----
    An unknown class of a valid form is kept by no one: without its definition nothing says what may pass, so the object
    becomes one of the class whose definition it was treated by.
    """
    own, is_uid = _text_of(dataset, SOP_CLASS)
    known = definition(own)
    is_known = known is not None and SOP_INSTANCE_UID in known
    if header.is_directory or (is_known and is_uid):
        return dataset, ()
    if is_known:
        return _with_class(dataset, own), (_note("The SOP Class did not stand as a UID; it was corrected."),)
    modality = str(dataset.get("Modality") or "").strip(" \0")
    told = RAW_DATA if header.pixel is None else CLASSES.get(modality, SECONDARY_CAPTURE)
    what = "missing" if not own else "malformed" if uid_problem(own) else "none whose attributes are known"
    message = f"The SOP Class was {what}; the object was treated as, and became, one that its modality and pixels tell."
    return _with_class(dataset, told), (_note(message),)


def _text_of(dataset: Dataset, tag: int) -> tuple[str, bool]:
    """Return a value as text, and whether it stands as a UID."""
    if tag not in dataset:
        return "", False
    element = dataset[tag]
    value = element.value.decode("ascii", "replace") if isinstance(element.value, bytes) else str(element.value or "")
    return value.strip(" \0"), element.VR == "UI" and isinstance(element.value, str)


def _with_class(dataset: Dataset, sop_class: str) -> Dataset:
    fresh = Dataset(dict(dataset.items()))
    implicit, little = dataset.original_encoding
    fresh.set_original_encoding(implicit, little, dataset.original_character_set)
    fresh.add_new(SOP_CLASS, "UI", sop_class)
    return fresh


def _note(message: str) -> Finding:
    return Finding(code="uid-missing", severity=Severity.NOTE, message=message, where="SOPClassUID")
