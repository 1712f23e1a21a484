"""Sign-in, set-up links, the second factor and one's own account in the browser."""

from __future__ import annotations

import time
from typing import Annotated

from fastapi import APIRouter, Depends, Form, Request, Response
from fastapi.responses import RedirectResponse

from radcommons.platform.passwords import SHORTEST_PASSWORD
from radcommons.platform.totp import accepted_step, provisioning_picture, provisioning_uri, spaced
from radcommons.records.errors import Conflict, NotFound, SignInRequired, UsageError
from radcommons.site import users
from radcommons.site.desk import BACK, AtDesk, Desk, SignedIn, page_to_return_to, view_of
from radcommons.site.sessions import COOKIE, SiteSession, check_form
from radcommons.ui.render import Flash

_WRONG = "Name, password or code is wrong. After several wrong tries an account waits, each time longer."
_TWICE = "The two passwords are not the same."
_CODE = "This is not the code of now. Look at the phone again; its clock must be right."


def router() -> APIRouter:
    """Return the routes of accounts."""
    routes = APIRouter(include_in_schema=False)
    routes.get("/sign-in")(sign_in_page)
    routes.post("/sign-in")(sign_in)
    routes.post("/sign-out")(sign_out)
    routes.get("/set-up/{token}")(set_up_page)
    routes.post("/set-up/{token}")(set_up)
    routes.get("/second-factor")(second_factor_page)
    routes.post("/second-factor")(second_factor)
    routes.get("/account")(account_page)
    routes.post("/account/password")(new_password)
    routes.post("/account/second-factor")(new_second_factor)
    routes.post("/account/sign-out-everywhere")(sign_out_everywhere)
    return routes


def sign_in_page(request: Request, desk: AtDesk) -> Response:
    """Show the form that asks who it is."""
    return _sign_in_page(request, desk)


def _sign_in_page(request: Request, desk: Desk, *, status: int = 200, name: str = "", error: str = "") -> Response:
    return desk.page(
        "sign-in",
        view_of(request, None),
        status=status,
        error=error,
        name=name,
        second_factor=users.needs_second_factor(desk.store.settings),
        anybody=any(user.has_password for user in users.users(desk.store)),
    )


def sign_in(
    request: Request,
    desk: AtDesk,
    password: Annotated[str, Form()],
    email: Annotated[str, Form()],
    code: Annotated[str, Form()] = "",
) -> Response:
    """Begin a session."""
    cookie = desk.sessions.sign_in(email, password, code=code)
    if cookie is None:
        return _sign_in_page(request, desk, status=401, name=email, error=_WRONG)
    return _begin(request, cookie, "/")


def _begin(request: Request, cookie: str, to: str) -> Response:
    back = page_to_return_to(request.cookies.get(BACK, "")) if to == "/" else ""
    response = RedirectResponse(back or to, status_code=303)
    response.delete_cookie(BACK, httponly=True, samesite="strict")
    secure = request.url.scheme == "https"
    response.set_cookie(COOKIE, cookie, httponly=True, samesite="strict", secure=secure)
    return response


def sign_out(request: Request, desk: AtDesk, form_key: Annotated[str, Form()] = "") -> Response:
    """End the session, a half one too."""
    session = desk.present(request)
    if session is not None:
        check_form(session, form_key)
        desk.sessions.sign_out(request.cookies.get(COOKIE))
    return _to_sign_in()


def _to_sign_in() -> Response:
    response = RedirectResponse("/sign-in", status_code=303)
    response.delete_cookie(COOKIE, httponly=True, samesite="strict")
    return response


def set_up_page(request: Request, token: str, desk: AtDesk) -> Response:
    """Show the form of a set-up link.

    Raises
    ------
    NotFound
        If the link was used or is too old.
    """
    return _set_up_page(request, token, desk)


def _set_up_page(
    request: Request, token: str, desk: Desk, *, status: int = 200, name: str = "", error: str = ""
) -> Response:
    found = users.invited(desk.store, token)
    if found is None:
        raise NotFound("The set-up link was used or is too old.", mend="Ask for a new one: `site user reset`.")
    return desk.page(
        "users-set-up",
        view_of(request, None),
        status=status,
        token=token,
        fixed=found.name,
        name=name,
        role=found.role,
        shortest=SHORTEST_PASSWORD,
        error=error,
    )


