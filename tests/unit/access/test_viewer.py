"""The viewer's routes over a small stand-in for OHIF's files, and the build hook that makes the real ones."""

from __future__ import annotations

import gzip
import importlib.util
import io
import json
import tarfile
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from types import ModuleType

import pytest
from fastapi.testclient import TestClient

from radcommons.access import viewer
from unit.access.commons import Commons

_HOOK = Path(__file__).parents[3] / "frontend" / "hatch_build.py"


@pytest.fixture
def client(commons: Commons, tmp_path: Path) -> TestClient:
    """The zone with a viewer of two files."""
    folder = tmp_path / "ohif"
    folder.mkdir()
    named = ("app-config.js", "app.js")
    page = "<script>let a=1</script>" + "".join(f'<script src="/viewer/3-x/{one}"></script>' for one in named)
    (folder / "index.html").write_text(page, "utf-8")
    (folder / "app.js.gz").write_bytes(gzip.compress(b"let b = 2"))
    (folder / "logo.png").write_bytes(b"png")
    (folder / "build.json").write_text(json.dumps({"base": "/viewer/3-x/"}), "utf-8")
    return TestClient(commons.app(ohif=folder))


def test_files_are_packed_and_kept_for_good(client: TestClient) -> None:
    """Packed where the browser takes it, plain where not; the address changes with the files."""
    for accept in ("gzip", "identity"):
        answer = client.get("/viewer/3-x/app.js", headers={"Accept-Encoding": accept})
        assert answer.text == "let b = 2"
        assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
        assert answer.headers.get("content-encoding") == ("gzip" if accept == "gzip" else None)
        assert answer.headers["content-type"].startswith("text/javascript")
    assert client.get("/viewer/3-x/logo.png").content == b"png"


@pytest.mark.parametrize("name", ["nothing.js", "..%2Fbuild.json", "../../viewer.py", "build.json", "app.js.gz", "%00"])
def test_only_its_own_files_are_given(client: TestClient, name: str) -> None:
    """Other names, ways out of the folder and the packed names are 404, or the page that knows nothing."""
    answer = client.get(f"/viewer/3-x/{name}")
    assert answer.status_code == 404


def test_paths_of_the_viewer_itself_are_its_page(client: TestClient) -> None:
    """Whatever the viewer's own router calls a path: its page, never kept, with a policy for its inline scripts."""
    for path in ("/viewer/", "/viewer/viewer?StudyInstanceUIDs=1.2", "/viewer/anything/at/all"):
        answer = client.get(path)
        assert 'src="/viewer/app-config.js"' in answer.text
        policy = answer.headers["content-security-policy"]
        assert "'sha256-" in policy
        assert "'unsafe-inline'" not in policy.split("style-src")[0]
        assert "http" not in policy
        assert answer.headers["cache-control"] == "private, no-cache"


def test_a_release_has_its_own_page_and_roots(client: TestClient) -> None:
    """Below a release the configuration names the release's DICOMweb; one that asks for more rights is refused."""
    page = client.get("/viewer/releases/chest-1/viewer").text
    assert 'src="/viewer/app-config.js?release=chest-1"' in page
    config = client.get("/viewer/app-config.js?release=chest-1").text
    assert '"qidoRoot": "/dicomweb/releases/chest-1"' in config
    assert '"routerBasename": "/viewer/releases/chest-1/"' in config
    assert client.get("/viewer/releases/closed-1/viewer").status_code == 401
    assert client.get("/viewer/releases/chest-9/viewer").status_code == 404


@pytest.mark.parametrize("release", ["';alert(1)//", "</script><script>", "chest-1/../x", "x" * 5000])
def test_the_configuration_takes_no_stranger_text(client: TestClient, release: str) -> None:
    """What is no release's name is refused, in the configuration and below the path."""
    assert client.get("/viewer/app-config.js", params={"release": release}).status_code == 404
    assert client.get(f"/viewer/releases/{release}").status_code == 404


def test_a_package_without_the_viewer_says_so(commons: Commons, tmp_path: Path) -> None:
    """404 with what to do, and no link to it on the study page."""
    assert viewer.installed(tmp_path) is None
    answer = TestClient(commons.app(ohif=tmp_path)).get("/viewer/")
    assert answer.status_code == 404
    assert "not part of this installation" in answer.text


def _hook() -> ModuleType:
    spec = importlib.util.spec_from_file_location("viewer_hook", _HOOK)
    assert spec is not None
    assert spec.loader is not None
    made = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(made)
    return made


def _tarball(path: Path, *, chunks: int) -> None:
    page = '<link href="/a.css"><script src="/a.js"></script><script>window.PUBLIC_URL="/"</script>'
    worker = '<script rel="preload" as="script" type="module" src="/init-service-worker.js"></script>'
    files = {"dist/index.html": page + worker, "dist/a.css": "url(/f.woff2)", "dist/sw.js": "x", "dist/ort/o.js": "x"}
    files |= {f"dist/{n}.js": '__webpack_require__.p = "/";' for n in range(chunks)}
    with tarfile.open(path, "w:gz") as archive:
        for name, text in files.items():
            told = tarfile.TarInfo(f"package/{name}")
            told.size = len(text)
            archive.addfile(told, io.BytesIO(text.encode()))


def test_the_hook_moves_prunes_and_packs(tmp_path: Path) -> None:
    """Addresses move below the versioned path, what is not needed stays out, what compresses is packed."""
    hook = _hook()
    _tarball(tmp_path / "t.tgz", chunks=8)
    assert hook._unpack(tmp_path / "t.tgz", tmp_path / "out") == 10
    names = {path.name for path in (tmp_path / "out").iterdir()}
    assert names == {"index.html", "a.css.gz", *(f"{n}.js.gz" for n in range(8))}
    page = (tmp_path / "out" / "index.html").read_text("utf-8")
    assert 'href="/' in page
    assert page.count(hook.base()) == 3
    assert hook.base().encode() in gzip.decompress((tmp_path / "out" / "0.js.gz").read_bytes())


def test_the_hook_stops_at_another_tarball(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another digest, or another number of places to move, stops the build; an unreachable registry only a wheel's."""
    hook = _hook()
    _tarball(tmp_path / "t.tgz", chunks=7)
    with pytest.raises(hook.ViewerError, match="other places"):
        hook._unpack(tmp_path / "t.tgz", tmp_path / "out")

    class Registry(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b"not the viewer")

        def log_message(self, *_: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Registry)
    Thread(target=server.serve_forever, daemon=True).start()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("NPM_CONFIG_REGISTRY", f"http://127.0.0.1:{server.server_port}")
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    with pytest.raises(hook.ViewerError, match="not the pinned one"):
        hook.build(tmp_path / "target")
    server.shutdown()
    server.server_close()
    assert not list((tmp_path / "cache").rglob("*.tgz"))
    monkeypatch.setattr(hook, "TARGET", tmp_path / "target")
    monkeypatch.setattr(hook, "build", _unreachable)
    hook.prepare(must=False)
    with pytest.raises(hook.ViewerError, match="RADCOMMONS_SKIP_VIEWER=1"):
        hook.prepare(must=True)
    monkeypatch.setenv("RADCOMMONS_SKIP_VIEWER", "1")
    hook.prepare(must=True)


def _unreachable() -> bool:
    raise OSError("no route")
