"""The gateway's road as a data manager walks it: the real program, real processes, a hub that drops the line."""

from __future__ import annotations

import json
import os
import random
import re
import signal
import subprocess
import sys
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.functional.fake_hub import FakeHub
from tests.functional.site_inputs import ct_slice, series, write

pytestmark = pytest.mark.slow
OUTCOMES = ("excluded", "duplicate", "ignored", "refused", "held", "ready", "submitted", "withdrawn")


def site(*arguments: object, ok: tuple[int, ...] = (0,)) -> dict[str, Any]:
    """Run `radcommons site ... --json` and return what it printed."""
    command = [sys.executable, "-m", "radcommons", "site", *map(str, arguments), "--json"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=200)
    assert done.returncode in ok, done.stdout[-2000:] + done.stderr[-2000:]
    found: dict[str, Any] = json.loads(done.stdout)
    return found


@pytest.fixture
def hub() -> Iterator[FakeHub]:
    """A hub."""
    with FakeHub() as made:
        yield made


@pytest.fixture
def gateway(hub: FakeHub, tmp_path: Path) -> Path:
    """A gateway that joined the hub."""
    directory = tmp_path / "gateway"
    site("init", directory, "--hub", hub.url, "--token", "good", "--site", "ALFA")
    return directory


def added_up(counts: dict[str, Any]) -> bool:
    """Say whether the outcomes add up to what was seen."""
    return bool(counts["seen"] == sum(counts[name] for name in OUTCOMES)) and counts["discrepancies"] == []


def test_init_can_be_repeated_and_keeps_its_key(hub: FakeHub, gateway: Path) -> None:
    """A second init with the same hub and site changes nothing; secrets are readable by their owner alone."""
    before = dict(hub.sites)
    site("init", gateway, "--hub", hub.url, "--token", "good", "--site", "ALFA")
    assert hub.sites == before
    secrets = [path for path in (gateway / "keys").iterdir()]
    assert {path.name for path in secrets} == {"store.key", "signing.key", "token"}
    assert all(path.stat().st_mode & 0o077 == 0 for path in [gateway / "keys", *secrets])


