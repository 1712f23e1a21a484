"""A hub in a process of its own for tests: `radcommons hub serve` as an operator starts it, and as it is killed."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import httpx

from radcommons.testing.sender import Made

_COMMAND = str(Path(sys.executable).with_name("radcommons"))
_START_S = 60.0


@dataclass(slots=True, kw_only=True)
class ServedHub:
    """A hub's folder, and the process that serves it from `start` to `stop` or `kill`."""

    directory: Path
    environment: Mapping[str, str] = field(default_factory=dict)
    port: int = 0
    process: subprocess.Popen[bytes] | None = None
    # One for all requests: to make one costs more than a request does.
    client: httpx.Client = field(default_factory=lambda: httpx.Client(trust_env=False, verify=False, timeout=60))  # noqa: S501

    @property
    def url(self) -> str:
        """Return the address."""
        return f"http://127.0.0.1:{self.port}"

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run `radcommons hub ...` with this hub's environment."""
        return subprocess.run(
            [_COMMAND, "hub", *arguments], capture_output=True, text=True, check=False, env=self._environment()
        )

    def token(self) -> dict[str, str]:
        """Return the headers of a new direct token."""
        made = self.run("token", str(self.directory), "--role", "curator", "--direct")
        assert made.returncode == 0, made.stderr
        return {"Authorization": f"Bearer {made.stdout.strip()}"}

    def start(self) -> None:
        """Serve, and return when connections are taken."""
        command = [_COMMAND, "hub", "serve", str(self.directory), "--port", str(self.port)]
        with (self.directory / "serve.log").open("ab") as log:
            self.process = subprocess.Popen(command, stdout=log, stderr=log, env=self._environment())
        until = time.monotonic() + _START_S
        while time.monotonic() < until and self.process.poll() is None:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self.port)) == 0:
                    return
            time.sleep(0.02)
        log_end = (self.directory / "serve.log").read_text("utf-8", "replace")[-2000:]
        raise AssertionError(f"the hub did not start: {log_end}")

    def kill(self, number: int = signal.SIGKILL) -> None:
        """End the process by a signal."""
        assert self.process is not None
        self.process.send_signal(number)
        self.process.wait(60)
        self.process = None

    def peak(self) -> int:
        """Return the largest resident size that the process ever had, in bytes."""
        assert self.process is not None
        status = Path(f"/proc/{self.process.pid}/status").read_text("utf-8")
        return next(int(line.split()[1]) * 1024 for line in status.splitlines() if line.startswith("VmHWM"))

    def faults(self) -> list[dict[str, Any]]:
        """Return what `hub check` finds."""
        found: list[dict[str, Any]] = json.loads(self.run("check", str(self.directory), "--json").stdout)["faults"]
        return found

    def store(self, contents: Sequence[bytes], *, headers: Mapping[str, str], timeout: float = 60) -> httpx.Response:
        """Send instances by STOW-RS in one request."""
        body, kind = multipart(contents)
        url = f"{self.url}/dicomweb/studies"
        return self.client.post(url, content=body, headers={**headers, **kind}, timeout=timeout)

    def fetch(self, made: Made, *, headers: Mapping[str, str]) -> bytes | None:
        """Return an instance as it comes back, None where there is none."""
        item = made.item
        path = f"studies/{item.study_instance_uid}/series/{item.series_instance_uid}/instances/{item.sop_instance_uid}"
        accept = {**headers, "Accept": "application/dicom"}
        answer = self.client.get(f"{self.url}/dicomweb/{path}", headers=accept)
        assert answer.status_code in (200, 404), answer.status_code
        return answer.content if answer.status_code == 200 else None

    def _environment(self) -> dict[str, str]:
        return {**os.environ, "RADCOMMONS_RUN_JOBS": "false", **self.environment}


@contextmanager
def served_hub(directory: Path, *, environment: Mapping[str, str] | None = None) -> Iterator[ServedHub]:
    """Yield a new hub that is served; its process is killed at the end."""
    hub = ServedHub(directory=directory, environment=environment or {}, port=free_port())
    made = hub.run("init", str(directory))
    assert made.returncode == 0, made.stderr
    hub.start()
    try:
        yield hub
    finally:
        hub.client.close()
        if hub.process is not None:
            hub.kill()


def free_port() -> int:
    """Return a port of this machine that nobody listens on."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def multipart(contents: Sequence[bytes], *, boundary: str = "frontier") -> tuple[bytes, dict[str, str]]:
    """Return a STOW-RS message and the header that names its kind."""
    head = f"--{boundary}\r\nContent-Type: application/dicom\r\n\r\n".encode()
    body = b"".join(head + one + b"\r\n" for one in contents) + f"--{boundary}--\r\n".encode()
    return body, {"Content-Type": f'multipart/related; type="application/dicom"; boundary={boundary}'}


def sibling(made: Made, number: int) -> Made:
    """Return an instance of the same series that differs in its UID alone; it costs nothing to make."""
    old = made.item.sop_instance_uid
    new = f"{old[:-9]}{number:09d}"
    content = made.content.replace(old.encode(), new.encode())
    item = replace(made.item, sop_instance_uid=new, digest=hashlib.sha256(content).hexdigest())
    return replace(made, content=content, item=item)
