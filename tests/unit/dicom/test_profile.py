"""Profiles: strict files, digests of meaning, and a printed form."""

from __future__ import annotations

import pytest

from radcommons.dicom.profile import load_profile, shipped_profiles
from radcommons.dicom.profile_file import parse_profile
from radcommons.records.errors import DocumentError, NotFound

GOOD = """
id: ours
version: "1"
title: Our own profile
options:
  - code: 113107
dates: shifted
rules:
  - attribute: StationName
    action: K
    why: The station is a room number that everybody may know.
"""


def test_shipped_profiles_load_and_print():
    """Each shipped profile reads, has a name of its own, and prints its options and rules."""
    assert set(shipped_profiles()) == {"basic", "radcommons", "ricord"}
    for name in shipped_profiles():
        profile = load_profile(name)
        page = "\n".join(profile.describe())
        assert profile.id == name
        assert profile.digest in page
        assert all(code in page for code in profile.codes)
    assert len({load_profile(name).digest for name in shipped_profiles()}) == 3


def test_digest_is_of_the_meaning(tmp_path):
    """Comments, titles and reasons leave the digest alone; an option, a rule or a date does not."""
    path = tmp_path / "ours.yaml"
    path.write_text(GOOD, encoding="utf-8")
    digest = load_profile(path).digest
    path.write_text(
        "# remark\n" + GOOD.replace("Our own", "A new").replace("a room number", "a door"), encoding="utf-8"
    )
    assert load_profile(path).digest == digest
    for old, new in (
        ("action: K", "action: X"),
        ('"1"', '"2"'),
        ("dates: shifted", "dates: shifted\naccession: mapped"),
    ):
        path.write_text(GOOD.replace(old, new), encoding="utf-8")
        assert load_profile(path).digest != digest, new


def test_rules_stand_over_options_over_the_table(tmp_path):
    """An explicit rule wins over an option, an option over the Basic column."""
    path = tmp_path / "ours.yaml"
    path.write_text(GOOD, encoding="utf-8")
    profile = load_profile(path)
    assert profile.action(0x00081010) == "K"
    assert profile.action(0x00080020) == "C"
    assert profile.action(0x00100010) == "Z"
    assert profile.action(0x60003000) == "X"
    assert profile.action(0x00280010) is None


@pytest.mark.parametrize(
    ("old", "new", "place"),
    [
        ("dates: shifted", "dates: removed", "`dates`"),
        ("code: 113107", "code: 999999", "`options` entry 1"),
        ("code: 113107", "code: 113111", "`options` entry 1"),
        ("attribute: StationName", "attribute: StationNme", "`rules` entry 1"),
        ("attribute: StationName", "attribute: PatientName", "`rules` entry 1"),
        ("action: K", "action: Q", "`rules` entry 1"),
        ("action: K", "value: x\n    action: K", "`rules` entry 1"),
        ("    why: The", "    because: The", "`rules` entry 1"),
        ('version: "1"', "version: one", "`version`"),
        ("title:", "titel:", "`titel`"),
        ("options:", "options: [", "line"),
    ],
)
def test_a_bad_file_is_refused_with_place_and_remedy(old, new, place):
    """What cannot be is refused, and the message says where and how to mend it."""
    with pytest.raises(DocumentError) as caught:
        parse_profile(GOOD.replace(old, new), source="ours.yaml")
    assert place in caught.value.what
    assert caught.value.mend


def test_unknown_profile_names_the_shipped_ones():
    """A name that is neither shipped nor a file says what there is."""
    with pytest.raises(NotFound, match="radcommons"):
        load_profile("no-such-profile")
