"""What every answer says to a browser, and which of its requests go no further; plain ASGI, so bodies stream."""

from __future__ import annotations

import json
import traceback
from collections.abc import Iterable

import structlog
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from radcommons.ui.render import SECURITY_HEADERS
from radcommons.web.errors import PROBLEM, problem

_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
_SECURED = tuple((name.lower().encode(), value.encode()) for name, value in SECURITY_HEADERS.items())
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
            log_fault(error)
            if not begun:
                await _answer(send, status=500, code="fault", detail="The program failed to answer this request.")


def log_fault(error: Exception) -> None:
    """Log where a fault of ours came from; its words may quote values and are left out."""
    where = [f"{frame.filename}:{frame.lineno}" for frame in traceback.extract_tb(error.__traceback__)]
    _log.error("fault", error=type(error).__name__, where=where[-12:])


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
                message["headers"] = secured(message["headers"])
            await send(message)

        if is_from_another_site(scope):
            await refuse_another_site(guarded)
        else:
            await self._app(scope, receive, guarded)


def secured(headers: Iterable[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
    """Return an answer's headers with those that every answer has, unless it says otherwise itself."""
    given = list(headers)
    names = {name for name, _ in given}
    return given + [pair for pair in _SECURED if pair[0] not in names]


def is_from_another_site(scope: Scope) -> bool:
    """Say whether another site's page asks for a change: a browser says so, and none has a reason to."""
    return scope["method"] not in _SAFE and (b"sec-fetch-site", b"cross-site") in scope["headers"]


async def refuse_another_site(send: Send) -> None:
    """Answer such a request."""
    detail = "The request comes from another site's page."
    await _answer(send, status=403, code="not-permitted", detail=detail)


async def _answer(send: Send, *, status: int, code: str, detail: str) -> None:
    body = json.dumps(problem(status=status, code=code, detail=detail)).encode()
    headers = [(b"content-type", PROBLEM.encode()), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
