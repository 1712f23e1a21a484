"""Take a clinical table: hold its patient numbers against those of the gateway, report what fits nobody, and keep it.

A wrong table shows here: numbers that match nobody, or two people, or somebody only when zeros are added. Nothing is
joined on a guess: a number that is merely alike waits until a person says that it is the same.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from radcommons.platform.clock import instant
from radcommons.platform.database import insert_new
from radcommons.site import clinical_values as values
from radcommons.site.clinical import ClinicalEntry, ClinicalTable, spelled
from radcommons.site.clinical_map import TableMapping, fingerprint, parse_mapping, spelled_mapping
from radcommons.site.crosswalk import known_keys
from radcommons.site.store import Store
from radcommons.site.tables import clinical, fetch_study
from radcommons.site.tables_select import clinical_mapping, placed


@dataclass(frozen=True, slots=True, kw_only=True)
class Alike:
    """A number that is somebody's only when it is written otherwise; `how` says what differs."""

    identifier: str
    known: str
    how: str
    rows: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Matches:
    """How the numbers of a table fit the patients of the gateway.

    Parameters
    ----------
    exact : int
        Numbers that are one patient's.
    alike : tuple of Alike
        Numbers that are one patient's when spaces, zeros or case do not count.
    two : tuple of (identifier, rows)
        Numbers that mean two patients, by issuer or because two rows' numbers are alike one patient's.
    nobody : tuple of (identifier, rows)
        Numbers that the gateway does not know; it may yet come to know them.
    without_row : int
        Patients of the gateway of whom the table says nothing.
    """

    exact: int
    alike: tuple[Alike, ...]
    two: tuple[tuple[str, tuple[int, ...]], ...]
    nobody: tuple[tuple[str, tuple[int, ...]], ...]
    without_row: int

    @property
    def looks_wrong(self) -> bool:
        """Whether it is probably the table of others: patients are known here, and hardly a number is theirs."""
        known = self.exact + self.without_row
        return known > 0 and self.exact * 10 < min(known, self.exact + len(self.nobody) + len(self.alike))

    def sentences(self) -> list[str]:
        """Return the report for people; numbers of rows, none of patients."""
        told = [f"{_many(self.exact, 'patient number is', 'patient numbers are')} known here."]
        if self.nobody:
            told.append(f"{_many(len(self.nobody), 'matches', 'match')} no patient here yet ({_few(self.nobody)}).")
        if self.two:
            told.append(f"{_many(len(self.two), 'matches', 'match')} two patients: not used ({_few(self.two)}).")
        if self.alike:
            rows = [(one.identifier, one.rows) for one in self.alike]
            are = _many(len(self.alike), "is", "are")
            told.append(f"{are} only alike a number here ({_few(rows)}): not used until accepted.")
        if self.without_row:
            told.append(f"{_many(self.without_row, 'patient here has', 'patients here have')} no row.")
        if self.looks_wrong:
            told.append("Hardly a number is of a patient here: is this the right table?")
        return told


def _many(count: int, one: str, more: str) -> str:
    return f"{count} {one if count == 1 else more}"


def _few(found: Iterable[tuple[str, tuple[int, ...]]]) -> str:
    rows = sorted(row for _, numbers in found for row in numbers)
    return (
        ("row " if len(rows) == 1 else "rows ")
        + ", ".join(map(str, rows[:8]))
        + (f" and {len(rows) - 8} more" if len(rows) > 8 else "")
    )


def known_patients(connection: sa.Connection, *, site: str) -> dict[str, set[str]]:
    """Return whom each patient number of a site means: of those who came, and of those that a PACS was asked for."""
    found: defaultdict[str, set[str]] = defaultdict(set)
    issuers: defaultdict[str, set[str]] = defaultdict(set)
    for key, pseudonym in known_keys(connection):
        if key.site == site:
            found[key.patient_id].add(pseudonym)
            issuers[key.patient_id].add(key.issuer)
    for row in connection.execute(sa.select(fetch_study.c.patient_id, fetch_study.c.issuer).distinct()):
        number, issuer = str(row.patient_id), str(row.issuer)
        if number and issuer not in issuers[number] and (issuer or not issuers[number]):
            found[number].add(f"listed/{issuer}")
            issuers[number].add(issuer)
    return {number: persons for number, persons in found.items() if number}


