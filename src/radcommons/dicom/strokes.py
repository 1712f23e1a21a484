"""A cheap look for burned-in writing, so that every slice of a CT can be looked at and the network runs on few.

Two signs give writing away. Drawn without smoothing, its pixels share one exact value, which stands out of the
histogram because anatomy carries noise. Drawn with smoothing, its strokes are thin and brighter or darker than what
lies around them, and end at one value. Either way its pixels form components of one height, side by side on a line;
`lines` tells that.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from radcommons.dicom.frames import Frame
from radcommons.dicom.lines import LEVELS, Layer, Row, rows_of_characters

# A value stands out when it is so many times more frequent than the values around it, and by so many pixels at least.
_SPIKE_RATIO = 2
_SPIKE_PIXELS = 60
_SPIKE_NEIGHBOURS = 8
_MAX_SPIKES = 6
_WIDEST_HISTOGRAM = 1 << 17

# A stroke is narrower than the window and rises by these shares of the frame's range; measured on 183 real slices.
WINDOW = 7
_STROKE_CONTRASTS = (0.1, 0.25)
_PIXELS_TOGETHER = 1 << 22  # bounds the memory of a look
_FLOOR = 28  # levels left free below the range, and above it as many

# Soft tissue takes a small part of the range: looked at once more, stretched and smoothed against its noise.
_TISSUE_SHARE = 0.1
_TISSUE_SPREADS = 3.0
_TISSUE_RANGE = 0.4
_TISSUE_NOISES = 2.6
_TISSUE_CONTRAST = 0.08


@dataclass(frozen=True, slots=True, kw_only=True)
class Suspicion:
    """A row of character-like components.

    Parameters
    ----------
    x, y, width, height : int
        Where, in pixels of the frame.
    characters : int
        Components in the row.
    view : ndarray, uint8, the frame's shape
        The frame with the suspected writing in white on black, for the network to judge.
    is_exact : bool
        The components share one stored value.
    """

    x: int
    y: int
    width: int
    height: int
    characters: int
    view: Frame
    is_exact: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class _View:
    """A mask of possible strokes, how strong they are and times what to show it, levels that letters of a line share.

    A mask at a low contrast is full of noise in a noisy frame, and that tells nothing: only a telling one is shown to
    the network when it is too busy to tell characters apart.
    """

    mask: Frame
    strokes: Frame
    gain: int
    levels: Frame | None = None
    is_telling: bool = False
    is_exact: bool = False

    def picture(self) -> Frame:
        return np.asarray(np.minimum(self.strokes, 255 // self.gain) * np.uint8(self.gain))


def suspicious_rows(frame: Frame) -> list[Suspicion]:
    """Return rows of components that look like writing, across and down, the longest first.

    Parameters
    ----------
    frame : ndarray, shape (rows, columns), integer or float
        Stored values, before any windowing.

    Notes
    -----
    PHI: none leaves. Cost: some 11 ms of a processor for 512 x 512, 4 ms for 256 x 256.
    """
    if frame.ndim != 2 or min(frame.shape) < WINDOW:
        return []
    found, views = [], list(_views(frame))
    together = max(_PIXELS_TOGETHER // frame.size, 1)
    for start in range(0, len(views), together):
        some = views[start : start + together]
        layers = [Layer(mask=view.mask, levels=view.levels) for view in some]
        for view, rows in zip(some, rows_of_characters(layers), strict=True):
            found += _suspicions(view, rows)
    return sorted(found, key=lambda row: -row.characters)


def _suspicions(view: _View, rows: list[Row] | None) -> list[Suspicion]:
    if rows is None and view.is_telling:
        rows = [((0, 0, view.mask.shape[1], view.mask.shape[0]), view.mask.size)]
    if not rows:
        return []
    picture = view.picture()
    return [
        Suspicion(x=x, y=y, width=width, height=height, characters=count, view=picture, is_exact=view.is_exact)
        for (x, y, width, height), count in rows
    ]


def _views(frame: Frame) -> Iterator[_View]:
    for value in drawn_values(frame):
        mask = frame == value
        yield _View(mask=mask, strokes=mask.view(np.uint8), gain=255, is_exact=True)
    sample = _sample_of(frame)
    low, high = _range_of(frame, sample)
    if not high > low:
        return
    yield from _of_whole_range(_stretched(frame, low, high))
    yield from _of_tissue(_smoothed(_stretched(frame, *_tissue_of(sample, low, high))))


def _of_whole_range(values: Frame) -> Iterator[_View]:
    for signed in (values, 255 - values):
        hat = signed - opened(signed)
        for contrast in _STROKE_CONTRASTS:
            is_telling = contrast == max(_STROKE_CONTRASTS)
            mask = hat > int(LEVELS * contrast)
            yield _View(mask=mask, strokes=hat, gain=2, levels=signed, is_telling=is_telling)


def _of_tissue(values: Frame) -> Iterator[_View]:
    for signed in (values, 255 - values):
        hat = signed - opened(signed)
        sample = hat[::4, ::4]
        noise = float(np.median(sample[sample > 0])) if sample.any() else 0.0
        least = int(max(_TISSUE_NOISES * noise, LEVELS * _TISSUE_CONTRAST))
        yield _View(mask=hat > least, strokes=hat, gain=4, levels=signed)


def _stretched(frame: Frame, low: float, high: float) -> Frame:
    """Return the frame in bytes, which are eight times faster than floats; the range takes `LEVELS` of them."""
    values = frame.astype(np.float32)
    values -= np.float32(low)
    values *= np.float32(LEVELS / (high - low))
    values += np.float32(_FLOOR)
    np.clip(values, 0, 255, out=values)
    if frame.dtype.kind == "f":
        np.nan_to_num(values, copy=False)
    return values.astype(np.uint8)


def range_of(frame: Frame) -> tuple[float, float]:
    """Return the robust ends of the frame's values; equal where it holds nothing else."""
    return _range_of(frame, _sample_of(frame))


