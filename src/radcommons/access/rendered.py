"""Pictures of instances (PS3.18 sections 10.4.1.1.3 and 10.4.1.1.4): rendered images and thumbnails."""

from __future__ import annotations

from fastapi import Request, Response

from radcommons.access.asked import PRIVATE, Asked
from radcommons.access.preview import Look, Pictures
from radcommons.catalogue.images import InstanceRow
from radcommons.dicomweb.errors import QueryError
from radcommons.dicomweb.negotiate import Offer
from radcommons.records.errors import NotFound

_OFFERS = (Offer(media="image/jpeg"), Offer(media="image/png"))
_THUMBNAIL = 256
_LARGEST_PICTURE = 4096


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


def render_picture(asked: Asked) -> Response:
    """Render one frame as JPEG or PNG."""
    frames = asked.request.path_params.get("frames", "1")
    return _picture(asked, asked.instances()[0], frames=frames, default=None)


def render_thumbnail(asked: Asked) -> Response:
    """Render a small picture that stands for a study, a series or an instance: its middle image."""
    images = [one for one in asked.instances() if one.frames]
    if not images:
        raise NotFound("There is no image to show.")
    one = images[len(images) // 2]
    return _picture(asked, one, frames=str((one.frames or 1) // 2 + 1), default=_THUMBNAIL)


def _picture(asked: Asked, one: InstanceRow, *, frames: str, default: int | None) -> Response:
    kind = asked.choose(_OFFERS).offer.media.removeprefix("image/")
    if not (frames.isascii() and frames.isdigit() and len(frames) < 9):
        raise QueryError("One frame is rendered at a time.")
    parameters = asked.request.query_params
    look = Look(
        frame=int(frames) - 1,
        size=_size(parameters.get("viewport"), default),
        window=_window(parameters.get("window")),
        kind=kind,
    )
    tag = f'"{one.digest[:32]}-{look.frame}-{look.size}-{look.window}-{kind}"'.replace(" ", "")
    cached = {**PRIVATE, "ETag": tag, "Cache-Control": "private, max-age=600"}
    if asked.has(tag):
        return Response(status_code=304, headers=cached)
    pictures = _pictures(asked.request)
    picture = pictures.kept(one, look)
    if picture is None:
        asked.is_waiting()
        picture = pictures.picture(one, look, objects=asked.ports.objects)
    return Response(picture, media_type=f"image/{kind}", headers=cached)
