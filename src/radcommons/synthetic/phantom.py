"""A thorax phantom: an invented chest CT in Hounsfield units whose lesions have a known volume."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from radcommons.records.errors import UsageError
from radcommons.synthetic.anatomy import BOTTOM_MM, TOP_MM, Body, body_for, mediastinum
from radcommons.synthetic.lesions import sow
from radcommons.synthetic.lungs import fill_lungs
from radcommons.synthetic.shapes import Field, Grid, Plane
from radcommons.synthetic.slices import paint_slice, surroundings

Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class Phantom:
    """One invented chest.

    Parameters
    ----------
    volume_hu : ndarray, shape (slices, rows, cols), int16
        From the lowest slice to the highest; rows run from front to back, columns from the patient's right to the left.
    spacing_mm : tuple of float
        (between slices, between rows, between columns).
    lung_mask, ggo_mask, consolidation_mask : ndarray, same shape, bool
        The lungs with their vessels and lesions; ground glass; consolidation.  The lesions lie inside the lungs and
        do not overlap.
    """

    volume_hu: NDArray[np.int16]
    spacing_mm: tuple[float, float, float]
    lung_mask: Mask
    ggo_mask: Mask
    consolidation_mask: Mask

    @property
    def voxel_ml(self) -> float:
        """Volume of one voxel, millilitres."""
        return float(np.prod(self.spacing_mm)) / 1000

    @cached_property
    def volume_ml(self) -> dict[str, float]:
        """Volumes of lung, ground glass and consolidation, millilitres."""
        return {
            "lung": int(np.count_nonzero(self.lung_mask)) * self.voxel_ml,
            "ggo": int(np.count_nonzero(self.ggo_mask)) * self.voxel_ml,
            "consolidation": int(np.count_nonzero(self.consolidation_mask)) * self.voxel_ml,
        }

    @property
    def involved_percent(self) -> float:
        """Share of the lung that is ground glass or consolidation."""
        volume = self.volume_ml
        return 100 * (volume["ggo"] + volume["consolidation"]) / volume["lung"] if volume["lung"] else 0.0


def make_phantom(
    seed: int,
    *,
    sex: str = "F",
    age_years: float = 58.0,
    slices: int = 60,
    size_px: int = 256,
    slice_mm: float | None = None,
    extent: float = 0.2,
    dense: float = 0.25,
    enhanced: bool = False,
    noise_hu: float = 14.0,
) -> Phantom:
    """Return the chest that a seed stands for.

    Parameters
    ----------
    seed : int
        Same seed and arguments, same voxels.
    sex : {'F', 'M', 'O'}
    age_years : float
        Children are smaller; old cartilage is calcified.
    slices, size_px : int
        Number of slices; rows and columns of each.
    slice_mm : float, optional
        Distance between slices; by default the whole chest is spread over `slices`.
    extent : float
        Wished share of the lung that is diseased, 0 to 0.6; `Phantom.volume_ml` says what was reached.
    dense : float
        Share of the disease that is consolidation.
    enhanced : bool
        Whether contrast medium was given.
    noise_hu : float
        Standard deviation of the noise in soft tissue.

    Raises
    ------
    UsageError
        If there are fewer than two slices: one has no distance to the next.
    """
    if slices < 2:
        raise UsageError("A phantom needs at least two slices.", mend="Ask for more slices.")
    body = body_for(seed=seed, sex=sex, age_years=age_years, enhanced=enhanced)
    grid, spacing = _grid(body, slices=slices, size_px=size_px, slice_mm=slice_mm)
    volume, lung, depth = paint_body(body, grid, table=True)
    random = np.random.default_rng([seed, 17])
    lesions = sow(lung=lung, depth=depth, spacing=spacing, extent=extent, dense=dense, random=random)
    fill_lungs(volume, lung, lesions, grid, random, blood_hu=body.blood_hu)
    _add_noise(volume, grid, random, noise_hu)
    return Phantom(
        volume_hu=np.clip(np.rint(volume), -1024, 3071).astype(np.int16),
        spacing_mm=spacing,
        lung_mask=lung,
        ggo_mask=lesions.ggo,
        consolidation_mask=lesions.consolidation,
    )


def _grid(body: Body, *, slices: int, size_px: int, slice_mm: float | None) -> tuple[Grid, tuple[float, float, float]]:
    field_mm = (372 + 16 * body.fat) * (0.5 + 0.5 * body.breadth)
    pixel = field_mm * body.scale / size_px
    pixel = round(pixel, 4)
    apart = round((TOP_MM - BOTTOM_MM) * body.scale / slices, 2) if slice_mm is None else slice_mm
    height = apart / body.scale * (np.arange(slices) - (slices - 1) / 2) + (TOP_MM + BOTTOM_MM) / 2
    across = (np.arange(size_px) - (size_px - 1) / 2) * pixel / body.scale
    grid = Grid(
        x=across.astype(np.float32),
        y=(across + 14).astype(np.float32),
        z=height.astype(np.float32),
        soft=max(pixel / body.scale, 0.8),
    )
    return grid, (float(apart), float(pixel), float(pixel))


def paint_body(body: Body, grid: Grid, *, table: bool) -> tuple[Field, Mask, Field]:
    """Return the painted volume in HU, the lungs, and the distance outside the pleural cavity, all on `grid`."""
    plane = Plane.over(grid.x, grid.y, soft=grid.soft)
    organs = mediastinum(body)
    around = surroundings(plane, body, table=table)
    volume = np.empty(grid.shape, np.float32)
    lung = np.empty(grid.shape, np.bool_)
    depth = np.empty(grid.shape, np.float32)
    marbling = _marbling(grid, np.random.default_rng([body.seed, 19]))
    for number, z in enumerate(grid.z):
        grain = marbling[number % len(marbling)]
        painted = paint_slice(plane, body, organs, float(z), grain=grain, around=around)
        volume[number], lung[number], depth[number] = painted.image, painted.lung < 0, painted.depth
    return volume, lung, depth


def _marbling(grid: Grid, random: np.random.Generator, tiles: int = 5) -> Field:
    rough = random.standard_normal((tiles, *grid.shape[1:]), np.float32)
    smooth = ndimage.gaussian_filter(rough, (0, 5 / grid.step[1], 5 / grid.step[0]))
    return np.asarray(smooth / smooth.std(), np.float32)


def _add_noise(volume: Field, grid: Grid, random: np.random.Generator, noise_hu: float) -> None:
    """Blur to the scanner's sharpness and add its grain, stronger and streaky across the shoulders."""
    rows, cols = grid.shape[1:]
    ndimage.gaussian_filter1d(volume, 0.55, axis=1, output=volume)
    ndimage.gaussian_filter1d(volume, 0.55, axis=2, output=volume)
    rough = random.standard_normal((6, rows, cols), np.float32)
    grain = ndimage.gaussian_filter(rough, (0, 0.75, 0.75), mode="wrap")
    streak = ndimage.gaussian_filter(rough, (0, 0.8, 9), mode="wrap")
    grain, streak = grain / grain.std(), streak / streak.std()
    for number, z in enumerate(grid.z):
        pick = int(random.integers(6))
        shift = (int(random.integers(rows)), int(random.integers(cols)))
        shoulder = float(np.clip((z - 50) / 50, 0, 1))
        noise = np.roll(grain[pick] * noise_hu + streak[pick - 1] * noise_hu * 1.4 * shoulder, shift, (0, 1))
        volume[number] += noise * np.where(volume[number] < -960, 0.35, 1.0)
