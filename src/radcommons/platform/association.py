"""An association as a stream of messages (PS3.8 section 9.3): what comes is handed on in pieces, never held whole.

Only the road of the data is here; the rare request for an association is taken apart by `negotiation`.
"""

from __future__ import annotations

import contextlib
import select
import socket
import ssl
import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import BinaryIO

from radcommons.dicom.command import ANSWER, Command, Element, Field, answer_set, command_set, parse_command
from radcommons.dicom.elements import Irregular

# PS3.8 section 9.3.1.
ASSOCIATE_RQ, ASSOCIATE_AC, ASSOCIATE_RJ, P_DATA, RELEASE_RQ, RELEASE_RP, ABORT = range(1, 8)
_PDU, _PDV = struct.Struct(">BBI"), struct.Struct(">IBB")
_COMMAND, _LAST = 1, 2
_BUFFER = 1 << 19
_LONGEST_COMMAND, _LONGEST_OTHER = 1 << 16, 1 << 20
# What we send at once where the peer sets no limit, or a larger one.
_LARGEST_SENT = 1 << 18


class Ended(Exception):
    """The association is over: released (`is_orderly`), aborted, silent, or not spoken as the standard says."""

    def __init__(self, why: str, *, is_orderly: bool = False) -> None:
        super().__init__(why)
        self.is_orderly = is_orderly


@dataclass(frozen=True, slots=True)
class Context:
    """An accepted presentation context; `is_served` where the peer takes what we send on it."""

    number: int
    abstract_syntax: str
    transfer_syntax: str
    is_served: bool = False


class Wire:
    """A connection as PDUs; not to be shared between threads."""

    def __init__(self, connection: socket.socket) -> None:
        self.connection = connection
        self._buffer = bytearray(_BUFFER)
        self._view = memoryview(self._buffer)
        self._start = self._end = 0

    def head(self) -> tuple[int, int]:
        """Return (type, length) of the next PDU. Raises Ended."""
        self._need(6)
        kind, _, length = _PDU.unpack_from(self._buffer, self._start)
        self._start += 6
        return kind, length

    def pdv_head(self) -> tuple[int, int, int]:
        """Return (length, context, control) of the next value. Raises Ended."""
        self._need(6)
        found = _PDV.unpack_from(self._buffer, self._start)
        self._start += 6
        return found

    def some(self, most: int) -> bytes:
        """Return at least one byte and at most so many. Raises Ended."""
        if self._start == self._end:
            self._start = self._end = 0
            self._fill()
        stop = min(self._end, self._start + most)
        piece = bytes(self._view[self._start : stop])
        self._start = stop
        return piece

    def exactly(self, count: int) -> bytes:
        """Return so many bytes. Raises Ended."""
        pieces = []
        while count:
            pieces.append(self.some(count))
            count -= len(pieces[-1])
        return b"".join(pieces)

    def _need(self, count: int) -> None:
        while self._end - self._start < count:
            if self._start + count > _BUFFER:
                left = self._end - self._start
                self._buffer[:left] = self._buffer[self._start : self._end]
                self._start, self._end = 0, left
            self._fill()

    def _fill(self) -> None:
        try:
            taken = self.connection.recv_into(self._view[self._end :])
        except TimeoutError:
            raise Ended("silent") from None
        except OSError:
            taken = 0
        if not taken:
            raise Ended("closed")
        self._end += taken

    def send(self, *pieces: bytes | memoryview) -> None:
        """Send bytes. Raises Ended."""
        try:
            self.connection.sendall(b"".join(pieces))
        except OSError:
            raise Ended("closed") from None

    def has_more(self) -> bool:
        """Say whether something came that was not read yet."""
        if self._start < self._end:
            return True
        if isinstance(self.connection, ssl.SSLSocket) and self.connection.pending():
            return True
        return bool(select.select([self.connection], [], [], 0)[0])

    def abort(self) -> None:
        """Send A-ABORT and close."""
        with contextlib.suppress(Ended):
            self.send(_PDU.pack(ABORT, 0, 4), b"\0\0\0\0")
        self.close()

    def close(self) -> None:
        """Close it."""
        with contextlib.suppress(OSError):
            self.connection.shutdown(socket.SHUT_RDWR)
        self.connection.close()


