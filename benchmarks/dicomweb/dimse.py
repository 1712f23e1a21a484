"""What C-STORE costs, beside Orthanc in the same run: `python -m benchmarks.dicomweb.dimse` (Linux, root).

One lean client for all: raw sockets, TCP_NODELAY, the data set cut into PDUs once, outside the time that is taken.
Every row is checked before it counts: each answer says success, and a tenth of the objects come back over DICOMweb with
the data set byte for byte. `--tool` sends with dcmtk's storescu instead, one process for each association.
"""

from __future__ import annotations

import argparse
import os
import socket
import statistics
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from functools import partial
from pathlib import Path

from benchmarks.dicomweb.corpus import CT, FILM, TINY, File, Kind, files
from benchmarks.dicomweb.harness import Connection, Server, in_own_network, our_hub, spread, timed
from benchmarks.dicomweb.orthanc import orthanc, version

from radcommons.dicom.command import Element, Field, command_set, parse_command

_SYNTAX = b"1.2.840.10008.1.2.1"
_AS_STORED = {"Accept": 'multipart/related; type="application/dicom"; transfer-syntax=*'}


def _item(kind: int, value: bytes) -> bytes:
    return bytes((kind, 0)) + len(value).to_bytes(2, "big") + value


def _request(server: Server, sop_class: str) -> bytes:
    token = server.headers.get("Authorization", "").removeprefix("Bearer ").encode()
    context = bytes((1, 0, 0, 0)) + _item(0x30, sop_class.encode()) + _item(0x40, _SYNTAX)
    facts = _item(0x51, bytes(4)) + _item(0x52, b"2.25.1")
    if token:
        facts += _item(0x58, b"\2\0\0\1x" + len(token).to_bytes(2, "big") + token)
    body = b"\0\1\0\0" + server.title.encode().ljust(16) + b"BENCHMARK".ljust(16) + bytes(32)
    body += _item(0x10, b"1.2.840.10008.3.1.1.1") + _item(0x20, context) + _item(0x50, facts)
    return b"\1\0" + len(body).to_bytes(4, "big") + body


def _data_set(content: bytes) -> bytes:
    return content[144 + int.from_bytes(content[140:144], "little") :]


def _message(one: File, kind: Kind, number: int, largest: int) -> bytes:
    """Return a C-STORE request as PDUs."""
    values: dict[Element, int | str] = {
        Element.FIELD: int(Field.C_STORE),
        Element.MESSAGE: number % 0xFFFF + 1,
        Element.PRIORITY: 0,
        Element.AFFECTED_CLASS: kind.sop_class,
        Element.AFFECTED_INSTANCE: one.instance,
    }
    return b"".join(_pdus(command_set(values, has_data_set=True), 1, largest)) + b"".join(
        _pdus(_data_set(one.content), 0, largest)
    )


def _pdus(data: bytes, control: int, largest: int) -> Iterator[bytes]:
    for start in range(0, len(data), largest - 6):
        piece = data[start : start + largest - 6]
        last = 2 if start + len(piece) == len(data) else 0
        size = len(piece) + 2
        yield b"\4\0" + (size + 4).to_bytes(4, "big") + size.to_bytes(4, "big") + bytes((1, control | last)) + piece


class Sender:
    """One association that is kept."""

    def __init__(self, server: Server, kind: Kind) -> None:
        self._socket = socket.create_connection(("127.0.0.1", server.dimse_port or 0))
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._socket.sendall(_request(server, kind.sop_class))
        code, body = self._pdu()
        if code != 2 or b"\x21\0" not in body:
            raise RuntimeError("no association")
        mark = body.index(b"\x51\0\0\4")
        self.largest = int.from_bytes(body[mark + 4 : mark + 8], "big") or 1 << 17

    def _pdu(self) -> tuple[int, bytes]:
        head = self._exactly(6)
        return head[0], self._exactly(int.from_bytes(head[2:], "big"))

    def _exactly(self, count: int) -> bytes:
        held = b""
        while len(held) < count:
            piece = self._socket.recv(count - len(held))
            if not piece:
                raise ConnectionError("The server closed the association.")
            held += piece
        return held

    def send(self, message: bytes) -> None:
        """Send one object and read the answer."""
        self._socket.sendall(message)
        _, body = self._pdu()
        status = parse_command(1, body[6:]).number(Element.STATUS)
        if status:
            raise RuntimeError(f"not stored: {status:04x}")

    def close(self) -> None:
        """Release it."""
        self._socket.sendall(b"\5\0\0\0\0\4\0\0\0\0")
        self._pdu()
        self._socket.close()


