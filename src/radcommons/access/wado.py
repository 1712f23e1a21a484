"""WADO-RS (PS3.18 section 10.4): instances and their metadata as the caller may see them."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Iterator

from fastapi import Response
from isal import isal_zlib

from radcommons.access.asked import PRIVATE, Asked
from radcommons.access.bodies import Body, Piece, Span
from radcommons.access.bulk import bulk_response
from radcommons.access.memory import Memory
from radcommons.access.qido import JSON, PLAIN_JSON
from radcommons.access.serving import DICOM, object_response
from radcommons.catalogue.images import InstanceRow
from radcommons.catalogue.reads import documents_of, keys_of
from radcommons.dicomweb.multipart import framed_size, related
from radcommons.dicomweb.negotiate import Offer
from radcommons.dicomweb.rawjson import fitted
from radcommons.platform.objects import object_key
from radcommons.records.errors import NotFound

_OCTETS = Offer(media="multipart/related", related="application/octet-stream")
# Beyond so many headers others are served meanwhile.
_MANY = 250
_METADATA_BYTES = 64 << 20
# Changes when the same header would be written as another document.
_FORM = "1"
_GZIP = re.compile(r"(?:^|,)\s*(?:x-)?gzip\s*(?:;\s*q=(?:1(?:\.0*)?|0\.0*[1-9]\d*)\s*)?(?:,|$)")


def retrieve(asked: Asked) -> Response:
    """Retrieve the instances of a study, a series, or one instance, as they are stored."""
    found = asked.instances()
    syntaxes = {one.transfer_syntax_uid for one in found}
    alike = tuple(syntaxes) if len(syntaxes) == 1 else ()
    offers = [Offer(media="multipart/related", related=DICOM, transfer_syntaxes=alike)]
    if len(found) == 1:
        offers.append(Offer(media=DICOM, transfer_syntaxes=alike))
    if asked.choose(tuple(offers)).offer.media == DICOM:
        return object_response(asked.request, found[0], objects=asked.ports.objects)
    return _multipart(asked, found)


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
    """Retrieve the headers of instances as DICOM JSON."""
    media = asked.choose((JSON, PLAIN_JSON)).offer.media
    keys = keys_of(asked.ports.engine, asked.scope, asked.place)
    if not keys:
        raise NotFound("There is no such study, series or instance.")
    root = asked.urls.root
    packs = bool(_GZIP.search(asked.request.headers.get("accept-encoding", "")))
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
    return Response(body, media_type=media, headers=headers)


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


def gzipped(content: bytes) -> bytes:
    """Return content in gzip's format, quickly rather than small."""
    packer = isal_zlib.compressobj(1, isal_zlib.DEFLATED, 31)
    return bytes(packer.compress(content) + packer.flush())


def retrieve_bulk(asked: Asked) -> Response:
    """Retrieve one large value that metadata name by BulkDataURI."""
    asked.is_waiting()
    one = asked.instances()[0]
    asked.choose((_OCTETS,))
    path = asked.request.path_params["path"]
    return bulk_response(one, path, objects=asked.ports.objects, location=f"{asked.urls.instance(one)}/bulkdata")
