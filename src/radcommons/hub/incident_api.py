"""JSON of identity incidents: seal, look where copies are, purge or reopen."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path
from pydantic import Field

from radcommons.catalogue import incidents
from radcommons.catalogue.credentials import Asking, Ports
from radcommons.hub import incident
from radcommons.hub.models import Answer, Body
from radcommons.platform.database import reading
from radcommons.platform.identity import authorize
from radcommons.platform.ports import Platform
from radcommons.records.event import Actor, Role
from radcommons.records.identifiers import Digest, Uid

IncidentId = Annotated[str, Path(pattern=r"^[0-9a-f]{16}$")]
_Name = Annotated[str, Field(max_length=64, pattern=r"^[^\x00-\x1f\x7f]+$")]  # (0010,0020) LO


class SealBody(Body):
    """What to seal, and how it was noticed; never what was seen."""

    patients: Annotated[tuple[_Name, ...], Field(max_length=1000)] = ()
    studies: Annotated[tuple[Uid, ...], Field(max_length=1000)] = ()
    digests: Annotated[tuple[Digest, ...], Field(max_length=10000)] = ()
    reason: Annotated[str, Field(max_length=2000, pattern=r"^[^\x00]+$")]


class IncidentAnswer(Answer):
    """An identity incident."""

    id: str
    state: str
    opened_at: str
    opened_by: str
    settled_at: str | None
    settled_by: str | None
    reason: str
    named: dict[str, list[str]]
    withdrawals: list[str]
    instances: int


class IncidentsAnswer(Answer):
    """All incidents, the newest first."""

    incidents: list[IncidentAnswer]


class PlaceAnswer(Answer):
    """Where copies are, how many, and what becomes of them."""

    name: str
    count: int
    fate: str


class TakenAnswer(Answer):
    """Who took something of a release."""

    actor: str
    release: str
    first: str
    last: str
    instances: int
    bytes: int


class CopiesAnswer(Answer):
    """Every copy of what an incident names."""

    instances: int
    places: list[PlaceAnswer]
    releases: list[str]
    downloads: list[TakenAnswer]


def router() -> APIRouter:
    """Return the routes below ``/api/v1/incidents``."""
    routes = APIRouter(prefix="/api/v1/incidents", tags=["Incidents"])

    @routes.get("")
    def list_incidents(platform: Ports, actor: Asking) -> IncidentsAnswer:
        """List the identity incidents."""
        authorize(actor, Role.CURATOR)
        with reading(platform.engine) as connection:
            found = incidents.listed(connection)
        return IncidentsAnswer(incidents=[IncidentAnswer.model_validate(one) for one in found])

    @routes.post("", status_code=201)
    def seal(platform: Ports, actor: Asking, body: SealBody) -> IncidentAnswer:
        """Seal what may tell who a patient is: nothing of it is served from now on."""
        made = incident.seal(
            patients=body.patients,
            studies=body.studies,
            digests=body.digests,
            reason=body.reason,
            platform=platform,
            actor=actor,
        )
        return IncidentAnswer.model_validate(made)

    @routes.get("/{identifier}")
    def get_incident(platform: Ports, actor: Asking, identifier: IncidentId) -> IncidentAnswer:
        """Return one incident."""
        authorize(actor, Role.CURATOR)
        return _found(platform, identifier)

    @routes.get("/{identifier}/copies")
    def list_copies(platform: Ports, actor: Asking, identifier: IncidentId) -> CopiesAnswer:
        """Return where copies are, and who downloaded."""
        authorize(actor, Role.CURATOR)
        return CopiesAnswer.model_validate(incident.copies(identifier, platform=platform))

    @routes.post("/{identifier}/purge")
    def purge(platform: Ports, actor: Asking, identifier: IncidentId) -> IncidentAnswer:
        """Withdraw what was sealed, for good."""
        return _settled(incident.purge_incident, platform, actor, identifier)

    @routes.post("/{identifier}/reopen")
    def reopen(platform: Ports, actor: Asking, identifier: IncidentId) -> IncidentAnswer:
        """Undo the sealing of a false alarm."""
        return _settled(incident.reopen, platform, actor, identifier)

    return routes


def _found(platform: Platform, identifier: str) -> IncidentAnswer:
    with reading(platform.engine) as connection:
        return IncidentAnswer.model_validate(incidents.get(connection, identifier))


def _settled(verb: incident.Verb, platform: Platform, actor: Actor, identifier: str) -> IncidentAnswer:
    return IncidentAnswer.model_validate(verb(identifier, platform=platform, actor=actor))
