"""The line out of a hospital: a proxy that only tunnels, a front with a certificate of its own authority, and cuts."""

from __future__ import annotations

import contextlib
import ipaddress
import socket
import ssl
import threading
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Self

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

_PIECE = 1 << 16
HOST = "hub.coalition.test"


def authority(folder: Path) -> tuple[Path, Path]:
    """Make an authority of the hospital's own; return its certificate, and the chain with the key of `HOST`."""
    folder.mkdir(parents=True)
    root_key, key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Invented Hospital Authority")])
    hosts = x509.SubjectAlternativeName([x509.DNSName(HOST), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
    can_sign = x509.KeyUsage(False, False, False, False, False, True, True, False, False)
    root = _certificate(name, name, root_key, root_key, [x509.BasicConstraints(True, None), can_sign])
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, HOST)])
    leaf = _certificate(subject, name, key, root_key, [hosts])
    ca, chain = folder / "ca.pem", folder / "front.pem"
    pem = serialization.Encoding.PEM
    ca.write_bytes(root.public_bytes(pem))
    private = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    chain.write_bytes(private + leaf.public_bytes(pem))
    return ca, chain


def _certificate(
    subject: x509.Name,
    issuer: x509.Name,
    key: ec.EllipticCurvePrivateKey,
    signer: ec.EllipticCurvePrivateKey,
    extensions: list[x509.ExtensionType],
) -> x509.Certificate:
    made = x509.CertificateBuilder().subject_name(subject).issuer_name(issuer).public_key(key.public_key())
    made = made.serial_number(x509.random_serial_number())
    made = made.not_valid_before(datetime.now(UTC) - timedelta(hours=1))
    made = made.not_valid_after(datetime.now(UTC) + timedelta(days=1))
    made = made.add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    made = made.add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()), critical=False)
    for extension in extensions:
        made = made.add_extension(extension, critical=isinstance(extension, x509.BasicConstraints))
    return made.sign(signer, hashes.SHA256())


@dataclass(slots=True)
class Listener:
    """Accepts connections on a port of its own until it is closed; each is served by a thread."""

    port: int = field(init=False)
    _socket: socket.socket = field(init=False)

    def __post_init__(self) -> None:
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port = self._socket.getsockname()[1]

    def __enter__(self) -> Self:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._socket.accept()
            except OSError:
                return
            threading.Thread(target=self._serve_quietly, args=(client,), daemon=True).start()

    def _serve_quietly(self, client: socket.socket) -> None:
        with contextlib.suppress(OSError), client:
            self.serve(client)

    def serve(self, client: socket.socket) -> None:
        """Answer one connection."""
        raise NotImplementedError


@dataclass(slots=True)
class Front(Listener):
    """TLS before a hub that speaks plain HTTP on this machine."""

    hub_port: int = 0
    chain: Path = Path()
    served: int = 0

    def serve(self, client: socket.socket) -> None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.chain)
        with (
            context.wrap_socket(client, server_side=True) as inside,
            socket.create_connection(("127.0.0.1", self.hub_port)) as hub,
        ):
            self.served += 1
            _both_ways(inside, hub)


@dataclass(slots=True)
class Proxy(Listener):
    """A proxy that tunnels to `HOST` and nowhere else; it may drop the line after so many bytes sent."""

    front_port: int = 0
    asked: list[str] = field(default_factory=list)
    # At so many bytes in all the connection that carries them is dropped; the list empties.
    cuts: list[int] = field(default_factory=list)
    tunneled: int = 0
    cut: int = 0

    def breaks_off(self, size: int) -> bool:
        """Count bytes that a client sent; say whether this is where its line breaks."""
        self.tunneled += size
        if not self.cuts or self.tunneled < self.cuts[0]:
            return False
        self.cuts.pop(0)
        self.cut += 1
        return True

    def serve(self, client: socket.socket) -> None:
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            piece = client.recv(1)
            if not piece:
                return
            head += piece
        line = head.split(b"\r\n", 1)[0].decode("latin-1")
        self.asked.append(line)
        method, target, _ = line.split(" ", 2)
        if method != "CONNECT" or target.rpartition(":")[0] != HOST:
            client.sendall(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n")
            return
        with socket.create_connection(("127.0.0.1", self.front_port)) as front:
            client.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
            _both_ways(client, front, told=self)


def _both_ways(one: socket.socket, other: socket.socket, *, told: Proxy | None = None) -> None:
    """Carry bytes in both directions until a side ends, or the proxy that is told of what `one` sends breaks off."""

    def carry(source: socket.socket, target: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while piece := source.recv(_PIECE):
                if told is not None and source is one and told.breaks_off(len(piece)):
                    break
                target.sendall(piece)
        for side in (source, target):
            with contextlib.suppress(OSError):
                side.shutdown(socket.SHUT_RDWR)

    back = threading.Thread(target=carry, args=(other, one), daemon=True)
    back.start()
    carry(one, other)
    back.join()
