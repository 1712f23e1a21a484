"""An upgrade without a pause: a new process brings the schema forward while an older one serves and stores."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

import pytest
import sqlalchemy as sa

from radcommons.catalogue import tables_cohorts, tables_identity
from radcommons.catalogue.migrate import is_current
from radcommons.platform.database import make_engine
from radcommons.testing.sender import Made, Sender
from radcommons.testing.served import ServedHub, free_port, served_hub, sibling

pytestmark = [pytest.mark.slow, pytest.mark.production]
# What storing and retrieving by a token never touch: to the process that serves meanwhile it makes no difference.
_NEWER = (tables_cohorts, tables_identity)
_SHARED = frozenset({"account", "api_token", "session", "personal_token"})
_INDEXES = ("ix_audit_event_actor", "ix_instance_study")


def _as_before(engine: sa.Engine) -> None:
    """Take out of a database what later revisions brought, as far as the older process would not have used it."""
    with engine.begin() as connection:
        for module in _NEWER:
            for table in reversed([one for one in vars(module).values() if isinstance(one, sa.Table)]):
                if table.name not in _SHARED:
                    connection.execute(sa.text(f'DROP TABLE IF EXISTS "{table.name}" CASCADE'))
        for name in _INDEXES:
            connection.execute(sa.text(f"DROP INDEX {name}"))
        connection.execute(sa.text("UPDATE alembic_version SET version_num = '0002'"))


def _write(hub: ServedHub, made: list[Made], kept: list[Made], odd: list[int], stop: threading.Event) -> None:
    headers = hub.token()
    for one in made:
        if stop.is_set():
            return
        status = hub.store([one.content], headers=headers).status_code
        if status != 200 or hub.fetch(one, headers=headers) != one.content:
            odd.append(status)
        kept.append(one)


def test_a_schema_moves_under_traffic(tmp_path: Path, new_production_env: Callable[[], dict[str, str]]) -> None:
    """While two writers store by the old process a new one migrates; every request is answered, nothing is lost."""
    environment = new_production_env()
    first = Sender().instance()
    with served_hub(tmp_path / "hub", environment=environment) as old:
        headers = old.token()
        engine = make_engine(environment["RADCOMMONS_DATABASE_URL"])
        _as_before(engine)
        assert not is_current(engine)
        kept, odd = list[Made](), list[int]()
        stop = threading.Event()
        writers = [
            threading.Thread(
                target=_write,
                args=(old, [sibling(first, writer * 1000 + at) for at in range(2000)], kept, odd, stop),
            )
            for writer in range(2)
        ]
        for thread in writers:
            thread.start()
        new = ServedHub(directory=old.directory, environment=environment, port=free_port())
        try:
            while len(kept) < 5:
                stop.wait(0.02)
            before = len(kept)
            new.start()
            assert is_current(engine)
            during = len(kept)
            stop.wait(1.0)
            stop.set()
            for thread in writers:
                thread.join(60)
            assert odd == []
            assert before < during < len(kept)  # the old process stored before, while and after
            for one in kept[:: max(1, len(kept) // 40)]:
                assert new.fetch(one, headers=headers) == one.content
            assert new.client.get(f"{new.url}/readyz").status_code == 200
            assert old.client.get(f"{old.url}/readyz").status_code == 200
            assert new.faults() == []
        finally:
            stop.set()
            if new.process is not None:
                new.kill()
            new.client.close()
            engine.dispose()
