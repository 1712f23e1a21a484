"""QIDO-RS parameters (PS3.18 section 8.3.4) as a value that a catalogue can answer."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum

from pydicom.datadict import dictionary_VR, keyword_for_tag, tag_for_keyword
from pydicom.tag import BaseTag

from radcommons.dicomweb.errors import QueryError
from radcommons.records.identifiers import UID_PATTERN

MAXIMUM_LIMIT = 5000


class Level(StrEnum):
    """What a search returns one data set for."""

    STUDY = "study"
    SERIES = "series"
    INSTANCE = "instance"


class Kind(StrEnum):
    """How a key is matched (PS3.4 section C.2.2.2)."""

    EXACT = "exact"
    WILDCARD = "wildcard"
    RANGE = "range"
    LIST = "list"


@dataclass(frozen=True, slots=True, kw_only=True)
class Match:
    """One matching key.

    Parameters
    ----------
    keyword : str
    kind : Kind
    values : tuple of str
        One value; for RANGE (from, to), each may be empty; for LIST the UIDs.
    """

    keyword: str
    kind: Kind
    values: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """A search: keys, what to return, and which window of the answers."""

    level: Level
    matches: tuple[Match, ...] = ()
    include: frozenset[str] = frozenset()
    include_all: bool = False
    limit: int = MAXIMUM_LIMIT
    offset: int = 0
    fuzzy: bool = False
    # Keys that the standard knows and this service does not match on: they go into a Warning header.
    ignored: tuple[str, ...] = field(default=())
    # What the caller is told about how the answer was made, beside `ignored`.
    notes: tuple[str, ...] = ()

    def value(self, keyword: str) -> str | None:
        """Return the one exact value of a key, or None."""
        return next((m.values[0] for m in self.matches if m.keyword == keyword and m.kind is Kind.EXACT), None)


# Matching keys that every origin server supports (PS3.18 tables 10.6.1-5), and a few that tell chest imaging apart.
STUDY_KEYS = frozenset(
    {
        "StudyDate",
        "StudyTime",
        "AccessionNumber",
        "ModalitiesInStudy",
        "ReferringPhysicianName",
        "PatientName",
        "PatientID",
        "PatientSex",
        "StudyInstanceUID",
        "StudyID",
        "StudyDescription",
    }
)
SERIES_KEYS = frozenset(
    {
        "Modality",
        "SeriesInstanceUID",
        "SeriesNumber",
        "SeriesDescription",
        "BodyPartExamined",
        "PerformedProcedureStepStartDate",
        "PerformedProcedureStepStartTime",
        "RequestAttributesSequence.ScheduledProcedureStepID",
        "RequestAttributesSequence.RequestedProcedureID",
    }
)
INSTANCE_KEYS = frozenset({"SOPClassUID", "SOPInstanceUID", "InstanceNumber"})
_KEYS = {
    Level.STUDY: STUDY_KEYS,
    Level.SERIES: STUDY_KEYS | SERIES_KEYS,
    Level.INSTANCE: STUDY_KEYS | SERIES_KEYS | INSTANCE_KEYS,
}

# Attributes that an answer holds without being asked (PS3.18 tables 10.6.3-3, -4 and -5).
STUDY_FIELDS = (
    "StudyDate",
    "StudyTime",
    "AccessionNumber",
    "InstanceAvailability",
    "ModalitiesInStudy",
    "ReferringPhysicianName",
    "TimezoneOffsetFromUTC",
    "RetrieveURL",
    "PatientName",
    "PatientID",
    "PatientBirthDate",
    "PatientSex",
    "StudyInstanceUID",
    "StudyID",
    "NumberOfStudyRelatedSeries",
    "NumberOfStudyRelatedInstances",
)
SERIES_FIELDS = (
    "Modality",
    "TimezoneOffsetFromUTC",
    "SeriesDescription",
    "RetrieveURL",
    "SeriesInstanceUID",
    "SeriesNumber",
    "NumberOfSeriesRelatedInstances",
)
INSTANCE_FIELDS = (
    "SOPClassUID",
    "SOPInstanceUID",
    "InstanceAvailability",
    "TimezoneOffsetFromUTC",
    "RetrieveURL",
    "InstanceNumber",
    "Rows",
    "Columns",
    "BitsAllocated",
    "NumberOfFrames",
)

_TAG = re.compile(r"^[0-9A-Fa-f]{8}$")
_UID = re.compile(UID_PATTERN)
_DATE = re.compile(r"^\d{8}$")
_TIME = re.compile(r"^\d{2}(\d{2}(\d{2}(\.\d{1,6})?)?)?$")
_RANGE_FORMS = {"DA": _DATE, "TM": _TIME}
# PS3.3 section C.12.1.1.8: -0000 is no offset.
_OFFSET = re.compile(r"^(?!-0000)[+-](0\d|1[0-4])[0-5]\d$")
_ZONE = "TimezoneOffsetFromUTC"
# Ways of matching that an origin server need not have, and what it says then (PS3.18 sections 8.3.4.5 and 8.3.4.6).
_UNMADE = {"emptyvaluematching": "Empty Value Matching", "multiplevaluematching": "Multiple Value Matching"}
_CONTROLS = frozenset({"limit", "offset", "fuzzymatching", *_UNMADE})


def keyword(name: str) -> str:
    """Return the keyword of an attribute that a parameter names by keyword or tag, also inside sequences.

    Raises
    ------
    QueryError
        If the dictionary has no such attribute.
    """
    path = []
    for step in name.split("."):
        tag = int(step, 16) if _TAG.match(step) else tag_for_keyword(step)
        word = keyword_for_tag(tag) if tag is not None else ""
        if not word:
            raise QueryError("A query parameter names no DICOM attribute.", mend="Use keywords or eight-digit tags.")
        path.append(word)
    return ".".join(path)


def parse(level: Level, parameters: Iterable[tuple[str, str]]) -> Query:
    """Return the query that URL parameters describe.

    Parameters
    ----------
    level : Level
    parameters : iterable of (str, str)
        Decoded names and values in their order; ``accept`` belongs to negotiation and is passed over.

    Raises
    ------
    QueryError
        If an attribute is unknown, a number or a date is none, or one key comes twice.
    """
    matches: dict[str, Match] = {}
    ignored: list[str] = []
    include: set[str] = set()
    control: dict[str, str] = {}
    for name, text in parameters:
        if "\0" in text:
            raise QueryError("A query parameter holds a character that no DICOM text has.")
        if name == "includefield":
            include.update(part.strip() for part in text.split(",") if part.strip())
        elif name in _CONTROLS:
            control[name] = text
        elif name != "accept":
            word = keyword(name)
            if word in matches or word in ignored:
                raise QueryError(f"The key {word} comes twice.")
            if word not in _KEYS[level] and word != _ZONE:
                ignored.append(word)
            elif (made := _match(word, text)) is not None:
                matches[word] = made
    zone = matches.pop(_ZONE, None)
    return Query(
        level=level,
        matches=tuple(matches.values()),
        notes=(*_unmade(control), *_zone_note(zone, matches)),
        include=frozenset(keyword(one) for one in include if one != "all"),
        include_all="all" in include,
        limit=min(_whole(control.get("limit"), "limit", default=MAXIMUM_LIMIT), MAXIMUM_LIMIT),
        offset=_whole(control.get("offset"), "offset", default=0),
        fuzzy=_flag(control.get("fuzzymatching"), "fuzzymatching"),
        ignored=tuple(ignored),
    )


def _whole(text: str | None, name: str, *, default: int) -> int:
    if text is None:
        return default
    if not (text.isascii() and text.isdigit() and len(text) < 10):
        raise QueryError(f"The parameter {name} is no whole number of zero or more.")
    return int(text)


def _flag(text: str | None, name: str) -> bool:
    if text is None:
        return False
    if text.lower() not in ("true", "false"):
        raise QueryError(f"The parameter {name} is neither true nor false.")
    return text.lower() == "true"


def _unmade(control: dict[str, str]) -> list[str]:
    asked = [(name, way) for name, way in _UNMADE.items() if _flag(control.get(name), name)]
    return [f"The {name} parameter is not supported. {way} has not been performed." for name, way in asked]


def _zone_note(zone: Match | None, matches: dict[str, Match]) -> list[str]:
    """Say that dates and times are compared as they stand where the caller names a zone for them.

    Raises
    ------
    QueryError
        If the zone is none (PS3.3 section C.12.1.1.8).
    """
    if zone is None:
        return []
    if not _OFFSET.match(zone.values[0]):
        raise QueryError(f"The key {_ZONE} holds no offset like +0100.")
    if not any(dictionary_VR(tag_for_keyword(word.rpartition(".")[2]) or 0) in _RANGE_FORMS for word in matches):
        return []
    return [f"Dates and times were matched as they are stored, whatever the {_ZONE}."]


def _match(word: str, text: str) -> Match | None:
    """Return the matching key, or None for universal matching (PS3.4 section C.2.2.2.3)."""
    if text in ("", "*"):
        return None
    vr = dictionary_VR(BaseTag(tag_for_keyword(word.rpartition(".")[2]) or 0))
    if vr == "UI":
        return _uids(word, text)
    if vr in _RANGE_FORMS:
        return _range(word, text, form=_RANGE_FORMS[vr])
    if word == "ModalitiesInStudy" and re.search(r"[,\\]", text):
        return Match(keyword=word, kind=Kind.LIST, values=tuple(re.split(r"[,\\]", text)))
    kind = Kind.WILDCARD if re.search(r"[*?]", text) else Kind.EXACT
    return Match(keyword=word, kind=kind, values=(text,))


def _uids(word: str, text: str) -> Match:
    uids = tuple(part.strip() for part in re.split(r"[,\\]", text) if part.strip())
    if not uids or not all(_UID.match(uid) for uid in uids):
        raise QueryError(f"The key {word} holds something that is no UID.")
    return Match(keyword=word, kind=Kind.EXACT if len(uids) == 1 else Kind.LIST, values=uids)


def _range(word: str, text: str, *, form: re.Pattern[str]) -> Match:
    low, dash, high = text.partition("-")
    if not all(form.match(end) for end in (low, high) if end) or not (low or high):
        raise QueryError(f"The key {word} holds no date, time or range of them.")
    if not dash:
        return Match(keyword=word, kind=Kind.EXACT, values=(low,))
    return Match(keyword=word, kind=Kind.RANGE, values=(low, high))


def wildcard_to_like(text: str, *, escape: str = "!") -> str:
    """Return the SQL LIKE pattern of a wildcard value (``*`` any characters, ``?`` one)."""
    escaped = re.sub(f"[{re.escape(escape)}%_]", lambda found: escape + found[0], text)
    return escaped.replace("*", "%").replace("?", "_")
