"""C-FIND over the same catalogue as QIDO-RS, with the same eyes (PS3.4 annex C.4.1)."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from dataclasses import replace

import orjson
from pydicom import Dataset
from pydicom.datadict import dictionary_VR, keyword_for_tag
from pydicom.filebase import DicomBytesIO
from pydicom.filereader import read_dataset
from pydicom.filewriter import write_dataset
from pydicom.tag import Tag

from radcommons.access.answers import Urls, instance_answer, series_answer, study_answer
from radcommons.catalogue.images import Scope
from radcommons.catalogue.search import documents_by_number, find_instances, find_series, find_studies, studies_of
from radcommons.catalogue.submissions import batches
from radcommons.dicom import quiet  # noqa: F401  (its import silences values in warnings)
from radcommons.dicom.command import Command, Status
from radcommons.dicomweb.json import JsonDataset
from radcommons.dicomweb.query import Level, Query, parse
from radcommons.dicomweb.rawjson import fitted
from radcommons.platform.association import Association
from radcommons.platform.dimse import Handler
from radcommons.platform.ports import Platform
from radcommons.records.errors import UsageError
from radcommons.records.event import Actor

PATIENT_ROOT_FIND, STUDY_ROOT_FIND = "1.2.840.10008.5.1.4.1.2.1.1", "1.2.840.10008.5.1.4.1.2.2.1"
IMPLICIT = "1.2.840.10008.1.2"
# Matches follow, and some optional keys were not matched (PS3.4 table C.4-1).
_PENDING_BUT = 0xFF01
_LEVELS = {"PATIENT": Level.STUDY, "STUDY": Level.STUDY, "SERIES": Level.SERIES, "IMAGE": Level.INSTANCE}
_UTF_8 = "ISO_IR 192"
_LEVEL, _CHARSET, _TITLE = Tag("QueryRetrieveLevel"), Tag("SpecificCharacterSet"), Tag("RetrieveAETitle")
_NOT_KEYS = frozenset({_LEVEL, _CHARSET, _TITLE, Tag("TimezoneOffsetFromUTC"), Tag("InstanceAvailability")})
_PATIENT_KEYS = frozenset(map(Tag, ("PatientID", "PatientName", "PatientSex", "PatientBirthDate")))
# Matches of one statement, and headers in memory at once.
_WINDOW, _TOGETHER = 1000, 200
_NOWHERE = Urls("")


class Mismatch(Exception):
    """The identifier does not fit the SOP class."""


def finding(platform: Platform, *, actor: Callable[[], Actor | None], title: str) -> Handler:
    """Return the handler of C-FIND for a caller.

    Parameters
    ----------
    platform : Platform
    actor : callable
        Who the caller is at this moment.
    title : str
        The AE title that retrieves what was found.
    """

    def handle(association: Association, command: Command) -> None:
        context = association.contexts[command.context]
        is_implicit = context.transfer_syntax == IMPLICIT
        encoded = association.identifier(command)
        who = actor()
        if who is None:
            association.answer(command, Status.NOT_AUTHORIZED)
            return
        try:
            asked = read_identifier(encoded, is_implicit=is_implicit)
            level = level_of(asked, is_patient_root=context.abstract_syntax == PATIENT_ROOT_FIND)
            query = query_of(asked, level)
        except (Mismatch, UsageError):
            association.answer(command, Status.MISMATCH)
            return
        pending = _PENDING_BUT if query.ignored else int(Status.PENDING)
        for found in matches(platform, Scope(actor=who), query, is_of_patients=level == "PATIENT"):
            if association.is_cancelled():
                association.answer(command, Status.CANCELLED)
                return
            answer = _answer(found, asked, level, title)
            association.answer(command, pending, data_set=_encoded(answer, is_implicit=is_implicit))
        association.answer(command, Status.SUCCESS)

    return handle


def read_identifier(encoded: bytes, *, is_implicit: bool) -> Dataset:
    """Return an identifier. Raises Mismatch."""
    try:
        found = read_dataset(io.BytesIO(encoded), is_implicit_VR=is_implicit, is_little_endian=True)
        found.decode()
        str(found.get("QueryRetrieveLevel"))
    except Exception:  # foreign bytes; the reader raises whatever comes
        raise Mismatch from None
    return found


def level_of(identifier: Dataset, *, is_patient_root: bool) -> str:
    """Return the level that an identifier asks for. Raises Mismatch."""
    level = str(identifier.get("QueryRetrieveLevel") or "").strip()
    if level not in _LEVELS or (level == "PATIENT" and not is_patient_root):
        raise Mismatch
    return level


def text_of(identifier: Dataset, tag: int) -> str:
    """Return the value of a key as a query has it; several values with a backslash between. Raises Mismatch."""
    try:
        value = identifier[tag].value
        several = value if isinstance(value, (list, tuple)) or hasattr(value, "append") else [value]
        return "\\".join(str(one) for one in several if one is not None).strip()
    except Exception:  # a value that does not convert
        raise Mismatch from None


def query_of(identifier: Dataset, level: str) -> Query:
    """Return the query of an identifier. Raises Mismatch, UsageError."""
    parameters = []
    for tag in sorted(identifier.keys()):
        word = keyword_for_tag(tag)
        if tag in _NOT_KEYS or not word or (level == "PATIENT" and tag not in _PATIENT_KEYS):
            continue
        if dictionary_VR(tag) == "SQ":
            parameters += [(f"{word}.{child}", text) for child, text in _inner(identifier, tag)]
            parameters.append(("includefield", word))
            continue
        text = text_of(identifier, tag)
        # What is asked for and what is matched on are one list here; a key without a value is only asked for.
        parameters.append((word, text) if text else ("includefield", word))
    return parse(_LEVELS[level], parameters)


def _inner(identifier: Dataset, tag: int) -> Iterator[tuple[str, str]]:
    for item in list(identifier[tag].value or [])[:1]:
        for child in sorted(item.keys()):
            text = text_of(item, child)
            if keyword_for_tag(child) and text:
                yield keyword_for_tag(child), text


def matches(platform: Platform, scope: Scope, query: Query, *, is_of_patients: bool = False) -> Iterator[JsonDataset]:
    """Yield the data sets that match; all of them, window by window."""
    known: set[object] = set()
    offset = 0
    while True:
        window = list(_window(platform, scope, replace(query, limit=_WINDOW, offset=offset, include_all=True)))
        for one in window:
            patient = one.get("00100020", {}).get("Value", [None])[0]
            if is_of_patients and patient in known:
                continue
            known.add(patient)
            yield one
        if len(window) < _WINDOW:
            return
        offset += _WINDOW


def _window(platform: Platform, scope: Scope, query: Query) -> Iterator[JsonDataset]:
    engine = platform.engine
    if query.level is Level.STUDY:
        yield from (study_answer(row, urls=_NOWHERE, query=query) for row in find_studies(engine, scope, query))
    elif query.level is Level.SERIES:
        rows = find_series(engine, scope, query)
        above = studies_of(engine, scope, [row.study_instance_uid for row in rows])
        for row in rows:
            yield series_answer(row, study=above.get(row.study_instance_uid), urls=_NOWHERE, query=query)
    else:
        for some in batches(find_instances(engine, scope, query), _TOGETHER):
            held = documents_by_number(engine, [one.id for one in some])
            for one in some:
                header = orjson.loads(fitted(held.get(one.id, b"{}"), ""))
                yield instance_answer(one, header, urls=_NOWHERE, query=query)


def _answer(found: JsonDataset, asked: Dataset, level: str, title: str) -> Dataset:
    """Return the keys that were asked for, those without a value empty, and where the rest can be had."""
    wanted = {f"{tag:08X}" for tag in sorted(asked.keys()) if tag not in (_LEVEL, _CHARSET, _TITLE)}
    chosen = {tag: member for tag, member in found.items() if tag in wanted and "BulkDataURI" not in member}
    answer = Dataset.from_json(chosen)
    for tag in sorted(asked.keys()):
        if tag not in answer and keyword_for_tag(tag):
            answer.add_new(tag, dictionary_VR(tag).split(" or ")[0], None)
    answer.SpecificCharacterSet, answer.QueryRetrieveLevel, answer.RetrieveAETitle = _UTF_8, level, title
    return answer


def _encoded(dataset: Dataset, *, is_implicit: bool) -> bytes:
    target = DicomBytesIO()
    target.is_little_endian, target.is_implicit_VR = True, is_implicit
    write_dataset(target, dataset)
    return target.getvalue()
