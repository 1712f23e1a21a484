"""Locks that end with the process that holds them, however it ends; on POSIX systems and on Windows."""

from __future__ import annotations

from typing import IO, Any

fcntl: Any
msvcrt: Any
try:
    import fcntl as _fcntl
except ImportError:  # Windows
    import msvcrt as _msvcrt

    fcntl, msvcrt = None, _msvcrt
else:
    fcntl, msvcrt = _fcntl, None


def lock(file: IO[Any]) -> None:
    """Lock an open file for this process alone, until it is closed.

    Raises
    ------
    BlockingIOError
        If another process holds it.
    """
    if fcntl is not None:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return
    try:
        file.seek(0)
        # One byte far behind what anybody reads: on Windows a locked byte cannot be read by others.
        msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
    except OSError:
        raise BlockingIOError("another process holds the lock") from None
