"""JSON routes of the hub: keys, policies, submissions, decisions, withdrawals, new releases."""

from __future__ import annotations

import base64
from typing import Annotated, Any

from fastapi import APIRouter, Path, Response

from radcommons.catalogue import findings, sites, submissions
from radcommons.catalogue.credentials import Asking, Ports
from radcommons.catalogue.journal import record
from radcommons.hub import canary_api, curate, receive, release, withdraw
from radcommons.hub import models as m
from radcommons.hub.bodies import Document, sealed_body
from radcommons.hub.policies import accepted_policies
from radcommons.platform.database import reading, writing
from radcommons.platform.identity import authorize
from radcommons.platform.keys import SigningKey, key_id
from radcommons.platform.ports import Platform
from radcommons.records.errors import NotPermitted
from radcommons.records.event import Actor, Event, Role
from radcommons.records.identifiers import DIGEST_PATTERN, SITE_CODE_PATTERN

SiteCode = Annotated[str, Path(pattern=SITE_CODE_PATTERN)]
SubmissionId = Annotated[str, Path(pattern=DIGEST_PATTERN)]


def router() -> APIRouter:
    """Return the routes below ``/api/v1`` that change something, and those about submissions."""
    routes = APIRouter(prefix="/api/v1")
    _add_public(routes)
    _add_submissions(routes)
    _add_curation(routes)
    canary_api.add_routes(routes)
    return routes


def _hub_key(key: SigningKey) -> m.HubKeyAnswer:
    return m.HubKeyAnswer(key_id=key.key_id, public_key=base64.b64encode(key.public_key).decode())


def _add_public(routes: APIRouter) -> None:
    @routes.get("/keys", tags=["Trust"])
    def keys(platform: Ports) -> m.KeysAnswer:
        """Return the public keys that receipts, manifests and feeds are signed with."""
        return m.KeysAnswer(keys=[_hub_key(platform.signing_key)])

    @routes.get("/policies", tags=["Trust"])
    def policies(platform: Ports) -> m.PoliciesAnswer:
        """Return the selection protocols and de-identification profiles that the hub accepts."""
        accepted = accepted_policies(platform.policies)
        return m.PoliciesAnswer(
            protocols=[m.PolicyAnswer.model_validate(one) for one in accepted.protocols.values()],
            profiles=[m.PolicyAnswer.model_validate(one) for one in accepted.profiles.values()],
        )

    @routes.post("/sites/{code}/key", tags=["Trust"])
    def register_key(platform: Ports, actor: Asking, code: SiteCode, body: m.KeyBody) -> m.SiteKeyAnswer:
        """Register the public key of the site that the token speaks for; the same key again is fine."""
        _is_site(actor, code)
        public_key = base64.b64decode(body.public_key)
        with writing(platform.engine) as connection:
            if sites.register_key(connection, code, name=body.name, public_key=public_key):
                details: dict[str, str | int | bool | None] = {"key_id": key_id(public_key)}
                record(
                    connection, Event(kind="key-registered", actor=actor.id, subject=f"site:{code}", details=details)
                )
            names = sites.dataset_names(connection)
        return m.SiteKeyAnswer(site=code, key_id=key_id(public_key), hub=_hub_key(platform.signing_key), datasets=names)


def _is_site(actor: Actor, code: str) -> None:
    authorize(actor, Role.SITE)
    if actor.site != code:
        raise NotPermitted("The token speaks for another site.", mend="Use the token that the hub gave this site.")


