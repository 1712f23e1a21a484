"""What reading costs: a hub is filled with invented images and asked, path by path, by a lean client.

`python benchmarks/dicomweb/reads.py DIR` fills DIR once (3,500 instances, 100 of them CT slices of 0.5 MB) and prints
the latency at the client and the CPU of the server's process for the same requests; answers are checked.
"""

from __future__ import annotations

import argparse
import gzip
import io
import json
import os
import resource
import socket
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.request import urlopen

import numpy as np
from pydicom import Dataset, dcmwrite
from pydicom.dataset import FileMetaDataset
from pydicom.sequence import Sequence

COMMAND = Path(sys.executable).with_name("radcommons")
CT = "1.2.840.10008.5.1.4.1.1.2"
ROOT = "1.2.826.0.1.3680043.10.511.3"
SIDE = 512
SLICES, MANY, STUDIES, EACH = 100, 1000, 240, 10
_TICK = os.sysconf("SC_CLK_TCK")


def uid(*numbers: int) -> str:
    """Return an invented UID."""
    return ".".join([ROOT, *map(str, numbers)])


def instance(study: int, number: int, *, side: int, modality: str = "CT") -> bytes:
    """Return an invented slice with a header as long as a scanner's (about 120 elements)."""
    made = Dataset()
    made.SOPClassUID, made.SOPInstanceUID = CT, uid(study, 1, number)
    made.StudyInstanceUID, made.SeriesInstanceUID = uid(study), uid(study, 1)
    made.PatientID = made.PatientName = f"BENCH-{study:06d}"
    made.PatientSex, made.PatientAge, made.PatientBirthDate = "F", "063Y", ""
    made.StudyDate = f"2020{study % 12 + 1:02d}{study % 28 + 1:02d}"
    made.StudyTime, made.AccessionNumber, made.StudyID = "101500", f"A{study}", f"S{study}"
    made.Modality, made.StudyDescription, made.SeriesDescription = modality, "CT chest", "Axial 1.0"
    made.ReferringPhysicianName, made.SeriesNumber, made.InstanceNumber = "", 1, number
    made.ImageType, made.Manufacturer = ["ORIGINAL", "PRIMARY", "AXIAL"], "Invented"
    made.BodyPartExamined, made.FrameOfReferenceUID = "CHEST", uid(study, 9)
    made.ImagePositionPatient, made.ImageOrientationPatient = [-180.25, -170.5, -1.25 * number], [1, 0, 0, 0, 1, 0]
    made.PixelSpacing, made.SliceThickness, made.SliceLocation = [0.703125, 0.703125], "1.25", str(-1.25 * number)
    made.WindowCenter, made.WindowWidth, made.RescaleIntercept, made.RescaleSlope = [-600, 40], [1500, 400], -1024, 1
    made.add_new(0x00090010, "LO", "INVENTED BLOCK")
    for offset in range(50):  # a vendor's private block, as long as they are
        kind, value = (("DS", "1.5"), ("LO", "text"), ("IS", "7"), ("UI", uid(1)))[offset % 4]
        made.add_new(0x00091001 + offset, kind, value)
    codes = []
    for code in range(3):
        item = Dataset()
        item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = f"1131{code}", "DCM", "Invented meaning"
        codes.append(item)
    made.AnatomicRegionSequence = Sequence(codes)
    made.Rows = made.Columns = side
    made.SamplesPerPixel, made.PhotometricInterpretation = 1, "MONOCHROME2"
    made.BitsAllocated, made.BitsStored, made.HighBit, made.PixelRepresentation = 16, 12, 11, 0
    pixels = (np.arange(side * side, dtype="<u4") * 2654435761 + number).astype("<u2") & 0xFFF
    made.PixelData = pixels.tobytes()
    made["PixelData"].VR = "OW"
    made.file_meta = FileMetaDataset()
    made.file_meta.TransferSyntaxUID = "1.2.840.10008.1.2.1"
    target = io.BytesIO()
    dcmwrite(target, made, enforce_file_format=True)
    return target.getvalue()


