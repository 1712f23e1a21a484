"""multipart/related (RFC 2387, PS3.18 section 8.6.1.2) as a stream: read and written in constant memory."""

from __future__ import annotations

import re
import secrets
from collections import deque
from collections.abc import AsyncIterable, AsyncIterator, Iterable, Iterator, Mapping
from dataclasses import dataclass

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

from radcommons.dicomweb.errors import MultipartError, UnsupportedMedia

# RFC 2046 section 5.1.1: 1 to 70 of these characters, not ending with a space.
_BOUNDARY = re.compile(rb"[0-9A-Za-z'()+_,\-./:=? ]{0,69}[0-9A-Za-z'()+_,\-./:=?]")
# A preamble has no meaning (RFC 2046 section 5.1.1); a long one is an attack or another format.
_PREAMBLE_LIMIT = 64 * 1024
_HEADER_LIMIT = 16 * 1024


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


class _Events:
    """Collects what the parser calls back, in order: ``bytes`` is data, a dict is a new part, None its end."""

    def __init__(self, boundary: bytes) -> None:
        self.queue: deque[bytes | dict[str, str] | None] = deque()
        self.finished = False
        self._headers: dict[str, str] = {}
        self._name = bytearray()
        self._value = bytearray()
        self._size = 0
        self._parser = MultipartParser(
            boundary,
            {
                "on_part_begin": self._begin,
                "on_header_field": self._field,
                "on_header_value": self._text,
                "on_header_end": self._header,
                "on_headers_finished": lambda: self.queue.append(self._headers),
                "on_part_data": lambda data, start, end: self.queue.append(data[start:end]),
                "on_part_end": lambda: self.queue.append(None),
                "on_end": self._finish,
            },
            max_header_size=_HEADER_LIMIT,
        )

    def feed(self, chunk: bytes) -> None:
        try:
            self._parser.write(chunk)
        except FormParserError:
            # The parser's own words quote the byte that it met, so they stop here.
            raise MultipartError("The multipart body breaks its own framing.") from None

    def _begin(self) -> None:
        self._headers = {}
        self._size = 0

    def _field(self, data: bytes, start: int, end: int) -> None:
        self._name += data[start:end]

    def _text(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]

    def _header(self) -> None:
        self._headers[self._name.decode("ascii").lower()] = self._value.decode("latin-1").strip()
        self._size += len(self._name) + len(self._value)
        self._name.clear()
        self._value.clear()
        if self._size > _HEADER_LIMIT:
            raise MultipartError(f"The headers of a part are larger than {_HEADER_LIMIT} bytes.")

    def _finish(self) -> None:
        self.finished = True


async def _without_preamble(stream: AsyncIterable[bytes], delimiter: bytes) -> AsyncIterator[bytes]:
    """Yield the stream from its first delimiter line on."""
    held = b"\r\n"  # the first delimiter may stand at the very start, where no line break precedes it
    found = False
    async for chunk in stream:
        if found:
            yield chunk
            continue
        held += chunk
        at = held.find(b"\r\n" + delimiter)
        if at >= 0:
            found = True
            yield held[at + 2 :]
            held = b""
        elif len(held) > _PREAMBLE_LIMIT:
            raise MultipartError("The body does not begin with its boundary.")
    if not found:
        raise MultipartError("The body holds no part: its boundary never comes.")


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
    boundary = boundary_of(content_type, related_type=related_type)
    events = _Events(boundary)
    source = _without_preamble(stream, b"--" + boundary)

    async def next_event() -> bytes | dict[str, str] | None:
        while not events.queue:
            if events.finished:
                raise StopAsyncIteration
            try:
                chunk = await anext(source)
            except StopAsyncIteration:
                raise MultipartError("The body ends before its closing boundary.", mend="Send it again.") from None
            events.feed(chunk)
        return events.queue.popleft()

    async def chunks() -> AsyncIterator[bytes]:
        while isinstance(event := await next_event(), bytes):
            yield event

    while True:
        try:
            event = await next_event()
        except StopAsyncIteration:
            break
        if isinstance(event, dict):
            part = Part(headers=event, chunks=chunks())
            yield part
            async for _ in part.chunks:
                pass
    async for _ in source:  # an epilogue has no meaning, yet the peer waits until it is read
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
