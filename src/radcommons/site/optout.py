"""Opt-out: who wants no part is refused at the door, and what came before the wish is taken back by itself.

The list is kept as keyed hashes of the numbers, so that it names nobody whom the crosswalk does not name already.
"""

from __future__ import annotations

import csv
import hashlib
import hmac
import io
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import sqlalchemy as sa

from radcommons.dicom.mapping import purpose_key
from radcommons.platform.clock import instant
from radcommons.platform.database import insert_new
from radcommons.records.errors import UsageError
from radcommons.site.crosswalk import PatientKey, known_keys
from radcommons.site.store import Store
from radcommons.site.tables import opt_out
from radcommons.site.withdraw import TakenBack, take_back

_ANY = "*"
_IDENTIFIER = ("patient_id", "patientid", "patient id", "id", "mrn", "number", "pid")
_ISSUER = ("issuer", "issuer_of_patient_id", "issuerofpatientid", "authority")


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of a list: a number, and its issuer where the line names one. Its repr names nobody."""

    line: int
    patient_id: str
    issuer: str | None

    def __repr__(self) -> str:
        return f"Entry(line {self.line})"


@dataclass(frozen=True, slots=True, kw_only=True)
class OptedOut:
    """What a list says in the light of the crosswalk; lines are numbers of lines, never what they hold.

    Parameters
    ----------
    listed, new : int
        Entries, and those that were not on the list before.
    known, unknown : int
        Entries that are one patient here, and those that match nothing here yet: they are refused when they come.
    ambiguous : tuple of int
        Lines whose number is that of two patients (two issuers, or two hospitals): which one is meant?
    malformed : tuple of int
        Lines without a number.
    similar : tuple of int
        Lines that match nothing, but would without leading zeros: a spreadsheet may have dropped them.
    is_applied : bool
        False where nothing was changed.
    taken_back : tuple of TakenBack
        The withdrawals that this started.
    """

    listed: int
    new: int
    known: int
    unknown: int
    ambiguous: tuple[int, ...]
    malformed: tuple[int, ...]
    similar: tuple[int, ...]
    is_applied: bool = False
    taken_back: tuple[TakenBack, ...] = ()

    @property
    def has_problems(self) -> bool:
        """Say whether a person should look at the list before it is applied."""
        return bool(self.ambiguous or self.malformed or self.similar)


def read_list(path: Path) -> tuple[list[Entry], tuple[int, ...]]:
    """Return the entries of a list and the lines that hold none.

    Parameters
    ----------
    path : Path
        UTF-8 text with a number a line, or a CSV whose heading names the number and perhaps its issuer; without a
        heading the first column is the number and the second its issuer. ``number^^^issuer`` (HL7 v2) is understood.

    Raises
    ------
    UsageError
        If it cannot be read as text, or a heading names no column of numbers. No message quotes it.
    """
    try:
        text = path.read_text("utf-8-sig")
    except (OSError, UnicodeDecodeError):
        raise UsageError(
            f"The opt-out list {path} is no UTF-8 text that can be read.", mend="Save it as UTF-8."
        ) from None
    rows = list(csv.reader(io.StringIO(text), delimiter=_delimiter(text)))
    heading = [cell.strip().casefold() for cell in rows[0]] if rows else []
    has_heading = any(cell in _IDENTIFIER + _ISSUER for cell in heading)
    number = next((at for at, cell in enumerate(heading) if cell in _IDENTIFIER), None) if has_heading else 0
    issuer = next((at for at, cell in enumerate(heading) if cell in _ISSUER), None) if has_heading else 1
    if number is None:
        raise UsageError("The heading of the opt-out list names no column of numbers.", mend="Call it patient_id.")
    entries, malformed = [], []
    for line, row in enumerate(rows[1 if has_heading else 0 :], 2 if has_heading else 1):
        cells = [cell.strip() for cell in row]
        if not any(cells) or cells[0].startswith("#"):
            continue
        if number >= len(cells) or not cells[number]:
            malformed.append(line)
            continue
        named = cells[issuer] if issuer is not None and issuer < len(cells) else ""
        entries.append(_entry(line, cells[number], named))
    return entries, tuple(malformed)


def _delimiter(text: str) -> str:
    first = next((line for line in text.splitlines() if line.strip()), "")
    return next((mark for mark in ";\t," if mark in first), ",")


def _entry(line: int, number: str, issuer: str) -> Entry:
    parts = number.split("^")
    return Entry(line, parts[0], issuer or (parts[3] if len(parts) > 3 else "") or None)


def mark_of(secret: bytes, *, site: str | None, issuer: str | None, patient_id: str) -> str:
    """Return the keyed hash that stands for a number; None stands for any hospital or any issuer."""
    mac = hmac.new(purpose_key(secret, "opt-out"), digestmod=hashlib.sha256)
    for part in (site if site is not None else _ANY, issuer if issuer is not None else _ANY, patient_id):
        encoded = part.encode("utf-8", "surrogateescape")
        mac.update(len(encoded).to_bytes(4, "big") + encoded)
    return mac.hexdigest()


def marks_of(secret: bytes, key: PatientKey) -> list[str]:
    """Return every mark that would put a patient on the list."""
    return [
        mark_of(secret, site=site, issuer=issuer, patient_id=key.patient_id)
        for site in (key.site, None)
        for issuer in (key.issuer, None)
    ]


def is_opted_out(connection: sa.Connection, keys: Iterable[PatientKey], *, secret: bytes) -> bool:
    """Say whether one of a patient's numbers stands on the list."""
    marks = [mark for key in keys for mark in marks_of(secret, key)]
    return connection.execute(sa.select(opt_out.c.mark).where(opt_out.c.mark.in_(marks)).limit(1)).first() is not None