def _add_submissions(routes: APIRouter) -> None:
    @routes.post(
        "/submissions",
        tags=["Submissions"],
        status_code=201,
        responses={200: {"model": m.AnnouncementAnswer, "description": "Known already"}},
        openapi_extra=sealed_body("radcommons/submission/v1"),
    )
    def announce(platform: Ports, actor: Asking, document: Document, response: Response) -> m.AnnouncementAnswer:
        """Announce a sealed submission; the answer says which bytes are missing."""
        authorize(actor, Role.SITE)
        announced = receive.announce(document, platform=platform, actor=actor)
        response.status_code = 201 if announced.is_new else 200
        return m.AnnouncementAnswer.model_validate(announced)

    @routes.get("/submissions", tags=["Submissions"])
    def list_submissions(platform: Ports, actor: Asking) -> m.SubmissionsAnswer:
        """Return a site's own submissions, or all of them to a curator."""
        authorize(actor, Role.SITE, Role.CURATOR)
        with reading(platform.engine) as connection:
            found = submissions.summaries(connection, actor=actor)
        return m.SubmissionsAnswer(submissions=[m.SummaryAnswer.model_validate(one) for one in found])

    @routes.get("/submissions/{identifier}", tags=["Submissions"])
    def get_submission(platform: Ports, actor: Asking, identifier: SubmissionId) -> m.SubmissionAnswer:
        """Return how far a submission is, what is missing and what was found."""
        authorize(actor, Role.SITE, Role.CURATOR)
        return detail(identifier, platform=platform, actor=actor)

    @routes.get("/submissions/{identifier}/receipt", tags=["Submissions"])
    def get_receipt(platform: Ports, actor: Asking, identifier: SubmissionId) -> dict[str, Any]:
        """Return the sealed receipt; 409 while bytes are missing."""
        authorize(actor, Role.SITE, Role.CURATOR)
        return receive.receipt(identifier, platform=platform, actor=actor)

    @routes.post("/withdrawals", tags=["Submissions"], openapi_extra=sealed_body("radcommons/withdrawal/v1"))
    def take_back(platform: Ports, actor: Asking, document: Document) -> m.WithdrawalAnswer:
        """Take back patients, studies or instances by a sealed withdrawal."""
        authorize(actor, Role.SITE)
        return m.WithdrawalAnswer.model_validate(withdraw.withdraw(document, platform=platform, actor=actor))


def detail(identifier: str, *, platform: Platform, actor: Actor) -> m.SubmissionAnswer:
    """Return a submission with what is missing and what was found.

    Raises
    ------
    NotFound
        If there is none that the actor may see.
    """
    with reading(platform.engine) as connection:
        standing = submissions.visible(connection, identifier, actor=actor)
        summary = submissions.summaries(connection, actor=actor, identifier=identifier)[0]
        found = findings.of_submission(connection, identifier)
        missing = submissions.missing(connection, identifier)
    refused = [
        m.FindingAnswer(
            digest=one.digest, made_by="hub", code=one.code, severity="refusal", message=one.message, where=""
        )
        for one in standing.refusals
    ]
    return m.SubmissionAnswer(
        **m.SummaryAnswer.model_validate(summary).model_dump(),
        missing=missing,
        # What the site found it knows; only the hub's own word travels back.
        findings=refused + [m.FindingAnswer.model_validate(one) for one in found if one.made_by == findings.HUB],
    )


def _add_curation(routes: APIRouter) -> None:
    @routes.post("/submissions/{identifier}/decisions", tags=["Curation"])
    def decide(platform: Ports, actor: Asking, identifier: SubmissionId, body: m.DecisionBody) -> m.SummaryAnswer:
        """Accept or refuse quarantined instances."""
        summary = curate.decide(
            identifier,
            accept=body.accept,
            refuse=body.refuse,
            everything=body.all,
            reason=body.reason,
            platform=platform,
            actor=actor,
        )
        return m.SummaryAnswer.model_validate(summary)

    @routes.post("/releases", tags=["Curation"], status_code=201)
    def create_release(platform: Ports, actor: Asking, body: m.ReleaseBody) -> m.ReleaseAnswer:
        """Freeze what a dataset has accepted into its next release."""
        made = release.create_release(body.dataset, title=body.title, notes=body.notes, platform=platform, actor=actor)
        return m.ReleaseAnswer.model_validate(made)
