"""Selecting at a gateway: one series a study, questions that are asked once, quotas, and what comes later."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from pydicom.uid import ComputedRadiographyImageStorage
from tests.functional.gateways import Gateway, make_gateway
from tests.functional.site_inputs import ROOT, ct_slice, write

from radcommons.records.errors import NotFound
from radcommons.site.review import decide
from radcommons.site.selection_questions import answer, questions
from radcommons.site.selection_settle import settle
from radcommons.site.tables import audit, decision

pytestmark = pytest.mark.slow

HEAD = """
schema: radcommons/protocol/v1
id: trial
version: "1"
title: Trial
source: test
criteria:
  - {id: image, says: The object has pixels., test: {fact: is_image, is: true}}
"""
ONE_SERIES = (
    HEAD
    + """
one_series:
  - id: ct
    says: Of the CT series of a study one goes.
    when: {fact: modality, is: CT}
    rank:
      - {says: A lung kernel before any other., test: {fact: kernel, is: lung}}
      - {says: The more slices., most: slices}
"""
)
COMPLETE = (
    HEAD
    + """
  - {id: complete, level: series, says: No slice is missing., test: {fact: missing_slices, at_most: 0}}
"""
)
FRONTAL = (
    HEAD
    + """
  - {id: frontal, says: It is a frontal view., test: {fact: view_kind, is: frontal}}
  - {id: adult, level: patient, says: The patient is an adult., test: {fact: age_years, at_least: 18}}
