"""Signed envelopes (DSSE 1.0): a payload with its type, and signatures over both, so that neither can be swapped."""

from __future__ import annotations

import base64
import binascii
import json
from typing import Any

from radcommons.platform.keys import SigningKey, verify
from radcommons.records.documents import canonical
from radcommons.records.errors import DocumentError, IntegrityError
from radcommons.records.submission import Signature


def pre_authentication(kind: str, payload: bytes) -> bytes:
    """Return the bytes that are signed (DSSE protocol, section Signature Definition)."""
    return b" ".join((b"DSSEv1", b"%d" % len(kind.encode()), kind.encode(), b"%d" % len(payload), payload))


def envelope(payload: bytes, *, kind: str, key: SigningKey) -> str:
    """Return the envelope of a payload as JSON text."""
    signature = key.sign(pre_authentication(kind, payload))
    members = {
        "payloadType": kind,
        "payload": base64.b64encode(payload).decode(),
        "signatures": [{"keyid": signature.key_id, "sig": signature.value}],
    }
    return canonical(members).decode()


def opened(text: str, *, kind: str, public_key: bytes) -> Any:
    """Return the JSON values of an envelope's payload.

    Raises
    ------
    DocumentError
        If it is no envelope of this kind.
    IntegrityError
        If no signature in it is by this key over this payload.
    """
    try:
        members = json.loads(text)
        payload = base64.b64decode(members["payload"], validate=True)
        signatures = [(str(one["keyid"]), str(one["sig"])) for one in members["signatures"]]
        said = members["payloadType"]
    except (ValueError, KeyError, TypeError, binascii.Error):
        raise DocumentError("This is no DSSE envelope.") from None
    if said != kind:
        raise DocumentError("The envelope holds something else.")
    message = pre_authentication(kind, payload)
    for number, (key_id, value) in enumerate(signatures, start=1):
        try:
            verify(Signature(key_id=key_id, algorithm="Ed25519", value=value), message=message, public_key=public_key)
        except IntegrityError:
            if number == len(signatures):
                raise
        else:
            return json.loads(payload)
    raise IntegrityError("The envelope carries no signature.")
