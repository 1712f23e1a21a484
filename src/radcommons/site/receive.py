"""Take what a PACS pushes: C-ECHO and C-STORE, and no success before the object lies durably in the inbox.

The inbox is the queue: a file there waits until its outcome is recorded, whatever happens to this process between.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import logging
import multiprocessing.util
import os
import secrets
import tempfile
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import sqlalchemy as sa
import structlog
from pydicom.uid import AllTransferSyntaxes
from pynetdicom import AE, AllStoragePresentationContexts, _config, evt
from pynetdicom.events import Event
from pynetdicom.transport import ThreadedAssociationServer

from radcommons.platform.durable import fsync_directory
from radcommons.records.errors import Conflict
from radcommons.records.lifecycle import FileState
from radcommons.site.add import add
from radcommons.site.candidate import Candidate
from radcommons.site.store import Store
from radcommons.site.tables import file
from radcommons.site.walk import text_of

VERIFICATION = "1.2.840.10008.1.1"
# PS3.7 annex C and PS3.4 section B.2.3: success; refused, out of resources; cannot understand.
SUCCESS, OUT_OF_RESOURCES, CANNOT_UNDERSTAND = 0x0000, 0xA700, 0xC000
_QUIET_SECONDS = 1.0
_RETRY_SECONDS = 10.0

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Receiver:
    """A running DICOM port; `close` ends it."""

    server: ThreadedAssociationServer

    @property
    def port(self) -> int:
        """The port that it listens on."""
        return int(self.server.server_address[1])

    def close(self) -> None:
        """Stop listening and end open associations."""
        self.server.shutdown()
        self.server.server_close()


def listen(
    store: Store,
    *,
    host: str = "127.0.0.1",
    port: int,
    aet: str,
    callers: Sequence[str] = (),
    arrived: Callable[[], None] = lambda: None,
) -> Receiver:
    """Open a DICOM port for C-ECHO and C-STORE of every storage class in every transfer syntax.

    Parameters
    ----------
    store : Store
    host, port, aet : str, int, str
        Where we listen and what we are called.
    callers : sequence of str
        AE titles that may push; empty is everyone who reaches the address, which is this machine by default.
    arrived : callable
        Called after an object has become durable.

    Notes
    -----
    PHI: objects lie in the inbox (folder mode 0700) until they are decided. Memory: received in pieces.

    References
    ----------
    DICOM PS3.4 annex B, PS3.7 sections 9.1.1 and 9.1.5.
    """
    for name in ("pynetdicom", "pynetdicom.acse", "pynetdicom.dimse", "pynetdicom.transport", "pydicom"):
        logging.getLogger(name).setLevel(logging.CRITICAL + 1)  # their lines quote values
    _config.STORE_RECV_CHUNKED_DATASET = True
    parts = store.directory / "inbox" / ".parts"
    parts.mkdir(mode=0o700, exist_ok=True)
    for left in parts.iterdir():
        if left.is_file():
            left.unlink(missing_ok=True)  # of an association that was never acknowledged
    # What arrives must not lie in a folder that others read. Sockets of the worker processes keep their own folder:
    # a socket's path has at most 108 bytes (unix(7)), which a gateway deep in a tree would pass.
    multiprocessing.util.get_temp_dir()
    tempfile.tempdir = str(parts)
    ae = AE(ae_title=aet)
    ae.maximum_pdu_size = 0
    ae.require_calling_aet = list(callers)
    ae.add_supported_context(VERIFICATION)
    for context in AllStoragePresentationContexts:
        ae.add_supported_context(context.abstract_syntax or "", list(AllTransferSyntaxes))
    server = ae.start_server(
        (host, port),
        block=False,
        evt_handlers=[(evt.EVT_C_STORE, _on_store, [store, arrived]), (evt.EVT_C_ECHO, lambda _: SUCCESS)],
    )
    if server is None:
        raise OSError(errno.EADDRNOTAVAIL, "the port was not opened")
    return Receiver(server)


def _on_store(event: Event, store: Store, arrived: Callable[[], None]) -> int:
    try:
        partial: Any = event.request._dataset_file  # flushed by nobody else before this handler runs
        if partial is not None:
            partial.flush()
        take_in(store, Path(event.dataset_path))
    except OSError as error:
        log.warning("receive.refused", error=errno.errorcode.get(error.errno or 0, "unknown"))
        return OUT_OF_RESOURCES
    except AttributeError:
        return CANNOT_UNDERSTAND
    arrived()
    return SUCCESS


def take_in(store: Store, source: Path) -> Path:
    """Copy an object into the inbox under its digest, durably; the same bytes twice are one file.

    Raises
    ------
    OSError
        If the disk is full or does not answer; nothing was taken in then.
    """
    inbox = store.directory / "inbox"
    beside = inbox / ".parts" / f"{secrets.token_hex(16)}.new"
    known = hashlib.sha256()
    try:
        with source.open("rb") as arriving, beside.open("xb") as target:
            while piece := arriving.read(1 << 20):
                known.update(piece)
                target.write(piece)
            target.flush()
            os.fsync(target.fileno())
        final = inbox / f"{known.hexdigest()}.dcm"
        beside.rename(final)
        fsync_directory(inbox)
    finally:
        beside.unlink(missing_ok=True)
    return final


@dataclass(slots=True)
class InboxWorker:
    """A thread that decides what lies in the inbox, from the first moment: what an earlier process left goes first."""

    store: Store
    jobs: int = 1
    _wake: threading.Event = field(default_factory=threading.Event, init=False)
    _stop: threading.Event = field(default_factory=threading.Event, init=False)
    _thread: threading.Thread | None = field(default=None, init=False)

    def start(self) -> None:
        """Begin, with what lies there."""
        self._wake.set()
        self._thread = threading.Thread(target=self._run, name="inbox", daemon=True)
        self._thread.start()

    def arrived(self) -> None:
        """Say that something new lies in the inbox."""
        self._wake.set()

    def stop(self) -> None:
        """End after the files in hand; the rest waits for the next start."""
        self._stop.set()
        self._wake.set()
        if self._thread is not None:
            self._thread.join(30)

    def _run(self) -> None:
        pause: float | None = None
        while not self._stop.is_set():
            self._wake.wait(pause)
            self._wake.clear()
            # A series comes as a row of objects: wait until it pauses, so that workers start once.
            while not self._stop.wait(_QUIET_SECONDS) and self._wake.is_set():
                self._wake.clear()
            if self._stop.is_set():
                return
            pause = None
            try:
                decide_inbox(self.store, jobs=self.jobs)
            except Conflict:
                pause = _RETRY_SECONDS  # someone adds on the command line just now
            # A job runner: whatever stops this round is told by its kind, and the inbox waits for the next.
            except Exception as error:
                log.error("inbox.waits", error=type(error).__name__, code=getattr(error, "code", ""))
                pause = _RETRY_SECONDS


def decide_inbox(store: Store, *, jobs: int = 1) -> int:
    """Decide every file in the inbox and take away the originals that no longer wait for anyone.

    Returns
    -------
    int
        Files that were decided now.
    """
    inbox = store.directory / "inbox"
    waiting = [path for path in sorted(inbox.glob("*.dcm")) if not _is_held(store, path)]
    if not waiting:
        return 0

    def take_away(candidate: Candidate) -> None:
        if not _is_held(store, candidate.file):
            with contextlib.suppress(OSError):
                candidate.file.unlink(missing_ok=True)

    return add(store, waiting, jobs=jobs, decided=take_away).new


def _is_held(store: Store, path: Path) -> bool:
    query = sa.select(file.c.id).where(file.c.path == text_of(path), file.c.state == FileState.HELD)
    with store.read() as connection:
        return connection.execute(query.limit(1)).first() is not None
