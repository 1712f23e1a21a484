"""Columns of what a set of releases holds, and how texts become numbers in them without a list of all texts."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from radcommons.catalogue.facets import Ints
from radcommons.catalogue.holding_facts import OF_ROWS, STUDY_VALUES, Told


@dataclass(frozen=True, slots=True)
class Codes:
    """A column of text: its different values, and the place of each row's value in them."""

    values: tuple[str, ...] = ()
    code: Ints = field(default_factory=lambda: np.zeros(0, np.int32))


class Coder(dict[Any, int]):
    """Adds to a column of text, many rows at a time; a raw value is looked at once.

    Parameters
    ----------
    column : Codes
        What it begins with.
    name : callable
        From a raw value to the text of the column.
    """

    def __init__(self, column: Codes, name: Callable[[Any], str] = str) -> None:
        super().__init__()
        self._name = name
        self._places = {value: place for place, value in enumerate(column.values)}
        self._parts = [column.code]

    def __missing__(self, raw: Any) -> int:
        place = self._places.setdefault(self._name(raw), len(self._places))
        self[raw] = place
        return place

    def coded(self, raw: Sequence[Any]) -> Ints:
        """Return the numbers of raw values; they are not in the column yet."""
        return np.fromiter(map(self.__getitem__, raw), np.int32, len(raw))

    def add(self, raw: Sequence[Any]) -> None:
        """Add rows."""
        self._parts.append(self.coded(raw))

    def column(self, code: Ints | None = None) -> Codes:
        """Return the column with all that was added, or with another one's rows in its place."""
        return Codes(tuple(self._places), np.concatenate(self._parts) if code is None else code)


@dataclass(frozen=True, slots=True, kw_only=True)
class Columns:
    """What some releases hold; never changed, only replaced.

    Parameters
    ----------
    age : dict of str to tuple
        Of each release when it was made.
    places : dict of str to int
        The place of each study.
    key, row_study, rows
        Of each series: a hash of its UID (this process's own), its study, its values.
    of_study, size : dict of str to Codes, ndarray of int64
        Of each study its values, and its bytes.
    held : dict of str to ndarray of int32
        The studies of each release.
    told : dict
        What the clinical rows say; the newest release speaks.
    countries : dict of str to str
        Of each site.
    """

    age: Mapping[str, tuple[str, int]] = field(default_factory=dict)
    places: dict[str, int] = field(default_factory=dict)
    key: NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, np.int64))
    row_study: Ints = field(default_factory=lambda: np.zeros(0, np.int32))
    rows: dict[str, Codes] = field(default_factory=lambda: {name: Codes() for name in (*OF_ROWS, "text")})
    of_study: dict[str, Codes] = field(default_factory=lambda: {name: Codes() for name in STUDY_VALUES})
    size: NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, np.int64))
    held: dict[str, Ints] = field(default_factory=dict)
    told: dict[tuple[str, str | None], Told] = field(default_factory=dict)
    countries: Mapping[str, str] = field(default_factory=dict)


class Places(dict[str, int]):
    """The place of each study; a new one comes last."""

    def __missing__(self, uid: str) -> int:
        self[uid] = place = len(self)
        return place

    def of(self, uids: Iterable[str], count: int) -> Ints:
        """Return the places of studies."""
        return np.fromiter(map(self.__getitem__, uids), np.int32, count)
