"""The hub's audit trail and its checkpoints: who changes history is found, by the hub or by who holds a copy."""

from __future__ import annotations

import hashlib
import json
import secrets
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from radcommons.catalogue.journal import record
from radcommons.catalogue.trail import last_line
from radcommons.hub.check import check
from radcommons.hub.checkpoint import checkpoint, vouch
from radcommons.platform.audit import GENESIS, read_checkpoint
from radcommons.platform.database import reading, writing
from radcommons.platform.keys import SigningKey
from radcommons.records.documents import canonical
from radcommons.records.errors import DocumentError, IntegrityError
from radcommons.records.event import Event, Role
from radcommons.testing import servers
from radcommons.testing.hubs import TestHub, running_hub


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.production)])
def hub(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[TestHub]:
    """A hub on either database, with a trail and two checkpoints; `postgresql` is a real server."""
    chosen = {}
    if request.param == "postgresql":
        server = request.getfixturevalue("postgres_server")
        chosen["database_url"] = servers.new_database(server, f"audit{secrets.token_hex(6)}")
    with running_hub(tmp_path, run_jobs=False, **chosen) as made:
        _write(made, 5)
        assert checkpoint(made.platform) is not None
        _write(made, 5)
        assert checkpoint(made.platform) is not None
        yield made


def _write(hub: TestHub, count: int) -> None:
    with writing(hub.platform.engine) as connection:
        for number in range(count):
            record(connection, Event(kind="noted", actor="account:1", subject=f"note:{number}"))


def _tamper(hub: TestHub, *statements: str) -> None:
    """Do what only the owner of the database can: take the triggers away and change what they guard."""
    with writing(hub.platform.engine) as connection:
        if connection.dialect.name == "postgresql":
            connection.execute(sa.text("DROP TRIGGER audit_event_no_change ON audit_event"))
        else:
            for verb in ("update", "delete"):
                connection.execute(sa.text(f"DROP TRIGGER audit_event_no_{verb}"))
        for statement in statements:
            connection.execute(sa.text(statement))


def _rechain(hub: TestHub) -> None:
    """Give every line the hash that follows from what it says now, as a forger would."""
    with writing(hub.platform.engine) as connection:
        previous = GENESIS
        for row in connection.execute(sa.text("SELECT * FROM audit_event ORDER BY sequence")).mappings().all():
            line = {name: row[name] for name in ("at", "kind", "actor", "subject")}
            line |= {"previous": previous, "details": json.loads(row["details"])}
            previous = hashlib.sha256(canonical(line)).hexdigest()
            changed = {"hash": previous, "sequence": row["sequence"]}
            connection.execute(sa.text("UPDATE audit_event SET hash = :hash WHERE sequence = :sequence"), changed)


def _faults(hub: TestHub, *held: str) -> list[str]:
    return [f"{one.subject}: {one.message}" for one in check(hub.platform, held=held).faults if one.kind == "audit"]


def test_an_honest_trail_has_no_faults(hub: TestHub) -> None:
    """Nothing is found, with what others hold neither; and without new lines there is no new checkpoint."""
    held = [one["envelope"] for one in hub.client.get("/api/v1/audit/checkpoints").json()["checkpoints"]]
    assert len(held) == 2
    assert _faults(hub, *held) == []
    assert checkpoint(hub.platform) is None
    assert vouch(hub.platform) is None


def test_a_changed_line_is_found(hub: TestHub) -> None:
    """A line that says something else does not follow from the one before."""
    _tamper(hub, "UPDATE audit_event SET actor = 'nobody' WHERE sequence = 4")
    assert any(one.startswith("4:") for one in _faults(hub))


def test_a_removed_tail_is_found(hub: TestHub) -> None:
    """Without its last lines the chain still follows; the checkpoint that vouches for them does not agree."""
    _tamper(hub, "DELETE FROM audit_event WHERE sequence > 6")
    assert [one for one in _faults(hub) if "is gone" in one]


def test_a_rewritten_chain_is_found(hub: TestHub) -> None:
    """A forger who computes every hash anew leaves a chain without a fault, and is found by the checkpoints."""
    _tamper(hub, "UPDATE audit_event SET actor = 'nobody' WHERE sequence = 4")
    _rechain(hub)
    found = _faults(hub)
    assert found
    assert all("is not the one that it vouches for" in one for one in found)


def test_a_forged_checkpoint_is_found(hub: TestHub) -> None:
    """A checkpoint by another key, or a changed one, is no checkpoint of this hub."""
    with writing(hub.platform.engine) as connection:
        connection.execute(sa.text("UPDATE audit_checkpoint SET envelope = replace(envelope, 'payload', 'Payload')"))
    assert len([one for one in _faults(hub) if "signature do not agree" in one]) == 2


def test_who_holds_a_copy_finds_what_the_hub_cannot(hub: TestHub) -> None:
    """When trail, checkpoints and key are in a forger's hand, the hub's own check is content; a kept copy is not."""
    held = [one["envelope"] for one in hub.client.get("/api/v1/audit/checkpoints").json()["checkpoints"]]
    _tamper(hub, "UPDATE audit_event SET actor = 'nobody' WHERE sequence = 4", "DELETE FROM audit_checkpoint")
    _rechain(hub)
    assert checkpoint(hub.platform) is not None  # signed with the stolen key
    assert _faults(hub) == []
    found = _faults(hub, *held)
    assert [one for one in found if "is not the one that it vouches for" in one]
    assert [one for one in found if "another checkpoint of this number" in one]
    stranger = SigningKey.create()
    with pytest.raises(IntegrityError):
        read_checkpoint(held[0], public_key=stranger.public_key)
    with pytest.raises(DocumentError):
        read_checkpoint("[]", public_key=stranger.public_key)
    assert _faults(hub, "nonsense") == ["a held checkpoint: It is none of this hub."]


def test_checkpoints_are_made_by_lines_and_by_hours(tmp_path: Path) -> None:
    """The first line is vouched for at once; then after so many lines, or so many hours if anything was written."""
    with running_hub(tmp_path, run_jobs=False, checkpoint_events=10, checkpoint_hours=1) as hub:

        def numbers() -> list[int]:
            vouch(hub.platform)
            listed = hub.client.get("/api/v1/audit/checkpoints").json()["checkpoints"]
            return [one["number"] for one in listed]

        assert numbers() == [1]
        _write(hub, 9)
        assert numbers() == [1]
        _write(hub, 1)
        assert numbers() == [2, 1]
        _write(hub, 1)
        assert numbers() == [2, 1]
        with writing(hub.platform.engine) as connection:
            connection.execute(sa.text("UPDATE audit_checkpoint SET at = '2026-01-01T00:00:00Z'"))
        assert numbers() == [3, 2, 1]
        with reading(hub.platform.engine) as connection:
            end = last_line(connection)
        newest = hub.client.get("/api/v1/audit/checkpoints?limit=1").json()
        said = read_checkpoint(newest["checkpoints"][0]["envelope"], public_key=hub.platform.signing_key.public_key)
        assert end == (said.sequence, said.hash)
        assert newest["before"] == 3
        older = hub.client.get("/api/v1/audit/checkpoints?before=3").json()["checkpoints"]
        assert [one["number"] for one in older] == [2, 1]
        assert hub.client.get("/api/v1/audit/checkpoints/2").json() == older[0]
        for wrong in ("0", "4", "-1", "99999999999"):
            assert hub.client.get(f"/api/v1/audit/checkpoints/{wrong}").status_code == 404


def test_lines_are_found_by_what_who_and_when(hub: TestHub) -> None:
    """The administrator's list narrows by each, page after page, and shows nobody else anything."""
    chief = hub.token(Role.ADMINISTRATOR)
    ask = lambda **asked: hub.client.get("/api/v1/audit/events", params=asked, headers=chief).json()  # noqa: E731
    assert {one["kind"] for one in ask(kind="noted")["events"]} == {"noted"}
    assert len(ask(subject="note:3")["events"]) == 2
    assert {one["actor"] for one in ask(who="account:1")["events"]} == {"account:1"}
    page = hub.client.get("/audit?kind=noted&since=2020-01-01&until=2020-01-02", headers=chief)
    assert "No line fits" in page.text
    assert hub.client.get("/audit?since=nonsense&before=-4&kind=%00", headers=chief).status_code == 200
    assert hub.client.get("/api/v1/audit/events", headers=hub.token(Role.CURATOR)).status_code == 403
