"""Chest radiographs projected from the phantom: line integrals, scatter, grain, and a vendor's look."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont
from scipy import ndimage

from radcommons.synthetic.anatomy import BOTTOM_MM, TOP_MM, Body, body_for
from radcommons.synthetic.lesions import sow
from radcommons.synthetic.lungs import plant
from radcommons.synthetic.phantom import paint_body
from radcommons.synthetic.shapes import Field, Grid
from radcommons.synthetic.vessels import merged, pour

View = Literal["PA", "AP", "LL"]
Photometric = Literal["MONOCHROME2", "MONOCHROME1"]

# Linear attenuation of water at the mean energy of a filtered 125 kV beam, about 60 keV (NIST XCOM: 0.206 cm2/g).
_WATER_PER_MM = 0.0206
_WHITE = 4095


@dataclass(frozen=True, slots=True)
class Radiograph:
    """One projected image.

    Parameters
    ----------
    stored : ndarray, shape (rows, cols), uint16, 12 bits used
    spacing_mm : tuple of float
        (between rows, between columns) at the detector.
    photometric : {'MONOCHROME2', 'MONOCHROME1'}
    view : {'PA', 'AP', 'LL'}
    """

    stored: NDArray[np.uint16]
    spacing_mm: tuple[float, float]
    photometric: Photometric
    view: View


def project(
    seed: int,
    *,
    sex: str = "F",
    age_years: float = 58.0,
    view: View = "PA",
    photometric: Photometric = "MONOCHROME2",
    rows: int = 640,
    extent: float = 0.2,
    dense: float = 0.25,
    marker: str = "L",
    burned_in: tuple[str, ...] = (),
) -> Radiograph:
    """Return the radiograph of the chest that a seed stands for.

    Parameters
    ----------
    seed : int
        The same seed as a CT's gives the same body.
    sex, age_years, extent, dense
        As in `phantom.make_phantom`.
    view : {'PA', 'AP', 'LL'}
        The two frontal views differ in sharpness and magnification, as bedside films do.
    photometric : {'MONOCHROME2', 'MONOCHROME1'}
    rows : int
        Height; the width follows from the body.
    marker : str
        The lead letter of the side; '' for none.
    burned_in : tuple of str
        Lines of text printed into the pixels, as old print servers did.
    """
    side_on = view == "LL"
    body = replace(body_for(seed=seed, sex=sex, age_years=age_years, enhanced=False), upright=True, arms=not side_on)
    magnified = 1.12 if view == "AP" else 1.04
    fine, pixel = _rays(body, rows, magnified, side_on=side_on, extent=extent, dense=dense)
    random = np.random.default_rng([seed, 23, len(view), side_on])
    grey = _look(_exposed(fine, pixel, random, bedside=view == "AP"), pixel, random)
    _collimate(grey, random)
    _letter(grey, marker, side_on=side_on)
    _print_lines(grey, burned_in)
    stored = np.clip(np.rint(grey * _WHITE), 0, _WHITE).astype(np.uint16)
    if photometric == "MONOCHROME1":
        stored = (_WHITE - stored).astype(np.uint16)
    return Radiograph(stored=stored, spacing_mm=(pixel, pixel), photometric=photometric, view=view)


def _rays(
    body: Body, rows: int, magnified: float, *, side_on: bool, extent: float, dense: float
) -> tuple[Field, float]:
    """Return the attenuation along each ray on the detector's grid, and the pixel in millimetres.

    The body is summed on a coarse grid and enlarged; the vessels, which are finer, are poured at full sharpness.
    """
    step = (2.8, 1.8, 4.5) if side_on else (2.8, 4.5, 1.8)
    reach = (TOP_MM - BOTTOM_MM, 288.0, 384.0)
    counts = [round(length / part) for length, part in zip(reach, step, strict=True)]
    z, y, x = (
        ((np.arange(count) - (count - 1) / 2) * part).astype(np.float32)
        for count, part in zip(counts, step, strict=True)
    )
    grid = Grid(x=x, y=y, z=z + np.float32((TOP_MM + BOTTOM_MM) / 2), soft=1.9)
    volume, lung, depth = paint_body(body, grid, table=False)
    random = np.random.default_rng([body.seed, 17])
    sow(lung=lung, depth=depth, spacing=step, extent=extent, dense=dense, random=random).paint(volume)
    axis = 2 if side_on else 1
    coarse = _line_integrals(volume, step[axis] * body.scale, axis=axis)
    across = 2 if axis == 1 else 1
    pixel_mm = counts[0] * step[0] / rows
    cols = round(counts[across] * step[across] / pixel_mm)
    fine = _resized(coarse, (rows, cols), Image.Resampling.BICUBIC)
    fine += _vessels(lung, grid, random, (rows, cols), pixel_mm, side_on=side_on) * body.scale
    return fine, round(pixel_mm * body.scale * magnified, 4)


def _line_integrals(volume: Field, step_mm: float, *, axis: int) -> Field:
    """Return the attenuation of each ray; the calcium of bone absorbs more than its CT number says at low energy."""
    relative = np.maximum(volume / 1000 + 1, 0)
    relative += 0.6 * np.maximum(volume - 150, 0) / 1000
    total = relative.sum(axis=axis, dtype=np.float32) * np.float32(step_mm * _WATER_PER_MM)
    return np.asarray(total[::-1], np.float32)


def _vessels(
    lung: NDArray[np.bool_],
    grid: Grid,
    random: np.random.Generator,
    shape: tuple[int, int],
    pixel_mm: float,
    *,
    side_on: bool,
) -> Field:
    """Return what the vessels of the lungs add to each ray."""
    trees, _, _ = plant(lung, grid, random)
    rows, cols = shape
    if not trees:
        return np.zeros(shape, np.float32)
    deep = 500.0
    low = float(grid.z[0]) - (grid.step[2] - pixel_mm) / 2
    first = float((grid.y if side_on else grid.x)[0]) - (grid.step[1 if side_on else 0] - pixel_mm) / 2
    flat = pour(
        merged(*trees),
        origin=(0.0, first, low) if side_on else (first, 0.0, low),
        spacing=(deep, pixel_mm, pixel_mm) if side_on else (pixel_mm, deep, pixel_mm),
        shape=(rows, cols, 1) if side_on else (rows, 1, cols),
        random=random,
        drops_per_voxel=90.0,
    )
    thickness = np.minimum(flat.reshape(shape)[::-1] * np.float32(deep), 8) * np.float32(_WATER_PER_MM * 0.9)
    return np.asarray(ndimage.gaussian_filter(thickness, 0.5 / pixel_mm), np.float32)


def _exposed(thickness: Field, pixel: float, random: np.random.Generator, *, bedside: bool) -> Field:
    """Return the logarithm of what the detector sees: primary beam, scatter, quantum noise."""
    primary = np.exp(-np.maximum(thickness, 0))
    scatter = _blurred(primary, 22 / pixel, 8)
    share = 0.55 if bedside else 0.25
    seen = primary + share * scatter
    photons = 8e4 if bedside else 2e5
    grain = ndimage.gaussian_filter(random.standard_normal(seen.shape, np.float32), 0.6) * 2.0
    seen = seen + grain * np.sqrt(np.maximum(seen, 1e-6) / photons)
    return np.asarray(-np.log(np.maximum(seen, 2e-4)), np.float32)


def _blurred(image: Field, sigma: float, stride: int) -> Field:
    """Return a wide blur, taken on every `stride`-th pixel and enlarged again."""
    small = ndimage.gaussian_filter(image[::stride, ::stride], sigma / stride, truncate=3)
    return _resized(small, image.shape, Image.Resampling.BILINEAR)


def _resized(image: Field, shape: tuple[int, ...], way: Image.Resampling) -> Field:
    """Return `image` enlarged to `shape`; Pillow takes a tenth of the time of an interpolating spline."""
    return np.array(Image.fromarray(np.ascontiguousarray(image)).resize((shape[1], shape[0]), way), np.float32)


def _look(optical: Field, pixel: float, random: np.random.Generator) -> Field:
    """Return the displayed grey, 0 to 1: dynamic range pressed together, edges lifted, and an S-shaped curve."""
    sharp = ndimage.gaussian_filter(optical, 1.2 / pixel, truncate=3)
    fine, band = optical - sharp, sharp - _blurred(optical, 5 / pixel, 4)
    coarse = _blurred(optical, 14 / pixel, 8)
    pressed = optical - 0.45 * (coarse - float(np.median(coarse[::8, ::8]))) + 0.9 * fine + 0.6 * band
    pressed += 0.004 * np.sin(np.arange(optical.shape[0], dtype=np.float32) * 1.9)[:, None]
    body = pressed[optical > 0.5]
    low, high = np.quantile(body[:: max(1, body.size // 40_000)], (0.02, 0.985))
    level = (pressed - low) / (high - low)
    grey = 1 / (1 + np.exp(-4.2 * (level - 0.52)))
    edge = 1 / (1 + np.exp(4.2 * 0.52))
    grey = (grey - edge) / (1 - 2 * edge)
    return np.asarray(np.clip(0.04 + 0.9 * grey + 0.003 * random.standard_normal(grey.shape), 0, 1), np.float32)


def _collimate(grey: Field, random: np.random.Generator) -> None:
    top, bottom, left, right = random.integers(4, 22, 4)
    shade = np.full(grey.shape, 0.02, np.float32)
    inner = (slice(int(top), grey.shape[0] - int(bottom)), slice(int(left), grey.shape[1] - int(right)))
    shade[inner] = grey[inner]
    grey[...] = shade


def _letter(grey: Field, letter: str, *, side_on: bool) -> None:
    """Burn in the lead marker of the side: the patient's left is at the right of a frontal film."""
    if not letter:
        return
    size = max(14, grey.shape[0] // 26)
    left_side = (letter == "R") != side_on
    place = (grey.shape[1] // 12 if left_side else grey.shape[1] - grey.shape[1] // 12 - size, grey.shape[0] // 12)
    _draw(grey, place, letter, size, 0.97)


def _print_lines(grey: Field, lines: tuple[str, ...]) -> None:
    size = max(12, grey.shape[0] // 44)
    for number, line in enumerate(lines):
        _draw(grey, (grey.shape[1] // 40, grey.shape[0] // 50 + int(number * size * 1.35)), line, size, 1.0)


def _draw(grey: Field, place: tuple[int, int], text: str, size: int, shade: float) -> None:
    canvas = Image.new("L", (grey.shape[1], grey.shape[0]), 0)
    ImageDraw.Draw(canvas).text(place, text, fill=255, font=ImageFont.load_default(size))
    ink = np.asarray(canvas, np.float32) / 255
    grey += ink * (shade - grey)
