"""Bodies of requests, read within limits."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar

from fastapi import Depends, Request

from radcommons.catalogue.credentials import Ports
from radcommons.records.documents import SEALED, json_schema
from radcommons.records.errors import UsageError


class TooLarge(UsageError):
    """The body is larger than this hub takes (413)."""

    code = "too-large"
    status: ClassVar[int] = 413


async def sealed_document(request: Request, platform: Ports) -> bytes:
    """Return the body of a request that carries a signed document.

    Raises
    ------
    TooLarge
        If it is larger than the settings allow.
    """
    limit = platform.settings.document_limit
    held = bytearray()
    async for chunk in request.stream():
        held += chunk
        if len(held) > limit:
            raise TooLarge(f"The document is larger than {limit} bytes.", mend="Split it into several.")
    return bytes(held)


Document = Annotated[bytes, Depends(sealed_document)]


def sealed_body(schema: str) -> dict[str, Any]:
    """Return the OpenAPI description of a body that is a sealed document."""
    described = json_schema(SEALED[schema], sealed=True)
    definitions = described.pop("$defs", {})
    described.pop("$schema", None)
    return {
        "requestBody": {"required": True, "content": {"application/json": {"schema": _inlined(described, definitions)}}}
    }


def _inlined(schema: Any, definitions: dict[str, Any]) -> Any:
    """Return a schema without references of its own: OpenAPI resolves them against the whole document."""
    if isinstance(schema, list):
        return [_inlined(one, definitions) for one in schema]
    if not isinstance(schema, dict):
        return schema
    reference = schema.get("$ref")
    if isinstance(reference, str) and reference.startswith("#/$defs/"):
        return _inlined(definitions[reference.removeprefix("#/$defs/")], definitions)
    return {name: _inlined(one, definitions) for name, one in schema.items()}
