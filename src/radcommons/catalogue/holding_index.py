"""From the tables to what explore counts: the columns of what a set of releases holds, grown release by release.

What an actor may not see is not in the columns that answer them, so no count of it can leave.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import compress
from typing import Any

import numpy as np
import sqlalchemy as sa
from numpy.typing import NDArray

from radcommons.catalogue import tables as t
from radcommons.catalogue.facets import Bools, Facet, FacetIndex, Ints, facet_of_codes
from radcommons.catalogue.holding_columns import Coder, Codes, Columns, Places
from radcommons.catalogue.holding_facts import (
    OF_ROWS,
    OF_STUDIES,
    STUDY_VALUES,
    UNKNOWN,
    Told,
    body_part,
    read_told,
    stripped,
    study_values,
    thickness,
)
from radcommons.catalogue.submissions import batches
from radcommons.catalogue.visibility import SERVED
from radcommons.platform.rawsql import faults_are_named

# The facets, in the order of the page: name, heading. What a later room knows of a study is one more line here.
FACETS = (
    ("modality", "Modality"),
    ("projection", "View"),
    ("thickness", "Slice thickness"),
    ("segmentation", "Segmentation"),
    ("test", "COVID-19 test"),
    ("days", "Days from test to study"),
    ("age", "Age"),
    ("sex", "Sex"),
    ("body", "Body part"),
    ("manufacturer", "Manufacturer"),
    ("country", "Country"),
    ("site", "Site"),
    ("release", "Release"),
)
_NAMED: dict[str, Callable[[Any], str]] = {
    "body": body_part,
    "manufacturer": stripped,
    "projection": stripped,
    "thickness": thickness,
}
_FEW = 5_000  # more keys than these are read by going through the table once
_AT_A_TIME = 10_000


def grown(connection: sa.Connection, columns: Columns, releases: Sequence[str]) -> Columns:
    """Return the columns with more releases: only what is new in them is read of series and studies.

    Notes
    -----
    The columns of no release grown by all is how an index begins. What is withdrawn while this reads may be in or out:
    `thinned` settles it, as often as it is asked. Memory: the columns, and some thousand rows at a time.
    """
    c = t.release.c
    ages = {
        row.id: (row.created_at, row.number)
        for row in connection.execute(sa.select(c.id, c.created_at, c.number).where(c.id.in_(releases)))
    }
    places = Places(columns.places)
    made = _with_series(connection, columns, places, tuple(ages))
    told, changed = _told(connection, columns.told, ages)
    of_study = _studies(connection, columns, places, told, changed)
    return replace(
        made,
        age={**columns.age, **ages},
        places=dict(places),
        of_study=of_study,
        held=columns.held | _held(connection, tuple(ages), columns, places),
        told=told,
        countries=_countries(connection),
    )


def _served() -> sa.ColumnElement[bool]:
    return sa.func.coalesce(t.instance.c.state, "").in_(SERVED)


def _with_series(connection: sa.Connection, columns: Columns, places: Places, releases: Sequence[str]) -> Columns:
    """Return the columns with the series, and with the bytes, that no known release holds."""
    kinds = Coder(columns.rows["modality"], _NAMED.get("modality", _text))
    uids: list[str] = []
    keys, studies, sizes = [columns.key], [columns.row_study], [np.zeros(0, np.int64)]
    for series, study, modality, total in _fresh(connection, columns, releases):
        uids += series[: _FEW + 1 - len(uids)]
        keys.append(np.fromiter(map(hash, series), np.int64, len(series)))
        studies.append(places.of(study, len(study)))
        sizes.append(np.fromiter(total, np.int64, len(total)))
        kinds.add(modality)
    known, key, row_study = len(columns.key), np.concatenate(keys), np.concatenate(studies)
    size = np.concatenate([columns.size, np.zeros(len(places) - len(columns.size), np.int64)])
    np.add.at(size, row_study[known:], np.concatenate(sizes))
    rows = {"modality": kinds.column(), **_described(connection, columns, key[known:], uids)}
    # A series that is known, or that two studies claim, is where it was first.
    _, firsts = np.unique(key, return_index=True)
    firsts.sort()
    rows = {name: Codes(rows[name].values, rows[name].code[firsts]) for name in columns.rows}
    return replace(columns, key=key[firsts], row_study=row_study[firsts], rows=rows, size=size)


def _text(raw: str | None) -> str:
    return raw or ""


def _fresh(connection: sa.Connection, columns: Columns, releases: Sequence[str]) -> Iterator[tuple[Sequence[Any], ...]]:
    """Yield (series, study, modality, bytes) of some thousand series: of instances that no known release holds."""
    i, item = t.instance.c, t.release_item.c
    named = sa.select(item.instance_id).where(item.release_id.in_(releases))
    inside: sa.ColumnElement[bool]
    if columns.age:
        inside = i.id.in_(named.except_(sa.select(item.instance_id).where(item.release_id.in_(tuple(columns.age)))))
    else:
        # Everything: the index over studies has it in this order. A sum is no key, so no plan begins with the items.
        inside = (i.id + 0).in_(named)
    query = (
        sa.select(i.series_instance_uid, i.study_instance_uid, i.modality, sa.func.sum(i.size))
        .where(inside, _served())
        .group_by(i.study_instance_uid, i.modality, i.series_instance_uid)
    )
    for some in _partitions(connection, query):
        yield tuple(zip(*some, strict=True))


def _described(
    connection: sa.Connection, columns: Columns, wanted: NDArray[np.int64], uids: Sequence[str]
) -> dict[str, Codes]:
    """Return the columns with what the rows of series say of the new ones, of which nothing else is looked at.

    Notes
    -----
    A database that looks a million series up one by one takes ten times as long as to read its table through once.
    """
    c = t.series.c
    told = {"text": c.description, "body": c.body_part, "manufacturer": c.manufacturer, "projection": c.view,
            "thickness": c.slice_mm}  # fmt: skip
    coders = {name: Coder(columns.rows[name], _NAMED.get(name, _text)) for name in told}
    code = {name: np.full(len(wanted), -1, np.int32) for name in told}
    order = np.argsort(wanted, kind="stable")
    ordered = wanted[order]
    for some in _of_keys(connection, [c.series_instance_uid, *told.values()], c.series_instance_uid, uids):
        series, *values = zip(*some, strict=True) if some else ((),)
        key = np.fromiter(map(hash, series), np.int64, len(series))
        at = np.searchsorted(ordered, key)
        is_wanted = np.append(ordered, 0)[at] == key
        place = order[at[is_wanted]]
        for name, column in zip(told, values, strict=False):
            kept = column if is_wanted.all() else list(compress(column, is_wanted.tolist()))
            code[name][place] = coders[name].coded(kept)
    for name, coder in coders.items():
        silent = code[name] < 0
        if silent.any():
            code[name][silent] = coder[None]
    return {name: coder.column(np.concatenate([columns.rows[name].code, code[name]])) for name, coder in coders.items()}


def _countries(connection: sa.Connection) -> dict[str, str]:
    """Return the country of each site, as its newest submission tells."""
    c = t.submission.c
    if connection.dialect.name == "postgresql":
        country: Any = sa.cast(c.document, sa.JSON).op("->>")("country")
    else:
        country = sa.func.json_extract(c.document, "$.country")
    newest = sa.select(c.site, sa.func.max(c.announced_at).label("at")).group_by(c.site).subquery()
    query = sa.select(c.site, country.label("country")).join(
        newest, sa.and_(newest.c.site == c.site, newest.c.at == c.announced_at)
    )
    return {row.site: row.country for row in connection.execute(query) if row.country}


def _held(
    connection: sa.Connection, releases: Sequence[str], columns: Columns, places: Mapping[str, int]
) -> dict[str, Ints]:
    """Return the studies of each release that is new; of the first one alone they are all that there are."""
    if len(releases) == 1 and not columns.age:
        return {releases[0]: np.arange(len(places), dtype=np.int32)}
    found = {}
    for release in releases:
        query = (
            sa.select(t.instance.c.study_instance_uid)
            .join(t.release_item, t.release_item.c.instance_id == t.instance.c.id)
            .where(t.release_item.c.release_id == release, _served())
            .distinct()
        )
        # A study that came between the two questions is left for the next time.
        held = (places[uid] for some in _partitions(connection, query) for (uid,) in some if uid in places)
        found[release] = np.sort(np.fromiter(held, np.int32))
    return found


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
) -> Iterator[Sequence[Any]]:
    """Yield the rows that have one of some keys, some thousand at a time; of very many keys, all rows."""
    query = sa.select(*columns)
    if len(keys) > _FEW:
        yield from _partitions(connection, query)
        return
    for some in batches(keys):
        yield connection.execute(query.where(key.in_(some))).all()


def _partitions(connection: sa.Connection, query: sa.Select[Any]) -> Iterator[Sequence[Any]]:
    """Yield some thousand rows at a time; SQLite's as its driver has them, which is a third of the time."""
    if connection.dialect.name != "sqlite":
        yield from connection.execute(query.execution_options(yield_per=_AT_A_TIME)).partitions()
        return
    cursor: Any = connection.execute(query).cursor
    with faults_are_named(connection.engine):
        while some := cursor.fetchmany(_AT_A_TIME):
            yield some


