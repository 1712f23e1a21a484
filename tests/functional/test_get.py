"""Downloads as they are made: killed and begun again, with curl and wget, and from an S3 store that stays private.

`make nightly` takes ten gigabytes (RADCOMMONS_GET_BYTES).
"""

from __future__ import annotations

import csv
import hashlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import numpy as np
import pytest
from pydicom.dataset import Dataset

from radcommons.records.release import instance_address
from radcommons.testing.sender import Made, Sender
from radcommons.testing.served import ServedHub, served_hub, sibling

pytestmark = [pytest.mark.slow, pytest.mark.timeout(int(os.environ.get("RADCOMMONS_GET_SECONDS", "300")))]
COMMAND = str(Path(sys.executable).with_name("radcommons"))
BYTES = int(os.environ.get("RADCOMMONS_GET_BYTES", "200_000_000"))
FILES, INTERRUPTIONS = 20, 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Shelf:
    """A hub with one release; `contents` are digests by the name of the file."""

    hub: ServedHub
    release: str
    digests: tuple[str, ...]


def _large(size: int) -> Made:
    side = int((size / 2) ** 0.5)

    def change(dataset: Dataset) -> None:
        noise = np.random.default_rng(1).integers(0, 4096, side * side, dtype=np.uint16)
        dataset.Rows, dataset.Columns, dataset.PixelData = side, side, noise.tobytes()

    return Sender().instance(change=change)


def _filled(hub: ServedHub, made: Made, count: int) -> Shelf:
    headers, digests = hub.token(), []
    for number in range(count):
        one = sibling(made, number)
        digests.append(one.item.digest)
        assert hub.store([one.content], headers=headers, timeout=300).status_code == 200
    ran = subprocess.run(
        [COMMAND, "release", "create", str(hub.directory), "--json"],
        capture_output=True,
        check=True,
        env={**os.environ, **hub.environment},
    )
    return Shelf(hub=hub, release=json.loads(ran.stdout)["id"], digests=tuple(digests))


