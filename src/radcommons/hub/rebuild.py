"""Rebuild: the index comes again from the objects alone, where rows were lost or are doubted."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from itertools import islice

from radcommons.catalogue import instances, reindex, sites
from radcommons.catalogue.holdings import promised
from radcommons.catalogue.instances import Version
from radcommons.catalogue.journal import record
from radcommons.catalogue.readings import Reading
from radcommons.hub.arrive import Arrived, Part, clear
from radcommons.hub.load import load
from radcommons.hub.quick import read_arrived
from radcommons.hub.store import Outcome
from radcommons.platform.database import reading, writing
from radcommons.platform.objects import INSTANCES, object_key
from radcommons.platform.ports import Platform
from radcommons.records.errors import NotFound, UnreadableInstance, UsageError
from radcommons.records.event import SYSTEM, Actor, Event, Role

_BATCH = 64
Progress = Callable[[int], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rebuilt:
    """What became of the objects of a hub.

    Parameters
    ----------
    read : int
        Instances that have a row, whose values and documents were written anew from their objects.
    added : int
        Objects without a row that have one now: in the dataset, accepted and not released.
    damaged : tuple of str
        Names of objects whose bytes are not those of their name; they are left alone.
    refused : tuple of str
        Names of objects that could not be added: no DICOM, withdrawn, or other bytes for a UID that is known.
    """

    read: int
    added: int
    damaged: tuple[str, ...]
    refused: tuple[str, ...]


def rebuild(platform: Platform, *, dataset: str, progress: Progress = lambda _: None) -> Rebuilt:
    """Write the index anew from the objects.

    Parameters
    ----------
    platform : Platform
    dataset : str
        Takes objects that no row knows. Of what site and submission they were, the bytes do not say, so a curator
        decides what is released of them.
    progress : callable
        Told after each batch how many objects were read.

    Raises
    ------
    UsageError
        If there is no such dataset.

    Notes
    -----
    Cost: reads all objects; memory is one batch. It may be cut off and run again, and a hub may serve meanwhile.
    """
    with reading(platform.engine) as connection:
        if dataset not in sites.dataset_names(connection):
            raise UsageError("There is no such dataset.", mend="Name one of `radcommons release list`, or make it.")
        known = {name for name, _ in promised(connection)}
    actor = Actor(id=SYSTEM.id, roles=frozenset({Role.CURATOR}), dataset=dataset)
    names = (key.rpartition("/")[2] for key in platform.objects.keys(INSTANCES))
    seen, read, added = 0, 0, 0
    damaged: list[str] = []
    refused: list[str] = []
    while batch := list(islice(names, _BATCH)):
        staged = dict(_staged(platform, batch, damaged))
        try:
            read += _read_again(platform, [one for name, one in staged.items() if name in known])
            new = [one for name, one in staged.items() if name not in known]
            outcomes = [(one.digest, _added(platform, one, actor)) for one in new]
        finally:
            clear(list(staged.values()))
        refused += [name for name, is_stored in outcomes if not is_stored]
        added += sum(is_stored for _, is_stored in outcomes)
        seen += len(batch)
        progress(seen)
    with writing(platform.engine) as connection:
        details: dict[str, str | int | bool | None] = {"read": read, "added": added, "refused": len(refused)}
        record(connection, Event(kind="index-rebuilt", actor=SYSTEM.id, subject=f"dataset:{dataset}", details=details))
    return Rebuilt(read=read, added=added, damaged=tuple(damaged), refused=tuple(refused))


def _staged(platform: Platform, names: Sequence[str], damaged: list[str]) -> Iterator[tuple[str, Arrived]]:
    """Yield objects as if they arrived; the objects themselves stay as they are."""
    for name in names:
        part = Part(folder=platform.temporary, limit=platform.settings.part_limit)
        try:
            for chunk in platform.objects.chunks(object_key(name)):
                part.put(chunk)
        except NotFound:  # withdrawn at this moment
            part.drop()
            continue
        one = part.settle(is_last=False)
        if one.digest == name:
            yield name, one
        else:
            clear([one])
            damaged.append(name)


def _read_again(platform: Platform, some: Sequence[Arrived]) -> int:
    found = {}
    for one in some:
        try:
            found[one.digest] = read_arrived(one).reading
        except UnreadableInstance:
            continue  # quarantined, and for a curator to see
    with writing(platform.engine) as connection:
        versions: list[tuple[Version, Reading]] = [
            (version, found[version.digest]) for version in instances.of_digests(connection, found)
        ]
        reindex.write_again(connection, versions)
    return len(found)


def _added(platform: Platform, one: Arrived, actor: Actor) -> bool:
    done: Future[Outcome] = Future()
    load([one], done, platform=platform, actor=actor)
    return not done.result().failed
