"""Storage Commitment: tell a sender which of its objects are safe here (PS3.4 annex J, push model).

Safe is what lies durably in the inbox, or was kept when it was decided. What the gateway refused or excluded it does
not keep, and it says so: nobody may delete an original because a research gateway has seen it.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import sqlalchemy as sa
import structlog
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence as Items
from pynetdicom.association import Association
from pynetdicom.presentation import build_context

from radcommons.platform.clock import instant, now
from radcommons.records.errors import RadcommonsError
from radcommons.records.lifecycle import FileState
from radcommons.site.pacs import Peer, associated
from radcommons.site.receive_inbox import routes
from radcommons.site.store import Store
from radcommons.site.tables import arrival, commitment, file
from radcommons.site.walk import text_of

COMMITMENT, COMMITMENT_INSTANCE = "1.2.840.10008.1.20.1", "1.2.840.10008.1.20.1.1"
# PS3.3 section C.14.1.1 and PS3.7 annex C: no such object instance; its class is another.
NOT_HERE, OTHER_CLASS = 0x0112, 0x0119
_SUCCESS, _PROCESSING_FAILURE, _NO_SUCH_ACTION, _NO_SUCH_INSTANCE = 0x0000, 0x0110, 0x0123, 0x0112
_ALL_SAFE, _SOME_FAILED = 1, 2
_KEPT_DAYS, _UID_LENGTH = 7, 64
_TRIES, _FIRST_PAUSE_S, _LONGEST_PAUSE_S = 8, 1.0, 60.0
_KEPT = (FileState.READY, FileState.HELD, FileState.SUBMITTED, FileState.DUPLICATE)

log = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class Reference:
    """An object that the sender names."""

    sop_class: str
    sop_uid: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What is safe and what is not, with the reason of PS3.3 section C.14.1.1."""

    safe: tuple[Reference, ...]
    failed: tuple[tuple[Reference, int], ...]


def judge_commitment(store: Store, references: Sequence[Reference]) -> Answer:
    """Say of each object whether it is safe here.

    Notes
    -----
    PHI: reads original UIDs from the encrypted store. Rows of arrivals must have been flushed before.
    """
    safe, failed = [], []
    with store.read() as connection:
        for one in references:
            query = sa.select(arrival.c.path, arrival.c.sop_class).where(arrival.c.sop_uid == one.sop_uid)
            rows = [row for row in connection.execute(query).all() if _is_kept(store, connection, row.path)]
            if any(row.sop_class == one.sop_class for row in rows):
                safe.append(one)
            else:
                failed.append((one, OTHER_CLASS if rows else NOT_HERE))
    return Answer(safe=tuple(safe), failed=tuple(failed))


def _is_kept(store: Store, connection: sa.Connection, path: str) -> bool:
    decided = connection.execute(sa.select(file.c.state).where(file.c.path == path)).scalars().all()
    if decided:
        return any(FileState(state) in _KEPT for state in decided)
    name = path.rpartition("/")[2]
    return any(text_of(folder / name) == path and (folder / name).is_file() for folder, _ in routes(store))


