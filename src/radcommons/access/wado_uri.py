"""WADO-URI (PS3.18 section 9): one instance by query parameters, for viewers that know nothing newer."""

from __future__ import annotations

from fastapi import Response

from radcommons.access.asked import PRIVATE, Asked
from radcommons.access.bodies import Body, Made
from radcommons.access.frames import frame_numbers
from radcommons.access.rendered import look_of, picture_response
from radcommons.access.serving import DICOM, object_response
from radcommons.access.taken import note
from radcommons.access.wado import transcoded
from radcommons.catalogue.images import Place
from radcommons.dicom.transcode import targets
from radcommons.dicomweb.errors import NotAcceptable, QueryError
from radcommons.platform.objects import object_key
from radcommons.records.errors import NotFound

_UIDS = (("studyUID", "study"), ("seriesUID", "series"), ("objectUID", "instance"))
_KINDS = {"image/jpeg": "jpeg", "image/png": "png", DICOM: ""}


def retrieve_by_uri(asked: Asked) -> Response:
    """Retrieve one instance as a picture or as it is stored (``requestType=WADO``)."""
    given = asked.request.query_params
    if given.get("requestType") != "WADO":
        raise QueryError("The parameter requestType is not WADO.")
    named = {place: given.get(name, "") for name, place in _UIDS}
    if not all(named.values()) or any("\0" in value for value in named.values()):
        raise QueryError("One of studyUID, seriesUID and objectUID is missing.")
    found = Asked(asked.request, asked.ports, asked.scope, Place(**named), asked.is_inline)
    one = found.instances()[0]
    media = _media(given.get("contentType"), is_image=bool(one.frames))
    if media == DICOM:
        found.takes_bytes()
        if asked.request.method != "HEAD":
            note(asked.ports.engine, asked.scope, [one], is_waiting=asked.is_waiting)
        syntax = given.get("transferSyntax", one.transfer_syntax_uid)
        if syntax == one.transfer_syntax_uid:
            return object_response(found.request, one, objects=found.ports.objects)
        if syntax not in targets(one.rows, one.columns):
            raise NotAcceptable("The instance cannot be made in this transfer syntax.")
        found.is_waiting()
        objects, key = found.ports.objects, object_key(one.digest)
        pieces = [Made(lambda: transcoded(objects, key, syntax))]
        return Body(pieces, objects=objects, media_type=f"{DICOM}; transfer-syntax={syntax}", headers=PRIVATE)
    if not one.frames:
        raise NotFound("There is no image to show.")
    number = frame_numbers(given.get("frameNumber", "1"), one)[0]
    return picture_response(found, one, number, look=look_of(_as_rendered(asked), kind=_KINDS[media]))


def _media(wished: str | None, *, is_image: bool) -> str:
    """Return the first media type of ``contentType`` that can be made; a picture without any wish."""
    default = "image/jpeg" if is_image else DICOM
    if not wished:
        return default
    for one in wished.split(","):
        media = one.partition(";")[0].strip().lower()
        if media in ("*/*", "image/*"):
            return default
        if media in _KINDS:
            return media
    raise NotAcceptable("None of the types in contentType can be made.", mend=f"Ask for {', '.join(_KINDS)}.")


def _as_rendered(asked: Asked) -> dict[str, str]:
    """Return the older parameters under the names of PS3.18 section 8.3.5."""
    given = asked.request.query_params
    made: dict[str, str] = {}
    if given.get("windowCenter") or given.get("windowWidth"):
        made["window"] = f"{given.get('windowCenter', '')},{given.get('windowWidth', '')}"
    if given.get("rows") or given.get("columns"):
        made["viewport"] = f"{given.get('columns') or given.get('rows')},{given.get('rows') or given.get('columns')}"
    if given.get("imageQuality"):
        made["quality"] = given["imageQuality"]
    if given.get("annotation"):
        made["annotation"] = given["annotation"]
    return made