def set_up(
    request: Request,
    token: str,
    desk: AtDesk,
    password: Annotated[str, Form()],
    again: Annotated[str, Form()],
    email: Annotated[str, Form()] = "",
) -> Response:
    """Take name and password of an invited person, and go on to the second factor."""
    if password != again:
        return _set_up_page(request, token, desk, status=422, name=email, error=_TWICE)
    try:
        number = users.accept(desk.store, token, name=email, password=password)
    except (UsageError, Conflict) as error:
        return _set_up_page(request, token, desk, status=422, name=email, error=f"{error.what} {error.mend}")
    half = users.needs_second_factor(desk.store.settings)
    return _begin(request, desk.sessions.begin(number, half=half), "/second-factor" if half else "/")


def _anybody(request: Request, desk: AtDesk) -> SiteSession:
    session = desk.present(request)
    if session is None:
        raise SignInRequired("This page needs a sign-in.", mend="Sign in first.")
    return session


AnySession = Annotated[SiteSession, Depends(_anybody)]


def second_factor_page(request: Request, desk: AtDesk, session: AnySession) -> Response:
    """Show the secret that the phone takes, as a picture and as text."""
    return _second_factor_page(request, desk, session)


def _second_factor_page(request: Request, desk: Desk, session: SiteSession, *, error: str = "") -> Response:
    if not session.is_half:
        return RedirectResponse("/account", status_code=303)
    issuer = f"Gateway {desk.store.settings.sites[0]}"
    address = provisioning_uri(session.offered_secret, issuer=issuer, account=session.user)
    return desk.page(
        "users-second-factor",
        view_of(request, session),
        status=422 if error else 200,
        picture=provisioning_picture(address),
        secret=spaced(session.offered_secret),
        error=error,
    )


def second_factor(
    request: Request,
    desk: AtDesk,
    session: AnySession,
    code: Annotated[str, Form()],
    form_key: Annotated[str, Form()] = "",
) -> Response:
    """Take the first code of the phone; show the recovery codes this once."""
    check_form(session, form_key)
    step = accepted_step(code, secret=session.offered_secret, now=time.time()) if session.is_half else None
    if step is None:
        return _second_factor_page(request, desk, session, error=_CODE)
    secret = session.offered_secret
    codes = users.enrol(desk.store, session.account, secret=secret, step=step, by=session.actor)
    session.is_half = False
    return desk.page("users-recovery", view_of(request, session), codes=codes)


def account_page(request: Request, desk: AtDesk, session: SignedIn, done: str = "") -> Response:
    """Show one's own account."""
    flashes = [Flash("Every other session of yours has ended.")] if done == "everywhere" else []
    return _account_page(request, desk, session, *flashes)


def _account_page(
    request: Request, desk: Desk, session: SiteSession, *flashes: Flash, error: str = "", status: int = 200
) -> Response:
    me = next(user for user in users.users(desk.store) if user.name == session.user)
    return desk.page(
        "users-account",
        view_of(request, session, *flashes),
        status=status,
        me=me,
        shortest=SHORTEST_PASSWORD,
        error=error,
    )


def new_password(
    request: Request,
    desk: AtDesk,
    session: SignedIn,
    password: Annotated[str, Form()],
    chosen: Annotated[str, Form()],
    again: Annotated[str, Form()],
    code: Annotated[str, Form()] = "",
    form_key: Annotated[str, Form()] = "",
) -> Response:
    """Set a new password for whoever proves the old one; every session ends."""
    check_form(session, form_key)
    error = _TWICE if chosen != again else ""
    if not error and not desk.sessions.proves(session, password=password, code=code):
        error = _WRONG
    if not error:
        try:
            users.change_password(desk.store, session.account, password=chosen, by=session.actor)
        except UsageError as refused:
            error = f"{refused.what} {refused.mend}"
    return _account_page(request, desk, session, error=error, status=422) if error else _to_sign_in()


def new_second_factor(
    request: Request,
    desk: AtDesk,
    session: SignedIn,
    password: Annotated[str, Form()],
    code: Annotated[str, Form()] = "",
    form_key: Annotated[str, Form()] = "",
) -> Response:
    """Set up a phone anew (and with it fresh recovery codes) for whoever proves password and present code."""
    check_form(session, form_key)
    if not desk.sessions.proves(session, password=password, code=code):
        return _account_page(request, desk, session, error=_WRONG, status=422)
    return _begin(request, desk.sessions.begin(session.account, half=True), "/second-factor")


def sign_out_everywhere(
    request: Request, desk: AtDesk, session: SignedIn, form_key: Annotated[str, Form()] = ""
) -> Response:
    """End every session of this account, here and on other screens, and begin one anew here."""
    check_form(session, form_key)
    users.sign_out_everywhere(desk.store, session.account, by=session.actor)
    cookie = desk.sessions.begin(session.account, half=False)
    return _begin(request, cookie, "/account?done=everywhere")
