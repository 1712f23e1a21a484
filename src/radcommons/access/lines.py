"""Kept HTTP/1.1 connections of a client, one a thread and host, on the standard library: quick to load and to read.

A proxy of the environment (``HTTPS_PROXY``, ``NO_PROXY``) is used; redirects are the caller's business.
"""

from __future__ import annotations

import http.client
import os
import socket
import ssl
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from importlib.metadata import version
from typing import cast
from urllib.parse import SplitResult, urlsplit
from urllib.request import getproxies, proxy_bypass

CONNECT_S, SILENCE_S = 10.0, 60.0
_LONGEST_LINE, _MOST_HEADERS = 1 << 16, 200


class LineError(Exception):
    """The connection failed or broke; its text names the kind of fault, and no address."""


class _Response(http.client.HTTPResponse):
    """The standard library's response, whose headers are read as plain lines: its parser of e-mail takes longer."""

    def begin(self) -> None:
        """Read status and headers. Raises HTTPException."""
        status = http.client.CONTINUE
        while status == http.client.CONTINUE:
            line = self.fp.readline(_LONGEST_LINE + 1)
            words = line.split(None, 2)
            if (
                len(line) > _LONGEST_LINE
                or len(words) < 2
                or not words[0].startswith(b"HTTP/1.")
                or not words[1].isdigit()
            ):
                raise http.client.BadStatusLine("")
            status, self.fields = int(words[1]), self._read_fields()
        self.status = self.code = status
        self.version = 10 if words[0] == b"HTTP/1.0" else 11
        connection = self.fields.get("connection", "").lower()
        self.chunked = "chunked" in self.fields.get("transfer-encoding", "").lower()
        self.chunk_left = None
        told = self.fields.get("content-length", "")
        self.length = int(told) if told.isdecimal() and not self.chunked else None
        if status in (http.client.NO_CONTENT, http.client.NOT_MODIFIED):
            self.length = 0
        is_last = "close" in connection or (self.version == 10 and "keep-alive" not in connection)
        self.will_close = is_last or (self.length is None and not self.chunked)

    def _read_fields(self) -> dict[str, str]:
        found: dict[str, str] = {}
        for _ in range(_MOST_HEADERS):
            line = self.fp.readline(_LONGEST_LINE + 1)
            if len(line) > _LONGEST_LINE:
                break
            if line in (b"\r\n", b"\n", b""):
                return found
            name, _, value = line.decode("latin-1").partition(":")
            found[name.strip().lower()] = value.strip()
        raise http.client.LineTooLong("header line")


class Answer:
    """An answer whose body is read as it comes."""

    def __init__(self, response: _Response) -> None:
        self._response = response
        self.status = response.status

    def header(self, name: str) -> str:
        """Return a header's value, empty where it is absent."""
        return self._response.fields.get(name.lower(), "")

    def readinto(self, buffer: memoryview) -> int:
        """Fill some of a buffer and return how much; 0 at the end, also at one that came early. Raises LineError."""
        with _named():
            return self._response.readinto(buffer)

    def read(self) -> bytes:
        """Return all that is left. Raises LineError."""
        with _named():
            return self._response.read()

    @property
    def is_over(self) -> bool:
        """Say whether the body was read to its end, so that the connection can be used again."""
        return self._response.isclosed()


@contextmanager
def _named() -> Iterator[None]:
    try:
        yield
    except (OSError, http.client.HTTPException) as error:
        raise LineError(type(error).__name__) from None


class Lines:
    """Connections that are kept; each thread has its own to each host."""

    def __init__(self) -> None:
        self._own = threading.local()
        self._lock = threading.Lock()
        self._all: list[http.client.HTTPConnection] = []
        self._context: ssl.SSLContext | None = None
        self._proxies: dict[tuple[str, str], str] = {}
        self._agent = f"radcommons/{version('radcommons')}"

    def close(self) -> None:
        """Close every connection."""
        with self._lock:
            for one in self._all:
                one.close()
            self._all.clear()

    def cut(self) -> None:
        """End every connection from another thread: who waits for bytes gets a LineError at once."""
        with self._lock:
            for one in self._all:
                if (line := one.sock) is not None:
                    with suppress(OSError):
                        line.shutdown(socket.SHUT_RDWR)

    @contextmanager
    def get(self, url: str, *, headers: Mapping[str, str]) -> Iterator[Answer]:
        """Yield the answer to a GET. Raises LineError.

        A connection that the other side closed while it was idle is replaced once; one with bytes left is not kept.
        """
        parts = urlsplit(url)
        path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        if self._is_absolute(parts):
            path = url
        sent = {"User-Agent": self._agent, "Accept-Encoding": "identity", **headers}
        held: dict[tuple[str, str], http.client.HTTPConnection] = self._own.__dict__.setdefault("held", {})
        key = parts.scheme, parts.netloc
        answer: Answer | None = None
        for kept in (held.pop(key, None), None):
            line = kept or self._opened(parts)
            try:
                with _named():
                    line.request("GET", path, headers=sent)
                    answer = Answer(cast(_Response, line.getresponse()))
                break
            except LineError:
                line.close()
                if kept is None:
                    raise
        assert answer is not None
        try:
            yield answer
        finally:
            if answer.is_over and line.sock is not None:
                held[key] = line
            else:
                line.close()

    def _opened(self, parts: SplitResult) -> http.client.HTTPConnection:
        host, port = parts.hostname or "", parts.port
        proxy = self._proxy(parts)
        via = urlsplit(proxy if "://" in proxy else f"http://{proxy}") if proxy else None
        to, at = (via.hostname or "", via.port) if via else (host, port)
        line: http.client.HTTPConnection
        if parts.scheme == "https":
            line = http.client.HTTPSConnection(to, at, timeout=CONNECT_S, context=self._secured())
            if via:
                line.set_tunnel(host, port)
        else:
            line = http.client.HTTPConnection(to, at, timeout=CONNECT_S)
        line.response_class = _Response
        with _named():
            line.connect()
        line.sock.settimeout(SILENCE_S)
        line.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with self._lock:
            self._all = [*(one for one in self._all if one.sock is not None), line]
        return line

    def _proxy(self, parts: SplitResult) -> str:
        """Return the proxy of the environment for a host, empty where there is none; looked up once."""
        key = parts.scheme, parts.netloc
        found = self._proxies.get(key)
        if found is None:
            found = "" if proxy_bypass(parts.hostname or "") else getproxies().get(parts.scheme, "")
            self._proxies[key] = found
        return found

    def _is_absolute(self, parts: SplitResult) -> bool:
        """Say whether the request goes to a proxy that must be told the whole address (RFC 9112 section 3.2.2)."""
        return parts.scheme == "http" and bool(self._proxy(parts))

    def _secured(self) -> ssl.SSLContext:
        with self._lock:
            if self._context is None:
                self._context = ssl.create_default_context()
                if not os.environ.get("SSL_CERT_FILE"):
                    import certifi  # what a Python without the system's certificates knows

                    self._context.load_verify_locations(certifi.where())
            return self._context
