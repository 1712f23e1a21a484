"""Who may see what: ONE function per kind. DICOMweb, portal and API filter by these and by nothing else."""

from __future__ import annotations

import sqlalchemy as sa

from radcommons.catalogue import tables as t
from radcommons.catalogue import tables_access as a
from radcommons.catalogue.tables_cohorts import cohort_release, cohort_version
from radcommons.platform.clock import now
from radcommons.records.event import Actor, Role
from radcommons.records.lifecycle import InstanceState
from radcommons.records.terms import Tier

# What a release may serve: a superseded version stays citable, a withdrawn one is gone.
SERVED = (InstanceState.ACCEPTED, InstanceState.SUPERSEDED)


def _tiers(actor: Actor) -> tuple[Tier, ...]:
    """Return the tiers that an actor may see without a grant."""
    return (Tier.OPEN, Tier.REGISTERED) if actor.roles else (Tier.OPEN,)


def visible_releases(actor: Actor) -> sa.ColumnElement[bool]:
    """Return the condition on `release` for its content: tier or grant, and embargo. A curator sees all."""
    if actor.has(Role.ADMINISTRATOR, Role.CURATOR):
        return sa.true()
    free = sa.or_(t.release.c.embargo_until.is_(None), t.release.c.embargo_until <= now().strftime("%Y-%m-%d"))
    reached: sa.ColumnElement[bool] = t.release.c.tier.in_(_tiers(actor))
    if actor.grants:
        reached = sa.or_(reached, t.release.c.dataset.in_(sorted(actor.grants)))
    return sa.and_(reached, free)


def listed_releases(actor: Actor) -> sa.ColumnElement[bool]:
    """Return the condition on `release` for its page: that it exists, its counts and its terms are public."""
    if actor.has(Role.ADMINISTRATOR, Role.CURATOR):
        return sa.true()
    return sa.or_(t.release.c.embargo_until.is_(None), t.release.c.embargo_until <= now().strftime("%Y-%m-%d"))


def visible_cohorts(actor: Actor) -> sa.ColumnElement[bool]:
    """Return the condition on `cohort_version`: who has its address reads it if every release of it is open to them."""
    closed = sa.exists().where(
        cohort_release.c.cohort_id == cohort_version.c.cohort_id,
        cohort_release.c.number == cohort_version.c.number,
        t.release.c.id == cohort_release.c.release_id,
        sa.not_(visible_releases(actor)),
    )
    return sa.not_(closed)


def visible_instances(actor: Actor) -> sa.ColumnElement[bool]:
    """Return the condition on `instance` for DICOMweb, portal and download.

    A curator sees whatever was accepted, released or not; a direct token what its dataset holds; a site its own
    accepted instances; everyone else what releases give them.
    """
    return _visible(t.instance, actor, state=t.instance.c.state)


def _visible(instance: sa.FromClause, actor: Actor, *, state: sa.ColumnElement[str]) -> sa.ColumnElement[bool]:
    """Return the condition of `visible_instances` on the table or on an alias of it."""
    served = state.in_(SERVED)
    if actor.has(Role.ADMINISTRATOR, Role.CURATOR):
        return served
    released = sa.exists().where(
        t.release_item.c.instance_id == instance.c.id,
        t.release.c.id == t.release_item.c.release_id,
        visible_releases(actor),
    )
    ways: list[sa.ColumnElement[bool]] = [released]
    if actor.dataset is not None:
        ways.append(instance.c.dataset == actor.dataset)
    elif actor.site is not None:
        ways.append(instance.c.site == actor.site)
    return sa.and_(served, sa.or_(*ways))


def _state(instance: sa.FromClause) -> sa.ColumnElement[str]:
    """Return the state inside a function: SQLite would take its index, which tells nearly no two instances apart."""
    return sa.func.coalesce(instance.c.state, "")


def served_instances() -> sa.ColumnElement[bool]:
    """Return the condition on `instance` that it may be served to whoever may see it."""
    return _state(t.instance).in_(SERVED)


def newest_visible_instances(actor: Actor) -> sa.ColumnElement[bool]:
    """Return the condition for the DICOMweb root: of several versions of a SOP Instance UID the newest visible one."""
    newer = t.instance.alias("newer")
    visible_newer = sa.and_(
        newer.c.sop_instance_uid == t.instance.c.sop_instance_uid,
        newer.c.id > t.instance.c.id,
        _visible(newer, actor, state=_state(newer)),
    )
    # Only a superseded version can have a newer one, so the costly question is asked of those alone.
    return sa.and_(
        _visible(t.instance, actor, state=_state(t.instance)),
        sa.or_(
            t.instance.c.state == InstanceState.ACCEPTED,
            sa.not_(sa.exists(sa.select(newer.c.id).where(visible_newer))),
        ),
    )


def inspectable_instances(actor: Actor) -> sa.ColumnElement[bool]:
    """Return the condition on `instance` for curation pages: quarantine as well, for curators alone."""
    if actor.has(Role.ADMINISTRATOR, Role.CURATOR):
        return t.instance.c.state.notin_([InstanceState.ANNOUNCED, InstanceState.SEALED, InstanceState.WITHDRAWN])
    return sa.false()


def visible_submissions(actor: Actor) -> sa.ColumnElement[bool]:
    """Return the condition on `submission`: a curator sees all, a site its own, others none."""
    if actor.has(Role.ADMINISTRATOR, Role.CURATOR):
        return sa.true()
    return t.submission.c.site == actor.site if actor.site else sa.false()


def visible_datasets(_actor: Actor) -> sa.ColumnElement[bool]:
    """Return the condition on `dataset`: that a dataset exists is public; what it holds is not."""
    return sa.true()


def visible_requests(actor: Actor) -> sa.ColumnElement[bool]:
    """Return the condition on `access_request`: one's own; what was submitted, for its committee and for curators."""
    c = a.access_request.c
    own = c.account_id == actor.account if actor.account is not None else sa.false()
    submitted = c.submitted_at.is_not(None)
    if actor.has(Role.ADMINISTRATOR, Role.CURATOR):
        return sa.or_(own, submitted)
    return sa.or_(own, sa.and_(submitted, _sits_on_committee(actor, c.dataset)))


def visible_grants(actor: Actor) -> sa.ColumnElement[bool]:
    """Return the condition on `access_grant`: of whom it names, for its committee and for curators."""
    if actor.has(Role.ADMINISTRATOR, Role.CURATOR):
        return sa.true()
    if actor.account is None:
        return sa.false()
    address = sa.select(t.account.c.email).where(t.account.c.id == actor.account).scalar_subquery()
    named = sa.exists().where(a.grant_person.c.grant_id == a.access_grant.c.id, a.grant_person.c.email == address)
    return sa.or_(a.access_grant.c.holder == actor.account, named, _sits_on_committee(actor, a.access_grant.c.dataset))


def visible_letters(actor: Actor) -> sa.ColumnElement[bool]:
    """Return the condition on `letter`: one's own; to people without an account, for curators, who pass them on."""
    own = a.letter.c.account_id == actor.account if actor.account is not None else sa.false()
    if actor.has(Role.ADMINISTRATOR, Role.CURATOR):
        return sa.or_(own, a.letter.c.account_id.is_(None))
    return own


def _sits_on_committee(actor: Actor, dataset: sa.ColumnElement[str]) -> sa.ColumnElement[bool]:
    if actor.account is None:
        return sa.false()
    return sa.exists().where(a.committee_member.c.dataset == dataset, a.committee_member.c.account_id == actor.account)
