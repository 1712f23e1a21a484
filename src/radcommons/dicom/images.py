"""Let a JPEG or PNG with its row of a table enter as a DICOM object, inventing nothing.

A sequential JPEG is encapsulated without being decoded; what cannot be (progressive, PNG) is stored uncompressed.
A radiographic view in the table makes it a Computed Radiography image, anything else a Secondary Capture.
"""

from __future__ import annotations

import hashlib
import io
import tempfile
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import BinaryIO, cast

import numpy as np
from PIL import Image, ImageOps
from pydicom.dataset import Dataset
from pydicom.encaps import encapsulate
from pydicom.uid import (
    ComputedRadiographyImageStorage,
    ExplicitVRLittleEndian,
    JPEGBaseline8Bit,
    JPEGExtended12Bit,
    SecondaryCaptureImageStorage,
)

from radcommons.dicom.frames import Frame
from radcommons.dicom.jpeg import JpegCode, take_apart
from radcommons.dicom.read import Header, PixelSpan, read_header
from radcommons.dicom.rewrite import write_instance
from radcommons.dicom.sniff import HEAD_BYTES, Kind, sniff
from radcommons.dicom.table_csv import ImageRow
from radcommons.records.errors import UnreadableInstance
from radcommons.records.finding import Finding, Severity

MAX_IMAGE_BYTES = 256 << 20
MAX_IMAGE_PIXELS = 150_000_000

DeriveUid = Callable[..., str]

# What a table's word for a radiographic view says: *View Position* (PS3.3 C.8.1.1.1.1) where it is certain, and words.
_VIEWS = {
    "pa": ("PA", "PA"),
    "ap": ("AP", "AP"),
    "ap supine": ("AP", "AP supine"),
    "ap erect": ("AP", "AP erect"),
    "ap semi erect": ("AP", "AP semi-erect"),
    "ll": ("LL", "left lateral"),
    "left lateral": ("LL", "left lateral"),
    "rl": ("RL", "right lateral"),
    "right lateral": ("RL", "right lateral"),
    "l": ("", "lateral"),
    "lat": ("", "lateral"),
    "lateral": ("", "lateral"),
}
_RADIOGRAPHIC_MODALITIES = frozenset({"cr", "dx", "xray", "x-ray", "cxr", "x ray"})
_OTHER_MODALITIES = frozenset({"CT", "MR", "US"})


@dataclass(frozen=True, slots=True, kw_only=True)
class ConvertedImage:
    """An image as a DICOM object: `header` and the open `source` it was read from, as for any DICOM file.

    `source` is a temporary file; closing it removes it.
    """

    header: Header
    source: BinaryIO
    findings: tuple[Finding, ...]


def image_to_dicom(source: BinaryIO, *, row: ImageRow, derive_uid: DeriveUid) -> ConvertedImage:
    """Make a DICOM object of a JPEG or PNG and what a table says of it.

    Parameters
    ----------
    source : binary file, seekable
    row : ImageRow
        The image's row; ``ImageRow(file=name)`` where there is no table.
    derive_uid : callable
        ``derive_uid(*parts: str) -> str``: a valid UID, the same for the same parts.

    Returns
    -------
    ConvertedImage
        Before de-identification: *Patient ID* is the table's patient.

    Raises
    ------
    UnreadableInstance
        Reason ``not-dicom`` (no JPEG or PNG), ``truncated`` or ``undecodable-pixels``.

    Notes
    -----
    PHI: EXIF, XMP, comments, thumbnails and text chunks never pass. Lossy compression is stated for everything that was
    a lossy JPEG, decoded or not; a PNG's past is unknown and so is not stated. Type 2 attributes that nobody knows are
    empty, and no Type 1 attribute is invented.

    References
    ----------
    DICOM PS3.3 A.2 (CR), A.8.1 (SC), C.7.6.1.1.5 (lossy compression); PS3.5 A.4.1.
    """
    source.seek(0)
    encoded = source.read(MAX_IMAGE_BYTES + 1)
    if len(encoded) > MAX_IMAGE_BYTES:
        raise UnreadableInstance("The image file is larger than 256 MiB.", reason="undecodable-pixels")
    kind = sniff(encoded[:HEAD_BYTES], "")
    if kind is Kind.JPEG:
        stored = _from_jpeg(encoded)
    elif kind is Kind.PNG:
        stored = _from_png(encoded)
    else:
        raise UnreadableInstance("The file is neither JPEG nor PNG.", reason="not-dicom")
    dataset = _described(row)
    _add_uids(dataset, row, hashlib.sha256(encoded).hexdigest(), derive_uid)
    dataset.update(stored.attributes)
    return _as_file(dataset, stored)


