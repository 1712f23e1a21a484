"""kill -9 under load: whatever was acknowledged is there, byte for byte; everything else is absent or whole.

`make nightly` serves for ten minutes (RADCOMMONS_KILL_SECONDS=600). The seed is printed, and may be given back in
RADCOMMONS_KILL_SEED.
"""

from __future__ import annotations

import hashlib
import os
import random
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import pytest

from radcommons.testing.sender import Made, Sender
from radcommons.testing.served import ServedHub, served_hub, sibling

pytestmark = pytest.mark.slow
_SECONDS = float(os.environ.get("RADCOMMONS_KILL_SECONDS", "60"))
_SEED = int(os.environ.get("RADCOMMONS_KILL_SEED", "0")) or random.SystemRandom().randrange(1, 1 << 32)
_AT_NIGHT = pytest.mark.skipif("RADCOMMONS_KILL_SECONDS" not in os.environ, reason="takes a minute: `make nightly`")
_WRITERS = 3


@dataclass(slots=True)
class _Log:
    """What the writers sent, and what the hub said that it has."""

    sent: list[Made] = field(default_factory=list)
    acknowledged: list[Made] = field(default_factory=list)
    odd: list[int] = field(default_factory=list)  # statuses that a killed hub does not explain


def _write(hub: ServedHub, headers: dict[str, str], writer: int, log: _Log, stop: threading.Event) -> None:
    """Send messages of one to five instances until stopped; repeat each until the hub says that it has it."""
    chance, number = random.Random(f"{_SEED} {writer}"), 0
    first = Sender(site=f"K{writer}").instance()
    while not stop.is_set():
        made = [sibling(first, number + one) for one in range(chance.randint(1, 5))]
        number += len(made)
        log.sent.extend(made)
        while not stop.is_set():
            try:
                answer = hub.store([one.content for one in made], headers=headers, timeout=10)
            except httpx.HTTPError:
                time.sleep(0.03)
                continue
            if answer.status_code != 200:
                log.odd.append(answer.status_code)
            else:
                log.acknowledged.extend(made)
            break


def _hold_to_it(hub: ServedHub, headers: dict[str, str], log: _Log) -> None:
    """Every acknowledged instance comes back as it was sent; every other one so too, or not at all."""
    found: set[str] = set()
    for study in {one.item.study_instance_uid for one in log.sent}:
        accept = {**headers, "Accept": 'multipart/related; type="application/dicom"'}
        answer = hub.client.get(f"{hub.url}/dicomweb/studies/{study}", headers=accept, timeout=200)
        assert answer.status_code == 200
        boundary = answer.headers["Content-Type"].partition("boundary=")[2].partition(";")[0].strip('"')
        parts = answer.content.split(f"--{boundary}".encode())[1:-1]
        found |= {hashlib.sha256(part.partition(b"\r\n\r\n")[2][:-2]).hexdigest() for part in parts}
    assert {one.item.digest for one in log.acknowledged} <= found, "an acknowledged instance is lost or changed"
    assert found <= {one.item.digest for one in log.sent}, "something came back that nobody sent"


@pytest.mark.timeout(_SECONDS * 4 + 240)
@pytest.mark.parametrize("size", ["embedded", pytest.param("production", marks=[pytest.mark.production, _AT_NIGHT])])
def test_nothing_acknowledged_is_lost(size: str, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    """A hub that is killed again and again while three writers send holds all that it said it had, and no half."""
    made_env: Callable[[], dict[str, str]] | None = None
    if size == "production":
        made_env = request.getfixturevalue("new_production_env")
    print(f"\nkill -9, {size}: RADCOMMONS_KILL_SEED={_SEED}")  # stands beside a failure
    chance, log, stop = random.Random(_SEED), _Log(), threading.Event()
    with served_hub(tmp_path / "hub", environment=made_env() if made_env else None) as hub:
        headers = hub.token()
        writers = [threading.Thread(target=_write, args=(hub, headers, n, log, stop)) for n in range(_WRITERS)]
        for thread in writers:
            thread.start()
        until, kills = time.monotonic() + _SECONDS, 0
        try:
            while time.monotonic() < until:
                time.sleep(chance.uniform(0.2, 2.5))
                hub.kill()
                kills += 1
                hub.start()
        finally:
            stop.set()
            for thread in writers:
                thread.join(60)
        _hold_to_it(hub, headers, log)
        faults = hub.faults()
    assert log.odd == []
    assert kills >= 2
    assert len(log.acknowledged) > 10 * _WRITERS
    assert [fault for fault in faults if fault["kind"] != "orphan"] == []
    # An orphan is what was durable before the commit that the kill forestalled: bytes that a writer sent, no others.
    orphans = {fault["subject"] for fault in faults}
    assert orphans <= {one.item.digest for one in log.sent} - {one.item.digest for one in log.acknowledged}
    print(f"{kills} kills, {len(log.acknowledged)} of {len(log.sent)} acknowledged, {len(orphans)} orphans")
