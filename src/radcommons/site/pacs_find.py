"""Ask a PACS what it has: C-FIND at the levels of study, series and image (PS3.4 annex C)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import date, timedelta

from pydicom.dataset import Dataset
from pynetdicom.association import Association

from radcommons.records.errors import PeerError
from radcommons.site.pacs import Peer

STUDY_ROOT_FIND = "1.2.840.10008.5.1.4.1.2.2.1"
PATIENT_ROOT_FIND = "1.2.840.10008.5.1.4.1.2.1.1"
# PS3.4 table C.4-1: matches follow (the second: with keys that the peer does not support); out of resources.
_PENDING, _PENDING_BUT = 0xFF00, 0xFF01
_TOO_MANY = range(0xA700, 0xA800)
_STUDY_KEYS = (
    "StudyInstanceUID",
    "StudyDate",
    "StudyTime",
    "AccessionNumber",
    "PatientID",
    "IssuerOfPatientID",
    "PatientName",
    "PatientBirthDate",
    "PatientSex",
    "PatientAge",
    "StudyDescription",
    "ModalitiesInStudy",
    "NumberOfStudyRelatedSeries",
    "NumberOfStudyRelatedInstances",
)
_SERIES_KEYS = (
    "SeriesInstanceUID",
    "Modality",
    "SeriesNumber",
    "SeriesDescription",
    "BodyPartExamined",
    "ProtocolName",
    "NumberOfSeriesRelatedInstances",
)
_IMAGE_KEYS = ("SOPInstanceUID", "SOPClassUID", "AvailableTransferSyntaxUID")


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """One line of the list: an accession number, or a patient with a window of dates (YYYYMMDD), or both."""

    line: int
    accession: str = ""
    patient_id: str = ""
    issuer: str = ""
    date_from: str = ""
    date_to: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """One study or series that a peer says it has. `count` is its number of instances, None where it does not tell.

    `header` holds all that the peer answered, in its character set; it never leaves the gateway.
    """

    study_uid: str
    series_uid: str = ""
    patient_id: str = ""
    issuer: str = ""
    accession: str = ""
    study_date: str = ""
    count: int | None = None
    header: Dataset = field(default_factory=Dataset, compare=False, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Image:
    """One instance that a peer says it has; class and syntaxes are empty where it does not tell."""

    sop_uid: str
    sop_class: str = ""
    transfer_syntaxes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Hits:
    """Answers to one question; `is_cut` says that there are more than were taken."""

    studies: tuple[Listed, ...]
    is_cut: bool = False


class TooManyMatches(PeerError):
    """The peer has more matches than it will send."""

    code = "peer-too-many"


def find_studies(association: Association, peer: Peer, wanted: Wanted, *, limit: int) -> Hits:
    """Ask for the studies of one line; a window of dates that is too much for the peer is asked in halves.

    Raises
    ------
    PeerError
        If the peer fails or goes away.
    """
    identifier = _identifier("STUDY", _STUDY_KEYS)
    for keyword, value in (
        ("AccessionNumber", wanted.accession),
        ("PatientID", wanted.patient_id),
        ("IssuerOfPatientID", wanted.issuer),
        ("StudyDate", query_range(wanted)),
    ):
        _set(identifier, keyword, value)
    found: list[Listed] = []
    try:
        for answer in _answers(association, peer, identifier, most=limit + 1):
            found.append(listed(answer))
            if len(found) > limit:
                return Hits(studies=tuple(found[:limit]), is_cut=True)
    except TooManyMatches:
        halves = _halves(wanted)
        if not halves:
            return Hits(studies=tuple(found), is_cut=True)
        hits = [find_studies(association, peer, half, limit=limit) for half in halves]
        together = {one.study_uid: one for hit in hits for one in hit.studies}
        is_cut = any(hit.is_cut for hit in hits) or len(together) > limit
        return Hits(studies=tuple(together.values())[:limit], is_cut=is_cut)
    return Hits(studies=tuple(found))


def find_study(association: Association, peer: Peer, study_uid: str) -> Listed | None:
    """Ask for one study by its UID, None when it is not there (any more)."""
    identifier = _identifier("STUDY", _STUDY_KEYS)
    identifier.StudyInstanceUID = study_uid
    hits = [listed(answer) for answer in _answers(association, peer, identifier, most=8)]
    return next((one for one in hits if one.study_uid == study_uid), None)


def find_series(association: Association, peer: Peer, study_uid: str) -> tuple[Listed, ...]:
    """Ask for the series of a study; answers of another study are left out."""
    identifier = _identifier("SERIES", _SERIES_KEYS)
    identifier.StudyInstanceUID = study_uid
    found = [listed(answer, study_uid=study_uid) for answer in _answers(association, peer, identifier, most=100_000)]
    return tuple(one for one in found if one.study_uid == study_uid and one.series_uid)


def find_images(association: Association, peer: Peer, study_uid: str, series_uid: str) -> tuple[Image, ...]:
    """Ask for the instances of a series, once each."""
    identifier = _identifier("IMAGE", _IMAGE_KEYS)
    identifier.StudyInstanceUID, identifier.SeriesInstanceUID = study_uid, series_uid
    images = {}
    for answer in _answers(association, peer, identifier, most=1_000_000):
        sop_uid = text(answer, "SOPInstanceUID")
        if sop_uid and text(answer, "SeriesInstanceUID") in ("", series_uid):
            images[sop_uid] = Image(
                sop_uid=sop_uid,
                sop_class=text(answer, "SOPClassUID"),
                transfer_syntaxes=tuple(texts(answer, "AvailableTransferSyntaxUID")),
            )
    return tuple(images.values())


def _identifier(level: str, keys: tuple[str, ...]) -> Dataset:
    identifier = Dataset()
    identifier.QueryRetrieveLevel = level
    for keyword in keys:
        setattr(identifier, keyword, None if keyword.startswith("Number") else "")
    return identifier


def _set(identifier: Dataset, keyword: str, value: str) -> None:
    setattr(identifier, keyword, value)
    if not value.isascii():
        identifier.SpecificCharacterSet = "ISO_IR 192"  # UTF-8, PS3.3 section C.12.1.1.2


def query_range(wanted: Wanted) -> str:
    """Return a date range as PS3.4 section C.2.2.2.5 spells it."""
    if wanted.date_from and wanted.date_from == wanted.date_to:
        return wanted.date_from
    return f"{wanted.date_from}-{wanted.date_to}" if wanted.date_from or wanted.date_to else ""


def _halves(wanted: Wanted) -> tuple[Wanted, ...]:
    if not (wanted.date_from and wanted.date_to) or wanted.date_from == wanted.date_to:
        return ()
    first, last = (date.fromisoformat(day) for day in (wanted.date_from, wanted.date_to))
    middle = first + (last - first) // 2
    later = middle + timedelta(days=1)
    return (replace(wanted, date_to=f"{middle:%Y%m%d}"), replace(wanted, date_from=f"{later:%Y%m%d}"))


def _answers(association: Association, peer: Peer, identifier: Dataset, *, most: int) -> Iterator[Dataset]:
    """Yield the matches; after `most` of them the peer is asked to stop, and the rest is read and dropped."""
    accepted = {context.abstract_syntax for context in association.accepted_contexts}
    model = next((one for one in (STUDY_ROOT_FIND, PATIENT_ROOT_FIND) if one in accepted), None)
    if model is None:
        raise PeerError(f"{peer} does not answer queries (C-FIND).", mend="Ask its administrator to allow them.")
    if not association.is_established:
        raise PeerError(f"{peer} closed the association.")
    count = 0
    for status, answer in association.send_c_find(identifier, model):
        code = status.get("Status")
        if code is None:
            raise PeerError(f"{peer} went away during a query.")
        if code in _TOO_MANY:
            raise TooManyMatches(f"{peer} has more matches than it will send.")
        if code in (_PENDING, _PENDING_BUT):
            count += 1
            if count == most:
                association.send_c_cancel(1, query_model=model)
            if answer is not None and count <= most:
                yield answer
        elif code not in (0x0000, 0xFE00):
            raise PeerError(f"{peer} answered a query with status {code:04X}.")


def listed(answer: Dataset, *, study_uid: str = "") -> Listed:
    """Return an answer as a value; what it says of another level stays in its header."""
    series_uid = text(answer, "SeriesInstanceUID")
    keyword = "NumberOfSeriesRelatedInstances" if series_uid else "NumberOfStudyRelatedInstances"
    return Listed(
        study_uid=text(answer, "StudyInstanceUID") or study_uid,
        series_uid=series_uid,
        patient_id=text(answer, "PatientID"),
        issuer=text(answer, "IssuerOfPatientID"),
        accession=text(answer, "AccessionNumber"),
        study_date=re.sub(r"[^0-9]", "", text(answer, "StudyDate"))[:8],
        count=_whole(text(answer, keyword)),
        header=answer,
    )


def text(answer: Dataset, keyword: str) -> str:
    """Return the first value of an element as text without padding, empty where there is none."""
    return next(iter(texts(answer, keyword)), "")


def texts(answer: Dataset, keyword: str) -> list[str]:
    """Return every value of an element as text without padding."""
    try:
        found = answer.get(keyword)
    except Exception:  # a foreign value that does not convert is no answer
        return []
    if found is None:
        return []
    several = found if hasattr(found, "append") else [found]
    return [spelled for one in several if (spelled := str(one).strip(" \0"))]


def _whole(spelled: str) -> int | None:
    return int(spelled) if spelled.isdecimal() else None
