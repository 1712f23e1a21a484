"""Take what a PACS pushes: C-ECHO, C-STORE and storage commitment; no success before the object lies in the inbox.

The inbox is the queue: a file there waits until its outcome is recorded, whatever happens to this process between.
"""

from __future__ import annotations

import contextlib
import errno
import threading
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import sqlalchemy as sa
import structlog
from pydicom.uid import AllTransferSyntaxes
from pynetdicom import AE, AllStoragePresentationContexts, evt
from pynetdicom.events import Event
from pynetdicom.transport import ThreadedAssociationServer

from radcommons.records.errors import Conflict, StorageError
from radcommons.records.lifecycle import FileState
from radcommons.site.add import add
from radcommons.site.candidate import Candidate
from radcommons.site.pacs import VERIFICATION, make_swift, parse_peer, receive_into
from radcommons.site.pacs_get import take_event
from radcommons.site.pacs_tls import server_context
from radcommons.site.receive_commit import COMMITMENT, Committer
from radcommons.site.receive_inbox import (
    Arrivals,
    Route,
    arrived_at,
    inbox_for,
    index_inbox,
    parts_folder,
    routes,
    settle,
)
from radcommons.site.receive_rules import Rules, callers_of, rules_of
from radcommons.site.store import Store
from radcommons.site.tables import file
from radcommons.site.walk import text_of

# PS3.7 annex C and PS3.4 section B.2.3: success; refused, out of resources; cannot understand.
SUCCESS, OUT_OF_RESOURCES, CANNOT_UNDERSTAND = 0x0000, 0xA700, 0xC000
_QUIET_SECONDS = 1.0
_LONGEST_WAIT_SECONDS = 30.0
_RETRY_SECONDS = 10.0

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Receiver:
    """A running DICOM port; `close` ends it."""

    server: ThreadedAssociationServer
    committer: Committer
    stack: ExitStack

    @property
    def port(self) -> int:
        """The port that it listens on."""
        return int(self.server.server_address[1])

    def close(self) -> None:
        """Stop listening, end open associations, and write what is still owed."""
        self.committer.close()
        self.server.shutdown()
        self.server.server_close()
        self.stack.close()


@dataclass(slots=True)
class _Intake:
    """What the handlers of one port share."""

    store: Store
    rules: Rules
    arrivals: Arrivals
    arrived: Callable[[], None]

    def on_requested(self, event: Event) -> None:
        """Refuse who is not on the list, before anything of them is read (PS3.8 section 9.3.4)."""
        with contextlib.suppress(OSError, AttributeError):
            make_swift(event.assoc)
        request: Any = event.assoc.requestor.primitive
        objection = self.rules.objection(
            calling=str(request.calling_ae_title),
            called=str(request.called_ae_title),
            address=str(event.assoc.requestor.address),
        )
        if objection:
            log.warning("receive.not-welcome", reason=objection[2])
            event.assoc.acse.send_reject(*objection)
            event.assoc.kill()  # waits until the refusal is sent: the socket closes when this handler returns

    def on_store(self, event: Event) -> int:
        """Take one object in; it is acknowledged when it is durable."""
        called: Any = event.assoc.requestor.primitive
        folder = inbox_for(self.store, self.rules.route(str(called.called_ae_title)))

        def take(part: Path, sop_class: str, sop_uid: str) -> int:
            path, digest, size = settle(part, folder)
            # The command's names count here: they are what the sender asks commitment for.
            self.arrivals.note(replace(arrived_at(path, digest, size), sop_class=sop_class, sop_uid=sop_uid))
            return SUCCESS

        try:
            status = take_event(event, take)
        except StorageError:
            log.warning("receive.refused", error="ENOSPC")
            return OUT_OF_RESOURCES
        except OSError as error:
            log.warning("receive.refused", error=errno.errorcode.get(error.errno or 0, "unknown"))
            return OUT_OF_RESOURCES
        except AttributeError:
            return CANNOT_UNDERSTAND
        self.arrived()
        return status


