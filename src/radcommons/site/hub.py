"""Speak to the coalition's hub: the few calls that a hospital makes, outbound only, repeated when the line drops."""

from __future__ import annotations

import random
import secrets
import ssl
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any

import httpx

from radcommons.records.errors import (
    Conflict,
    NotFound,
    NotPermitted,
    PeerError,
    RadcommonsError,
    SignInRequired,
    UsageError,
)
from radcommons.site.settings import SiteSettings, bytes_of, is_loopback

_TRIES = 7
_FIRST_PAUSE_S = 0.4
_LONGEST_PAUSE_S = 15.0
_PIECE = 1 << 20
# What says "later" rather than "no" (RFC 9110 section 15).
_LATER = frozenset((408, 425, 429, 500, 502, 503, 504))


@dataclass(frozen=True, slots=True)
class Hub:
    """A hub by its base URL and this hospital's token; safe to share between threads."""

    client: httpx.Client
    tries: int = _TRIES
    throttle: Throttle = field(default_factory=lambda: Throttle(None))
    # Seconds by which the hub's clock was ahead of ours, as each answer told; the last one counts.
    _ahead: deque[float] = field(default_factory=lambda: deque(maxlen=1))

    @classmethod
    def at(cls, url: str, *, token: str, tries: int = _TRIES) -> Hub:
        """Return a hub to speak to; proxies and private CAs come from the environment, except on this machine."""
        return cls(_client(url, token=token, proxy="", ca_file=""), tries)

    @classmethod
    def of(cls, settings: SiteSettings, *, token: str, tries: int = _TRIES) -> Hub:
        """Return the hub of a gateway, by the proxy, the private CA and the bandwidth that its settings name.

        Raises
        ------
        UsageError
            If the CA file or the proxy is none.
        """
        client = _client(settings.hub, token=token, proxy=settings.proxy, ca_file=settings.ca_file)
        return cls(client, tries, Throttle(bytes_of(settings.bandwidth)))

    def __enter__(self) -> Hub:
        return self

    def __exit__(self, *_: object) -> None:
        self.client.close()

    def register(self, site: str, *, public_key: str, name: str) -> dict[str, Any]:
        """Tell the hub this hospital's public key; the answer holds the hub's own."""
        return self._json("POST", f"/api/v1/sites/{site}/key", json={"public_key": public_key, "name": name})

    def submissions(self) -> list[dict[str, Any]]:
        """Return every submission of this hospital that the hub has."""
        listed = self._json("GET", "/api/v1/submissions").get("submissions")
        if not isinstance(listed, list):
            raise PeerError("The hub's list of submissions is none.")
        return [one for one in listed if isinstance(one, dict)]

    @property
    def clock_ahead_s(self) -> float | None:
        """By how many seconds the hub's clock was ahead of ours at its last answer; None when it did not say."""
        return self._ahead[0] if self._ahead else None

    def announce(self, document: bytes) -> dict[str, Any]:
        """Hand in a sealed submission; the same bytes give the same answer."""
        return self._json("POST", "/api/v1/submissions", content=document, headers=_JSON)

    def submission(self, identifier: str) -> dict[str, Any]:
        """Return what the hub says of a submission."""
        return self._json("GET", f"/api/v1/submissions/{identifier}")

    def receipt(self, identifier: str) -> dict[str, Any]:
        """Return the hub's sealed receipt; a Conflict says that bytes are missing."""
        return self._json("GET", f"/api/v1/submissions/{identifier}/receipt")

    def newest_checkpoint(self) -> str:
        """Return the newest checkpoint of the hub's audit trail, empty where there is none yet."""
        listed = self._json("GET", "/api/v1/audit/checkpoints?limit=1").get("checkpoints")
        return _envelope(listed[0]) if isinstance(listed, list) and listed else ""

    def checkpoint(self, number: int) -> str:
        """Return one checkpoint by its number. Raises NotFound."""
        return _envelope(self._json("GET", f"/api/v1/audit/checkpoints/{number}"))

    def withdraw(self, document: bytes) -> dict[str, Any]:
        """Hand in a sealed withdrawal; the same bytes give the same answer."""
        return self._json("POST", "/api/v1/withdrawals", content=document, headers=_JSON)

    def canary(self) -> bytes:
        """Return the canary set of today as a ZIP archive; NotFound where the hub offers none."""
        return self._send("GET", "/api/v1/canary").content

    def hand_in_canary(self, archive: bytes) -> dict[str, Any]:
        """Hand in what came out of the gateway; the answer is the verdict."""
        return self._json("POST", "/api/v1/canary", content=archive, headers={"Content-Type": "application/zip"})

    def store(self, paths: Sequence[Path]) -> None:
        """Send instances by STOW-RS in one request; what the hub has of them, its submission tells.

        References
        ----------
        DICOM PS3.18 section 10.5; RFC 2387.
        """
        boundary = secrets.token_hex(16)
        headers = {
            "Content-Type": f'multipart/related; type="application/dicom"; boundary={boundary}',
            "Accept": "application/dicom+json",
        }
        # 409 says that every instance failed, 202 that some did: which ones, the submission tells.
        self._send(
            "POST", "/dicomweb/studies", fine=(409,), headers=headers, body=lambda: self._slowly(paths, boundary)
        )

    def _slowly(self, paths: Sequence[Path], boundary: str) -> Iterator[bytes]:
        for piece in _multipart(paths, boundary):
            self.throttle.wait_for(len(piece))
            yield piece

    def _json(self, method: str, path: str, **request: Any) -> dict[str, Any]:
        response = self._send(method, path, **request)
        try:
            members = response.json()
        except ValueError:
            raise PeerError(f"The hub's answer to {method} {path} is no JSON.") from None
        if not isinstance(members, dict):
            raise PeerError(f"The hub's answer to {method} {path} is no JSON object.")
        return members

    def _send(
        self,
        method: str,
        path: str,
        *,
        fine: tuple[int, ...] = (),
        body: Callable[[], Iterator[bytes]] | None = None,
        **request: Any,
    ) -> httpx.Response:
        for attempt in range(self.tries):
            is_last = attempt + 1 == self.tries
            try:
                if body is not None:
                    request["content"] = body()
                response = self.client.request(method, path, **request)
            except httpx.HTTPError as error:
                self._refuse_line(error)
                if is_last:
                    raise PeerError(
                        f"The hub at {self.client.base_url} does not answer ({type(error).__name__}).",
                        mend="Nothing was lost: run the same command again when it does.",
                    ) from None
            else:
                self._hear_clock(response)
                if response.is_success or response.status_code in fine:
                    return response
                if response.status_code not in _LATER or is_last:
                    raise _error(method, path, response)
            pause = min(_FIRST_PAUSE_S * 2**attempt, _LONGEST_PAUSE_S)
            time.sleep(pause * random.uniform(0.5, 1.0))  # noqa: S311  (spreads retries, guards nothing)
        raise AssertionError("unreachable")

    def _refuse_line(self, error: httpx.HTTPError) -> None:
        """Say at once what no repetition mends: a certificate nobody trusts, a proxy that does not let through."""
        if isinstance(error, httpx.ProxyError):
            raise PeerError(
                f"The proxy does not let this PC through to {self.client.base_url.host} ({error}).",
                mend="Ask whoever keeps the proxy to allow it; `proxy` in site.toml names the proxy.",
            ) from None
        if "CERTIFICATE_VERIFY_FAILED" in str(error):
            raise PeerError(
                f"This PC does not trust the certificate of {self.client.base_url.host}; nothing was sent.",
                mend="If the hospital or the hub has an authority of its own, name its PEM file: ca_file in site.toml.",
            ) from None

    def _hear_clock(self, response: httpx.Response) -> None:
        """Keep what the answer's Date says (RFC 9110 section 6.6.1), for signed documents need a right clock."""
        try:
            told = parsedate_to_datetime(response.headers.get("Date", ""))
        except (TypeError, ValueError):
            return
        self._ahead.append(told.timestamp() - time.time())


