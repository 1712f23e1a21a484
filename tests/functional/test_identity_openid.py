"""Sign-in by an institution: the code flow against a real provider, and answers that must not be believed."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import httpx
import pytest
import sqlalchemy as sa
from joserfc import jwt
from joserfc.jwk import ECKey, OctKey

from functional.openid_provider import CLIENT_ID, CLIENT_SECRET, provider, vouched
from radcommons.coalition.openid import CALLBACK
from radcommons.platform import openid
from radcommons.platform.database import reading
from radcommons.records.errors import IntegrityError, PeerError, UsageError
from radcommons.records.event import Role
from radcommons.testing.hubs import TestHub, running_hub
from radcommons.testing.people import Browser, browser, person, set_up_phone

BASE = "http://hub.test"


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestHub]:
    """A hub beside a provider that knows it."""
    folder = tmp_path_factory.mktemp("openid")
    secret = folder / "secret"
    secret.write_text(CLIENT_SECRET + "\n")
    with (
        provider(callback=BASE + CALLBACK, back=f"{BASE}/sign-in") as issuer,
        running_hub(
            folder,
            run_jobs=False,
            openid_issuer=issuer,
            openid_title="The University",
            openid_client_id=CLIENT_ID,
            openid_client_secret_file=secret,
            openid_scopes="openid email profile groups",
            openid_role_claim="groups",
            openid_roles={"commons-curators": "curator"},
        ) as made,
    ):
        yield made


def _begin(me: Browser, **asked: str) -> str:
    answer = me.client.get("/sign-in/openid", params=asked, follow_redirects=False)
    assert answer.status_code == 303, answer.text
    return str(answer.headers["location"])


def _through(me: Browser, name: str, **asked: str) -> Any:
    """Sign in by the institution as somebody, and return where the browser lands."""
    back = vouched(_begin(me, **asked), name, until=BASE)
    return me.get(back.removeprefix(BASE))


def _roles(me: Browser) -> list[str]:
    return list(me.client.get("/api/v1/me").json()["roles"])


def test_a_first_sign_in_makes_an_account(hub: TestHub) -> None:
    """The person is sent on to where they wanted to be, is a researcher, and is the same person the next time."""
    me = browser(hub)
    assert "Sign in with The University" in me.get("/sign-in").text
    landed = _through(me, "amina", to="/account/sessions")
    assert (landed.status_code, landed.url.path) == (200, "/account/sessions")
    assert "Institution" in landed.text
    assert _roles(me) == ["researcher"]
    again = browser(hub)
    _through(again, "amina")
    assert again.client.get("/api/v1/me").json()["id"] == me.client.get("/api/v1/me").json()["id"]
    with reading(hub.platform.engine) as connection:
        subject = connection.execute(sa.text("SELECT subject FROM external_identity")).scalars().all()
    assert "amina" in subject


def test_the_provider_gives_and_takes_its_roles(hub: TestHub) -> None:
    """A group of the claim is a role here; a role that the provider does not decide about stays."""
    me = browser(hub)
    _through(me, "staff-chen")
    assert _roles(me) == ["curator", "researcher"]
    with reading(hub.platform.engine) as connection:
        query = sa.text("SELECT id FROM account WHERE email = 'staff-chen@university.example'")
        number = connection.execute(query).scalar_one()
    chief = browser(hub)
    chief.sign_in("admin@localhost", "correct horse battery staple")
    chief.get("/people")
    chief.post(f"/people/{number}/roles", role=["reader", "researcher"])
    other = browser(hub)
    _through(other, "staff-chen")
    assert _roles(other) == ["curator", "reader", "researcher"]


def test_an_address_links_nothing(hub: TestHub) -> None:
    """Whoever has the address of an account at the provider does not get the account; its owner links it."""
    with reading(hub.platform.engine) as connection:
        before = connection.execute(sa.text("SELECT count(*) FROM external_identity")).scalar_one()
    person(hub, "ignored")
    email = "known@university.example"
    from radcommons.catalogue.accounts import create_account

    create_account(
        hub.platform.engine, email=email, name="Known", password="a sentence of known", roles=frozenset({Role.READER})
    )
    thief = browser(hub)
    refused = _through(thief, "known")
    assert refused.status_code == 401
    assert "is not linked" in refused.text
    owner = browser(hub)
    owner.sign_in(email, "a sentence of known")
    assert "is linked" in _through(owner, "known", link="true", to="/account/security").text
    by_institution = browser(hub)
    _through(by_institution, "known")
    assert _roles(by_institution) == ["reader"]
    assert "is unlinked" in owner.post("/account/openid/unlink").text
    with reading(hub.platform.engine) as connection:
        after = connection.execute(sa.text("SELECT count(*) FROM external_identity")).scalar_one()
    assert after == before
    taken = browser(hub)
    taken.sign_in(*("admin@localhost", "correct horse battery staple"))
    assert "belongs to another account" in _through(taken, "amina", link="true").text


def test_an_unverified_address_makes_no_account(hub: TestHub) -> None:
    """An address that the provider does not vouch for could be anybody's."""
    refused = _through(browser(hub), "unverified-eve")
    assert refused.status_code == 401
    assert "vouches for no e-mail address" in refused.text


