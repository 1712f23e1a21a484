"""What every local page stands on: the store, who is here under which role, and the one way to answer with a page."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from fastapi import Depends, Request
from fastapi.responses import HTMLResponse

from radcommons.records.errors import NotPermitted, SignInRequired
from radcommons.site.sessions import COOKIE, Sessions, SiteSession
from radcommons.site.store import Store
from radcommons.site.users import SiteRole
from radcommons.ui.render import Account, Flash, Renderer, View

TEMPLATES, STATIC = Path(__file__).parent / "templates", Path(__file__).parent / "static"


# Where somebody was when the session ended; pages alone, by their random names.
BACK = "radcommons_back"
_PAGES = re.compile(r"/review(/[gf]/[A-Za-z0-9_-]{16})?")


def page_to_return_to(path: str) -> str:
    """Return the page that a sign-in leads back to after a path was refused; empty where there is none."""
    found = _PAGES.match(path)
    return found[0] if found else ""


@dataclass(frozen=True, slots=True)
class Desk:
    """What every route works with."""

    store: Store
    sessions: Sessions
    renderer: Renderer

    def page(self, template: str, view: View, *, status: int = 200, **values: Any) -> HTMLResponse:
        """Return a page that no browser keeps."""
        html = self.renderer.render(f"site/{template}.html", view=view, settings=self.store.settings, **values)
        return HTMLResponse(html, status_code=status, headers={"Cache-Control": "no-store"})

    def present(self, request: Request) -> SiteSession | None:
        """Return the caller's session, a half one too; None when there is none."""
        return self.sessions.find(request.cookies.get(COOKIE))

    def require(self, request: Request, role: SiteRole | None = None) -> SiteSession:
        """Return the caller's session.

        Parameters
        ----------
        request : Request
        role : SiteRole, optional
            The role that the page is for; anybody who is signed in without it.

        Raises
        ------
        SignInRequired
            If there is none, or its second factor is still to be set up.
        NotPermitted
            If the person has another role.
        """
        found = self.present(request)
        if found is None:
            raise SignInRequired("This page names patients' files; it needs a sign-in.", mend="Sign in first.")
        if found.is_half:
            raise SignInRequired("A second factor is missing.", mend="Set it up first.", code="second-factor-missing")
        if role is not None and found.role is not role:
            raise NotPermitted(f"This page is for the {role.words}.", mend="Ask for the role where accounts are made.")
        return found


def _desk(request: Request) -> Desk:
    desk: Desk = request.app.state.desk
    return desk


AtDesk = Annotated[Desk, Depends(_desk)]


def _required(role: SiteRole | None) -> Callable[[Request, Desk], SiteSession]:
    def required(request: Request, desk: AtDesk) -> SiteSession:
        return desk.require(request, role)

    return required


SignedIn = Annotated[SiteSession, Depends(_required(None))]
DataManager = Annotated[SiteSession, Depends(_required(SiteRole.DATA_MANAGER))]
PrivacyOfficer = Annotated[SiteSession, Depends(_required(SiteRole.PRIVACY_OFFICER))]


def view_of(request: Request, session: SiteSession | None, *flashes: Flash) -> View:
    """Return who looks at which page."""
    account = Account(name=session.user, roles=frozenset({session.role.value})) if session else None
    form_key = session.form_key if session else ""
    return View(path=request.url.path, account=account, form_key=form_key, flashes=flashes)