class Throttle:
    """Lets at most so many bytes a second pass, over all threads together; None lets all pass at once.

    Only the monotonic clock is asked, so that a PC that sleeps or whose clock is set neither bursts nor stalls.
    """

    def __init__(self, rate: int | None) -> None:
        self._rate = rate
        self._lock = threading.Lock()
        self._free_at = 0.0

    def wait_for(self, size: int) -> None:
        """Wait until `size` bytes may go."""
        if not self._rate:
            return
        with self._lock:
            begins = max(time.monotonic(), self._free_at)
            self._free_at = begins + size / self._rate
        pause = begins - time.monotonic()
        if pause > 0:
            time.sleep(pause)


def check_address(url: str) -> None:
    """Refuse an address by which a token or an image would leave this machine in the clear.

    Raises
    ------
    UsageError
        If it is no https:// address, and no http:// address of this machine.
    """
    try:
        parts = httpx.URL(url)
    except httpx.InvalidURL:
        parts = httpx.URL("")
    if not parts.host or parts.scheme not in ("http", "https"):
        raise UsageError("The hub's address is none.", mend="Write https://HOST or https://HOST:PORT.")
    if parts.scheme == "http" and not is_loopback(parts.host):
        raise UsageError(
            "The hub's address begins with http://, so that images and the token would cross the network unencrypted.",
            mend="Write https://; for a certificate of the hospital's own authority name its PEM file as ca_file.",
        )


