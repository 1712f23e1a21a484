"""Writing in pixels is covered, markers stay, and nothing else changes."""

from __future__ import annotations

import io

import numpy as np
import openjpeg
import pytest
from PIL import Image, ImageDraw, ImageFont
from pydicom.dataset import Dataset
from pydicom.uid import ExplicitVRBigEndian, ExplicitVRLittleEndian

from radcommons.dicom.codestream import RLE, rle_frame
from radcommons.dicom.frames import Frame, iter_frames
from radcommons.dicom.jpegcode import lossless_jpeg
from radcommons.dicom.pixelclean import PixelCleaning, PixelPolicy, clean_pixels
from radcommons.dicom.pixelread import TextReader
from radcommons.dicom.pixeltext import TextDetector
from radcommons.dicom.read import read_header
from radcommons.dicom.rewrite import write_instance
from radcommons.records.finding import Severity
from unit.dicom.pixel_objects import CANARY, encapsulated, encoded, header, stream

NAME = "QUELLMANN 1956"
NAME_AT, MARKER_AT = (40, 40), (250, 200)
ROWS, COLUMNS = 240, 320
JPEG, JPEG_LOSSLESS, J2K, HTJ2K = (f"1.2.840.10008.1.2.4.{end}" for end in (50, 70, 90, 201))


@pytest.fixture(scope="module")
def networks() -> tuple[TextDetector, TextReader]:
    """One session of each real network for the whole file."""
    return TextDetector(), TextReader()


def film(*, seed: int = 2, words: bool = True, marker: bool = True, name: str = NAME) -> np.ndarray:
    """Return a soft picture of 8 bits with noise, a name and a side letter."""
    down, across = np.mgrid[0:ROWS, 0:COLUMNS]
    soft = 70 + 40 * np.sin(down / 70) * np.cos(across / 90)
    picture = Image.fromarray(
        (soft + np.random.default_rng(seed).normal(0, 3, soft.shape)).clip(0, 255).astype(np.uint8)
    )
    pen = ImageDraw.Draw(picture)
    if words:
        pen.text(NAME_AT, name, font=ImageFont.load_default(22), fill=235)
    if marker:
        pen.text(MARKER_AT, "R", font=ImageFont.load_default(34), fill=245)
    return np.asarray(picture)


def told(frames: int = 1, **elements: object) -> Dataset:
    """Return a radiograph's header of 8 bits."""
    dataset = header(rows=ROWS, columns=COLUMNS, frames=frames, bits=8)
    dataset.Modality, dataset.ImageType = "CR", ["ORIGINAL", "PRIMARY"]
    for keyword, value in elements.items():
        setattr(dataset, keyword, value)
    return dataset


def cleaned(file: bytes, networks: tuple[TextDetector, TextReader], **policy: bool) -> tuple[PixelCleaning, bytes]:
    """Return what was found, and the file written with it."""
    source = stream(file)
    head = read_header(source)
    found = clean_pixels(source, head, detector=networks[0], reader=networks[1], policy=PixelPolicy(**policy))
    out, dataset = io.BytesIO(), Dataset()
    dataset.update(head.dataset)
    if found.pixels is None:
        write_instance(dataset, header=head, source=source, target=out)
    else:
        found.pixels.apply_to(dataset)
        write_instance(dataset, header=found.pixels.header(head), source=found.pixels.source, target=out)
    return found, out.getvalue()


def frames_of(file: bytes) -> list[Frame]:
    """Return all decoded frames."""
    source = stream(file)
    return list(iter_frames(source, read_header(source)))


def changed_outside(before: Frame, after: Frame, found: PixelCleaning, index: int = 0) -> int:
    """Return how many pixels differ outside the boxes of a frame."""
    differs = (before != after) if before.ndim == 2 else (before != after).any(axis=2)
    for frame, box in found.boxes:
        if frame == index:
            differs[box.y : box.y + box.height, box.x : box.x + box.width] = False
    return int(differs.sum())


def assert_clean(before: Frame, after: Frame) -> None:
    """Check that nothing of the name is left and that the marker stands."""
    gray = after if after.ndim == 2 else after[..., 0]
    where = (slice(NAME_AT[1], NAME_AT[1] + 24), slice(NAME_AT[0], NAME_AT[0] + 150))
    assert float(np.ptp(gray[where])) < 0.5 * float(np.ptp(before))
    marker = (slice(MARKER_AT[1] - 2, MARKER_AT[1] + 36), slice(MARKER_AT[0] - 2, MARKER_AT[0] + 26))
    assert np.array_equal(before[marker], after[marker])