"""
)


@pytest.fixture
def gateway(tmp_path: Path) -> Gateway:
    """A gateway without a hub."""
    return make_gateway(tmp_path / "gateway", "http://127.0.0.1:9")


def protocol(tmp_path: Path, text: str) -> str:
    """Write a protocol."""
    path = tmp_path / "protocol.yaml"
    path.write_text(text, "utf-8")
    return str(path)


def ct(folder: Path, name: str, *, count: int = 4, skip: int = 0, patient: str = "4711", **changes: Any) -> None:
    """Write one CT series of a study."""
    series = f"{ROOT}.{patient}.1.{1000 + sum(name.encode())}"
    for n in range(1, count + 1):
        if n != skip:
            uids = {"SeriesInstanceUID": series, "SOPInstanceUID": f"{series}.{n}"}
            write(folder / f"{patient}-{name}-{n}", ct_slice(n, patient=patient, **uids, **changes))


def radiograph(folder: Path, number: int, *, patient: str = "4711", **changes: Any) -> None:
    """Write one radiograph."""
    uids = {"SeriesInstanceUID": f"{ROOT}.{patient}.1.{number}", "SOPInstanceUID": f"{ROOT}.{patient}.1.{number}.1"}
    kind = {"SOPClassUID": ComputedRadiographyImageStorage, "Modality": "CR", "ImageOrientationPatient": None}
    write(folder / f"{patient}-cr-{number}", ct_slice(number, patient=patient, **{**kind, **uids, **changes}))


def by_state(gateway: Gateway) -> dict[tuple[str, str], int]:
    """Count files by state and code."""
    found: dict[tuple[str, str], int] = {}
    for row in gateway.rows():
        found[row.state, row.code] = found.get((row.state, row.code), 0) + 1
    return found


def test_one_series_of_a_study_goes_and_the_others_say_why(gateway: Gateway, tmp_path: Path) -> None:
    """The ranking decides; what comes later and is better takes the place of what waits."""
    rule = protocol(tmp_path, ONE_SERIES)
    ct(tmp_path / "a", "soft", ConvolutionKernel="STANDARD", Manufacturer="GE MEDICAL SYSTEMS")
    gateway.add(tmp_path / "a", protocol=rule)
    assert gateway.counts() == {"seen": 4, "ready": 4}
    ct(tmp_path / "b", "lung", count=3, ConvolutionKernel="LUNG", Manufacturer="GE MEDICAL SYSTEMS")
    gateway.add(tmp_path / "b", protocol=rule)
    assert by_state(gateway) == {("excluded", "other-series"): 4, ("ready", ""): 3}
    reasons = {row.reason for row in gateway.rows() if row.state == "excluded"}
    assert reasons == {"Another series of this study was preferred: A lung kernel before any other."}
    assert gateway.counts() == {"seen": 7, "excluded": 4, "ready": 3}


def test_what_was_put_out_comes_back_when_the_preferred_one_goes(gateway: Gateway, tmp_path: Path) -> None:
    """A reviewer takes the preferred series out: the other one goes after all."""
    rule = protocol(tmp_path, ONE_SERIES + "      - {says: Never reached., most: rows}\n")
    for name, kernel in (("soft", "STANDARD"), ("lung", "LUNG")):
        ct(tmp_path / name, name, ConvolutionKernel=kernel, Manufacturer="GE MEDICAL SYSTEMS", BodyPartExamined="CHEST")
        gateway.add(tmp_path / name, protocol=rule)
    with gateway.store() as store:
        with store.change() as change:
            change.connection.exec_driver_sql(
                "UPDATE file SET state = 'held', code = 'burned-in-text' WHERE state = 'ready'"
            )
        assert settle(store).studies == 1
        assert by_state(gateway) == {("excluded", "other-series"): 4, ("held", "burned-in-text"): 4}
        decide(store, [row.id for row in gateway.rows() if row.state == "held"], decision="exclude", reviewer="M. Roe")
        settle(store)
        assert settle(store).studies == 0
    assert by_state(gateway) == {("ready", ""): 4, ("excluded", "burned-in-text"): 4}


def test_an_unknown_kernel_is_a_question_and_no_guess(gateway: Gateway, tmp_path: Path) -> None:
    """Both series wait for one answer about the one with the odd kernel; yes and no lead to different series."""
    rule = protocol(tmp_path, ONE_SERIES)
    ct(tmp_path / "a", "odd", ConvolutionKernel="ZQ-7", Manufacturer="GE MEDICAL SYSTEMS", SeriesDescription="odd")
    ct(tmp_path / "a", "soft", count=5, ConvolutionKernel="STANDARD", Manufacturer="GE MEDICAL SYSTEMS")
    gateway.add(tmp_path / "a", protocol=rule)
    assert by_state(gateway) == {("held", "series-undecided"): 9}
    with gateway.store() as store:
        (one,) = questions(store)
        assert (one.level, len(one.files), one.question) == ("series", 4, "ct/1")
        answer(store, one.id, is_so=False, reviewer="M. Roe")
        assert questions(store) == []
    assert by_state(gateway) == {("excluded", "other-series"): 4, ("ready", ""): 5}


def test_yes_to_the_odd_kernel_takes_it(gateway: Gateway, tmp_path: Path) -> None:
    """The other answer, the other series."""
    rule = protocol(tmp_path, ONE_SERIES)
    ct(tmp_path / "a", "odd", ConvolutionKernel="ZQ-7", Manufacturer="GE MEDICAL SYSTEMS")
    ct(tmp_path / "a", "soft", count=5, ConvolutionKernel="STANDARD", Manufacturer="GE MEDICAL SYSTEMS")
    gateway.add(tmp_path / "a", protocol=rule)
    status, told = gateway.run("select")
    (asked,) = told["questions"]
    assert status == 1
    status, told = gateway.run("select", "--yes", asked["id"], "--reviewer", "M. Roe")
    assert (status, told["questions"]) == (0, [])
    assert by_state(gateway) == {("excluded", "other-series"): 5, ("ready", ""): 4}


def test_a_missing_slice_shows_when_the_series_is_whole(gateway: Gateway, tmp_path: Path) -> None:
    """A series with a gap is out with the criterion's name, and back as soon as the slice comes."""
    rule = protocol(tmp_path, COMPLETE)
    ct(tmp_path / "a", "one", count=6, skip=3)
    gateway.add(tmp_path / "a", protocol=rule)
    assert by_state(gateway) == {("excluded", "criterion-out"): 5}
    ct(tmp_path / "b", "one", count=6)
    gateway.add(tmp_path / "b", protocol=rule)
    assert gateway.counts() == {"seen": 11, "ready": 6, "duplicate": 5}


def test_images_at_one_place_are_asked_about(gateway: Gateway, tmp_path: Path) -> None:
    """A second image of a slice with other bytes and another UID waits; the rest goes."""
    rule = protocol(tmp_path, ONE_SERIES)
    ct(tmp_path / "a", "one", count=5, ConvolutionKernel="LUNG")
    twin = ct_slice(3, SeriesInstanceUID=f"{ROOT}.4711.1.{1000 + sum(b'one')}", SOPInstanceUID=f"{ROOT}.9.9.9")
    twin.PixelData = bytes(2048)
    write(tmp_path / "a" / "twin", twin)
    gateway.add(tmp_path / "a", protocol=rule)
    assert by_state(gateway) == {("ready", ""): 5, ("held", "slice-repeated"): 1}
    with gateway.store() as store:
        (one,) = questions(store)
        answer(store, one.id, is_so=False, reviewer="M. Roe")
    assert by_state(gateway) == {("ready", ""): 5, ("excluded", "slice-repeated"): 1}


