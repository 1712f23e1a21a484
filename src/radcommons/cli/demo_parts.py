"""The two sides of the demo as processes of their own, driven by the commands and the HTTP that anyone would use."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from radcommons.catalogue.accounts import create_account, create_token
from radcommons.cli.demo_access import add_controlled
from radcommons.hub.setup import lay_out, set_up
from radcommons.platform.durable import write_file
from radcommons.platform.identity import new_password
from radcommons.platform.ports import open_platform
from radcommons.platform.settings import HubSettings
from radcommons.records.errors import Conflict, PeerError
from radcommons.records.event import Role
from radcommons.records.terms import Tier

_START_S = 180.0
_VERIFY_S = 1800.0
DATASET = "covid-chest"


def free_port() -> int:
    """Return a port of the loopback address that is free now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def command(*arguments: str) -> list[str]:
    """Return the argument list that runs a `radcommons` command in this installation."""
    return [sys.executable, "-m", "radcommons", *arguments]


def run(
    *arguments: object, ok: Sequence[int] = (0,), progress: bool = False, env: Mapping[str, str] | None = None
) -> str:
    """Run one `radcommons` command and return what it printed.

    Raises
    ------
    PeerError
        If it ends with a status that is not in `ok`.
    """
    done = subprocess.run(
        command(*map(str, arguments)),
        stdout=subprocess.PIPE,
        stderr=None if progress else subprocess.PIPE,
        text=True,
        check=False,
        env={**os.environ, **(env or {})},
    )
    if done.returncode not in ok:
        raise PeerError(
            f"`radcommons {' '.join(map(str, arguments[:2]))}` ended with {done.returncode}.", mend=done.stderr or ""
        )
    return done.stdout


def run_json(
    *arguments: object, ok: Sequence[int] = (0, 1), progress: bool = False, env: Mapping[str, str] | None = None
) -> Any:
    """Run one `radcommons` command with --json and return what it printed."""
    return json.loads(run(*arguments, "--json", ok=ok, progress=progress, env=env))


@dataclass(slots=True)
class Child:
    """A serving process; its output goes to a log file."""

    name: str
    arguments: Sequence[str]
    log: Path
    environment: Mapping[str, str] = field(default_factory=dict)
    # In a session of its own, kill -9 can take all of it at once, as a power cut does.
    own_session: bool = False
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
                command(*self.arguments),
                stdout=log,
                stderr=log,
                env={**os.environ, **self.environment},
                start_new_session=self.own_session,
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

    def kill(self) -> None:
        """End the process without asking (kill -9)."""
        if self.process is None or self.ended():
            return
        if self.own_session:
            os.killpg(self.process.pid, signal.SIGKILL)
        else:
            self.process.kill()
        self.process.wait()

    def stop(self) -> None:
        """Ask the process to end; insist after ten seconds."""
        if self.process is None or self.ended():
            return
        self.process.terminate()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.kill()


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """A ready sign-in."""

    email: str
    password: str
    token: str


