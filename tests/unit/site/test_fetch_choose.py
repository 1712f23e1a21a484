"""What the answers of a PACS mean for a line of the list, and what the protocol says of them."""

from __future__ import annotations

import pytest
from pydicom.dataset import Dataset

from radcommons.platform.policy import load_protocol
from radcommons.records.protocol import Verdict
from radcommons.site.fetch_choose import AMBIGUOUS, NOT_FOUND, TOO_MANY, choose, decide_listed
from radcommons.site.pacs_find import Hits, Listed, Wanted, listed


def _study(uid: str = "1.2", **members: str) -> Listed:
    return Listed(study_uid=uid, **{"patient_id": "4711", "accession": "A1", "study_date": "20200401"} | members)


def test_an_answer_that_was_not_asked_for_is_left_out() -> None:
    """A peer that ignores the key answers with everything; only what fits is taken, the rest is counted."""
    hits = Hits(studies=(_study("1.2"), _study("1.3", accession="A2"), _study("1.4", accession="")))
    chosen = choose(Wanted(line=1, accession="A1"), hits)
    assert [one.study_uid for one in chosen.studies] == ["1.2"]
    assert chosen.strangers == 2
    assert choose(Wanted(line=1, accession="A9"), hits).code == NOT_FOUND


@pytest.mark.parametrize(
    ("first", "second", "code"),
    [
        ({}, {"patient_id": "4712"}, AMBIGUOUS),
        ({"issuer": "NORTH"}, {"issuer": "SOUTH"}, AMBIGUOUS),
        ({"issuer": "NORTH"}, {"issuer": ""}, "found"),
        ({}, {}, "found"),
    ],
    ids=["two ids", "two issuers", "issuer not told", "one patient"],
)
def test_one_number_of_two_patients_is_no_answer(first: dict[str, str], second: dict[str, str], code: str) -> None:
    """Nothing is fetched for a line that means two patients."""
    chosen = choose(Wanted(line=1, accession="A1"), Hits(studies=(_study("1.2", **first), _study("1.3", **second))))
    assert chosen.code == code
    assert bool(chosen.studies) == (code == "found")


def test_a_named_issuer_settles_which_patient_is_meant() -> None:
    """With the issuer in the list the other patient's study is a stranger."""
    hits = Hits(studies=(_study("1.2", issuer="NORTH"), _study("1.3", issuer="SOUTH")))
    chosen = choose(Wanted(line=1, patient_id="4711", issuer="SOUTH"), hits)
    assert [one.study_uid for one in chosen.studies] == ["1.3"]


@pytest.mark.parametrize(("day", "fits"), [("20200331", False), ("20200401", True), ("20200430", True), ("", False)])
def test_a_study_outside_the_window_is_left_out(day: str, fits: bool) -> None:
    """Both ends count; a study without a date is not in a window."""
    wanted = Wanted(line=1, patient_id="4711", date_from="20200401", date_to="20200430")
    assert (choose(wanted, Hits(studies=(_study(study_date=day),))).code == "found") is fits


def test_more_than_the_limit_is_a_question() -> None:
    """Of a list that was cut nothing is taken: which half it is, nobody knows."""
    chosen = choose(Wanted(line=1, accession="A1"), Hits(studies=(_study(),), is_cut=True))
    assert (chosen.code, chosen.studies) == (TOO_MANY, ())


def _answer(**values: str) -> Listed:
    header = Dataset()
    for keyword, value in {"StudyInstanceUID": "1.2", **values}.items():
        setattr(header, keyword, value)
    return listed(header)


def test_the_protocol_decides_what_answers_tell_and_nothing_else() -> None:
    """RICORD: a knee is out by its body part, a scout by its name; a chest CT is undecided, never in unseen."""
    study = _answer(StudyDate="20200401", PatientBirthDate="19500101", StudyDescription="CT")
    verdicts = {
        name: decide_listed(
            load_protocol("ricord"), study, _answer(SeriesInstanceUID="1.3", Modality="CT", **values), clinical=()
        )
        for name, values in {
            "chest": {"BodyPartExamined": "CHEST", "SeriesDescription": "Thorax 1.0"},
            "knee": {"BodyPartExamined": "KNEE"},
            "scout": {"BodyPartExamined": "CHEST", "SeriesDescription": "Topogram"},
        }.items()
    }
    assert verdicts["chest"].verdict is Verdict.UNDECIDED
    assert "image" in verdicts["chest"].criteria, "nobody has seen its pixels"
    assert verdicts["knee"].verdict is verdicts["scout"].verdict is Verdict.OUT
    assert verdicts["scout"].criteria == ("axial",)
