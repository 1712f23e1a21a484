"""`radcommons get`: a release from a hub to a disk, in parallel, resumable, every digest checked on the way."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import shutil
import threading
import time
from collections.abc import Callable
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from pathlib import Path

from radcommons.access.holding import (
    FEED,
    MANIFEST,
    PART,
    SIGNATURE,
    TABLE,
    Manifest,
    Trust,
    check_folder,
    file_digest,
    pin,
    pinned,
    read_feed,
    read_keys,
    read_manifest,
    same_history,
    withdrawn_digests,
)
from radcommons.access.hubclient import ATTEMPTS, HubClient, Interrupted, segment
from radcommons.access.source import Source
from radcommons.platform.durable import disk_full_is_named, write_file
from radcommons.records.errors import (
    IntegrityError,
    PeerError,
    RadcommonsError,
    StorageError,
    Withdrawn,
)
from radcommons.records.release import CSV_COLUMNS, FeedEntry, ReleaseItem, csv_row, instance_address, item_path

# Room that is left free beside the download, so that the machine stays usable.
_RESERVE = 50_000_000
_HASH_BYTES = 1 << 20

Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Fetched:
    """What a download did. Every instance of the manifest is in exactly one of the counts."""

    release: str
    hub: str
    instances: int
    downloaded: int
    present: int
    withdrawn: tuple[str, ...]
    failed: tuple[tuple[str, str], ...]
    bytes: int
    seconds: float

    @property
    def is_whole(self) -> bool:
        """Say whether everything is there that the hub still gives."""
        return not self.failed


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What a download would do (``--what-if``)."""

    release: str
    hub: str
    instances: int
    missing: int
    bytes: int
    withdrawn: int


def _trust(client: HubClient, *, folder: Path, key_file: Path | None) -> Trust:
    """Return the keys to check by: those of the key file, else those pinned, else the hub's own, pinned from now on."""
    if key_file is not None:
        return Trust(hub=client.hub, keys=read_keys(key_file.read_bytes()))
    held = pinned(folder)
    return held or Trust(hub=client.hub, keys=read_keys(client.get("/api/v1/keys")))


@dataclass(slots=True)
class _Work:
    """The running state of a download, shared by its threads."""

    client: HubClient
    folder: Path
    release: str
    stop: threading.Event = field(default_factory=threading.Event)
    lock: threading.Lock = field(default_factory=threading.Lock)
    bytes: int = 0

    def count(self, received: int) -> None:
        with self.lock:
            self.bytes += received


def plan(source: Source, *, to: Path, token: str | None = None, key_file: Path | None = None) -> Plan:
    """Return what `fetch` would do, writing nothing.

    Raises
    ------
    RadcommonsError
        As `fetch`.
    """
    with HubClient(source.hub, token=token) as client:
        documents = _documents(client, source, folder=to, key_file=key_file)
    release, gone = documents.manifest.release, withdrawn_digests(documents.feed)
    missing = [one for one in release.items if not _looks_present(to, one) and one.digest not in gone]
    return Plan(
        release=release.id,
        hub=source.hub,
        instances=len(release.items),
        missing=len(missing),
        bytes=sum(one.size for one in missing),
        withdrawn=sum(one.digest in gone for one in release.items),
    )


