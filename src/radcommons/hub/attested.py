"""What a site vouched for in a submission, in the words of the curation page."""

from __future__ import annotations

import json
from dataclasses import dataclass

from radcommons.records.documents import parse
from radcommons.records.submission import Attestation


@dataclass(frozen=True, slots=True, kw_only=True)
class Attested:
    """Who reviewed what at the site.

    Parameters
    ----------
    summary : str
        One sentence; empty where no person decided about groups.
    groups, reviews : tuple
        Rows of (what, objects, who, on what ground).
    """

    summary: str
    groups: tuple[tuple[str, int, str, str], ...]
    reviews: tuple[tuple[str, int, str], ...]


def attested(document: str) -> Attested:
    """Return what the attestation of a sealed submission says."""
    found = parse(Attestation, json.loads(document)["attestation"])
    looked_at = sum(group.sampled for group in found.groups)
    wrong = sum(group.wrong for group in found.groups)
    names = "group" if len(found.groups) == 1 else "groups"
    summary = f"Reviewed by exception: {len(found.groups)} {names}, {looked_at} looked at"
    summary += f", {wrong} of them wrong and held." if wrong else ", none wrong."
    return Attested(
        summary=summary if found.groups else "",
        groups=tuple(
            (
                group.group,
                group.objects,
                f"{group.role} {group.reviewer}",
                f"{group.sampled} of {group.studies} studies opened; at most {group.below_permille / 10:g} % wrong",
            )
            for group in found.groups
        ),
        reviews=tuple((review.rule, review.objects, review.reviewer) for review in found.reviews),
    )
