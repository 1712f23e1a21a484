"""Frames and large values of an instance as multipart/related (PS3.18 sections 10.4.1.5 and 10.4.1.6)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import BinaryIO

import numpy as np
from fastapi import Response
from fastapi.responses import StreamingResponse
from pydicom import Dataset
from pydicom.dataelem import DataElement

from radcommons.catalogue.images import InstanceRow
from radcommons.dicom.frames import Frame, iter_encoded, iter_frames
from radcommons.dicom.read import Header, open_body, read_header
from radcommons.dicomweb.multipart import new_boundary, related, write_parts
from radcommons.platform.objects import Objects, object_key
from radcommons.records.errors import NotFound

OCTETS = "application/octet-stream"
_CHUNK = 1 << 20
_PIXEL_PATHS = ("7FE00010", "7FE00008", "7FE00009")
_PATH = re.compile(r"^[0-9A-F]{8}(/\d{1,5}/[0-9A-F]{8})*$")


def decoded_frames(one: InstanceRow, numbers: list[int], *, objects: Objects, as_stored: bool) -> Iterator[bytes]:
    """Yield frames after reading the whole header: the careful way.

    Parameters
    ----------
    one : InstanceRow
    numbers : list of int
        From 0; they exist.
    objects : Objects
    as_stored : bool
        Encapsulated frames as they are; otherwise decoded, as native pixel data in little endian.

    Raises
    ------
    UnreadableInstance
        If the pixels cannot be decoded.
    """
    with objects.open(object_key(one.digest)) as source:
        header = read_header(source)
        if as_stored:
            yield from iter_encoded(source, header, indices=numbers)
        else:
            for frame in iter_frames(source, header, indices=numbers):
                yield to_little_endian(frame, header)


def to_little_endian(frame: Frame, header: Header) -> bytes:
    """Return a decoded frame as native pixel data in little endian, in the width that the header tells."""
    dataset = header.dataset
    if frame.dtype.kind == "f":
        return np.ascontiguousarray(frame).astype(frame.dtype.newbyteorder("<")).tobytes()
    bits = int(dataset.get("BitsAllocated", 8 * frame.dtype.itemsize))
    if bits == 1:
        return np.packbits(frame.reshape(-1).astype(np.uint8), bitorder="little").tobytes()
    kind = "i" if dataset.get("PixelRepresentation", 0) == 1 else "u"
    return np.ascontiguousarray(frame).astype(f"<{kind}{bits // 8}").tobytes()


def bulk_response(one: InstanceRow, path: str, *, objects: Objects, location: str) -> Response:
    """Return one large value.

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
