"""A withdrawal and a release that are made at the same moment know of each other (PostgreSQL)."""

from __future__ import annotations

import threading
import time
from pathlib import Path
from typing import Any

import pytest

from radcommons.catalogue import tables as t
from radcommons.hub import release as releasing
from radcommons.hub.release import create_release
from radcommons.hub.withdraw import withdraw_here
from radcommons.platform.database import reading
from radcommons.records.event import Actor, Role
from unit.access.commons import CURATOR, Commons, fill, image

ADMINISTRATOR = Actor(id="account:2", name="Administrator", roles=frozenset({Role.ADMINISTRATOR}))


def test_a_withdrawal_during_a_release_is_told_in_its_feed(
    tmp_path: Path, postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It waits for the release that already chose the instance, and then names it in the feed."""
    commons = Commons(tmp_path, database_url=postgres_url)
    fill(commons)
    (digest,) = commons.load(image(uid="2.25.77", series="2.25.78", study="2.25.79"), dataset="chest")
    withdrawing = threading.Thread(
        target=lambda: withdraw_here(
            studies=("2.25.79",), reason="error", platform=commons.platform, actor=ADMINISTRATOR
        )
    )
    counts = releasing._counts

    def slow(chosen: Any) -> Any:
        if not withdrawing.is_alive():
            withdrawing.start()
            time.sleep(1)  # long enough for it to end, if nothing held it
            assert withdrawing.is_alive()
        return counts(chosen)

    monkeypatch.setattr(releasing, "_counts", slow)
    made = create_release("chest", title="Second", platform=commons.platform, actor=CURATOR)
    withdrawing.join(30)
    assert digest in {item.digest for item in made.items}
    with reading(commons.platform.engine) as connection:
        told = connection.execute(t.feed_entry.select().where(t.feed_entry.c.dataset == "chest")).all()
    assert any(digest in row.document for row in told)
