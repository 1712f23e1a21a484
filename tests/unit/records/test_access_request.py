"""Answers are read, cleaned and checked by fields that are data; the clock counts the committee's own time."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from radcommons.records.access_policy import (
    DEFAULT_FORM,
    DEFAULT_POLICY,
    NEEDED,
    AccessPolicy,
    FieldKind,
    FormField,
    check_policy,
)
from radcommons.records.access_request import (
    EMAIL,
    MOST_PEOPLE,
    Step,
    cleaned,
    clock,
    people_of,
    read_answers,
    stated_use,
)
from radcommons.records.documents import parse, plain
from radcommons.records.errors import DocumentError
from radcommons.records.lifecycle import RequestState as S

K = FieldKind


def _read(kind: FieldKind, *given: str, **more: object) -> tuple[object, str]:
    field = FormField(name="one", label="One", kind=kind, **more)  # type: ignore[arg-type]
    answers, faults = read_answers([field], {"one": given})
    return answers["one"], faults.get("one", "")


@pytest.mark.parametrize(
    ("kind", "given", "kept", "is_fine"),
    [
        (K.LINE, "  a\r\nb\x00\u202e ", "a b", True),
        (K.TEXT, " a\r\nb\x07 ", "a\nb", True),
        (K.LINE, "", "", False),
        (K.NUMBER, "12", 12, True),
        (K.NUMBER, "0", "", False),
        (K.NUMBER, "121", "", False),
        (K.NUMBER, "-1", "", False),
        (K.NUMBER, "٣", "", False),
        (K.NUMBER, "1e3", "", False),
        (K.EMAIL, "a@b.example", "a@b.example", True),
        (K.EMAIL, "a@b", "a@b", False),
        (K.COUNTRY, "DE", "DE", True),
        (K.COUNTRY, "de", "", False),
        (K.YES, "yes", True, True),
        (K.YES, "no", False, False),
        (K.PURPOSES, "DUO:0000037", ["DUO:0000037"], True),
        (K.PURPOSES, "DUO:0000006", [], False),  # a dataset's term is no purpose
    ],
)
def test_a_value_by_its_kind(kind: FieldKind, given: str, kept: object, is_fine: bool) -> None:
    """What is kept of a required field, and whether it is said to be wrong."""
    value, fault = _read(kind, given)
    assert value == kept
    assert (fault == "") is is_fine


def test_what_is_too_long_is_cut_and_said() -> None:
    """Nothing longer than its field is kept, whatever a browser sends."""
    assert _read(K.LINE, "x" * 400, longest=10) == ("x" * 10, "Longer than 10 characters; it was cut.")


def test_a_choice_takes_its_options_alone() -> None:
    """Another text is not kept."""
    assert _read(K.CHOICE, "b", options=("a", "b")) == ("b", "")
    assert _read(K.CHOICE, "c", options=("a", "b"))[0] == ""


def test_what_may_stay_empty_may() -> None:
    """An optional field has no fault when nothing is said."""
    assert _read(K.EMAIL, "", is_required=False) == ("", "")


def test_people_are_read_row_by_row() -> None:
    """Empty rows are none, incomplete ones are said, and one address is one person."""
    field = FormField(name="people", label="People", kind=K.PEOPLE, is_required=False)
    given = {
        "people_name": ["A", "", "B", "C"],
        "people_institution": ["X", "", "Y"],
        "people_email": ["A@x.example", "", "a@X.example"],
    }
    answers, faults = read_answers([field], given)
    assert [one["name"] for one in answers["people"]] == ["A", "B", "C"]
    assert "needs a name" in faults["people"]
    answers["people"] = answers["people"][:2]
    assert [one.email for one in people_of(answers)] == ["a@x.example"]
    many = {f"people_{part}": ["a@x.example"] * 40 for part in ("name", "institution", "email")}
    answers, faults = read_answers([field], many)
    assert len(answers["people"]) == MOST_PEOPLE
    assert faults


@pytest.mark.parametrize(
    "address",
    ["", "a", "a@b", "a b@c.example", "a@c.example\n", "a@c.example\r\nBcc: x", "<a@c.example>", "a@-.", "@c.de"],
)
def test_what_is_no_address(address: str) -> None:
    """Whatever could make a second header or a second recipient is no address."""
    assert EMAIL.fullmatch(address) is None


def test_cleaned_keeps_words_apart() -> None:
    """A line end becomes a space in a line, and stays in a text."""
    assert cleaned("a\nb") == "a b"
    assert cleaned("a\r\nb", lines=True) == "a\nb"


def test_stated_use_reads_the_default_form() -> None:
    """What a form says about use; 'none' is no ethics approval."""
    use = stated_use({"purposes": ["DUO:0000037"], "months": 3, "organisation": "for profit", "ethics": " None "})
    assert (use.is_company, use.has_ethics, use.months) == (True, False, 3)
    assert stated_use({"ethics": "Committee 12"}).has_ethics
    assert stated_use({}).purposes == frozenset()


def _clock(*steps: tuple[str, S], now: str) -> tuple[int, int, str | None, bool, str]:
    moment = datetime.fromisoformat(f"{now}T00:00:00").replace(tzinfo=UTC)
    made = clock([Step(at=f"2026-{day}T00:00:00Z", state=state) for day, state in steps], promised_days=10, now=moment)
    return made.waited_days, made.with_committee_days, made.due, made.is_overdue, made.waits_for


def test_the_clock_counts_the_committees_days() -> None:
    """Days with the official and with the applicant are not the committee's; the promised day moves by them."""
    way = [("01-01", S.SUBMITTED), ("01-04", S.ENDORSED), ("01-06", S.UNDER_REVIEW), ("01-08", S.QUESTIONED)]
    assert _clock(*way[:1], now="2026-01-03") == (2, 0, None, False, "official")
    assert _clock(*way[:2], now="2026-01-05") == (4, 1, "2026-01-14", False, "committee")
    assert _clock(*way, now="2026-01-28") == (27, 4, None, False, "applicant")
    answered = [*way, ("01-28", S.UNDER_REVIEW)]
    assert _clock(*answered, now="2026-01-30") == (29, 6, "2026-02-03", False, "committee")
    assert _clock(*answered, now="2026-02-04")[2:] == ("2026-02-03", True, "committee")
    over = [*answered, ("02-02", S.REFUSED)]
    assert _clock(*over, now="2026-09-01") == (32, 9, None, False, "")
    assert _clock(now="2026-01-01")[4] == "applicant"


