"""The two sides of the demo as processes of their own, driven by the commands and the HTTP that anyone would use."""

from __future__ import annotations

import json
import os
import secrets
import socket
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from radcommons.records.errors import PeerError

_START_S = 60.0
_VERIFY_S = 1800.0
DATASET = "covid-chest"


def free_port() -> int:
    """Return a port of the loopback address that is free now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "radcommons", *arguments]


def run(*arguments: str, may_fail: bool = False, progress: bool = False) -> str:
    """Run one `radcommons` command and return what it printed.

    Raises
    ------
    PeerError
        If it ends with another status than 0 (or 1 with `may_fail`).
    """
    done = subprocess.run(
        _command(*arguments),
        stdout=subprocess.PIPE,
        stderr=None if progress else subprocess.PIPE,
        text=True,
        check=False,
    )
    if done.returncode not in ((0, 1) if may_fail else (0,)):
        raise PeerError(f"`radcommons {' '.join(arguments[:2])}` ended with {done.returncode}.", mend=done.stderr or "")
    return done.stdout


def run_json(*arguments: str, may_fail: bool = False, progress: bool = False) -> Any:
    """Run one `radcommons` command and return the JSON that it printed."""
    return json.loads(run(*arguments, may_fail=may_fail, progress=progress))


@dataclass(slots=True)
class Child:
    """A serving process; its output goes to a log file."""

    name: str
    arguments: Sequence[str]
    log: Path
    environment: dict[str, str] = field(default_factory=dict)
    process: subprocess.Popen[bytes] | None = None

    def start(self, probe: str) -> None:
        """Start it and wait until `probe` answers.

        Raises
        ------
        PeerError
            If it ends, or does not answer in time.
        """
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                _command(*self.arguments), stdout=log, stderr=log, env={**os.environ, **self.environment}
            )
        until = time.monotonic() + _START_S
        while time.monotonic() < until:
            if self.ended():
                break
            try:
                if httpx.get(probe, timeout=2, trust_env=False).status_code < 500:
                    return
            except httpx.HTTPError:
                time.sleep(0.1)
        self.stop()
        raise PeerError(f"The {self.name} did not start.", mend=f"Is its port free? Its log is {self.log}.")

    def ended(self) -> bool:
        """Say whether the process is gone."""
        return self.process is not None and self.process.poll() is not None

    def stop(self) -> None:
        """Ask the process to end; insist after ten seconds."""
        if self.process is None or self.ended():
            return
        self.process.terminate()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """A ready sign-in."""

    email: str
    password: str
    token: str


class Hub:
    """The coalition's hub in a folder, and what its people do."""

    def __init__(self, directory: Path, *, port: int, log: Path) -> None:
        self.directory, self.port, self.log = directory, port, log
        self.url = f"http://127.0.0.1:{port}"
        self.child: Child | None = None
        self._people: dict[str, Person] = {}

    def start(self) -> None:
        """Make the hub once, and serve it. Its curator decides about every instance (accept = ask)."""
        if not (self.directory / "hub.db").exists():
            run("hub", "init", str(self.directory), "--dataset", DATASET, "--base-url", self.url, "--json")
        self.child = Child(
            "hub",
            ("hub", "serve", str(self.directory), "--port", str(self.port)),
            self.log,
            {"RADCOMMONS_ACCEPT": "ask", "RADCOMMONS_BASE_URL": self.url},
        )
        self.child.start(f"{self.url}/readyz")

    def stop(self) -> None:
        """Stop serving."""
        if self.child:
            self.child.stop()

    def people(self, roles: Sequence[str], keep: Path) -> dict[str, Person]:
        """Return a sign-in for each role, made once and kept in `keep`."""
        if keep.exists():
            kept = json.loads(keep.read_text("utf-8"))
            self._people = {role: Person(**one) for role, one in kept.items()}
            return self._people
        for role in roles:
            password, file = secrets.token_urlsafe(12), keep.with_suffix(".password")
            file.touch(mode=0o600)
            file.write_text(password, "utf-8")
            email = f"{role}@demo.example"
            run(
                "hub", "account", str(self.directory), "--email", email, "--role", role,
                "--name", f"Demo {role}", "--password-file", str(file),
            )  # fmt: skip
            file.unlink()
            token = run("hub", "token", str(self.directory), "--role", role).strip()
            self._people[role] = Person(email=email, password=password, token=token)
        keep.touch(mode=0o600)
        kept = {
            role: {"email": one.email, "password": one.password, "token": one.token}
            for role, one in self._people.items()
        }
        keep.write_text(json.dumps(kept), "utf-8")
        return self._people

    def site_token(self, code: str) -> str:
        """Return a new token that speaks for a site."""
        return run("hub", "token", str(self.directory), "--role", "site", "--site", code).strip()

    def _ask(self, method: str, path: str, body: object = None) -> Any:
        headers = {"Authorization": f"Bearer {self._people['curator'].token}"}
        answer = httpx.request(method, self.url + path, headers=headers, json=body, timeout=600, trust_env=False)
        if answer.status_code >= 400 and answer.status_code != 409:
            raise PeerError(
                f"The hub answered {answer.status_code} to {method} {path}.", mend=f"Its log is {self.log}."
            )
        return answer.json()

    def submissions(self) -> list[dict[str, Any]]:
        """Return every submission with its counts."""
        listed = self._ask("GET", "/api/v1/submissions")["submissions"]
        return [self._ask("GET", f"/api/v1/submissions/{one['id']}") for one in listed]

    def finding_codes(self) -> dict[str, int]:
        """Return how often the hub's own checks said what."""
        codes: dict[str, int] = {}
        for submission in self.submissions():
            for finding in submission["findings"]:
                if finding.get("made_by", "hub") == "hub":
                    codes[finding["code"]] = codes.get(finding["code"], 0) + 1
        return codes

    def curate(self) -> None:
        """Wait until everything is verified, then accept what raised no question."""
        until = time.monotonic() + _VERIFY_S
        while True:
            found = self.submissions()
            if all(one["state"] not in ("announced", "received") for one in found):
                break
            if time.monotonic() > until:
                raise PeerError("The hub did not finish verifying.", mend=f"Its log is {self.log}.")
            time.sleep(0.2)
        for one in found:
            if one["state"] == "in-review":
                decision = {"all": "accept-clean", "reason": "demonstration: no open question"}
                self._ask("POST", f"/api/v1/submissions/{one['id']}/decisions", decision)

    def make_release(self, title: str) -> str | None:
        """Make a release of what was accepted; return the newest release, None when there is none."""
        self._ask("POST", "/api/v1/releases", {"dataset": DATASET, "title": title, "notes": ""})
        listed = self._ask("GET", "/api/v1/releases")["releases"]
        return max(listed, key=lambda one: one["number"])["id"] if listed else None

    def download(self, release: str, *, to: Path) -> None:
        """Download a release as the researcher does."""
        token = self._people["researcher"].token
        os.environ["RADCOMMONS_TOKEN"] = token
        try:
            run("get", release, "--to", str(to), "--hub", self.url, progress=True)
        finally:
            del os.environ["RADCOMMONS_TOKEN"]