class Client:
    """One HTTP/1.1 connection; knows lengths and chunks and nothing else."""

    def __init__(self, port: int, token: str) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port))
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._port, self._token = port, token
        self._buffer = memoryview(bytearray(1 << 20))
        self.headers = b""

    def get(self, path: str, *headers: str) -> tuple[int, bytes]:
        """Return (status, body)."""
        sent = (f"Host: 127.0.0.1:{self._port}", f"Authorization: Bearer {self._token}", *headers)
        lines = (f"GET {path} HTTP/1.1", *sent)
        self._socket.sendall("\r\n".join((*lines, "", "")).encode())
        held = bytearray()
        while (end := held.find(b"\r\n\r\n")) < 0:
            held += self._read()
        self.headers = bytes(held[:end]).lower()
        status, body = int(held[9:12]), held[end + 4 :]
        if b"transfer-encoding: chunked" in self.headers:
            return status, self._chunks(body)
        at = self.headers.find(b"content-length:")
        length = int(self.headers[at + 15 :].split(b"\r\n", 1)[0]) if at >= 0 and status not in (204, 304) else 0
        while len(body) < length:
            body += self._read()
        return status, bytes(body)

    def _read(self) -> memoryview:
        count = self._socket.recv_into(self._buffer)
        if not count:
            raise ConnectionError("The server closed the connection.")
        return self._buffer[:count]

    def _chunks(self, held: bytearray) -> bytes:
        whole: list[bytes] = []
        at = 0
        while True:
            while (end := held.find(b"\r\n", at)) < 0:
                held += self._read()
            size = int(held[at:end], 16)
            while len(held) < end + size + 4:
                held += self._read()
            if not size:
                return b"".join(whole)
            whole.append(bytes(held[end + 2 : end + 2 + size]))
            at = end + size + 4

    def post(self, path: str, parts: list[bytes]) -> int:
        """Send instances and return the status."""
        body = b"".join(b"--b\r\nContent-Type: application/dicom\r\n\r\n" + part + b"\r\n" for part in parts) + b"--b--"
        kind = 'Content-Type: multipart/related; type="application/dicom"; boundary=b'
        lines = (f"POST {path} HTTP/1.1", "Host: 127.0.0.1", f"Authorization: Bearer {self._token}", kind)
        self._socket.sendall("\r\n".join((*lines, f"Content-Length: {len(body)}", "", "")).encode() + body)
        held = bytearray()
        while (end := held.find(b"\r\n\r\n")) < 0:
            held += self._read()
        length = int(bytes(held[:end]).lower().split(b"content-length:")[1].split(b"\r\n")[0])
        while len(held) < end + 4 + length:
            held += self._read()
        return int(held[9:12])


@dataclass(frozen=True, slots=True)
class Peer:
    """A running hub."""

    port: int
    pid: int
    token: str

    def client(self) -> Client:
        """Return a new connection."""
        return Client(self.port, self.token)

    def cpu_s(self) -> float:
        """Return user and system seconds of the server's process so far."""
        fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / _TICK

    def memory_mb(self) -> int:
        """Return the largest resident size so far."""
        lines = Path(f"/proc/{self.pid}/status").read_text().splitlines()
        return int(next(line for line in lines if line.startswith("VmHWM")).split()[1]) // 1024


@contextmanager
def hub(directory: Path) -> Iterator[Peer]:
    """Start a hub in `directory` (made and filled where it is new) and stop it afterwards."""
    is_new = not directory.exists()
    if is_new:
        subprocess.run([COMMAND, "hub", "init", directory], check=True, capture_output=True)
    tokens = {"--direct": "", "": ""}
    for kind in tokens:
        command = [str(COMMAND), "hub", "token", str(directory), "--role", "curator", *([kind] if kind else [])]
        tokens[kind] = subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    serving = subprocess.Popen([COMMAND, "hub", "serve", directory, "--port", str(port)], stdout=subprocess.DEVNULL)
    try:
        _wait(port)
        if is_new:
            fill(Client(port, tokens["--direct"]))
        yield Peer(port, serving.pid, tokens["--direct"])
    finally:
        serving.terminate()
        serving.wait(30)