def native(frame: np.ndarray, interpretation: str) -> tuple[Dataset, bytes]:
    """Return header and pixel value of a film in one color arrangement."""
    if interpretation in ("MONOCHROME2", "MONOCHROME1"):
        return told(PhotometricInterpretation=interpretation), frame.tobytes()
    if interpretation == "PALETTE COLOR":
        ramp = (np.arange(256, dtype="<u2") * 257).tobytes()
        dataset = told(PhotometricInterpretation=interpretation)
        for color in ("Red", "Green", "Blue"):
            setattr(dataset, f"{color}PaletteColorLookupTableDescriptor", [256, 0, 16])
            setattr(dataset, f"{color}PaletteColorLookupTableData", ramp)
        return dataset, frame.tobytes()
    dataset = told(SamplesPerPixel=3, PhotometricInterpretation="RGB", PlanarConfiguration=0)
    cells = np.stack([frame] * 3, axis=2)
    if interpretation == "planes":
        dataset.PlanarConfiguration = 1
        cells = cells.transpose(2, 0, 1)
    if interpretation == "YBR_FULL_422":
        dataset.PhotometricInterpretation = interpretation
        cells = np.full((ROWS, COLUMNS // 2, 4), 128, np.uint8)
        cells[..., 0], cells[..., 1] = frame[:, ::2], frame[:, 1::2]
    return dataset, np.ascontiguousarray(cells).tobytes()


@pytest.mark.parametrize(
    "interpretation", ["MONOCHROME2", "MONOCHROME1", "PALETTE COLOR", "RGB", "planes", "YBR_FULL_422"]
)
def test_a_name_is_covered_in_native_pixels(networks: tuple[TextDetector, TextReader], interpretation: str) -> None:
    """The name goes, the side letter stays, and no pixel outside the boxes changes, in any arrangement of samples."""
    dataset, value = native(film(), interpretation)
    file = encoded(dataset, value=value)
    found, clean = cleaned(file, networks)
    assert not found.asks_a_person
    assert found.is_checked
    before, after = frames_of(file)[0], frames_of(clean)[0]
    assert changed_outside(before, after, found) == 0
    assert_clean(before, after)
    assert read_header(stream(clean)).dataset.ImageType[0] == "DERIVED"


@pytest.mark.parametrize("syntax", [ExplicitVRLittleEndian, ExplicitVRBigEndian])
@pytest.mark.parametrize("bits", [8, 16])
def test_either_byte_order_is_covered(networks: tuple[TextDetector, TextReader], syntax: str, bits: int) -> None:
    """Words of either order are covered alike."""
    dataset = told(BitsAllocated=bits, BitsStored=bits, HighBit=bits - 1)
    frame = film().astype(np.uint16) << (bits - 8)
    if bits == 8:
        value = film().tobytes()
        value = value if syntax == ExplicitVRLittleEndian else np.frombuffer(value, "<u2").astype(">u2").tobytes()
    else:
        value = frame.astype("<u2" if syntax == ExplicitVRLittleEndian else ">u2").tobytes()
    file = encoded(dataset, syntax, value=value)
    found, clean = cleaned(file, networks)
    before, after = frames_of(file)[0], frames_of(clean)[0]
    assert np.array_equal(before, frame)
    assert changed_outside(before, after, found) == 0
    assert_clean(before, after)


def jpeg(frame: np.ndarray) -> bytes:
    """Return a frame as baseline JPEG."""
    out = io.BytesIO()
    Image.fromarray(frame).save(out, "JPEG", quality=90)
    return out.getvalue()


CODERS = {
    JPEG_LOSSLESS: lambda frame: lossless_jpeg(frame, bits=8),
    J2K: lambda frame: bytes(openjpeg.utils.encode_array(frame, bits_stored=8, photometric_interpretation=2)),
    RLE: lambda frame: rle_frame([frame.tobytes()], columns=COLUMNS),
}


@pytest.mark.parametrize("syntax", CODERS)
def test_only_touched_frames_change(networks: tuple[TextDetector, TextReader], syntax: str) -> None:
    """Of three frames the one with a name is coded again without loss; the others keep their values."""
    frames = [film(words=index == 1, seed=index) for index in range(3)]
    file = encapsulated(told(frames=3), [CODERS[syntax](frame) for frame in frames], syntax)
    found, clean = cleaned(file, networks)
    assert {index for index, _ in found.boxes} == {1}
    after = frames_of(clean)
    assert read_header(stream(clean)).transfer_syntax == syntax
    assert np.array_equal(frames[0], after[0])
    assert np.array_equal(frames[2], after[2])
    assert changed_outside(frames[1], after[1], found, 1) == 0
    assert_clean(frames[1], after[1])


def test_a_covered_jpeg_states_its_loss(networks: tuple[TextDetector, TextReader]) -> None:
    """Baseline JPEG stays what it is, untouched frames byte for byte; the loss of the touched one is stated."""
    codes = [jpeg(film(words=index == 1, seed=index)) for index in range(2)]
    file = encapsulated(told(frames=2), codes, JPEG)
    found, clean = cleaned(file, networks)
    before, after = frames_of(file), frames_of(clean)
    assert codes[0] in clean
    assert codes[1] not in clean
    assert np.array_equal(before[0], after[0])
    outside = np.ones(before[1].shape, bool)
    for index, box in found.boxes:
        if index == 1:
            outside[max(box.y - 16, 0) : box.y + box.height + 16, max(box.x - 16, 0) : box.x + box.width + 16] = False
    assert np.abs(before[1].astype(int) - after[1])[outside].max() <= 3
    dataset = read_header(stream(clean)).dataset
    assert dataset.LossyImageCompression == "01"
    assert dataset.LossyImageCompressionMethod == "ISO_10918_1"


def test_a_banner_that_stands_still_goes_from_all_frames(networks: tuple[TextDetector, TextReader]) -> None:
    """In a long series the network sees some frames; what stands still is covered in all."""
    frames = np.stack([film(seed=index, marker=False) for index in range(12)])
    dataset = told(frames=12, Modality="US")
    found, clean = cleaned(encoded(dataset, value=frames.tobytes()), networks)
    assert found.is_checked
    assert {index for index, _ in found.boxes} == set(range(12))
    for before, after in zip(frames, frames_of(clean), strict=True):
        assert float(np.ptp(after[38:66, 38:200])) < 0.5 * float(np.ptp(before))


def test_what_lies_outside_ultrasound_regions_is_banner(networks: tuple[TextDetector, TextReader]) -> None:
    """The strips around the regions of an ultrasound image are covered, whatever stands there."""
    region = Dataset()
    region.RegionLocationMinX0, region.RegionLocationMinY0 = 20, 80
    region.RegionLocationMaxX1, region.RegionLocationMaxY1 = 300, 230
    frame = film(words=False, marker=False)
    dataset = told(Modality="US", SequenceOfUltrasoundRegions=[region])
    _, clean = cleaned(encoded(dataset, value=frame.tobytes()), networks)
    after = frames_of(clean)[0]
    assert np.array_equal(after[80:231, 20:301], frame[80:231, 20:301])
    assert len(np.unique(after[:80])) == 1
    assert len(np.unique(after[231:])) == 1


def test_a_clean_picture_is_copied(networks: tuple[TextDetector, TextReader]) -> None:
    """With a side letter alone nothing is covered, and the source's bytes may be copied."""
    found, _ = cleaned(encoded(told(), value=film(words=False).tobytes()), networks)
    assert found.pixels is None
    assert found.is_checked
    assert found.findings == ()


def test_the_policy_may_hold_instead(networks: tuple[TextDetector, TextReader]) -> None:
    """Where nothing may be covered, writing is a question for a person, without a word of it."""
    found, clean = cleaned(encoded(told(), value=film().tobytes()), networks, covers=False)
    assert found.asks_a_person
    assert not found.is_checked
    assert found.pixels is None
    assert np.array_equal(frames_of(clean)[0], film())
    assert not any("QUELL" in finding.message + finding.where for finding in found.findings)


@pytest.mark.parametrize(
    ("elements", "code", "severity"),
    [
        ({"ImageType": ["DERIVED", "SECONDARY", "SCREEN SAVE"]}, "screen-capture", Severity.REFUSAL),
        (
            {"ImageType": ["DERIVED", "SECONDARY", "OTHER"], "SeriesDescription": "Patient Protocol"},
            "screen-capture",
            Severity.REFUSAL,
        ),
        ({"RecognizableVisualFeatures": "YES"}, "recognizable-face", Severity.QUESTION),
        ({"BurnedInAnnotation": "YES"}, "identity-flagged", Severity.QUESTION),
    ],
)
def test_what_the_header_says_counts(
    networks: tuple[TextDetector, TextReader], elements: dict[str, object], code: str, severity: Severity
) -> None:
    """Captures are refused by origin; faces, and identity that nobody finds, are questions."""
    found, _ = cleaned(encoded(told(**elements), value=film(words=False).tobytes()), networks)
    assert [(finding.code, finding.severity) for finding in found.findings] == [(code, severity)]
    assert not found.is_checked


def test_a_dose_sheet_is_told_by_its_content(networks: tuple[TextDetector, TextReader]) -> None:
    """Lines of writing on black are a sheet, although the object says that it is an original CT image."""
    picture = Image.new("L", (512, 512), 0)
    pen = ImageDraw.Draw(picture)
    for line in range(18):
        pen.text((12, 12 + 27 * line), f"{CANARY} {line} CTDIvol 12.{line}", font=ImageFont.load_default(17), fill=255)
        pen.text((330, 12 + 27 * line), f"DLP 4{line}", font=ImageFont.load_default(17), fill=255)
    dataset = header(rows=512, columns=512, bits=8)
    dataset.ImageType = ["DERIVED", "SECONDARY"]
    found, _ = cleaned(encoded(dataset, value=picture.tobytes()), networks)
    assert "screen-capture" in [finding.code for finding in found.findings]


def test_slices_of_a_head_are_held_where_faces_are_guarded(networks: tuple[TextDetector, TextReader]) -> None:
    """Under option 113102 slices of a head are a question, since nothing takes the face out; a chest is none."""
    frame = film(words=False, marker=False)
    head = told(Modality="CT", BodyPartExamined="HEAD")
    chest = told(Modality="CT", BodyPartExamined="CHEST")
    assert cleaned(encoded(head, value=frame.tobytes()), networks, guards_faces=True)[0].asks_a_person
    assert not cleaned(encoded(chest, value=frame.tobytes()), networks, guards_faces=True)[0].asks_a_person
