"""The road's two sides as real processes, for tests: started, killed and asked as their users would."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

RADCOMMONS = [sys.executable, "-m", "radcommons"]


def free_port() -> int:
    """Return a free loopback port."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def radcommons(*arguments: object, ok: tuple[int, ...] = (0,), env: Mapping[str, str] | None = None) -> str:
    """Run a command to its end; fail with what it said when its status is not in `ok`."""
    done = subprocess.run(
        [*RADCOMMONS, *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
        env={**os.environ, **(env or {})},
    )
    assert done.returncode in ok, f"{arguments[:3]} -> {done.returncode}\n{done.stdout[-2000:]}\n{done.stderr[-4000:]}"
    return done.stdout


def as_json(*arguments: object, ok: tuple[int, ...] = (0, 1), env: Mapping[str, str] | None = None) -> Any:
    """Run a command with --json and return what it printed."""
    return json.loads(radcommons(*arguments, "--json", ok=ok, env=env))


@dataclass
class Served:
    """A serving process in a process group of its own, so that kill -9 takes all of it, as a power cut does."""

    arguments: list[str]
    probe: str
    log: Path
    env: dict[str, str] = field(default_factory=dict)
    process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start and wait for the first answer."""
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [*RADCOMMONS, *self.arguments],
                stdout=log,
                stderr=log,
                env={**os.environ, **self.env},
                start_new_session=True,
            )
        until = time.monotonic() + 60
        while time.monotonic() < until:
            assert self.process.poll() is None, self.log.read_text("utf-8")[-3000:]
            try:
                if httpx.get(self.probe, timeout=2, trust_env=False).status_code < 500:
                    return
            except httpx.HTTPError:
                time.sleep(0.05)
        raise AssertionError(f"no answer at {self.probe}\n{self.log.read_text('utf-8')[-3000:]}")

    def kill(self) -> None:
        """Kill -9, everything of it."""
        if self.process and self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()

    def stop(self) -> None:
        """Ask it to end, and insist."""
        if self.process and self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(15)
            except subprocess.TimeoutExpired:
                self.kill()


@dataclass
class HubSide:
    """A hub in a folder."""

    directory: Path
    env: dict[str, str]
    port: int
    served: Served

    @property
    def url(self) -> str:
        """Its address."""
        return f"http://127.0.0.1:{self.port}"

    def token(self, role: str, *more: str) -> str:
        """Return a new token."""
        return radcommons("hub", "token", self.directory, "--role", role, *more, env=self.env).strip()

    def ask(self, method: str, path: str, token: str, body: object = None) -> Any:
        """Ask the API as a bearer."""
        answer = httpx.request(
            method,
            self.url + path,
            json=body,
            headers={"Authorization": f"Bearer {token}"},
            timeout=120,
            trust_env=False,
        )
        assert answer.status_code < 400, (answer.status_code, answer.text[:500])
        return answer.json()

    def submissions(self, token: str) -> list[dict[str, Any]]:
        """Return every submission with its counts."""
        listed = self.ask("GET", "/api/v1/submissions", token)["submissions"]
        return [self.ask("GET", f"/api/v1/submissions/{one['id']}", token) for one in listed]

    def wait_verified(self, token: str, *, seconds: float = 180) -> list[dict[str, Any]]:
        """Wait until no submission is on its way."""
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            found = self.submissions(token)
            if found and all(one["state"] not in ("announced", "received") for one in found):
                return found
            time.sleep(0.1)
        raise AssertionError(f"not verified in {seconds} s: {[one['state'] for one in self.submissions(token)]}")


def start_hub(directory: Path, env: dict[str, str]) -> HubSide:
    """Make a hub and serve it."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    env = {**env, "RADCOMMONS_BASE_URL": url}
    radcommons("hub", "init", directory, "--dataset", "covid-chest", "--base-url", url, "--json", env=env)
    served = Served(
        arguments=["hub", "serve", str(directory), "--port", str(port)],
        probe=f"{url}/readyz",
        log=directory.parent / "hub.log",
        env=env,
    )
    served.start()
    return HubSide(directory=directory, env=env, port=port, served=served)


def init_site(hub: HubSide, directory: Path, *, code: str = "ALFA") -> Path:
    """Make a site that is known at the hub."""
    token = hub.token("site", "--site", code)
    radcommons(
        "site", "init", directory, "--hub", hub.url, "--token", token, "--site", code, "--dataset", "covid-chest"
    )
    return directory
