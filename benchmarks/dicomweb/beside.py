"""What reading costs beside Orthanc in the same run: `python -m benchmarks.dicomweb.beside` (Linux, root).

Both servers hold the same CT slices and small studies, loaded by STOW-RS. Every path is asked of both in turn by the
same lean client; answers are checked. Times are medians at the client, CPU is that of the server's process.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from benchmarks.dicomweb.corpus import CT, TINY, File, files
from benchmarks.dicomweb.harness import Connection, Server, in_own_network, our_hub, spread, timed
from benchmarks.dicomweb.orthanc import orthanc, version

_BOUNDARY = "0b8c0f1d2e3a4958"
_TYPE = {
    "Content-Type": f'multipart/related; type="application/dicom"; boundary={_BOUNDARY}',
    "Accept": "application/dicom+json",
}
_JSON = {"Accept": "application/dicom+json"}
_PARTS = {"Accept": 'multipart/related; type="application/dicom"; transfer-syntax=*'}
_OCTETS = {"Accept": 'multipart/related; type="application/octet-stream"'}
_FRAME = 2 * CT.rows * CT.columns
_TOGETHER = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Read:
    """One path: what is asked, how often, and what the answer must be."""

    name: str
    paths: tuple[str, ...]
    headers: dict[str, str]
    is_right: Callable[[bytes], bool]
    times: int
    connections: int = 1


def fill(server: Server, some: list[File]) -> None:
    """Store files, some in one request."""
    connection = Connection(server)
    for at in range(0, len(some), _TOGETHER):
        opened = f"\r\n--{_BOUNDARY}\r\nContent-Type: application/dicom\r\n\r\n".encode()
        body = [piece for one in some[at : at + _TOGETHER] for piece in (opened, one.content)]
        status, _ = connection.ask("POST", "/studies", headers=_TYPE, body=(*body, f"\r\n--{_BOUNDARY}--\r\n".encode()))
        if status != 200:
            raise SystemExit(f"{server.name} answered {status} to an upload.")
    connection.close()


def _rows_of(count: int) -> Callable[[bytes], bool]:
    return lambda body: len(json.loads(body)) == count


def reads(slices: list[File], small: list[File]) -> list[Read]:
    """Return what is measured."""
    one = slices[0]
    series = f"/studies/{one.study}/series/{one.series}"
    images = tuple(f"{series}/instances/{each.instance}" for each in slices if each.series == one.series)
    studies = tuple(dict.fromkeys(each.study for each in small))
    whole = sum(len(each.content) for each in slices if each.series == one.series)
    frames = tuple(f"{path}/frames/1" for path in images)

    def holds_series(body: bytes) -> bool:
        return len(body) > whole and one.content in body

    def is_frame(body: bytes) -> bool:
        return _FRAME < len(body) < _FRAME + 1000

    by_uid = tuple(f"/studies?StudyInstanceUID={uid}" for uid in studies)
    worklist = (f"/studies?limit={min(101, len(studies))}&offset=0",)
    modality = ("/studies?ModalitiesInStudy=CT&limit=10&offset=5",)
    read = partial(Read, headers=_JSON)
    return [
        read(name="QIDO study by UID", paths=by_uid, is_right=_rows_of(1), times=100),
        read(name="QIDO worklist", paths=worklist, is_right=_rows_of(min(101, len(studies))), times=10),
        read(name="QIDO modality, offset", paths=modality, is_right=_rows_of(10), times=10),
        read(name="QIDO series' instances", paths=(f"{series}/instances",), is_right=_rows_of(len(images)), times=5),
        read(name="metadata of a series", paths=(f"{series}/metadata",), is_right=_rows_of(len(images)), times=10),
        Read(name="frame 0.5 MB", paths=frames, headers=_OCTETS, is_right=is_frame, times=200),
        Read(name="frame 0.5 MB", paths=frames, headers=_OCTETS, is_right=is_frame, times=400, connections=4),
        Read(name="series of 52 MB", paths=(series,), headers=_PARTS, is_right=holds_series, times=5),
        Read(name="series of 52 MB", paths=(series,), headers=_PARTS, is_right=holds_series, times=8, connections=4),
        Read(name="rendered", paths=tuple(f"{path}/rendered" for path in images), headers={"Accept": "image/jpeg"},
             is_right=lambda body: body[:2] == b"\xff\xd8", times=40),
    ]  # fmt: skip


def measure(server: Server, read: Read) -> tuple[float, float, float, float] | None:
    """Return milliseconds of the first answer, the median one, requests a second, and CPU ms of the server each.

    None where the peer's answer is wrong, which is told; ours may not be.
    """
    took: list[float] = []

    def ask(some: list[object]) -> None:
        connection = Connection(server)
        for number in some:
            path = read.paths[int(str(number)) % len(read.paths)]
            began = time.perf_counter()
            status, body = connection.ask("GET", path, headers=read.headers)
            took.append((time.perf_counter() - began) * 1000)
            if status != 200 or (int(str(number)) < 2 and not read.is_right(body)):
                raise RuntimeError(f"{read.name}: {status}, {len(body)} bytes")
        connection.close()

    first = timed(server, [partial(ask, [0])])
    dealt = spread(range(1, read.times + 1), read.connections)
    rest = timed(server, [partial(ask, some) for some in dealt])
    if first.faults or rest.faults:
        told = f"{server.name}: {(first.faults + rest.faults)[0]}"
        if server.name == "radcommons":
            raise SystemExit(told)
        print(f"<!-- {told} -->")
        return None
    return took[0], statistics.median(took[1:]), read.times / rest.wall_s, rest.cpu_s * 1000 / read.times


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--ct", type=int, default=100, help="CT slices, 100 a series")
    parser.add_argument("--tiny", type=int, default=3_400, help="small images, 50 a study")
    parser.add_argument("--repeat", type=int, default=3)
    chosen = parser.parse_args()
    in_own_network()
    slices, small = list(files(CT, chosen.ct, run=1)), list(files(TINY, chosen.tiny, run=2))
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        servers = [
            stack.enter_context(our_hub(Path(folder) / "hub", port=8101)),
            stack.enter_context(orthanc(Path(folder) / "peer", port=8102, dimse_port=8104)),
        ]
        print(f"Peer: {version()}")
        for server in servers:
            fill(server, slices + small)
        held = len(slices) + len(small)
        print(f"{held} instances; load {os.getloadavg()[0]:.1f}; {os.cpu_count()} cores; median of {chosen.repeat}")
        print(
            "| path | connections | "
            + " | ".join(f"{s.name} first, p50 ms, /s, CPU ms" for s in servers)
            + " | ratio of /s |"
        )
        for read in reads(slices, small):
            cells: list[str] = []
            speeds: list[float] = []
            for server in servers:
                runs = [measure(server, read) for _ in range(chosen.repeat)]
                found = [run for run in runs if run is not None]
                if not found:
                    cells.append("a wrong answer")
                    continue
                first = found[0][0]  # only the first run's is a first answer
                p50, rate, cpu = (statistics.median(run[number] for run in found) for number in (1, 2, 3))
                cells.append(f"{first:.1f}, {p50:.2f}, {rate:.1f}, {cpu:.2f}")
                speeds.append(rate)
            ratio = f"{speeds[0] / speeds[1]:.2f}" if len(speeds) > 1 else "-"
            print(f"| {read.name} | {read.connections} | {' | '.join(cells)} | {ratio} |", flush=True)
        print("Peak memory, MB: " + ", ".join(f"{server.name} {server.peak_mb():.0f}" for server in servers))
        print(f"Load at the end: {os.getloadavg()[0]:.1f}")


if __name__ == "__main__":
    main()
