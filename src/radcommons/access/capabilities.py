"""What this DICOMweb service can do (PS3.18 section 8.9): as WADL, as JSON, and as a table for the documentation."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from xml.sax.saxutils import quoteattr

import orjson
from fastapi import Response

from radcommons.access.asked import PRIVATE, Asked
from radcommons.access.frames import MEDIA
from radcommons.dicom.transcode import ENCODABLE, EXPLICIT_LITTLE
from radcommons.dicomweb.negotiate import Offer
from radcommons.dicomweb.query import INSTANCE_KEYS, SERIES_KEYS, STUDY_KEYS

_WADL = "application/vnd.sun.wadl+xml"
_OFFERS = (Offer(media=_WADL), Offer(media="application/json"))
_JSON = ("application/dicom+json", "application/json", 'multipart/related; type="application/dicom+xml"')
_PICTURES = ("image/jpeg", "image/png")
_SEVERAL_PICTURES = tuple(f'multipart/related; type="{one}"' for one in _PICTURES)
_SEARCH = ("limit", "offset", "fuzzymatching", "includefield", "TimezoneOffsetFromUTC")
_LOOK = ("window", "viewport", "quality", "annotation")


@dataclass(frozen=True, slots=True, kw_only=True)
class Capability:
    """One resource: its method and path below the root, what it is answered with, and the query parameters."""

    method: str
    path: str
    name: str
    media: tuple[str, ...]
    parameters: tuple[str, ...] = ()


def capability(path: str, name: str) -> Capability:
    """Return what a route of the service can do, by the name of its verb."""
    media, parameters = _by_name(name)
    return Capability(method="GET", path=path, name=name, media=media, parameters=("accept", *parameters))


def _by_name(name: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    keys = {
        "search_studies": STUDY_KEYS,
        "search_series": STUDY_KEYS | SERIES_KEYS,
        "search_instances": STUDY_KEYS | SERIES_KEYS | INSTANCE_KEYS,
    }
    if name in keys:
        return _JSON, (*_SEARCH, *sorted(keys[name]))
    octets = "application/octet-stream"
    kinds = (octets, *sorted(set(MEDIA.values())))
    known: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
        "retrieve": (('multipart/related; type="application/dicom"', "application/dicom"), ()),
        "retrieve_metadata": (_JSON, ()),
        "retrieve_frames": (tuple(f'multipart/related; type="{one}"' for one in kinds) + kinds, ()),
        "retrieve_bulk": ((f'multipart/related; type="{octets}"', octets), ()),
        "render_picture": ((*_PICTURES, *_SEVERAL_PICTURES), _LOOK),
        "render_thumbnail": (_PICTURES, ("viewport",)),
    }
    return known[name]


STORE = tuple(
    Capability(
        method="POST",
        path=path,
        name="store",
        media=("application/dicom+json",),
    )
    for path in ("/studies", "/studies/{study}")
)
# What transfer-syntax may name besides the stored one and ``*``.
TRANSFER_SYNTAXES = (EXPLICIT_LITTLE, *ENCODABLE)


def capabilities_response(asked: Asked, known: Iterable[Capability]) -> Response:
    """Return the description of the service."""
    media = asked.choose(_OFFERS).offer.media
    root = asked.urls.root
    body = _wadl(known, root=root) if media == _WADL else _json(known, root=root)
    return Response(body, media_type=media, headers=PRIVATE)


def _json(known: Iterable[Capability], *, root: str) -> bytes:
    resources = [
        {"method": one.method, "path": one.path, "media": one.media, "parameters": one.parameters} for one in known
    ]
    return orjson.dumps({"root": root, "transfer_syntaxes": TRANSFER_SYNTAXES, "resources": resources})


def _wadl(known: Iterable[Capability], *, root: str) -> bytes:
    by_path: dict[str, list[Capability]] = {}
    for one in known:
        by_path.setdefault(one.path, []).append(one)
    resources = "".join(
        f"<resource path={quoteattr(path)}>{''.join(map(_method, ways))}</resource>" for path, ways in by_path.items()
    )
    return (
        '<?xml version="1.0" encoding="UTF-8"?><application xmlns="http://wadl.dev.java.net/2009/02">'
        f"<resources base={quoteattr(root)}>{resources}</resources></application>"
    ).encode()


def _method(one: Capability) -> str:
    asked = "".join(f"<param name={quoteattr(name)} style='query'/>" for name in one.parameters)
    answered = "".join(f"<representation mediaType={quoteattr(media)}/>" for media in one.media)
    return f'<method name="{one.method}"><request>{asked}</request><response>{answered}</response></method>'
