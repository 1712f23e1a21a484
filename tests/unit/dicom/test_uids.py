"""UIDs: their form, the standard's own, and derived ones."""

from __future__ import annotations

import pytest

from radcommons.dicom.uids import derive_uid, is_mapped_uid, is_standards_own, is_well_known, uid_problem

SECRET = b"0123456789abcdef"


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
    ("uid", "is_kept_everywhere"),
    [
        ("1.2.840.10008.1.4.1.1", True),  # a well-known frame of reference: Talairach brain atlas
        ("1.2.840.10008.1.4.2.1", True),  # another one, for animals
        ("1.2.840.10008.1.5.1", True),  # a palette
        ("1.2.840.10008.2.16.4", True),  # a coding scheme
        ("1.2.840.10008.7.1.1", True),  # a context group's home
        ("2.16.840.1.113883.6.96", True),  # SNOMED CT
        ("1.2.840.10008.5.1.4.1.1.999.1", False),  # no class of the dictionary: may be an instance of bad software
        ("1.3.12.2.1107.5.9.1", False),  # a vendor's SOP Class: kept where classes stand, mapped where instances stand
    ],
)
def test_well_known_uids_are_never_mapped(uid, is_kept_everywhere):
    """All of PS3.6 Annex A stays at every place; what only looks like it, or is a vendor's class, only as a class."""
    assert is_standards_own(uid)
    assert is_well_known(uid) is is_kept_everywhere


def test_the_standards_root_hides_nothing():
    """Text behind the standard's root is no UID, and is mapped."""
    assert not is_standards_own("1.2.840.10008.QUELLMANN")
    assert not is_standards_own("1.2.840.10008.5." + "1" * 60)
