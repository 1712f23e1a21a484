"""The hub judges every object itself: a clean one passes, each kind of spoiled one is found."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from pydicom.dataset import Dataset

from radcommons.dicom.pixeltext import TextDetector
from radcommons.dicom.profile import load_profile
from radcommons.dicomweb.rawjson import fitted
from radcommons.hub.identity import word_digests
from radcommons.hub.judge import judge
from radcommons.hub.judged import Expected, Judged
from radcommons.records.finding import CODES, Severity
from radcommons.testing.sender import Made, Sender

SENDER = Sender()


def _expected(made: Made, site: str = "ALFA") -> Expected:
    item = made.item
    return Expected(
        digest=item.digest,
        size=item.size,
        site=site,
        sop_class_uid=item.sop_class_uid,
        transfer_syntax_uid=item.transfer_syntax_uid,
        patient=item.patient,
        study_instance_uid=item.study_instance_uid,
        series_instance_uid=item.series_instance_uid,
        sop_instance_uid=item.sop_instance_uid,
    )


def _judged(made: Made, *, expected: Expected | None = None) -> Judged:
    return judge(
        io.BytesIO(made.content),
        expected=expected or _expected(made),
        detector=TextDetector(),
        profile=load_profile("radcommons"),
    )


def _grave(judged: Judged) -> set[tuple[str, str]]:
    return {(one.code, one.where) for one in judged.findings if one.severity is Severity.REFUSAL}


def test_clean_instance_raises_nothing() -> None:
    """What the product's own de-identification made passes the hub's own judgement without a word."""
    judged = _judged(SENDER.instance())
    assert judged.findings == ()
    assert judged.reading is not None
    assert (judged.reading.modality, judged.reading.rows, judged.reading.frames) == ("CT", 32, 1)
    assert json.loads(fitted(judged.reading.document, "http://h"))["00100020"]["Value"] == [
        SENDER.instance().item.patient
    ]


def _private(dataset: Dataset) -> None:
    dataset.private_block(0x0009, "ACME", create=True).add_new(0x01, "LO", "secret")


HOSTILE: dict[str, tuple[Callable[[Dataset], object], str, str]] = {
    "a birth date": (lambda d: setattr(d, "PatientBirthDate", "19600101"), "attribute-not-allowed", "PatientBirthDate"),
    "a private element": (_private, "attribute-not-allowed", ""),
    "an institution": (
        lambda d: setattr(d, "InstitutionName", "General Hospital"),
        "attribute-not-allowed",
        "InstitutionName",
    ),
    "a physician": (
        lambda d: setattr(d, "ReferringPhysicianName", "Doe^Jane"),
        "attribute-not-allowed",
        "ReferringPhysicianName",
    ),
    "a patient's name": (lambda d: setattr(d, "PatientName", "Invented^Ina"), "pseudonym-malformed", "PatientName"),
    "a foreign UID": (
        lambda d: setattr(d, "FrameOfReferenceUID", "1.2.3.4"),
        "uid-root-foreign",
        "FrameOfReferenceUID",
    ),
    "no word that identity was removed": (
        lambda d: delattr(d, "PatientIdentityRemoved"),
        "not-conformant",
        "PatientIdentityRemoved",
    ),
    "no rows": (lambda d: delattr(d, "Rows"), "not-conformant", "Rows"),
    "too few pixels": (lambda d: setattr(d, "PixelData", b"\0" * 64), "not-conformant", "PixelData"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_instance_is_refused(name: str) -> None:
    """An object that carries an identity, or is not usable, is refused by its own header, whatever the site says."""
    spoil, code, where = HOSTILE[name]
    grave = _grave(_judged(SENDER.instance(change=spoil)))
    assert any(found == code and (not where or place == where) for found, place in grave), grave


def test_pseudonym_of_another_site_is_refused() -> None:
    """A pseudonym must carry the code of the site that sent the object."""
    made = SENDER.instance()
    codes = {code for code, _ in _grave(_judged(made, expected=_expected(made, site="BRAVO")))}
    assert codes == {"pseudonym-malformed"}


def test_wrong_bytes_are_found_before_they_are_parsed() -> None:
    """Bytes without the promised digest are refused and nothing of them is kept."""
    made = SENDER.instance()
    judged = _judged(replace(made, content=made.content + b"\0\0"))
    assert _grave(judged) == {("bad-digest", "")}
    assert judged.reading is None


@pytest.mark.parametrize("field", ["sop_class_uid", "sop_instance_uid", "study_instance_uid", "series_instance_uid"])
def test_announced_differently(field: str) -> None:
    """An object that is another than the submission says is refused."""
    made = SENDER.instance()
    changed: dict[str, Any] = {field: "2.25.1"}
    codes = {code for code, _ in _grave(_judged(made, expected=replace(_expected(made), **changed)))}
    assert codes == {"announced-differently"}


def test_text_is_no_object() -> None:
    """Bytes that are no DICOM object are refused with the reader's reason."""
    made = SENDER.instance()
    text = b"no object at all" * 40
    import hashlib

    expected = replace(_expected(made), digest=hashlib.sha256(text).hexdigest(), size=len(text))
    assert _grave(_judged(replace(made, content=text), expected=expected)) == {("not-dicom", "")}


def test_unusual_word_is_a_question() -> None:
    """A word outside the lexicon in a description waits for a person; it is no refusal."""
    judged = _judged(SENDER.instance(change=lambda d: setattr(d, "SeriesDescription", "lung Quixotewska")))
    assert [(one.code, one.severity, one.where) for one in judged.findings] == [
        ("unusual-text", Severity.QUESTION, "SeriesDescription")
    ]


def test_words_with_digits_are_counted_not_told() -> None:
    """Words that only their rarity can judge leave the worker as digests."""
    dataset = Dataset()
    dataset.SeriesDescription = "lung 4711X kernel"
    found = list(word_digests(dataset))
    assert [place for _, place in found] == ["SeriesDescription"]
    assert all("4711" not in digest for digest, _ in found)


def test_no_finding_quotes_a_value() -> None:
    """Whatever is found, the words of the finding are the hub's own."""
    for spoil, _, _ in HOSTILE.values():
        for one in _judged(SENDER.instance(change=spoil)).findings:
            assert one.code in CODES
            assert not any(
                value in one.message for value in ("Invented", "19600101", "General", "Doe", "1.2.3", "secret")
            )
