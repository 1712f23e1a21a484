"""The build hook that puts the viewer into the package: the pinned OHIF from the npm registry, moved to /viewer/.

It runs with each build of a wheel and with each editable install, and needs neither Node nor any package. The tarball
is fetched once and kept in the user's cache; its SHA-512 and the number of files that are rewritten are pinned here,
so an upgrade that changes either stops with the place to look at.

RADCOMMONS_SKIP_VIEWER=1 leaves the viewer out, RADCOMMONS_NEED_VIEWER=1 stops a build that has none, and
NPM_CONFIG_REGISTRY names another registry. `python frontend/hatch_build.py` does the same by hand.
"""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
import os
import shutil
import sys
import tarfile
import urllib.error
import urllib.request
from pathlib import Path, PurePosixPath
from typing import Any

VERSION = "3.13.2"
SHA512 = "WZdxmpmG7rqFgW9ZJLcbgr3XCtLi1KDNPoMaeY5PPe6j4G4fjEjjkycZM6C6Zk2F87BKxFfpq+jd5xXZB9E8EA=="
ROOT = Path(__file__).resolve().parents[1]
TARGET = ROOT / "src" / "radcommons" / "access" / "ohif"
SKIP = "RADCOMMONS_SKIP_VIEWER"
NEED = "RADCOMMONS_NEED_VIEWER"  # for builds that are given to others
# Machine learning and microscopy, which no chest image needs, and what a static host or a sign-in of its own would use.
_PRUNED = frozenset(
    [
        "ort",
        "dicom-microscopy-viewer",
        "_headers",
        "_redirects",
        "serve.json",
        "sw.js",
        "init-service-worker.js",
        "app-config.js",
        "google.js",
        "oidc-client.min.js",
        "silent-refresh.html",
        "es6-shim.min.js",
        "polyfill.min.js",
    ]
)
_TAKEN = (("package", "dist"), ("package", "LICENSE"))
_PACKED = frozenset({".js", ".css", ".svg", ".json", ".html", ".wasm"})
# What says where the files lie, by the kind of file, and how many files say so.
_CHUNKS, _CHUNK_FILES = '__webpack_require__.p = "/";', 8
_FONTS, _FONT_FILES = "url(/", 1
_PAGE = (('href="/', 'href="{base}'), ('src="/', 'src="{base}'), ('PUBLIC_URL="/"', 'PUBLIC_URL="{base}"'))
_WORKER = '<script rel="preload" as="script" type="module" src="/init-service-worker.js"></script>'


class ViewerError(RuntimeError):
    """The viewer cannot be put into the package."""


def base() -> str:
    """Return the path under which the files are served: it changes with them, so browsers may keep them for good."""
    recipe = hashlib.sha256(Path(__file__).read_bytes()).hexdigest()[:8]
    return f"/viewer/{VERSION}-{recipe}/"


def build(target: Path = TARGET) -> bool:
    """Put the viewer into a folder; say whether there was anything to do.

    Raises
    ------
    ViewerError
        If the tarball is not the pinned one, or not made as it was.
    OSError
        If the registry cannot be reached.
    """
    told = target / "build.json"
    if told.is_file() and json.loads(told.read_text("utf-8"))["base"] == base():
        return False
    shutil.rmtree(target, ignore_errors=True)
    count = _unpack(_tarball(), target)
    told.write_text(json.dumps({"version": VERSION, "base": base(), "files": count}) + "\n", "utf-8")
    return True


