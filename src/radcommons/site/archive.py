"""Unpack ZIP, tar and gzip archives entry by entry into a spool, within limits, and nowhere else."""

from __future__ import annotations

import gzip
import os
import secrets
import stat
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from io import BufferedReader, RawIOBase
from pathlib import Path, PurePosixPath
from typing import BinaryIO, cast

from radcommons.platform.durable import disk_full_is_named
from radcommons.records.finding import Finding, Severity
from radcommons.site.candidate import Candidate
from radcommons.site.tar import BLOCK, BrokenTar, Member, is_tar, members

MAX_DEPTH = 2
MAX_ENTRIES = 200_000
MAX_ENTRY_BYTES = 8 << 30
# Empty image borders compress well, but no clinical series was seen above 60:1; small archives may do as they like.
MAX_RATIO = 200
FREE_BYTES = 256 << 20

ZIP, GZIP = (b"PK\x03\x04", b"PK\x05\x06"), b"\x1f\x8b\x08"
BROKEN = (
    zipfile.BadZipFile,
    gzip.BadGzipFile,
    zlib.error,
    EOFError,
    NotImplementedError,
    UnicodeDecodeError,
    BrokenTar,
)
Known = Callable[[str, str], bool]


class _Refusal(Exception):
    """The entry, or the rest of the archive, is refused; the message says why."""


@dataclass(slots=True)
class _Budget:
    """How much an archive may still expand to; archives within it share the budget."""

    bytes: int
    entries: int = MAX_ENTRIES

    def take(self, count: int) -> None:
        self.bytes -= count
        if self.bytes < 0:
            raise _Refusal(f"The archive expands to more than {MAX_RATIO} times its size; it was read no further.")


class _Counted(RawIOBase):
    """Reads a stream that is being unpacked, and takes what comes from a budget."""

    def __init__(self, source: BinaryIO, budget: _Budget) -> None:
        self._source, self._budget = source, budget

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: object) -> int:
        view = memoryview(cast(bytearray, buffer))
        piece = self._source.read(len(view))
        self._budget.take(len(piece))
        view[: len(piece)] = piece
        return len(piece)


@dataclass(frozen=True, slots=True)
class _Place:
    """Where an archive stands, and what its entries need."""

    name: str
    stamp: str
    spool: Path
    is_known: Known
    budget: _Budget
    depth: int = 1


def is_archive(path: str | Path) -> bool:
    """Say whether a file begins as a ZIP, tar or gzip archive does."""
    return _kind(path) != ""


def _kind(path: str | Path) -> str:
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return ""
    try:
        beginning = os.read(descriptor, BLOCK)
    except OSError:
        return ""
    finally:
        os.close(descriptor)
    if beginning.startswith(ZIP):
        return "zip"
    if beginning.startswith(GZIP):
        return "gzip"
    return "tar" if is_tar(beginning) else ""


def entries(path: Path, *, name: str, stamp: str, spool: Path, is_known: Known) -> Iterator[Candidate]:
    """Yield the entries of an archive as files of their own.

    Parameters
    ----------
    path : Path
        The archive; a gzip file that holds no tar archive is one entry.
    name, stamp : str
        The archive's own; used where the archive as a whole is refused.
    spool : Path
        Where entries are unpacked under random names, so no entry's name ever becomes a path.
    is_known : callable
        See `walk`.
    """
    budget = _Budget(bytes=max(path.stat().st_size * MAX_RATIO, FREE_BYTES))
    yield from _entries(path, _Place(name, stamp, spool, is_known, budget))


def _entries(path: Path, place: _Place) -> Iterator[Candidate]:
    kind = _kind(path)
    try:
        if kind == "zip":
            with zipfile.ZipFile(path) as archive:
                for info in archive.infolist():
                    if not info.is_dir():
                        yield from _zipped(archive, info, place)
        elif kind == "tar":
            with path.open("rb") as stream:
                yield from _tarred(stream, place)
        else:
            with (
                gzip.open(path) as packed,
                BufferedReader(_Counted(cast(BinaryIO, packed), place.budget), 1 << 17) as stream,
            ):
                yield from _gzipped(cast(BinaryIO, stream), stream.peek(BLOCK)[:BLOCK], place)
    except BROKEN:
        yield _refused(place.name, place.stamp, "The archive is broken; copy it again from the source.")
    except _Refusal as refusal:
        yield _refused(place.name, place.stamp, str(refusal))


