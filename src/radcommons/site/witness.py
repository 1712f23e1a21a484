"""Witness: keep the newest checkpoint of the hub's audit trail, and notice when an earlier one is no longer true."""

from __future__ import annotations

from radcommons.platform.audit import read_checkpoint
from radcommons.records.checkpoint import Checkpoint
from radcommons.records.errors import DocumentError, IntegrityError, NotFound, PeerError
from radcommons.site.hub import Hub
from radcommons.site.join import hub_key
from radcommons.site.store import Store

HELD = "hub-checkpoint"
_WHAT = "The hub's audit trail is not the one that it vouched for"


def witness(store: Store, hub: Hub) -> str:
    """Keep the hub's newest checkpoint and return what is wrong with its history, empty where nothing is.

    The checkpoint that this gateway holds must still be the hub's; a hub whose history was written anew, or that came
    back from an older backup, cannot show it. What is held is then kept: it is the evidence.
    """
    key = hub_key(store)
    if key is None:
        return ""
    try:
        problem = _problem(store, hub, key)
        if problem:
            with store.change() as change:
                change.tell("hub.history-differs", subject="hub")
            return problem
        newest = hub.newest_checkpoint()
        if newest:
            read_checkpoint(newest, public_key=key)
            with store.change() as change:
                change.remember(HELD, newest)
    except (DocumentError, IntegrityError):
        return f"{_WHAT}: it shows a checkpoint that it did not sign. Tell the coalition."
    except (NotFound, PeerError):
        return ""  # an earlier program, or the line is down: the next submission looks again
    return ""


def _problem(store: Store, hub: Hub, key: bytes) -> str:
    held = store.remembered(HELD)
    if not held:
        return ""
    mine: Checkpoint = read_checkpoint(held, public_key=key)
    try:
        theirs = hub.checkpoint(mine.number)
    except NotFound:
        theirs = ""
    if theirs == held:
        return ""
    return f"{_WHAT} on {mine.at[:10]} (checkpoint {mine.number}, line {mine.sequence}). Tell the coalition."


def held_checkpoint(store: Store) -> str:
    """Return the checkpoint that this gateway holds, empty where there is none yet."""
    return store.remembered(HELD) or ""
