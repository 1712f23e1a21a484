"""From the credentials of an HTTP request to an `Actor`: FastAPI dependencies that every zone's routes use."""

from __future__ import annotations

import hmac
import ipaddress
import re
from dataclasses import dataclass, replace
from typing import Annotated

from fastapi import Depends, Request, Response

from radcommons.catalogue.accounts import SignedIn, by_cookie, by_token
from radcommons.catalogue.grants import with_grants
from radcommons.platform.identity import SESSION_HOURS, authorize_change
from radcommons.platform.ports import Platform
from radcommons.records.errors import NotPermitted, SignInRequired
from radcommons.records.event import ANONYMOUS, Actor, Role

COOKIE = "radcommons_session"
# The prefix makes browsers refuse the cookie from any other host or over plain HTTP (RFC 6265bis, section 4.1.3).
_SECURE_PREFIX = "__Host-"
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
    ports = platform(request)
    kind, _, token = request.headers.get("authorization", "").partition(" ")
    if kind:
        actor = by_token(ports.engine, token.strip()) if kind.lower() == "bearer" else None
        if actor is None:
            raise SignInRequired("The token is unknown or over.", mend="Ask an administrator for a new one.")
        return SignedIn(actor=with_grants(ports.engine, actor), form_key="")
    cookie = session_cookie(request)
    found = by_cookie(ports.engine, cookie) if cookie else None
    if found is None:
        return SignedIn(actor=ANONYMOUS, form_key="")
    if found.is_weak and ports.settings.second_factor == "staff":
        kept = found.actor.roles & {Role.RESEARCHER} or frozenset({Role.RESEARCHER} if found.actor.roles else ())
        found = replace(found, actor=replace(found.actor, roles=kept))
    return replace(found, actor=with_grants(ports.engine, found.actor))


async def acting(request: Request, who: Annotated[SignedIn, Depends(signed_in)]) -> Actor:
    """Return the actor; a change asked for with a cookie must repeat the session's form key (CSRF).

    Raises
    ------
    NotPermitted
        If neither the header ``X-Form-Key`` nor the form's field ``form_key`` repeats it, or a person's own token asks
        for a change and may only look.
    """
    if request.method not in _SAFE:
        authorize_change(who.actor)
    if who.form_key and request.method not in _SAFE:
        given: object = request.headers.get(FORM_KEY_HEADER)
        if given is None and request.headers.get("content-type", "").startswith(_FORMS):
            given = (await request.form()).get(FORM_KEY_FIELD)
        if not isinstance(given, str) or not hmac.compare_digest(given.encode(), who.form_key.encode()):
            raise NotPermitted("The form is not from this session.", mend="Reload the page and send it again.")
    return who.actor


def at_browser(who: Annotated[SignedIn, Depends(signed_in)], _acting: Annotated[Actor, Depends(acting)]) -> SignedIn:
    """Return who is signed in at a browser: what concerns an account's own safety is no program's to ask for.

    Raises
    ------
    SignInRequired
        If nobody is signed in.
    NotPermitted
        If a token asks, or the form is not from the session.
    """
    if not who.actor.roles:
        raise SignInRequired("This needs a sign-in.", mend="Sign in first.")
    if not who.account:
        raise NotPermitted("This is for a person at a browser, not for a token.", mend="Sign in on the portal.")
    return who


Ports = Annotated[Platform, Depends(platform)]
Asking = Annotated[Actor, Depends(acting)]
Visitor = Annotated[SignedIn, Depends(signed_in)]
AtBrowser = Annotated[SignedIn, Depends(at_browser)]


# --- the browser itself -------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """Where a request comes from: the network address, and the program in a few words."""

    address: str
    agent: str


def caller(request: Request) -> Caller:
    """Return where a request comes from, as far as the proxies before the hub are trusted."""
    address = request.client.host if request.client else ""
    trusted = platform(request).settings.trusted_proxies
    if trusted:
        # Each proxy adds whom it heard at the end; what stands before the last trusted one is anybody's word.
        said = [one.strip() for one in request.headers.get("x-forwarded-for", "").split(",") if one.strip()]
        if len(said) >= trusted:
            address = _plain(said[-trusted]) or address
    return Caller(address=address, agent=shortened(request.headers.get("user-agent", "")))


Calling = Annotated[Caller, Depends(caller)]


def _plain(address: str) -> str:
    try:
        return str(ipaddress.ip_address(address))
    except ValueError:
        return ""


_BROWSERS = (("Edg", "Edge"), ("OPR", "Opera"), ("Firefox", "Firefox"), ("Chrom", "Chrome"), ("Safari", "Safari"))
_SYSTEMS = (
    ("Android", "Android"),
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Windows", "Windows"),
    ("Mac OS", "macOS"),
    ("Linux", "Linux"),
)


def shortened(agent: str) -> str:
    """Return a user agent in words that a person knows again, without what would tell them from all others."""
    browser = next((name for part, name in _BROWSERS if part in agent), "")
    system = next((name for part, name in _SYSTEMS if part in agent), "")
    if browser:
        return f"{browser} on {system}" if system else browser
    program = re.match(r"[A-Za-z][\w.-]{0,30}", agent)
    return program[0] if program else "A program"


def public_base(request: Request) -> str:
    """Return the hub's own address as people reach it, without a slash at the end."""
    return (platform(request).settings.base_url or str(request.base_url)).rstrip("/")


def is_secure(request: Request) -> bool:
    """Say whether people reach the hub over TLS, also where a proxy before it ends TLS."""
    return public_base(request).startswith("https:")


def _named(request: Request, name: str) -> str:
    return (_SECURE_PREFIX if is_secure(request) else "") + name


def browser_cookie(request: Request, name: str) -> str | None:
    """Return the value of one of the hub's cookies."""
    return request.cookies.get(_named(request, name))


def keep_cookie(request: Request, response: Response, name: str, value: str, *, seconds: int) -> None:
    """Let the browser keep a value that no script reads and no other site's form brings along."""
    secure = is_secure(request)
    response.set_cookie(
        _named(request, name), value, max_age=seconds, path="/", httponly=True, samesite="lax", secure=secure
    )


def drop_cookie(request: Request, response: Response, name: str) -> None:
    """Let the browser forget a value."""
    secure = is_secure(request)
    response.delete_cookie(_named(request, name), path="/", httponly=True, samesite="lax", secure=secure)


def session_cookie(request: Request) -> str | None:
    """Return the session's cookie as it came."""
    return browser_cookie(request, COOKIE)


def keep_session(request: Request, response: Response, cookie: str) -> None:
    """Let the browser keep a session."""
    keep_cookie(request, response, COOKIE, cookie, seconds=SESSION_HOURS * 3600)


def drop_session(request: Request, response: Response) -> None:
    """Let the browser forget its session."""
    drop_cookie(request, response, COOKIE)
