"""Cover regions of a frame by a flat value, and code the frame again as it was coded."""

from __future__ import annotations

import zlib
from collections.abc import Sequence

import numpy as np
import openjpeg
from jpeg_ls import encode_array as encode_ls

from radcommons.dicom.codestream import DEFLATED_FRAME, RLE, rle_frame
from radcommons.dicom.frames import Frame, decode_stored
from radcommons.dicom.jpegcode import lossless_jpeg, open_jpeg, same_jpeg
from radcommons.dicom.pixeltext import TextBox
from radcommons.dicom.read import Header
from radcommons.records.errors import UnreadableInstance

JPEG_BASELINE = "1.2.840.10008.1.2.4.50"
_JPEG_LOSSLESS = frozenset({"1.2.840.10008.1.2.4.57", "1.2.840.10008.1.2.4.70"})
_JPEG_LS = frozenset({"1.2.840.10008.1.2.4.80", "1.2.840.10008.1.2.4.81"})
_JPEG_2000 = frozenset({"1.2.840.10008.1.2.4.90", "1.2.840.10008.1.2.4.91"})
SAME_SYNTAX = frozenset({JPEG_BASELINE, RLE, DEFLATED_FRAME, *_JPEG_LOSSLESS, *_JPEG_LS, *_JPEG_2000})

_RING = 4  # pixels around a box whose values tell what to cover it with


class CannotCode(Exception):
    """The frame cannot be coded in its transfer syntax here."""


def cover(cells: Frame, boxes: Sequence[TextBox], *, is_palette: bool) -> Frame:
    """Return a copy of a frame with flat boxes.

    Parameters
    ----------
    cells : ndarray, shape (rows, columns) or (rows, columns, samples)
        Stored values.
    boxes : sequence of TextBox
    is_palette : bool
        Values are no brightness but places in a palette: the most frequent one around a box is taken, not the median.

    Notes
    -----
    The value is one that occurs in the ring of four pixels around the box: its median for each sample.
    """
    covered = cells.copy()
    for box in boxes:
        place = (slice(box.y, box.y + box.height), slice(box.x, box.x + box.width))
        covered[place] = _around(cells, box, is_palette=is_palette)
    return covered


def _around(cells: Frame, box: TextBox, *, is_palette: bool) -> Frame:
    top, left = max(box.y - _RING, 0), max(box.x - _RING, 0)
    window = cells[top : box.y + box.height + _RING, left : box.x + box.width + _RING]
    ring = np.ones(window.shape[:2], np.bool_)
    ring[box.y - top : box.y - top + box.height, box.x - left : box.x - left + box.width] = False
    values = window[ring] if ring.any() else window.reshape(-1, *window.shape[2:])
    if is_palette:
        found, counts = np.unique(values, return_counts=True, axis=0)
        return np.asarray(found[counts.argmax()])
    return np.asarray(np.sort(values, axis=0)[len(values) // 2])


def recoded(code: bytes, boxes: Sequence[TextBox], header: Header) -> bytes:
    """Return the code of a frame with flat boxes, in the transfer syntax that it had.

    Parameters
    ----------
    code : bytes
        One frame.
    boxes : sequence of TextBox
    header : Header

    Raises
    ------
    CannotCode
        Where no coder for the transfer syntax, or for such a frame, is here.
    UnreadableInstance
        Where the frame cannot be decoded.

    Notes
    -----
    All but baseline JPEG are coded without loss, and decoded again to prove it. Baseline JPEG keeps its tables.
    """
    is_palette = header.dataset.get("PhotometricInterpretation") == "PALETTE COLOR"
    if header.transfer_syntax == JPEG_BASELINE:
        image = open_jpeg(code)
        return same_jpeg(image, cover(np.asarray(image), boxes, is_palette=is_palette))
    covered = cover(decode_stored(code, header), boxes, is_palette=is_palette)
    try:
        new = _coded(covered, header)
    except (RuntimeError, ValueError, TypeError, OSError):
        raise CannotCode from None
    try:
        if np.array_equal(decode_stored(new, header), covered):
            return new
    except UnreadableInstance:
        pass
    raise CannotCode


def _coded(frame: Frame, header: Header) -> bytes:
    syntax, dataset = header.transfer_syntax, header.dataset
    bits = int(dataset.get("BitsStored") or dataset.BitsAllocated)
    if syntax == RLE:
        return rle_frame(_planes(frame), columns=frame.shape[1])
    if syntax == DEFLATED_FRAME:
        packer = zlib.compressobj(wbits=-zlib.MAX_WBITS)
        return packer.compress(frame.astype(frame.dtype.newbyteorder("<")).tobytes()) + packer.flush()
    if syntax in _JPEG_LOSSLESS:
        return lossless_jpeg(frame, bits=bits)
    if syntax in _JPEG_LS:
        unsigned = np.ascontiguousarray(frame).view(f"u{frame.dtype.itemsize}")
        cells = unsigned & unsigned.dtype.type((1 << bits) - 1)
        return bytes(encode_ls(cells, 0, 2 if frame.ndim == 3 else None))
    if syntax in _JPEG_2000:
        kind = 2 if frame.ndim == 2 else 1
        return bytes(
            openjpeg.utils.encode_array(frame, bits_stored=bits, photometric_interpretation=kind, use_mct=True)
        )
    raise CannotCode


def _planes(frame: Frame) -> list[bytes]:
    """Return byte planes in the order of PS3.5 annex G.2: sample by sample, the most significant byte first."""
    samples = [frame] if frame.ndim == 2 else [frame[..., number] for number in range(frame.shape[2])]
    planes = []
    for sample in samples:
        high_first = np.ascontiguousarray(sample.astype(sample.dtype.newbyteorder(">")))
        cells = high_first.view(np.uint8).reshape(*sample.shape, sample.dtype.itemsize)
        planes += [np.ascontiguousarray(cells[..., number]).tobytes() for number in range(sample.dtype.itemsize)]
    return planes
