"""One axial slice of the chest, painted organ by organ from the skin inwards."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from radcommons.synthetic.anatomy import AIRWAY, DIRECTIONS, Body, Contours, aorta_path, contours, spine_y
from radcommons.synthetic.bones import paint_bones
from radcommons.synthetic.shapes import Capsule, Ellipsoid, Field, Plane, Solid, coverage, join, meet, paint, ramp

AIR_HU = -1000.0
FAT_HU = -102.0


@dataclass(frozen=True, slots=True)
class Slice:
    """What a painted slice leaves for the steps that see the whole volume.

    Parameters
    ----------
    image : ndarray, HU
    lung : ndarray
        Distance to the edge of the lung, negative inside.
    depth : ndarray
        Distance outside the pleural cavity.
    """

    image: Field
    lung: Field
    depth: Field


def paint_slice(
    plane: Plane, body: Body, organs: list[tuple[Solid, float]], z: float, *, grain: Field, around: Field
) -> Slice:
    """Return the slice at height `z`.

    Parameters
    ----------
    plane : Plane
    body : Body
    organs : list of (solid, HU)
        The soft organs between the lungs, see `anatomy.mediastinum`.
    z : float, model millimetres
    grain : ndarray
        Smooth random field of unit variance: the marbling of muscle and fat.
    around : ndarray, HU
        What is there without the patient, see `surroundings`.
    """
    rings = contours(body, z)
    depth = plane.radius - rings.cavity[plane.index]
    image = around.copy()
    _wall(image, plane, rings, depth, grain, body)
    below = _below_diaphragm(plane, z)
    _abdomen(image, plane, depth, below, z, gas=not body.upright)
    envelope = _organs(image, plane, organs, z)
    lung = _lung(plane, depth, below, envelope, z)
    paint(image, coverage(lung, plane.soft), _parenchyma(plane))
    _airway(image, plane, z)
    paint_bones(image, plane, depth, body, z)
    return Slice(image=image, lung=lung, depth=depth)


def surroundings(plane: Plane, body: Body, *, table: bool) -> Field:
    """Return the air around the patient, with the scanner's table or without."""
    image = np.full(plane.radius.shape, AIR_HU, np.float32)
    if table:
        _table(image, plane, body)
    return image


def _table(image: Field, plane: Plane, body: Body) -> None:
    rings = contours(body, -60.0)
    top = float((rings.skin * np.cos(DIRECTIONS)).max()) + 3
    sag = plane.y - top + (plane.x / 62) ** 2
    ends = np.abs(plane.x) - 205
    foam = meet(np.abs(sag - 22) - 22, ends)
    paint(image, coverage(np.asarray(foam, np.float32), plane.soft), -955.0)
    for middle in (0.0, 44.0):
        shell = meet(np.abs(sag - middle) - 1.3, ends)
        paint(image, coverage(np.asarray(shell, np.float32), plane.soft), -130.0 if middle else -420.0)


def _wall(image: Field, plane: Plane, rings: Contours, depth: Field, grain: Field, body: Body) -> None:
    skin = plane.radius - rings.skin[plane.index]
    muscle = plane.radius - rings.muscle[plane.index]
    paint(image, coverage(skin, plane.soft), 15.0)
    paint(image, coverage(skin + 2.2, plane.soft), FAT_HU + 5 * grain)
    if body.sex == "F":
        gland = coverage(4 - np.minimum(muscle - 4, -skin - 7) + 5 * grain - 3, plane.soft * 3)
        front = ramp(np.abs(plane.angle), 2.0, 2.3) * (1 - ramp(np.abs(plane.angle), 2.75, 2.95))
        paint(image, gland * front * ramp(-skin + muscle, 22, 34), 25.0)
    paint(image, coverage(muscle, plane.soft), body.muscle_hu + 4 * grain)
    outer = (depth > 13) & (muscle < -2)
    seam = np.abs(depth - 15.5 - 3.2 * grain) - 1.1
    deep = np.abs(depth - 27 - 5 * grain) - 0.9
    for layer, strength in ((seam, 0.8), (deep, 0.65)):
        share = coverage(layer.astype(np.float32), plane.soft * 1.6) * strength
        paint(image, np.where(outer, share, 0), FAT_HU)
    paint(image, coverage(depth - 1.2, plane.soft), FAT_HU + 6 * grain)


