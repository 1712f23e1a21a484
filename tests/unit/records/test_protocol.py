"""A protocol decides in three ways, and an unknown fact is never silently out."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from radcommons.platform.policy import load_protocol, shipped_protocols
from radcommons.records.errors import DocumentError, UsageError
from radcommons.records.protocol import FACTS, Verdict, decide, parse_protocol

HEAD = "schema: radcommons/protocol/v1\nid: x\nversion: '1'\ntitle: X\nsource: here\ncriteria:\n"
COVID_CT: dict[str, Any] = {
    "is_image": True,
    "modality": "CT",
    "is_chest": True,
    "age_years": 63,
    "covid_suspected": True,
    "rt_pcr_positive": True,
    "is_axial": True,
    "is_localizer": False,
    "is_projection_image": False,
    "is_screen_save": False,
    "slice_thickness_mm": 3.0,
}


def test_ricord_takes_a_confirmed_adult() -> None:
    """A confirmed adult with an axial chest CT is in, without a wish left."""
    decision = decide(load_protocol("ricord"), COVID_CT)
    assert (decision.verdict, decision.wishes) == (Verdict.IN, ())


@pytest.mark.parametrize(
    ("change", "verdict", "criterion"),
    [
        ({"age_years": 17}, Verdict.OUT, "adult"),
        ({"age_years": 18}, Verdict.IN, None),
        ({"age_years": None}, Verdict.UNDECIDED, "adult"),
        ({"is_chest": False}, Verdict.OUT, "chest"),
        ({"modality": "MR"}, Verdict.OUT, "modality"),
        ({"is_localizer": True}, Verdict.OUT, "axial"),
        ({"is_axial": None}, Verdict.UNDECIDED, "axial"),
        ({"is_axial": None, "is_screen_save": True}, Verdict.OUT, "axial"),
        ({"modality": "DX", "is_axial": None, "slice_thickness_mm": None}, Verdict.IN, None),
        ({"rt_pcr_positive": False}, Verdict.UNDECIDED, "confirmed-or-control"),
        ({"rt_pcr_positive": None, "igm_positive": True}, Verdict.IN, None),
        ({"covid_suspected": False, "rt_pcr_positive": False, "covid_negative": True}, Verdict.IN, None),
    ],
)
def test_ricord_criteria(change: dict[str, Any], verdict: Verdict, criterion: str | None) -> None:
    """Each criterion decides as the published protocol says."""
    decision = decide(load_protocol("ricord"), {**COVID_CT, **change})
    assert decision.verdict is verdict
    assert criterion is None or criterion in decision.criteria


def test_thickness_is_a_wish() -> None:
    """A thin slice is preferred against, never excluded."""
    decision = decide(load_protocol("ricord"), {**COVID_CT, "slice_thickness_mm": 1.0})
    assert (decision.verdict, decision.wishes) == (Verdict.IN, ("thickness",))


@given(st.dictionaries(st.sampled_from(sorted(COVID_CT)), st.none()))
def test_forgetting_facts_never_excludes(forgotten: dict[str, None]) -> None:
    """Whatever is unknown of someone who is in, they are in or undecided, never out."""
    assert decide(load_protocol("ricord"), {**COVID_CT, **forgotten}).verdict is not Verdict.OUT


def test_digest_is_of_the_meaning() -> None:
    """Comments do not change a protocol's digest; a changed number does."""
    text = HEAD + "  - {id: adult, says: Adult., test: {fact: age_years, at_least: 18}}\n"
    assert parse_protocol(text).digest == parse_protocol("# a comment\n" + text).digest
    assert parse_protocol(text).digest != parse_protocol(text.replace("18", "21")).digest


