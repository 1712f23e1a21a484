"""Keyed pseudonyms and date shifts."""

from __future__ import annotations

import pytest

from radcommons.dicom.mapping import PSEUDONYM, KeyedMapper, pseudonym_for, shift_for
from radcommons.records.errors import UsageError

SECRET = b"0123456789abcdef"


def test_pseudonyms_have_their_pattern_and_depend_on_everything():
    """Secret, site, issuer and number each make another pseudonym."""
    one = pseudonym_for(SECRET, "ALFA", "H1", "12")
    assert PSEUDONYM.fullmatch(one)
    others = [
        pseudonym_for(SECRET + b"x", "ALFA", "H1", "12"),
        pseudonym_for(SECRET, "BRAVO", "H1", "12"),
        pseudonym_for(SECRET, "ALFA", "H2", "12"),
        pseudonym_for(SECRET, "ALFA", "H1", "13"),
        pseudonym_for(SECRET, "ALFA", "H11", "2"),
    ]
    assert len({name.split("-")[1] for name in [one, *others[0:1], *others[2:]]}) == 5
    assert one not in others


def test_crosswalk_stands_over_derivation():
    """What the crosswalk holds is used instead of what the secret would give."""
    mapper = KeyedMapper(
        SECRET, site_code="ALFA", issuer="", patient_id="1", pseudonym="ALFA-0000000000", shift_days=-7
    )
    assert (mapper.pseudonym, mapper.shift_days) == ("ALFA-0000000000", -7)


def test_weak_secrets_and_bad_site_codes_are_refused():
    """A short secret or a malformed site code is an error with a remedy."""
    with pytest.raises(UsageError):
        pseudonym_for(b"short", "ALFA", "", "1")
    with pytest.raises(UsageError):
        pseudonym_for(SECRET, "alfa", "", "1")


def test_shifts_cover_ten_years_into_the_past():
    """Over many patients the shifts spread over the whole range and are never 0."""
    shifts = [shift_for(SECRET, "", str(number)) for number in range(4000)]
    assert min(shifts) >= -3650
    assert max(shifts) <= -1
    assert len(set(shifts)) > 2000
    assert -1900 < sum(shifts) / len(shifts) < -1750
