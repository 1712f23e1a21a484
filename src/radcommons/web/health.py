"""Is it alive, is it ready, and how much does it hold: for supervisors and monitoring; nobody's identity is in it."""

from __future__ import annotations

from collections.abc import Callable

from fastapi import APIRouter, Response
from fastapi.responses import JSONResponse, PlainTextResponse

from radcommons.catalogue.credentials import Ports
from radcommons.catalogue.migrate import is_current
from radcommons.platform.ports import Platform
from radcommons.web.metrics import Holdings


def router() -> APIRouter:
    """Return ``/healthz``, ``/readyz`` and ``/metrics``."""
    routes = APIRouter(include_in_schema=False)
    held = Holdings()

    @routes.api_route("/healthz", methods=["GET", "HEAD"])
    def healthz() -> dict[str, str]:
        """Answer as long as the process does."""
        return {"status": "ok"}

    @routes.api_route("/readyz", methods=["GET", "HEAD"])
    def readyz(platform: Ports) -> Response:
        """Say whether database, schema and object store can be used."""
        checks = {"database": lambda: is_current(platform.engine), "objects": lambda: _answers(platform)}
        results = {name: _holds(check) for name, check in checks.items()}
        ready = all(results.values())
        body = {"status": "ready" if ready else "not-ready", "checks": results}
        return JSONResponse(body, status_code=200 if ready else 503)

    @routes.get("/metrics")
    def metrics(platform: Ports) -> PlainTextResponse:
        """Return gauges, counters and histograms in Prometheus' text format."""
        return PlainTextResponse(held.text(platform), media_type="text/plain; version=0.0.4")

    return routes


def _answers(platform: Platform) -> bool:
    platform.objects.size("radcommons-ready")
    return True


def _holds(check: Callable[[], bool]) -> bool:
    try:
        return bool(check())
    except Exception:  # whatever stands in the way, the answer is no; the supervisor reads it, the log has the rest
        return False
