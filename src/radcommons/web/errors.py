"""The one table from errors to HTTP: status and RFC 9457 problem document, or a page for a browser."""

from __future__ import annotations

from collections.abc import Callable
from http import HTTPStatus
from typing import Any

import sqlalchemy as sa
import structlog
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.routing import Match

from radcommons.records import errors as e

PROBLEM = "application/problem+json"
_log = structlog.get_logger()

STATUS: dict[type[e.RadcommonsError], int] = {
    e.RadcommonsError: 500,
    e.UsageError: 400,
    e.DocumentError: 400,
    e.NotPermitted: 403,
    e.SignInRequired: 401,
    e.TooManyTries: 429,
    e.NotFound: 404,
    e.Withdrawn: 410,
    e.Conflict: 409,
    e.WrongState: 409,
    e.IntegrityError: 422,
    e.UnreadableInstance: 422,
    e.StorageError: 503,
    e.PeerError: 502,
}

# What every operation may answer; for the description of the interface.
PROBLEM_RESPONSES: dict[int | str, dict[str, Any]] = {
    "4XX": {
        "description": "Refused: a problem document (RFC 9457) says what, why and how to mend it.",
        "content": {
            PROBLEM: {
                "schema": {
                    "type": "object",
                    "required": ["type", "title", "status", "detail", "code"],
                    "properties": {
                        "type": {"type": "string"},
                        "title": {"type": "string"},
                        "status": {"type": "integer"},
                        "detail": {"type": "string"},
                        "code": {"type": "string"},
                        "mend": {"type": "string"},
                    },
                }
            }
        },
    }
}

_METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
# A disk is freed, a database or a store comes back; who asks again sooner learns nothing.
_RETRY_AFTER_S = 10

_REFUSED = frozenset({HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN, HTTPStatus.TOO_MANY_REQUESTS})

# Makes the page of a problem: (request, status, title, detail, mend).
Page = Callable[[Request, int, str, str, str], Response]


def status_of(error: e.RadcommonsError) -> int:
    """Return the HTTP status of an error: its own where its class names one, else that of the nearest class above."""
    own = getattr(type(error), "status", None)
    if isinstance(own, int):
        return own
    return next(STATUS[kind] for kind in type(error).__mro__ if kind in STATUS)


def problem(*, status: int, code: str, detail: str, mend: str = "") -> dict[str, Any]:
    """Return a problem document (RFC 9457); `code` is what programs switch on."""
    document = {
        "type": f"urn:radcommons:problem:{code}",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": detail,
        "code": code,
    }
    return document | ({"mend": mend} if mend else {})


def _wants_page(request: Request) -> bool:
    is_program = request.url.path.startswith(("/api/", "/dicomweb"))
    return not is_program and "text/html" in request.headers.get("accept", "")


def _methods(request: Request) -> list[str]:
    """Return what a path takes (RFC 9110 section 15.5.6); the framework names those of one route of several."""
    routes = request.app.router.routes
    tried = ((method, {**request.scope, "method": method}) for method in _METHODS)
    return [method for method, scope in tried if any(route.matches(scope)[0] is Match.FULL for route in routes)]


def add_error_handlers(app: FastAPI, *, page: Page) -> None:
    """Answer every error by the table; nothing of the request's content is repeated."""

    def answer(
        request: Request, *, status: int, code: str, detail: str, mend: str = "", retry_after_s: int = _RETRY_AFTER_S
    ) -> Response:
        # Bearer is what a program can answer with; a person's way is the sign-in page.
        headers = {"WWW-Authenticate": "Bearer"} if status == HTTPStatus.UNAUTHORIZED else {}
        if status in (HTTPStatus.SERVICE_UNAVAILABLE, HTTPStatus.TOO_MANY_REQUESTS):
            headers = {"Retry-After": str(retry_after_s)}
        if _wants_page(request):
            return page(request, status, HTTPStatus(status).phrase, detail, mend)
        body = problem(status=status, code=code, detail=detail, mend=mend)
        return JSONResponse(body, status_code=status, media_type=PROBLEM, headers=headers)

    @app.exception_handler(e.RadcommonsError)
    def known(request: Request, error: e.RadcommonsError) -> Response:
        status = status_of(error)
        if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            _log.error("request-failed", status=status, code=error.code, what=error.what)
        elif status in _REFUSED:
            # By the route, since an address may hold a link's token.
            route = getattr(request.scope.get("route"), "path", "")
            _log.warning("refused", status=status, code=error.code, method=request.method, route=route)
        wait = error.wait_s if isinstance(error, e.TooManyTries) else _RETRY_AFTER_S
        return answer(request, status=status, code=error.code, detail=error.what, mend=error.mend, retry_after_s=wait)

    @app.exception_handler(RequestValidationError)
    def invalid(request: Request, error: RequestValidationError) -> Response:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        detail = f"The request does not fit at {where}: {_reason(first)}."
        return answer(request, status=422, code="invalid-request", detail=detail, mend="See /api/openapi.json.")

    @app.exception_handler(HTTPException)
    def by_framework(request: Request, error: HTTPException) -> Response:
        code = HTTPStatus(error.status_code).phrase.lower().replace(" ", "-")
        response = answer(
            request, status=error.status_code, code=code, detail=HTTPStatus(error.status_code).description
        )
        response.headers.update(error.headers or {})
        if error.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
            response.headers["Allow"] = ", ".join(_methods(request))
        return response

    # A server that shuts down ends connections in several ways; to have none left in time is another.
    @app.exception_handler(sa.exc.InterfaceError)
    @app.exception_handler(sa.exc.OperationalError)
    @app.exception_handler(sa.exc.TimeoutError)
    def no_database(request: Request, error: sa.exc.SQLAlchemyError) -> Response:
        _log.error("database-unavailable", error=type(getattr(error, "orig", error)).__name__)
        detail = "The database does not answer."
        return answer(request, status=503, code="storage", detail=detail, mend="Nothing was changed; try again.")

    @app.exception_handler(ClientDisconnect)
    def gone(_request: Request, _error: ClientDisconnect) -> Response:
        return Response(status_code=400)  # nobody reads it; nothing was acknowledged


def _reason(error: dict[str, Any]) -> str:
    """Return pydantic's kind of error, not its message: some kinds quote the value."""
    return str(error["type"]).replace("_", " ")