def match(table: ClinicalTable, known: Mapping[str, set[str]]) -> Matches:
    """Return how the numbers of a table fit those that are known.

    Parameters
    ----------
    table : ClinicalTable
    known : mapping of patient number to the people that it means
    """
    by_loose: defaultdict[str, set[str]] = defaultdict(set)
    for number in known:
        by_loose[values.loose(number)].add(number)
    rivals: defaultdict[str, int] = defaultdict(int)
    for identifier in table.patients:
        rivals[values.loose(identifier)] += 1
    exact, alike, two, nobody = 0, list[Alike](), [], []
    for identifier in table.patients:
        rows = table.rows.get(identifier, ())
        if identifier in known:
            if len(known[identifier]) > 1:
                two.append((identifier, rows))
            else:
                exact += 1
            continue
        folded = values.loose(identifier)
        candidates = by_loose.get(folded, set())
        if not candidates:
            nobody.append((identifier, rows))
        elif len(candidates) > 1 or rivals[folded] > 1 or any(len(known[one]) > 1 for one in candidates):
            two.append((identifier, rows))
        else:
            (other,) = candidates
            alike.append(Alike(identifier=identifier, known=other, how=_difference(identifier, other), rows=rows))
    unsaid = sum(number not in table.patients for number in known)
    return Matches(exact=exact, alike=tuple(alike), two=tuple(two), nobody=tuple(nobody), without_row=unsaid)


def _difference(written: str, known: str) -> str:
    if written.strip().lstrip("0") == known.strip().lstrip("0"):
        return "zeros in front"
    return "case of letters" if written.casefold() == known.casefold() else "spaces or dashes"


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """What was kept: patients with their rows, and rows that were left out."""

    patients: int
    left_out: int
    matches: Matches


def take_clinical(
    store: Store, table: ClinicalTable, *, site: str, by: str, accept_alike: bool = False, try_only: bool = False
) -> Taken:
    """Keep a table, in place of what the store knows of the patients that it names, and remember how it was read.

    Parameters
    ----------
    store : Store
    table : ClinicalTable
    site : str
        Site code of the hospital that the numbers are of.
    by : str
        Who brings it; stands in the audit trail.
    accept_alike : bool
        Joins numbers that are merely alike, too.
    try_only : bool
        Only says what would be kept.

    Notes
    -----
    A number that means two patients is never kept. Files that wait for the table are decided by `settle`.
    """
    with store.read() as connection:
        matches = match(table, known_patients(connection, site=site))
    patients = joined(table, matches, accept_alike=accept_alike)
    if not try_only:
        with store.change() as change:
            write_clinical(change.connection, site, patients)
            remember(change.connection, table.mapping, site=site, by=by)
            change.tell("clinical.read", subject=f"site:{site}", actor=by, patients=len(patients))
    return Taken(patients=len(patients), left_out=len(table.patients) - len(patients), matches=matches)


def joined(table: ClinicalTable, matches: Matches, *, accept_alike: bool) -> dict[str, tuple[ClinicalEntry, ...]]:
    """Return the entries by the number under which they are kept."""
    out = {identifier for identifier, _ in matches.two}
    renamed = {one.identifier: one.known for one in matches.alike} if accept_alike else {}
    return {
        renamed.get(identifier, identifier): entries
        for identifier, entries in table.patients.items()
        if identifier not in out
    }


def write_clinical(connection: sa.Connection, site: str, patients: Mapping[str, Sequence[ClinicalEntry]]) -> None:
    """Write entries in place of those of the same patients; the next `settle` looks at every study again."""
    connection.execute(placed.update().values(settled=""))
    numbers = list(patients)
    for start in range(0, len(numbers), 500):
        some = numbers[start : start + 500]
        connection.execute(clinical.delete().where(clinical.c.site == site, clinical.c.patient_id.in_(some)))
        connection.execute(
            clinical.insert(),
            [{"site": site, "patient_id": number, "members": spelled(patients[number])} for number in some],
        )


def remember(connection: sa.Connection, mapping: TableMapping, *, site: str, by: str) -> None:
    """Keep a mapping for the next table with the same headings."""
    headings = _key(mapping)
    same = (clinical_mapping.c.site == site, clinical_mapping.c.headings == headings)
    connection.execute(clinical_mapping.delete().where(*same))
    row: dict[str, Any] = {"site": site, "headings": headings, "mapping": spelled_mapping(mapping)}
    insert_new(connection, clinical_mapping, [{**row, "mapped_by": by, "at": instant()}])


def remembered(store: Store, headings: Sequence[str], *, site: str) -> TableMapping | None:
    """Return how a table with all these headings was read the last time, None when none was."""
    known = set(headings)
    query = sa.select(clinical_mapping.c.mapping).where(clinical_mapping.c.site == site)
    with store.read() as connection:
        texts = connection.execute(query.order_by(clinical_mapping.c.at.desc())).scalars().all()
    found = [mapping for mapping in map(parse_mapping, texts) if known >= set(mapping.columns.values())]
    return max(found, key=lambda one: len(one.columns), default=None)


def _key(mapping: TableMapping) -> str:
    return fingerprint(sorted(mapping.columns.values()))
