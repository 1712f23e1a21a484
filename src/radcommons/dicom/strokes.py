"""A cheap look for burned-in writing, so that every slice of a CT can be looked at and the network runs on few.

Two signs give writing away. Drawn without smoothing, its pixels share one exact value, which stands out of the
histogram because anatomy carries noise. Drawn with smoothing, its strokes are thin and much brighter or darker than
what lies around them, and end at one value. Either way its pixels form components of one height, side by side on a
line.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import ndimage

from radcommons.dicom.frames import Frame

# A value stands out when it is so many times more frequent than the values around it, and by so many pixels at least.
_SPIKE_RATIO = 2.0
_SPIKE_PIXELS = 60
_SPIKE_NEIGHBOURS = 8
_MAX_SPIKES = 6

# A stroke is narrower than the window and rises by these shares of the frame's range; measured on 183 real slices.
_STROKE_WINDOW = 7
_STROKE_CONTRASTS = (0.1, 0.2, 0.35)
_LEVELS = 200

# Characters: taller than noise, smaller than anatomy; on one line, of about one height, ending at about one value.
_MIN_HEIGHT = 5
_MAX_HEIGHT = 80
_MIN_CHARACTERS = 4
_MAX_COMPONENTS = 6000
_MAX_CHARACTERS = 1200
_PEAK_TOLERANCE = 0.19


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
    """

    x: int
    y: int
    width: int
    height: int
    characters: int
    view: Frame


def suspicious_rows(frame: Frame) -> list[Suspicion]:
    """Return rows of components that look like writing, across and down, the longest first.

    Parameters
    ----------
    frame : ndarray, shape (rows, columns), integer or float
        Stored values, before any windowing.

    Notes
    -----
    PHI: none leaves. Cost: some 20 ms for 512 x 512.
    """
    if frame.ndim != 2 or min(frame.shape) < _STROKE_WINDOW:
        return []
    found = []
    for view, mask, peaks, is_telling in _views(frame):
        rows = rows_of_characters(mask, peaks)
        if rows is None and is_telling:  # too busy to tell characters apart: the network looks at all of it
            rows = [((0, 0, frame.shape[1], frame.shape[0]), _MAX_COMPONENTS)]
        for (x, y, width, height), count in rows or []:
            found.append(Suspicion(x=x, y=y, width=width, height=height, characters=count, view=view))
    return sorted(found, key=lambda row: -row.characters)


def _views(frame: Frame) -> Iterator[tuple[Frame, Frame, Frame | None, bool]]:
    """Yield (picture for the network, mask of possible strokes, values that characters must share, is it telling).

    A mask at a low contrast is full of noise in a noisy frame, and that tells nothing.
    """
    for value in drawn_values(frame):
        mask = frame == value
        yield np.where(mask, np.uint8(255), np.uint8(0)), mask, None, False
    low, high = _range_of(frame)
    if not high > low:
        return
    # Bytes are eight times faster than floats here; the range takes 200 levels and leaves room at both ends.
    scale = np.float32(_LEVELS / (float(high) - float(low)))
    values = ((frame.astype(np.float32) - np.float32(low)) * scale + 28).clip(0, 255)
    values = np.nan_to_num(values).astype(np.uint8)
    for signed in (values, 255 - values):
        hat = signed - _opened(signed)
        view = np.minimum(hat, 127) * np.uint8(2)
        for contrast in _STROKE_CONTRASTS:
            yield view, hat > _LEVELS * contrast, signed, contrast == max(_STROKE_CONTRASTS)


def _range_of(frame: Frame) -> tuple[float, float]:
    """Return the robust ends of the frame's values; of a frame that is nearly all one value the true ends."""
    sample = frame[::4, ::4]
    sample = sample[np.isfinite(sample)]
    if sample.size == 0:
        return 0.0, 0.0
    low, high = np.percentile(sample, (0.5, 99.9))
    return (float(low), float(high)) if high > low else (float(np.nanmin(frame)), float(np.nanmax(frame)))


def drawn_values(frame: Frame) -> list[int]:
    """Return the stored values that are far more frequent than their neighbours, most conspicuous first.

    Parameters
    ----------
    frame : ndarray
        Other than integers have no exact values: nothing is returned.
    """
    if frame.dtype.kind not in "iu" or frame.size == 0:
        return []
    low = int(frame.min())
    if int(frame.max()) - low > 1 << 17:
        return []
    counts = np.bincount((frame.astype(np.int32) - low).ravel())
    candidates = np.flatnonzero(counts >= _SPIKE_PIXELS)
    # Counts of the 2 x 8 values around each candidate; the candidate itself is left out.
    offsets = np.r_[np.arange(-_SPIKE_NEIGHBOURS, 0), np.arange(1, _SPIKE_NEIGHBOURS + 1)]
    padded = np.pad(counts, _SPIKE_NEIGHBOURS)
    around = np.median(padded[candidates[:, None] + _SPIKE_NEIGHBOURS + offsets], axis=1)
    excess = counts[candidates] - around
    stands_out = (excess >= _SPIKE_PIXELS) & (counts[candidates] >= _SPIKE_RATIO * around)
    values, excess = candidates[stands_out], excess[stands_out]
    return [int(value) + low for value in values[np.argsort(-excess, kind="stable")[:_MAX_SPIKES]]]


