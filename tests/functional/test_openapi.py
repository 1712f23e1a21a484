"""The HTTP interface against its own description: schemathesis makes requests from it, good and bad."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.request import urlopen

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis.checks import not_a_server_error
from schemathesis.core.failures import Failure, FailureGroup
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]
COMMAND = Path(sys.executable).with_name("radcommons")


def _run(*arguments: object) -> str:
    command = [str(one) for one in (COMMAND, *arguments)]
    return subprocess.run(command, check=True, capture_output=True, text=True, timeout=120).stdout


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A new hub's folder."""
    made = tmp_path_factory.mktemp("openapi") / "hub"
    _run("hub", "init", made)
    return made


@pytest.fixture(scope="module")
def url(directory: Path) -> Iterator[str]:
    """Where a hub answers that runs in a process of its own."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    log = directory.with_name("log").open("wb")
    serving = subprocess.Popen(
        [str(COMMAND), "hub", "serve", str(directory), "--port", str(port)], stdout=log, stderr=log
    )
    address = f"http://127.0.0.1:{port}"
    try:
        _wait_for(f"{address}/readyz")
        yield address
    finally:
        serving.terminate()
        serving.wait(30)


def _wait_for(address: str) -> None:
    until = time.monotonic() + 60
    while True:
        try:
            urlopen(address, timeout=5).close()
        except (URLError, OSError):
            if time.monotonic() > until:
                raise
            time.sleep(0.2)
        else:
            return


# An archive is sent as the bytes that were made up for it.
schemathesis.serializer.alias("application/zip", "application/octet-stream")

few = settings(max_examples=6, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True, database=None)


def _failures(url: str, headers: dict[str, str]) -> list[str]:
    """Ask every operation of the description, and return what was wrong, one line each."""
    found = []
    described = schemathesis.openapi.from_url(f"{url}/api/openapi.json")
    # schemathesis makes no multipart/related bodies; STOW-RS has tests of its own
    for operation in described.exclude(method="POST", path_regex="^/dicomweb/").get_all_operations():

        @few
        @given(case=operation.ok().as_strategy())
        def asked(case: Any) -> None:
            case.call_and_validate(checks=CHECKS, headers=headers)

        try:
            asked()
        except (FailureGroup, Failure) as failure:
            found.append(f"{operation.ok().label}: {failure}")
    return found


@pytest.mark.parametrize("role", ["curator", "researcher"])
def test_answers_are_as_described(url: str, directory: Path, role: str) -> None:
    """No request made from the description, valid or not, meets a server error or an answer that is not described."""
    token = _run("hub", "token", directory, "--role", role).strip()
    failures = _failures(url, {"Authorization": f"Bearer {token}"})
    assert not failures, "\n\n".join(failures)
