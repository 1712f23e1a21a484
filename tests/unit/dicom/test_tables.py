"""The generated tables agree with their sources and with each other."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest
from pydicom.datadict import dictionary_VR, keyword_for_tag, tag_for_keyword

from radcommons.dicom import allowed
from radcommons.dicom._tables import iods, ps3_15_e1, ps3_15_e1_options, safe_private, words
from radcommons.dicom.profile import CODE_MEANINGS

TOOLS = Path(__file__).resolve().parents[3] / "tools"
CT = "1.2.840.10008.5.1.4.1.1.2"


def tool(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, TOOLS / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def tag(keyword: str) -> int:
    found = tag_for_keyword(keyword)
    assert found is not None
    return int(found)


@pytest.mark.parametrize(
    ("script", "function", "table"),
    [
        ("make_deid_table", "basic_text", ps3_15_e1),
        ("make_iod_table", "text", iods),
        ("make_lexicon", "text", words),
    ],
)
def test_the_generated_table_is_what_its_script_makes(script, function, table):
    """Running the script again over the installed source gives the file in the repository, byte for byte."""
    assert getattr(tool(script), function)() == Path(str(table.__file__)).read_text(encoding="utf-8")


def test_options_speak_of_attributes_of_the_basic_table():
    """Each option departs from an action of the Basic Profile, and its code is one of CID 7050."""
    assert set(ps3_15_e1_options.OPTIONS) <= set(CODE_MEANINGS)
    for code, rows in ps3_15_e1_options.OPTIONS.items():
        assert rows.keys() <= ps3_15_e1.BASIC.keys(), code
        assert set(rows.values()) <= {"K", "C"}


def test_every_date_of_the_basic_table_is_in_the_date_option():
    """Dates that the Basic Profile touches are shifted under Modified Dates, apart from birth and GPS."""
    apart = {tag("PatientBirthDate"), tag("GPSTimeStamp")}
    dates = {t for t in ps3_15_e1.BASIC if dictionary_vr(t) in ("DA", "DT")} - apart
    newer_than_options = {keyword_for_tag(t) for t in dates - ps3_15_e1_options.OPTIONS["113107"].keys()}
    assert newer_than_options == set()


def dictionary_vr(number: int) -> str:
    try:
        return dictionary_VR(number)
    except KeyError:
        return ""


def test_uids_never_stand_under_dummy():
    """(006A,0003) and its like are mapped: a dummy would make all groups one."""
    assert ps3_15_e1.BASIC[0x006A0003] == "U"
    assert not [t for t, letters in ps3_15_e1.BASIC.items() if letters == "D" and dictionary_vr(t) == "UI"]


# Rows of 2026c that 2025b does not have, and why they are there.
NEW_ROWS = {0x0040E012: "an attribute of 2026 that says where an object is retrieved from"}
# The program behind the source of 2025b replaces where the standard empties, leaves sequences to a person, and removes
# what it cannot make a dummy of; each is as strict as the standard or is not asked for here.
CHOICES = {
    ("Z", "D"): {"DA", "TM", "DT", "PN"},
    ("X/Z", "D"): {"DA", "TM"},
    ("D", "C"): {"SQ"},
    ("X/D", "C"): {"SQ"},
    ("X/Z/D", "C"): {"SQ"},
    ("D", "X"): {"OB", "UN", "SQ", "FD", "UC"},
}


def test_editions_differ_only_where_it_is_explained():
    """The Basic column of 2026c has each row of 2025b with an action of its letters, one new row, and known choices."""
    then, now = ps3_15_e1_options.BASIC_OF_EDITION, ps3_15_e1.BASIC
    assert now.keys() - then.keys() == NEW_ROWS.keys()
    assert then.keys() - now.keys() == set()
    for number, letter in then.items():
        letters = now[number].replace("*", "").split("/")
        if letter not in letters:
            assert dictionary_vr(number) in CHOICES[now[number], letter], keyword_for_tag(number)


def test_the_row_that_stands_under_d_but_is_a_uid():
    """(006A,0003) Annotation Group UID: both editions map it, though one source lists it under dummies."""
    assert ps3_15_e1.BASIC[0x006A0003] == ps3_15_e1_options.BASIC_OF_EDITION[0x006A0003] == "U"


def test_safe_private_rows_are_what_the_walk_expects():
    """Each listed private attribute has an odd group, a number below 256, and a representation that can be searched."""
    rows = safe_private.SAFE
    assert len(rows) > 150
    for (creator, group, low), (vr, meaning) in rows.items():
        assert group & 1
        assert 0 <= low <= 0xFF
        assert vr in {"LO", "SH", "CS", "DS", "IS", "FL", "FD", "US", "SS", "UL", "SL", "SQ"}
        assert creator == creator.strip()
        assert meaning
    script = tool("make_safe_private_table")
    assert all(rows[creator, group, low][0] == vr for creator, group, low, vr, _ in script.by_hand())


def test_what_identifies_is_in_the_table():
    """Spot checks against the standard's own text."""
    expected = {
        "PatientName": "Z",
        "PatientID": "Z/D",
        "InstitutionName": "X/Z/D",
        "StudyInstanceUID": "U",
        "PatientAge": "X",
    }
    assert {keyword: ps3_15_e1.BASIC[tag(keyword)] for keyword in expected} == expected
    assert len(ps3_15_e1.BASIC) > 640


def test_definition_of_ct():
    """A CT may hold its acquisition, no ultrasound regions; its pixels' description is Type 1."""
    known = allowed.definition(CT)
    assert known is not None
    assert known.types[tag("Rows")] == "1"
    assert known.types[tag("PatientName")] == "2"
    assert tag("KVP") in known
    assert tag("SequenceOfUltrasoundRegions") not in known
    assert allowed.allowed_tags("1.2.3") is None
    assert tag("KVP") in (allowed.allowed_tags(CT) or ())


def test_nested_attributes_are_looked_up_by_path():
    """What is allowed in one sequence is not therefore allowed in another or at the top."""
    procedure = [tag("RequestAttributesSequence"), tag("RequestedProcedureID")]
    assert allowed.is_allowed(CT, procedure)
    assert not allowed.is_allowed(CT, procedure[1:])
    assert not allowed.is_allowed(CT, [tag("ReferencedImageSequence"), tag("RequestedProcedureID")])
    assert not allowed.is_allowed(CT, [tag("Rows"), tag("Columns")])


def test_content_items_nest_without_end():
    """A report's content items hold content items, however deep."""
    sr = "1.2.840.10008.5.1.4.1.1.88.33"
    content = tag("ContentSequence")
    assert allowed.is_allowed(sr, [content] * 7 + [tag("TextValue")])
    assert not allowed.is_allowed(sr, [content] * 7 + [tag("PatientAddress")])


def test_required_attributes_come_from_mandatory_modules():
    """Type 1 of a module that an object may leave out is not required."""
    required = allowed.required_tags(CT)
    assert {tag("SOPInstanceUID"), tag("Rows"), tag("ImagePositionPatient")} <= required
    assert tag("ClinicalTrialSponsorName") not in required
