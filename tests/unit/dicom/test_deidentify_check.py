"""The hub's judgement of objects that are said to be de-identified."""

from __future__ import annotations

import pytest

from radcommons.dicom.deidentify_check import foreign_tokens, not_allowed, text_tokens, unmapped_uids
from radcommons.dicom.profile import load_profile, shipped_profiles
from radcommons.dicom.uids import derive_uid
from unit.dicom.deid_objects import clean, code, ct


@pytest.mark.parametrize("name", shipped_profiles())
def test_what_the_site_makes_passes(name):
    """An object that went through a profile holds nothing that the hub objects to."""
    fresh = clean(ct(), profile=name)
    assert list(not_allowed(fresh, profile=load_profile(name))) == []
    assert list(unmapped_uids(fresh)) == []
    assert list(foreign_tokens(fresh)) == []


def test_an_identified_object_does_not_pass():
    """Every kind of slip is named by path."""
    paths = set(not_allowed(ct(), profile=load_profile("radcommons")))
    assert {"PatientName", "PatientID", "PatientBirthDate", "InstitutionName", "ReferringPhysicianName"} <= paths
    assert {"(0011,1001)", "OverlayData", "DeviceSerialNumber", "TimezoneOffsetFromUTC"} <= paths
    uids = set(unmapped_uids(ct()))
    assert {"StudyInstanceUID", "ReferencedImageSequence.ReferencedSOPInstanceUID"} <= uids
    assert "SOPClassUID" not in uids


@pytest.mark.parametrize(
    ("keyword", "value"),
    [
        ("PatientBirthDate", "19280101"),
        ("InstitutionName", "Waldgrund"),
        ("OtherPatientIDs", "12"),
        ("PatientID", "12"),
    ],
)
def test_single_slips_are_found_without_a_profile(keyword, value):
    """What no profile lets through is found even when the hub does not know the profile."""
    fresh = clean(ct())
    setattr(fresh, keyword, value)
    assert list(not_allowed(fresh)) == [keyword]


def test_nested_slips_are_found():
    """An attribute outside the definition of its sequence is named with its path."""
    fresh = clean(ct())
    fresh.RequestAttributesSequence[0].PatientAddress = "Elm 1"
    assert list(not_allowed(fresh)) == ["RequestAttributesSequence.PatientAddress"]


def test_profile_decides_what_may_be_left():
    """A description is fine after one profile and a slip after another."""
    fresh = clean(ct())
    assert "SeriesDescription" in set(not_allowed(fresh, profile=load_profile("basic")))
    assert "SeriesDescription" not in set(not_allowed(fresh, profile=load_profile("radcommons")))


def test_foreign_words_go_to_a_curator():
    """A name and a long number in a description are foreign; clinical words and decimals are not."""
    fresh = clean(ct())
    fresh.SeriesDescription = "Lung Ubbelohde 1.234567 12345678"
    assert set(foreign_tokens(fresh)) == {("SeriesDescription", "ubbelohde"), ("SeriesDescription", "12345678")}


def test_meanings_of_codes_must_be_those_of_the_terminology():
    """A name behind a standard code is foreign; the standard's own meaning is not even counted."""
    fresh = clean(ct())
    procedure = fresh.RequestAttributesSequence[0]
    procedure.RequestedProcedureCodeSequence = [code("121311", "DCM", "Localizer"), code("121311", "DCM", "Ubbelohde")]
    path = "RequestAttributesSequence.RequestedProcedureCodeSequence.CodeMeaning"
    assert [found for found in text_tokens(fresh) if found[0] == path] == [(path, "ubbelohde")]
    assert list(foreign_tokens(fresh)) == [(path, "ubbelohde")]


@pytest.mark.parametrize(
    ("creator", "tag", "vr", "value", "is_fine"),
    [
        ("SIEMENS MR HEADER", 0x0019100C, "IS", "800", True),
        ("SIEMENS MR HEADER", 0x00191008, "CS", "IMAGE NUM 4", False),
        ("SIEMENS CSA HEADER", 0x00191010, "OB", b"QUELLMANN", False),
        ("SIEMENS MR HEADER", 0x0019100C, "UN", b"800 ", False),
        ("siemens mr header", 0x0019100C, "IS", "800", False),
        ("SIEMENS MR HEADER", 0x0019110C, "IS", "800", False),
    ],
)
def test_private_elements_pass_by_the_list_alone(creator, tag, vr, value, is_fine):
    """A listed element in the block of its creator passes under the option; what only looks like one is named."""
    fresh = clean(ct())
    fresh.add_new(0x00190010, "LO", creator)
    fresh.add_new(tag, vr, value)
    slips = set(not_allowed(fresh, profile=load_profile("radcommons")))
    assert (f"({tag >> 16:04X},{tag & 0xFFFF:04X})" not in slips) is is_fine
    assert f"({tag >> 16:04X},{tag & 0xFFFF:04X})" in set(not_allowed(fresh, profile=load_profile("ricord")))


def test_times_and_signatures_are_slips_where_they_may_not_be():
    """A time of day after a profile that removes times, and a signature after any, are named."""
    fresh = clean(ct())
    assert "StudyTime" in set(not_allowed(fresh, profile=load_profile("midrc-like")))
    assert "AcquisitionDateTime" in set(not_allowed(fresh, profile=load_profile("midrc-like")))
    fresh.MACParametersSequence = [code("1", "DCM", "no code at all")]
    assert "MACParametersSequence" in set(not_allowed(fresh, profile=load_profile("radcommons")))


def test_a_root_of_the_profile_is_known(tmp_path):
    """UIDs under the profile's own root are mapped ones; under another profile they are foreign."""
    path = tmp_path / "ours.yaml"
    path.write_text(
        'id: ours\nversion: "1"\ntitle: Ours\nextends: radcommons\nuid_root: "1.2.826.0.1.3680043.8.498."\n',
        encoding="utf-8",
    )
    fresh = clean(ct())
    fresh.SeriesInstanceUID = derive_uid(b"a secret of sixteen", "1.2.3", root="1.2.826.0.1.3680043.8.498.")
    assert list(unmapped_uids(fresh, profile=load_profile(path))) == []
    assert list(unmapped_uids(fresh)) == ["SeriesInstanceUID"]
    assert list(unmapped_uids(ct(), profile=load_profile("basic+retain-uids"))) == []
