"""Covering changes nothing outside its boxes, in whatever way the pixels are stored."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
import openjpeg
import pydicom
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jpeg_ls import encode_array
from pydicom.dataset import Dataset
from pydicom.uid import ExplicitVRBigEndian, ExplicitVRLittleEndian, ImplicitVRLittleEndian

from radcommons.dicom.codestream import RLE, rle_frame
from radcommons.dicom.frames import Frame, iter_frames
from radcommons.dicom.jpegcode import lossless_jpeg
from radcommons.dicom.pixeltext import TextBox
from radcommons.dicom.pixelwrite import covered_pixels
from radcommons.dicom.read import Header, read_header
from radcommons.dicom.rewrite import write_instance
from unit.dicom.pixel_objects import deflated, encapsulated, encoded, header, pixels, stream

ROWS, COLUMNS = 34, 46
SAMPLES = Path(pydicom.__file__).parent / "data" / "test_files"
LOSSY_SAMPLES = {
    "JPEG-lossy.dcm": "JPEG of 12 bits",
    "JPEGLSNearLossless_08.dcm": "JPEG-LS near-lossless",
    "JPEGLSNearLossless_16.dcm": "JPEG-LS near-lossless of 16 bits",
    "SC_rgb_jls_lossy_line.dcm": "JPEG-LS near-lossless in color by lines",
    "SC_rgb_jls_lossy_sample.dcm": "JPEG-LS near-lossless in color by samples",
    "JPEG2000.dcm": "JPEG 2000 with loss",
    "SC_rgb_gdcm_KY.dcm": "JPEG 2000 with loss, in color",
    "GDCMJ2K_TextGBR.dcm": "JPEG 2000 in color",
    "MR_small_jpeg_ls_lossless.dcm": "JPEG-LS of signed values",
    "MR_small_jp2klossless.dcm": "JPEG 2000 of signed values",
}


def _boxes(rows: int, columns: int) -> st.SearchStrategy[list[TextBox]]:
    def box(x: int, y: int, width: int, height: int) -> TextBox:
        return TextBox(x=x, y=y, width=min(width, columns - x), height=min(height, rows - y), score=1.0)

    edges = (st.integers(0, columns - 1), st.integers(0, rows - 1), st.integers(1, columns), st.integers(1, rows))
    return st.lists(st.builds(box, *edges), min_size=1, max_size=3)


def _covered(file: bytes, boxes: dict[int, list[TextBox]]) -> tuple[bytes, Header]:
    source = stream(file)
    head = read_header(source)
    made = covered_pixels(source, head, boxes)
    dataset, out = Dataset(), io.BytesIO()
    dataset.update(head.dataset)
    made.apply_to(dataset)
    write_instance(dataset, header=made.header(head), source=made.source, target=out)
    return out.getvalue(), head


def _frames(file: bytes) -> list[Frame]:
    source = stream(file)
    return list(iter_frames(source, read_header(source)))


def _assert_only_boxes_changed(before: Frame, after: Frame, boxes: list[TextBox]) -> None:
    """Outside every value is what it was; inside each box that no later one cuts stands one value."""
    assert before.shape == after.shape
    assert before.dtype == after.dtype
    outside = np.ones(before.shape[:2], np.bool_)
    for box in boxes:
        outside[box.y : box.y + box.height, box.x : box.x + box.width] = False
    assert np.array_equal(before[outside], after[outside])
    last = boxes[-1]
    inside = after[last.y : last.y + last.height, last.x : last.x + last.width]
    assert (inside == inside[0, 0]).all()


def _dataset(*, frames: int, bits: int, interpretation: str = "MONOCHROME2") -> Dataset:
    dataset = header(rows=ROWS, columns=COLUMNS, frames=frames, bits=8 if bits == 8 else 16)
    dataset.BitsStored, dataset.HighBit = bits, bits - 1
    dataset.PhotometricInterpretation = interpretation
    return dataset


def _stack(bits: int, frames: int, seed: int) -> Frame:
    kind = np.uint8 if bits == 8 else np.uint16
    return np.random.default_rng(seed).integers(0, 1 << bits, (frames, ROWS, COLUMNS)).astype(kind)


def _j2k(frame: Frame, bits: int) -> bytes:
    return bytes(openjpeg.utils.encode_array(frame, bits_stored=bits, photometric_interpretation=2))


CODERS: dict[str, Callable[[Frame, int], bytes]] = {
    "1.2.840.10008.1.2.4.57": lambda frame, bits: lossless_jpeg(frame, bits=bits),
    "1.2.840.10008.1.2.4.70": lambda frame, bits: lossless_jpeg(frame, bits=bits),
    "1.2.840.10008.1.2.4.80": lambda frame, bits: bytes(encode_array(frame)),
    "1.2.840.10008.1.2.4.81": lambda frame, bits: bytes(encode_array(frame, 2)),
    "1.2.840.10008.1.2.4.90": _j2k,
    RLE: lambda frame, bits: rle_frame(
        [frame.tobytes()] if bits == 8 else [(frame >> 8).astype(np.uint8).tobytes(), frame.astype(np.uint8).tobytes()],
        columns=COLUMNS,
    ),
}


@pytest.mark.parametrize("syntax", CODERS)
@settings(max_examples=8, deadline=None)
@given(data=st.data(), bits=st.sampled_from([8, 12, 16]), seed=st.integers(0, 99), inverted=st.booleans())
def test_coded_frames_change_in_boxes_alone(
    syntax: str, data: st.DataObject, bits: int, seed: int, inverted: bool
) -> None:
    """Of three coded frames one is covered: it differs in its boxes alone, the two beside it not in one value."""
    stack = _stack(bits, 3, seed)
    dataset = _dataset(frames=3, bits=bits, interpretation="MONOCHROME1" if inverted else "MONOCHROME2")
    file = encapsulated(dataset, [CODERS[syntax](frame, bits) for frame in stack], syntax)
    before = _frames(file)
    which, boxes = data.draw(st.integers(0, 2)), data.draw(_boxes(ROWS, COLUMNS))
    clean, _ = _covered(file, {which: boxes})
    after = _frames(clean)
    for index in range(3):
        if index == which:
            _assert_only_boxes_changed(before[index], after[index], boxes)
        else:
            assert np.array_equal(before[index], after[index])
    assert read_header(stream(clean)).transfer_syntax == syntax


@settings(max_examples=25, deadline=None)
@given(
    boxes=_boxes(ROWS, COLUMNS),
    bits=st.sampled_from([8, 12, 16]),
    seed=st.integers(0, 99),
    syntax=st.sampled_from([ExplicitVRLittleEndian, ImplicitVRLittleEndian, ExplicitVRBigEndian, "deflated"]),
    signed=st.booleans(),
)
def test_native_frames_change_in_boxes_alone(
    boxes: list[TextBox], bits: int, seed: int, syntax: str, signed: bool
) -> None:
    """The same holds for native pixels of either byte order, signed or not, and for deflated objects."""
    dataset = _dataset(frames=2, bits=bits)
    dataset.PixelRepresentation = int(signed)
    stack = _stack(bits, 2, seed) >> int(signed)
    if syntax == "deflated":
        file = deflated(dataset)
        assert len(pixels(dataset)) == 2 * ROWS * COLUMNS
    else:
        wide = ">" if syntax == ExplicitVRBigEndian else "<"
        cells = stack.astype(wide + "u2").tobytes() if bits > 8 else stack.tobytes()
        if bits == 8 and wide == ">":  # OW: bytes stand in words of the other order
            cells = np.frombuffer(cells, "<u2").astype(">u2").tobytes()
        file = encoded(dataset, syntax, value=cells)
    before = _frames(file)
    clean, _ = _covered(file, {1: boxes})
    after = _frames(clean)
    assert np.array_equal(before[0], after[0])
    _assert_only_boxes_changed(before[1], after[1], boxes)


@pytest.mark.parametrize("name", LOSSY_SAMPLES)
@settings(max_examples=3, deadline=None)
@given(data=st.data())
def test_pixels_coded_with_loss_lose_no_more(name: str, data: st.DataObject) -> None:
    """A covered frame differs from the decoded one in its boxes alone; that it once lost something stays declared."""
    file = (SAMPLES / name).read_bytes()
    [before] = _frames(file)
    boxes = data.draw(_boxes(*before.shape[:2]))
    clean, head = _covered(file, {0: boxes})
    [after] = _frames(clean)
    _assert_only_boxes_changed(before, after, boxes)
    made = read_header(stream(clean)).dataset
    if head.transfer_syntax.endswith(".51"):
        assert made.LossyImageCompression == "01"
    assert made.get("LossyImageCompression") in ("01", head.dataset.get("LossyImageCompression"))
    assert made.get("ImageType", ["DERIVED"])[0] == "DERIVED"


def test_the_loss_of_a_jpeg_of_12_bits_is_declared_where_its_header_was_silent() -> None:
    """Stored uncompressed, its transfer syntax no longer tells of the loss; the object does."""
    dataset = pydicom.dcmread(SAMPLES / "JPEG-lossy.dcm")
    for keyword in ("LossyImageCompression", "LossyImageCompressionRatio", "LossyImageCompressionMethod"):
        if keyword in dataset:
            delattr(dataset, keyword)
    out = io.BytesIO()
    dataset.save_as(out)
    clean, head = _covered(out.getvalue(), {0: [TextBox(x=3, y=4, width=30, height=9, score=1.0)]})
    assert "LossyImageCompression" not in head.dataset
    made = read_header(stream(clean))
    assert made.transfer_syntax == ExplicitVRLittleEndian
    assert (made.dataset.LossyImageCompression, made.dataset.LossyImageCompressionMethod) == ("01", "ISO_10918_1")