def _wait(port: int) -> None:
    until = time.monotonic() + 60
    while True:
        try:
            urlopen(f"http://127.0.0.1:{port}/readyz", timeout=5).close()
        except OSError:
            if time.monotonic() > until:
                raise
            time.sleep(0.1)
        else:
            return


def fill(client: Client) -> None:
    """Load the images: study 1 of 100 slices, study 2 of 1,000 small ones, and 240 studies of ten."""
    begun = time.monotonic()
    wanted = [(1, n, SIDE) for n in range(1, SLICES + 1)] + [(2, n, 16) for n in range(1, MANY + 1)]
    wanted += [(study, n, 16) for study in range(3, STUDIES + 3) for n in range(1, EACH + 1)]
    for at in range(0, len(wanted), 50):
        status = client.post("/dicomweb/studies", [instance(s, n, side=side) for s, n, side in wanted[at : at + 50]])
        if status != 200:
            raise SystemExit(f"The hub answered {status} to an upload.")
    print(f"filled with {len(wanted)} instances in {time.monotonic() - begun:.0f} s", file=sys.stderr)


Check = Callable[[int, bytes], bool]


@dataclass(frozen=True, slots=True)
class Row:
    """One path: what is asked how often, and what the answer must be."""

    name: str
    path: Callable[[int], str]
    is_right: Check
    times: int
    headers: tuple[str, ...] = ()


def _json_of(count: int) -> Check:
    return lambda status, body: status == 200 and len(json.loads(_plain(body))) == count


def _plain(body: bytes) -> bytes:
    return gzip.decompress(body) if body[:2] == b"\x1f\x8b" else body


def _begins(with_: bytes, *, at: int = 0) -> Check:
    return lambda status, body: status == 200 and body[at : at + len(with_)] == with_


def _same(path: str) -> Callable[[int], str]:
    return lambda _: path


_FRAME = 2 * SIDE * SIDE
_JSON = ("Accept: application/dicom+json",)
_SERIES = f"/dicomweb/studies/{uid(1)}/series/{uid(1, 1)}"
_MANY_STUDY = f"/dicomweb/studies/{uid(2)}"
_JPEG = b"\xff\xd8"


def _slice(tail: str = "") -> Callable[[int], str]:
    return lambda n: f"{_SERIES}/instances/{uid(1, 1, n % SLICES + 1)}{tail}"


def _study(before: str, after: str = "") -> Callable[[int], str]:
    return lambda n: f"{before}{uid(n % STUDIES + 3)}{after}"


