"""Soft-edged solids on one slice: signed distances in millimetres, coverage, and paint.

A distance is negative inside.  Coverage is the share of a pixel that a solid fills, so that edges show the partial
volume effect of a scanner and not the staircase of a mask.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Field = NDArray[np.float32]
Numbers = NDArray[np.floating[Any]]
Point = tuple[float, float, float]
Window = tuple[slice, slice]

ANGLES = 720


@dataclass(frozen=True, slots=True)
class Grid:
    """Where the voxels of a phantom lie, model millimetres."""

    x: Field
    y: Field
    z: Field
    soft: float

    @property
    def shape(self) -> tuple[int, int, int]:
        """(slices, rows, cols)."""
        return len(self.z), len(self.y), len(self.x)

    @property
    def origin(self) -> tuple[float, float, float]:
        """Middle of the first voxel (x, y, z)."""
        return float(self.x[0]), float(self.y[0]), float(self.z[0])

    @property
    def step(self) -> tuple[float, float, float]:
        """Distance between voxels (x, y, z)."""
        return float(self.x[1] - self.x[0]), float(self.y[1] - self.y[0]), float(self.z[1] - self.z[0])


@dataclass(frozen=True, slots=True)
class Plane:
    """The pixel grid of every slice of one phantom, in model millimetres.

    Parameters
    ----------
    x : ndarray, shape (1, cols), towards the patient's left
    y : ndarray, shape (rows, 1), towards the patient's back
    radius, angle, index : ndarray, shape (rows, cols)
        Polar coordinates about the middle of the chest; the angle is 0 at the spine and +-pi at the breastbone;
        `index` is the angle as a row number of a contour table of `ANGLES` rows.
    soft : float
        Width of an edge: about one pixel.
    """

    x: Field
    y: Field
    radius: Field
    angle: Field
    index: NDArray[np.intp]
    soft: float

    @classmethod
    def over(cls, x: Field, y: Field, *, soft: float) -> Plane:
        """Return the plane whose pixel centres lie at every pair of `x` and `y`."""
        column = np.asarray(x, np.float32)[None, :]
        row = np.asarray(y, np.float32)[:, None]
        radius = np.hypot(column, row).astype(np.float32, copy=False)
        angle = np.arctan2(column, row).astype(np.float32, copy=False)
        index = np.rint((angle + np.pi) * (ANGLES / (2 * np.pi))).astype(np.intp) % ANGLES
        return cls(x=column, y=row, radius=radius, angle=angle, index=index, soft=soft)

    def window(self, left: float, right: float, front: float, back: float) -> Window:
        """Return the slices of rows and columns that hold a box given in millimetres."""
        rows = np.searchsorted(self.y[:, 0], (front, back))
        cols = np.searchsorted(self.x[0], (left, right))
        return slice(int(rows[0]), int(rows[1])), slice(int(cols[0]), int(cols[1]))


@dataclass(frozen=True, slots=True)
class Capsule:
    """A tube between two points with a radius at each."""

    start: Point
    end: Point
    start_radius: float
    end_radius: float

    def on(self, plane: Plane, z: float, *, margin: float) -> tuple[Window, Field] | None:
        """Return the window and the signed distances on the slice at `z`, or None when the slice misses it."""
        widest = max(self.start_radius, self.end_radius) + margin
        (x0, y0, z0), (x1, y1, z1) = self.start, self.end
        if not min(z0, z1) - widest < z < max(z0, z1) + widest:
            return None
        window = plane.window(min(x0, x1) - widest, max(x0, x1) + widest, min(y0, y1) - widest, max(y0, y1) + widest)
        dx, dy = plane.x[:, window[1]] - x0, plane.y[window[0]] - y0
        ux, uy, uz = x1 - x0, y1 - y0, z1 - z0
        length2 = ux * ux + uy * uy + uz * uz
        along = np.clip((dx * ux + dy * uy + (z - z0) * uz) / length2, 0, 1)
        gap = np.sqrt((dx - along * ux) ** 2 + (dy - along * uy) ** 2 + (z - z0 - along * uz) ** 2)
        distance = gap - (self.start_radius + along * (self.end_radius - self.start_radius))
        return window, distance.astype(np.float32, copy=False)


@dataclass(frozen=True, slots=True)
class Ellipsoid:
    """An ellipsoid turned by `turn` radians about the long axis of the body."""

    centre: Point
    semi: Point
    turn: float = 0.0

    def on(self, plane: Plane, z: float, *, margin: float) -> tuple[Window, Field] | None:
        """Return the window and the signed distances on the slice at `z`, or None when the slice misses it."""
        (cx, cy, cz), (a, b, c) = self.centre, self.semi
        height = (z - cz) / c
        if abs(height) >= 1 + margin / c:
            return None
        reach = max(a, b) + margin
        window = plane.window(cx - reach, cx + reach, cy - reach, cy + reach)
        dx, dy = plane.x[:, window[1]] - cx, plane.y[window[0]] - cy
        cos, sin = float(np.cos(self.turn)), float(np.sin(self.turn))
        norm = np.sqrt(((dx * cos + dy * sin) / a) ** 2 + ((dy * cos - dx * sin) / b) ** 2 + height * height)
        return window, ((norm - 1) * min(a, b)).astype(np.float32, copy=False)


Solid = Capsule | Ellipsoid


def coverage(distance: Numbers, soft: float) -> Field:
    """Return the share of each pixel that lies inside."""
    share = 0.5 - distance / np.float32(soft)
    return np.asarray(np.clip(share, 0, 1), np.float32)


def paint(image: Field, share: Field, hounsfield: Field | float) -> None:
    """Blend `hounsfield` into `image` in place by the share of each pixel."""
    image += share * (hounsfield - image)


def join(first: Numbers, second: Numbers, *, rounding: float = 0.0) -> Field:
    """Return the union of two distances; `rounding` fills the crease between them."""
    if rounding == 0:
        return np.asarray(np.minimum(first, second), np.float32)
    return np.asarray(0.5 * (first + second - np.sqrt((first - second) ** 2 + rounding * rounding)), np.float32)


def meet(first: Numbers, second: Numbers, *, rounding: float = 0.0) -> Field:
    """Return the intersection of two distances; `rounding` blunts the edge between them."""
    if rounding == 0:
        return np.asarray(np.maximum(first, second), np.float32)
    return np.asarray(0.5 * (first + second + np.sqrt((first - second) ** 2 + rounding * rounding)), np.float32)


def bump(value: Numbers | float, centre: float, width: float) -> Field:
    """Return a bell of height one."""
    return np.asarray(np.exp(-(((np.asarray(value) - centre) / width) ** 2)), np.float32)


def ramp(value: Numbers | float, low: float, high: float) -> Field:
    """Return 0 below `low`, 1 above `high`, straight between them."""
    return np.asarray(np.clip((np.asarray(value) - low) / (high - low), 0, 1), np.float32)
