"""Profiles: strict files, digests of meaning, and a printed form."""

from __future__ import annotations

from pathlib import Path

import pytest

from radcommons.dicom.profile import load_profile, shipped_options, shipped_profiles
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
    assert set(shipped_profiles()) == {
        "basic",
        "midrc-like",
        "radcommons",
        "research-max-utility",
        "ricord",
    }
    for name in shipped_profiles():
        profile = load_profile(name)
        page = "\n".join(profile.describe())
        assert profile.id == name
        assert profile.digest in page
        assert all(code in page for code in profile.codes)
    assert len({load_profile(name).digest for name in shipped_profiles()}) == 5


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
        ("code: 113107", "code: 113111", "`dates`"),
        ("  - code: 113107", "  - code: 113107\n  - code: 113111\n    only: [StudyDate]", "`options` entry 2"),
        ("  - code: 113107", "  - code: 113107\n  - code: 113106", "`options`"),
        ("  - code: 113107", "  - code: 113107\n  - code: 113107", "`options`"),
        ("  - code: 113107\ndates: shifted", "  - code: 113106\ndates: full", "`agreement`"),
        ("dates: shifted", "dates: shifted\nagreement: DUA 7", "`agreement`"),
        ("  - code: 113107\ndates: shifted", "  - code: 113105\nweekdays: keep", "`weekdays`"),
        ("dates: shifted", "dates: shifted\nuid_root: 1.2.3", "`uid_root`"),
        ("dates: shifted", 'dates: shifted\nuid_root: "1.02.3."', "`uid_root`"),
        ("  - code: 113107", '  - code: 113107\n  - code: 113110\nuid_root: "1.2.3."', "`uid_root`"),
        ("attribute: StationName", "attribute: StudyInstanceUID", "`rules` entry 1"),
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


def write(folder, name: str, text: str) -> str:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return str(path)


def test_a_file_extends_profiles_and_options(tmp_path):
    """The later one wins, by option and by rule; `without` takes an option away; a file names its neighbour."""
    write(tmp_path, "base.yaml", GOOD)
    own = """
id: more
version: "2"
title: Our second profile
extends: [base.yaml, clean-graphics]
options:
  - code: 113108
    only: [PatientSex]
rules:
  - attribute: StationName
    action: Z
    why: We thought again.
"""
    profile = load_profile(write(tmp_path, "more.yaml", own))
    assert profile.codes == ("113100", "113103", "113107", "113108")
    assert profile.action(0x00081010) == "Z"
    assert profile.shifts_dates
    assert profile.version == "2"
    without = load_profile(write(tmp_path, "less.yaml", own + "without: [113107]\n"))
    assert without.codes == ("113100", "113103", "113108")
    assert without.temporal_information == "REMOVED"


@pytest.mark.parametrize(
    ("addition", "place"),
    [("extends: [ours.yaml]\n", "`extends`"), ("extends: 7\n", "`extends`"), ("without: [113101]\n", "`without`")],
)
def test_a_composition_that_cannot_be_is_refused(tmp_path, addition, place):
    """Files that extend each other in a circle, malformed names, and options that nobody has are refused by place."""
    with pytest.raises(DocumentError) as caught:
        load_profile(write(tmp_path, "ours.yaml", GOOD + addition))
    assert place in caught.value.what
    assert caught.value.mend


def test_options_are_profiles_that_can_be_joined():
    """Each of the twelve options is a file of its own that joins another profile by a plus sign."""
    assert len(shipped_options()) == 12
    codes = set()
    for name in shipped_options():
        if name == "retain-full-dates":
            continue
        profile = load_profile(f"basic+{name}")
        assert profile.id == f"basic+{name}"
        codes |= set(profile.codes)
    assert codes == {f"1131{number:02d}" for number in range(13)} - {"113106"}
    joined = load_profile("basic+retain-safe-private+clean-graphics")
    assert joined.codes == ("113100", "113103", "113111")
    with pytest.raises(DocumentError, match="contradict"):
        load_profile("radcommons+retain-full-dates")


def test_full_dates_need_an_agreement(tmp_path):
    """Option 113106 alone is refused; with the agreement that allows it, dates stay and the page names it."""
    with pytest.raises(DocumentError, match="agreement"):
        load_profile("basic+retain-full-dates")
    text = GOOD.replace("  - code: 113107\ndates: shifted", "  - code: 113106\nagreement: DUA 2026-17, section 4")
    profile = load_profile(write(tmp_path, "full.yaml", text))
    assert profile.keeps_dates
    assert profile.temporal_information == "UNMODIFIED"
    assert "DUA 2026-17, section 4" in "\n".join(profile.describe())


def test_what_pixels_alone_make_true_is_no_code_of_the_header():
    """Options about pixels and faces belong to the profile, and are not stated of an object by its header alone."""
    profile = load_profile("radcommons+clean-visual-features")
    assert {"113101", "113102"} <= set(profile.codes)
    assert not {"113101", "113102"} & set(profile.header_codes)


def test_the_profile_of_the_how_to_is_one(tmp_path):
    """The file that the page on writing profiles shows reads, and means what the page says."""
    page = (Path(__file__).resolve().parents[3] / "docs" / "how-to" / "write-a-profile.md").read_text("utf-8")
    text = page.partition("```yaml\n")[2].partition("```")[0]
    profile = load_profile(write(tmp_path, "ours.yaml", text))
    assert profile.has("113109")
    assert not profile.keeps_safe_private
    assert profile.keeps_weekdays
    assert not profile.keeps_times
    assert profile.action(0x00104000) == "X"
    assert "Our wards write names there." in "\n".join(profile.describe())
