"""Watch folders: take files when nothing has changed them for a while; they are read in place and never deleted."""

from __future__ import annotations

import os
import stat
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import structlog

from radcommons.records.errors import Conflict, UsageError
from radcommons.site.add import add
from radcommons.site.store import Store
from radcommons.site.walk import stamp_of

STILL_S = 10.0
_ROUND_S = 5.0

log = structlog.get_logger()


@dataclass(slots=True)
class Stillness:
    """Tells which files have stopped to change: the same size, time and inode for `still_s` seconds of our own clock.

    The file's own time is not believed: a copy may carry the time of its source, and another machine's clock may err.
    """

    still_s: float = STILL_S
    clock: Callable[[], float] = time.monotonic
    _seen: dict[Path, tuple[str, float]] = field(default_factory=dict, init=False)
    _taken: dict[Path, str] = field(default_factory=dict, init=False)

    def still(self, found: dict[Path, str]) -> list[Path]:
        """Return the files, of those that are there with their stamps, that are still and not taken yet."""
        now = self.clock()
        self._seen = {
            path: known if (known := self._seen.get(path)) and known[0] == stamp else (stamp, now)
            for path, stamp in found.items()
        }
        self._taken = {path: stamp for path, stamp in self._taken.items() if found.get(path) == stamp}
        return sorted(
            path for path, (_, since) in self._seen.items() if now - since >= self.still_s and path not in self._taken
        )

    def took(self, paths: Sequence[Path]) -> None:
        """Say that files were taken as they are; they come again only when they change."""
        self._taken |= {path: self._seen[path][0] for path in paths if path in self._seen}


def files_below(folders: Sequence[Path]) -> dict[Path, str]:
    """Return every regular file below the folders with what changes when it does; symbolic links are not followed."""
    return {path: stamp for folder in folders for path, stamp in _below(folder)}


def _below(folder: Path) -> Iterator[tuple[Path, str]]:
    for place, _, names in os.walk(folder):
        for name in names:
            path = Path(place) / name
            try:
                found = path.lstat()
            except OSError:
                continue  # it went while we looked
            if stat.S_ISREG(found.st_mode):
                yield path, stamp_of(found)


def watched(names: Sequence[str | Path]) -> list[Path]:
    """Return the folders to watch.

    Raises
    ------
    UsageError
        If one is no folder.
    """
    for name in names:
        if not Path(name).is_dir():
            raise UsageError(f"There is no folder {name} to watch.", mend="Make it, or mount it, first.")
    return [Path(name).absolute() for name in names]


@dataclass(slots=True)
class Watcher:
    """A thread that looks into folders every few seconds and adds what is still."""

    store: Store
    folders: Sequence[Path]
    jobs: int = 1
    still_s: float = STILL_S
    round_s: float = _ROUND_S
    _stop: threading.Event = field(default_factory=threading.Event, init=False)
    _thread: threading.Thread | None = field(default=None, init=False)

    def start(self) -> None:
        """Begin."""
        self._thread = threading.Thread(target=self._run, name="watch", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End after the files in hand."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join(30)

    def _run(self) -> None:
        stillness = Stillness(self.still_s)
        while not self._stop.wait(self.round_s):
            try:
                ready = stillness.still(files_below(self.folders))
                if ready:
                    add(self.store, ready, jobs=self.jobs)
                    stillness.took(ready)
            except Conflict:
                continue  # someone adds just now; the next round comes soon
            # A job runner: whatever stops this round is told by its kind, and the folder waits for the next.
            except Exception as error:
                log.error("watch.waits", error=type(error).__name__, code=getattr(error, "code", ""))
