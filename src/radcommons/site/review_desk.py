"""What the pages of the review share: who decides, where to go next, and how long it will take."""

from __future__ import annotations

from dataclasses import dataclass

import sqlalchemy as sa
from fastapi import Request

from radcommons.site.desk import Desk
from radcommons.site.review_cases import Case, cases, questions_of_selection
from radcommons.site.review_decide import Reviewer, reviewer_mark
from radcommons.site.review_groups import Group, overview, settle
from radcommons.site.review_pixels import Pictures
from radcommons.site.review_sample import below_over_all, sample_size
from radcommons.site.sessions import SiteSession
from radcommons.site.store import Store
from radcommons.site.tables_users import account

# A glance at a study before and after, and the key that leads on; measured on nobody, stated on the page.
SECONDS_A_LOOK, SECONDS_A_KEY = 6.0, 1.1


def reviewer_of(session: SiteSession) -> Reviewer:
    """Return who is here as the one who decides."""
    return Reviewer(name=session.user, role=session.role.value, actor=session.actor)


def signature_of(store: Store, session: SiteSession) -> str:
    """Return role and mark, as they stand beside a decision in the attestation."""
    return f"{session.role.value} {reviewer_mark(store, session.user)}"


def names_of(store: Store) -> dict[str, str]:
    """Return the name behind each signature, for colleagues at this hospital."""
    with store.read() as connection:
        people = connection.execute(sa.select(account.c.name, account.c.role)).all()
    return {f"{row.role} {reviewer_mark(store, row.name)}": row.name for row in people}


def pictures(request: Request, desk: Desk) -> Pictures:
    """Return the application's pictures, made at the first call."""
    found: Pictures | None = getattr(request.app.state, "review_pictures", None)
    if found is None:
        found = request.app.state.review_pictures = Pictures(desk.store)
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """All that waits for a reviewer.

    Parameters
    ----------
    groups : list of Group
    cases : list of Case
        Held files, one question each.
    of_selection : int
        Studies that wait for an answer of the protocol's kind, on its own page.
    """

    groups: list[Group]
    cases: list[Case]
    of_selection: int

    @property
    def studies(self) -> int:
        """Studies that wait with their groups."""
        return sum(group.studies for group in self.groups)

    @property
    def to_open(self) -> int:
        """Studies of samples that are still to be opened, of groups without a sample as many as there will be."""
        return sum(group.sampled - group.seen if group.sampled else sample_size(group.studies) for group in self.groups)

    @property
    def minutes(self) -> int:
        """How long it takes: a look and a key for each study of a sample and each case, a few keys for each group."""
        looks = self.to_open + len(self.cases)
        return round((looks * (SECONDS_A_LOOK + SECONDS_A_KEY) + 3 * len(self.groups) * SECONDS_A_KEY) / 60 + 0.49)

    @property
    def below(self) -> float:
        """The share of all studies that may be wrong at most once every sample was opened and none was."""
        return below_over_all([(one.studies, one.sampled or sample_size(one.studies)) for one in self.groups])


def work_of(store: Store) -> Work:
    """Return all that waits now."""
    settle(store)
    with store.read() as connection:
        return Work(
            groups=overview(connection), cases=cases(connection), of_selection=questions_of_selection(connection)
        )
