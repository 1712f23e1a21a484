"""STOW-RS: instances arrive as a stream, and are acknowledged when they are durable (PS3.18 section 10.5)."""

from __future__ import annotations

import zlib
from collections.abc import AsyncIterator, Sequence
from functools import partial

import orjson
from fastapi import APIRouter, Request, Response
from starlette.requests import ClientDisconnect
from starlette.routing import BaseRoute, Match, Route
from starlette.types import Receive, Scope, Send

from radcommons.catalogue.credentials import acting, signed_in
from radcommons.dicomweb import stow
from radcommons.dicomweb.errors import UnsupportedMedia
from radcommons.dicomweb.multipart import PartParser, media_type
from radcommons.hub.arrive import PIECE, Arrived, Part, clear
from radcommons.hub.load import load
from radcommons.hub.store import Outcome, store
from radcommons.platform.crew import Crew, LoopPromise
from radcommons.platform.group import Promise
from radcommons.platform.identity import authorize
from radcommons.platform.ports import Platform
from radcommons.records.errors import NotPermitted, UsageError
from radcommons.records.event import Actor, Role

DICOM, DICOM_JSON = "application/dicom", "application/dicom+json"
_BODY = {
    "requestBody": {
        "required": True,
        "content": {
            'multipart/related; type="application/dicom"': {"schema": {"type": "string", "format": "binary"}},
            DICOM: {"schema": {"type": "string", "format": "binary"}},
        },
    }
}
_MOST_WAITING = 256
_STUDIES = "/dicomweb/studies"
# Threads that write. Where database and objects are this machine's files a few are enough for a common flush, and more
# only take Python's lock from each other; where they are other machines, most of the time is spent waiting for them.
_HERE, _FAR = Crew(most=4, name="store"), Crew(most=8, name="store")


def _writers(platform: Platform) -> Crew:
    is_here = platform.engine.dialect.name == "sqlite" and platform.settings.objects.startswith("file:")
    return _HERE if is_here else _FAR


def router() -> APIRouter:
    """Return the store transaction's routes."""
    routes = APIRouter(tags=["DICOMweb"])

    @routes.post(_STUDIES, response_class=Response, openapi_extra=_BODY)
    async def store_instances(request: Request) -> Response:
        """Store instances of any study."""
        return await _answer(request, study=None)

    @routes.post(_STUDIES + "/{study}", response_class=Response, openapi_extra=_BODY)
    async def store_instances_of_study(request: Request, study: str) -> Response:
        """Store instances of one study; those of another fail."""
        return await _answer(request, study=study)

    return routes


class StoreRoutes(BaseRoute):
    """The same two routes by one look at the path, without a chain of dependencies."""

    def __init__(self, described: APIRouter) -> None:
        anywhere, within = described.routes
        assert isinstance(anywhere, Route)
        assert isinstance(within, Route)
        self._anywhere, self._within = anywhere, within

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        """Say whether a request stores instances."""
        if scope["type"] != "http" or scope["method"] != "POST" or scope.get("root_path"):
            return Match.NONE, {}
        path: str = scope["path"]
        if path == _STUDIES:
            return Match.FULL, {"route": self._anywhere, "path_params": {}}
        study = path.removeprefix(_STUDIES + "/")
        if not study or "/" in study:
            return Match.NONE, {}
        return Match.FULL, {"route": self._within, "path_params": {"study": study}}

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        status, body = await _stored_answer(Request(scope, receive, send), study=scope["path_params"].get("study"))
        headers = [(b"content-type", DICOM_JSON.encode()), (b"content-length", str(len(body)).encode())]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": body})


async def _answer(request: Request, *, study: str | None) -> Response:
    status, body = await _stored_answer(request, study=study)
    return Response(body, status_code=status, media_type=DICOM_JSON)


async def _stored_answer(request: Request, *, study: str | None) -> tuple[int, bytes]:
    """Store what a request brings, and return the status and the body of its answer."""
    platform: Platform = request.app.state.platform
    is_near = platform.engine.dialect.name == "sqlite"
    who = signed_in(request) if is_near else await _FAR.run(signed_in, request)
    actor = await acting(request, who)
    if actor.dataset is None:
        authorize(actor, Role.SITE)
        if actor.site is None:
            raise NotPermitted("The token speaks for no site.", mend="Use a site's token.")
    arrived: list[Arrived] = []
    begun: list[Part] = []
    try:
        await _arrive(request, platform, arrived, begun)
        outcome = await _kept(arrived, begun, platform=platform, actor=actor, study=study)
    finally:
        # Also when the client went away in the middle: what is durable has its name in the object store by now.
        if arrived or begun:
            await _writers(platform).run(_clean, arrived, begun)
    scope = request.scope
    base = platform.settings.base_url or _base_url(scope["scheme"], request.headers.get("host", ""), request)
    return _response(outcome, root=base.rstrip("/"))


_BASES: dict[tuple[str, str], str] = {}


