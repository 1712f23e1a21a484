"""The body's measures: where each organ lies, how wide the chest is at each height, how thick its wall.

Model millimetres: the origin is the middle of the chest at the height of the carina; x to the patient's left, y to the
back, z to the head.  An adult man of middle height has scale 1.  The figures are rounded textbook proportions, chosen
by eye until the slices looked right; they describe nobody.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from radcommons.synthetic.shapes import ANGLES, Capsule, Ellipsoid, Field, Solid, bump, ramp

TOP_MM = 118.0
BOTTOM_MM = -196.0

_Z = np.array([-200, -110, -50, 0, 30, 60, 90, 108, 118])
_HALF_WIDTH = np.array([138, 140, 137, 129, 121, 107, 82, 56, 40])
_FRONT_DEPTH = np.array([100, 98, 95, 88, 78, 58, 34, 14, 4])
_BACK_DEPTH = np.array([96, 99, 98, 94, 91, 86, 76, 62, 48])

DIRECTIONS = (np.arange(ANGLES) * (2 * np.pi / ANGLES) - np.pi).astype(np.float32)
_TURN = np.abs(DIRECTIONS)


@dataclass(frozen=True, slots=True)
class Body:
    """One invented body.

    Parameters
    ----------
    seed : int
    sex : {'F', 'M', 'O'}
    scale : float
        Size against an adult man of middle height.
    fat : float
        Thickness of the fat under the skin, 1 is lean.
    blood_hu, muscle_hu : float
        Enhanced blood has about 250 HU.
    age_years : float
        Older cartilage is calcified, older bone thinner.
    breadth, depth : float
        Shape of the chest.
    upright, arms : bool
        Standing, so that the stomach's gas is not in front; whether the upper arms are in the picture.
    """

    seed: int
    sex: str
    scale: float
    fat: float
    blood_hu: float
    muscle_hu: float
    age_years: float
    breadth: float
    depth: float
    upright: bool = False
    arms: bool = True


def body_for(*, seed: int, sex: str, age_years: float, enhanced: bool) -> Body:
    """Return the body that a seed stands for."""
    random = np.random.default_rng([seed, 11])
    grown = float(np.interp(age_years, (0, 5, 12, 17), (0.35, 0.6, 0.8, 0.97)))
    size = grown * (0.92 if sex == "F" else 1.0) * random.uniform(0.95, 1.04)
    return Body(
        seed=seed,
        sex=sex,
        scale=float(size),
        fat=float(random.uniform(0.7, 2.0) * (1.2 if sex == "F" else 1.0) * (0.6 if age_years < 16 else 1.0)),
        blood_hu=float(random.uniform(210, 290)) if enhanced else float(random.uniform(36, 46)),
        muscle_hu=float(random.uniform(48, 60)),
        age_years=age_years,
        breadth=float(random.uniform(0.96, 1.05)),
        depth=float(random.uniform(0.95, 1.06)),
    )


@dataclass(frozen=True, slots=True)
class Contours:
    """Radii of the chest at one height, one for each of `ANGLES` directions, in model millimetres."""

    cavity: Field
    muscle: Field
    skin: Field


def contours(body: Body, z: float) -> Contours:
    """Return the contours of the pleural cavity, of the muscle around it, and of the skin."""
    cavity = _cavity(body, z)
    muscle = cavity + _wall(body, z)
    skin = muscle + _under_skin(body, z)
    smooth = np.fft.irfft(np.fft.rfft(skin)[:40], ANGLES).astype(np.float32)
    return Contours(cavity=cavity, muscle=np.minimum(muscle, smooth - 4), skin=smooth)


def _cavity(body: Body, z: float) -> Field:
    wide = np.interp(z, _Z, _HALF_WIDTH) * body.breadth
    front = np.interp(z, _Z, _FRONT_DEPTH) * body.depth
    back = np.interp(z, _Z, _BACK_DEPTH) * body.depth
    deep = np.where(np.pi / 2 > _TURN, back, front)
    power = 2.35
    radius = ((np.abs(np.sin(DIRECTIONS)) / wide) ** power + (np.abs(np.cos(DIRECTIONS)) / deep) ** power) ** (
        -1 / power
    )
    radius = radius * (1 - 0.10 * bump(DIRECTIONS, 0, 0.30)) * (1 - 0.05 * bump(_TURN, np.pi, 0.35))
    return np.asarray(radius * _wobble(body, 0.008), np.float32)


def _wall(body: Body, z: float) -> Field:
    shoulder = ramp(z, 30, 112)
    blade = ramp(z, -70, -20) * (1 - 0.3 * shoulder)
    breast = ramp(z, -60, -10) * (1 - ramp(z, 70, 105))
    strong = 0.85 if body.sex == "F" else 1.0
    wall = 14.0 + strong * (
        22 * bump(_TURN, 0.30, 0.27)
        + 12 * bump(_TURN, 0.0, 0.2)
        + 13 * bump(_TURN, 0.72, 0.34)
        + 15 * blade * bump(_TURN, 1.0, 0.45)
        + 7 * bump(_TURN, 1.6, 0.45)
        + 17 * breast * bump(_TURN, 2.42, 0.40)
    )
    return np.asarray(wall + 78 * shoulder * np.sin(_TURN) ** 4 + 26 * shoulder * bump(_TURN, np.pi, 0.9), np.float32)


def _under_skin(body: Body, z: float) -> Field:
    belly = ramp(-z, 60, 180)
    fat = body.fat * (7 + 4 * bump(_TURN, 1.7, 0.6) * (1 + belly) + 3 * belly - 3 * bump(_TURN, np.pi, 0.25))
    if body.sex == "F" and body.age_years > 13:
        fat = fat + (16 + 17 * body.fat) * bump(_TURN, 2.48, 0.34) * bump(z, -48, 42)
    return np.asarray(np.maximum(fat, 3.5) * _wobble(body, 0.03) + 2, np.float32)


def _wobble(body: Body, amount: float) -> Field:
    random = np.random.default_rng([body.seed, 13])
    total = np.ones(ANGLES, np.float32)
    for order in (2, 3, 5):
        total += amount * random.uniform(0.3, 1) * np.cos(order * DIRECTIONS + random.uniform(0, 6)).astype(np.float32)
    return total


def spine_y(z: float) -> float:
    """Return how far back the middle of the vertebral body lies: the chest's backward bow."""
    return float(np.interp(z, (-200, -60, 40, 120), (60, 70, 66, 42)))


