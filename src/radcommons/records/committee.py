"""A committee's rules: who may vote, what a quorum is, and when a decision can be made."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum


class Vote(StrEnum):
    """What a member says."""

    APPROVE = "approve"
    REFUSE = "refuse"
    ABSTAIN = "abstain"


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """How the votes stand.

    Parameters
    ----------
    approve, refuse, abstain : int
        Votes of members who may vote.
    missing : int
        Votes that the quorum still lacks.
    can_approve, can_refuse : bool
        Whether the decision may be made now.
    reachable : bool
        Whether enough members are without a conflict for the quorum.
    """

    approve: int
    refuse: int
    abstain: int
    missing: int
    can_approve: bool
    can_refuse: bool
    reachable: bool


def tally(votes: Mapping[int, Vote], *, members: Iterable[int], conflicted: Iterable[int], quorum: int) -> Tally:
    """Return how the votes stand: those of former members and of members in conflict do not count.

    Parameters
    ----------
    votes : mapping of account to Vote
    members, conflicted : iterable of account
    quorum : int
        Votes that a decision needs, abstentions not counted. A tie refuses nothing and approves nothing.
    """
    free = set(members) - set(conflicted)
    counted = [vote for member, vote in votes.items() if member in free]
    approve, refuse = counted.count(Vote.APPROVE), counted.count(Vote.REFUSE)
    missing = max(quorum - approve - refuse, 0)
    return Tally(
        approve=approve,
        refuse=refuse,
        abstain=counted.count(Vote.ABSTAIN),
        missing=missing,
        can_approve=missing == 0 and approve > refuse,
        can_refuse=missing == 0 and refuse > approve,
        reachable=len(free) >= quorum,
    )


def is_entangled(*, account: int, email: str, applicant: int, named: Iterable[str]) -> bool:
    """Say whether a member is in conflict without declaring it: the applicant's self, or named in the request."""
    return account == applicant or email.casefold() in {one.casefold() for one in named}
