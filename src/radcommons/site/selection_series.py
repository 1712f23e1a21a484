"""Lay the images of a series side by side: what is missing between them, what lies twice at one place, what they say.

Pure: everything comes in as values, so that the same rules hold for a table of a PACS and for files.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import median

from radcommons.records.protocol import FactValue

# Two images nearer than this share of the usual distance lie at one place; scanners round to a hundredth of a mm.
_SAME_SHARE, _SAME_MM = 0.1, 0.02
_GAP = 1.5  # times the usual distance
# Where so many distances are wide, the series was not taken at one distance, and nothing is known of gaps.
_MOST_GAPS = 1 / 3
_FEWEST = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Shot:
    """One image: its file's number, its orientation, its places in mm, and what tells it from others at that place."""

    file: int
    orientation: str
    positions_mm: tuple[float, ...]
    moment: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stack:
    """What a series is as a stack; None where the headers cannot tell.

    Parameters
    ----------
    slices : int, optional
        Different places.
    spacing_mm : float, optional
        The usual distance.
    missing : int, optional
        Slices that are missing between others.
    repeated : tuple of int, optional
        Files that lie where an earlier file of the same acquisition lies.
    """

    slices: int | None = None
    spacing_mm: float | None = None
    missing: int | None = None
    repeated: tuple[int, ...] | None = None

    def facts(self) -> dict[str, FactValue]:
        """Return it as facts of a protocol (`SERIES_FACTS`)."""
        return {
            "slices": self.slices,
            "spacing_mm": None if self.spacing_mm is None else round(self.spacing_mm, 2),
            "missing_slices": self.missing,
            "repeated_slices": None if self.repeated is None else len(self.repeated),
        }


def stack_of(shots: Sequence[Shot]) -> Stack:
    """Return what the images of a series are as a stack.

    Notes
    -----
    Phases, echoes and breath-holds of one series are laid out one by one where they cover the same places. Images of
    a second orientation, or without a place, leave everything unknown.
    """
    if not shots or any(not shot.positions_mm or not shot.orientation for shot in shots):
        return Stack()
    if len({shot.orientation for shot in shots}) > 1:
        return Stack()
    groups = _phases(shots)
    layouts = [_layout(group) for group in groups]
    # A phase of one or two slices has no usual distance; the others tell.
    known = [one.missing for one in layouts if (one.slices or 0) >= _FEWEST] or [None]
    longest = max(layouts, key=lambda one: one.slices or 0)
    return Stack(
        slices=longest.slices,
        spacing_mm=longest.spacing_mm,
        missing=None if any(one is None for one in known) else max(one or 0 for one in known),
        repeated=tuple(sorted({file for one in layouts for file in one.repeated or ()})),
    )


def _phases(shots: Sequence[Shot]) -> list[list[tuple[float, int]]]:
    """Split into phases where these lie over each other; pieces that follow each other are one stack."""
    by_moment: defaultdict[str, list[tuple[float, int]]] = defaultdict(list)
    for shot in shots:
        by_moment[shot.moment] += [(position, shot.file) for position in shot.positions_mm]
    groups = [sorted(group) for group in by_moment.values()]
    joined: list[list[tuple[float, int]]] = []
    for group in sorted(groups, key=lambda one: (one[0][0], one[-1][0])):
        beside = next((one for one in joined if not _overlap(one, group)), None)
        if beside is None:
            joined.append(group)
        else:
            beside += group
            beside.sort()
    return joined


def _overlap(a: Sequence[tuple[float, int]], b: Sequence[tuple[float, int]]) -> bool:
    """Say whether two pieces cover the same places, and not just meet at their ends."""
    common = min(a[-1][0], b[-1][0]) - max(a[0][0], b[0][0])
    shorter = min(a[-1][0] - a[0][0], b[-1][0] - b[0][0])
    if shorter > 0:
        return common > 0.5 * shorter
    return common >= 0  # a single slice lies inside the other piece


def _layout(group: Sequence[tuple[float, int]]) -> Stack:
    rough = _steps([position for position, _ in group], _SAME_MM)
    tolerance = max(_SAME_MM, _SAME_SHARE * median(rough)) if rough else _SAME_MM
    places: list[list[tuple[float, int]]] = []
    for one in sorted(group):
        if places and one[0] - places[-1][0][0] <= tolerance:
            places[-1].append(one)
        else:
            places.append([one])
    steps = _steps([place[0][0] for place in places], 0.0)
    return Stack(
        slices=len(places),
        spacing_mm=median(steps) if steps else None,
        missing=_missing(steps, len(places)),
        repeated=_repeated(places),
    )


def _steps(positions: Sequence[float], least: float) -> list[float]:
    ordered = sorted(positions)
    return [b - a for a, b in pairwise(ordered) if b - a > least]


def _missing(steps: Sequence[float], places: int) -> int | None:
    if places < _FEWEST:
        return None
    usual = median(steps)
    wide = [step for step in steps if step > _GAP * usual]
    if len(wide) > _MOST_GAPS * len(steps):
        return None
    return sum(max(round(step / usual) - 1, 1) for step in wide)


def _repeated(places: Sequence[Sequence[tuple[float, int]]]) -> tuple[int, ...]:
    """Return what lies twice; where every place has the same number of images, they are phases without a name."""
    counts = {len({file for _, file in place}) for place in places}
    if counts == {1} or (len(counts) == 1 and len(places) >= _FEWEST):
        return ()
    return tuple(sorted({file for place in places for file in sorted({number for _, number in place})[1:]}))


def merged(many: Iterable[Mapping[str, FactValue]]) -> dict[str, FactValue]:
    """Return the facts that all images of a series share; where they differ the usual value, or None without one.

    Notes
    -----
    A value that nine of ten images have is the series': one image of another thickness does not make it unknown.
    """
    counted: defaultdict[str, Counter[FactValue]] = defaultdict(Counter)
    total = 0
    for facts in many:
        total += 1
        for name, value in facts.items():
            counted[name][round(value, 2) if isinstance(value, float) else value] += 1
    found: dict[str, FactValue] = {}
    for name, values in counted.items():
        value, count = values.most_common(1)[0]
        found[name] = value if count >= 0.9 * total else None
    return found
