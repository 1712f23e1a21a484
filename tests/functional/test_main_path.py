"""From a hospital's folder to a researcher's disk, over real HTTP and C-STORE, on both sizes, with kill -9."""

from __future__ import annotations

import hashlib
import os
import random
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pydicom
import pytest
from pynetdicom import AE, StoragePresentationContexts
from pynetdicom.sop_class import Verification
from radcommons.synthetic.collection import Collection, write_collection

from functional.road import RADCOMMONS, HubSide, Served, as_json, free_port, init_site, radcommons, start_hub
from radcommons.records.outcome import Outcomes

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]
OUTCOMES = ("seen", "excluded", "duplicate", "ignored", "refused", "held", "submitted")


@pytest.fixture(scope="session")
def collection(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Collection]:
    """The invented patients of one small site."""
    target = tmp_path_factory.mktemp("hospital")
    return target, write_collection(target, seed=7, patients=4, sites=("ALFA",))


@pytest.fixture(params=["embedded", pytest.param("production", marks=pytest.mark.production)])
def hub(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[HubSide]:
    """A hub as a process of its own: on SQLite and files, then on a real PostgreSQL and a real S3 server."""
    env: dict[str, str] = {}
    if request.param == "production":
        env = dict(request.getfixturevalue("production_env"))
    side = start_hub(tmp_path / "hub", env)
    yield side
    side.served.stop()


def _accept(hub: HubSide, curator: str) -> list[dict[str, Any]]:
    hub.wait_verified(curator)
    for one in hub.submissions(curator):
        if one["state"] == "in-review":
            hub.ask("POST", f"/api/v1/submissions/{one['id']}/decisions", curator, {"all": "accept-clean"})
    return hub.submissions(curator)


def _release_and_download(hub: HubSide, curator: str, to: Path) -> tuple[str, dict[str, Any]]:
    made = hub.ask(
        "POST", "/api/v1/releases", curator, {"dataset": "covid-chest", "title": "A first release", "notes": ""}
    )
    radcommons("get", made["id"], "--to", to, "--hub", hub.url)
    return made["id"], as_json("verify", to)


def _digests(folder: Path) -> dict[str, Path]:
    return {hashlib.sha256(path.read_bytes()).hexdigest(): path for path in folder.rglob("*.dcm")}


def _pixels(path: Path) -> bytes:
    return hashlib.sha256(pydicom.dcmread(path, force=True).PixelData).digest()


def test_from_a_folder_to_a_researchers_disk(hub: HubSide, collection: tuple[Path, Collection], tmp_path: Path) -> None:
    """Every file ends in one outcome, every digest agrees, no pixel changed, no invented identity is left."""
    folder, expected = collection
    site = init_site(hub, tmp_path / "site")
    added = as_json("site", "add", site, folder / "ALFA", "--clinical", folder / "ALFA" / "clinical.csv")
    assert added["seen"] == sum(added[name] for name in (*OUTCOMES[1:-1], "ready"))
    assert (added["held"], added["duplicate"]) == (1, 1)
    assert added["refused"] >= 1

    again = as_json("site", "add", site, folder / "ALFA", "--clinical", folder / "ALFA" / "clinical.csv")
    assert {name: again[name] for name in ("seen", "ready", "held", "duplicate")} == {
        name: added[name] for name in ("seen", "ready", "held", "duplicate")
    }, "adding again changes nothing"

    radcommons("site", "submit", site, ok=(0, 1))
    curator = hub.token("curator")
    submissions = _accept(hub, curator)
    status = as_json("site", "status", site)
    accepted = sum(one["accepted"] for one in submissions)
    assert accepted >= 0.95 * status["submitted"], [one["findings"][:3] for one in submissions]

    release, checked = _release_and_download(hub, curator, tmp_path / "download")
    assert checked["verified"] == checked["files"] == accepted
    summary = Outcomes(
        **{name: status[name] for name in OUTCOMES},
        accepted=accepted,
        quarantined=status["submitted"] - accepted,
        released=checked["files"],
        unreleased=accepted - checked["files"],
    )
    assert summary.discrepancies() == []

    sent = {path.name for path in (site / "objects").rglob("*") if path.is_file()}
    downloaded = _digests(tmp_path / "download")
    assert set(downloaded) <= {name.split(".")[0] for name in sent}, "what was downloaded is what left the hospital"
    before = {_pixels(path) for path in (folder / "ALFA").rglob("*") if _is_whole_dicom(path)}
    zipped = {digest for digest in _zipped_pixels(folder / "ALFA")}
    assert {_pixels(path) for path in downloaded.values()} <= before | zipped, "no pixel changed unasked"

    leaked = _leaks(expected, [*downloaded.values(), hub.directory.parent / "hub.log"])
    assert leaked == set(), f"identity left in {len(leaked)} files"
    assert as_json("hub", "check", hub.directory, ok=(0,), env=hub.env) is not None
    assert release == "covid-chest-1"


def _is_whole_dicom(path: Path) -> bool:
    if not path.is_file() or path.suffix in (".csv", ".txt", ".zip"):
        return False
    try:
        return "PixelData" in pydicom.dcmread(path, force=True)
    except Exception:  # the broken file of the collection
        return False


def _zipped_pixels(folder: Path) -> Iterator[bytes]:
    import io
    import zipfile

    for path in folder.rglob("*.zip"):
        with zipfile.ZipFile(path) as archive:
            for name in archive.namelist():
                if not name.endswith("/"):
                    data = pydicom.dcmread(io.BytesIO(archive.read(name)), force=True)
                    if "PixelData" in data:
                        yield hashlib.sha256(data.PixelData).digest()


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


def test_a_pacs_pushes_by_c_store(hub: HubSide, collection: tuple[Path, Collection], tmp_path: Path) -> None:
    """What a PACS pushed and saw acknowledged is there after kill -9 of the gateway, exactly once."""
    folder, _ = collection
    site = init_site(hub, tmp_path / "site")
    port, dimse = free_port(), free_port()
    gateway = Served(
        arguments=["site", "serve", str(site), "--port", str(port), "--dimse-port", str(dimse)],
        probe=f"http://127.0.0.1:{port}/healthz",
        log=tmp_path / "site.log",
    )
    gateway.start()
    try:
        slices = [path for path in sorted((folder / "ALFA").rglob("*")) if _is_whole_dicom(path)][:12]
        acknowledged = _push(slices[:6], dimse)
        gateway.kill()
        gateway.start()
        acknowledged += _push(slices[6:], dimse)
        assert acknowledged == len(slices)
        until = time.monotonic() + 60
        while time.monotonic() < until:
            status = as_json("site", "status", site)
            if status["seen"] >= len(slices) and not any((site / "inbox").glob("*.dcm")):
                break
            time.sleep(0.3)
        ended = sum(status[name] for name in (*OUTCOMES[1:], "ready"))
        assert status["seen"] == ended == len({hashlib.sha256(path.read_bytes()).digest() for path in slices})
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


def test_kill_nine_of_either_side_loses_nothing(
    hub: HubSide, collection: tuple[Path, Collection], tmp_path: Path
) -> None:
    """Killed at random points while adding, submitting and verifying, the hub holds each instance exactly once."""
    folder, _ = collection
    site = init_site(hub, tmp_path / "site")
    chance = random.Random(2020)
    for _ in range(3):
        _killed(["site", "add", str(site), str(folder / "ALFA")], after=chance.uniform(0.8, 4.0))
    added = as_json("site", "add", site, folder / "ALFA")
    for _ in range(3):
        _killed(["site", "submit", str(site)], after=chance.uniform(0.6, 2.0))
        hub.served.kill()
        hub.served.start()
    sending = subprocess.Popen([*RADCOMMONS, "site", "submit", str(site)], stdout=subprocess.DEVNULL)
    time.sleep(chance.uniform(0.8, 1.6))
    hub.served.kill()
    hub.served.start()
    sending.wait(200)
    radcommons("site", "submit", site, ok=(0, 1))
    hub.served.kill()  # in the middle of verifying
    hub.served.start()

    curator = hub.token("curator")
    submissions = _accept(hub, curator)
    status = as_json("site", "status", site)
    assert status["submitted"] == added["ready"] + added["submitted"]
    assert sum(one["items"] for one in submissions) == status["submitted"], "each instance is there exactly once"
    _, checked = _release_and_download(hub, curator, tmp_path / "download")
    assert checked["verified"] == sum(one["accepted"] for one in submissions)
    assert as_json("hub", "check", hub.directory, ok=(0,), env=hub.env) is not None


def _killed(arguments: list[str], *, after: float) -> None:
    process = subprocess.Popen(
        [*RADCOMMONS, *arguments], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
    )
    time.sleep(after)
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def test_a_withdrawal_reaches_feed_and_holder(
    hub: HubSide, collection: tuple[Path, Collection], tmp_path: Path
) -> None:
    """A patient taken back at the site is gone from the hub, told in the feed, and refused when they come again."""
    folder, _ = collection
    site = init_site(hub, tmp_path / "site")
    as_json("site", "add", site, folder / "ALFA")
    radcommons("site", "submit", site, ok=(0, 1))
    curator = hub.token("curator")
    _accept(hub, curator)
    download = tmp_path / "download"
    release, _ = _release_and_download(hub, curator, download)

    first = next(path for path in sorted((folder / "ALFA").rglob("*")) if _is_whole_dicom(path))
    patient = str(pydicom.dcmread(first, force=True).PatientID)
    radcommons("site", "withdraw", site, "--patient", patient, "--reason", "consent-withdrawn")
    feed = httpx.get(f"{hub.url}/api/v1/datasets/covid-chest/feed", trust_env=False).json()["entries"]
    withdrawn = {digest for entry in feed if entry["event"] == "withdrawn" for digest in entry["digests"]}
    assert withdrawn
    checked = as_json("verify", download, ok=(1,))
    assert (
        set(checked["withdrawn"]) if isinstance(checked["withdrawn"], list) else checked["withdrawn"] == len(withdrawn)
    )
    gone = httpx.get(f"{hub.url}/api/v1/releases/{release}/instances/{next(iter(withdrawn))}", trust_env=False)
    assert gone.status_code == 410
    again = as_json("site", "add", site, first)
    assert again["findings"].get("withdrawn-before", 0) >= 1
