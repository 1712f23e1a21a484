"""Worker processes: order, deaths, slowness, memory."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator

import pytest

from radcommons.platform.pool import Pool
from radcommons.records.errors import StorageError


def start_work(offset: int) -> Callable[[int], str]:
    """Make a worker that dies, hangs or eats memory on certain numbers."""

    def work(number: int) -> str:
        if number == 7:
            os._exit(9)
        if number == 8:
            time.sleep(60)
        if number == 9:
            try:
                return str(len(bytearray(400 << 20)))
            except MemoryError:
                return "no memory"
        if number == 10:
            raise StorageError("The disk is full.")
        return str(number + offset)

    return work


def give_up(number: int, was_slow: bool) -> str:
    """Say that a task was lost."""
    return f"lost {number} {'slow' if was_slow else 'dead'}"


MakePool = Callable[..., Pool[int, str]]


@pytest.fixture(params=[False, True], ids=["forkserver", "own-process"])
def pool(request: pytest.FixtureRequest) -> MakePool:
    """Makes a pool of two."""

    def made(**settings: object) -> Pool[int, str]:
        return Pool(start_work, (100,), give_up, is_own_process=request.param, **settings)  # type: ignore[arg-type]

    return made


def test_results_come_in_the_order_of_the_tasks(pool: MakePool) -> None:
    """Two processes, one order."""
    numbers = [number for number in range(50) if number not in (7, 8, 9, 10)]
    assert list(pool().map(numbers)) == [(number, str(number + 100)) for number in numbers]


def test_a_death_costs_one_file(pool: MakePool) -> None:
    """The file whose worker died twice is given up, all others are done."""
    numbers = [1, 2, 7, 3, 4, 5]
    assert [outcome for _, outcome in pool().map(numbers)] == ["101", "102", "lost 7 dead", "103", "104", "105"]


def test_a_slow_file_is_given_up(pool: MakePool) -> None:
    """A worker that hangs is ended and its file given up."""
    assert [outcome for _, outcome in pool(task_seconds=3.0).map([8, 1])] == ["lost 8 slow", "101"]


def test_memory_is_capped(pool: MakePool) -> None:
    """A worker cannot take more than its share."""
    assert [outcome for _, outcome in pool(memory_bytes=256 << 20).map([9])] == ["no memory"]


def test_a_full_disk_stops_everything(pool: MakePool) -> None:
    """What no file can be blamed for ends the run."""
    with pytest.raises(StorageError):
        list(pool().map([1, 10, 2]))


def test_the_walk_is_not_run_ahead_of(pool: MakePool) -> None:
    """However many files there are, only a bounded number is asked for."""
    asked = 0

    def endless() -> Iterator[int]:
        nonlocal asked
        while True:
            asked += 1
            yield 1

    results = pool().map(endless())
    for _ in range(5):
        next(results)
    assert asked < 40
    results.close()  # type: ignore[attr-defined]


def test_a_process_ends_when_its_pipe_does(pool: MakePool) -> None:
    """No sibling holds a pipe open: when the run dies, its processes do."""
    made = pool()
    results = made.map(iter(range(20, 60)))
    next(results)
    first, *_ = made._workers
    assert len(made._workers) == 2
    while first.task is not None:  # it may still be writing its answer
        next(results)
    first.pipe.close()
    first.process.join(20)
    assert first.process.exitcode == 0
    made._workers.remove(first)
    results.close()  # type: ignore[attr-defined]
