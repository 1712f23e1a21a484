"""An index in memory of what a set of releases holds: every facet counted at once under any filter.

Rows are series; what is counted is studies. A study is found when one series of it meets all filters. A facet is a
list of pairs (study, value), each once; a facet of series knows for each row its pair as well.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from copy import copy
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int32]
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
        The pair of each series; None where the property is the study's.
    """

    values: tuple[str, ...]
    study: Ints
    code: Ints
    row_pair: Ints | None = None

    def thinned(self, rows: Bools) -> Facet:
        """Return a facet of series with some of its series alone."""
        if self.row_pair is None:
            return self
        row_pair = self.row_pair[rows]
        used = np.zeros(len(self.code), np.bool_)
        used[row_pair] = True
        place = (np.cumsum(used) - 1).astype(np.int32)
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
        self.uids, self.facets, self.order = uids, dict(facets), dict(order)
        self._row_study, self._row_text, self._study_text = row_study, row_text, study_text
        self._alive = np.zeros(len(uids), np.bool_)  # a study without a series is gone
        self._alive[row_study] = True
        self._texts, self._study_texts = _Lines(texts), _Lines(study_texts)

    @property
    def nbytes(self) -> int:
        """Return the size of the arrays."""
        arrays = [self._row_study, self._row_text, *self.order.values()]
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
        made._row_study, made._row_text = self._row_study[rows], self._row_text[rows]
        made._alive = np.zeros(len(self.uids), np.bool_)
        made._alive[made._row_study] = True
        made.facets = {name: one.thinned(rows) for name, one in self.facets.items()} | dict(facets)
        made.order = {**self.order, **order}
        return made

    def ask(self, asked: Asked) -> Found:
        """Return what a filter finds; a value that no study has finds nothing."""
        of_rows: dict[str, Bools] = {}
        of_studies: dict[str, Bools] = {}
        for name, values in asked.chosen.items():
            facet = self.facets[name]
            hit = np.isin(np.asarray(facet.values), values)[facet.code]
            if facet.row_pair is not None:
                of_rows[name] = hit[facet.row_pair]
            else:
                of_studies[name] = np.zeros(len(self.uids), np.bool_)
                of_studies[name][facet.study[hit]] = True
        if asked.words:
            # No facet is called so, so none ignores it.
            of_rows[""] = _all((self._holding(word.casefold()) for word in asked.words), len(self._row_study))
        rows, studies = self._left(of_rows, of_studies, without=None)
        counts = {}
        for name, facet in self.facets.items():
            own = (rows, studies) if name not in asked.chosen else self._left(of_rows, of_studies, without=name)
            counts[name] = _count(facet, *own)
        return Found(studies=np.flatnonzero(studies).astype(np.int32), counts=counts)

    def _left(
        self, of_rows: Mapping[str, Bools], of_studies: Mapping[str, Bools], *, without: str | None
    ) -> tuple[Bools | None, Bools]:
        """Return the series and the studies that pass all filters but one's; None for all series."""
        studies = self._alive & _all((mask for name, mask in of_studies.items() if name != without), len(self.uids))
        narrow = [mask for name, mask in of_rows.items() if name != without]
        filtered = len(narrow) + sum(name != without for name in of_studies)
        if not filtered:
            return None, studies
        rows = studies[self._row_study]
        for mask in narrow:
            rows &= mask
        if narrow:
            studies = np.zeros(len(self.uids), np.bool_)
            studies[self._row_study[rows]] = True
        return rows, studies

    def _holding(self, word: str) -> Bools:
        """Return which series have a word in their own description or in that of their study."""
        held: Bools = self._texts.holding(word)[self._row_text]
        if self._study_text is not None:
            held |= self._study_texts.holding(word)[self._study_text][self._row_study]
        return held

    def sorted(self, found: Found, by: str) -> Ints:
        """Return the studies found in an order."""
        return found.studies[np.argsort(self.order[by][found.studies], kind="stable")]

    def values_of(self, name: str, study: int) -> list[str]:
        """Return the values of a facet that a study has."""
        facet = self.facets[name]
        start, end = np.searchsorted(facet.study, [study, study + 1])
        return [facet.values[code] for code in facet.code[start:end]]


def _all(masks: Iterable[Bools], length: int) -> Bools:
    made = np.ones(length, np.bool_)
    for mask in masks:
        made &= mask
    return made


def _count(facet: Facet, rows: Bools | None, studies: Bools) -> Ints:
    if facet.row_pair is None:
        code = facet.code[studies[facet.study]]
    elif rows is None:
        code = facet.code
    else:
        hit = np.zeros(len(facet.code), np.bool_)
        hit[facet.row_pair[rows]] = True
        code = facet.code[hit]
    return np.bincount(code, minlength=len(facet.values)).astype(np.int32)


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
