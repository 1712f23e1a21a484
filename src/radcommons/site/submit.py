"""Submit: seal what is ready, send what the hub misses, keep its signed receipt. Safe to stop and to repeat."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from radcommons.platform.keys import verify
from radcommons.records.documents import canonical, items_digest, unseal
from radcommons.records.errors import Conflict, IntegrityError, PeerError, RadcommonsError, StorageError
from radcommons.records.lifecycle import FILE, FileEvent, FileState, advance
from radcommons.records.submission import Receipt
from radcommons.site import canary
from radcommons.site.hub import Hub
from radcommons.site.join import hub_key, register
from radcommons.site.keep_budget import clean_up
from radcommons.site.optout import follow
from radcommons.site.seal import batched, seal_ready
from radcommons.site.selection_settle import settle
from radcommons.site.store import Store, only_one
from radcommons.site.tables import file, submission, withdrawal
from radcommons.site.witness import witness

MAX_BATCH_BYTES = 16 << 20
MAX_BATCH_INSTANCES = 32
# The hub names at most what it misses; each round sends all of it, so more than one is needed only after losses.
_ROUNDS = 4

# More than a lost summer time, less than a day.
LARGEST_SKEW_S = 2 * 3600
FOREIGN = "foreign-submissions"
UPLOAD_RATE = "upload-bytes-per-second"

Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """A submission and how far it came: `problem` says why it is not `received` yet."""

    id: str
    items: int
    state: str
    hub: dict[str, Any]
    problem: str = ""


def submit(store: Store, *, jobs: int = 4, progress: Progress = lambda _done, _all: None) -> list[Sent]:
    """Send everything that is ready, after what an earlier call left unfinished.

    Parameters
    ----------
    store : Store
    jobs : int
        Requests at a time.
    progress : callable
        Called with (instances sent, instances to send) of the submission at hand.

    Returns
    -------
    list of Sent
        One for each submission that was not received before.

    Raises
    ------
    PeerError
        If the hub does not answer; what it has stays there and the next call goes on.
    Conflict
        If another process submits now, the hub's key is not the pinned one, another PC runs this gateway too, or this
        PC's clock is wrong.
    NotPermitted
        If the agreement does not cover what is ready; what was signed before has gone then.
    Conflict
        With code ``canary-not-clean`` if what the hub's canary set hides came out of this gateway.

    Notes
    -----
    The opt-out list is asked again first, for what is ready and for what is signed and not sent.
    """
    with only_one(store.directory, "submit"):
        if hub_key(store) is None:
            register(store)
        with Hub.of(store.settings, token=store.token) as hub:
            _refuse_if_not_alone(store, hub)
            follow(store)
            send_withdrawals(store, hub)
            canary.ensure(store, hub)
            done = [_complete(store, hub, one, jobs=jobs, progress=progress) for one in unfinished(store)]
            _require_clock(hub)
            settle(store)
            seal_ready(store)
            tried = {one.id for one in done}
            left = [one for one in unfinished(store) if one not in tried]
            done += [_complete(store, hub, one, jobs=jobs, progress=progress) for one in left]
    if store.settings.disk_budget:
        with suppress(Conflict):  # somebody adds; the next submit, or `site clean-up`, frees the disk
            clean_up(store)
    return done


def _refuse_if_not_alone(store: Store, hub: Hub) -> None:
    """Refuse when the hub has submissions under our key that this store never made: two must not run one gateway."""
    with store.read() as connection:
        ours = set(connection.execute(sa.select(submission.c.id)).scalars())
    told = {str(one.get("id")) for one in hub.submissions() if one.get("site") in store.settings.sites}
    foreign = told - ours - set(json.loads(store.remembered(FOREIGN) or "[]"))
    if foreign:
        raise Conflict(
            f"The hub has {len(foreign)} submissions of this hospital that this gateway did not make: "
            "another PC runs it too, or this is an older copy.",
            mend="Stop the other one. If this is the one to go on with: `radcommons site adopt`.",
            code="not-alone",
        )


def adopt(store: Store, *, try_only: bool = False) -> int:
    """Go on as the one gateway of this hospital; return how many submissions of another copy are known from now on."""
    with Hub.of(store.settings, token=store.token, tries=3) as hub:
        told = {str(one.get("id")) for one in hub.submissions() if one.get("site") in store.settings.sites}
    with store.read() as connection:
        ours = set(connection.execute(sa.select(submission.c.id)).scalars())
    foreign = sorted(told - ours)
    if try_only:
        return len(foreign)
    with store.change() as change:
        change.remember(FOREIGN, json.dumps(foreign))
        change.tell("gateway.adopted", subject="store", foreign=len(foreign))
    return len(foreign)


def _require_clock(hub: Hub) -> None:
    """Refuse to sign under a wrong clock: the attestation, an embargo and an agreement's last day depend on it."""
    ahead = hub.clock_ahead_s
    if ahead is not None and abs(ahead) > LARGEST_SKEW_S:
        raise Conflict(
            f"The clock of this PC and the hub's differ by {abs(ahead) / 3600:.1f} hours; nothing new was signed.",
            mend="Set the clock, then run it again.",
            code="wrong-clock",
        )