@dataclass(slots=True)
class Committer:
    """Answers requests for commitment and sends the reports, on the same association or on one of our own.

    Parameters
    ----------
    store : Store
    flush : callable
        Writes the rows that are owed for objects in the inbox.
    peers : dict
        Where a calling AE title listens for reports; without an entry the report goes on its own association.
    """

    store: Store
    flush: Callable[[], object]
    peers: dict[str, Peer]
    _closing: threading.Event = field(default_factory=threading.Event)

    def resume(self) -> None:
        """Send the reports that an earlier process promised and could not send."""
        with self.store.change() as change:
            change.connection.execute(
                commitment.delete().where(commitment.c.at < instant(now() - timedelta(days=_KEPT_DAYS)))
            )
        if self.peers:
            threading.Thread(target=self._tell_owed, name="commitments", daemon=True).start()

    def close(self) -> None:
        """Send no more reports; what is owed is sent after the next start."""
        self._closing.set()

    def _tell_owed(self) -> None:
        with self.store.read() as connection:
            owed = connection.execute(sa.select(commitment).order_by(commitment.c.at)).all()
        for row in owed:
            if row.caller in self.peers:
                references = [Reference(sop_class=sop_class, sop_uid=sop_uid) for sop_class, sop_uid in row.named]
                self._answer(None, row.caller, row.transaction_uid, references)

    def on_action(self, event: Any) -> tuple[int, None]:
        """Take an N-ACTION request: the answer comes later, as N-EVENT-REPORT."""
        if event.request.RequestedSOPInstanceUID != COMMITMENT_INSTANCE:
            return _NO_SUCH_INSTANCE, None
        if event.action_type != 1:
            return _NO_SUCH_ACTION, None
        try:
            asked = event.action_information
            transaction = str(asked.TransactionUID)
            references = [
                Reference(sop_class=str(one.ReferencedSOPClassUID), sop_uid=str(one.ReferencedSOPInstanceUID))
                for one in asked.ReferencedSOPSequence
            ]
        except Exception:  # a foreign data set that lacks what it must have
            return _PROCESSING_FAILURE, None
        caller = str(event.assoc.requestor.ae_title).strip()
        if not references or len(transaction) > _UID_LENGTH:
            return _PROCESSING_FAILURE, None
        # Before the promise: who was told "later" hears, also when this process ends first.
        self._owe(caller, transaction, references)
        arguments = (event.assoc, caller, transaction, references)
        threading.Thread(target=self._answer, args=arguments, name="commitment", daemon=True).start()
        return _SUCCESS, None

    def _owe(self, caller: str, transaction: str, references: Sequence[Reference]) -> None:
        named = [[one.sop_class, one.sop_uid] for one in references]
        row = {"caller": caller, "transaction_uid": transaction, "named": named, "at": instant()}
        with self.store.change() as change:
            change.connection.execute(commitment.delete().where(*_of(caller, transaction)))
            change.connection.execute(commitment.insert().values(row))

    def _answer(
        self, association: Association | None, caller: str, transaction: str, references: list[Reference]
    ) -> None:
        # A thread of its own that nobody waits for: whatever stops it is told by its kind, and the sender asks again.
        try:
            self.flush()
            answer = judge_commitment(self.store, references)
            is_told = self._report(association, caller, transaction, answer)
        except Exception as error:
            log.error("commitment.failed", error=type(error).__name__)
            return
        log.info("commitment.told", safe=len(answer.safe), failed=len(answer.failed), is_told=is_told)
        with self.store.change() as change:
            if is_told or caller not in self.peers:  # without an address nobody can be told later
                change.connection.execute(commitment.delete().where(*_of(caller, transaction)))
            change.tell(
                "commitment.told", subject="inbox", safe=len(answer.safe), failed=len(answer.failed), ok=is_told
            )

    def _report(self, association: Association | None, caller: str, transaction: str, answer: Answer) -> bool:
        peer = self.peers.get(caller)
        pause = _FIRST_PAUSE_S
        for _ in range(_TRIES):
            if association is not None and association.is_established and peer is None:
                return _send(association, transaction, answer)
            if peer is None or self._closing.is_set():
                return False
            with suppress(RadcommonsError):
                # We are the provider although we call: role selection, PS3.4 section J.3.2.
                context = build_context(COMMITMENT)
                with associated(peer, [context], serves=(COMMITMENT,)) as own:
                    if _send(own, transaction, answer):
                        return True
            self._closing.wait(pause)
            pause = min(pause * 2, _LONGEST_PAUSE_S)
        return False


def _of(caller: str, transaction: str) -> tuple[sa.ColumnElement[bool], ...]:
    return commitment.c.caller == caller, commitment.c.transaction_uid == transaction


def _send(association: Association, transaction: str, answer: Answer) -> bool:
    time.sleep(0.05)  # the answer to the N-ACTION goes first
    information = Dataset()
    information.TransactionUID = transaction
    if answer.safe:
        information.ReferencedSOPSequence = Items([_item(one) for one in answer.safe])
    if answer.failed:
        information.FailedSOPSequence = Items([_item(one, reason) for one, reason in answer.failed])
    kind = _SOME_FAILED if answer.failed else _ALL_SAFE
    try:
        status, _ = association.send_n_event_report(information, kind, COMMITMENT, COMMITMENT_INSTANCE)
    except (RuntimeError, ValueError):
        return False
    return "Status" in status and status.Status == _SUCCESS


def _item(one: Reference, reason: int | None = None) -> Dataset:
    item = Dataset()
    item.ReferencedSOPClassUID, item.ReferencedSOPInstanceUID = one.sop_class, one.sop_uid
    if reason is not None:
        item.FailureReason = reason
    return item
