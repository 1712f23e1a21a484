"""The file that an object is received into: a disk that is full refuses the object, and ends nothing else.

pynetdicom writes what comes from the thread that serves the association's connection.  A fault there ends that thread,
and whoever waits for the association waits for ever: seen with a full disk and version 3.0.4.  So the fault is kept
until the object is whole, when there is somebody to tell.
"""

from __future__ import annotations

import secrets
import tempfile
from pathlib import Path
from typing import IO, Any


class PartFile:
    """A named temporary file, as far as pynetdicom uses one, whose writes never raise.

    Parameters
    ----------
    delete, mode, suffix
        As `tempfile.NamedTemporaryFile` has them; the file is never deleted by itself.
    """

    def __init__(self, *, delete: bool = False, mode: str = "wb", suffix: str = "") -> None:
        self.problem: OSError | None = None
        self.name = str(Path(tempfile.gettempdir()) / f"tmp{secrets.token_hex(12)}{suffix}")
        self._file: IO[bytes] | None = None
        try:
            self._file = Path(self.name).open("xb")  # noqa: SIM115  (pynetdicom closes it)
        except OSError as error:
            self.problem = error

    @property
    def file(self) -> PartFile:
        """The file itself: pynetdicom flushes it by this name."""
        return self

    def write(self, data: Any) -> int:
        """Write, or keep the fault and give the room back that was taken so far."""
        if self._file is not None and self.problem is None:
            try:
                self._file.write(data)
            except OSError as error:
                self._fail(error)
        return len(data)

    def flush(self) -> None:
        """Hand over what waits in memory."""
        if self._file is not None and not self._file.closed and self.problem is None:
            try:
                self._file.flush()
            except OSError as error:
                self._fail(error)

    def close(self) -> None:
        """Close it, as often as one likes; the first fault of all is in `problem`."""
        self.flush()
        if self._file is not None:
            try:
                self._file.close()
            except OSError as error:
                self._fail(self.problem or error)

    def _fail(self, error: OSError) -> None:
        self.problem = error
        Path(self.name).unlink(missing_ok=True)