def _send(sender: Sender, messages: Sequence[bytes]) -> None:
    for message in messages:
        sender.send(message)


def _tool(server: Server, folder: Path) -> None:
    token = server.headers.get("Authorization", "").removeprefix("Bearer ")
    identity = ["-usr", "x", "-pwd", token] if token else []
    pdu = ["--max-send-pdu", "131072", "-xe", "+sd", "-aec", server.title]
    command = ["/usr/bin/storescu", *identity, *pdu, "127.0.0.1", str(server.dimse_port), str(folder)]
    subprocess.run(command, check=True, capture_output=True)


def _check(server: Server, sent: Sequence[File]) -> None:
    connection = Connection(server)
    for one in sent[::10]:
        path = f"/studies/{one.study}/series/{one.series}/instances/{one.instance}"
        status, body = connection.ask("GET", path, headers=_AS_STORED)
        if status != 200 or _data_set(one.content) not in body:
            raise RuntimeError(f"not as it was sent: {status}")
    connection.close()


def _row(
    server: Server, kind: Kind, *, count: int, associations: int, run: int, largest: int, tool: bool
) -> tuple[float, float]:
    """Return (instances a second, ms of CPU an instance)."""
    sent = list(files(kind, count, run=run))
    dealt: list[list[File]] = spread(sent, associations)  # type: ignore[assignment, arg-type]
    with tempfile.TemporaryDirectory() as folder:
        jobs: list[Callable[[], None]] = []
        senders = []
        for number, some in enumerate(dealt):
            if tool:
                place = Path(folder) / str(number)
                place.mkdir()
                for one in some:
                    (place / one.instance).write_bytes(one.content)
                jobs.append(partial(_tool, server, place))
                continue
            senders.append(Sender(server, kind))
            size = min(largest or senders[-1].largest, senders[-1].largest)
            jobs.append(partial(_send, senders[-1], [_message(one, kind, n, size) for n, one in enumerate(some)]))
        taken = timed(server, jobs)
        for sender in senders:
            sender.close()
    if taken.faults:
        raise RuntimeError(f"{server.name}: {taken.faults}")
    _check(server, sent)
    return count / taken.wall_s, taken.cpu_s * 1000 / count


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--ct", type=int, default=200)
    parser.add_argument("--films", type=int, default=0)
    parser.add_argument("--tiny", type=int, default=0)
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--largest", type=int, default=0, help="largest PDU that is sent; the server's own by default")
    parser.add_argument("--tool", action="store_true", help="send with dcmtk's storescu")
    parser.add_argument("--alone", action="store_true", help="our hub without the peers")
    chosen = parser.parse_args()
    in_own_network()
    rows = [
        (kind, associations, count)
        for kind, count in ((CT, chosen.ct), (FILM, chosen.films), (TINY, chosen.tiny))
        for associations in (1, 4)
        if count
    ]
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        servers = [stack.enter_context(our_hub(Path(folder) / "hub", port=8101, dimse_port=8103))]
        if not chosen.alone:
            servers.append(stack.enter_context(orthanc(Path(folder) / "peer", port=8102, dimse_port=8104)))
            plain = orthanc(Path(folder) / "plain", port=8105, dimse_port=8106, is_tuned=False)
            servers.append(stack.enter_context(plain))
            print(f"Peer: {version()}, tuned (TCP_NODELAY) and as it comes")
        print(f"Load at the start: {os.getloadavg()[0]:.1f}; {os.cpu_count()} cores; median of {chosen.repeat}")
        print("| row | associations | " + " | ".join(f"{s.name} inst/s | CPU ms" for s in servers) + " |")
        for server in servers:
            _row(server, TINY, count=20, associations=1, run=999, largest=0, tool=False)
        for number, (kind, associations, count) in enumerate(rows):
            cells = []
            for place, server in enumerate(servers):
                found = [
                    _row(
                        server,
                        kind,
                        count=count if place < 2 else max(count // 4, 8),  # as it comes, it is slow
                        associations=associations,
                        run=number * 100 + again,
                        largest=chosen.largest,
                        tool=chosen.tool,
                    )
                    for again in range(chosen.repeat)
                ]
                rate, cpu = map(statistics.median, zip(*found, strict=True))
                cells.append(f"{rate:.0f} | {cpu:.1f}")
            print(f"| {kind.name} | {associations} | {' | '.join(cells)} |", flush=True)
        print("Peak memory, MB: " + ", ".join(f"{server.name} {server.peak_mb():.0f}" for server in servers))


if __name__ == "__main__":
    main()
