"""Real PACS to fetch from: dcmtk's dcmqrscp, and Orthanc where it is installed. Each runs on this machine alone."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

QR_CONFIG = """
NetworkTCPPort = {port}
MaxPDUSize = 131072
MaxAssociations = 16
HostTable BEGIN
gateway = (RADCOMMONS, 127.0.0.1, {landing})
HostTable END
VendorTable BEGIN
VendorTable END
AETable BEGIN
PACS {storage} RW (1000, 4096mb) ANY
AETable END
"""


def dcmtk(tool: str) -> str:
    """Return the path of a tool of dcmtk; pynetdicom has scripts of the same names beside this Python."""
    ours = str(Path(sys.executable).parent)
    path = os.pathsep.join(one for one in os.environ["PATH"].split(os.pathsep) if one != ours)
    found = shutil.which(tool, path=path)
    assert found, f"dcmtk is not installed: no {tool} (Debian: dcmtk)"
    return found


def free_port() -> int:
    """Return a port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass(frozen=True)
class Archive:
    """A running PACS with the title PACS; `landing` is where it sends what RADCOMMONS moves."""

    port: int
    landing: int
    process: subprocess.Popen[bytes]
    storage: Path

    @property
    def name(self) -> str:
        """As `--from` spells it."""
        return f"PACS@127.0.0.1:{self.port}"

    def kill(self) -> None:
        """End it at once, with every association."""
        subprocess.run(["pkill", "-KILL", "-P", str(self.process.pid)], check=False)
        self.process.kill()
        self.process.wait()


def _wait_for(port: int, process: subprocess.Popen[bytes]) -> None:
    until = time.monotonic() + 60
    while time.monotonic() < until:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        assert process.poll() is None, "the PACS ended at once"
        time.sleep(0.1)
    raise AssertionError("the PACS did not start")


@contextmanager
def dcmqrscp(folder: Path, *options: str, port: int = 0, landing: int = 0) -> Iterator[Archive]:
    """Run dcmtk's archive on a folder; what lies there from an earlier run is served again."""
    port, landing = port or free_port(), landing or free_port()
    storage = folder / "storage"
    storage.mkdir(parents=True, exist_ok=True)
    config = folder / "dcmqrscp.cfg"
    config.write_text(QR_CONFIG.format(port=port, landing=landing, storage=storage))
    log = (folder / "log").open("ab")
    process = subprocess.Popen([dcmtk("dcmqrscp"), "-c", str(config), *options], stdout=log, stderr=log)
    archive = Archive(port, landing, process, storage)
    try:
        _wait_for(port, process)
        yield archive
    finally:
        archive.kill()
        log.close()


def push(archive: Archive, paths: Sequence[Path], *options: str) -> None:
    """Send files to an archive with dcmtk's storescu."""
    command = [dcmtk("storescu"), "-aet", "MODALITY", "-aec", "PACS", *options, "127.0.0.1", str(archive.port)]
    done = subprocess.run([*command, *map(str, paths)], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr[-1000:]


def has_orthanc() -> bool:
    """Say whether Orthanc is installed (Debian: orthanc, orthanc-dicomweb)."""
    return shutil.which("Orthanc") is not None


@contextmanager
def orthanc(folder: Path, *, landing: int = 0) -> Iterator[tuple[Archive, str]]:
    """Run Orthanc with its DICOMweb plug-in; yields it and the root of its DICOMweb service.

    Version 1.10 listens on every address: the tests run where nothing else reaches this machine, or in a network
    namespace; every caller but this machine is refused by `RemoteAccessAllowed`.
    """
    port, http, landing = free_port(), free_port(), landing or free_port()
    folder.mkdir(parents=True, exist_ok=True)
    config = {
        "Name": "radcommons test",
        "StorageDirectory": str(folder / "storage"),
        "IndexDirectory": str(folder / "storage"),
        "Plugins": ["/usr/share/orthanc/plugins/libOrthancDicomWeb.so"],
        "HttpServerEnabled": True,
        "HttpPort": http,
        "RemoteAccessAllowed": False,
        "AuthenticationEnabled": False,
        "DicomAet": "PACS",
        "DicomPort": port,
        "DicomCheckCalledAet": True,
        "DicomAlwaysAllowGet": True,
        "DicomAlwaysAllowFind": True,
        "DicomAlwaysAllowMove": True,
        "DicomAlwaysAllowStore": True,
        "DicomAlwaysAllowEcho": True,
        "DicomModalities": {"gateway": ["RADCOMMONS", "127.0.0.1", landing]},
        "DicomWeb": {"Enable": True, "Root": "/dicom-web/"},
    }
    (folder / "orthanc.json").write_text(json.dumps(config))
    log = (folder / "log").open("ab")
    process = subprocess.Popen(["Orthanc", str(folder / "orthanc.json")], stdout=log, stderr=log)
    archive = Archive(port, landing, process, folder / "storage")
    try:
        _wait_for(port, process)
        _wait_for(http, process)
        yield archive, f"http://127.0.0.1:{http}/dicom-web"
    finally:
        archive.kill()
        log.close()
