"""An index in memory of what a set of releases holds: every facet counted at once under any filter.

Rows are series; what is counted is studies. A study is found when one series of it meets all filters. A facet is a
list of pairs (study, value), each once; a facet of series knows for each row its pair as well. Series of a study that
are alike in all that facets count are one group: a question goes through the groups, which are far fewer.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from copy import copy
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.signedinteger[Any]]
Bools = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, kw_only=True)
class Facet:
    """One property: its values, and which studies have which.

    Parameters
    ----------
    values : tuple of str
    study, code : ndarray of int32
        The pairs; `code` counts in `values`.
    row_pair : ndarray of int32 or None
        The pair of each series, in an index that of each group; None where the property is the study's.
    """

    values: tuple[str, ...]
    study: Ints
    code: Ints
    row_pair: Ints | None = None

    def of(self, rows: Ints) -> Facet:
        """Return a facet of series as one of some of its rows."""
        return self if self.row_pair is None else replace(self, row_pair=self.row_pair[rows].astype(np.intp))

    def thinned(self, rows: Bools) -> Facet:
        """Return a facet of series with some of its rows alone."""
        if self.row_pair is None:
            return self
        row_pair = self.row_pair[np.flatnonzero(rows)]
        used, place = _renumbered(row_pair, len(self.code))
        return Facet(values=self.values, study=self.study[used], code=self.code[used], row_pair=place[row_pair])


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A filter: values by facet (any of them), words that a description holds (all of them)."""

    chosen: Mapping[str, tuple[str, ...]]
    words: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """The studies that a filter finds, and each facet's counts without that facet's own filter."""

    studies: Ints
    counts: dict[str, Ints]


class _Lines:
    """Different texts as one text with a line for each, so that a word is sought in all of them at once."""

    def __init__(self, texts: Sequence[str]) -> None:
        folded = [" ".join(one.casefold().split()) for one in texts]
        self._text = "\n".join(folded)
        self._starts = np.cumsum([0, *(len(one) + 1 for one in folded[:-1])]) if folded else np.zeros(0, np.int64)

    def holding(self, word: str) -> Bools:
        """Return which of the texts hold a word."""
        places = [found.start() for found in re.finditer(re.escape(word), self._text)]
        held = np.zeros(len(self._starts), np.bool_)
        held[np.searchsorted(self._starts, places, side="right") - 1] = True
        return held


class FacetIndex:
    """The index of one set of releases; never changed once it is made, so many threads may ask it.

    Parameters
    ----------
    uids : sequence of str
        Study Instance UIDs; a study is its place in it.
    row_study : ndarray of int32
        The study of each series.
    facets : mapping of str to Facet
    texts, row_text
        The different descriptions, and which one each series has.
    order : mapping of str to ndarray of int32
        For each way to sort, the rank of each study.
    study_texts, study_text
        The different descriptions of studies, and which one each has.
    """

    def __init__(
        self,
        *,
        uids: Sequence[str],
        row_study: Ints,
        facets: Mapping[str, Facet],
        texts: Sequence[str],
        row_text: Ints,
        order: Mapping[str, Ints],
        study_texts: Sequence[str] = (),
        study_text: Ints | None = None,
    ) -> None:
        self.uids = uids
        self._row_group, first = _alike(row_study, facets.values())
        self._group_study: Ints = row_study[first].astype(np.intp)
        self.facets = {name: facet.of(first) for name, facet in facets.items()}
        self._row_text, self._study_text = row_text, study_text
        self._texts, self._study_texts = _Lines(texts), _Lines(study_texts)
        self._settle(order)

    @property
    def nbytes(self) -> int:
        """Return the size of the arrays."""
        arrays = [self._row_group, self._group_study, self._row_text, *self._sorted.values()]
        for one in self.facets.values():
            arrays += [one.study, one.code, *([one.row_pair] if one.row_pair is not None else [])]
        return sum(array.nbytes for array in {id(array): array for array in arrays}.values())

    def place_of(self, uid: str) -> int | None:
        """Return the place of a study by its UID, None where it is not in the index."""
        try:
            place = self.uids.index(uid)
        except ValueError:
            return None
        return place if self._alive[place] else None

    @property
    def held(self) -> int:
        """Return the number of studies."""
        return int(self._alive.sum())

    def thinned(self, rows: Bools, *, facets: Mapping[str, Facet], order: Mapping[str, Ints]) -> FacetIndex:
        """Return the index of some of its series, in time that grows with their number alone.

        Parameters
        ----------
        rows : ndarray of bool
            The series that stay.
        facets, order
            What takes the place of facets of studies and of orders.
        """
        made = copy(self)
        row_group = self._row_group[rows]
        used, place = _renumbered(row_group, len(self._group_study))
        made._row_group, made._row_text, made._group_study = (
            place[row_group],
            self._row_text[rows],
            self._group_study[used],
        )
        made.facets = {name: one.thinned(used) for name, one in self.facets.items()} | dict(facets)
        made._settle({**self._order, **order})
        return made

    def ask(self, asked: Asked) -> Found:
        """Return what a filter finds; a value that no study has finds nothing.

        Notes
        -----
        Each filter says what fails it. What passes all filters but one's fails as often as it fails that one.
        """
        return self._found(asked) if asked.chosen or asked.words else self._whole

    def _found(self, asked: Asked) -> Found:
        failing: dict[str, Bools] = {}
        for name, values in asked.chosen.items():
            facet = self.facets[name]
            fails = ~np.isin(np.asarray(facet.values), values)
            if facet.row_pair is not None:
                failing[name] = fails[facet.code][facet.row_pair]
            else:
                failing[name] = np.ones(len(self.uids), np.bool_)
                failing[name][facet.study[np.flatnonzero(~fails[facet.code])]] = False
        of_groups = [one for name, one in failing.items() if self.facets[name].row_pair is not None]
        if asked.words:
            of_groups.append(~self._holding([word.casefold() for word in asked.words]))
        group_fails = _sum(of_groups, len(self._group_study))
        study_fails = _sum([one for name, one in failing.items() if self.facets[name].row_pair is None], len(self.uids))
        open_studies = self._any(group_fails == 0) if of_groups else self._alive
        right = study_fails == 0
        right_group = right[self._group_study]
        counts = {}
        for name, facet in self.facets.items():
            if facet.row_pair is None:
                passing = study_fails == failing[name] if name in failing else right
                code = _chosen(facet.code, (open_studies & passing)[facet.study])
            else:
                left = (group_fails == failing[name] if name in failing else group_fails == 0) & right_group
                hit = np.zeros(len(facet.code), np.bool_)
                hit[_chosen(facet.row_pair, left)] = True
                code = _chosen(facet.code, hit)
            counts[name] = np.bincount(code, minlength=len(facet.values)).astype(np.int32)
        return Found(studies=np.flatnonzero(open_studies & right).astype(np.int32), counts=counts)

    def _any(self, groups: Bools | None) -> Bools:
        """Return the studies that have one of some groups; None for all groups."""
        found = np.zeros(len(self.uids), np.bool_)
        found[self._group_study if groups is None else _chosen(self._group_study, groups)] = True
        return found

    def _holding(self, words: Sequence[str]) -> Bools:
        """Return which groups have a series with all words, each in its own description or in that of its study."""
        rows: Bools | None = None
        for word in words:
            held: Bools = self._texts.holding(word)[self._row_text]
            if self._study_text is not None:
                held |= self._study_texts.holding(word)[self._study_text][self._group_study][self._row_group]
            rows = held if rows is None else rows & held
        found = np.zeros(len(self._group_study), np.bool_)
        if rows is not None:
            found[_chosen(self._row_group, rows)] = True
        return found

    def _settle(self, order: Mapping[str, Ints]) -> None:
        self._alive = self._any(None)  # a study without a series is gone
        self._order = dict(order)
        self._sorted = {name: np.argsort(ranks, kind="stable").astype(np.int32) for name, ranks in order.items()}
        self._whole = self._found(Asked(chosen={}))

    @property
    def order(self) -> Mapping[str, Ints]:
        """Return for each way to sort the rank of each study."""
        return self._order

    def sorted(self, found: Found, by: str) -> Ints:
        """Return the studies found in an order."""
        held = np.zeros(len(self.uids), np.bool_)
        held[found.studies] = True
        studies = self._sorted[by]
        return _chosen(studies, held[studies])

    def values_of(self, name: str, study: int) -> list[str]:
        """Return the values of a facet that a study has."""
        facet = self.facets[name]
        start, end = np.searchsorted(facet.study, [study, study + 1])
        return [facet.values[code] for code in facet.code[start:end]]


