"""One-time codes are those of the standard, good once and only near their time."""

from __future__ import annotations

import base64

import pytest

from radcommons.platform.totp import accepted_step, code_at, new_secret, provisioning_uri

# RFC 6238, appendix B: the SHA-1 secret and its codes; six of the eight digits are the last ones.
SECRET = base64.b32encode(b"12345678901234567890").decode()


@pytest.mark.parametrize(
    ("seconds", "code"),
    [(59, "287082"), (1111111109, "081804"), (1111111111, "050471"), (1234567890, "005924"), (20000000000, "353130")],
)
def test_codes_are_those_of_the_standard(seconds: int, code: str) -> None:
    """The test vectors of RFC 6238 come out."""
    assert code_at(SECRET, step=seconds // 30) == code


def test_a_code_is_good_once_and_near_its_time() -> None:
    """One step of drift is fine, two are not; a step that was accepted is never accepted again."""
    now = 1_600_000_000.0
    present = int(now) // 30
    for drift, accepted in ((-2, False), (-1, True), (0, True), (1, True), (2, False)):
        found = accepted_step(code_at(SECRET, step=present + drift), secret=SECRET, now=now)
        assert (found == present + drift) if accepted else found is None
    assert accepted_step(code_at(SECRET, step=present), secret=SECRET, now=now, after=present) is None
    assert accepted_step("12 34", secret=SECRET, now=now) is None
    assert accepted_step("", secret=SECRET, now=now) is None
    assert accepted_step("１２３４５６", secret=SECRET, now=now) is None


def test_spaces_in_a_typed_code_count_for_nothing() -> None:
    """People type what the phone shows: 287 082."""
    assert accepted_step("287 082", secret=SECRET, now=59.0) == 1


def test_secrets_differ_and_stand_in_the_address() -> None:
    """Each account has its own 160 bits; the address quotes names with spaces and signs."""
    one, other = new_secret(), new_secret()
    assert one != other
    assert len(base64.b32decode(one)) == 20
    address = provisioning_uri(one, issuer="Gateway ALFA", account="M. Roe & Co")
    assert address == f"otpauth://totp/Gateway%20ALFA:M.%20Roe%20%26%20Co?secret={one}&issuer=Gateway%20ALFA"
