"""A PACS pushes to the gateway: real associations, and kill -9 between the acknowledgement and the work."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import httpx
import pytest
from pynetdicom import AE
from tests.functional.site_inputs import ct_slice
from tests.functional.test_site import site

pytestmark = pytest.mark.slow


def free_port() -> int:
    """Return a port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def serve(gateway: Path, port: int, dimse_port: int) -> subprocess.Popen[bytes]:
    """Start the gateway and wait until its page answers."""
    command = [sys.executable, "-m", "radcommons", "site", "serve", str(gateway), "--port", str(port)]
    child = subprocess.Popen([*command, "--dimse-port", str(dimse_port)], stderr=subprocess.PIPE)
    until = time.monotonic() + 90
    while time.monotonic() < until:
        try:
            if httpx.get(f"http://127.0.0.1:{port}/healthz", trust_env=False).status_code == 200:
                return child
        except httpx.HTTPError:
            time.sleep(0.2)
    raise AssertionError("the gateway did not start")


def push(port: int, numbers: range) -> int:
    """Send slices and return how many were acknowledged."""
    ae = AE("PACS")
    ae.add_requested_context(ct_slice().SOPClassUID, "1.2.840.10008.1.2.1")
    ae.add_requested_context("1.2.840.10008.1.1")
    association = ae.associate("127.0.0.1", port, ae_title="RADCOMMONS")
    assert association.is_established
    assert association.send_c_echo().Status == 0
    done = 0
    for number in numbers:
        dataset = ct_slice(number)
        dataset.ensure_file_meta()
        dataset.file_meta.TransferSyntaxUID = "1.2.840.10008.1.2.1"
        done += association.send_c_store(dataset).Status == 0
    association.release()
    return done


def test_what_was_acknowledged_survives_kill_9(tmp_path: Path) -> None:
    """Each acknowledged object ends in one outcome, also when the process dies at once and the PACS sends again."""
    gateway = tmp_path / "gateway"
    site("init", gateway, "--hub", "http://127.0.0.1:9", "--token", "x", "--site", "ALFA", "--offline")
    port, dimse_port = free_port(), free_port()
    child = serve(gateway, port, dimse_port)
    assert push(dimse_port, range(1, 6)) == 5
    child.send_signal(signal.SIGKILL)
    child.wait()
    child = serve(gateway, port, dimse_port)
    try:
        assert push(dimse_port, range(3, 9)) == 6
        until = time.monotonic() + 120
        while (found := site("status", gateway))["seen"] < 8 and time.monotonic() < until:
            time.sleep(1)
        assert (found["seen"], found["ready"]) == (8, 8)
        until = time.monotonic() + 30
        while list((gateway / "inbox").glob("*.dcm")) and time.monotonic() < until:
            time.sleep(0.5)
        assert list((gateway / "inbox").glob("*.dcm")) == [], "originals go when they are decided"
    finally:
        child.send_signal(signal.SIGTERM)
        _, log = child.communicate(timeout=60)
    assert child.returncode == 0
    assert b"Quintessa" not in log
    assert b"4711" not in log


def test_the_page_needs_a_sign_in_and_a_form_key(tmp_path: Path) -> None:
    """Nobody sees a file's name without the password; a form from elsewhere decides nothing."""
    gateway, secret = tmp_path / "gateway", tmp_path / "password"
    secret.write_text("correct horse")
    names = ("--hub", "http://127.0.0.1:9", "--token", "x", "--site", "ALFA", "--offline", "--password-file", secret)
    site("init", gateway, *names)
    port = free_port()
    child = serve(gateway, port, free_port())
    try:
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", trust_env=False) as browser:
            html = {"Accept": "text/html"}
            for path in ("/", "/held"):
                assert browser.get(path, headers=html).status_code in (303, 401)
            wrong = browser.post("/sign-in", data={"reviewer": "M. Roe", "password": "wrong"}, headers=html)
            assert wrong.status_code == 401
            signed_in = browser.post("/sign-in", data={"reviewer": "M. Roe", "password": "correct horse"})
            assert signed_in.status_code == 303
            home = browser.get("/", headers=html)
            assert home.status_code == 200
            assert "script-src 'self'" in home.headers["content-security-policy"]
            assert browser.post("/held/1", data={"decision": "pass", "form_key": "guess"}).status_code == 403
            assert browser.get("/", headers={"Host": "evil.example"}).status_code == 400
    finally:
        child.send_signal(signal.SIGTERM)
        child.wait(60)