def test_the_default_policy_holds_together() -> None:
    """It checks, and survives being kept as JSON."""
    check_policy(DEFAULT_POLICY)
    assert parse(AccessPolicy, plain(DEFAULT_POLICY)) == DEFAULT_POLICY
    assert {one.name for one in DEFAULT_FORM} >= set(NEEDED)


@pytest.mark.parametrize("name", sorted(NEEDED))
def test_a_needed_field_stays(name: str) -> None:
    """What the program reads can neither go, nor change its kind, nor be left empty."""
    without = tuple(one for one in DEFAULT_FORM if one.name != name)
    field = next(one for one in DEFAULT_FORM if one.name == name)
    other = K.CHOICE if field.kind is not K.CHOICE else K.LINE
    changed = [(), (replace(field, kind=other, options=("a", "b")),)]
    if name != "people":
        changed.append((replace(field, is_required=False),))
    for more in changed:
        with pytest.raises(DocumentError, match=name):
            check_policy(replace(DEFAULT_POLICY, form=without + more))


def test_a_form_that_does_not_hold_together_is_refused() -> None:
    """Twice the same name, a choice of one, and names that the pages need are refused."""
    for bad in (DEFAULT_FORM[0], FormField(name="x", label="X", kind=K.CHOICE), FormField(name="form_key", label="X")):
        with pytest.raises(DocumentError):
            check_policy(replace(DEFAULT_POLICY, form=(*DEFAULT_FORM, bad)))