def fetch(
    source: Source,
    *,
    to: Path,
    token: str | None = None,
    key_file: Path | None = None,
    jobs: int = 8,
    progress: Progress | None = None,
) -> Fetched:
    """Download a release into a folder; run again, it goes on where it stopped.

    Parameters
    ----------
    source : Source
        From `resolve`.
    to : Path
        The release's folder; made when absent.
    token : str, optional
    key_file : Path, optional
        The hub's public key; otherwise the key of the first download is trusted from then on.
    jobs : int
        Instances in flight at once.
    progress : callable, optional
        Called with (instances done, bytes received) from this thread.

    Returns
    -------
    Fetched

    Raises
    ------
    UsageError, SignInRequired, NotPermitted, NotFound, PeerError
        Before anything is downloaded.
    IntegrityError
        If a signature or the feed's chain does not agree; nothing is written then.
    StorageError
        If the disk has no room.

    Notes
    -----
    PHI: none beyond what the release holds. Memory: one chunk a job.
    """
    started = time.monotonic()
    with HubClient(source.hub, token=token, connections=jobs) as client:
        documents = _documents(client, source, folder=to, key_file=key_file)
        release, gone = documents.manifest.release, withdrawn_digests(documents.feed)
        wanted = [item for item in release.items if item.digest not in gone]
        _check_room(to, wanted)
        _write_documents(to, documents)
        work = _Work(client=client, folder=to, release=release.id)
        outcomes = _run(work, wanted, jobs=jobs, progress=progress)
    withdrawn = [item_path(item) for item in release.items if item.digest in gone]
    withdrawn += [path for path, outcome in outcomes if outcome == _WITHDRAWN]
    return Fetched(
        release=release.id,
        hub=source.hub,
        instances=len(release.items),
        downloaded=sum(outcome == _DOWNLOADED for _, outcome in outcomes),
        present=sum(outcome == _PRESENT for _, outcome in outcomes),
        withdrawn=tuple(sorted(withdrawn)),
        failed=tuple((path, outcome) for path, outcome in outcomes if outcome not in _GOOD),
        bytes=work.bytes,
        seconds=round(time.monotonic() - started, 2),
    )


_DOWNLOADED, _PRESENT, _WITHDRAWN = "downloaded", "present", "withdrawn"
_GOOD = frozenset({_DOWNLOADED, _PRESENT, _WITHDRAWN})


@dataclass(frozen=True, slots=True, kw_only=True)
class _Documents:
    """The verified manifest and feed, and the keys that verified them."""

    manifest: Manifest
    feed: tuple[FeedEntry, ...]
    feed_content: bytes
    trust: Trust


def _documents(client: HubClient, source: Source, *, folder: Path, key_file: Path | None) -> _Documents:
    base = f"/api/v1/releases/{segment(source.release)}"
    if source.manifest is not None:
        content = source.manifest.read_bytes()
        signature = source.manifest.with_name(source.manifest.name + ".sig").read_bytes()
    else:
        content, signature = client.get(f"{base}/manifest.json"), client.get(f"{base}/manifest.json.sig")
    trust = _trust(client, folder=folder, key_file=key_file)
    manifest = read_manifest(content, signature, trust=trust)
    if manifest.release.id != source.release:
        raise IntegrityError("The hub answered with another release's manifest.")
    check_folder(folder, manifest.release)
    content = client.get(f"/api/v1/datasets/{segment(manifest.release.dataset)}/feed")
    feed = read_feed(content, dataset=manifest.release.dataset, trust=trust)
    if (folder / FEED).exists():
        held = read_feed((folder / FEED).read_bytes(), dataset=manifest.release.dataset, trust=trust)
        same_history(held, feed)
    return _Documents(manifest=manifest, feed=feed, feed_content=content, trust=trust)


def _write_documents(folder: Path, documents: _Documents) -> None:
    manifest = documents.manifest
    table = io.StringIO()
    writer = csv.writer(table, lineterminator="\n")
    writer.writerow(CSV_COLUMNS)
    hub, release = documents.trust.hub, manifest.release
    writer.writerows(csv_row(item, url=hub + instance_address(release.id, item.digest)) for item in release.items)
    signature = {
        "algorithm": manifest.signature.algorithm,
        "key_id": manifest.signature.key_id,
        "value": manifest.signature.value,
    }
    folder.mkdir(parents=True, exist_ok=True)
    pin(folder, documents.trust)
    write_file(folder / MANIFEST, manifest.content, mode=0o644)
    write_file(folder / SIGNATURE, json.dumps(signature).encode(), mode=0o644)
    write_file(folder / TABLE, table.getvalue().encode(), mode=0o644)
    write_file(folder / FEED, documents.feed_content, mode=0o644)


