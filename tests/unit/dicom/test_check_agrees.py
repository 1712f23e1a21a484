"""The hub's check and the site's cleaning, which share tables but no steps, agree on every kind of object."""

from __future__ import annotations

import pytest
from pydicom.datadict import tag_for_keyword

from radcommons.dicom.allowed import definition
from radcommons.dicom.deidentify import deidentify
from radcommons.dicom.deidentify_check import not_allowed, unmapped_uids
from radcommons.dicom.profile import load_profile, shipped_options, shipped_profiles
from radcommons.dicom.text_identity import KnownIdentity
from unit.dicom.deid_objects import ct, mapper
from unit.dicom.test_deidentify_leaks import CANARY, NUMBER, SOP_CLASSES, planted

OPTIONS = [f"basic+{name}" for name in shipped_options() if name != "retain-full-dates"]


def objections(kind: str, name: str, depth: int) -> list[str]:
    """Return what the check says of an object that went through a profile with every attribute filled."""
    known = definition(SOP_CLASSES[kind])
    assert known is not None
    dataset = planted(known, depth)
    dataset.file_meta = ct().file_meta
    dataset.SOPClassUID, dataset.SpecificCharacterSet = SOP_CLASSES[kind], "ISO_IR 100"
    dataset.PatientName, dataset.PatientID = f"{CANARY}^A", NUMBER
    profile = load_profile(name)
    fresh = deidentify(dataset, profile=profile, mapper=mapper(), known=KnownIdentity()).dataset
    assert fresh is not None
    assert tag_for_keyword("PatientName") in fresh
    return [*not_allowed(fresh, profile=profile), *unmapped_uids(fresh, profile=profile)]


@pytest.mark.parametrize("name", shipped_profiles())
@pytest.mark.parametrize("kind", SOP_CLASSES)
def test_the_check_accepts_what_a_profile_makes(kind, name):
    """No element that a shipped profile lets through is one that the hub refuses under the same profile."""
    assert objections(kind, name, 2) == []


@pytest.mark.parametrize("name", OPTIONS)
def test_the_check_knows_every_option(name):
    """Each option alone gives objects that the hub accepts under it."""
    assert objections("ct", name, 1) == []
