"""Pictures of instances (PS3.18 sections 10.4.1.1.3 and 10.4.1.1.4): rendered images and thumbnails."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import astuple, replace

from fastapi import Request, Response

from radcommons.access.asked import PRIVATE, Asked
from radcommons.access.bodies import Body, Made, Piece
from radcommons.access.frames import frame_numbers
from radcommons.access.preview import Look, Pictures
from radcommons.access.wado import framed
from radcommons.catalogue.images import InstanceRow
from radcommons.dicomweb.errors import QueryError
from radcommons.dicomweb.multipart import new_boundary, related
from radcommons.dicomweb.negotiate import Offer
from radcommons.records.errors import NotFound

_ONE = (Offer(media="image/jpeg"), Offer(media="image/png"))
_SEVERAL = tuple(Offer(media="multipart/related", related=one.media) for one in _ONE)
_QUALITY = 85
_THUMBNAIL = 256
_LARGEST_PICTURE = 4096


def pictures_of(request: Request) -> Pictures:
    """Return where this process keeps the pictures that it made lately."""
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


def _viewport(text: str | None) -> tuple[int | None, tuple[int, int, int, int] | None]:
    """Return (longer side, region) of the ``viewport`` parameter ``width,height[,left,top,width,height]``."""
    if not text:
        return None, None
    parts = text.split(",")
    numbers = [int(part) for part in parts if part.isascii() and part.isdecimal() and len(part) < 6]
    if len(numbers) != len(parts) or len(numbers) not in (2, 6) or min(numbers[:2]) < 1:
        raise QueryError("The parameter viewport is no width and height, or these and a region.")
    size = min(min(numbers[:2]), _LARGEST_PICTURE)
    if len(numbers) == 2:
        return size, None
    left, top, width, height = numbers[2:]
    if not width or not height:
        raise QueryError("The parameter viewport names an empty region.")
    return size, (left, top, width, height)


def _quality(text: str | None) -> int:
    """Return the ``quality`` parameter."""
    if text is None:
        return _QUALITY
    if not (text.isascii() and text.isdecimal() and len(text) < 4 and 1 <= int(text) <= 100):
        raise QueryError("The parameter quality is no whole number from 1 to 100.")
    return int(text)


def _annotation(text: str | None) -> None:
    """Check the ``annotation`` parameter: nothing is ever written into a picture, whoever asks for it."""
    if text is not None and not set(text.split(",")) <= {"", "patient", "technique"}:
        raise QueryError("The parameter annotation holds neither patient nor technique.")


def look_of(parameters: Mapping[str, str], *, kind: str, size: int | None = None) -> Look:
    """Return how the query parameters of PS3.18 section 8.3.5 ask for a picture. Raises QueryError."""
    asked_size, region = _viewport(parameters.get("viewport"))
    _annotation(parameters.get("annotation"))
    return Look(
        size=asked_size or size,
        window=_window(parameters.get("window")),
        kind=kind,
        quality=_quality(parameters.get("quality")),
        region=region,
    )


def render_picture(asked: Asked) -> Response:
    """Render frames, an instance, a series or a study as JPEG or PNG; several pictures come as parts."""
    found = asked.instances()
    frames = asked.request.path_params.get("frames")
    if frames is not None:
        chosen = [(found[0], number) for number in frame_numbers(frames, found[0])]
    else:
        chosen = [(one, number) for one in found for number in range(one.frames or 0)]
    if not chosen:
        raise NotFound("There is no image to show.")
    offers = _SEVERAL if len(chosen) > 1 else (*_ONE, *_SEVERAL)
    offer = asked.choose(offers).offer
    media = offer.related or offer.media
    look = look_of(asked.request.query_params, kind=media.removeprefix("image/"))
    if offer.media != "multipart/related":
        return picture_response(asked, *chosen[0], look=look)
    pictures, objects, urls = pictures_of(asked.request), asked.ports.objects, asked.urls

    def part(one: InstanceRow, number: int) -> tuple[dict[str, str], tuple[Piece]]:
        made = Made(lambda: pictures.picture(one, replace(look, frame=number), objects=objects))
        return {"Content-Type": media, "Content-Location": f"{urls.instance(one)}/frames/{number + 1}/rendered"}, (
            made,
        )

    boundary = new_boundary()
    return Body(
        framed((part(*one) for one in chosen), boundary=boundary),
        objects=objects,
        media_type=related(media, boundary=boundary),
        headers=PRIVATE,
    )


def render_thumbnail(asked: Asked) -> Response:
    """Render a small picture that stands for a study, a series, an instance or a frame: its middle image."""
    images = [one for one in asked.instances() if one.frames]
    if not images:
        raise NotFound("There is no image to show.")
    one = images[len(images) // 2]
    frames = asked.request.path_params.get("frames")
    number = frame_numbers(frames, one)[0] if frames is not None else (one.frames or 1) // 2
    kind = asked.choose(_ONE).offer.media.removeprefix("image/")
    look = look_of(asked.request.query_params, kind=kind, size=_THUMBNAIL)
    return picture_response(asked, one, number, look=look, is_middle=number == (one.frames or 1) // 2)


def picture_response(asked: Asked, one: InstanceRow, number: int, *, look: Look, is_middle: bool = False) -> Response:
    """Return one picture; that of a middle frame comes from the thumbnail that is kept, where it may be that small."""
    look = replace(look, frame=number)
    told = "-".join(str(part) for part in astuple(look)).replace(" ", "")
    tag = f'"{one.digest[:32]}-{told}"'
    cached = {**PRIVATE, "ETag": tag, "Cache-Control": "private, max-age=600"}
    if asked.has(tag):
        return Response(status_code=304, headers=cached)
    pictures = pictures_of(asked.request)
    picture = pictures.kept(one, look)
    if picture is None:
        asked.is_waiting()
        ports = asked.ports
        picture = pictures.small(one, look, engine=ports.engine, objects=ports.objects) if is_middle else None
        picture = picture or pictures.picture(one, look, objects=ports.objects)
    return Response(picture, media_type=f"image/{look.kind}", headers=cached)
