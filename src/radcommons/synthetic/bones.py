"""Ribs, breastbone, spine, shoulder blades and collar bones, painted on one slice."""

from __future__ import annotations

import numpy as np

from radcommons.synthetic.anatomy import Body, spine_y
from radcommons.synthetic.shapes import Capsule, Ellipsoid, Field, Plane, Solid, coverage, meet, paint, ramp

RIB_PITCH_MM = 23.0
_FIRST_RIB_MM = 104.0
_RIB_DEPTH_MM = 7.0
_CORTEX_HU = 780.0


def paint_bones(image: Field, plane: Plane, depth: Field, body: Body, z: float) -> None:
    """Paint every bone that crosses the slice at `z`.

    Parameters
    ----------
    image : ndarray, HU, changed in place
    depth : ndarray
        Distance outside the pleural cavity, millimetres.
    """
    _ribs(image, plane, depth, body, z)
    _breastbone(image, plane, depth, z)
    _blades(image, plane, depth, z)
    for solid in _collar_and_arm(body):
        _solid_bone(image, plane, solid, z, marrow=130.0, rim=2.0)
    _spine(image, plane, body, z)


def _ribs(image: Field, plane: Plane, depth: Field, body: Body, z: float) -> None:
    near = (depth > -2) & (depth < 17)
    rows, cols = np.nonzero(near)
    around = np.abs(plane.angle[near]) / np.float32(np.pi)
    radial = depth[near] - _RIB_DEPTH_MM
    drop = 100 * np.minimum(around / 0.74, 1) ** 0.9 - 40 * ramp(around, 0.76, 0.95)
    phase = (z + drop - _FIRST_RIB_MM) / RIB_PITCH_MM
    order = np.rint(-phase)
    offset = (phase + order) * RIB_PITCH_MM
    gristle = ramp(around, 0.78, 0.84)
    norm = np.sqrt((radial / (4.3 + 0.6 * gristle)) ** 2 + (offset / (6.3 + gristle)) ** 2)
    real = (order >= 0) & (order <= 11) & (around > 0.085) & (around < 0.955)
    real &= (order < 7) | (around < 0.80 - 0.06 * (order - 7) - 0.12 * (order > 9))
    share = np.where(real, coverage(((norm - 1) * 4.3).astype(np.float32, copy=False), plane.soft), 0)
    bone = 190 + (_CORTEX_HU - 190) * ramp(norm, 0.45, 0.85)
    worn = 110 + 220 * float(np.clip((body.age_years - 40) / 50, 0, 1)) * ramp(norm, 0.6, 0.95)
    hounsfield = bone + gristle * (worn - bone)
    image[rows, cols] += (share * (hounsfield - image[rows, cols])).astype(np.float32, copy=False)


def _breastbone(image: Field, plane: Plane, depth: Field, z: float) -> None:
    if not -112 < z < 54:
        return
    half = 29 - 9 * abs(z - 36) / 20 if z > 20 else float(np.interp(z, (-112, -80, 20), (7, 19, 14)))
    window = plane.window(-half - 4, half + 4, -130, 0)
    deep = depth[window]
    shape = meet(np.abs(plane.x[:, window[1]]) - half, np.abs(deep - 7) - 5.5, rounding=4)
    joint = abs(z - 17) < 2
    paint(image[window], coverage(shape, plane.soft), 60.0 if joint else _shelled(shape, 130.0, 1.8))


def _blades(image: Field, plane: Plane, depth: Field, z: float) -> None:
    strength = float(ramp(z, -62, -40) * (1 - ramp(z, 88, 100)))
    if strength == 0:
        return
    around = np.abs(plane.angle)
    start, stop = 0.52 + 0.10 * float(ramp(z, 40, 95)), 0.95 + 0.35 * float(ramp(z, -40, 60))
    near = (around > start - 0.1) & (around < stop + 0.1) & (depth > 8) & (depth < 40)
    middle = 22 + 7 * np.sin((around[near] - start) / (stop - start) * 3.0)
    thick = 1.9 + 4 * ramp(around[near], stop - 0.22, stop) * float(ramp(z, -20, 60)) + 1.2 * (1 - strength)
    ends = (np.abs(around[near] - (start + stop) / 2) - (stop - start) / 2) * 95
    shape = meet(
        (np.abs(depth[near] - middle) - thick).astype(np.float32, copy=False),
        ends.astype(np.float32, copy=False),
        rounding=2,
    )
    share = coverage(shape, plane.soft) * strength
    image[near] += (share * (_shelled(shape, 260.0, 1.6) - image[near])).astype(np.float32, copy=False)


