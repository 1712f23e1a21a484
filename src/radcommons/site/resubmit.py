"""Resubmit: a corrected version takes the place of one that went out, under the same UIDs.

Two things make a corrected version: another profile over the same original, and another original under the same SOP
Instance UID (a header that was corrected in the PACS), which `add` holds until somebody says that it is right.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from radcommons.dicom.profile import load_profile
from radcommons.platform.clock import instant
from radcommons.platform.policy import load_protocol
from radcommons.platform.pool import Pool
from radcommons.records.errors import NotFound, UsageError
from radcommons.records.finding import Severity
from radcommons.records.lifecycle import FILE, FileEvent, FileState, advance
from radcommons.site.add import lost, prepare, protocol_of
from radcommons.site.candidate import Candidate, Judged
from radcommons.site.crosswalk import known_keys
from radcommons.site.hub import Hub
from radcommons.site.judge import start_judge
from radcommons.site.record import keep_earlier, write_findings
from radcommons.site.seal import batched
from radcommons.site.store import Change, Store, only_one
from radcommons.site.submit import ask
from radcommons.site.tables import decision, file, finding, submission
from radcommons.site.walk import walk

Row = sa.Row[tuple[object, ...]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Resubmitted:
    """What became of each file that was asked for; all but `undecided` and `missing` are done with.

    Parameters
    ----------
    replaced : int
        New versions of the same original: ready, with the next submit they supersede.
    corrected : int
        Other originals under the same UID, let pass in the place of what went out.
    held : int
        New versions in which something asks a person.
    unchanged : int
        The new version is what the hub has.
    undecided : int
        The hub's curators have not decided yet; ask again when they have.
    missing : int
        The original is not where it was added from: fetch or add it again.
    refused : dict
        By code: what the present policies, the opt-out list or the agreement do not let go again.
    """

    replaced: int
    corrected: int
    held: int
    unchanged: int
    undecided: int
    missing: int
    refused: dict[str, int]


def resubmit(
    store: Store,
    *,
    identifier: str | None = None,
    patient_id: str | None = None,
    issuer: str | None = None,
    profile: str | None = None,
    reason: str,
    reviewer: str,
    jobs: int = 2,
    keep: bool = True,
) -> Resubmitted:
    """Make corrected versions of what was submitted; the next submit sends them.

    Parameters
    ----------
    store : Store
    identifier : str, optional
        A submission, or the beginning of its identifier.
    patient_id, issuer : str, optional
        A patient as the hospital knows them; either this or a submission is named.
    profile : str, optional
        A shipped profile or a file; what the settings say by default.
    reason : str
        Stands in the signed submission; never a value of a patient.
    reviewer : str
        Who says that a corrected original is right.
    keep : bool
        False only tries (see `add.what_if`).

    Raises
    ------
    NotFound
        If nothing that went out is meant.
    PeerError
        If the hub does not answer: only it knows what its curators decided.
    """
    if (identifier is None) is (patient_id is None):
        raise UsageError("Name either a submission or a patient.", mend="Give --submission or --patient.")
    if not reason.strip():
        raise UsageError("A corrected version needs a reason.", mend="Give --reason.")
    with only_one(store.directory, "add"):
        rows = _meant(store, identifier, patient_id, issuer)
        with Hub.of(store.settings, token=store.token, tries=3) as hub:
            ask(store, hub)
        ready, undecided = _decided(store, rows)
        corrected = _corrected(store, ready)
        _let_pass(store, corrected, reason=reason, reviewer=reviewer)
        left = [row for row in ready if row.id not in {old.id for old, _ in corrected}]
        found = _judged_anew(store, left, profile=profile, jobs=jobs, keep=keep)
        counts = _replace(store, found, profile=profile, reason=reason)
    refused = {code.partition(":")[2]: count for code, count in counts.items() if code.startswith("refused:")}
    return Resubmitted(
        replaced=counts["replaced"],
        corrected=len(corrected),
        held=counts["held"],
        unchanged=counts["unchanged"],
        undecided=undecided,
        missing=len(left) - len(found),
        refused=refused,
    )


def _meant(store: Store, identifier: str | None, patient_id: str | None, issuer: str | None) -> list[Row]:
    query = sa.select(file).where(file.c.state == FileState.SUBMITTED).order_by(file.c.id)
    with store.read() as connection:
        if identifier is not None:
            query = query.where(file.c.submission.startswith(identifier, autoescape=True))
        else:
            meant = {
                pseudonym
                for key, pseudonym in known_keys(connection)
                if key.patient_id == patient_id and issuer in (None, key.issuer)
            }
            if len({one.partition("-")[2] for one in meant}) > 1 and issuer is None:
                raise UsageError("Several issuers or hospitals give this patient identifier.", mend="Name --issuer.")
            query = query.where(file.c.pseudonym.in_(meant))
        rows = list(connection.execute(query))
    if not rows:
        raise NotFound("Nothing that went out is meant.", mend="See `radcommons site status`.")
    return rows


def _decided(store: Store, rows: Sequence[Row]) -> tuple[list[Row], int]:
    """Return the files whose version the hub accepted or refused, and how many still wait for its curators."""
    names = sorted({str(row.submission) for row in rows})
    answers: dict[str, dict[str, Any]] = {}
    with store.read() as connection:
        for part in batched(names):
            query = sa.select(submission.c.id, submission.c.answer).where(submission.c.id.in_(part))
            answers.update({row.id: json.loads(row.answer or "{}") for row in connection.execute(query)})
    ready = [row for row in rows if _is_decided(answers.get(str(row.submission), {}), str(row.object_digest))]
    return ready, len(rows) - len(ready)


def _is_decided(answer: dict[str, Any], digest: str) -> bool:
    """Say whether the hub is done with one version, as far as its answer tells."""
    if answer.get("state") in ("curated", "refused"):
        return True
    asked = {
        one.get("digest") for one in answer.get("findings") or [] if one.get("severity") == Severity.QUESTION.value
    }
    # Where each version that waits has a question of its own, one without a question does not wait.
    return answer.get("state") == "in-review" and answer.get("quarantined") == len(asked) and digest not in asked


def _corrected(store: Store, rows: Sequence[Row]) -> list[tuple[Row, Row]]:
    """Return (what went out, the newest held original under the same UID of the same patient)."""
    held = {}
    query = sa.select(file).where(file.c.state == FileState.HELD, file.c.code == "uid-conflict").order_by(file.c.id)
    with store.read() as connection:
        for row in connection.execute(query):
            held[row.site, row.pseudonym, row.sop_uid] = row
    pairs = [(row, held.get((row.site, row.pseudonym, row.sop_uid))) for row in rows]
    return [(old, new) for old, new in pairs if new is not None]


def _base(row: Row) -> str:
    """Return the version that the hub took: this one, or the one before where its receipt leaves this one out."""
    return str(row.object_digest if row.acknowledged else row.supersedes)


def _let_pass(store: Store, pairs: Sequence[tuple[Row, Row]], *, reason: str, reviewer: str) -> None:
    with store.change() as change:
        for old, new in pairs:
            state = advance(FILE, FileState(str(new.state)), FileEvent.PASS)
            change.connection.execute(
                file.update()
                .where(file.c.id == new.id)
                .values(state=state, code="", reason="", supersedes=_base(old), supersedes_reason=reason)
            )
            change.connection.execute(
                decision.insert().values(
                    file=new.id, code="uid-conflict", decision="pass", reviewer=reviewer, at=instant()
                )
            )
            change.connection.execute(finding.update().where(finding.c.file == new.id).values(answered=True))
            change.tell("file.corrected", subject=f"file:{new.id}", actor=f"reviewer:{reviewer}"[:128], of=old.id)


def _judged_anew(
    store: Store, rows: Sequence[Row], *, profile: str | None, jobs: int, keep: bool
) -> list[tuple[Row, Judged]]:
    """Judge the originals that are still where they were; each group under the protocol that it went out by."""
    groups: dict[tuple[str, str], list[Row]] = {}
    for row in rows:
        groups.setdefault((str(row.site), protocol_of(store, str(row.protocol))), []).append(row)
    found: list[tuple[Row, Judged]] = []
    for (site, protocol), some in groups.items():
        pool: Pool[Candidate, Judged] = Pool(
            start=start_judge,
            settings=(store.directory, site, protocol, profile or store.settings.profile, keep),
            lost=lost,
            jobs=jobs,
        )
        by_path = {str(row.path): row for row in some}
        for candidate, judged in pool.map(originals(store, list(by_path))):
            row = by_path[candidate.path]
            if judged.original_digest == row.original_digest:
                found.append((row, judged))
            if candidate.is_spooled:
                candidate.file.unlink(missing_ok=True)
    return found


def originals(store: Store, paths: Sequence[str]) -> Iterator[Candidate]:
    """Yield the files, and the entries of archives, that are still where they were added from."""
    wanted = set(paths)
    tops = sorted({Path(path.partition("!/")[0]) for path in wanted})
    there = [top for top in tops if top.is_file()]
    is_known: Callable[[str, str], bool] = lambda path, _stamp: path not in wanted  # noqa: E731
    for candidate in walk(there, spool=store.directory / "spool", is_known=is_known):
        if candidate.path in wanted and candidate.refusal is None:
            yield candidate


def _replace(store: Store, found: Sequence[tuple[Row, Judged]], *, profile: str | None, reason: str) -> Counter[str]:
    rules = load_profile(profile or store.settings.profile)
    counts: Counter[str] = Counter()
    for row, judged in found:
        if judged.state not in (FileState.READY, FileState.HELD) or judged.instance is None:
            counts[f"refused:{judged.code}"] += 1
        elif judged.instance.object_digest == row.object_digest and row.acknowledged:
            counts["unchanged"] += 1
        else:
            under = prepare(store, str(row.site), load_protocol(protocol_of(store, str(row.protocol))), rules, None)
            with store.change() as change:
                _revise(change, row, judged, profile=under.profile, reason=reason)
            counts["held" if judged.state is FileState.HELD else "replaced"] += 1
    return counts


def _revise(change: Change, row: Row, judged: Judged, *, profile: str, reason: str) -> None:
    """Write the new version over the row; what went out before stays in `earlier`."""
    assert judged.instance is not None  # the caller looked
    state = advance(FILE, FileState(str(row.state)), FileEvent.REVISE)
    if judged.state is FileState.HELD:
        state = advance(FILE, state, FileEvent.HOLD)
    keep_earlier(change, row, reason=reason)
    change.connection.execute(
        file.update()
        .where(file.c.id == row.id)
        .values(
            state=state,
            code=judged.code,
            reason=judged.reason,
            profile=profile,
            pseudonym=judged.instance.pseudonym,
            object_digest=judged.instance.object_digest,
            object_size=judged.instance.object_size,
            submission=None,
            supersedes=_base(row),
            supersedes_reason=reason,
            acknowledged=False,
        )
    )
    change.connection.execute(finding.delete().where(finding.c.file == row.id))
    write_findings(change, int(str(row.id)), judged.findings)
    change.tell("file.revised", subject=f"file:{row.id}", state=str(state))
