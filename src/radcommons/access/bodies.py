"""Answers made of bytes in memory and of spans of stored objects, sent piece by piece without copies between.

What lies in the page cache is read at once, the rest in a thread, so that a slow disk holds nobody else up.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from starlette.concurrency import run_in_threadpool
from starlette.responses import FileResponse, Response
from starlette.types import Receive, Scope, Send

from radcommons.platform.objects import Objects

STEP = 1 << 20
# Pieces below this are sent together; joining larger ones costs more than a message.
_SMALL = 1 << 16
_NOWAIT = getattr(os, "RWF_NOWAIT", 0)


@dataclass(frozen=True, slots=True)
class Span:
    """Bytes of a stored object."""

    key: str
    offset: int
    length: int


Piece = bytes | Span


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
        self.status_code, self.media_type, self.background = status_code, media_type, None
        told = {} if length is None else {"content-length": str(length)}
        self.init_headers({**(headers or {}), **told})

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the answer. The first piece is made before the status is told, so that its failure is an error."""
        steps = self._steps()
        is_head = scope["method"] == "HEAD"
        first = None if is_head else await self._next(steps)
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        held, size = ([first], len(first)) if first is not None else ([], 0)
        while held:
            found = await self._next(steps)
            if found is not None and size + len(found) <= _SMALL:
                held.append(found)
                size += len(found)
                continue
            content = held[0] if len(held) == 1 else b"".join(held)
            await send({"type": "http.response.body", "body": content, "more_body": True})
            held, size = ([found], len(found)) if found is not None else ([], 0)
        await send({"type": "http.response.body", "body": b"", "more_body": False})

    async def _next(self, steps: Iterator[Piece]) -> bytes | None:
        piece = next(steps, None)
        if piece is None or isinstance(piece, bytes):
            return piece
        found = read_warm(self._objects, piece)
        return found if found is not None else await run_in_threadpool(read, self._objects, piece)

    def _steps(self) -> Iterator[Piece]:
        for piece in self._pieces:
            if isinstance(piece, bytes) or piece.length <= STEP:
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
