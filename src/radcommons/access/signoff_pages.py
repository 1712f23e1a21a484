"""The signing official's page: reached by the one-time link of a letter, without an account."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Form, Request, Response

from radcommons.access import request as verbs
from radcommons.access.request_view import sections
from radcommons.catalogue import access_terms, requests, signoffs
from radcommons.catalogue.credentials import Ports
from radcommons.platform.database import reading
from radcommons.records.errors import UsageError
from radcommons.records.event import ANONYMOUS
from radcommons.ui.pages import page
from radcommons.ui.render import Flash


def router() -> APIRouter:
    """Return the routes of the one-time link."""
    routes = APIRouter(include_in_schema=False)
    routes.add_api_route("/sign/{token}", sign_page, methods=["GET", "HEAD"], response_class=Response)
    routes.add_api_route("/sign/{token}", answer, methods=["POST"], response_class=Response)
    return routes


def sign_page(token: str, request: Request, ports: Ports) -> Response:
    """Show an official what is to be signed, with the whole agreement."""
    return _page(token, request, ports)


def _page(token: str, request: Request, ports: Ports, *, error: str = "") -> Response:
    with reading(ports.engine) as connection:
        link, found = signoffs.by_token(connection, token, ports.signing_key)
        offer = access_terms.offer(connection, found.dataset)
        signed = next(one for one in requests.signatures(connection, found.id) if one.round == found.round)
        agreement = access_terms.agreement(connection, found.dataset, signed.version)
    policy = found.policy or offer.policy
    return page(
        request,
        "access/signoff.html",
        actor=ANONYMOUS,
        status=400 if error else 200,
        flashes=[Flash(error, "bad")] if error else (),
        token=token,
        link=link,
        asked=found,
        offer=offer,
        agreement=agreement,
        signed=signed,
        sections=sections(found, policy.fields(is_emergency=found.is_emergency)),
    )


def answer(
    token: str,
    request: Request,
    ports: Ports,
    act: Annotated[Literal["sign", "decline"], Form()],
    typed_name: Annotated[str, Form(max_length=400)] = "",
    note: Annotated[str, Form(max_length=4000)] = "",
) -> Response:
    """Sign or decline; the link is used up either way."""
    try:
        if act == "sign":
            found = verbs.endorse(token, typed_name=typed_name, platform=ports)
        else:
            found = verbs.decline(token, note=note, platform=ports)
    except UsageError as error:
        return _page(token, request, ports, error=error.what)
    return page(request, "access/signoff_done.html", actor=ANONYMOUS, asked=found, has_signed=act == "sign")
