"""Monitoring: every request is counted once, under its route's template, and nothing of the URL is kept."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI, Response
from fastapi.responses import FileResponse

from radcommons.catalogue.migrate import upgrade
from radcommons.hub.setup import lay_out, set_up
from radcommons.platform.ports import Platform, open_platform
from radcommons.platform.settings import HubSettings
from radcommons.records.terms import Tier
from radcommons.web.metrics import Holdings, Measured


@pytest.fixture
def platform(tmp_path: Path) -> Iterator[Platform]:
    """A new hub's ports."""
    settings = HubSettings(directory=tmp_path / "hub")
    lay_out(settings)
    made = open_platform(settings)
    set_up(made, email="a@example.org", tier=Tier.OPEN, steward="")
    upgrade(made.engine)
    yield made
    made.engine.dispose()


def _app(large: Path) -> FastAPI:
    app = FastAPI()
    app.add_middleware(Measured)

    @app.get("/things/{name}")
    def thing(name: str) -> Response:
        if name == "broken":
            raise RuntimeError(name)
        return FileResponse(large) if name == "large" else Response(b"12345")

    return app


def _ask(app: FastAPI, *paths: str) -> None:
    async def ask() -> None:
        transport = httpx.ASGITransport(app, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://hub") as client:
            for path in paths:
                await client.get(path)

    asyncio.run(ask())


def _samples(text: str, name: str) -> dict[str, float]:
    lines = [line.rpartition(" ") for line in text.splitlines() if line.startswith(name + "{")]
    return {label: float(value) for label, _, value in lines if "things" in label or "none" in label}


def test_requests_are_counted_by_template(platform: Platform, tmp_path: Path) -> None:
    """Two names of one route make one row; a fault and a path without a route have theirs; no name is in the text."""
    large = tmp_path / "large"
    large.write_bytes(bytes(100_000))
    before = _samples(Holdings().text(platform).decode(), "radcommons_http_seconds_count")  # by other tests
    _ask(_app(large), "/things/MUELLER", "/things/PATIENT-4711", "/things/large", "/things/broken", "/nowhere/SECRET")
    text = Holdings().text(platform).decode()
    counted = _samples(text, "radcommons_http_seconds_count")
    assert {label: n - before.get(label, 0) for label, n in counted.items() if n != before.get(label)} == {
        'radcommons_http_seconds_count{method="GET",route="/things/{name}",status="200"}': 3,
        'radcommons_http_seconds_count{method="GET",route="/things/{name}",status="500"}': 1,
        'radcommons_http_seconds_count{method="GET",route="none",status="404"}': 1,
    }
    assert (
        _samples(text, "radcommons_http_sent_bytes_total")['radcommons_http_sent_bytes_total{route="/things/{name}"}']
        >= 100_010
    )
    assert not [word for word in ("MUELLER", "PATIENT-4711", "SECRET", "nowhere", "broken") if word in text]


def test_holdings_are_gauges(platform: Platform) -> None:
    """What the hub holds stands beside the process's own figures."""
    text = Holdings().text(platform).decode()
    assert 'radcommons_jobs{state="waiting"} 0.0' in text
    assert "process_resident_memory_bytes" in text
