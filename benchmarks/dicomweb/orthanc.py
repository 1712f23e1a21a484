"""Orthanc as a peer: Debian's package with its DICOMweb plugin, tuned, for as long as a block runs."""

from __future__ import annotations

import json
import os
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.request import urlopen

from benchmarks.dicomweb.harness import Server
from psycopg.conninfo import conninfo_to_dict

_PLUGINS = Path("/usr/share/orthanc/plugins")


def version() -> str:
    """Return the versions of what is measured."""
    asked = ["dpkg-query", "-W", "-f", "${Package} ${Version}, ", "orthanc", "orthanc-dicomweb", "orthanc-postgresql"]
    return subprocess.run(asked, check=True, capture_output=True, text=True).stdout.rstrip(", ")


@contextmanager
def orthanc(
    folder: Path, *, port: int, dimse_port: int, is_tuned: bool = True, database_url: str = ""
) -> Iterator[Server]:
    """Run it with durable writes, tuned with TCP_NODELAY; it listens on all addresses.

    Its index lies in SQLite, or in an empty database of PostgreSQL.
    """
    folder.mkdir(parents=True)
    settings = {
        "Name": "Peer",
        "StorageDirectory": str(folder / "storage"),
        "IndexDirectory": str(folder / "index"),
        "HttpPort": port,
        "DicomPort": dimse_port,
        "DicomAet": "PEER",
        "DicomAlwaysAllowStore": True,
        "RemoteAccessAllowed": True,
        "AuthenticationEnabled": False,
        "TcpNoDelay": is_tuned,
        "KeepAlive": True,
        "SyncStorageArea": True,
        "StorageCompression": False,
        "Plugins": [str(_PLUGINS / "libOrthancDicomWeb.so")],
        "DicomWeb": {"Enable": True, "Root": "/dicom-web/", "EnableWado": False},
    }
    if database_url:
        settings["Plugins"] = [str(_PLUGINS / f"libOrthanc{name}.so") for name in ("DicomWeb", "PostgreSQLIndex")]
        settings["PostgreSQL"] = _index_in(database_url)
    (folder / "orthanc.json").write_text(json.dumps(settings))
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            ["/usr/sbin/Orthanc", str(folder / "orthanc.json")],
            stdout=log,
            stderr=log,
            env={**os.environ, **({"TCP_NODELAY": "1"} if is_tuned else {})},
        )
    try:
        _wait(f"http://127.0.0.1:{port}/system")
        yield Server(
            name="Orthanc" if is_tuned else "Orthanc as it comes",
            pid=process.pid,
            port=port,
            root="/dicom-web",
            headers={},
            dimse_port=dimse_port,
            title="PEER",
        )
    finally:
        process.terminate()
        process.wait(60)


def _index_in(database_url: str) -> dict[str, object]:
    told = conninfo_to_dict(database_url)
    return {
        "EnableIndex": True,
        "EnableStorage": False,
        "Host": told["host"],
        "Port": int(told.get("port") or 5432),
        "Database": told["dbname"],
        "Username": told["user"],
        "Password": told.get("password") or "",
        "Lock": False,
        "IndexConnectionsCount": 8,
    }


def _wait(url: str) -> None:
    for _ in range(200):
        try:
            urlopen(url, timeout=1).close()
        except OSError:
            time.sleep(0.1)
        else:
            return
    raise RuntimeError("The peer does not answer.")
