"""From the credentials of an HTTP request to an `Actor`: FastAPI dependencies that every zone's routes use."""

from __future__ import annotations

import hmac
from dataclasses import replace
from typing import Annotated

from fastapi import Depends, Request

from radcommons.catalogue.accounts import SignedIn, by_cookie, by_token
from radcommons.catalogue.grants import with_grants
from radcommons.platform.ports import Platform
from radcommons.records.errors import NotPermitted, SignInRequired
from radcommons.records.event import ANONYMOUS, Actor

COOKIE = "radcommons_session"
FORM_KEY_FIELD = "form_key"
FORM_KEY_HEADER = "x-form-key"
_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
_FORMS = ("application/x-www-form-urlencoded", "multipart/form-data")


def platform(request: Request) -> Platform:
    """Return the hub's ports."""
    ports: Platform = request.app.state.platform
    return ports


def signed_in(request: Request) -> SignedIn:
    """Return who asks: by bearer token, by session cookie, or the anonymous visitor (with an empty form key).

    Raises
    ------
    SignInRequired
        If a bearer token came that is unknown, over or revoked. A cookie that is over is an anonymous visitor's.
    """
    engine = platform(request).engine
    kind, _, token = request.headers.get("authorization", "").partition(" ")
    if kind:
        actor = by_token(engine, token.strip()) if kind.lower() == "bearer" else None
        if actor is None:
            raise SignInRequired("The token is unknown or over.", mend="Ask an administrator for a new one.")
        return SignedIn(actor=with_grants(engine, actor), form_key="")
    cookie = request.cookies.get(COOKIE)
    found = by_cookie(engine, cookie) if cookie else None
    if found is None:
        return SignedIn(actor=ANONYMOUS, form_key="")
    return replace(found, actor=with_grants(engine, found.actor))


async def acting(request: Request, who: Annotated[SignedIn, Depends(signed_in)]) -> Actor:
    """Return the actor; a change asked for with a cookie must repeat the session's form key (CSRF).

    Raises
    ------
    NotPermitted
        If neither the header ``X-Form-Key`` nor the form's field ``form_key`` repeats it.
    """
    if who.form_key and request.method not in _SAFE:
        given: object = request.headers.get(FORM_KEY_HEADER)
        if given is None and request.headers.get("content-type", "").startswith(_FORMS):
            given = (await request.form()).get(FORM_KEY_FIELD)
        if not isinstance(given, str) or not hmac.compare_digest(given.encode(), who.form_key.encode()):
            raise NotPermitted("The form is not from this session.", mend="Reload the page and send it again.")
    return who.actor


Ports = Annotated[Platform, Depends(platform)]
Asking = Annotated[Actor, Depends(acting)]
Visitor = Annotated[SignedIn, Depends(signed_in)]
