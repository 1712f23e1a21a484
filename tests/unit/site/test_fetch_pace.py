"""The limits of a fetch: bytes a second, hours of the day."""

from __future__ import annotations

from datetime import datetime

import pytest

from radcommons.records.errors import UsageError
from radcommons.site.fetch_pace import Throttle, Window


class Clock:
    """A clock that moves when someone sleeps."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


def test_the_rate_holds_over_many_objects() -> None:
    """A hundred objects of a megabyte at ten megabytes a second take ten seconds."""
    clock = Clock()
    throttle = Throttle(10e6, clock=clock, sleep=clock.sleep)
    for _ in range(100):
        throttle.took(1_000_000)
    assert 9.4 <= clock.now - 100 <= 10.1


def test_an_idle_hour_is_not_made_up_for() -> None:
    """After a pause the rate is the same, not a burst of what was not used."""
    clock = Clock()
    throttle = Throttle(10e6, clock=clock, sleep=clock.sleep)
    throttle.took(1_000_000)
    clock.now += 3600
    began = clock.now
    for _ in range(20):
        throttle.took(1_000_000)
    assert clock.now - began >= 1.4


def test_no_rate_never_waits() -> None:
    """Without a limit nobody sleeps."""
    clock = Clock()
    Throttle(0, clock=clock, sleep=clock.sleep).took(10**12)
    assert clock.now == 100


@pytest.mark.parametrize(
    ("now", "opens_in"),
    [("19:59", 60), ("20:00", 0), ("23:59", 0), ("00:00", 0), ("05:59", 0), ("06:00", 14 * 3600)],
)
def test_a_window_may_pass_midnight(now: str, opens_in: float) -> None:
    """20:00-06:00 is open from the evening to the morning, its end not included."""
    hour, minute = map(int, now.split(":"))
    assert Window.parse("20:00-06:00").opens_in(datetime(2020, 4, 1, hour, minute)) == opens_in  # noqa: DTZ001


def test_a_window_within_a_day() -> None:
    """09:00-17:00 is closed before and after; after it, the opening is tomorrow's, asked anew at midnight."""
    window = Window.parse("9:00-17:00")
    assert window.opens_in(datetime(2020, 4, 1, 12)) == 0  # noqa: DTZ001
    assert window.opens_in(datetime(2020, 4, 1, 8)) == 3600  # noqa: DTZ001
    assert window.opens_in(datetime(2020, 4, 1, 18)) == 15 * 3600  # noqa: DTZ001


@pytest.mark.parametrize("text", ["", "20-6", "25:00-06:00", "20:61-06:00", "20:00"])
def test_a_window_that_does_not_read_is_refused(text: str) -> None:
    """It is never taken for the whole day."""
    with pytest.raises(UsageError):
        Window.parse(text)
