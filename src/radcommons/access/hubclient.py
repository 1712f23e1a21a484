"""The hub over HTTP as a client sees it: a token that is never shown, retries with patience, clear refusals."""

from __future__ import annotations

import json
import random
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from types import TracebackType
from typing import Any
from urllib.parse import quote, urlencode, urljoin, urlsplit

from radcommons.access.lines import Answer, LineError, Lines
from radcommons.records.errors import Conflict, NotFound, NotPermitted, PeerError, SignInRequired, UsageError, Withdrawn

ATTEMPTS = 6
_PATIENCE_S = 20.0
_RETRIED = frozenset({408, 425, 429, 500, 502, 503, 504})
_REDIRECTS = frozenset({302, 303, 307})
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
        Sent in the Authorization header alone, and to this hub alone: where a redirect leads, it does not go.
    sleep : callable
        Waits between attempts; a test gives its own.
    """

    def __init__(self, hub: str, *, token: str | None = None, sleep: Sleep = time.sleep) -> None:
        self.hub = hub_address(hub)
        self._sleep = sleep
        self._lines = Lines()
        self._headers = {"Authorization": f"Bearer {token}"} if token else {}

    def __repr__(self) -> str:
        return f"HubClient({self.hub})"

    def __enter__(self) -> HubClient:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._lines.close()

    def get(self, path: str, *, params: Sequence[tuple[str, str]] = (), accept: str = "*/*") -> bytes:
        """Return the body of a small document.

        Raises
        ------
        SignInRequired, NotPermitted, NotFound, Withdrawn, Conflict, UsageError
            What the hub refused.
        PeerError
            When it did not answer, also after `ATTEMPTS` attempts.
        """
        url = self.hub + path + (f"?{urlencode(params)}" if params else "")
        last = ""
        for attempt in range(ATTEMPTS):
            try:
                with self._lines.get(url, headers={**self._headers, "Accept": accept}) as answer:
                    content = answer.read()
                if answer.status not in _RETRIED:
                    raise_for(answer.status, content)
                    return content
                last = f"status {answer.status}"
            except LineError as error:
                last = str(error)
            self.wait(attempt)
        raise self.gone_silent(last)

    @contextmanager
    def stream(self, path: str, *, start: int = 0, tag: str = "") -> Iterator[tuple[bool, Answer]]:
        """Yield (whether it begins at `start`, the answer) of a large object; one attempt.

        Parameters
        ----------
        path : str
        start : int
            The first byte that is asked for.
        tag : str
            What the bytes are known by at the hub: were they others meanwhile, all of them come (RFC 9110, If-Range).

        Raises
        ------
        Interrupted
            When another attempt may do better.
        SignInRequired, NotPermitted, NotFound, Withdrawn, Conflict, UsageError
        """
        wanted = {"Range": f"bytes={start}-"} if start else {}
        guarded = {"If-Range": f'"{tag}"'} if start and tag else {}
        try:
            with self._lines.get(self.hub + path, headers={**self._headers, **wanted, **guarded}) as answer:
                if answer.status not in _REDIRECTS:
                    yield _checked(answer)
                    return
                answer.read()
                target = self._target(path, answer.header("location"))
            with self._lines.get(target, headers=wanted) as answer:
                # The store says no to an address that is over, or to an object that has just gone: the hub knows.
                if answer.status in (400, 403, 404):
                    raise Interrupted(f"status {answer.status} of the store")
                yield _checked(answer)
        except LineError as error:
            raise Interrupted(str(error)) from None

    def _target(self, path: str, location: str) -> str:
        """Return where a redirect leads. Raises PeerError where it would leave the encrypted line."""
        target = urljoin(self.hub + path, location)
        parts = urlsplit(target)
        if parts.scheme not in ("http", "https") or (self.hub.startswith("https:") and parts.scheme != "https"):
            raise PeerError("The hub sends to an address without encryption.", mend="Tell the coalition.")
        return target

    def cut(self) -> None:
        """End what is under way in other threads."""
        self._lines.cut()

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


def _checked(answer: Answer) -> tuple[bool, Answer]:
    """Return (whether it is the asked part, the answer). Raises what the answer refuses."""
    if answer.status in _RETRIED or answer.status == 416:
        raise Interrupted(f"status {answer.status}")
    if answer.status not in (200, 206):
        raise_for(answer.status, answer.read())
    return answer.status == 206, answer


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