def test_nothing_is_left_without_another_way_in(hub: TestHub) -> None:
    """Who has no password and no passkey cannot unlink the only way in."""
    me = browser(hub)
    _through(me, "lonely")
    me.get("/account/security")
    assert me.post("/account/openid/unlink").status_code == 409


def test_a_phone_is_asked_for_here_as_well(hub: TestHub) -> None:
    """An account with a second factor asks for it after the institution's sign-in too."""
    me = browser(hub)
    _through(me, "careful")
    me.get("/account/security")
    set_up_phone(me)
    other = browser(hub)
    assert _through(other, "careful", to="/account").url.path == "/sign-in/code"
    assert other.client.get("/api/v1/me").status_code == 401


def test_a_disabled_account_stays_out(hub: TestHub) -> None:
    """However often the provider vouches for the person."""
    me = browser(hub)
    _through(me, "gone")
    number = int(me.client.get("/api/v1/me").json()["id"].partition(":")[2])
    chief = browser(hub)
    chief.sign_in("admin@localhost", "correct horse battery staple")
    chief.get("/people")
    chief.post(f"/people/{number}/disable")
    assert "is disabled" in _through(browser(hub), "gone").text


def test_an_answer_is_good_once_and_in_one_browser(hub: TestHub) -> None:
    """A callback that is replayed, stolen for another browser, or whose state was changed signs nobody in."""
    me = browser(hub)
    back = vouched(_begin(me), "replay", until=BASE).removeprefix(BASE)
    stolen = browser(hub)
    _begin(stolen)
    assert stolen.get(back).status_code == 422  # a state of another browser
    assert browser(hub).get(back).status_code == 401  # a browser that began nothing
    parts = urlsplit(back)
    query = {name: values[0] for name, values in parse_qs(parts.query).items()}
    forged = browser(hub)
    _begin(forged)
    other = vouched(_begin(forged), "replay", until=BASE).removeprefix(BASE)
    mixed = {name: values[0] for name, values in parse_qs(urlsplit(other).query).items()}
    assert forged.get(f"{parts.path}?{urlencode({**mixed, 'iss': 'https://evil.example'})}").status_code == 422
    assert me.get(f"{parts.path}?{urlencode(query)}").status_code == 200
    assert me.get(back).status_code == 401
    assert me.get(f"{CALLBACK}?error=access_denied&state=x").status_code == 401


@pytest.mark.parametrize("to", ["https://evil.example/", "//evil.example", "/\\evil.example"])
def test_the_way_back_stays_here(hub: TestHub, to: str) -> None:
    """What a link asks for as the next page is a path of this hub, or the start."""
    landed = _through(browser(hub), "way", to=to)
    assert str(landed.url).startswith(f"{BASE}/")
    assert landed.url.path == "/"


def test_signing_out_says_that_the_institution_may_know(hub: TestHub) -> None:
    """The session here ends; the page says that the other one may go on, and leads to where it ends."""
    me = browser(hub)
    _through(me, "leaving", to="/account")
    out = me.post("/sign-out")
    assert "may still know you" in out.text
    assert me.client.get("/api/v1/me").status_code == 401
    there = me.client.get("/sign-out/openid", follow_redirects=False).headers["location"]
    assert there.startswith(f"{hub.platform.settings.openid_issuer}/session/end?")
    assert httpx.get(there, trust_env=False).status_code == 200


