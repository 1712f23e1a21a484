"""QIDO-RS (PS3.18 section 10.6): searches over what the caller may see."""

from __future__ import annotations

import orjson
from fastapi import Response

from radcommons.access.answers import instance_answer, series_answer, study_answer
from radcommons.access.asked import Asked
from radcommons.catalogue.search import documents_by_number, find_instances, find_series, find_studies, studies_of
from radcommons.catalogue.submissions import batches
from radcommons.dicomweb.json import JsonDataset
from radcommons.dicomweb.negotiate import Offer
from radcommons.dicomweb.query import MAXIMUM_LIMIT, Level, Query, parse
from radcommons.dicomweb.rawjson import fitted

JSON = Offer(media="application/dicom+json")
PLAIN_JSON = Offer(media="application/json")
_OFFERS = (JSON, PLAIN_JSON)
# So few studies by their UID are found between other requests.
_FEW = 10
# Headers in memory at once.
_TOGETHER = 500


def _query(asked: Asked, level: Level) -> Query:
    return parse(level, asked.request.query_params.multi_items())


def _answer(found: list[JsonDataset], query: Query, *, media: str) -> Response:
    """Return the data sets of a search: 204 when there are none (PS3.18 section 10.6.3.1)."""
    warnings = {}
    if query.ignored:
        keys = ", ".join(query.ignored)
        warnings["Warning"] = f'299 radcommons "These keys were not matched: {keys}"'
    elif len(found) == MAXIMUM_LIMIT:
        warnings["Warning"] = '299 radcommons "There may be more results; use offset and limit"'
    if not found:
        return Response(status_code=204, headers=warnings)
    return Response(orjson.dumps(found), media_type=media, headers=warnings)


def search_studies(asked: Asked) -> Response:
    """Search for studies."""
    media = asked.choose(_OFFERS).offer.media
    query = _query(asked, Level.STUDY)
    if not _names_few(query, "StudyInstanceUID"):
        asked.is_waiting()
    rows = find_studies(asked.ports.engine, asked.scope, query)
    urls = asked.urls
    return _answer([study_answer(row, urls=urls, query=query) for row in rows], query, media=media)


def _names_few(query: Query, keyword: str) -> bool:
    return any(match.keyword == keyword and len(match.values) <= _FEW for match in query.matches)


def search_series(asked: Asked) -> Response:
    """Search for series, in one study or in all."""
    media = asked.choose(_OFFERS).offer.media
    query = _query(asked, Level.SERIES)
    engine, place = asked.ports.engine, asked.place
    if place.study is None:
        asked.is_waiting()
    rows = find_series(engine, asked.scope, query, place=place)
    uids = [] if place.study else [row.study_instance_uid for row in rows]
    above = studies_of(engine, asked.scope, uids)
    urls = asked.urls
    found = [series_answer(row, study=above.get(row.study_instance_uid), urls=urls, query=query) for row in rows]
    return _answer(found, query, media=media)


def search_instances(asked: Asked) -> Response:
    """Search for instances, in one series, in one study or in all."""
    media = asked.choose(_OFFERS).offer.media
    query = _query(asked, Level.INSTANCE)
    asked.is_waiting()
    urls = asked.urls
    rows = find_instances(asked.ports.engine, asked.scope, query, place=asked.place)
    found: list[JsonDataset] = []
    for some in batches(rows, _TOGETHER):
        held = documents_by_number(asked.ports.engine, [row.id for row in some])
        headers = [orjson.loads(fitted(held.get(row.id, b"{}"), "")) for row in some]
        found += [
            instance_answer(row, header, urls=urls, query=query) for row, header in zip(some, headers, strict=True)
        ]
    return _answer(found, query, media=media)
