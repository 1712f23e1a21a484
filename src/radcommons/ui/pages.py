"""From a request to a page: the zones' `pages.py` answer with these and know neither cookies of flashes nor headers.

The app factory puts the zone's `Renderer` at ``app.state.renderer``. A handler then says::

    return page(request, "hub/queue.html", actor=who.actor, form_key=who.form_key, submissions=submissions)
    return redirect("/curate", flash=Flash("12 instances were accepted."))
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Sequence
from typing import Annotated, Any

from fastapi import APIRouter, Form, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse

from radcommons.records.event import Actor
from radcommons.ui.render import SECURITY_HEADERS, Account, Flash, Renderer, View

FLASH_COOKIE = "radcommons_flash"
THEME_COOKIE = "radcommons_theme"
THEMES_PATH = "/theme"
_THEMES = ("light", "dark")
_A_YEAR_S = 365 * 86_400
_TONES = ("", "good", "warn", "bad", "accent")


def renderer(request: Request) -> Renderer:
    """Return the renderer of the app that answers."""
    found: Renderer = request.app.state.renderer
    return found


def account_of(actor: Actor) -> Account | None:
    """Return who is signed in as the head of a page shows it; None for a visitor."""
    return Account(actor.name or actor.id, frozenset(map(str, actor.roles))) if actor.roles else None


def page(
    request: Request,
    template: str,
    *,
    actor: Actor,
    form_key: str = "",
    status: int = 200,
    flashes: Sequence[Flash] = (),
    **values: Any,
) -> HTMLResponse:
    """Return a page with the security headers, and with what `redirect` left to say.

    Parameters
    ----------
    request : Request
    template : str
        ``zone/name.html``.
    actor : Actor
    form_key : str
        The session's, from ``SignedIn.form_key``.
    status : int
    flashes : sequence of Flash
    values
        The template's own.
    """
    left = _left_flash(request)
    view = View(
        path=request.url.path,
        account=account_of(actor),
        form_key=form_key,
        flashes=[*left, *flashes],
        theme=_theme(request),
    )
    return _html(renderer(request).render(template, view=view, **values), status=status, clear_flash=bool(left))


def problem_page(
    request: Request, *, actor: Actor, form_key: str = "", status: int, title: str, detail: str = "", mend: str = ""
) -> HTMLResponse:
    """Return the page for an error, with its status."""
    view = View(path=request.url.path, account=account_of(actor), form_key=form_key, theme=_theme(request))
    html = renderer(request).problem(view=view, status=status, title=title, detail=detail, mend=mend)
    return _html(html, status=status, clear_flash=False)


def _html(html: str, *, status: int, clear_flash: bool) -> HTMLResponse:
    # Pages differ by who looks, so no shared cache may keep them.
    answer = HTMLResponse(html, status_code=status, headers={**SECURITY_HEADERS, "Cache-Control": "private, no-cache"})
    if clear_flash:
        answer.delete_cookie(FLASH_COOKIE, path="/", httponly=True, samesite="strict")
    return answer


def redirect(to: str, *, flash: Flash | None = None) -> RedirectResponse:
    """Return the answer to a form that did its work: 303 to a page of ours, with a message to show there once.

    Raises
    ------
    ValueError
        If `to` leads elsewhere: an open redirect lends our name to strangers.
    """
    if not is_own_path(to):
        raise ValueError("a redirect stays on this host")
    answer = RedirectResponse(to, status_code=303)
    if flash is not None:
        members = json.dumps([flash.text, flash.tone, flash.more]).encode()
        text = base64.urlsafe_b64encode(members).decode()
        answer.set_cookie(FLASH_COOKIE, text, max_age=60, path="/", httponly=True, samesite="strict")
    return answer


def is_own_path(to: str) -> bool:
    """Say whether a target is a path on this host: browsers read ``//`` and ``/\\`` as another host."""
    return to.startswith("/") and not to.startswith(("//", "/\\")) and to.isprintable()


def _theme(request: Request) -> str:
    found = request.cookies.get(THEME_COOKIE, "")
    return found if found in _THEMES else ""


def theme_router() -> APIRouter:
    """Return the route of the switch between light and dark; it works without scripts, and for visitors as well."""
    routes = APIRouter(include_in_schema=False)

    @routes.post(THEMES_PATH, response_class=Response)
    def choose_theme(
        theme: Annotated[str, Form(max_length=8)] = "", back: Annotated[str, Form(max_length=2000)] = "/"
    ) -> Response:
        answer = redirect(back if is_own_path(back) else "/")
        if theme in _THEMES:
            answer.set_cookie(THEME_COOKIE, theme, max_age=_A_YEAR_S, path="/", httponly=True, samesite="lax")
        else:
            answer.delete_cookie(THEME_COOKIE, path="/", httponly=True, samesite="lax")
        return answer

    return routes


def _left_flash(request: Request) -> list[Flash]:
    text = request.cookies.get(FLASH_COOKIE)
    if not text:
        return []
    try:
        words, tone, more = json.loads(base64.urlsafe_b64decode(text))
    except (ValueError, TypeError, binascii.Error):
        return []
    return [Flash(str(words), tone if tone in _TONES else "", str(more))]
