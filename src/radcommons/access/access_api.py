"""JSON of the access road: what datasets ask, whether a use fits, one's own requests and grants, the register."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

from fastapi import APIRouter, Path, Response

from radcommons.access import access_models as m
from radcommons.access import steward
from radcommons.access.request import own, person
from radcommons.catalogue import access_terms, grants, requests
from radcommons.catalogue.access_terms import Offer
from radcommons.catalogue.credentials import Asking, Ports, Visitor
from radcommons.catalogue.requests import Request
from radcommons.platform.clock import now
from radcommons.platform.database import reading
from radcommons.records.access_request import Step, clock
from radcommons.records.duo import TERMS
from radcommons.records.duo_match import StatedUse, match
from radcommons.records.identifiers import DATASET_PATTERN

Name = Annotated[str, Path(pattern=DATASET_PATTERN)]
Version = Annotated[int, Path(ge=1, le=999_999)]
RequestId = Annotated[str, Path(pattern=r"^req-[0-9a-hjkmnp-tv-z]{16}$")]


def router() -> APIRouter:
    """Return the routes below ``/api/v1``."""
    routes = APIRouter(prefix="/api/v1", tags=["Access"])
    _add_public(routes)
    _add_stewardship(routes)
    _add_own(routes)
    return routes


def _answer(offer: Offer) -> m.AccessAnswer:
    dataset = offer.dataset
    return m.AccessAnswer(
        dataset=dataset.name,
        title=dataset.title,
        tier=dataset.tier,
        steward=dataset.steward,
        terms=offer.terms,
        data_use=[m.TermAnswer.model_validate(TERMS[code]) for code in offer.terms.duo if code in TERMS],
        policy=offer.policy,
        agreement=m.AgreementSummary.model_validate(offer.agreement) if offer.agreement else None,
        committee=len(offer.members),
        is_askable=offer.is_askable,
    )


def _add_public(routes: APIRouter) -> None:
    @routes.get("/data-use-terms")
    def data_use_terms() -> m.TermsAnswer:
        """Return the terms of the Data Use Ontology with what each asks in plain words."""
        return m.TermsAnswer(terms=[m.TermAnswer.model_validate(one) for one in TERMS.values()])

    @routes.get("/datasets/{name}/access")
    def get_access(name: Name, ports: Ports) -> m.AccessAnswer:
        """Return what a dataset asks of whoever wants it: tier, terms, form, promised days, agreement."""
        return _answer(steward.offered(name, platform=ports))

    @routes.get("/datasets/{name}/agreements/{version}")
    def get_agreement(name: Name, version: Version, ports: Ports) -> m.AgreementAnswer:
        """Return a version of a dataset's agreement; each can be read for ever."""
        with reading(ports.engine) as connection:
            return m.AgreementAnswer.model_validate(access_terms.agreement(connection, name, version))

    @routes.post("/datasets/{name}/matches")
    def check_use(name: Name, body: m.UseBody, ports: Ports, _actor: Asking) -> m.MatchesAnswer:
        """Say at once, term by term, whether a stated use fits a dataset's terms; nothing is kept."""
        offer = steward.offered(name, platform=ports)
        use = StatedUse(**{**body.model_dump(), "purposes": frozenset(body.purposes)})
        found = match(use, terms=offer.terms, limits=offer.policy.limits, today=grants.today())
        return m.MatchesAnswer(matches=[m.MatchAnswer.model_validate(one) for one in found])

    @routes.get("/register")
    def get_register(ports: Ports) -> m.RegisterAnswer:
        """Return the approved projects with their summaries for everybody."""
        with reading(ports.engine) as connection:
            found = grants.register(connection)
        return m.RegisterAnswer(projects=[m.RegisteredAnswer.model_validate(one) for one in found])


