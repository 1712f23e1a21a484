"""Identifiers that documents carry, and the patterns that a stranger can check them with."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import StringConstraints

# A site's short name stands in every pseudonym, so it holds only what survives any PACS, file system and URL.
SITE_CODE_PATTERN = r"^[A-Z][A-Z0-9]{1,11}$"
# SITECODE-XXXXXXXXXX: ten digits of a keyed digest in Crockford's base32 (`dicom.mapping` makes them).
PSEUDONYM_PATTERN = r"^[A-Z][A-Z0-9]{1,11}-[0-9A-HJKMNP-TV-Z]{10}$"
# PS3.5 section 9.1: up to 64 characters, components without leading zeros.
UID_PATTERN = r"^(?=.{1,64}$)[0-2](\.(0|[1-9][0-9]*))+$"
# SHA-256, lower case hexadecimal.
DIGEST_PATTERN = r"^[0-9a-f]{64}$"
# A dataset's short name stands in URLs and in release identifiers.
DATASET_PATTERN = r"^[a-z][a-z0-9-]{1,39}$"
INSTANT_PATTERN = r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$"

SiteCode = Annotated[str, StringConstraints(pattern=SITE_CODE_PATTERN)]
Pseudonym = Annotated[str, StringConstraints(pattern=PSEUDONYM_PATTERN)]
# pydantic's regular expressions have no look-ahead, so the length stands beside the pattern.
Uid = Annotated[str, StringConstraints(pattern=r"^[0-2](\.(0|[1-9][0-9]*))+$", max_length=64)]
Digest = Annotated[str, StringConstraints(pattern=DIGEST_PATTERN)]
DatasetName = Annotated[str, StringConstraints(pattern=DATASET_PATTERN)]
Instant = Annotated[str, StringConstraints(pattern=INSTANT_PATTERN)]
Text = Annotated[str, StringConstraints(max_length=2000)]

_RELEASE_ID = re.compile(r"^([a-z][a-z0-9-]{1,39})-([1-9][0-9]{0,5})$")


def release_id(dataset: str, number: int) -> str:
    """Return the identifier of a release: ``covid-chest-3`` is the third release of ``covid-chest``."""
    return f"{dataset}-{number}"


def split_release_id(text: str) -> tuple[str, int] | None:
    """Return (dataset, number) of a release identifier, or None when it is none."""
    found = _RELEASE_ID.match(text)
    return (found[1], int(found[2])) if found else None
