"""Passkeys as WebAuthn Level 3 has them: what a browser is asked for, and whether its answer holds."""

from __future__ import annotations

import hashlib
import ipaddress
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from radcommons.records.errors import IntegrityError

# webauthn is imported where it is used: it takes an eighth of a second, which a hub's first answer does not wait for.


@dataclass(frozen=True, slots=True, kw_only=True)
class RelyingParty:
    """This hub as devices know it: a host name, and the origin that pages come from."""

    host: str
    origin: str
    title: str


def relying_party(base_url: str, *, title: str) -> RelyingParty | None:
    """Return the hub as devices know it; None where browsers offer no passkeys: a bare address, or no TLS."""
    url = urlsplit(base_url)
    host = url.hostname or ""
    try:
        ipaddress.ip_address(host)
    except ValueError:
        if host and (url.scheme == "https" or host == "localhost"):
            return RelyingParty(host=host, origin=f"{url.scheme}://{url.netloc}", title=title)
    return None


def user_handle(account: int, *, key_id: str) -> bytes:
    """Return what devices know an account by: it names nobody (WebAuthn, section 14.6.1)."""
    return hashlib.sha256(f"radcommons passkey {key_id} {account}".encode()).digest()


@dataclass(frozen=True, slots=True, kw_only=True)
class NewCredential:
    """What a device made; in base64url."""

    credential: str
    public_key: str
    uses: int


def creation_options(
    party: RelyingParty, *, account: int, key_id: str, email: str, name: str, known: Sequence[str]
) -> tuple[dict[str, Any], str]:
    """Return what the browser is asked to make, and the challenge that its answer must carry."""
    import webauthn
    from webauthn.helpers import base64url_to_bytes, bytes_to_base64url
    from webauthn.helpers import structs as s

    options = webauthn.generate_registration_options(
        rp_id=party.host,
        rp_name=party.title,
        user_id=user_handle(account, key_id=key_id),
        user_name=email,
        user_display_name=name,
        authenticator_selection=s.AuthenticatorSelectionCriteria(
            resident_key=s.ResidentKeyRequirement.REQUIRED,
            user_verification=s.UserVerificationRequirement.REQUIRED,
        ),
        exclude_credentials=[s.PublicKeyCredentialDescriptor(id=base64url_to_bytes(one)) for one in known],
    )
    return json.loads(webauthn.options_to_json(options)), bytes_to_base64url(options.challenge)


def made(party: RelyingParty, answer: dict[str, Any], *, challenge: str) -> NewCredential:
    """Return the credential that an answer brings.

    Raises
    ------
    IntegrityError
        If the answer is not to this challenge, from another page, without the person's proof, or malformed.
    """
    import webauthn
    from webauthn.helpers import base64url_to_bytes, bytes_to_base64url
    from webauthn.helpers.exceptions import WebAuthnException

    try:
        found = webauthn.verify_registration_response(
            credential=answer,
            expected_challenge=base64url_to_bytes(challenge),
            expected_rp_id=party.host,
            expected_origin=party.origin,
            require_user_verification=True,
        )
    except (WebAuthnException, ValueError, KeyError, TypeError) as error:
        raise _refused(error) from None
    return NewCredential(
        credential=bytes_to_base64url(found.credential_id),
        public_key=bytes_to_base64url(found.credential_public_key),
        uses=found.sign_count,
    )


def request_options(party: RelyingParty) -> tuple[dict[str, Any], str]:
    """Return what the browser is asked to sign with any passkey of this hub, and the challenge."""
    import webauthn
    from webauthn.helpers import bytes_to_base64url
    from webauthn.helpers.structs import UserVerificationRequirement

    options = webauthn.generate_authentication_options(
        rp_id=party.host, user_verification=UserVerificationRequirement.REQUIRED
    )
    return json.loads(webauthn.options_to_json(options)), bytes_to_base64url(options.challenge)


def named_credential(answer: dict[str, Any]) -> str:
    """Return which credential signed, empty where the answer says none."""
    name = answer.get("id")
    return name if isinstance(name, str) and len(name) <= 1400 else ""


def signed(
    party: RelyingParty, answer: dict[str, Any], *, challenge: str, public_key: str, uses: int, handle: bytes
) -> int:
    """Return the device's count of uses, for an answer that holds.

    Raises
    ------
    IntegrityError
        If the signature is not over this challenge and page, by this key, for this account, or the count went back, as
        that of a copied key does.
    """
    import webauthn
    from webauthn.helpers import base64url_to_bytes
    from webauthn.helpers.exceptions import WebAuthnException

    try:
        found = webauthn.verify_authentication_response(
            credential=answer,
            expected_challenge=base64url_to_bytes(challenge),
            expected_rp_id=party.host,
            expected_origin=party.origin,
            credential_public_key=base64url_to_bytes(public_key),
            credential_current_sign_count=uses,
            require_user_verification=True,
        )
        said = answer.get("response", {}).get("userHandle")
        if not said or base64url_to_bytes(said) != handle:
            raise IntegrityError("The passkey is another account's.")
    except (WebAuthnException, ValueError, KeyError, TypeError, AttributeError) as error:
        raise _refused(error) from None
    return found.new_sign_count


def _refused(error: Exception) -> IntegrityError:
    return IntegrityError(f"The passkey's answer does not hold ({type(error).__name__}).", mend="Try again.")