def test_one_answer_about_a_patient_is_for_all_of_their_files(gateway: Gateway, tmp_path: Path) -> None:
    """Two open criteria: each is asked once; the answers hold for what comes later, and stand in the attestation."""
    rule = protocol(tmp_path, FRONTAL)
    for number in (1, 2):
        radiograph(tmp_path / "a", number, PatientBirthDate="", SeriesDescription="Thorax")
    gateway.add(tmp_path / "a", protocol=rule)
    with gateway.store() as store:
        asked = questions(store)
        assert sorted((one.question, len(one.files)) for one in asked) == [("adult", 2), ("frontal", 1), ("frontal", 1)]
        for one in asked:
            answer(store, one.id, is_so=one.question == "adult" or one.files == (1,), reviewer="M. Roe")
        with pytest.raises(NotFound):
            answer(store, asked[0].id, is_so=True, reviewer="M. Roe")
    assert by_state(gateway) == {("ready", ""): 1, ("excluded", "criterion-out"): 1}
    radiograph(tmp_path / "b", 3, PatientBirthDate="", ViewPosition="PA")
    gateway.add(tmp_path / "b", protocol=rule)
    assert by_state(gateway) == {("ready", ""): 2, ("excluded", "criterion-out"): 1}
    with gateway.store() as store, store.read() as connection:
        rows = connection.execute(sa.select(decision.c.file, decision.c.reviewer)).all()
        told = [str(row) for row in connection.execute(sa.select(audit))]
    assert {row.reviewer for row in rows} == {"M. Roe"}
    assert {1, 3} <= {row.file for row in rows}
    assert not any("4711" in one or "Quintessa" in one for one in told)


def test_a_no_to_selecting_never_passes_another_question(gateway: Gateway, tmp_path: Path) -> None:
    """A yes about the view leaves the question about writing in the pixels open."""
    rule = protocol(tmp_path, FRONTAL)
    radiograph(tmp_path / "a", 1)
    gateway.add(tmp_path / "a", protocol=rule)
    with gateway.store() as store:
        with store.change() as change:
            change.connection.exec_driver_sql(
                'INSERT INTO finding (file, code, severity, message, "where", answered) '
                "VALUES (1, 'burned-in-text', 'question', 'Text?', '', 0)"
            )
        (one,) = questions(store)
        answer(store, one.id, is_so=True, reviewer="M. Roe")
    assert by_state(gateway) == {("held", "burned-in-text"): 1}


QUOTA = (
    HEAD
    + """
quotas:
  - {id: positive, says: positive cases., of: {fact: rt_pcr_positive, is: true}, target: 2}
  - {id: negative, says: negative cases., of: {fact: covid_negative, is: true}, match: positive, over: OVER}
"""
)


@pytest.mark.parametrize("over", ["hold", "exclude"])
def test_controls_grow_with_the_cases(gateway: Gateway, tmp_path: Path, over: str) -> None:
    """Of three negatives one goes while there is one positive; the next positive lets the second one go."""
    rule = protocol(tmp_path, QUOTA.replace("OVER", over))
    table = tmp_path / "clinical.csv"
    rows = [("1", "positive"), ("2", "negative"), ("3", "negative"), ("4", "negative"), ("5", "positive")]
    table.write_text("patient_id,rt_pcr\n" + "".join(f"{who},{result}\n" for who, result in rows))
    for who in "1234":
        radiograph(tmp_path / "a", 1, patient=who)
    gateway.add(tmp_path / "a", protocol=rule, clinical=table)
    state = {"hold": "held", "exclude": "excluded"}[over]
    assert by_state(gateway) == {("ready", ""): 2, (state, "over-quota"): 2}
    _, told = gateway.run("select")
    assert [(one["quota"], one["wanted"], one["have"], one["owed"]) for one in told["quotas"]] == [
        ("positive", 2, 1, 1),
        ("negative", 1, 1, 0),
    ]
    radiograph(tmp_path / "b", 1, patient="5")
    gateway.add(tmp_path / "b", protocol=rule)
    assert by_state(gateway) == {("ready", ""): 4, (state, "over-quota"): 1}
    if over == "hold":
        with gateway.store() as store:
            (one,) = questions(store)
            answer(store, one.id, is_so=True, reviewer="M. Roe")
        assert by_state(gateway) == {("ready", ""): 5}


