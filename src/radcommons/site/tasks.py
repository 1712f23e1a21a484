"""What the hub found in this hospital's submissions, as tasks in plain words; and how far each submission is."""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from radcommons.dicom.read import read_header
from radcommons.records.errors import UnreadableInstance
from radcommons.records.finding import CODES
from radcommons.records.lifecycle import FileState
from radcommons.site.review_sample import token_of
from radcommons.site.seal import batched
from radcommons.site.store import Store
from radcommons.site.submit import UPLOAD_RATE
from radcommons.site.tables import earlier, file, meta, submission

_PLACE = re.compile(r"x (\d+)\.\.(\d+), y (\d+)\.\.(\d+)")
_WORDS = {
    "burned-in-text": "text in the image",
    "unusual-text": "a text with words that may name somebody",
    "identity-flagged": "the header says that the image shows who it is",
    "attribute-not-allowed": "an attribute that had to stay here",
    "pseudonym-malformed": "a patient number that is no pseudonym of this hospital",
    "uid-root-foreign": "an original UID",
    "not-conformant": "an attribute that is missing or empty",
    "announced-differently": "an object that differs from what was announced",
    "bad-digest": "bytes that changed on the way",
    "undecodable-pixels": "a picture that cannot be decoded",
    "recognizable-face": "a head of which a face could be made",
    "screen-capture": "a screen save",
    "uid-conflict": "two objects with one UID",
    "study-of-two-patients": "a study that names two patients",
    "withdrawn-before": "something that was taken back earlier",
}
_TODO = {
    "burned-in-text": "Cover it or leave the image out, then send it again.",
    "unusual-text": "Look at the words; if they name somebody, leave the object out or tell the coalition the profile.",
    "not-conformant": "Fetch the study again; if it stays so, leave it out.",
    "bad-digest": "Send it again.",
    "undecodable-pixels": "Fetch the study again; if it stays so, leave it out.",
    "withdrawn-before": "Nothing: it is refused for good.",
}
_USUAL = "Look at it, then correct it and send it again, or leave it out."


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """One thing that the hub asks for.

    Parameters
    ----------
    study : int
        The study's number at this gateway, in the order in which studies came; no identifier.
    words : str
        What was found and where, as people say it.
    todo : str
    state : str
        ``open``, ``corrected`` (a new version waits or went), ``withdrawn``, ``settled`` (the hub decided).
    objects : int
    link : str
        Path of the page that shows the first object.
    """

    study: int
    pseudonym: str
    code: str
    words: str
    todo: str
    state: str
    objects: int
    submission: str
    link: str

    @property
    def sentence(self) -> str:
        """The task in one line."""
        return f"study {self.study}: {self.words}"


def tasks(store: Store) -> tuple[Task, ...]:
    """Return what the hub found, by study and kind; open tasks first."""
    with store.read() as connection:
        query = sa.select(submission.c.id, submission.c.answer).where(submission.c.answer.is_not(None))
        answers = {str(row.id): json.loads(row.answer) for row in connection.execute(query)}
        told = [(key, one) for key, answer in answers.items() for one in answer.get("findings") or [] if _asks(one)]
        rows = _rows(connection, [str(one["digest"]) for _, one in told])
        numbers = _numbers(connection) if told else {}
    grouped: dict[tuple[str, int, str, str], list[tuple[dict[str, Any], _Row]]] = defaultdict(list)
    for key, one in told:
        row = rows.get(str(one["digest"]))
        if row is not None:
            where = str(one.get("where") or "")
            grouped[(key, numbers[(row.site, row.study_uid)], str(one["code"]), where)].append((one, row))
    made = [_task(store, answers[key[0]], key, members) for key, members in grouped.items()]
    return tuple(sorted(made, key=lambda one: (one.state != "open", one.study, one.code)))


def _asks(found: object) -> bool:
    return isinstance(found, dict) and found.get("severity") in ("question", "refusal") and bool(found.get("digest"))


@dataclass(frozen=True, slots=True)
class _Row:
    number: int
    site: str
    study_uid: str
    pseudonym: str
    state: str
    is_replaced: bool


def _rows(connection: sa.Connection, digests: Sequence[str]) -> dict[str, _Row]:
    """Return the files by the digest that went out: as they are, or as they were before a correction."""
    found = {}
    columns = (file.c.id, file.c.site, file.c.study_uid, file.c.pseudonym, file.c.state)
    for part in batched(digests):
        was = sa.select(*columns, earlier.c.object_digest).join(earlier, earlier.c.file == file.c.id)
        for row in connection.execute(was.where(earlier.c.object_digest.in_(part))):
            found[str(row.object_digest)] = _Row(*row[:5], True)
        now = sa.select(*columns, file.c.object_digest).where(file.c.object_digest.in_(part))
        for row in connection.execute(now):
            found[str(row.object_digest)] = _Row(*row[:5], False)
    return found


