"""Branching trees of arteries, veins and bronchi inside the lungs, and how they are laid into voxels.

A tree joins random points of a lung to its hilum: each new point is tied to the node that keeps both the new branch
and the way back to the hilum short, which gives the forking of a real vessel.  Radii follow Murray's law from the
tips.  The tubes are then poured into the grid as a cloud of equal drops, so that a vessel thinner than a voxel gets the
partial volume that a scanner would give it.

References
----------
Murray CD, The physiological principle of minimum work, PNAS 1926 (the cube law of radii).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Points = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Tubes:
    """Straight pieces of tube.

    Parameters
    ----------
    start, end : ndarray, shape (pieces, 3), millimetres (x, y, z)
    radius : ndarray, shape (pieces,), millimetres
    """

    start: Points
    end: Points
    radius: NDArray[np.float64]


def grow(
    root: tuple[float, float, float], tips: Points, *, tip_mm: float, widest_mm: float, random: np.random.Generator
) -> Tubes:
    """Return the tree from `root` to every tip.

    Parameters
    ----------
    root : tuple of float, millimetres
    tips : ndarray, shape (tips, 3), millimetres
    tip_mm, widest_mm : float
        Radius of the last twig, and the limit at the root.
    random : Generator
        Bends the branches.
    """
    origin = np.asarray(root, float)
    ordered = tips[np.argsort(((tips - origin) ** 2).sum(axis=1))]
    nodes = np.vstack([origin, ordered])
    parent, count = np.full(len(nodes), -1), np.zeros(len(nodes))
    way = np.zeros(len(nodes))
    for new in range(1, len(nodes)):
        gap = np.sqrt(((nodes[:new] - nodes[new]) ** 2).sum(axis=1))
        chosen = int(np.argmin(gap + 0.45 * way[:new]))
        parent[new], way[new] = chosen, way[chosen] + gap[chosen]
    for node in range(len(nodes) - 1, 0, -1):
        count[node] += 1
        count[parent[node]] += count[node]
    bend = random.normal(0, 0.06, (len(nodes), 3))
    child = np.arange(1, len(nodes))
    begin, finish = nodes[parent[1:]], nodes[child]
    length = np.sqrt(((finish - begin) ** 2).sum(axis=1))[:, None]
    middle = (begin + finish) / 2 + bend[child] * length * 1.8
    radius = np.minimum(tip_mm * np.cbrt(count[child]), widest_mm)
    return Tubes(start=np.vstack([begin, middle]), end=np.vstack([middle, finish]), radius=np.concatenate([radius] * 2))


def merged(*trees: Tubes) -> Tubes:
    """Return several trees as one."""
    return Tubes(
        start=np.vstack([tree.start for tree in trees]),
        end=np.vstack([tree.end for tree in trees]),
        radius=np.concatenate([tree.radius for tree in trees]),
    )


def pour(
    tubes: Tubes,
    *,
    origin: tuple[float, float, float],
    spacing: tuple[float, float, float],
    shape: tuple[int, int, int],
    random: np.random.Generator,
    drops_per_voxel: float = 4.0,
) -> NDArray[np.float32]:
    """Return the share of each voxel that the tubes fill.

    Parameters
    ----------
    tubes : Tubes
    origin, spacing : tuple of float
        Middle of voxel (0, 0, 0) and the distance between voxels, (x, y, z) millimetres.
    shape : tuple of int
        (slices, rows, cols).
    random : Generator
    drops_per_voxel : float
        More drops, smoother tubes.

    Returns
    -------
    ndarray, shape `shape`, float32, 0 to 1
    """
    voxel = float(np.prod(spacing))
    along = tubes.end - tubes.start
    length = np.sqrt((along**2).sum(axis=1)) + 1e-6
    volume = np.pi * tubes.radius**2 * length
    drop = voxel / drops_per_voxel
    wanted = np.minimum(np.maximum(np.rint(volume / drop), 3 + length / min(spacing)), 30_000).astype(int)
    piece = np.repeat(np.arange(len(length)), wanted)
    mass = np.repeat(volume / wanted / voxel, wanted).astype(np.float32)
    first, second = _across(along / length[:, None])
    total = len(piece)
    out = np.sqrt(random.random(total)) * tubes.radius[piece]
    turn = random.random(total) * (2 * np.pi)
    place = tubes.start[piece] + along[piece] * random.random(total)[:, None]
    place += (out * np.cos(turn))[:, None] * first[piece] + (out * np.sin(turn))[:, None] * second[piece]
    index = np.rint((place - np.asarray(origin)) / np.asarray(spacing)).astype(int)
    slices, rows, cols = shape
    inside = ((index >= 0) & (index < (cols, rows, slices))).all(axis=1)
    flat = (index[inside, 2] * rows + index[inside, 1]) * cols + index[inside, 0]
    share = np.bincount(flat, weights=mass[inside], minlength=slices * rows * cols)
    return np.minimum(share, 1).astype(np.float32).reshape(shape)


def _across(direction: Points) -> tuple[Points, Points]:
    other = np.where(np.abs(direction[:, 2:3]) < 0.9, (0.0, 0.0, 1.0), (1.0, 0.0, 0.0))
    first = np.cross(direction, other)
    first /= np.sqrt((first**2).sum(axis=1))[:, None]
    return first, np.cross(direction, first)
