"""One's own account: who one is here, how it is kept safe, tokens, sessions, and what the trail tells."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Form, Request, Response
from fastapi.responses import JSONResponse

from radcommons.catalogue import external, factors, passkeys, people, personal_tokens, sessions, trail
from radcommons.catalogue.accounts import SignedIn
from radcommons.catalogue.credentials import AtBrowser, Calling, Ports, Visitor, public_base
from radcommons.coalition import joining, openid, tokens
from radcommons.coalition import passkeys as passkey_verbs
from radcommons.coalition.desk import (
    JsonBody,
    Secret,
    Short,
    add_pages,
    ceremony_cookie,
    keep_ceremony,
    party_of,
    problem_text,
    prove_again,
    required_party,
    status_of,
)
from radcommons.coalition.second_factor import begin_phone, offered, prove_phone
from radcommons.coalition.words import METHODS, ROLES, TONES, event_words, scopes_for
from radcommons.platform.database import reading, writing
from radcommons.platform.passwords import SHORTEST_PASSWORD
from radcommons.platform.ports import Platform
from radcommons.platform.totp import provisioning_picture, provisioning_uri, spaced
from radcommons.records.errors import (
    Conflict,
    NotPermitted,
    RadcommonsError,
    SignInRequired,
    TooManyTries,
    UsageError,
)
from radcommons.ui.pages import page, redirect
from radcommons.ui.render import Flash

LINES = 50
SECURITY = "/account/security"


def router() -> APIRouter:
    """Return the routes below ``/account``; pages answer HEAD as well."""
    routes = APIRouter(include_in_schema=False)
    add_pages(
        routes,
        shown={
            "/account": account_page,
            SECURITY: security_page,
            "/account/second-factor": phone_page,
            "/account/tokens": tokens_page,
            "/account/sessions": sessions_page,
            "/account/events": events_page,
        },
        done={
            "/account/password": new_password,
            "/account/second-factor": begin_second_factor,
            "/account/second-factor/code": prove_second_factor,
            "/account/second-factor/remove": remove_second_factor,
            "/account/recovery-codes": new_recovery_codes,
            "/account/passkeys/options": passkey_options,
            "/account/passkeys": add_passkey,
            "/account/passkeys/{number}/remove": remove_passkey,
            "/account/openid/unlink": unlink_institution,
            "/account/tokens": make_token,
            "/account/tokens/{number}/revoke": revoke_token,
            "/account/sessions/end-others": end_other_sessions,
            "/account/sessions/{handle}/end": end_session,
        },
    )
    return routes


def _to_sign_in(who: SignedIn, path: str) -> Response | None:
    """Return the way to the sign-in for a visitor. Raises NotPermitted for a token."""
    if not who.actor.roles:
        return redirect(f"/sign-in?to={path}")
    if not who.account:
        raise NotPermitted("This is for a person at a browser, not for a token.", mend="Sign in on the portal.")
    return None


def _page(request: Request, template: str, who: SignedIn, **values: Any) -> Response:
    answer = page(request, f"coalition/{template}.html", actor=who.actor, form_key=who.form_key, **values)
    answer.headers["Cache-Control"] = "no-store"
    return answer


def account_page(request: Request, ports: Ports, who: Visitor) -> Response:
    """Show who is signed in and what that allows."""
    away = _to_sign_in(who, "/account")
    if away is not None:
        return away
    with reading(ports.engine) as connection:
        person = people.person(connection, who.account)
        live = sessions.of_account(connection, who.account)
        held = personal_tokens.of_account(connection, who.account)
        lines = trail.lines_of(connection, who.account, limit=6)
    return _page(
        request,
        "account",
        who,
        person=person,
        sleeping=sorted(set(person.roles) - who.actor.roles),
        role_words=ROLES,
        sessions=len(live),
        tokens=len([one for one in held if not one.is_over]),
        lines=lines,
        event_words=event_words,
        tones=TONES,
        base=public_base(request),
    )


# --- security -----------------------------------------------------------------------------------------------------


def security_page(request: Request, ports: Ports, who: Visitor) -> Response:
    """Show how the account is kept safe."""
    away = _to_sign_in(who, SECURITY)
    return away or _security(request, ports, who)


def _security(request: Request, ports: Platform, who: SignedIn, *, error: RadcommonsError | None = None) -> Response:
    status, headers = status_of(error) if error else (200, {})
    with reading(ports.engine) as connection:
        person = people.person(connection, who.account)
        phone = factors.phone_of(connection, who.account)
        keys = passkeys.of_account(connection, who.account)
        linked = external.of_account(connection, who.account)
    answer = _page(
        request,
        "security",
        who,
        status=status,
        person=person,
        phone=phone,
        passkeys=keys,
        linked=linked,
        institution=ports.settings.openid_title if openid.is_offered(ports.settings) else "",
        party=party_of(request, ports),
        shortest=SHORTEST_PASSWORD,
        error=problem_text(error) if error else "",
    )
    answer.headers.update(headers)
    return answer


def new_password(
    request: Request,
    ports: Ports,
    who: AtBrowser,
    calling: Calling,
    chosen: Secret,
    again: Secret,
    present: Secret = "",
) -> Response:
    """Set a new password; every other session ends."""
    if not who.is_fresh:
        return prove_again(SECURITY)
    try:
        if chosen != again:
            raise UsageError("The two new passwords are not the same.", mend="Type them again.")
        ended = joining.change_password(
            ports, who.account, present=present, password=chosen, session=who.session, caller=calling
        )
    except (UsageError, NotPermitted, TooManyTries) as error:
        return _security(request, ports, who, error=error)
    more = f"Other sessions that ended: {ended}." if ended else ""
    return redirect(SECURITY, flash=Flash("Your password is changed.", more=more))


def begin_second_factor(request: Request, ports: Ports, who: AtBrowser) -> Response:
    """Begin to set up a phone."""
    if not who.is_fresh:
        return prove_again(SECURITY)
    answer = redirect("/account/second-factor")
    keep_ceremony(request, answer, begin_phone(ports, who.account))
    return answer


def phone_page(request: Request, ports: Ports, who: Visitor) -> Response:
    """Show the secret that the phone takes, as a picture and as text."""
    away = _to_sign_in(who, SECURITY)
    return away or _phone(request, ports, who)


def _phone(request: Request, ports: Platform, who: SignedIn, *, error: RadcommonsError | None = None) -> Response:
    secret = offered(ports, who.account, cookie=ceremony_cookie(request))
    if not secret:
        return redirect(SECURITY, flash=Flash("Setting up took too long; begin again.", "warn"))
    with reading(ports.engine) as connection:
        email = people.person(connection, who.account).email
    uri = provisioning_uri(secret, issuer=ports.settings.title, account=email)
    return _page(
        request,
        "phone",
        who,
        status=422 if error else 200,
        picture=provisioning_picture(uri),
        secret=spaced(secret),
        error=problem_text(error) if error else "",
    )


def prove_second_factor(request: Request, ports: Ports, who: AtBrowser, code: Short) -> Response:
    """Take the first code of a phone, and show the recovery codes this once."""
    try:
        codes = prove_phone(ports, who.account, cookie=ceremony_cookie(request), code=code, session=who.session)
    except NotPermitted as error:
        return _phone(request, ports, who, error=error)
    return _page(request, "recovery", who, codes=codes)


def remove_second_factor(ports: Ports, who: AtBrowser) -> Response:
    """Take the second factor away."""
    if not who.is_fresh:
        return prove_again(SECURITY)
    with writing(ports.engine) as connection:
        factors.drop_phone(connection, who.account, by=who.actor.id)
    return redirect(SECURITY, flash=Flash("The second factor is removed.", "warn"))


def new_recovery_codes(request: Request, ports: Ports, who: AtBrowser) -> Response:
    """Make new recovery codes, shown this once."""
    if not who.is_fresh:
        return prove_again(SECURITY)
    with writing(ports.engine) as connection:
        if factors.phone_of(connection, who.account) is None:
            raise Conflict("No second factor is set.", mend="Set one up first.")
        codes = factors.new_codes(connection, who.account)
    return _page(request, "recovery", who, codes=codes)


def passkey_options(request: Request, ports: Ports, who: AtBrowser) -> Response:
    """Return what the browser is asked to make."""
    if not who.is_fresh:
        raise SignInRequired("Sign in again to add a passkey.", mend="Sign in again.", code="not-fresh")
    options, cookie = passkey_verbs.ask_new(ports, who.account, party=required_party(request, ports))
    answer = JSONResponse(options, headers={"Cache-Control": "no-store"})
    keep_ceremony(request, answer, cookie)
    return answer


def add_passkey(request: Request, ports: Ports, who: AtBrowser, members: JsonBody, name: str = "Passkey") -> Response:
    """Keep the passkey that the browser made."""
    passkey_verbs.keep_new(
        ports,
        who.account,
        cookie=ceremony_cookie(request),
        answer=members,
        name=name,
        party=required_party(request, ports),
    )
    return JSONResponse({"to": SECURITY}, status_code=201)


def remove_passkey(number: int, ports: Ports, who: AtBrowser) -> Response:
    """Take a passkey away."""
    if not who.is_fresh:
        return prove_again(SECURITY)
    with writing(ports.engine) as connection:
        proofs = people.person(connection, who.account).proofs
        if len(passkeys.of_account(connection, who.account)) == 1 and not {"password", "institution"} & set(proofs):
            raise Conflict("Nothing would be left to sign in with.", mend="Set a password first.")
        passkeys.remove(connection, who.account, number)
    return redirect(SECURITY, flash=Flash("The passkey is removed."))


def unlink_institution(ports: Ports, who: AtBrowser) -> Response:
    """End the institution's way into the account."""
    if not who.is_fresh:
        return prove_again(SECURITY)
    openid.unlink(ports, who.account)
    return redirect(SECURITY, flash=Flash("Your institution's sign-in is unlinked."))


