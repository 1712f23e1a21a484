"""Worker processes for files that nobody trusts: capped in memory, replaced when they die, results in order.

`concurrent.futures` gives up the whole pool when one process dies; here a death costs the one file that it had.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from multiprocessing import forkserver
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from typing import Any, Generic, TypeVar

from radcommons.records.errors import StorageError

try:
    import resource
except ImportError:  # Windows
    resource = None  # type: ignore[assignment]

T = TypeVar("T")
R = TypeVar("R")

MEMORY_BYTES = 1536 << 20
TASK_SECONDS = 900.0
# A process is replaced after so many files: what a codec leaks goes with it.
TASKS_PER_PROCESS = 2000


def import_ahead(module: str) -> None:
    """Start the process that workers are forked from, and let it import `module` while this one does other things."""
    if _way() != "forkserver":
        return
    multiprocessing.get_context("forkserver").set_forkserver_preload([module])
    forkserver.ensure_running()


def _way() -> str:
    """Return how worker processes start: from a server process, or anew where there is none (Windows)."""
    ways = multiprocessing.get_all_start_methods()
    return "forkserver" if "forkserver" in ways else "spawn"


def end_forking() -> None:
    """End the process that workers are forked from, and wait for it: only then does the system count its time as ours.

    Notes
    -----
    The standard library offers no public way; where a version of it has none at all, the process ends with this one.
    """
    stop = getattr(getattr(forkserver, "_forkserver", None), "_stop", None)
    if stop is not None:
        stop()


@dataclass(slots=True)
class _Task(Generic[T, R]):
    value: T
    attempts: int = 0
    outcome: R | None = None


@dataclass(slots=True)
class _Worker(Generic[T, R]):
    process: BaseProcess
    pipe: Connection
    task: _Task[T, R] | None = None
    since: float = 0.0
    done: int = 0


@dataclass(slots=True)
class Pool(Generic[T, R]):
    """Runs ``start(*settings)`` once in each process; what it returns is called with each task.

    Parameters
    ----------
    start : callable
        A function of a module; makes the function that does the work.
    settings : tuple
        Its arguments; they travel to the process.
    lost : callable
        What to say of a task whose process died (or took too long) twice: ``lost(task, was_slow)``.
    jobs : int
        Number of processes.
    is_own_process : bool
        The caller is a command of its own: where that is safe (Linux, one thread) the processes are forked from it, so
        that nothing is imported twice.
    """

    start: Callable[..., Callable[[T], R]]
    settings: tuple[Any, ...]
    lost: Callable[[T, bool], R]
    jobs: int = 2
    memory_bytes: int = MEMORY_BYTES
    task_seconds: float = TASK_SECONDS
    is_own_process: bool = False
    _workers: list[_Worker[T, R]] = field(default_factory=list)

    def map(self, tasks: Iterable[T]) -> Iterator[tuple[T, R]]:
        """Yield (task, outcome) in the order of the tasks, with a bounded number of them in flight.

        Raises
        ------
        StorageError
            If the processes die as soon as they start.
        """
        source = iter(tasks)
        order: deque[_Task[T, R]] = deque()
        ready: deque[_Task[T, R]] = deque()
        bound = self.jobs * 8
        is_exhausted = False
        try:
            while True:
                while not is_exhausted and len(order) < bound and len(ready) < self.jobs:
                    try:
                        task: _Task[T, R] = _Task(next(source))
                    except StopIteration:
                        is_exhausted = True
                        break
                    order.append(task)
                    ready.append(task)
                self._hand_out(ready)
                while order and order[0].outcome is not None:
                    first = order.popleft()
                    yield first.value, first.outcome  # type: ignore[misc]
                if is_exhausted and not order:
                    return
                if any(worker.task for worker in self._workers) and (len(order) >= bound or is_exhausted or ready):
                    self._collect(ready, timeout=1.0)
                else:
                    self._collect(ready, timeout=0.0)
        finally:
            self.close()

    def close(self) -> None:
        """End the processes."""
        for worker in self._workers:
            worker.pipe.close()
            worker.process.terminate()
        for worker in self._workers:
            worker.process.join(5)
        self._workers.clear()

    def _hand_out(self, ready: deque[_Task[T, R]]) -> None:
        idle = [worker for worker in self._workers if worker.task is None]
        while ready and (idle or len(self._workers) < self.jobs):
            worker = idle.pop() if idle else self._begin()
            task = ready.popleft()
            worker.task, worker.since = task, time.monotonic()
            with contextlib.suppress(OSError):  # it died while idle: _collect sees the end of its pipe
                worker.pipe.send(task.value)

    def _begin(self) -> _Worker[T, R]:
        forks = self.is_own_process and sys.platform == "linux" and hasattr(os, "fork")
        forks = forks and threading.active_count() == 1
        context: Any = multiprocessing.get_context("fork" if forks else _way())
        if not forks and _way() == "forkserver":
            context.set_forkserver_preload([self.start.__module__])
        ours, theirs = context.Pipe()
        # a forked process inherits the ends of pipes that are not its own: with them open, none would ever end
        others = (ours, *(worker.pipe for worker in self._workers)) if forks else ()
        process = context.Process(
            target=_work, args=(theirs, self.start, self.settings, self.memory_bytes, others), daemon=True
        )
        process.start()
        theirs.close()
        worker: _Worker[T, R] = _Worker(process, ours)
        self._workers.append(worker)
        return worker

    def _collect(self, ready: deque[_Task[T, R]], *, timeout: float) -> None:
        pipes = {worker.pipe: worker for worker in self._workers}
        for pipe in wait(list(pipes), timeout) if pipes else []:
            worker = pipes[pipe]  # type: ignore[index]
            try:
                outcome = worker.pipe.recv()
            except (EOFError, OSError):
                self._bury(worker, ready, was_slow=False)
                continue
            if isinstance(outcome, StorageError):
                raise outcome
            if worker.task is not None:
                worker.task.outcome, worker.task = outcome, None
            worker.done += 1
            if worker.done >= TASKS_PER_PROCESS:
                self._bury(worker, ready, was_slow=False)
        now = time.monotonic()
        for worker in list(self._workers):
            if worker.task is not None and now - worker.since > self.task_seconds:
                self._bury(worker, ready, was_slow=True)

    def _bury(self, worker: _Worker[T, R], ready: deque[_Task[T, R]], *, was_slow: bool) -> None:
        """End a process; the task it had is tried once more, then given up."""
        self._workers.remove(worker)
        worker.pipe.close()
        worker.process.kill()
        worker.process.join()
        task = worker.task
        if task is None:
            return
        task.attempts += 1
        if task.attempts >= 2 or was_slow:
            task.outcome = self.lost(task.value, was_slow)
        else:
            ready.appendleft(task)


def _work(
    pipe: Connection,
    start: Callable[..., Callable[[Any], Any]],
    settings: tuple[Any, ...],
    memory_bytes: int,
    others: Sequence[Connection],
) -> None:
    """Be a worker: until the other end closes, which it also does by dying."""
    for other in others:
        other.close()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's to answer
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    if resource is not None:
        # Counted is what the process writes to, not what it maps: libraries map far more than they use.
        resource.setrlimit(resource.RLIMIT_DATA, (memory_bytes, memory_bytes))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # a core file would hold a patient's data
    # Codecs in C write about broken files to the terminal; what they quote is not known.
    with open(os.devnull, "w") as nowhere:  # noqa: PTH123
        os.dup2(nowhere.fileno(), 2)
    try:
        judge = start(*settings)
        while True:
            pipe.send(judge(pipe.recv()))
    except (EOFError, BrokenPipeError, ConnectionResetError):
        return
    except StorageError as error:
        with contextlib.suppress(OSError):
            pipe.send(error)
