"""A PACS that speaks DICOMweb: QIDO-RS to ask, WADO-RS to bring (PS3.18 sections 10.4 and 10.6).

The standard puts identifiers into the query of a URL, where servers and proxies log them; over DIMSE they do not stand
there. No line of ours holds such a URL.
"""

from __future__ import annotations

import asyncio
import base64
import logging
import secrets
import ssl
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import httpx
from pydicom.dataset import Dataset

from radcommons.dicom import quiet  # noqa: F401  (its import silences values in warnings)
from radcommons.dicomweb.errors import MultipartError, UnsupportedMedia
from radcommons.dicomweb.multipart import parts
from radcommons.records.errors import PeerError, UsageError
from radcommons.site.pacs_find import Hits, Image, Listed, Wanted, listed, query_range, text, texts
from radcommons.site.pacs_get import NOT_ASKED_FOR, OUT_OF_RESOURCES, SUCCESS, Asked, Brought, Take

_PAGE = 500
_MOST_PAGES = 2000
_SILENCE_S = 60.0
_ACCEPT = 'multipart/related; type="application/dicom"; transfer-syntax=*'
_STUDY_FIELDS = ("IssuerOfPatientID", "StudyDescription", "PatientAge")
_SERIES_FIELDS = ("BodyPartExamined", "ProtocolName", "SeriesDescription")


def web_credentials(path: Path | None) -> str:
    """Return the Authorization header that a file stands for: ``user:password`` or ``Bearer TOKEN``.

    Raises
    ------
    UsageError
        If it holds neither.
    """
    if path is None:
        return ""
    given = path.read_text("utf-8").strip()
    if given.lower().startswith("bearer "):
        return given
    if ":" not in given or "\n" in given:
        raise UsageError("The credentials file holds neither 'user:password' nor 'Bearer TOKEN'.")
    return f"Basic {base64.b64encode(given.encode()).decode()}"


