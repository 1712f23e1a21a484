"""Group commit: what several callers want written at the same time is written in one transaction."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from threading import Lock
from typing import Generic, Protocol, TypeVar

Work = TypeVar("Work")
Done = TypeVar("Done")
Got = TypeVar("Got", contravariant=True)


class Promise(Protocol[Got]):
    """What somebody waits at, such as a future."""

    def set_result(self, result: Got, /) -> None:
        """Give the result."""

    def set_exception(self, error: BaseException, /) -> None:
        """Give the fault."""


class GroupCommit(Generic[Work, Done]):
    """Commits what waits, all of it at once; whoever comes while nobody commits does it for those who come meanwhile.

    Parameters
    ----------
    commit : callable
        Writes pieces of work in one transaction and returns what became of each. It may be called again with one
        piece alone after it failed with many, so it does nothing or everything.
    most : int
        Pieces of one transaction.

    Notes
    -----
    There is no thread of its own, so nothing must be stopped: the first caller's thread works until nothing waits.
    """

    def __init__(self, commit: Callable[[Sequence[Work]], Sequence[Done]], *, most: int = 128) -> None:
        self._commit = commit
        self._most = most
        self._waiting: deque[tuple[Work, Promise[Done]]] = deque()
        self._lock = Lock()
        self._is_led = False

    def submit(self, work: Work, done: Promise[Done]) -> None:
        """Have a piece of work committed; `done` gets its result or its fault, maybe before this returns."""
        with self._lock:
            self._waiting.append((work, done))
            if self._is_led:
                return
            self._is_led = True
        while batch := self._next():
            self._run(batch)

    def _next(self) -> list[tuple[Work, Promise[Done]]]:
        with self._lock:
            batch = [self._waiting.popleft() for _ in range(min(len(self._waiting), self._most))]
            if not batch:
                self._is_led = False
            return batch

    def _run(self, batch: Sequence[tuple[Work, Promise[Done]]]) -> None:
        try:
            results = self._commit([work for work, _ in batch])
        # Whatever it is, it belongs to those who wait; the one whose thread this is waits with the others.
        except BaseException as error:
            if len(batch) == 1:
                batch[0][1].set_exception(error)
                return
            for one in batch:
                self._run([one])
            return
        for (_, done), result in zip(batch, results, strict=True):
            done.set_result(result)