@dataclass(frozen=True, slots=True)
class _Stored:
    """Pixels as they are stored: value bytes, their transfer syntax, and the attributes that go with them."""

    value: bytes
    transfer_syntax: str
    attributes: Dataset


def _from_jpeg(encoded: bytes) -> _Stored:
    jpeg = take_apart(encoded)
    sequential = (jpeg.process == 0xC0 and jpeg.precision == 8) or (jpeg.process == 0xC1 and jpeg.precision in (8, 12))
    if sequential and jpeg.color and jpeg.orientation == 1 and (jpeg.precision == 8 or jpeg.components == 1):
        stored = _encapsulated(jpeg)
    else:
        stored = _uncompressed(_decoded(encoded))
    if jpeg.process not in (0xC3, 0xC7, 0xCB, 0xCF):  # the lossless processes of T.81 table B.1
        _state_loss(stored.attributes, jpeg, len(encoded))
    return stored


def _encapsulated(jpeg: JpegCode) -> _Stored:
    attributes = _pixel_attributes(jpeg.rows, jpeg.columns, jpeg.components, 8 if jpeg.precision == 8 else 16)
    attributes.BitsStored = jpeg.precision
    attributes.HighBit = jpeg.precision - 1
    attributes.PhotometricInterpretation = jpeg.color
    syntax = JPEGBaseline8Bit if jpeg.process == 0xC0 else JPEGExtended12Bit
    return _Stored(encapsulate([jpeg.code], has_bot=False), str(syntax), attributes)


def _state_loss(attributes: Dataset, jpeg: JpegCode, size: int) -> None:
    """State what PS3.3 C.7.6.1.1.5 asks of an image that has ever been lossy."""
    uncompressed = jpeg.rows * jpeg.columns * jpeg.components * (1 if jpeg.precision == 8 else 2)
    attributes.LossyImageCompression = "01"
    attributes.LossyImageCompressionRatio = f"{uncompressed / size:.4g}"
    attributes.LossyImageCompressionMethod = "ISO_10918_1"


def _from_png(encoded: bytes) -> _Stored:
    # IHDR is the first chunk: bit depth and color type stand at fixed places (ISO/IEC 15948 section 11.2.2).
    if len(encoded) > 25 and encoded[24] == 16 and encoded[25] != 0:
        raise UnreadableInstance(
            "A PNG with 16 bits per color would lose bits when decoded.",
            reason="undecodable-pixels",
            mend="Store it as 16-bit gray or as 8-bit color.",
        )
    return _uncompressed(_decoded(encoded))


def _decoded(encoded: bytes) -> Frame:
    """Decode by Pillow to gray or RGB: a palette is applied, transparency left out, EXIF orientation carried out."""
    try:
        with Image.open(io.BytesIO(encoded), formats=("JPEG", "PNG")) as image:
            if image.width * image.height > MAX_IMAGE_PIXELS:
                raise UnreadableInstance("The image has too many pixels.", reason="undecodable-pixels")
            image.load()
            turned = ImageOps.exif_transpose(image)
            return np.asarray(_gray_or_rgb(turned))
    # Pillow raises OSError, SyntaxError, ValueError, zlib.error, ... from arbitrary bytes; texts may quote metadata.
    except (OSError, SyntaxError, ValueError, EOFError, Image.DecompressionBombError, ArithmeticError, LookupError):
        raise UnreadableInstance("The image cannot be decoded.", reason="undecodable-pixels") from None


def _gray_or_rgb(image: Image.Image) -> Image.Image:
    if image.mode in ("L", "RGB", "I;16"):
        return image
    if image.mode == "I;16B":
        return image.convert("I;16")
    if image.mode == "I":  # Pillow's mode for 16-bit gray of older files
        return Image.fromarray(np.asarray(image).clip(0, 65535).astype(np.uint16))
    if image.mode in ("1", "LA", "La"):
        return image.convert("L")
    color = image.convert("RGB") if image.mode != "P" else image.convert("RGBA").convert("RGB")
    channels = np.asarray(color)
    if image.mode == "P" and (channels[..., :1] == channels).all():
        return color.getchannel(0)
    return color


def _uncompressed(frame: Frame) -> _Stored:
    wide = frame.dtype.itemsize == 2
    samples = 1 if frame.ndim == 2 else 3
    attributes = _pixel_attributes(frame.shape[0], frame.shape[1], samples, 16 if wide else 8)
    value = np.ascontiguousarray(frame.astype("<u2" if wide else np.uint8)).tobytes()
    return _Stored(value, str(ExplicitVRLittleEndian), attributes)


