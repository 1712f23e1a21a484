"""Text that is burned into pixels is found; side markers are told from lines; slices without text pass."""

from __future__ import annotations

import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from pydicom.dataset import Dataset
from pydicom.uid import ExplicitVRLittleEndian

from radcommons.dicom.frames import Frame, iter_frames
from radcommons.dicom.pixeltext import TextBox, TextDetector, boxes_of
from radcommons.dicom.read import read_header
from radcommons.dicom.strokes import suspicious_rows
from radcommons.dicom.writing import Look, PixelReview, find_writing, review_pixels, text_findings, text_suspects
from radcommons.records.finding import Severity
from radcommons.synthetic.export import SeriesTask, write_series
from radcommons.synthetic.headers import StudyPlan
from radcommons.synthetic.identity import hospital_for, person_for
from radcommons.synthetic.recipes import RECIPES
from unit.dicom.pixel_objects import encapsulated, encoded, header, noisy_slice, stream, write_on

NAME = "QUELLMANN^THEOBALD 12.03.1956"


@pytest.fixture(scope="module")
def detector() -> TextDetector:
    """One session of the real network for the whole file."""
    return TextDetector()


def ct_file(frames: Frame) -> bytes:
    """Return a CT object of the frames (count, rows, columns) in int16."""
    dataset = header(rows=frames.shape[1], columns=frames.shape[2], frames=frames.shape[0])
    dataset.PixelRepresentation = 1
    return encoded(dataset, ExplicitVRLittleEndian, value=frames.astype("<i2").tobytes())


def review(file: bytes, detector: TextDetector) -> PixelReview:
    """Review a file's pixels."""
    return review_pixels(stream(file), read_header(stream(file)), detector=detector)


@pytest.mark.parametrize(
    ("value", "at"),
    [(1500, (10, 6)), (1500, (30, 150)), (40 + 3 * 60, (60, 40)), (-1024, (80, 246)), (300, (20, 250))],
    ids=["max on air", "max across lung and body", "grey on body", "black on body", "grey at the rim"],
)
@pytest.mark.parametrize("smooth", [True, False])
def test_a_name_in_a_slice_is_found(detector: TextDetector, value: int, at: tuple[int, int], smooth: bool) -> None:
    """A name in one slice of a CT is found: at the highest value, black, and grey at a few times the noise."""
    frame = noisy_slice()
    written = write_on(frame, NAME, at=at, value=value)
    if not smooth:
        cover = write_on(np.zeros(frame.shape, np.int16), NAME, at=at, value=1000) > 500
        written = np.where(cover, np.int16(value), frame)
    stack = np.stack([frame, written, noisy_slice(seed=6)])
    found = review(ct_file(stack), detector)
    assert found.asks_a_person
    assert {index for index, _ in found.boxes} == {1}
    assert found.frames == 3


def test_clean_slices_pass_cheaply(detector: TextDetector) -> None:
    """Slices without text bring no question, and most of them never reach the network."""
    found = review(ct_file(np.stack([noisy_slice(seed=seed) for seed in range(8)])), detector)
    assert not found.asks_a_person
    assert found.looked_at <= 4


def test_text_that_runs_down_is_found(detector: TextDetector) -> None:
    """A name turned by a quarter is found as well."""
    turned = np.rot90(write_on(noisy_slice(), NAME, at=(10, 6), value=1400)).copy()
    assert review(ct_file(turned[None]), detector).asks_a_person


def test_radiographs_tell_markers_from_lines(detector: TextDetector) -> None:
    """On a radiograph an "R" is a note and a line is a question."""
    film = np.random.default_rng(2).normal(110, 12, (600, 500)).clip(0, 255).astype(np.uint8)
    dataset = Dataset()
    dataset.Modality, dataset.BitsStored = "CR", 8
    marked = write_on(film, "R", at=(420, 30), value=255, size=40)
    boxes, _ = find_writing(marked, dataset, detector=detector, look=Look.FULL)
    notes = list(text_findings([(0, box) for box in boxes], shape=film.shape))
    assert [finding.severity for finding in notes] == [Severity.NOTE]
    named = write_on(marked, NAME, at=(20, 560), value=255, size=18)
    boxes, _ = find_writing(named, dataset, detector=detector, look=Look.FULL)
    findings = list(text_findings([(0, box) for box in boxes], shape=film.shape))
    lines = [finding for finding in findings if finding.severity is Severity.QUESTION]
    assert lines
    assert all(finding.code == "burned-in-text" for finding in findings)
    assert "QUELLMANN" not in str(findings)


