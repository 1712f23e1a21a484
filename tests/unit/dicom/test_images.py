"""JPEG and PNG enter as DICOM: pixels unchanged, metadata gone, nothing invented."""

from __future__ import annotations

import hashlib
import io
import subprocess
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo
from pydicom import dcmread

from radcommons.dicom.conformance import check
from radcommons.dicom.frames import Frame, iter_frames
from radcommons.dicom.images import ConvertedImage, image_to_dicom
from radcommons.dicom.jpeg import take_apart
from radcommons.dicom.table_csv import ImageRow
from radcommons.records.errors import UnreadableInstance
from unit.dicom.pixel_objects import CANARY, jpeg, png, stream

ROW = ImageRow(file="a.jpg", patient="p-1", view="AP Supine", sex="F", age_years=80.0, offset_days=3.0)
GRAY = (np.add.outer(np.arange(40), np.arange(56)) * 2).astype(np.uint8)
COLOR = np.stack([GRAY, GRAY[::-1], 255 - GRAY], axis=-1)


def derive_uid(*parts: str) -> str:
    """Derive a UID from parts, as a caller would."""
    return f"2.25.{int.from_bytes(hashlib.sha256(chr(0).join(parts).encode()).digest()[:15], 'big')}"


def convert(file: bytes, row: ImageRow = ROW) -> ConvertedImage:
    """Convert a file."""
    return image_to_dicom(stream(file), row=row, derive_uid=derive_uid)


def picture(image: ConvertedImage) -> Frame:
    """Decode the only frame of a converted image."""
    return next(iter_frames(image.source, image.header))


def test_baseline_jpeg_is_encapsulated_without_recompression() -> None:
    """The entropy-coded data of a baseline JPEG stand in the object byte for byte, and so decode to the same."""
    file = jpeg(GRAY)
    image = convert(file)
    assert image.header.transfer_syntax == "1.2.840.10008.1.2.4.50"
    scan = file[file.index(b"\xff\xda") : -2]
    image.source.seek(0)
    assert scan in image.source.read()
    assert (picture(image) == np.asarray(Image.open(io.BytesIO(file)))).all()
    assert list(check(image.header.dataset, image.header)) == []


@pytest.mark.parametrize("subsampling", [0, 2])
def test_color_jpeg_says_its_color_space(subsampling: int) -> None:
    """Color is encapsulated as YBR, subsampled or not, and shows the same colors."""
    file = jpeg(COLOR, subsampling=subsampling)
    image = convert(file)
    expected = "YBR_FULL" if subsampling == 0 else "YBR_FULL_422"
    assert image.header.dataset.PhotometricInterpretation == expected
    difference = picture(image).astype(int) - np.asarray(Image.open(io.BytesIO(file)))
    assert np.abs(difference).mean() < 2


def test_metadata_of_a_jpeg_never_pass() -> None:
    """EXIF, XMP, comments and what stands behind the end mark are in no byte of the object."""
    exif = Image.Exif()
    exif[0x010E] = CANARY
    file = jpeg(GRAY, exif=exif, comment=CANARY.encode(), xmp=CANARY.encode()) + CANARY.encode()
    assert file.count(CANARY.encode()) == 4
    image = convert(file)
    image.source.seek(0)
    assert CANARY.encode() not in image.source.read()
    assert take_apart(file).removed > 0


def test_progressive_and_turned_jpegs_are_decoded() -> None:
    """A progressive JPEG is stored uncompressed, one with an EXIF orientation turned; both still say that they lost."""
    progressive = convert(jpeg(GRAY, progressive=True))
    exif = Image.Exif()
    exif[0x0112] = 6
    turned = convert(jpeg(GRAY, exif=exif))
    assert picture(progressive).shape == (40, 56)
    assert picture(turned).shape == (56, 40)
    for image in (progressive, turned):
        assert image.header.transfer_syntax == "1.2.840.10008.1.2.1"
        assert image.header.dataset.LossyImageCompression == "01"
        assert image.header.dataset.LossyImageCompressionMethod == "ISO_10918_1"
        assert float(image.header.dataset.LossyImageCompressionRatio) > 1


