"""A hub that answers, and clients that do not wait between attempts."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import ThreadingHTTPServer
from pathlib import Path

import pytest

from unit.access.commons import Commons, fill
from unit.access.fake_hub import Answers, FakeHub


@pytest.fixture
def hub() -> Iterator[FakeHub]:
    """A hub with one release of five instances."""
    fake = FakeHub()
    for number in range(5):
        fake.add(bytes([number + 1]) * (200_000 + number), number)
    fake.tell("released")
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Answers", (Answers,), {"hub": fake}))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    fake.url = f"http://127.0.0.1:{server.server_address[1]}"
    yield fake
    server.shutdown()
    server.server_close()


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    """Retries do not wait in tests."""
    monkeypatch.setattr("radcommons.access.hubclient.HubClient.wait", lambda self, attempt: None)


@pytest.fixture(scope="module")
def commons(tmp_path_factory: pytest.TempPathFactory) -> Commons:
    """A filled commons; tests of a module share it and change nothing."""
    return fill(Commons(tmp_path_factory.mktemp("commons")))


@pytest.fixture
def own_commons(tmp_path: Path) -> Commons:
    """A filled commons that a test may change."""
    return fill(Commons(tmp_path))
