"""The page of a release, what happened to it, how to cite it, and what changed beside another one."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from fastapi import APIRouter, Request, Response
from markupsafe import Markup

from radcommons.access.overview import overview
from radcommons.access.tables import base_of
from radcommons.catalogue import shelf
from radcommons.catalogue.credentials import Ports, Visitor
from radcommons.catalogue.images import Scope
from radcommons.catalogue.shelf import Shelved
from radcommons.platform.database import reading
from radcommons.records.changes import Changes, sentence
from radcommons.records.describe import bibtex, doi_url, schema_org
from radcommons.records.identifiers import split_release_id
from radcommons.records.release import ReleaseItem
from radcommons.ui.pages import page

_EVENTS = {
    "released": ("Released", "good"),
    "withdrawn": ("Withdrawn", "bad"),
    "erratum": ("Erratum", "warn"),
    "superseded": ("Superseded", "warn"),
}
_SHOWN = 200
_TERMS = {
    "tier": "Tier",
    "license": "License",
    "duo": "Data use",
    "embargo_until": "Embargo",
    "geography": "Countries",
    "steward": "Steward",
}


def router() -> APIRouter:
    """Return the routes of a release's own pages; they answer HEAD as well."""
    routes = APIRouter(include_in_schema=False)
    for path, endpoint in (
        ("/releases/{identifier}", release_page),
        ("/releases/{identifier}/changes", changes_page),
    ):
        routes.add_api_route(path, endpoint, methods=["GET", "HEAD"], response_class=Response)
    return routes


@dataclass(frozen=True, slots=True, kw_only=True)
class Happened:
    """One line of what happened to a release."""

    at: str
    name: str
    tone: str
    count: int
    reason: str


def release_page(identifier: str, request: Request, ports: Ports, who: Visitor) -> Response:
    """Show one release: what it holds, how to get it, how to cite it, what happened since."""
    base = base_of(request, ports)
    with reading(ports.engine) as connection:
        found = shelf.release(connection, who.actor, identifier)
        feed = shelf.feed(connection, who.actor, found.dataset)
        siblings = shelf.releases(connection, who.actor, dataset=found.dataset)
        described = shelf.described(connection, who.actor, identifier, base=base, publisher=ports.settings.title)
        held = None
        if found.is_open:
            scope = Scope(actor=who.actor, release=identifier)
            held = overview(shelf.tally(connection, scope), shelf.clinical_rows(connection, identifier))
    siblings.sort(key=lambda one: -one.number)
    return page(
        request,
        "access/release.html",
        actor=who.actor,
        form_key=who.form_key,
        release=found,
        held=held,
        events=list(_happened(feed, found)),
        newer=siblings[0].id if siblings and siblings[0].number > found.number else "",
        log=[(one, sentence(one.changes) if one.changes else "the first release") for one in siblings],
        doi=described.doi,
        doi_url=doi_url(described.doi),
        bibtex=bibtex(described),
        linked_data=_script(schema_org(described)),
        base=base,
        key_id=ports.signing_key.key_id,
    )


def _script(document: dict[str, Any]) -> Markup:
    """Return JSON that stands inside a script element: a data block, which no browser runs, and nothing ends early."""
    text = json.dumps(document, ensure_ascii=False, indent=1)
    for one in "<>&\u2028\u2029":
        text = text.replace(one, f"\\u{ord(one):04x}")
    return Markup(text)  # noqa: S704  (escaped above)


def _happened(feed: list[dict[str, Any]], release: Shelved) -> Iterable[Happened]:
    """Yield what the feed says of a release or of its whole dataset since; of others' making it says nothing here."""
    for entry in feed:
        named = split_release_id(entry["release"]) if entry["release"] else None
        # What is said of a later release of how it was before is true of this one as well.
        concerns = named is None or named[1] == release.number
        if entry["event"] in ("erratum", "superseded") and named is not None:
            concerns = named[1] >= release.number
        if concerns:
            name, tone = _EVENTS[entry["event"]]
            yield Happened(at=entry["at"], name=name, tone=tone, count=len(entry["digests"]), reason=entry["reason"])


def changes_page(identifier: str, request: Request, ports: Ports, who: Visitor, since: str = "") -> Response:
    """Show what changed in a release beside the one before, or beside the one that is asked for."""
    with reading(ports.engine) as connection:
        found = shelf.open_release(connection, who.actor, identifier)
        siblings = [
            one
            for one in shelf.releases(connection, who.actor, dataset=found.dataset)
            if one.is_open and one.id != identifier
        ]
        earlier = [one.id for one in siblings if one.number < found.number]
        chosen = since or (earlier[0] if earlier else "")
        changes = shelf.changes(connection, who.actor, chosen, identifier) if chosen else None
    return page(
        request,
        "access/changes.html",
        actor=who.actor,
        form_key=who.form_key,
        release=found,
        since=chosen,
        siblings=[(one.id, f"{one.id}, {one.created_at[:10]}") for one in siblings],
        changes=changes,
        kinds=_kinds(changes) if changes else (),
        line=sentence(changes.counts) if changes else "",
        shown=_SHOWN,
        words=_TERMS,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """One kind of change as the page shows it: how many images, and in which series."""

    name: str
    tone: str
    words: str
    images: int
    rows: tuple[tuple[str, str, str, int], ...]  # patient, study, series, images
    series: int


def _kinds(changes: Changes) -> tuple[Kind, ...]:
    corrected = [new for _, new in changes.corrected]
    made = (
        ("Added", "good", "Images that the earlier release has not.", changes.added),
        ("Removed", "bad", "Images that are in this release no more: withdrawn, or left out.", changes.removed),
        ("Corrected", "warn", "The same images with other bytes; the UIDs stay.", corrected),
    )
    return tuple(_kind(name, tone, words, items) for name, tone, words, items in made)


def _kind(name: str, tone: str, words: str, items: Iterable[ReleaseItem]) -> Kind:
    counted = Counter((one.patient, one.study_instance_uid, one.series_instance_uid) for one in items)
    rows = tuple((*key, count) for key, count in sorted(counted.items()))
    return Kind(name=name, tone=tone, words=words, images=counted.total(), rows=rows[:_SHOWN], series=len(rows))
