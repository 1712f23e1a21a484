"""Serve one ASGI application in this process until it is asked to stop."""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import Callable

from fastapi import FastAPI
from granian.constants import HTTPModes, Interfaces
from granian.http import HTTP1Settings
from granian.log import LogLevels
from granian.server.embed import Server


def serve(app: FastAPI, *, host: str, port: int, on_ready: Callable[[str], None]) -> None:
    """Serve until SIGTERM or SIGINT, then let running requests end.

    Parameters
    ----------
    app : FastAPI
    host, port : str, int
    on_ready : callable
        Called with the address once connections are taken.

    Notes
    -----
    Only HTTP/1.1: bulk uploads over HTTP/2 are several times slower with this server.
    """
    with asyncio.Runner(loop_factory=_new_loop) as runner:
        runner.run(_serve(app, host=host, port=port, on_ready=on_ready))


def _new_loop() -> asyncio.AbstractEventLoop:
    """Return an event loop; uvloop's wakes up from another thread several times faster. It has none for Windows."""
    if sys.platform == "win32":
        return asyncio.new_event_loop()
    import uvloop

    return uvloop.new_event_loop()


async def _serve(app: FastAPI, *, host: str, port: int, on_ready: Callable[[str], None]) -> None:
    server = Server(
        app,
        address=host,
        port=port,
        interface=Interfaces.ASGI,
        http=HTTPModes.http1,
        http1_settings=HTTP1Settings(max_buffer_size=1 << 20),
        websockets=False,
        log_level=LogLevels.error,
    )
    loop = asyncio.get_running_loop()
    serving = asyncio.create_task(server.serve())
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, server.stop)
    announcing = asyncio.create_task(_announce(host, port, on_ready))
    try:
        await serving
    finally:
        announcing.cancel()


async def _announce(host: str, port: int, on_ready: Callable[[str], None]) -> None:
    """Call `on_ready` when the port takes connections; the server itself tells nobody."""
    reach = "127.0.0.1" if host == "0.0.0.0" else host  # noqa: S104  (compared, not bound)
    while True:
        try:
            _, writer = await asyncio.open_connection(reach, port)
        except OSError:
            await asyncio.sleep(0.05)
        else:
            writer.close()
            on_ready(f"http://{host}:{port}")
            return
