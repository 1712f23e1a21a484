"""Work of many callers is committed together, and what fails fails alone."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor

import pytest

from radcommons.platform.group import GroupCommit


def test_whoever_comes_meanwhile_goes_along() -> None:
    """Pieces that come while one commits are committed together, each with its own result."""
    begun, go_on, sizes = threading.Event(), threading.Event(), []

    def commit(work: Sequence[int]) -> list[int]:
        sizes.append(len(work))
        if len(sizes) == 1:
            begun.set()
            assert go_on.wait(10)
        return [-one for one in work]

    group: GroupCommit[int, int] = GroupCommit(commit)
    results: list[Future[int]] = [Future() for _ in range(9)]
    with ThreadPoolExecutor() as pool:
        leading = pool.submit(group.submit, 0, results[0])
        assert begun.wait(10)
        for number in range(1, 9):
            group.submit(number, results[number])
        go_on.set()
        leading.result(10)
    assert [one.result(10) for one in results] == [-number for number in range(9)]
    assert sizes == [1, 8]


def test_a_fault_is_its_owners_alone() -> None:
    """Of a group that fails each piece is tried by itself; the next group is committed as if nothing was."""

    def commit(work: Sequence[int]) -> list[int]:
        if 3 in work:
            raise ValueError("three")
        return list(work)

    group: GroupCommit[int, int] = GroupCommit(commit)
    group._is_led = True  # as if another thread were at work
    results: list[Future[int]] = [Future() for _ in range(5)]
    for number in range(5):
        group.submit(number, results[number])
    group._is_led = False
    last: Future[int] = Future()
    group.submit(5, last)
    assert [results[number].result(1) for number in (0, 1, 2, 4)] == [0, 1, 2, 4]
    with pytest.raises(ValueError, match="three"):
        results[3].result(1)
    assert last.result(1) == 5


def test_no_more_than_a_transaction_takes() -> None:
    """A transaction holds at most so many pieces."""
    sizes = []

    def commit(work: Sequence[int]) -> list[int]:
        sizes.append(len(work))
        return list(work)

    group: GroupCommit[int, int] = GroupCommit(commit, most=4)
    group._is_led = True
    for number in range(9):
        group.submit(number, Future())
    group._is_led = False
    group.submit(9, Future())
    assert sizes == [4, 4, 2]
