"""STOW-RS: instances arrive as a stream, and are acknowledged when they are durable (PS3.18 section 10.5)."""

from __future__ import annotations

import hashlib
import shutil
import tempfile
from dataclasses import replace
from pathlib import Path

from fastapi import APIRouter, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import JSONResponse

from radcommons.catalogue.credentials import Asking, Ports
from radcommons.dicomweb import stow
from radcommons.dicomweb.multipart import Part, parts
from radcommons.hub.bodies import TooLarge
from radcommons.hub.store import Arrived, Outcome, store
from radcommons.platform.durable import disk_full_is_named
from radcommons.platform.identity import authorize
from radcommons.platform.ports import Platform
from radcommons.records.errors import NotPermitted
from radcommons.records.event import Actor, Role

DICOM, DICOM_JSON = "application/dicom", "application/dicom+json"
_BODY = {
    "requestBody": {
        "required": True,
        "content": {'multipart/related; type="application/dicom"': {"schema": {"type": "string", "format": "binary"}}},
    }
}


def router() -> APIRouter:
    """Return the store transaction's routes."""
    routes = APIRouter(tags=["DICOMweb"])

    @routes.post("/dicomweb/studies", response_class=JSONResponse, openapi_extra=_BODY)
    async def store_instances(request: Request, platform: Ports, actor: Asking) -> JSONResponse:
        """Store instances of any study."""
        return await _answer(request, platform, actor, study=None)

    @routes.post("/dicomweb/studies/{study}", response_class=JSONResponse, openapi_extra=_BODY)
    async def store_instances_of_study(request: Request, platform: Ports, actor: Asking, study: str) -> JSONResponse:
        """Store instances of one study; those of another fail."""
        return await _answer(request, platform, actor, study=study)

    return routes


async def _answer(request: Request, platform: Platform, actor: Actor, *, study: str | None) -> JSONResponse:
    if actor.dataset is None:
        authorize(actor, Role.SITE)
        if actor.site is None:
            raise NotPermitted("The token speaks for no site.", mend="Use a site's token.")
    folder = Path(await run_in_threadpool(tempfile.mkdtemp, dir=platform.temporary))
    try:
        arrived = await _arrive(request, folder, limit=platform.settings.part_limit)
        outcome = await run_in_threadpool(store, arrived, platform=platform, actor=actor, study=study)
    finally:
        # Also when the client went away in the middle: what is durable has its name in the object store by now.
        await run_in_threadpool(shutil.rmtree, folder, ignore_errors=True)
    return _response(outcome, root=str(request.base_url).rstrip("/"))


async def _arrive(request: Request, folder: Path, *, limit: int) -> list[Arrived]:
    """Write each part to a file, hashing on the way; memory is one chunk."""
    arrived: list[Arrived] = []
    content_type = request.headers.get("content-type", "")
    async for part in parts(request.stream(), content_type, related_type=DICOM):
        path = folder / str(len(arrived))
        digest, size = await _write(part, path, limit=limit)
        arrived.append(Arrived(path=path, digest=digest, size=size))
    return arrived


async def _write(part: Part, path: Path, *, limit: int) -> tuple[str, int]:
    running, size = hashlib.sha256(), 0
    with disk_full_is_named("arriving instances"), path.open("wb") as target:
        async for chunk in part.chunks:
            size += len(chunk)
            if size > limit:
                raise TooLarge(f"An instance is larger than {limit} bytes.")
            running.update(chunk)
            target.write(chunk)
    return running.hexdigest(), size


def _response(outcome: Outcome, *, root: str) -> JSONResponse:
    stored = [
        replace(one, retrieve_url=f"{root}{one.retrieve_url}") if one.retrieve_url else one for one in outcome.stored
    ]
    return JSONResponse(
        stow.response(stored, outcome.failed),
        status_code=stow.status(stored, outcome.failed),
        media_type=DICOM_JSON,
    )
