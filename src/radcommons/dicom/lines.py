"""Tell whether the components of a mask stand side by side on a line, as the letters of a word do."""

from __future__ import annotations

from collections.abc import Sequence
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
_LARGE = 24
_LEVEL = 0.06
_LIKE_HEIGHT = 0.25
_MAX_EXTENT = 2.2

Row = tuple[tuple[int, int, int, int], int]
_Ints = NDArray[np.int64]
_APART = 1 << 20  # wider than any frame: places of different layers never meet


@dataclass(frozen=True, slots=True, kw_only=True)
class Layer:
    """A mask of possible strokes, and values whose maximum in each letter has to agree along a line."""

    mask: Frame
    levels: Frame | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Parts:
    """Components as columns: layer, left, top, width, height, and the highest level in each."""

    layer: _Ints
    x: _Ints
    y: _Ints
    width: _Ints
    height: _Ints
    peak: _Ints

    def __len__(self) -> int:
        return len(self.x)

    def chosen(self, which: NDArray[np.generic]) -> _Parts:
        columns = (self.layer, self.x, self.y, self.width, self.height, self.peak)
        layer, x, y, width, height, peak = (column[which] for column in columns)
        return _Parts(layer=layer, x=x, y=y, width=width, height=height, peak=peak)

    def turned(self) -> _Parts:
        return _Parts(layer=self.layer, x=self.y, y=self.x, width=self.height, height=self.width, peak=self.peak)


def rows_of_characters(layers: Sequence[Layer]) -> list[list[Row] | None]:
    """Return ((x, y, width, height), characters) of rows and columns of characters, for each layer.

    Parameters
    ----------
    layers : sequence of Layer
        Of one shape; looked at together, since what a look costs is mostly the same for one and for many.

    Returns
    -------
    list
        None for a layer with too many components to tell characters apart.
    """
    parts, too_many = _parts_of(layers)
    found: list[list[Row] | None] = [None if index in too_many else [] for index in range(len(layers))]
    for lines, is_turned in ((_lines(parts), False), (_lines(parts.turned()), True)):
        for layer, ((x, y, width, height), size) in lines:
            rows = found[layer]
            if rows is not None:
                rows.append(((y, x, height, width) if is_turned else (x, y, width, height), size))
    return found


def _parts_of(layers: Sequence[Layer]) -> tuple[_Parts, set[int]]:
    """Return the components of a size that letters have, and the layers that have too many.

    What touches is found by the runs of each image row: a sparse mask has few, and labelling every pixel is slow.
    """
    rows, columns = layers[0].mask.shape
    stride = columns + 1  # a row and a column that are always off keep runs apart
    starts, stops = _runs(layers, stride)
    owner = starts // (stride * (rows + 1))
    too_many = set(np.flatnonzero(np.bincount(owner, minlength=len(layers)) > _MAX_RUNS).tolist())
    if too_many:
        clear = ~np.isin(owner, list(too_many))
        starts, stops = starts[clear], stops[clear]
    if len(starts) < _MIN_CHARACTERS:
        none = np.zeros(0, np.int64)
        return _Parts(layer=none, x=none, y=none, width=none, height=none, peak=none), too_many
    first = np.searchsorted(stops, starts + stride)
    last = np.searchsorted(starts, stops + stride, side="right")
    labels = connected_components(_graph(first, np.maximum(last - first, 0)), directed=False)[1].astype(np.int64)
    boxes = _boxes(starts, stops, labels, stride)
    longer = np.maximum(boxes[2], boxes[3])
    is_fit = (longer >= _MIN_HEIGHT) & (longer <= 4 * _MAX_HEIGHT)
    layer, top = np.divmod(boxes[1], rows + 1)
    for counts, most in ((np.bincount(layer), _MAX_COMPONENTS), (np.bincount(layer[is_fit]), _MAX_CHARACTERS)):
        too_many.update(np.flatnonzero(counts > most).tolist())
    if too_many:
        is_fit &= ~np.isin(layer, list(too_many))
    chosen = is_fit[labels]
    peak = np.zeros(len(layer), np.int64)
    np.maximum.at(peak, labels[chosen], _run_peaks(layers, starts[chosen], stops[chosen], stride))
    whole = _Parts(layer=layer, x=boxes[0], y=top, width=boxes[2], height=boxes[3], peak=peak)
    return whole.chosen(is_fit), too_many


