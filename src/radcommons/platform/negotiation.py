"""The request for an association and its answers, as bytes (PS3.8 sections 9.3.2 to 9.3.4, PS3.7 annex D.3.3)."""

from __future__ import annotations

import struct
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from radcommons.dicom.rewrite import IMPLEMENTATION_CLASS_UID, IMPLEMENTATION_VERSION_NAME
from radcommons.platform.association import ASSOCIATE_AC, ASSOCIATE_RJ, ASSOCIATE_RQ, Context

# What a peer may send us in one PDU.
LARGEST_RECEIVED = 1 << 20
_APPLICATION = "1.2.840.10008.3.1.1.1"
_ITEM = struct.Struct(">BBH")
_APPLICATION_ITEM, _PROPOSED, _ACCEPTED, _ABSTRACT, _TRANSFER, _USER = 0x10, 0x20, 0x21, 0x30, 0x40, 0x50
_LIMIT, _CLASS, _ROLE, _VERSION, _IDENTITY, _IDENTITY_ANSWER = 0x51, 0x52, 0x54, 0x55, 0x58, 0x59
# PS3.8 table 9-18: the abstract syntax, or none of the transfer syntaxes.
_TAKEN, _NO_ABSTRACT, _NO_TRANSFER = 0, 3, 4
# (result, source, reason), PS3.8 table 9-21.
NO_APPLICATION, NOT_KNOWN, TOO_MANY = (1, 1, 2), (1, 1, 3), (2, 3, 2)


class Malformed(Exception):
    """The bytes are no request, or no answer, for an association."""


