"""Every route by every kind of actor: who gets an answer, who is refused; a route that the table lacks fails."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
import sqlalchemy as sa
from fastapi.routing import APIRoute, iter_route_contexts
from httpx import Response

from radcommons.catalogue import ceremonies, personal_tokens, sessions
from radcommons.catalogue.accounts import add_account
from radcommons.catalogue.people import disable
from radcommons.platform.database import writing
from radcommons.platform.identity import token_digest
from radcommons.records.access_policy import DEFAULT_POLICY
from radcommons.records.documents import plain
from radcommons.records.event import Role, Scope
from radcommons.testing.hubs import ADMINISTRATOR, TestHub, running_hub
from radcommons.testing.sender import Sender

# `person` and `chief` sit at a browser (a researcher, an administrator); `narrow` is the chief's own token that may
# only look. Of the rest of ACTORS each shows a token.
TOKENS = ("researcher", "reader", "site", "direct", "committee", "curator", "administrator")
AT_BROWSER = ("person", "chief")
ACTORS = ("visitor", *TOKENS, *AT_BROWSER, "narrow")
# Whose credentials are over, or not whole: they open what a visitor may, and nothing more.
DEAD = ("pending", "disabled", "disabled-token", "expired-token", "revoked-token")
EVERYBODY = frozenset(ACTORS)
CURATORS = frozenset({"curator", "administrator", "chief"})
ADMINISTRATORS = frozenset({"administrator", "chief"})
OWN = frozenset(AT_BROWSER)
LOOK_AT_OWN = OWN | {"narrow"}
COMMITTEES = CURATORS | {"committee"}
CHIEF = frozenset({"chief"})
KEEPERS = frozenset({"researcher", "reader", "curator", "administrator", *AT_BROWSER})
SITES = frozenset({"site"})
STORES = frozenset({"site", "direct"})
# A direct token of role site passes the role's door; what it may know there is decided by its site, and it has none.
SUBMISSIONS = CURATORS | STORES

D, U = "a" * 64, "2.25.1"
# (method, route): who passes the door. Passing may still mean 404 or 409; not passing is 401 or 403.
TABLE: dict[tuple[str, str], frozenset[str]] = {
    ("GET", "/healthz"): EVERYBODY,
    ("GET", "/readyz"): EVERYBODY,
    ("GET", "/metrics"): EVERYBODY,
    ("GET", "/api/v1/keys"): EVERYBODY,
    ("GET", "/api/v1/policies"): EVERYBODY,
    ("POST", "/api/v1/sessions"): EVERYBODY,
    ("DELETE", "/api/v1/sessions"): EVERYBODY - {"narrow"},
    ("GET", "/api/v1/me"): EVERYBODY - {"visitor"},
    ("GET", "/api/v1/me/tokens"): OWN,
    ("POST", "/api/v1/me/tokens"): OWN,
    ("DELETE", "/api/v1/me/tokens/{number}"): OWN,
    ("GET", "/api/v1/me/sessions"): OWN,
    ("DELETE", "/api/v1/me/sessions/{handle}"): OWN,
    ("GET", "/api/v1/me/events"): OWN | {"narrow"},
    ("GET", "/api/v1/people"): ADMINISTRATORS,
    ("POST", "/api/v1/people/invitations"): ADMINISTRATORS,
    ("GET", "/api/v1/audit/events"): ADMINISTRATORS,
    ("GET", "/api/v1/audit/checkpoints"): EVERYBODY,
    ("GET", "/api/v1/audit/checkpoints/{number}"): EVERYBODY,
    ("POST", "/api/v1/sites/{code}/key"): SITES,
    ("GET", "/api/v1/canary"): STORES,
    ("POST", "/api/v1/canary"): STORES,
    ("POST", "/api/v1/submissions"): STORES,
    ("GET", "/api/v1/submissions"): SUBMISSIONS,
    ("GET", "/api/v1/submissions/{identifier}"): SUBMISSIONS,
    ("GET", "/api/v1/submissions/{identifier}/receipt"): SUBMISSIONS,
    ("POST", "/api/v1/submissions/{identifier}/decisions"): CURATORS,
    ("POST", "/api/v1/withdrawals"): STORES,
    ("POST", "/api/v1/releases"): CURATORS,
    ("POST", "/dicomweb/studies"): STORES,
    ("POST", "/dicomweb/studies/{study}"): STORES,
    ("GET", "/api/v1/incidents"): CURATORS,
    ("POST", "/api/v1/incidents"): CURATORS,
    ("GET", "/api/v1/incidents/{identifier}"): CURATORS,
    ("GET", "/api/v1/incidents/{identifier}/copies"): CURATORS,
    ("POST", "/api/v1/incidents/{identifier}/purge"): ADMINISTRATORS,
    ("POST", "/api/v1/incidents/{identifier}/reopen"): ADMINISTRATORS,
    ("GET", "/curate/incidents"): CURATORS,
    ("POST", "/curate/incidents"): CURATORS,
    ("GET", "/curate/incidents/{identifier}"): CURATORS,
    ("POST", "/curate/incidents/{identifier}"): ADMINISTRATORS,
    ("GET", "/curate"): CURATORS,
    ("GET", "/curate/releases/new"): CURATORS,
    ("POST", "/curate/releases/new"): CURATORS,
    ("GET", "/curate/{identifier}"): CURATORS,
    ("POST", "/curate/{identifier}"): CURATORS,
    ("GET", "/curate/{identifier}/instances/{digest}/preview"): EVERYBODY,  # the instance is not found, see below
    ("GET", "/api/v1/cohorts"): KEEPERS | {"narrow"},
    ("POST", "/api/v1/cohorts"): KEEPERS,
    ("POST", "/api/v1/cohorts/{identifier}/versions"): KEEPERS,
    ("GET", "/cohorts"): KEEPERS | {"narrow"},
    ("POST", "/cohorts"): KEEPERS,
    ("POST", "/basket"): KEEPERS,
    ("POST", "/basket/remove"): KEEPERS,
    ("POST", "/theme"): EVERYBODY,
    ("POST", "/sign-in"): EVERYBODY,
    ("POST", "/sign-out"): EVERYBODY - {"narrow"},
    ("GET", "/sign-in/code"): EVERYBODY,
    ("POST", "/sign-in/code"): EVERYBODY,
    ("POST", "/sign-in/passkey/options"): EVERYBODY,
    ("POST", "/sign-in/passkey"): EVERYBODY,
    ("GET", "/sign-in/openid"): EVERYBODY,
    ("GET", "/sign-in/openid/callback"): EVERYBODY,
    ("GET", "/sign-out/openid"): EVERYBODY,
    ("GET", "/join"): EVERYBODY,
    ("POST", "/join"): EVERYBODY,
    ("GET", "/reset"): EVERYBODY,
    ("POST", "/reset"): EVERYBODY,
    ("GET", "/links/{token}"): EVERYBODY,
    ("POST", "/links/{token}"): EVERYBODY,
    ("GET", "/account"): OWN,
    ("GET", "/account/security"): OWN,
    ("POST", "/account/password"): OWN,
    ("GET", "/account/second-factor"): OWN,
    ("POST", "/account/second-factor"): OWN,
    ("POST", "/account/second-factor/code"): OWN,
    ("POST", "/account/second-factor/remove"): OWN,
    ("POST", "/account/recovery-codes"): OWN,
    ("POST", "/account/passkeys/options"): OWN,
    ("POST", "/account/passkeys"): OWN,
    ("POST", "/account/passkeys/{number}/remove"): OWN,
    ("POST", "/account/openid/unlink"): OWN,
    ("GET", "/account/tokens"): OWN,
    ("POST", "/account/tokens"): OWN,
    ("POST", "/account/tokens/{number}/revoke"): OWN,
    ("GET", "/account/sessions"): OWN,
    ("POST", "/account/sessions/end-others"): OWN,
    ("POST", "/account/sessions/{handle}/end"): OWN,
    ("GET", "/account/events"): OWN,
    ("GET", "/people"): ADMINISTRATORS,
    ("POST", "/people/invitations"): CHIEF,
    ("POST", "/people/invitations/{number}/take-back"): ADMINISTRATORS,
    ("GET", "/people/{number}"): ADMINISTRATORS,
    ("POST", "/people/{number}/roles"): CHIEF,
    ("POST", "/people/{number}/sessions/end"): CHIEF,
    ("POST", "/people/{number}/disable"): CHIEF,
    ("POST", "/people/{number}/enable"): CHIEF,
    ("POST", "/people/{number}/reset"): CHIEF,
    ("POST", "/people/{number}/second-factor/remove"): CHIEF,
    ("GET", "/audit"): ADMINISTRATORS,
    # The access road. Whose request or grant it is, and whose committee, is decided behind the door.
    ("GET", "/register"): EVERYBODY,
    ("GET", "/api/v1/register"): EVERYBODY,
    ("GET", "/api/v1/data-use-terms"): EVERYBODY,
    ("POST", "/api/v1/datasets/{name}/matches"): EVERYBODY - {"narrow"},
    ("POST", "/api/v1/datasets"): CURATORS,
    ("PUT", "/api/v1/datasets/{name}/access"): CURATORS,
    ("POST", "/api/v1/datasets/{name}/agreements"): CURATORS,
    ("PUT", "/api/v1/datasets/{name}/committee"): CURATORS,
    ("GET", "/api/v1/requests"): LOOK_AT_OWN,
    ("GET", "/api/v1/requests/{identifier}"): LOOK_AT_OWN,
    ("GET", "/api/v1/grants"): LOOK_AT_OWN,
    ("POST", "/datasets/{name}/requests"): OWN,
    ("GET", "/requests"): LOOK_AT_OWN,
    ("GET", "/requests/{identifier}"): LOOK_AT_OWN,
    ("GET", "/requests/{identifier}/edit"): LOOK_AT_OWN,
    ("POST", "/requests/{identifier}/edit"): OWN,
    ("GET", "/requests/{identifier}/sign"): LOOK_AT_OWN,
    ("POST", "/requests/{identifier}/sign"): OWN,
    ("POST", "/requests/{identifier}/messages"): OWN,
    ("POST", "/requests/{identifier}/recall"): OWN,
    ("POST", "/requests/{identifier}/withdraw"): OWN,
    ("GET", "/sign/{token}"): EVERYBODY,
    ("POST", "/sign/{token}"): EVERYBODY,
    ("GET", "/committee"): COMMITTEES,
    ("GET", "/committee/{identifier}"): COMMITTEES,
    ("POST", "/committee/{identifier}"): COMMITTEES,
    ("POST", "/grants/{identifier}/revoke"): COMMITTEES,
    ("GET", "/grants"): LOOK_AT_OWN,
    ("POST", "/grants/{identifier}"): OWN,
    ("GET", "/messages"): LOOK_AT_OWN,
    ("GET", "/steward"): CURATORS,
    ("POST", "/steward"): CURATORS,
    ("GET", "/steward/{name}"): CURATORS,
    ("POST", "/steward/{name}/{part}"): CURATORS,
}
# Doors that ask for a password or a code themselves: 401 is their word for a wrong one.
ASK_THEMSELVES = frozenset({"/sign-in", "/sign-in/code", "/sign-in/openid/callback"})
# Public doors: what stands behind them is filtered by the visibility functions, so everyone passes and may get 404.
PUBLIC_PREFIXES = (
    "/static/",
    "/dicomweb/",
    "/api/v1/datasets",
    "/api/v1/releases",
    "/datasets",
    "/releases/",
    "/studies/",
    "/viewer/",
    "/cohorts/",
    "/api/v1/cohorts/",
)
PUBLIC_PAGES = frozenset({"/", "/style", "/explore", "/sign-in", "/api/openapi.json", "/dicomweb"})
_ACCESS = {
    "title": "Nobody",
    "tier": "open",
    "steward": "Nobody",
    "terms": {"license": "CC0-1.0"},
    "policy": plain(DEFAULT_POLICY),
}
BODIES: dict[tuple[str, str], dict[str, Any]] = {
    ("POST", "/api/v1/sessions"): {"json": dict(zip(("email", "password"), ADMINISTRATOR, strict=True))},
    ("POST", "/api/v1/sites/{code}/key"): {"json": {"public_key": "A" * 43 + "="}},
    ("POST", "/api/v1/submissions/{identifier}/decisions"): {"json": {}},
    ("POST", "/api/v1/releases"): {"json": {"dataset": "covid-chest"}},
    ("POST", "/api/v1/incidents"): {"json": {"digests": [D], "reason": "a test"}},
    ("POST", "/curate/incidents"): {"data": {"names": D, "reason": "a test"}},
    ("POST", "/curate/incidents/{identifier}"): {"data": {"choice": "reopen"}},
    ("POST", "/curate/releases/new"): {"data": {"dataset": "covid-chest"}},
    ("POST", "/curate/{identifier}"): {"data": {"choice": "accept-clean"}},
    ("POST", "/api/v1/cohorts"): {"json": {"name": "x"}},
    ("POST", "/api/v1/cohorts/{identifier}/versions"): {"json": {}},
    ("POST", "/cohorts"): {"data": {"name": "x"}},
    ("POST", "/basket"): {"data": {"study": U}},
    ("POST", "/basket/remove"): {"data": {"study": U}},
    ("POST", "/sign-in"): {"data": {"email": "nobody@localhost", "password": "wrong"}},
    ("POST", "/sign-in/code"): {"data": {"code": "000000"}},
    ("POST", "/sign-in/passkey"): {"json": {}},
    ("POST", "/join"): {"data": {"email": "new@hub.example", "name": "New"}},
    ("POST", "/reset"): {"data": {"email": "new@hub.example"}},
    ("POST", "/links/{token}"): {"data": {"password": "a", "again": "a"}},
    ("POST", "/account/password"): {"data": {"chosen": "short", "again": "short"}},
    ("POST", "/account/second-factor/code"): {"data": {"code": "000000"}},
    ("POST", "/account/passkeys"): {"json": {}},
    ("POST", "/account/tokens"): {"data": {"name": "", "days": "7"}},
    ("POST", "/api/v1/me/tokens"): {"json": {"name": "x", "days": 1, "scopes": ["submit"]}},
    ("POST", "/people/invitations"): {"data": {"email": "nobody", "name": "Nobody"}},
    ("POST", "/api/v1/datasets/{name}/matches"): {"json": {}},
    ("POST", "/api/v1/datasets"): {"json": {"name": "other", "title": "O", "tier": "open", "steward": "S"}},
    ("PUT", "/api/v1/datasets/{name}/access"): {"json": _ACCESS},
    ("POST", "/api/v1/datasets/{name}/agreements"): {"json": {"title": "A", "text": "B"}},
    ("PUT", "/api/v1/datasets/{name}/committee"): {"json": {"emails": []}},
    ("POST", "/requests/{identifier}/sign"): {"data": {"version": 1, "revision": 1}},
    ("POST", "/sign/{token}"): {"data": {"act": "sign"}},
    ("POST", "/committee/{identifier}"): {"data": {"act": "vote"}},
    ("POST", "/grants/{identifier}"): {"data": {"act": "renew"}},
    ("POST", "/api/v1/people/invitations"): {"json": {"email": "nobody", "name": "Nobody", "roles": ["reader"]}},
}


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestHub]:
    """One hub; nothing is ever stored in it, and its letters wait for ever."""
    chosen = {"sign_up": "open", "smtp_url": "smtp://127.0.0.1:9", "smtp_sender": "commons@hub.example"}
    with running_hub(tmp_path_factory.mktemp("policy"), run_jobs=False, **chosen) as made:
        yield made


@dataclass(frozen=True)
class Shown:
    """What an actor shows with a request."""

    headers: dict[str, str] = field(default_factory=dict)
    cookies: dict[str, str] = field(default_factory=dict)


@pytest.fixture(scope="module")
def people(hub: TestHub) -> dict[str, int]:
    """The accounts behind the actors."""
    engine = hub.platform.engine
    roles = {"person": {Role.RESEARCHER}, "chief": {Role.ADMINISTRATOR, Role.CURATOR}, "disabled": {Role.ADMINISTRATOR}}
    with writing(engine) as connection:
        made = {
            name: add_account(
                connection, email=f"{name}@hub.example", name=name, hashed="", roles=frozenset(held), by="system"
            )
            for name, held in roles.items()
        }
    return made


@pytest.fixture(scope="module")
def tokens(hub: TestHub, people: dict[str, int]) -> dict[str, Shown]:
    """What the actors show that show the same each time."""
    engine, every = hub.platform.engine, frozenset(Scope)
    with writing(engine) as connection:

        def own(account: str, *, scopes: frozenset[Scope] = every, days: int = 1) -> Shown:
            token = personal_tokens.create(connection, people[account], name=account, scopes=scopes, days=days)
            return Shown({"Authorization": f"Bearer {token}"})

        narrow = own("chief", scopes=frozenset({Scope.READ}))
        expired, revoked, gone = own("chief", days=-1), own("person"), own("disabled")
        personal_tokens.revoke_all(connection, people["person"])
        ended = _session(connection, people["disabled"])
        ceremony = ceremonies.begin(connection, ceremonies.Kind.CODE, account=people["chief"], method="password")
    with writing(engine) as connection:
        disable(connection, people["disabled"], by="system")
    return {
        "visitor": Shown(),
        "researcher": Shown(hub.token(Role.RESEARCHER)),
        "reader": Shown(hub.token(Role.READER)),
        "site": Shown(hub.join(Sender())),
        "direct": Shown(hub.token(Role.SITE, dataset="covid-chest")),
        "committee": Shown(hub.token(Role.COMMITTEE)),
        "curator": Shown(hub.token(Role.CURATOR)),
        "administrator": Shown(hub.token(Role.ADMINISTRATOR)),
        "narrow": narrow,
        "pending": Shown(cookies={"radcommons_ceremony": ceremony}),
        "disabled": ended,
        "disabled-token": gone,
        "expired-token": expired,
        "revoked-token": revoked,
    }


def _session(connection: sa.Connection, account: int) -> Shown:
    cookie = sessions.begin(connection, account, method="password", agent="a test")
    query = sa.text("SELECT form_key FROM session WHERE digest = :digest")
    key = connection.execute(query, {"digest": token_digest(cookie)}).scalar_one()
    return Shown({"X-Form-Key": key}, {"radcommons_session": cookie})


@pytest.fixture(scope="module")
def credentials(tokens: dict[str, Shown]) -> dict[str, dict[str, str]]:
    """The headers of each actor that shows a token."""
    return {actor: tokens[actor].headers for actor in ("visitor", *TOKENS)}


def _routes(hub: TestHub) -> set[tuple[str, str]]:
    app: Any = hub.client.app
    return {
        (method, str(route.path))
        for route in iter_route_contexts(app.routes)
        for method in getattr(route.original_route, "methods", None) or ()
        if method not in ("HEAD", "OPTIONS")
    }


def _is_public(method: str, path: str) -> bool:
    return method == "GET" and (path in PUBLIC_PAGES or path.startswith(PUBLIC_PREFIXES))


def test_no_route_is_missing_from_the_table(hub: TestHub) -> None:
    """A new route must say here who passes it."""
    routes = _routes(hub)
    assert len(routes) > len(TABLE)
    unknown = {route for route in routes if route not in TABLE and not _is_public(*route)}
    assert unknown == set()
    assert set(TABLE) - routes == set()


def test_every_route_is_typed(hub: TestHub) -> None:
    """Each route of the JSON API that answers with a document says which, so that OpenAPI is exact."""
    app: Any = hub.client.app
    routes = [one.original_route for one in iter_route_contexts(app.routes)]
    typed = [route for route in routes if isinstance(route, APIRoute) and route.path.startswith("/api/")]
    assert len(typed) > 15
    untyped = {
        route.path
        for route in typed
        if route.include_in_schema
        if route.response_model is None
        if "manifest" not in route.path
        if "instances" not in route.path
        if not (route.path == "/api/v1/canary" and "GET" in (route.methods or ()))  # an archive
    }
    # 204 has no document
    assert untyped == {"/api/v1/sessions", "/api/v1/me/tokens/{number}", "/api/v1/me/sessions/{handle}"}


def _ask(hub: TestHub, method: str, path: str, shown: Shown) -> Response:
    identifier = "req-0000000000000000" if path == "/api/v1/requests/{identifier}" else D
    if "/incidents/" in path:
        identifier = "a" * 16
    address = path.format(
        code="ALFA",
        identifier=identifier,
        digest=D,
        study=U,
        number=999,
        handle="x",
        token="x",
        name="nowhere",
        part="policy",
    )
    hub.client.cookies.clear()
    hub.client.cookies.update(shown.cookies)
    answer: Response = hub.client.request(
        method, address, headers=shown.headers, follow_redirects=False, **BODIES.get((method, path), {})
    )
    hub.client.cookies.clear()
    assert answer.status_code < 500, answer.text
    return answer


def _is_refused(answer: Response, path: str) -> bool:
    if path in ASK_THEMSELVES:
        return False
    if answer.status_code == 303 and answer.headers["location"].startswith("/sign-in?"):
        return True  # a page sends a visitor to the sign-in
    return answer.status_code in (401, 403)


@pytest.mark.parametrize(("method", "path"), TABLE)
def test_door(hub: TestHub, tokens: dict[str, Shown], people: dict[str, int], method: str, path: str) -> None:
    """Whoever the table does not name gets 401 without credentials and 403 with them; the others get past the door."""
    with writing(hub.platform.engine) as connection:
        shown = tokens | {actor: _session(connection, people[actor]) for actor in AT_BROWSER}
    allowed = TABLE[method, path]
    if "researcher" in allowed:  # the person at a browser has a researcher's role
        allowed |= {"person"}
    answers = {actor: _ask(hub, method, path, shown[actor]) for actor in ACTORS}
    passed = {actor for actor, answer in answers.items() if not _is_refused(answer, path)}
    # Past the door a direct token may still be told that it speaks for no site.
    told = {"direct"} if answers["direct"].status_code == 403 else set()
    assert allowed - told == passed
    words = {actor: 401 if actor == "visitor" else 403 for actor in ACTORS}
    wrong = {(actor, answers[actor].status_code) for actor in set(ACTORS) - allowed} - words.items()
    assert wrong <= {("visitor", 303)}


@pytest.mark.parametrize("actor", DEAD)
def test_what_is_over_opens_nothing(hub: TestHub, tokens: dict[str, Shown], actor: str) -> None:
    """An ended, disabled, revoked or half sign-in is refused by every door that refuses a visitor, as a visitor is."""
    for (method, path), allowed in TABLE.items():
        if "visitor" not in allowed:
            answer = _ask(hub, method, path, tokens[actor])
            assert answer.status_code in (401, 303), (method, path, answer.status_code)
            assert _is_refused(answer, path), (method, path)


def test_a_token_that_may_only_look_changes_nothing(hub: TestHub, tokens: dict[str, Shown]) -> None:
    """Every door that changes something and looks at who asks is shut to it, though its person is administrator."""
    for (method, path), allowed in TABLE.items():
        if method != "GET" and "visitor" not in allowed:
            assert _ask(hub, method, path, tokens["narrow"]).status_code == 403, (method, path)


@pytest.mark.parametrize("actor", ["visitor", "researcher", "reader"])
def test_unknown_is_not_told_from_forbidden(hub: TestHub, credentials: dict[str, dict[str, str]], actor: str) -> None:
    """Who may not know of an instance gets the same 404 as for one that is not there."""
    for address in (f"/curate/{D}/instances/{D}/preview", f"/dicomweb/studies/{U}/series/{U}/instances/{U}"):
        assert hub.client.get(address, headers=credentials[actor]).status_code == 404


def test_unknown_token_is_refused(hub: TestHub) -> None:
    """A token that nobody gave out is no visitor's."""
    answer = hub.client.get("/api/v1/datasets", headers={"Authorization": "Bearer rcm_wrong"})
    assert (answer.status_code, answer.headers["www-authenticate"]) == (401, "Bearer")