@pytest.fixture(scope="module")
def shelf(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shelf]:
    """A release of large files on the embedded hub."""
    with served_hub(tmp_path_factory.mktemp("get") / "hub") as hub:
        yield _filled(hub, _large(BYTES // FILES), FILES)


@pytest.fixture(scope="module")
def far(tmp_path_factory: pytest.TempPathFactory, new_production_env: Callable[[], dict[str, str]]) -> Iterator[Shelf]:
    """A release of small files on a hub with PostgreSQL and S3."""
    with served_hub(tmp_path_factory.mktemp("far") / "hub", environment=new_production_env()) as hub:
        yield _filled(hub, _large(200_000), 6)


def _get(shelf: Shelf, target: Path) -> list[str]:
    return [COMMAND, "get", shelf.release, "--to", str(target), "--hub", shelf.hub.url, "--json"]


def _held(target: Path) -> int:
    return sum(path.stat().st_size for path in target.rglob("*.dcm*") if path.exists())


def _names(shelf: Shelf, target: Path) -> set[str]:
    return {hashlib.sha256(path.read_bytes()).hexdigest() for path in target.rglob("*.dcm")}


def test_a_download_killed_five_times_ends_bit_identical(shelf: Shelf, tmp_path: Path) -> None:
    """kill -9 and Ctrl-C in the middle of files, five times: the sixth run ends with the very bytes, fetched once."""
    target, came = tmp_path / "x", 0
    for number in range(INTERRUPTIONS):
        process = subprocess.Popen(_get(shelf, target), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        before = _held(target)
        while _held(target) < max(before + BYTES // 10, (number + 1) * BYTES // (INTERRUPTIONS + 1)):
            assert process.poll() is None, "the download ended before it was interrupted"
            time.sleep(0.002)
        process.send_signal(signal.SIGKILL if number % 2 else signal.SIGINT)
        assert process.wait(30) != 0
    assert list(target.rglob("*.part")), "no file was cut off in its middle"
    held = _held(target)
    last = json.loads(subprocess.run(_get(shelf, target), capture_output=True, check=True).stdout)
    came = last["bytes"]
    assert came <= BYTES - held + FILES * 2000  # what was there did not come again
    assert last["whole"]
    assert _names(shelf, target) == set(shelf.digests)
    checked = subprocess.run([COMMAND, "verify", str(target), "--json"], capture_output=True, check=True)
    assert json.loads(checked.stdout)["verified"] == FILES


def _table(shelf: Shelf) -> list[dict[str, str]]:
    answer = httpx.get(f"{shelf.hub.url}/api/v1/releases/{shelf.release}/manifest.csv", trust_env=False)
    return list(csv.DictReader(answer.text.splitlines()))


def _by_curl(shelf: Shelf, target: Path, token: str) -> None:
    """As docs/how-to/download-a-release.md says."""
    script = (
        'tail -n +2 manifest.csv | awk -F, \'{print "url=\\"" $12 "\\"\\noutput=\\"" $1 "\\""}\' |'
        ' curl -fsSL --parallel --create-dirs -H "Authorization: Bearer $TOKEN" -K -'
    )
    _run(shelf, script, target, token)


def _by_wget(shelf: Shelf, target: Path, token: str) -> None:
    """As docs/how-to/download-a-release.md says."""
    script = (
        "tail -n +2 manifest.csv | cut -d, -f12 |"
        ' wget -q --header="Authorization: Bearer $TOKEN" --content-disposition -i -'
    )
    _run(shelf, script, target, token)


def _run(shelf: Shelf, script: str, target: Path, token: str) -> None:
    target.mkdir()
    address = f"{shelf.hub.url}/api/v1/releases/{shelf.release}/manifest.csv"
    (target / "manifest.csv").write_bytes(httpx.get(address, trust_env=False).content)
    ran = subprocess.run(
        ["bash", "-o", "pipefail", "-c", script],
        cwd=target,
        env={**os.environ, "TOKEN": token},
        capture_output=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr.decode()


@pytest.mark.parametrize("way", [_by_curl, _by_wget])
@pytest.mark.parametrize("where", ["shelf", pytest.param("far", marks=pytest.mark.production)])
def test_a_plain_table_works_with_curl_and_wget(
    request: pytest.FixtureRequest, where: str, way: Callable[[Shelf, Path, str], None], tmp_path: Path
) -> None:
    """The addresses of manifest.csv give the very bytes, with a token, from the hub's disk and from S3."""
    shelf: Shelf = request.getfixturevalue(where)
    way(shelf, tmp_path / "x", shelf.hub.token()["Authorization"].split()[1])
    found = {hashlib.sha256(path.read_bytes()).hexdigest() for path in (tmp_path / "x").rglob("*.dcm")}
    assert found == set(shelf.digests)


@pytest.mark.production
def test_s3_is_reached_by_addresses_that_hold_for_minutes(far: Shelf, tmp_path: Path) -> None:
    """The hub decides and counts; the address holds for 300 seconds at most; without it the store gives nothing."""
    address = far.hub.url + instance_address(far.release, far.digests[0])
    told = httpx.get(address, trust_env=False)
    assert (told.status_code, told.headers["cache-control"]) == (307, "no-store")
    location = httpx.URL(told.headers["location"])
    assert int(location.params["X-Amz-Expires"]) <= 300
    part = httpx.get(location, headers={"Range": "bytes=10-19"}, trust_env=False)
    assert (part.status_code, len(part.content)) == (206, 10)
    assert httpx.head(address, trust_env=False).headers["content-length"]
    wget = {"User-Agent": "Wget/1.21.3", **far.hub.token()}  # it would show the store its token
    assert httpx.get(address, headers=wget, trust_env=False).status_code == 200
    last = json.loads(subprocess.run(_get(far, tmp_path / "x"), capture_output=True, check=True).stdout)
    assert (last["downloaded"], last["failed"]) == (6, [])
    assert _names(far, tmp_path / "x") == set(far.digests)


@pytest.mark.production
def test_a_withdrawn_object_is_gone_from_s3(far: Shelf, tmp_path: Path) -> None:
    """An address that was given out before gives nothing once the bytes are purged, and the hub says 410."""
    address = far.hub.url + instance_address(far.release, far.digests[-1])
    location = httpx.get(address, trust_env=False).headers["location"]
    assert httpx.get(location, trust_env=False).status_code == 200
    environment = {**os.environ, **far.hub.environment}
    command = [COMMAND, "release", "withdraw", str(far.hub.directory), "--digest", far.digests[-1], "--reason", "error"]
    subprocess.run(command, check=True, capture_output=True, env=environment)
    assert httpx.get(address, trust_env=False).status_code == 410
    worker = subprocess.Popen([COMMAND, "hub", "worker", str(far.hub.directory)], env=environment)
    try:
        until = time.monotonic() + 60
        while httpx.get(location, trust_env=False).status_code == 200:
            assert time.monotonic() < until, "the object is still there"
            time.sleep(0.1)
    finally:
        worker.terminate()
        worker.wait(30)
