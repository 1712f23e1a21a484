"""A release's terms keep the terms of every submission in it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from radcommons.records.outcome import Outcomes
from radcommons.records.terms import LICENSES, Terms, strictest

TERMS = st.builds(
    Terms,
    license=st.sampled_from(LICENSES),
    duo=st.lists(st.sampled_from(["DUO:0000042", "DUO:0000046", "DUO:0000018"]), unique=True).map(tuple),
    embargo_until=st.none() | st.sampled_from(["2026-01-01", "2027-01-01"]),
    geography=st.none() | st.lists(st.sampled_from(["DE", "FR", "US"]), unique=True).map(tuple),
)


@given(st.lists(TERMS, min_size=1, max_size=5))
def test_nothing_is_loosened(all_terms: list[Terms]) -> None:
    """Every code, every country limit, the latest embargo and each NC, SA or ND obligation are kept."""
    result = strictest(all_terms)
    for terms in all_terms:
        assert set(terms.duo) <= set(result.duo)
        assert terms.embargo_until is None or (result.embargo_until or "") >= terms.embargo_until
        assert terms.geography is None or set(result.geography or ()) <= set(terms.geography)
        for obligation in ("-NC", "-ND"):
            assert obligation not in terms.license or obligation in result.license


@given(st.lists(TERMS, min_size=1, max_size=5), st.randoms())
def test_order_does_not_matter(all_terms: list[Terms], random: object) -> None:
    """The strictest terms are the same in whatever order submissions came."""
    assert strictest(all_terms) == strictest(list(reversed(all_terms)))
    assert strictest([strictest(all_terms), *all_terms]) == strictest(all_terms)


def test_an_unknown_licence_is_stricter_than_all_known() -> None:
    """A licence of the coalition's own wins over every known one."""
    assert strictest([Terms(license="CC-BY-4.0"), Terms(license="Coalition-1.0")]).license == "Coalition-1.0"


def test_no_data_has_no_terms() -> None:
    """Terms of nothing are refused."""
    with pytest.raises(ValueError, match="at least one"):
        strictest([])


def test_outcomes_that_do_not_add_up_are_named() -> None:
    """A lost file shows as a sentence; a whole road shows none."""
    assert Outcomes(seen=3, held=1, submitted=2, accepted=2, released=2).discrepancies() == []
    assert "seen is 4" in Outcomes(seen=4, held=1, submitted=2, accepted=2, released=2).discrepancies()[0]