def _looks_present(folder: Path, item: ReleaseItem) -> bool:
    path = folder / item_path(item)
    return path.is_file() and path.stat().st_size == item.size


def _check_room(folder: Path, items: list[ReleaseItem]) -> None:
    """Refuse before the first byte when the disk cannot hold what is missing."""
    missing = sum(item.size for item in items if not _looks_present(folder, item))
    place = folder
    while not place.exists():
        place = place.parent
    free = shutil.disk_usage(place).free
    if missing and missing + _RESERVE > free:
        raise StorageError(
            f"The download needs {missing:,} more bytes and the disk has {free:,}.",
            mend="Free some space or give another folder with --to.",
        )


def _run(work: _Work, items: list[ReleaseItem], *, jobs: int, progress: Progress | None) -> list[tuple[str, str]]:
    """Return (path, outcome) of each item; the first fault that concerns all of them ends the download."""
    outcomes: list[tuple[str, str]] = []
    waiting = iter(items)
    running: dict[Future[str], str] = {}
    with ThreadPoolExecutor(max_workers=jobs, thread_name_prefix="get") as pool:
        try:
            while True:
                while len(running) < jobs * 4 and (item := next(waiting, None)) is not None:
                    running[pool.submit(_one, work, item)] = item_path(item)
                if not running:
                    return outcomes
                done, _ = wait(running, timeout=0.2, return_when=FIRST_COMPLETED)
                outcomes += [(running.pop(one), one.result()) for one in done]
                if progress is not None:
                    progress(len(outcomes), work.bytes)
        except BaseException:
            work.stop.set()
            pool.shutdown(wait=True, cancel_futures=True)
            raise


def _one(work: _Work, item: ReleaseItem) -> str:
    """Return the outcome of one instance: downloaded, present, withdrawn, or why it failed."""
    target = work.folder / item_path(item)
    if _looks_present(work.folder, item) and file_digest(target) == item.digest:
        return _PRESENT
    target.parent.mkdir(parents=True, exist_ok=True)
    part = target.with_name(target.name + PART)
    last = "interrupted"
    for attempt in range(ATTEMPTS):
        if work.stop.is_set():
            return "stopped"
        try:
            with disk_full_is_named("the download"):
                found = _receive(work, item, part)
            if found == item.digest:
                part.replace(target)
                return _DOWNLOADED
            # What came is not what the manifest names: begin anew, once the cause may have gone.
            part.unlink(missing_ok=True)
            last = "the bytes do not have the digest that the manifest names"
        except Interrupted as error:
            last = str(error)
            if last == "status 416":
                part.unlink(missing_ok=True)
        except Withdrawn:
            part.unlink(missing_ok=True)
            return _WITHDRAWN
        except (StorageError, PeerError):
            raise
        except RadcommonsError as error:
            return error.what
        work.client.wait(attempt)
    return last


def _receive(work: _Work, item: ReleaseItem, part: Path) -> str:
    """Append what is missing to the part file and return the digest of the whole."""
    sha = hashlib.sha256()
    start = 0
    if part.exists():
        with part.open("rb") as held:
            while chunk := held.read(_HASH_BYTES):
                sha.update(chunk)
                start += len(chunk)
    if start == item.size:
        return sha.hexdigest()
    path = f"/api/v1/releases/{segment(work.release)}/instances/{item.digest}"
    with work.client.stream(path, start=start) as (resumes, chunks):
        if start and not resumes:
            sha, start = hashlib.sha256(), 0
        size = start
        with part.open("r+b" if start else "wb") as file:
            file.seek(start)
            for chunk in chunks:
                if work.stop.is_set():
                    raise Interrupted("stopped")
                size += len(chunk)
                if size > item.size:
                    return ""
                file.write(chunk)
                sha.update(chunk)
                work.count(len(chunk))
    if size < item.size:
        raise Interrupted("the answer ended early")
    return sha.hexdigest()