def unfinished(store: Store) -> list[str]:
    """Return the submissions that are sealed and not yet received as a whole."""
    query = sa.select(submission.c.id).where(submission.c.state.in_(("sealed", "announced")))
    with store.read() as connection:
        return list(connection.execute(query.order_by(submission.c.created_at, submission.c.id)).scalars())


def _complete(store: Store, hub: Hub, identifier: str, *, jobs: int, progress: Progress) -> Sent:
    document, items = _document(store, identifier)
    try:
        answer = hub.announce(document)
        if answer.get("id") != identifier:
            raise PeerError("The hub gave the submission another identifier.")
        _keep_answer(store, identifier, answer, state="announced")
        answer = _send_missing(store, hub, identifier, answer, jobs=jobs, progress=progress)
        refused = [str(one.get("digest", "")) for one in answer.get("refused") or [] if isinstance(one, dict)]
        receive(store, identifier, hub.receipt(identifier), refused=refused)
        answer = hub.submission(identifier)
        _keep_answer(store, identifier, answer)
    except (PeerError, StorageError):
        raise
    except RadcommonsError as error:
        return Sent(id=identifier, items=items, state="unfinished", hub={}, problem=str(error))
    return Sent(id=identifier, items=items, state="received", hub=answer, problem=witness(store, hub))


def _document(store: Store, identifier: str) -> tuple[bytes, int]:
    query = sa.select(submission.c.document, submission.c["items"]).where(submission.c.id == identifier)
    with store.read() as connection:
        document, items = connection.execute(query).one()
    return bytes(document), int(items)


def _keep_answer(store: Store, identifier: str, answer: dict[str, Any], *, state: str | None = None) -> None:
    with store.change() as change:
        values: dict[str, object] = {"answer": json.dumps(answer)}
        if state is not None:
            values["state"] = state
            change.tell(f"submission.{state}", subject=f"submission:{identifier}")
        change.connection.execute(submission.update().where(submission.c.id == identifier).values(**values))


def _send_missing(
    store: Store, hub: Hub, identifier: str, announced: dict[str, Any], *, jobs: int, progress: Progress
) -> dict[str, Any]:
    """Send until the hub misses nothing; return its last word, with what the announcement refused."""
    answer = announced
    sizes = _sizes(store, identifier)
    with ThreadPoolExecutor(jobs) as pool:
        for _ in range(_ROUNDS):
            missing = [str(one) for one in answer.get("missing") or []]
            if not missing:
                return {**answer, "refused": announced.get("refused") or []}
            if set(missing) - set(sizes):
                raise PeerError("The hub asks for instances that are not in the submission.")
            done, began = 0, time.monotonic()
            for count in pool.map(lambda batch: _store(hub, batch), _batches(store, missing, sizes)):
                done += count
                progress(done, len(missing))
            _keep_rate(store, sum(sizes[one] for one in missing), time.monotonic() - began)
            answer = hub.submission(identifier)
    left = len(answer.get("missing") or [])
    raise Conflict(
        f"The hub still misses {left} instances after {_ROUNDS} rounds.", mend="See its findings, try again."
    )


def _keep_rate(store: Store, sent: int, seconds: float) -> None:
    """Remember how fast the line was: the estimate for what is left stands on it."""
    with store.change() as change:
        change.remember(UPLOAD_RATE, f"{sent / max(seconds, 0.001):.0f}")


