"""One file before and after: the header's record, regions covered and shown again, answers taken back."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import sqlalchemy as sa
from numpy.typing import NDArray
from pydicom import dcmread
from pydicom.dataset import Dataset
from tests.functional.site_inputs import ct_slice, series, write

from radcommons.dicom.pixeltext import TextBox
from radcommons.hub.attested import attested
from radcommons.platform.pool import import_ahead
from radcommons.records.documents import plain
from radcommons.records.errors import NotFound, UsageError
from radcommons.records.finding import Finding
from radcommons.records.submission import STATEMENT, Attestation, GroupReview, Review
from radcommons.site.add import add
from radcommons.site.join import init
from radcommons.site.review import decide, held
from radcommons.site.review_cases import answered, cases, files_of, take_back
from radcommons.site.review_decide import Reviewer
from radcommons.site.review_file_pages import shown_of
from radcommons.site.review_header import ADDED, KEPT, REMOVED, REPLACED, compare
from radcommons.site.review_pixels import Pictures, clean_again, regions
from radcommons.site.seal import seal_ready
from radcommons.site.settings import SiteSettings
from radcommons.site.store import Store, open_store
from radcommons.site.tables import file

ROE = Reviewer(name="M. Roe")
BOX = TextBox(x=4, y=8, width=10, height=6, score=1.0)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    """A gateway with one ready slice, and a series of three whose patient the protocol cannot place."""
    import_ahead("radcommons.site.judge")
    pacs = tmp_path / "pacs"
    write(pacs / "one", ct_slice(1, patient="4711"))
    write(pacs / "two", ct_slice(1, patient="4712", BurnedInAnnotation="YES"))
    settings = SiteSettings(hub="http://127.0.0.1:1", sites=("ALFA",))
    init(tmp_path / "gateway", settings=settings, token="x", offline=True)
    found = open_store(tmp_path / "gateway")
    add(found, [pacs], jobs=1)
    yield found
    found.close()


def the_file(store: Store, name: str = "one") -> sa.Row[tuple[object, ...]]:
    """The row of a file."""
    with store.read() as connection:
        return connection.execute(sa.select(file).where(file.c.path.like(f"%/{name}"))).one()


def pixels(store: Store) -> NDArray[np.uint16]:
    """The pixels of the object that leaves."""
    found: NDArray[np.uint16] = dcmread(store.object_path(str(the_file(store).object_digest))).pixel_array
    return found


def test_regions_are_covered_and_shown_again(store: Store) -> None:
    """What a person covers is flat in what leaves, the rest is as it was; taken away, the original is back."""
    before = pixels(store)
    number = int(str(the_file(store).id))
    clean_again(store, number, covers=[], adds=[(0, BOX)], reviewer=ROE)
    after = pixels(store)
    assert len(np.unique(after[8:14, 4:14])) == 1
    outside = np.ones(before.shape, bool)
    outside[8:14, 4:14] = False
    assert (after[outside] == before[outside]).all()
    (drawn,) = regions(store, number)
    assert (drawn.kind, drawn.is_covered) == ("hand", True)
    shown = Pictures(store)
    covered = shown.after(number, frame=0)
    clean_again(store, number, covers=[], adds=[], reviewer=ROE)
    assert (pixels(store) == before).all()
    assert regions(store, number) == []
    assert shown.after(number, frame=0) != covered, "no picture of an earlier version is shown"


def test_without_the_original_nothing_is_shown_again(store: Store) -> None:
    """The original moved away: more can be covered, and what is covered stays so."""
    row = the_file(store)
    number = int(str(row.id))
    Path(str(row.path)).unlink()
    clean_again(store, number, covers=[], adds=[(0, BOX)], reviewer=ROE)
    with pytest.raises(NotFound, match="original"):
        clean_again(store, number, covers=[], adds=[], reviewer=ROE)
    assert len(regions(store, number)) == 1
    page = shown_of(store, number, token="t")
    assert (page.has_original, page.lines) == (False, [])


def test_what_is_signed_is_not_cleaned_again(store: Store) -> None:
    """A file in a signed submission keeps its bytes."""
    number = int(str(the_file(store).id))
    seal_ready(store)
    with pytest.raises(UsageError):
        clean_again(store, number, covers=[], adds=[(0, BOX)], reviewer=ROE)


def test_the_record_says_what_was_done_and_why(store: Store) -> None:
    """Each attribute has one line with its fate, its rule and both values."""
    page = shown_of(store, int(str(the_file(store).id)), token="t")
    lines = {line.path: line for line in page.lines}
    name = lines["PatientName"]
    assert (name.became, name.what, name.before) == (REPLACED, "replaced by the pseudonym", "Quintessa^Vandermolen4711")
    assert name.after == page.pseudonym
    assert lines["StudyDate"].what == "date shifted"
    assert lines["ReferringPhysicianName"].rule.startswith("PS3.15")
    assert lines["KVP"].became == KEPT
    assert lines["PatientIdentityRemoved"].became == ADDED
    assert page.tally == {word: sum(line.became == word for line in page.lines) for word in page.tally}


def test_items_are_compared_one_by_one() -> None:
    """A sequence that stays is compared inside; one that goes is one line."""
    inside, other, fresh = Dataset(), Dataset(), Dataset()
    inside.CodeMeaning, inside.CodeValue = "before", "1"
    fresh.CodeMeaning, fresh.CodeValue = "after", "1"
    other.PatientName = "Invented"
    old, new = Dataset(), Dataset()
    old.ProcedureCodeSequence, new.ProcedureCodeSequence = [inside], [fresh]
    old.ReferencedPatientSequence = [other]
    record = {"ProcedureCodeSequence.CodeMeaning": "description cleaned (PS3.15 table: C)"}
    found = {line.path: (line.became, line.rule) for line in compare(old, new, record=record)}
    assert found == {
        "ProcedureCodeSequence[0].CodeValue": (KEPT, ""),
        "ProcedureCodeSequence[0].CodeMeaning": (REPLACED, "PS3.15 table: C"),
        "ReferencedPatientSequence": (REMOVED, ""),
    }


@pytest.mark.parametrize(("decision", "state"), [("pass", "ready"), ("exclude", "excluded"), ("refuse", "refused")])
def test_an_answer_is_taken_back(store: Store, decision: str, state: str) -> None:
    """The file waits again with its question, and nobody stands for it any more."""
    (question,) = held(store)
    decide(store, [question.id], decision=decision, reviewer="data-manager R-1")
    assert the_file(store, "two").state == state
    with store.read() as connection:
        (listed,) = answered(connection)
    assert (listed.decision, listed.files) == (decision, 1)
    assert take_back(store, question.id, reviewer=ROE) == 1
    assert held(store) == [question]
    with store.read() as connection:
        assert answered(connection) == []


def test_a_signed_answer_stands(store: Store) -> None:
    """After sealing, taking back says that it is too late."""
    (question,) = held(store)
    decide(store, [question.id], decision="pass", reviewer="data-manager R-1")
    seal_ready(store)
    late = take_back(store, question.id, reviewer=ROE)
    assert isinstance(late, Finding)
    assert late.code == "signed-before"


def test_a_question_about_pixels_is_asked_of_each_file(store: Store, tmp_path: Path) -> None:
    """Slices held for the same reason of another kind are one case; writing is asked about file by file."""
    series(tmp_path / "more", count=3, patient="4713")
    add(store, [tmp_path / "more"], jobs=1)
    mine = file.c.path.like("%4713%")
    with store.change() as change:
        change.connection.execute(file.update().where(mine).values(state="held", code="set-aside", reason="May it go?"))
    with store.read() as connection:
        found = {case.code: (case.files, len(files_of(connection, case.file))) for case in cases(connection)}
    assert found["set-aside"] == (3, 3)
    with store.change() as change:
        change.connection.execute(file.update().where(mine).values(code="burned-in-text"))
    with store.read() as connection:
        assert [case.files for case in cases(connection) if case.code == "burned-in-text"].count(1) >= 3


def test_the_hub_tells_what_the_site_reviewed() -> None:
    """Groups and looks are added up in one sentence; without groups there is none."""
    group = GroupReview(
        group="CR; Invented",
        rule="one decision",
        studies=300,
        sampled=20,
        objects=300,
        below_permille=140,
        reviewer="R-0a1b2c3d",
        role="data-manager",
        at="2026-11-23T00:00:00Z",
    )
    whole = Attestation(
        statement=STATEMENT,
        reviews=(Review(rule="accepted", objects=600, reviewer="data-manager R-0a1b2c3d"),),
        at="2026-11-23T00:00:00Z",
        groups=(group, replace(group, sampled=21, wrong=1)),
    )
    said = attested(json.dumps({"attestation": plain(whole)}))
    assert said.summary == "Reviewed by exception: 2 groups, 41 looked at, 1 of them wrong and held."
    assert said.groups[0][3] == "20 of 300 studies opened; at most 14 % wrong"
    assert attested(json.dumps({"attestation": plain(replace(whole, groups=()))})).summary == ""