def _base_url(scheme: str, host: str, request: Request) -> str:
    """Return the address by which the caller reaches the hub."""
    found = _BASES.get((scheme, host))
    if found is None:
        if len(_BASES) >= _MOST_WAITING:  # a caller may name the host as it likes
            _BASES.clear()
        found = _BASES[scheme, host] = str(request.base_url)
    return found


def _clean(arrived: Sequence[Arrived], begun: Sequence[Part]) -> None:
    for part in begun:
        part.drop()
    clear(arrived)


async def _kept(
    arrived: list[Arrived], begun: list[Part], *, platform: Platform, actor: Actor, study: str | None
) -> Outcome:
    """Settle the parts that wait in memory, and store all: one turn in another thread for a usual request."""
    if actor.dataset is None:
        return await _writers(platform).run(_stored, arrived, begun, platform, actor, study)
    done: LoopPromise[Outcome] = LoopPromise()
    # Not the thread is waited for: it may go on to write what others bring.
    _writers(platform).submit(partial(_loaded, arrived, begun, done, platform, actor, study))
    return await done.future


def _settle(arrived: list[Arrived], begun: list[Part], *, is_last: bool = True) -> None:
    while begun:
        arrived.append(begun[0].settle(is_last=is_last))
        del begun[0]


def _stored(arrived: list[Arrived], begun: list[Part], platform: Platform, actor: Actor, study: str | None) -> Outcome:
    _settle(arrived, begun)
    return store(arrived, platform=platform, actor=actor, study=study)


def _loaded(
    arrived: list[Arrived],
    begun: list[Part],
    done: Promise[Outcome],
    platform: Platform,
    actor: Actor,
    study: str | None,
) -> None:
    some: tuple[Arrived, ...] = ()
    try:
        _settle(arrived, begun)
        some = tuple(arrived)
        arrived.clear()  # `load` removes the files, so that no other turn in a thread is needed for it
        load(some, done, platform=platform, actor=actor, study=study)
    except BaseException as error:  # whatever it is, the request waits for it
        clear(some)
        done.set_exception(error)


async def _arrive(request: Request, platform: Platform, arrived: list[Arrived], begun: list[Part]) -> None:
    """Take each part; long ones go to their file as they come, short ones wait until they are worth a write."""
    content_type = request.headers.get("content-type", "")
    is_alone = media_type(content_type) == DICOM
    parser = None if is_alone else PartParser(content_type, related_type=DICOM)
    folder, limit = platform.temporary, platform.settings.part_limit
    is_open, waiting = is_alone, 0
    if is_alone:
        begun.append(Part(folder=folder, limit=limit))
    async for chunk in _plain(request):
        for event in (chunk,) if parser is None else parser.feed(chunk):
            if isinstance(event, bytes | memoryview):
                begun[-1].hold(event)
                waiting += len(event)
            elif is_open := event is not None:
                begun.append(Part(folder=folder, limit=limit))
        if waiting >= PIECE or len(begun) > _MOST_WAITING:
            await _writers(platform).run(_relieve, arrived, begun, is_open)
            waiting = 0
    if parser is not None:
        parser.close()


def _relieve(arrived: list[Arrived], begun: list[Part], is_open: bool) -> None:
    """Write what waits in memory; the part that still comes stays open."""
    last = begun.pop() if is_open else None
    try:
        if last is not None:
            last.write()
        _settle(arrived, begun, is_last=False)
    finally:
        if last is not None:
            begun.append(last)


def _plain(request: Request) -> AsyncIterator[bytes]:
    """Return the body without its content coding; nothing grows by more than a piece at a time."""
    coding = request.headers.get("content-encoding", "identity").strip().lower()
    if coding in ("", "identity"):
        return _counted(request)
    if coding in ("gzip", "x-gzip"):
        return _inflated(request)
    raise UnsupportedMedia("The content coding is not gzip.", mend="Send it plain, or as gzip.")


async def _counted(request: Request) -> AsyncIterator[bytes]:
    """Yield the body as it comes, and leave how long it was for who counts."""
    scope, has_more = request.scope, True
    scope["received"] = 0
    while has_more:
        message = await request.receive()
        if message["type"] == "http.disconnect":
            raise ClientDisconnect
        chunk: bytes = message.get("body", b"")
        has_more = message.get("more_body", False)
        if chunk:
            scope["received"] += len(chunk)
            yield chunk


async def _inflated(request: Request) -> AsyncIterator[bytes]:
    inflater = zlib.decompressobj(zlib.MAX_WBITS | 16)
    try:
        async for chunk in _counted(request):
            while chunk:
                yield inflater.decompress(chunk, PIECE)
                chunk = inflater.unconsumed_tail
    except zlib.error:
        raise UsageError("The body is not what its content coding says.", mend="Send it again.") from None
    if not inflater.eof:
        raise UsageError("The body ends before its content coding does.", mend="Send it again.")


def _response(outcome: Outcome, *, root: str) -> tuple[int, bytes]:
    answer = stow.response(outcome.stored, outcome.failed, root=root)
    return stow.status(outcome.stored, outcome.failed), orjson.dumps(answer)