@dataclass(slots=True)
class WebPacs:
    """A DICOMweb server by its root; each thread has one of its own."""

    client: httpx.Client
    root: str
    parts: Path
    headers: dict[str, str]
    verify: ssl.SSLContext | bool

    @classmethod
    def at(cls, root: str, *, parts: Path, credentials: str = "", verify: ssl.SSLContext | bool = True) -> WebPacs:
        """Return a server to ask; proxies come from the environment, except on this machine."""
        for name in ("httpx", "httpcore"):
            logging.getLogger(name).setLevel(logging.CRITICAL + 1)  # their lines hold URLs, and these identifiers
        headers = {"Authorization": credentials} if credentials else {}
        client = httpx.Client(headers=headers, verify=verify, timeout=_SILENCE_S, trust_env=_is_far(root))
        return cls(client, root.rstrip("/"), parts, headers, verify)

    def close(self) -> None:
        """Let go of what is open; the client opens new connections by itself."""

    def studies(self, wanted: Wanted, *, limit: int) -> Hits:
        """Ask for the studies of one line, page after page, until there are no more or too many."""
        asked = {
            "AccessionNumber": wanted.accession,
            "PatientID": wanted.patient_id,
            "IssuerOfPatientID": wanted.issuer,
            "StudyDate": query_range(wanted),
        }
        query = {name: value for name, value in asked.items() if value}
        found: dict[str, Listed] = {}
        for answer in self._pages("/studies", query, _STUDY_FIELDS):
            one = listed(answer)
            found[one.study_uid] = one
            if len(found) > limit:
                return Hits(studies=tuple(found.values())[:limit], is_cut=True)
        return Hits(studies=tuple(found.values()))

    def study(self, study_uid: str) -> Listed | None:
        """Ask for one study by its UID."""
        hits = [listed(one) for one in self._pages("/studies", {"StudyInstanceUID": study_uid}, _STUDY_FIELDS)]
        return next((one for one in hits if one.study_uid == study_uid), None)

    def series(self, study_uid: str) -> tuple[Listed, ...]:
        """Ask for the series of a study."""
        answers = self._pages(f"/studies/{study_uid}/series", {}, _SERIES_FIELDS)
        found = {one.series_uid: replace(one, study_uid=study_uid) for one in map(listed, answers) if one.series_uid}
        return tuple(found.values())

    def images(self, study_uid: str, series_uid: str) -> tuple[Image, ...]:
        """Ask for the instances of a series."""
        found = {}
        for answer in self._pages(f"/studies/{study_uid}/series/{series_uid}/instances", {}, ()):
            sop_uid = text(answer, "SOPInstanceUID")
            if sop_uid:
                syntaxes = tuple(texts(answer, "AvailableTransferSyntaxUID"))
                found[sop_uid] = Image(
                    sop_uid=sop_uid, sop_class=text(answer, "SOPClassUID"), transfer_syntaxes=syntaxes
                )
        return tuple(found.values())

    def bring(self, asked: Asked, take: Take) -> Brought:
        """Bring a series in one answer, or some of its instances one by one.

        Raises
        ------
        PeerError
            If the server goes away or refuses. What was taken before stays taken.
        """
        return asyncio.run(self._bring(asked, take))

    async def _bring(self, asked: Asked, take: Take) -> Brought:
        series = f"{self.root}/studies/{asked.study_uid}/series/{asked.series_uid}"
        urls = [f"{series}/instances/{uid}" for uid in asked.sop_uids] or [series]
        completed = failed = 0
        options: dict[str, Any] = {"headers": self.headers, "verify": self.verify, "timeout": _SILENCE_S}
        async with httpx.AsyncClient(trust_env=_is_far(self.root), **options) as client:
            for url in urls:
                async for status in self._objects(client, url, take):
                    completed += status == SUCCESS
                    failed += status != SUCCESS
                    if status == OUT_OF_RESOURCES:
                        return Brought(status=status, completed=completed, failed=failed)
        return Brought(status=NOT_ASKED_FOR if failed else SUCCESS, completed=completed, failed=failed)

    async def _objects(self, client: httpx.AsyncClient, url: str, take: Take) -> AsyncIterator[int]:
        """Yield a status for each object of one answer."""
        try:
            async with client.stream("GET", url, headers={"Accept": _ACCEPT}) as response:
                if response.status_code in (404, 410):
                    return
                self._check(response)
                async for part in parts(response.aiter_bytes(), response.headers.get("content-type", "")):
                    target = self.parts / f"{secrets.token_hex(16)}.part"
                    with target.open("xb") as file:
                        async for chunk in part.chunks:
                            file.write(chunk)
                    yield take(target, "", "")
        except (httpx.HTTPError, MultipartError, UnsupportedMedia) as error:
            raise PeerError(f"The DICOMweb server went away while it sent ({type(error).__name__}).") from None

    def _pages(self, path: str, query: dict[str, str], fields: tuple[str, ...]) -> Iterator[Dataset]:
        """Yield every answer; a server that ignores the offset repeats itself, and is then asked no more."""
        seen: set[str] = set()
        for page in range(_MOST_PAGES):
            asked: list[tuple[str, str | int | float | bool | None]] = [*query.items()]
            asked += [*(("includefield", name) for name in fields)]
            asked += [("limit", str(_PAGE)), ("offset", str(page * _PAGE))]
            answers = self._ask(path, asked)
            fresh = {_key(one): one for one in answers if _key(one) not in seen}
            seen |= fresh.keys()
            yield from fresh.values()
            if len(answers) < _PAGE or not fresh:
                return

    def _ask(self, path: str, query: list[tuple[str, str | int | float | bool | None]]) -> list[Dataset]:
        try:
            accept = {"Accept": "application/dicom+json"}
            response = self.client.get(f"{self.root}{path}", params=httpx.QueryParams(query), headers=accept)
        except httpx.HTTPError as error:
            raise PeerError(f"The DICOMweb server does not answer ({type(error).__name__}).") from None
        if response.status_code in (204, 404):
            return []
        self._check(response)
        try:
            return [Dataset.from_json(one) for one in response.json()]
        # Foreign JSON: whatever stops the conversion, its text may quote a value.
        except Exception as error:
            raise PeerError(f"The DICOMweb server answered no DICOM JSON ({type(error).__name__}).") from None

    def _check(self, response: httpx.Response) -> None:
        if response.status_code in (401, 403):
            raise PeerError(
                "The DICOMweb server wants credentials that it knows.", mend="Give --credentials.", code="peer-refuses"
            )
        if not response.is_success:
            raise PeerError(f"The DICOMweb server answered {response.status_code}.")


def _key(answer: Dataset) -> str:
    return "/".join(text(answer, name) for name in ("StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID"))


def _is_far(root: str) -> bool:
    return httpx.URL(root).host not in ("127.0.0.1", "::1", "localhost")