CASES = (
    HEAD
    + """
  - id: case
    level: patient
    says: The patient has confirmed COVID-19.
    test: {fact: rt_pcr_positive, is: true}
"""
)


def test_a_table_that_comes_after_the_images_answers_their_questions(gateway: Gateway, tmp_path: Path) -> None:
    """Without a file read again: positive goes, negative is out, and a row of another sex is asked about."""
    rule = protocol(tmp_path, CASES)
    for who in ("0001", "0002", "0003", "0004"):
        radiograph(tmp_path / "a", 1, patient=who)
    gateway.add(tmp_path / "a", protocol=rule)
    assert by_state(gateway) == {("held", "criterion-undecided"): 4}
    table = tmp_path / "lab.csv"
    table.write_text("MRN;sex;PCR\n0001;F;positive\n0002;F;negative\n0003;M;positive\n4;F;positive\n99;F;positive\n")
    mapping = tmp_path / "mapping.json"
    status, told = gateway.run_clinical(table, "--what-if", "--save-mapping", mapping)
    assert (status, told["known"], told["nobody"], told["alike"]) == (
        0,
        3,
        [[6]],
        [{"rows": [5], "how": "zeros in front"}],
    )
    assert by_state(gateway) == {("held", "criterion-undecided"): 4}
    status, told = gateway.run_clinical(table, "--mapping", mapping)
    assert by_state(gateway) == {
        ("ready", ""): 1,
        ("excluded", "criterion-out"): 1,
        ("held", "clinical-contradicts"): 1,
        ("held", "criterion-undecided"): 1,
    }
    gateway.run_clinical(table, "--accept-alike")
    assert by_state(gateway)["ready", ""] == 2
    table.write_text("MRN;sex;PCR\n0001;F;negative\n0003;F;positive\n")
    gateway.run_clinical(table)
    assert by_state(gateway) == {("ready", ""): 2, ("excluded", "criterion-out"): 2}


def test_a_wrong_table_is_seen_and_sends_nothing(gateway: Gateway, tmp_path: Path) -> None:
    """Numbers of other people: the report says so, the status too, and every file waits as before."""
    rule = protocol(tmp_path, CASES)
    for number in range(12):
        radiograph(tmp_path / "a", 1, patient=f"71{number:02}")
    gateway.add(tmp_path / "a", protocol=rule)
    table = tmp_path / "lab.csv"
    table.write_text("MRN,PCR\n" + "".join(f"93{number:02},positive\n" for number in range(12)))
    status, told = gateway.run_clinical(table)
    assert (status, told["known"], told["is_probably_wrong"], len(told["nobody"])) == (1, 0, True, 12)
    assert by_state(gateway) == {("held", "criterion-undecided"): 12}


def test_one_number_of_two_people_joins_neither(gateway: Gateway, tmp_path: Path) -> None:
    """The table names no issuer, so a number that two of them gave says nothing of either."""
    rule = protocol(tmp_path, CASES)
    radiograph(tmp_path / "a", 1, patient="5", IssuerOfPatientID="KIS")
    radiograph(tmp_path / "a", 2, patient="6", PatientID="5", IssuerOfPatientID="LAB")
    gateway.add(tmp_path / "a", protocol=rule)
    table = tmp_path / "lab.csv"
    table.write_text("MRN,PCR\n5,positive\n")
    _, told = gateway.run_clinical(table)
    assert (told["two"], told["patients"]) == ([[2]], 0)
    assert by_state(gateway) == {("held", "criterion-undecided"): 2}


def test_the_flow_is_drawn_on_the_command_line(gateway: Gateway, tmp_path: Path) -> None:
    """`site status --flow` writes a picture that names the criterion and counts every file once."""
    rule = protocol(tmp_path, FRONTAL)
    radiograph(tmp_path / "a", 1, ViewPosition="LL")
    radiograph(tmp_path / "a", 2, ViewPosition="PA")
    gateway.add(tmp_path / "a", protocol=rule)
    picture = tmp_path / "flow.svg"
    gateway.run("status", "--flow", picture)
    drawn = picture.read_text("utf-8")
    assert "Not so: It is a frontal view." in drawn
    assert "Files seen: 2 files." in drawn
    assert "Ready or sent: 1 files." in drawn