def _pixel_attributes(rows: int, columns: int, samples: int, bits: int) -> Dataset:
    attributes = Dataset()
    attributes.SamplesPerPixel = samples
    attributes.PhotometricInterpretation = "MONOCHROME2" if samples == 1 else "RGB"
    if samples > 1:
        attributes.PlanarConfiguration = 0
    attributes.Rows, attributes.Columns = rows, columns
    attributes.BitsAllocated = attributes.BitsStored = bits
    attributes.HighBit = bits - 1
    attributes.PixelRepresentation = 0
    return attributes


def _described(row: ImageRow) -> Dataset:
    """Return patient, study, series and class as far as the table knows them."""
    view = _VIEWS.get(" ".join(row.view.casefold().replace("-", " ").replace("_", " ").split()))
    dataset = Dataset()
    dataset.PatientName = ""
    dataset.PatientID = row.patient
    dataset.PatientBirthDate = ""
    dataset.PatientSex = {"m": "M", "male": "M", "f": "F", "female": "F"}.get(row.sex.casefold(), "")
    if row.age_years is not None and 0 <= row.age_years < 1000:
        dataset.PatientAge = f"{int(row.age_years):03d}Y"
    for keyword in ("StudyDate", "StudyTime", "ReferringPhysicianName", "StudyID", "AccessionNumber"):
        setattr(dataset, keyword, "")
    for keyword in ("SeriesNumber", "InstanceNumber"):
        setattr(dataset, keyword, None)
    dataset.Manufacturer = ""
    dataset.PatientOrientation = ""
    if row.body_part:
        dataset.BodyPartExamined = row.body_part.upper()[:16]
    else:
        dataset.Laterality = ""  # Type 2C: asked for unless the body part is known to be unpaired
    is_radiograph = view is not None or row.modality.casefold() in _RADIOGRAPHIC_MODALITIES
    if is_radiograph:
        dataset.SOPClassUID = ComputedRadiographyImageStorage
        dataset.Modality = "CR"
        dataset.ViewPosition = view[0] if view else ""
        if not row.body_part:
            dataset.BodyPartExamined = ""
        if view:
            dataset.SeriesDescription = view[1]
    else:
        dataset.SOPClassUID = SecondaryCaptureImageStorage
        dataset.Modality = row.modality.upper() if row.modality.upper() in _OTHER_MODALITIES else "OT"
        dataset.ConversionType = "WSD"
    return dataset


def _add_uids(dataset: Dataset, row: ImageRow, digest: str, derive_uid: DeriveUid) -> None:
    """Derive UIDs: images of one patient on one day, or of one named study, are one study; each image is a series."""
    occasion = row.study or row.date or ("" if row.offset_days is None else f"{row.offset_days:g}")
    study = ("study", row.patient, occasion) if row.patient and occasion else ("study", row.patient, row.file, digest)
    dataset.StudyInstanceUID = derive_uid(*study)
    dataset.SeriesInstanceUID = derive_uid("series", row.patient, row.file, digest)
    dataset.SOPInstanceUID = derive_uid("instance", row.patient, row.file, digest)


def _as_file(dataset: Dataset, stored: _Stored) -> ConvertedImage:
    """Write the object to a temporary file and read it again, so that it goes on like any other."""
    encapsulated = stored.transfer_syntax != ExplicitVRLittleEndian
    span = PixelSpan(
        tag=0x7FE00010,
        vr="OB" if encapsulated or dataset.BitsAllocated <= 8 else "OW",
        offset=0,
        length=len(stored.value),
        encapsulated=encapsulated,
        fragments=1 if encapsulated else 0,
        is_complete=True,
    )
    made = Header(
        dataset=dataset,
        file_meta=Dataset(),
        transfer_syntax=stored.transfer_syntax,
        declared_transfer_syntax=stored.transfer_syntax,
        pixel=span,
        findings=(),
        size=len(stored.value),
        is_deflated=False,
    )
    target = cast(BinaryIO, tempfile.SpooledTemporaryFile(max_size=32 << 20))  # noqa: SIM115  (handed to the caller)
    try:
        write_instance(dataset, header=made, source=io.BytesIO(stored.value), target=target)
        note = Finding(
            code="converted-image", severity=Severity.NOTE, message="A JPEG or PNG image entered as a DICOM object."
        )
        return ConvertedImage(header=read_header(target), source=target, findings=(note,))
    except BaseException:
        with suppress(OSError):
            target.close()
        raise
