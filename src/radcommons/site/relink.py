"""Relink: a changed number, two numbers that are one person, a study that belongs to somebody else.

Nobody gets a second pseudonym. What went out under the wrong one is withdrawn by its digests and made anew, with the
right patient's pseudonym and date shift, from the originals.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from radcommons.platform.clock import instant
from radcommons.records.errors import UsageError
from radcommons.records.lifecycle import FileState
from radcommons.records.submission import Withdrawal
from radcommons.site.add import add, protocol_of
from radcommons.site.crosswalk import assign, known_keys
from radcommons.site.patient import PatientKey
from radcommons.site.seal import batched
from radcommons.site.store import Change, Store
from radcommons.site.tables import alias, earlier, file, patient, study
from radcommons.site.withdraw import delete_objects, keep_withdrawal, take_files_back

_KINDS = ("renumbered", "merged", "moved", "already")
_HERE = (FileState.READY, FileState.HELD, FileState.SUBMITTED)
_COLUMNS = ("from", "to", "study", "from_issuer", "to_issuer")
_AGAIN = "It was given to another patient; it goes again under the right one when its original is added."
PROBLEMS = {
    "malformed": "does not name two different numbers",
    "unknown": "the first number matches nobody here",
    "ambiguous": "a number matches two patients: name the issuer, or --site",
    "withdrawn": "one of the two was withdrawn: withdraw the other as well, or leave both",
    "no-study": "the study is not known of the first patient",
}


@dataclass(frozen=True, slots=True)
class Move:
    """One correction; its repr names nobody."""

    line: int
    old: str
    new: str
    study_uid: str = ""
    old_issuer: str | None = None
    new_issuer: str | None = None

    def __repr__(self) -> str:
        return f"Move(line {self.line})"


@dataclass(frozen=True, slots=True, kw_only=True)
class Relinked:
    """What the corrections did, or would do.

    Parameters
    ----------
    renumbered, merged, moved, already : int
        Numbers that became another number of the same patient; patients who became one; studies that changed their
        patient; corrections that had been made before.
    problems : tuple of (int, str)
        Lines that cannot be applied, with a word of `PROBLEMS`.
    files, submitted : int
        Files that go again under another patient, and those of them that the hub has or may have.
    paths : tuple of str
        Where their originals were added from; for the hospital's own eyes.
    """

    renumbered: int = 0
    merged: int = 0
    moved: int = 0
    already: int = 0
    problems: tuple[tuple[int, str], ...] = ()
    files: int = 0
    submitted: int = 0
    documents: tuple[str, ...] = ()
    paths: tuple[str, ...] = ()
    is_applied: bool = False


@dataclass(slots=True)
class _Tally:
    counts: dict[str, int] = field(default_factory=lambda: dict.fromkeys(_KINDS, 0))
    files: int = 0
    submitted: int = 0
    documents: list[str] = field(default_factory=list)
    gone: list[str] = field(default_factory=list)
    paths: list[str] = field(default_factory=list)


def read_moves(path: Path) -> list[Move]:
    """Return the corrections in a CSV with the columns from, to and perhaps study, from_issuer, to_issuer.

    Raises
    ------
    UsageError
        If it cannot be read, or has not these columns. The message quotes no value.
    """
    try:
        text = path.read_text("utf-8-sig")
    except (OSError, UnicodeDecodeError):
        raise UsageError(f"The table {path} is no UTF-8 text that can be read.", mend="Save it as UTF-8.") from None
    first = next((line for line in text.splitlines() if line.strip()), "")
    rows = list(csv.reader(io.StringIO(text), delimiter=next((mark for mark in ";\t," if mark in first), ",")))
    heading = [cell.strip().casefold() for cell in rows[0]] if rows else []
    if not {"from", "to"} <= set(heading) or set(heading) - set(_COLUMNS):
        raise UsageError("The table has other columns.", mend=f"Use {', '.join(_COLUMNS)}; the first two are needed.")
    moves = []
    for line, row in enumerate(rows[1:], 2):
        cells = dict(zip(heading, (cell.strip() for cell in row), strict=False))
        if any(cells.values()):
            moves.append(
                Move(
                    line,
                    cells.get("from", ""),
                    cells.get("to", ""),
                    cells.get("study", ""),
                    cells.get("from_issuer") or None,
                    cells.get("to_issuer") or None,
                )
            )
    return moves


def relink(
    store: Store, moves: Sequence[Move], *, site: str | None = None, apply_clear: bool = False, try_only: bool = False
) -> Relinked:
    """Correct who is who.

    Parameters
    ----------
    store : Store
    moves : sequence of Move
        Without a study: `old` is from now on another number of the patient `new`; where `new` is not known yet, it is
        another number of the patient `old`. With a study: that study of `old` belongs to `new`.
    site : str, optional
        The hospital of a group.
    apply_clear : bool
        Apply what is clear in a table that has problems too; by default nothing of such a table is applied.
    try_only : bool
        Only say what it would do.

    Notes
    -----
    PHI: numbers are read; audit events carry pseudonyms. Each correction is one transaction with its withdrawal. The
    pseudonym that stays is that of `new`; where only `old` is known, it keeps its own.
    """
    problems = []
    with store.read() as connection:
        for move in moves:
            found = _resolve(connection, move, site)
            if isinstance(found, str):
                problems.append((move.line, found))
    applies = not try_only and (apply_clear or not problems)
    tally = _Tally()
    bad = {line for line, _ in problems}
    for move in moves:
        if move.line not in bad:
            _apply(store, move, site, tally, keep=applies)
    if applies:
        delete_objects(store, tally.gone)
    return Relinked(
        **tally.counts,
        problems=tuple(problems),
        files=tally.files,
        submitted=tally.submitted,
        documents=tuple(tally.documents),
        paths=tuple(tally.paths),
        is_applied=applies,
    )


@dataclass(frozen=True, slots=True)
class _Resolved:
    old: Any  # rows of `patient`; None where the number is not known yet
    new: Any
    key: PatientKey
    studies: tuple[str, ...]


def _resolve(connection: sa.Connection, move: Move, site: str | None) -> _Resolved | str:
    """Return whom a correction means, or the word for why nobody can tell."""
    if not move.old or not move.new or (move.old, move.old_issuer) == (move.new, move.new_issuer):
        return "malformed"
    known = known_keys(connection)
    old = {(key.site, pseudonym): key for key, pseudonym in known if _is(key, move.old, move.old_issuer, site)}
    if not old:
        return "unknown"
    new = {(key.site, pseudonym): key for key, pseudonym in known if _is(key, move.new, move.new_issuer, site)}
    if len(old) > 1 or len(new) > 1:
        return "ambiguous"
    ((old_site, old_name), old_key) = next(iter(old.items()))
    rows = {row.pseudonym: row for row in connection.execute(sa.select(patient))}
    issuer = move.new_issuer if move.new_issuer is not None else old_key.issuer
    key = next(iter(new.values()), PatientKey(site=old_site, issuer=issuer, patient_id=move.new))
    if key.site != old_site:
        return "ambiguous"
    resolved_new = rows[next(iter(new))[1]] if new else None
    for row in (rows[old_name], resolved_new):
        if row is not None and row.withdrawn_at is not None:
            return "withdrawn"
    studies: tuple[str, ...] = ()
    if move.study_uid:
        query = sa.select(study.c.study_uid).where(study.c.original_uid == move.study_uid, study.c.site == old_site)
        owners = [old_name, resolved_new.pseudonym] if resolved_new is not None else [old_name]
        studies = tuple(connection.execute(query.where(study.c.pseudonym.in_(owners))).scalars())
        if not studies:
            return "no-study"
    return _Resolved(rows[old_name], resolved_new, key, studies)


def _is(key: PatientKey, number: str, issuer: str | None, site: str | None) -> bool:
    return key.patient_id == number and issuer in (None, key.issuer) and site in (None, key.site)


class _Undo(Exception):
    pass


def _apply(store: Store, move: Move, site: str | None, tally: _Tally, *, keep: bool) -> None:
    """Make one correction in one transaction; what earlier lines of the table did is seen."""
    secret = store.mapping_secret()
    try:
        with store.change() as change:
            found = _resolve(change.connection, move, site)
            if isinstance(found, str):
                return
            if move.study_uid:
                _move_study(store, change, found, tally, secret)
            else:
                _join(store, change, found, tally)
            if not keep:
                raise _Undo
    except _Undo:
        pass


def _join(store: Store, change: Change, found: _Resolved, tally: _Tally) -> None:
    """Make two numbers one person."""
    old, new = found.old, found.new
    if new is None:
        change.connection.execute(
            alias.insert().values(
                site=found.key.site,
                issuer=found.key.issuer,
                patient_id=found.key.patient_id,
                patient=old.id,
                linked_at=instant(),
            )
        )
        change.tell("patient.renumbered", subject=old.pseudonym)
        tally.counts["renumbered"] += 1
        return
    if old.id == new.id:
        tally.counts["already"] += 1
        return
    change.connection.execute(
        patient.update().where((patient.c.id == old.id) | (patient.c.merged_into == old.id)).values(merged_into=new.id)
    )
    change.connection.execute(alias.update().where(alias.c.patient == old.id).values(patient=new.id))
    _take_over(store, change, found, tally, [file.c.pseudonym == old.pseudonym], [study.c.pseudonym == old.pseudonym])
    change.tell("patient.merged", subject=new.pseudonym, merged=old.pseudonym)
    tally.counts["merged"] += 1


def _move_study(store: Store, change: Change, found: _Resolved, tally: _Tally, secret: bytes) -> None:
    """Give one study to another patient, whatever older copies of its headers say."""
    new = found.new
    if new is None:
        assign(change, found.key, secret=secret, home=store.settings.home)
        same = patient.c.patient_id == found.key.patient_id
        query = sa.select(patient).where(same, patient.c.issuer == found.key.issuer, patient.c.site == found.key.site)
        new = change.connection.execute(query).one()
    found = _Resolved(found.old, new, found.key, found.studies)
    theirs = [study.c.study_uid.in_(found.studies), study.c.site == new.site]
    moved = sa.select(study.c.study_uid).where(*theirs, study.c.moved_to == new.id)
    if set(change.connection.execute(moved).scalars()) == set(found.studies):
        tally.counts["already"] += 1
        return
    wrong = [file.c.study_uid.in_(found.studies), file.c.site == new.site, file.c.pseudonym != new.pseudonym]
    _take_over(store, change, found, tally, wrong, theirs)
    change.connection.execute(study.update().where(*theirs).values(moved_to=new.id))
    change.tell("study.moved", subject=new.pseudonym, from_=found.old.pseudonym, studies=len(found.studies))
    tally.counts["moved"] += 1


def _take_over(
    store: Store, change: Change, found: _Resolved, tally: _Tally, wrong: list[Any], studies: list[Any]
) -> None:
    """Take back what carries the wrong pseudonym, here and at the hub, so that it can go again under the right one."""
    rows = change.connection.execute(sa.select(file).where(*wrong, file.c.state.in_(_HERE))).all()
    sent = [row for row in rows if row.submission is not None or row.supersedes]
    digests = {digest for row in sent for digest in (row.object_digest, row.supersedes) if digest}
    for part in batched([row.id for row in rows]):
        query = sa.select(earlier.c.object_digest).where(earlier.c.file.in_(part))
        digests |= set(change.connection.execute(query).scalars())
    if digests:
        document = Withdrawal(
            schema="radcommons/withdrawal/v1",
            site=found.new.site,
            at=instant(),
            reason="error",
            digests=tuple(sorted(digests)),
        )
        tally.documents.append(keep_withdrawal(change, store, document))
    take_files_back(change, rows, code="relinked", reason=_AGAIN)
    others = file.c.state.not_in((*_HERE, FileState.WITHDRAWN))
    change.connection.execute(file.update().where(*wrong, others).values(pseudonym=found.new.pseudonym))
    change.connection.execute(
        study.update().where(*studies).values(pseudonym=found.new.pseudonym, names_two_patients=False)
    )
    tally.files += len(rows)
    tally.submitted += len(sent)
    tally.gone += [row.object_digest for row in rows if row.object_digest]
    tally.paths += [row.path for row in rows]


def add_again(store: Store, paths: Sequence[str], *, jobs: int = 2) -> Iterator[str]:
    """Add the originals that are still where they were, under the protocol that they were added by.

    Returns
    -------
    iterator of str
        The state of each file now; ``missing`` where the original is gone and has to be fetched or added again.
    """
    wanted = {}
    with store.read() as connection:
        for part in batched(list(paths)):
            rows = connection.execute(sa.select(file).where(file.c.path.in_(part), file.c.code == "relinked"))
            wanted.update({row.path: (row.site, row.protocol) for row in rows})
    tops: dict[tuple[str, str], set[Path]] = {}
    for path, (site, protocol) in wanted.items():
        top = Path(path.partition("!/")[0])
        if top.is_file():
            tops.setdefault((site, protocol_of(store, protocol)), set()).add(top)
    for (site, protocol), some in tops.items():
        add(store, sorted(some), site=site, protocol=protocol, jobs=jobs)
    with store.read() as connection:
        for part in batched(list(wanted)):
            rows = connection.execute(sa.select(file.c.state, file.c.code).where(file.c.path.in_(part)))
            yield from ("missing" if row.code == "relinked" else str(row.state) for row in rows)
