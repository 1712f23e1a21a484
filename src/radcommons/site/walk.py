"""Walk folders and archives, one file at a time, whatever they hold: loops, devices, archives in archives."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from radcommons.records.errors import UsageError
from radcommons.records.finding import Finding, Severity
from radcommons.site.archive import entries, is_archive
from radcommons.site.candidate import Candidate

Known = Callable[[str, str], bool]


def walk(paths: Sequence[Path], *, spool: Path, is_known: Known) -> Iterator[Candidate]:
    """Yield every file below `paths`, in the order of their names, once each.

    Parameters
    ----------
    paths : sequence of Path
        Files and folders.
    spool : Path
        Folder for archive entries while they are read; the receiver of a candidate deletes what it `is_spooled`.
    is_known : callable
        ``is_known(path, stamp)``: such a file was decided before; an archive's entry is then not unpacked again.

    Notes
    -----
    Symbolic links are followed; a folder is walked once whatever leads to it, and a link to a folder above it is
    refused. Devices, pipes and sockets are refused unopened. Memory: the names of one folder at each depth.

    Raises
    ------
    UsageError
        If one of `paths` is not there.
    """
    visited: set[tuple[int, int]] = set()
    for path in paths:
        absolute = os.path.abspath(path)  # noqa: PTH100  (resolve() would follow links and rename the files)
        if not os.path.lexists(absolute):
            raise UsageError(f"There is no {path}.", mend="Check the spelling.")
        yield from _visit(absolute, spool=spool, is_known=is_known, visited=visited, above=())


# Paths are text in what follows: a walk over a million files makes no object of each.
def _visit(
    path: str, *, spool: Path, is_known: Known, visited: set[tuple[int, int]], above: tuple[tuple[int, int], ...]
) -> Iterator[Candidate]:
    try:
        found = os.stat(path)  # noqa: PTH116
    except OSError as error:
        yield _refused(path, _unreadable(error))
        return
    if stat.S_ISDIR(found.st_mode):
        identity = (found.st_dev, found.st_ino)
        if identity in above:
            yield _refused(path, _finding("symlink-loop", "The symbolic link leads back to a folder above it."))
        elif identity not in visited:
            visited.add(identity)
            yield from _folder(path, spool=spool, is_known=is_known, visited=visited, above=(*above, identity))
    elif stat.S_ISREG(found.st_mode):
        yield from _file(path, stamp_of(found), spool=spool, is_known=is_known)
    else:
        yield _refused(path, _finding("not-dicom", "A device, pipe or socket is no file; it was not opened."))


def _folder(
    path: str, *, spool: Path, is_known: Known, visited: set[tuple[int, int]], above: tuple[tuple[int, int], ...]
) -> Iterator[Candidate]:
    try:
        with os.scandir(path) as entries_of:
            names = sorted(entry.name for entry in entries_of)
    except OSError as error:
        yield _refused(path, _unreadable(error))
        return
    for name in names:
        inner = os.path.join(path, name)  # noqa: PTH118
        yield from _visit(inner, spool=spool, is_known=is_known, visited=visited, above=above)


def _file(path: str, stamp: str, *, spool: Path, is_known: Known) -> Iterator[Candidate]:
    if is_archive(path):
        yield from entries(Path(path), name=text_of(path), stamp=stamp, spool=spool, is_known=is_known)
    else:
        yield Candidate(path=text_of(path), file=Path(path), stamp=stamp)


def stamp_of(found: os.stat_result) -> str:
    """Return what changes when a file does."""
    return f"{found.st_size}-{found.st_mtime_ns}-{found.st_ino}"


def text_of(path: str | Path) -> str:
    """Return a path as text that a database takes; bytes that are no UTF-8 are shown escaped."""
    if isinstance(path, str) and path.isascii():
        return path
    return os.fsencode(path).decode("utf-8", "backslashreplace")


def _finding(code: str, message: str) -> Finding:
    return Finding(code=code, severity=Severity.REFUSAL, message=message)


def _unreadable(error: OSError) -> Finding:
    return _finding("unreadable", f"It cannot be opened: {error.strerror or 'unknown reason'}.")


def _refused(path: str, refusal: Finding) -> Candidate:
    return Candidate(path=text_of(path), file=Path(path), stamp="", refusal=refusal)