def rows() -> list[Row]:
    """Return what is measured."""
    search = "/dicomweb/studies?"
    january = "StudyDate=20200101-20200131&ModalitiesInStudy=CT&limit=20"
    frames = ('Accept: multipart/related; type="application/octet-stream"; transfer-syntax=*',)
    single = ("Accept: application/dicom",)
    return [
        Row("QIDO study by UID", _study(f"{search}StudyInstanceUID="), _json_of(1), 200),
        Row("QIDO worklist of 101", _same(f"{search}limit=101&offset=0&includefield=all"), _json_of(101), 20),
        Row(
            "QIDO CT limit 50 offset 150", _same(f"{search}ModalitiesInStudy=CT&limit=50&offset=150"), _json_of(50), 20
        ),
        Row("QIDO date + modality, 20", _same(f"{search}{january}"), _json_of(20), 20),
        Row("QIDO series of a study", _study("/dicomweb/studies/", "/series"), _json_of(1), 100),
        Row("QIDO 1,000 instances", _same(f"{_MANY_STUDY}/instances"), _json_of(MANY), 5),
        Row("metadata of 100", _same(f"{_SERIES}/metadata"), _json_of(SLICES), 20, _JSON),
        Row(
            "metadata of 100, gzip",
            _same(f"{_SERIES}/metadata"),
            _json_of(SLICES),
            20,
            (*_JSON, "Accept-Encoding: gzip"),
        ),
        Row("metadata of 1,000", _same(f"{_MANY_STUDY}/series/{uid(2, 1)}/metadata"), _json_of(MANY), 5, _JSON),
        Row("metadata of one", _slice("/metadata"), _json_of(1), 100, _JSON),
        Row(
            "frame 0.5 MB", _slice("/frames/1"), lambda s, b: s == 200 and _FRAME < len(b) < _FRAME + 1000, 300, frames
        ),
        Row("instance 0.5 MB, single part", _slice(), _begins(b"DICM", at=128), 200, single),
        Row("series 52 MB", _same(_SERIES), lambda s, b: s == 200 and b.count(b"DICM") >= SLICES, 5),
        Row("rendered", _slice("/rendered"), _begins(_JPEG), 50),
        Row("thumbnail again", _same(f"{_SERIES}/thumbnail"), _begins(_JPEG), 100),
    ]


def measure(peer: Peer, row: Row) -> str:
    """Return a line of the table: first answer, median and p99 at the client, CPU of the server a request."""
    client = peer.client()

    def ask(n: int) -> float:
        begun = time.perf_counter()
        status, body = client.get(row.path(n), *row.headers)
        took = time.perf_counter() - begun
        if (n < 3 or n % 20 == 0) and not row.is_right(status, body):
            raise SystemExit(f"{row.name}: a wrong answer ({status}, {len(body)} bytes).")
        return took * 1000

    first = ask(0)
    before = peer.cpu_s()
    taken = sorted(ask(n) for n in range(1, row.times + 1))
    spent = (peer.cpu_s() - before) * 1000 / row.times
    p99 = taken[min(int(len(taken) * 0.99), len(taken) - 1)]
    return f"{row.name:32} {first:9.2f} {statistics.median(taken):9.2f} {p99:9.2f} {spent:9.2f}"


def many_at_once(peer: Peer, *, connections: int = 4, times: int = 300) -> str:
    """Return how many frames a second several connections get together."""
    row = next(row for row in rows() if row.name.startswith("frame"))

    def ask(start: int) -> None:
        client = peer.client()
        for n in range(start, start + times):
            status, body = client.get(row.path(n), *row.headers)
            if status != 200 or len(body) < _FRAME:
                raise SystemExit("A wrong frame.")

    threads = [threading.Thread(target=ask, args=(25 * number,)) for number in range(connections)]
    own, before, begun = resource.getrusage(resource.RUSAGE_SELF), peer.cpu_s(), time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    took, after = time.perf_counter() - begun, resource.getrusage(resource.RUSAGE_SELF)
    client_cpu = after.ru_utime + after.ru_stime - own.ru_utime - own.ru_stime
    count = connections * times
    server = (peer.cpu_s() - before) * 1000 / count
    each = f"server {server:.2f} ms, client {client_cpu * 1000 / count:.2f} ms"
    return f"frames, {connections} connections: {count / took:.0f}/s; CPU a request: {each}"


def main() -> None:
    """Measure and print."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("directory", type=Path)
    options.add_argument("--only", default="")
    chosen = options.parse_args()
    with hub(chosen.directory) as peer:
        print(f"load {os.getloadavg()[0]:.1f}; ms: {'first':>22} {'p50':>9} {'p99':>9} {'CPU':>9}")
        for row in rows():
            if chosen.only in row.name:
                print(measure(peer, row), flush=True)
        if chosen.only in "frames at once":
            print(many_at_once(peer))
        print(f"load {os.getloadavg()[0]:.1f}; memory of the server at most {peer.memory_mb()} MB")


if __name__ == "__main__":
    main()