def _zipped(archive: zipfile.ZipFile, info: zipfile.ZipInfo, place: _Place) -> Iterator[Candidate]:
    def pieces() -> Iterator[bytes]:
        with archive.open(info) as source:
            while piece := source.read(1 << 20):
                place.budget.take(len(piece))  # bytes that really come: the directory of an archive can lie
                yield piece

    stamp = f"{info.file_size}-{info.CRC:08x}"
    # what counts is the name as packed, before any library tidies it
    objection = _objection(info.orig_filename or info.filename) or _zip_objection(info)
    yield from _entry(info.filename, stamp, objection, pieces(), place)


def _tarred(stream: BinaryIO, place: _Place) -> Iterator[Candidate]:
    for number, member in enumerate(members(stream)):
        if not member.is_folder:
            stamp = f"{member.size}-{member.changed_at}-{number}-{place.stamp}"
            objection = _objection(member.name)
            if not member.is_file:
                objection = "The entry is a link, a device or a sparse file."
            yield from _entry(member.name, stamp, objection, _bytes_of(member), place, is_last_resort=False)


def _bytes_of(member: Member) -> Iterator[bytes]:
    while piece := member.read():
        yield piece


def _gzipped(stream: BinaryIO, beginning: bytes, place: _Place) -> Iterator[Candidate]:
    if is_tar(beginning):
        yield from _tarred(stream, place)
        return
    if beginning.startswith(GZIP):
        raise _Refusal("The archive is packed twice by gzip.")
    inside = PurePosixPath(place.name.rpartition("!/")[2]).stem or "content"
    yield from _entry(inside, place.stamp, "", iter(lambda: stream.read(1 << 20), b""), place, is_last_resort=False)


def _entry(
    inside: str, stamp: str, objection: str, pieces: Iterator[bytes], place: _Place, *, is_last_resort: bool = True
) -> Iterator[Candidate]:
    """Yield one entry, or what it holds where it is an archive.

    Parameters
    ----------
    is_last_resort : bool
        Whether a broken entry leaves the rest of the archive readable; in a stream it does not.
    """
    name = f"{place.name}!/{_shown(inside)}"
    place.budget.entries -= 1
    if place.budget.entries < 0:
        raise _Refusal(f"The archive has more than {MAX_ENTRIES} entries; it was read no further.")
    if objection:
        yield _refused(name, stamp, objection)
        return
    if place.is_known(name, stamp):
        yield Candidate(path=name, file=place.spool / "known", stamp=stamp)
        return
    unpacked = place.spool / secrets.token_hex(16)
    try:
        _unpack(pieces, unpacked)
    except (*BROKEN, RuntimeError):
        unpacked.unlink(missing_ok=True)
        if not is_last_resort:
            raise
        yield _refused(name, stamp, "The entry is broken or packed by an unsupported method.")
        return
    except BaseException:
        unpacked.unlink(missing_ok=True)
        raise
    if not is_archive(unpacked):
        yield Candidate(path=name, file=unpacked, stamp=stamp, is_spooled=True)
        return
    try:
        if place.depth >= MAX_DEPTH:
            yield _refused(name, stamp, f"Archives nest deeper than {MAX_DEPTH}.")
        else:
            yield from _entries(unpacked, replace(place, name=name, stamp=stamp, depth=place.depth + 1))
    finally:
        unpacked.unlink(missing_ok=True)


def _objection(packed: str) -> str:
    """Return why an entry of this name is not taken."""
    plain = packed.replace("\\", "/")
    if plain.startswith("/") or ".." in PurePosixPath(plain).parts or (len(plain) > 1 and plain[1] == ":"):
        return "The entry's name leads out of the archive's folder."
    return ""


def _zip_objection(info: zipfile.ZipInfo) -> str:
    if info.flag_bits & 1:
        return "The entry is encrypted; unpack the archive first."
    mode = info.external_attr >> 16
    if mode and stat.S_IFMT(mode) not in (0, stat.S_IFREG):
        return "The entry is a link or a device, no file."
    return ""


def _unpack(pieces: Iterator[bytes], target: Path) -> None:
    taken = 0
    with disk_full_is_named("the spool"), target.open("xb") as unpacked:
        for piece in pieces:
            taken += len(piece)
            if taken > MAX_ENTRY_BYTES:
                raise _Refusal("An entry of the archive is larger than 8 GiB; it was read no further.")
            unpacked.write(piece)


def _shown(packed: str) -> str:
    return packed.encode("utf-8", "backslashreplace").decode()


def _refused(path: str, stamp: str, message: str) -> Candidate:
    finding = Finding(code="archive-refused", severity=Severity.REFUSAL, message=message)
    return Candidate(path=path, file=Path(), stamp=stamp, refusal=finding)
