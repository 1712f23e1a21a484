"""The hub over HTTP as a client sees it: a token that is never shown, retries with patience, clear refusals."""

from __future__ import annotations

import json
import random
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from importlib.metadata import version
from types import TracebackType
from typing import Any
from urllib.parse import quote, urlsplit

import httpx

from radcommons.records.errors import Conflict, NotFound, NotPermitted, PeerError, SignInRequired, UsageError, Withdrawn

ATTEMPTS = 6
_PATIENCE_S = 20.0
_RETRIED = frozenset({408, 425, 429, 500, 502, 503, 504})
_REFUSALS = {401: SignInRequired, 403: NotPermitted, 404: NotFound, 409: Conflict, 410: Withdrawn}

Sleep = Callable[[float], None]


def hub_address(text: str) -> str:
    """Return a hub's address without a trailing slash.

    Raises
    ------
    UsageError
        If it is no http(s) URL, or carries a user name or password.
    """
    parts = urlsplit(text)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise UsageError("The hub's address is no http or https URL.", mend="Give it as https://hub.example.org.")
    if parts.username or parts.password:
        raise UsageError("The hub's address carries a password.", mend="Use --token or RADCOMMONS_TOKEN.")
    return f"{parts.scheme}://{parts.netloc}{parts.path}".rstrip("/")


class HubClient:
    """Requests to one hub; safe to use from many threads.

    Parameters
    ----------
    hub : str
        Its address.
    token : str or None
        Sent in the Authorization header alone, and to this hub alone: redirects are not followed.
    connections : int
    sleep : callable
        Waits between attempts; a test gives its own.
    """

    def __init__(self, hub: str, *, token: str | None = None, connections: int = 8, sleep: Sleep = time.sleep) -> None:
        self.hub = hub_address(hub)
        self._sleep = sleep
        headers = {"User-Agent": f"radcommons/{version('radcommons')}"}
        if token:
            headers["Authorization"] = f"Bearer {token}"
        self._http = httpx.Client(
            headers=headers,
            timeout=httpx.Timeout(60.0, connect=10.0),
            limits=httpx.Limits(max_connections=connections, max_keepalive_connections=connections),
            follow_redirects=False,
        )

    def __repr__(self) -> str:
        return f"HubClient({self.hub})"

    def __enter__(self) -> HubClient:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._http.close()

    def get(self, path: str, *, params: Sequence[tuple[str, str]] = (), accept: str = "*/*") -> bytes:
        """Return the body of a small document.

        Raises
        ------
        SignInRequired, NotPermitted, NotFound, Withdrawn, Conflict, UsageError
            What the hub refused.
        PeerError
            When it did not answer, also after `ATTEMPTS` attempts.
        """
        last = ""
        for attempt in range(ATTEMPTS):
            try:
                answer = self._http.get(
                    self.hub + path, params=httpx.QueryParams(list(params)), headers={"Accept": accept}
                )
            except httpx.TransportError as error:
                last = type(error).__name__
            else:
                if answer.status_code not in _RETRIED:
                    raise_for(answer.status_code, answer.content)
                    return answer.content
                last = f"status {answer.status_code}"
            self.wait(attempt)
        raise self.gone_silent(last)

    @contextmanager
    def stream(self, path: str, *, start: int = 0) -> Iterator[tuple[bool, Iterator[bytes]]]:
        """Yield (whether it begins at `start`, chunks) of a large object; one attempt.

        Raises
        ------
        Interrupted
            When another attempt may do better.
        SignInRequired, NotPermitted, NotFound, Withdrawn, Conflict, UsageError
        """
        headers = {"Accept-Encoding": "identity"} | ({"Range": f"bytes={start}-"} if start else {})
        try:
            with self._http.stream("GET", self.hub + path, headers=headers) as answer:
                if answer.status_code in _RETRIED:
                    raise Interrupted(f"status {answer.status_code}")
                if answer.status_code == 416:
                    raise Interrupted("status 416")
                if answer.status_code not in (200, 206):
                    raise_for(answer.status_code, answer.read())
                yield answer.status_code == 206, answer.iter_raw(1 << 18)
        except httpx.TransportError as error:
            raise Interrupted(type(error).__name__) from None

    def wait(self, attempt: int) -> None:
        """Wait before the next attempt: 0.4, 0.8, 1.6 ... seconds, spread so that clients do not return at once."""
        if attempt + 1 < ATTEMPTS:
            # Spreading load needs no secrecy.
            self._sleep(min(0.4 * 2**attempt, _PATIENCE_S) * random.uniform(0.75, 1.25))  # noqa: S311

    def gone_silent(self, last: str) -> PeerError:
        """Return the error for a hub that did not answer."""
        return PeerError(
            f"The hub did not answer after {ATTEMPTS} attempts ({last}).",
            mend="Run the same command later: what arrived is kept.",
        )


class Interrupted(Exception):
    """One attempt failed in a way that another may not."""


def raise_for(status: int, body: bytes) -> None:
    """Raise the error that a refusal stands for; 2xx passes.

    Raises
    ------
    SignInRequired, NotPermitted, NotFound, Withdrawn, Conflict, UsageError, PeerError
    """
    if 200 <= status < 300:
        return
    what, mend = _problem(body)
    if status in _REFUSALS:
        raise _REFUSALS[status](what or f"The hub answered with status {status}.", mend=mend)
    if 400 <= status < 500:
        raise UsageError(what or f"The hub refused with status {status}.", mend=mend)
    raise PeerError(f"The hub answered with status {status}.", mend="Is this the address of a hub?")


def _problem(body: bytes) -> tuple[str, str]:
    """Return (what, mend) of a problem document (RFC 9457), empty where there is none."""
    try:
        members: Any = json.loads(body)
        return str(members.get("detail") or members.get("title") or "")[:400], str(members.get("mend") or "")[:400]
    except (ValueError, AttributeError):
        return "", ""


def segment(text: str) -> str:
    """Return text as one path segment of a URL."""
    return quote(text, safe="")
