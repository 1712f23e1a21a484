"""Terms of use that a submission carries and a release makes one: always the strictest."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated

from pydantic import StringConstraints


class Tier(StrEnum):
    """Who may have a dataset: everyone, everyone who is signed in, or whom a grant names."""

    OPEN = "open"
    REGISTERED = "registered"
    CONTROLLED = "controlled"


# From free to strict. Names are SPDX identifiers; what is not in the list is stricter than all of it.
LICENSES = (
    "CC0-1.0",
    "CC-BY-4.0",
    "CC-BY-SA-4.0",
    "CC-BY-NC-4.0",
    "CC-BY-NC-SA-4.0",
    "CC-BY-ND-4.0",
    "CC-BY-NC-ND-4.0",
)

DuoCode = Annotated[str, StringConstraints(pattern=r"^DUO:\d{7}$")]
Country = Annotated[str, StringConstraints(pattern=r"^[A-Z]{2}$")]
Day = Annotated[str, StringConstraints(pattern=r"^\d{4}-\d\d-\d\d$")]


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What a user of the data must keep.

    Parameters
    ----------
    license : str
        SPDX identifier, or the name of a licence of the coalition's own.
    duo : tuple of str
        Codes of the Data Use Ontology; each one restricts, so more codes are stricter.
    embargo_until : str or None
        ISO day before which nothing is public.
    geography : tuple of str or None
        ISO 3166 countries where the data may be used; None is everywhere.
    """

    license: str
    duo: tuple[DuoCode, ...] = ()
    embargo_until: Day | None = None
    geography: tuple[Country, ...] | None = None


def _license_rank(name: str) -> tuple[int, str]:
    return (LICENSES.index(name), name) if name in LICENSES else (len(LICENSES), name)


def _stricter_license(names: Sequence[str]) -> str:
    """Return the strictest licence; unlike obligations add up, so ShareAlike with NonCommercial is both."""
    strictest = max(names, key=_license_rank)
    if strictest == "CC-BY-NC-4.0" and "CC-BY-SA-4.0" in names:
        return "CC-BY-NC-SA-4.0"
    if strictest == "CC-BY-ND-4.0" and any("-NC" in name for name in names):
        return "CC-BY-NC-ND-4.0"
    return strictest


def strictest(all_terms: Sequence[Terms]) -> Terms:
    """Return the terms that keep every one of `all_terms`.

    Raises
    ------
    ValueError
        If `all_terms` is empty: nothing can be promised about no data.
    """
    if not all_terms:
        raise ValueError("a release needs at least one submission with terms")
    areas = [set(terms.geography) for terms in all_terms if terms.geography is not None]
    return Terms(
        license=_stricter_license([terms.license for terms in all_terms]),
        duo=tuple(sorted({code for terms in all_terms for code in terms.duo})),
        embargo_until=max((terms.embargo_until for terms in all_terms if terms.embargo_until), default=None),
        geography=tuple(sorted(set.intersection(*areas))) if areas else None,
    )
