"""QIDO-RS (PS3.18 section 10.6): searches over what the caller may see."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import orjson
from fastapi import Response

from radcommons.access.answers import instance_answer, instance_text, series_answer, study_answer
from radcommons.access.asked import PRIVATE, Asked
from radcommons.access.packing import gzipped, takes_gzip
from radcommons.catalogue.search import documents_by_number, find_instances, find_series, find_studies, studies_of
from radcommons.catalogue.submissions import batches
from radcommons.dicomweb.json import JsonDataset
from radcommons.dicomweb.multipart import new_boundary, related, write_parts
from radcommons.dicomweb.negotiate import Offer
from radcommons.dicomweb.query import Level, Query, parse
from radcommons.dicomweb.rawjson import fitted
from radcommons.dicomweb.xml import to_xml

JSON = Offer(media="application/dicom+json")
PLAIN_JSON = Offer(media="application/json")
_XML_MEDIA = "application/dicom+xml"
XML = Offer(media="multipart/related", related=_XML_MEDIA)
OFFERS = (JSON, PLAIN_JSON, XML)
# Shorter answers fit one packet anyway.
_WORTH_PACKING = 1400
# So few studies by their UID are found between other requests.
_FEW = 10
# Headers in memory at once.
_TOGETHER = 500


def _query(asked: Asked, level: Level) -> Query:
    return parse(level, asked.request.query_params.multi_items())


def _window(query: Query) -> Query:
    """Return the query for one answer more than is sent, which tells whether there are more."""
    return replace(query, limit=query.limit + 1)


def _warnings(response: Response, texts: Iterable[str], *, root: str) -> Response:
    """Add a Warning header for each text, in the form of PS3.18 section 8.3.4.2; one of RFC 9111 has it no more."""
    for text in texts:
        response.headers.append("Warning", f"299 {root}: {text}")
    return response


def _answer(asked: Asked, found: list[Any], query: Query, offer: Offer) -> Response:
    """Return the data sets of a search: 204 when there are none (PS3.18 sections 8.3.4.4.1 and 10.6.3.1).

    For JSON, what is found may be text already, as a fragment.
    """
    warnings = [f"These keys were not matched: {', '.join(query.ignored)}"] if query.ignored else []
    warnings += query.notes
    if len(found) > query.limit:
        found = found[: query.limit]
        warnings.append("There are additional results that can be requested")
    return _warnings(_found(asked, found, offer), warnings, root=asked.urls.root)


def _found(asked: Asked, found: list[Any], offer: Offer) -> Response:
    headers = dict(PRIVATE)
    if not found:
        return Response(status_code=204, headers=headers)
    if offer is XML:
        return xml_response(found, headers=headers)
    body = orjson.dumps(found)
    if len(body) > _WORTH_PACKING and takes_gzip(asked.request):
        body = gzipped(body)
        headers |= {"Content-Encoding": "gzip"}
    return Response(body, media_type=offer.media, headers=headers)


def xml_response(found: Iterable[JsonDataset], *, headers: dict[str, str]) -> Response:
    """Return data sets as XML, one part each (PS3.18 section 8.7.3.2)."""
    boundary = new_boundary()
    told = {"Content-Type": _XML_MEDIA}
    body = b"".join(write_parts(((told, [to_xml(one)]) for one in found), boundary=boundary))
    return Response(body, media_type=related(_XML_MEDIA, boundary=boundary), headers=headers)


def search_studies(asked: Asked) -> Response:
    """Search for studies."""
    offer = asked.choose(OFFERS).offer
    query = _query(asked, Level.STUDY)
    if not _names_few(query, "StudyInstanceUID"):
        asked.is_waiting()
    rows = find_studies(asked.ports.engine, asked.scope, _window(query))
    urls = asked.urls
    return _answer(asked, [study_answer(row, urls=urls, query=query) for row in rows], query, offer)


def _names_few(query: Query, keyword: str) -> bool:
    return any(match.keyword == keyword and len(match.values) <= _FEW for match in query.matches)


def search_series(asked: Asked) -> Response:
    """Search for series, in one study or in all."""
    offer = asked.choose(OFFERS).offer
    query = _query(asked, Level.SERIES)
    engine, place = asked.ports.engine, asked.place
    if place.study is None:
        asked.is_waiting()
    rows = find_series(engine, asked.scope, _window(query), place=place)
    uids = [] if place.study else [row.study_instance_uid for row in rows]
    above = studies_of(engine, asked.scope, uids)
    urls = asked.urls
    found = [series_answer(row, study=above.get(row.study_instance_uid), urls=urls, query=query) for row in rows]
    return _answer(asked, found, query, offer)


def search_instances(asked: Asked) -> Response:
    """Search for instances, in one series, in one study or in all."""
    offer = asked.choose(OFFERS).offer
    query = _query(asked, Level.INSTANCE)
    asked.is_waiting()
    urls = asked.urls
    rows = find_instances(asked.ports.engine, asked.scope, _window(query), place=asked.place)
    is_short = offer is not XML and not query.include and not query.include_all and asked.place.study is not None
    found: list[JsonDataset | orjson.Fragment] = []
    for some in batches(rows, _TOGETHER):
        held = documents_by_number(asked.ports.engine, [row.id for row in some])
        for row in some:  # one parsed header at a time: many of them would keep the garbage collector busy
            header = orjson.loads(fitted(held.get(row.id, b"{}"), ""))
            text = instance_text(row, header, urls=urls) if is_short else None
            if text is not None:
                found.append(orjson.Fragment(text))
            else:
                found.append(instance_answer(row, header, urls=urls, query=query, place=asked.place))
    return _answer(asked, found, query, offer)
