"""Frames and large values of an instance as multipart/related (PS3.18 sections 10.4.1.1.5 and 10.4.1.1.6)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import BinaryIO

from fastapi import Response
from fastapi.responses import StreamingResponse
from pydicom import Dataset
from pydicom.dataelem import DataElement

from radcommons.catalogue.images import InstanceRow
from radcommons.dicom.frames import iter_encoded
from radcommons.dicom.read import open_body, read_header
from radcommons.dicom.transcode import frames_as
from radcommons.dicomweb.multipart import new_boundary, related, write_parts
from radcommons.platform.objects import Objects, object_key
from radcommons.records.errors import NotFound

OCTETS = "application/octet-stream"
_CHUNK = 1 << 20
_PIXEL_PATHS = ("7FE00010", "7FE00008", "7FE00009")
_PATH = re.compile(r"^[0-9A-F]{8}(/\d{1,5}/[0-9A-F]{8})*$")


def careful_frames(one: InstanceRow, numbers: list[int], *, objects: Objects, syntax: str) -> Iterator[bytes]:
    """Yield frames after reading the whole header: the careful way.

    Parameters
    ----------
    one : InstanceRow
    numbers : list of int
        From 0; they exist.
    objects : Objects
    syntax : str
        The object's own, for encapsulated frames as they are; or one that they are made anew in.

    Raises
    ------
    UnreadableInstance
        If the pixels cannot be decoded.
    """
    with objects.open(object_key(one.digest)) as source:
        header = read_header(source)
        if syntax == one.transfer_syntax_uid and header.pixel is not None and header.pixel.encapsulated:
            yield from iter_encoded(source, header, indices=numbers)
        else:
            yield from frames_as(source, header, syntax=syntax, indices=numbers)


def bulk_response(one: InstanceRow, path: str, *, objects: Objects, location: str, is_single: bool) -> Response:
    """Return one large value, as the only part of a message or by itself.

    Raises
    ------
    NotFound
        If the instance has no such value.
    """
    if not _PATH.match(path):
        raise NotFound("The instance has no such value.")
    boundary = new_boundary()
    headers = {"Content-Type": OCTETS, "Content-Location": f"{location}/{path}"}
    with objects.open(object_key(one.digest)) as source:
        header = read_header(source)
        value = None if path in _PIXEL_PATHS else _value(header.dataset, path)
    if value is None and (path not in _PIXEL_PATHS or header.pixel is None):
        raise NotFound("The instance has no such value.")
    chunks = _pixels(one, objects=objects) if value is None else iter([value])
    if is_single:
        return StreamingResponse(chunks, media_type=OCTETS)
    body = write_parts([(headers, chunks)], boundary=boundary)
    return StreamingResponse(body, media_type=related(OCTETS, boundary=boundary))


def _value(dataset: Dataset, path: str) -> bytes | None:
    """Return the bytes at a path of tags and item numbers, None where there are none."""
    steps = path.split("/")
    for tag, item in zip(steps[:-1:2], steps[1::2], strict=True):
        element = dataset.get(int(tag, 16))
        if not isinstance(element, DataElement) or element.VR != "SQ" or int(item) >= len(element.value):
            return None
        dataset = element.value[int(item)]
    found = dataset.get(int(steps[-1], 16))
    return found.value if isinstance(found, DataElement) and isinstance(found.value, bytes) else None


def _pixels(one: InstanceRow, *, objects: Objects) -> Iterator[bytes]:
    with objects.open(object_key(one.digest)) as source:
        header = read_header(source)
        pixel = header.pixel
        if pixel is None:
            return
        with open_body(source, header) as body:
            yield from _span(body, pixel.offset, pixel.length)


def _span(body: BinaryIO, offset: int, length: int) -> Iterator[bytes]:
    body.seek(offset)
    while length > 0:
        chunk = body.read(min(_CHUNK, length))
        if not chunk:
            return
        length -= len(chunk)
        yield chunk
