"""The passes of a run: who belongs together, what is shared, what a lost process costs, what the books say."""

from __future__ import annotations

import fcntl
import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from tests.functional.site_inputs import ct_slice, write

from radcommons.dicom.profile import load_profile
from radcommons.dicom.text_identity import KnownIdentity
from radcommons.records.errors import StorageError, UsageError
from radcommons.records.finding import Finding, Severity
from radcommons.site import deid_run as module
from radcommons.site.candidate import Candidate
from radcommons.site.deid_checker import EVERY, Checker, check_output
from radcommons.site.deid_html import html
from radcommons.site.deid_identity import facts_of
from radcommons.site.deid_merges import Merges
from radcommons.site.deid_page import page_of
from radcommons.site.deid_pdf import pdf
from radcommons.site.deid_report import Books, Context, by_attribute, json_pieces
from radcommons.site.deid_survey import BATCH_FILES, FEW_FILES, batches, clean_batches, settle_rivals, survey
from radcommons.site.deid_values import (
    Batch,
    DeidSettings,
    Fate,
    FileDone,
    Lost,
    Person,
    PixelCheck,
    SameUid,
    Surveyed,
    Verify,
    ended,
)
from radcommons.site.deid_worker import start_survey


def settings(folder: Path) -> DeidSettings:
    """Settings of a run into a folder."""
    return DeidSettings(
        out=folder / "out", parts=folder / "out" / ".deid-1", secret=b"k" * 32, site="ALFA", profile="radcommons"
    )


def candidate(path: Path) -> Candidate:
    """A file as the walk yields it."""
    return Candidate(path=str(path), file=path, stamp=f"{path.stat().st_size}-1-1")


def answered(paths: list[Path], folder: Path) -> list[tuple[Batch, object]]:
    """The first pass's answers, without processes."""
    ask = start_survey(settings(folder))
    return [(batch, ask(batch)) for batch in batches(map(candidate, paths))]


def silent(_done: int, _total: int | None) -> None:
    """Show no progress."""


def test_facts_part_the_patient_from_those_around(tmp_path: Path) -> None:
    """Names of the patient stay the patient's; staff and places are everybody's."""
    found = facts_of(ct_slice(1, OtherPatientNames="Alias^Nora", InstitutionName="Elmgrove Clinic"))
    assert found.known.names == {"Quintessa^Vandermolen4711", "Alias^Nora"}
    assert found.known.places == frozenset()
    assert found.shared.names == {"Ferrywright^Odalys"}
    assert found.shared.places == {"Elmgrove Clinic"}


def test_survey_gathers_a_patient_over_batches_and_follows_merges(tmp_path: Path) -> None:
    """What any object says of a patient belongs to all of them, also under a changed number."""
    paths = [
        write(tmp_path / "a" / "1", ct_slice(1, PatientName="First^Name")),
        write(tmp_path / "b" / "1", ct_slice(2, PatientName="Second^Name")),
        write(tmp_path / "c" / "1", ct_slice(3, patient="99", PatientName="Third^Name")),
    ]
    merges = Merges({("99", None): ("4711", None)})
    learnt = survey(answered(paths, tmp_path), merges, silent)
    assert [one.key.patient_id for one in learnt.people] == ["4711"]
    assert learnt.people[0].known.names == {"First^Name", "Second^Name", "Third^Name"}


def test_a_new_patient_in_mid_folder_is_not_taken_for_the_one_before(tmp_path: Path) -> None:
    """Files of two patients in one folder and one batch keep their own identity; nameless ones go by study."""
    paths = [
        write(tmp_path / f"{number}", ct_slice(number, patient=str(number % 3), PatientID=str(number % 3)))
        for number in range(1, 10)
    ]
    paths += [
        write(tmp_path / f"x{number}", ct_slice(number, patient=str(70 + number), PatientID="", PatientName=""))
        for number in (1, 2)
    ]
    learnt = survey(answered(paths, tmp_path), Merges({}), silent)
    assert len(learnt.people) == 5
    for batch in clean_batches(map(candidate, paths), learnt, lambda n: Person(key=learnt.people[n].key,
                               known=learnt.people[n].known)):  # fmt: skip
        for work in batch.files:
            number = int(Path(work.candidate.path).name.removeprefix("x"))
            key = batch.people[work.person].key
            assert key.patient_id == (
                str(number % 3) if not Path(work.candidate.path).name.startswith("x") else
                ct_slice(number, patient=str(70 + number)).StudyInstanceUID
            )  # fmt: skip


