"""Votes that count, decisions that they carry, and what the days do to a grant."""

from __future__ import annotations

from dataclasses import replace

import pytest

from radcommons.records.committee import Vote, is_entangled, tally
from radcommons.records.grant import Grant, Grantee, reminders_due, why_not_renewable
from radcommons.records.lifecycle import GrantState

A, R, N = Vote.APPROVE, Vote.REFUSE, Vote.ABSTAIN
GRANT = Grant(
    id="grant-1",
    dataset="sealed",
    request="req-1",
    holder=1,
    title="Lungs",
    state=GrantState.LIVE,
    starts="2026-01-01",
    ends="2026-12-31",
    conditions="",
    agreement="a" * 64,
    people=(Grantee(email="a@x.example", name="A", institution="X", account=1, signed_at="2026-01-01T00:00:00Z"),),
)


@pytest.mark.parametrize(
    ("votes", "quorum", "approve", "refuse"),
    [
        ((A, A), 2, True, False),
        ((A,), 2, False, False),
        ((A, N, N), 2, False, False),
        ((A, R), 2, False, False),
        ((A, R, R), 2, False, True),
        ((A, A, R), 3, True, False),
        ((), 1, False, False),
    ],
)
def test_a_majority_of_a_quorum_decides(votes: tuple[Vote, ...], quorum: int, approve: bool, refuse: bool) -> None:
    """Abstentions make no quorum, and a tie decides nothing."""
    found = tally(dict(enumerate(votes)), members=range(5), conflicted=(), quorum=quorum)
    assert (found.can_approve, found.can_refuse) == (approve, refuse)


def test_votes_of_the_conflicted_and_of_strangers_do_not_count() -> None:
    """Who left or is in conflict has no vote, and too few free members are said."""
    found = tally({1: A, 2: A, 9: A}, members=(1, 2, 3), conflicted=(2,), quorum=2)
    assert (found.approve, found.missing, found.reachable) == (1, 1, True)
    assert not tally({}, members=(1, 2), conflicted=(2,), quorum=2).reachable


def test_entanglement_is_seen() -> None:
    """The applicant's self, and whom the request names, in whatever case."""
    assert is_entangled(account=1, email="x@y.example", applicant=1, named=())
    assert is_entangled(account=2, email="X@y.example", applicant=1, named=("x@Y.example",))
    assert not is_entangled(account=2, email="x@y.example", applicant=1, named=("z@y.example",))


@pytest.mark.parametrize(
    ("day", "is_open"), [("2025-12-31", False), ("2026-01-01", True), ("2026-12-31", True), ("2027-01-01", False)]
)
def test_a_grant_opens_between_its_days(day: str, is_open: bool) -> None:
    """First and last day are days of use."""
    assert GRANT.opens_for(1, today=day) is is_open
    assert not GRANT.opens_for(2, today=day)
    assert not replace(GRANT, state=GrantState.REVOKED).opens_for(1, today=day)
    unsigned = replace(GRANT, people=(replace(GRANT.people[0], signed_at=None),))
    assert not unsigned.opens_for(1, today=day)


@pytest.mark.parametrize(
    ("grant", "today", "agreement", "says"),
    [
        (GRANT, "2026-10-31", "a" * 64, "from 2026-11-01 on"),
        (GRANT, "2026-11-01", "a" * 64, ""),
        (GRANT, "2027-03-31", "a" * 64, ""),
        (GRANT, "2027-04-01", "a" * 64, "too long ago"),
        (GRANT, "2026-12-01", "b" * 64, "new version"),
        (GRANT, "2026-12-01", None, "new version"),
        (replace(GRANT, renewals=2), "2026-12-01", "a" * 64, "2 times"),
        (replace(GRANT, state=GrantState.REVOKED), "2026-12-01", "a" * 64, "ended"),
        (replace(GRANT, state=GrantState.EXPIRED), "2027-01-15", "a" * 64, ""),
    ],
)
def test_when_one_click_renews(grant: Grant, today: str, agreement: str | None, says: str) -> None:
    """In its window, not too often, under the agreement that was signed; else the reason."""
    found = why_not_renewable(grant, today=today, window_days=60, most=2, agreement=agreement)
    assert (found == "") is (says == "")
    assert says in found


def test_letters_are_due_by_the_day() -> None:
    """The nearest reminder before the end, the attestation after it, and a second time a month later."""

    def due(day: str, grant: Grant = GRANT) -> tuple[str, ...]:
        return reminders_due(grant, today=day, days_before=(60, 14))

    assert due("2026-06-01") == ()
    assert due("2026-11-01") == ("ends-60-2026-12-31",)
    assert due("2026-12-20") == ("ends-14-2026-12-31",)
    assert due("2027-01-01") == ("destroy-2026-12-31",)
    assert due("2027-02-01") == ("destroy-2026-12-31", "destroy-again-2026-12-31")
    assert due("2026-05-01", replace(GRANT, state=GrantState.REVOKED)) == ("destroy-2026-12-31",)
    assert due("2027-02-01", replace(GRANT, state=GrantState.CLOSED)) == ()
