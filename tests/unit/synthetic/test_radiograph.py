"""The projections look as a chest film must: lungs dark, mediastinum bright, marks where they belong."""

from __future__ import annotations

import numpy as np
import pytest

from radcommons.synthetic.radiograph import Radiograph, project


@pytest.fixture(scope="module")
def film() -> Radiograph:
    return project(3, extent=0.0, rows=400)


def _box(film: Radiograph, rows: tuple[float, float], cols: tuple[float, float]) -> float:
    height, width = film.stored.shape
    part = film.stored[int(rows[0] * height) : int(rows[1] * height), int(cols[0] * width) : int(cols[1] * width)]
    return float(part.mean())


def test_lungs_are_darker_than_mediastinum_and_abdomen(film: Radiograph) -> None:
    """In MONOCHROME2 what absorbs more is brighter."""
    lung = _box(film, (0.4, 0.55), (0.24, 0.34))
    assert _box(film, (0.4, 0.6), (0.48, 0.54)) > 1.5 * lung
    assert _box(film, (0.88, 0.96), (0.25, 0.35)) > 1.5 * lung


def test_twelve_bits_are_used(film: Radiograph) -> None:
    """Stored values fill most of 12 bits and do not leave them."""
    assert film.stored.max() <= 4095
    assert np.ptp(film.stored) > 3000


def test_monochrome1_is_the_inverse(film: Radiograph) -> None:
    """The two photometric interpretations show one picture."""
    other = project(3, extent=0.0, rows=400, photometric="MONOCHROME1")
    assert np.array_equal(other.stored, 4095 - film.stored)


def test_disease_whitens_the_lungs(film: Radiograph) -> None:
    """A film of a sick chest differs from the healthy one inside the lungs, towards white."""
    sick = project(3, extent=0.35, dense=0.4, rows=400)
    lung = (0.3, 0.7), (0.2, 0.36)
    assert _box(sick, *lung) > 1.05 * _box(film, *lung)


def test_letter_of_the_side_is_burned_in(film: Radiograph) -> None:
    """The marker changes only a small corner, on the patient's left for L."""
    bare = project(3, extent=0.0, rows=400, marker="")
    rows, cols = np.nonzero(np.abs(film.stored.astype(int) - bare.stored.astype(int)) > 400)
    assert 10 < len(rows) < 0.01 * film.stored.size
    assert cols.min() > 0.7 * film.stored.shape[1]
    assert rows.max() < 0.25 * film.stored.shape[0]


def test_burned_in_text_is_bright_and_wide(film: Radiograph) -> None:
    """Text lines change a wide strip at the top left."""
    marked = project(3, extent=0.0, rows=400, burned_in=("NEBELKRAEHER OTTFRIEDEL", "01.02.1961"))
    rows, cols = np.nonzero(marked.stored.astype(int) - film.stored > 400)
    assert np.ptp(cols) > 0.25 * film.stored.shape[1]
    assert rows.max() < 0.2 * film.stored.shape[0]


def test_projection_is_deterministic_and_views_differ(film: Radiograph) -> None:
    """Same arguments, same pixels; a lateral film is another picture."""
    assert np.array_equal(project(3, extent=0.0, rows=400).stored, film.stored)
    assert project(3, extent=0.0, rows=400, view="LL").stored.shape != film.stored.shape
