"""What storing costs, beside Orthanc in the same run: `python -m benchmarks.dicomweb.ingest` (Linux, root).

Every row is checked before it counts: each answer says that the instance is stored, and a tenth of them come back byte
for byte. The rate is by the clock at the client; CPU is that of the server's process and its children.
"""

from __future__ import annotations

import argparse
import os
import statistics
import tempfile
from collections.abc import Callable
from contextlib import ExitStack
from functools import partial
from pathlib import Path

from benchmarks.dicomweb.corpus import CT, FILM, TINY, File, Kind, files
from benchmarks.dicomweb.harness import Connection, Server, in_own_network, our_hub, spread, timed
from benchmarks.dicomweb.orthanc import orthanc, version

from radcommons.testing.servers import new_database, postgres

_BOUNDARY = "0b8c0f1d2e3a4958"
_TYPE = {
    "Content-Type": f'multipart/related; type="application/dicom"; boundary={_BOUNDARY}',
    "Accept": "application/dicom+json",
}
_OPEN = f"--{_BOUNDARY}\r\nContent-Type: application/dicom\r\n\r\n".encode()
_CLOSE = f"\r\n--{_BOUNDARY}--\r\n".encode()
_STORED = b"00081199"
_AS_STORED = {"Accept": 'multipart/related; type="application/dicom"; transfer-syntax=*'}


def _send(server: Server, some: list[File]) -> None:
    connection = Connection(server)
    for one in some:
        status, body = connection.ask("POST", "/studies", headers=_TYPE, body=(_OPEN, one.content, _CLOSE))
        if status != 200 or _STORED not in body:
            raise RuntimeError(f"not stored: {status}")
    connection.close()


def _check(server: Server, sent: list[File]) -> None:
    connection = Connection(server)
    for one in sent[::10]:
        path = f"/studies/{one.study}/series/{one.series}/instances/{one.instance}"
        status, body = connection.ask("GET", path, headers=_AS_STORED)
        if status != 200 or one.content not in body:
            raise RuntimeError(f"not as it was sent: {status}")
    connection.close()


def _row(server: Server, kind: Kind, *, count: int, connections: int, run: int) -> tuple[float, float]:
    """Return (instances a second, ms of CPU an instance)."""
    sent = list(files(kind, count, run=run))
    jobs: list[Callable[[], None]] = [partial(_send, server, some) for some in spread(sent, connections)]
    taken = timed(server, jobs)
    if taken.faults:
        raise RuntimeError(f"{server.name}: {taken.faults}")
    _check(server, sent)
    return count / taken.wall_s, taken.cpu_s * 1000 / count


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--ct", type=int, default=200, help="CT slices of a row")
    parser.add_argument("--films", type=int, default=20)
    parser.add_argument("--tiny", type=int, default=1000)
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--connections", type=int, nargs="+", default=[1, 4])
    parser.add_argument("--postgresql", action="store_true", help="both with their index in PostgreSQL")
    parser.add_argument("--alone", action="store_true", help="our hub without the peer")
    chosen = parser.parse_args()
    in_own_network()
    rows = [
        (kind, connections, count)
        for kind, count in ((CT, chosen.ct), (FILM, chosen.films), (TINY, chosen.tiny))
        for connections in chosen.connections
        if count
    ]
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        peers_url = ""
        if chosen.postgresql:
            database = stack.enter_context(postgres())
            os.environ["RADCOMMONS_DATABASE_URL"] = new_database(database, "ours")
            peers_url = new_database(database, "peer")
        servers = [stack.enter_context(our_hub(Path(folder) / "hub", port=8101))]
        if not chosen.alone:
            peer = orthanc(Path(folder) / "peer", port=8102, dimse_port=8104, database_url=peers_url)
            servers.append(stack.enter_context(peer))
            print(f"Peer: {version()}")
        print(f"Load at the start: {os.getloadavg()[0]:.1f}; {os.cpu_count()} cores; median of {chosen.repeat}")
        print("| row | connections | " + " | ".join(f"{s.name} inst/s | CPU ms" for s in servers) + " | ratio | CPU |")
        for server in servers:
            _row(server, TINY, count=20, connections=1, run=999)
        for number, (kind, connections, count) in enumerate(rows):
            found: dict[str, list[tuple[float, float]]] = {server.name: [] for server in servers}
            for again in range(chosen.repeat):
                for server in servers:
                    run = number * 100 + again
                    found[server.name].append(_row(server, kind, count=count, connections=connections, run=run))
            medians = {name: tuple(map(statistics.median, zip(*some, strict=True))) for name, some in found.items()}
            cells = " | ".join(f"{rate:.0f} | {cpu:.1f}" for rate, cpu in medians.values())
            ours, peer = medians["radcommons"], list(medians.values())[-1]
            print(
                f"| {kind.name} | {connections} | {cells} | {ours[0] / peer[0]:.2f} | {ours[1] / peer[1]:.2f} |",
                flush=True,
            )
        print("Peak memory, MB: " + ", ".join(f"{server.name} {server.peak_mb():.0f}" for server in servers))


if __name__ == "__main__":
    main()
