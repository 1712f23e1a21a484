"""The ways in: password, the code of a phone, passkey, institution; and the way out."""

from __future__ import annotations

from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Form, Request, Response
from fastapi.responses import JSONResponse, RedirectResponse

from radcommons.catalogue import sessions
from radcommons.catalogue.credentials import (
    Asking,
    Calling,
    Ports,
    Visitor,
    drop_session,
    public_base,
    session_cookie,
)
from radcommons.coalition import joining, openid, passkeys, sign_in
from radcommons.coalition.desk import (
    JsonBody,
    Secret,
    Short,
    add_pages,
    ceremony_cookie,
    enter,
    keep_ceremony,
    local,
    onward,
    party_of,
    problem_text,
    prove_again,
    required_party,
    status_of,
)
from radcommons.platform.database import writing
from radcommons.platform.ports import Platform
from radcommons.records.errors import Conflict, NotPermitted, RadcommonsError, SignInRequired, TooManyTries
from radcommons.ui.pages import page, redirect
from radcommons.ui.render import Flash


def router() -> APIRouter:
    """Return the routes; pages answer HEAD as well."""
    routes = APIRouter(include_in_schema=False)
    add_pages(
        routes,
        shown={
            "/sign-in": sign_in_page,
            "/sign-in/code": code_page,
            "/sign-in/openid": openid_begin,
            "/sign-out/openid": openid_leave,
            openid.CALLBACK: openid_callback,
        },
        done={
            "/sign-in": do_sign_in,
            "/sign-in/code": do_code,
            "/sign-in/passkey/options": passkey_options,
            "/sign-in/passkey": do_passkey,
            "/sign-out": do_sign_out,
        },
    )
    return routes


# --- sign in ------------------------------------------------------------------------------------------------------


def sign_in_page(
    request: Request, ports: Ports, who: Visitor, to: str = "/", again: bool = False, left: bool = False
) -> Response:
    """Show the ways in; who is signed in goes on, unless something asks them to prove it again."""
    if who.account and not again:
        return redirect(local(to))
    return _sign_in_form(request, ports, who, to=to, again=again and bool(who.account), left=left)


def _sign_in_form(
    request: Request,
    ports: Platform,
    who: Visitor,
    *,
    to: str,
    email: str = "",
    error: RadcommonsError | None = None,
    again: bool = False,
    left: bool = False,
) -> Response:
    status, headers = status_of(error) if error else (200, {})
    answer = page(
        request,
        "coalition/sign_in.html",
        actor=who.actor,
        form_key=who.form_key,
        status=status,
        to=local(to),
        email=email,
        error=problem_text(error) if error else "",
        again=again,
        left=left,
        institution=ports.settings.openid_title if openid.is_offered(ports.settings) else "",
        has_passkeys=party_of(request, ports) is not None,
        takes_sign_ups=joining.takes_sign_ups(ports.settings),
    )
    answer.headers.update(headers)
    return answer


def do_sign_in(
    request: Request,
    ports: Ports,
    who: Visitor,
    calling: Calling,
    email: Short,
    password: Secret,
    to: Annotated[str, Form()] = "/",
) -> Response:
    """Sign in with a password and go on to where the visitor wanted to be."""
    try:
        opened = sign_in.with_password(ports, email=email, password=password, caller=calling)
    except (SignInRequired, TooManyTries) as error:
        return _sign_in_form(request, ports, who, to=to, email=email, error=error)
    return onward(request, ports, opened, local(to))


def code_page(request: Request, who: Visitor, to: str = "/") -> Response:
    """Ask for the code of a phone."""
    if not ceremony_cookie(request):
        return redirect(f"/sign-in?{urlencode({'to': local(to)})}")
    return _code_form(request, who, to=to)


def _code_form(request: Request, who: Visitor, *, to: str, error: RadcommonsError | None = None) -> Response:
    status, headers = status_of(error) if error else (200, {})
    text = problem_text(error) if error else ""
    answer = page(
        request,
        "coalition/code.html",
        actor=who.actor,
        form_key=who.form_key,
        status=status,
        to=local(to),
        error=text,
    )
    answer.headers.update(headers)
    return answer