@dataclass(frozen=True, slots=True)
class Proposed:
    """A presentation context as it was asked for."""

    number: int
    abstract_syntax: str
    transfer_syntaxes: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What a peer asks for.

    Parameters
    ----------
    roles : mapping
        (wants to be SCU, wants to be SCP) by SOP Class.
    user, passcode : str
        The user identity (PS3.7 section D.3.3.7), empty where there is none of type 1 or 2.
    wants_answer : bool
        Whether the identity has to be confirmed.
    """

    calling: str
    called: str
    application: str
    contexts: tuple[Proposed, ...]
    limit: int = 0
    roles: Mapping[str, tuple[bool, bool]] = field(default_factory=dict)
    user: str = field(default="", repr=False)
    passcode: str = field(default="", repr=False)
    wants_answer: bool = False


def parse_request(body: bytes) -> Request:
    """Return what the body of an A-ASSOCIATE-RQ asks for. Raises Malformed."""
    if len(body) < 68:
        raise Malformed
    members: dict[str, object] = {"application": "", "roles": {}}
    contexts = []
    for kind, value in _items(body, 68):
        if kind == _APPLICATION_ITEM:
            members["application"] = _text(value)
        elif kind == _PROPOSED:
            contexts.append(_proposed(value))
        elif kind == _USER:
            _read_user(value, members)
    called, calling = _text(body[4:20]), _text(body[20:36])
    return Request(calling=calling, called=called, contexts=tuple(contexts), **members)  # type: ignore[arg-type]


def _items(data: bytes, start: int) -> Iterator[tuple[int, bytes]]:
    while start < len(data):
        if start + 4 > len(data):
            raise Malformed
        kind, _, length = _ITEM.unpack_from(data, start)
        start += 4 + length
        if start > len(data):
            raise Malformed
        yield kind, data[start - length : start]


def _text(value: bytes) -> str:
    return value.decode("ascii", "replace").strip("\0 ")


def _proposed(value: bytes) -> Proposed:
    if len(value) < 4 or not value[0] % 2:
        raise Malformed
    syntaxes = {_ABSTRACT: [""], _TRANSFER: []}
    for kind, name in _items(value, 4):
        syntaxes.setdefault(kind, []).append(_text(name))
    return Proposed(value[0], syntaxes[_ABSTRACT][-1], tuple(syntaxes[_TRANSFER]))


def _read_user(value: bytes, members: dict[str, object]) -> None:
    roles: dict[str, tuple[bool, bool]] = {}
    for kind, item in _items(value, 0):
        if kind == _LIMIT and len(item) == 4:
            members["limit"] = int.from_bytes(item, "big")
        elif kind == _ROLE and len(item) >= 4:
            roles[_text(item[2:-2])] = (item[-2] == 1, item[-1] == 1)
        elif kind == _IDENTITY and len(item) >= 6 and item[0] in (1, 2):
            user, rest = _counted(item[2:])
            passcode, _ = _counted(rest)
            members.update(user=user, passcode=passcode, wants_answer=item[1] == 1)
    members["roles"] = roles


def _counted(data: bytes) -> tuple[str, bytes]:
    end = 2 + int.from_bytes(data[:2], "big")
    if len(data) < end:
        raise Malformed
    return data[2:end].decode("utf-8", "replace"), data[end:]


def _item(kind: int, value: bytes) -> bytes:
    return _ITEM.pack(kind, 0, len(value)) + value


def _pdu(kind: int, body: bytes) -> bytes:
    return struct.pack(">BBI", kind, 0, len(body)) + body


def _own_facts() -> bytes:
    return (
        _item(_LIMIT, LARGEST_RECEIVED.to_bytes(4, "big"))
        + _item(_CLASS, IMPLEMENTATION_CLASS_UID.encode())
        + _item(_VERSION, IMPLEMENTATION_VERSION_NAME.encode())
    )


def _titles(called: str, calling: str) -> bytes:
    return (
        b"\0\1\0\0" + b"".join(name.encode("ascii", "replace")[:16].ljust(16) for name in (called, calling)) + bytes(32)
    )


def negotiate(request: Request, takes: Callable[[str], Collection[str]]) -> list[tuple[Proposed, Context | None]]:
    """Return each proposed context with what is made of it: the first of its transfer syntaxes that we take.

    Parameters
    ----------
    request : Request
    takes : callable
        From an abstract syntax to the transfer syntaxes that we take it in.
    """
    found: list[tuple[Proposed, Context | None]] = []
    for one in request.contexts:
        known = takes(one.abstract_syntax)
        syntax = next((name for name in one.transfer_syntaxes if name in known), None)
        serves = request.roles.get(one.abstract_syntax, (True, False))[1]
        found.append((one, Context(one.number, one.abstract_syntax, syntax, serves) if syntax else None))
    return found


def accepting(request: Request, found: Sequence[tuple[Proposed, Context | None]]) -> bytes:
    """Return the A-ASSOCIATE-AC."""
    contexts = b"".join(_item(_ACCEPTED, _result(one, context)) for one, context in found)
    taken = {context.abstract_syntax for _, context in found if context}
    roles = b"".join(
        _item(_ROLE, len(uid).to_bytes(2, "big") + uid.encode("ascii", "replace") + bytes(wanted))
        for uid, wanted in request.roles.items()
        if uid in taken
    )
    facts = _own_facts() + roles + (_item(_IDENTITY_ANSWER, b"\0\0") if request.wants_answer else b"")
    body = _titles(request.called, request.calling) + _item(_APPLICATION_ITEM, _APPLICATION.encode())
    return _pdu(ASSOCIATE_AC, body + contexts + _item(_USER, facts))


def _result(one: Proposed, context: Context | None) -> bytes:
    if context is not None:
        return bytes((one.number, 0, _TAKEN, 0)) + _item(_TRANSFER, context.transfer_syntax.encode())
    reason = _NO_TRANSFER if one.transfer_syntaxes else _NO_ABSTRACT
    return bytes((one.number, 0, reason, 0)) + _item(_TRANSFER, b"1.2.840.10008.1.2")


def rejecting(reason: tuple[int, int, int]) -> bytes:
    """Return an A-ASSOCIATE-RJ."""
    return _pdu(ASSOCIATE_RJ, bytes((0, *reason)))


def speaks_dicom(request: Request) -> bool:
    """Say whether the application context is DICOM's."""
    return request.application == _APPLICATION


def requesting(contexts: Sequence[Proposed], *, calling: str, called: str) -> bytes:
    """Return an A-ASSOCIATE-RQ."""
    proposed = b"".join(
        _item(
            _PROPOSED,
            bytes((one.number, 0, 0, 0))
            + _item(_ABSTRACT, one.abstract_syntax.encode())
            + b"".join(_item(_TRANSFER, name.encode()) for name in one.transfer_syntaxes),
        )
        for one in contexts
    )
    body = _titles(called, calling) + _item(_APPLICATION_ITEM, _APPLICATION.encode())
    return _pdu(ASSOCIATE_RQ, body + proposed + _item(_USER, _own_facts()))


def parse_accepted(body: bytes, contexts: Sequence[Proposed]) -> tuple[dict[int, Context], int]:
    """Return (accepted contexts, the peer's largest PDU) of an A-ASSOCIATE-AC. Raises Malformed."""
    asked = {one.number: one.abstract_syntax for one in contexts}
    members: dict[str, object] = {}
    found = {}
    for kind, value in _items(body, 68):
        if kind == _USER:
            _read_user(value, members)
        elif kind == _ACCEPTED and len(value) >= 4 and value[2] == _TAKEN and value[0] in asked:
            syntax = next((_text(name) for sort, name in _items(value, 4) if sort == _TRANSFER), "")
            found[value[0]] = Context(value[0], asked[value[0]], syntax, is_served=True)
    limit = members.get("limit", 0)
    return found, limit if isinstance(limit, int) else 0
