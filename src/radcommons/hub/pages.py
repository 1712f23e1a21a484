"""The curator's pages: what waits, what was found, accept or refuse, make a release. They work without JavaScript."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from threading import BoundedSemaphore
from typing import Annotated, Literal
from urllib.parse import urlencode

from fastapi import APIRouter, Form, Query, Request, Response

from radcommons.catalogue import findings, instances, sites, submissions
from radcommons.catalogue.credentials import Asking, Ports, Visitor
from radcommons.catalogue.findings import Kept
from radcommons.catalogue.instances import Listed
from radcommons.dicom.frames import iter_frames
from radcommons.dicom.read import read_header
from radcommons.dicom.render import render
from radcommons.hub import curate, release
from radcommons.hub.api import SubmissionId
from radcommons.hub.attested import attested
from radcommons.platform.database import reading
from radcommons.platform.identity import authorize
from radcommons.platform.objects import object_key
from radcommons.platform.ports import Platform
from radcommons.records.errors import Conflict, NotFound
from radcommons.records.event import Role
from radcommons.records.finding import CODES, Severity
from radcommons.records.lifecycle import InstanceState
from radcommons.ui.pages import page, redirect
from radcommons.ui.render import Flash

PAGE = 48
PREVIEW_PX = 320
CLEAN = "clean"
_RENDERING = BoundedSemaphore(2)
_ORDER = ("in-review", "received", "announced", "curated", "refused", "withdrawn")
_TONES = {"in-review": "warn", "curated": "good", "refused": "bad", "withdrawn": "bad"}

Choice = Literal["accept", "refuse", "accept-clean", "accept-all", "refuse-all"]


def router() -> APIRouter:
    """Return the routes below ``/curate``."""
    routes = APIRouter(include_in_schema=False)
    for path, endpoint, methods in (
        ("/curate", queue, ["GET", "HEAD"]),
        ("/curate/releases/new", release_form, ["GET", "HEAD"]),
        ("/curate/releases/new", make_release, ["POST"]),
        ("/curate/{identifier}", submission_page, ["GET", "HEAD"]),
        ("/curate/{identifier}", decide, ["POST"]),
        ("/curate/{identifier}/instances/{digest}/preview", preview, ["GET", "HEAD"]),
    ):
        routes.add_api_route(path, endpoint, methods=methods, response_class=Response)
    return routes


def queue(request: Request, ports: Ports, who: Visitor) -> Response:
    """Show all submissions, those that wait for a person first."""
    authorize(who.actor, Role.CURATOR)
    with reading(ports.engine) as connection:
        found = submissions.summaries(connection, actor=who.actor)
        datasets = sites.dataset_names(connection)
    found.sort(key=lambda one: _ORDER.index(one.state))
    return page(
        request,
        "hub/queue.html",
        actor=who.actor,
        form_key=who.form_key,
        submissions=found,
        datasets=datasets,
        tones=_TONES,
        totals={
            "waiting": sum(one.quarantined for one in found),
            "accepted": sum(one.accepted for one in found),
            "refused": sum(one.refused for one in found),
            "released": sum(one.released for one in found),
        },
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """Instances that wait for one and the same reason."""

    code: str
    words: str
    count: int
    tone: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Tile:
    """One instance with what was found about it."""

    instance: Listed
    findings: tuple[Kept, ...]


def submission_page(
    identifier: SubmissionId,
    request: Request,
    ports: Ports,
    who: Visitor,
    show: Annotated[str, Query(max_length=64)] = "",
    offset: Annotated[int, Query(ge=0)] = 0,
) -> Response:
    """Show a submission's instances, grouped by what was found, with the buttons to decide."""
    authorize(who.actor, Role.CURATOR)
    with reading(ports.engine) as connection:
        summary = _one_summary(submissions.summaries(connection, actor=who.actor, identifier=identifier))
        standing = submissions.visible(connection, identifier, actor=who.actor)
        all_found = findings.of_submission(connection, identifier)
        listed = instances.listed(connection, identifier)
        vouched = attested(submissions.document(connection, identifier))
    about: dict[str, list[Kept]] = {}
    for one in all_found:
        about.setdefault(one.digest, []).append(one)
    groups = _groups(listed, about)
    shown = show if any(group.code == show for group in groups) else (groups[0].code if groups else "")
    tiles = [
        Tile(instance=one, findings=tuple(about.get(one.digest, ())))
        for one in listed
        if shown in _codes(one, about.get(one.digest, []))
    ]
    address = f"/curate/{identifier}?" + urlencode({"show": shown})
    return page(
        request,
        "hub/submission.html",
        actor=who.actor,
        form_key=who.form_key,
        vouched=vouched,
        summary=summary,
        refusals=standing.refusals,
        groups=groups,
        shown=shown,
        total=len(tiles),
        tiles=tiles[offset : offset + PAGE],
        offset=offset,
        previous=f"{address}&offset={max(offset - PAGE, 0)}" if offset else "",
        next=f"{address}&offset={offset + PAGE}" if offset + PAGE < len(tiles) else "",
        tones=_TONES,
        waits=InstanceState.QUARANTINED,
        preview_px=PREVIEW_PX,
    )


