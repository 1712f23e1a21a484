"""What is known of an object before it is judged, and what the judgement says."""

from __future__ import annotations

from dataclasses import dataclass

from radcommons.catalogue.readings import Reading
from radcommons.records.finding import Finding


@dataclass(frozen=True, slots=True, kw_only=True)
class Expected:
    """What the submission says of an object."""

    digest: str
    size: int
    site: str
    sop_class_uid: str
    transfer_syntax_uid: str
    patient: str
    study_instance_uid: str
    series_instance_uid: str
    sop_instance_uid: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """What the hub found by itself; `reading` is None where the header could not be read."""

    digest: str
    reading: Reading | None
    findings: tuple[Finding, ...]
    words: tuple[tuple[str, str], ...] = ()  # (word's digest, place): words that a lexicon cannot judge
