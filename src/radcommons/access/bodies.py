"""Answers made of bytes in memory and of spans of stored objects, sent piece by piece without copies between.

What lies in the page cache is read at once, the rest in a thread, so that a slow disk holds nobody else up.
"""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from starlette.concurrency import run_in_threadpool
from starlette.responses import FileResponse, Response
from starlette.types import Receive, Scope, Send

from radcommons.platform.objects import Objects

STEP = 1 << 20
# Pieces below this are sent together; joining larger ones costs more than a message.
_SMALL = 1 << 16
# A delimiter and what stands behind it.
_AHEAD = 2
_NOWAIT = getattr(os, "RWF_NOWAIT", 0)


@dataclass(frozen=True, slots=True)
class Span:
    """Bytes of a stored object."""

    key: str
    offset: int
    length: int


@dataclass(frozen=True, slots=True)
class Made:
    """Bytes that take a while to make: they are made in a thread when their turn comes."""

    make: Callable[[], bytes]


Piece = bytes | Span | Made


class Body(Response):
    """An answer of several pieces; its length is told where all of them are known before."""

    def __init__(
        self,
        pieces: Iterable[Piece],
        *,
        objects: Objects,
        media_type: str,
        headers: Mapping[str, str] | None = None,
        length: int | None = None,
        status_code: int = 200,
    ) -> None:
        self._pieces, self._objects = iter(pieces), objects
        self._is_short = length is not None and length <= STEP + _SMALL
        self.status_code, self.media_type, self.background = status_code, media_type, None
        told = {} if length is None else {"content-length": str(length)}
        self.init_headers({**(headers or {}), **told})

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the answer. The first of its content is made before the status is told, so its failure is an error."""
        steps = self._steps()
        if self._is_short and scope["method"] != "HEAD":
            # One message for all: each costs the server more than to join half a megabyte.
            made = [found async for found in self._all(steps)]
            await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
            await send({"type": "http.response.body", "body": b"".join(made), "more_body": False})
            return
        held: list[bytes] = []
        while scope["method"] != "HEAD" and len(held) < _AHEAD and (found := await self._next(steps)) is not None:
            held.append(found)
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        while held:
            next_one = await self._next(steps)
            if next_one is not None and sum(map(len, held)) + len(next_one) <= _SMALL:
                held.append(next_one)
                continue
            content = [b"".join(held)] if sum(map(len, held)) <= _SMALL else held
            for one in content:
                await send({"type": "http.response.body", "body": one, "more_body": True})
            held = [next_one] if next_one is not None else []
        await send({"type": "http.response.body", "body": b"", "more_body": False})

    async def _all(self, steps: Iterator[Piece]) -> AsyncIterator[bytes]:
        while (found := await self._next(steps)) is not None:
            yield found

    async def _next(self, steps: Iterator[Piece]) -> bytes | None:
        piece = next(steps, None)
        if piece is None or isinstance(piece, bytes):
            return piece
        if isinstance(piece, Made):
            return await run_in_threadpool(piece.make)
        found = read_warm(self._objects, piece)
        return found if found is not None else await run_in_threadpool(read, self._objects, piece)

    def _steps(self) -> Iterator[Piece]:
        for piece in self._pieces:
            if not isinstance(piece, Span) or piece.length <= STEP:
                yield piece
            else:
                for start in range(0, piece.length, STEP):
                    yield Span(piece.key, piece.offset + start, min(STEP, piece.length - start))


def read_warm(objects: Objects, span: Span) -> bytes | None:
    """Return the bytes of a span that lies in this machine's memory, None where reading them might wait."""
    path = objects.local_path(span.key) if _NOWAIT and span.length else None
    if path is None:
        return None
    try:
        file = os.open(path, os.O_RDONLY)
    except OSError:
        return None
    try:
        # The kernel reads ahead in larger steps than this probe's, so its last byte tells well enough.
        os.preadv(file, [bytearray(1)], span.offset + span.length - 1, _NOWAIT)
        found = os.pread(file, span.length, span.offset)
    except OSError:
        return None
    finally:
        os.close(file)
    return found if len(found) == span.length else None


def read(objects: Objects, span: Span) -> bytes:
    """Return the bytes of a span.

    Raises
    ------
    NotFound
        If the store does not hold the object.
    """
    return b"".join(objects.chunks(span.key, start=span.offset, end=span.offset + span.length))


class File(Response):
    """A whole local file, handed to the server by its name where it can take it from there."""

    def __init__(self, path: Path, *, size: int, media_type: str, headers: Mapping[str, str]) -> None:
        self._path = path
        self.status_code, self.media_type, self.background = 200, media_type, None
        self.init_headers({**headers, "content-length": str(size)})

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the file."""
        if scope["method"] == "HEAD" or "http.response.pathsend" not in scope.get("extensions", {}):
            await FileResponse(self._path, headers=dict(self.headers))(scope, receive, send)
            return
        await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
        await send({"type": "http.response.pathsend", "path": str(self._path)})
