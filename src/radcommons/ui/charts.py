"""Charts as server-rendered SVG: a title, a description and the same figures as a table beside them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    """One column of a stacked chart: its label and one value for each part."""

    label: str
    values: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rect:
    """A drawn piece of a column, in the chart's own units."""

    x: float
    y: float
    width: float
    height: float
    part: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Chart:
    """A laid-out stacked bar chart; `ui/components.html` draws it with the macro ``chart``.

    Parameters
    ----------
    id : str
        Unique on its page: title and description are found by it.
    title, description : str
        For screen readers; the title stands above the chart as well.
    parts : tuple of str
        Names of the stacked parts, bottom first.
    bars : tuple of Bar
    rects : tuple of Rect
    grid : tuple of (y, label)
    labels : tuple of (x, label)
    """

    id: str
    title: str
    description: str
    parts: tuple[str, ...]
    bars: tuple[Bar, ...]
    rects: tuple[Rect, ...]
    grid: tuple[tuple[float, str], ...]
    labels: tuple[tuple[float, str], ...]
    width: float
    height: float


# Drawing units: close to pixels on a desktop.
_WIDTH, _HEIGHT, _LEFT, _TOP, _BOTTOM = 620.0, 190.0, 34.0, 8.0, 24.0


def stacked_bars(bars: Sequence[Bar], *, id: str, title: str, parts: Sequence[str], unit: str = "") -> Chart:
    """Return the layout of a stacked bar chart.

    Parameters
    ----------
    bars : sequence of Bar
        In their order; every bar has one value a part.
    id, title : str
    parts : sequence of str
    unit : str
        What is counted, for the description ("studies").

    Raises
    ------
    ValueError
        If a bar has another number of values than there are parts.
    """
    if any(len(bar.values) != len(parts) for bar in bars):
        raise ValueError("each bar has one value a part")
    highest = max((sum(bar.values) for bar in bars), default=0)
    step = _step(highest)
    top = max(step, math.ceil(highest / step) * step) if step else 1
    scale = (_HEIGHT - _TOP - _BOTTOM) / top
    slot = (_WIDTH - _LEFT) / max(len(bars), 1)
    wide = min(slot * 0.8, 46.0)
    rects: list[Rect] = []
    for index, bar in enumerate(bars):
        base = _HEIGHT - _BOTTOM
        for part, value in enumerate(bar.values):
            tall = value * scale
            base -= tall
            if value:
                x = _LEFT + index * slot + (slot - wide) / 2
                rects.append(
                    Rect(x=round(x, 2), y=round(base, 2), width=round(wide, 2), height=round(tall, 2), part=part)
                )
    every = max(1, math.ceil(len(bars) / 8))
    labels = tuple(
        (round(_LEFT + (index + 0.5) * slot, 2), bar.label) for index, bar in enumerate(bars) if index % every == 0
    )
    grid = tuple(
        (round(_HEIGHT - _BOTTOM - mark * scale, 2), short(mark)) for mark in range(0, int(top) + 1, max(int(step), 1))
    )
    return Chart(
        id=id,
        title=title,
        description=_describe(bars, parts, unit),
        parts=tuple(parts),
        bars=tuple(bars),
        rects=tuple(rects),
        grid=grid,
        labels=labels,
        width=_WIDTH,
        height=_HEIGHT,
    )


def _step(highest: int) -> int:
    """Return a round distance of grid lines that makes two to five of them."""
    if highest <= 0:
        return 1
    rough = highest / 4
    magnitude = 10 ** math.floor(math.log10(rough)) if rough >= 1 else 1
    return int(next(magnitude * lead for lead in (1, 2, 5, 10) if magnitude * lead >= rough))


def _describe(bars: Sequence[Bar], parts: Sequence[str], unit: str) -> str:
    if not bars:
        return "There are no figures yet."
    highest = max(bars, key=lambda bar: sum(bar.values))
    total = sum(sum(bar.values) for bar in bars)
    kinds = f", as {' and '.join(parts)}" if len(parts) > 1 else ""
    return (
        f"{total} {unit} in {len(bars)} columns from {bars[0].label} to {bars[-1].label}{kinds}; "
        f"the most in {highest.label}, {sum(highest.values)}."
    )


def short(number: int) -> str:
    """Return a count for an axis: 950, 1.2k, 3M."""
    for limit, suffix in ((1_000_000, "M"), (1_000, "k")):
        if number >= limit:
            return f"{number / limit:.1f}".rstrip("0").rstrip(".") + suffix
    return str(number)
