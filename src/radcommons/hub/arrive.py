"""Arrival: parts of a request, hashed on the way; long ones become files, so memory stays flat whatever their size."""

from __future__ import annotations

import hashlib
import io
import os
import secrets
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import BinaryIO

from radcommons.hub.bodies import TooLarge
from radcommons.platform.durable import disk_full_is_named

# A part that is longer goes to its file piece by piece as it comes; shorter ones wait in memory for one write.
PIECE = 2 << 20
# Enough of an object for its header; a longer one is read from the file.
HEAD = 64 << 10
# Names that nobody else gives, in this process or another.
_OURS, _NUMBERS = secrets.token_hex(8), count()


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrived:
    """A part of a request, whole: in memory where it is short, else in a temporary file."""

    source: str | bytes | memoryview = field(repr=False)
    digest: str
    size: int
    head: bytes = field(repr=False)

    def open(self) -> BinaryIO:
        """Return a reader of all of it."""
        return Path(self.source).open("rb") if isinstance(self.source, str) else io.BytesIO(self.source)


@dataclass(slots=True)
class Part:
    """One part in arrival; `write` and `settle` block, so they run beside the event loop."""

    folder: Path
    limit: int
    held: list[bytes | memoryview] = field(default_factory=list)
    waiting: int = 0
    size: int = 0
    _running: hashlib._Hash = field(default_factory=hashlib.sha256)
    _head: bytes = b""
    _path: str | None = None
    _descriptor: int = -1

    def put(self, chunk: bytes | memoryview) -> None:
        """Take some bytes, in a thread that may block. Raises TooLarge."""
        self.hold(chunk)
        if self.waiting >= PIECE:
            self.write()

    def hold(self, chunk: bytes | memoryview) -> None:
        """Take some bytes into memory, whose owner sees that it is written in time. Raises TooLarge."""
        self.held.append(chunk)
        self.waiting += len(chunk)
        self.size += len(chunk)
        if self.size > self.limit:
            raise TooLarge(f"An instance is larger than {self.limit} bytes.")

    def _taken(self) -> list[bytes | memoryview]:
        """Return what waits in memory, hashed."""
        pieces, self.held, self.waiting = self.held, [], 0
        for piece in pieces:
            self._running.update(piece)
            if len(self._head) < HEAD:
                self._head += piece[: HEAD - len(self._head)]
        return pieces

    def write(self) -> None:
        """Write and hash what waits in memory."""
        pieces = self._taken()
        with disk_full_is_named("arriving instances"):
            if self._path is None:
                self._path = f"{self.folder}{os.sep}{_OURS}-{next(_NUMBERS)}"
                self._descriptor = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o640)
            for piece in pieces:
                written = os.write(self._descriptor, piece)
                while written < len(piece):
                    written += os.write(self._descriptor, memoryview(piece)[written:])

    def settle(self, *, is_last: bool = True) -> Arrived:
        """Return the part, which is whole: in memory, unless some of it was written or others follow to wait with it.

        A file is flushed by the object store.
        """
        source: str | bytes | memoryview
        if self._path is None and is_last:
            pieces = self._taken()
            source = pieces[0] if len(pieces) == 1 else b"".join(pieces)
        else:
            self.write()
            assert self._path is not None
            source = self._path
            self._close()
        return Arrived(source=source, digest=self._running.hexdigest(), size=self.size, head=self._head)

    def _close(self) -> None:
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    def drop(self) -> None:
        """Forget the part; the file that was begun goes."""
        self._close()
        if self._path is not None:
            _remove(self._path)


def _remove(path: str) -> None:
    with suppress(FileNotFoundError):
        os.unlink(path)  # noqa: PTH108  (a string, on a hot path)


def clear(arrived: Sequence[Arrived]) -> None:
    """Remove the files of what arrived."""
    for one in arrived:
        if isinstance(one.source, str):
            _remove(one.source)
