"""What changed from one release of a dataset to another: the change log, and what holders are told."""

from __future__ import annotations

from dataclasses import dataclass, fields

from radcommons.records.clinical import ClinicalRow
from radcommons.records.release import Release, ReleaseItem


@dataclass(frozen=True, slots=True, kw_only=True)
class TermChange:
    """A term that is another one; both as texts, empty where there is none."""

    name: str
    before: str
    after: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Changes:
    """The differences of two releases.

    Parameters
    ----------
    older, newer : str
    added, removed : tuple of ReleaseItem
        Instances that only one of them names.
    corrected : tuple of (ReleaseItem, ReleaseItem)
        The same SOP Instance UID with other bytes: the older version and the newer.
    relabelled : tuple of str
        Patients of both whose clinical rows differ.
    terms : tuple of TermChange
    same : int
        Instance versions that both name.
    """

    older: str
    newer: str
    added: tuple[ReleaseItem, ...]
    removed: tuple[ReleaseItem, ...]
    corrected: tuple[tuple[ReleaseItem, ReleaseItem], ...]
    relabelled: tuple[str, ...]
    terms: tuple[TermChange, ...]
    same: int

    @property
    def are_any(self) -> bool:
        """Say whether the two differ."""
        return bool(self.added or self.removed or self.corrected or self.relabelled or self.terms)

    @property
    def counts(self) -> dict[str, int]:
        """How many there are of each kind."""
        kinds = ("added", "removed", "corrected", "relabelled", "terms")
        return {**{kind: len(getattr(self, kind)) for kind in kinds}, "same": self.same}


def compare(older: Release, newer: Release) -> Changes:
    """Return what changed from one release to another. Pure."""
    before = {item.sop_instance_uid: item for item in older.items}
    after = {item.sop_instance_uid: item for item in newer.items}
    both = [(before[uid], after[uid]) for uid in before if uid in after]
    corrected = tuple((one, other) for one, other in both if one.digest != other.digest)
    return Changes(
        older=older.id,
        newer=newer.id,
        added=tuple(item for uid, item in after.items() if uid not in before),
        removed=tuple(item for uid, item in before.items() if uid not in after),
        corrected=corrected,
        relabelled=_relabelled(older, newer),
        terms=_terms(older, newer),
        same=len(both) - len(corrected),
    )


def _relabelled(older: Release, newer: Release) -> tuple[str, ...]:
    def rows(release: Release) -> dict[str, set[ClinicalRow]]:
        found: dict[str, set[ClinicalRow]] = {item.patient: set() for item in release.items}
        for row in release.clinical:
            found.setdefault(row.patient, set()).add(row)
        return found

    before, after = rows(older), rows(newer)
    return tuple(sorted(patient for patient in before if patient in after and before[patient] != after[patient]))


def _terms(older: Release, newer: Release) -> tuple[TermChange, ...]:
    def said(release: Release) -> dict[str, str]:
        members = {field.name: getattr(release.terms, field.name) for field in fields(release.terms)}
        texts = {name: _text(value) for name, value in members.items()}
        return {"tier": str(release.tier), **texts, "steward": release.steward}

    before, after = said(older), said(newer)
    return tuple(
        TermChange(name=name, before=before.get(name, ""), after=after.get(name, ""))
        for name in dict.fromkeys([*before, *after])
        if before.get(name, "") != after.get(name, "")
    )


def _text(value: object) -> str:
    return ", ".join(map(str, value)) if isinstance(value, tuple) else "" if value is None else str(value)


def sentence(counts: dict[str, int]) -> str:
    """Return the counts of changes as a line of a change log."""
    words = [f"{counts[kind]:,} {kind}" for kind in ("added", "removed", "corrected", "relabelled") if counts.get(kind)]
    if counts.get("terms"):
        words.append("other terms")
    return ", ".join(words) or "nothing changed"
