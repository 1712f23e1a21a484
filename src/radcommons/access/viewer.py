"""OHIF at ``/viewer/``: files that the build hook put beside this module, and a configuration made for each request.

``/viewer/viewer?StudyInstanceUIDs=UID`` shows the newest versions that the caller may see;
``/viewer/releases/{id}/viewer?StudyInstanceUIDs=UID`` shows them as a release froze them. The viewer reads through
DICOMweb with the visitor's own session, so it shows what the caller may see and nothing else.
"""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
import mimetypes
import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from fastapi import APIRouter, Request, Response
from fastapi.responses import FileResponse

from radcommons.catalogue import shelf
from radcommons.catalogue.credentials import Ports, Visitor
from radcommons.platform.database import reading
from radcommons.records.errors import NotFound
from radcommons.records.identifiers import split_release_id
from radcommons.ui.pages import renderer

FILES = Path(__file__).parent / "ohif"
_FOREVER = "public, max-age=31536000, immutable"
_TYPES = {".js": "text/javascript; charset=utf-8", ".wasm": "application/wasm", ".woff2": "font/woff2"}
_SCRIPT = re.compile(r"<script>(.*?)</script>", re.DOTALL)
_ROOT = "/viewer/"
_CONFIG = f"{_ROOT}app-config.js"


@dataclass(frozen=True, slots=True, kw_only=True)
class Ohif:
    """The viewer as it was built.

    Parameters
    ----------
    folder : str
        The part of the address that changes with the files.
    files : mapping of str to Path
        By their address below it; a packed one lies under a name that ends in ``.gz``.
    page : str
        The one HTML page.
    policy : str
        Its Content-Security-Policy: decoders and shaders are compiled in the browser, nothing comes from elsewhere.
    """

    folder: str
    files: dict[str, Path]
    page: str
    policy: str


@cache
def installed(folder: Path = FILES) -> Ohif | None:
    """Return the viewer, None where the package was built without it; read once."""
    told = folder / "build.json"
    if not told.is_file():
        return None
    page = (folder / "index.html").read_text("utf-8")
    hashes = " ".join(f"'sha256-{_sha256(script)}'" for script in _SCRIPT.findall(page))
    policy = (
        f"default-src 'none'; script-src 'self' {hashes} 'unsafe-eval' 'wasm-unsafe-eval'; worker-src 'self' blob:; "
        "style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; font-src 'self' data:; manifest-src 'self'; "
        "connect-src 'self' data: blob:; form-action 'none'; base-uri 'none'; frame-ancestors 'none'"
    )
    files = {
        path.relative_to(folder).as_posix().removesuffix(".gz"): path
        for path in folder.rglob("*")
        if path.is_file() and path not in (told, folder / "index.html")
    }
    base = json.loads(told.read_text("utf-8"))["base"]
    return Ohif(folder=base.removeprefix(_ROOT), files=files, page=page, policy=policy)


def _sha256(text: str) -> str:
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def link(study: str, release: str = "") -> str:
    """Return the address at which the viewer shows a study."""
    within = f"releases/{release}/" if release else ""
    return f"{_ROOT}{within}viewer?{urlencode({'StudyInstanceUIDs': study})}"


def router(ohif: Ohif | None) -> APIRouter:
    """Return the viewer's routes; without the viewer they say that it is not there."""
    routes = APIRouter(include_in_schema=False)

    def viewer(path: str, request: Request, ports: Ports, who: Visitor, release: str = "") -> Response:
        """Answer with a file, the configuration or the page."""
        if ohif is None:
            raise NotFound(
                "The viewer is not part of this installation.",
                mend="Install the package again where the npm registry can be reached; the study pages work without.",
            )
        if path.startswith(ohif.folder):
            return _file(ohif, path.removeprefix(ohif.folder), request)
        if path == "app-config.js":
            return _config(request, release)
        if path.startswith("releases/"):
            release = path.split("/")[1]
            with reading(ports.engine) as connection:
                shelf.open_release(connection, who.actor, release)
            return _page(ohif, f"{_CONFIG}?release={release}")
        return _page(ohif, _CONFIG)

    routes.add_api_route("/viewer/{path:path}", viewer, methods=["GET", "HEAD"], response_class=Response)
    return routes