# --- tokens -------------------------------------------------------------------------------------------------------


def tokens_page(request: Request, ports: Ports, who: Visitor) -> Response:
    """Show the tokens that a person made for themself."""
    away = _to_sign_in(who, "/account/tokens")
    return away or _tokens(request, ports, who)


def _tokens(
    request: Request,
    ports: Platform,
    who: SignedIn,
    *,
    made: str = "",
    name: str = "",
    error: RadcommonsError | None = None,
) -> Response:
    with reading(ports.engine) as connection:
        held = personal_tokens.of_account(connection, who.account)
    return _page(
        request,
        "tokens",
        who,
        status=422 if error else 200,
        tokens=held,
        made=made,
        name=name,
        scopes=scopes_for(who.actor.roles),
        days=tokens.DAYS,
        error=problem_text(error) if error else "",
        base=public_base(request),
    )


def make_token(
    request: Request,
    ports: Ports,
    who: AtBrowser,
    name: Short,
    days: Annotated[int, Form()],
    scope: Annotated[list[str] | None, Form()] = None,
) -> Response:
    """Make a token and show it this once."""
    if not who.is_fresh:
        return prove_again("/account/tokens")
    try:
        made = tokens.make(ports, who, name=name, scopes=scope or (), days=days)
    except (UsageError, Conflict) as error:
        return _tokens(request, ports, who, name=name, error=error)
    return _tokens(request, ports, who, made=made)


