"""Suspect writing that hardly rises out of the noise around it, for the network to judge on a view made for it.

`strokes` looks at the whole range of a frame and at the range of soft tissue. What is faint against a frame's range,
in air, in lungs or across an edge, is told here by two signs, both measured against the noise of the place itself:
strokes that stand in a row, and strokes that repeat one stored value (`plateaus`). Edges of tables and bones show
the same signs now and then, so that nothing found here is believed before the network saw it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

import numpy as np
from PIL import Image
from scipy import ndimage

from radcommons.dicom.boxes import around, merged, shared
from radcommons.dicom.frames import Frame
from radcommons.dicom.lines import Layer, rows_of_characters
from radcommons.dicom.pixeltext import TextBox, TextDetector
from radcommons.dicom.plateaus import Box, plateaus
from radcommons.dicom.strokes import WINDOW, opened, range_of

# How many times the noise of its place a stroke rises, and which share of the frame's range at least.
_NOISES_OF_ROW = 2.6
_NOISES_OF_PLATEAU = 2.5
_LEAST_SHARE = 0.015
_MOST_OF_NOISE = 20.0  # times what rises usually; with 14 the edge of a drawn table was taken for writing
_NEIGHBOURHOOD = 17  # of every second pixel
_LEVELS = 1000  # steps that the range takes where levels along a line are compared
_WIDEST = 30_000  # what a signed integer of two bytes holds, with room

# A view shows the writing at this gray, what is so many times its contrast away in black.
_GRAY = 170
_CONTRASTS = 2.5
_SHARE_OF_RANGE = 0.1
_LEAST_REACH = 0.03
_MARGIN = 36
_ENLARGED = 2  # letters of eight pixels are too small for the network

_LOWEST, _HIGHEST = (
    9,
    40,
)  # a place found by few pixels of letters is lower than these; one that is higher holds no line
_RATIO = 2  # how long a line is at least, in its heights
_SIDE = 1280
_SCORES = (0.6, 0.6, 0.7)  # of each view; the widest shows most anatomy
_STEPS = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Faint:
    """A place where faint writing may stand.

    Parameters
    ----------
    x, y, width, height : int
        Where, in pixels of the frame.
    level : float
        The stored value of the strokes.
    """

    x: int
    y: int
    width: int
    height: int
    level: float

    @property
    def is_upright(self) -> bool:
        """Tell whether the line runs up or down."""
        return self.height > 2 * max(self.width, _LOWEST)


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """Part of a frame as the network sees it; `left` and `top` are where it begins, in pixels of the frame."""

    picture: Frame
    left: int
    top: int
    width: int


def faint_rows(frame: Frame) -> list[Faint]:
    """Return places where strokes of little contrast stand in a row or repeat one value, the longest first.

    Parameters
    ----------
    frame : ndarray, shape (rows, columns), integer or float
        Stored values, before any windowing.

    Notes
    -----
    PHI: none leaves. Cost: some 8 ms of a processor for 512 x 512.
    """
    if frame.ndim != 2 or min(frame.shape) < WINDOW:
        return []
    values = _in_two_bytes(frame)
    if values is None:
        return []
    span = int(values.max()) - int(values.min())
    strokes, layers = np.zeros(frame.shape, np.bool_), []
    for signed in (values, -values):
        hat = signed - opened(signed)
        noise = _noise_of(hat)
        strokes |= hat > np.maximum(_NOISES_OF_PLATEAU * noise, span * _LEAST_SHARE)
        mask = hat > np.maximum(_NOISES_OF_ROW * noise, span * _LEAST_SHARE)
        layers.append(Layer(mask=mask, levels=(signed * np.float32(_LEVELS / span)).astype(np.int16)))
    found = [_of(box, float(value)) for box, value in plateaus(frame, strokes)]
    for layer, rows in zip(layers, rows_of_characters(layers), strict=True):
        found += [_of(box, _level(frame, box, layer.mask)) for box, _ in rows or ()]
    return sorted(found, key=lambda one: -max(one.width, one.height))


def views_of(frame: Frame, one: Faint) -> Iterator[Shown]:
    """Yield enlarged views of a place in which its strokes are bright, line lying: one for its contrast, one wider."""
    left, top = max(one.x - _MARGIN, 0), max(one.y - _MARGIN, 0)
    crop = frame[top : one.y + one.height + _MARGIN, left : one.x + one.width + _MARGIN].astype(np.float32)
    inner = frame[max(one.y - 2, 0) : one.y + one.height + 2, max(one.x - 2, 0) : one.x + one.width + 2]
    rise = one.level - float(np.median(inner))
    low, high = np.percentile(frame[::4, ::4], (0.5, 99.9))
    wide = max(float(high - low) * _SHARE_OF_RANGE, 1e-6)
    near = min(max(abs(rise), wide * _LEAST_REACH / _SHARE_OF_RANGE), wide)
    away = crop - np.float32(one.level)
    rising = np.float32(127 if rise >= 0 else -127) * away
    for shown in (
        rising / max(abs(rise) * _CONTRASTS, 1e-6) + _GRAY,
        255 - np.abs(away) * np.float32(255 / near),
        rising / wide + _GRAY,
    ):
        shown = shown.clip(0, 255).astype(np.uint8)
        if one.is_upright:
            shown = np.ascontiguousarray(np.rot90(shown))
        size = (shown.shape[1] * _ENLARGED, shown.shape[0] * _ENLARGED)
        picture = np.asarray(Image.fromarray(shown).resize(size, Image.Resampling.BICUBIC))
        yield Shown(picture=picture, left=left, top=top, width=crop.shape[1])


def lines_at(frame: Frame, one: Faint, detector: TextDetector) -> list[TextBox]:
    """Return the writing that the network sees in a place where little stands out, followed to its ends."""
    found = _seen(frame, one, detector)
    for _ in range(_STEPS):
        line = TextBox(x=one.x, y=one.y, width=one.width, height=one.height, score=0.0)
        for box in found:
            line = around(line, box)
        if max(line.width - one.width, line.height - one.height) < _MARGIN:
            break
        one = replace(one, x=line.x, y=line.y, width=line.width, height=line.height)
        found = merged([*found, *_seen(frame, one, detector)])
    return found


def _seen(frame: Frame, one: Faint, detector: TextDetector) -> list[TextBox]:
    """Return the lines that the network sees in a place; with part of a line that was suspected goes all of it."""
    letter = min(max(min(one.width, one.height), _LOWEST), _HIGHEST)
    place = TextBox(x=one.x, y=one.y, width=one.width, height=one.height, score=0.0)
    for view, least in zip(views_of(frame, one), _SCORES, strict=True):
        boxes = detector.find_text(view.picture, longest_side=_SIDE, shortest_side=0)
        found = [
            box
            for box in _placed(view, one, boxes)
            if box.score >= least
            and min(box.width, box.height) <= 2 * letter + 12
            and shared(box, place)
            and _is_long(around(box, place))
        ]
        if found:
            fits = min(one.width, one.height) <= max(min(box.width, box.height) for box in found)
            return [around(box, place) for box in found] if fits else found
    return []


def _is_long(box: TextBox) -> bool:
    return max(box.width, box.height) >= _RATIO * min(box.width, box.height)


def _placed(view: Shown, one: Faint, boxes: Iterable[TextBox]) -> Iterator[TextBox]:
    """Yield boxes of a view where they stand in the frame."""
    for box in boxes:
        x, y = box.x // _ENLARGED, box.y // _ENLARGED
        width, height = -(-box.width // _ENLARGED), -(-box.height // _ENLARGED)
        if one.is_upright:
            x, y, width, height = view.width - y - height, x, height, width
        yield replace(box, x=x + view.left, y=y + view.top, width=width, height=height)


def _in_two_bytes(frame: Frame) -> Frame | None:
    """Return the frame between its robust ends as signed integers of two bytes; None where it is all one value."""
    low, high = range_of(frame)
    if not high > low:
        return None
    if frame.dtype.kind in "iu" and low >= -_WIDEST and high <= _WIDEST:
        return np.asarray(frame.clip(int(low), int(high)).astype(np.int16))
    scaled = (np.nan_to_num(frame.astype(np.float32), nan=low).clip(low, high) - low) * (_WIDEST / (high - low))
    return np.asarray(scaled.astype(np.int16))


def _noise_of(hat: Frame) -> Frame:
    """Return for each pixel how far the places around it rise, as a mean over the neighbourhood."""
    rows, columns = hat.shape
    sample = hat[::2, ::2].astype(np.float32)
    # An edge of a table beside faint letters is no noise: it counts for a few times what rises usually.
    rising = sample[::2, ::2]
    rising = rising[rising > 0]
    if rising.size:
        np.minimum(sample, _MOST_OF_NOISE * float(np.median(rising)), out=sample)
    mean = ndimage.uniform_filter(sample, _NEIGHBOURHOOD)
    return np.asarray(np.repeat(np.repeat(mean, 2, axis=0), 2, axis=1)[:rows, :columns])


def _of(box: Box, level: float) -> Faint:
    return Faint(x=box[0], y=box[1], width=box[2], height=box[3], level=level)


def _level(frame: Frame, box: Box, mask: Frame) -> float:
    x, y, width, height = box
    place = (slice(y, y + height), slice(x, x + width))
    return float(np.median(frame[place][mask[place]]))
