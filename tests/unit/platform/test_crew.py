"""Threads beside an event loop."""

from __future__ import annotations

import asyncio
import threading

import pytest

from radcommons.platform.crew import Crew


def test_work_that_does_not_overlap_takes_few_threads() -> None:
    """The thread that was busy last is taken again, however many there may be."""
    crew = Crew(most=8, name="test")

    async def ask() -> set[str]:
        await asyncio.gather(*(crew.run(threading.current_thread) for _ in range(8)))
        await asyncio.sleep(0.05)
        return {(await crew.run(threading.current_thread)).name for _ in range(20)}

    assert len(asyncio.run(ask())) <= 2  # it may not have put its tools down when the next work comes


def test_no_more_threads_than_allowed_and_nothing_is_forgotten() -> None:
    """What comes while all are busy waits and is done; a fault reaches who waits and ends no thread."""
    crew, held, names = Crew(most=2, name="few"), threading.Barrier(3), list[str]()

    def work(number: int) -> int:
        names.append(threading.current_thread().name)
        if number < 2:
            held.wait(10)
        if number == 5:
            raise ValueError(number)
        return number

    async def ask() -> list[int | BaseException]:
        asked = [asyncio.ensure_future(crew.run(work, number)) for number in range(10)]
        await asyncio.sleep(0)
        await asyncio.get_running_loop().run_in_executor(None, held.wait, 10)
        return await asyncio.gather(*asked, return_exceptions=True)

    found = asyncio.run(ask())
    assert [one for one in found if not isinstance(one, BaseException)] == [0, 1, 2, 3, 4, 6, 7, 8, 9]
    assert isinstance(found[5], ValueError)
    assert len(set(names)) == 2


def test_who_gives_up_disturbs_nobody() -> None:
    """A request that ended leaves its work to end by itself."""
    crew, go = Crew(most=1, name="alone"), threading.Event()

    async def ask() -> str:
        given_up = asyncio.ensure_future(crew.run(go.wait, 10))
        await asyncio.sleep(0.01)
        given_up.cancel()
        with pytest.raises(asyncio.CancelledError):
            await given_up
        go.set()
        return await crew.run(lambda: "done")

    assert asyncio.run(ask()) == "done"
