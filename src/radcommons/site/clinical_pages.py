"""The pages of the clinical table: bring it, say once what its columns and words mean, see whom it names, keep it."""

from __future__ import annotations

from typing import Annotated

import sqlalchemy as sa
from fastapi import APIRouter, Depends, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse
from starlette.datastructures import FormData, UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser

from radcommons.records.errors import UsageError
from radcommons.site import audit
from radcommons.site.clinical_desk import (
    MAX_UPLOAD_BYTES,
    Draft,
    discard,
    draft,
    keep_upload,
    said_in,
    write_mapping,
)
from radcommons.site.clinical_map import DATES, MEANINGS, headings_of, spelled_mapping
from radcommons.site.clinical_sheet import CHARSETS
from radcommons.site.clinical_take import known_patients, take_clinical
from radcommons.site.desk import AtDesk, DataManager, Desk, view_of
from radcommons.site.selection_settle import settle
from radcommons.site.sessions import SiteSession, check_form
from radcommons.site.store import Store
from radcommons.site.tables import clinical
from radcommons.ui.render import Flash

_WORDS_SHOWN, _PROBLEMS_SHOWN = 40, 20
_DONE = {"kept": "The table was kept; what waited for it was decided.", "discarded": "The table was taken away."}


class _InMemory(MultiPartParser):
    """Never lets an uploaded table touch the disk in clear: the ordinary parser writes large parts to a file."""

    spool_max_size = MAX_UPLOAD_BYTES + (1 << 20)


async def _form(request: Request) -> FormData:
    if int(request.headers.get("content-length") or 0) > MAX_UPLOAD_BYTES + (1 << 20):
        raise UsageError("The table is larger than 32 MiB.", mend="Use `radcommons site clinical` for such a table.")
    if not request.headers.get("content-type", "").startswith("multipart/form-data"):
        return await request.form()
    try:
        return await _InMemory(request.headers, request.stream(), max_files=1, max_fields=20).parse()
    except MultiPartException:
        raise UsageError("The upload could not be read.", mend="Choose the file again.") from None


async def _content(form: Annotated[FormData, Depends(_form)]) -> tuple[FormData, bytes, str]:
    file = form.get("file")
    if not isinstance(file, UploadFile):
        return form, b"", ""
    return form, await file.read(), file.filename or ""


def router() -> APIRouter:
    """Return the routes of the clinical table."""
    routes = APIRouter(include_in_schema=False)
    routes.get("/clinical", response_class=HTMLResponse)(page)
    routes.post("/clinical")(upload)
    routes.get("/clinical/t/{token}", response_class=HTMLResponse)(mapping_page)
    routes.get("/clinical/t/{token}/mapping.json")(mapping_file)
    routes.post("/clinical/t/{token}")(decided)
    return routes


def page(request: Request, desk: AtDesk, session: DataManager, done: str = "") -> Response:
    """Show what the gateway has of clinical tables, and the form that brings one."""
    flashes = [Flash(_DONE[done])] if done in _DONE else []
    return _page(request, desk, session, *flashes)


def _page(request: Request, desk: Desk, session: SiteSession, *flashes: Flash, status: int = 200) -> Response:
    audit.viewed(desk.store, session, "clinical", "counts")
    counts = {site: _counts(desk.store, site) for site in desk.store.settings.sites}
    return desk.page("clinical", view_of(request, session, *flashes), status=status, counts=counts)


def _counts(store: Store, site: str) -> tuple[int, int, int]:
    """Return patients with rows, of those the ones that are known here, and known ones without a row."""
    with store.read() as connection:
        known = set(known_patients(connection, site=site))
        rows = set(connection.execute(sa.select(clinical.c.patient_id).where(clinical.c.site == site)).scalars())
    return len(rows), len(rows & known), len(known - rows)


def upload(
    request: Request,
    desk: AtDesk,
    session: DataManager,
    sent: Annotated[tuple[FormData, bytes, str], Depends(_content)],
) -> Response:
    """Take a table into the store and go on to its mapping."""
    form, content, name = sent
    check_form(session, str(form.get("form_key", "")))
    site = str(form.get("site", "")) or desk.store.settings.sites[0]
    try:
        if not content or site not in desk.store.settings.sites:
            raise UsageError("No table was chosen.", mend="Choose a CSV or Excel file.")
        token = keep_upload(desk.store, content, name=name, site=site, by=session.actor)
    except UsageError as error:
        return _page(request, desk, session, Flash(str(error), "bad"), status=422)
    return RedirectResponse(f"/clinical/t/{token}", status_code=303)


def mapping_page(request: Request, token: str, desk: AtDesk, session: DataManager) -> Response:
    """Show how a table is read and what came of it."""
    return _mapping_page(request, desk, session, draft(desk.store, token))


def _mapping_page(
    request: Request, desk: Desk, session: SiteSession, one: Draft, *flashes: Flash, status: int = 200
) -> Response:
    audit.viewed(desk.store, session, "clinical table", f"site:{one.site}")
    return desk.page(
        "clinical-table",
        view_of(request, session, *flashes),
        status=status,
        one=one,
        meanings=tuple(MEANINGS.items()),
        charsets=CHARSETS if one.sheet.charset else (),
        asks_order=bool(one.table and (one.table.unordered or one.mapping.day_first is not None))
        and any(name in one.mapping.columns for name in DATES),
        words=one.table.words[:_WORDS_SHOWN] if one.table else (),
        problems=one.table.problems[:_PROBLEMS_SHOWN] if one.table else (),
        more_problems=max(len(one.table.problems) - _PROBLEMS_SHOWN, 0) if one.table else 0,
    )


def mapping_file(token: str, desk: AtDesk, session: DataManager) -> Response:
    """Give the mapping as a file, for `site clinical --mapping` and for another gateway."""
    one = draft(desk.store, token)
    audit.viewed(desk.store, session, "clinical mapping", f"site:{one.site}")
    headers = {"Content-Disposition": 'attachment; filename="mapping.json"', "Cache-Control": "no-store"}
    return Response(spelled_mapping(one.mapping), media_type="application/json", headers=headers)


def decided(
    request: Request,
    token: str,
    desk: AtDesk,
    session: DataManager,
    form: Annotated[FormData, Depends(_form)],
) -> Response:
    """Read the table by what was said; keep or discard it where that was asked."""
    said = {name: value for name, value in form.items() if isinstance(value, str)}
    check_form(session, said.get("form_key", ""))
    if said.get("act") == "discard":
        discard(desk.store, token)
        return RedirectResponse("/clinical?done=discarded", status_code=303)
    before = draft(desk.store, token)
    try:
        mapping = said_in(said, before.mapping, headings_of(before.sheet, before.mapping))
        write_mapping(desk.store, token, mapping)
        if said.get("act") != "keep":
            return RedirectResponse(f"/clinical/t/{token}", status_code=303)
        one = draft(desk.store, token)
        if one.table is None or one.table.unordered:
            raise UsageError(one.objection or "Say first whether the day or the month comes first in its dates.")
    except UsageError as error:
        return _mapping_page(request, desk, session, draft(desk.store, token), Flash(str(error), "bad"), status=422)
    accepts = said.get("alike") == "yes"
    take_clinical(desk.store, one.table, site=one.site, by=session.actor, accept_alike=accepts)
    discard(desk.store, token)
    settle(desk.store)
    return RedirectResponse("/clinical?done=kept", status_code=303)
