"""JSON of sign-in, of one's own account, of people, and of the audit trail's checkpoints."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from radcommons.catalogue import people, personal_tokens, sessions, trail
from radcommons.catalogue.accounts import by_cookie
from radcommons.catalogue.credentials import (
    Asking,
    AtBrowser,
    Calling,
    Ports,
    Visitor,
    drop_session,
    public_base,
    session_cookie,
)
from radcommons.coalition import joining, sign_in, tokens
from radcommons.coalition import models as m
from radcommons.coalition.desk import enter
from radcommons.platform.database import reading, writing
from radcommons.platform.identity import authorize
from radcommons.records.errors import NotFound, NotPermitted, SignInRequired
from radcommons.records.event import Actor, Role

PAGE = 100
Before = Annotated[int, Query(ge=0, lt=1 << 31)]
Number = Annotated[int, Query(ge=0, lt=1 << 31)]


def router() -> APIRouter:
    """Return the routes below ``/api/v1``."""
    routes = APIRouter(prefix="/api/v1")
    _add_sign_in(routes)
    _add_own(routes)
    _add_people(routes)
    _add_trail(routes)
    return routes


def _add_sign_in(routes: APIRouter) -> None:
    @routes.post("/sessions", status_code=201, tags=["Sign-in"])
    def create_session(
        ports: Ports, body: m.SignInBody, calling: Calling, request: Request, response: Response
    ) -> m.ActorAnswer:
        """Sign in with a local account; the answer sets the session's cookie."""
        opened = sign_in.with_password(ports, email=body.email, password=body.password, caller=calling)
        if not opened.is_session:
            if not body.code:
                raise SignInRequired("The account has a second factor.", mend="Send its code.", code="code-missing")
            opened = sign_in.with_code(ports, opened.cookie, code=body.code, caller=calling)
        enter(request, ports, response, opened)
        found = by_cookie(ports.engine, opened.cookie)
        if found is None:
            raise SignInRequired("The session ended as it began.", mend="Sign in again.")
        return _actor(found.actor, form_key=found.form_key)

    @routes.delete("/sessions", status_code=204, tags=["Sign-in"])
    def delete_session(ports: Ports, _actor: Asking, request: Request) -> Response:
        """Sign out."""
        cookie = session_cookie(request)
        if cookie:
            with writing(ports.engine) as connection:
                sessions.end(connection, cookie=cookie)
        response = Response(status_code=204)
        drop_session(request, response)
        return response

    @routes.get("/me", tags=["Sign-in"])
    def me(who: Visitor) -> m.ActorAnswer:
        """Return who the caller is."""
        if not who.actor.roles:
            raise SignInRequired("Nobody is signed in.", mend="Sign in, or send a bearer token.")
        return _actor(who.actor, form_key=who.form_key)


def _actor(actor: Actor, *, form_key: str) -> m.ActorAnswer:
    return m.ActorAnswer(
        id=actor.id,
        name=actor.name,
        roles=sorted(actor.roles),
        site=actor.site,
        dataset=actor.dataset,
        scopes=sorted(actor.scopes) if actor.scopes is not None else None,
        form_key=form_key,
    )


def _add_own(routes: APIRouter) -> None:
    @routes.get("/me/tokens", tags=["Account"])
    def my_tokens(ports: Ports, who: AtBrowser) -> m.TokensAnswer:
        """Return one's own tokens; a token is told nothing of others."""
        with reading(ports.engine) as connection:
            held = personal_tokens.of_account(connection, who.account)
        return m.TokensAnswer(tokens=[m.TokenAnswer.model_validate(one) for one in held])

    @routes.post("/me/tokens", status_code=201, tags=["Account"])
    def make_token(ports: Ports, who: AtBrowser, body: m.TokenBody) -> m.NewTokenAnswer:
        """Make a token for one's own programs; it is shown this once."""
        if not who.is_fresh:
            raise SignInRequired("Sign in again to make a token.", mend="Sign in again.", code="not-fresh")
        return m.NewTokenAnswer(token=tokens.make(ports, who, name=body.name, scopes=body.scopes, days=body.days))

    @routes.delete("/me/tokens/{number}", status_code=204, tags=["Account"])
    def revoke_token(ports: Ports, who: AtBrowser, number: int) -> Response:
        """Revoke one of one's own tokens."""
        with writing(ports.engine) as connection:
            personal_tokens.revoke(connection, who.account, _possible(number))
        return Response(status_code=204)

    @routes.get("/me/sessions", tags=["Account"])
    def my_sessions(ports: Ports, who: AtBrowser) -> m.SessionsAnswer:
        """Return where one is signed in."""
        with reading(ports.engine) as connection:
            live = sessions.of_account(connection, who.account)
        names = ("handle", "agent", "method", "created_at", "seen_at")
        return m.SessionsAnswer(
            sessions=[
                m.SessionAnswer(**{name: getattr(one, name) for name in names}, is_current=one.handle == who.session)
                for one in live
            ]
        )

    @routes.delete("/me/sessions/{handle}", status_code=204, tags=["Account"])
    def end_session(ports: Ports, who: AtBrowser, handle: str) -> Response:
        """End one of one's own sessions."""
        with writing(ports.engine) as connection:
            sessions.revoke(connection, who.account, handle)
        return Response(status_code=204)

    @routes.get("/me/events", tags=["Account"])
    def my_events(ports: Ports, who: Visitor, before: Before = 0) -> m.EventsAnswer:
        """Return what the audit trail tells about oneself: what one did, and what was done to one's account."""
        if not who.actor.roles:
            raise SignInRequired("Nobody is signed in.", mend="Sign in, or send a bearer token.")
        account = who.actor.account
        if account is None:
            raise NotPermitted("The token is nobody's own.", mend="Use one that you made for yourself.")
        with reading(ports.engine) as connection:
            return _events(trail.lines_of(connection, account, limit=PAGE + 1, before=before))