def aorta_path(z: float) -> tuple[float, float]:
    """Return the middle of the descending aorta at a height."""
    return float(np.interp(z, (-200, -100, 30), (7, 15, 22))), spine_y(z) - float(np.interp(z, (-200, 30), (26, 24)))


def mediastinum(body: Body) -> list[tuple[Solid, float]]:
    """Return the soft organs between the lungs with their Hounsfield units, in the order in which they are painted."""
    blood = body.blood_hu
    wall = 45.0 if blood < 100 else 105.0
    low, mid, top = aorta_path(-200), aorta_path(-90), aorta_path(28)
    return [
        (Ellipsoid((24, -27, -98), (66, 47, 56), 0.62), wall),
        (Ellipsoid((-27, -14, -84), (36, 37, 46), 0.2), blood - 2),
        (Ellipsoid((4, 16, -66), (40, 20, 26), -0.1), blood),
        (Ellipsoid((30, -22, -96), (40, 25, 38), 0.62), blood),
        (Ellipsoid((4, -48, -90), (36, 22, 40), 0.35), blood - 1),
        (Capsule((-29, -18, 60), (-32, -12, -50), 8.5, 10), blood * 0.98),
        (Capsule((-16, -24, -50), (-15, -24, 18), 18, 16.5), blood),
        (Capsule((-14, -22, 20), (6, 6, 36), 15.5, 14), blood),
        (Capsule((6, 6, 36), (top[0], top[1], 20), 14, 13), blood),
        (Capsule((top[0], top[1], 22), (mid[0], mid[1], -90), 13, 12), blood),
        (Capsule((mid[0], mid[1], -90), (low[0], low[1], -200), 12, 11), blood),
        (Capsule((17, -38, -48), (20, -24, -16), 15.5, 14.5), blood),
        (Capsule((16, -20, -20), (-40, 8, -26), 11.5, 9.5), blood),
        (Capsule((20, -22, -14), (44, 18, -12), 12, 9.5), blood),
        (Capsule((-40, 8, -26), (-52, 18, -52), 9.5, 6.5), blood),
        (Capsule((44, 18, -12), (52, 26, -46), 9.5, 6.5), blood),
        (Capsule((-10, 16, -62), (-54, 14, -70), 8, 5), blood),
        (Capsule((18, 16, -60), (58, 20, -66), 8, 5), blood),
        (Capsule((-16, -6, 38), (-30, 2, 120), 6.5, 4.5), blood),
        (Capsule((0, 2, 40), (20, 2, 120), 5, 4), blood),
        (Capsule((8, 12, 40), (34, 10, 120), 5.5, 5), blood),
        (Capsule((24, -34, 34), (-28, -22, 52), 6.5, 7), blood * 0.9),
        (Capsule((24, -34, 34), (44, -6, 110), 6, 5), blood * 0.9),
        (Ellipsoid((-22, 2, 118), (11, 14, 22)), 90.0),
        (Ellipsoid((28, 2, 118), (11, 14, 22)), 90.0),
        (Capsule((7, 27, 110), (7, spine_y(-20) - 24, -40), 6.5, 6.5), 38.0),
        (Capsule((7, spine_y(-20) - 24, -40), (18, 22, -170), 7, 7), 38.0),
        (Ellipsoid((-10, 12, 14), (7, 5, 8)), 42.0),
        (Ellipsoid((8, 10, -20), (11, 7, 9)), 40.0),
        (Ellipsoid((20, 0, 6), (5, 4, 6)), 42.0),
        (Ellipsoid((-16, -42, 30), (4, 3, 5)), 40.0),
    ]


# The windpipe and its first branches: middle line, inner radius.
AIRWAY: tuple[Capsule, ...] = (
    Capsule((1, 2, 122), (1, 15, 8), 8.6, 8.6),
    Capsule((0, 15, 8), (-24, 19, -12), 7.6, 7.0),
    Capsule((2, 15, 8), (36, 24, -22), 7.0, 6.0),
    Capsule((-24, 19, -12), (-40, 22, -42), 6.2, 4.6),
    Capsule((-24, 19, -12), (-50, 12, 2), 4.8, 3.4),
    Capsule((36, 24, -22), (52, 34, -52), 5.2, 3.8),
    Capsule((36, 24, -22), (54, 8, -10), 4.4, 3.2),
)

RIGHT_HILUM = (-46.0, 14.0, -30.0)
LEFT_HILUM = (48.0, 20.0, -24.0)