def _studies(
    connection: sa.Connection,
    columns: Columns,
    places: Mapping[str, int],
    told: Mapping[tuple[str, str | None], Told],
    changed: set[str],
) -> dict[str, Codes]:
    """Return the values of all studies: those of new ones, and what clinical rows change of others."""
    first, count = len(columns.places), len(places)
    coders = {name: Coder(one) for name, one in columns.of_study.items()}
    code = {}
    for name, coder in coders.items():
        code[name] = np.full(count, coder["" if name == "name" else UNKNOWN], np.int32)
        code[name][:first] = columns.of_study[name].code
    c = t.study.c
    wanted = [c.study_instance_uid, c.patient, c.site, c.description, c.patient_sex, c.patient_age]

    def put(some: Iterable[Any], *, is_new: bool) -> None:
        placed = [(place, row) for row in some if (place := places.get(row[0], -1)) >= 0 and (place >= first) == is_new]
        if placed:
            at = np.fromiter((place for place, _ in placed), np.int64, len(placed))
            columns_of = zip(*(study_values(row, told) for _, row in placed), strict=True)
            for name, values in zip(STUDY_VALUES, columns_of, strict=True):
                code[name][at] = coders[name].coded(values)

    for rows in _of_keys(connection, wanted, c.study_instance_uid, list(places)[first:]):
        put(rows, is_new=True)
    for rows in _of_keys(connection, wanted, c.patient, sorted(changed)) if first else ():
        put((row for row in rows if row[1] in changed), is_new=False)
    return {name: coder.column(code[name]) for name, coder in coders.items()}


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
            if name in OF_ROWS}  # fmt: skip
    every = np.arange(len(columns.places))
    studies = {
        name: Facet(values=one.values, study=every, code=one.code)
        for name, one in columns.of_study.items()
        if name in OF_STUDIES
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
    every = np.arange(len(columns.places))
    kinds = columns.rows["modality"]
    seg = np.zeros(len(columns.places), np.int32)
    if "SEG" in kinds.values:
        seg[columns.row_study[kinds.code == kinds.values.index("SEG")]] = 1
    names = sorted(columns.held)
    held = [columns.held[name] for name in names]
    study = np.concatenate([*held, np.zeros(0, np.int32)])
    code = np.repeat(np.arange(len(names), dtype=np.int32), [len(one) for one in held])
    order = np.argsort(study, kind="stable")
    sites = columns.of_study["site"]
    countries, of_site = np.unique([columns.countries.get(one, UNKNOWN) for one in sites.values], return_inverse=True)
    return {
        "country": Facet(
            values=tuple(map(str, countries)),
            study=every,
            code=of_site.astype(np.int32)[sites.code],
        ),
        "segmentation": Facet(values=("No", "Yes"), study=every, code=seg),
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
