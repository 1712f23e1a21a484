"""A clock that jumps, as on a machine whose battery is empty or whose time server was wrong."""

from __future__ import annotations

import sqlite3
import time
from contextlib import closing
from pathlib import Path

import pytest

from radcommons.testing.sender import Sender
from radcommons.testing.served import served_hub, sibling

pytestmark = pytest.mark.slow
_LIBRARIES = "*/faketime/libfaketimeMT.so.1"


def test_a_clock_that_jumps_loses_nothing(tmp_path: Path) -> None:
    """Years forward, days back and forward again under one process: each store is whole, each answer as before."""
    found = [str(path) for path in Path("/usr/lib").glob(_LIBRARIES)]
    assert found, "libfaketime is missing: sh tools/system-packages.sh"
    clock = tmp_path / "clock"
    clock.write_text("+0")
    environment = {
        "LD_PRELOAD": found[0],
        "FAKETIME_TIMESTAMP_FILE": str(clock),
        "FAKETIME_NO_CACHE": "1",
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
    }
    first = Sender().instance()
    made = [first, *(sibling(first, number) for number in range(1, 9))]
    with served_hub(tmp_path / "hub", environment=environment) as hub:
        headers = hub.token()
        for at, jump in enumerate(("+0", "+3y", "-20d", "-1y", "+1d", "+0")):
            clock.write_text(jump)
            began = time.monotonic()
            assert hub.store([made[at].content], headers=headers).status_code == 200, jump
            assert hub.store([made[at].content], headers=headers).status_code == 200, jump  # again: the same answer
            for one in made[: at + 1]:
                assert hub.fetch(one, headers=headers) == one.content, jump
            searched = hub.client.get(f"{hub.url}/dicomweb/instances", headers=headers)
            assert len(searched.json()) == at + 1, jump
            assert hub.client.get(f"{hub.url}/readyz").status_code == 200, jump
            assert time.monotonic() - began < 20, jump
        years = _years(hub.directory)
        assert max(years) - min(years) >= 3  # the clock did jump under the process
        assert hub.faults() == []


def _years(directory: Path) -> set[int]:
    """Return the years in which the audit trail says that something happened."""
    with closing(sqlite3.connect(directory / "hub.db")) as database:
        return {int(at[:4]) for (at,) in database.execute("SELECT at FROM audit_event")}
