"""The two routes of the canary set: fetch it, and hand in what a gateway made of it."""

from __future__ import annotations

from fastapi import APIRouter, Response
from pydantic import BaseModel, ConfigDict

from radcommons.catalogue.credentials import Asking, Ports
from radcommons.hub import canary
from radcommons.hub.bodies import Document
from radcommons.platform.identity import authorize
from radcommons.records.errors import NotPermitted
from radcommons.records.event import Role

_ZIP = {"application/zip": {"schema": {"type": "string", "format": "binary"}}}


class LeakAnswer(BaseModel):
    """Something hidden that came out; never its value."""

    model_config = ConfigDict(from_attributes=True)
    case: str
    tells: str
    what: str


class VerdictAnswer(BaseModel):
    """What the hub found in what came out of a gateway."""

    model_config = ConfigDict(from_attributes=True)
    is_clean: bool
    came: int
    kept: int
    leaks: list[LeakAnswer]
    missing: list[str]


def add_routes(routes: APIRouter) -> None:
    """Add the routes below ``/api/v1``."""

    @routes.get(
        "/canary",
        tags=["Canary"],
        response_class=Response,
        responses={200: {"content": _ZIP, "description": "The set of today for this site"}},
    )
    def fetch(platform: Ports, actor: Asking) -> Response:
        """Return the canary set: invented cases with an identity hidden in every place, as a ZIP archive."""
        authorize(actor, Role.SITE)
        if actor.site is None:
            raise NotPermitted("The token speaks for no site.", mend="Use the token that the hub gave a site.")
        content = canary.set_of(platform.signing_key, actor.site).zipped()
        return Response(content, media_type="application/zip", headers={"Cache-Control": "private, no-store"})

    @routes.post("/canary", tags=["Canary"], openapi_extra={"requestBody": {"required": True, "content": _ZIP}})
    def hand_in(platform: Ports, actor: Asking, archive: Document) -> VerdictAnswer:
        """Judge what came out of a gateway; submissions are taken when nothing hidden did."""
        authorize(actor, Role.SITE)
        return VerdictAnswer.model_validate(canary.judge(archive, platform=platform, actor=actor))