def do_code(
    request: Request, ports: Ports, who: Visitor, calling: Calling, code: Short, to: Annotated[str, Form()] = "/"
) -> Response:
    """Take the code of a phone, or a recovery code."""
    try:
        opened = sign_in.with_code(ports, ceremony_cookie(request), code=code, caller=calling)
    except TooManyTries as error:
        return _code_form(request, who, to=to, error=error)
    except SignInRequired as error:
        if error.code == "wrong-code":
            return _code_form(request, who, to=to, error=error)
        return _sign_in_form(request, ports, who, to=to, error=error)
    return onward(request, ports, opened, local(to))


def do_sign_out(request: Request, ports: Ports, who: Visitor, _actor: Asking) -> Response:
    """End the session; who came by an institution is told where to end that session too."""
    cookie = session_cookie(request)
    if cookie:
        with writing(ports.engine) as connection:
            sessions.end(connection, cookie=cookie)
    answer: Response = redirect("/", flash=Flash("You are signed out."))
    if who.method.startswith("openid") and openid.is_offered(ports.settings):
        answer = redirect("/sign-in?left=true", flash=Flash("You are signed out here."))
    drop_session(request, answer)
    return answer


# --- passkeys -----------------------------------------------------------------------------------------------------


def passkey_options(request: Request, ports: Ports) -> Response:
    """Return what the browser is asked to sign."""
    options, cookie = passkeys.ask(ports, party=required_party(request, ports))
    answer = JSONResponse(options, headers={"Cache-Control": "no-store"})
    keep_ceremony(request, answer, cookie)
    return answer


def do_passkey(request: Request, ports: Ports, calling: Calling, members: JsonBody, to: str = "/") -> Response:
    """Sign in with what the browser signed."""
    opened = passkeys.sign_in(
        ports,
        cookie=ceremony_cookie(request),
        answer=members,
        party=required_party(request, ports),
        caller=calling,
    )
    answer = JSONResponse({"to": local(to)}, headers={"Cache-Control": "no-store"})
    enter(request, ports, answer, opened)
    return answer


# --- an institution's sign-in -------------------------------------------------------------------------------------


def openid_begin(request: Request, ports: Ports, who: Visitor, to: str = "/", link: bool = False) -> Response:
    """Send the browser to the institution; with ``link``, so that the account that is signed in is linked there."""
    if link and not who.is_fresh:
        return prove_again("/account/security")
    account = who.account if link else 0
    url, cookie = openid.ask(ports, base=public_base(request), to=local(to), account=account)
    answer = RedirectResponse(url, status_code=303, headers={"Cache-Control": "no-store"})
    keep_ceremony(request, answer, cookie)
    return answer


def openid_leave(request: Request, ports: Ports) -> Response:
    """Send the browser to where the institution ends its session, which comes back to the sign-in."""
    url = openid.leave_url(ports.settings, base=public_base(request))
    return RedirectResponse(url, status_code=303) if url else redirect("/sign-in")


def openid_callback(
    request: Request,
    ports: Ports,
    who: Visitor,
    calling: Calling,
    code: str = "",
    state: str = "",
    iss: str = "",
    error: str = "",
) -> Response:
    """Take the institution's answer."""
    if error or not code:
        refused = SignInRequired("The institution did not sign you in.", mend="Try again, or sign in in another way.")
        return _sign_in_form(request, ports, who, to="/", error=refused)
    try:
        found = openid.answered(
            ports,
            base=public_base(request),
            cookie=ceremony_cookie(request),
            code=code,
            state=state,
            issuer=iss,
            present=who.account,
            caller=calling,
        )
    except (NotPermitted, Conflict) as refusal:
        shown = SignInRequired(refusal.what, mend=refusal.mend)
        return _sign_in_form(request, ports, who, to="/", error=shown)
    if found.opened is None:
        return redirect(found.to, flash=Flash(f"{ports.settings.openid_title} is linked with your account."))
    return onward(request, ports, found.opened, local(found.to))
