"""Count: every file once, by state, by reason, by patient and by study; the sums are checked each time."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from radcommons.records.errors import RadcommonsError
from radcommons.records.lifecycle import FileState
from radcommons.site.hub import Hub
from radcommons.site.store import Store
from radcommons.site.submit import ask
from radcommons.site.tables import earlier, file, finding, patient, submission

# The order in which a reader follows the files from the folder to the hub.
ORDER = (
    FileState.IGNORED,
    FileState.REFUSED,
    FileState.DUPLICATE,
    FileState.EXCLUDED,
    FileState.HELD,
    FileState.WITHDRAWN,
    FileState.READY,
    FileState.SUBMITTED,
)
_WORDS = {
    FileState.IGNORED: "no images (DICOMDIR, tables, text)",
    FileState.REFUSED: "cannot be used",
    FileState.DUPLICATE: "added before",
    FileState.EXCLUDED: "excluded by the protocol",
    FileState.HELD: "wait for a person",
    FileState.WITHDRAWN: "withdrawn",
    FileState.READY: "ready to submit",
    FileState.SUBMITTED: "submitted",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class FlowLine:
    """One line of the exclusion flow; `code` is empty on the line of a whole state."""

    state: str
    code: str
    words: str
    files: int
    patients: int
    studies: int


def counts(store: Store) -> dict[str, int]:
    """Return the number of files in each state, `seen` first; every state is named."""
    with store.read() as connection:
        query = sa.select(file.c.state, sa.func.count()).group_by(file.c.state)
        found = {str(row[0]): int(row[1]) for row in connection.execute(query).all()}
    return {"seen": sum(found.values()), **{str(state): found.get(state, 0) for state in ORDER}}


def by_site(store: Store) -> dict[str, dict[str, int]]:
    """Return the counts of each hospital of a group, with its patients."""
    found = {site: {"seen": 0, **{str(state): 0 for state in ORDER}, "patients": 0} for site in store.settings.sites}
    with store.read() as connection:
        query = sa.select(file.c.site, file.c.state, sa.func.count()).group_by(file.c.site, file.c.state)
        for site, state, count in connection.execute(query):
            of_site = found.setdefault(site, {"seen": 0})
            of_site[state] = count
            of_site["seen"] += count
        own = sa.select(patient.c.site, sa.func.count()).where(patient.c.merged_into.is_(None))
        for site, count in connection.execute(own.group_by(patient.c.site)):
            found.setdefault(site, {"seen": 0})["patients"] = count
    return found


def codes(store: Store) -> dict[str, int]:
    """Return the number of files by the code of each finding, notes included."""
    query = (
        sa.select(finding.c.code, sa.func.count(sa.distinct(finding.c.file)))
        .group_by(finding.c.code)
        .order_by(finding.c.code)
    )
    with store.read() as connection:
        return {str(row[0]): int(row[1]) for row in connection.execute(query)}


def discrepancies(store: Store) -> list[str]:
    """Return what does not add up, as sentences; an empty list says that nothing was lost."""
    wrong = []
    with store.read() as connection:
        sent: Counter[str] = Counter()
        for table in (file, earlier):
            query = sa.select(table.c.submission, sa.func.count()).where(table.c.submission.is_not(None))
            for row in connection.execute(query.group_by(table.c.submission)):
                sent[str(row[0])] += int(row[1])
        for row in connection.execute(
            sa.select(submission.c.id, submission.c["items"].label("items_"), submission.c.state)
        ):
            if row.state != "abandoned" and sent[row.id] != row.items_:
                wrong.append(f"submission {row.id[:12]} names {row.items_} items, the store has {sent[row.id]}")
        needed = (FileState.READY, FileState.HELD)
        query = sa.select(file.c.object_digest).where(file.c.state.in_(needed))
        missing = sum(not store.object_path(one).is_file() for one in connection.execute(query).scalars())
        if missing:
            wrong.append(f"{missing} de-identified objects are missing in objects/")
    return wrong


def flow(store: Store) -> list[FlowLine]:
    """Return the exclusion flow: all files, then each state with its reasons."""
    with store.read() as connection:
        return list(_flow(connection))


def _flow(connection: sa.Connection) -> Iterator[FlowLine]:
    by_criterion = (file.c.state == FileState.EXCLUDED) & (file.c.code == "criterion-out")
    reason = sa.case((by_criterion, sa.func.coalesce(_first_criterion(), file.c.code)), else_=file.c.code).label("why")
    count, patients, studies = (
        sa.func.count(),
        sa.func.count(sa.distinct(sa.func.nullif(file.c.pseudonym, ""))),
        sa.func.count(sa.distinct(sa.func.nullif(file.c.study_uid, ""))),
    )
    total = connection.execute(sa.select(count, patients, studies).select_from(file)).one()
    yield FlowLine(state="seen", code="", words="files seen", files=total[0], patients=total[1], studies=total[2])
    by_state = {
        row[0]: row[1:]
        for row in connection.execute(sa.select(file.c.state, count, patients, studies).group_by(file.c.state))
    }
    query = sa.select(file.c.state, reason, count, patients, studies).group_by(file.c.state, "why")
    by_reason = connection.execute(query.order_by(sa.desc(count))).all()
    for state in ORDER:
        if state not in by_state:
            continue
        files, persons, exams = by_state[state]
        yield FlowLine(state=state, code="", words=_WORDS[state], files=files, patients=persons, studies=exams)
        if state in (FileState.READY, FileState.SUBMITTED, FileState.DUPLICATE):
            continue
        for row in by_reason:
            if row[0] == state and row[1]:
                yield FlowLine(state=state, code=row[1], words="", files=row[2], patients=row[3], studies=row[4])


def _first_criterion() -> sa.ScalarSelect[str]:
    return (
        sa.select(sa.func.min(finding.c.where))
        .where(finding.c.file == file.c.id, finding.c.code == "criterion-out")
        .correlate(file)
        .scalar_subquery()
    )


def known_patients(store: Store) -> int:
    """Return how many patients the crosswalk holds."""
    with store.read() as connection:
        return int(connection.execute(sa.select(sa.func.count()).select_from(patient)).scalar_one())


def at_hub(store: Store) -> dict[str, Any]:
    """Return what the hub says of our submissions, asked now where it answers, else as it said last.

    Returns
    -------
    dict
        ``submissions`` (a summary each), ``accepted``, ``quarantined``, and ``problem``: why it did not answer.
    """
    problem = ""
    try:
        if store.token:
            with Hub.of(store.settings, token=store.token, tries=1) as hub:
                ask(store, hub)
    except RadcommonsError as error:
        problem = str(error)
    with store.read() as connection:
        rows = connection.execute(sa.select(submission).order_by(submission.c.created_at)).all()
    summaries = []
    for row in rows:
        answer = json.loads(row.answer) if row.answer else {}
        summary = {name: answer.get(name) for name in _SUMMARY if name in answer}
        summaries.append(
            {
                **summary,
                "id": row.id,
                "items": row[4],
                "local_state": row.state,
                "state": answer.get("state", row.state),
                "findings": answer.get("findings") or [],
            }
        )
    totals = {name: sum(one.get(name) or 0 for one in summaries) for name in ("accepted", "quarantined")}
    return {"submissions": summaries, **totals, "problem": problem}


_SUMMARY = ("received", "accepted", "quarantined", "refused", "withdrawn", "released")
