"""What fills the lungs: vessels, bronchi and lesions, blended into the painted volume."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from radcommons.synthetic.anatomy import LEFT_HILUM, RIGHT_HILUM
from radcommons.synthetic.lesions import Lesions
from radcommons.synthetic.shapes import Field, Grid
from radcommons.synthetic.vessels import Points, Tubes, grow, merged, pour

_TOO_SMALL = 500
_BRONCHUS_WALL_MM = 0.75
_WALL_HU, _LUMEN_HU = -120.0, -960.0


def fill_lungs(
    volume: Field,
    lung: NDArray[np.bool_],
    lesions: Lesions,
    grid: Grid,
    random: np.random.Generator,
    *,
    blood_hu: float,
) -> None:
    """Paint lesions, then vessels and bronchi over them, into `volume` in place.

    Parameters
    ----------
    volume : ndarray, HU, shape (slices, rows, cols)
    lung : ndarray, bool, same shape
    lesions : Lesions
    grid : Grid
    random : Generator
    blood_hu : float
    """
    lesions.paint(volume)
    layers = plant(lung, grid, random)
    for trees, hounsfield, strength in zip(layers, (blood_hu, _WALL_HU, _LUMEN_HU), (1.0, 0.9, 1.0), strict=True):
        if not trees:
            continue
        share = pour(
            merged(*trees),
            origin=grid.origin,
            spacing=grid.step,
            shape=grid.shape,
            random=random,
        )
        touched = np.flatnonzero((share > 0) & lung)
        flat = volume.reshape(-1)
        flat[touched] += share.reshape(-1)[touched] * strength * (hounsfield - flat[touched])


def plant(
    lung: NDArray[np.bool_], grid: Grid, random: np.random.Generator
) -> tuple[list[Tubes], list[Tubes], list[Tubes]]:
    """Return the vessels, the walls of the bronchi and their lumens, a tree for each side; empty without lung."""
    vessels: list[Tubes] = []
    walls: list[Tubes] = []
    lumens: list[Tubes] = []
    for hilum, side in ((RIGHT_HILUM, grid.x < 0), (LEFT_HILUM, grid.x > 0)):
        slabs, rows, cols = np.nonzero(lung & side)
        if len(slabs) < _TOO_SMALL:
            continue
        where = np.column_stack([grid.x[cols], grid.y[rows], grid.z[slabs]]).astype(float)
        x, y, z = hilum
        vein, bronchus = (x, y - 2, z - 30), (x, y + 4, z - 2)
        vessels.append(grow(hilum, _some(where, 620, random), tip_mm=0.78, widest_mm=5.0, random=random))
        vessels.append(grow(vein, _some(where, 320, random), tip_mm=0.75, widest_mm=4.2, random=random))
        tree = grow(bronchus, _some(where, 60, random), tip_mm=0.75, widest_mm=3.4, random=random)
        lumens.append(tree)
        walls.append(Tubes(start=tree.start, end=tree.end, radius=tree.radius + _BRONCHUS_WALL_MM))
    return vessels, walls, lumens


def _some(where: Points, count: int, random: np.random.Generator) -> Points:
    picked = where[random.choice(len(where), min(count, len(where)), replace=False)]
    return np.asarray(picked + random.normal(0, 0.4, picked.shape))