def _collar_and_arm(body: Body) -> list[Solid]:
    reach = body.breadth
    solids: list[Solid] = []
    for side in (-1, 1):
        solids += [
            Capsule((side * 24, -70, 47), (side * 78 * reach, -62, 74), 7.5, 6),
            Capsule((side * 78 * reach, -62, 74), (side * 138 * reach, -12, 100), 6, 6.5),
            Capsule((side * 70 * reach, 104, 66), (side * 140 * reach, 52, 98), 4.5, 6),
            Capsule((side * 128 * reach, 30, 72), (side * 134 * reach, 22, 92), 9, 12),
        ]
        if body.arms:
            solids.append(Ellipsoid((side * 158 * reach, 14, 96), (23, 23, 25)))
            solids.append(Capsule((side * 166 * reach, 10, 92), (side * 186 * reach, -4, 140), 15, 12))
    return solids


def _spine(image: Field, plane: Plane, body: Body, z: float) -> None:
    middle = spine_y(z)
    level = (z - _FIRST_RIB_MM) / RIB_PITCH_MM
    part = float(level - np.floor(level))
    disc = float(ramp(abs(part - 0.5), 0.36, 0.44))
    size = float(np.interp(z, (-200, 120), (1.18, 0.86)))
    waist = 1 - 0.10 * (1 - abs(part - 0.5) * 2)
    shape = Ellipsoid((0, middle, z), (19 * size * waist, 15.5 * size * waist, 50))
    _solid_bone(image, plane, shape, z, marrow=175 - 0.9 * (body.age_years - 40), rim=1.5, fade=disc)
    canal = middle + 15.5 * size + 9
    arch = 1 - 0.6 * float(ramp(abs(part - 0.35), 0.22, 0.4))
    for side in (-1, 1):
        _solid_bone(image, plane, Capsule((side * 10, canal - 8, z - 1), (side * 12, canal + 4, z + 1), 3.6, 3.8), z)
        _solid_bone(image, plane, Capsule((side * 11, canal + 4, z - 1), (side * 2, canal + 11, z + 1), 3.8, 3.2), z)
        if part < 0.62:
            reach = 34 + 5 * part
            wing = Capsule((side * 11, canal, z - 1), (side * reach, canal + 13, z + 1), 4.2 * arch + 1, 4.8 * arch + 1)
            _solid_bone(image, plane, wing, z, marrow=260)
    tip = Capsule((0, canal + 10, z - 1), (0, canal + 22 + 12 * (1 - part), z + 1), 2.6, 2.2 + 1.4 * (1 - part))
    _solid_bone(image, plane, tip, z, marrow=230)
    _hollow(image, plane, Ellipsoid((0, canal, z), (9.5, 7.5, 50)), z)


def _solid_bone(
    image: Field, plane: Plane, solid: Solid, z: float, *, marrow: float = 240.0, rim: float = 1.6, fade: float = 0.0
) -> None:
    found = solid.on(plane, z, margin=2)
    if found is None:
        return
    window, shape = found
    hard = _shelled(shape, marrow, rim)
    paint(image[window], coverage(shape, plane.soft), hard + fade * (95 - hard) if fade else hard)


def _hollow(image: Field, plane: Plane, solid: Solid, z: float) -> None:
    found = solid.on(plane, z, margin=2)
    if found is None:
        return
    window, shape = found
    paint(image[window], coverage(shape, plane.soft), -40.0)
    paint(image[window], coverage(shape + 2.5, plane.soft), 28.0)


def _shelled(shape: Field, marrow: float, shell: float) -> Field:
    return np.asarray(_CORTEX_HU + (marrow - _CORTEX_HU) * ramp(-shape, shell * 0.6, shell * 1.8), np.float32)
