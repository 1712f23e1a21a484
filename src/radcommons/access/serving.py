"""Stored objects over HTTP: ranges, HEAD, ETags; from a file without copies, from S3 as a stream."""

from __future__ import annotations

import re
from collections.abc import Iterator

from fastapi import Request, Response
from fastapi.responses import FileResponse, StreamingResponse

from radcommons.access.bodies import File
from radcommons.catalogue.images import InstanceRow
from radcommons.platform.objects import Objects, object_key

DICOM = "application/dicom"
_RANGE = re.compile(r"^bytes=(\d*)-(\d*)$")


def object_response(request: Request, instance: InstanceRow, *, objects: Objects) -> Response:
    """Return the bytes of an instance version; a single range is answered with 206, one beyond the end with 416."""
    headers = {
        "ETag": f'"{instance.digest}"',
        # It may be withdrawn, so a copy asks again; its bytes never change, so 304 is the usual answer.
        "Cache-Control": "private, no-cache",
        "Content-Disposition": f'attachment; filename="{instance.sop_instance_uid}.dcm"',
        "Accept-Ranges": "bytes",
    }
    if request.headers.get("if-none-match", "").strip() == headers["ETag"]:
        return Response(status_code=304, headers=headers)
    key = object_key(instance.digest)
    path = objects.local_path(key)
    if path is not None and "range" not in request.headers:
        return File(path, size=instance.size, media_type=DICOM, headers=headers)
    if path is not None:
        return FileResponse(path, media_type=DICOM, headers=headers)
    return _streamed(request, instance, objects=objects, key=key, headers=headers)


def asked_bytes(request: Request, instance: InstanceRow) -> tuple[int, int]:
    """Return (start, end) of the bytes that a request asks for, end exclusive; all of them where it names no range."""
    asked = _RANGE.match(request.headers.get("range", ""))
    if asked is None or not (asked[1] or asked[2]):
        return 0, instance.size
    start, end = _span(asked[1], asked[2], instance.size)
    return min(start, instance.size), max(start, end)


def _streamed(
    request: Request, instance: InstanceRow, *, objects: Objects, key: str, headers: dict[str, str]
) -> Response:
    asked = _RANGE.match(request.headers.get("range", ""))
    if_range = request.headers.get("if-range", headers["ETag"])
    if asked and (asked[1] or asked[2]) and if_range == headers["ETag"]:
        start, end = _span(asked[1], asked[2], instance.size)
        if start >= end:
            return Response(status_code=416, headers={**headers, "Content-Range": f"bytes */{instance.size}"})
        headers |= {"Content-Range": f"bytes {start}-{end - 1}/{instance.size}", "Content-Length": str(end - start)}
        chunks = _body(request, objects.chunks(key, start=start, end=end))
        return StreamingResponse(chunks, status_code=206, media_type=DICOM, headers=headers)
    headers |= {"Content-Length": str(instance.size)}
    return StreamingResponse(_body(request, objects.chunks(key)), media_type=DICOM, headers=headers)


def _span(first: str, last: str, size: int) -> tuple[int, int]:
    """Return (start, end) of a byte range, end exclusive (RFC 9110 section 14.1.2)."""
    if not first:
        return max(size - int(last), 0), size
    return int(first), min(int(last) + 1, size) if last else size


def _body(request: Request, chunks: Iterator[bytes]) -> Iterator[bytes]:
    return iter(()) if request.method == "HEAD" else chunks
