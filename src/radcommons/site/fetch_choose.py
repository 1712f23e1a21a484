"""Choose before anything is fetched: do the answers fit the question, and what does the protocol say of each series?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pydicom.dataset import Dataset

from radcommons.dicom.dates import parse_date
from radcommons.dicom.imagekinds import says_other_plane, says_projection, says_scout
from radcommons.records.protocol import Decision, FactValue, SelectionProtocol, decide
from radcommons.site.clinical import ClinicalEntry
from radcommons.site.pacs_find import Hits, Listed, Wanted, text, texts
from radcommons.site.select import is_chest, known_of

NOT_FOUND, AMBIGUOUS, TOO_MANY = "not-found", "ambiguous", "too-many"

# What a data manager reads about each word of the report.
WORDS = {
    "found": "found",
    NOT_FOUND: "not found: no study answers to it",
    AMBIGUOUS: "matches two patients; add patient_id and issuer to the line",
    TOO_MANY: "matches more studies than the limit; narrow its dates, or allow more with --limit",
    "complete": "fetched, every instance that the peer named",
    "partial": "partly fetched: the peer named more instances than it sent",
    "moved": "moved in the meantime: gone, or of another patient, between the answer and the fetch",
    "excluded": "left out by the protocol, not fetched",
    "withdrawn": "of a patient who was withdrawn or opted out, not fetched",
    "failed": "failed; run the same command again",
    "waiting": "not asked for yet",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Chosen:
    """What the answers to one line mean: the studies, or why none is taken; `strangers` did not fit the question."""

    code: str
    studies: tuple[Listed, ...] = ()
    strangers: int = 0


def choose(wanted: Wanted, hits: Hits) -> Chosen:
    """Hold the answers against the question; what a peer answers that was not asked is left out and counted.

    Notes
    -----
    A peer that does not support a key ignores it and answers with everything (PS3.4 section C.2.2.1): so each answer
    is compared again. One number that means two patients is no answer at all.
    """
    fitting = {one.study_uid: one for one in hits.studies if one.study_uid and fits(wanted, one)}
    strangers = len(hits.studies) - len(fitting)
    if hits.is_cut:
        return Chosen(code=TOO_MANY, strangers=strangers)
    if not fitting:
        return Chosen(code=NOT_FOUND, strangers=strangers)
    if len(patients(tuple(fitting.values()))) > 1:
        return Chosen(code=AMBIGUOUS, strangers=strangers)
    return Chosen(code="found", studies=tuple(fitting.values()), strangers=strangers)


def fits(wanted: Wanted, answer: Listed) -> bool:
    """Say whether an answer is what was asked for."""
    if wanted.accession and answer.accession != wanted.accession:
        return False
    if wanted.patient_id and answer.patient_id != wanted.patient_id:
        return False
    if wanted.issuer and answer.issuer and answer.issuer != wanted.issuer:
        return False
    if not answer.study_date:
        return not (wanted.date_from or wanted.date_to)
    return (wanted.date_from or "0") <= answer.study_date <= (wanted.date_to or "9")


def patients(studies: Sequence[Listed]) -> set[tuple[str, str]]:
    """Return the patients that the studies belong to; an empty issuer says nothing against a named one."""
    issuers = {one.issuer for one in studies if one.issuer}
    alone = next(iter(issuers)) if len(issuers) == 1 else ""
    return {(one.patient_id, one.issuer or alone) for one in studies}


def decide_listed(
    protocol: SelectionProtocol, study: Listed, series: Listed, *, clinical: Sequence[ClinicalEntry]
) -> Decision:
    """Return what the protocol says of a series before it is fetched; what only pixels and headers tell is undecided.

    Parameters
    ----------
    protocol : SelectionProtocol
    study, series : Listed
        As the peer answered.
    clinical : sequence of ClinicalEntry
        Of this patient.
    """
    return decide(protocol, listed_facts(study, series, clinical=clinical))


def listed_facts(study: Listed, series: Listed, *, clinical: Sequence[ClinicalEntry]) -> dict[str, FactValue]:
    """Return the facts that two answers tell; None is what only the objects can tell.

    Notes
    -----
    A description can say that a series is a localizer or a projection; that it does not say so means nothing.
    """
    together = _together(study.header, series.header)
    modalities = {one.upper() for one in texts(study.header, "ModalitiesInStudy")}
    modality = text(series.header, "Modality").upper() or (next(iter(modalities)) if len(modalities) == 1 else "")
    described = " / ".join(together[name] for name in ("SeriesDescription", "ProtocolName"))
    named = together["SeriesDescription"]
    return {
        "modality": modality or None,
        "is_chest": is_chest(together),
        "is_axial": False if modality == "CT" and says_other_plane(named) else None,
        "is_localizer": True if says_scout(described) else None,
        "is_projection_image": True if says_projection(named) else None,
        **known_of(together, clinical),
    }


_DESCRIBING = (
    "BodyPartExamined",
    "ProtocolName",
    "StudyDescription",
    "SeriesDescription",
    "PatientAge",
    "PatientBirthDate",
    "PatientSex",
)


def _together(study: Dataset, series: Dataset) -> dict[str, str]:
    both = {keyword: text(series, keyword) or text(study, keyword) for keyword in _DESCRIBING}
    day = parse_date(text(study, "StudyDate"))
    return {**both, "StudyDate": f"{day:%Y%m%d}" if day else ""}
