"""What became of every file: each is counted once, and the counts add up.

``seen = excluded + duplicate + ignored + refused + held + submitted`` and
``submitted = accepted + quarantined`` and ``accepted = released + unreleased`` (design, section 5).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcomes:
    """Counters of the whole road, in files."""

    seen: int = 0
    excluded: int = 0
    duplicate: int = 0
    ignored: int = 0
    refused: int = 0
    held: int = 0
    submitted: int = 0
    accepted: int = 0
    quarantined: int = 0
    released: int = 0
    unreleased: int = 0
    downloaded: int = 0
    verified: int = 0

    def discrepancies(self) -> list[str]:
        """Return the sums that do not hold, as sentences; an empty list says that nothing was lost."""
        sums: Iterable[tuple[str, int, str, int]] = (
            (
                "seen",
                self.seen,
                "excluded + duplicate + ignored + refused + held + submitted",
                self.excluded + self.duplicate + self.ignored + self.refused + self.held + self.submitted,
            ),
            ("submitted", self.submitted, "accepted + quarantined", self.accepted + self.quarantined),
            ("accepted", self.accepted, "released + unreleased", self.released + self.unreleased),
        )
        return [f"{name} is {left}, but {words} is {right}" for name, left, words, right in sums if left != right]