def _chosen(values: Ints, mask: Bools) -> Ints:
    """Return ``values[mask]``: a mask that is no pattern costs NumPy four times as much as the places that it marks."""
    return values[np.flatnonzero(mask)]


def _alike(row_study: Ints, facets: Iterable[Facet]) -> tuple[Ints, Ints]:
    """Return the group of each series, in the order of their studies, and the first series of each group."""
    key = row_study.astype(np.int64)
    for facet in facets:
        if facet.row_pair is not None:
            key = np.unique(key, return_inverse=True)[1] * len(facet.code) + facet.row_pair
    _, first, row_group = np.unique(key, return_index=True, return_inverse=True)
    return row_group.astype(np.int32), first.astype(np.int32)


def _renumbered(numbers: Ints, count: int) -> tuple[Bools, Ints]:
    """Return which of so many numbers are used, and the new number of each that is."""
    used = np.zeros(count, np.bool_)
    used[numbers] = True
    return used, (np.cumsum(used) - 1).astype(np.int32)


def _sum(masks: Sequence[Bools], length: int) -> NDArray[np.uint8]:
    made = np.zeros(length, np.uint8)  # there are no 256 facets
    for mask in masks:
        made += mask
    return made


def coded(values: Iterable[str]) -> tuple[tuple[str, ...], Ints]:
    """Return the different values in the order of their first use, and for each its place there."""
    seen: dict[str, int] = {}
    codes = np.fromiter((seen.setdefault(one, len(seen)) for one in values), np.int32)
    return tuple(seen), codes


def facet_of_rows(row_study: Ints, values: Iterable[str]) -> Facet:
    """Return a facet of series from one value a series."""
    return facet_of_codes(row_study, *coded(values))


def facet_of_codes(row_study: Ints, names: tuple[str, ...], code: Ints) -> Facet:
    """Return a facet of series from the place in `names` of the value of each."""
    wide = max(len(names), 1)
    pairs, row_pair = np.unique(row_study.astype(np.int64) * wide + code, return_inverse=True)
    return Facet(
        values=names,
        study=(pairs // wide).astype(np.int32),
        code=(pairs % wide).astype(np.int32),
        row_pair=row_pair.astype(np.int32),
    )


def facet_of_studies(pairs: Iterable[tuple[int, str]]) -> Facet:
    """Return a facet of studies from pairs (study, value), in any order and also more than once."""
    ordered = sorted(set(pairs))
    names, code = coded(value for _, value in ordered)
    return Facet(values=names, study=np.fromiter((study for study, _ in ordered), np.int32), code=code)