def test_small_text_in_a_large_radiograph_is_found(detector: TextDetector) -> None:
    """Text that shrinks away before the network is found by its strokes."""
    film = np.random.default_rng(2).normal(2000, 60, (2000, 1600)).clip(0, 4095).astype(np.uint16)
    dataset = Dataset()
    dataset.Modality, dataset.BitsStored = "DX", 12
    named = write_on(film, NAME, at=(1200, 1900), value=4095, size=15)
    boxes, _ = find_writing(named, dataset, detector=detector, look=Look.FULL)
    assert any(box.x < 1300 < box.x + box.width and abs(box.y + box.height / 2 - 1908) < 20 for box in boxes)


def test_pixels_that_nobody_can_check_ask_a_person(detector: TextDetector) -> None:
    """An object that does not decode is held, never passed as clean."""
    found = review(encapsulated(header(), [b"no code at all."], "1.2.840.10008.1.2.4.90"), detector)
    assert [(finding.code, finding.severity) for finding in found.findings] == [("undecodable-pixels", "question")]


@pytest.mark.parametrize(
    ("attributes", "look"),
    [
        ({"Modality": "CT", "ImageType": ["ORIGINAL", "PRIMARY", "AXIAL"]}, Look.QUICK),
        ({"Modality": "MR", "ImageType": ["ORIGINAL", "PRIMARY"]}, Look.QUICK),
        ({"Modality": "SEG"}, Look.QUICK),
        ({"Modality": "CT", "ImageType": ["ORIGINAL", "PRIMARY", "LOCALIZER"]}, Look.FULL),
        ({"Modality": "CT", "ImageType": ["DERIVED", "SECONDARY"]}, Look.FULL),
        ({"Modality": "CT"}, Look.FULL),
        ({"Modality": "CT", "ImageType": ["ORIGINAL", "PRIMARY"], "LossyImageCompression": "01"}, Look.FULL),
        ({"Modality": "CT", "ImageType": ["ORIGINAL", "PRIMARY"], "SamplesPerPixel": 3}, Look.FULL),
        ({"Modality": "CT", "ImageType": ["ORIGINAL", "PRIMARY"], "BurnedInAnnotation": "YES"}, Look.FULL),
        *[({"Modality": m, "ImageType": ["ORIGINAL", "PRIMARY"]}, Look.FULL) for m in ("CR", "DX", "US", "OT", "")],
        ({}, Look.FULL),
    ],
)
def test_only_original_slices_are_looked_at_quickly(attributes: dict[str, object], look: Look) -> None:
    """What is not known to be an original gray slice is looked at fully."""
    dataset = Dataset()
    for keyword, value in attributes.items():
        setattr(dataset, keyword, value)
    assert text_suspects(dataset) is look


@pytest.mark.parametrize(
    ("width", "height", "severity"),
    [(40, 50, "note"), (60, 40, "note"), (30, 80, "note"), (100, 30, "question"), (20, 90, "question")],
)
def test_the_shape_of_a_box_decides(width: int, height: int, severity: str) -> None:
    """One or two letters, or a letter above initials, are a note; lines across and down are questions."""
    box = TextBox(x=5, y=6, width=width, height=height, score=0.9)
    [finding] = text_findings([(2, box)], shape=(1000, 1000))
    assert finding.severity == severity
    assert finding.where.startswith("frame 3, x 5..")


def test_boxes_are_grown_from_their_kernels() -> None:
    """A probability map gives boxes in pixels of the frame, wider than the kernel, without the faint and the tiny."""
    probability = np.zeros((100, 200), np.float32)
    probability[40:50, 20:120] = 0.9
    probability[80:90, 20:60] = 0.35
    probability[10:12, 10:12] = 1.0
    [box] = boxes_of(probability, rows=200, columns=400, min_score=0.5)
    assert 0.85 < box.score < 0.95
    assert box.x < 40 < 240 < box.x + box.width
    assert box.y < 80 < 100 < box.y + box.height


def test_frames_without_values_are_no_suspicion() -> None:
    """Constant, tiny, float and binary frames are looked at without error."""
    for frame in (
        np.zeros((64, 64), np.uint16),
        np.full((1, 1), 7, np.uint8),
        np.random.default_rng(1).normal(size=(64, 64)),
        np.full((64, 64), np.nan),
        np.eye(64, dtype=np.uint8),
        np.zeros((0, 5), np.uint8),
    ):
        assert suspicious_rows(frame) == []


