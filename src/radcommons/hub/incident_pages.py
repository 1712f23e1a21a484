"""The page of identity incidents: one form that seals, one page that shows every copy and ends it."""

from __future__ import annotations

import re
from typing import Annotated, Literal

from fastapi import APIRouter, Form, Request, Response

from radcommons.catalogue import incidents
from radcommons.catalogue.credentials import Asking, Ports, Visitor
from radcommons.catalogue.journal import lines_about
from radcommons.hub import incident
from radcommons.hub.incident_api import IncidentId
from radcommons.platform.database import reading
from radcommons.platform.identity import authorize
from radcommons.records.errors import NotFound, UsageError, WrongState
from radcommons.records.event import Role
from radcommons.records.identifiers import DIGEST_PATTERN, UID_PATTERN
from radcommons.records.lifecycle import IncidentState
from radcommons.ui.pages import page, redirect
from radcommons.ui.render import Flash

ROOT = "/curate/incidents"
_TONES = {"sealed": "warn", "purged": "bad", "reopened": "good"}
_MOST = 1000
_EVENTS = {
    "incident-sealed": "Sealed",
    "incident-purged": "Purged",
    "incident-reopened": "Reopened",
}


def router() -> APIRouter:
    """Return the routes below ``/curate/incidents``; they come before those of submissions."""
    routes = APIRouter(include_in_schema=False, prefix=ROOT)
    for path, endpoint, methods in (
        ("", incidents_page, ["GET", "HEAD"]),
        ("", do_seal, ["POST"]),
        ("/{identifier}", incident_page, ["GET", "HEAD"]),
        ("/{identifier}", do_settle, ["POST"]),
    ):
        routes.add_api_route(path, endpoint, methods=methods, response_class=Response)
    return routes


def incidents_page(request: Request, ports: Ports, who: Visitor) -> Response:
    """Show the incidents, and the form that seals."""
    authorize(who.actor, Role.CURATOR)
    with reading(ports.engine) as connection:
        found = incidents.listed(connection)
    return page(request, "hub/incidents.html", actor=who.actor, form_key=who.form_key, incidents=found, tones=_TONES)


def _names(text: str) -> dict[str, list[str]]:
    """Return what a person named, each by its form: digests, Study Instance UIDs, and pseudonyms for the rest."""
    words = [word for word in re.split(r"[\s,;]+", text) if word]
    if len(words) > _MOST or any(len(word) > 64 or not word.isprintable() for word in words):
        raise UsageError("That is no list of pseudonyms, UIDs and digests.", mend="Name one on each line.")
    digests = [word for word in words if re.match(DIGEST_PATTERN, word)]
    studies = [word for word in words if re.match(UID_PATTERN, word)]
    return {
        "digests": digests,
        "studies": studies,
        "patients": [word for word in words if word not in digests and word not in studies],
    }


def do_seal(
    ports: Ports,
    actor: Asking,
    names: Annotated[str, Form(max_length=100_000)],
    reason: Annotated[str, Form(max_length=2000)],
) -> Response:
    """Seal what the form names."""
    try:
        made = incident.seal(**_names(names), reason=reason.replace("\0", ""), platform=ports, actor=actor)
    except (UsageError, NotFound) as error:
        return redirect(ROOT, flash=Flash(error.what, "bad", error.mend))
    return redirect(f"{ROOT}/{made.id}", flash=Flash("Sealed. Nothing of it is served any more.", "good"))


def incident_page(identifier: IncidentId, request: Request, ports: Ports, who: Visitor) -> Response:
    """Show an incident: what is sealed, where every copy is, who downloaded, and how it can end."""
    authorize(who.actor, Role.CURATOR)
    with reading(ports.engine) as connection:
        one = incidents.get(connection, identifier)
        lines = lines_about(connection, identifier)
    return page(
        request,
        "hub/incident.html",
        actor=who.actor,
        form_key=who.form_key,
        incident=one,
        copies=incident.copies(identifier, platform=ports),
        events=[(line.at, _EVENTS.get(line.kind, line.kind), line.actor) for line in lines],
        tones=_TONES,
        is_open=one.state is IncidentState.SEALED,
        may_settle=who.actor.has(Role.ADMINISTRATOR),
        named=[(kind.capitalize(), ", ".join(values)) for kind, values in one.named.items() if values],
    )


def do_settle(
    identifier: IncidentId,
    ports: Ports,
    actor: Asking,
    choice: Annotated[Literal["purge", "reopen"], Form()],
    sure: Annotated[str, Form(max_length=20)] = "",
) -> Response:
    """Purge or reopen; a purge is asked for twice."""
    address = f"{ROOT}/{identifier}"
    if choice == "purge" and sure != "yes":
        return redirect(address, flash=Flash("Nothing was purged.", "warn", "Tick the box: a purge cannot be undone."))
    try:
        verb = incident.purge_incident if choice == "purge" else incident.reopen
        verb(identifier, platform=ports, actor=actor)
    except WrongState:
        return redirect(address, flash=Flash("The incident is settled already.", "warn"))
    told = "Purged. Holders have a letter." if choice == "purge" else "Reopened. All is as it was before."
    return redirect(address, flash=Flash(told, "good"))
