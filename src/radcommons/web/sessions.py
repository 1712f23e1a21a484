"""Sign-in for programs that act as a person: sessions with an opaque cookie."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response

from radcommons.catalogue.accounts import by_cookie, sign_in, sign_out
from radcommons.catalogue.credentials import COOKIE, Asking, Ports, Visitor
from radcommons.hub.models import ActorAnswer, SignInBody
from radcommons.platform.identity import SESSION_HOURS
from radcommons.records.errors import SignInRequired


def router() -> APIRouter:
    """Return the routes of sessions and of the caller's own identity."""
    routes = APIRouter(prefix="/api/v1", tags=["Sign-in"])

    @routes.post("/sessions", status_code=201)
    def create_session(platform: Ports, body: SignInBody, request: Request, response: Response) -> ActorAnswer:
        """Sign in with a local account; the answer sets the session's cookie."""
        cookie = sign_in(platform.engine, email=body.email, password=body.password)
        response.set_cookie(
            COOKIE,
            cookie,
            max_age=SESSION_HOURS * 3600,
            httponly=True,
            samesite="lax",
            secure=request.url.scheme == "https",
        )
        found = by_cookie(platform.engine, cookie)
        if found is None:
            raise SignInRequired("The session ended as it began.", mend="Sign in again.")
        return _answer(found)

    @routes.delete("/sessions", status_code=204)
    def delete_session(platform: Ports, _actor: Asking, request: Request) -> Response:
        """Sign out."""
        cookie = request.cookies.get(COOKIE)
        if cookie:
            sign_out(platform.engine, cookie=cookie)
        response = Response(status_code=204)
        response.delete_cookie(COOKIE)
        return response

    @routes.get("/me")
    def me(who: Visitor) -> ActorAnswer:
        """Return who the caller is."""
        if not who.actor.roles:
            raise SignInRequired("Nobody is signed in.", mend="Sign in, or send a bearer token.")
        return _answer(who)

    return routes


def _answer(who: Visitor) -> ActorAnswer:
    actor = who.actor
    return ActorAnswer(
        id=actor.id,
        name=actor.name,
        roles=sorted(actor.roles),
        site=actor.site,
        dataset=actor.dataset,
        form_key=who.form_key,
    )
