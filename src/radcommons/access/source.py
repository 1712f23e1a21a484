"""Which release a researcher means, and at which hub: a name, an address or a manifest file."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path

from radcommons.access.holding import pinned
from radcommons.records.errors import UsageError
from radcommons.records.identifiers import split_release_id

_RELEASE_URL = re.compile(r"^(https?://[^?#]+?)(?:/api/v1)?/releases/([^/?#]+)(?:/manifest\.json)?/?(?:[?#].*)?$")


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """Which release is meant, and where it is; `manifest` when a local manifest file names it."""

    release: str
    hub: str
    manifest: Path | None = None


def resolve(text: str, *, hub: str | None) -> Source:
    """Return what RELEASE_OR_URL_OR_MANIFEST means.

    Raises
    ------
    UsageError
        If it is none of the three, or no hub is known for it.
    """
    found = _RELEASE_URL.match(text)
    if found:
        return Source(release=found[2], hub=found[1])
    path = Path(text)
    if split_release_id(text) is None or path.is_file():
        return _from_file(path, hub=hub)
    if not hub:
        raise UsageError("No hub is named.", mend="Add --hub URL or set RADCOMMONS_HUB.")
    return Source(release=text, hub=hub)


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
