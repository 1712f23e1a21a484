"""Who looked at what and who did what: one chained trail, a signed mark of its end outside the store, and exports.

A line that is changed or taken out of the middle breaks the chain. Lines cut off at the end do not, so the trail's end
is signed into ``audit-end.json`` after each act in the browser: a trail that is shorter than its mark was cut.
"""

from __future__ import annotations

import csv
import io
import json
import secrets
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import sqlalchemy as sa

from radcommons.platform.audit import check_chain
from radcommons.platform.clock import instant
from radcommons.platform.keys import verify as verify_signature
from radcommons.records.documents import canonical
from radcommons.records.errors import IntegrityError
from radcommons.records.submission import Signature
from radcommons.site.sessions import SiteSession
from radcommons.site.store import Store
from radcommons.site.tables import audit

_END = "audit-end.json"
_COLUMNS = ("sequence", "at", "actor", "kind", "subject", "details", "hash")


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One line of the trail."""

    sequence: int
    at: str
    actor: str
    kind: str
    subject: str
    details: dict[str, str | int | bool | None]
    hash: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """Whether the trail is whole.

    Parameters
    ----------
    lines : int
    broken : tuple of int
        Lines that do not follow from the one before.
    problem : str
        What is wrong with the trail's end, empty when nothing is.
    """

    lines: int
    broken: tuple[int, ...]
    problem: str

    @property
    def is_whole(self) -> bool:
        """No line was changed, taken out or cut off."""
        return not self.broken and not self.problem


def viewed(store: Store, session: SiteSession, page: str, subject: str) -> None:
    """Write down that somebody saw a page about `subject` (a token, a number, a pseudonym; never a value)."""
    with store.change() as change:
        change.tell("page.viewed", subject=subject, actor=session.actor, page=page)
    mark_end(store)


def did(store: Store, session: SiteSession, act: str, subject: str, **details: str | int | bool | None) -> None:
    """Write down what somebody did where no change of the store tells it already."""
    with store.change() as change:
        change.tell(act, subject=subject, actor=session.actor, **details)
    mark_end(store)


def mark_end(store: Store) -> None:
    """Sign the trail's present end into the folder, beside the store."""
    with store.read() as connection:
        row = connection.execute(sa.select(audit.c.sequence, audit.c.hash).order_by(audit.c.sequence.desc()).limit(1))
        last = row.one()
    end = {"sequence": last.sequence, "hash": last.hash, "at": instant()}
    signature = store.signing_key.sign(canonical(end))
    content = json.dumps({**end, "signature": asdict(signature)}).encode()
    path = store.directory / _END
    # Not synced: an older mark after a power cut says less, never something wrong.
    beside = path.with_name(f".{_END}.{secrets.token_hex(4)}")
    beside.write_bytes(content)
    beside.replace(path)


def verify(store: Store) -> Verdict:
    """Follow the chain from its first line, and compare its end with the signed mark."""
    with store.read() as connection:
        broken = tuple(check_chain(connection, audit))
        lines = connection.execute(sa.select(sa.func.count()).select_from(audit)).scalar_one()
        problem = _end_problem(store, connection)
    return Verdict(lines=lines, broken=broken, problem=problem)


def _end_problem(store: Store, connection: sa.Connection) -> str:
    path = store.directory / _END
    if not path.exists():
        return ""
    try:
        end = json.loads(path.read_bytes())
        signature = Signature(**end.pop("signature"))
        verify_signature(signature, message=canonical(end), public_key=store.signing_key.public_key)
    except (ValueError, TypeError, KeyError, AttributeError, IntegrityError):
        return f"The mark of the trail's end ({_END}) is not signed by this gateway."
    query = sa.select(audit.c.hash).where(audit.c.sequence == end["sequence"])
    found = connection.execute(query).scalar_one_or_none()
    if found is None:
        return f"The trail ends before line {end['sequence']}, which its mark of {end['at']} names: lines were cut off."
    if found != end["hash"]:
        return f"Line {end['sequence']} is not the one that the mark of {end['at']} names."
    return ""


def lines(store: Store) -> Iterator[Line]:
    """Yield the whole trail, oldest first."""
    yield from _lines(store, sa.select(audit).order_by(audit.c.sequence))


def newest(store: Store, *, before: int | None, limit: int) -> Iterator[Line]:
    """Yield the newest lines (before a number, where one is given), newest first."""
    query = sa.select(audit).order_by(audit.c.sequence.desc()).limit(limit)
    yield from _lines(store, query if before is None else query.where(audit.c.sequence < before))


def _lines(store: Store, query: sa.Select[tuple[object, ...]]) -> Iterator[Line]:
    with store.read() as connection:
        for row in connection.execute(query):
            yield Line(
                sequence=row.sequence,
                at=row.at,
                actor=row.actor,
                kind=row.kind,
                subject=row.subject,
                details=json.loads(row.details),
                hash=row.hash,
            )


def as_csv(trail: Iterable[Line]) -> Iterator[str]:
    """Yield the trail as CSV, line by line; a cell never begins like a formula."""
    yield _csv_row(_COLUMNS)
    for line in trail:
        members = asdict(line) | {"details": json.dumps(line.details, sort_keys=True)}
        yield _csv_row([members[name] for name in _COLUMNS])


def _csv_row(cells: Iterable[object]) -> str:
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerow([_inert(str(cell)) for cell in cells])
    return out.getvalue()


def _inert(cell: str) -> str:
    """Return a cell that no spreadsheet runs."""
    return f"'{cell}" if cell.startswith(("=", "+", "-", "@", "\t", "\r")) else cell


def as_json_lines(trail: Iterable[Line]) -> Iterator[str]:
    """Yield the trail as JSON Lines."""
    for line in trail:
        yield json.dumps(asdict(line), sort_keys=True) + "\n"


def export(store: Store, target: Path) -> int:
    """Write the whole trail to a ``.csv`` or JSON Lines file and return how many lines it has."""
    count = 0
    spelled = as_csv if target.suffix.lower() == ".csv" else as_json_lines
    with target.open("w", encoding="utf-8", newline="") as out:
        for text in spelled(lines(store)):
            out.write(text)
            count += 1
    return count - (target.suffix.lower() == ".csv")
