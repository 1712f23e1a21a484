"""Hostile and broken input at a hub that is served: bombs, slow clients, lies about frames, huge bodies."""

from __future__ import annotations

import contextlib
import gzip
import io
import json
import os
import socket
import struct
import time
import zlib
from collections.abc import Callable, Iterator

import pytest
from pydicom import Dataset, dcmread
from pydicom.uid import DeflatedExplicitVRLittleEndian, JPEGBaseline8Bit

from radcommons.testing.sender import Made, Sender
from radcommons.testing.served import ServedHub, multipart, served_hub, sibling

pytestmark = pytest.mark.slow
_MB = 1 << 20
_MOST = 450 * _MB  # what the hub may ever hold
# `make nightly` sends a gigabyte and a hundred thousand parts.
_LARGE = int(os.environ.get("RADCOMMONS_LARGE_MB", "192")) * _MB
_MANY = int(os.environ.get("RADCOMMONS_MANY_PARTS", "20000"))


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServedHub]:
    """One hub for the tests of this file."""
    with served_hub(tmp_path_factory.mktemp("served") / "hub") as made:
        yield made
        assert made.process is not None
        assert made.process.poll() is None, "the hub ended"


@pytest.fixture(scope="module")
def direct(hub: ServedHub) -> dict[str, str]:
    """A direct token's headers."""
    return hub.token()


def _instance(site: str, change: Callable[[Dataset], object] | None = None) -> Made:
    return Sender(site=site).instance(change=change)


def _is_well(hub: ServedHub, direct: dict[str, str], site: str) -> None:
    """The hub stores and returns another instance, and no temporary file is left."""
    made = _instance(site)
    assert hub.store([made.content], headers=direct).status_code == 200
    assert hub.fetch(made, headers=direct) == made.content
    assert list((hub.directory / "tmp").iterdir()) == []


def _post(
    hub: ServedHub, direct: dict[str, str], pieces: Iterator[bytes], headers: dict[str, str]
) -> tuple[int, bytes]:
    answer = hub.client.post(f"{hub.url}/dicomweb/studies", content=pieces, headers={**direct, **headers}, timeout=280)
    return answer.status_code, answer.content