def _sample_of(frame: Frame) -> Frame:
    sample = frame[::4, ::4]
    return np.sort(sample[np.isfinite(sample)])


def _range_of(frame: Frame, sample: Frame) -> tuple[float, float]:
    """Return the robust ends of the frame's values; of a frame that is nearly all one value the true ends."""
    if sample.size == 0:
        return 0.0, 0.0
    low, high = _quantiles(sample, 0.005, 0.999)
    return (low, high) if high > low else (float(np.nanmin(frame)), float(np.nanmax(frame)))


def _quantiles(ordered: Frame, *shares: float) -> list[float]:
    return [float(ordered[round(share * (len(ordered) - 1))]) for share in shares]


def _tissue_of(sample: Frame, low: float, high: float) -> tuple[float, float]:
    """Return a window around the values that most pixels of the brighter half have.

    Where few are bright, all count; where the window is not much narrower than the range, the range is taken.
    """
    bright = sample[np.searchsorted(sample, (low + high) / 2) :]
    if bright.size < _TISSUE_SHARE * sample.size:
        bright = sample
    first, middle, third = _quantiles(bright, 0.25, 0.5, 0.75)
    half = max(third - first, (high - low) / 50) * _TISSUE_SPREADS / 2
    return (middle - half, middle + half) if 2 * half < _TISSUE_RANGE * (high - low) else (low, high)


def drawn_values(frame: Frame) -> list[int]:
    """Return the stored values that are far more frequent than their neighbours, most conspicuous first.

    Parameters
    ----------
    frame : ndarray
        Other than integers have no exact values: nothing is returned.
    """
    if frame.dtype.kind not in "iu" or frame.size == 0:
        return []
    low, high = int(frame.min()), int(frame.max())
    if high - low > _WIDEST_HISTOGRAM:
        return []
    if low >= 0 and high < _WIDEST_HISTOGRAM:
        low, counts = 0, np.bincount(frame.ravel())  # five times faster than on a copy
    else:
        counts = np.bincount((frame.astype(np.intp) - low).ravel())
    # At least half of the 2 x 8 values around are that much rarer; only for those few is the median taken.
    padded = np.pad(counts, _SPIKE_NEIGHBOURS)
    offsets = [step for step in range(2 * _SPIKE_NEIGHBOURS + 1) if step != _SPIKE_NEIGHBOURS]
    rarer, most = np.zeros(len(counts), np.uint8), counts // _SPIKE_RATIO
    for step in offsets:
        rarer += padded[step : step + len(counts)] <= most
    candidates = np.flatnonzero((counts >= _SPIKE_PIXELS) & (rarer >= _SPIKE_NEIGHBOURS))
    around = np.median(padded[candidates[:, None] + np.array(offsets)], axis=1)
    excess = counts[candidates] - around
    stands_out = (excess >= _SPIKE_PIXELS) & (counts[candidates] >= _SPIKE_RATIO * around)
    values, excess = candidates[stands_out], excess[stands_out]
    return [int(value) + low for value in values[np.argsort(-excess, kind="stable")[:_MAX_SPIKES]]]


def _smoothed(values: Frame) -> Frame:
    """Return the running mean of four neighbours along both axes, in bytes."""
    total = values.astype(np.uint16)
    total[1:] += values[:-1]
    wide = total.copy()
    wide[:, 1:] += total[:, :-1]
    total = wide.copy()
    total[:-1] += wide[1:]
    wide = total.copy()
    wide[:, :-1] += total[:, 1:]
    wide >>= 4
    return wide.astype(np.uint8)


def opened(values: Frame) -> Frame:
    """Return the morphological opening by a square: everything bright and narrower than it is gone."""
    return _ranked(_ranked(values, np.minimum), np.maximum)


def _ranked(values: Frame, pick: Any) -> Frame:
    """Return the running minimum or maximum over the window, along both axes; numpy beats scipy here tenfold."""
    half = WINDOW // 2
    padded = np.pad(values, half, mode="edge")
    two = pick(padded[1:], padded[:-1])
    four = pick(two[2:], two[:-2])
    down = pick(four[half:], four[:-half])
    two = pick(down[:, 1:], down[:, :-1])
    four = pick(two[:, 2:], two[:, :-2])
    return np.asarray(pick(four[:, half:], four[:, :-half]))