class Association:
    """An established association, from either side.

    Parameters
    ----------
    wire : Wire
    contexts : mapping
        What was accepted, by number.
    peer_limit : int
        The largest PDU that the peer takes; 0 is any.
    """

    def __init__(self, wire: Wire, contexts: Mapping[int, Context], *, peer_limit: int) -> None:
        self.wire = wire
        self.contexts = contexts
        self._room = max((min(peer_limit, _LARGEST_SENT) if peer_limit else _LARGEST_SENT) - 6, 64)
        self._pdu_left = 0
        self._message = 0

    def next_command(self) -> Command:
        """Return the next command; its data set, where it has one, must be read before the next.

        Raises
        ------
        Ended
            Also when the peer releases the association, which is answered.
        """
        held, is_last, number = bytearray(), False, 0
        while not is_last:
            left, context, control = self._pdv()
            if not control & _COMMAND or len(held) + left > _LONGEST_COMMAND or (held and context != number):
                raise Ended("no command")
            held += self.wire.exactly(left)
            number, is_last = context, bool(control & _LAST)
        try:
            return parse_command(number, bytes(held))
        except Irregular:
            raise Ended("no command set") from None

    def data_set(self, command: Command) -> Iterator[bytes]:
        """Yield the data set of the command that was just read, in pieces. Raises Ended."""
        is_last = not command.has_data_set
        while not is_last:
            left, context, control = self._pdv()
            if control & _COMMAND or context != command.context:
                raise Ended("no data set")
            while left:
                piece = self.wire.some(left)
                left -= len(piece)
                yield piece
            is_last = bool(control & _LAST)

    def identifier(self, command: Command) -> bytes:
        """Return a data set that is small by its nature. Raises Ended."""
        held = bytearray()
        for piece in self.data_set(command):
            held += piece
            if len(held) > _LONGEST_OTHER:
                raise Ended("too long")
        return bytes(held)

    def _pdv(self) -> tuple[int, int, int]:
        """Return (bytes that follow, context, control) of the next value."""
        while not self._pdu_left:
            kind, length = self.wire.head()
            if kind == RELEASE_RQ:
                self.wire.send(_PDU.pack(RELEASE_RP, 0, 4), b"\0\0\0\0")
                raise Ended("released", is_orderly=True)
            if kind != P_DATA:
                raise Ended("aborted" if kind == ABORT else "no data")
            self._pdu_left = length
        if self._pdu_left < 6:
            raise Ended("no value")
        length, context, control = self.wire.pdv_head()
        self._pdu_left -= 4 + length
        if length < 2 or self._pdu_left < 0 or context not in self.contexts:
            raise Ended("no value")
        return length - 2, context, control

    def answer(
        self, asked: Command, status: int, more: Mapping[Element, int | str] = {}, *, data_set: bytes | None = None
    ) -> None:
        """Answer a command, with a data set where there is one. Raises Ended."""
        encoded = answer_set(asked, status, more, has_data_set=data_set is not None)
        pieces = [_framed(asked.context, encoded, _COMMAND | _LAST)]
        if data_set is not None:
            pieces += self._values(asked.context, data_set)
        self.wire.send(*pieces)

    def _values(self, context: int, data: bytes) -> Iterator[bytes]:
        for start in range(0, max(len(data), 1), self._room):
            stop = start + self._room
            yield _framed(context, data[start:stop], _LAST if stop >= len(data) else 0)

    def store(self, context: int, values: Mapping[Element, int | str], source: BinaryIO, size: int) -> int:
        """Send an object by C-STORE, its data set being the next `size` bytes of `source`; return the peer's status.

        Raises
        ------
        Ended
        """
        self._message = self._message % 0xFFFF + 1
        told = {Element.FIELD: int(Field.C_STORE), Element.PRIORITY: 0, Element.MESSAGE: self._message, **values}
        held = _framed(context, command_set(told, has_data_set=True), _COMMAND | _LAST)
        while size > 0:
            piece = source.read(min(size, self._room))
            if not piece:
                raise Ended("the object is shorter than it was")
            size -= len(piece)
            self.wire.send(held, _framed(context, piece, 0 if size else _LAST))
            held = b""
        while True:
            came = self.next_command()
            if came.number(Element.FIELD) == Field.C_STORE | ANSWER:
                return came.number(Element.STATUS)
            for _ in self.data_set(came):
                pass

    def is_cancelled(self) -> bool:
        """Say whether the peer wants no more answers (C-CANCEL is all that it may send meanwhile). Raises Ended."""
        if not self.wire.has_more():
            return False
        return self.next_command().number(Element.FIELD) == Field.C_CANCEL

    def release(self) -> None:
        """End it in order, as its requestor."""
        with contextlib.suppress(Ended):
            self.wire.send(_PDU.pack(RELEASE_RQ, 0, 4), b"\0\0\0\0")
            while (found := self.wire.head())[0] not in (RELEASE_RP, ABORT):
                self.wire.exactly(found[1])
        self.wire.close()


def _framed(context: int, data: bytes, control: int) -> bytes:
    return b"".join((_PDU.pack(P_DATA, 0, len(data) + 6), _PDV.pack(len(data) + 2, context, control), data))
