"""C-GET and C-MOVE: objects go to a peer as they are stored, where it takes them so (PS3.4 annexes C.4.2 and C.4.3)."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import BinaryIO

from pydicom import Dataset
from pydicom.tag import Tag

from radcommons.access.dimse_find import IMPLICIT, Mismatch, level_of, matches, query_of, read_identifier, text_of
from radcommons.access.taken import note
from radcommons.access.wado import transcoded
from radcommons.catalogue.images import InstanceRow, Place, Scope
from radcommons.catalogue.reads import instances_of
from radcommons.dicom.command import Command, Element, Status
from radcommons.dicom.transcode import EXPLICIT_LITTLE
from radcommons.platform.association import Association, Context, Ended
from radcommons.platform.dimse import Destination, Handler, associate
from radcommons.platform.negotiation import Proposed
from radcommons.platform.objects import Objects, object_key
from radcommons.platform.ports import Platform
from radcommons.records.errors import PeerError, RadcommonsError, UsageError
from radcommons.records.event import Actor

PATIENT_ROOT_MOVE, STUDY_ROOT_MOVE = "1.2.840.10008.5.1.4.1.2.1.2", "1.2.840.10008.5.1.4.1.2.2.2"
PATIENT_ROOT_GET, STUDY_ROOT_GET = "1.2.840.10008.5.1.4.1.2.1.3", "1.2.840.10008.5.1.4.1.2.2.3"
_STUDY, _SERIES, _INSTANCE = Tag("StudyInstanceUID"), Tag("SeriesInstanceUID"), Tag("SOPInstanceUID")
_PATIENT_ROOTS = frozenset({PATIENT_ROOT_MOVE, PATIENT_ROOT_GET})
# PS3.4 table C.4-2: unable to perform sub-operations.
_NONE_DONE = 0xA702
# PS3.8 section 9.3.2.2: odd numbers of one byte.
_MOST_CONTEXTS = 128
_MOST_COUNTED = 0xFFFF


@dataclass(slots=True)
class _Count:
    """How the sub-operations stand."""

    remaining: int
    completed: int = 0
    failed: int = 0

    def told(self, *, with_remaining: bool) -> dict[Element, int | str]:
        numbers: dict[Element, int | str] = {
            Element.COMPLETED: min(self.completed, _MOST_COUNTED),
            Element.FAILED: min(self.failed, _MOST_COUNTED),
            Element.WARNED: 0,
        }
        return {**numbers, Element.REMAINING: min(self.remaining, _MOST_COUNTED)} if with_remaining else numbers


# Opens the way that objects take, for those that will go.
Way = Callable[[Sequence[InstanceRow]], AbstractContextManager[Association]]


def getting(platform: Platform, *, actor: Callable[[], Actor | None]) -> Handler:
    """Return the handler of C-GET for a caller: objects go back on the association that asks."""

    def handle(association: Association, command: Command) -> None:
        _retrieve(platform, association, command, actor, lambda _: contextlib.nullcontext(association), {})

    return handle


def moving(
    platform: Platform, *, actor: Callable[[], Actor | None], destinations: Mapping[str, Destination], title: str
) -> Handler:
    """Return the handler of C-MOVE for a caller: objects go to a destination that the settings name."""

    def handle(association: Association, command: Command) -> None:
        destination = destinations.get(command.text(Element.DESTINATION))
        if destination is None:
            association.identifier(command)
            association.answer(command, Status.DESTINATION_UNKNOWN)
            return

        @contextlib.contextmanager
        def way(found: Sequence[InstanceRow]) -> Iterator[Association]:
            own = associate(destination, _contexts(found), calling=title)
            try:
                yield own
            finally:
                own.release()

        more: dict[Element, int | str] = {Element.ORIGINATOR: title}
        more[Element.ORIGINATOR_MESSAGE] = command.number(Element.MESSAGE)
        _retrieve(platform, association, command, actor, way, more)

    return handle


def _contexts(found: Sequence[InstanceRow]) -> list[Proposed]:
    """Return one context for each class and syntax that is stored, and one a class for what is made plain."""
    pairs = dict.fromkeys((one.sop_class_uid, one.transfer_syntax_uid) for one in found)
    pairs |= dict.fromkeys((one.sop_class_uid, EXPLICIT_LITTLE) for one in found)
    return [Proposed(2 * n + 1, *(pair[0], (pair[1],))) for n, pair in enumerate(list(pairs)[:_MOST_CONTEXTS])]


def _retrieve(
    platform: Platform,
    association: Association,
    command: Command,
    actor: Callable[[], Actor | None],
    way: Way,
    more: Mapping[Element, int | str],
) -> None:
    context = association.contexts[command.context]
    encoded = association.identifier(command)
    who = actor()
    if who is None:
        association.answer(command, Status.NOT_AUTHORIZED)
        return
    try:
        asked = read_identifier(encoded, is_implicit=context.transfer_syntax == IMPLICIT)
        is_patient_root = context.abstract_syntax in _PATIENT_ROOTS
        places = list(_places(platform, Scope(actor=who), asked, is_patient_root=is_patient_root))
    except (Mismatch, UsageError):
        association.answer(command, Status.MISMATCH)
        return
    found = [one for place in places for one in instances_of(platform.engine, Scope(actor=who), place)]
    note(platform.engine, Scope(actor=who), found)
    count = _Count(len(found))
    if not found:
        association.answer(command, Status.SUCCESS, count.told(with_remaining=False))
        return
    try:
        with way(found) as target:
            _send_all(platform.objects, found, count, association, target, command, more)
    except PeerError:
        count.failed += count.remaining
        association.answer(command, _NONE_DONE, count.told(with_remaining=False))


def _places(platform: Platform, scope: Scope, asked: Dataset, *, is_patient_root: bool) -> Iterator[Place]:
    """Yield what an identifier names: unique keys above, a list of them at its own level (PS3.4 section C.4.3.1.3)."""
    level = level_of(asked, is_patient_root=is_patient_root)
    if level == "PATIENT":
        for one in matches(platform, scope, query_of(asked, level)):
            yield Place(study=one["0020000D"]["Value"][0])
        return
    studies, series, instances = (_uids(asked, tag) for tag in (_STUDY, _SERIES, _INSTANCE))
    named = {"STUDY": studies, "SERIES": series, "IMAGE": instances}[level]
    if not named:
        raise Mismatch
    study = studies[0] if len(studies) == 1 else None
    above = series[0] if len(series) == 1 else None
    for uid in named:
        if level == "STUDY":
            yield Place(study=uid)
        elif level == "SERIES":
            yield Place(study=study, series=uid)
        else:
            yield Place(study=study, series=above, instance=uid)


def _uids(asked: Dataset, tag: int) -> list[str]:
    return [uid for uid in text_of(asked, tag).split("\\") if uid] if tag in asked else []


def _send_all(
    objects: Objects,
    found: Sequence[InstanceRow],
    count: _Count,
    association: Association,
    target: Association,
    command: Command,
    more: Mapping[Element, int | str],
) -> None:
    """Send objects one by one, telling after each how things stand, and at the end what became of all."""
    for one in found:
        is_same = target is association
        if not is_same and association.is_cancelled():
            association.answer(command, Status.CANCELLED, count.told(with_remaining=True))
            return
        is_sent = _sent(objects, one, target, more, is_same=is_same)
        count.remaining -= 1
        count.completed += is_sent
        count.failed += not is_sent
        if count.remaining:
            association.answer(command, Status.PENDING, count.told(with_remaining=True))
    status: int = Status.SUCCESS if not count.failed else Status.SOME_FAILED
    if not count.completed:
        status = _NONE_DONE
    association.answer(command, status, count.told(with_remaining=False))


def _sent(
    objects: Objects, one: InstanceRow, target: Association, more: Mapping[Element, int | str], *, is_same: bool
) -> bool:
    """Send one object, as stored where the peer takes it so, else without compression; say whether it was taken."""
    fit = [
        context
        for context in target.contexts.values()
        if context.abstract_syntax == one.sop_class_uid and context.is_served
    ]
    named: dict[Element, int | str] = {
        Element.AFFECTED_CLASS: one.sop_class_uid,
        Element.AFFECTED_INSTANCE: one.sop_instance_uid,
        **more,
    }
    try:
        opened = _opened(objects, one, fit)
        if opened is None:
            return False
        context, source = opened
        with source:
            size = _skip_head(source)
            status = target.store(context.number, named, source, size)
    except (RadcommonsError, OSError):
        return False
    except Ended:
        if is_same:
            raise
        raise PeerError("The destination went away.") from None
    # Warnings of PS3.4 section B.2.3: it is stored.
    return status == Status.SUCCESS or status & 0xF000 == 0xB000


def _opened(objects: Objects, one: InstanceRow, fit: Sequence[Context]) -> tuple[Context, BinaryIO] | None:
    key = object_key(one.digest)
    for context in fit:
        if context.transfer_syntax == one.transfer_syntax_uid:
            return context, objects.open(key)
    for context in fit:
        if context.transfer_syntax == EXPLICIT_LITTLE and one.rows:
            return context, io.BytesIO(transcoded(objects, key, EXPLICIT_LITTLE))
    return None


def _skip_head(source: BinaryIO) -> int:
    """Go to the data set of a file and return its size. Raises OSError where it has no usual meta information."""
    head = source.read(144)
    if len(head) < 144 or head[128:140] != b"DICM\x02\0\0\0UL\x04\0":
        raise OSError("no file of PS3.10")
    start = 144 + int.from_bytes(head[140:144], "little")
    end = source.seek(0, io.SEEK_END)
    source.seek(start)
    return end - start
