"""The hub as an application, with a short way past it for what is asked a thousand times a second."""

from __future__ import annotations

import time
from collections.abc import Sequence

from fastapi import FastAPI
from starlette.middleware.exceptions import ExceptionMiddleware
from starlette.routing import BaseRoute, Match
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from radcommons.web.guard import LastResort, is_from_another_site, log_fault, refuse_another_site, secured
from radcommons.web.metrics import body_bytes, observe


class Hub(FastAPI):
    """The application; requests that fit a short route see what its guards do in one step, and nothing else of it."""

    _routes_: Sequence[BaseRoute] = ()
    _faults: ASGIApp

    def go_short(self, routes: Sequence[BaseRoute]) -> None:
        """Take these routes before all others. Call it when the handlers of errors are there."""
        handlers = {key: value for key, value in self.exception_handlers.items() if key not in (500, Exception)}
        self._faults = LastResort(ExceptionMiddleware(_raise_again, handlers=handlers))
        self._routes_ = tuple(routes)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        for route in self._routes_:
            match, found = route.matches(scope)
            if match is Match.FULL:
                scope.update(found, app=self)
                await self._serve(route, scope, receive, _Answer(send))
                return
        await super().__call__(scope, receive, send)

    async def _serve(self, route: BaseRoute, scope: Scope, receive: Receive, answer: _Answer) -> None:
        """Do for a short route what `Measured`, `BrowserGuard`, `LastResort` and the table of errors do for others."""
        began, received = time.perf_counter(), 0
        try:
            if is_from_another_site(scope):
                await refuse_another_site(answer)
                return
            try:
                await route.handle(scope, receive, answer)
            except Exception as fault:
                if answer.status:
                    log_fault(fault)
                    return
                scope["fault"] = fault
                await self._faults(scope, receive, answer)
        finally:
            received = scope.get("received", 0)
            observe(scope, began=began, status=answer.status, sent=answer.sent, received=received)


class _Answer:
    """Sends an answer with the headers that every answer has, and counts it."""

    __slots__ = ("_send", "sent", "status")

    def __init__(self, send: Send) -> None:
        self._send = send
        self.status = self.sent = 0

    async def __call__(self, message: Message) -> None:
        """Send one message."""
        if message["type"] == "http.response.start":
            self.status = message["status"]
            message["headers"] = secured(message["headers"])
        else:
            self.sent += body_bytes(message)
        await self._send(message)


async def _raise_again(scope: Scope, _receive: Receive, _send: Send) -> None:
    raise scope["fault"]