def _one_summary(found: list[submissions.Summary]) -> submissions.Summary:
    if not found:
        raise NotFound("There is no such submission.")
    return found[0]


def _codes(one: Listed, found: list[Kept]) -> set[str]:
    """Return the groups that an instance stands in: its questions while it waits, its state afterwards."""
    if one.state is not InstanceState.QUARANTINED:
        return {str(one.state)}
    return {kept.code for kept in found if kept.made_by == findings.HUB and kept.severity is Severity.QUESTION} or {
        CLEAN
    }


def _groups(listed: list[Listed], about: dict[str, list[Kept]]) -> list[Group]:
    counted = Counter(code for one in listed for code in _codes(one, about.get(one.digest, [])))
    questions = sorted(code for code in counted if code in CODES)
    states = [str(state) for state in InstanceState if str(state) in counted]
    words = {CLEAN: "Nothing was found; they wait by the hub's policy."}
    made = [Group(code=code, words=CODES[code], count=counted[code], tone="warn") for code in questions]
    if counted[CLEAN]:
        made.append(Group(code=CLEAN, words=words[CLEAN], count=counted[CLEAN], tone="accent"))
    tones = {"accepted": "good", "refused": "bad", "withdrawn": "bad"}
    return made + [Group(code=code, words="", count=counted[code], tone=tones.get(code, "")) for code in states]


def decide(
    identifier: SubmissionId,
    ports: Ports,
    actor: Asking,
    choice: Annotated[Choice, Form()],
    digest: Annotated[list[str] | None, Form()] = None,
    reason: Annotated[str, Form(max_length=2000)] = "",
    show: Annotated[str, Form(max_length=64)] = "",
) -> Response:
    """Accept or refuse what was selected, or everything that waits."""
    chosen = digest or []
    back = f"/curate/{identifier}" + (f"?{urlencode({'show': show})}" if show else "")
    if choice in ("accept", "refuse") and not chosen:
        return redirect(back, flash=Flash("Nothing was selected.", "warn", "Tick the images that you decide about."))
    everything: dict[str, curate.Everything] = {
        "accept-clean": "accept-clean",
        "accept-all": "accept",
        "refuse-all": "refuse",
    }
    try:
        summary = curate.decide(
            identifier,
            accept=chosen if choice == "accept" else (),
            refuse=chosen if choice == "refuse" else (),
            everything=everything.get(choice),
            reason=reason,
            platform=ports,
            actor=actor,
        )
    except Conflict as error:
        return redirect(back, flash=Flash(error.what, "bad", error.mend))
    left = f"{summary.quarantined} wait still." if summary.quarantined else "The submission is decided."
    return redirect(back if summary.quarantined else f"/curate/{identifier}", flash=Flash("Decided.", "good", left))


def preview(identifier: SubmissionId, digest: str, ports: Ports, actor: Asking) -> Response:
    """Return a picture of the middle frame, for the curator's eyes alone."""
    with reading(ports.engine) as connection:
        submissions.visible(connection, identifier, actor=actor)
        version = instances.inspectable(connection, digest, actor=actor)
    picture = _picture(ports, version.digest)
    # What is quarantined may show an identity, so no cache keeps it longer than the page that shows it.
    return Response(picture, media_type="image/jpeg", headers={"Cache-Control": "private, max-age=300"})


def _picture(ports: Platform, digest: str) -> bytes:
    with _RENDERING, ports.objects.open(object_key(digest)) as source:
        header = read_header(source)
        middle = (int(header.dataset.get("NumberOfFrames", 1) or 1) - 1) // 2
        frame = next(iter(iter_frames(source, header, indices=[middle])))
        return render(frame, header.dataset, size=PREVIEW_PX * 2, kind="jpeg")


def release_form(
    request: Request, ports: Ports, who: Visitor, dataset: Annotated[str, Query(max_length=40)] = ""
) -> Response:
    """Show what the next release would hold, and the form that makes it."""
    authorize(who.actor, Role.CURATOR)
    with reading(ports.engine) as connection:
        names = sites.dataset_names(connection)
    chosen = dataset or (names[0] if names else "")
    return page(
        request,
        "hub/release.html",
        actor=who.actor,
        form_key=who.form_key,
        names=[(name, name) for name in names],
        dataset=chosen,
        outlook=release.outlook(chosen, platform=ports) if chosen else None,
    )


def make_release(
    ports: Ports,
    actor: Asking,
    dataset: Annotated[str, Form(max_length=40)],
    title: Annotated[str, Form(max_length=200)] = "",
    notes: Annotated[str, Form(max_length=2000)] = "",
) -> Response:
    """Make the release and show its page."""
    try:
        made = release.create_release(dataset, title=title, notes=notes, platform=ports, actor=actor)
    except Conflict as error:
        back = "/curate/releases/new?" + urlencode({"dataset": dataset})
        return redirect(back, flash=Flash(error.what, "warn", error.mend))
    return redirect(f"/releases/{made.id}", flash=Flash(f"Release {made.id} is made and signed."))
