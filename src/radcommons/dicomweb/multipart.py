"""multipart/related (RFC 2387, PS3.18 section 8.6.1.2) as a stream: read and written in constant memory."""

from __future__ import annotations

import re
import secrets
from collections import deque
from collections.abc import AsyncIterable, AsyncIterator, Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache

from python_multipart.multipart import parse_options_header

from radcommons.dicomweb.errors import MultipartError, UnsupportedMedia

# RFC 2046 section 5.1.1: 1 to 70 of these characters, not ending with a space.
_BOUNDARY = re.compile(rb"[0-9A-Za-z'()+_,\-./:=? ]{0,69}[0-9A-Za-z'()+_,\-./:=?]")
# A preamble has no meaning (RFC 2046 section 5.1.1); a long one is an attack or another format.
_PREAMBLE_LIMIT = 64 * 1024
_HEADER_LIMIT = 16 * 1024
# The name of a header (RFC 9110 section 5.6.2).
_TOKEN = re.compile(rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")

# What a body holds, in order: a new part's headers (names in lower case), bytes of the part, None at its end.
Event = dict[str, str] | memoryview | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One part: its headers (names in lower case) and its bytes, to be read before the next part is asked for."""

    headers: Mapping[str, str]
    chunks: AsyncIterator[bytes]

    @property
    def content_type(self) -> str:
        """Return the media type of the part without parameters, in lower case, or an empty string."""
        return media_type(self.headers.get("content-type", ""))

    async def read(self, *, limit: int) -> bytes:
        """Return the bytes of a small part.

        Raises
        ------
        MultipartError
            If it holds more than `limit` bytes.
        """
        held = bytearray()
        async for chunk in self.chunks:
            held += chunk
            if len(held) > limit:
                raise MultipartError(f"A part is larger than {limit} bytes.")
        return bytes(held)


def media_type(text: str) -> str:
    """Return the media type of a Content-Type header without its parameters, in lower case."""
    return text.split(";", 1)[0].strip().lower()


@lru_cache(maxsize=256)
def boundary_of(content_type: str, *, related_type: str | None = None) -> bytes:
    """Return the boundary that a multipart/related Content-Type names.

    Parameters
    ----------
    content_type : str
    related_type : str, optional
        The media type that the ``type`` parameter has to name when it is present, as ``application/dicom``.

    Raises
    ------
    UnsupportedMedia
        If it is no multipart/related, or of another ``type``.
    MultipartError
        If the boundary is missing or against RFC 2046.
    """
    kind, options = parse_options_header(content_type)
    if kind != b"multipart/related":
        raise UnsupportedMedia("The body is not multipart/related.", mend="Send PS3.18 section 10.5.1 media types.")
    named = options.get(b"type", b"").decode("latin-1").strip().lower()
    if related_type is not None and named and named != related_type:
        raise UnsupportedMedia(f"The parts are not {related_type}.")
    boundary = options.get(b"boundary", b"")
    if not _BOUNDARY.fullmatch(boundary):
        raise MultipartError("The Content-Type names no boundary of RFC 2046 (1 to 70 characters).")
    return boundary


class PartParser:
    """Takes a multipart/related body chunk by chunk and tells what it holds.

    Parameters
    ----------
    content_type : str
        The message's Content-Type header.
    related_type : str, optional
        See `boundary_of`.

    Raises
    ------
    UnsupportedMedia, MultipartError

    Notes
    -----
    Memory: a chunk, and of the chunk before no more than could be the beginning of a delimiter or a part's headers.
    Bytes are told as views of their chunk: who keeps one keeps the chunk.

    References
    ----------
    RFC 2046 section 5.1.1.
    """

    def __init__(self, content_type: str, *, related_type: str | None = None) -> None:
        self._delimiter = b"\r\n--" + boundary_of(content_type, related_type=related_type)
        self._held = b"\r\n"  # the first delimiter may stand at the very start, where no line break precedes it
        self._at = 0  # what stands before was told
        self._is_new = True
        self._step: Callable[[list[Event]], bool] = self._preamble
        self.is_finished = False

    def feed(self, chunk: bytes) -> list[Event]:
        """Return what a chunk brings: a new part's headers, bytes of the part, None at its end.

        Raises
        ------
        MultipartError
            If the framing is broken.
        """
        found: list[Event] = []
        if self.is_finished:  # an epilogue has no meaning
            return found
        left = self._held[self._at :]
        if self._is_new and chunk.startswith(self._delimiter[2:]):
            left, self._step, self._at = b"", self._line, len(self._delimiter) - 2
        else:
            self._at = 0
        self._held, self._is_new = left + chunk if left else chunk, False
        while self._step(found):
            pass
        return found

    def close(self) -> None:
        """Say that the body is over. Raises MultipartError if its closing delimiter has not come."""
        if self._step == self._preamble:
            raise MultipartError("The body holds no part: its boundary never comes.")
        if not self.is_finished:
            raise MultipartError("The body ends before its closing boundary.", mend="Send it again.")

    # Each step tells what it finds from `_at` on, and returns False when it needs more bytes.

    def _preamble(self, found: list[Event]) -> bool:
        at = self._held.find(self._delimiter)
        if at < 0:
            if len(self._held) > _PREAMBLE_LIMIT:
                raise MultipartError("The body does not begin with its boundary.")
            return False
        self._go(at + len(self._delimiter), self._line)
        return True

    def _line(self, found: list[Event]) -> bool:
        """Read what follows a delimiter in its line: nothing but padding, or two hyphens after the last part."""
        held, at = self._held, self._at
        if len(held) < at + 2:
            return False
        if held.startswith(b"--", at):
            self.is_finished = True
            self._held, self._at = b"", 0
            return False
        end = held.find(b"\r\n", at)
        padding = held[at : end if end >= 0 else min(len(held), at + _HEADER_LIMIT + 1)]
        if len(padding) > _HEADER_LIMIT or padding.removesuffix(b"\r" if end < 0 else b"").strip(b" \t"):
            raise MultipartError("The multipart body breaks its own framing.")
        if end < 0:
            return False
        self._go(end, self._headers)  # at the line break, so that no header at all ends as some do
        return True

    def _headers(self, found: list[Event]) -> bool:
        end = self._held.find(b"\r\n\r\n", self._at)
        if (end if end >= 0 else len(self._held)) - self._at > _HEADER_LIMIT:
            raise MultipartError(f"The headers of a part are larger than {_HEADER_LIMIT} bytes.")
        if end < 0:
            return False
        found.append(_fields(self._held[self._at : end]))
        self._go(end + 2, self._first)  # at the empty line: a part without any byte has its delimiter's break there
        return True

    def _first(self, found: list[Event]) -> bool:
        """Tell a part that is empty, whose delimiter may come right after its headers, from one with bytes."""
        ahead = self._held[self._at : self._at + len(self._delimiter)]
        if len(ahead) < len(self._delimiter) and self._delimiter.startswith(ahead):
            return False
        self._go(self._at if ahead == self._delimiter else self._at + 2, self._data)
        return True

    def _data(self, found: list[Event]) -> bool:
        held, start = self._held, self._at
        at = held.find(self._delimiter, start)
        if at >= 0:
            if at > start:
                found.append(memoryview(held)[start:at])
            found.append(None)
            self._go(at + len(self._delimiter), self._line)
            return True
        keep = held.find(b"\r", max(start, len(held) - len(self._delimiter) + 1))
        while keep >= 0 and not self._delimiter.startswith(held[keep:]):
            keep = held.find(b"\r", keep + 1)
        if keep < 0:
            keep = len(held)
        if keep > start:
            found.append(memoryview(held)[start:keep])
        self._at = keep
        return False

    def _go(self, at: int, step: Callable[[list[Event]], bool]) -> None:
        self._at, self._step = at, step


def _fields(head: bytes) -> dict[str, str]:
    """Return the headers of a part, names in lower case."""
    fields: dict[str, str] = {}
    for line in head.split(b"\r\n")[1:]:
        name, colon, value = line.partition(b":")
        if not colon or not _TOKEN.fullmatch(name):
            # The words stop here: they would quote what the peer sent.
            raise MultipartError("The multipart body breaks its own framing.")
        fields[name.decode("ascii").lower()] = value.decode("latin-1").strip()
    return fields


async def parts(
    stream: AsyncIterable[bytes], content_type: str, *, related_type: str | None = None
) -> AsyncIterator[Part]:
    """Yield the parts of a multipart/related message as they arrive.

    Parameters
    ----------
    stream : async iterable of bytes
        The body, in chunks of any size.
    content_type : str
        The message's Content-Type header.
    related_type : str, optional
        See `boundary_of`.

    Yields
    ------
    Part
        What is left unread of a part is skipped when the next one is asked for.

    Raises
    ------
    UnsupportedMedia, MultipartError
        Also when the stream ends before the closing delimiter; parts before that have been yielded.

    Notes
    -----
    PHI: passes through, nothing is kept or logged. Memory: one chunk of the stream.

    References
    ----------
    PS3.18 section 8.6.1.2.2; RFC 2046 section 5.1.
    """
    parser = PartParser(content_type, related_type=related_type)
    queue: deque[Event] = deque()
    source = aiter(stream)

    async def next_event() -> Event:
        while not queue:
            try:
                chunk = await anext(source)
            except StopAsyncIteration:
                parser.close()
                raise
            queue.extend(parser.feed(chunk))
        return queue.popleft()

    async def chunks() -> AsyncIterator[bytes]:
        while isinstance(event := await next_event(), memoryview):
            yield bytes(event)

    while True:
        try:
            event = await next_event()  # to the very end: the peer waits until an epilogue is read as well
        except StopAsyncIteration:
            return
        if isinstance(event, dict):
            part = Part(headers=event, chunks=chunks())
            yield part
            async for _ in part.chunks:
                pass


def new_boundary() -> str:
    """Return a boundary that no object holds by chance (128 random bits)."""
    return "radcommons-" + secrets.token_hex(16)


def related(media: str, *, boundary: str, **parameters: str) -> str:
    """Return the Content-Type of a multipart/related message whose parts are of type `media`."""
    more = "".join(f'; {name.replace("_", "-")}="{value}"' for name, value in parameters.items())
    return f'multipart/related; type="{media}"; boundary={boundary}{more}'


def write_parts(messages: Iterable[tuple[Mapping[str, str], Iterable[bytes]]], *, boundary: str) -> Iterator[bytes]:
    """Yield the bytes of a multipart message: each message is (headers, chunks). Memory: one chunk."""
    for headers, chunks in messages:
        lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        yield f"--{boundary}\r\n{lines}\r\n".encode("latin-1")
        yield from chunks
        yield b"\r\n"
    yield f"--{boundary}--\r\n".encode("latin-1")


def framed_size(headers: Mapping[str, str], size: int, *, boundary: str) -> int:
    """Return how many bytes a part of `size` bytes takes in a message, so that a Content-Length can be told."""
    return sum(len(f"{name}: {value}\r\n") for name, value in headers.items()) + len(boundary) + size + 8
