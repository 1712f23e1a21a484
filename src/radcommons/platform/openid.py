"""OpenID Connect Core 1.0, the code flow alone: with PKCE (RFC 7636), state, nonce, and the issuer named in the answer.

What a provider says is checked before it is believed: the issuer, to whom the token was given, its signature by a key
that the provider publishes, its times, and that it answers this browser's question.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
import threading
import time
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode, urlsplit

import httpx
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from radcommons.records.errors import IntegrityError, PeerError, UsageError

_TIMEOUT_S = 10.0
_KEPT_S = 3600.0
_LEEWAY_S = 60
# Signatures alone: `none`, and those made with the client's own secret, would let others speak as the provider.
_ALGORITHMS = ["RS256", "PS256", "ES256", "ES384", "EdDSA", "Ed25519"]
_HASHES = {"256": hashlib.sha256, "384": hashlib.sha384}
_MOST_BYTES = 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Client:
    """What a provider knows this hub by."""

    issuer: str
    client_id: str
    secret: str
    redirect_uri: str

    def __repr__(self) -> str:
        return f"Client({self.client_id!r} at {self.issuer!r})"


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What a browser is sent with; kept here until it comes back."""

    state: str
    nonce: str
    verifier: str


def new_question() -> Question:
    """Return a question that nobody can foresee."""
    return Question(
        state=secrets.token_urlsafe(24), nonce=secrets.token_urlsafe(24), verifier=secrets.token_urlsafe(48)
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Provider:
    """What a provider publishes of itself (OpenID Connect Discovery 1.0)."""

    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str
    userinfo_endpoint: str
    end_session_endpoint: str
    names_itself: bool  # RFC 9207: its answers carry `iss`


_known: dict[str, tuple[float, Provider]] = {}
_lock = threading.Lock()


def discover(issuer: str) -> Provider:
    """Return a provider's own description, asked for once an hour.

    Raises
    ------
    UsageError
        If the issuer is no https address (this machine's own apart).
    PeerError
        If it does not answer, or describes another issuer.
    """
    url = urlsplit(issuer)
    if url.scheme != "https" and url.hostname not in ("localhost", "127.0.0.1"):
        raise UsageError("The setting openid_issuer is no https address.")
    with _lock:
        asked_at, found = _known.get(issuer, (0.0, None))
    if found is not None and time.monotonic() - asked_at < _KEPT_S:
        return found
    said = _json("GET", f"{issuer.rstrip('/')}/.well-known/openid-configuration")
    if said.get("issuer") != issuer:
        raise PeerError("The sign-in provider describes another issuer.", mend="Compare the setting openid_issuer.")
    try:
        provider = Provider(
            issuer=issuer,
            authorization_endpoint=str(said["authorization_endpoint"]),
            token_endpoint=str(said["token_endpoint"]),
            jwks_uri=str(said["jwks_uri"]),
            userinfo_endpoint=str(said.get("userinfo_endpoint", "")),
            end_session_endpoint=str(said.get("end_session_endpoint", "")),
            names_itself=said.get("authorization_response_iss_parameter_supported") is True,
        )
    except KeyError:
        raise PeerError("The sign-in provider's description lacks an address.") from None
    with _lock:
        _known[issuer] = time.monotonic(), provider
    return provider


def _json(method: str, url: str, **asked: Any) -> dict[str, Any]:
    """Return the object that an address answers with; nothing of it goes into the error."""
    try:
        with httpx.Client(timeout=_TIMEOUT_S, follow_redirects=False) as client:
            answer = client.request(method, url, **asked)
            content = answer.json() if len(answer.content) <= _MOST_BYTES else None
    except (httpx.HTTPError, ValueError) as error:
        raise PeerError(f"The sign-in provider does not answer ({type(error).__name__}).", mend="Try again.") from None
    if answer.status_code != 200 or not isinstance(content, dict):
        raise PeerError(f"The sign-in provider answered {answer.status_code}.", mend="Try again.")
    return content


def authorization_url(provider: Provider, client: Client, *, question: Question, scopes: str) -> str:
    """Return where the browser goes to be asked."""
    challenge = base64.urlsafe_b64encode(hashlib.sha256(question.verifier.encode()).digest()).rstrip(b"=").decode()
    parameters = {
        "response_type": "code",
        "client_id": client.client_id,
        "redirect_uri": client.redirect_uri,
        "scope": scopes,
        "state": question.state,
        "nonce": question.nonce,
        "code_challenge": challenge,
        "code_challenge_method": "S256",
    }
    joint = "&" if "?" in provider.authorization_endpoint else "?"
    return f"{provider.authorization_endpoint}{joint}{urlencode(parameters)}"


def end_session_url(provider: Provider, client: Client, *, back: str) -> str:
    """Return where the browser ends its session with the provider, empty where it has no such page."""
    if not provider.end_session_endpoint:
        return ""
    parameters = {"client_id": client.client_id, "post_logout_redirect_uri": back}
    joint = "&" if "?" in provider.end_session_endpoint else "?"
    return f"{provider.end_session_endpoint}{joint}{urlencode(parameters)}"


def claims_of(
    provider: Provider, client: Client, *, question: Question, code: str, state: str, issuer: str
) -> dict[str, Any]:
    """Return what the provider vouches for: the claims of the ID token, and those of the user's page below them.

    Raises
    ------
    IntegrityError
        If the answer is not to this browser's question, or not by this provider for this hub.
    PeerError
        If the provider does not answer.
    """
    if not hmac.compare_digest(state.encode(), question.state.encode()):
        raise IntegrityError("The answer is not to this browser's question.", mend="Begin again.")
    if (issuer or provider.names_itself) and issuer != provider.issuer:
        raise IntegrityError("The answer is another provider's.", mend="Begin again.")
    body = {
        "grant_type": "authorization_code",
        "code": code,
        "redirect_uri": client.redirect_uri,
        "code_verifier": question.verifier,
    }
    # RFC 6749, section 2.3.1: a client without a secret names itself in the body.
    asked: dict[str, Any] = {"auth": httpx.BasicAuth(client.client_id, client.secret)} if client.secret else {}
    said = _json(
        "POST", provider.token_endpoint, data=body if asked else {**body, "client_id": client.client_id}, **asked
    )
    token, access = said.get("id_token"), said.get("access_token")
    if not isinstance(token, str) or not isinstance(access, str):
        raise IntegrityError("The provider's answer holds no ID token.")
    claims = _checked(token, provider=provider, client=client, nonce=question.nonce, access=access)
    return {**_userinfo(provider, access, subject=claims["sub"]), **claims}


def _checked(token: str, *, provider: Provider, client: Client, nonce: str, access: str) -> dict[str, Any]:
    keys = KeySet.import_key_set(_json("GET", provider.jwks_uri))  # type: ignore[arg-type]
    try:
        decoded = jwt.decode(token, keys, algorithms=_ALGORITHMS)
    except (JoseError, ValueError) as error:
        raise IntegrityError(f"The ID token does not hold ({type(error).__name__}).") from None
    claims, now = decoded.claims, time.time()
    audience = claims.get("aud")
    audiences = audience if isinstance(audience, list) else [audience]
    # OpenID Connect Core 1.0, section 3.1.3.7, in its order.
    holds = {
        "iss": claims.get("iss") == provider.issuer,
        "aud": client.client_id in audiences,
        "azp": claims.get("azp", client.client_id if len(audiences) == 1 else None) == client.client_id,
        "exp": _number(claims.get("exp")) > now - _LEEWAY_S,
        "iat": abs(now - _number(claims.get("iat"))) < _KEPT_S,
        "nonce": hmac.compare_digest(str(claims.get("nonce")).encode(), nonce.encode()),
        "sub": isinstance(claims.get("sub"), str) and 0 < len(str(claims["sub"])) <= 255,
        "at_hash": _is_hash_of(claims.get("at_hash"), access, str(decoded.header.get("alg", ""))),
    }
    wrong = [name for name, well in holds.items() if not well]
    if wrong:
        raise IntegrityError(f"The ID token does not hold: {', '.join(wrong)}.", mend="Begin again.")
    return dict(claims)


def _number(value: object) -> float:
    return float(value) if isinstance(value, int | float) else 0.0


def _is_hash_of(said: object, access: str, algorithm: str) -> bool:
    """Say whether the ID token's hash is that of the access token (section 3.1.3.8); the code flow may do without."""
    if said is None or algorithm[-3:] not in _HASHES:
        return True
    whole = _HASHES[algorithm[-3:]](access.encode()).digest()
    half = base64.urlsafe_b64encode(whole[: len(whole) // 2]).rstrip(b"=").decode()
    return hmac.compare_digest(str(said).encode(), half.encode())


def _userinfo(provider: Provider, access: str, *, subject: str) -> dict[str, Any]:
    if not provider.userinfo_endpoint:
        return {}
    said = _json("GET", provider.userinfo_endpoint, headers={"Authorization": f"Bearer {access}"})
    if said.get("sub") != subject:  # section 5.3.2: else another person's page could be put in
        raise IntegrityError("The provider's page is about somebody else.")
    return said
