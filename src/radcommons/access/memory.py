"""A bounded memory of answers that cost something to make."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable, Hashable
from threading import Lock

# A withdrawn instance is refused before a memory is asked; what was made of it leaves within this time.
_KEPT_S = 600.0


class Memory:
    """Bytes by key, the oldest leave first; safe from many threads.

    Parameters
    ----------
    limit : int
        Bytes at most.
    clock : callable
        Seconds that never go back.
    """

    def __init__(self, limit: int, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._limit, self._clock = limit, clock
        self._lock = Lock()
        self._held: OrderedDict[Hashable, tuple[float, bytes]] = OrderedDict()
        self._bytes = 0

    def get(self, key: Hashable) -> bytes | None:
        """Return what is kept under a key, None where nothing is."""
        with self._lock:
            self._expire()
            held = self._held.get(key)
            return held[1] if held else None

    def keep(self, key: Hashable, content: bytes) -> None:
        """Keep an answer; one that alone would take half of the room is not kept."""
        with self._lock:
            if key in self._held or len(content) > self._limit // 2:
                return
            self._held[key] = (self._clock(), content)
            self._bytes += len(content)
            while self._bytes > self._limit:
                self._drop(next(iter(self._held)))

    def forget(self, matches: Callable[[Hashable], bool]) -> None:
        """Drop what is kept under matching keys."""
        with self._lock:
            for key in [key for key in self._held if matches(key)]:
                self._drop(key)

    def _expire(self) -> None:
        while self._held:
            key, (since, _) = next(iter(self._held.items()))
            if self._clock() - since < _KEPT_S:
                return
            self._drop(key)

    def _drop(self, key: Hashable) -> None:
        self._bytes -= len(self._held.pop(key)[1])
