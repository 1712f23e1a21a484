"""Threads beside an event loop: the one that was busy last is taken first, since its caches are warm."""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from collections.abc import Callable
from queue import SimpleQueue
from typing import Any, Generic, TypeVar

T = TypeVar("T")


class LoopPromise(Generic[T]):
    """A future of the running event loop that another thread resolves."""

    __slots__ = ("_loop", "future")

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self.future: asyncio.Future[T] = self._loop.create_future()

    def set_result(self, result: T, /) -> None:
        """Give the result."""
        self._loop.call_soon_threadsafe(self._resolve, result, None)

    def set_exception(self, error: BaseException, /) -> None:
        """Give the fault."""
        self._loop.call_soon_threadsafe(self._resolve, None, error)

    def _resolve(self, result: Any, error: BaseException | None) -> None:
        if self.future.done():  # whoever waited has given up
            return
        if error is not None:
            self.future.set_exception(error)
        else:
            self.future.set_result(result)


class Crew:
    """A few threads that work; they end with the process.

    Parameters
    ----------
    most : int
        Threads at most; they are made when they are needed.
    name : str
    """

    def __init__(self, *, most: int, name: str) -> None:
        self._most, self._name = most, name
        self._count = 0
        self._idle: list[SimpleQueue[Callable[[], object]]] = []
        self._waiting: deque[Callable[[], object]] = deque()
        self._lock = threading.Lock()

    def submit(self, work: Callable[[], object]) -> None:
        """Have something done that answers for its own faults."""
        with self._lock:
            if not self._idle:
                if self._count == self._most:
                    self._waiting.append(work)
                    return
                self._count += 1
                self._begin(work)
                return
            queue = self._idle.pop()
        queue.put(work)

    async def run(self, work: Callable[..., T], *arguments: object) -> T:
        """Return what `work` does with its arguments in one of the threads."""
        promise: LoopPromise[T] = LoopPromise()

        def doing() -> None:
            try:
                result = work(*arguments)
            except BaseException as error:  # whatever it is, it belongs to who waits
                promise.set_exception(error)
            else:
                promise.set_result(result)

        self.submit(doing)
        return await promise.future

    def _begin(self, work: Callable[[], object]) -> None:
        queue: SimpleQueue[Callable[[], object]] = SimpleQueue()
        queue.put(work)
        threading.Thread(target=self._work, args=(queue,), name=f"{self._name}-{self._count}", daemon=True).start()

    def _work(self, queue: SimpleQueue[Callable[[], object]]) -> None:
        work = queue.get()
        while True:
            work()
            del work  # what it held may go while the thread waits
            with self._lock:
                if self._waiting:
                    work = self._waiting.popleft()
                    continue
                self._idle.append(queue)
            work = queue.get()
