"""An object of a store far away as a stream of the standard library."""

from __future__ import annotations

import io
from typing import Any


class Remote(io.RawIOBase):
    """An object of a store far away as a raw stream; the store's own reader gives no `bytes`."""

    def __init__(self, reader: Any) -> None:
        super().__init__()
        self._reader = reader

    def readable(self) -> bool:
        """Say that it can be read."""
        return True

    def seekable(self) -> bool:
        """Say that any offset can be gone to."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Fill some of a buffer and return how much."""
        piece = memoryview(self._reader.read(len(buffer)))
        buffer[: len(piece)] = piece
        return len(piece)

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Go to an offset and return it."""
        return int(self._reader.seek(offset, whence))

    def tell(self) -> int:
        """Return the offset."""
        return int(self._reader.tell())
