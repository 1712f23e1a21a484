"""Unpack ZIP archives entry by entry into a spool, within limits, and nowhere else."""

from __future__ import annotations

import os
import secrets
import stat
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from radcommons.platform.durable import disk_full_is_named
from radcommons.records.finding import Finding, Severity
from radcommons.site.candidate import Candidate

MAX_DEPTH = 2
MAX_ENTRIES = 200_000
MAX_ENTRY_BYTES = 8 << 30
# Empty image borders compress well, but no clinical series was seen above 60:1; small archives may do as they like.
MAX_RATIO = 200
FREE_BYTES = 256 << 20

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


def is_archive(path: str | Path) -> bool:
    """Say whether a file begins as a ZIP archive does."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        return os.read(descriptor, 4) in (b"PK\x03\x04", b"PK\x05\x06")
    except OSError:
        return False
    finally:
        os.close(descriptor)


def entries(path: Path, *, name: str, stamp: str, spool: Path, is_known: Known) -> Iterator[Candidate]:
    """Yield the entries of an archive as files of their own.

    Parameters
    ----------
    path : Path
        The archive.
    name, stamp : str
        The archive's own; used where the archive as a whole is refused.
    spool : Path
        Where entries are unpacked under random names, so no entry's name ever becomes a path.
    is_known : callable
        See `walk`.
    """
    budget = _Budget(bytes=max(path.stat().st_size * MAX_RATIO, FREE_BYTES))
    yield from _entries(path, name=name, stamp=stamp, spool=spool, is_known=is_known, depth=1, budget=budget)


def _entries(
    path: Path, *, name: str, stamp: str, spool: Path, is_known: Known, depth: int, budget: _Budget
) -> Iterator[Candidate]:
    try:
        with zipfile.ZipFile(path) as archive:
            for info in archive.infolist():
                if not info.is_dir():
                    yield from _entry(
                        archive, info, name=name, spool=spool, is_known=is_known, depth=depth, budget=budget
                    )
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, UnicodeDecodeError):
        yield _refused(name, stamp, "The archive is broken; copy it again from the source.")
    except _Refusal as refusal:
        yield _refused(name, stamp, str(refusal))


def _entry(
    archive: zipfile.ZipFile,
    info: zipfile.ZipInfo,
    *,
    name: str,
    spool: Path,
    is_known: Known,
    depth: int,
    budget: _Budget,
) -> Iterator[Candidate]:
    path, stamp = f"{name}!/{_shown(info.filename)}", f"{info.file_size}-{info.CRC:08x}"
    budget.entries -= 1
    if budget.entries < 0:
        raise _Refusal(f"The archive has more than {MAX_ENTRIES} entries; it was read no further.")
    objection = _objection(info)
    if objection:
        yield _refused(path, stamp, objection)
        return
    if is_known(path, stamp):
        yield Candidate(path=path, file=spool / "known", stamp=stamp)
        return
    unpacked = spool / secrets.token_hex(16)
    try:
        _unpack(archive, info, unpacked, budget)
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError):
        unpacked.unlink(missing_ok=True)
        yield _refused(path, stamp, "The entry is broken or packed by an unsupported method.")
        return
    except BaseException:
        unpacked.unlink(missing_ok=True)
        raise
    if not is_archive(unpacked):
        yield Candidate(path=path, file=unpacked, stamp=stamp, is_spooled=True)
        return
    try:
        if depth >= MAX_DEPTH:
            yield _refused(path, stamp, f"Archives nest deeper than {MAX_DEPTH}.")
        else:
            yield from _entries(
                unpacked, name=path, stamp=stamp, spool=spool, is_known=is_known, depth=depth + 1, budget=budget
            )
    finally:
        unpacked.unlink(missing_ok=True)


def _objection(info: zipfile.ZipInfo) -> str:
    """Return why an entry is not taken; what counts is its name as packed, before any library tidies it."""
    packed = (info.orig_filename or info.filename).replace("\\", "/")
    parts = PurePosixPath(packed).parts
    if packed.startswith("/") or ".." in parts or (len(packed) > 1 and packed[1] == ":"):
        return "The entry's name leads out of the archive's folder."
    if info.flag_bits & 1:
        return "The entry is encrypted; unpack the archive first."
    mode = info.external_attr >> 16
    if mode and stat.S_IFMT(mode) not in (0, stat.S_IFREG):
        return "The entry is a link or a device, no file."
    return ""


def _unpack(archive: zipfile.ZipFile, info: zipfile.ZipInfo, target: Path, budget: _Budget) -> None:
    """Copy an entry to the spool, counting the bytes that really come: the directory of an archive can lie."""
    taken = 0
    with disk_full_is_named("the spool"), archive.open(info) as source, target.open("xb") as unpacked:
        while piece := source.read(1 << 20):
            taken += len(piece)
            budget.take(len(piece))
            if taken > MAX_ENTRY_BYTES:
                raise _Refusal("An entry of the archive is larger than 8 GiB; it was read no further.")
            unpacked.write(piece)


def _shown(packed: str) -> str:
    return packed.encode("utf-8", "backslashreplace").decode()


def _refused(path: str, stamp: str, message: str) -> Candidate:
    finding = Finding(code="archive-refused", severity=Severity.REFUSAL, message=message)
    return Candidate(path=path, file=Path(), stamp=stamp, refusal=finding)
