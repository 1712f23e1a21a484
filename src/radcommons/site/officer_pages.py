"""The privacy officer's pages: what leaves, the data flow, the record of processing, reports, the audit trail."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Iterator
from typing import Annotated

from fastapi import APIRouter, Path, Query, Request, Response
from fastapi.responses import StreamingResponse

from radcommons.dicom.profile import load_profile
from radcommons.records.identifiers import DIGEST_PATTERN
from radcommons.site import audit, canary, officer
from radcommons.site.deid_pdf import pdf
from radcommons.site.desk import AtDesk, Desk, PrivacyOfficer, SignedIn, view_of
from radcommons.site.officer_report import report
from radcommons.site.sessions import SiteSession
from radcommons.site.users import SiteRole, users

SubmissionId = Annotated[str, Path(pattern=DIGEST_PATTERN)]
_LINES = 50


def router() -> APIRouter:
    """Return the routes."""
    routes = APIRouter(include_in_schema=False, prefix="/officer")
    routes.get("")(overview)
    routes.get("/submissions/{identifier}")(submission)
    routes.get("/submissions/{identifier}/report.pdf")(submission_pdf)
    routes.get("/audit")(trail)
    routes.get("/audit.csv")(trail_csv)
    routes.get("/export.zip")(export)
    return routes


def overview(request: Request, desk: AtDesk, session: SignedIn) -> Response:
    """Show on one page what leaves and what never does."""
    audit.viewed(desk.store, session, "officer", "overview")
    profile = load_profile(desk.store.settings.profile)
    return desk.page(
        "officer",
        view_of(request, session),
        profile=profile,
        groups=officer.groups(profile),
        fates=officer.FATES,
        others=officer.pixels_rule(profile, desk.store.settings),
        never=officer.NEVER,
        flow=officer.data_flow(desk.store),
        processing=officer.processing(desk.store),
        accepted=officer.accepted(desk.store),
        sent=list(officer.sent(desk.store)),
        people=users(desk.store),
        canaries=canary.runs(desk.store),
        is_officer=_is_officer(session),
    )


def _is_officer(session: SiteSession) -> bool:
    return session.role is SiteRole.PRIVACY_OFFICER


def submission(request: Request, identifier: SubmissionId, desk: AtDesk, session: SignedIn) -> Response:
    """Show the report of one submission."""
    made = report(desk.store, identifier)
    audit.viewed(desk.store, session, "officer", f"submission:{identifier[:16]}")
    return desk.page("officer-report", view_of(request, session), page=made, identifier=identifier)


def submission_pdf(identifier: SubmissionId, desk: AtDesk, session: SignedIn) -> Response:
    """Give the report of one submission as PDF."""
    made = pdf(report(desk.store, identifier))
    audit.did(desk.store, session, "report.printed", f"submission:{identifier[:16]}")
    return _file(made, f"submission-{identifier[:12]}.pdf", "application/pdf")


def _file(content: bytes, name: str, kind: str) -> Response:
    headers = {"Cache-Control": "no-store", "Content-Disposition": f'attachment; filename="{name}"'}
    return Response(content, media_type=kind, headers=headers)


def trail(
    request: Request, desk: AtDesk, session: PrivacyOfficer, before: Annotated[int | None, Query(ge=1)] = None
) -> Response:
    """Show the audit trail, newest first, and whether it is whole."""
    audit.viewed(desk.store, session, "audit", "trail")
    found = list(audit.newest(desk.store, before=before, limit=_LINES + 1))
    return desk.page(
        "officer-audit",
        view_of(request, session),
        lines=found[:_LINES],
        older=found[_LINES - 1].sequence if len(found) > _LINES else None,
        newest=before is None,
        verdict=audit.verify(desk.store),
    )


def trail_csv(desk: AtDesk, session: PrivacyOfficer) -> Response:
    """Give the whole trail as CSV."""
    audit.did(desk.store, session, "audit.exported", "trail")
    headers = {"Cache-Control": "no-store", "Content-Disposition": 'attachment; filename="audit.csv"'}
    return StreamingResponse(audit.as_csv(audit.lines(desk.store)), media_type="text/csv", headers=headers)


def export(desk: AtDesk, session: PrivacyOfficer) -> Response:
    """Give everything an inspection asks for in one archive: record of processing, reports, trail, profile, verdict."""
    audit.did(desk.store, session, "officer.exported", "everything")
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in _everything(desk):
            archive.writestr(name, content)
    return _file(out.getvalue(), "privacy.zip", "application/zip")


def _everything(desk: Desk) -> Iterator[tuple[str, bytes | str]]:
    store = desk.store
    record = "".join(f"{name}\n    {words}\n\n" for name, words in officer.processing(store))
    yield "record-of-processing.txt", record
    yield "profile.md", "\n".join(load_profile(store.settings.profile).describe()) + "\n"
    yield "audit.csv", "".join(audit.as_csv(audit.lines(store)))
    verdict = audit.verify(store)
    yield (
        "audit-verified.json",
        json.dumps({"lines": verdict.lines, "is_whole": verdict.is_whole, "broken": verdict.broken}),
    )
    for one in officer.sent(store):
        yield f"submissions/{one.id[:12]}.pdf", pdf(report(store, one.id))