def _numbers(connection: sa.Connection) -> dict[tuple[str, str], int]:
    first = sa.func.min(file.c.id)
    query = sa.select(file.c.site, file.c.study_uid).where(file.c.study_uid != "")
    rows = connection.execute(query.group_by(file.c.site, file.c.study_uid).order_by(first)).all()
    return {(row.site, row.study_uid): number for number, row in enumerate(rows, start=1)}


def _task(
    store: Store,
    answer: dict[str, Any],
    key: tuple[str, int, str, str],
    members: Sequence[tuple[dict[str, Any], _Row]],
) -> Task:
    identifier, study, code, where = key
    found, row = members[0]
    with store.change() as change:
        token = token_of(change.connection, row.number)
    return Task(
        study=study,
        pseudonym=row.pseudonym,
        code=code,
        words=f"{_WORDS.get(code) or CODES.get(code, code)}{_where(store, str(found['digest']), where)}",
        todo=_TODO.get(code, _USUAL),
        state=_state(answer, [row for _, row in members]),
        objects=len({str(one["digest"]) for one, _ in members}),
        submission=identifier,
        link=f"/review/f/{token}",
    )


def _state(answer: dict[str, Any], rows: Sequence[_Row]) -> str:
    if all(row.state == FileState.WITHDRAWN for row in rows):
        return "withdrawn"
    if all(row.is_replaced or row.state == FileState.WITHDRAWN for row in rows):
        return "corrected"
    return "open" if answer.get("quarantined") or answer.get("refused") else "settled"


def _where(store: Store, digest: str, where: str) -> str:
    """Return where it was found, as people point at a picture; an attribute by its name."""
    if not where:
        return ""
    place = _PLACE.search(where)
    if place is None:
        return f" ({where})"
    left, right, top, bottom = (int(part) for part in place.groups())
    size = _size(store, digest)
    if size is None:
        return f" ({where})"
    rows, columns = size
    high = _third((top + bottom) / 2 / rows, ("top", "middle", "bottom"))
    wide = _third((left + right) / 2 / columns, ("left", "center", "right"))
    frame = where.partition(",")[0]
    return f", {high} {wide}" + ("" if frame in ("", "frame 1") else f" of {frame}")


def _third(share: float, words: tuple[str, str, str]) -> str:
    return words[min(int(share * 3), 2)]


def _size(store: Store, digest: str) -> tuple[int, int] | None:
    path = store.object_path(digest)
    if not path.is_file():
        return None
    try:
        with path.open("rb") as source:
            header = read_header(source).dataset
        return max(int(header.Rows), 1), max(int(header.Columns), 1)
    except (UnreadableInstance, AttributeError, TypeError, ValueError):
        return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How far one submission is.

    Parameters
    ----------
    share : float
        Part of its objects that the hub has, from 0 to 1.
    left_s : int or None
        An honest estimate of the seconds left, from the rate that was measured last; None where there is none.
    """

    id: str
    at: str
    items: int
    state: str
    share: float
    left_bytes: int
    left_s: int | None
    accepted: int
    quarantined: int
    refused: int
    findings: int
    has_receipt: bool


def progress(store: Store) -> Iterator[Progress]:
    """Yield how far each submission is, newest first, by what the hub said last."""
    with store.read() as connection:
        rate = float(connection.execute(sa.select(meta.c.value).where(meta.c.name == UPLOAD_RATE)).scalar() or 0)
        size = sa.func.coalesce(sa.func.sum(file.c.object_size), 0)
        query = sa.select(file.c.submission, size.label("bytes")).group_by(file.c.submission)
        sizes = {row.submission: int(row.bytes) for row in connection.execute(query)}
        rows = connection.execute(sa.select(submission).order_by(submission.c.created_at.desc())).all()
    for row in rows:
        if row.state == "abandoned":
            continue
        items = int(row[4])
        answer = json.loads(row.answer) if row.answer else {}
        here = items if row.receipt is not None else min(int(answer.get("received") or 0), items)
        left = round(sizes.get(row.id, 0) * (1 - here / items))
        yield Progress(
            id=row.id,
            at=row.created_at,
            items=items,
            state=str(answer.get("state", row.state)),
            share=here / items,
            left_bytes=left,
            left_s=round(left / rate) if rate and left else None,
            accepted=int(answer.get("accepted") or 0),
            quarantined=int(answer.get("quarantined") or 0),
            refused=int(answer.get("refused") or 0) if not isinstance(answer.get("refused"), list) else 0,
            findings=len(answer.get("findings") or []),
            has_receipt=row.receipt is not None,
        )


def spoken(seconds: int | None) -> str:
    """Return a span of time as people say it."""
    if seconds is None:
        return ""
    for size, word in ((86400, "day"), (3600, "hour"), (60, "minute")):
        if seconds >= size:
            count = round(seconds / size)
            return f"about {count} {word}{'' if count == 1 else 's'}"
    return "less than a minute"
