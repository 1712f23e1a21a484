"""From the tables to what explore counts: the columns of what a set of releases holds, grown release by release.

What an actor may not see is not in the columns that answer them, so no count of it can leave.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import sqlalchemy as sa
from numpy.typing import NDArray

from radcommons.catalogue import tables as t
from radcommons.catalogue.facets import Bools, Facet, FacetIndex, Ints, facet_of_codes
from radcommons.catalogue.holding_facts import UNKNOWN, Told, facts_of, read_told, study_values
from radcommons.catalogue.submissions import batches
from radcommons.catalogue.visibility import SERVED

# The facets, in the order of the page: name, heading. What a later room knows of a study is one more line here.
FACETS = (
    ("modality", "Modality"),
    ("test", "COVID-19 test"),
    ("days", "Days from test to study"),
    ("age", "Age"),
    ("sex", "Sex"),
    ("body", "Body part"),
    ("manufacturer", "Manufacturer"),
    ("segmentation", "Segmentation"),
    ("site", "Site"),
    ("release", "Release"),
)
_OF_ROWS = ("modality", "body", "manufacturer")
_OF_STUDIES = ("test", "days", "age", "sex", "site")
_FEW = 5_000  # more keys than these are read by going through the table once
_AT_A_TIME = 10_000


@dataclass(frozen=True, slots=True)
class Codes:
    """A column of text: its different values, and the place of each row's value in them."""

    values: tuple[str, ...] = ()
    code: Ints = field(default_factory=lambda: np.zeros(0, np.int32))

    def plus(self, more: Iterable[str]) -> Codes:
        """Return the column with more rows."""
        seen = {value: place for place, value in enumerate(self.values)}
        added = np.fromiter((seen.setdefault(one, len(seen)) for one in more), np.int32)
        return Codes(tuple(seen), np.concatenate([self.code, added]))

    def changed(self, rows: Sequence[int], values: Sequence[str]) -> Codes:
        """Return the column with other values in some rows."""
        if not rows:
            return self
        more = self.plus(values)
        code = more.code[: len(self.code)].copy()
        code[np.asarray(rows)] = more.code[len(self.code) :]
        return Codes(more.values, code)


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
    """

    age: dict[str, tuple[str, int]] = field(default_factory=dict)
    places: dict[str, int] = field(default_factory=dict)
    key: NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, np.int64))
    row_study: Ints = field(default_factory=lambda: np.zeros(0, np.int32))
    rows: dict[str, Codes] = field(default_factory=lambda: {name: Codes() for name in (*_OF_ROWS, "text")})
    of_study: dict[str, Codes] = field(default_factory=lambda: {name: Codes() for name in (*_OF_STUDIES, "name")})
    size: NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, np.int64))
    held: dict[str, Ints] = field(default_factory=dict)
    told: dict[tuple[str, str | None], Told] = field(default_factory=dict)


def grown(connection: sa.Connection, columns: Columns, releases: Sequence[str]) -> Columns:
    """Return the columns with more releases: only what is new in them is read of series and studies.

    Notes
    -----
    The columns of no release grown by all is how an index begins. What is withdrawn while this reads may be in or out:
    `thinned` settles it, as often as it is asked.
    """
    c = t.release.c
    ages = {
        row.id: (row.created_at, row.number)
        for row in connection.execute(sa.select(c.id, c.created_at, c.number).where(c.id.in_(releases)))
    }
    fresh = _fresh(connection, releases, known=tuple(columns.age))
    places = dict(columns.places)
    for _, study, _, _ in fresh:
        places.setdefault(study, len(places))
    size = np.concatenate([columns.size, np.zeros(len(places) - len(columns.size), np.int64)])
    np.add.at(size, np.asarray([places[one[1]] for one in fresh], np.int64), np.asarray([one[3] for one in fresh], int))
    told, changed = _told(connection, columns.told, ages)
    of_study = _studies(connection, columns, places, told, changed)
    return _with_rows(
        connection,
        replace(
            columns,
            age=columns.age | ages,
            places=places,
            of_study=of_study,
            size=size,
            held=columns.held | {one: _studies_held(connection, one, places) for one in ages},
            told=told,
        ),
        fresh,
    )


def _served() -> sa.ColumnElement[bool]:
    return sa.func.coalesce(t.instance.c.state, "").in_(SERVED)


def _fresh(
    connection: sa.Connection, releases: Sequence[str], *, known: Sequence[str]
) -> list[tuple[str, str, str, int]]:
    """Return (series, study, modality, bytes) of instances that no known release holds."""
    i, item = t.instance.c, t.release_item.c
    named: Any = sa.select(item.instance_id).where(item.release_id.in_(releases))
    if known:
        named = named.except_(sa.select(item.instance_id).where(item.release_id.in_(known)))
    size, kind = sa.func.sum(i.size), sa.func.max(i.modality)
    query = (
        sa.select(i.series_instance_uid, i.study_instance_uid, kind, size)
        .where(i.id.in_(named), _served())
        .group_by(i.series_instance_uid, i.study_instance_uid)
    )
    found = connection.execute(query.execution_options(yield_per=_AT_A_TIME))
    return [(series, study, modality or UNKNOWN, int(size)) for series, study, modality, size in found]


def _studies_held(connection: sa.Connection, release: str, places: Mapping[str, int]) -> Ints:
    query = (
        sa.select(t.instance.c.study_instance_uid)
        .join(t.release_item, t.release_item.c.instance_id == t.instance.c.id)
        .where(t.release_item.c.release_id == release, _served())
        .distinct()
    )
    found = connection.execute(query.execution_options(yield_per=_AT_A_TIME)).scalars()
    # A study that came between the two questions is left for the next time.
    return np.sort(np.fromiter((places[uid] for uid in found if uid in places), np.int32))


def _told(
    connection: sa.Connection, told: Mapping[tuple[str, str | None], Told], ages: Mapping[str, tuple[str, int]]
) -> tuple[dict[tuple[str, str | None], Told], set[str]]:
    """Return what clinical rows say, and the patients of whom they say something else than before."""
    made = dict(told)
    for release, age in sorted(ages.items(), key=lambda one: one[1], reverse=True):
        for key, one in read_told(connection, release, age).items():
            if key not in made or made[key].age < age:
                made[key] = one
    return made, {key[0] for key, one in made.items() if one is not told.get(key)}


def _of_keys(
    connection: sa.Connection, columns: Sequence[Any], key: sa.Column[Any], keys: Sequence[str]
) -> Iterable[Any]:
    """Yield the rows that have one of some keys, which may be very many."""
    query = sa.select(*columns).execution_options(yield_per=_AT_A_TIME)
    if len(keys) > _FEW:
        wanted = set(keys)
        yield from (row for row in connection.execute(query) if row._mapping[key] in wanted)
        return
    for some in batches(keys):
        yield from connection.execute(query.where(key.in_(some)))


def _studies(
    connection: sa.Connection,
    columns: Columns,
    places: Mapping[str, int],
    told: Mapping[tuple[str, str | None], Told],
    changed: set[str],
) -> dict[str, Codes]:
    """Return the values of all studies: those of new ones, and what clinical rows change of others."""
    first = len(columns.places)
    fresh = [{name: UNKNOWN for name in _OF_STUDIES} | {"name": ""} for _ in range(len(places) - first)]
    others: dict[int, dict[str, str]] = {}
    c = t.study.c
    wanted = [c.study_instance_uid, c.patient, c.site, c.description, c.patient_sex, c.patient_age]
    for row in _of_keys(connection, wanted, c.study_instance_uid, list(places)[first:]):
        place = places[row.study_instance_uid]
        if place >= first:
            fresh[place - first] = study_values(row, told)
    for row in _of_keys(connection, wanted, c.patient, sorted(changed)) if first else ():
        if places.get(row.study_instance_uid, first) < first:
            others[places[row.study_instance_uid]] = study_values(row, told)
    return {
        name: column.changed(list(others), [one[name] for one in others.values()]).plus(one[name] for one in fresh)
        for name, column in columns.of_study.items()
    }


def _with_rows(connection: sa.Connection, columns: Columns, fresh: Sequence[tuple[str, str, str, int]]) -> Columns:
    """Return the columns with the series that are not in them yet."""
    known = np.sort(columns.key)
    keys = np.fromiter((hash(one[0]) for one in fresh), np.int64, len(fresh))
    at = np.searchsorted(known, keys)
    is_new = np.ones(len(keys), np.bool_)
    inside = at < len(known)
    is_new[inside] = known[at[inside]] != keys[inside]
    # A series that two studies claim is the first one's.
    _, firsts = np.unique(keys, return_index=True)
    once = np.zeros(len(keys), np.bool_)
    once[firsts] = True
    added = [fresh[place] for place in np.flatnonzero(is_new & once).tolist()]
    rows = {one[0]: place for place, one in enumerate(added)}
    facts = [("", UNKNOWN, UNKNOWN)] * len(added)
    c = t.series.c
    maker = c.header["00080070"]["Value"][0].as_string().label("maker")
    for row in _of_keys(connection, [c.series_instance_uid, c.description, c.body_part, maker],
                        c.series_instance_uid, list(rows)):  # fmt: skip
        facts[rows[row.series_instance_uid]] = facts_of(row)
    study = np.asarray([columns.places[one[1]] for one in added], np.int32)
    more: dict[str, Iterable[str]] = {
        "modality": (one[2] for one in added),
        "body": (one[1] for one in facts),
        "manufacturer": (one[2] for one in facts),
        "text": (one[0] for one in facts),
    }
    return replace(
        columns,
        key=np.concatenate([columns.key, keys[is_new & once]]),
        row_study=np.concatenate([columns.row_study, study]),
        rows={name: column.plus(more[name]) for name, column in columns.rows.items()},
    )


def thinned(connection: sa.Connection, columns: Columns, digests: Iterable[str]) -> tuple[Columns, Bools]:
    """Return the columns without what is no longer served, and which series are left.

    Parameters
    ----------
    digests : iterable of str
        Instances that were taken back; their series and studies are looked at again, whatever they hold now.
    """
    i, item = t.instance.c, t.release_item.c
    studies: set[str] = set()
    series: set[str] = set()
    for some in batches(set(digests)):
        query = sa.select(i.study_instance_uid, i.series_instance_uid).where(i.digest.in_(some)).distinct()
        for study, one in connection.execute(query):
            series.add(one)
            if study in columns.places:
                studies.add(study)
    left: set[str] = set()
    size = columns.size.copy()
    size[[columns.places[one] for one in studies]] = 0
    held: dict[str, set[int]] = {}
    for some in batches(sorted(studies)):
        named = t.release_item.join(t.instance, i.id == item.instance_id)
        where = (i.study_instance_uid.in_(some), item.release_id.in_(tuple(columns.age)), _served())
        query = sa.select(item.release_id, i.study_instance_uid).select_from(named).where(*where).distinct()
        for release, study in connection.execute(query):
            held.setdefault(release, set()).add(columns.places[study])
        inside = sa.exists().where(item.instance_id == i.id, item.release_id.in_(tuple(columns.age)))
        sums = sa.select(i.study_instance_uid, i.series_instance_uid, sa.func.sum(i.size)).where(
            i.study_instance_uid.in_(some), _served(), inside
        )
        for study, one, total in connection.execute(sums.group_by(i.study_instance_uid, i.series_instance_uid)):
            size[columns.places[study]] += int(total)
            left.add(one)
    gone = np.asarray([hash(one) for one in series - left], np.int64)
    keep = ~np.isin(columns.key, gone)
    asked = np.asarray([columns.places[one] for one in studies], np.int32)
    pairs = {
        release: np.union1d(places[~np.isin(places, asked)], np.asarray(sorted(held.get(release, ())), np.int32))
        for release, places in columns.held.items()
    }
    made = replace(
        columns,
        key=columns.key[keep],
        row_study=columns.row_study[keep],
        rows={name: Codes(one.values, one.code[keep]) for name, one in columns.rows.items()},
        size=size,
        held=pairs,
    )
    return made, keep


def made_index(columns: Columns) -> FacetIndex:
    """Return the index of columns."""
    rows = {name: facet_of_codes(columns.row_study, one.values, one.code) for name, one in columns.rows.items()
            if name in _OF_ROWS}  # fmt: skip
    every = np.arange(len(columns.places), dtype=np.int32)
    studies = {
        name: Facet(values=one.values, study=every, code=one.code)
        for name, one in columns.of_study.items()
        if name in _OF_STUDIES
    }
    return FacetIndex(
        uids=list(columns.places),
        row_study=columns.row_study,
        facets=rows | studies | _made_anew(columns),
        texts=columns.rows["text"].values,
        row_text=columns.rows["text"].code,
        order=_orders(columns),
        study_texts=columns.of_study["name"].values,
        study_text=columns.of_study["name"].code,
    )


def thinned_index(index: FacetIndex, columns: Columns, keep: Bools) -> FacetIndex:
    """Return an index of thinned columns from that of the whole ones, without sorting the series again."""
    return index.thinned(keep, facets=_made_anew(columns), order=_orders(columns))


def _made_anew(columns: Columns) -> dict[str, Facet]:
    kinds = columns.rows["modality"]
    seg = np.zeros(len(columns.places), np.int32)
    if "SEG" in kinds.values:
        seg[columns.row_study[kinds.code == kinds.values.index("SEG")]] = 1
    names = sorted(columns.held)
    held = [columns.held[name] for name in names]
    study = np.concatenate([*held, np.zeros(0, np.int32)])
    code = np.repeat(np.arange(len(names), dtype=np.int32), [len(one) for one in held])
    order = np.argsort(study, kind="stable")
    return {
        "segmentation": Facet(values=("No", "Yes"), study=np.arange(len(seg), dtype=np.int32), code=seg),
        "release": Facet(values=tuple(names), study=study[order], code=code[order]),
    }


def _orders(columns: Columns) -> dict[str, Ints]:
    newest = np.full(len(columns.places), len(columns.age), np.int32)
    # From the oldest release to the newest, so that the newest that holds a study is the last to say so.
    for rank, release in reversed(list(enumerate(sorted(columns.age, key=lambda one: columns.age[one], reverse=True)))):
        newest[columns.held[release]] = rank
    names = columns.of_study["name"]
    by_name = _ranks(np.asarray(names.values, dtype=object))
    return {"newest": _ranks(newest), "largest": _ranks(-columns.size), "name": _ranks(by_name[names.code])}


def _ranks(values: Any) -> Ints:
    ranks = np.empty(len(values), np.int32)
    ranks[np.argsort(values, kind="stable")] = np.arange(len(values), dtype=np.int32)
    return ranks