def test_copies_and_rivals_are_told_apart(tmp_path: Path) -> None:
    """The same bytes twice are a duplicate; other bytes with the same UID are renumbered or held."""
    first = write(tmp_path / "1", ct_slice(1))
    (tmp_path / "2").write_bytes(first.read_bytes())
    rival = write(tmp_path / "3", ct_slice(1, KVP=80))
    paths = [first, tmp_path / "2", rival]
    for choice, fates in ((SameUid.RENUMBER, [Fate.DUPLICATE]), (SameUid.HOLD, [Fate.DUPLICATE, Fate.HELD])):
        learnt = survey(answered(paths, tmp_path), Merges({}), silent)
        settle_rivals(map(candidate, paths), learnt, same_uid=choice)
        assert [one.fate for one in learnt.settled] == fates
        assert len(learnt.renumbered) == (choice is SameUid.RENUMBER)


def test_batches_hold_one_folder_and_a_bounded_number(tmp_path: Path) -> None:
    """No batch grows without end, or spans folders unless they hold few files each."""
    count = BATCH_FILES + 70
    many = [Candidate(path=f"/{folder}/{n}", file=Path(), stamp="1-1") for folder in "ab" for n in range(count)]
    groups = [[one.candidate.path[:3] for one in batch.files] for batch in batches(many)]
    assert [len(group) for group in groups] == [BATCH_FILES, 70] * 2
    assert all(len(set(group)) == 1 for group in groups)
    single = [Candidate(path=f"/{folder}/1", file=Path(), stamp="1-1") for folder in range(100)]
    assert [len(batch.files) for batch in batches(single)] == [FEW_FILES] * (100 // FEW_FILES) + [100 % FEW_FILES]


def test_a_file_that_changed_between_the_passes_is_refused(tmp_path: Path) -> None:
    """The second pass knows a file by its stamp as well."""
    path = write(tmp_path / "1", ct_slice(1))
    learnt = survey(answered([path], tmp_path), Merges({}), silent)
    other = Candidate(path=str(path), file=path, stamp="0-0-0")
    [batch] = clean_batches([other], learnt, lambda n: Person(key=learnt.people[n].key, known=KnownIdentity()))
    assert batch.files[0].settled is not None
    assert batch.files[0].settled.code == "changed-while-read"


def _dies(_settings: DeidSettings) -> Callable[[Batch], Surveyed]:
    raise RuntimeError("no worker starts")


def test_workers_that_cannot_start_stop_the_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """When no process starts at all, the run ends with a reason instead of blaming file after file."""
    monkeypatch.setattr(module, "start_survey", _dies)
    path = write(tmp_path / "in" / "1", ct_slice(1))
    with pytest.raises(StorageError, match="as soon as they start"):
        module.deid_run(
            [path], settings=settings(tmp_path), known=KnownIdentity(), jobs=1, listeners=module.Listeners()
        )
    assert not list((tmp_path / "out").glob(".deid-*"))


def test_lost_batches_of_the_survey_are_held(tmp_path: Path) -> None:
    """A file whose header kills two processes is held, not lost."""
    path = write(tmp_path / "1", ct_slice(1))
    [batch] = batches([candidate(path)])
    learnt = survey([(batch, Lost(False))], Merges({}), silent)
    assert [(one.fate, one.code) for one in learnt.settled] == [(Fate.HELD, "unreadable")]


def test_folders_of_killed_runs_go_and_those_of_living_ones_stay(tmp_path: Path) -> None:
    """Half-written files of a dead run are removed; a run that still holds its lock keeps them."""
    for name in (".deid-dead", ".deid-alive"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "lock").touch()
    with (tmp_path / ".deid-alive" / "lock").open("rb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with module.working_folder(tmp_path / ".deid-mine"):
            assert {path.name for path in tmp_path.iterdir()} == {".deid-alive", ".deid-mine"}
    assert {path.name for path in tmp_path.iterdir()} == {".deid-alive"}


def test_output_folder_may_not_hold_an_input(tmp_path: Path) -> None:
    """Originals and results never lie mixed, whatever link leads there."""
    (tmp_path / "out" / "in").mkdir(parents=True)
    (tmp_path / "link").symlink_to(tmp_path / "out")
    for paths in ([tmp_path / "out"], [tmp_path / "out" / "in"], [tmp_path / "link" / "in"]):
        with pytest.raises(UsageError):
            module.check_folders(paths, tmp_path / "out")
    module.check_folders([tmp_path], tmp_path / "out")


def test_checker_reads_the_first_of_a_series_and_every_hundredth(tmp_path: Path) -> None:
    """A sample is what the report says; an original does not pass, and from then on every output is read."""
    path = write(tmp_path / "1", ct_slice(1))
    profile = load_profile("radcommons")
    assert {one.where for one in check_output(path, profile=profile)} >= {"PatientName", "PatientID"}
    checker = Checker(profile, Verify.SAMPLE)
    assert checker(str(path), "1.2")
    assert all(checker(str(path), "1.2") for _ in range(3))
    patient = Checker(profile, Verify.SAMPLE)
    due = [patient._is_due("1.2") for _ in range(2 * EVERY)]
    assert [place for place, is_due in enumerate(due, 1) if is_due] == [1, EVERY, 2 * EVERY]
    off = Checker(profile, Verify.OFF)
    assert off(str(path), "1.2") == ()
    assert not off.has_checked


def _run() -> module.Run:
    run = module.Run(patients=1)
    record = {"PatientName": "replaced by the pseudonym (patient)", "A.B.StationName": "removed (PS3.15 table: X)"}
    run.records["r1"] = record
    note = Finding(code="known-identity-in-text", severity=Severity.NOTE, message="", where="StudyDescription")
    for number in range(3):
        run.count(FileDone(path=f"/secret/{number}", fate=Fate.WRITTEN, record="r1", findings=(note, note), output="o"))
    run.count(ended("/secret/x", Fate.HELD, "burned-in-text", "A line."))
    return run


def test_books_add_up_and_share_records(tmp_path: Path) -> None:
    """Sums count outputs, each finding once a file; JSON lists the files and names equal records once."""
    run, context = _run(), Context.of(settings(tmp_path), load_profile("radcommons"), has_key_file=True)
    assert run.seen == 4
    assert run.findings["known-identity-in-text"] == 3
    assert ("removed", "StationName", "PS3.15 table: X", 3) in by_attribute(run)
    with Books() as books:
        books.add(ended("/secret/\udcff", Fate.IGNORED, "not-an-image", "A table."))
        books.add(FileDone(path="/secret/1", fate=Fate.WRITTEN, record="r1"))
        document = json.loads("".join(json_pieces(run, context, books)))
    assert [one["outcome"] for one in document["files"]] == ["ignored", "written"]
    assert list(document["records"]) == ["r1"]


def test_pages_hold_the_sums_and_no_source(tmp_path: Path) -> None:
    """Both forms of the officer's page come from one model, without any path."""
    page = page_of(_run(), Context.of(settings(tmp_path), load_profile("radcommons"), has_key_file=False))
    text = html(page)
    assert "secret" not in text.replace("one secret number", "").replace("with a secret of this run", "")
    assert "burned-in-text" in text
    assert "nobody can make them again" in text
    assert pdf(page).startswith(b"%PDF-")
    assert pdf(page) == pdf(page)


def test_the_page_claims_nothing_of_pixels_that_nobody_looked_at(tmp_path: Path) -> None:
    """With the look at pixels switched off, the page says that the option was not applied and what that means."""
    profile = load_profile("radcommons")
    for pixels in PixelCheck:
        chosen = replace(settings(tmp_path), pixels=pixels)
        text = html(page_of(_run(), Context.of(chosen, profile, has_key_file=True)))
        assert ("Not applied in this run" in text) is (pixels is PixelCheck.OFF)
        assert ("names that stand in an image are still there" in text) is (pixels is PixelCheck.OFF)


def test_the_page_tells_what_is_not_whole(tmp_path: Path) -> None:
    """Incomplete outputs and outputs that were taken back have lines of their own."""
    run = _run()
    note = Finding(code="truncated", severity=Severity.NOTE, message="")
    run.count(FileDone(path="/secret/3", fate=Fate.WRITTEN, findings=(note,), output="o"))
    run.count(ended("/secret/4", Fate.HELD, "burned-in-text", "A line.")._replace(withdrawn="a/b/c.dcm"))
    assert (run.incomplete, run.withdrawn, run.has_objections) == ({"truncated": 1}, 1, True)
    text = html(page_of(run, Context.of(settings(tmp_path), load_profile("radcommons"), has_key_file=True)))
    assert "Incomplete: truncated" in text
    assert "Taken back" in text


def test_a_run_that_looks_at_no_pixels_starts_without_what_it_does_not_need() -> None:
    """Neither a database nor networks nor decoders are imported: half a second of each start."""
    script = (
        "from radcommons.cli.deid import _import_engine\n_import_engine(decodes=False)\nimport sys\nprint(*sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    loaded = {name.partition(".")[0] for name in done.stdout.split()}
    assert "pydicom" in loaded
    assert not loaded & {"sqlalchemy", "scipy", "onnxruntime", "cv2", "PIL", "gdcm", "pylibjpeg", "requests"}
