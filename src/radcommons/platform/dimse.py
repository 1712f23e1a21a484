"""A DICOM port: listens, lets in whom its owner knows, and hands each command to the owner's handler (PS3.7, PS3.8)."""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import structlog

from radcommons.dicom.command import ANSWER, Command, Element, Field, Status
from radcommons.platform.association import ASSOCIATE_AC, ASSOCIATE_RQ, Association, Ended, Wire
from radcommons.platform.negotiation import (
    NO_APPLICATION,
    NOT_KNOWN,
    TOO_MANY,
    Malformed,
    Proposed,
    Request,
    accepting,
    negotiate,
    parse_accepted,
    parse_request,
    rejecting,
    requesting,
    speaks_dicom,
)
from radcommons.records.errors import PeerError, UsageError

MOST_ASSOCIATIONS = 64
# PS3.8 section 9.1.5 leaves ARTIM's length open; the other is how long an association may say nothing.
_REQUEST_S, _SILENCE_S, _CLOSE_S = 10.0, 300.0, 10.0
_LONGEST_REQUEST = 1 << 18

log = structlog.get_logger()

Handler = Callable[[Association, Command], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """Who asks for an association, as far as the network tells it.

    Parameters
    ----------
    calling, called : str
        AE titles; anybody may call themselves anything.
    address : str
    passcode : str
        Of the user identity (PS3.7 section D.3.3.7).
    certificate : str
        The common name of a certificate that the authority of this port has signed, else empty.
    """

    calling: str
    called: str
    address: str
    passcode: str = field(default="", repr=False)
    certificate: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """What a caller gets: from abstract syntax to transfer syntaxes, and a handler for each command field."""

    takes: Callable[[str], Collection[str]]
    handlers: Mapping[int, Handler]


# Returns None where the caller is not known.
Admit = Callable[[Caller], Service | None]


class Listener:
    """A DICOM port: bound at once, so that a port that is taken is told early; it answers after `start`."""

    def __init__(self, admit: Admit, *, host: str, port: int, tls: ssl.SSLContext | None = None) -> None:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self._socket = socket.create_server((host, port), family=family, backlog=MOST_ASSOCIATIONS)
        self._admit, self._tls = admit, tls
        self._open: dict[threading.Thread, socket.socket] = {}
        self._lock = threading.Lock()
        self._closing = threading.Event()

    def start(self) -> None:
        """Take connections."""
        threading.Thread(target=self._accept, name="dimse", daemon=True).start()

    @property
    def port(self) -> int:
        """The port that it listens on."""
        return int(self._socket.getsockname()[1])

    def close(self) -> None:
        """Stop listening and end what is open: an object in hand is still answered."""
        self._closing.set()
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        with self._lock:
            left = dict(self._open)
        for connection in left.values():
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RD)
        for thread in left:
            thread.join(_CLOSE_S)

    def _accept(self) -> None:
        while not self._closing.is_set():
            try:
                connection, address = self._socket.accept()
            except OSError:
                if self._closing.is_set():
                    return
                self._closing.wait(0.1)  # too many open files: it passes
                continue
            thread = threading.Thread(target=self._serve, args=(connection, str(address[0])), daemon=True, name="dimse")
            with self._lock:
                is_full = len(self._open) >= MOST_ASSOCIATIONS
                if not is_full:
                    self._open[thread] = connection
            if is_full:
                with contextlib.suppress(OSError), connection:
                    connection.settimeout(0.2)
                    if self._tls is None:
                        connection.sendall(rejecting(TOO_MANY))
                continue
            thread.start()

    def _serve(self, connection: socket.socket, address: str) -> None:
        try:
            connection.settimeout(_REQUEST_S)
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if self._tls is not None:
                connection = self._tls.wrap_socket(connection, server_side=True)
                with self._lock:
                    self._open[threading.current_thread()] = connection
            serve_association(connection, address, self._admit)
        except (OSError, Ended, Malformed):  # scanners, lost lines, peers that do not speak as the standard says
            log.info("dimse.ended-early")
        # One association's fault is no other's; it is told by its kind alone.
        except Exception as error:
            log.error("dimse.failed", error=type(error).__name__)
        finally:
            with contextlib.suppress(OSError):
                connection.close()
            with self._lock:
                self._open.pop(threading.current_thread(), None)


