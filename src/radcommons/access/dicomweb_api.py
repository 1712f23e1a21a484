"""QIDO-RS and WADO-RS (PS3.18 sections 10.4 and 10.6) over what the caller may see: at the root, or in a release."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request, Response
from fastapi.responses import StreamingResponse

from radcommons.access.answers import Urls, instance_answer, metadata, series_answer, study_answer
from radcommons.access.bulk import bulk_response, frames_response
from radcommons.access.preview import Look, Pictures
from radcommons.access.serving import multipart_response, object_response
from radcommons.catalogue.credentials import Ports, Visitor
from radcommons.catalogue.images import (
    InstanceRow,
    Place,
    Scope,
    find_instances,
    find_series,
    find_studies,
    headers,
    instances_at,
    studies_of,
)
from radcommons.catalogue.shelf import open_release
from radcommons.dicomweb.errors import QueryError
from radcommons.dicomweb.json import JsonDataset
from radcommons.dicomweb.negotiate import ANY_SYNTAX, Choice, Offer, choose
from radcommons.dicomweb.query import MAXIMUM_LIMIT, Level, Query, parse
from radcommons.platform.database import reading
from radcommons.platform.ports import Platform
from radcommons.records.errors import NotFound

JSON = "application/dicom+json"
_JSON = Offer(media=JSON)
_PLAIN_JSON = Offer(media="application/json")
_OBJECTS = Offer(media="multipart/related", related="application/dicom")
_ONE_OBJECT = Offer(media="application/dicom")
_JPEG, _PNG = Offer(media="image/jpeg"), Offer(media="image/png")
_THUMBNAIL = 256
_LARGEST_PICTURE = 4096


def scope(request: Request, ports: Ports, who: Visitor) -> Scope:
    """Return what the caller sees: the root, or the release that the path names.

    Raises
    ------
    NotFound, SignInRequired, NotPermitted
        If the release is unknown, or not open to the caller.
    """
    release = request.path_params.get("release")
    if release is not None:
        with reading(ports.engine) as connection:
            open_release(connection, who.actor, release)
    return Scope(actor=who.actor, release=release)


def place(request: Request) -> Place:
    """Return the part of the tree that the path names."""
    named = request.path_params
    if any("\0" in str(value) for value in named.values()):  # PostgreSQL takes no NUL in a text
        raise NotFound("There is no such study, series or instance.")
    return Place(study=named.get("study"), series=named.get("series"), instance=named.get("instance"))


Seen = Annotated[Scope, Depends(scope)]
Where = Annotated[Place, Depends(place)]

_STUDY = "/studies/{study}"
_SERIES = _STUDY + "/series/{series}"
_INSTANCE = _SERIES + "/instances/{instance}"


def _negotiate(request: Request, offers: list[Offer]) -> Choice:
    wished = request.query_params.getlist("accept")
    return choose(offers, accept=request.headers.get("accept"), parameters=wished)


def _urls(request: Request, ports: Platform) -> Urls:
    release = request.path_params.get("release")
    base = (ports.settings.base_url or str(request.base_url)).rstrip("/")
    return Urls(f"{base}/dicomweb/releases/{release}" if release else f"{base}/dicomweb")


def _query(request: Request, level: Level) -> Query:
    return parse(level, request.query_params.multi_items())


def _answer(found: list[JsonDataset], query: Query, *, media: str) -> Response:
    """Return the data sets of a search: 204 when there are none (PS3.18 section 10.6.3.1)."""
    warnings = {}
    if query.ignored:
        keys = ", ".join(query.ignored)
        warnings["Warning"] = f'299 radcommons "These keys were not matched: {keys}"'
    elif len(found) == MAXIMUM_LIMIT:
        warnings["Warning"] = '299 radcommons "There may be more results; use offset and limit"'
    if not found:
        return Response(status_code=204, headers=warnings)
    return Response(json.dumps(found, separators=(",", ":")), media_type=media, headers=warnings)


def search_studies(request: Request, ports: Ports, seen: Seen) -> Response:
    """Search for studies."""
    media = _negotiate(request, [_JSON, _PLAIN_JSON]).offer.media
    query, urls = _query(request, Level.STUDY), _urls(request, ports)
    with reading(ports.engine) as connection:
        rows = find_studies(connection, seen, query)
    return _answer([study_answer(row, urls=urls, query=query) for row in rows], query, media=media)


def search_series(request: Request, ports: Ports, seen: Seen, where: Where) -> Response:
    """Search for series, in one study or in all."""
    media = _negotiate(request, [_JSON, _PLAIN_JSON]).offer.media
    query, urls = _query(request, Level.SERIES), _urls(request, ports)
    with reading(ports.engine) as connection:
        rows = find_series(connection, seen, query, place=where)
        above = {} if where.study else studies_of(connection, seen, [row.study_instance_uid for row in rows])
    found = [series_answer(row, study=above.get(row.study_instance_uid), urls=urls, query=query) for row in rows]
    return _answer(found, query, media=media)


def search_instances(request: Request, ports: Ports, seen: Seen, where: Where) -> Response:
    """Search for instances, in one series, in one study or in all."""
    media = _negotiate(request, [_JSON, _PLAIN_JSON]).offer.media
    query, urls = _query(request, Level.INSTANCE), _urls(request, ports)
    with reading(ports.engine) as connection:
        rows = find_instances(connection, seen, query, place=where)
        found = [instance_answer(row, header, urls=urls, query=query) for row, header in headers(connection, rows)]
    return _answer(found, query, media=media)


def _instances(ports: Platform, seen: Scope, where: Place) -> list[InstanceRow]:
    with reading(ports.engine) as connection:
        found = instances_at(connection, seen, where)
    if not found:
        raise NotFound("There is no such study, series or instance.")
    return found


def retrieve(request: Request, ports: Ports, seen: Seen, where: Where) -> Response:
    """Retrieve the instances of a study, a series, or one instance, as they are stored."""
    found = _instances(ports, seen, where)
    syntaxes = {one.transfer_syntax_uid for one in found}
    alike = tuple(syntaxes) if len(syntaxes) == 1 else ()
    offers = [Offer(media=_OBJECTS.media, related=_OBJECTS.related, transfer_syntaxes=alike)]
    if len(found) == 1:
        offers.append(Offer(media=_ONE_OBJECT.media, transfer_syntaxes=alike))
    if _negotiate(request, offers).offer.media == _ONE_OBJECT.media:
        return object_response(request, found[0], objects=ports.objects)
    urls = _urls(request, ports)
    locations = {one.id: urls.instance(one) for one in found}
    return multipart_response(request, found, objects=ports.objects, locations=locations)


def retrieve_metadata(request: Request, ports: Ports, seen: Seen, where: Where) -> Response:
    """Retrieve the headers of instances as DICOM JSON, streamed."""
    media = _negotiate(request, [_JSON, _PLAIN_JSON]).offer.media
    found, urls = _instances(ports, seen, where), _urls(request, ports)

    def body() -> Iterator[str]:
        opening = "["
        with reading(ports.engine) as connection:
            for _row, header in headers(connection, found):
                yield opening + json.dumps(metadata(header, urls=urls), separators=(",", ":"))
                opening = ","
        yield "]"

    return StreamingResponse(body(), media_type=media, headers={"Cache-Control": "private, no-cache"})


def retrieve_frames(request: Request, ports: Ports, seen: Seen, where: Where, frames: str) -> Response:
    """Retrieve frames (numbers from 1, with commas): as stored for ``transfer-syntax=*``, else native little endian."""
    one = _instances(ports, seen, where)[0]
    numbers = [int(text) - 1 for text in frames.split(",") if text.isdecimal() and len(text) < 10]
    if not numbers or len(numbers) != frames.count(",") + 1:
        raise QueryError("The list of frames holds something that is no number.")
    if one.frames is None or not all(0 <= number < one.frames for number in numbers):
        raise NotFound("The instance has no such frame.")
    choice = _negotiate(
        request,
        [
            Offer(media="multipart/related", related="application/octet-stream"),
            Offer(media="multipart/related", related="image/*"),
            Offer(media="application/octet-stream"),
        ],
    )
    as_stored = choice.transfer_syntax in (ANY_SYNTAX, one.transfer_syntax_uid) or choice.offer.related == "image/*"
    location = _urls(request, ports).instance(one)
    return frames_response(one, numbers, objects=ports.objects, as_stored=as_stored, location=location)


def retrieve_bulk(request: Request, ports: Ports, seen: Seen, where: Where, path: str) -> Response:
    """Retrieve one large value that metadata name by BulkDataURI."""
    one = _instances(ports, seen, where)[0]
    _negotiate(request, [Offer(media="multipart/related", related="application/octet-stream")])
    return bulk_response(one, path, objects=ports.objects, location=f"{_urls(request, ports).instance(one)}/bulkdata")


def _pictures(request: Request) -> Pictures:
    state = request.app.state
    if not hasattr(state, "pictures"):
        state.pictures = Pictures()
    found: Pictures = state.pictures
    return found


def _window(text: str | None) -> tuple[float, float] | None:
    """Return (center, width) of the ``window`` parameter ``center,width[,function]``."""
    if not text:
        return None
    try:
        center, width = (float(part) for part in text.split(",")[:2])
    except ValueError:
        raise QueryError("The parameter window is no center and width.") from None
    if not (abs(center) < 1e6 and 1 <= width < 1e6):
        raise QueryError("The parameter window holds impossible numbers.")
    return center, width


def _size(text: str | None, default: int | None) -> int | None:
    """Return the longer side that the ``viewport`` parameter ``columns,rows`` allows."""
    if not text:
        return default
    sides = [int(part) for part in text.split(",")[:2] if part.isdecimal() and len(part) < 6]
    if not sides or not 1 <= min(sides) <= max(sides):
        raise QueryError("The parameter viewport is no width and height.")
    return min(min(sides), _LARGEST_PICTURE)


def render_picture(request: Request, ports: Ports, seen: Seen, where: Where, frames: str = "1") -> Response:
    """Render one frame as JPEG or PNG."""
    return _picture(request, ports, _instances(ports, seen, where)[0], frames=frames, default=None)


def render_thumbnail(request: Request, ports: Ports, seen: Seen, where: Where) -> Response:
    """Render a small picture that stands for a study, a series or an instance: its middle image."""
    images = [one for one in _instances(ports, seen, where) if one.frames]
    if not images:
        raise NotFound("There is no image to show.")
    one = images[len(images) // 2]
    return _picture(request, ports, one, frames=str((one.frames or 1) // 2 + 1), default=_THUMBNAIL)


def _picture(request: Request, ports: Platform, one: InstanceRow, *, frames: str, default: int | None) -> Response:
    kind = _negotiate(request, [_JPEG, _PNG]).offer.media.removeprefix("image/")
    if not (frames.isascii() and frames.isdigit() and len(frames) < 9):
        raise QueryError("One frame is rendered at a time.")
    parameters = request.query_params
    look = Look(
        frame=int(frames) - 1,
        size=_size(parameters.get("viewport"), default),
        window=_window(parameters.get("window")),
        kind=kind,
    )
    tag = f'"{one.digest[:32]}-{look.frame}-{look.size}-{look.window}-{kind}"'.replace(" ", "")
    cached = {"ETag": tag, "Cache-Control": "private, max-age=600", "Vary": "Accept, Authorization, Cookie"}
    if request.headers.get("if-none-match") == tag:
        return Response(status_code=304, headers=cached)
    picture = _pictures(request).picture(one, look, objects=ports.objects)
    return Response(picture, media_type=f"image/{kind}", headers=cached)


_ROUTES: tuple[tuple[str, Callable[..., Any]], ...] = (
    ("/studies", search_studies),
    ("/series", search_series),
    ("/instances", search_instances),
    (_STUDY + "/series", search_series),
    (_STUDY + "/instances", search_instances),
    (_SERIES + "/instances", search_instances),
    (_STUDY, retrieve),
    (_SERIES, retrieve),
    (_INSTANCE, retrieve),
    (_STUDY + "/metadata", retrieve_metadata),
    (_SERIES + "/metadata", retrieve_metadata),
    (_INSTANCE + "/metadata", retrieve_metadata),
    (_STUDY + "/thumbnail", render_thumbnail),
    (_SERIES + "/thumbnail", render_thumbnail),
    (_INSTANCE + "/thumbnail", render_thumbnail),
    (_INSTANCE + "/rendered", render_picture),
    (_INSTANCE + "/frames/{frames}/rendered", render_picture),
    (_INSTANCE + "/frames/{frames}", retrieve_frames),
    (_INSTANCE + "/bulkdata/{path:path}", retrieve_bulk),
)

_NOTHING: dict[int | str, dict[str, Any]] = {204: {"description": "Nothing matches."}}


def routers() -> list[APIRouter]:
    """Return the routers of ``/dicomweb`` and of ``/dicomweb/releases/{release}``, for GET and HEAD."""
    made = []
    for prefix in ("/dicomweb", "/dicomweb/releases/{release}"):
        router = APIRouter(prefix=prefix, tags=["DICOMweb"])
        for path, endpoint in _ROUTES:
            name = f"{endpoint.__name__}:{prefix}{path}"
            answers = _NOTHING if endpoint.__name__.startswith("search_") else None
            router.add_api_route(path, endpoint, methods=["GET"], name=name, response_class=Response, responses=answers)
            router.add_api_route(path, endpoint, methods=["HEAD"], include_in_schema=False, response_class=Response)
        made.append(router)
    return made