def all_marks(connection: sa.Connection) -> frozenset[str]:
    """Return the whole list."""
    return frozenset(str(mark) for mark in connection.execute(sa.select(opt_out.c.mark)).scalars())


def count(store: Store) -> int:
    """Return how many numbers stand on the list."""
    with store.read() as connection:
        return int(connection.execute(sa.select(sa.func.count()).select_from(opt_out)).scalar_one())


def compare(store: Store, path: Path, *, site: str | None = None) -> tuple[OptedOut, list[Entry]]:
    """Return what a list says in the light of the crosswalk, and the entries that are clear; nothing changes."""
    entries, malformed = read_list(path)
    here = _numbers(store, site)
    bare = {number.lstrip("0") for number in here}
    ambiguous = [one for one in entries if len(_matching(here, one)) > 1]
    unknown = [one for one in entries if not _matching(here, one)]
    similar = [one for one in unknown if one.patient_id.lstrip("0") in bare and one.patient_id not in here]
    doubtful = {one.line for one in (*ambiguous, *similar)}
    clear = [one for one in entries if one.line not in doubtful]
    wanted = set(_spelled(store, clear, site))
    with store.read() as connection:
        listed = set(connection.execute(sa.select(opt_out.c.mark)).scalars())
    found = OptedOut(
        listed=len(entries),
        new=len(wanted - listed),
        known=len(entries) - len(ambiguous) - len(unknown),
        unknown=len(unknown),
        ambiguous=tuple(one.line for one in ambiguous),
        malformed=malformed,
        similar=tuple(one.line for one in similar),
    )
    return found, clear


def _numbers(store: Store, site: str | None) -> dict[str, set[tuple[str, str, str]]]:
    """Return number: {(hospital, issuer, pseudonym)}; the numbers of a merged patient are one patient's."""
    found: dict[str, set[tuple[str, str, str]]] = {}
    with store.read() as connection:
        for key, pseudonym in known_keys(connection):
            if site is None or key.site == site:
                found.setdefault(key.patient_id, set()).add((key.site, key.issuer, pseudonym))
    return found


def _matching(here: dict[str, set[tuple[str, str, str]]], entry: Entry) -> set[str]:
    """Return the patients that an entry may mean; one person at two hospitals of a shared crosswalk is one."""
    return {
        pseudonym.partition("-")[2]
        for _, issuer, pseudonym in here.get(entry.patient_id, ())
        if entry.issuer is None or entry.issuer == issuer
    }


def _spelled(store: Store, entries: Sequence[Entry], site: str | None) -> Iterator[str]:
    secret = store.mapping_secret()
    for one in entries:
        yield mark_of(secret, site=site, issuer=one.issuer, patient_id=one.patient_id)


def opt(
    store: Store, path: Path, *, site: str | None = None, apply_clear: bool = False, try_only: bool = False
) -> OptedOut:
    """Add a list; whoever is on it and is here already is withdrawn with the reason opt-out.

    Parameters
    ----------
    store : Store
    path : Path
    site : str, optional
        The hospital of a group whose numbers these are; all of them without it.
    apply_clear : bool
        Apply the clear lines of a list that has unclear ones too; by default nothing of such a list is applied.
    try_only : bool
        Only say what the list means.

    Notes
    -----
    PHI: numbers are read and hashed; nothing of them is logged. Adding a list twice changes nothing.
    """
    found, clear = compare(store, path, site=site)
    if try_only or (found.has_problems and not apply_clear):
        return found
    marks = list(_spelled(store, clear, site))
    with store.change() as change:
        insert_new(change.connection, opt_out, [{"mark": mark, "added_at": instant()} for mark in marks])
        change.tell("opt-out.added", subject="opt-out", listed=len(marks), new=found.new)
    return replace(found, is_applied=True, taken_back=tuple(enforce(store)))


def forget(store: Store, path: Path, *, site: str | None = None) -> int:
    """Take entries off the list, and return how many stood on it; what was withdrawn stays withdrawn."""
    entries, _ = read_list(path)
    marks = list(_spelled(store, entries, site))
    gone = 0
    with store.change() as change:
        for mark in marks:
            gone += change.connection.execute(opt_out.delete().where(opt_out.c.mark == mark)).rowcount
        change.tell("opt-out.removed", subject="opt-out", removed=gone)
    return gone


def enforce(store: Store) -> list[TakenBack]:
    """Withdraw every patient who is here and on the list and not withdrawn yet; called again, it does nothing.

    Notes
    -----
    A patient taken back between the hash and here, or by a process that was killed, is found by the next call: every
    add and every submit calls it.
    """
    secret = store.mapping_secret()
    with store.read() as connection:
        listed = set(connection.execute(sa.select(opt_out.c.mark)).scalars())
        if not listed:
            return []
        wanted = {
            pseudonym
            for key, pseudonym in known_keys(connection, withdrawn=False)
            if not listed.isdisjoint(marks_of(secret, key))
        }
    return [take_back(store, [pseudonym], reason="opt-out") for pseudonym in sorted(wanted)]


def follow(store: Store) -> OptedOut | None:
    """Apply the list that the settings name, and enforce the whole; None where they name none.

    Raises
    ------
    UsageError
        If the list cannot be read: nothing is added or sent without it.
    """
    if not store.settings.opt_out_list:
        enforce(store)
        return None
    return opt(store, Path(store.settings.opt_out_list), apply_clear=True)
