"""Frames are decoded one at a time, from every encoding that the hub takes."""

from __future__ import annotations

import io
import tracemalloc
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from pydicom.dataset import Dataset
from pydicom.pixels.encoders import RLELosslessEncoder
from pydicom.uid import ExplicitVRBigEndian, ExplicitVRLittleEndian, ImplicitVRLittleEndian

from radcommons.dicom.frames import Frame, frame_count, iter_frames
from radcommons.dicom.read import read_header
from radcommons.records.errors import UnreadableInstance
from unit.dicom.pixel_objects import deflated, encapsulated, encoded, header, jpeg, pixels, stream


def frames_of(file: bytes, indices: list[int] | None = None) -> Iterator[Frame]:
    """Decode a file's frames."""
    return iter_frames(stream(file), read_header(stream(file)), indices=indices)


@pytest.mark.parametrize("syntax", [ExplicitVRLittleEndian, ImplicitVRLittleEndian, ExplicitVRBigEndian])
@pytest.mark.parametrize("bits", [8, 16])
def test_native_frames_are_the_stored_values(syntax: str, bits: int) -> None:
    """Each frame of a native object holds its values, in either byte order, odd frame sizes included."""
    dataset = header(rows=3, columns=5, frames=4, bits=bits)
    value = None
    if bits == 8:  # words of two pixels, swapped in big endian (PS3.5 section 8.1.1)
        value = pixels(dataset).tobytes()
        value = np.frombuffer(value, "<u2").astype(">u2").tobytes() if syntax == ExplicitVRBigEndian else value
    found = list(frames_of(encoded(dataset, syntax, value=value)))
    assert (np.stack(found) == pixels(dataset).reshape(4, 3, 5)).all()


def test_frames_come_in_the_order_asked_for() -> None:
    """Single frames can be asked for, and one that is not there is refused."""
    dataset = header(frames=3)
    expected = pixels(dataset).reshape(3, 8, 6)
    assert (np.stack(list(frames_of(encoded(dataset), [2, 0]))) == expected[[2, 0]]).all()
    with pytest.raises(UnreadableInstance):
        list(frames_of(encoded(dataset), [3]))


def test_deflated_and_rle_frames_decode() -> None:
    """A deflated data set and RLE fragments give the values that went in."""
    dataset = header(frames=2)
    expected = pixels(dataset).reshape(2, 8, 6)
    assert (np.stack(list(frames_of(deflated(dataset)))) == expected).all()
    fragments = [
        RLELosslessEncoder.encode(
            frame,
            rows=8,
            columns=6,
            samples_per_pixel=1,
            bits_allocated=16,
            bits_stored=16,
            pixel_representation=0,
            number_of_frames=1,
            photometric_interpretation="MONOCHROME2",
        )
        for frame in expected
    ]
    file = encapsulated(dataset, fragments, "1.2.840.10008.1.2.5")
    assert (np.stack(list(frames_of(file))) == expected).all()


def test_frames_of_several_fragments_follow_the_offset_table() -> None:
    """A frame that is cut into fragments is put together by the basic offset table."""
    dataset = header(rows=16, columns=16, frames=2, bits=8)
    pictures = [np.full((16, 16), 40, np.uint8), np.full((16, 16), 200, np.uint8)]
    codes = [jpeg(picture) for picture in pictures]
    codes = [code + b"\0" * (len(code) % 2) for code in codes]
    halves = [codes[0][:100], codes[0][100:], codes[1][:60], codes[1][60:]]
    table = [0, len(codes[0]) + 16]
    value = b"\xfe\xff\x00\xe0" + (8).to_bytes(4, "little") + b"".join(t.to_bytes(4, "little") for t in table)
    value += b"".join(b"\xfe\xff\x00\xe0" + len(half).to_bytes(4, "little") + half for half in halves)
    found = list(frames_of(encoded(dataset, "1.2.840.10008.1.2.4.50", value=value)))
    assert [int(frame.mean().round()) for frame in found] == [40, 200]


def test_broken_pixels_are_a_typed_error() -> None:
    """Rubbish, missing descriptions and impossible numbers end as undecodable, without a chain that quotes them."""
    rubbish = encapsulated(header(), [b"no code at all."], "1.2.840.10008.1.2.4.90")
    sizeless = header()
    del sizeless.Rows
    impossible = header()
    impossible.BitsAllocated = 13
    for file in (
        rubbish,
        encoded(header(), value=b"\0\0"),
        *(encoded(d, value=bytes(96)) for d in (sizeless, impossible)),
    ):
        with pytest.raises(UnreadableInstance) as refused:
            list(frames_of(file))
        assert refused.value.reason in ("undecodable-pixels", "truncated")
        assert refused.value.__cause__ is None


def test_memory_is_that_of_one_frame(tmp_path: Path) -> None:
    """Of a hundred frames of half a megabyte no more than a few are ever in memory."""
    dataset = header(rows=512, columns=512, frames=100)
    file = tmp_path / "many.dcm"
    file.write_bytes(encoded(dataset))
    tracemalloc.start()
    with file.open("rb") as source:
        assert sum(1 for _ in iter_frames(source, read_header(source))) == 100
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 4 << 20


@pytest.mark.parametrize(("value", "count"), [(None, 1), ("0", 1), ("12", 12)])
def test_frame_count_is_never_below_one(value: str | None, count: int) -> None:
    """An absent or empty number of frames is one frame."""
    dataset = Dataset()
    if value is not None:
        dataset.NumberOfFrames = value
    assert frame_count(dataset) == count


def test_real_odd_objects_decode_or_say_why(shared_data: Path) -> None:
    """Of the odd objects with pixels at least fifty decode (JPEG Extended with 12 bits too); none ends otherwise."""
    decoded, refused = set(), set()
    for path in sorted((shared_data / "dicom_odd").iterdir()):
        source = io.BytesIO(path.read_bytes())
        try:
            found = read_header(source)
        except UnreadableInstance:
            continue
        if found.pixel is None:
            continue
        try:
            for frame in iter_frames(source, found):
                assert frame.shape[:2] == (found.dataset.Rows, found.dataset.Columns)
            decoded.add(path.name)
        except UnreadableInstance:
            refused.add(path.name)
    assert len(decoded) >= 50
    assert "d65c2f33d3596" in decoded
    assert len(refused) <= 7
