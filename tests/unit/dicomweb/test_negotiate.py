"""What is accepted decides what is answered."""

from __future__ import annotations

import pytest

from radcommons.dicomweb.errors import NotAcceptable
from radcommons.dicomweb.negotiate import Offer, choose, parse_accept

JSON = Offer(media="application/dicom+json")
DICOM = Offer(media="multipart/related", related="application/dicom", transfer_syntaxes=("1.2.840.10008.1.2.1",))
PNG = Offer(media="image/png")
JPEG = Offer(media="image/jpeg")


def test_no_wish_takes_the_servers_own_choice() -> None:
    """Without an Accept header the first offer, or the named default, is made."""
    assert choose([JPEG, PNG], accept=None).offer is JPEG
    assert choose([JPEG, PNG], accept="", default=PNG).offer is PNG


def test_quality_orders_the_wishes() -> None:
    """A higher q wins over order."""
    assert choose([JPEG, PNG], accept="image/jpeg;q=0.2, image/png;q=0.9").offer is PNG


def test_the_narrower_range_wins() -> None:
    """Between equal q, image/png comes before image/*, which comes before */*."""
    assert choose([JPEG, PNG], accept="*/*, image/png").offer is PNG


def test_q_zero_refuses() -> None:
    """q=0 takes an offer out even where a wider range would allow it."""
    assert choose([JPEG, PNG], accept="image/*, image/jpeg;q=0").offer is PNG


def test_type_and_transfer_syntax_of_multipart() -> None:
    """The parameters of multipart/related are honoured, quoted or not, and the syntax is handed on."""
    choice = choose([JSON, DICOM], accept='multipart/related; type="application/dicom"; transfer-syntax=*')
    assert (choice.offer, choice.transfer_syntax) == (DICOM, "*")
    assert choose([DICOM], accept="multipart/related;type=application/dicom").offer is DICOM
    with pytest.raises(NotAcceptable):
        choose([DICOM], accept='multipart/related; type="application/octet-stream"')
    with pytest.raises(NotAcceptable):
        choose([DICOM], accept='multipart/related; type="application/dicom"; transfer-syntax=1.2.840.10008.1.2.4.50')


def test_the_query_parameter_comes_first() -> None:
    """A browser cannot set headers, so ?accept= overrides them (PS3.18 section 8.3.3.1)."""
    assert choose([JSON, PNG], accept="application/dicom+json", parameters=["image/png"]).offer is PNG


@pytest.mark.parametrize("accept", ["text/html", "nonsense", "image/png;q=0"])
def test_nothing_acceptable_is_an_error(accept: str) -> None:
    """A typed error, and not some other representation."""
    with pytest.raises(NotAcceptable):
        choose([PNG], accept=accept)


def test_unreadable_entries_are_passed_over() -> None:
    """One bad entry does not spoil the others."""
    assert [one.media for one in parse_accept("image/png;q=x, , image/jpeg")] == ["image/jpeg"]
