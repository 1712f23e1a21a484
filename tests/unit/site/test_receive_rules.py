"""Who may push, under which title, and where it goes."""

from __future__ import annotations

import pytest

from radcommons.records.errors import UsageError
from radcommons.site.pacs import parse_peer
from radcommons.site.receive_inbox import Route
from radcommons.site.receive_rules import NO_SUCH_CALLER, NO_SUCH_TITLE, callers_of, rules_of
from radcommons.site.settings import SiteSettings


def _rules(**members: tuple[str, ...]) -> SiteSettings:
    return SiteSettings(hub="http://127.0.0.1:9", sites=("ALFA", "BETA"), **members)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("calling", "address", "is_welcome"),
    [
        ("CT1", "10.9.9.9", True),
        ("CT2", "10.0.0.7", True),
        ("CT2", "::ffff:10.0.0.7", True),
        ("CT2", "10.0.1.7", False),
        ("ANY", "192.168.3.4", True),
        ("ANY", "192.169.3.4", False),
        ("ct1", "10.9.9.9", False),
    ],
)
def test_a_caller_needs_title_and_address(calling: str, address: str, is_welcome: bool) -> None:
    """A title alone, a title from an address or network, or a whole network; nobody else."""
    rules = rules_of(_rules(dimse_callers=("CT1", "CT2@10.0.0.0/24", "*@192.168.0.0/16")))
    objection = rules.objection(calling=calling, called="RADCOMMONS", address=address)
    assert (objection is None) is is_welcome
    assert objection in (None, NO_SUCH_CALLER)


def test_each_title_has_its_protocol_and_site() -> None:
    """A title of its own routes; one that nobody gave is refused."""
    rules = rules_of(_rules(dimse_titles=("COVIDCT=ricord", "BETACT=any-imaging@BETA")))
    assert rules.route("RADCOMMONS") == Route()
    assert rules.route("COVIDCT ") == Route(protocol="ricord")
    assert rules.route("BETACT") == Route(protocol="any-imaging", site="BETA")
    assert rules.objection(calling="X", called="OTHER", address="10.0.0.1") == NO_SUCH_TITLE
    assert rules.objection(calling="X", called="BETACT", address="10.0.0.1") is None


@pytest.mark.parametrize("entry", ["COVIDCT", "=ricord", "A234567890123456X=ricord", "X=ricord@GAMMA"])
def test_a_title_that_does_not_read_is_refused(entry: str) -> None:
    """A slip in the settings must not open a port with other rules than meant."""
    with pytest.raises(UsageError, match="dimse_titles"):
        rules_of(_rules(dimse_titles=(entry,)))


def test_an_address_that_does_not_read_is_refused() -> None:
    """The same for the allow list."""
    with pytest.raises(UsageError, match="dimse_callers"):
        callers_of(("CT1@ct-scanner",))


@pytest.mark.parametrize("text", ["PACS", "PACS@host", "@host:104", "PACS@host:0", "PACS@host:70000", "P\\S@h:1"])
def test_a_peer_that_does_not_read_is_refused(text: str) -> None:
    """AE@HOST:PORT and nothing else."""
    with pytest.raises(UsageError):
        parse_peer(text)


def test_a_peer_may_have_an_ipv6_address() -> None:
    """In brackets, as in a URL."""
    peer = parse_peer("PACS@[::1]:11112")
    assert (peer.aet, peer.host, peer.port) == ("PACS", "::1", 11112)


def test_one_title_answers_to_any_name() -> None:
    """A gateway without further titles takes what is pushed to it, however the PACS calls it."""
    assert rules_of(_rules()).objection(calling="X", called="ANY-SCP", address="10.0.0.1") is None
