"""Files that are there after a power cut: write beside, flush, rename, flush the folder."""

from __future__ import annotations

import ctypes
import errno
import os
import secrets
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any, BinaryIO

from radcommons.records.errors import StorageError


def fsync_directory(folder: Path | str) -> None:
    """Make the names in `folder` durable; where folders cannot be opened (Windows) the file system's journal does."""
    if not hasattr(os, "O_DIRECTORY"):
        return
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


_WRITE = 2  # SYNC_FILE_RANGE_WRITE: begin to write, and do not wait
_MOST_OPEN = 128


@cache
def _begin_writing() -> Callable[[int, int, int, int], int]:
    """Return what asks the system to begin writing a file; nothing where it cannot be asked (Linux alone can)."""
    found: Any = getattr(ctypes.CDLL(None), "sync_file_range", None) if sys.platform == "linux" else None
    if found is None:
        return lambda *_: 0
    found.argtypes = [ctypes.c_int, ctypes.c_int64, ctypes.c_int64, ctypes.c_uint]
    return found  # type: ignore[no-any-return]


def fsync_files(paths: Sequence[str]) -> None:
    """Make the bytes of files durable.

    All are begun before the first is waited for, so that one commit of the file system's journal holds the places of
    all of them, where one after the other would take a commit each.
    """
    begin = _begin_writing()
    for start in range(0, len(paths), _MOST_OPEN):
        some = paths[start : start + _MOST_OPEN]
        descriptors: list[int] = []
        try:
            for path in some:
                descriptors.append(os.open(path, os.O_RDONLY))
                if len(some) > 1:
                    begin(descriptors[-1], 0, 0, _WRITE)
            for descriptor in descriptors:
                os.fsync(descriptor)
        finally:
            for descriptor in descriptors:
                os.close(descriptor)


@contextmanager
def disk_full_is_named(where: str) -> Iterator[None]:
    """Turn a full disk into a StorageError that says what to do; other errors pass."""
    try:
        yield
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        raise StorageError(
            f"The disk is full while writing {where}.", mend="Nothing was lost: free some space and run it again."
        ) from None


@contextmanager
def new_file(path: Path, *, mode: int = 0o640) -> Iterator[BinaryIO]:
    """Yield a file that becomes `path` when the block ends well; otherwise nothing of it remains.

    The rename replaces an existing file in one step, so a reader sees the old or the new, never a half.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.parent / f".{path.name}.{secrets.token_hex(6)}.tmp"
    descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    try:
        with disk_full_is_named(path.parent.name), os.fdopen(descriptor, "wb") as target:
            yield target
            target.flush()
            os.fsync(target.fileno())
        beside.replace(path)
        fsync_directory(path.parent)
    except BaseException:
        beside.unlink(missing_ok=True)
        raise


def write_file(path: Path, content: bytes, *, mode: int = 0o640) -> None:
    """Write `content` as `path`, durably and in one step."""
    with new_file(path, mode=mode) as target:
        target.write(content)
