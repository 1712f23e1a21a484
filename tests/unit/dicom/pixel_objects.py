"""Small objects with pixels, made here element by element; nobody in them exists."""

from __future__ import annotations

import io
import struct
import zlib
from typing import BinaryIO

import numpy as np
from PIL import Image, ImageDraw, ImageFont
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.filewriter import dcmwrite
from pydicom.uid import ExplicitVRBigEndian, ExplicitVRLittleEndian, ImplicitVRLittleEndian

CT = "1.2.840.10008.5.1.4.1.1.2"
SECONDARY = "1.2.840.10008.5.1.4.1.1.7"
CANARY = "Quellmann"


def header(rows: int = 8, columns: int = 6, *, frames: int = 1, bits: int = 16) -> Dataset:
    """Return a complete CT-like header without pixels, with an invented name in it."""
    dataset = Dataset()
    dataset.SOPClassUID, dataset.SOPInstanceUID = CT, "1.2.3.4"
    dataset.StudyInstanceUID, dataset.SeriesInstanceUID = "1.2.3.1", "1.2.3.2"
    dataset.Modality, dataset.ImageType = "CT", ["ORIGINAL", "PRIMARY", "AXIAL"]
    dataset.PatientName, dataset.PatientID = f"{CANARY}^Theobald", "4711"
    dataset.Rows, dataset.Columns, dataset.SamplesPerPixel = rows, columns, 1
    dataset.PhotometricInterpretation = "MONOCHROME2"
    dataset.BitsAllocated = dataset.BitsStored = bits
    dataset.HighBit, dataset.PixelRepresentation = bits - 1, 0
    if frames > 1:
        dataset.NumberOfFrames = frames
    item = Dataset()
    item.ReferencedSOPClassUID, item.ReferencedSOPInstanceUID = CT, "1.2.3.9"
    dataset.ReferencedImageSequence = [item]
    return dataset


def pixels(dataset: Dataset) -> np.ndarray:
    """Return frames whose every pixel differs from its neighbours."""
    count = int(dataset.get("NumberOfFrames", 1)) * dataset.Rows * dataset.Columns
    kind = np.uint16 if dataset.BitsAllocated == 16 else np.uint8
    return (np.arange(count) * 37 % (1 << dataset.BitsAllocated)).astype(kind)


def encoded(dataset: Dataset, syntax: str = ExplicitVRLittleEndian, *, value: bytes | None = None) -> bytes:
    """Return a DICOM file of the data set in a native transfer syntax, with `pixels` unless another value is given."""
    whole = Dataset()
    whole.update(dataset)
    whole.file_meta = FileMetaDataset()
    whole.file_meta.TransferSyntaxUID = syntax
    little = syntax != ExplicitVRBigEndian
    if value is None:
        stored = pixels(dataset)
        whole.PixelData = stored.astype(stored.dtype.newbyteorder("<>"[not little])).tobytes()
    else:
        whole.PixelData = value
    whole["PixelData"].VR = "OW"
    if value is not None and value.startswith(b"\xfe\xff\x00\xe0"):
        whole["PixelData"].VR, whole["PixelData"].is_undefined_length = "OB", True
    out = io.BytesIO()
    implicit = syntax == ImplicitVRLittleEndian
    dcmwrite(out, whole, implicit_vr=implicit, little_endian=little, enforce_file_format=True)
    return out.getvalue()


def body_start(file: bytes) -> int:
    """Return where the data set begins in a file with a right group length."""
    return 132 + 12 + int(struct.unpack_from("<I", file, 140)[0])


def encapsulated(dataset: Dataset, fragments: list[bytes], syntax: str) -> bytes:
    """Return a DICOM file with one fragment per frame."""
    return encoded(dataset, syntax, value=encapsulate(fragments, has_bot=True))


def deflated(dataset: Dataset) -> bytes:
    """Return the data set as a Deflated Explicit VR Little Endian file."""
    plain = encoded(dataset)
    start = body_start(plain)
    packer = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    packed = packer.compress(plain[start:]) + packer.flush()
    meta = plain[:start].replace(b"1.2.840.10008.1.2.1\0", b"1.2.840.10008.1.2.1.99")
    length = int(struct.unpack_from("<I", meta, 140)[0]) + 2
    place = meta.index(b"1.2.840.10008.1.2.1.99") - 2
    meta = meta[:140] + struct.pack("<I", length) + meta[144:place] + struct.pack("<H", 22) + meta[place + 2 :]
    return meta + packed


def jpeg(picture: np.ndarray, **options: object) -> bytes:
    """Return a JPEG file made by Pillow."""
    out = io.BytesIO()
    Image.fromarray(picture).save(out, "JPEG", **{"quality": 90, **options})
    return out.getvalue()


def png(picture: Image.Image, **options: object) -> bytes:
    """Return a PNG file made by Pillow."""
    out = io.BytesIO()
    picture.save(out, "PNG", **options)
    return out.getvalue()


def stream(file: bytes) -> BinaryIO:
    """Return the bytes as an open file."""
    return io.BytesIO(file)


def noisy_slice(seed: int = 5, size: int = 320) -> np.ndarray:
    """Return a slice like a thorax: air, a body with noise, two lungs with vessels; HU as int16."""
    chance = np.random.default_rng(seed)
    down, across = np.mgrid[0:size, 0:size] / size - 0.5
    hounsfield = np.full((size, size), -1000.0)
    hounsfield[(down / 0.36) ** 2 + (across / 0.46) ** 2 < 1] = 40
    for side in (-0.2, 0.2):
        hounsfield[(down / 0.25) ** 2 + ((across - side) / 0.15) ** 2 < 1] = -850
    for _ in range(60):
        y, x = chance.uniform(-0.2, 0.2), chance.choice([-0.2, 0.2]) + chance.uniform(-0.1, 0.1)
        hounsfield[(down - y) ** 2 + (across - x) ** 2 < chance.uniform(0.002, 0.008) ** 2] = 0
    return (hounsfield + chance.normal(0, 18, (size, size))).clip(-1024, 1500).astype(np.int16)


def write_on(frame: np.ndarray, text: str, *, at: tuple[int, int], value: float, size: int = 14) -> np.ndarray:
    """Return a copy of a frame with text drawn in one value by the font that Pillow brings, with smooth edges."""
    cover = Image.new("L", frame.shape[1::-1], 0)
    ImageDraw.Draw(cover).text(at, text, font=ImageFont.load_default(size), fill=255)
    share = np.asarray(cover, np.float64) / 255
    return np.round(frame * (1 - share) + value * share).astype(frame.dtype)
