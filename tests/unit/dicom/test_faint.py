"""Faint writing in slices is suspected against the noise of its place, and covered where the network confirms it."""

from __future__ import annotations

import io
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont
from pydicom.dataset import Dataset

from radcommons.dicom.boxes import place_of
from radcommons.dicom.faint import Faint, faint_rows, views_of
from radcommons.dicom.frames import Frame, iter_frames
from radcommons.dicom.pixeltext import TextDetector
from radcommons.dicom.read import read_header
from radcommons.dicom.writing import Look, find_writing, is_of_letters
from radcommons.synthetic.canary import canary_set
from radcommons.synthetic.export import SeriesTask, write_series
from radcommons.synthetic.headers import StudyPlan
from radcommons.synthetic.identity import hospital_for, person_for
from radcommons.synthetic.recipes import RECIPES

TEXT = "BRACKWATER J 1957"
SIDE = 384


def _slice(*, seed: int = 3) -> Frame:
    """Return a body in air with a table's edge below it, in 16 bits."""
    chance = np.random.default_rng(seed)
    y, x = np.mgrid[:SIDE, :SIDE]
    body = ((x - 192) / 150) ** 2 + ((y - 170) / 110) ** 2 < 1
    frame = np.where(body, 1050.0, 20.0)
    frame[np.abs(y - 300 + ((x - 192) / 40) ** 2) < 3] = 900
    return np.asarray((frame + chance.normal(0, 14, frame.shape)).round().clip(0).astype(np.int16))


def _written(frame: Frame, at: tuple[int, int], value: float, *, size: int = 13) -> tuple[Frame, tuple[slice, slice]]:
    mask = Image.new("L", frame.shape[::-1])
    ImageDraw.Draw(mask).text(at, TEXT, fill=255, font=ImageFont.load_default(size))
    ink = np.asarray(mask, np.float32) / 255
    rows, columns = np.nonzero(ink > 0.5)
    place = (slice(int(rows.min()), int(rows.max()) + 1), slice(int(columns.min()), int(columns.max()) + 1))
    return np.asarray((frame * (1 - ink) + value * ink).round().astype(np.int16)), place


def _header(modality: str = "CT") -> Dataset:
    dataset = Dataset()
    dataset.Modality, dataset.ImageType, dataset.BitsStored = modality, ["ORIGINAL", "PRIMARY", "AXIAL"], 16
    return dataset


@pytest.fixture(scope="module")
def detector() -> TextDetector:
    """One session of the real network for the whole file."""
    return TextDetector()


@pytest.mark.parametrize(
    ("at", "value"), [((20, 12), 140), ((110, 150), 1170), ((230, 330), 140), ((150, 200), 930), ((40, 90), 1170)]
)
@pytest.mark.parametrize("turned", [False, True])
def test_faint_lines_are_covered(detector: TextDetector, at: tuple[int, int], value: float, turned: bool) -> None:
    """A line 120 units off air or tissue, in small smooth letters, lying or standing, or half off the body."""
    frame, place = _written(_slice(), at, value)
    mask = np.zeros(frame.shape, np.bool_)
    mask[place] = True
    if turned:
        frame, mask = np.ascontiguousarray(np.rot90(frame)), np.rot90(mask)
    boxes, _ = find_writing(frame, _header(), detector=detector, look=Look.QUICK)
    covered = np.zeros(frame.shape, np.bool_)
    for box in boxes:
        covered[box.y : box.y + box.height, box.x : box.x + box.width] = True
    assert covered[mask].mean() > 0.5
    assert covered.sum() < 5 * mask.sum()


@pytest.mark.parametrize("modality", ["CT", "MR", "PT"])
def test_clean_slices_are_left_alone(detector: TextDetector, modality: str) -> None:
    """A body, air and the curved edge of a table hold no writing."""
    for seed in range(4):
        frame = _slice(seed=seed)
        assert find_writing(frame, _header(modality), detector=detector, look=Look.QUICK)[0] == []


def test_the_edge_of_a_drawn_table_is_left_alone(tmp_path: Path, detector: TextDetector) -> None:
    """Slices of the product's own phantoms, whose edges repeat values as letters do, lose nothing."""
    at = datetime(2020, 12, 15, 9, tzinfo=UTC)
    looked = 0
    for number in (1, 4, 9):
        recipe = RECIPES[number]
        visit = recipe.visits[0]
        person = person_for(
            seed=77,
            number=number,
            culture=recipe.culture,
            sex=recipe.sex,
            age_years=recipe.age_years,
            on=at.date(),
            visits=1,
        )
        study = StudyPlan(
            key="7", study_uid="2.25.71", frame_of_reference_uid="2.25.72", at=at, accession="7", description="CT"
        )
        task = SeriesTask(
            folder=tmp_path / str(number),
            seed=300 + number,
            recipe=recipe,
            visit=visit,
            series=visit.series[0],
            number=1,
            person=person,
            hospital=hospital_for("BRAVO", 1),
            study=study,
        )
        for path in write_series(task).paths[::3]:
            with path.open("rb") as source:
                header = read_header(source)
                for frame in iter_frames(source, header):
                    found = find_writing(frame, header.dataset, detector=detector, look=Look.QUICK)[0]
                    assert found == [], path.name
                    looked += 1
    assert looked >= 8


def test_a_view_shows_the_letters_bright() -> None:
    """Dark letters and bright ones stand out brighter than their ground in every view, at twice the size."""
    for value in (930, 1170):
        frame, place = _written(_slice(), (110, 150), value)
        one = Faint(x=place[1].start, y=place[0].start, width=100, height=10, level=float(value))
        ink = frame[place] == value
        for view in views_of(frame, one):
            top, left = (place[0].start - view.top) * 2, (place[1].start - view.left) * 2
            shown = view.picture[top : top + 2 * ink.shape[0] : 2, left : left + 2 * ink.shape[1] : 2]
            assert np.median(shown[ink]) > np.median(shown[~ink]) + 30


@pytest.mark.parametrize("dtype", [np.uint8, np.int32, np.uint16, np.float32, np.float64])
def test_any_kind_of_number_is_looked_at(dtype: type) -> None:
    """Floats, wide integers and frames of one value, or of none, are looked at without error or warning."""
    frame, place = _written(_slice(), (110, 150), 1500)
    scaled = (frame / 8).astype(dtype) if dtype is np.uint8 else (frame.astype(np.float64) * 9).astype(dtype)
    assert any(one.y < place[0].stop and one.y + one.height > place[0].start for one in faint_rows(scaled))
    assert faint_rows(np.full((64, 64), 7).astype(dtype)) == []
    assert faint_rows(np.zeros((0, 5), dtype)) == []


def test_lines_beside_each_other_are_all_found() -> None:
    """Four lines of gray letters on a small slice: none is lost in a box too large for writing, which is left alone."""
    case = next(case for case in canary_set(4).cases if case.name.endswith("in-pixels-2"))
    source = io.BytesIO(case.content)
    header = read_header(source)
    frame = next(iter(iter_frames(source, header)))
    found, _ = find_writing(frame, header.dataset, detector=TextDetector(), look=Look.QUICK)
    covered = np.zeros(frame.shape, np.bool_)
    for box in found:
        if is_of_letters(box, frame.shape):
            covered[place_of(box)] = True
    assert case.writing is not None
    assert case.writing[covered].sum() > 0.98 * case.writing.sum()