def listen(
    store: Store,
    *,
    host: str = "127.0.0.1",
    port: int,
    aet: str = "",
    callers: Sequence[str] | None = None,
    arrived: Callable[[], None] = lambda: None,
) -> Receiver:
    """Open a DICOM port for C-ECHO, storage commitment, and C-STORE of every storage class in every transfer syntax.

    Parameters
    ----------
    store : Store
    host, port : str, int
        Where we listen.
    aet : str
        What we are called beside `dimse_titles`; the settings' own by default.
    callers : sequence of str, optional
        Who may push; the settings' list by default. An empty list is everyone who reaches the address.
    arrived : callable
        Called after an object has become durable.

    Raises
    ------
    OSError
        If the port cannot be opened.
    UsageError
        If the settings name a caller, title, peer or certificate that does not read.

    Notes
    -----
    PHI: objects lie in the inbox (folder mode 0700) until they are decided. Memory: received in pieces. With
    `dimse_tls_certificate` the port speaks TLS alone; with `dimse_tls_ca` callers must show a certificate of it.

    References
    ----------
    DICOM PS3.4 annexes B and J, PS3.7 sections 9.1.1 and 9.1.5, PS3.15 annex B.
    """
    rules = rules_of(store.settings, aet=aet)
    if callers is not None:
        rules = replace(rules, callers=callers_of(callers))
    peers = {peer.aet: peer for peer in (parse_peer(one) for one in store.settings.dimse_peers)}
    titled = aet or store.settings.dimse_aet
    arrivals = Arrivals(store, "push")
    committer = Committer(store, arrivals.flush, {name: replace(peer, our_aet=titled) for name, peer in peers.items()})
    intake = _Intake(store, rules, arrivals, arrived)
    with ExitStack() as stack:
        receive_into(stack.enter_context(parts_folder(store)))
        stack.callback(arrivals.flush)
        server = _acceptor(titled).start_server(
            (host, port),
            block=False,
            ssl_context=server_context(store.settings),
            evt_handlers=[
                (evt.EVT_REQUESTED, intake.on_requested),
                (evt.EVT_C_STORE, intake.on_store),
                (evt.EVT_C_ECHO, lambda _: SUCCESS),
                (evt.EVT_N_ACTION, committer.on_action),
            ],
        )
        if server is None:
            raise OSError(errno.EADDRNOTAVAIL, "the port was not opened")
        committer.resume()
        return Receiver(server, committer, stack.pop_all())


def _acceptor(aet: str) -> AE:
    ae = AE(ae_title=aet)
    ae.maximum_pdu_size = 0
    ae.maximum_associations = 64
    ae.add_supported_context(VERIFICATION)
    ae.add_supported_context(COMMITMENT)
    for context in AllStoragePresentationContexts:
        ae.add_supported_context(context.abstract_syntax or "", list(AllTransferSyntaxes))
    return ae


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
            self._wait_for_quiet()
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

    def _wait_for_quiet(self) -> None:
        """A series comes as a row of objects: wait until it pauses, so that workers start once; not for ever."""
        for _ in range(int(_LONGEST_WAIT_SECONDS / _QUIET_SECONDS)):
            if self._stop.wait(_QUIET_SECONDS) or not self._wake.is_set():
                return
            self._wake.clear()


def decide_inbox(store: Store, *, jobs: int = 1, progress: Callable[[int], None] = lambda _: None) -> int:
    """Decide every file in the inbox and take away the originals that no longer wait for anyone.

    Returns
    -------
    int
        Files that were decided now.
    """
    index_inbox(store)
    return sum(_decide_folder(store, folder, route, jobs=jobs, progress=progress) for folder, route in routes(store))


def _decide_folder(store: Store, folder: Path, route: Route, *, jobs: int, progress: Callable[[int], None]) -> int:
    waiting = [path for path in sorted(folder.glob("*.dcm")) if not _is_awaited(store, path)]
    if not waiting:
        return 0

    def take_away(candidate: Candidate) -> None:
        if not _is_awaited(store, candidate.file):
            with contextlib.suppress(OSError):
                candidate.file.unlink(missing_ok=True)

    done = add(
        store,
        waiting,
        site=route.site or None,
        protocol=route.protocol or None,
        profile=route.profile or None,
        jobs=jobs,
        decided=take_away,
        progress=progress,
    )
    return done.new


def _is_awaited(store: Store, path: Path) -> bool:
    """Say whether somebody has yet to see the original: its question is open, or its group is not signed for."""
    waits = file.c.state == FileState.HELD
    if store.settings.review == "groups":
        waits = waits | ((file.c.state == FileState.READY) & file.c.submission.is_(None))
    query = sa.select(file.c.id).where(file.c.path == text_of(path), waits)
    with store.read() as connection:
        return connection.execute(query.limit(1)).first() is not None
