"""Frames of an instance (PS3.18 section 10.4.1.1.6): a look-up and a read where they are wanted as they are stored."""

from __future__ import annotations

from functools import lru_cache

from fastapi import Response

from radcommons.access.asked import PRIVATE, Asked
from radcommons.access.bodies import Body, Span, read, read_warm
from radcommons.access.bulk import OCTETS, careful_frames
from radcommons.access.wado import framed
from radcommons.catalogue.images import InstanceRow
from radcommons.catalogue.reads import frame_spans_of
from radcommons.dicom.frameindex import joined, span_of
from radcommons.dicom.transcode import targets
from radcommons.dicomweb.errors import QueryError
from radcommons.dicomweb.multipart import framed_size, related
from radcommons.dicomweb.negotiate import ANY_SYNTAX, EXPLICIT_LITTLE, Choice, Offer
from radcommons.platform.objects import object_key
from radcommons.records.errors import NotFound

IMPLICIT_LITTLE, EXPLICIT_BIG, DEFLATED = "1.2.840.10008.1.2", "1.2.840.10008.1.2.2", "1.2.840.10008.1.2.1.99"
_NATIVE = frozenset({IMPLICIT_LITTLE, EXPLICIT_LITTLE, EXPLICIT_BIG, DEFLATED, "1.2.840.113619.5.2"})
# Media types of compressed frames by transfer syntax (PS3.18 table 8.7.3-5).
_JPEG = ("50", "51", "57", "70")
MEDIA = {
    "1.2.840.10008.1.2.5": "image/dicom-rle",
    **{f"1.2.840.10008.1.2.4.{end}": "image/jpeg" for end in _JPEG},
    **{f"1.2.840.10008.1.2.4.{end}": "image/jls" for end in ("80", "81")},
    **{f"1.2.840.10008.1.2.4.{end}": "image/jp2" for end in ("90", "91")},
    **{f"1.2.840.10008.1.2.4.{end}": "image/jpx" for end in ("92", "93")},
    **{f"1.2.840.10008.1.2.4.{end}": "image/jxl" for end in ("110", "111", "112")},
    **{f"1.2.840.10008.1.2.4.{end}": "image/jphc" for end in ("201", "202", "203")},
}
Region = tuple[int, int]


def is_compressed(syntax: str) -> bool:
    """Say whether a transfer syntax encapsulates its pixel data."""
    return syntax not in _NATIVE


def frame_numbers(text: str, one: InstanceRow) -> list[int]:
    """Return the frames, from 0, that a list ``1,3`` names.

    Raises
    ------
    QueryError
        If it holds something that is no number.
    NotFound
        If the instance has no such frame.
    """
    numbers = [int(part) - 1 for part in text.split(",") if part.isascii() and part.isdecimal() and len(part) < 10]
    if not numbers or len(numbers) != text.count(",") + 1:
        raise QueryError("The list of frames holds something that is no number.")
    if one.frames is None or not all(0 <= number < one.frames for number in numbers):
        raise NotFound("The instance has no such frame.")
    return numbers


@lru_cache(maxsize=64)
def _offers(syntax: str, made: tuple[str, ...], is_single: bool) -> tuple[Offer, ...]:
    octets = tuple(dict.fromkeys((*made, syntax))) if is_compressed(syntax) else made
    kinds = [Offer(media=OCTETS, transfer_syntaxes=octets)]
    # Images as they are stored come first; the other encodings are made on request.
    kinds += [
        Offer(media=MEDIA[one], transfer_syntaxes=(one,)) for one in dict.fromkeys((syntax, *made)) if one in MEDIA
    ]
    parts = [Offer(media="multipart/related", related=k.media, transfer_syntaxes=k.transfer_syntaxes) for k in kinds]
    return (*parts, *(kinds if is_single else ()))


def _wanted(choice: Choice, stored: str) -> str:
    """Return the transfer syntax of the frames to send (PS3.18 section 8.7.3.5.2)."""
    if (choice.offer.related or choice.offer.media) != OCTETS:
        return choice.offer.transfer_syntaxes[0]
    if choice.transfer_syntax == ANY_SYNTAX:
        return stored if is_compressed(stored) else EXPLICIT_LITTLE
    return choice.transfer_syntax or EXPLICIT_LITTLE


def retrieve_frames(asked: Asked) -> Response:
    """Retrieve frames (numbers from 1, with commas): as stored for ``transfer-syntax=*``, else native little endian."""
    asked.takes_bytes()
    one = asked.instances()[0]
    numbers = frame_numbers(asked.request.path_params["frames"], one)
    choice = asked.choose(_offers(one.transfer_syntax_uid, targets(one.rows, one.columns), len(numbers) == 1))
    media = choice.offer.related or choice.offer.media
    syntax = _wanted(choice, one.transfer_syntax_uid)
    is_multipart = choice.offer.media == "multipart/related"
    named = ",".join(map(str, numbers))
    tag = f'"{one.digest[:32]}-{named}-{syntax}-{media}{"-m" if is_multipart else ""}"'
    headers = {"ETag": tag, **PRIVATE}
    if asked.has(tag):
        return Response(status_code=304, headers=headers)
    found = _frames(asked, one, numbers, syntax=syntax)
    kind = f"{media}; transfer-syntax={syntax}"
    objects = asked.ports.objects
    if not is_multipart:
        return Body([found[0]], objects=objects, media_type=kind, headers=headers, length=_length(found[0]))
    location = asked.urls.instance(one)
    boundary = f"radcommons-{one.digest[:32]}"
    told = [{"Content-Type": kind, "Content-Location": f"{location}/frames/{number + 1}"} for number in numbers]
    size = sum(framed_size(lines, _length(piece), boundary=boundary) for lines, piece in zip(told, found, strict=True))
    parts = ((lines, (piece,)) for lines, piece in zip(told, found, strict=True))
    return Body(
        framed(parts, boundary=boundary),
        objects=objects,
        media_type=related(media, boundary=boundary),
        headers=headers,
        length=size + len(boundary) + 6,
    )


def _length(piece: bytes | Span) -> int:
    return len(piece) if isinstance(piece, bytes) else piece.length


def _frames(asked: Asked, one: InstanceRow, numbers: list[int], *, syntax: str) -> list[bytes | Span]:
    """Return the content of frames: spans of the object where these bytes are what is wanted, else made in memory."""
    key = object_key(one.digest)
    compressed = is_compressed(one.transfer_syntax_uid)
    is_native = syntax == EXPLICIT_LITTLE and not compressed
    if is_native and one.pixel_offset is not None and one.frame_length is not None:
        return [Span(key, one.pixel_offset + one.frame_length * number, one.frame_length) for number in numbers]
    if compressed and syntax == one.transfer_syntax_uid:
        regions = _regions(asked, one, numbers)
        if regions is not None:
            return [joined(_region(asked, Span(key, *region))) for region in regions]
    asked.is_waiting()
    return list(careful_frames(one, numbers, objects=asked.ports.objects, syntax=syntax))


def _regions(asked: Asked, one: InstanceRow, numbers: list[int]) -> list[Region] | None:
    if one.pixel_offset is not None and one.frame_length is not None:
        return [(one.pixel_offset, one.frame_length)]
    spans = frame_spans_of(asked.ports.engine, one.id)
    return [span_of(spans, number) for number in numbers] if spans is not None else None


def _region(asked: Asked, span: Span) -> bytes:
    found = read_warm(asked.ports.objects, span)
    if found is None:
        asked.is_waiting()
        found = read(asked.ports.objects, span)
    return found
