"""Joining and coming back: sign-up, a forgotten password, and the links that letters bring."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response

from radcommons.catalogue.credentials import Calling, Ports, Visitor, drop_session, public_base
from radcommons.coalition import joining, openid
from radcommons.coalition.desk import Secret, Short, add_pages, onward, problem_text, status_of
from radcommons.platform.passwords import SHORTEST_PASSWORD
from radcommons.platform.ports import Platform
from radcommons.records.errors import Conflict, RadcommonsError, TooManyTries, UsageError
from radcommons.ui.pages import page, redirect
from radcommons.ui.render import Flash


def router() -> APIRouter:
    """Return the routes; pages answer HEAD as well."""
    routes = APIRouter(include_in_schema=False)
    add_pages(
        routes,
        shown={"/join": register_page, "/reset": reset_page, "/links/{token}": link_page},
        done={"/join": do_register, "/reset": do_reset, "/links/{token}": follow_link},
    )
    return routes


def register_page(request: Request, ports: Ports, who: Visitor) -> Response:
    """Show the form for an account."""
    return _register_form(request, ports, who)


def _register_form(
    request: Request,
    ports: Platform,
    who: Visitor,
    *,
    email: str = "",
    name: str = "",
    error: RadcommonsError | None = None,
    sent: bool = False,
) -> Response:
    status, headers = status_of(error) if error else (200, {})
    answer = page(
        request,
        "coalition/register.html",
        actor=who.actor,
        form_key=who.form_key,
        status=status,
        email=email,
        name=name,
        error=problem_text(error) if error else "",
        sent=sent,
        is_open=joining.takes_sign_ups(ports.settings),
        institution=ports.settings.openid_title if openid.is_offered(ports.settings) else "",
    )
    answer.headers.update(headers)
    return answer


def do_register(request: Request, ports: Ports, who: Visitor, calling: Calling, email: Short, name: Short) -> Response:
    """Write to somebody who wants to join; the answer is the same whether they have an account or not."""
    try:
        joining.sign_up(ports, email=email, name=name, base=public_base(request), caller=calling)
    except (UsageError, TooManyTries) as error:
        return _register_form(request, ports, who, email=email, name=name, error=error)
    return _register_form(request, ports, who, email=email, sent=True)


def reset_page(request: Request, ports: Ports, who: Visitor) -> Response:
    """Ask for the address of who forgot the password."""
    return _reset_form(request, ports, who)


def _reset_form(
    request: Request, ports: Platform, who: Visitor, *, error: RadcommonsError | None = None, sent: bool = False
) -> Response:
    status, headers = status_of(error) if error else (200, {})
    answer = page(
        request,
        "coalition/reset.html",
        actor=who.actor,
        form_key=who.form_key,
        status=status,
        error=problem_text(error) if error else "",
        sent=sent,
        sends_mail=joining.sends_mail(ports.settings),
    )
    answer.headers.update(headers)
    return answer


def do_reset(request: Request, ports: Ports, who: Visitor, calling: Calling, email: Short) -> Response:
    """Write to who forgot the password; the answer is the same for an address without an account."""
    try:
        joining.ask_reset(ports, email=email, base=public_base(request), caller=calling)
    except TooManyTries as error:
        return _reset_form(request, ports, who, error=error)
    return _reset_form(request, ports, who, sent=True)


def link_page(token: str, request: Request, ports: Ports, who: Visitor) -> Response:
    """Show what a link is for."""
    return _link_form(token, request, ports, who)


def _link_form(
    token: str, request: Request, ports: Platform, who: Visitor, *, name: str = "", error: RadcommonsError | None = None
) -> Response:
    found = joining.linked(ports, token)
    answer = page(
        request,
        "coalition/link.html",
        actor=who.actor,
        form_key=who.form_key,
        status=422 if error else 200,
        link=found,
        name=name or found.name,
        error=problem_text(error) if error else "",
        shortest=SHORTEST_PASSWORD,
        token=token,
    )
    answer.headers["Referrer-Policy"] = "no-referrer"  # the address opens an account
    answer.headers["Cache-Control"] = "no-store"
    return answer


def follow_link(
    token: str,
    request: Request,
    ports: Ports,
    who: Visitor,
    calling: Calling,
    password: Secret,
    again: Secret,
    name: Short = "",
) -> Response:
    """Use a link: make the account and enter, or set the new password and go to the sign-in."""
    try:
        if password != again:
            raise UsageError("The two passwords are not the same.", mend="Type them again.")
        opened = joining.follow(ports, token, name=name, password=password, caller=calling)
    except (UsageError, Conflict) as error:
        return _link_form(token, request, ports, who, name=name, error=error)
    if opened is None:
        text = "Your password is set, and every session has ended. Sign in with it."
        answer: Response = redirect("/sign-in", flash=Flash(text))
        drop_session(request, answer)
        return answer
    return onward(request, ports, opened, "/account")
