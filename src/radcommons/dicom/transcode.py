"""The same pixels in another transfer syntax, without loss: frames and whole objects on request."""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import BinaryIO

import numpy as np
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.filewriter import dcmwrite
from pydicom.pixels.encoders.base import get_encoder
from pydicom.uid import UID

from radcommons.dicom import quiet  # noqa: F401  (its import silences values in warnings)
from radcommons.dicom.frames import Frame, iter_frames
from radcommons.dicom.read import Header, read_header
from radcommons.records.errors import UnreadableInstance

EXPLICIT_LITTLE = "1.2.840.10008.1.2.1"
# RLE, JPEG-LS lossless, JPEG 2000 lossless: those that a kept package encodes. None loses anything.
ENCODABLE = ("1.2.840.10008.1.2.5", "1.2.840.10008.1.2.4.80", "1.2.840.10008.1.2.4.90")
TARGETS = (EXPLICIT_LITTLE, *ENCODABLE)
# OpenJPEG makes six resolutions, each half as large as the one before.
_JPEG_2000, _SMALLEST_JPEG_2000 = "1.2.840.10008.1.2.4.90", 32
# An object is made whole in memory, so a larger one is handed out as it is stored and frame by frame alone.
MAX_BYTES = 512 << 20


def targets(rows: int | None, columns: int | None) -> tuple[str, ...]:
    """Return the transfer syntaxes that frames of a size can be made in."""
    if min(rows or 0, columns or 0) >= _SMALLEST_JPEG_2000:
        return TARGETS
    return tuple(syntax for syntax in TARGETS if syntax != _JPEG_2000)


def to_little_endian(frame: Frame, header: Header) -> bytes:
    """Return a decoded frame as native pixel data in little endian, in the width that the header tells."""
    dataset = header.dataset
    if frame.dtype.kind == "f":
        return np.ascontiguousarray(frame).astype(frame.dtype.newbyteorder("<")).tobytes()
    bits = int(dataset.get("BitsAllocated", 8 * frame.dtype.itemsize))
    if bits == 1:
        return np.packbits(frame.reshape(-1).astype(np.uint8), bitorder="little").tobytes()
    kind = "i" if dataset.get("PixelRepresentation", 0) == 1 else "u"
    return np.ascontiguousarray(frame).astype(f"<{kind}{bits // 8}").tobytes()


def frames_as(source: BinaryIO, header: Header, *, syntax: str, indices: list[int] | None = None) -> Iterator[bytes]:
    """Yield frames in one of `TARGETS`.

    Raises
    ------
    UnreadableInstance
        If they cannot be decoded, or the encoder of the syntax cannot hold such pixels.
    """
    for frame in iter_frames(source, header, indices=indices):
        yield to_little_endian(frame, header) if syntax == EXPLICIT_LITTLE else _encoded(frame, header, syntax)


def _encoded(frame: Frame, header: Header, syntax: str) -> bytes:
    dataset = header.dataset
    samples = frame.shape[2] if frame.ndim == 3 else 1
    bits = 8 * frame.dtype.itemsize
    try:
        encoded = get_encoder(UID(syntax)).encode(
            np.ascontiguousarray(frame),
            rows=frame.shape[0],
            columns=frame.shape[1],
            samples_per_pixel=samples,
            planar_configuration=0,
            bits_allocated=bits,
            bits_stored=min(int(dataset.get("BitsStored", bits)), bits),
            pixel_representation=1 if frame.dtype.kind == "i" else 0,
            photometric_interpretation=_interpretation(dataset, samples),
            number_of_frames=1,
        )
    # Encoders of three packages raise as they please; the texts may quote header values, so none is passed on.
    except Exception:
        raise UnreadableInstance("No encoder could encode the pixel data.", reason="undecodable-pixels") from None
    return bytes(encoded)  # one of them gives a bytearray


def _interpretation(dataset: Dataset, samples: int) -> str:
    """Return the photometric interpretation of decoded pixels: `iter_frames` gives colors as RGB."""
    return "RGB" if samples > 1 else str(dataset.get("PhotometricInterpretation", "MONOCHROME2"))


def transcode(source: BinaryIO, *, syntax: str) -> bytes:
    """Return a whole object in another transfer syntax, its UIDs and its header's values as they are.

    Parameters
    ----------
    source : binary file, seekable
    syntax : str
        One of `TARGETS`.

    Raises
    ------
    UnreadableInstance
        As `frames_as`; also where the object would take more than `MAX_BYTES`.

    References
    ----------
    DICOM PS3.5 section 8.2 and annex A.4.
    """
    header = read_header(source)
    dataset = header.dataset
    if header.pixel is not None:
        _set_pixels(dataset, header, source, syntax)
    meta = FileMetaDataset()
    meta.TransferSyntaxUID = UID(syntax if header.pixel is not None else EXPLICIT_LITTLE)
    dataset.file_meta = meta
    target = io.BytesIO()
    dcmwrite(target, dataset, implicit_vr=False, little_endian=True, enforce_file_format=True)
    return target.getvalue()


def _set_pixels(dataset: Dataset, header: Header, source: BinaryIO, syntax: str) -> None:
    frames, size = [], 0
    for frame in frames_as(source, header, syntax=syntax):
        frames.append(frame)
        size += len(frame)
        if size > MAX_BYTES:
            raise UnreadableInstance("The object is too large to be made anew.", reason="undecodable-pixels")
    if header.pixel is not None and header.pixel.tag != 0x7FE00010:
        keyword = "FloatPixelData" if header.pixel.tag == 0x7FE00008 else "DoubleFloatPixelData"
        setattr(dataset, keyword, b"".join(frames))
        return
    is_native = syntax == EXPLICIT_LITTLE
    content = b"".join(frames) if is_native else encapsulate(frames)
    dataset.PixelData = content + b"\0" * (len(content) % 2)
    dataset["PixelData"].VR = "OW" if is_native and int(dataset.get("BitsAllocated", 8)) > 8 else "OB"
    dataset["PixelData"].is_undefined_length = not is_native
    for keyword in ("ExtendedOffsetTable", "ExtendedOffsetTableLengths"):
        if keyword in dataset:
            del dataset[keyword]
    if int(dataset.get("SamplesPerPixel", 1) or 1) > 1:
        dataset.PhotometricInterpretation, dataset.PlanarConfiguration = "RGB", 0
