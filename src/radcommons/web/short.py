"""The hub as an application, with a short way past it for what is asked a thousand times a second."""

from __future__ import annotations

from collections.abc import Sequence

from fastapi import FastAPI
from starlette.middleware.exceptions import ExceptionMiddleware
from starlette.routing import BaseRoute, Match
from starlette.types import ASGIApp, Receive, Scope, Send

from radcommons.web.guard import BrowserGuard, LastResort
from radcommons.web.metrics import Measured


class Hub(FastAPI):
    """The application; requests that fit a short route see the same guards and error answers, and nothing else."""

    _routes_: Sequence[BaseRoute] = ()
    _stack: ASGIApp

    def go_short(self, routes: Sequence[BaseRoute]) -> None:
        """Take these routes before all others. Call it when the handlers of errors are there."""
        handlers = {key: value for key, value in self.exception_handlers.items() if key not in (500, Exception)}
        inner = ExceptionMiddleware(_handle, handlers=handlers)
        self._stack = Measured(BrowserGuard(LastResort(inner)))
        self._routes_ = tuple(routes)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        for route in self._routes_:
            match, found = route.matches(scope)
            if match is Match.FULL:
                scope.update(found, app=self, short=route)
                await self._stack(scope, receive, send)
                return
        await super().__call__(scope, receive, send)


async def _handle(scope: Scope, receive: Receive, send: Send) -> None:
    await scope["short"].handle(scope, receive, send)