def revoke_token(number: int, ports: Ports, who: AtBrowser) -> Response:
    """End a token."""
    with writing(ports.engine) as connection:
        personal_tokens.revoke(connection, who.account, number)
    return redirect("/account/tokens", flash=Flash("The token is revoked."))


# --- sessions and events ------------------------------------------------------------------------------------------


def sessions_page(request: Request, ports: Ports, who: Visitor) -> Response:
    """Show where the person is signed in."""
    away = _to_sign_in(who, "/account/sessions")
    if away is not None:
        return away
    with reading(ports.engine) as connection:
        live = sessions.of_account(connection, who.account)
    return _page(request, "sessions", who, sessions=live, current=who.session, methods=METHODS)


def end_session(handle: str, ports: Ports, who: AtBrowser) -> Response:
    """End one session."""
    with writing(ports.engine) as connection:
        sessions.revoke(connection, who.account, handle)
    if handle == who.session:
        return redirect("/sign-in", flash=Flash("You are signed out."))
    return redirect("/account/sessions", flash=Flash("The session has ended."))


def end_other_sessions(ports: Ports, who: AtBrowser) -> Response:
    """End every session but this one."""
    with writing(ports.engine) as connection:
        ended = sessions.end_others(connection, who.account, but=who.session)
    return redirect("/account/sessions", flash=Flash(f"Sessions that ended: {ended}."))


def events_page(request: Request, ports: Ports, who: Visitor, before: int = 0) -> Response:
    """Show what the audit trail tells about the person."""
    away = _to_sign_in(who, "/account/events")
    if away is not None:
        return away
    before = min(max(before, 0), 1 << 31)
    with reading(ports.engine) as connection:
        lines = trail.lines_of(connection, who.account, limit=LINES + 1, before=before)
    more = f"/account/events?before={lines[LINES - 1].sequence}" if len(lines) > LINES else ""
    return _page(
        request,
        "events",
        who,
        lines=lines[:LINES],
        more=more,
        newest="/account/events" if before else "",
        event_words=event_words,
        tones=TONES,
        me=who.actor.id,
    )
