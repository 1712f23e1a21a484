"""Check what the hub needs of an object to store, serve and show it; a full validation against the IOD is not meant.

The checks never raise, whatever the data set holds, and never quote a value.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pydicom._uid_dict import UID_dictionary
from pydicom.dataset import Dataset

from radcommons.dicom.frames import DEFLATED_IMAGE_FRAME, frame_count
from radcommons.dicom.read import Header
from radcommons.records.finding import Finding, Severity

# PS3.5 annex A: native, RLE, JPEG, JPEG-LS, JPEG 2000, deflated frames. Each has a decoder in the default installation.
TRANSFER_SYNTAXES = frozenset(
    {
        "1.2.840.10008.1.2",
        "1.2.840.10008.1.2.1",
        "1.2.840.10008.1.2.1.99",
        "1.2.840.10008.1.2.2",
        "1.2.840.10008.1.2.5",
        "1.2.840.10008.1.2.4.50",
        "1.2.840.10008.1.2.4.51",
        "1.2.840.10008.1.2.4.57",
        "1.2.840.10008.1.2.4.70",
        "1.2.840.10008.1.2.4.80",
        "1.2.840.10008.1.2.4.81",
        "1.2.840.10008.1.2.4.90",
        "1.2.840.10008.1.2.4.91",
        DEFLATED_IMAGE_FRAME,
    }
)

# Type 1 in SOP Common, General Study and General Series (PS3.3 C.12.1, C.7.2.1, C.7.3.1) of every composite object.
_IDENTIFYING = ("SOPClassUID", "SOPInstanceUID", "StudyInstanceUID", "SeriesInstanceUID", "Modality")

# Type 1 in the Image Pixel Module (PS3.3 table C.7-11c); without them nobody can show the image.
_PIXEL = ("Rows", "Columns", "SamplesPerPixel", "PhotometricInterpretation", "BitsAllocated")
_INTEGER_PIXEL = ("BitsStored", "HighBit", "PixelRepresentation")

_INTERPRETATIONS = {
    "MONOCHROME1": 1,
    "MONOCHROME2": 1,
    "PALETTE COLOR": 1,
    "RGB": 3,
    "YBR_FULL": 3,
    "YBR_FULL_422": 3,
    "YBR_PARTIAL_420": 3,
    "YBR_ICT": 3,
    "YBR_RCT": 3,
}


def check(dataset: Dataset, header: Header) -> Iterator[Finding]:
    """Yield what stands against storing and showing an object.

    Parameters
    ----------
    dataset : Dataset
        The data set as it would be stored, without pixels.
    header : Header
        What `read_header` said of the file that holds its pixels.

    Yields
    ------
    Finding
        Refusals ``unsupported-sop-class``, ``not-an-image``, ``unsupported-transfer-syntax``, ``not-conformant``,
        ``truncated``; a question ``not-conformant`` where bytes stand behind the last frame.

    References
    ----------
    DICOM PS3.3 C.7.6.3, C.12.1; PS3.4 annex B.5; PS3.5 annex A.
    """
    yield from _check_sop_class(dataset)
    for keyword in _IDENTIFYING:
        if not _text(dataset, keyword):
            yield _refusal("not-conformant", "An attribute that every object must have is absent or empty.", keyword)
    if header.pixel is None:
        yield _refusal("not-an-image", "The object holds no pixel data.")
        return
    if header.transfer_syntax not in TRANSFER_SYNTAXES:
        yield _refusal("unsupported-transfer-syntax", "The transfer syntax is not one that the hub takes.")
    yield from _check_pixel_module(dataset, header)
    if not header.pixel.is_complete:
        yield _refusal("truncated", "The file ends before its pixel data does.", "PixelData")


def is_image_storage(sop_class_uid: str) -> bool:
    """Tell whether a SOP Class is a storage class of images; unknown and private ones are not."""
    name, kind = _registered(sop_class_uid)
    return kind == "SOP Class" and name.endswith(_IMAGE_NAMES) and "Presentation State" not in name


_IMAGE_NAMES = (
    "Image Storage",
    "Image Storage - For Presentation",
    "Image Storage - For Processing",
    "Image Storage (Retired)",
    "Segmentation Storage",
    "Label Map Segmentation Storage",
    "Parametric Map Storage",
    "RT Dose Storage",
)


# Younger than pydicom's dictionary (PS3.4 table B.5-1, edition 2024c).
_YOUNGER = {"1.2.840.10008.5.1.4.1.1.66.7": ("Label Map Segmentation Storage", "SOP Class")}


def _registered(sop_class_uid: str) -> tuple[str, str]:
    entry = UID_dictionary.get(sop_class_uid)
    return (entry[0], entry[1]) if entry else _YOUNGER.get(sop_class_uid, ("", ""))


def is_storage_class(uid: str) -> bool:
    """Say whether a UID is a storage class of the standard."""
    name, kind = _registered(uid)
    return kind == "SOP Class" and "Storage" in name and "Commitment" not in name


def _check_sop_class(dataset: Dataset) -> Iterator[Finding]:
    sop_class = _text(dataset, "SOPClassUID")
    if not sop_class:
        return
    if not is_storage_class(sop_class):
        yield _refusal("unsupported-sop-class", "The SOP Class is no storage class of the standard.", "SOPClassUID")


def _check_pixel_module(dataset: Dataset, header: Header) -> Iterator[Finding]:
    is_float = header.pixel is not None and header.pixel.tag != 0x7FE00010
    missing = False
    for keyword in _PIXEL if is_float else (*_PIXEL, *_INTEGER_PIXEL):
        if not _text(dataset, keyword):
            missing = True
            yield _refusal("not-conformant", "An attribute that images must have is absent or empty.", keyword)
    if missing:
        return
    samples = _INTERPRETATIONS.get(_text(dataset, "PhotometricInterpretation"))
    if samples is None:
        message = "The photometric interpretation is none of the standard's."
        yield _refusal("not-conformant", message, "PhotometricInterpretation")
    elif samples != _whole(dataset, "SamplesPerPixel"):
        message = "Samples per pixel contradicts the photometric interpretation."
        yield _refusal("not-conformant", message, "SamplesPerPixel")
    bits = _whole(dataset, "BitsAllocated")
    if bits not in (1, 8, 16, 32, 64) or (not is_float and not 0 < _whole(dataset, "BitsStored") <= bits):
        yield _refusal("not-conformant", "Bits allocated and bits stored contradict each other.", "BitsStored")
    else:
        yield from _check_length(dataset, header, bits)


def _check_length(dataset: Dataset, header: Header, bits: int) -> Iterator[Finding]:
    """Compare the length of native pixel data with what its description asks for (PS3.5 section 8.1.1)."""
    pixel, frames = header.pixel, frame_count(dataset)
    if pixel is None or not pixel.is_complete:
        return
    if pixel.encapsulated:
        if pixel.fragments < frames:
            yield _refusal("not-conformant", "There are fewer fragments of pixel data than frames.", "NumberOfFrames")
        return
    samples = _whole(dataset, "SamplesPerPixel")
    total = _whole(dataset, "Rows") * _whole(dataset, "Columns") * samples * bits * frames
    if _text(dataset, "PhotometricInterpretation") == "YBR_FULL_422":
        total = total // 3 * 2
    expected = -(-total // 8)
    if expected == 0 or pixel.length < expected:
        yield _refusal(
            "not-conformant", "The pixel data are shorter than rows, columns and frames ask for.", "PixelData"
        )
    elif pixel.length > expected + 1:
        yield Finding(
            code="not-conformant",
            severity=Severity.QUESTION,
            message="The pixel data are longer than their frames ask for; what stands behind them is unseen.",
            where="PixelData",
        )


def _text(dataset: Dataset, keyword: str) -> str:
    """Return a single value as text, empty where it is absent; of several values the first."""
    value: Any = dataset.get(keyword)
    if value is None:
        return ""
    if not isinstance(value, str) and hasattr(value, "__getitem__") and hasattr(value, "__len__"):
        value = value[0] if len(value) else ""
    return str(value).strip()


def _whole(dataset: Dataset, keyword: str) -> int:
    try:
        return int(_text(dataset, keyword))
    except ValueError:
        return 0


def _refusal(code: str, message: str, where: str = "") -> Finding:
    return Finding(code=code, severity=Severity.REFUSAL, message=message, where=where)
