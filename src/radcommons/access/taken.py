"""Whole instances that leave by DICOMweb or DICOM are downloads too: whoever took them is a holder of a release."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import sqlalchemy as sa

from radcommons.catalogue.downloads import counts_of
from radcommons.catalogue.images import InstanceRow, Scope
from radcommons.catalogue.reads import newest_release_naming
from radcommons.records.event import Role


def _nothing() -> None:
    """Wait for nothing."""


def note(
    engine: sa.Engine, scope: Scope, found: Sequence[InstanceRow], *, is_waiting: Callable[[], None] = _nothing
) -> None:
    """Note that the scope's actor takes instances, each under the newest release that names it.

    A site that looks at its own data, whoever loads an archive, and curators take nothing of a release here.

    Parameters
    ----------
    engine, scope, found
    is_waiting : callable
        Called before a row is written, which may wait for another writer.
    """
    actor = scope.actor
    if not found or actor.site or actor.dataset or actor.has(Role.CURATOR, Role.ADMINISTRATOR):
        return
    release = scope.release or newest_release_naming(engine, found[0].id)
    if release is None:
        return
    counts = counts_of(engine)
    if not counts.is_known(actor.id, release):
        is_waiting()
        counts.begin(actor.id, release)
    counts.add(actor.id, release, instances=len(found), size=sum(one.size for one in found))
