"""A request to the DICOMweb service as its verbs see it, and the short way from a route to its verb."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from fastapi import Request, Response
from fastapi.routing import APIRoute
from starlette.concurrency import run_in_threadpool
from starlette.routing import BaseRoute, Match
from starlette.types import Receive, Send
from starlette.types import Scope as AsgiScope

from radcommons.access.answers import Urls
from radcommons.catalogue.credentials import signed_in
from radcommons.catalogue.images import InstanceRow, Place, Scope
from radcommons.catalogue.reads import check_release, instances_of
from radcommons.dicomweb.negotiate import Choice, Offer, choose
from radcommons.platform.identity import authorize
from radcommons.platform.ports import Platform
from radcommons.records.errors import NotFound
from radcommons.records.event import Scope as Permission

# An answer may be kept, and is asked for again each time: what it shows may be withdrawn. Its bytes never change.
PRIVATE = {"Cache-Control": "private, no-cache", "Vary": "Accept, Authorization, Cookie"}


class Waits(Exception):
    """This look-up takes long enough to be made in a thread. Never leaves this file's way of calling."""


@dataclass(frozen=True, slots=True)
class Asked:
    """Who asks for what.

    Parameters
    ----------
    request : Request
    ports : Platform
    scope : Scope
        What the caller sees: the root, or the release that the path names.
    place : Place
        The part of the tree that the path names.
    is_inline : bool
        The verb runs between other requests: it raises `Waits` before anything that takes long.
    """

    request: Request
    ports: Platform
    scope: Scope
    place: Place
    is_inline: bool = False

    @property
    def urls(self) -> Urls:
        """Return the addresses of this DICOMweb root, as the caller reaches it."""
        base = (self.ports.settings.base_url or str(self.request.base_url)).rstrip("/")
        release = self.scope.release
        return Urls(f"{base}/dicomweb/releases/{release}" if release else f"{base}/dicomweb")

    def choose(self, offers: tuple[Offer, ...]) -> Choice:
        """Return the offer that the caller likes best. Raises NotAcceptable."""
        request = self.request
        wished = tuple(request.query_params.getlist("accept")) if request.scope["query_string"] else ()
        return _choose(offers, ", ".join(request.headers.getlist("accept")) or None, wished)

    def instances(self) -> list[InstanceRow]:
        """Return every instance of the place. Raises NotFound where there is none."""
        found = instances_of(self.ports.engine, self.scope, self.place)
        if not found:
            raise NotFound("There is no such study, series or instance.")
        return found

    def has(self, tag: str) -> bool:
        """Say whether the caller holds this representation already (RFC 9110 section 13.1.2)."""
        known = self.request.headers.get("if-none-match")
        if known is None:
            return False
        return known.strip() == "*" or tag in (one.strip().removeprefix("W/") for one in known.split(","))

    def takes_bytes(self) -> None:
        """Say that the caller gets what was stored, not only a look at it. Raises NotPermitted."""
        authorize(self.scope.actor, scope=Permission.DOWNLOAD)

    def is_waiting(self) -> None:
        """Say that what follows takes long. Raises Waits where it may not."""
        if self.is_inline:
            raise Waits


@lru_cache(maxsize=1024)
def _choose(offers: tuple[Offer, ...], accept: str | None, wished: tuple[str, ...]) -> Choice:
    return choose(offers, accept=accept, parameters=wished)


Verb = Callable[[Asked], Response]


def _asked(request: Request, ports: Platform, *, is_inline: bool) -> Asked:
    named = request.path_params
    if any("\0" in str(value) for value in named.values()):  # PostgreSQL takes no NUL in a text
        raise NotFound("There is no such study, series or instance.")
    actor, release = signed_in(request).actor, named.get("release")
    if release is not None:
        check_release(ports.engine, actor, release)
    place = Place(study=named.get("study"), series=named.get("series"), instance=named.get("instance"))
    return Asked(request, ports, Scope(actor=actor, release=release), place, is_inline)


async def answer(verb: Verb, request: Request) -> Response:
    """Call a verb: on the spot where database and objects are this machine's files, otherwise in a thread."""
    ports: Platform = request.app.state.platform
    if ports.engine.dialect.name == "sqlite":
        try:
            return verb(_asked(request, ports, is_inline=True))
        except Waits:
            pass
    return await run_in_threadpool(lambda: verb(_asked(request, ports, is_inline=False)))


def endpoint(verb: Verb) -> Callable[[Request], Awaitable[Response]]:
    """Return a verb as an endpoint, named and described like it."""

    async def call(request: Request) -> Response:
        return await answer(verb, request)

    call.__name__, call.__doc__ = verb.__name__, verb.__doc__
    return call


class ReadRoute(APIRoute):
    """A route that the interface's description knows, and that calls its endpoint without a chain of dependencies."""

    async def handle(self, scope: AsgiScope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["method"] not in (self.methods or ()):
            await super().handle(scope, receive, send)
            return
        called: Any = self.endpoint
        response: Response = await called(Request(scope, receive, send))
        await response(scope, receive, send)


class ReadRoutes(BaseRoute):
    """Finds the route of a read by one look-up, in place of trying one pattern after the other.

    Parameters
    ----------
    routes : iterable of ReadRoute
        Of paths whose names and parameters take turns; another stays to be found by its pattern.
    """

    def __init__(self, routes: Iterable[ReadRoute]) -> None:
        self._known: dict[tuple[int, str], tuple[ReadRoute, tuple[str, ...]]] = {}
        for route in routes:
            parts = route.path.strip("/").split("/")
            named = [part for part in parts if part.startswith("{")]
            if parts[2:3] != ["{release}"] and "{path:path}" not in named:
                self._known[_signature(parts)] = (route, tuple(part.strip("{}") for part in named))

    def matches(self, scope: AsgiScope) -> tuple[Match, AsgiScope]:
        """Say whether a request is one of these reads."""
        path: str = scope["path"] if scope["type"] == "http" and scope["method"] in ("GET", "HEAD") else ""
        if not path.startswith(_READS) or scope.get("root_path"):
            return Match.NONE, {}
        parts = path[1:].split("/")
        found = self._known.get(_signature(parts))
        if found is None or "" in parts:
            return Match.NONE, {}
        route, names = found
        return Match.FULL, {"route": route, "path_params": dict(zip(names, parts[2::2], strict=True))}

    async def handle(self, scope: AsgiScope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        called: Any = scope["route"].endpoint
        response: Response = await called(Request(scope, receive, send))
        await response(scope, receive, send)


# With a level below the root: /dicomweb/studies/1.2/series has names at 0, 1, 3 and parameters at 2.
_READS = "/dicomweb/studies"


def _signature(parts: list[str]) -> tuple[int, str]:
    return len(parts), "/".join((parts[0], *parts[1::2]))
