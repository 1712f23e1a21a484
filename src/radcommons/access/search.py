"""`radcommons search`: words and attributes become a QIDO-RS query, its answer a list of studies."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass

from radcommons.access.hubclient import HubClient
from radcommons.dicomweb.json import first, tag_key
from radcommons.dicomweb.query import Level, parse
from radcommons.records.errors import PeerError

# Modalities of chest imaging that a bare word may name (PS3.3 section C.7.3.1.1.1).
_MODALITIES = frozenset({"CT", "CR", "DX", "MR", "PT", "US", "SEG", "SR", "OT", "XA", "RF", "NM"})
_MODALITIES_IN_STUDY = tag_key(0x00080061)


@dataclass(frozen=True, slots=True, kw_only=True)
class StudyFound:
    """One study of an answer."""

    study_instance_uid: str
    patient: str
    modalities: tuple[str, ...]
    description: str
    instances: int


def parameters(words: Iterable[str]) -> list[tuple[str, str]]:
    """Return the QIDO-RS parameters of a query typed by a person.

    Raises
    ------
    QueryError
        If an attribute is unknown.
    """
    made: list[tuple[str, str]] = []
    free: list[str] = []
    for word in words:
        name, equals, value = word.partition("=")
        if equals:
            made.append((name, value))
        elif word.upper() in _MODALITIES:
            made.append(("ModalitiesInStudy", word.upper()))
        else:
            free.append(re.sub(r"[*?]", "", word))
    if free:
        made.append(("StudyDescription", f"*{'*'.join(free)}*"))
    parse(Level.STUDY, made)
    return made


def search_studies(words: Iterable[str], *, hub: str, token: str | None = None, limit: int = 100) -> list[StudyFound]:
    """Return the studies of a hub that fit.

    Raises
    ------
    QueryError, SignInRequired, NotPermitted, PeerError
    """
    asked = [
        *parameters(words),
        ("includefield", "StudyDescription"),
        ("includefield", "ModalitiesInStudy"),
        ("limit", str(limit)),
    ]
    with HubClient(hub, token=token) as client:
        body = client.get("/dicomweb/studies", params=asked, accept="application/dicom+json")
    if not body:
        return []
    try:
        return [_study(one) for one in json.loads(body)]
    except (ValueError, TypeError, AttributeError):
        raise PeerError("The hub's answer is no DICOM JSON.", mend="Is this the address of a hub?") from None


def _study(one: dict[str, dict[str, list[str]]]) -> StudyFound:
    return StudyFound(
        study_instance_uid=str(first(one, "StudyInstanceUID") or ""),
        patient=str(first(one, "PatientID") or ""),
        modalities=tuple(one.get(_MODALITIES_IN_STUDY, {}).get("Value", [])),
        description=str(first(one, "StudyDescription") or ""),
        instances=int(first(one, "NumberOfStudyRelatedInstances") or 0),
    )