def _envelope(members: object) -> str:
    found = members.get("envelope") if isinstance(members, dict) else None
    if not isinstance(found, str):
        raise PeerError("The hub's checkpoint is none.")
    return found


def _client(url: str, *, token: str, proxy: str, ca_file: str) -> httpx.Client:
    check_address(url)
    verify: ssl.SSLContext | bool = True
    if ca_file:
        try:
            verify = ssl.create_default_context(cafile=ca_file)
        except OSError:  # ssl.SSLError is one
            raise UsageError("ca_file holds no certificate that can be read.", mend="Name a PEM file.") from None
    try:
        return httpx.Client(
            base_url=url.rstrip("/"),
            trust_env=not is_loopback(httpx.URL(url).host),
            proxy=proxy or None,
            verify=verify,
            headers={"Authorization": f"Bearer {token}"} if token else {},
            timeout=httpx.Timeout(60.0, connect=10.0),
            limits=httpx.Limits(max_connections=16),
        )
    except (ValueError, httpx.InvalidURL):
        raise UsageError("The proxy's address is none.", mend="Write http://HOST:PORT.") from None


_JSON = {"Content-Type": "application/json"}


def _multipart(paths: Sequence[Path], boundary: str) -> Iterator[bytes]:
    for path in paths:
        yield f"--{boundary}\r\nContent-Type: application/dicom\r\n\r\n".encode()
        with path.open("rb") as source:
            while piece := source.read(_PIECE):
                yield piece
        yield b"\r\n"
    yield f"--{boundary}--\r\n".encode()


def _error(method: str, path: str, response: httpx.Response) -> RadcommonsError:
    """Return the error that a problem document (RFC 9457) stands for."""
    try:
        problem = response.json()
        code, detail = str(problem.get("code", "")), str(problem.get("detail") or problem.get("title") or "")
    except (ValueError, AttributeError):
        code, detail = "", ""
    what = f"The hub answered {response.status_code}{f' ({code})' if code else ''} to {method} {path}. {detail}".strip()
    if response.status_code == 401:
        return SignInRequired(what, mend="Ask the coalition for a new token: radcommons site init DIR --token T.")
    if response.status_code == 403:
        return NotPermitted(what, mend="Check that the token is for this site code.")
    if response.status_code == 404:
        return NotFound(what)
    return Conflict(what) if response.status_code == 409 else PeerError(what)
