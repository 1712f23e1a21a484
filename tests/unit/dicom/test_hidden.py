"""What hides beside the pixels goes, and every decoded value stays."""

from __future__ import annotations

import io
import struct
import zlib

import numpy as np
import openjpeg
import pytest
from jpeg_ls import encode_array as encode_ls
from PIL import Image
from pydicom.dataset import Dataset
from pydicom.uid import ExplicitVRBigEndian, ExplicitVRLittleEndian

from radcommons.dicom.codestream import rle_frame, stripped
from radcommons.dicom.frames import Frame, iter_frames
from radcommons.dicom.hidden import look_beside, without_unused_bits
from radcommons.dicom.read import read_header
from radcommons.dicom.rewrite import write_instance
from unit.dicom.pixel_objects import deflated, encapsulated, encoded, header, stream

CANARY = b"QUELLMANN^THEOBALD"
JPEG, JPEG_LS, J2K, RLE, DEFLATED = (f"1.2.840.10008.1.2.{end}" for end in ("4.50", "4.80", "4.90", "5", "8.1"))


def picture(seed: int = 1, *, rows: int = 64, columns: int = 66) -> np.ndarray:
    """Return a picture of 8 bits in which no two neighbours are equal everywhere."""
    return np.random.default_rng(seed).integers(0, 256, (rows, columns)).astype(np.uint8)


def jpeg_code(frame: np.ndarray) -> bytes:
    """Return the frame as JPEG with EXIF, a comment and bytes behind its end."""
    out = io.BytesIO()
    exif = Image.Exif()
    exif[0x013B] = CANARY.decode()
    Image.fromarray(frame).save(out, "JPEG", quality=95, exif=exif, comment=CANARY)
    return out.getvalue() + CANARY


def j2k_code(frame: np.ndarray) -> bytes:
    """Return the frame as JPEG 2000 with comments in the main header and in the tile-part."""
    plain = openjpeg.utils.encode_array(frame, bits_stored=8, photometric_interpretation=2)
    comment = b"\xff\x64" + struct.pack(">HH", len(CANARY) + 4, 1) + CANARY
    tile = plain.index(b"\xff\x90")
    length = struct.unpack_from(">I", plain, tile + 6)[0]
    told = plain[: tile + 6] + struct.pack(">I", length + len(comment)) + plain[tile + 10 : tile + 12]
    whole = told + comment + plain[tile + 12 :]
    size = 2 + struct.unpack_from(">H", whole, 4)[0]
    return whole[: 2 + size] + comment + whole[2 + size :] + CANARY


def ls_code(frame: np.ndarray) -> bytes:
    """Return the frame as JPEG-LS with an application segment and bytes behind its end."""
    plain = bytes(encode_ls(frame))
    segment = b"\xff\xe4" + struct.pack(">H", len(CANARY) + 2) + CANARY
    return plain[:2] + segment + plain[2:] + CANARY


def rle_code(frame: np.ndarray) -> bytes:
    """Return the frame as RLE with more runs than the picture has pixels, and bytes between."""
    plain = rle_frame([frame.tobytes()], columns=frame.shape[1])
    return plain + struct.pack("B", len(CANARY) - 1) + CANARY


def deflated_code(frame: np.ndarray) -> bytes:
    """Return the frame deflated, with bytes behind the end of the stream."""
    packer = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return packer.compress(frame.tobytes()) + packer.flush() + CANARY


PIXEL_DATA = b"\xe0\x7f\x10\x00OB"
CODES = {JPEG: jpeg_code, JPEG_LS: ls_code, J2K: j2k_code, RLE: rle_code}


def file_of(codes: list[bytes], syntax: str, *, rows: int = 64, columns: int = 66) -> bytes:
    """Return a file with one fragment for each frame."""
    dataset = header(rows=rows, columns=columns, frames=len(codes), bits=8)
    return encapsulated(dataset, codes, syntax)


def written(file: bytes) -> tuple[bytes, tuple[str, ...]]:
    """Return the file written anew with what `look_beside` gave, and its findings."""
    source = stream(file)
    head = read_header(source)
    found = look_beside(source, head)
    out = io.BytesIO()
    dataset = Dataset()
    dataset.update(head.dataset)
    if found.pixels is None:
        write_instance(dataset, header=head, source=source, target=out)
    else:
        found.pixels.apply_to(dataset)
        write_instance(dataset, header=found.pixels.header(head), source=found.pixels.source, target=out)
    return out.getvalue(), tuple(finding.message for finding in found.findings)


def frames_of(file: bytes) -> list[Frame]:
    """Return all decoded frames."""
    source = stream(file)
    return list(iter_frames(source, read_header(source)))


