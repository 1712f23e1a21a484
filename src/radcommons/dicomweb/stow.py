"""The answer of a STOW-RS store transaction (PS3.18 section 10.5.3) from the fate of each instance."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Any

from radcommons.dicomweb.json import JsonDataset, attribute, members


class Failure(IntEnum):
    """Values of (0008,1197) Failure Reason (PS3.18 table 10.5.3-1, PS3.4 table B.2-1)."""

    PROCESSING = 0x0110
    NO_SUCH_SOP_CLASS = 0x0118
    NOT_AUTHORIZED = 0x0124
    DUPLICATE_UID = 0x0111
    OUT_OF_RESOURCES = 0xA700
    MISMATCH_SOP_CLASS = 0xA900
    CANNOT_UNDERSTAND = 0xC000
    SYNTAX_NOT_SUPPORTED = 0xC122


@dataclass(frozen=True, slots=True, kw_only=True)
class Stored:
    """An instance that is durable now."""

    sop_class_uid: str
    sop_instance_uid: str
    retrieve_url: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Failed:
    """An instance, or a part that is none (empty UIDs), that was not stored."""

    reason: Failure
    sop_class_uid: str = ""
    sop_instance_uid: str = ""


def status(stored: Sequence[Stored], failed: Sequence[Failed]) -> int:
    """Return the HTTP status: 200 all are stored, 202 some, 409 none (PS3.18 table 10.5.3-1)."""
    if not failed:
        return 200
    return 202 if stored else 409


def response(stored: Sequence[Stored], failed: Sequence[Failed], *, root: str = "") -> JsonDataset:
    """Return the Store Instances Response module (PS3.18 table I.1-1) in the DICOM JSON model.

    Parameters
    ----------
    stored, failed : sequence
    root : str
        What goes before each address of an instance.
    """
    studies = {one.retrieve_url.partition("/series/")[0] for one in stored}
    study = next(iter(studies)) if len(studies) == 1 else ""
    body: JsonDataset = dict([attribute("RetrieveURL", root + study)]) if study else {}
    if failed:
        body |= dict([attribute("FailedSOPSequence", *(_failed(one) for one in failed if one.sop_instance_uid))])
        others = [members(FailureReason=int(one.reason)) for one in failed if not one.sop_instance_uid]
        if others:
            body |= dict([attribute("OtherFailuresSequence", *others)])
        if "Value" not in body["00081198"]:
            del body["00081198"]
    if stored:
        body |= dict([attribute("ReferencedSOPSequence", *(_stored(one, root) for one in stored))])
    return dict(sorted(body.items()))


def _reference(one: Stored | Failed) -> dict[str, Any]:
    return members(ReferencedSOPClassUID=one.sop_class_uid, ReferencedSOPInstanceUID=one.sop_instance_uid)


def _stored(one: Stored, root: str) -> dict[str, Any]:
    return _reference(one) | (members(RetrieveURL=root + one.retrieve_url) if one.retrieve_url else {})


def _failed(one: Failed) -> dict[str, Any]:
    return _reference(one) | members(FailureReason=int(one.reason))
