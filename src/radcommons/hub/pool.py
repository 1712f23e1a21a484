"""Worker processes that judge objects: started fresh, bounded in memory, replaced when they die."""

from __future__ import annotations

import multiprocessing
import os
import resource
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from typing import TypeVar

A = TypeVar("A")
R = TypeVar("R")

# Private memory of one worker: a frame of 100 megapixels, the network and the libraries fit, a runaway does not.
MEMORY_LIMIT = 1536 << 20


def _prepare_worker(store: dict[str, str]) -> None:
    resource.setrlimit(resource.RLIMIT_DATA, (MEMORY_LIMIT, MEMORY_LIMIT))
    # Workers are forked from a server that keeps the environment of its own start.
    os.environ.update(store)


def _store_environment() -> dict[str, str]:
    """Return what leads to an S3 store."""
    return {name: value for name, value in os.environ.items() if name.startswith("AWS_")}


class WorkerPool:
    """A process pool that survives its workers.

    Parameters
    ----------
    processes : int
        Workers at a time; they are started when the first work comes.
    """

    def __init__(self, processes: int) -> None:
        self._processes = processes
        self._lock = threading.Lock()
        self._pool: ProcessPoolExecutor | None = None

    def _running(self) -> ProcessPoolExecutor:
        with self._lock:
            if self._pool is None:
                # A fork of a process with threads may inherit a lock that nobody will ever release.
                context = multiprocessing.get_context("forkserver")
                context.set_forkserver_preload(["radcommons.hub.work"])
                self._pool = ProcessPoolExecutor(
                    self._processes,
                    mp_context=context,
                    initializer=_prepare_worker,
                    initargs=(_store_environment(),),
                )
            return self._pool

    def _replace(self, broken: ProcessPoolExecutor) -> None:
        with self._lock:
            if self._pool is broken:
                self._pool = None
        broken.shutdown(wait=False, cancel_futures=True)

    def map(self, work: Callable[[A], R], arguments: Sequence[A], *, otherwise: Callable[[A], R]) -> list[R]:
        """Return the results in order.

        Parameters
        ----------
        work : callable
            A function of a module, so that a worker can import it.
        arguments : sequence
        otherwise : callable
            Makes the result of an argument that kills its worker when it is tried alone.
        """
        pool = self._running()
        try:
            return list(pool.map(work, arguments))
        except BrokenProcessPool:
            self._replace(pool)
        return [self._alone(work, argument, otherwise) for argument in arguments]

    def _alone(self, work: Callable[[A], R], argument: A, otherwise: Callable[[A], R]) -> R:
        pool = self._running()
        try:
            return pool.submit(work, argument).result()
        except (BrokenProcessPool, MemoryError):
            self._replace(pool)
            return otherwise(argument)

    def close(self) -> None:
        """Stop the workers; what they were at is judged again at the next start."""
        with self._lock:
            pool, self._pool = self._pool, None
        if pool is not None:
            pool.shutdown(wait=False, cancel_futures=True)