def _tarball() -> Path:
    """Return the pinned tarball, from the cache where it is there."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "radcommons"
    kept = cache / f"ohif-app-{VERSION}.tgz"
    if kept.is_file() and _digest(kept) == SHA512:
        return kept
    cache.mkdir(parents=True, exist_ok=True)
    registry = os.environ.get("NPM_CONFIG_REGISTRY") or "https://registry.npmjs.org"
    part = kept.with_suffix(f".{os.getpid()}.part")
    url = f"{registry.rstrip('/')}/@ohif/app/-/app-{VERSION}.tgz"
    try:
        with urllib.request.urlopen(url, timeout=60) as answer, part.open("wb") as file:
            shutil.copyfileobj(answer, file, 1 << 20)
        found = _digest(part)
        if found != SHA512:
            raise ViewerError(f"The viewer's tarball is not the pinned one: SHA-512 is {found}.")
        part.replace(kept)
    finally:
        part.unlink(missing_ok=True)
    return kept


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return base64.b64encode(hashlib.file_digest(file, "sha512").digest()).decode()


def _unpack(tarball: Path, target: Path) -> int:
    """Write the files that are needed, moved and packed; return their number."""
    moved = {_CHUNKS: 0, _FONTS: 0}
    count = 0
    with tarfile.open(tarball) as archive:
        for member in archive:
            path = PurePosixPath(member.name)
            if not member.isfile() or path.parts[:2] not in _TAKEN:
                continue
            inner = path.relative_to("package/dist") if path.parts[1] == "dist" else PurePosixPath("LICENSE")
            if inner.parts[0] in _PRUNED or inner.suffix == ".map" or ".." in inner.parts:
                continue
            opened = archive.extractfile(member)
            if opened is None:
                raise ViewerError(f"The tarball's {inner} is no file.")
            _write(target / inner, _moved(inner, opened.read(), moved))
            count += 1
    if moved != {_CHUNKS: _CHUNK_FILES, _FONTS: _FONT_FILES}:
        raise ViewerError(f"The viewer says in other places than it did where its files lie: {moved}.")
    return count


def _moved(inner: PurePosixPath, content: bytes, moved: dict[str, int]) -> bytes:
    """Return a file with its addresses below our path; counts the files that had some."""
    if inner.name == "index.html" and len(inner.parts) == 1:
        return _page(content.decode()).encode()
    for suffix, mark, to in ((".js", _CHUNKS, _CHUNKS.replace("/", base())), (".css", _FONTS, f"url({base()}")):
        if inner.suffix == suffix and mark.encode() in content:
            moved[mark] += 1
            content = content.replace(mark.encode(), to.encode())
    if inner.suffix == ".json":
        content = content.replace(b'"/assets/', f'"{base()}assets/'.encode())
    return content


def _page(text: str) -> str:
    if text.count(_WORKER) != 1:
        raise ViewerError("The viewer's page starts otherwise than it did.")
    text = text.replace(_WORKER, "")
    for mark, to in _PAGE:
        if mark not in text:
            raise ViewerError(f"The viewer's page has no {mark} left.")
        text = text.replace(mark, to.format(base=base()))
    return text


def _write(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix in _PACKED and path.name != "index.html":
        path, content = path.with_name(path.name + ".gz"), gzip.compress(content, 9, mtime=0)
    path.write_bytes(content)


def prepare(*, must: bool) -> None:
    """Build unless the environment says not to; what cannot be reached stops a build alone that `must` have it."""
    if os.environ.get(SKIP):
        return
    try:
        if build():
            print(f"radcommons: the viewer, OHIF {VERSION}, is in place", file=sys.stderr)
    except (OSError, urllib.error.URLError) as error:
        hint = f"The viewer could not be fetched ({error}); {SKIP}=1 builds without it."
        if must:
            raise ViewerError(hint) from error
        print(f"radcommons: {hint}", file=sys.stderr)


try:
    from hatchling.builders.hooks.plugin.interface import BuildHookInterface
except ImportError:  # run by hand
    pass
else:

    class ViewerHook(BuildHookInterface):  # type: ignore[type-arg, unused-ignore]
        """What hatchling calls before it gathers the files."""

        def initialize(self, version: str, build_data: dict[str, Any]) -> None:
            """Put the viewer in place; who has no npm registry at hand goes on without it, and the portal says so."""
            prepare(must=bool(os.environ.get(NEED)))


if __name__ == "__main__":
    prepare(must=True)