@pytest.mark.parametrize("syntax", CODES)
@pytest.mark.parametrize("count", [1, 3])
def test_what_hides_in_a_code_goes(syntax: str, count: int) -> None:
    """Comments, application data and bytes behind a code's end go from every frame; decoded values stay."""
    file = file_of([CODES[syntax](picture(seed)) for seed in range(count)], syntax)
    assert file.count(CANARY) >= count
    clean, findings = written(file)
    assert CANARY not in clean
    assert len(findings) == 1
    assert all(np.array_equal(one, two) for one, two in zip(frames_of(file), frames_of(clean), strict=True))
    again, nothing = written(clean)
    assert nothing == ()
    assert again == clean


def test_bytes_behind_a_deflated_frame_go() -> None:
    """Bytes behind the end of a deflated frame go, and bytes that it inflates to beyond the frame."""
    frame = picture()
    longer = np.concatenate([frame.ravel(), np.frombuffer(CANARY, np.uint8)])
    for code in (deflated_code(frame), deflated_code(longer)):
        clean = stripped(code, transfer_syntax=DEFLATED, frame_bytes=frame.size, planes=1, columns=66)
        assert CANARY not in clean
        assert zlib.decompress(clean, -zlib.MAX_WBITS) == frame.tobytes()


def test_a_code_without_secrets_is_copied() -> None:
    """Where nothing hides the source's bytes are taken as they are."""
    out = io.BytesIO()
    Image.fromarray(picture()).save(out, "JPEG", quality=95)
    code = out.getvalue()
    source = stream(file_of([code, code], JPEG))
    assert look_beside(source, read_header(source)).pixels is None


def test_a_wrong_offset_table_is_made_anew() -> None:
    """An offset table that names no frames, and could name a person, is replaced by a right one."""
    out = io.BytesIO()
    Image.fromarray(picture()).save(out, "JPEG", quality=95)
    file = file_of([out.getvalue(), out.getvalue()], JPEG)
    place = file.index(b"\xfe\xff\x00\xe0", file.index(PIXEL_DATA)) + 8
    told = file[:place] + b"QUELLMAN" + file[place + 8 :]
    clean, findings = written(told)
    assert b"QUELLMAN" not in clean
    assert findings
    assert clean[clean.index(b"\xfe\xff\x00\xe0", clean.index(PIXEL_DATA)) + 8 :][:4] == b"\0\0\0\0"
    assert len(frames_of(clean)) == 2


@pytest.mark.parametrize("syntax", [ExplicitVRLittleEndian, ExplicitVRBigEndian])
@pytest.mark.parametrize("signed", [0, 1])
def test_an_overlay_in_unused_bits_goes(syntax: str, signed: int) -> None:
    """A bitmap in the four bits above twelve goes; the twelve bits stay, the sign repeated."""
    dataset = header(rows=16, columns=16)
    dataset.BitsStored, dataset.HighBit, dataset.PixelRepresentation = 12, 11, signed
    values = np.random.default_rng(3).integers(0, 4096, (16, 16)).astype(np.uint16)
    bitmap = (np.random.default_rng(4).integers(0, 2, (16, 16)) << 13).astype(np.uint16)
    order = "<u2" if syntax == ExplicitVRLittleEndian else ">u2"
    clean, findings = written(encoded(dataset, syntax, value=(values | bitmap).astype(order).tobytes()))
    assert findings
    source = stream(clean)
    head = read_header(source)
    source.seek(head.pixel.offset if head.pixel else 0)
    stored = np.frombuffer(source.read(512), order).reshape(16, 16)
    assert np.array_equal(stored & 0xFFF, values)
    expected = np.where((values & 0x800 != 0) & bool(signed), 0xF, 0)
    assert np.array_equal(stored >> 12, expected)


def test_padding_outside_the_used_bits_stays() -> None:
    """Cells that hold exactly the padding value are no overlay."""
    cells = np.array([[0xF830, 0x0123], [0x0FFF, 0xF830]], np.uint16)
    assert without_unused_bits(cells, low=0, high=11, is_signed=False, padding=-2000) is cells


def test_a_sign_is_no_overlay() -> None:
    """Negative values of twelve bits, stored with their sign repeated, are left alone."""
    cells = np.array([[-5, 7], [-2048, 2047]], np.int16).view(np.uint16)
    assert without_unused_bits(cells, low=0, high=11, is_signed=True) is cells


def test_bytes_behind_the_last_frame_go() -> None:
    """Bytes behind the last native frame are cut."""
    values = np.arange(64, dtype="<u2")
    clean, findings = written(encoded(header(rows=8, columns=8), value=values.tobytes() + CANARY))
    assert findings
    assert CANARY not in clean
    assert np.array_equal(frames_of(clean)[0].ravel(), values)


def test_a_deflated_object_is_looked_into() -> None:
    """An overlay in unused bits goes from a deflated object too."""
    dataset = header(rows=8, columns=8)
    dataset.BitsStored, dataset.HighBit = 8, 7
    clean, findings = written(deflated(dataset))
    assert findings
    before, after = frames_of(deflated(dataset))[0], frames_of(clean)[0]
    assert np.array_equal(before & 0xFF, after)
