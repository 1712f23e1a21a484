"""A PACS as a peer: its name and address, associations with it, and whether it answers at all (PS3.8, PS3.7)."""

from __future__ import annotations

import logging
import multiprocessing.util
import re
import socket
import ssl
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pynetdicom import AE, _config, dimse_messages
from pynetdicom.association import Association
from pynetdicom.pdu_primitives import SCP_SCU_RoleSelectionNegotiation
from pynetdicom.presentation import PresentationContext, build_context

from radcommons.dicom import quiet  # noqa: F401  (its import silences values in warnings)
from radcommons.records.errors import PeerError, UsageError
from radcommons.site.pacs_part import PartFile

VERIFICATION = "1.2.840.10008.1.1"
# An association that says nothing for so long is dead; a large object on a slow line keeps talking.
SILENCE_S = 60.0
_CONNECT_S = 15.0
_LARGEST_PDU = 64 << 20
_ADDRESS = re.compile(r"(?P<aet>[^@\\]{1,16})@(?P<host>\[[0-9a-fA-F:]+\]|[A-Za-z0-9._-]+):(?P<port>[0-9]{1,5})")
# PS3.8 section 9.3.4: why an association was refused, as a data manager reads it.
_REFUSALS = {
    (1, 1): "it gives no reason",
    (1, 2): "it does not take this application context",
    (1, 3): "it does not know our AE title",
    (1, 7): "it does not answer to the AE title that we called",
    (3, 1): "it has too many associations just now",
    (3, 2): "it has reached a limit of its own",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Peer:
    """A PACS: its AE title, host and port, the title that we call ourselves, and the TLS context if it speaks TLS."""

    aet: str
    host: str
    port: int
    our_aet: str = "RADCOMMONS"
    tls: ssl.SSLContext | None = None
    silence_s: float = SILENCE_S

    def __str__(self) -> str:
        return f"{self.aet}@{self.host}:{self.port}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Echo:
    """What a C-ECHO showed."""

    peer: str
    seconds: float
    implementation: str
    max_pdu: int
    is_encrypted: bool


def parse_peer(text: str, *, our_aet: str = "RADCOMMONS", tls: ssl.SSLContext | None = None) -> Peer:
    """Return the peer that ``AE@HOST:PORT`` names.

    Raises
    ------
    UsageError
        If the text has another form, the title is longer than 16 characters or the port is none.
    """
    found = _ADDRESS.fullmatch(text)
    if found is None or not 0 < int(found["port"]) < 65536 or not found["aet"].strip():
        raise UsageError(f"'{text}' names no DICOM peer.", mend="Write AE@HOST:PORT, for example PACS@10.0.0.7:104.")
    host = found["host"].strip("[]")
    return Peer(aet=found["aet"].strip(), host=host, port=int(found["port"]), our_aet=our_aet, tls=tls)


def keep_quiet() -> None:
    """Silence pynetdicom: its lines quote values. Large objects are received in pieces, into files."""
    for name in (
        "pynetdicom",
        *(f"pynetdicom.{part}" for part in ("acse", "association", "dimse", "dul", "transport")),
    ):
        logging.getLogger(name).setLevel(logging.CRITICAL + 1)
    _config.STORE_RECV_CHUNKED_DATASET = True
    vars(dimse_messages)["NamedTemporaryFile"] = PartFile  # see there
    _config.LOG_REQUEST_IDENTIFIERS = _config.LOG_RESPONSE_IDENTIFIERS = False
    # Titles and values in other character sets than ASCII come; to refuse them all would lose studies.
    _config.CODECS = ("ascii", "utf8", "latin1")


def receive_into(folder: Path) -> None:
    """Let what this process receives lie in `folder`, which nobody else reads, until it is settled."""
    keep_quiet()
    # Sockets of the worker processes keep their own folder: a socket's path has at most 108 bytes (unix(7)), which a
    # gateway deep in a tree would pass.
    multiprocessing.util.get_temp_dir()
    tempfile.tempdir = str(folder)


@contextmanager
def associated(
    peer: Peer,
    contexts: Sequence[PresentationContext],
    *,
    handlers: Sequence[tuple[Any, ...]] = (),
    serves: Sequence[str] = (),
) -> Iterator[Association]:
    """Yield an association with a peer, released at the end.

    Parameters
    ----------
    peer : Peer
    contexts : sequence of PresentationContext
        At most 128.
    handlers : sequence
        Event handlers of pynetdicom.
    serves : sequence of str
        SOP Classes of which we are the SCP on this association (PS3.7 section D.3.3.4; C-GET needs it).

    Raises
    ------
    PeerError
        If it cannot be reached or refuses; the message says which and why.
    """
    association = _open(peer, contexts, handlers, serves)
    over = threading.Event()
    threading.Thread(target=_watch, args=(association, peer.silence_s, over), daemon=True, name="silence").start()
    try:
        yield association
        if association.is_established:
            association.release()
    except BaseException:
        with suppress(Exception):  # it is gone already; what matters is on its way up
            association.abort()
        raise
    finally:
        over.set()


def _open(
    peer: Peer, contexts: Sequence[PresentationContext], handlers: Sequence[Any], serves: Sequence[str]
) -> Association:
    keep_quiet()
    ae = AE(ae_title=peer.our_aet)
    ae.connection_timeout, ae.acse_timeout = _CONNECT_S, 30.0
    # The silence is watched, not the length of an answer: a large object on a slow line may take an hour.
    ae.dimse_timeout, ae.network_timeout = None, peer.silence_s
    roles: list[Any] = []
    for sop_class in serves:
        role = SCP_SCU_RoleSelectionNegotiation()
        role.sop_class_uid, role.scu_role, role.scp_role = sop_class, False, True
        roles.append(role)
    try:
        association = ae.associate(
            _resolved(peer),
            peer.port,
            contexts=list(contexts),
            ae_title=peer.aet,
            max_pdu=0,
            ext_neg=roles or None,
            tls_args=(peer.tls, peer.host) if peer.tls else None,
            evt_handlers=list(handlers) or None,
        )
    except (OSError, ValueError, RuntimeError) as error:
        raise PeerError(
            f"No association with {peer} ({type(error).__name__}).", mend="Check address and TLS."
        ) from None
    if not association.is_established:
        raise _refusal(peer, association)
    with suppress(OSError, AttributeError):
        make_swift(association)
    return association


def make_swift(association: Association) -> None:
    """Send small answers at once, and read what comes in large pieces.

    Nagle's algorithm (RFC 896) would hold each acknowledgement back, and pynetdicom asks the socket for 4 KiB at a
    time: 32 calls for each PDU of a usual peer.
    """
    transport: Any = association.dul.socket
    connection: socket.socket = transport.socket
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def receive(count: int) -> bytearray:
        if count > _LARGEST_PDU:
            raise OSError("a PDU larger than any peer sends")  # a length that lies must not become memory
        held = bytearray(count)
        view, done = memoryview(held), 0
        while done < count:
            taken = connection.recv_into(view[done:])
            if not taken:
                view.release()
                return held[:done]
            done += taken
        return held

    transport.recv = receive


def _resolved(peer: Peer) -> str:
    try:
        return str(socket.getaddrinfo(peer.host, peer.port, type=socket.SOCK_STREAM)[0][4][0])
    except OSError:
        raise PeerError(f"The host of {peer} is not known.", mend="Check its name, or give its address.") from None


def _refusal(peer: Peer, association: Association) -> PeerError:
    if association.is_rejected:
        answer: Any = association.acceptor.primitive
        reason = _REFUSALS.get((answer.result_source, answer.diagnostic), "it gives an unknown reason")
        code = "peer-busy" if answer.result == 2 else "peer-refuses"
        return PeerError(
            f"{peer} refuses the association: {reason}.", mend="Check both AE titles at the PACS.", code=code
        )
    if association.is_aborted:
        return PeerError(f"{peer} took no presentation context, or aborted.", mend="Ask what it supports.")
    return PeerError(f"{peer} does not answer.", mend="Check host, port, firewall and TLS.", code="peer-silent")


def _watch(association: Association, silence_s: float, over: threading.Event) -> None:
    """End an association on which nothing comes any more; the waiting call then returns without an answer."""
    while not over.wait(min(1.0, silence_s / 4)):
        if association.dul.idle_timer_expired():
            transport: Any = association.dul.socket
            with suppress(OSError, AttributeError):
                transport.socket.shutdown(socket.SHUT_RDWR)
            return


def echo(peer: Peer) -> Echo:
    """Ask a peer whether it is there (C-ECHO).

    Raises
    ------
    PeerError
        If it is not, refuses the association or answers with a failure.

    References
    ----------
    DICOM PS3.4 annex A, PS3.7 section 9.1.5.
    """
    began = time.monotonic()
    with associated(peer, [build_context(VERIFICATION)]) as association:
        status = association.send_c_echo()
        version = association.acceptor.implementation_version_name
        largest = association.acceptor.maximum_length
    if "Status" not in status or status.Status != 0:
        raise PeerError(f"{peer} answered C-ECHO with a failure.")
    return Echo(
        peer=str(peer),
        seconds=round(time.monotonic() - began, 3),
        implementation=str(version or ""),
        max_pdu=int(largest or 0),
        is_encrypted=peer.tls is not None,
    )