def test_cookie_needs_the_form_key(hub: TestHub) -> None:
    """A change asked for with a browser's cookie must repeat the session's key; a read needs none."""
    email, password = ADMINISTRATOR
    signed = hub.client.post("/api/v1/sessions", json={"email": email, "password": password})
    assert signed.status_code == 201
    assert "httponly" in signed.headers["set-cookie"].lower()
    body = {"dataset": "covid-chest"}
    assert hub.client.get("/api/v1/me").json()["roles"] == ["administrator", "curator"]
    assert hub.client.post("/api/v1/releases", json=body).status_code == 403
    key = signed.json()["form_key"]
    assert hub.client.post("/api/v1/releases", json=body, headers={"X-Form-Key": key}).status_code == 409
    assert hub.client.post("/curate/releases/new", data=body).status_code == 403
    answer = hub.client.post("/curate/releases/new", data={**body, "form_key": key}, follow_redirects=False)
    assert answer.status_code == 303
    hub.client.cookies.clear()


def test_another_sites_page_changes_nothing(hub: TestHub, credentials: dict[str, dict[str, str]]) -> None:
    """A request that a browser marks as cross-site is refused before anything is looked up."""
    headers = {**credentials["curator"], "Sec-Fetch-Site": "cross-site"}
    assert hub.client.post("/api/v1/releases", json={"dataset": "covid-chest"}, headers=headers).status_code == 403


def test_problem_repeats_nothing(hub: TestHub, credentials: dict[str, dict[str, str]]) -> None:
    """What a client sent wrongly is named by its place, never repeated."""
    body = {"dataset": "Doe^Jane", "unknown": "19600101"}
    answer = hub.client.post("/api/v1/releases", json=body, headers=credentials["curator"])
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"
    assert "Doe" not in answer.text
    assert "19600101" not in answer.text


def test_security_headers_everywhere(hub: TestHub) -> None:
    """Pages, documents and problems alike carry the headers that bind a browser."""
    for address in ("/", "/api/v1/keys", "/nowhere", "/healthz"):
        headers = hub.client.get(address).headers
        assert "frame-ancestors 'none'" in headers["content-security-policy"]
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "same-origin"
