"""What the DICOMweb benchmarks share: a network of their own, our hub as a process, a lean client, CPU by process."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

COMMAND = Path(sys.executable).with_name("radcommons")
_TICK = os.sysconf("SC_CLK_TCK")
_INSIDE = "RADCOMMONS_BENCHMARK_NETWORK"


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """A server that runs: where it listens and what a request says."""

    name: str
    pid: int
    port: int
    root: str
    headers: Mapping[str, str]
    dimse_port: int | None = None
    title: str = "RADCOMMONS"

    def cpu_s(self) -> float:
        """Return the CPU that it and its children took so far, in seconds."""
        fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return sum(map(int, fields[11:15])) / _TICK

    def peak_mb(self) -> float:
        """Return the largest resident memory so far, in MB."""
        lines = Path(f"/proc/{self.pid}/status").read_text().splitlines()
        return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) / 1000


def in_own_network() -> None:
    """Start this program again in a network namespace of its own (Linux, root): the peer listens on all addresses."""
    if os.environ.get(_INSIDE):
        return
    if os.geteuid() != 0:
        raise SystemExit("Needs root: it runs in a network namespace of its own, since Orthanc listens everywhere.")
    again = 'ip link set lo up && exec "$@"'
    os.environ[_INSIDE] = "1"
    os.execvp("unshare", ["unshare", "-n", "sh", "-c", again, "sh", *sys.orig_argv])


@contextmanager
def our_hub(folder: Path, *, port: int, dimse_port: int | None = None, is_new: bool = True) -> Iterator[Server]:
    """Run a hub with its embedded defaults (or those of the environment), and a direct token."""
    run = [str(COMMAND), "hub"]
    if is_new:
        subprocess.run([*run, "init", str(folder)], check=True, capture_output=True)
    made = subprocess.run(
        [*run, "token", str(folder), "--role", "curator", "--direct"], check=True, capture_output=True, text=True
    )
    more = ["--dimse-port", str(dimse_port)] if dimse_port else []
    process = subprocess.Popen(
        [*run, "serve", str(folder), "--port", str(port), *more], stdout=subprocess.PIPE, text=True
    )
    try:
        assert process.stdout is not None
        process.stdout.readline()
        headers = {"Authorization": f"Bearer {made.stdout.strip()}"}
        yield Server(
            name="radcommons", pid=process.pid, port=port, root="/dicomweb", headers=headers, dimse_port=dimse_port
        )
    finally:
        process.terminate()
        process.wait(60)


class Connection:
    """One HTTP/1.1 connection that is kept; no more than sockets, so that the client costs the same for everybody."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._socket = self._opened()
        self._said = "".join(f"{name}: {value}\r\n" for name, value in server.headers.items())

    def _opened(self) -> socket.socket:
        made = socket.create_connection(("127.0.0.1", self._server.port))
        made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return made

    def ask(
        self, method: str, path: str, *, headers: Mapping[str, str] = {}, body: Sequence[bytes] = ()
    ) -> tuple[int, bytes]:
        """Send one request and return (status, body)."""
        more = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        length = f"Content-Length: {sum(map(len, body))}\r\n" if body else ""
        head = f"{method} {self._server.root}{path} HTTP/1.1\r\nHost: h\r\n{self._said}{more}{length}\r\n"
        self._socket.sendall(head.encode() + b"".join(body))
        return self._answer()

    def _answer(self) -> tuple[int, bytes]:
        held = b""
        while b"\r\n\r\n" not in held:
            held += self._some()
        head, _, body = held.partition(b"\r\n\r\n")
        lines = head.decode("latin-1").lower().split("\r\n")
        status = int(lines[0].split()[1])
        fields = dict(line.split(": ", 1) for line in lines[1:] if ": " in line)
        if fields.get("transfer-encoding") == "chunked":
            return status, self._chunked(body)
        if "content-length" not in fields and status == 200:
            return status, self._rest(body)
        pieces, left = [body], int(fields.get("content-length", "0")) - len(body)
        while left > 0:
            pieces.append(self._some())
            left -= len(pieces[-1])
        return status, b"".join(pieces)

    def _rest(self, held: bytes) -> bytes:
        """Return an answer that ends with its connection, and open another for what comes next."""
        pieces = [held]
        while piece := self._socket.recv(1 << 18):
            pieces.append(piece)
        self._socket.close()
        self._socket = self._opened()
        return b"".join(pieces)

    def _chunked(self, held: bytes) -> bytes:
        pieces: list[bytes] = []
        while True:
            while b"\r\n" not in held:
                held += self._some()
            line, _, held = held.partition(b"\r\n")
            size = int(line, 16)
            while len(held) < size + 2:
                held += self._some()
            if size == 0:
                return b"".join(pieces)
            pieces.append(held[:size])
            held = held[size + 2 :]

    def _some(self) -> bytes:
        piece = self._socket.recv(1 << 18)
        if not piece:
            raise ConnectionError("The server closed the connection.")
        return piece

    def close(self) -> None:
        """Close it."""
        self._socket.close()


@dataclass(slots=True)
class Taken:
    """What a row took."""

    wall_s: float = 0.0
    cpu_s: float = 0.0
    faults: list[str] = field(default_factory=list)


def spread(work: Sequence[object], count: int) -> list[list[object]]:
    """Return the pieces of work dealt to `count` workers in turn."""
    return [list(work[number::count]) for number in range(count)]


def timed(server: Server, jobs: Sequence[object]) -> Taken:
    """Run callables at once, one thread each, and return what it took by the clock and of the server's CPU."""
    taken = Taken()

    def run(job: object) -> None:
        try:
            job()  # type: ignore[operator]
        except Exception as error:
            taken.faults.append(f"{type(error).__name__}: {error}")

    threads = [threading.Thread(target=run, args=(job,)) for job in jobs]
    cpu, begun = server.cpu_s(), time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    taken.wall_s, taken.cpu_s = time.perf_counter() - begun, server.cpu_s() - cpu
    return taken
