"""From a hospital's folder to a researcher's disk, over real HTTP and C-STORE, on both sizes, with kill -9."""

from __future__ import annotations

import hashlib
import io
import os
import random
import signal
import subprocess
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

import httpx
import pydicom
import pytest
from pynetdicom import AE, StoragePresentationContexts
from pynetdicom.sop_class import Verification

from radcommons.cli.demo_parts import Hub, Site, command, free_port, run, run_json
from radcommons.records.errors import PeerError
from radcommons.records.outcome import Outcomes
from radcommons.synthetic.collection import Collection, write_collection

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]
OUTCOMES = ("seen", "excluded", "duplicate", "ignored", "refused", "held", "submitted")


@pytest.fixture(scope="session")
def collection(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Collection]:
    """The invented patients of one small site."""
    target = tmp_path_factory.mktemp("hospital")
    return target, write_collection(target, seed=7, patients=6, sites=("ALFA",), slices=5)


@pytest.fixture(params=["embedded", pytest.param("production", marks=pytest.mark.production)])
def hub(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    """A hub as a process of its own: on SQLite and files, then on a real PostgreSQL and a real S3 server."""
    env = request.getfixturevalue("production_env") if request.param == "production" else {}
    for name, value in env.items():
        if name.startswith("AWS_"):  # the hub is set up in this process
            monkeypatch.setenv(name, value)
    side = Hub(tmp_path / "hub", port=free_port(), log=tmp_path / "hub.log", environment=env, own_session=True)
    side.start()
    side.people(("curator", "researcher"), tmp_path / "people.json")
    yield side
    side.stop()


@pytest.fixture
def site(hub: Hub, collection: tuple[Path, Collection], tmp_path: Path) -> Site:
    """A hospital that is known at the hub."""
    made = Site(code="ALFA", directory=tmp_path / "site", input=collection[0] / "ALFA", hub=hub)
    made.init()
    return made


def _accepted(hub: Hub) -> int:
    hub.curate()
    return sum(one["accepted"] for one in hub.submissions())


def _release_and_download(hub: Hub, to: Path) -> dict[str, Any]:
    release = hub.make_release("A first release")
    assert release == "covid-chest-1"
    hub.download(release, to=to)
    checked: dict[str, Any] = run_json("verify", to)
    return checked


def _checked(hub: Hub) -> None:
    run("hub", "check", hub.directory, env=hub.environment)


def _digests(folder: Path) -> dict[str, Path]:
    return {hashlib.sha256(path.read_bytes()).hexdigest(): path for path in folder.rglob("*.dcm")}


def _pixels(source: Path | BinaryIO) -> bytes:
    """Return the digest of the decoded cells: comments beside them in the encoded stream are taken out."""
    return hashlib.sha256(pydicom.dcmread(source, force=True).pixel_array.tobytes()).digest()


def test_from_a_folder_to_a_researchers_disk(
    hub: Hub, site: Site, collection: tuple[Path, Collection], tmp_path: Path
) -> None:
    """Every file ends in one outcome, every digest agrees, no pixel changed, no invented identity is left."""
    added = site.add()
    assert added["seen"] == sum(added[name] for name in (*OUTCOMES[1:-1], "ready"))
    expected = collection[1]
    assert (added["seen"], added["held"], added["duplicate"], added["refused"], added["ignored"]) == (
        expected.seen,
        expected.held,
        expected.duplicate,
        expected.broken,
        expected.ignored,
    )
    again = site.add()
    assert {name: again[name] for name in OUTCOMES} == {name: added[name] for name in OUTCOMES}, "adding again is idle"

    site.submit()
    accepted, status = _accepted(hub), site.status()
    assert accepted >= 0.95 * status["submitted"], hub.finding_codes()
    checked = _release_and_download(hub, tmp_path / "download")
    assert checked["verified"] == checked["files"] == accepted
    summary = Outcomes(
        **{name: status[name] for name in OUTCOMES},
        accepted=accepted,
        quarantined=status["submitted"] - accepted,
        released=checked["files"],
        unreleased=accepted - checked["files"],
    )
    assert summary.discrepancies() == []

    downloaded = _digests(tmp_path / "download")
    sent = {hashlib.sha256(path.read_bytes()).hexdigest() for path in _files(site.directory / "objects")}
    assert set(downloaded) <= sent, "what was downloaded is what left the hospital"
    before = {_pixels(path) for path in _files(site.input) if _is_whole_dicom(path)} | set(_zipped_pixels(site.input))
    assert {_pixels(path) for path in downloaded.values()} <= before, "no pixel changed unasked"
    leaked = _leaks(collection[1], [*downloaded.values(), hub.log])
    assert leaked == set(), f"identity left in {len(leaked)} places"
    _checked(hub)


def _files(folder: Path) -> list[Path]:
    return [path for path in sorted(folder.rglob("*")) if path.is_file()]


def _is_whole_dicom(path: Path) -> bool:
    if not path.is_file() or path.suffix in (".csv", ".txt", ".zip"):
        return False
    try:
        return pydicom.dcmread(path, force=True).pixel_array.size > 0
    except Exception:  # the broken file of the collection, and what is no image
        return False


def _zipped_pixels(folder: Path) -> Iterator[bytes]:
    for path in folder.rglob("*.zip"):
        with zipfile.ZipFile(path) as archive:
            for name in archive.namelist():
                if not name.endswith("/"):
                    content = io.BytesIO(archive.read(name))
                    if "PixelData" in pydicom.dcmread(content, force=True):
                        content.seek(0)
                        yield _pixels(content)


def _leaks(expected: Collection, files: list[Path]) -> set[tuple[str, str]]:
    canaries = [canary.encode() for canary in expected.canaries if len(canary) >= 5]
    assert len(canaries) > 20
    return {
        (path.name, hashlib.sha256(canary).hexdigest()[:8])
        for path in files
        if path.is_file()
        for canary in canaries
        if canary in path.read_bytes()
    }


def test_a_pacs_pushes_by_c_store(site: Site, tmp_path: Path) -> None:
    """What a PACS pushed and saw acknowledged is there after kill -9 of the gateway, exactly once."""
    gateway = site.serve(tmp_path / "site.log", own_session=True)
    try:
        slices = [path for path in _files(site.input) if _is_whole_dicom(path)][:12]
        acknowledged = _push(slices[:6], site.dimse_port)
        gateway.kill()
        gateway = site.serve(tmp_path / "site.log", own_session=True)
        acknowledged += _push(slices[6:], site.dimse_port)
        assert acknowledged == len(slices)
        until = time.monotonic() + 60
        while (status := site.status())["seen"] < len(slices) and time.monotonic() < until:
            time.sleep(0.3)
        ended = sum(status[name] for name in (*OUTCOMES[1:], "ready"))
        assert status["seen"] == ended == len(slices)
        assert status["ready"] >= len(slices) - 2
    finally:
        gateway.stop()


def _push(paths: list[Path], port: int) -> int:
    sets = [pydicom.dcmread(path, force=True) for path in paths]
    ae = AE(ae_title="PACS")
    ae.add_requested_context(Verification)
    wanted = {(data.SOPClassUID, data.file_meta.TransferSyntaxUID) for data in sets}
    assert len(StoragePresentationContexts) > 100
    for sop_class, syntax in sorted(wanted):
        ae.add_requested_context(sop_class, syntax)
    association = ae.associate("127.0.0.1", port)
    assert association.is_established
    assert association.send_c_echo().Status == 0x0000
    stored = sum(association.send_c_store(data).Status == 0x0000 for data in sets)
    association.release()
    return stored


def test_kill_nine_of_either_side_loses_nothing(hub: Hub, site: Site, tmp_path: Path) -> None:
    """Killed at random points while adding, submitting and verifying, the hub holds each instance exactly once."""
    chance = random.Random(2020)
    for _ in range(3):
        _killed(["site", "add", str(site.directory), str(site.input)], after=chance.uniform(0.8, 4.0))
    added = site.add()
    for _ in range(3):
        _killed(["site", "submit", str(site.directory)], after=chance.uniform(0.6, 2.0))
        hub.child.kill()
        hub.start()
    sending = subprocess.Popen(command("site", "submit", str(site.directory)), stdout=subprocess.DEVNULL)
    time.sleep(chance.uniform(0.8, 1.6))
    hub.child.kill()
    hub.start()
    sending.wait(200)
    site.submit()
    hub.child.kill()  # in the middle of verifying
    hub.start()

    accepted, status = _accepted(hub), site.status()
    assert status["submitted"] == added["ready"] + added["submitted"]
    assert sum(one["items"] for one in hub.submissions()) == status["submitted"], "each is there exactly once"
    assert _release_and_download(hub, tmp_path / "download")["verified"] == accepted > 0
    _checked(hub)


def _killed(arguments: list[str], *, after: float) -> None:
    process = subprocess.Popen(
        command(*arguments), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
    )
    time.sleep(after)
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def test_a_withdrawal_reaches_feed_and_holder(hub: Hub, site: Site, tmp_path: Path) -> None:
    """A patient taken back at the site is gone from the hub, told in the feed, and refused when they come again."""
    site.add()
    site.submit()
    assert _accepted(hub) > 0
    _release_and_download(hub, tmp_path / "download")

    first = next(path for path in _files(site.input) if _is_whole_dicom(path))
    patient = str(pydicom.dcmread(first, force=True).PatientID)
    run("site", "withdraw", site.directory, "--patient", patient, "--reason", "consent-withdrawn")
    feed = httpx.get(f"{hub.url}/api/v1/datasets/covid-chest/feed", trust_env=False).json()["entries"]
    withdrawn = {digest for entry in feed if entry["event"] == "withdrawn" for digest in entry["digests"]}
    assert withdrawn
    with pytest.raises(PeerError):  # a holder learns of it by the exit status
        run("verify", tmp_path / "download")
    checked = run_json("verify", tmp_path / "download")
    assert checked["withdrawn"] == len(withdrawn)
    gone = f"{hub.url}/api/v1/releases/covid-chest-1/instances/{next(iter(withdrawn))}"
    assert httpx.get(gone, trust_env=False).status_code == 410
    again = site.add()
    assert again["submitted"] + again["ready"] == site.status()["submitted"], "what was withdrawn does not come again"
