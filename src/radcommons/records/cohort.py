"""Door 3: a `Cohort`, a named selection of released data for one question; each version is frozen and signed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from radcommons.records.event import Role
from radcommons.records.identifiers import Digest, Instant, Text
from radcommons.records.release import Counts, ReleaseItem
from radcommons.records.terms import Terms

# Who keeps cohorts: people and their programs, not the gateways of sites.
OWNERS = (Role.RESEARCHER, Role.READER, Role.CURATOR)
COHORT_SCHEMA = "radcommons/cohort/v1"
COHORT_PATTERN = r"^[0-9a-f]{32}$"
# What one document may name; a larger question is a release's own business.
MOST_INSTANCES = 200_000
MOST_STUDIES = 20_000

CohortId = Annotated[str, StringConstraints(pattern=COHORT_PATTERN)]
ReleaseId = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9-]{1,39}-[1-9][0-9]{0,5}$")]
CohortName = Annotated[str, StringConstraints(min_length=1, max_length=200)]


@dataclass(frozen=True, slots=True, kw_only=True)
class CohortItem(ReleaseItem):
    """One instance version, and the release that it is taken from."""

    release: ReleaseId


@dataclass(frozen=True, slots=True, kw_only=True)
class Cohort:
    """One version of a cohort.

    Parameters
    ----------
    query : Text
        The query of explore that found it; empty where it was chosen by hand.
    previous : Digest or None
        Of the version before, over its canonical bytes.
    releases : tuple of ReleaseId
        What it stands on: whoever may not open one of them may not read it.
    terms : Terms
        The strictest of those releases.
    """

    schema: Literal["radcommons/cohort/v1"]
    id: CohortId
    version: Annotated[int, Field(ge=1)]
    name: CohortName
    description: Text = ""
    created_at: Instant
    previous: Digest | None
    query: Text = ""
    releases: Annotated[tuple[ReleaseId, ...], Field(min_length=1)]
    terms: Terms
    counts: Counts
    items: Annotated[tuple[CohortItem, ...], Field(min_length=1, max_length=MOST_INSTANCES)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Compared:
    """What a version has that another has not, by study; a study is changed when its instances are not the same."""

    added: tuple[str, ...]
    removed: tuple[str, ...]
    changed: tuple[str, ...]
    same: int


def compare(old: Cohort, *, new: Cohort) -> Compared:
    """Return what differs between two versions."""
    before, after = _by_study(old.items), _by_study(new.items)
    both = before.keys() & after.keys()
    changed = tuple(sorted(one for one in both if before[one] != after[one]))
    return Compared(
        added=tuple(sorted(after.keys() - before.keys())),
        removed=tuple(sorted(before.keys() - after.keys())),
        changed=changed,
        same=len(both) - len(changed),
    )


def _by_study(items: Sequence[ReleaseItem]) -> Mapping[str, frozenset[str]]:
    made: dict[str, set[str]] = {}
    for item in items:
        made.setdefault(item.study_instance_uid, set()).add(item.digest)
    return {study: frozenset(digests) for study, digests in made.items()}


def counted(items: Sequence[ReleaseItem]) -> Counts:
    """Return how much some items are."""
    return Counts(
        patients=len({(item.site, item.patient) for item in items}),
        studies=len({item.study_instance_uid for item in items}),
        series=len({item.series_instance_uid for item in items}),
        instances=len(items),
        bytes=sum(item.size for item in items),
        sites=len({item.site for item in items}),
    )