# --- tokens that must not be believed -----------------------------------------------------------------------------

_KEY, _OTHER = (ECKey.generate_key("P-256", {"kid": name}) for name in ("one", "two"))
_CLIENT = openid.Client(issuer="http://127.0.0.1:1", client_id="commons", secret="s", redirect_uri=BASE + CALLBACK)
_PROVIDER = openid.Provider(
    issuer="http://127.0.0.1:1",
    authorization_endpoint="http://127.0.0.1:1/auth",
    token_endpoint="http://127.0.0.1:1/token",
    jwks_uri="http://127.0.0.1:1/jwks",
    userinfo_endpoint="",
    end_session_endpoint="http://127.0.0.1:1/end",
    names_itself=False,
)


def _token(key: Any = _KEY, algorithm: str = "ES256", **changed: Any) -> str:
    now = int(time.time())
    claims = {"iss": _PROVIDER.issuer, "aud": "commons", "sub": "x", "exp": now + 60, "iat": now, "nonce": "n"}
    claims = {name: value for name, value in {**claims, **changed}.items() if value is not None}
    return jwt.encode({"alg": algorithm, "kid": "one"}, claims, key, algorithms=[algorithm])


def _claims(monkeypatch: pytest.MonkeyPatch, token: str) -> dict[str, Any]:
    def answer(request: httpx.Request) -> httpx.Response:
        if request.url.path == "/jwks":
            return httpx.Response(200, json={"keys": [_KEY.as_dict(private=False)]})
        return httpx.Response(200, json={"id_token": token, "access_token": "a"})

    real = httpx.Client
    monkeypatch.setattr(openid.httpx, "Client", lambda **_: real(transport=httpx.MockTransport(answer)))
    question = openid.Question(state="s", nonce="n", verifier="v")
    return openid.claims_of(_PROVIDER, _CLIENT, question=question, code="c", state="s", issuer="")


def test_an_honest_token_is_believed(monkeypatch: pytest.MonkeyPatch) -> None:
    """The claims of a token that holds come back."""
    assert _claims(monkeypatch, _token())["sub"] == "x"
    assert _claims(monkeypatch, _token(aud=["commons", "other"], azp="commons"))["sub"] == "x"


@pytest.mark.parametrize(
    "token",
    [
        _token(iss="https://evil.example"),
        _token(aud="another"),
        _token(aud=["commons", "another"]),
        _token(azp="another"),
        _token(exp=int(time.time()) - 600),
        _token(exp=None),
        _token(iat=int(time.time()) - 86400),
        _token(nonce="another"),
        _token(nonce=None),
        _token(sub=None),
        _token(sub="x" * 300),
        _token(at_hash="AAAA"),
        _token(_OTHER),
        _token(OctKey.import_key(b"s" * 32), "HS256"),
        "eyJhbGciOiJub25lIn0.eyJzdWIiOiJ4In0.",
        "nonsense",
    ],
)
def test_a_token_that_does_not_hold_is_refused(monkeypatch: pytest.MonkeyPatch, token: str) -> None:
    """Another issuer, audience, party, time, nonce, person or hash; another key, another kind of signature, or none."""
    with pytest.raises(IntegrityError):
        _claims(monkeypatch, token)


def test_a_provider_is_reached_by_tls_and_names_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    """A plain address is refused, and so is a description of another issuer."""
    with pytest.raises(UsageError):
        openid.discover("http://login.example.org")
    said = {"issuer": "https://evil.example"}
    transport = httpx.MockTransport(lambda _: httpx.Response(200, json=said))
    real = httpx.Client
    monkeypatch.setattr(openid.httpx, "Client", lambda **_: real(transport=transport))
    with pytest.raises(PeerError):
        openid.discover("https://login.example.org")


def test_the_client_appears_in_no_text() -> None:
    """A client's text form holds no secret, and the way out names client and way back."""
    assert "'s'" not in repr(_CLIENT)
    url = openid.end_session_url(_PROVIDER, _CLIENT, back=f"{BASE}/sign-in")
    assert parse_qs(urlsplit(url).query)["client_id"] == ["commons"]
