"""C-STORE at the hub: the bytes of a data set are kept as they come, and acknowledged when they are durable.

What arrives goes the same way as by STOW-RS: the same rights, the same loader, the same group commit.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future

import sqlalchemy as sa
import structlog

from radcommons.dicom.command import Command, Element, Status, file_head
from radcommons.dicom.elements import Irregular
from radcommons.dicom.rawheader import scan
from radcommons.dicomweb.stow import Failure
from radcommons.hub.arrive import Arrived, Part, clear
from radcommons.hub.bodies import TooLarge
from radcommons.hub.load import load
from radcommons.hub.store import Outcome, store
from radcommons.platform.association import Association
from radcommons.platform.dimse import Handler
from radcommons.platform.ports import Platform
from radcommons.records.errors import StorageError
from radcommons.records.event import Actor, Role

# PS3.4 section B.2.3 has a code of its own for each of these, or a family of codes.
_STATUS = {
    Failure.NO_SUCH_SOP_CLASS: Status.NO_SUCH_CLASS,
    Failure.SYNTAX_NOT_SUPPORTED: Status.CANNOT_UNDERSTAND,
    Failure.PROCESSING: Status.PROCESSING_FAILURE,
}
_SOP_CLASS, _SOP_INSTANCE = 0x00080016, 0x00080018

log = structlog.get_logger()


def storing(platform: Platform, *, actor: Callable[[], Actor | None]) -> Handler:
    """Return the handler of C-STORE for a caller.

    Parameters
    ----------
    platform : Platform
    actor : callable
        Who the caller is at this moment, None when their token is over.

    Notes
    -----
    Memory: a piece of an object, whatever its size.

    References
    ----------
    DICOM PS3.4 annex B, PS3.7 section 9.1.1.
    """

    def handle(association: Association, command: Command) -> None:
        part = Part(folder=platform.temporary, limit=platform.settings.part_limit)
        arrived: list[Arrived] = []
        try:
            status = _taken(part, association, command)
            if status == Status.SUCCESS:
                status = _kept(part, arrived, command, platform=platform, actor=actor())
        finally:
            part.drop()
            clear(arrived)
        if status != Status.SUCCESS:
            log.info("dimse.refused", status=f"{status:04x}")
        association.answer(command, status)

    return handle


def _taken(part: Part, association: Association, command: Command) -> int:
    """Take the data set; one that cannot be kept is read to its end, so that the peer hears why."""
    sop_class, sop_instance = command.text(Element.AFFECTED_CLASS), command.text(Element.AFFECTED_INSTANCE)
    context = association.contexts[command.context]
    status = Status.SUCCESS
    if not sop_instance or not command.has_data_set:
        status = Status.CANNOT_UNDERSTAND
    elif sop_class != context.abstract_syntax:
        status = Status.NO_SUCH_CLASS
    pieces = association.data_set(command)
    if status == Status.SUCCESS:
        try:
            part.put(file_head(sop_class, sop_instance, context.transfer_syntax))
            for piece in pieces:
                part.put(piece)
        except (TooLarge, StorageError, OSError):
            part.drop()
            status = Status.OUT_OF_RESOURCES
    for _ in pieces:
        pass
    return status


def _kept(part: Part, arrived: list[Arrived], command: Command, *, platform: Platform, actor: Actor | None) -> int:
    if actor is None or (actor.dataset is None and (actor.site is None or not actor.has(Role.SITE))):
        return Status.NOT_AUTHORIZED
    try:
        one = part.settle()
        arrived.append(one)
        if not _is_named_so(one, command):
            return Status.MISMATCH
        if actor.dataset is None:
            outcome = store(arrived, platform=platform, actor=actor)
        else:
            done: Future[Outcome] = Future()
            load(arrived, done, platform=platform, actor=actor)
            outcome = done.result()
    except (StorageError, OSError, sa.exc.DBAPIError):  # disk, object store or database: it may pass
        return Status.OUT_OF_RESOURCES
    # Whatever else keeps the object from being stored: nothing was acknowledged, and the sender may try again.
    except Exception as error:
        log.error("dimse.store-failed", error=type(error).__name__)
        return Status.PROCESSING_FAILURE
    if outcome.failed:
        return _STATUS.get(outcome.failed[0].reason, int(outcome.failed[0].reason))
    return Status.SUCCESS


def _is_named_so(one: Arrived, command: Command) -> bool:
    """Say whether the data set has the names of the command; of one that is odd, the loader judges."""
    try:
        raw = scan(one.head, one.size)
        told = (raw.text(_SOP_CLASS), raw.text(_SOP_INSTANCE))
    except Irregular:
        return True
    return told == (command.text(Element.AFFECTED_CLASS), command.text(Element.AFFECTED_INSTANCE))
