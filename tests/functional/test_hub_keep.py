"""A backup while writers write: what operators do on a working day."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest

from radcommons.testing.sender import Made, Sender
from radcommons.testing.served import ServedHub, served_hub, sibling

pytestmark = pytest.mark.slow
_BACKUPS = int(os.environ.get("RADCOMMONS_BACKUPS", "1"))


def _write(hub: ServedHub, headers: dict[str, str], writer: int, stored: list[Made], stop: threading.Event) -> None:
    first, number = Sender(site=f"B{writer}").instance(), 0
    while not stop.wait(0.05):
        made = [sibling(first, number + one) for one in range(3)]
        number += 3
        if hub.store([one.content for one in made], headers=headers).status_code == 200:
            stored.extend(made)


def test_backups_while_writers_write(tmp_path: Path) -> None:
    """Each backup restores to a hub without a fault that holds what was acknowledged before the backup began."""
    stored, stop, known = list[Made](), threading.Event(), list[list[Made]]()
    with served_hub(tmp_path / "hub") as hub:
        headers = hub.token()
        writers = [threading.Thread(target=_write, args=(hub, headers, n, stored, stop)) for n in range(2)]
        for thread in writers:
            thread.start()
        try:
            for number in range(_BACKUPS):
                while len(stored) < 60 * (number + 1):
                    assert any(thread.is_alive() for thread in writers)
                    stop.wait(0.05)
                known.append(list(stored))
                done = hub.run("backup", str(hub.directory), str(tmp_path / f"{number}.tar"))
                assert done.returncode == 0, done.stderr
        finally:
            stop.set()
            for thread in writers:
                thread.join(60)
    for number, before in enumerate(known):
        again = ServedHub(directory=tmp_path / f"restored{number}", port=hub.port)
        assert again.run("restore", str(tmp_path / f"{number}.tar"), str(again.directory)).returncode == 0
        assert [fault for fault in again.faults() if fault["kind"] != "orphan"] == []
        again.start()
        try:
            assert all(again.fetch(one, headers=headers) == one.content for one in before)
            assert again.store([stored[-1].content], headers=headers).status_code == 200
        finally:
            again.kill()
            again.client.close()
