"""Where a box of writing lies against others and what is covered for it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from radcommons.dicom.pixeltext import TextBox

# A box is larger than what the network saw of the letters: serifs and descenders stand out of it.
_MARGIN, _LEAST_MARGIN = 0.18, 2

# A word runs out where its ground has its brightness; most words that were covered in part ended within this,
# in heights of the box.
_ENDS, _LINE = 1.5, 1.5

_SAME = 0.5  # of a box lies in another that shows the same line
_GROWS = 1.5  # how much higher a line may get by another look at it


def grown(box: TextBox, shape: Iterable[int], kept: Sequence[TextBox]) -> TextBox:
    """Return a box with a margin, and longer at its ends, where letters fade into what lies behind them."""
    margin = round(_MARGIN * min(box.width, box.height)) + _LEAST_MARGIN
    is_line = max(box.width, box.height) >= _LINE * min(box.width, box.height)
    ends = round(_ENDS * min(box.width, box.height)) if is_line else 0
    is_across = box.width >= box.height
    longer = _with_margin(box, shape, margin + ends * is_across, margin + ends * (not is_across))
    if any(_shares(longer, other) and not _shares(box, other) for other in kept):
        return _with_margin(box, shape, margin, margin)  # a marker stands beside it
    return longer


def _with_margin(box: TextBox, shape: Iterable[int], across: int, down: int) -> TextBox:
    rows, columns = tuple(shape)[:2]
    x, y = max(box.x - across, 0), max(box.y - down, 0)
    right, bottom = min(box.x + box.width + across, columns), min(box.y + box.height + down, rows)
    x, right = x // 2 * 2, min(-(-right // 2) * 2, columns)  # two pixels may share their colors
    return replace(box, x=x, y=y, width=right - x, height=bottom - y)


def _shares(one: TextBox, two: TextBox) -> bool:
    return min(one.x + one.width, two.x + two.width) > max(one.x, two.x) and min(
        one.y + one.height, two.y + two.height
    ) > max(one.y, two.y)


def overlap(one: TextBox, two: TextBox) -> bool:
    """Tell whether two boxes are of one place: the smaller lies mostly in the larger."""
    width = min(one.x + one.width, two.x + two.width) - max(one.x, two.x)
    height = min(one.y + one.height, two.y + two.height) - max(one.y, two.y)
    smaller = min(one.width * one.height, two.width * two.height)
    return width > 0 and height > 0 and 2 * width * height >= smaller


def place_of(box: TextBox) -> tuple[slice, slice]:
    """Return the rows and columns of a box, to index a frame with."""
    return slice(box.y, box.y + box.height), slice(box.x, box.x + box.width)


def merged(boxes: Iterable[TextBox]) -> list[TextBox]:
    """Make one box of those that mostly cover each other, as two looks at one line give, from top to bottom.

    Two that are no line together stay two: a box of many lines is taken for anatomy, and the writing in it would stay.
    """
    found: list[TextBox] = []
    for box in sorted(boxes, key=lambda one: -one.width * one.height):
        for index, other in enumerate(found):
            both = around(box, other)
            if shared(box, other) > _SAME * box.width * box.height and _lower(both) <= _GROWS * _lower(other):
                found[index] = both
                break
        else:
            found.append(box)
    return sorted(found, key=lambda box: (box.y, box.x))


def _lower(box: TextBox) -> int:
    return min(box.width, box.height)


def shared(one: TextBox, two: TextBox) -> int:
    """Return how many pixels two boxes have in common."""
    width = min(one.x + one.width, two.x + two.width) - max(one.x, two.x)
    height = min(one.y + one.height, two.y + two.height) - max(one.y, two.y)
    return max(width, 0) * max(height, 0)


def around(one: TextBox, two: TextBox) -> TextBox:
    """Return the smallest box that holds both."""
    x, y = min(one.x, two.x), min(one.y, two.y)
    right, bottom = max(one.x + one.width, two.x + two.width), max(one.y + one.height, two.y + two.height)
    return TextBox(x=x, y=y, width=right - x, height=bottom - y, score=max(one.score, two.score))
