"""`radcommons deid` as a data manager runs it: the real program, real processes, files of every kind."""

from __future__ import annotations

import base64
import json
import os
import re
import signal
import stat
import subprocess
import sys
import time
import zipfile
import zlib
from pathlib import Path
from typing import Any

import pydicom
import pytest
from tests.functional.site_inputs import ct_slice, series, write

pytestmark = pytest.mark.slow
FATES = ("written", "held", "refused", "ignored", "duplicate", "excluded")
NAME, PHYSICIAN = "Vandermolen", "Ferrywright"
PASSPHRASES = {"RADCOMMONS_CROSSWALK_PASSPHRASE": "seven green ladders"}


def run(*arguments: object, env: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    """Run the real command line."""
    command = [sys.executable, "-m", "radcommons", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=250, env={**os.environ, **(env or {})})


def deid(*arguments: object, ok: int = 0, env: dict[str, str] | None = None) -> dict[str, Any]:
    """Run `radcommons deid ... --json` and return what it printed."""
    done = run("deid", *arguments, "--json", env=env)
    assert done.returncode == ok, done.stdout[-2000:] + done.stderr[-2000:]
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def outputs(folder: Path) -> dict[str, bytes]:
    """Return every file below a folder by its name."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def headers(folder: Path) -> list[pydicom.Dataset]:
    """Return the headers of every output."""
    return [pydicom.dcmread(path, stop_before_pixels=True) for path in sorted(folder.rglob("*.dcm"))]


@pytest.fixture(scope="module")
def key(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A key file."""
    path = tmp_path_factory.mktemp("key") / "site.key"
    path.write_text("5a" * 32)
    path.chmod(0o600)
    return path


@pytest.fixture
def mixed(tmp_path: Path) -> Path:
    """A folder with two patients, an archive, a table, a text, a broken file and a copy."""
    folder = tmp_path / "in" / f"{NAME} export"
    paths = series(folder / "a", count=3)
    series(folder / "b", count=2, patient="9902")
    with zipfile.ZipFile(folder / "cd.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.write(write(tmp_path / "one.dcm", ct_slice(1, patient="7003")), f"{NAME}/IM1")
    (folder / "list.csv").write_text("a,b\n1,2\n")
    (folder / "readme.txt").write_text("text")
    (folder / "half.dcm").write_bytes(paths[0].read_bytes()[:180])
    (folder / "copy.dcm").write_bytes(paths[1].read_bytes())
    return folder


def test_every_file_has_one_end_and_the_sums_hold(mixed: Path, tmp_path: Path, key: Path) -> None:
    """Objects of folders and archives are written once each, the rest has a reason, and nothing is left over."""
    out = tmp_path / "out"
    found = deid(mixed, "--out", out, "--key-file", key, ok=1)
    assert {name: found[name] for name in ("seen", *FATES)} == {
        "seen": 10, "written": 6, "held": 0, "refused": 1, "ignored": 2, "duplicate": 1, "excluded": 0,
    }  # fmt: skip
    assert found["reasons"]["refused"] == {"truncated": 1}
    assert found["patients"] == 3
    assert found["cpu_seconds"] > 0
    assert len(outputs(out)) == 6
    assert all(name.endswith(".dcm") for name in outputs(out))


def test_names_and_bytes_of_the_output_hold_nothing_of_the_source(mixed: Path, tmp_path: Path, key: Path) -> None:
    """Folders are pseudonym, study and series; neither a name nor a byte repeats an identity."""
    out = tmp_path / "out"
    deid(mixed, "--out", out, "--key-file", key, ok=1)
    for name, content in outputs(out).items():
        header = pydicom.dcmread(out / name, stop_before_pixels=True)
        uids = (header.StudyInstanceUID, header.SeriesInstanceUID, header.SOPInstanceUID)
        assert name == f"{header.PatientID}/{'/'.join(uids)}.dcm"
        for planted in (NAME, PHYSICIAN, "4711", "9902", "7003", "1.2.826.0.1.3680043.10.999"):
            assert planted.encode() not in content
            assert planted not in name


def test_one_job_and_two_write_the_same_bytes(mixed: Path, tmp_path: Path, key: Path) -> None:
    """The number of processes changes no byte, and a second run leaves what is there."""
    deid(mixed, "--out", tmp_path / "one", "--key-file", key, "--jobs", 1, ok=1)
    deid(mixed, "--out", tmp_path / "two", "--key-file", key, "--jobs", 2, ok=1)
    assert outputs(tmp_path / "one") == outputs(tmp_path / "two")
    assert deid(mixed, "--out", tmp_path / "two", "--key-file", key, ok=1)["unchanged"] == 6


def test_what_if_writes_nothing(mixed: Path, tmp_path: Path) -> None:
    """`--what-if` leaves no file, no key and no folder, and says each action of each file."""
    key, out = tmp_path / "new.key", tmp_path / "out"
    before = set(tmp_path.rglob("*"))
    found = deid(mixed, "--out", out, "--key-file", key, "--report", tmp_path / "r.json", "--what-if", ok=1)
    assert set(tmp_path.rglob("*")) == before
    assert found["counts"]["written"] == 6
    written = [one for one in found["files"] if one["outcome"] == "written"]
    assert all("PatientName" in found["records"][one["record"]] for one in written)
    told = run("deid", mixed, "--what-if")
    assert "would be written: 6" in told.stdout
    assert "PatientName" in told.stdout


def test_the_key_is_made_once_private_and_decides_the_pseudonyms(tmp_path: Path) -> None:
    """A key file is made for its owner alone, never printed; with it names are stable, without it they are not."""
    folder, made = tmp_path / "in", tmp_path / "site.key"
    series(folder, count=1)
    done = run("deid", folder, "--out", tmp_path / "a", "--key-file", made)
    assert stat.S_IMODE(made.stat().st_mode) == 0o600
    assert len(bytes.fromhex(made.read_text())) == 32
    assert made.read_text().strip() not in done.stdout + done.stderr
    deid(folder, "--out", tmp_path / "b", "--key-file", made)
    assert outputs(tmp_path / "a") == outputs(tmp_path / "b")
    alone = run("deid", folder, "--out", tmp_path / "c")
    assert "this run alone" in alone.stderr
    assert not outputs(tmp_path / "c").keys() & outputs(tmp_path / "a").keys()


def test_one_number_of_two_issuers_or_hospitals_is_two_people(tmp_path: Path, key: Path) -> None:
    """The same patient number under two issuers, or at two sites, gives unlike pseudonyms and date shifts."""
    folder = tmp_path / "in"
    write(folder / "1", ct_slice(1, IssuerOfPatientID="NORTH"))
    write(folder / "2", ct_slice(2, study="2", IssuerOfPatientID="SOUTH"))
    write(folder / "3", ct_slice(3, study="3", IssuerOfPatientID="NORTH"))
    deid(folder, "--out", tmp_path / "a", "--key-file", key)
    deid(folder, "--out", tmp_path / "b", "--key-file", key, "--site", "OTHER")
    found = headers(tmp_path / "a") + headers(tmp_path / "b")
    assert len(found) == 6
    assert len({one.PatientID for one in found}) == 4
    assert len({one.PatientID.partition("-")[2] for one in found}) == 4


def test_identity_of_one_object_is_searched_in_all_of_the_patient(tmp_path: Path, key: Path) -> None:
    """A name that stands in one object alone, or in the roster alone, is cut out of another object's text."""
    folder, roster = tmp_path / "in", tmp_path / "roster.csv"
    write(folder / "1", ct_slice(1, PatientName="Marlin^Chest", PatientComments="low dose"))
    write(folder / "2", ct_slice(2, PatientName="", ImageComments="follow-up of marlin, seen by wolverton"))
    write(folder / "3", ct_slice(3, PatientName="", ImageComments="left lung, bed trawler"))
    roster.write_text("Name,MRN\nWolverton,\nTrawler,99\n")
    deid(folder, "--out", tmp_path / "out", "--key-file", key, "--known", roster)
    together = b"".join(outputs(tmp_path / "out").values()).lower()
    for word in (b"marlin", b"wolverton", b"trawler"):
        assert word not in together
    assert all("low dose" in str(one) or "ImageComments" not in one or one.ImageComments for one in headers(tmp_path))


def test_changed_number_keeps_the_earlier_pseudonym(tmp_path: Path, key: Path) -> None:
    """With `--merges`, objects under the present number carry the pseudonym of the earlier one."""
    for patient in ("1001", "2002"):
        series(tmp_path / "in" / patient, count=1, patient=patient)
    table = tmp_path / "merges.csv"
    table.write_text("present,earlier\n2002,1001\n")
    deid(tmp_path / "in" / "1001", "--out", tmp_path / "before", "--key-file", key)
    deid(tmp_path / "in" / "2002", "--out", tmp_path / "after", "--key-file", key, "--merges", table)
    assert headers(tmp_path / "before")[0].PatientID == headers(tmp_path / "after")[0].PatientID


def test_two_objects_with_one_uid_both_come_out_or_one_is_held(tmp_path: Path, key: Path) -> None:
    """By default the second gets a UID of its own, the same one every time; with `--same-uid hold` it waits."""
    folder = tmp_path / "in"
    write(folder / "1", ct_slice(1))
    write(folder / "2", ct_slice(1, KVP=80))
    found = deid(folder, "--out", tmp_path / "a", "--key-file", key)
    assert (found["written"], found["findings"]["uid-conflict"]) == (2, 1)
    assert len({one.SOPInstanceUID for one in headers(tmp_path / "a")}) == 2
    deid(folder, "--out", tmp_path / "b", "--key-file", key)
    assert outputs(tmp_path / "a") == outputs(tmp_path / "b")
    held = deid(folder, "--out", tmp_path / "c", "--key-file", key, "--same-uid", "hold", ok=1)
    assert held["reasons"]["held"] == {"uid-conflict": 1}
    assert outputs(tmp_path / "c").items() < outputs(tmp_path / "a").items()


def test_killed_run_leaves_whole_files_and_the_next_one_finishes(tmp_path: Path, key: Path) -> None:
    """Killed in the middle: every file under a final name is whole; the same command again completes the set."""
    folder, out, whole = tmp_path / "in", tmp_path / "out", tmp_path / "whole"
    for patient in range(20):
        series(folder / str(patient), count=12, patient=str(8000 + patient))
    deid(folder, "--out", whole, "--key-file", key, "--pixels", "off", "--jobs", 2)
    arguments = ("deid", folder, "--out", out, "--key-file", key, "--pixels", "off", "--jobs", 2)
    command = [sys.executable, "-m", "radcommons", *map(str, arguments)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True) as process:
        until = time.monotonic() + 60
        while not list(out.rglob("*.dcm")) and process.poll() is None and time.monotonic() < until:
            time.sleep(0.002)
        was_alive = process.poll() is None
        os.killpg(process.pid, signal.SIGKILL)
    assert was_alive
    expected = outputs(whole)
    left = {name: content for name, content in outputs(out).items() if name.endswith(".dcm")}
    assert left.items() <= expected.items()
    deid(folder, "--out", out, "--key-file", key, "--pixels", "off")
    assert outputs(out) == expected


def test_reports_tell_the_officer_and_name_nobody(mixed: Path, tmp_path: Path, key: Path) -> None:
    """JSON holds every file and action; HTML and PDF hold sums, codes and limits, no source and no value."""
    names = [tmp_path / f"report.{suffix}" for suffix in ("json", "html", "pdf")]
    options = [word for name in names for word in ("--report", name)]
    done = run("deid", mixed, "--out", tmp_path / "out", "--key-file", key, *options)
    full = json.loads(names[0].read_text())
    assert [one["outcome"] for one in full["files"]].count("written") == full["counts"]["written"] == 6
    assert full["records"].keys() >= {one["record"] for one in full["files"] if one["outcome"] == "written"}
    assert full["certificate"]["agreed"] == full["certificate"]["checked"] > 0
    assert full["profile"]["codes"]["113100"]
    assert "stays at the hospital" in full["statement"]
    html = names[1].read_text()
    assert "113100" in html
    assert "What cannot be promised" in html
    assert "http" not in html.replace("http://www.w3.org/2000/svg", "")
    pages = [html, _text_of_pdf(names[2])]
    assert "De-identification report" in pages[1]
    for text in pages:
        for planted in (NAME, PHYSICIAN, "4711", str(tmp_path)):
            assert planted not in text
    values = ("Quintessa", PHYSICIAN, "ACC4711", "19500312")
    assert [value for value in values if value in done.stderr + done.stdout + names[0].read_text()] == []


def _text_of_pdf(path: Path) -> str:
    """Return the drawn text of our own PDF: what its streams hold, unpacked."""
    content = path.read_bytes()
    assert content.startswith(b"%PDF-")
    packed = re.findall(rb"stream\r?\n(.*?~>)\s*endstream", content, re.DOTALL)
    return b"\n".join(zlib.decompress(base64.a85decode(b"<~" + one, adobe=True)) for one in packed).decode("latin-1")


def test_crosswalk_is_encrypted_opens_again_and_restores_the_key(tmp_path: Path, key: Path) -> None:
    """The table never lies in plain text; it leads back, grows, survives a new passphrase, and holds the key."""
    table, fresh = tmp_path / "crosswalk.age", {"RADCOMMONS_CROSSWALK_PASSPHRASE": "nine blue kettles"}
    series(tmp_path / "in", count=2)
    series(tmp_path / "more", count=1, patient="9902")
    for folder in ("in", "more"):
        deid(tmp_path / folder, "--out", tmp_path / "out", "--key-file", key, "--crosswalk", table, env=PASSPHRASES)
    assert table.read_bytes().startswith(b"age-encryption.org/v1")
    assert NAME.encode() not in table.read_bytes()
    assert b"4711" not in table.read_bytes()
    shown = run("crosswalk", "show", table, "--json", env=PASSPHRASES)
    links = {tuple(one["old"]): one["new"] for one in map(json.loads, shown.stdout.splitlines())}
    found = {one.SOPInstanceUID: one for one in headers(tmp_path / "out")}
    assert {name[3] for name in links if name[0] == "patient"} == {"4711", "9902"}
    old = ("instance", "1.2.826.0.1.3680043.10.999.4711.1.1.1")
    assert found[links[old][0]].PatientID == links["patient", "SITE1", "", "4711"][0]
    assert run("crosswalk", "show", table, env=fresh).returncode == 1
    change = {**PASSPHRASES, "RADCOMMONS_CROSSWALK_NEW_PASSPHRASE": "nine blue kettles"}
    assert run("crosswalk", "rotate", table, env=change).returncode == 0
    assert run("crosswalk", "show", table, env=PASSPHRASES).returncode == 1
    assert run("crosswalk", "show", table, "--json", env=fresh).stdout == shown.stdout
    assert run("crosswalk", "key", table, "--key-file", tmp_path / "back.key", env=fresh).returncode == 0
    assert (tmp_path / "back.key").read_text().strip() == key.read_text().strip()


def test_crosswalk_of_another_key_is_never_mixed(tmp_path: Path, key: Path) -> None:
    """A run with another key refuses an existing crosswalk before it writes anything: nobody is re-mapped."""
    table, other = tmp_path / "crosswalk.age", tmp_path / "other.key"
    series(tmp_path / "in", count=1)
    deid(tmp_path / "in", "--out", tmp_path / "a", "--key-file", key, "--crosswalk", table, env=PASSPHRASES)
    before = table.read_bytes()
    arguments = ("--out", tmp_path / "b", "--key-file", other, "--crosswalk", table)
    done = run("deid", tmp_path / "in", *arguments, env=PASSPHRASES)
    assert done.returncode == 2
    assert "another key" in done.stderr
    assert table.read_bytes() == before
    assert not (tmp_path / "b").exists()


@pytest.mark.parametrize(
    "arguments",
    [("in",), ("in", "--out", "in"), ("absent", "--out", "out"), ("in", "--out", "out", "--report", "page.docx")],
    ids=["no-out", "out-is-in", "absent", "odd-report"],
)
def test_wrong_usage_ends_with_two_and_a_way_out(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    """What cannot be is said in one line with how to mend it; nothing is written."""
    series(tmp_path / "in", count=1)
    placed = [str(tmp_path / word) if word in ("in", "out", "absent", "page.docx") else word for word in arguments]
    done = run("deid", *placed)
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "out").exists() or not outputs(tmp_path / "out")


def test_odd_files_of_the_world_all_end_with_a_reason(shared_data: Path, tmp_path: Path, key: Path) -> None:
    """Every odd real file is written, or held, refused or ignored for a reason; the sums hold and outputs read."""
    out = tmp_path / "out"
    odd = shared_data / "dicom_odd"
    found = deid(odd, "--out", out, "--key-file", key, "--pixels", "off", "--verify", "all", ok=1)
    assert found["seen"] == sum(1 for path in odd.rglob("*") if path.is_file()) == sum(found[name] for name in FATES)
    assert found["written"] == found["verified"] == len(headers(out))
    assert found["written"] >= 69
