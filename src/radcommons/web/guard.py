"""What every answer says to a browser, and which of its requests go no further; plain ASGI, so bodies stream."""

from __future__ import annotations

import json
import traceback

import structlog
from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from radcommons.ui.render import SECURITY_HEADERS
from radcommons.web.errors import PROBLEM, problem

_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
_log = structlog.get_logger()


class LastResort:
    """Turns a fault of ours into a plain 500 and a log line without the exception's words, which may quote values."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        begun = False

        async def watched(message: Message) -> None:
            nonlocal begun
            begun = begun or message["type"] == "http.response.start"
            await send(message)

        try:
            await self._app(scope, receive, watched)
        except Exception as error:
            if scope["type"] != "http":
                raise
            where = [f"{frame.filename}:{frame.lineno}" for frame in traceback.extract_tb(error.__traceback__)]
            _log.error("fault", error=type(error).__name__, where=where[-12:])
            if not begun:
                await _answer(send, status=500, code="fault", detail="The program failed to answer this request.")


class BrowserGuard:
    """Adds the security headers, and refuses changes that another site's page asks for."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in SECURITY_HEADERS.items():
                    headers.setdefault(name, value)
            await send(message)

        # A browser says where a request comes from; no other site's page has a reason to change anything here.
        if scope["method"] not in _SAFE and (b"sec-fetch-site", b"cross-site") in scope["headers"]:
            detail = "The request comes from another site's page."
            await _answer(guarded, status=403, code="not-permitted", detail=detail)
        else:
            await self._app(scope, receive, guarded)


async def _answer(send: Send, *, status: int, code: str, detail: str) -> None:
    body = json.dumps(problem(status=status, code=code, detail=detail)).encode()
    headers = [(b"content-type", PROBLEM.encode()), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
