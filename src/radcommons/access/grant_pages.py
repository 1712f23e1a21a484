"""A person's grants and messages."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Form, Request, Response

from radcommons.access import grant as verbs
from radcommons.access import post
from radcommons.access import request as request_verbs
from radcommons.access.wording import in_portal
from radcommons.catalogue import access_terms, grants, letters
from radcommons.catalogue.credentials import Asking, Ports, Visitor
from radcommons.platform.database import reading, writing
from radcommons.platform.mail import open_post
from radcommons.records.errors import Conflict, UsageError
from radcommons.ui.pages import page, redirect
from radcommons.ui.render import Flash

Act = Literal["sign", "renew", "ask-again", "attest"]


def router() -> APIRouter:
    """Return the routes of grants and messages."""
    routes = APIRouter(include_in_schema=False)
    for path, endpoint, methods in (
        ("/grants", grants_page, ["GET", "HEAD"]),
        ("/grants/{identifier}", act_on, ["POST"]),
        ("/messages", messages_page, ["GET", "HEAD"]),
    ):
        routes.add_api_route(path, endpoint, methods=methods, response_class=Response)
    return routes


def grants_page(request: Request, ports: Ports, who: Visitor) -> Response:
    """Show what a person was granted: until when, under which conditions, and what is theirs to do."""
    account = request_verbs.person(who.actor)
    with reading(ports.engine) as connection:
        found = grants.naming(connection, who.actor)
        offers = {name: access_terms.offer(connection, name) for name in {one.dataset for one in found}}
        agreements = {
            one.id: next(
                (text for text in access_terms.agreements(connection, one.dataset) if text.digest == one.agreement),
                None,
            )
            for one in found
        }
    today = grants.today()
    return page(
        request,
        "access/grants.html",
        actor=who.actor,
        form_key=who.form_key,
        found=found,
        offers=offers,
        agreements=agreements,
        account=account,
        live={one.id for one in found if one.is_live(today)},
        opens={one.id for one in found if one.opens_for(account, today=today)},
        owing={one.id for one in found if one.owes_attestation(today) and one.holder == account},
        why_not={one.id: verbs.why_not(one, platform=ports) for one in found if one.holder == account},
        attestation=verbs.attestation_text(),
    )


def act_on(
    identifier: str,
    ports: Ports,
    actor: Asking,
    act: Annotated[Act, Form()],
    typed_name: Annotated[str, Form(max_length=400)] = "",
) -> Response:
    """Do what the button names."""
    try:
        if act == "sign":
            verbs.sign(identifier, typed_name=typed_name, platform=ports, actor=actor)
            return redirect("/grants", flash=Flash("Signed. The dataset is open for you."))
        if act == "attest":
            verbs.attest(identifier, typed_name=typed_name, platform=ports, actor=actor)
            return redirect("/grants", flash=Flash("Thank you. The project is closed."))
        if act == "renew":
            ends = verbs.renew(identifier, platform=ports, actor=actor)
            return redirect("/grants", flash=Flash(f"Renewed until {ends}."))
        with reading(ports.engine) as connection:
            dataset = grants.visible(connection, actor, identifier).dataset
        made = request_verbs.begin(dataset, renews=identifier, platform=ports, actor=actor)
    except (Conflict, UsageError) as error:
        return redirect("/grants", flash=Flash(error.what, "bad", error.mend))
    return redirect(f"/requests/{made}/edit", flash=Flash("Your answers of last time are filled in."))


def messages_page(request: Request, ports: Ports, who: Visitor) -> Response:
    """Show a person's messages, and to a curator those that nobody could be sent."""
    account = request_verbs.person(who.actor)
    sends = open_post(ports.settings) is not None
    with reading(ports.engine) as connection:
        found = letters.visible(connection, who.actor)
    if any(one.account == account and one.read_at is None for one in found):
        with writing(ports.engine) as connection:
            letters.mark_read(connection, account)
    return page(
        request,
        "access/messages.html",
        actor=who.actor,
        form_key=who.form_key,
        own=[(one, *in_portal(one.body, platform=ports)) for one in found if one.account == account],
        # A letter that went out carries a link that is its reader's alone.
        outside=[(one, post.text_of(one, platform=ports)) for one in found if one.account is None and not one.sent_at],
        sends=sends,
    )