def test_the_network_is_read_without_its_package() -> None:
    """Detection runs with neither rapidocr nor opencv imported."""
    code = (
        "import sys, numpy; from radcommons.dicom.pixeltext import TextDetector;"
        "TextDetector().find_text(numpy.zeros((64, 64), numpy.uint8));"
        "assert not {'rapidocr', 'cv2'} & set(sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_real_slices_are_not_held(shared_data: Path, detector: TextDetector) -> None:
    """Of every sixth real CT slice none brings a question."""
    paths = sorted((shared_data / "ct_open").rglob("*.dcm")) + sorted((shared_data / "ct_covid_ct_md").rglob("*.dcm"))
    held = [path.name for path in paths[::6] if review(path.read_bytes(), detector).asks_a_person]
    assert held == []


def test_the_network_sees_few_real_slices(shared_data: Path) -> None:
    """The cheap look suspects less than a tenth of the real CT slices, so that it decides what a CT costs."""
    paths = sorted((shared_data / "ct_open").rglob("*.dcm")) + sorted((shared_data / "ct_covid_ct_md").rglob("*.dcm"))
    frames = []
    for path in paths[::3]:
        with path.open("rb") as source:
            frames.append(next(iter_frames(source, read_header(source))))
    assert len(frames) > 50
    assert sum(bool(suspicious_rows(frame)) for frame in frames) < len(frames) / 10


def test_a_smoothed_name_on_soft_tissue_is_found(detector: TextDetector) -> None:
    """A small name that rises by five times the noise of soft tissue, a few percent of the range, is found."""
    held = 0
    for seed in range(4):
        written = write_on(noisy_slice(seed=seed, size=512), NAME, at=(120, 90), value=40 + 5 * 18, size=12)
        held += review(ct_file(written[None]), detector).asks_a_person
    assert held == 4


def test_the_invented_thorax_is_not_held(tmp_path: Path, detector: TextDetector) -> None:
    """A series of the product's own phantom asks nobody, notes nothing; the network sees less than half of it."""
    recipe, at = RECIPES[7], datetime(2020, 12, 15, 9, tzinfo=UTC)
    person = person_for(
        seed=2020, number=7, culture=recipe.culture, sex=recipe.sex, age_years=recipe.age_years, on=at.date(), visits=1
    )
    study = StudyPlan(
        key="7", study_uid="2.25.71", frame_of_reference_uid="2.25.72", at=at, accession="7", description="CT"
    )
    series = write_series(
        SeriesTask(
            folder=tmp_path,
            seed=202007,
            recipe=recipe,
            visit=recipe.visits[0],
            series=recipe.visits[0].series[0],
            number=1,
            person=person,
            hospital=hospital_for("BRAVO", 1),
            study=study,
        )
    )
    reviews = [review(path.read_bytes(), detector) for path in series.paths]
    assert len(reviews) == recipe.visits[0].series[0].slices
    assert [found.findings for found in reviews if found.findings] == []
    assert sum(found.looked_at for found in reviews) < len(reviews) / 2


@pytest.mark.slow
def test_real_radiographs_with_a_line_are_found_and_others_pass(shared_data: Path, detector: TextDetector) -> None:
    """Radiographs that show a date, a ward or "portable" are held; those with just a marker or nothing are not."""
    dataset = Dataset()
    dataset.Modality, dataset.BitsStored = "CR", 8
    expected = {
        "x16a2": True, "xd4d9": True, "x0978": True, "x4798": True, "xe03d": True,
        "x0758": False, "x2fa8": False, "x0eaf": False, "x1151": False, "x43e9": False,
    }  # fmt: skip
    for start, held in expected.items():
        [path] = (shared_data / "xray").glob(f"{start}*.jpg")
        frame = np.asarray(Image.open(path).convert("L"))
        boxes, _ = find_writing(frame, dataset, detector=detector, look=Look.FULL)
        findings = text_findings([(0, box) for box in boxes], shape=frame.shape)
        assert any(finding.severity is Severity.QUESTION for finding in findings) is held, start


def test_a_frame_too_busy_to_tell_is_shown_to_the_network() -> None:
    """Where high-contrast specks are too many to be told apart, the whole frame is a suspicion, not a pass."""
    frame = np.zeros((400, 400), np.uint16)
    frame[2::8, 2::8] = frame[3::8, 2::8] = 4000
    for step in range(6):
        frame[2 + step :: 8, 2::8] = (
            4000 + np.arange(50 * 50, dtype=np.uint16).reshape(50, 50)[: len(frame[2 + step :: 8])]
        )
    assert any((row.x, row.width) == (0, 400) for row in suspicious_rows(frame))
