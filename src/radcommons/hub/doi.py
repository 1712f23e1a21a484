"""Mint: register a release's DOI at DataCite with its metadata, as a job; one that is there is brought up to date.

References
----------
DataCite REST API, https://support.datacite.org/reference/post_dois (JSON:API, basic authentication).
"""

from __future__ import annotations

import httpx

from radcommons.catalogue import dois, shelf
from radcommons.catalogue.journal import record
from radcommons.platform.database import reading, writing
from radcommons.platform.jobs import step
from radcommons.platform.ports import Platform
from radcommons.records.describe import datacite, doi_of
from radcommons.records.errors import PeerError
from radcommons.records.event import SYSTEM, Actor, Event, Role

_CURATOR = Actor(id=SYSTEM.id, name=SYSTEM.name, roles=frozenset({Role.CURATOR}))
_KIND = "application/vnd.api+json"
_TIMEOUT_S = 30.0


def mint(release: str, *, platform: Platform) -> None:
    """Register the DOI of a release: the job of the same name."""
    step("mint", register, release, platform)


def register(release: str, platform: Platform) -> str:
    """Register the DOI of a release and return it; nothing happens where no prefix or no DataCite is set.

    Raises
    ------
    PeerError
        If DataCite does not take it; the job tries again.
    """
    settings = platform.settings
    doi = doi_of(settings.doi_prefix, release)
    if not doi or not settings.datacite_url:
        return ""
    with reading(platform.engine) as connection:
        if dois.minted(connection, release):
            return doi
        described = shelf.described(connection, _CURATOR, release, base=settings.base_url, publisher=settings.title)
    attributes = {**datacite(described), "doi": doi, "event": "publish"}
    _send(attributes, platform=platform, doi=doi)
    with writing(platform.engine) as connection:
        dois.keep(connection, release, doi=doi)
        record(connection, Event(kind="doi-minted", actor=SYSTEM.id, subject=release, details={"doi": doi}))
    return doi


def _send(attributes: dict[str, object], *, platform: Platform, doi: str) -> None:
    settings = platform.settings
    base = f"{settings.datacite_url.rstrip('/')}/dois"
    credentials = (settings.datacite_account, settings.datacite_password.get_secret_value())
    body = {"data": {"type": "dois", "attributes": attributes}}
    headers = {"Content-Type": _KIND, "Accept": _KIND}
    try:
        with httpx.Client(auth=credentials, headers=headers, timeout=_TIMEOUT_S) as client:
            answer = client.post(base, json=body)
            if answer.status_code == 422:  # cut off before it was noted here: it is taken already
                answer = client.put(f"{base}/{doi}", json=body)
    except httpx.HTTPError as error:
        raise PeerError(f"DataCite does not answer ({type(error).__name__}).") from None
    if answer.status_code not in (200, 201):
        raise PeerError(f"DataCite refuses the DOI with status {answer.status_code}.", mend="Check prefix and account.")
