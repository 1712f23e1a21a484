"""What a researcher means, and at which hub: a release's name or address, a manifest file, a table of files."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path

from radcommons.access.holding import pinned
from radcommons.access.listing import hub_of
from radcommons.records.errors import UsageError
from radcommons.records.identifiers import split_release_id

_RELEASE_URL = re.compile(r"^(https?://[^?#]+?)(?:/api/v1)?/releases/([^/?#]+)(?:/manifest\.json)?/?(?:[?#].*)?$")
# A cohort's page, or the table of files that it exports; a release's table as well.
_TABLE_URL = re.compile(
    r"^(https?://[^?#]+?)(/(?:api/v1/)?(?:cohorts|releases)/[^?#]+?)(/manifest\.csv)?/?(?:[?#].*)?$"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """Which release or table is meant, and where it is.

    Parameters
    ----------
    release : str
        The release's identifier; of a table, what it is called.
    hub : str
    manifest : Path or None
        The local file that names the files.
    address : str
        Of a table at the hub: where it is, below the hub's address.
    is_table : bool
    """

    release: str
    hub: str
    manifest: Path | None = None
    address: str = ""
    is_table: bool = False


def resolve(text: str, *, hub: str | None, has_token: bool = False) -> Source:
    """Return what RELEASE_OR_URL_OR_MANIFEST means.

    Raises
    ------
    UsageError
        If it is none of them, or no hub is known for it. A table that a stranger may have written does not decide who
        gets the token.
    """
    if found := _RELEASE_URL.match(text):
        return Source(release=found[2], hub=found[1])
    if found := _TABLE_URL.match(text):
        name = found[2].strip("/").rpartition("cohorts/")[2].replace("/", "-")
        return Source(release=name, hub=found[1], address=f"{found[2]}/manifest.csv", is_table=True)
    path = Path(text)
    if path.suffix.lower() == ".csv" and path.is_file():
        return _from_table(path, hub=hub, has_token=has_token)
    if split_release_id(text) is None or path.is_file():
        return _from_file(path, hub=hub)
    if not hub:
        raise UsageError("No hub is named.", mend="Add --hub URL or set RADCOMMONS_HUB.")
    return Source(release=text, hub=hub)


def _from_table(path: Path, *, hub: str | None, has_token: bool) -> Source:
    found = hub or ("" if has_token else hub_of(path.read_bytes()))
    if not found:
        raise UsageError("The table alone does not decide which hub gets the token.", mend="Add --hub URL.")
    return Source(release=path.name, hub=found.rstrip("/"), manifest=path, is_table=True)


def _from_file(path: Path, *, hub: str | None) -> Source:
    try:
        release = str(json.loads(path.read_bytes())["id"])
    except (OSError, ValueError, KeyError, TypeError):
        raise UsageError(
            "This is no release's name, address or manifest file.", mend="Give it like covid-chest-1 with --hub URL."
        ) from None
    trust = pinned(path.parent)
    hub = hub or (trust.hub if trust else "")
    if not hub:
        raise UsageError("A manifest file does not tell the hub's address.", mend="Add --hub URL.")
    return Source(release=release, hub=hub, manifest=path)