def _possible(number: int) -> int:
    """Return a number that a row may have. Raises NotFound."""
    if not 0 < number < 1 << 31:
        raise NotFound("There is no such token.")
    return number


def _events(lines: list[trail.TrailLine]) -> m.EventsAnswer:
    shown = lines[:PAGE]
    return m.EventsAnswer(
        events=[m.EventAnswer.model_validate(one) for one in shown],
        before=shown[-1].sequence if len(lines) > PAGE else None,
    )


def _add_people(routes: APIRouter) -> None:
    @routes.get("/people", tags=["People"])
    def list_people(
        ports: Ports,
        actor: Asking,
        q: Annotated[str, Query(max_length=80)] = "",
        role: Role | None = None,
        offset: Annotated[int, Query(ge=0, le=1_000_000)] = 0,
    ) -> m.PeopleAnswer:
        """Return everybody with an account."""
        authorize(actor, Role.ADMINISTRATOR)
        with reading(ports.engine) as connection:
            total = people.count(connection, text=q, role=role)
            found = people.people(connection, text=q, role=role, limit=PAGE, offset=offset)
        return m.PeopleAnswer(total=total, people=[m.PersonAnswer.model_validate(one) for one in found])

    @routes.post("/people/invitations", status_code=201, tags=["People"])
    def invite(ports: Ports, actor: Asking, body: m.InvitationBody, request: Request) -> m.InvitationAnswer:
        """Invite somebody."""
        link = joining.invite(
            ports,
            email=body.email,
            name=body.name,
            roles=frozenset(body.roles),
            base=public_base(request),
            actor=actor,
        )
        return m.InvitationAnswer(link=link, is_sent=joining.sends_mail(ports.settings))


def _add_trail(routes: APIRouter) -> None:
    @routes.get("/audit/events", tags=["Trust"])
    def list_events(
        ports: Ports,
        actor: Asking,
        kind: Annotated[str, Query(max_length=64)] = "",
        who: Annotated[str, Query(max_length=128)] = "",
        subject: Annotated[str, Query(max_length=128)] = "",
        before: Before = 0,
    ) -> m.EventsAnswer:
        """Return lines of the audit trail, the newest first."""
        authorize(actor, Role.ADMINISTRATOR)
        wanted = trail.Filter(kind=kind, actor=who, subject=subject)
        with reading(ports.engine) as connection:
            return _events(trail.lines(connection, wanted, limit=PAGE + 1, before=before))

    @routes.get("/audit/checkpoints", tags=["Trust"])
    def list_checkpoints(
        ports: Ports, before: Before = 0, limit: Annotated[int, Query(ge=1, le=PAGE)] = PAGE
    ) -> m.CheckpointsAnswer:
        """Return the signed checkpoints of the audit trail, the newest first: whoever keeps one can hold us to it."""
        with reading(ports.engine) as connection:
            found = trail.checkpoints(connection, limit=limit + 1, before=before)
        return m.CheckpointsAnswer(
            checkpoints=[m.CheckpointAnswer.model_validate(one) for one in found[:limit]],
            before=found[limit - 1].number if len(found) > limit else None,
        )

    @routes.get("/audit/checkpoints/{number}", tags=["Trust"])
    def get_checkpoint(ports: Ports, number: int) -> m.CheckpointAnswer:
        """Return one checkpoint by its number."""
        with reading(ports.engine) as connection:
            found = trail.checkpoint_at(connection, number) if 0 < number < 1 << 31 else None
        if found is None:
            raise NotFound("There is no such checkpoint.")
        return m.CheckpointAnswer.model_validate(found)
