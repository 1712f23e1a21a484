"""What every page of sign-in and account stands on: the browser's cookies, what a form says, where one goes on."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Annotated, Any
from urllib.parse import urlencode, urlsplit

from fastapi import APIRouter, Depends, Form, Request, Response

from radcommons.catalogue import sessions
from radcommons.catalogue.ceremonies import MINUTES
from radcommons.catalogue.credentials import (
    browser_cookie,
    drop_cookie,
    keep_cookie,
    keep_session,
    public_base,
    session_cookie,
)
from radcommons.coalition.sign_in import Opened
from radcommons.platform.database import writing
from radcommons.platform.passkeys import RelyingParty, relying_party
from radcommons.platform.ports import Platform
from radcommons.records.errors import NotFound, RadcommonsError, SignInRequired, TooManyTries, UsageError
from radcommons.ui.pages import is_own_path, redirect
from radcommons.ui.render import Flash

CEREMONY = "radcommons_ceremony"
_LONGEST_ANSWER = 64 << 10


def add_pages(
    routes: APIRouter, *, shown: Mapping[str, Callable[..., Any]], done: Mapping[str, Callable[..., Any]]
) -> None:
    """Add the pages that are shown, which answer HEAD as well, and what their forms do."""
    for path, endpoint in shown.items():
        routes.add_api_route(path, endpoint, methods=["GET", "HEAD"], response_class=Response)
    for path, endpoint in done.items():
        routes.add_api_route(path, endpoint, methods=["POST"], response_class=Response)


async def json_answer(request: Request) -> dict[str, Any]:
    """Return the JSON object that a script of ours sent.

    Raises
    ------
    UsageError
        If it is too long or none.
    """
    content = b""
    async for chunk in request.stream():
        content += chunk
        if len(content) > _LONGEST_ANSWER:
            raise UsageError("The answer is too long.")
    try:
        members = json.loads(content)
    except ValueError:
        members = None
    if not isinstance(members, dict):
        raise UsageError("The answer is no JSON object.")
    return members


JsonBody = Annotated[dict[str, Any], Depends(json_answer)]
Short = Annotated[str, Form(max_length=254)]
Secret = Annotated[str, Form(max_length=1024)]


def party_of(request: Request, ports: Platform) -> RelyingParty | None:
    """Return this hub as people's devices know it, None where browsers offer no passkeys."""
    base = public_base(request)
    if urlsplit(base).hostname == "127.0.0.1" and request.url.hostname == "localhost":
        base = str(request.base_url)  # the same machine by its name, which alone may have passkeys
    return relying_party(base, title=ports.settings.title)


def required_party(request: Request, ports: Platform) -> RelyingParty:
    """Return this hub as people's devices know it. Raises NotFound where browsers offer no passkeys."""
    found = party_of(request, ports)
    if found is None:
        raise NotFound("Passkeys need a host name and TLS.", mend="Set base_url to the hub's https address.")
    return found


def local(to: str) -> str:
    """Return a target when it lies on this host, else the start."""
    return to if is_own_path(to) else "/"


def problem_text(error: RadcommonsError) -> str:
    """Return what a form says of a refusal."""
    return f"{error.what} {error.mend}".strip()


def keep_ceremony(request: Request, response: Response, cookie: str) -> None:
    """Let the browser keep what it has begun."""
    keep_cookie(request, response, CEREMONY, cookie, seconds=MINUTES * 60)


def ceremony_cookie(request: Request) -> str:
    """Return the cookie of what the browser has begun, empty where there is none."""
    return browser_cookie(request, CEREMONY) or ""


def enter(request: Request, ports: Platform, response: Response, opened: Opened) -> None:
    """Give the browser what it was granted; the session that it had before ends, and what it began is over."""
    if not opened.is_session:
        keep_ceremony(request, response, opened.cookie)
        return
    earlier = session_cookie(request)
    if earlier:
        with writing(ports.engine) as connection:
            sessions.end(connection, cookie=earlier)
    keep_session(request, response, opened.cookie)
    drop_cookie(request, response, CEREMONY)


def onward(request: Request, ports: Platform, opened: Opened, to: str) -> Response:
    """Give the browser what it was granted, and send it on; by the code of a phone where that is missing."""
    answer = redirect(to if opened.is_session else f"/sign-in/code?{urlencode({'to': to})}")
    enter(request, ports, answer, opened)
    return answer


def status_of(error: RadcommonsError) -> tuple[int, dict[str, str]]:
    """Return the status of a form that is shown again, and its headers."""
    if isinstance(error, TooManyTries):
        return 429, {"Retry-After": str(error.wait_s)}
    return (401 if isinstance(error, SignInRequired) else 422), {}


def prove_again(to: str) -> Response:
    """Send somebody to prove once more who they are, and then on."""
    flash = Flash("Sign in again, please: this changes how your account is kept safe.", "warn")
    return redirect(f"/sign-in?{urlencode({'to': to, 'again': 'true'})}", flash=flash)
