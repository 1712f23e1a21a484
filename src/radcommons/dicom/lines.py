"""Tell whether the components of a mask stand side by side on a line, as the letters of a word do."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array
from scipy.sparse.csgraph import connected_components

from radcommons.dicom.frames import Frame

# Of the frame's range, how many steps a level has.
LEVELS = 200

# Characters: taller than noise, smaller than anatomy; on one line, of about one height, ending at about one value.
_MIN_HEIGHT = 5
_MAX_HEIGHT = 80
_MIN_CHARACTERS = 4
_MAX_RUNS = 40_000
_MAX_COMPONENTS = 6000
_MAX_CHARACTERS = 1200
_PEAK_TOLERANCE = 0.19

# Of the members of a row, so many share base line and height, to these shares of the height; the row is so many
# heights high. Measured: 8 % of real slices have such a row by chance, of drawn names nearly all.
_MIN_LEVEL = 3
_LEVEL = 0.06
_LIKE_HEIGHT = 0.25
_MAX_EXTENT = 2.2

Row = tuple[tuple[int, int, int, int], int]
_Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Parts:
    """Components of a mask as columns: left, top, width, height, and the highest level in each."""

    x: _Ints
    y: _Ints
    width: _Ints
    height: _Ints
    peak: _Ints

    def __len__(self) -> int:
        return len(self.x)

    def chosen(self, which: NDArray[np.generic]) -> _Parts:
        return _Parts(
            x=self.x[which], y=self.y[which], width=self.width[which], height=self.height[which], peak=self.peak[which]
        )

    def turned(self) -> _Parts:
        return _Parts(x=self.y, y=self.x, width=self.height, height=self.width, peak=self.peak)


def rows_of_characters(mask: Frame, levels: Frame | None = None) -> list[Row] | None:
    """Return ((x, y, width, height), characters) of rows and columns of characters, None where there are too many.

    Parameters
    ----------
    mask : ndarray of bool, shape (rows, columns)
    levels : ndarray of uint8, optional
        Values whose maximum in each component has to agree along a row, in `LEVELS` of the frame's range.
    """
    parts = _parts_of(mask, levels)
    if parts is None:
        return None
    longer = np.maximum(parts.width, parts.height)
    parts = parts.chosen((longer >= _MIN_HEIGHT) & (longer <= 4 * _MAX_HEIGHT))
    if len(parts) > _MAX_CHARACTERS:
        return None
    down = [((y, x, height, width), size) for (x, y, width, height), size in _lines(parts.turned())]
    return _lines(parts) + down


def _parts_of(mask: Frame, levels: Frame | None) -> _Parts | None:
    """Label what touches, by the runs of each image row: a sparse mask has few, and labelling every pixel is slow."""
    rows, columns = mask.shape
    stride = columns + 1  # a column that is always off keeps the runs of two rows apart
    flat = np.zeros(rows * stride + 1, np.bool_)
    flat[1:].reshape(rows, stride)[:, :columns] = mask
    edges = np.flatnonzero(flat[1:] != flat[:-1])
    starts, stops = edges[::2], edges[1::2]
    if len(starts) > _MAX_RUNS:
        return None
    if len(starts) < _MIN_CHARACTERS:
        return _Parts(**dict.fromkeys(("x", "y", "width", "height", "peak"), np.zeros(0, np.int64)))
    first = np.searchsorted(stops, starts + stride)
    last = np.searchsorted(starts, stops + stride, side="right")
    graph = _graph(first, np.maximum(last - first, 0))
    count, labels = connected_components(graph, directed=False)
    if count > _MAX_COMPONENTS:
        return None
    order = np.argsort(labels, kind="stable")
    begins = np.searchsorted(labels[order], np.arange(count))
    tops, lefts = starts // stride, starts % stride
    left, top = np.minimum.reduceat(lefts[order], begins), tops[order][begins]
    right = np.maximum.reduceat((lefts + stops - starts)[order], begins)
    bottom = tops[order][np.r_[begins[1:], len(order)] - 1] + 1
    peak = np.zeros(count, np.int64)
    if levels is not None:
        across = tops * columns + lefts
        ends = np.minimum(across + stops - starts, levels.size - 1)
        run_peaks = np.maximum.reduceat(levels.ravel(), np.stack([across, ends], 1).ravel())[::2]
        peak = np.maximum.reduceat(run_peaks[order], begins).astype(np.int64)
    return _Parts(x=left, y=top, width=right - left, height=bottom - top, peak=peak)


def _graph(first: _Ints, counts: _Ints) -> csr_array:
    """Return the graph in which node i leads to the `counts[i]` nodes from `first[i]` on."""
    ends = np.cumsum(counts)
    targets = np.arange(ends[-1]) + np.repeat(first - ends + counts, counts)
    pointers = np.r_[0, ends]
    return csr_array((np.ones(len(targets), np.bool_), targets, pointers), shape=(len(first), len(first)))


def _lines(parts: _Parts) -> list[Row]:
    fits = (parts.height >= _MIN_HEIGHT) & (parts.height <= _MAX_HEIGHT) & (parts.width <= 4 * parts.height)
    parts = parts.chosen(fits)
    if len(parts) < _MIN_CHARACTERS:
        return []
    parts = parts.chosen(np.argsort(parts.x, kind="stable"))
    one, two = _neighbours(parts)
    alive = _on_long_paths(one, two, len(parts))
    kept = alive[one] & alive[two]
    return _rows(parts, one[kept], two[kept])


def _neighbours(parts: _Parts) -> tuple[_Ints, _Ints]:
    """Return the pairs in which the second is the next character of a line: near, level, of like height and value."""
    reach = (parts.height / 0.45 * 1.2).astype(np.int64)
    right = parts.x + parts.width
    first = np.searchsorted(parts.x, right - (parts.height * 0.67).astype(np.int64) - 1)
    first = np.maximum(first, np.arange(len(parts)) + 1)
    counts = np.maximum(np.searchsorted(parts.x, right + reach, side="right") - first, 0)
    one = np.repeat(np.arange(len(parts)), counts)
    ends = np.cumsum(counts)
    two = np.arange(len(one)) + np.repeat(first - ends + counts, counts)
    tall = np.maximum(parts.height[one], parts.height[two])
    short = np.minimum(parts.height[one], parts.height[two])
    gap = parts.x[two] - right[one]
    bottom = parts.y + parts.height
    follows = (gap >= -0.3 * tall) & (gap <= 1.2 * tall) & (short >= 0.45 * tall)
    follows &= np.abs(bottom[one] - bottom[two]) <= 0.35 * tall
    follows &= np.abs(parts.peak[one] - parts.peak[two]) <= LEVELS * _PEAK_TOLERANCE
    return one[follows], two[follows]


def _on_long_paths(one: _Ints, two: _Ints, count: int) -> NDArray[np.bool_]:
    """Tell which nodes lie on a path of as many nodes as a line has characters at least."""
    ahead, behind = np.ones(count, np.int64), np.ones(count, np.int64)
    for _ in range(_MIN_CHARACTERS - 1):
        np.maximum.at(ahead, one, ahead[two] + 1)
        np.maximum.at(behind, two, behind[one] + 1)
    return ahead + behind > _MIN_CHARACTERS


def _rows(parts: _Parts, one: _Ints, two: _Ints) -> list[Row]:
    """Walk from left to right, always to the nearest character that is not yet in a row."""
    next_of: dict[int, list[int]] = {}
    for here, there in zip(one.tolist(), two.tolist(), strict=True):
        next_of.setdefault(here, []).append(there)
    used: set[int] = set()
    rows = []
    for first in sorted(next_of):
        if first in used:
            continue
        chain = _chain(first, next_of, used, parts.peak)
        if len(chain) < _MIN_CHARACTERS:
            continue
        used.update(chain)
        members = parts.chosen(np.array(chain))
        if _is_level(members):
            rows.append(_row(members))
    return rows


def _chain(first: int, next_of: dict[int, list[int]], used: set[int], peak: _Ints) -> list[int]:
    chain, at = [first], first
    while True:
        near = (
            there
            for there in next_of.get(at, ())
            if there not in used and abs(peak[there] - peak[first]) <= LEVELS * _PEAK_TOLERANCE
        )
        at = next(near, -1)
        if at < 0:
            return chain
        chain.append(at)


def _is_level(members: _Parts) -> bool:
    """Tell whether enough members stand on one base line and have one height; ribs and vessels wander."""
    bottom = members.y + members.height
    height = float(np.median(members.height))
    stands = np.abs(bottom - np.median(bottom)) <= max(1.0, _LEVEL * height)
    is_like = np.abs(members.height - height) <= max(1.0, _LIKE_HEIGHT * height)
    is_low = bottom.max() - members.y.min() <= _MAX_EXTENT * height + 1
    return bool(is_low and 2 * stands.sum() >= len(members) and (stands & is_like).sum() >= _MIN_LEVEL)


def _row(members: _Parts) -> Row:
    x, y = int(members.x.min()), int(members.y.min())
    right, bottom = int((members.x + members.width).max()), int((members.y + members.height).max())
    return (x, y, right - x, bottom - y), len(members)
