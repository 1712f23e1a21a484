"""How fast and when a fetch may ask: a limit in bytes a second, and a window of hours, as a PACS at work needs them."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from radcommons.records.errors import UsageError

_BURST_S = 0.5


@dataclass(slots=True)
class Throttle:
    """Holds a sum of bytes to a rate; any number of threads share one.

    Parameters
    ----------
    bytes_a_second : float
        0 is no limit.
    clock, sleep : callable
        Seconds that never go back, and how to wait.
    """

    bytes_a_second: float = 0.0
    clock: Callable[[], float] = time.monotonic
    sleep: Callable[[float], object] = time.sleep
    _due: float = field(default=0.0, init=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, init=False)

    def took(self, count: int) -> None:
        """Account for bytes that came, and wait as long as they should have taken."""
        if self.bytes_a_second <= 0:
            return
        with self._lock:
            now = self.clock()
            # What was not used of the last half second may be made up for; an idle hour may not.
            self._due = max(self._due, now - _BURST_S) + count / self.bytes_a_second
            pause = self._due - now
        if pause > 0:
            self.sleep(pause)


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """Hours of the day, local time, in minutes from midnight; it may pass midnight. Equal ends are the whole day."""

    begin: int = 0
    end: int = 0

    @classmethod
    def parse(cls, text: str) -> Window:
        """Return the window that ``20:00-06:00`` names.

        Raises
        ------
        UsageError
            If the text has another form.
        """
        found = re.fullmatch(r"(\d{1,2}):(\d{2})-(\d{1,2}):(\d{2})", text.strip())
        hours = [int(part) for part in found.groups()] if found else []
        if not found or hours[0] > 23 or hours[2] > 24 or hours[1] > 59 or hours[3] > 59:
            raise UsageError(f"'{text}' is no window of hours.", mend="Write HH:MM-HH:MM, for example 20:00-06:00.")
        return cls(begin=hours[0] * 60 + hours[1], end=(hours[2] * 60 + hours[3]) % (24 * 60))

    def opens_in(self, now: datetime) -> float:
        """Return the seconds until the window is open, 0 while it is.

        Notes
        -----
        By the clock of the wall, asked anew each time: it may jump, and a PC may sleep.
        """
        minute = now.hour * 60 + now.minute
        if self.begin == self.end:
            return 0.0
        is_open = (
            self.begin <= minute < self.end if self.begin < self.end else minute >= self.begin or minute < self.end
        )
        if is_open:
            return 0.0
        midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
        opening = midnight + timedelta(minutes=self.begin)
        return (opening - now).total_seconds() % (24 * 3600)


def local_now() -> datetime:
    """Return the time on the wall here."""
    return datetime.now().astimezone()
