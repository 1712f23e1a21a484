"""Copy files from a hub into a folder: in parallel, each going on where it stopped, and none without its digest."""

from __future__ import annotations

import hashlib
import os
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from io import FileIO
from pathlib import Path

from radcommons.access.holding import PART, file_digest
from radcommons.access.hubclient import ATTEMPTS, HubClient, Interrupted
from radcommons.platform.durable import disk_full_is_named
from radcommons.records.errors import NotPermitted, PeerError, RadcommonsError, SignInRequired, StorageError, Withdrawn

DOWNLOADED, PRESENT, WITHDRAWN = "downloaded", "present", "withdrawn"
GOOD = frozenset({DOWNLOADED, PRESENT, WITHDRAWN})
_BUFFER = 1 << 20
_TOLD_EVERY_S = 0.2
_PACE_S = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """A file to fetch.

    Parameters
    ----------
    path : str
        Where it lies in the folder; relative, checked by whoever made it.
    address : str
        Where the hub has it, below its own address.
    digest : str
    size : int
    """

    path: str
    address: str
    digest: str
    size: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How far a copy is: files that are settled, bytes that came, and how fast they come now."""

    files: int
    of_files: int
    bytes: int
    of_bytes: int
    bytes_s: float

    @property
    def left_s(self) -> float | None:
        """The time that is left at this pace, None while nothing comes."""
        return max(self.of_bytes - self.bytes, 0) / self.bytes_s if self.bytes_s else None


Tell = Callable[[Progress], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Copied:
    """What became of each file, (path, outcome), and how many bytes came."""

    outcomes: tuple[tuple[str, str], ...]
    bytes: int


def looks_present(folder: Path, path: str, size: int) -> bool:
    """Say whether a file of this size is there; its bytes are another question."""
    try:
        return (folder / path).stat().st_size == size
    except OSError:
        return False


@dataclass(slots=True, kw_only=True)
class _Work:
    """The running state of a copy, shared by its threads."""

    client: HubClient
    folder: Path
    waiting: Iterator[Wanted]
    stop: threading.Event = field(default_factory=threading.Event)
    lock: threading.Lock = field(default_factory=threading.Lock)
    bytes: int = 0
    outcomes: list[tuple[str, str]] = field(default_factory=list)
    folders: set[Path] = field(default_factory=set)
    fault: BaseException | None = None

    def next(self) -> Wanted | None:
        with self.lock:
            return None if self.stop.is_set() else next(self.waiting, None)

    def count(self, received: int) -> None:
        with self.lock:
            self.bytes += received


def copy(
    files: Sequence[Wanted], *, client: HubClient, folder: Path, jobs: int = 8, progress: Tell | None = None
) -> Copied:
    """Copy files into a folder, some at once; what is there and agrees is left alone.

    Raises
    ------
    SignInRequired, NotPermitted
        If the access ended meanwhile.
    StorageError, PeerError
        If the disk is full, or the hub cannot be spoken to. What arrived stays, after an interrupt as well.
    """
    missing = sum(one.size for one in files if not looks_present(folder, one.path, one.size))
    work = _Work(client=client, folder=folder, waiting=iter(files))
    threads = [threading.Thread(target=_serve, args=(work,), name=f"get-{n}", daemon=True) for n in range(jobs)]
    pace: deque[tuple[float, int]] = deque([(time.monotonic(), 0)])
    try:
        for thread in threads:
            thread.start()
        for thread in threads:
            while thread.is_alive():
                thread.join(_TOLD_EVERY_S)
                if progress is not None:
                    progress(_progress(work, pace, files=len(files), missing=missing))
        if progress is not None:
            progress(_progress(work, pace, files=len(files), missing=missing))
    finally:
        # After an interrupt nobody waits for a server: what came is on the disk already.
        work.stop.set()
        if any(thread.is_alive() for thread in threads):
            client.cut()
        for thread in threads:
            thread.join()
    if work.fault is not None:
        raise work.fault
    return Copied(outcomes=tuple(work.outcomes), bytes=work.bytes)


def _progress(work: _Work, pace: deque[tuple[float, int]], *, files: int, missing: int) -> Progress:
    pace.append((time.monotonic(), work.bytes))
    while len(pace) > 2 and pace[-1][0] - pace[0][0] > _PACE_S:
        pace.popleft()
    (began, before), (now, after) = pace[0], pace[-1]
    rate = (after - before) / (now - began) if now > began else 0.0
    return Progress(files=len(work.outcomes), of_files=files, bytes=work.bytes, of_bytes=missing, bytes_s=rate)


def _serve(work: _Work) -> None:
    """Copy one file after the other until none is left, or a fault concerns all of them."""
    buffer = memoryview(bytearray(_BUFFER))
    try:
        while (one := work.next()) is not None:
            outcome = _one(work, one, buffer)
            with work.lock:
                work.outcomes.append((one.path, outcome))
    except BaseException as error:  # handed to the thread that asked
        if isinstance(error, OSError):
            error = StorageError(f"The folder cannot be written to ({type(error).__name__}).")
        with work.lock:
            work.fault = work.fault or error
        work.stop.set()


def _one(work: _Work, one: Wanted, buffer: memoryview) -> str:
    """Return the outcome of one file: downloaded, present, withdrawn, or why it failed."""
    target = work.folder / one.path
    if looks_present(work.folder, one.path, one.size) and file_digest(target) == one.digest:
        return PRESENT
    if target.parent not in work.folders:
        target.parent.mkdir(parents=True, exist_ok=True)
        work.folders.add(target.parent)
    part = target.with_name(target.name + PART)
    last = "interrupted"
    for attempt in range(ATTEMPTS):
        if work.stop.is_set():
            return "stopped"
        try:
            with disk_full_is_named("the download"):
                found = _receive(work, one, part, buffer)
            if found == one.digest:
                part.replace(target)
                return DOWNLOADED
            # What came is not what the manifest names: begin anew, once the cause may have gone.
            part.unlink(missing_ok=True)
            last = "the bytes do not have the digest that the manifest names"
        except Interrupted as error:
            last = str(error)
            if last == "status 416":
                part.unlink(missing_ok=True)
        except Withdrawn:
            part.unlink(missing_ok=True)
            return WITHDRAWN
        except RadcommonsError as error:
            if isinstance(error, _OF_ALL):
                raise _concerning_all(error) from None
            return error.what
        work.client.wait(attempt)
    return last


_OF_ALL = (SignInRequired, NotPermitted, StorageError, PeerError)


def _concerning_all(error: RadcommonsError) -> RadcommonsError:
    """Return the error that ends the whole copy; a refusal says that it came in the middle."""
    if not isinstance(error, SignInRequired | NotPermitted):
        return error
    mend = f"What arrived is kept. {error.mend}".strip()
    return type(error)(f"The access ended during the download: {error.what}", mend=mend)


def _receive(work: _Work, one: Wanted, part: Path, buffer: memoryview) -> str:
    """Append what is missing to the part file and return the digest of the whole."""
    with open(part, "r+b", buffering=0, opener=_kept_or_new) as file:
        sha, start = hashlib.sha256(), 0
        if file.seek(0, os.SEEK_END):
            file.seek(0)
            while size := file.readinto(buffer):
                sha.update(buffer[:size])
                start += size
        if start < one.size:
            sha, start = _append(work, one, file, sha, start, buffer)
    if start < one.size:
        raise Interrupted("the answer ended early")
    return sha.hexdigest() if start == one.size else ""


def _kept_or_new(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_CREAT, 0o644)


def _append(
    work: _Work, one: Wanted, file: FileIO, sha: hashlib._Hash, start: int, buffer: memoryview
) -> tuple[hashlib._Hash, int]:
    """Write what comes and return (digest, size) of the file so far; it stops once there is too much."""
    with work.client.stream(one.address, start=start, tag=one.digest) as (resumes, answer):
        if start and not resumes:
            sha, start = hashlib.sha256(), 0
            file.seek(0)
            file.truncate()
        while start <= one.size and (size := answer.readinto(buffer)):
            if work.stop.is_set():
                raise Interrupted("stopped")
            sha.update(buffer[:size])
            written = 0
            while written < size:
                written += file.write(buffer[written:size])
            start += size
            work.count(size)
    return sha, start