def _store(hub: Hub, batch: Sequence[Path]) -> int:
    hub.store(batch)
    return len(batch)


def _sizes(store: Store, identifier: str) -> dict[str, int]:
    query = sa.select(file.c.object_digest, file.c.object_size).where(file.c.submission == identifier)
    with store.read() as connection:
        return {str(row[0]): int(row[1]) for row in connection.execute(query)}


def _batches(store: Store, missing: Sequence[str], sizes: dict[str, int]) -> Iterator[list[Path]]:
    batch: list[Path] = []
    filled = 0
    for digest in missing:
        path = store.object_path(digest)
        if not path.is_file():
            raise StorageError(f"objects/ misses {digest[:12]}.", mend="Bring it back from the backup or add it again.")
        if batch and (len(batch) >= MAX_BATCH_INSTANCES or filled + sizes[digest] > MAX_BATCH_BYTES):
            yield batch
            batch, filled = [], 0
        batch.append(path)
        filled += sizes[digest]
    if batch:
        yield batch


def receive(store: Store, identifier: str, sealed: dict[str, Any], *, refused: Sequence[str] = ()) -> Receipt:
    """Check the hub's receipt and keep it; its files are submitted from then on.

    Parameters
    ----------
    identifier : str
    sealed : dict
        The receipt as the hub sent it.
    refused : sequence of str
        Digests that the hub refused when the submission was announced; the receipt may leave them out.

    Raises
    ------
    IntegrityError
        If the signature is not by the pinned key, or the receipt is of other instances.
    """
    receipt, signature, message = unseal(Receipt, sealed)
    pinned = hub_key(store)
    if pinned is None:
        raise Conflict("The hub's key is not pinned.", mend="Run `radcommons site init` again.")
    verify(signature, message=message, public_key=pinned)
    sizes = _sizes(store, identifier)
    whole, taken = sorted(sizes), sorted(set(sizes) - set(refused))
    if receipt.submission != identifier or receipt.items_digest not in (items_digest(whole), items_digest(taken)):
        raise IntegrityError("The receipt is of other instances.", mend="Tell the coalition; no file counts as sent.")
    with store.change() as change:
        change.connection.execute(
            file.update()
            .where(file.c.submission == identifier, file.c.state == FileState.READY)
            .values(state=advance(FILE, FileState.READY, FileEvent.SUBMIT))
        )
        covered = whole if receipt.items_digest == items_digest(whole) else taken
        for part in batched(covered):
            change.connection.execute(
                file.update()
                .where(file.c.submission == identifier, file.c.object_digest.in_(part))
                .values(acknowledged=True)
            )
        change.connection.execute(
            submission.update().where(submission.c.id == identifier).values(state="received", receipt=canonical(sealed))
        )
        change.tell("submission.received", subject=f"submission:{identifier}", instances=receipt.instances)
    return receipt


def send_withdrawals(store: Store, hub: Hub) -> list[dict[str, Any]]:
    """Send the withdrawals that the hub has not confirmed; return its answers."""
    with store.read() as connection:
        query = sa.select(withdrawal.c.id, withdrawal.c.document).where(withdrawal.c.sent_at.is_(None))
        waiting = [(row.id, bytes(row.document)) for row in connection.execute(query.order_by(withdrawal.c.created_at))]
    answers = []
    for identifier, document in waiting:
        answer = hub.withdraw(document)
        with store.change() as change:
            change.connection.execute(
                withdrawal.update()
                .where(withdrawal.c.id == identifier)
                .values(sent_at=sa.func.strftime("%Y-%m-%dT%H:%M:%SZ", "now"), answer=json.dumps(answer))
            )
            change.tell("withdrawal.sent", subject=f"withdrawal:{identifier}")
        answers.append(answer)
    return answers


def ask(store: Store, hub: Hub) -> dict[str, dict[str, Any]]:
    """Return what the hub says now of every submission that it has, and keep it."""
    with store.read() as connection:
        query = sa.select(submission.c.id).where(submission.c.state.in_(("announced", "received")))
        known = list(connection.execute(query.order_by(submission.c.created_at)).scalars())
    answers = {identifier: hub.submission(identifier) for identifier in known}
    for identifier, answer in answers.items():
        _keep_answer(store, identifier, answer)
    return answers
