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

_PLUGIN = "/usr/share/orthanc/plugins/libOrthancDicomWeb.so"


def version() -> str:
    """Return the versions of what is measured."""
    asked = ["dpkg-query", "-W", "-f", "${Package} ${Version}, ", "orthanc", "orthanc-dicomweb"]
    return subprocess.run(asked, check=True, capture_output=True, text=True).stdout.rstrip(", ")


@contextmanager
def orthanc(folder: Path, *, port: int, dimse_port: int, is_tuned: bool = True) -> Iterator[Server]:
    """Run it with a SQLite index and durable writes, tuned with TCP_NODELAY; it listens on all addresses."""
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
        "Plugins": [_PLUGIN],
        "DicomWeb": {"Enable": True, "Root": "/dicom-web/", "EnableWado": False},
    }
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


def _wait(url: str) -> None:
    for _ in range(200):
        try:
            urlopen(url, timeout=1).close()
        except OSError:
            time.sleep(0.1)
        else:
            return
    raise RuntimeError("The peer does not answer.")
