"""Signed documents as bytes: one canonical form, one parser, one JSON Schema for each.

A sealed document is the JSON object with one more member, ``signature``, made over the canonical bytes of the object
without it. Canonical means: UTF-8, members sorted by name, no spaces, no floats (a subset of RFC 8785).
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import Field, fields, is_dataclass
from typing import Any, TypeVar

from pydantic import TypeAdapter, ValidationError

from radcommons.records.canary import CanaryResult
from radcommons.records.checkpoint import Checkpoint
from radcommons.records.cohort import Cohort
from radcommons.records.errors import DocumentError
from radcommons.records.release import FeedEntry, Release
from radcommons.records.submission import Receipt, Signature, Submission, Withdrawal

T = TypeVar("T")

SEALED: dict[str, type[Any]] = {
    "radcommons/submission/v1": Submission,
    "radcommons/receipt/v1": Receipt,
    "radcommons/withdrawal/v1": Withdrawal,
    "radcommons/feed-entry/v1": FeedEntry,
    "radcommons/canary/v1": CanaryResult,
}
DETACHED: dict[str, type[Any]] = {"radcommons/release/v1": Release, "radcommons/cohort/v1": Cohort}
ENVELOPED: dict[str, type[Any]] = {"radcommons/checkpoint/v1": Checkpoint}  # DSSE


_ADAPTERS: dict[type[Any], TypeAdapter[Any]] = {}


def _adapter(kind: type[Any]) -> TypeAdapter[Any]:
    if kind not in _ADAPTERS:
        _ADAPTERS[kind] = TypeAdapter(kind)
    return _ADAPTERS[kind]


def plain(value: object) -> Any:
    """Return a record as JSON values: dicts, lists, strings, whole numbers, booleans and None."""
    if is_dataclass(value) and not isinstance(value, type):
        members = {field.name: getattr(value, field.name) for field in fields(value) if not _is_omitted(value, field)}
        return {name: plain(member) for name, member in members.items()}
    if isinstance(value, dict):
        return {str(key): plain(member) for key, member in value.items()}
    if isinstance(value, list | tuple):
        return [plain(member) for member in value]
    if isinstance(value, float):
        raise TypeError("signed documents carry no floats: their text form differs between programs")
    return str(value) if isinstance(value, str) else value


def _is_omitted(record: Any, field: Field[Any]) -> bool:
    """Say whether a member that came later than the documents before it is empty, and so stands in none."""
    return field.metadata.get("omitted") == "empty" and not getattr(record, field.name)


def canonical(value: object) -> bytes:
    """Return the canonical bytes of a record or of JSON values."""
    return json.dumps(plain(value), sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def digest(value: object) -> str:
    """Return the SHA-256 digest of the canonical bytes; this names a document."""
    return hashlib.sha256(canonical(value)).hexdigest()


def items_digest(digests: list[str]) -> str:
    """Return the digest over a set of instance digests, for receipts."""
    return hashlib.sha256("".join(f"{one}\n" for one in sorted(digests)).encode()).hexdigest()


def parse(kind: type[T], document: object) -> T:
    """Return the record that JSON values (or bytes) describe.

    Raises
    ------
    DocumentError
        If it is no JSON, or a member is missing, unknown or malformed; names the member, never its value.
    """
    try:
        members = json.loads(document) if isinstance(document, bytes | str) else document
    except ValueError as error:
        raise DocumentError(f"The {kind.__name__} is no JSON document.") from error
    try:
        record: T = _adapter(kind).validate_python(members, extra="forbid")
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False, include_context=False)[0]
        where = ".".join(str(part) for part in first["loc"]) or "the document"
        raise DocumentError(
            f"The {kind.__name__} does not fit its schema at {where}: {first['msg']}.",
            mend="Compare it with the published JSON Schema.",
        ) from None
    return record


def seal(value: object, *, signature: Signature) -> dict[str, Any]:
    """Return the JSON object of a record with its signature."""
    return {**plain(value), "signature": plain(signature)}


def unseal(kind: type[T], document: object) -> tuple[T, Signature, bytes]:
    """Return (record, signature, the canonical bytes that were signed). The signature is not checked here.

    Raises
    ------
    DocumentError
        If the object, or its signature member, does not fit the schema.
    """
    try:
        members = json.loads(document) if isinstance(document, bytes | str) else document
    except ValueError as error:
        raise DocumentError(f"The {kind.__name__} is no JSON document.") from error
    if not isinstance(members, dict) or "signature" not in members:
        raise DocumentError(f"The {kind.__name__} carries no signature.", mend="Sign it with the site's key.")
    body = {name: member for name, member in members.items() if name != "signature"}
    return parse(kind, body), parse(Signature, members["signature"]), canonical(body)


def json_schema(kind: type[Any], *, sealed: bool) -> dict[str, Any]:
    """Return the published JSON Schema (2020-12) of a document."""
    schema = _adapter(kind).json_schema()
    schema["$schema"] = "https://json-schema.org/draft/2020-12/schema"
    schema["additionalProperties"] = False
    if sealed:
        signature = _adapter(Signature).json_schema()
        schema.setdefault("$defs", {})["Signature"] = signature
        schema["properties"]["signature"] = {"$ref": "#/$defs/Signature"}
        schema["required"] = [*schema.get("required", []), "signature"]
    return schema