def serve_association(connection: socket.socket, address: str, admit: Admit) -> None:
    """Serve one connection until its association ends. Raises Ended, Malformed, OSError before it is established."""
    wire = Wire(connection)
    kind, length = wire.head()
    if kind != ASSOCIATE_RQ or length > _LONGEST_REQUEST:
        wire.abort()
        return
    request = parse_request(wire.exactly(length))
    service = admit(_caller(request, connection, address)) if speaks_dicom(request) else None
    if service is None:
        log.warning("dimse.not-welcome")
        wire.send(rejecting(NOT_KNOWN if speaks_dicom(request) else NO_APPLICATION))
        with contextlib.suppress(Ended):  # the peer closes; if we did so first, it might never read why
            connection.settimeout(_REQUEST_S)
            wire.some(1)
        wire.close()
        return
    found = negotiate(request, service.takes)
    wire.send(accepting(request, found))
    connection.settimeout(_SILENCE_S)
    contexts = {context.number: context for _, context in found if context}
    _converse(Association(wire, contexts, peer_limit=request.limit), service)


def _caller(request: Request, connection: socket.socket, address: str) -> Caller:
    name = ""
    if isinstance(connection, ssl.SSLSocket):
        certificate: dict[str, Any] = connection.getpeercert() or {}  # empty where none was shown
        named = [pair for part in certificate.get("subject", ()) for pair in part]
        name = next((str(value) for key, value in named if key == "commonName"), "")
    return Caller(
        calling=request.calling, called=request.called, address=address, passcode=request.passcode, certificate=name
    )


def _converse(association: Association, service: Service) -> None:
    try:
        while True:
            command = association.next_command()
            operation = command.number(Element.FIELD)
            handler = service.handlers.get(operation)
            if handler is not None:
                handler(association, command)
                continue
            for _ in association.data_set(command):
                pass
            if operation != Field.C_CANCEL and not operation & ANSWER:
                association.answer(command, Status.UNRECOGNIZED_OPERATION)
    except Ended as end:
        if end.is_orderly:
            association.wire.close()
        else:
            log.info("dimse.ended", why=str(end))
            association.wire.abort()
    except BaseException:
        association.wire.abort()
        raise


def echo(association: Association, command: Command) -> None:
    """Answer C-ECHO."""
    association.answer(command, Status.SUCCESS)


@dataclass(frozen=True, slots=True, kw_only=True)
class Destination:
    """A peer that we send to: its title, where it listens, and how it is spoken to."""

    title: str
    host: str
    port: int
    tls: ssl.SSLContext | None = None


def associate(destination: Destination, contexts: Sequence[Proposed], *, calling: str) -> Association:
    """Return an association of ours with a peer; `Association.release` ends it.

    Raises
    ------
    PeerError
        If it does not answer, or refuses.
    """
    try:
        connection = socket.create_connection((destination.host, destination.port), timeout=_REQUEST_S)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if destination.tls is not None:
            connection = destination.tls.wrap_socket(connection, server_hostname=destination.host)
        wire = Wire(connection)
        wire.send(requesting(contexts, calling=calling, called=destination.title))
        kind, length = wire.head()
        if kind != ASSOCIATE_AC or length > _LONGEST_REQUEST:
            wire.close()
            raise PeerError("The destination refuses the association.", mend="Name this hub's AE title there.")
        accepted, limit = parse_accepted(wire.exactly(length), contexts)
    except (OSError, Ended, Malformed):
        raise PeerError("The destination does not answer.", mend="Check host, port and TLS.") from None
    connection.settimeout(_SILENCE_S)
    return Association(wire, accepted, peer_limit=limit)


def server_tls(certificate: Path, *, key: Path | None, authority: Path | None) -> ssl.SSLContext:
    """Return what a port answers with; with an authority, callers may show a certificate of it (PS3.15 section B.9).

    Raises
    ------
    UsageError
        If a file does not read.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    _load(context, certificate, key, authority)
    if authority is not None:
        context.verify_mode = ssl.CERT_OPTIONAL
    return context


def client_tls(*, authority: Path | None, certificate: Path | None, key: Path | None) -> ssl.SSLContext:
    """Return what a destination is spoken to with: it must prove its name, by the authority or the system's.

    Raises
    ------
    UsageError
        If a file does not read.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    _load(context, certificate, key, authority)
    if authority is None:
        context.load_default_certs()
    return context


def _load(context: ssl.SSLContext, certificate: Path | None, key: Path | None, authority: Path | None) -> None:
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        if certificate is not None:
            context.load_cert_chain(certificate, key, password=lambda: b"")
        if authority is not None:
            context.load_verify_locations(authority)
    except (OSError, ValueError):
        raise UsageError(
            "A file that the DICOM port's settings name does not read.", mend="Name PEM files without a passphrase."
        ) from None
