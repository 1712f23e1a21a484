"""People, trail and tasks on the command line, and the pages over TLS."""

from __future__ import annotations

import ipaddress
import signal
import socket
import ssl
import subprocess
import sys
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from tests.functional.gateways import Gateway
from tests.unit.site.sent_store import answered, finding, make_store, send

from radcommons.cli.main import cli
from radcommons.records.errors import UsageError

PASSWORD = "a sentence of my own"


@pytest.fixture
def gateway(tmp_path: Path) -> Gateway:
    """A gateway with one submission in which the hub found something; its hub does not answer."""
    store = make_store(tmp_path / "gateway", hub="http://127.0.0.1:9")
    identifier, made = send(store)
    answered(store, identifier, quarantined=1, findings=[finding(made[4], "unusual-text", where="StudyDescription")])
    store.close()
    return Gateway(tmp_path / "gateway")


def test_people_come_and_go(gateway: Gateway) -> None:
    """Added with a link, listed, reset and removed; a second time is refused; what-if changes nothing."""
    status, added = gateway.run("user add", "Dr. Poe", "--role", "privacy-officer")
    assert status == 0
    assert added["link"].startswith("http://127.0.0.1:8043/set-up/")
    assert gateway.run("user add", "dr. poe")[0] == 1
    _, listed = gateway.run("user list")
    assert [(one["name"], one["role"], one["has_password"]) for one in listed["users"]] == [
        ("Dr. Poe", "privacy-officer", False)
    ]
    _, reset = gateway.run("user reset", "Dr. Poe")
    assert reset["link"] != added["link"]
    assert gateway.run("user remove", "Dr. Poe")[0] == 0
    assert gateway.run("user list")[1]["users"] == []
    assert gateway.run("user remove", "Dr. Poe")[0] == 1


def test_the_trail_is_exported_and_checked(gateway: Gateway, tmp_path: Path) -> None:
    """Both forms hold every line, and a whole trail is called whole."""
    gateway.run("user add", "Dr. Poe")
    status, verdict = gateway.run("audit verify")
    assert (status, verdict["is_whole"]) == (0, True)
    for name in ("trail.csv", "trail.jsonl"):
        status, told = gateway.run("audit export", "--to", tmp_path / name)
        assert (status, told["lines"]) == (0, verdict["lines"])
    assert "user.added" in (tmp_path / "trail.csv").read_text()


def test_tasks_are_listed_by_what_the_hub_said_last(gateway: Gateway) -> None:
    """Status 1 while something is open; that the hub does not answer is said and hides nothing."""
    status, told = gateway.run("tasks")
    assert status == 1
    assert [one["sentence"] for one in told["tasks"]] == [
        "study 3: a text with words that may name somebody (StudyDescription)"
    ]


def test_the_pages_leave_this_machine_over_tls_alone(gateway: Gateway) -> None:
    """Another address than the loopback one is refused without a certificate, before anything listens."""
    with pytest.raises(UsageError) as refused:
        cli.main(args=["site", "serve", str(gateway.directory), "--host", "0.0.0.0"], standalone_mode=False)
    assert "--tls-cert" in refused.value.mend


def test_over_tls_the_cookie_is_for_tls(gateway: Gateway, tmp_path: Path) -> None:
    """A certificate of the hospital's own, a name of the hospital's own; the first link is printed for it."""
    certificate, key = _certificate(tmp_path)
    port = _free_port()
    command = [sys.executable, "-m", "radcommons", "site", "serve", str(gateway.directory), "--port", str(port)]
    child = subprocess.Popen(
        [*command, "--tls-cert", str(certificate), "--tls-key", str(key), "--name", "localhost"],
        stdout=subprocess.PIPE,
        text=True,
    )
    stop = threading.Timer(120, child.kill)
    stop.start()
    try:
        assert child.stdout is not None
        link = ""
        for line in child.stdout:
            if "/set-up/" in line:
                link = line.split()[-1]
                break
        assert link.startswith(f"https://localhost:{port}/set-up/")
        context = ssl.create_default_context(cafile=str(certificate))
        # A bare machine may know no name, not even this one.
        there, named = link.replace("//localhost:", "//127.0.0.1:"), {"Host": f"localhost:{port}"}
        with httpx.Client(headers=named, trust_env=False, transport=_patient(context)) as client:
            assert client.get(there).status_code == 200
            made = client.post(there, data={"email": "M. Roe", "password": PASSWORD, "again": PASSWORD})
            assert made.status_code == 303
            cookie = made.headers["set-cookie"].lower()
            assert "secure" in cookie
            assert "httponly" in cookie
            assert client.get(there).status_code == 404, "it works once"
    finally:
        stop.cancel()
        child.send_signal(signal.SIGTERM)
        child.wait(60)


def _patient(context: ssl.SSLContext) -> httpx.HTTPTransport:
    return httpx.HTTPTransport(verify=context, retries=8)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _certificate(folder: Path) -> tuple[Path, Path]:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    names = [x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .sign(key, hashes.SHA256())
    )
    (folder / "page.pem").write_bytes(made.public_bytes(serialization.Encoding.PEM))
    (folder / "page.key").write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return folder / "page.pem", folder / "page.key"
