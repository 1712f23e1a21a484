"""Find strokes in which one stored value stands side by side again and again, within the size of a word.

Drawn letters have plateaus of one exact value, however faint they are and however few pixels of each letter reach it.
Anatomy carries noise, so that neighbours of one value are rare, and rarer still where they stand out of what lies
around them. Edges that were drawn, as in phantoms, look the same: what is found here is a suspicion, never a verdict.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from radcommons.dicom.frames import Frame

# A word's worth of the frame, lying and standing, laid out twice so that a word is whole in one of both.
_LONG, _SHORT = 64, 16
# Pairs of one value in it: so many, and so many times more than of the values beside it.
_PAIRS = 5
_RATIO = 2
_BESIDE = 5
# A value that so many pixels have is the ground itself: air that was cut off, the frame around a reconstruction.
_GROUND = 2000
# Where so large a share has the highest value, values were cut off, and rounding repeats those beside.
_CUT_SHARE = 0.02
_CUT = 3
_APART = 8  # letters of a word stand nearer
_REACH = 3  # heights of the line: a space and a letter without pairs
_TALL = 24
_WIDEST = 1 << 17

Box = tuple[int, int, int, int]
_Ints = NDArray[np.int64]


def plateaus(frame: Frame, strokes: NDArray[np.bool_]) -> list[tuple[Box, int]]:
    """Return ((x, y, width, height), value) of places where one value repeats as in writing.

    Parameters
    ----------
    frame : ndarray, shape (rows, columns)
        Stored values; other than integers have no exact values, and nothing is returned.
    strokes : ndarray, of the frame's shape
        Where it rises out of, or falls below, what lies around it; only there pairs are counted.

    Notes
    -----
    PHI: none leaves. Cost: some 2 ms of a processor for 512 x 512.
    """
    if frame.ndim != 2 or frame.dtype.kind not in "iu" or min(frame.shape) < _LONG:
        return []
    values, y, x = _pairs(frame, strokes)
    if values.size < _PAIRS:
        return []
    is_telling = np.zeros(len(values), np.bool_)
    for down, across in ((_SHORT, _LONG), (_LONG, _SHORT)):
        for shift in (0, 1):
            rows = (y + shift * down // 2) // down
            columns = (x + shift * across // 2) // across
            is_telling |= _crowded(values, rows, columns)
    found = []
    for value in np.unique(values[is_telling]).tolist():
        near = abs(values - value) <= 1
        found += [(box, value) for box in _boxes(y[near], x[near], is_telling[near], frame.shape)]
    return found


def _pairs(frame: Frame, strokes: NDArray[np.bool_]) -> tuple[_Ints, _Ints, _Ints]:
    """Return value, row and column of every pixel of a stroke that equals the one before it, across or down."""
    flat, on = np.ascontiguousarray(frame).ravel(), np.ascontiguousarray(strokes).ravel()
    places = np.concatenate(
        [np.flatnonzero((flat[step:] == flat[:-step]) & on[step:] & on[:-step]) + step for step in (1, frame.shape[1])]
    )
    values = flat[places].astype(np.int64)
    if values.size and int(values.max()) - int(values.min()) <= _WIDEST:
        drawn = ~_is_ground(frame, values)
        values, places = values[drawn], places[drawn]
    else:
        values, places = values[:0], places[:0]
    rows, columns = np.divmod(places, frame.shape[1])
    return values, rows, columns


def _is_ground(frame: Frame, values: _Ints) -> NDArray[np.bool_]:
    """Tell which values are those of a ground, or stand beside one, or where values were cut off."""
    low, high = int(frame.min()), int(frame.max())
    if high - low > _WIDEST:
        return np.zeros(len(values), np.bool_)
    counts = np.bincount(frame.ravel().astype(np.intp) - low)
    ground = counts > _GROUND
    ground[:-1] |= ground[1:].copy()
    ground[1:] |= ground[:-1].copy()
    ground[: _CUT + 1] = True  # air is cut off, were it in few pixels
    if counts[-1] > _CUT_SHARE * frame.size:
        ground[-_CUT - 1 :] = True
    return np.asarray(ground[values - low])


def _crowded(values: _Ints, rows: _Ints, columns: _Ints) -> NDArray[np.bool_]:
    """Tell which pairs lie in a cell that holds far more pairs of their value than of those beside it."""
    width, low = int(columns.max()) + 1, int(values.min()) - _BESIDE
    area = width * (int(rows.max()) + 1)
    own = (values - low) * area + rows * width + columns
    keys, counts = np.unique(own, return_counts=True)
    many = np.flatnonzero(2 * counts >= _PAIRS)

    def at(step: int) -> _Ints:
        """Return the counts of the values so far away, in the same cells."""
        place = np.minimum(np.searchsorted(keys, keys[many] + step * area), len(keys) - 1)
        return np.where(keys[place] == keys[many] + step * area, counts[place], 0)

    # Letters drawn with smoothing round to two values, one beside the other.
    mine = counts[many] + np.maximum(at(-1), at(1))
    beside = np.max([at(step) for step in (*range(-_BESIDE, -1), *range(2, _BESIDE + 1))], axis=0)
    stands_out = mine >= _PAIRS + 2 * _RATIO * beside
    return np.isin(own, keys[many[stands_out]])


def _boxes(y: _Ints, x: _Ints, is_telling: NDArray[np.bool_], shape: tuple[int, ...]) -> list[Box]:
    """Return the bounds of the pairs of one value that stand together: letters do, strays do not."""
    marks = np.zeros(shape, np.uint8)
    marks[y, x] = 1
    labels, _ = ndimage.label(ndimage.maximum_filter(marks, 2 * _APART + 1))
    mine = labels[y, x]
    found = []
    for label in np.unique(mine[is_telling]).tolist():
        rows, columns = y[mine == label], x[mine == label]
        left, top = int(columns.min()), int(rows.min())
        right, bottom = int(columns.max()), int(rows.max())
        if right - left >= bottom - top:
            left, right = _longer(
                x[(y >= top - 1) & (y <= bottom + 1)], left, right, _REACH * min(bottom - top + 1, _TALL)
            )
        else:
            top, bottom = _longer(
                y[(x >= left - 1) & (x <= right + 1)], top, bottom, _REACH * min(right - left + 1, _TALL)
            )
        found.append((left, top, right - left + 1, bottom - top + 1))
    return found


def _longer(places: _Ints, first: int, last: int, reach: int) -> tuple[int, int]:
    """Return the ends of a line, with the letters before and behind that have fewer pairs."""
    for place in np.sort(places[places > last]).tolist():
        if place - last > reach:
            break
        last = place
    for place in np.sort(places[places < first])[::-1].tolist():
        if first - place > reach:
            break
        first = place
    return first, last
