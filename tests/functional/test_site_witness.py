"""A gateway keeps the hub's newest checkpoint, and notices when the hub's history was written anew."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from radcommons.catalogue.journal import record
from radcommons.hub.checkpoint import checkpoint
from radcommons.platform.database import writing
from radcommons.records.event import Event
from radcommons.site.hub import Hub
from radcommons.site.store import Store
from radcommons.site.witness import held_checkpoint, witness
from radcommons.testing.hubs import TestHub, running_hub
from unit.site.sent_store import make_store


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[TestHub]:
    """A hub that vouches for its trail."""
    with running_hub(tmp_path / "hub", run_jobs=False) as made:
        checkpoint(made.platform)
        yield made


@pytest.fixture
def store(tmp_path: Path, hub: TestHub) -> Iterator[Store]:
    """A gateway's store that has pinned the hub's key."""
    made = make_store(tmp_path / "site")
    key = base64.b64encode(hub.platform.signing_key.public_key).decode()
    with made.change() as change:
        change.remember("hub-key", json.dumps({"public_key": key}))
    yield made
    made.close()


def _more(hub: TestHub) -> None:
    with writing(hub.platform.engine) as connection:
        record(connection, Event(kind="noted", actor="system", subject="note:1"))
    checkpoint(hub.platform)


def test_the_newest_checkpoint_is_kept(hub: TestHub, store: Store) -> None:
    """Each look keeps the newest one; an honest hub can show every one that it gave out."""
    line = Hub(hub.client, tries=1)
    assert witness(store, line) == ""
    first = held_checkpoint(store)
    assert first
    _more(hub)
    assert witness(store, line) == ""
    assert held_checkpoint(store) != first


def test_a_history_that_was_written_anew_is_noticed(hub: TestHub, store: Store) -> None:
    """Even signed with the hub's own key; what was held stays, since it is the evidence."""
    line = Hub(hub.client, tries=1)
    witness(store, line)
    held = held_checkpoint(store)
    with writing(hub.platform.engine) as connection:
        connection.execute(sa.text("DELETE FROM audit_checkpoint"))
    _more(hub)
    assert "not the one that it vouched for" in witness(store, line)
    assert held_checkpoint(store) == held


def test_a_checkpoint_by_another_key_is_noticed(hub: TestHub, store: Store) -> None:
    """What the hub shows must be signed with the key that was pinned at the first registration."""
    with store.change() as change:
        other = base64.b64encode(bytes(32)).decode()
        change.remember("hub-key", json.dumps({"public_key": other}))
    assert "did not sign" in witness(store, Hub(hub.client, tries=1))
    assert held_checkpoint(store) == ""