def _runs(layers: Sequence[Layer], stride: int) -> tuple[_Ints, _Ints]:
    """Return where runs begin and end in the layers, one below the other, each row `stride` long."""
    rows, columns = layers[0].mask.shape
    flat = np.zeros(len(layers) * (rows + 1) * stride + 1, np.bool_)
    padded = flat[1:].reshape(len(layers), rows + 1, stride)
    for index, layer in enumerate(layers):
        padded[index, :rows, :columns] = layer.mask
    edges = np.flatnonzero(flat[1:] != flat[:-1])
    return edges[::2], edges[1::2]


def _boxes(starts: _Ints, stops: _Ints, labels: _Ints, stride: int) -> _Ints:
    """Return left, top, width, height of each component, of whose runs these are the places in a padded frame."""
    order = np.argsort(labels, kind="stable")
    ends = np.cumsum(np.bincount(labels))
    begins = np.concatenate(([0], ends[:-1]))
    tops, lefts = np.divmod(starts[order], stride)
    left, top = np.minimum.reduceat(lefts, begins), tops[begins]
    right = np.maximum.reduceat(lefts + (stops - starts)[order], begins)
    return np.stack([left, top, right - left, tops[ends - 1] + 1 - top])


def _run_peaks(layers: Sequence[Layer], starts: _Ints, stops: _Ints, stride: int) -> _Ints:
    """Return the highest level in each run; runs are in order and never touch, so every other maximum is of a run."""
    area = stride * (layers[0].mask.shape[0] + 1)
    peaks = np.zeros(len(starts), np.int64)
    bounds = np.searchsorted(starts, np.arange(len(layers) + 1) * area)
    for index, layer in enumerate(layers):
        mine = slice(bounds[index], bounds[index + 1])
        if layer.levels is None or bounds[index] == bounds[index + 1]:
            continue
        begins, ends = starts[mine] - index * area, stops[mine] - index * area
        row = begins // stride
        edges = np.stack([begins - row, np.minimum(ends - row, layer.levels.size - 1)], axis=1)
        peaks[mine] = np.maximum.reduceat(layer.levels.ravel(), edges.ravel())[::2]
    return peaks


def _graph(first: _Ints, counts: _Ints) -> csr_array:
    """Return the graph in which node i leads to the `counts[i]` nodes from `first[i]` on."""
    ends = np.cumsum(counts)
    targets = np.arange(ends[-1]) + np.repeat(first - ends + counts, counts)
    pointers = np.r_[0, ends]
    return csr_array((np.ones(len(targets), np.bool_), targets, pointers), shape=(len(first), len(first)))


def _lines(parts: _Parts) -> list[tuple[int, Row]]:
    fits = (parts.height >= _MIN_HEIGHT) & (parts.height <= _MAX_HEIGHT) & (parts.width <= 4 * parts.height)
    parts = parts.chosen(fits)
    if len(parts) < _MIN_CHARACTERS:
        return []
    parts = parts.chosen(np.argsort(parts.layer * _APART + parts.x, kind="stable"))
    one, two = _neighbours(parts)
    alive = _on_long_paths(one, two, len(parts))
    kept = alive[one] & alive[two]
    return _rows(parts, one[kept], two[kept])


def _neighbours(parts: _Parts) -> tuple[_Ints, _Ints]:
    """Return the pairs in which the second is the next character of a line: near, level, of like height and value."""
    reach = (parts.height / 0.45 * 1.2).astype(np.int64)
    left = parts.layer * _APART + parts.x
    right = left + parts.width
    first = np.searchsorted(left, right - (parts.height * 0.67).astype(np.int64) - 1)
    first = np.maximum(first, np.arange(len(parts)) + 1)
    counts = np.maximum(np.searchsorted(left, right + reach, side="right") - first, 0)
    one = np.repeat(np.arange(len(parts)), counts)
    ends = np.cumsum(counts)
    two = np.arange(len(one)) + np.repeat(first - ends + counts, counts)
    tall = np.maximum(parts.height[one], parts.height[two])
    short = np.minimum(parts.height[one], parts.height[two])
    gap = left[two] - right[one]
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


def _rows(parts: _Parts, one: _Ints, two: _Ints) -> list[tuple[int, Row]]:
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
            rows.append((int(members.layer[0]), _row(members)))
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
    least = _MIN_LEVEL if height < _LARGE else _MIN_CHARACTERS  # ribs are large, and large letters never run together
    is_low = bottom.max() - members.y.min() <= _MAX_EXTENT * height + 1
    return bool(is_low and 2 * stands.sum() >= len(members) and (stands & is_like).sum() >= least)


def _row(members: _Parts) -> Row:
    x, y = int(members.x.min()), int(members.y.min())
    right, bottom = int((members.x + members.width).max()), int((members.y + members.height).max())
    return (x, y, right - x, bottom - y), len(members)