def test_every_kind_of_bad_file_ends_in_one_outcome(gateway: Path, tmp_path: Path) -> None:
    """Empty, text, truncated, archives that escape or explode, loops, devices, repeats: one reason each."""
    source = tmp_path / "export"
    good = series(source / "deep" / "er", count=2)
    (source / "empty").touch()
    (source / "notes.txt").write_text("nothing to see")
    (source / ".hidden").write_bytes(write(tmp_path / "x", ct_slice(9)).read_bytes())
    (source / "short.dcm").write_bytes(good[0].read_bytes()[:-700])
    (source / "copy of 1").write_bytes(good[0].read_bytes())
    (source / "loop").symlink_to(source)
    os.mkfifo(source / "pipe")
    write(source / "conflict", ct_slice(1, WindowCenter=40))
    write(source / "no-uid", ct_slice(20, SOPInstanceUID=None))
    write(source / "bad-uid", ct_slice(21, SOPInstanceUID="not.a.uid"))
    with zipfile.ZipFile(source / "a.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.write(write(tmp_path / "y", ct_slice(30)), "inner/30")
        archive.writestr("../escape.dcm", b"x")
        archive.writestr("/etc/absolute", b"x")
    with zipfile.ZipFile(source / "bomb.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("zeros", bytes(300 << 20))

    found = site("add", gateway, source, ok=(1,))
    assert added_up(found)
    assert found["ready"] == 6, found["flow"]  # two of the series, the hidden one, no-uid, bad-uid, one of the archive
    assert (found["duplicate"], found["held"], found["ignored"]) == (1, 1, 1)
    reasons = {line["code"]: line["files"] for line in found["flow"] if line["state"] == "refused" and line["code"]}
    assert reasons == {
        "empty-file": 1,
        "truncated": 1,
        "symlink-loop": 1,
        "not-dicom": 1,
        "archive-refused": 3,
    }
    assert found["findings"]["uid-missing"] == found["findings"]["uid-invalid"] == 1
    held = site("review", gateway, ok=(1,))["held"]
    assert [one["code"] for one in held] == ["uid-conflict"]
    again = site("add", gateway, source, ok=(0, 1))
    assert {name: again[name] for name in OUTCOMES} == {name: found[name] for name in OUTCOMES}
    assert again["new"] == {}
    assert list((gateway / "spool").iterdir()) == []


def test_killed_at_random_nothing_is_lost_or_doubled(tmp_path: Path) -> None:
    """kill -9 of add and of submit, a hub that drops a third of its answers: in the end everything is there once."""
    source, gateway = tmp_path / "export", tmp_path / "gateway"
    for patient in ("1", "2", "3"):
        series(source, count=20, patient=patient)
    chance = random.Random(5)
    with FakeHub(lose=0.3) as hub:
        site("init", gateway, "--hub", hub.url, "--token", "good", "--site", "ALFA", "--offline")
        for _ in range(3):
            _killed(["add", str(gateway), str(source)], after=chance.uniform(1.0, 4.0))
        found = site("add", gateway, source)
        assert (found["seen"], found["ready"]) == (60, 60)
        for _ in range(3):
            _killed(["submit", str(gateway)], after=chance.uniform(0.8, 2.0))
        for _ in range(5):
            sent = site("submit", gateway, ok=(0, 1))
            if sent["submitted"] == 60:
                break
        status = site("status", gateway)
    assert status["submitted"] == 60
    assert added_up(status)
    assert len(hub.submissions) == 1, "a repeat sends the same document"
    assert len(hub.stored) == 60


def _killed(arguments: list[str], *, after: float) -> None:
    child = subprocess.Popen(
        [sys.executable, "-m", "radcommons", "site", *arguments], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    time.sleep(after)
    child.send_signal(signal.SIGKILL)
    child.wait()


def test_what_leaves_names_nobody(hub: FakeHub, gateway: Path, tmp_path: Path) -> None:
    """Neither the document nor an object holds a name, a number or a date of the patient."""
    clinical = tmp_path / "clinical.csv"
    clinical.write_text(
        "Patient ID;Sex;Birth date;Test method;Test result;Test date\n4711;F;12.03.1950;RT-PCR;positive;28.03.2020\n"
    )
    series(tmp_path / "export", count=2)
    site("add", gateway, tmp_path / "export", "--clinical", clinical)
    site("submit", gateway)
    (record,) = hub.submissions.values()
    (row,) = record.clinical
    assert (row.days_from_test_to_study, row.age_at_index, row.sex, row.test_result) == (4, 70, "Female", "Positive")
    document = json.dumps({"items": [str(item) for item in record.items], "clinical": str(row)})
    objects = b"".join(path.read_bytes() for path in (gateway / "objects").rglob("*") if path.is_file())
    # Digests and keyed UIDs hold any four figures by chance: they are no place where a number could be read.
    document = re.sub(r"[0-9a-f]{32,}|2\.25\.\d+", "", document)
    objects = re.sub(rb"[0-9a-f]{32,}|2\.25\.\d+", b"", objects)
    for canary in ("4711", "Quintessa", "Vandermolen", "Odalys", "20200401", "19500312", "ACC4711"):
        assert canary not in document
        assert canary.encode() not in objects


def test_a_forged_receipt_is_not_believed(hub: FakeHub, gateway: Path, tmp_path: Path) -> None:
    """A receipt by another key leaves the files unsubmitted; the right one a moment later is taken."""
    series(tmp_path / "export", count=1)
    site("add", gateway, tmp_path / "export")
    hub.forge_receipt = True
    assert site("submit", gateway, ok=(1,))["submitted"] == 0
    hub.forge_receipt = False
    assert site("submit", gateway)["submitted"] == 1


def test_a_patient_taken_back_does_not_come_again(hub: FakeHub, gateway: Path, tmp_path: Path) -> None:
    """Withdrawn before and after sending: told to the hub by pseudonym, refused when added again, bytes gone."""
    for patient in ("71", "72"):
        series(tmp_path / "export", count=2, patient=patient)
    site("add", gateway, tmp_path / "export")
    what_if = site("withdraw", gateway, "--patient", "71", "--what-if")
    assert what_if["files"] == 2
    assert site("status", gateway)["ready"] == 4
    site("submit", gateway)
    taken = site("withdraw", gateway, "--patient", "71")
    assert (taken["files"], taken["submitted"]) == (2, 2)
    assert [one.patients for one in hub.withdrawals] == [tuple(taken["pseudonyms"])]
    assert len([path for path in (gateway / "objects").rglob("*") if path.is_file()]) == 2
    write(tmp_path / "more" / "new", ct_slice(9, patient="71"))
    again = site("add", gateway, tmp_path / "more", ok=(1,))
    assert again["new_reasons"] == {"withdrawn-before": 1}
    assert added_up(again)


def test_a_study_of_two_patients_is_held_as_a_whole(gateway: Path, tmp_path: Path) -> None:
    """When a second patient turns up in a study, what was added of it before is held too."""
    series(tmp_path / "export", count=2)
    site("add", gateway, tmp_path / "export")
    write(tmp_path / "more" / "b", ct_slice(5, PatientID="other"))
    found = site("add", gateway, tmp_path / "more", ok=(1,))
    assert (found["ready"], found["held"]) == (0, 3)
    numbers = [one["id"] for one in site("review", gateway, ok=(1,))["held"]]
    decided = site("review", gateway, "--pass", numbers[0], "--exclude", numbers[2], "--reviewer", "M. Roe", ok=(1,))
    assert len(decided["held"]) == 1
    status = site("status", gateway)
    assert (status["ready"], status["held"], status["excluded"]) == (1, 1, 1)


def test_what_if_changes_nothing(gateway: Path, tmp_path: Path) -> None:
    """A trial gives the very counts that the real call gives, and leaves no trace."""
    series(tmp_path / "export", count=3)
    (tmp_path / "export" / "empty").touch()
    trial = site("add", gateway, tmp_path / "export", "--what-if", ok=(1,))
    assert site("status", gateway)["seen"] == 0
    assert [path for path in (gateway / "objects").rglob("*") if path.is_file()] == []
    real = site("add", gateway, tmp_path / "export", ok=(1,))
    assert {name: trial[name] for name in OUTCOMES} == {name: real[name] for name in OUTCOMES}


def test_undecided_files_are_held_and_judged_again_with_a_table(gateway: Path, tmp_path: Path) -> None:
    """Under `ricord` a patient without clinical row is held; the table that comes later decides."""
    series(tmp_path / "export", count=2, patient="81")
    series(tmp_path / "export", count=2, patient="82")
    first = site("add", gateway, tmp_path / "export", "--protocol", "ricord", ok=(1,))
    assert (first["held"], first["ready"]) == (4, 0)
    table = tmp_path / "clinical.csv"
    table.write_text("mrn,test_method,test_result,icd10\n81,RT-PCR,Positive,U07.1\n82,RT-PCR,Indeterminate,J18.9\n")
    second = site("add", gateway, tmp_path / "export", "--protocol", "ricord", "--clinical", table, ok=(0, 1))
    assert (second["seen"], second["ready"], second["excluded"]) == (4, 2, 2)
    assert added_up(second)
