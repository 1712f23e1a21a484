"""Keyed identities, UIDs and dates."""

from __future__ import annotations

import pytest

from radcommons.dicom.dates import age_at, shift_date, shift_datetime
from radcommons.dicom.mapping import PSEUDONYM, KeyedMapper, pseudonym_for, shift_for
from radcommons.dicom.uids import derive_uid, is_mapped_uid, is_standards_own, is_well_known, uid_problem
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


def test_mapped_uids_are_recognised_and_others_are_not():
    """The form of a mapped UID is checked bit by bit."""
    uid = derive_uid(SECRET, "1.2.3")
    assert uid_problem(uid) is None
    assert is_mapped_uid(uid)
    assert uid == derive_uid(SECRET, "1.2.3") != derive_uid(SECRET, "1.2", "3")
    for foreign in (
        "1.2.3",
        "2.25.1",
        "2.25." + "9" * 39,
        "2.25.x",
        f"{uid}.1",
        "2.25.329800735698586629295641978511506172918",
    ):
        assert not is_mapped_uid(foreign), foreign


@pytest.mark.parametrize("bad", ["", "1", "1.02", "1..2", "1.2.", "3.1", "1.a", "1." + "2" * 63, " 1.2"])
def test_uids_that_break_the_standard_have_a_problem(bad):
    """PS3.5 section 9 in examples."""
    assert uid_problem(bad)


def test_well_known_uids():
    """SOP Classes, syntaxes and terminologies are the standard's own; an instance under its root is not."""
    assert is_well_known("1.2.840.10008.5.1.4.1.1.2")
    assert is_well_known("2.16.840.1.113883.6.96")
    assert is_standards_own("1.2.840.10008.5.1.4.1.1.999")
    assert not is_well_known("1.2.840.10008.1.2.3.20200312.1")


@pytest.mark.parametrize(
    ("given", "moved"),
    [
        ("20200301", "20200229"), ("2020.03.01", "20200229"), ("00010101", None), ("20201301", None), ("today", None),
        ("", None), ("20200301 ", "20200229"),
    ],
)  # fmt: skip
def test_dates_move_by_days(given, moved):
    """Leap days count, broken dates are none."""
    assert shift_date(given, -1) == moved


@pytest.mark.parametrize(
    ("given", "moved"),
    [
        ("2020", "2019"), ("202001", "201912"), ("20200301", "20200229"),
        ("20200301101112.25+0100", "20200229101112.25"),
        ("2020030110", "2020022910"), ("20200301-0500", "20200229"), ("x", None),
    ],
)  # fmt: skip
def test_partial_datetimes_keep_their_precision(given, moved):
    """A year stays a year; the offset from UTC goes."""
    assert shift_datetime(given, -1) == moved


def test_age_between_dates():
    """Ages count birthdays, infants have months, the old are capped, and nonsense has no age."""
    assert age_at("19800401", "20200331") == "039Y"
    assert age_at("19800401", "20200401") == "040Y"
    assert age_at("20200101", "20200615") == "005M"
    assert age_at("19200101", "20200615") == "090Y"
    assert age_at("20210101", "20200615") is None
