"""WADO-RS (PS3.18 section 10.4): instances and their metadata as the caller may see them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator
from functools import lru_cache

import orjson
from fastapi import Response

from radcommons.access.asked import PRIVATE, Asked
from radcommons.access.bodies import Body, Made, Piece, Span
from radcommons.access.bulk import OCTETS, bulk_response
from radcommons.access.memory import Memory
from radcommons.access.packing import gzipped, takes_gzip
from radcommons.access.qido import OFFERS, XML, xml_response
from radcommons.access.serving import DICOM, object_response
from radcommons.access.taken import note
from radcommons.catalogue.images import InstanceRow
from radcommons.catalogue.reads import documents_of, keys_of
from radcommons.dicom.transcode import targets, transcode
from radcommons.dicomweb.multipart import framed_size, new_boundary, related
from radcommons.dicomweb.negotiate import ANY_SYNTAX, Offer
from radcommons.dicomweb.rawjson import fitted
from radcommons.platform.objects import Objects, object_key
from radcommons.records.errors import NotFound

_OCTETS = (Offer(media="multipart/related", related=OCTETS), Offer(media=OCTETS))
# Beyond so many headers others are served meanwhile.
_MANY = 250
_METADATA_BYTES = 64 << 20
# Changes when the same header would be written as another document.
_FORM = "1"


def retrieve(asked: Asked) -> Response:
    """Retrieve the instances of a study or a series, or one instance: as stored, or in a transfer syntax by name."""
    asked.takes_bytes()
    found = asked.instances()
    syntaxes = frozenset(one.transfer_syntax_uid for one in found)
    smallest = min(found, key=lambda one: min(one.rows or 0, one.columns or 0))
    choice = asked.choose(_instance_offers(syntaxes, targets(smallest.rows, smallest.columns), len(found) == 1))
    wanted = choice.transfer_syntax if choice.transfer_syntax != ANY_SYNTAX else ""
    is_stored = not wanted or syntaxes == {wanted}
    if asked.request.method != "HEAD":
        note(asked.ports.engine, asked.scope, found, is_waiting=asked.is_waiting)
    if choice.offer.media == DICOM and is_stored:
        return object_response(asked.request, found[0], objects=asked.ports.objects)
    if is_stored:
        return _multipart(asked, found)
    asked.is_waiting()
    return _transcoded(asked, found, wanted, is_single=choice.offer.media == DICOM)


@lru_cache(maxsize=256)
def _instance_offers(syntaxes: frozenset[str], makes: tuple[str, ...], is_single: bool) -> tuple[Offer, ...]:
    made = (*(syntaxes if len(syntaxes) == 1 else ()), *makes)
    parts = Offer(media="multipart/related", related=DICOM, transfer_syntaxes=made)
    return (parts, Offer(media=DICOM, transfer_syntaxes=made)) if is_single else (parts,)


def _transcoded(asked: Asked, found: list[InstanceRow], syntax: str, *, is_single: bool) -> Response:
    """Return instances in another transfer syntax; those that have it already as they are."""
    objects, urls = asked.ports.objects, asked.urls

    def made(one: InstanceRow) -> Piece:
        key = object_key(one.digest)
        if one.transfer_syntax_uid == syntax:
            return Span(key, 0, one.size)
        return Made(lambda: transcoded(objects, key, syntax))

    kind = f"{DICOM}; transfer-syntax={syntax}"
    if is_single:
        return Body([made(found[0])], objects=objects, media_type=kind, headers=PRIVATE)
    boundary = new_boundary()
    parts = (({"Content-Type": kind, "Content-Location": urls.instance(one)}, (made(one),)) for one in found)
    return Body(
        framed(parts, boundary=boundary),
        objects=objects,
        media_type=related(DICOM, boundary=boundary),
        headers=PRIVATE,
    )


def transcoded(objects: Objects, key: str, syntax: str) -> bytes:
    """Return a stored object in another transfer syntax. Raises UnreadableInstance."""
    with objects.open(key) as source:
        return transcode(source, syntax=syntax)


def _multipart(asked: Asked, found: list[InstanceRow]) -> Response:
    """Return instances one part each, their bytes as they are stored, with the whole length told."""
    urls = asked.urls
    together = hashlib.sha256("".join(one.digest for one in found).encode()).hexdigest()
    tag = f'"{together[:40]}-m"'
    if asked.has(tag):
        return Response(status_code=304, headers={"ETag": tag, **PRIVATE})
    # No object can hold a digest over itself, so this boundary is safe, and the same each time like the answer.
    boundary = f"radcommons-{together[:32]}"

    def headers(one: InstanceRow) -> dict[str, str]:
        return {
            "Content-Type": f"{DICOM}; transfer-syntax={one.transfer_syntax_uid}",
            "Content-Location": urls.instance(one),
        }

    size = sum(framed_size(headers(one), one.size, boundary=boundary) for one in found) + len(boundary) + 6
    parts = ((headers(one), (Span(object_key(one.digest), 0, one.size),)) for one in found)
    return Body(
        framed(parts, boundary=boundary),
        objects=asked.ports.objects,
        media_type=related(DICOM, boundary=boundary),
        headers={"ETag": tag, **PRIVATE},
        length=size,
    )


def framed(parts: Iterable[tuple[dict[str, str], Iterable[Piece]]], *, boundary: str) -> Iterator[Piece]:
    """Yield the pieces of a multipart message; like `write_parts`, for pieces that are not read yet."""
    for headers, pieces in parts:
        lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        yield f"--{boundary}\r\n{lines}\r\n".encode("latin-1")
        yield from pieces
        yield b"\r\n"
    yield f"--{boundary}--\r\n".encode("latin-1")


def retrieve_metadata(asked: Asked) -> Response:
    """Retrieve the headers of instances as DICOM JSON or XML."""
    offer = asked.choose(OFFERS).offer
    keys = keys_of(asked.ports.engine, asked.scope, asked.place)
    if not keys:
        raise NotFound("There is no such study, series or instance.")
    root = asked.urls.root
    if offer is XML:
        asked.is_waiting()
        return xml_response(orjson.loads(_metadata(asked, len(keys), root)), headers=dict(PRIVATE))
    packs = takes_gzip(asked.request)
    told = "\n".join([_FORM, root, *(digest for _, digest in keys)])
    tag = f'"{hashlib.sha256(told.encode()).hexdigest()[:40]}{"-gzip" if packs else ""}"'
    headers = {"ETag": tag, **PRIVATE, "Vary": "Accept, Accept-Encoding, Authorization, Cookie"}
    if packs:
        headers["Content-Encoding"] = "gzip"
    if asked.has(tag):
        return Response(status_code=304, headers=headers)
    memory = metadata_memory(asked)
    body = memory.get(tag)
    if body is None:
        body = _metadata(asked, len(keys), root)
        if packs:
            body = gzipped(body)
        memory.keep(tag, body)
    return Response(body, media_type=offer.media, headers=headers)


def metadata_memory(asked: Asked) -> Memory:
    """Return where this process keeps the metadata that it answered lately."""
    state = asked.request.app.state
    if not hasattr(state, "metadata"):
        state.metadata = Memory(_METADATA_BYTES)
    found: Memory = state.metadata
    return found


def _metadata(asked: Asked, count: int, root: str) -> bytes:
    if count > _MANY:
        asked.is_waiting()
    bodies = documents_of(asked.ports.engine, asked.scope, asked.place)
    # The root may hold what the caller wrote as Host, so it goes in as JSON text.
    return fitted(b"".join((b"[", b",".join(bodies), b"]")), json.dumps(root)[1:-1])


def retrieve_bulk(asked: Asked) -> Response:
    """Retrieve one large value that metadata name by BulkDataURI."""
    asked.takes_bytes()
    asked.is_waiting()
    one = asked.instances()[0]
    choice = asked.choose(_OCTETS)
    return bulk_response(
        one,
        asked.request.path_params["path"],
        objects=asked.ports.objects,
        location=f"{asked.urls.instance(one)}/bulkdata",
        is_single=choice.offer.media == OCTETS,
    )
