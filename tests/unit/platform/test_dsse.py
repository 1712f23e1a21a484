"""Signed envelopes: what was signed under which type, by whom, or nothing."""

from __future__ import annotations

import base64
import json

import pytest

from radcommons.platform.dsse import envelope, opened, pre_authentication
from radcommons.platform.keys import SigningKey
from radcommons.records.errors import DocumentError, IntegrityError

KEY = SigningKey.create()
KIND = "application/vnd.example+json"


def test_what_is_signed_is_that_of_the_protocol() -> None:
    """The bytes are those of the DSSE protocol's own example."""
    assert pre_authentication("http://example.com/HelloWorld", b"hello world") == (
        b"DSSEv1 29 http://example.com/HelloWorld 11 hello world"
    )


def test_an_envelope_opens_with_its_key() -> None:
    """What went in comes out."""
    assert opened(envelope(b'{"a": 1}', kind=KIND, key=KEY), kind=KIND, public_key=KEY.public_key) == {"a": 1}


@pytest.mark.parametrize(
    ("changed", "error"),
    [
        ({"payload": base64.b64encode(b'{"a": 2}').decode()}, IntegrityError),
        ({"payloadType": "application/other"}, DocumentError),
        ({"signatures": []}, IntegrityError),
        ({"signatures": [{"keyid": "x"}]}, DocumentError),
        ({"payload": "?"}, DocumentError),
    ],
)
def test_a_changed_envelope_does_not_open(changed: dict[str, object], error: type[Exception]) -> None:
    """Another payload, type or signature is refused."""
    members = {**json.loads(envelope(b'{"a": 1}', kind=KIND, key=KEY)), **changed}
    with pytest.raises(error):
        opened(json.dumps(members), kind=KIND, public_key=KEY.public_key)


def test_another_key_does_not_open_it() -> None:
    """A signature by somebody else is none, and a secret that was locked stays so."""
    stranger = SigningKey.create()
    with pytest.raises(IntegrityError):
        opened(envelope(b"{}", kind=KIND, key=stranger), kind=KIND, public_key=KEY.public_key)
    locked = KEY.lock("a secret", purpose="one")
    assert KEY.unlock(locked, purpose="one") == "a secret"
    for key, purpose in ((stranger, "one"), (KEY, "another")):
        with pytest.raises(IntegrityError):
            key.unlock(locked, purpose=purpose)
