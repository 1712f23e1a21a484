"""`radcommons deid` in bad weather: stopped, killed, a full disk, a lost key, odd names, and folders of other runs."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from tests.disks import SmallDisk
from tests.functional.site_inputs import ct_slice, series, write
from tests.functional.test_deid import deid, headers, outputs, run

pytestmark = pytest.mark.slow
QUICK = ("--pixels", "off", "--verify", "off")
SLOW = ("--pixels", "off", "--verify", "all")


@pytest.fixture
def key(tmp_path: Path) -> Path:
    """A key file."""
    path = tmp_path / "site.key"
    path.write_text("5a" * 32)
    path.chmod(0o600)
    return path


@pytest.fixture
def many(tmp_path: Path) -> Path:
    """Six hundred slices of twenty patients."""
    for patient in range(20):
        series(tmp_path / "many" / str(patient), count=30, patient=str(8000 + patient))
    return tmp_path / "many"


def _hear_ctrl_c() -> None:
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # a suite that runs in the background is deaf to it


@contextmanager
def started(*arguments: object) -> Iterator[subprocess.Popen[str]]:
    """A run in a session of its own."""
    command = [sys.executable, "-m", "radcommons", "deid", *map(str, arguments)]
    pipe = subprocess.PIPE
    how: dict[str, Any] = {"stdout": pipe, "stderr": pipe, "text": True, "start_new_session": True}
    with subprocess.Popen(command, preexec_fn=_hear_ctrl_c, **how) as process:
        try:
            yield process
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)


def wait_for_output(out: Path, process: subprocess.Popen[str]) -> None:
    """Wait until something was written, while the run goes on."""
    until = time.monotonic() + 60
    while not any(out.glob("*/*/*/*.dcm")) and process.poll() is None and time.monotonic() < until:
        time.sleep(0.002)
    assert process.poll() is None


def test_a_folder_of_another_key_site_or_profile_is_refused(tmp_path: Path, key: Path) -> None:
    """Nothing is written beside objects that other rules named; the message says what to do, and no key is made."""
    folder, out, lost = tmp_path / "in", tmp_path / "out", tmp_path / "lost.key"
    series(folder, count=2)
    assert deid(folder, "--out", out, "--key-file", key, *QUICK)["written"] == 2
    before = outputs(out)
    other = tmp_path / "other.key"
    other.write_text("6b" * 32)
    other.chmod(0o600)
    for words, mend in (
        (("--key-file", other), "--key-file of the run"),
        ((), "--key-file of the run"),
        (("--key-file", lost), "crosswalk key"),
        (("--key-file", key, "--site", "NORTH"), "--site SITE1"),
        (("--key-file", key, "--profile", "basic"), "empty folder"),
    ):
        done = run("deid", folder, "--out", out, *QUICK, *words)
        assert done.returncode == 2, words
        assert mend in done.stderr
        assert outputs(out) == before
    assert not lost.exists()
    assert deid(folder, "--out", out, "--key-file", key, *QUICK)["unchanged"] == 2


def test_what_is_stopped_now_does_not_stay_from_an_earlier_run(tmp_path: Path, key: Path) -> None:
    """An object that an earlier run gave out and this one holds is taken out of the folder, and that is told."""
    folder, out = tmp_path / "in", tmp_path / "out"
    series(folder, count=2)
    assert deid(folder, "--out", out, "--key-file", key, *QUICK)["written"] == 2
    first, _ = sorted(folder.iterdir())
    write(first, ct_slice(1, BurnedInAnnotation="YES"))
    found = deid(folder, "--out", out, "--key-file", key, *QUICK, ok=1)
    assert (found["written"], found["held"], found["withdrawn"]) == (1, 1, 1)
    assert [one.InstanceNumber for one in headers(out)] == [2]
    assert deid(folder, "--out", out, "--key-file", key, *QUICK, ok=1)["withdrawn"] == 0


def test_what_comes_out_in_part_is_told_aloud(tmp_path: Path, key: Path) -> None:
    """An image whose file ends too early comes out with zeros; summary, standard error and exit status say so."""
    folder = tmp_path / "in"
    whole = write(folder / "1", ct_slice(1)).read_bytes()
    (folder / "1").write_bytes(whole[:-700])
    write(folder / "2", ct_slice(2))
    done = run("deid", folder, "--out", tmp_path / "out", "--key-file", key, *QUICK)
    assert done.returncode == 1
    assert f"INCOMPLETE {folder / '1'}: truncated." in done.stderr
    assert "INCOMPLETE among the written: 1 with truncated" in done.stdout
    found = deid(folder, "--out", tmp_path / "out", "--key-file", key, *QUICK, ok=1)
    assert (found["written"], found["incomplete"]) == (2, {"truncated": 1})


def test_ctrl_c_stops_at_once_and_the_same_command_goes_on(many: Path, tmp_path: Path, key: Path) -> None:
    """Stopped by hand: one line says how to go on, nothing half is left, and the next run completes the set."""
    out = tmp_path / "out"
    with started(many, "--out", out, "--key-file", key, *SLOW, "--jobs", 1) as process:
        wait_for_output(out, process)
        os.killpg(process.pid, signal.SIGINT)
        _, told = process.communicate(timeout=30)
    assert process.returncode == 1
    assert told.splitlines()[-1] == "Stopped. Run the same command again to go on."
    assert "Traceback" not in told
    assert not list(out.glob(".deid-*"))
    assert 0 < len(outputs(out)) < 600
    assert deid(many, "--out", out, "--key-file", key, *QUICK)["written"] == len(outputs(out)) == 600


def test_a_killed_worker_costs_no_file(many: Path, tmp_path: Path, key: Path) -> None:
    """One of two processes is killed in the middle: its files are done by another one."""
    out = tmp_path / "out"
    with started(many, "--out", out, "--key-file", key, *SLOW, "--jobs", 2) as process:
        wait_for_output(out, process)
        children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
        os.kill(int(children[-1]), signal.SIGKILL)
        process.communicate(timeout=120)
    assert children
    assert process.returncode == 0
    assert len(outputs(out)) == 600


def test_two_runs_at_once_write_what_one_writes(many: Path, tmp_path: Path, key: Path) -> None:
    """Two runs over the same input into the same folder disturb each other in nothing."""
    out = tmp_path / "out"
    arguments = (many, "--out", out, "--key-file", key, *QUICK, "--jobs", 1)
    with started(*arguments) as one, started(*arguments) as two:
        told = [process.communicate(timeout=120) for process in (one, two)]
    assert [one.returncode, two.returncode] == [0, 0], told
    alone = tmp_path / "alone"
    deid(many, "--out", alone, "--key-file", key, *QUICK)
    assert outputs(out) == outputs(alone)


def test_a_full_disk_stops_the_run_and_the_next_one_goes_on(
    many: Path, small_disk: Callable[[str], SmallDisk], key: Path
) -> None:
    """The command says that the disk is full; with room again the same command completes the set."""
    disk = small_disk("1m")
    done = run("deid", many, "--out", disk.path / "out", "--key-file", key, *QUICK)
    assert done.returncode == 1
    assert "disk is full" in done.stderr
    assert "Traceback" not in done.stderr
    assert all(one.PatientIdentityRemoved == "YES" for one in headers(disk.path))
    disk.grow("64m")
    assert deid(many, "--out", disk.path / "out", "--key-file", key, *QUICK)["written"] == 600
    assert len(outputs(disk.path)) == 600


def test_names_of_files_write_no_lines_of_their_own(tmp_path: Path, key: Path) -> None:
    """Line ends, colours and bytes that are no text in a name are shown escaped, one line a file."""
    folder = os.fsencode(tmp_path) + b"/in"
    os.makedirs(folder)  # noqa: PTH103  (a Path would not take every name)
    for name in (b"a\nwritten: 99", b"b\x1b[31mred", b"c\xff\xfe"):
        Path(os.fsdecode(folder + b"/" + name)).write_bytes(b"\x00\x01\x02 no DICOM")
    done = run("deid", tmp_path / "in", "--out", tmp_path / "out", "--key-file", key, *QUICK)
    lines = [line for line in done.stderr.splitlines() if line.startswith("refused ")]
    assert len(lines) == 3
    assert "\x1b" not in done.stderr + done.stdout
    assert "written: 0" in done.stdout.splitlines()
    found = deid(tmp_path / "in", "--out", tmp_path / "out", "--key-file", key, *QUICK, ok=1)
    assert found["refused"] == 3


def test_what_cannot_be_written_is_said_before_the_work(tmp_path: Path) -> None:
    """An output, key file or report in a place that takes none ends at once with two, and nothing was made."""
    folder = tmp_path / "in"
    series(folder, count=1)
    blocked = tmp_path / "file"
    blocked.write_text("no folder")
    before = set(tmp_path.rglob("*"))
    for option in ("--out", "--key-file", "--report", "--crosswalk"):
        words = {"--out": tmp_path / "out", option: blocked / "below.html"}
        done = run("deid", folder, *(word for pair in words.items() for word in pair))
        assert done.returncode == 2, option
        assert "cannot be written" in done.stderr
        assert set(tmp_path.rglob("*")) == before
