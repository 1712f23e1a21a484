"""Save and compare cohorts: a query or a hand selection, pinned to releases and signed."""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterable
from dataclasses import dataclass

from radcommons.catalogue import cohorts
from radcommons.catalogue.cohorts import Kept
from radcommons.catalogue.journal import record
from radcommons.platform.clock import instant
from radcommons.platform.database import reading, writing
from radcommons.platform.identity import authorize
from radcommons.platform.ports import Platform
from radcommons.records.cohort import (
    COHORT_PATTERN,
    MOST_INSTANCES,
    MOST_STUDIES,
    OWNERS,
    Cohort,
    CohortItem,
    Compared,
    compare,
    counted,
)
from radcommons.records.documents import canonical, digest
from radcommons.records.errors import NotFound, NotPermitted, UsageError
from radcommons.records.event import Actor, Event
from radcommons.records.terms import strictest


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """What somebody wants to keep.

    Parameters
    ----------
    studies : tuple of str
    within : tuple of str
        Releases to take them from, the newest that holds a study first; any that is open where there are none.
    pinned : dict of str to str
        The release of studies that were chosen with one.
    query : str
        The query of explore that found them.
    """

    studies: tuple[str, ...]
    within: tuple[str, ...] = ()
    pinned: tuple[tuple[str, str], ...] = ()
    query: str = ""


def save(
    selection: Selection,
    *,
    platform: Platform,
    actor: Actor,
    name: str = "",
    description: str = "",
    identifier: str = "",
) -> Cohort:
    """Keep a selection as a new cohort, or as the next version of one.

    Parameters
    ----------
    name : str
        Of a new cohort; a version has the cohort's.
    identifier : str
        The cohort that gets a version; empty for a new one.

    Raises
    ------
    SignInRequired, NotPermitted
        If the actor is nobody, or the cohort is another's.
    NotFound
        If there is no such cohort.
    UsageError
        If nothing of the selection is open to the actor, it has no name, or it is too large.
    """
    authorize(actor, *OWNERS)
    if len(selection.studies) > MOST_STUDIES:
        raise UsageError(f"A cohort holds {MOST_STUDIES:,} studies at most.", mend="Narrow the query.")
    name = " ".join(name.split())[:200]
    if not identifier and not name:
        raise UsageError("A cohort needs a name.", mend="Give it one that tells its question.")
    with writing(platform.engine) as connection:
        number, previous = 1, None
        if identifier:
            owner, last, name = cohorts.owner_of(connection, identifier)
            if owner != actor.id:
                raise NotPermitted("The cohort is somebody else's.", mend="Save the selection as one of your own.")
            number, previous = last + 1, digest(cohorts.kept(connection, actor, identifier, last).cohort)
        pinned = cohorts.newest_releases(connection, actor, selection.studies, within=selection.within)
        items = _items(cohorts.items_of(connection, actor, pinned | dict(selection.pinned)))
        releases = tuple(sorted({item.release for item in items}))
        made = Cohort(
            schema="radcommons/cohort/v1",
            id=identifier or secrets.token_hex(16),
            version=number,
            name=name,
            description=description.strip()[:2000],
            created_at=instant(),
            previous=previous,
            query=selection.query[:2000],
            releases=releases,
            terms=strictest(cohorts.terms_of(connection, releases)),
            counts=counted(items),
            items=items,
        )
        cohorts.add(connection, made, owner=actor.id, signature=platform.signing_key.sign(canonical(made)))
        details: dict[str, str | int | bool | None] = {"version": number, "instances": made.counts.instances}
        record(connection, Event(kind="cohort-saved", actor=actor.id, subject=made.id, details=details))
    return made


def _items(found: Iterable[CohortItem]) -> tuple[CohortItem, ...]:
    """Return the items when there are some, and not too many. Raises UsageError."""
    items: list[CohortItem] = []
    for one in found:
        items.append(one)
        if len(items) > MOST_INSTANCES:
            raise UsageError(f"A cohort holds {MOST_INSTANCES:,} images at most.", mend="Narrow the query.")
    if not items:
        raise UsageError("Nothing of this selection is in a release that is open to you.", mend="Choose other studies.")
    return tuple(items)


def kept(platform: Platform, actor: Actor, identifier: str, number: int | None = None) -> Kept:
    """Return a version as it is kept. Raises NotFound, SignInRequired, NotPermitted."""
    if not re.match(COHORT_PATTERN, identifier):
        raise NotFound("There is no such cohort or version.")
    with reading(platform.engine) as connection:
        return cohorts.kept(connection, actor, identifier, number)


def compared(platform: Platform, actor: Actor, identifier: str, *, old: int, new: int) -> Compared:
    """Return what differs between two versions of a cohort. Raises as `kept`."""
    before, after = (kept(platform, actor, identifier, number).cohort for number in (old, new))
    return compare(before, new=after)