def _file(ohif: Ohif, name: str, request: Request) -> Response:
    path = ohif.files.get(name)
    if path is None:
        raise NotFound("There is no such file.")
    kind = Path(name).suffix
    media = _TYPES.get(kind) or mimetypes.guess_type(name)[0] or "application/octet-stream"
    # The page's workers take their policy from their own answer.
    headers = {"Cache-Control": _FOREVER, "Content-Security-Policy": ohif.policy}
    if path.suffix != ".gz":
        return FileResponse(path, media_type=media, headers=headers)
    headers["Vary"] = "Accept-Encoding"
    if "gzip" in request.headers.get("accept-encoding", ""):
        return FileResponse(path, media_type=media, headers={**headers, "Content-Encoding": "gzip"})
    return Response(gzip.decompress(path.read_bytes()), media_type=media, headers=headers)


def _page(ohif: Ohif, config: str) -> Response:
    html = ohif.page.replace(f"{_ROOT}{ohif.folder}app-config.js", config)
    headers = {"Content-Security-Policy": ohif.policy, "Cache-Control": "private, no-cache"}
    return Response(html, media_type="text/html; charset=utf-8", headers=headers)


def _config(request: Request, release: str) -> Response:
    """Return the configuration as a script; it names no rights and no address but paths of ours."""
    if release and split_release_id(release) is None:
        raise NotFound("There is no such release.")
    name = renderer(request).brand.name
    told = json.dumps(_configuration(name, release), indent=1).replace("<", "\\u003c")
    script = f"window.config = {told};\n{_SCRIPT_END}"
    return Response(script, media_type=_TYPES[".js"], headers={"Cache-Control": "private, no-cache"})


# Paths become addresses of wherever the page came from, so that a proxy's name needs no setting of its own. The mark
# leads back to the portal.
_SCRIPT_END = """\
for (const source of window.config.dataSources)
  for (const key of ["wadoUriRoot", "qidoRoot", "wadoRoot"])
    source.configuration[key] = window.location.origin + source.configuration[key];
window.config.whiteLabeling = {
  createLogoComponentFn: (React) =>
    React.createElement(
      "a",
      { href: window.config.home, className: "text-primary", style: { fontWeight: 600, fontSize: 15 } },
      window.config.homeName
    ),
};
"""


def _configuration(name: str, release: str) -> dict[str, Any]:
    root = f"/dicomweb/releases/{release}" if release else "/dicomweb"
    return {
        "name": "radcommons",
        "home": f"/releases/{release}" if release else "/explore",
        "homeName": name,
        "routerBasename": f"{_ROOT}releases/{release}/" if release else _ROOT,
        "extensions": [],
        "modes": [],
        "customizationService": {},
        "showStudyList": True,
        "maxNumberOfWebWorkers": 3,
        "showWarningMessageForCrossOrigin": False,
        "showCPUFallbackMessage": False,
        "showLoadingIndicator": True,
        "strictZSpacingForVolumeViewport": True,
        "maxNumRequests": {"interaction": 100, "thumbnail": 5, "prefetch": 10},
        "showErrorDetails": "production",
        # A new kind of segmentation object would be saved otherwise, which most programs do not read yet.
        "segmentation": {"store": {"defaultMode": "bitmap", "transferSyntaxUID": "1.2.840.10008.1.2.1"}},
        "defaultDataSourceName": "radcommons",
        "dataSources": [
            {
                "namespace": "@ohif/extension-default.dataSourcesModule.dicomweb",
                "sourceName": "radcommons",
                "configuration": {
                    "friendlyName": name,
                    "name": "radcommons",
                    "wadoUriRoot": root,
                    "qidoRoot": root,
                    "wadoRoot": root,
                    "qidoSupportsIncludeField": True,
                    "imageRendering": "wadors",
                    "thumbnailRendering": "thumbnail",
                    "thumbnailRequestStrategy": "fetch",
                    "enableStudyLazyLoad": True,
                    "supportsFuzzyMatching": False,
                    "supportsWildcard": True,
                    "singlepart": "bulkdata,video",
                    "bulkDataURI": {"enabled": True, "relativeResolution": "studies"},
                    "omitQuotationForMultipartRequest": True,
                },
            }
        ],
    }
