"""Checkpoint: sign where the audit trail ends, so that whoever holds a copy finds a history that was written anew."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from datetime import timedelta

import sqlalchemy as sa

from radcommons.catalogue import trail
from radcommons.catalogue.trail import KeptCheckpoint
from radcommons.platform import dsse
from radcommons.platform.audit import read_checkpoint
from radcommons.platform.clock import instant, now
from radcommons.platform.database import writing
from radcommons.platform.ports import Platform
from radcommons.platform.settings import HubSettings
from radcommons.records.checkpoint import PAYLOAD_TYPE, Checkpoint
from radcommons.records.documents import canonical
from radcommons.records.errors import DocumentError, IntegrityError


def checkpoint(platform: Platform, *, is_due: bool = False) -> KeptCheckpoint | None:
    """Sign the end of the trail and return the checkpoint; None when nothing was written since the last one.

    Parameters
    ----------
    platform : Platform
    is_due : bool
        Only when enough lines were written, or enough time has passed, as the settings say.
    """
    with writing(platform.engine) as connection:
        end, last = trail.last_line(connection), trail.last_checkpoint(connection)
        if end is None or (last is not None and end[0] <= last.sequence):
            return None
        if is_due and last is not None and not _is_due(platform.settings, lines=end[0] - last.sequence, since=last.at):
            return None
        before = read_checkpoint(last.envelope, public_key=platform.signing_key.public_key) if last else None
        made = Checkpoint(
            number=last.number + 1 if last else 1,
            sequence=end[0],
            hash=end[1],
            previous=_digest(before) if before else None,
            at=instant(),
        )
        text = dsse.envelope(canonical(made), kind=PAYLOAD_TYPE, key=platform.signing_key)
        kept = KeptCheckpoint(number=made.number, sequence=made.sequence, at=made.at, envelope=text)
        trail.keep_checkpoint(connection, kept)
    return kept


def vouch(platform: Platform) -> None:
    """Sign a checkpoint when one is due."""
    checkpoint(platform, is_due=True)


def _is_due(settings: HubSettings, *, lines: int, since: str) -> bool:
    return lines >= settings.checkpoint_events or since <= instant(now() - timedelta(hours=settings.checkpoint_hours))


def _digest(made: Checkpoint) -> str:
    return hashlib.sha256(canonical(made)).hexdigest()


def faults(connection: sa.Connection, *, public_key: bytes, held: Sequence[str] = ()) -> Iterator[tuple[str, str]]:
    """Yield (which checkpoint, what is wrong) where the trail is not what was vouched for.

    Parameters
    ----------
    connection : sqlalchemy.Connection
    public_key : bytes
    held : sequence of str
        Envelopes that others hold, such as sites: whoever can rewrite the database may have rewritten its own as well.
    """
    previous: Checkpoint | None = None
    for kept in trail.all_checkpoints(connection):
        name = f"checkpoint {kept.number}"
        try:
            made = read_checkpoint(kept.envelope, public_key=public_key)
        except (DocumentError, IntegrityError):
            yield name, "The checkpoint and its signature do not agree."
            continue
        after = _digest(previous) if previous else None
        if (made.number, made.previous) != ((previous.number if previous else 0) + 1, after):
            yield name, "The checkpoint does not follow from the one before."
        yield from _line_faults(connection, made, name)
        previous = made
    for envelope in held:
        try:
            made = read_checkpoint(envelope, public_key=public_key)
        except (DocumentError, IntegrityError):
            yield "a held checkpoint", "It is none of this hub."
            continue
        name = f"held checkpoint {made.number}"
        yield from _line_faults(connection, made, name)
        own = trail.checkpoint_at(connection, made.number)
        if own is None or own.envelope != envelope:
            yield name, "The hub has another checkpoint of this number, or none."


def _line_faults(connection: sa.Connection, made: Checkpoint, name: str) -> Iterator[tuple[str, str]]:
    found = trail.hash_at(connection, made.sequence)
    if found is None:
        yield name, f"Line {made.sequence} of the audit trail, which it vouches for, is gone."
    elif found != made.hash:
        yield name, f"Line {made.sequence} of the audit trail is not the one that it vouches for."
