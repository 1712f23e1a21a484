"""STOW-RS: instances arrive as a stream, and are acknowledged when they are durable (PS3.18 section 10.5)."""

from __future__ import annotations

import asyncio
import json
import zlib
from collections.abc import AsyncIterator, Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from typing import Any

from fastapi import APIRouter, Request, Response

from radcommons.catalogue.credentials import acting, signed_in
from radcommons.dicomweb import stow
from radcommons.dicomweb.errors import UnsupportedMedia
from radcommons.dicomweb.multipart import media_type, parts
from radcommons.hub.arrive import PIECE, Arrived, Part, clear
from radcommons.hub.load import load
from radcommons.hub.store import Outcome, store
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
# Requests that write at once; each takes a core while it hashes.
_WRITERS = ThreadPoolExecutor(max_workers=8, thread_name_prefix="store")


def router() -> APIRouter:
    """Return the store transaction's routes."""
    routes = APIRouter(tags=["DICOMweb"])

    @routes.post("/dicomweb/studies", response_class=Response, openapi_extra=_BODY)
    async def store_instances(request: Request) -> Response:
        """Store instances of any study."""
        return await _answer(request, study=None)

    @routes.post("/dicomweb/studies/{study}", response_class=Response, openapi_extra=_BODY)
    async def store_instances_of_study(request: Request, study: str) -> Response:
        """Store instances of one study; those of another fail."""
        return await _answer(request, study=study)

    return routes


async def _answer(request: Request, *, study: str | None) -> Response:
    platform: Platform = request.app.state.platform
    who = await _beside(signed_in, request) if platform.engine.dialect.name != "sqlite" else signed_in(request)
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
            await _beside(_clean, arrived, begun)
    base = (platform.settings.base_url or str(request.base_url)).rstrip("/")
    return _response(outcome, root=base)


async def _beside(work: Callable[..., Any], *arguments: object) -> Any:
    return await asyncio.get_running_loop().run_in_executor(_WRITERS, work, *arguments)


def _clean(arrived: Sequence[Arrived], begun: Sequence[Part]) -> None:
    for part in begun:
        part.drop()
    clear(arrived)


async def _kept(
    arrived: list[Arrived], begun: list[Part], *, platform: Platform, actor: Actor, study: str | None
) -> Outcome:
    """Settle the parts that wait in memory, and store all: one turn in another thread for a usual request."""
    if actor.dataset is None:
        return await _beside(_stored, arrived, begun, platform, actor, study)  # type: ignore[no-any-return]
    done: Future[Outcome] = Future()
    # Not the thread is waited for: it may go on to write what others bring.
    _WRITERS.submit(_loaded, arrived, begun, done, platform, actor, study)
    return await asyncio.wrap_future(done)


def _settle(arrived: list[Arrived], begun: list[Part]) -> None:
    while begun:
        arrived.append(begun[0].settle())
        del begun[0]


def _stored(arrived: list[Arrived], begun: list[Part], platform: Platform, actor: Actor, study: str | None) -> Outcome:
    _settle(arrived, begun)
    return store(arrived, platform=platform, actor=actor, study=study)


def _loaded(
    arrived: list[Arrived],
    begun: list[Part],
    done: Future[Outcome],
    platform: Platform,
    actor: Actor,
    study: str | None,
) -> None:
    try:
        _settle(arrived, begun)
        load(arrived, done, platform=platform, actor=actor, study=study)
    except BaseException as error:  # whatever it is, the request waits for it
        done.set_exception(error)


async def _arrive(request: Request, platform: Platform, arrived: list[Arrived], begun: list[Part]) -> None:
    """Take each part; long ones go to their file as they come, short ones wait until they are worth a write."""
    limit, waiting = platform.settings.part_limit, 0
    async for chunks in _messages(request):
        part = Part(folder=platform.temporary, limit=limit)
        begun.append(part)
        async for chunk in chunks:
            await part.take(chunk, beside=_beside)
        waiting += part.waiting
        if waiting >= PIECE or len(begun) >= _MOST_WAITING:
            await _beside(_settle, arrived, begun)
            waiting = 0


async def _messages(request: Request) -> AsyncIterator[AsyncIterator[bytes]]:
    """Yield the bytes of each instance of a request: a multipart message, or one instance alone."""
    content_type = request.headers.get("content-type", "")
    stream = _plain(request)
    if media_type(content_type) == DICOM:
        yield stream
        return
    async for part in parts(stream, content_type, related_type=DICOM):
        yield part.chunks


async def _plain(request: Request) -> AsyncIterator[bytes]:
    """Yield the body without its content coding; nothing grows by more than a piece at a time."""
    coding = request.headers.get("content-encoding", "identity").strip().lower()
    if coding in ("", "identity"):
        async for chunk in request.stream():
            if chunk:
                yield chunk
        return
    if coding not in ("gzip", "x-gzip"):
        raise UnsupportedMedia("The content coding is not gzip.", mend="Send it plain, or as gzip.")
    inflater = zlib.decompressobj(zlib.MAX_WBITS | 16)
    try:
        async for chunk in request.stream():
            while chunk:
                yield inflater.decompress(chunk, PIECE)
                chunk = inflater.unconsumed_tail
    except zlib.error:
        raise UsageError("The body is not what its content coding says.", mend="Send it again.") from None
    if not inflater.eof:
        raise UsageError("The body ends before its content coding does.", mend="Send it again.")


def _response(outcome: Outcome, *, root: str) -> Response:
    stored = [
        replace(one, retrieve_url=f"{root}{one.retrieve_url}") if one.retrieve_url else one for one in outcome.stored
    ]
    answer = stow.response(stored, outcome.failed)
    return Response(
        json.dumps(answer, separators=(",", ":")),
        status_code=stow.status(stored, outcome.failed),
        media_type=DICOM_JSON,
    )