@pytest.mark.parametrize(
    "body",
    [
        "  - {id: a, says: A., test: {fact: shoe_size, is: true}}",
        "  - {id: a, says: A., test: {fact: modality}}",
        "  - {id: a, says: A., test: {}}",
        "  - {id: a, says: A., test: {fact: modality, matches: '('}}",
        2 * "  - {id: a, says: A., test: {fact: is_image, is: true}}\n",
        "  - {id: a, says: A., tset: {fact: is_image, is: true}}",
        "  - [unbalanced",
    ],
)
def test_broken_protocols_are_explained(body: str) -> None:
    """A broken file is refused with a sentence, not a trace."""
    with pytest.raises(DocumentError):
        parse_protocol(HEAD + body + "\n")


def test_unknown_name_lists_the_known() -> None:
    """A wrong name is answered with the right ones."""
    with pytest.raises(UsageError, match="any-imaging"):
        load_protocol("nonsense")


def test_shipped_protocols_describe_every_criterion() -> None:
    """The printed form names each criterion."""
    for protocol in shipped_protocols().values():
        printed = "\n".join(protocol.describe())
        assert all(criterion.says in printed for criterion in protocol.criteria)
    assert all(line.endswith(".") for line in FACTS.values())


ANY = HEAD + "  - {id: image, says: Has pixels., test: {fact: is_image, is: true}}\n"
CHOICE = "one_series:\n  - {id: ct, says: One goes., rank: [{says: Thin., least: slice_thickness_mm}]}\n"
QUOTA = "quotas:\n  - {id: some, says: cases., of: {fact: modality, is: CT}, target: 2}\n"


def test_what_a_protocol_does_not_say_leaves_its_digest() -> None:
    """Protocols without choices and quotas keep the digests they had before there were any; each of both changes it."""
    assert load_protocol("any-imaging").digest.startswith("5ea9309f134dc844")
    digests = {parse_protocol(text).digest for text in (ANY, ANY + CHOICE, ANY + QUOTA, ANY + CHOICE + QUOTA)}
    assert len(digests) == 4


def test_a_criterion_over_a_series_waits_for_the_series() -> None:
    """One image alone is never held for what only its neighbours tell."""
    text = HEAD + "  - {id: whole, says: Whole., test: {fact: missing_slices, at_most: 0}}\n"
    protocol = parse_protocol(text)
    assert decide(protocol, {}).verdict is Verdict.IN
    assert decide(protocol, {}, of_series=True).verdict is Verdict.UNDECIDED
    assert decide(protocol, {"missing_slices": 1}, of_series=True).criteria == ("whole",)


def test_the_words_hold_choices_and_quotas() -> None:
    """`protocol show` says in order what decides, and how many are wanted."""
    words = "\n".join(load_protocol("covid-chest").describe())
    assert "3. A lung kernel before any other." in words
    assert "Wanted: 1 for each of 'positive-ct'" in words


@pytest.mark.parametrize(
    "body",
    [
        "one_series: [{id: ct, says: One., rank: [{says: Nothing.}]}]",
        "one_series: [{id: ct, says: One., rank: [{says: Two., most: rows, least: rows}]}]",
        "one_series: [{id: ct, says: One., rank: [{says: Word., most: modality}]}]",
        "one_series: [{id: ct, says: One., when: {fact: shoe_size, is: 1}, rank: []}]",
        "quotas: [{id: a, says: A., of: {fact: modality, is: CT}}]",
        "quotas: [{id: a, says: A., of: {fact: modality, is: CT}, target: 1, match: b}]",
        "quotas: [{id: a, says: A., of: {fact: modality, is: CT}, match: b}]",
        "quotas: [{id: a, says: A., of: {fact: modality, is: CT}, target: -1}]",
        "quotas: [{id: a, says: A., of: {fact: modality, is: CT}, target: 1, over: never}]",
    ],
)
def test_broken_choices_and_quotas_are_explained(body: str) -> None:
    """A choice that ranks by nothing and a quota that wants nothing are refused with a sentence."""
    with pytest.raises(DocumentError):
        parse_protocol(ANY + body + "\n")
