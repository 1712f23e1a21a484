"""Letters go to a real SMTP server on this machine: with TLS, with sign-in, refused, away."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from email import message_from_bytes
from email.policy import default
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from radcommons.platform.mail import Letter, Refused, open_post
from radcommons.platform.settings import HubSettings
from radcommons.records.errors import PeerError, UsageError

LETTER = Letter(to="ada@uni.example", subject="Öffnet sich: Lungen", body="Straße\nZeile zwei", key="letter-1")


class Box:
    """What a server took; `answer` is what it says to a recipient."""

    def __init__(self) -> None:
        self.taken: list[Any] = []
        self.answer = "250 OK"

    async def handle_RCPT(self, _server: Any, _session: Any, envelope: Any, address: str, _options: Any) -> str:  # noqa: N802
        if self.answer.startswith("250"):
            envelope.rcpt_tos.append(address)
        return self.answer

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:  # noqa: N802
        self.taken.append((envelope.rcpt_tos, message_from_bytes(envelope.content, policy=default)))
        return "250 OK"


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def _server(box: Box, **options: Any) -> Iterator[int]:
    controller = Controller(box, hostname="127.0.0.1", port=_free_port(), **options)
    controller.start()
    try:
        yield controller.port
    finally:
        controller.stop()


def _settings(folder: Path, url: str, **more: Any) -> HubSettings:
    return HubSettings(directory=folder, smtp_url=url, smtp_sender="commons@hub.example", title="Commons", **more)


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, ssl.SSLContext]:
    """A certificate of this machine's name, and a server's context with it."""
    folder = tmp_path_factory.mktemp("mail")
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem = folder / "cert.pem"
    pem.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    secret = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    (folder / "key.pem").write_bytes(secret)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem, folder / "key.pem")
    return pem, context


def test_a_letter_arrives_whole(tmp_path: Path) -> None:
    """Address, subject, text and a name that stays, so that a second copy is known as one."""
    box = Box()
    with _server(box) as port:
        post = open_post(_settings(tmp_path, f"smtp://127.0.0.1:{port}"))
        assert post is not None
        post.send(LETTER)
    ((recipients, message),) = box.taken
    assert recipients == ["ada@uni.example"]
    assert message["Subject"] == LETTER.subject
    assert message["From"] == "Commons <commons@hub.example>"
    assert message["Message-ID"] == "<letter-1@hub.example>"
    assert message["Auto-Submitted"] == "auto-generated"
    assert message.get_content().replace("\r\n", "\n").strip() == LETTER.body


@pytest.mark.parametrize("scheme", ["smtps", "smtp+starttls"])
def test_tls_and_sign_in(tmp_path: Path, certificate: tuple[Path, ssl.SSLContext], scheme: str) -> None:
    """The certificate is checked, and the password goes over TLS alone."""
    pem, context = certificate
    box = Box()

    def knows(_server: Any, _session: Any, _envelope: Any, _mechanism: str, data: Any) -> AuthResult:
        return AuthResult(success=(data.login, data.password) == (b"us er", b"s:e/c@ret"), handled=False)

    options: dict[str, Any] = {"authenticator": knows, "auth_required": True}
    if scheme == "smtps":
        options |= {"ssl_context": context, "auth_require_tls": False}
    else:
        options |= {"tls_context": context, "require_starttls": True}
    with _server(box, **options) as port:
        url = f"{scheme}://us%20er:s%3Ae%2Fc%40ret@localhost:{port}"
        post = open_post(_settings(tmp_path, url, smtp_authority=pem))
        assert post is not None
        post.send(LETTER)
        assert len(box.taken) == 1
        stranger = open_post(_settings(tmp_path, url))
        assert stranger is not None
        with pytest.raises(PeerError):  # nobody vouches for this certificate
            stranger.send(LETTER)
        assert "s:e/c@ret" not in repr(stranger)
        wrong = open_post(_settings(tmp_path, url.replace("ret@", "ret2@"), smtp_authority=pem))
        assert wrong is not None
        with pytest.raises(PeerError):
            wrong.send(LETTER)
    assert len(box.taken) == 1


@pytest.mark.parametrize(("answer", "kind"), [("550 No such user", Refused), ("450 Come again", PeerError)])
def test_what_a_server_says(tmp_path: Path, answer: str, kind: type[PeerError]) -> None:
    """A final no is told from come again; the address is repeated by neither."""
    box = Box()
    box.answer = answer
    with _server(box) as port:
        post = open_post(_settings(tmp_path, f"smtp://127.0.0.1:{port}"))
        assert post is not None
        with pytest.raises(PeerError) as told:
            post.send(LETTER)
    assert type(told.value) is kind
    assert "ada" not in str(told.value)


def test_a_server_that_is_away_is_told(tmp_path: Path) -> None:
    """Nothing is lost in silence."""
    post = open_post(_settings(tmp_path, f"smtp://127.0.0.1:{_free_port()}"))
    assert post is not None
    with pytest.raises(PeerError, match="does not answer"):
        post.send(LETTER)


@pytest.mark.parametrize(
    "changed",
    [
        {"to": "ada@uni.example\r\nBcc: eve@evil.example"},
        {"to": "ada@uni.example, eve@evil.example"},
        {"to": "<ada@uni.example>"},
    ],
)
def test_an_address_that_is_two_is_none(tmp_path: Path, changed: dict[str, str]) -> None:
    """Nobody gets a copy by a line end in an address."""
    box = Box()
    with _server(box) as port:
        post = open_post(_settings(tmp_path, f"smtp://127.0.0.1:{port}"))
        assert post is not None
        with pytest.raises(Refused):
            post.send(Letter(**{**{"to": "", "subject": "s", "body": "b", "key": "k"}, **changed}))
    assert box.taken == []


def test_a_subject_makes_no_header(tmp_path: Path) -> None:
    """A line end in a subject is a space."""
    box = Box()
    with _server(box) as port:
        post = open_post(_settings(tmp_path, f"smtp://127.0.0.1:{port}"))
        assert post is not None
        post.send(Letter(to="ada@uni.example", subject="a\r\nBcc: eve@evil.example\r\n\r\nbody", body="b", key="k"))
    ((recipients, message),) = box.taken
    assert recipients == ["ada@uni.example"]
    assert message["Bcc"] is None
    assert message["Subject"] == "a Bcc: eve@evil.example body"


@pytest.mark.parametrize(
    ("url", "sender"),
    [
        ("http://mail.example", "a@b.example"),
        ("smtp://", "a@b.example"),
        ("smtp://user:secret@mail.example", "a@b.example"),
        ("smtps://mail.example", ""),
        ("smtps://mail.example", "a@b.example\r\nBcc: x@y.example"),
    ],
)
def test_settings_that_do_not_fit(tmp_path: Path, url: str, sender: str) -> None:
    """Another kind of address, a password in the clear and a missing sender are refused; the password is not said."""
    with pytest.raises(UsageError) as told:
        open_post(HubSettings(directory=tmp_path, smtp_url=url, smtp_sender=sender))  # type: ignore[arg-type]
    assert "secret" not in str(told.value)


def test_without_a_server_there_is_no_post(tmp_path: Path) -> None:
    """Messages show in the portal alone."""
    assert open_post(HubSettings(directory=tmp_path)) is None
