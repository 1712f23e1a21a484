"""Remind: whom a request waits for too long is written to again; nobody is left without an answer."""

from __future__ import annotations

from datetime import timedelta

from radcommons.access import review
from radcommons.access.wording import tell, worded
from radcommons.catalogue import grants, letters, signoffs
from radcommons.catalogue.letters import Draft
from radcommons.platform.clock import instant, now
from radcommons.platform.database import writing
from radcommons.platform.ports import Platform
from radcommons.records.access_request import moment

_OFFICIAL_AFTER = timedelta(days=7)
_AGAIN_AFTER_DAYS = 7


def go_round(platform: Platform) -> None:
    """Write to officials who have not signed for a week, and every week to the members who let a promised day pass."""
    with writing(platform.engine) as connection:
        for link, request in signoffs.waiting(connection, since=instant(now() - _OFFICIAL_AFTER)):
            subject, body = worded(
                "official-again",
                platform=platform,
                title=request.title,
                applicant=request.applicant,
                official=link.name,
                institution=request.answers["institution"],
                until=link.expires_at[:10],
            )
            key = f"official-again-{link.id}"
            draft = Draft(key=key, account=None, address=link.email, subject=subject, body=body, signoff=link.id)
            letters.write(connection, draft)
        for request, clock, members in review.overdue(connection):
            late = (moment(f"{grants.today()}T00:00:00Z") - moment(f"{clock.due}T00:00:00Z")).days
            for member in members:
                tell(
                    connection,
                    member,
                    "overdue",
                    key=f"{request.id}-{request.round}-{late // _AGAIN_AFTER_DAYS}",
                    platform=platform,
                    path=f"/committee/{request.id}",
                    title=request.title,
                    dataset=request.dataset,
                    due=clock.due,
                )