def _with_pixels(made: Made, size: int) -> Iterator[bytes]:
    """Yield an instance whose native pixels are `size` zeros, frame by frame."""
    dataset = dcmread(io.BytesIO(made.content))
    del dataset.PixelData
    dataset.Rows, dataset.Columns, dataset.NumberOfFrames = 1024, 512, size // _MB
    target = io.BytesIO()
    dataset.save_as(target)
    yield target.getvalue() + struct.pack("<HH2sHI", 0x7FE0, 0x0010, b"OW", 0, size)
    for _ in range(size // _MB):
        yield bytes(_MB)


@pytest.mark.timeout(600)
def test_a_large_instance_and_a_large_message_in_flat_memory(hub: ServedHub, direct: dict[str, str]) -> None:
    """One part of that size, and that size of small parts, go in; the process never held 450 MB."""
    large = _instance("L1")
    status, _ = _post(hub, direct, _with_pixels(large, _LARGE), {"Content-Type": "application/dicom"})
    assert status == 200
    head, kind = b"--frontier\r\nContent-Type: application/dicom\r\n\r\n", multipart([])[1]
    small = _instance("L2")
    wide = b"".join(_with_pixels(small, 4 * _MB))
    uid = small.item.sop_instance_uid

    def parts() -> Iterator[bytes]:
        for number in range(_LARGE // (4 * _MB)):
            yield head + wide.replace(uid.encode(), f"{uid[:-9]}{number:09d}".encode()) + b"\r\n"
        yield b"--frontier--\r\n"

    status, content = _post(hub, direct, parts(), kind)
    assert (status, len(json.loads(content)["00081199"]["Value"])) == (200, _LARGE // (4 * _MB))
    assert hub.peak() < _MOST, f"{hub.peak() // _MB} MB"


@pytest.mark.timeout(900)
def test_very_many_parts(hub: ServedHub, direct: dict[str, str]) -> None:
    """Each of very many parts of one message has its own fate, in flat memory."""
    made = _instance("M1")
    good = [sibling(made, number).content for number in range(8)]
    part = b"--frontier\r\nContent-Type: application/dicom\r\n\r\n"

    def parts() -> Iterator[bytes]:
        for one in good:
            yield part + one + b"\r\n"
        for _ in range(_MANY // 1000):
            yield (part + b"no object\r\n") * 1000
        yield b"--frontier--\r\n"

    status, content = _post(hub, direct, parts(), multipart([])[1])
    answer = json.loads(content)
    assert status == 202
    assert len(answer["00081199"]["Value"]) == 8
    assert hub.peak() < _MOST, f"{hub.peak() // _MB} MB"
    _is_well(hub, direct, "M2")


def test_a_bomb_in_gzip(hub: ServedHub, direct: dict[str, str]) -> None:
    """A body that becomes a thousand times as long is no object and is not held in memory."""
    packer = zlib.compressobj(9, zlib.DEFLATED, zlib.MAX_WBITS | 16)
    bomb = b"".join(packer.compress(bytes(_MB)) for _ in range(_LARGE // _MB)) + packer.flush()
    assert len(bomb) * 500 < _LARGE
    headers = {"Content-Type": "application/dicom", "Content-Encoding": "gzip"}
    assert _post(hub, direct, iter([bomb]), headers)[0] == 409
    twice = gzip.compress(bomb)
    assert _post(hub, direct, iter([twice]), headers)[0] == 409
    assert hub.peak() < _MOST
    _is_well(hub, direct, "B1")


def test_a_bomb_in_a_deflated_object(hub: ServedHub, direct: dict[str, str]) -> None:
    """An object of the deflated transfer syntax that swells is stored or refused, and not held in memory."""
    dataset = dcmread(io.BytesIO(_instance("B2").content))
    dataset.file_meta.TransferSyntaxUID = DeflatedExplicitVRLittleEndian
    dataset.PixelData = bytes(2)
    target = io.BytesIO()
    dataset.save_as(target)
    whole = target.getvalue()
    at = next(n for n in range(132, len(whole)) if _inflates(whole[n:]))
    plain = zlib.decompress(whole[at:], -zlib.MAX_WBITS)
    packer = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    packed = packer.compress(plain[: plain.rindex(b"\xe0\x7f\x10\x00")])
    packed += packer.compress(struct.pack("<HH2sHI", 0x7FE0, 0x0010, b"OW", 0, _LARGE))
    packed += b"".join(packer.compress(bytes(_MB)) for _ in range(_LARGE // _MB)) + packer.flush()
    answer = hub.store([whole[:at] + packed], headers=direct)
    assert answer.status_code in (200, 409)
    assert hub.peak() < _MOST, f"{hub.peak() // _MB} MB"
    _is_well(hub, direct, "B3")


def _inflates(data: bytes) -> bool:
    try:
        return b"\xe0\x7f\x10\x00" in zlib.decompress(data, -zlib.MAX_WBITS)
    except zlib.error:
        return False


@contextlib.contextmanager
def _connected(hub: ServedHub) -> Iterator[socket.socket]:
    with socket.create_connection(("127.0.0.1", hub.port), timeout=20) as line:
        yield line


def _request(direct: dict[str, str], kind: str, more: str = "") -> bytes:
    token = direct["Authorization"]
    lines = f"POST /dicomweb/studies HTTP/1.1\r\nHost: hub\r\nAuthorization: {token}\r\nContent-Type: {kind}\r\n{more}"
    return lines.encode()


def test_slow_clients_stop_nobody(hub: ServedHub, direct: dict[str, str]) -> None:
    """Of a hundred clients that never finish their headers or bodies nobody else notices anything."""
    kind = 'multipart/related; type="application/dicom"; boundary=a'
    with contextlib.ExitStack() as held:
        lines = [held.enter_context(_connected(hub)) for _ in range(100)]
        for number, line in enumerate(lines):
            if number % 2:
                line.sendall(_request(direct, kind, "X-Slow: "))
            else:
                line.sendall(_request(direct, kind, "Content-Length: 100000\r\n\r\n") + b"--a\r\n\r\n")
        made = _instance("S1")
        for number in range(20):
            for line in lines[:: number + 1]:
                line.sendall(b"x")
            begun = time.monotonic()
            assert hub.store([sibling(made, number).content], headers=direct).status_code == 200
            assert time.monotonic() - begun < 5
    until = time.monotonic() + 10
    while list((hub.directory / "tmp").iterdir()) and time.monotonic() < until:
        time.sleep(0.1)
    _is_well(hub, direct, "S2")


def test_header_bombs(hub: ServedHub, direct: dict[str, str]) -> None:
    """Headers without end, of the request or of a part, are refused or cut off; the hub goes on."""
    with _connected(hub) as line:
        line.sendall(_request(direct, "application/dicom"))
        answer = b""
        with contextlib.suppress(OSError):  # it may hang up in the middle
            for number in range(4000):
                line.sendall(f"X-{number}: {'y' * 1000}\r\n".encode())
            line.sendall(b"Content-Length: 0\r\n\r\n")
        with contextlib.suppress(OSError):
            answer = line.recv(4096)
    assert answer == b"" or answer.split()[1].startswith(b"4")
    body = b"--frontier\r\n" + b"".join(f"X-{n}: {'y' * 3000}\r\n".encode() for n in range(3000)) + b"\r\nx\r\n"
    assert _post(hub, direct, iter([body, b"--frontier--\r\n"]), multipart([])[1])[0] == 400
    body = b"--frontier\r\nX-One: " + b"y" * (8 * _MB) + b"\r\n\r\nx\r\n--frontier--\r\n"
    assert _post(hub, direct, iter([body]), multipart([])[1])[0] == 400
    assert hub.peak() < _MOST
    _is_well(hub, direct, "H1")


@pytest.mark.parametrize("share", [0.05, 0.5, 0.99])
def test_a_message_cut_off(hub: ServedHub, direct: dict[str, str], share: float) -> None:
    """Of a message that ends in its middle, by a lost line or a missing end, nothing is stored."""
    made = _instance(f"C{int(share * 100)}")
    body, kind = multipart([made.content])
    cut = body[: int(len(body) * share)]
    with _connected(hub) as line:
        line.sendall(_request(direct, kind["Content-Type"], f"Content-Length: {len(body)}\r\n\r\n") + cut)
    assert _post(hub, direct, iter([cut]), kind)[0] == 400
    assert hub.fetch(made, headers=direct) is None
    _is_well(hub, direct, f"D{int(share * 100)}")


def _encapsulated(table: bytes, fragments: list[bytes], frames: int) -> Callable[[Dataset], None]:
    def change(dataset: Dataset) -> None:
        items = b"".join(struct.pack("<HHI", 0xFFFE, 0xE000, len(one)) + one for one in [table, *fragments])
        dataset.file_meta.TransferSyntaxUID = JPEGBaseline8Bit
        dataset.NumberOfFrames, dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit = frames, 8, 8, 7
        dataset.PixelData = items + struct.pack("<HHI", 0xFFFE, 0xE0DD, 0)
        dataset["PixelData"].VR = "OB"
        dataset["PixelData"].is_undefined_length = True

    return change


_FRAGMENTS = [b"\xff\xd8" + bytes([n]) * 60 + b"\xff\xd9" for n in range(3)]


def _frames(hub: ServedHub, direct: dict[str, str], table: bytes) -> tuple[int, list[tuple[int, bytes]]]:
    """Store three frames behind a table; return the answer's status and those of frames 1 to 4 with what came."""
    dataset = dcmread(io.BytesIO(_instance(f"O{zlib.crc32(table)}").content))
    _encapsulated(table, _FRAGMENTS, 3)(dataset)
    target = io.BytesIO()
    dataset.save_as(target)
    stored = hub.store([target.getvalue()], headers=direct).status_code
    path = (
        f"{hub.url}/dicomweb/studies/{dataset.StudyInstanceUID}/series/{dataset.SeriesInstanceUID}"
        f"/instances/{dataset.SOPInstanceUID}/frames"
    )
    accept = {**direct, "Accept": 'multipart/related; type="image/jpeg"; transfer-syntax=*'}
    answers = [hub.client.get(f"{path}/{number}", headers=accept) for number in (1, 2, 3, 4)]
    return stored, [(answer.status_code, answer.content) for answer in answers]


def test_a_table_of_offsets_that_is_true(hub: ServedHub, direct: dict[str, str]) -> None:
    """Each frame is its fragment, and there is no fourth: what the lies below are compared with."""
    stored, frames = _frames(hub, direct, struct.pack("<3I", 0, 72, 144))
    assert stored == 200
    assert [status for status, _ in frames] == [200, 200, 200, 404]
    assert all(one in content for one, (_, content) in zip(_FRAGMENTS, frames, strict=False))


@pytest.mark.parametrize(
    "table",
    [
        struct.pack("<3I", 0, 1 << 30, 1 << 31),  # far behind the end
        struct.pack("<3I", 0, 5, 9),  # into the middle of a fragment
        struct.pack("<3I", 144, 72, 0),  # backwards
        struct.pack("<2I", 0, 72),  # too short
        struct.pack("<9I", *range(0, 648, 72)),  # too long
        b"\0\0\0\0\0\0",  # no whole number of offsets
    ],
    ids=["far", "inside", "backwards", "short", "long", "torn"],
)
def test_a_table_of_offsets_that_lies(hub: ServedHub, direct: dict[str, str], table: bytes) -> None:
    """Such an object is refused, or stored; a frame of it is the whole fragment or an error, never other bytes."""
    stored, frames = _frames(hub, direct, table)
    assert stored in (200, 409)
    for number, (status, content) in enumerate(frames):
        if status == 200:
            assert number < 3
            assert _FRAGMENTS[number] in content
            assert not any(other in content for other in _FRAGMENTS if other is not _FRAGMENTS[number])
        else:
            assert 400 <= status < 500
    _is_well(hub, direct, f"P{zlib.crc32(table)}")


def test_an_object_of_65535_frames(hub: ServedHub, direct: dict[str, str]) -> None:
    """The first and the last of very many frames are found at once, native or encapsulated without a table."""

    def change(dataset: Dataset) -> None:
        dataset.NumberOfFrames, dataset.Rows, dataset.Columns = 65535, 2, 2
        dataset.PixelData = b"".join(struct.pack("<4H", n & 0xFFFF, 0, 0, 7) for n in range(65535))

    made = _instance("F1", change)
    assert hub.store([made.content], headers=direct).status_code == 200
    item = made.item
    path = f"studies/{item.study_instance_uid}/series/{item.series_instance_uid}/instances/{item.sop_instance_uid}"
    accept = {**direct, "Accept": "application/octet-stream"}
    for number in (1, 32768, 65535):
        found = hub.client.get(f"{hub.url}/dicomweb/{path}/frames/{number}", headers=accept)
        assert found.status_code == 200
        assert struct.pack("<4H", number - 1, 0, 0, 7) in found.content
    assert hub.client.get(f"{hub.url}/dicomweb/{path}/frames/65536", headers=accept).status_code == 404
    assert hub.peak() < _MOST


@pytest.mark.parametrize(
    "path",
    ["studies/..%2F..%2Fetc", "studies/1.2/series/..%2f..", "studies/1..2", "studies/%00", "studies/1.2/../../../api"],
)
def test_tricks_with_paths(hub: ServedHub, direct: dict[str, str], path: str) -> None:
    """What is no UID in a path finds nothing and stores nothing."""
    with _connected(hub) as line:
        more = f"Host: hub\r\nConnection: close\r\nAuthorization: {direct['Authorization']}"
        line.sendall(f"GET /dicomweb/{path} HTTP/1.1\r\n{more}\r\n\r\n".encode())
        assert line.recv(64).split()[1] in (b"400", b"404")


def test_everything_holds_afterwards(hub: ServedHub, capsys: pytest.CaptureFixture[str]) -> None:
    """After all of the above every promise is kept and nothing lies about."""
    assert hub.faults() == []
    assert not [line for line in (hub.directory / "serve.log").read_text().splitlines() if '"fault"' in line]
    assert hub.peak() < _MOST
    with capsys.disabled():
        print(f"\nthe hub's largest memory: {hub.peak() // _MB} MB")
