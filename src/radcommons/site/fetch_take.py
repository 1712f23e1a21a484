"""Take what a peer sends: only what was asked for, at the pace allowed, durable in batches before it counts.

A fetched object may be asked for again as long as the peer has it, so it is acknowledged before it is flushed to the
disk; it counts as here, and is not asked for again, only after. That keeps the disk's latency out of the association.
"""

from __future__ import annotations

import queue
import secrets
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from pydicom.dataset import Dataset

from radcommons.platform.durable import disk_full_is_named, fsync_directory
from radcommons.site.fetch_pace import Throttle
from radcommons.site.pacs_get import NOT_ASKED_FOR, OUT_OF_RESOURCES, SUCCESS, Asked
from radcommons.site.receive_inbox import Arrived, arrived_at, identify, named, settle, write_arrivals
from radcommons.site.store import Store

_BATCH = 64
_WAITING = 512
_GATHER_S = 0.05
# Flushes wait for the disk, which takes several at once as fast as one.
_FLUSHES = 4


@dataclass(slots=True)
class Settler:
    """A thread that makes received files durable in the inbox and writes their rows, many at a time.

    Parameters
    ----------
    store : Store
    folder : Path
        Of the inbox (see `inbox_for`).
    source : str
        The peer, as its rows name it.
    settled : callable
        Called after each batch.
    """

    store: Store
    folder: Path
    source: str
    settled: Callable[[], None] = lambda: None
    problem: Exception | None = None
    _queue: queue.Queue[tuple[Path, Dataset] | None] = field(default_factory=lambda: queue.Queue(_WAITING))
    _thread: threading.Thread | None = None

    def start(self) -> None:
        """Begin."""
        self._thread = threading.Thread(target=self._run, name="settler", daemon=True)
        self._thread.start()

    def put(self, part: Path, head: Dataset) -> None:
        """Hand over a received file with its names; waits while too many are in hand."""
        self._queue.put((part, head))

    def drain(self) -> None:
        """Wait until everything handed over is durable.

        Raises
        ------
        StorageError
            If the disk is full or the store does not answer; what was settled before stays.
        """
        self._queue.join()
        if self.problem is not None:
            raise self.problem

    def stop(self) -> None:
        """End after what is in hand."""
        self._queue.put(None)
        if self._thread is not None:
            self._thread.join()

    def _run(self) -> None:
        while True:
            batch = [self._queue.get()]
            with suppress(queue.Empty):
                while batch[-1] is not None and len(batch) < _BATCH:
                    batch.append(self._queue.get(timeout=_GATHER_S))
            if self.problem is None:
                try:
                    self._settle([pair for pair in batch if pair is not None])
                except Exception as error:  # kept for whoever waits in `drain`
                    self.problem = error
            for _ in batch:
                self._queue.task_done()
            if batch[-1] is None:
                return

    def _settle(self, parts: list[tuple[Path, Dataset]]) -> None:
        with disk_full_is_named("the inbox"), ThreadPoolExecutor(_FLUSHES) as flushes:
            arrived = list(flushes.map(self._one, parts))
            if arrived:
                fsync_directory(self.folder)
        write_arrivals(self.store, arrived, source=self.source)
        self.settled()

    def _one(self, pair: tuple[Path, Dataset]) -> Arrived:
        return arrived_at(*settle(pair[0], self.folder, durable=False), head=pair[1])


@dataclass(slots=True)
class Taker:
    """Takes the objects of one series; counts what came, and what came though nobody asked for it."""

    asked: Asked
    settler: Settler
    throttle: Throttle
    parts: Path
    counted: Callable[[int], None] = lambda _: None
    got: int = 0
    size: int = 0
    strangers: int = 0

    def __call__(self, part: Path, sop_class: str, sop_uid: str) -> int:
        """Return the status for the peer: success, not what was asked, or out of resources."""
        if self.settler.problem is not None:
            part.unlink(missing_ok=True)
            return OUT_OF_RESOURCES
        size = part.stat().st_size
        self.throttle.took(size)
        head = identify(part)
        if not self._is_asked(head):
            part.unlink(missing_ok=True)
            self.strangers += 1
            return NOT_ASKED_FOR
        mine = self.parts / f"{secrets.token_hex(16)}.part"
        part.rename(mine)
        self.settler.put(mine, head)
        self.got, self.size = self.got + 1, self.size + size
        self.counted(size)
        return SUCCESS

    def _is_asked(self, head: Dataset) -> bool:
        """Compare the object's own header, not what the command says of it."""
        study_uid, series_uid, patient_id = (
            named(head, name) for name in ("StudyInstanceUID", "SeriesInstanceUID", "PatientID")
        )
        is_patients = not (self.asked.patient_id and patient_id) or patient_id == self.asked.patient_id
        return study_uid == self.asked.study_uid and series_uid == self.asked.series_uid and is_patients