class Hub:
    """The coalition's hub in a folder, and what its people do. Its curator decides about every instance."""

    def __init__(
        self,
        directory: Path,
        *,
        port: int,
        log: Path,
        environment: Mapping[str, str] | None = None,
        own_session: bool = False,
    ) -> None:
        self.directory, self.log = directory, log
        self.url = f"http://127.0.0.1:{port}"
        self.environment = {**(environment or {}), "RADCOMMONS_ACCEPT": "ask", "RADCOMMONS_BASE_URL": self.url}
        arguments = ("hub", "serve", str(directory), "--port", str(port))
        self.child = Child("hub", arguments, log, self.environment, own_session=own_session)
        self._people: dict[str, Person] = {}

    def start(self) -> None:
        """Make the hub once, and serve it."""
        lay_out(self._settings())
        with suppress(Conflict):  # it was made before
            platform = open_platform(self._settings())
            set_up(platform, email="administrator@demo.example", tier=Tier.OPEN, steward="Demo Society")
        self.child.start(f"{self.url}/readyz")

    def _settings(self) -> HubSettings:
        chosen = {name.removeprefix("RADCOMMONS_").lower(): value for name, value in self.environment.items()}
        fields = {name: value for name, value in chosen.items() if name in HubSettings.model_fields}
        return HubSettings(directory=self.directory, dataset=DATASET, **fields)  # type: ignore[arg-type]

    def stop(self) -> None:
        """Stop serving."""
        self.child.stop()

    def people(self, roles: Sequence[str], keep: Path) -> dict[str, Person]:
        """Return a sign-in for each role, made once and kept in `keep`."""
        if not keep.exists():
            platform = open_platform(self._settings())
            engine = platform.engine
            made: dict[str, dict[str, str]] = {}
            for role in roles:
                email, password = f"{role}.role@demo.example", new_password()
                create_account(
                    engine, email=email, name=f"Demo {role}", password=password, roles=frozenset({Role(role)})
                )
                made[role] = {"email": email, "password": password, "token": self.token(Role(role))}
            if "committee" in made:
                add_controlled(platform, member=made["committee"]["email"])
            engine.dispose()
            write_file(keep, json.dumps(made).encode(), mode=0o600)
        self._people = {role: Person(**one) for role, one in json.loads(keep.read_bytes()).items()}
        return self._people

    def token(self, role: Role, *, site: str | None = None) -> str:
        """Return a new bearer token."""
        engine = open_platform(self._settings()).engine
        made = create_token(engine, role=role, name=f"demo {role}", site=site)
        engine.dispose()
        return made

    def ask(self, method: str, path: str, body: object = None, *, role: str = "curator") -> Any:
        """Return what the hub's API answers to one of its people; 409 is an answer.

        Raises
        ------
        PeerError
            If it answers with another error.
        """
        headers = {"Authorization": f"Bearer {self._people[role].token}"}
        answer = httpx.request(method, self.url + path, headers=headers, json=body, timeout=600, trust_env=False)
        if answer.status_code >= 400 and answer.status_code != 409:
            raise PeerError(
                f"The hub answered {answer.status_code} to {method} {path}.", mend=f"Its log is {self.log}."
            )
        return answer.json()

    def submissions(self) -> list[dict[str, Any]]:
        """Return every submission with its counts."""
        listed = self.ask("GET", "/api/v1/submissions")["submissions"]
        return [self.ask("GET", f"/api/v1/submissions/{one['id']}") for one in listed]

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
                self.ask("POST", f"/api/v1/submissions/{one['id']}/decisions", decision)

    def make_release(self, title: str) -> str | None:
        """Make a release of what was accepted; return the newest release, None when there is none."""
        self.ask("POST", "/api/v1/releases", {"dataset": DATASET, "title": title, "notes": ""})
        listed = self.ask("GET", "/api/v1/releases")["releases"]
        return max(listed, key=lambda one: one["number"])["id"] if listed else None

    def download(self, release: str, *, to: Path) -> None:
        """Download a release as the researcher does."""
        token = {"RADCOMMONS_TOKEN": self._people["researcher"].token}
        run("get", release, "--to", to, "--hub", self.url, progress=True, env=token)


@dataclass(slots=True, kw_only=True)
class Site:
    """One hospital's gateway in a folder of its own."""

    code: str
    directory: Path
    input: Path
    hub: Hub
    user: str = "manager@demo.example"
    password: str = ""
    token: str = ""
    url: str = ""
    dimse_port: int = 0

    def init(self) -> None:
        """Make the site once; it keeps its sign-in beside its folder, as a person would in a password safe."""
        safe = self.directory.with_suffix(".sign-in.json")
        if not safe.exists():
            self.token, self.password = self.hub.token(Role.SITE, site=self.code), new_password()
            secret = self.directory.with_suffix(".password")
            write_file(secret, self.password.encode(), mode=0o600)
            named = ("--hub", self.hub.url, "--token", self.token, "--site", self.code, "--dataset", DATASET)
            # Invented patients and a hub on this machine: the demonstration's page does without a phone.
            person = ("--user", self.user, "--password-file", secret, "--second-factor", "off")
            run_json("site", "init", self.directory, *named, *person)
            secret.unlink()
            content = {"user": self.user, "password": self.password, "token": self.token}
            write_file(safe, json.dumps(content).encode(), mode=0o600)
        kept = json.loads(safe.read_text("utf-8"))
        self.password, self.token = kept["password"], kept["token"]

    def add(self, protocol: str = "any-imaging") -> dict[str, Any]:
        """Add the input folder, with its clinical table where there is one; return the counters."""
        clinical = self.input / "clinical.csv"
        table = ("--clinical", clinical) if clinical.is_file() else ()
        named = (self.directory, self.input, "--protocol", protocol, *table)
        found: dict[str, Any] = run_json("site", "add", *named, progress=True)
        return found

    def submit(self) -> None:
        """Send what is ready."""
        run("site", "submit", self.directory, "--json", ok=(0, 1), progress=True)

    def status(self) -> dict[str, Any]:
        """Return the site's counters."""
        found: dict[str, Any] = run_json("site", "status", self.directory)
        return found

    def serve(self, log: Path, *, own_session: bool = False) -> Child:
        """Serve the local page and the DICOM port `dimse_port`."""
        port, self.dimse_port = free_port(), free_port()
        self.url = f"http://127.0.0.1:{port}"
        arguments = ("site", "serve", str(self.directory), "--port", str(port), "--dimse-port", str(self.dimse_port))
        child = Child("site", arguments, log, own_session=own_session)
        child.start(f"{self.url}/healthz")
        return child
