"""A grant: what a committee has allowed to named people, for one dataset, between two days."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from radcommons.records.access_request import day_after
from radcommons.records.lifecycle import GrantState

MOST_DAYS_LATE = 90  # so long after its end a grant can be renewed without a new request


@dataclass(frozen=True, slots=True, kw_only=True)
class Grantee:
    """Somebody whom a grant names; it opens for them once they have signed.

    Parameters
    ----------
    email, name, institution : str
    account : int or None
        Whose account has signed; None before.
    signed_at : str or None
    """

    email: str
    name: str
    institution: str
    account: int | None = None
    signed_at: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant:
    """Who may have which dataset, from when until when, under which conditions.

    Parameters
    ----------
    id : str
    dataset, request : str
    holder : int
        The account of the applicant, who answers for the others.
    title : str
        Of the project.
    state : GrantState
    starts, ends : str
        ISO days; the last day is one of use.
    conditions : str
    agreement : str
        Digest of the text that was signed.
    renewals : int
        How often it was renewed by one click.
    revoked_reason, attestation : str
    people : tuple of Grantee
    """

    id: str
    dataset: str
    request: str
    holder: int
    title: str
    state: GrantState
    starts: str
    ends: str
    conditions: str
    agreement: str
    renewals: int = 0
    revoked_reason: str = ""
    attested_at: str | None = None
    attestation: str = ""
    people: tuple[Grantee, ...] = ()

    def is_live(self, today: str) -> bool:
        """Say whether it is in force on a day."""
        return self.state is GrantState.LIVE and self.starts <= today <= self.ends

    def opens_for(self, account: int, *, today: str) -> bool:
        """Say whether it lets a person in: in force, and signed by them."""
        return self.is_live(today) and any(one.account == account and one.signed_at for one in self.people)

    def owes_attestation(self, today: str) -> bool:
        """Say whether its holder is to attest that every copy is destroyed."""
        return self.state in (GrantState.EXPIRED, GrantState.REVOKED) or (
            self.state is GrantState.LIVE and self.ends < today
        )


def why_not_renewable(grant: Grant, *, today: str, window_days: int, most: int, agreement: str | None) -> str:
    """Return why one click does not renew a grant, or an empty text where it does.

    Parameters
    ----------
    grant : Grant
    today : str
        ISO day.
    window_days : int
        How long before the end it can be renewed.
    most : int
        How often without a new request.
    agreement : str or None
        Digest of the agreement in force.
    """
    if grant.state not in (GrantState.LIVE, GrantState.EXPIRED):
        return "It was ended."
    if grant.renewals >= most:
        return f"It was renewed {most} times; a short request lets the committee look again."
    if agreement != grant.agreement:
        return "The agreement has a new version; a short request lets you sign it."
    if today < day_after(grant.ends, -window_days):
        return f"It can be renewed from {day_after(grant.ends, -window_days)} on."
    if today > day_after(grant.ends, MOST_DAYS_LATE):
        return "It ended too long ago."
    return ""


def reminders_due(grant: Grant, *, today: str, days_before: Sequence[int]) -> tuple[str, ...]:
    """Return the keys of the letters that are due about a grant's end; each key is written once for each end."""
    due: list[str] = []
    if grant.state is GrantState.LIVE:
        near = [days for days in days_before if today >= day_after(grant.ends, -days)]
        if near and today <= grant.ends:
            due.append(f"ends-{min(near)}-{grant.ends}")
    if grant.owes_attestation(today):
        due.append(f"destroy-{grant.ends}")
        if today >= day_after(grant.ends, 30):
            due.append(f"destroy-again-{grant.ends}")
    return tuple(due)
