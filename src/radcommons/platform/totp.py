"""One-time codes from a phone (RFC 6238 over RFC 4226): pure rules over a secret and a time."""

from __future__ import annotations

import base64
import hmac
import secrets
from urllib.parse import quote, urlencode

import segno

STEP_SECONDS = 30
DIGITS = 6
# One step before and after: clocks of phones differ (RFC 6238, section 5.2).
_TOLERANCE = 1


def new_secret() -> str:
    """Return a new shared secret in base32: 160 bits, as RFC 4226 asks in section 4."""
    return base64.b32encode(secrets.token_bytes(20)).decode()


def code_at(secret: str, *, step: int) -> str:
    """Return the code of a time step (RFC 4226, section 5.3)."""
    digest = hmac.digest(base64.b32decode(secret), step.to_bytes(8, "big"), "sha1")
    offset = digest[-1] & 0x0F
    number = int.from_bytes(digest[offset : offset + 4], "big") & 0x7FFFFFFF
    return f"{number % 10**DIGITS:0{DIGITS}d}"


def accepted_step(code: str, *, secret: str, now: float, after: int = 0) -> int | None:
    """Return the time step that a code belongs to, None when it is wrong, late or was used before.

    Parameters
    ----------
    code : str
        As typed: spaces count for nothing.
    secret : str
        In base32.
    now : float
        Seconds since 1970.
    after : int
        The last step that was accepted; a code is good once (RFC 6238, section 5.2).
    """
    typed = "".join(code.split())
    present = int(now) // STEP_SECONDS
    for step in range(present - _TOLERANCE, present + _TOLERANCE + 1):
        if step > after and hmac.compare_digest(code_at(secret, step=step).encode(), typed.encode()):
            return step
    return None


def provisioning_uri(secret: str, *, issuer: str, account: str) -> str:
    """Return the ``otpauth:`` address that authenticator programs read from a QR code."""
    label = f"{quote(issuer, safe='')}:{quote(account, safe='')}"
    names = urlencode({"secret": secret, "issuer": issuer}, quote_via=quote)
    return f"otpauth://totp/{label}?{names}"


def provisioning_picture(uri: str) -> str:
    """Return an ``otpauth:`` address as a QR code: a ``data:`` URL for an image; dark on light, as cameras want it."""
    return str(segno.make(uri, error="m").svg_data_uri(scale=5, border=2, dark="#10222b", light="#ffffff"))


def spaced(secret: str) -> str:
    """Return a secret in groups of four, for who types it."""
    return " ".join(secret[start : start + 4] for start in range(0, len(secret), 4))
