"""Code one frame as lossless JPEG (process 14, first-order prediction), and as baseline JPEG with the tables it had."""

from __future__ import annotations

import io
import struct
from collections.abc import Iterator
from itertools import pairwise

import numpy as np
from PIL import Image, JpegImagePlugin

from radcommons.dicom.frames import Frame
from radcommons.records.errors import UnreadableInstance

# ITU-T T.81 table K.3, gone on in the same manner up to the seventeen categories of H.1.2.2: bits of each code.
_LENGTHS = np.array([2, 3, 3, 3, 3, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14])
_PIXELS_TOGETHER = 1 << 18  # pixels; bounds the memory of bits


def lossless_jpeg(frame: Frame, *, bits: int) -> bytes:
    """Return a frame as lossless JPEG.

    Parameters
    ----------
    frame : ndarray, integer, shape (rows, columns) or (rows, columns, 3)
        Signed values are coded by their lowest `bits`.
    bits : int
        *Bits Stored*, 2 to 16.

    References
    ----------
    ITU-T T.81 annex H; DICOM PS3.5 section 8.2.1 (selection value 1).
    """
    cells = frame.astype(np.int64) & ((1 << bits) - 1)
    if cells.ndim == 2:
        cells = cells[:, :, None]
    rows, columns, samples = cells.shape
    scan = b"".join(_scan(_differences(cells, bits))).replace(b"\xff", b"\xff\x00")
    components = b"".join(struct.pack("BBB", number + 1, 0x11, 0) for number in range(samples))
    selectors = b"".join(struct.pack("BB", number + 1, 0) for number in range(samples))
    return b"".join(
        [
            b"\xff\xd8",
            _segment(0xC3, struct.pack(">BHHB", bits, rows, columns, samples) + components),
            _segment(0xC4, b"\0" + bytes(np.bincount(_LENGTHS, minlength=17)[1:].tolist()) + bytes(range(17))),
            _segment(0xDA, bytes([samples]) + selectors + b"\x01\x00\x00"),
            scan,
            b"\xff\xd9",
        ]
    )


def _segment(marker: int, body: bytes) -> bytes:
    return bytes((0xFF, marker)) + struct.pack(">H", len(body) + 2) + body


def _differences(cells: Frame, bits: int) -> Frame:
    """Return each cell less its left neighbour; in the first column less the one above (T.81 H.1.2.1)."""
    before = np.empty_like(cells)
    before[:, 1:] = cells[:, :-1]
    before[1:, 0] = cells[:-1, 0]
    before[0, 0] = 1 << (bits - 1)
    return np.asarray((cells - before + 32768) % 65536 - 32768).ravel()


def _scan(differences: Frame) -> Iterator[bytes]:
    listed = [0]
    for before, length in pairwise(_LENGTHS.tolist()):
        listed.append((listed[-1] + 1) << (length - before))
    codes = np.array(listed, np.int64)
    rest = np.zeros(0, np.uint8)
    for start in range(0, len(differences), _PIXELS_TOGETHER):
        part = differences[start : start + _PIXELS_TOGETHER]
        size = np.abs(part)
        category = np.zeros(len(part), np.int64)
        for bit in range(16):
            category += size >= (1 << bit)
        extra = np.where(category == 16, 0, category)  # -32768 alone, and it needs no more bits
        low = np.where(part >= 0, part, part + (1 << category) - 1) & ((1 << extra) - 1)
        bits = np.concatenate([rest, _bits(codes[category] << extra | low, _LENGTHS[category] + extra)])
        whole = len(bits) // 8 * 8
        yield np.packbits(bits[:whole]).tobytes()
        rest = bits[whole:]
    if len(rest):
        yield np.packbits(np.concatenate([rest, np.ones(8 - len(rest), np.uint8)])).tobytes()


def _bits(values: Frame, lengths: Frame) -> Frame:
    ends = np.cumsum(lengths)
    shift = np.repeat(ends, lengths) - 1 - np.arange(ends[-1])
    return np.asarray((np.repeat(values, lengths) >> shift) & 1).astype(np.uint8)


def open_jpeg(code: bytes) -> Image.Image:
    """Return a JPEG of 8 bits as Pillow decodes it, its colors left as they are coded.

    Raises
    ------
    UnreadableInstance
        Reason ``undecodable-pixels``.
    """
    try:
        image = Image.open(io.BytesIO(code), formats=("JPEG",))
        if image.mode == "RGB" and image.info.get("adobe_transform", 1) != 0:
            image.draft("YCbCr", image.size)
        image.load()
    except (OSError, SyntaxError, ValueError, EOFError, Image.DecompressionBombError):
        raise UnreadableInstance("No decoder could decode the pixel data.", reason="undecodable-pixels") from None
    return image


def same_jpeg(image: Image.Image, cells: Frame) -> bytes:
    """Code changed cells with the quantization and subsampling of the JPEG that they came from.

    Parameters
    ----------
    image : Image
        From `open_jpeg`.
    cells : ndarray, uint8
        What `image` holds, with other values where something was covered.

    Notes
    -----
    Blocks that did not change get nearly the coefficients that they had, so nothing is lost a second time in them.
    """
    out = io.BytesIO()
    sampling = JpegImagePlugin.get_sampling(image)
    options = {"subsampling": sampling} if sampling >= 0 else {}
    tables = getattr(image, "quantization", None)
    changed = Image.fromarray(cells, mode=image.mode) if image.mode == "YCbCr" else Image.fromarray(cells)
    if image.mode == "RGB":
        options["keep_rgb"] = True
    changed.save(out, "JPEG", qtables=tables, **options)
    return out.getvalue()