@pytest.mark.parametrize(
    ("made", "expected"),
    [
        (Image.fromarray(GRAY), GRAY),
        (Image.fromarray(COLOR), COLOR),
        (Image.fromarray(GRAY.astype(np.uint16) * 257), GRAY.astype(np.uint16) * 257),
        (Image.fromarray(np.dstack([GRAY, GRAY // 2])), GRAY),
        (Image.fromarray(GRAY).convert("P"), GRAY),
    ],
)
def test_png_values_are_kept(made: Image.Image, expected: Frame) -> None:
    """Gray of 8 and 16 bits, color, palette and transparency enter with exactly their values, and no claim of loss."""
    info = PngInfo()
    info.add_text("Title", CANARY)
    image = convert(png(made, pnginfo=info))
    assert (picture(image) == expected).all()
    assert "LossyImageCompression" not in image.header.dataset
    image.source.seek(0)
    assert CANARY.encode() not in image.source.read()


def test_class_and_attributes_follow_what_the_table_knows() -> None:
    """A view makes a CR with what the table says, no view a Secondary Capture; what is unknown stays empty."""
    known = convert(jpeg(GRAY)).header.dataset
    assert (known.Modality, known.ViewPosition, known.PatientAge, known.PatientSex) == ("CR", "AP", "080Y", "F")
    assert known.PatientID == "p-1"
    unknown = convert(jpeg(GRAY), ImageRow(file="a.jpg")).header.dataset
    assert (unknown.SOPClassUID, unknown.Modality) == ("1.2.840.10008.5.1.4.1.1.7", "OT")
    assert unknown.ConversionType == "WSD"
    assert "PatientAge" not in unknown
    assert "BodyPartExamined" not in unknown
    assert unknown.PatientSex == unknown.PatientID == unknown.StudyDate == ""
    assert convert(jpeg(GRAY), ImageRow(file="a.jpg", view="L")).header.dataset.ViewPosition == ""


def test_uids_are_the_same_every_time_and_group_by_patient_and_day() -> None:
    """The same file gets the same UIDs; two images of one patient and day share a study, another day does not."""
    first, again = (convert(jpeg(GRAY)).header.dataset for _ in range(2))
    assert first.SOPInstanceUID == again.SOPInstanceUID
    same_day = convert(jpeg(GRAY.T.copy()), ImageRow(file="b.jpg", patient="p-1", offset_days=3.0)).header.dataset
    other_day = convert(jpeg(GRAY), ImageRow(file="a.jpg", patient="p-1", offset_days=9.0)).header.dataset
    assert same_day.StudyInstanceUID == first.StudyInstanceUID != other_day.StudyInstanceUID
    assert same_day.SOPInstanceUID != first.SOPInstanceUID


@pytest.mark.parametrize(
    ("file", "reason"),
    [
        (b"no image", "not-dicom"),
        (jpeg(GRAY)[:-40], "truncated"),
        (png(Image.fromarray(GRAY))[:60], "undecodable-pixels"),
        (b"\xff\xd8\xff\xe0\x00\x01rest", "undecodable-pixels"),
        (b"\xff\xd8\xff\xd9", "undecodable-pixels"),
    ],
)
def test_broken_images_end_with_a_reason(file: bytes, reason: str) -> None:
    """A broken image is refused by a code."""
    with pytest.raises(UnreadableInstance) as refused:
        convert(file)
    assert refused.value.reason == reason


@pytest.mark.parametrize("row", [ROW, ImageRow(file="a.jpg")])
def test_objects_satisfy_an_outside_validator(row: ImageRow, tmp_path: Path) -> None:
    """dciodvfy finds no error in a CR or a Secondary Capture made from a JPEG."""
    image = convert(jpeg(GRAY), row)
    image.source.seek(0)
    path = tmp_path / "image.dcm"
    path.write_bytes(image.source.read())
    told = subprocess.run(["dciodvfy", str(path)], capture_output=True, text=True, check=False).stderr
    assert "Error" not in told
    assert dcmread(path).SOPInstanceUID == image.header.dataset.SOPInstanceUID


def test_a_real_radiograph_keeps_its_pixels(shared_data: Path) -> None:
    """Ten real radiographs decode to the same values as object and as file."""
    for path in sorted((shared_data / "xray").glob("*.jpg"))[:10]:
        image = convert(path.read_bytes(), ImageRow(file=path.name, view="PA"))
        assert (picture(image) == np.asarray(Image.open(path))).all()