@dataclass(slots=True, kw_only=True)
class Site:
    """One hospital's gateway in a folder of its own."""

    code: str
    directory: Path
    input: Path
    hub: Hub
    password: str = ""
    token: str = ""
    url: str = ""

    def init(self) -> None:
        """Make the site once; it keeps its sign-in beside its folder, as a person would in a password safe."""
        safe = self.directory.with_suffix(".sign-in.json")
        if not safe.exists():
            self.token = self.hub.site_token(self.code)
            made = run_json(
                "site", "init", str(self.directory), "--hub", self.hub.url, "--token", self.token,
                "--site", self.code, "--dataset", DATASET, "--json",
            )  # fmt: skip
            safe.touch(mode=0o600)
            safe.write_text(json.dumps({"password": made["password"], "token": self.token}), "utf-8")
        kept = json.loads(safe.read_text("utf-8"))
        self.password, self.token = kept["password"], kept["token"]

    def add(self, protocol: str) -> None:
        """Add the input folder, with its clinical table where there is one."""
        clinical = self.input / "clinical.csv"
        table = ("--clinical", str(clinical)) if clinical.is_file() else ()
        run(
            "site", "add", str(self.directory), str(self.input), "--protocol", protocol, *table, "--json",
            may_fail=True, progress=True,
        )  # fmt: skip

    def submit(self) -> None:
        """Send what is ready."""
        run("site", "submit", str(self.directory), "--json", may_fail=True, progress=True)

    def status(self) -> dict[str, Any]:
        """Return the site's counters."""
        found: dict[str, Any] = run_json("site", "status", str(self.directory), "--json", may_fail=True)
        return found

    def serve(self, log: Path) -> Child:
        """Serve the local page and the DICOM port."""
        port, dimse = free_port(), free_port()
        self.url = f"http://127.0.0.1:{port}"
        child = Child(
            "site",
            ("site", "serve", str(self.directory), "--port", str(port), "--dimse-port", str(dimse)),
            log,
        )
        child.start(f"{self.url}/healthz")
        return child