def _opened(values: Frame) -> Frame:
    """Return the morphological opening by a square: everything bright and narrower than it is gone."""
    return _ranked(_ranked(values, np.minimum), np.maximum)


def _ranked(values: Frame, pick: Any) -> Frame:
    """Return the running minimum or maximum over the window, along both axes; numpy beats scipy here tenfold."""
    down, half = values.copy(), range(1, _STROKE_WINDOW // 2 + 1)
    for step in half:
        pick(down[step:], values[:-step], out=down[step:])
        pick(down[:-step], values[step:], out=down[:-step])
    across = down.copy()
    for step in half:
        pick(across[:, step:], down[:, :-step], out=across[:, step:])
        pick(across[:, :-step], down[:, step:], out=across[:, :-step])
    return across


_EIGHT = np.ones((3, 3), bool)

Row = tuple[tuple[int, int, int, int], int]


def rows_of_characters(mask: Frame, peaks: Frame | None = None) -> list[Row] | None:
    """Return ((x, y, width, height), characters) of rows and columns of characters, None where there are too many.

    Parameters
    ----------
    mask : ndarray of bool, shape (rows, columns)
    peaks : ndarray, optional
        Values whose maximum in each component has to agree along a row, in `_LEVELS` of the frame's range.
    """
    labels, count = ndimage.label(mask, structure=_EIGHT)
    if count < _MIN_CHARACTERS:
        return []
    if count > _MAX_COMPONENTS:
        return None
    places = ndimage.find_objects(labels)
    boxes = np.array([(x.start, y.start, x.stop - x.start, y.stop - y.start) for y, x in places])
    longer = boxes[:, 2:].max(axis=1)
    fits = (longer >= _MIN_HEIGHT) & (longer <= 4 * _MAX_HEIGHT)
    chosen = np.flatnonzero(fits)
    if len(chosen) > _MAX_CHARACTERS:
        return None
    tops = np.zeros(len(boxes))
    if peaks is not None:
        for i in chosen:
            tops[i] = peaks[places[i]].max(initial=0, where=labels[places[i]] == i + 1)
    boxes, tops = boxes[chosen], tops[chosen]
    down = [((y, x, height, width), size) for (x, y, width, height), size in _lines(boxes[:, [1, 0, 3, 2]], tops)]
    return _lines(boxes, tops) + down


def _lines(boxes: Frame, tops: Frame) -> list[Row]:
    height, width = boxes[:, 3], boxes[:, 2]
    fits = (height >= _MIN_HEIGHT) & (height <= _MAX_HEIGHT) & (width <= 4 * height)
    return _chains(boxes[fits], tops[fits]) if fits.sum() >= _MIN_CHARACTERS else []


def _chains(boxes: Frame, tops: Frame) -> list[Row]:
    """Chain boxes from left to right where the next one begins close by, at about the same height and value."""
    order = np.argsort(boxes[:, 0], kind="stable")
    line = [(*map(int, boxes[i]), float(tops[i])) for i in order]
    free = [True] * len(line)
    rows = []
    for first in range(len(line)):
        chain = _chain_from(first, line, free) if free[first] else []
        if len(chain) < _MIN_CHARACTERS:
            continue
        for member in chain:
            free[member] = False
        members = boxes[order[chain]]
        x, y = members[:, 0].min(), members[:, 1].min()
        right, bottom = (members[:, 0] + members[:, 2]).max(), (members[:, 1] + members[:, 3]).max()
        rows.append(((int(x), int(y), int(right - x), int(bottom - y)), len(chain)))
    return rows


def _chain_from(first: int, line: list[tuple[Any, ...]], free: list[bool]) -> list[int]:
    chain, last = [first], line[first]
    for other in range(first + 1, len(line)):
        box = line[other]
        if box[0] - last[0] - last[2] > 1.2 * _MAX_HEIGHT:
            break
        if free[other] and abs(box[4] - line[first][4]) <= _LEVELS * _PEAK_TOLERANCE and _follows(last, box):
            chain.append(other)
            last = box
    return chain


def _follows(one: tuple[Any, ...], two: tuple[Any, ...]) -> bool:
    """Tell whether box two is the next character of a line after box one: near, level, of like height."""
    tall, short = max(one[3], two[3]), min(one[3], two[3])
    gap = two[0] - (one[0] + one[2])
    level = abs((one[1] + one[3]) - (two[1] + two[3]))  # letters stand on one base line
    return bool(-0.3 * tall <= gap <= 1.2 * tall and level <= 0.35 * tall and short >= 0.45 * tall)
