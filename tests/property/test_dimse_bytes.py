"""What a DICOM port reads from strangers: any bytes are read, or refused in one known way."""

from __future__ import annotations

import contextlib
import socket

from hypothesis import given
from hypothesis import strategies as st

from radcommons.dicom.command import Command, Element, Field, answer_set, command_set, file_head, parse_command
from radcommons.dicom.elements import Irregular, meta_of
from radcommons.platform.association import Association, Context, Ended, Wire
from radcommons.platform.negotiation import (
    Malformed,
    Proposed,
    accepting,
    negotiate,
    parse_accepted,
    parse_request,
    requesting,
)

_CT, _EXPLICIT = "1.2.840.10008.5.1.4.1.1.2", "1.2.840.10008.1.2.1"
_UIDS = st.lists(st.integers(0, 10**9), min_size=2, max_size=6).map(lambda parts: ".".join(map(str, parts)))


@given(st.binary(max_size=400), st.binary(max_size=400))
def test_any_request_is_read_or_malformed(start: bytes, rest: bytes) -> None:
    """A request for an association, from any bytes, is taken apart or `Malformed`; so is the answer to ours."""
    for body in (start, start.ljust(68, b"\0") + rest, start.ljust(68, b"\0") + b"\x50\0\0\x09\x58\0\0\x05" + rest):
        with contextlib.suppress(Malformed):
            parse_request(body)
        with contextlib.suppress(Malformed):
            parse_accepted(body, [Proposed(1, _CT, (_EXPLICIT,))])


@given(st.lists(st.tuples(_UIDS, st.lists(_UIDS, min_size=1, max_size=4)), max_size=20), st.sets(_UIDS))
def test_both_sides_agree(asked: list[tuple[str, list[str]]], known: set[str]) -> None:
    """What the requestor reads from the answer is what the acceptor made of the request."""
    contexts = [Proposed(2 * n + 1, name, tuple(syntaxes)) for n, (name, syntaxes) in enumerate(asked)]
    request = parse_request(requesting(contexts, calling="A", called="B")[6:])
    assert request.contexts == tuple(contexts)
    assert (request.calling, request.called) == ("A", "B")
    known |= {syntaxes[-1] for _, syntaxes in asked[:3]}
    found = negotiate(request, lambda _: known)
    accepted, _ = parse_accepted(accepting(request, found)[6:], contexts)
    assert {n: one.transfer_syntax for n, one in accepted.items()} == {
        one.number: next(name for name in one.transfer_syntaxes if name in known)
        for one in contexts
        if known.intersection(one.transfer_syntaxes)
    }


@given(st.binary(max_size=300))
def test_any_command_is_read_or_irregular(encoded: bytes) -> None:
    """A command set, from any bytes, is read or `Irregular`; its members then never raise."""
    with contextlib.suppress(Irregular):
        found = parse_command(1, encoded)
        _ = found.has_data_set, found.text(Element.AFFECTED_CLASS), answer_set(_numbered(found), 0)


def _numbered(found: Command) -> Command:
    return Command(1, {**found.values, Element.FIELD: b"\1\0", Element.MESSAGE: b"\1\0"})


@given(_UIDS, _UIDS, _UIDS)
def test_the_head_of_a_file_reads(sop_class: str, instance: str, syntax: str) -> None:
    """The meta information that stands before a data set is what a reader of files expects."""
    head = file_head(sop_class, instance, syntax)
    assert meta_of(head + b"\x08\0\x16\0UI\0\0").syntax == syntax
    assert len(head) % 2 == 0


@given(st.binary(max_size=2000), st.lists(st.integers(1, 300), max_size=30), st.booleans())
def test_a_data_set_comes_whole_in_any_pieces(data: bytes, cuts: list[int], is_empty_last: bool) -> None:
    """However a data set is cut into values and PDUs, what is read is what was sent; a cut stream is `Ended`."""
    command = command_set({Element.FIELD: int(Field.C_STORE), Element.MESSAGE: 1}, has_data_set=True)
    pieces, left = [], data
    for cut in cuts:
        pieces.append(left[:cut])
        left = left[cut:]
    pieces += [left, b""] if is_empty_last else [left]
    sent = _pdu(_value(command, 3)) + b"".join(
        _pdu(_value(piece, 2 if number == len(pieces) - 1 else 0)) for number, piece in enumerate(pieces)
    )
    ours, theirs = socket.socketpair()
    with ours, theirs:
        theirs.sendall(sent)
        theirs.shutdown(socket.SHUT_WR)
        association = Association(Wire(ours), {1: Context(1, _CT, _EXPLICIT)}, peer_limit=0)
        found = association.next_command()
        assert b"".join(association.data_set(found)) == data
        with contextlib.suppress(Ended):
            association.next_command()
            raise AssertionError("nothing came")


@given(st.binary(max_size=300))
def test_any_stream_ends(data: bytes) -> None:
    """An established association that speaks nonsense ends; nothing else is raised."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        theirs.sendall(data)
        theirs.shutdown(socket.SHUT_WR)
        association = Association(Wire(ours), {1: Context(1, _CT, _EXPLICIT)}, peer_limit=0)
        with contextlib.suppress(Ended):
            while True:
                for _ in association.data_set(association.next_command()):
                    pass


def _value(data: bytes, control: int) -> bytes:
    return (len(data) + 2).to_bytes(4, "big") + bytes((1, control)) + data


def _pdu(value: bytes) -> bytes:
    return b"\4\0" + len(value).to_bytes(4, "big") + value
