"""Keyed pseudonyms and date shifts."""

from __future__ import annotations

import pytest

from radcommons.dicom.mapping import PSEUDONYM, KeyedMapper, pseudonym_for, shift_for, whole_weeks
from radcommons.dicom.uids import is_mapped_uid, uid_problem
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
    shifts = [shift_for(SECRET, "ALFA", "", str(number)) for number in range(4000)]
    assert min(shifts) >= -3650
    assert max(shifts) <= -1
    assert len(set(shifts)) > 2000
    assert -1900 < sum(shifts) / len(shifts) < -1750


def test_one_number_at_two_hospitals_is_two_people():
    """Two sites that share a secret give one number other letters, another shift and another accession number."""
    one, other = (KeyedMapper(SECRET, site_code=site, issuer="H", patient_id="12") for site in ("ALFA", "BRAVO"))
    assert one.pseudonym.split("-")[1] != other.pseudonym.split("-")[1]
    assert one.shift_days != other.shift_days
    assert one.accession("A1") != other.accession("A1")
    assert one.uid("1.2.3") == other.uid("1.2.3")


def test_whole_weeks_keep_weekdays():
    """With the weekday policy every shift is a multiple of seven days, into the past, spread over the range."""
    shifts = [shift_for(SECRET, "ALFA", "", str(number), keeps_weekdays=True) for number in range(4000)]
    assert all(shift % 7 == 0 for shift in shifts)
    assert (min(shifts), max(shifts)) == (-3647, -7)
    assert len(set(shifts)) == 521
    assert [whole_weeks(shift) for shift in (-1, -6, -7, -8, -3650, -3647)] == [-7, -7, -7, -7, -3647, -3647]
    mapper = KeyedMapper(
        SECRET,
        site_code="ALFA",
        issuer="",
        patient_id="1",
        pseudonym="ALFA-0000000000",
        shift_days=-30,
        keeps_weekdays=True,
    )
    assert mapper.shift_days == -28


@pytest.mark.parametrize("root", ["1.2.826.0.1.3680043.8.498.", "1.2.826.0.1.3680043.12345678.1234."])
def test_uids_under_an_own_root_are_valid_and_stable(root):
    """New UIDs stand under the organisation's root, are valid, differ, and are the same every time."""
    mapper = KeyedMapper(SECRET, site_code="ALFA", issuer="", patient_id="1", uid_root=root)
    uids = [mapper.uid(f"1.2.{number}") for number in range(200)]
    assert uids == [mapper.uid(f"1.2.{number}") for number in range(200)]
    assert len(set(uids)) == 200
    assert all(uid.startswith(root) and uid_problem(uid) is None and is_mapped_uid(uid, root=root) for uid in uids)
    assert not any(is_mapped_uid(uid) for uid in uids)
    assert not is_mapped_uid(f"{root}1.2", root=root)
