"""Patches of ground glass and consolidation of known volume, laid at the edge of the lungs as COVID-19 lays them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from radcommons.synthetic.shapes import Field

Mask = NDArray[np.bool_]

_MOST_PATCHES = 60


@dataclass(frozen=True, slots=True)
class Lesions:
    """Diseased voxels and the density to paint into them.

    Parameters
    ----------
    ggo, consolidation : ndarray, bool, shape (slices, rows, cols)
    where : ndarray of int
        Flat indices of every diseased voxel.
    density_hu : ndarray of float
        Density of each of them.
    """

    ggo: Mask
    consolidation: Mask
    where: NDArray[np.intp]
    density_hu: Field

    def paint(self, volume: Field) -> None:
        """Write the densities into `volume` in place."""
        volume.reshape(-1)[self.where] = self.density_hu


def sow(
    *,
    lung: Mask,
    depth: Field,
    spacing: tuple[float, float, float],
    extent: float,
    dense: float,
    random: np.random.Generator,
) -> Lesions:
    """Return lesions that fill about `extent` of the lung.

    Parameters
    ----------
    lung : ndarray, bool, shape (slices, rows, cols)
    depth : ndarray
        Distance outside the pleural cavity, negative inside, millimetres.
    spacing : tuple of float, millimetres (slices, rows, cols)
    extent, dense : float
        Wished share of the lung that is diseased, and of the disease that is dense.
    random : Generator
    """
    severity = np.zeros(lung.shape, np.float32)
    total = int(np.count_nonzero(lung))
    wanted, reached = extent * total, 0
    seats = np.flatnonzero(lung & (depth < -3) & (depth > -20))
    if wanted > 0 and len(seats):
        weight = _gravity(seats, lung.shape)
        for _ in range(_MOST_PATCHES):
            if reached >= wanted:
                break
            seat = np.unravel_index(int(random.choice(seats, p=weight)), lung.shape)
            room = (wanted - reached) * float(np.prod(spacing)) / 2.2
            reached += _patch(severity, lung, seat, spacing, random, widest=max(14.0, float(np.cbrt(room))))
    _trim(severity, int(wanted))
    return _graded(severity, dense, random)


def _trim(severity: Field, most: int) -> None:
    """Take the mildest voxels off in place until at most `most` are left: the last patch overshoots."""
    flat = severity.reshape(-1)
    where = np.flatnonzero(flat > 0)
    if len(where) <= most:
        return
    cut = np.partition(flat[where], len(where) - most - 1)[len(where) - most - 1]
    flat[where] = np.maximum(flat[where] - cut, 0)


def _gravity(seats: NDArray[np.intp], shape: tuple[int, ...]) -> NDArray[np.float64]:
    """Return the odds of each seat: lower and further back is likelier."""
    slabs, rows, _ = np.unravel_index(seats, shape)
    odds = (1.15 - slabs / shape[0]) * (0.08 + (rows / shape[1]) ** 3)
    return np.asarray(odds / odds.sum())


def _patch(
    severity: Field,
    lung: Mask,
    seat: tuple[np.intp, ...],
    spacing: tuple[float, float, float],
    random: np.random.Generator,
    *,
    widest: float,
) -> int:
    semi = np.minimum(random.uniform((18, 13, 15), (46, 30, 38)), widest * random.uniform(0.9, 1.3, 3))
    low = [max(0, int(seat[axis] - 1.4 * semi[axis] / spacing[axis]) - 1) for axis in range(3)]
    high = [min(lung.shape[axis], int(seat[axis] + 1.4 * semi[axis] / spacing[axis]) + 2) for axis in range(3)]
    box = tuple(slice(a, b) for a, b in zip(low, high, strict=True))
    parts = [((np.arange(low[axis], high[axis]) - seat[axis]) * spacing[axis] / semi[axis]) ** 2 for axis in range(3)]
    norm = np.sqrt(parts[0][:, None, None] + parts[1][None, :, None] + parts[2][None, None, :])
    ragged = _cloud(norm.shape, spacing, 6.0, random) + 0.7 * _cloud(norm.shape, spacing, 2.2, random)
    power = (1.1 - norm + 0.24 * ragged).astype(np.float32) * lung[box]
    before = np.count_nonzero(severity[box] > 0)
    severity[box] = np.maximum(severity[box], power)
    return int(np.count_nonzero(severity[box] > 0) - before)


def _cloud(
    shape: tuple[int, ...], spacing: tuple[float, float, float], width_mm: float, random: np.random.Generator
) -> Field:
    rough = random.standard_normal(shape, np.float32)
    smooth = ndimage.gaussian_filter(rough, [width_mm / step for step in spacing])
    return np.asarray(smooth / (smooth.std() + 1e-6), np.float32)


def _graded(severity: Field, dense: float, random: np.random.Generator) -> Lesions:
    where = np.flatnonzero(severity > 0)
    power = severity.ravel()[where]
    flat_dense = np.zeros(len(where), np.bool_)
    if len(where) and dense > 0:
        flat_dense = power > np.quantile(power, 1 - dense)
    ggo, consolidation = np.zeros(severity.shape, np.bool_), np.zeros(severity.shape, np.bool_)
    ggo.reshape(-1)[where[~flat_dense]] = True
    consolidation.reshape(-1)[where[flat_dense]] = True
    glass = -770 + 330 * np.clip(power, 0, 0.9) + random.normal(0, 42, len(where))
    solid = np.minimum(-90 + 260 * (power - power[flat_dense].min(initial=9.0)), 25) + random.normal(0, 22, len(where))
    density = np.where(flat_dense, solid, glass).astype(np.float32)
    return Lesions(ggo=ggo, consolidation=consolidation, where=where, density_hu=density)