def _add_stewardship(routes: APIRouter) -> None:
    @routes.post("/datasets", status_code=201)
    def post_dataset(body: m.DatasetBody, ports: Ports, actor: Asking, response: Response) -> m.AccessAnswer:
        """Begin a dataset, as a curator; 409 when the name is taken."""
        steward.create(body.name, title=body.title, tier=body.tier, steward=body.steward, platform=ports, actor=actor)
        response.headers["Location"] = f"/api/v1/datasets/{body.name}"
        return _answer(steward.offered(body.name, platform=ports))

    @routes.put("/datasets/{name}/access")
    def put_access(name: Name, body: m.AccessBody, ports: Ports, actor: Asking) -> m.AccessAnswer:
        """Set a dataset's tier, terms and policy, as a curator."""
        steward.set_policy(name, policy=body.policy, platform=ports, actor=actor)
        steward.set_terms(
            name,
            title=body.title,
            tier=body.tier,
            steward=body.steward,
            terms=body.terms,
            platform=ports,
            actor=actor,
        )
        return _answer(steward.offered(name, platform=ports))

    @routes.post("/datasets/{name}/agreements", status_code=201)
    def post_agreement(
        name: Name, body: m.AgreementBody, ports: Ports, actor: Asking, response: Response
    ) -> m.AgreementAnswer:
        """Publish a new version of a dataset's agreement; the same text again is the version that is there."""
        made = steward.publish_agreement(name, title=body.title, text=body.text, platform=ports, actor=actor)
        response.headers["Location"] = f"/api/v1/datasets/{name}/agreements/{made.version}"
        return m.AgreementAnswer.model_validate(made)

    @routes.put("/datasets/{name}/committee")
    def put_committee(name: Name, body: m.CommitteeBody, ports: Ports, actor: Asking) -> m.CommitteeAnswer:
        """Name who sits on a dataset's committee; who is not named loses the seat."""
        steward.seat_committee(name, emails=body.emails, platform=ports, actor=actor)
        members = steward.offered(name, platform=ports).members
        return m.CommitteeAnswer(members=[m.MemberAnswer.model_validate(one) for one in members])


def _summary(request: Request, steps: list[Step]) -> dict[str, object]:
    days = request.policy.days(is_emergency=request.is_emergency) if request.policy else 0
    names = [name for name in m.RequestSummary.model_fields if name != "clock"]
    found = clock(steps, promised_days=days, now=now())
    return {name: getattr(request, name) for name in names} | {"clock": m.ClockAnswer.model_validate(found)}


def _add_own(routes: APIRouter) -> None:
    @routes.get("/requests")
    def list_requests(ports: Ports, who: Visitor) -> m.RequestsAnswer:
        """Return the caller's own requests, each with its clock."""
        person(who.actor)
        with reading(ports.engine) as connection:
            found = requests.of_account(connection, who.actor)
            steps = requests.steps(connection, [one.id for one in found])
        return m.RequestsAnswer(
            requests=[m.RequestSummary.model_validate(_summary(one, steps[one.id])) for one in found]
        )

    @routes.get("/requests/{identifier}")
    def get_request(identifier: RequestId, ports: Ports, who: Visitor) -> m.RequestAnswer:
        """Return a request of the caller's own with its history."""
        with reading(ports.engine) as connection:
            found = own(connection, identifier, who.actor)
            steps = requests.steps(connection, [found.id])[found.id]
            history = requests.history(connection, found.id)
        return m.RequestAnswer.model_validate(
            {
                **_summary(found, steps),
                "answers": found.answers,
                "conditions": found.conditions,
                "history": [asdict(one) for one in history],
            }
        )

    @routes.get("/grants")
    def list_grants(ports: Ports, who: Visitor) -> m.GrantsAnswer:
        """Return the grants that name the caller; `is_open` says whether one lets them in now."""
        account = person(who.actor)
        with reading(ports.engine) as connection:
            found = grants.naming(connection, who.actor)
        return m.GrantsAnswer(
            grants=[
                m.GrantAnswer(
                    **{name: getattr(one, name) for name in m.GrantAnswer.model_fields if name != "is_open"},
                    is_open=one.opens_for(account, today=grants.today()),
                )
                for one in found
            ]
        )
