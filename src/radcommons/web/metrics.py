"""What monitoring reads: how long answers take and how much goes, by route; route templates alone, never a URL."""

from __future__ import annotations

import os
import threading
import time
from functools import lru_cache
from typing import Any

from prometheus_client import REGISTRY, Counter, Histogram
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.exposition import generate_latest
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from radcommons.catalogue.holdings import holdings
from radcommons.platform.database import reading
from radcommons.platform.ports import Platform

_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 120)
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
# Counting every row by state reads the whole index of a large hub, so a scrape may be told what was so a while ago.
_HELD_S = 60.0

SECONDS = Histogram(
    "radcommons_http_seconds",
    "Time from a request's head to the end of its answer.",
    ("route", "method", "status"),
    buckets=_BUCKETS,
)
SENT = Counter("radcommons_http_sent_bytes", "Bytes of answers' bodies.", ("route",))
RECEIVED = Counter("radcommons_http_received_bytes", "Bytes of requests' bodies.", ("route",))


class Measured:
    """Measures every request; plain ASGI, so that bodies stream."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began = time.perf_counter()
        status, sent, received = 0, 0, 0

        async def sending(message: Message) -> None:
            nonlocal status, sent
            if message["type"] == "http.response.start":
                status = message["status"]
            else:
                sent += body_bytes(message)
            await send(message)

        async def receiving() -> Message:
            nonlocal received
            message = await receive()
            received += len(message.get("body", b""))
            return message

        try:
            await self._app(scope, receiving, sending)
        except Exception:
            status = status or 500
            raise
        finally:
            observe(scope, began=began, status=status, sent=sent, received=received)


def observe(scope: Scope, *, began: float, status: int, sent: int, received: int) -> None:
    """Count a request that is over.

    Parameters
    ----------
    scope : dict
    began : float
        By `time.perf_counter`.
    status : int
        0 where no answer was begun: 499 then, as proxies log a connection that its peer ended.
    sent, received : int
        Bytes of the bodies.
    """
    method = scope["method"] if scope["method"] in _METHODS else "other"
    seconds, out, into = _children(_route(scope), method, status or 499)
    seconds.observe(time.perf_counter() - began)
    if sent:
        out.inc(sent)
    if received:
        into.inc(received)


@lru_cache(maxsize=4096)
def _children(route: str, method: str, status: int) -> tuple[Histogram, Counter, Counter]:
    """Return the counters of a route; to find them by their labels takes longer than to count."""
    return SECONDS.labels(route, method, str(status)), SENT.labels(route), RECEIVED.labels(route)


def body_bytes(message: Message) -> int:
    """Return how many bytes of a body a message sends."""
    if message["type"] == "http.response.body":
        return len(message.get("body", b""))
    if message["type"] == "http.response.pathsend":
        return os.stat(message["path"]).st_size  # noqa: PTH116  (a string, on a hot path)
    return 0


def _route(scope: Scope) -> str:
    """Return the template of the route that answered; what fits none is one label, however many there are."""
    path: Any = getattr(scope.get("route"), "path", None)
    return path if isinstance(path, str) else "none"


class Holdings:
    """Counts of what a hub holds, as gauges, no older than a minute."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._read_at = -_HELD_S
        self._held: dict[str, dict[str, int]] = {}

    def text(self, platform: Platform) -> bytes:
        """Return the gauges and what this process measured, in Prometheus' text format."""
        with self._lock:
            if time.monotonic() - self._read_at >= _HELD_S:
                with reading(platform.engine) as connection:
                    self._held = holdings(connection)
                self._read_at = time.monotonic()
            held = self._held
        return generate_latest(_Gauges(held)) + generate_latest(REGISTRY)


class _Gauges:
    """What a registry would give for `holdings`."""

    def __init__(self, held: dict[str, dict[str, int]]) -> None:
        self._held = held

    def collect(self) -> list[GaugeMetricFamily]:
        made = []
        for name, by_state in self._held.items():
            family = GaugeMetricFamily(f"radcommons_{name}", f"How many {name}, by state.", labels=["state"])
            for state, count in sorted(by_state.items()):
                family.add_metric([state], count)
            made.append(family)
        return made
