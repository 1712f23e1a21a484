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