def _below_diaphragm(plane: Plane, z: float) -> Field:
    height = np.full((plane.y.shape[0], plane.x.shape[1]), -400, np.float32)
    for middle, top in ((-66.0, -104.0), (64.0, -116.0)):
        out = ((plane.x - middle) / 84) ** 2 + ((plane.y + 8) / 104) ** 2
        height = np.maximum(height, top - 78 * out**1.25)
    bridge = -146 - ((plane.y + 30) / 9) ** 2 * 0.6 - (plane.x / 40) ** 2 * 6
    height = np.maximum(height, bridge)
    return np.asarray((z - height) * 0.75, np.float32)


_ABDOMEN: tuple[tuple[Ellipsoid, float, float], ...] = (
    (Ellipsoid((64, -12, -182), (52, 52, 62), 0.3), 22.0, 2.5),
    (Ellipsoid((92, 50, -172), (34, 46, 52), -0.3), 52.0, 2.5),
    (Ellipsoid((-52, -4, -186), (128, 108, 104), 0.12), 58.0, 2.5),
)


def _abdomen(image: Field, plane: Plane, depth: Field, below: Field, z: float, *, gas: bool) -> None:
    inside = meet(depth + 1, below)
    if float(inside.min()) > 0:
        return
    paint(image, coverage(inside, plane.soft), 45.0)
    paint(image, coverage(meet(depth + 4, below + 3), plane.soft), FAT_HU)
    for solid, hounsfield, gap in _ABDOMEN:
        found = solid.on(plane, z, margin=3)
        if found is None:
            continue
        window, shape = found
        kept = meet(shape, meet(depth[window] + 2 + gap, below[window] + gap), rounding=5)
        paint(image[window], coverage(kept, plane.soft), hounsfield)
        if gas and hounsfield < 30:
            bubble = meet(kept + 4, plane.y[window[0]] + 30 + 0 * kept)
            paint(image[window], coverage(bubble, plane.soft), -960.0)


def _organs(image: Field, plane: Plane, organs: list[tuple[Solid, float]], z: float) -> Field:
    """Paint the soft organs and return the distance to the sheath of fat around all of them."""
    upper = 24 - 8 * float(ramp(z, 20, 60)) + 18 * float(ramp(z, 80, 112))
    core = Ellipsoid((2, float(np.interp(z, (-150, 0, 90), (0, 6, 12))), z), (upper, 78, 60))
    found = core.on(plane, z, margin=400)
    envelope = np.full((plane.y.shape[0], plane.x.shape[1]), 60, np.float32)
    if found is not None:
        envelope[found[0]] = found[1]
    for solid, hounsfield in organs:
        near = solid.on(plane, z, margin=30)
        if near is None:
            continue
        window, shape = near
        envelope[window] = join(envelope[window], shape - 2.5, rounding=7)
        paint(image[window], coverage(shape, plane.soft), hounsfield)
    return envelope


def _lung(plane: Plane, depth: Field, below: Field, envelope: Field, z: float) -> Field:
    back = spine_y(z)
    aorta = aorta_path(z)
    ridge = np.sqrt((plane.x / 24) ** 2 + ((plane.y - back - 6) / 28) ** 2) * 24 - 24
    wide = np.asarray(ridge, np.float32)
    if z < 30:
        round_aorta = np.sqrt((plane.x - aorta[0]) ** 2 + (plane.y - aorta[1]) ** 2) - 15
        wide = join(wide, np.asarray(round_aorta, np.float32), rounding=10)
    septum = np.abs(plane.x - 2) - 2.4 + 0 * plane.y
    middle = join(join(envelope, septum, rounding=4), wide, rounding=9)
    return meet(meet(depth + 1.5, -middle, rounding=5), -below, rounding=3)


def _parenchyma(plane: Plane) -> Field:
    """Return the base density of lung: the back is denser because the patient lies on it."""
    return np.asarray(-868 + 42 * ramp(plane.y, -80, 95) + 0 * plane.x, np.float32)


def _airway(image: Field, plane: Plane, z: float) -> None:
    found = [(tube, tube.on(plane, z, margin=4)) for tube in AIRWAY]
    for _, near in found:
        if near is not None:
            paint(image[near[0]], coverage(near[1] - 1.7, plane.soft), 20.0)
    for _, near in found:
        if near is not None:
            paint(image[near[0]], coverage(near[1], plane.soft), -985.0)
    gullet = Capsule((7, 27, 120), (7, spine_y(-20) - 24, -20), 1.6, 1.2).on(plane, z, margin=2)
    if gullet is not None and z > 30:
        paint(image[gullet[0]], coverage(gullet[1], plane.soft), -700.0)
