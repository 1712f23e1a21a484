"""From the tables to the index in memory that explore asks: one for each set of releases that somebody may see.

What an actor may not see is not in the index that answers them, so no count of it can leave.
"""

from __future__ import annotations

import json
import re
from collections import OrderedDict
from collections.abc import Iterable, Mapping
from threading import Lock
from typing import Any

import numpy as np
import sqlalchemy as sa

from radcommons.catalogue import tables as t
from radcommons.catalogue.facets import FacetIndex, coded, facet_of_rows, facet_of_studies
from radcommons.catalogue.visibility import SERVED, visible_releases
from radcommons.platform.database import reading
from radcommons.records.event import Actor

UNKNOWN = "Not recorded"
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
_KEPT = 4
_AGE = re.compile(r"^(\d{3})([DWMY])$")
_PER_YEAR = {"D": 365.25, "W": 52.18, "M": 12.0, "Y": 1.0}
_SEXES = {"F": "Female", "M": "Male", "O": "Other", "Female": "Female", "Male": "Male"}
_DAYS = ((-1, "Before the test"), (3, "0 to 3"), (7, "4 to 7"), (14, "8 to 14"), (30, "15 to 30"))

Told = Mapping[str, Any]


class Shelf:
    """The indexes that were made, by the releases they hold and the state of the feeds; the oldest leaves."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._making: dict[Any, Lock] = {}
        self._held: OrderedDict[Any, FacetIndex] = OrderedDict()

    def index(self, engine: sa.Engine, actor: Actor) -> FacetIndex:
        """Return the index of what an actor may see; made by the first who asks, while others are served.

        Notes
        -----
        Asks the database each time which releases an actor may see, and how many entries the feeds have: a new
        release and a withdrawal each add one.
        """
        with reading(engine) as connection:
            query = sa.select(t.release.c.id).where(visible_releases(actor)).order_by(t.release.c.id)
            releases = tuple(connection.execute(query).scalars())
            entries = connection.execute(sa.select(sa.func.count()).select_from(t.feed_entry)).scalar_one()
        key = (releases, entries)
        with self._lock:
            if key in self._held:
                self._held.move_to_end(key)
                return self._held[key]
            making = self._making.setdefault(key, Lock())
        with making:
            with self._lock:
                if key in self._held:
                    return self._held[key]
            with reading(engine) as connection:
                made = make_index(connection, releases)
            with self._lock:
                self._held[key] = made
                self._making.pop(key, None)
                while len(self._held) > _KEPT:
                    self._held.popitem(last=False)
            return made


def make_index(connection: sa.Connection, releases: tuple[str, ...]) -> FacetIndex:
    """Return the index of what some releases still serve."""
    rows: dict[str, int] = {}
    places: dict[str, int] = {}
    row_study: list[int] = []
    modality: list[str] = []
    in_release: set[tuple[int, str]] = set()
    sizes: dict[int, int] = {}
    for release, series, study, kind, size in _held(connection, releases):
        place = places.setdefault(study, len(places))
        in_release.add((place, release))
        if series not in rows:
            rows[series] = len(rows)
            row_study.append(place)
            modality.append(kind or UNKNOWN)
            sizes[place] = sizes.get(place, 0) + int(size)
    told = _told(connection, releases)
    studies = _studies(connection, places)
    series_facts = _series(connection, rows)
    array = np.asarray(row_study, np.int32)
    texts, row_text = coded(
        f"{studies[place].get('description', '')} {series_facts[row][0]}" for row, place in enumerate(row_study)
    )
    seg = {place for place, kind in zip(row_study, modality, strict=True) if kind == "SEG"}

    def of(name: str) -> list[tuple[int, str]]:
        return [(place, _fact(name, facts, _row_of(facts, told))) for place, facts in enumerate(studies)]

    newest = {release: rank for rank, release in enumerate(_by_age(connection, releases))}
    first = np.full(len(places), len(newest), np.int64)
    for place, release in in_release:
        first[place] = min(first[place], newest[release])
    size = np.asarray([sizes[place] for place in range(len(places))], np.int64)
    descriptions = np.asarray([facts.get("description", "") for facts in studies], dtype=object)
    return FacetIndex(
        uids=list(places),
        row_study=array,
        facets={
            "modality": facet_of_rows(array, modality),
            "test": facet_of_studies(of("test")),
            "days": facet_of_studies(of("days")),
            "age": facet_of_studies(of("age")),
            "sex": facet_of_studies(of("sex")),
            "body": facet_of_rows(array, (facts[1] for facts in series_facts)),
            "manufacturer": facet_of_rows(array, (facts[2] for facts in series_facts)),
            "segmentation": facet_of_studies((place, "Yes" if place in seg else "No") for place in range(len(places))),
            "site": facet_of_studies(of("site")),
            "release": facet_of_studies(in_release),
        },
        texts=texts,
        row_text=row_text,
        order={"newest": _ranks(first), "largest": _ranks(-size), "name": _ranks(descriptions)},
    )


def _held(connection: sa.Connection, releases: tuple[str, ...]) -> Iterable[Any]:
    """Return (release, series, study, modality, bytes) of what is served."""
    i = t.instance.c
    return connection.execute(
        sa.select(
            t.release_item.c.release_id,
            i.series_instance_uid,
            i.study_instance_uid,
            sa.func.max(i.modality),
            sa.func.sum(i.size),
        )
        .join(t.instance, i.id == t.release_item.c.instance_id)
        .where(t.release_item.c.release_id.in_(releases), sa.func.coalesce(i.state, "").in_(SERVED))
        .group_by(t.release_item.c.release_id, i.series_instance_uid, i.study_instance_uid)
    )


def _ranks(values: Any) -> Any:
    ranks = np.empty(len(values), np.int32)
    ranks[np.argsort(values, kind="stable")] = np.arange(len(values), dtype=np.int32)
    return ranks


def _by_age(connection: sa.Connection, releases: tuple[str, ...]) -> list[str]:
    c = t.release.c
    query = sa.select(c.id).where(c.id.in_(releases)).order_by(c.created_at.desc(), c.number.desc())
    return list(connection.execute(query).scalars())


def _told(connection: sa.Connection, releases: tuple[str, ...]) -> dict[tuple[str, str | None], Told]:
    """Return clinical rows by (patient, study or None): the newest release speaks."""
    told: dict[tuple[str, str | None], Told] = {}
    for release in _by_age(connection, releases):
        text = connection.execute(sa.select(t.release.c.manifest).where(t.release.c.id == release)).scalar_one()
        for row in json.loads(text).get("clinical", ()):
            told.setdefault((row["patient"], row.get("study_instance_uid")), row)
    return told


def _row_of(facts: Told, told: Mapping[tuple[str, str | None], Told]) -> Told:
    patient = facts.get("patient", "")
    return told.get((patient, facts.get("uid"))) or told.get((patient, None)) or {}


def _studies(connection: sa.Connection, places: Mapping[str, int]) -> list[dict[str, str]]:
    made: list[dict[str, str]] = [{} for _ in places]
    c = t.study.c
    query = sa.select(c.study_instance_uid, c.patient, c.site, c.description, c.patient_sex, c.patient_age)
    for uid, patient, site, description, sex, age in connection.execute(query):
        if uid in places:
            made[places[uid]] = {
                "uid": uid,
                "patient": patient,
                "site": site,
                "description": description or "",
                "sex": sex or "",
                "age": age or "",
            }
    return made


def _series(connection: sa.Connection, rows: Mapping[str, int]) -> list[tuple[str, str, str]]:
    made = [("", UNKNOWN, UNKNOWN)] * len(rows)
    c = t.series.c
    maker = c.header["00080070"]["Value"][0].as_string()
    for uid, description, body, name in connection.execute(
        sa.select(c.series_instance_uid, c.description, c.body_part, maker)
    ):
        if uid in rows:
            made[rows[uid]] = (description or "", (body or UNKNOWN).capitalize(), str(name or UNKNOWN).strip())
    return made


def _fact(name: str, facts: Told, told: Told) -> str:
    if name == "site":
        return str(facts.get("site") or UNKNOWN)
    if name == "sex":
        return _SEXES.get(str(told.get("sex")), _SEXES.get(facts.get("sex", ""), UNKNOWN))
    if name == "age":
        return _decade(told, facts.get("age", ""))
    if name == "days":
        days = told.get("days_from_test_to_study")
        if not isinstance(days, int):
            return UNKNOWN
        return next((text for limit, text in _DAYS if days <= limit), "31 or more")
    result, method = told.get("test_result"), told.get("test_method")
    if result in (None, "Not Reported"):
        return UNKNOWN
    return f"{'' if method in (None, 'Not Reported') else f'{method} '}{str(result).lower()}"


def _decade(told: Told, header: str) -> str:
    found = _AGE.match(header)
    years = told.get("age_at_index")
    if told.get("age_at_index_gt89"):
        years = 90
    elif not isinstance(years, int):
        years = int(int(found[1]) / _PER_YEAR[found[2]]) if found else None
    if years is None:
        return UNKNOWN
    return "80+" if years >= 80 else f"{years // 10 * 10}–{years // 10 * 10 + 9}"
