"""Static files under names that carry their content's hash, so that browsers may keep them for good."""

from __future__ import annotations

import gzip
import hashlib
import mimetypes
import re
from dataclasses import dataclass
from pathlib import Path

from fastapi import APIRouter, Request, Response

from radcommons.records.errors import NotFound

STATIC = Path(__file__).parent / "static"
PREFIX = "/static"
_TYPES = {".woff2": "font/woff2", ".js": "text/javascript; charset=utf-8", ".css": "text/css; charset=utf-8"}
_FOREVER = "public, max-age=31536000, immutable"
_SERVED = {".css", ".js", ".svg", ".woff2", ".png"}
_CSS_URL = re.compile(r'url\("(?!data:)([^"]+)"\)')


@dataclass(frozen=True, slots=True)
class Asset:
    """One file as it is served."""

    url_name: str
    media_type: str
    body: bytes
    gzipped: bytes | None


class Assets:
    """The files of folders in memory, by their name and by their hashed name.

    Parameters
    ----------
    folder : Path
        Style sheets may name files of the folders in ``url("...")``; those become hashed names as well.
    more : Path
        Folders of a zone's own; a name of an earlier folder is not taken again.
    """

    def __init__(self, folder: Path = STATIC, *more: Path) -> None:
        files = {
            path.relative_to(root).as_posix(): path
            for root in reversed((folder, *more))
            for path in sorted(root.rglob("*"))
            if path.is_file() and path.suffix in _SERVED
        }
        # Style sheets last: their content, and so their hash, holds the hashed names of what they use.
        ordered = sorted(files, key=lambda name: name.endswith(".css"))
        self._by_name: dict[str, Asset] = {}
        for name in ordered:
            self._by_name[name] = self._load(name, files[name])
        self._by_url = {asset.url_name: asset for asset in self._by_name.values()}

    def _load(self, name: str, path: Path) -> Asset:
        body = path.read_bytes()
        if path.suffix == ".css":
            body = _CSS_URL.sub(lambda found: f'url("{self.url(found[1])}")', body.decode()).encode()
        stem, _, suffix = name.rpartition(".")
        hashed = f"{stem}.{hashlib.sha256(body).hexdigest()[:10]}.{suffix}"
        media = _TYPES.get(path.suffix) or mimetypes.guess_type(path.name)[0] or "application/octet-stream"
        packed = gzip.compress(body, 9, mtime=0) if path.suffix in {".css", ".js", ".svg"} else None
        return Asset(hashed, media, body, packed)

    def url(self, name: str) -> str:
        """Return the address of a file.

        Raises
        ------
        KeyError
            If the folder has no such file: a page that names one is a fault of ours.
        """
        return f"{PREFIX}/{self._by_name[name].url_name}"

    def get(self, url_name: str) -> Asset:
        """Return the file under a hashed name. Raises NotFound."""
        if url_name not in self._by_url:
            raise NotFound("There is no such file.")
        return self._by_url[url_name]

    def router(self) -> APIRouter:
        """Return the route that serves the files (GET and HEAD)."""
        router = APIRouter()

        @router.api_route(PREFIX + "/{name:path}", methods=["GET", "HEAD"], include_in_schema=False)
        def static_file(name: str, request: Request) -> Response:
            asset = self.get(name)
            headers = {"Cache-Control": _FOREVER, "X-Content-Type-Options": "nosniff"}
            body = asset.body
            if asset.gzipped is not None:
                headers["Vary"] = "Accept-Encoding"
                if "gzip" in request.headers.get("accept-encoding", ""):
                    body, headers["Content-Encoding"] = asset.gzipped, "gzip"
            return Response(body, media_type=asset.media_type, headers=headers)

        return router
