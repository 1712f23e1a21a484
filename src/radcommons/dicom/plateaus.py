"""Find writing by what noise never does: one stored value again and again, side by side, within the size of a word.

Drawn letters have plateaus of one exact value, however faint they are and however few pixels of each letter reach it.
Anatomy carries noise, so that neighbours of one value are rare, and those of one word's worth hardly share a value.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from radcommons.dicom.frames import Frame

# A word's worth of the frame, lying and standing, laid out twice so that a word is whole in one of both.
_LONG, _SHORT = 64, 16
# Pairs of one value in it: so many, and so many times more than of the values beside it.
_PAIRS = 10
_RATIO = 3
_BESIDE = 4
# A value this frequent is the ground itself: air that was cut off, the frame around a reconstruction.
_GROUND = 0.003
# So many values at either end are left out: there values were cut off, and rounding repeats the ones beside.
_CUT = 3
_APART = 8  # letters of a word stand nearer
_MOST_PAIRS = 0.5
_WIDEST = 1 << 17

Box = tuple[int, int, int, int]
_Ints = NDArray[np.int64]


def plateaus(frame: Frame) -> list[Box]:
    """Return (x, y, width, height) of places where one value repeats as in writing.

    Parameters
    ----------
    frame : ndarray, shape (rows, columns)
        Stored values; other than integers have no exact values, and nothing is returned.

    Notes
    -----
    PHI: none leaves. Cost: some 4 ms of a processor for 512 x 512.
    """
    if frame.ndim != 2 or frame.dtype.kind not in "iu" or min(frame.shape) < _LONG:
        return []
    values, y, x = _pairs(frame)
    if not _PAIRS <= values.size <= _MOST_PAIRS * frame.size:
        return []
    crowded: set[int] = set()
    for down, across in ((_SHORT, _LONG), (_LONG, _SHORT)):
        for shift in (0, 1):
            rows = (y + shift * down // 2) // down
            columns = (x + shift * across // 2) // across
            crowded |= _crowded(values, rows, columns, frame.size)
    return [box for value in sorted(crowded) for box in _boxes(y[values == value], x[values == value], frame.shape)]


def _pairs(frame: Frame) -> tuple[_Ints, _Ints, _Ints]:
    """Return value, row and column of every pixel that equals the one before it, across or down."""
    flat = frame.ravel()
    places = np.concatenate([np.flatnonzero(flat[step:] == flat[:-step]) + step for step in (1, frame.shape[1])])
    values = flat[places].astype(np.int64)
    low = int(values.min()) if values.size else 0
    if not values.size or int(values.max()) - low > _WIDEST:
        return values[:0], places[:0], places[:0]
    rows, columns = np.divmod(places, frame.shape[1])
    return values, rows, columns


def _crowded(values: _Ints, rows: _Ints, columns: _Ints, frame_size: int) -> set[int]:
    """Return (value, row, column) of the cells that hold far more pairs of a value than of those beside it."""
    width, low = int(columns.max()) + 1, int(values.min()) - _BESIDE
    area = width * (int(rows.max()) + 1)
    keys, counts = np.unique((values - low) * area + rows * width + columns, return_counts=True)
    many = np.flatnonzero(counts >= _PAIRS)
    beside = np.zeros(len(many), np.int64)
    for step in (*range(-_BESIDE, 0), *range(1, _BESIDE + 1)):
        at = np.searchsorted(keys, keys[many] + step * area)
        at = np.minimum(at, len(keys) - 1)
        beside = np.maximum(beside, np.where(keys[at] == keys[many] + step * area, counts[at], 0))
    stands_out = counts[many] >= _PAIRS + _RATIO * beside
    ground = np.bincount(values - values.min()) > _GROUND * frame_size
    ground[:_CUT] = ground[-_CUT:] = True
    cells = keys[many[stands_out]]
    cells = cells[~ground[cells // area + low - values.min()]]
    return set((cells // area + low).tolist())


def _boxes(y: _Ints, x: _Ints, shape: tuple[int, ...]) -> list[Box]:
    """Return the bounds of the pairs of one value that stand together: letters do, strays do not."""
    marks = np.zeros(shape, np.uint8)
    marks[y, x] = 1
    labels, count = ndimage.label(ndimage.maximum_filter(marks, 2 * _APART + 1))
    mine = labels[y, x]
    many = np.flatnonzero(np.bincount(mine, minlength=count + 1) >= _PAIRS)
    found = []
    for label in many.tolist():
        rows, columns = y[mine == label], x[mine == label]
        left, top = int(columns.min()), int(rows.min())
        found.append((left, top, int(columns.max()) - left + 1, int(rows.max()) - top + 1))
    return found
