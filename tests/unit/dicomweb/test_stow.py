"""The answer to a store request tells each instance's fate."""

from __future__ import annotations

from radcommons.dicomweb.stow import Failed, Failure, Stored, response, status

GOOD = Stored(
    sop_class_uid="1.2.840.10008.5.1.4.1.1.2", sop_instance_uid="2.25.1", retrieve_url="/studies/1/series/2/x"
)
BAD = Failed(reason=Failure.CANNOT_UNDERSTAND, sop_class_uid="1.2.840.10008.5.1.4.1.1.2", sop_instance_uid="2.25.2")
NONE = Failed(reason=Failure.PROCESSING)


def test_the_status_tells_all_some_none() -> None:
    """200 all stored, 202 some, 409 none (PS3.18 table 10.5.3-1)."""
    assert (status([GOOD], []), status([GOOD], [BAD]), status([], [BAD])) == (200, 202, 409)


def test_each_instance_stands_in_its_sequence() -> None:
    """Stored under (0008,1199), failed under (0008,1198) with a reason."""
    body = response([GOOD], [BAD], root="http://h")
    assert body["00081190"]["Value"] == ["http://h/studies/1"]
    stored = body["00081199"]["Value"][0]
    assert stored["00081155"]["Value"] == ["2.25.1"]
    assert stored["00081190"]["Value"] == ["http://h/studies/1/series/2/x"]
    failed = body["00081198"]["Value"][0]
    assert failed["00081155"]["Value"] == ["2.25.2"]
    assert failed["00081197"] == {"vr": "US", "Value": [0xC000]}


def test_a_part_without_uids_is_an_other_failure() -> None:
    """A part that is no DICOM object has no reference and goes to (0008,119A)."""
    body = response([], [NONE])
    assert list(body) == ["0008119A"]
    assert body["0008119A"]["Value"][0]["00081197"]["Value"] == [0x0110]
