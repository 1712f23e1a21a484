"""`radcommons get`: a release or a table of files from a hub to a disk, every digest checked on the way."""

from __future__ import annotations

import csv
import io
import json
import shutil
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from radcommons.access.copying import (
    DOWNLOADED,
    GOOD,
    PRESENT,
    WITHDRAWN,
    Copied,
    Tell,
    Wanted,
    copy,
    looks_present,
)
from radcommons.access.holding import (
    FEED,
    MANIFEST,
    SIGNATURE,
    TABLE,
    Manifest,
    Trust,
    check_folder,
    pin,
    pinned,
    read_feed,
    read_keys,
    read_manifest,
    same_history,
    withdrawn_digests,
)
from radcommons.access.hubclient import HubClient, segment
from radcommons.access.listing import read_listing
from radcommons.access.source import Source
from radcommons.platform.durable import write_file
from radcommons.records.errors import IntegrityError, StorageError, UsageError
from radcommons.records.release import (
    CSV_COLUMNS,
    FeedEntry,
    Release,
    ReleaseItem,
    csv_row,
    instance_address,
    item_path,
)

# Room that is left free beside the download, so that the machine stays usable.
_RESERVE = 50_000_000


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


def plan(source: Source, *, to: Path, token: str | None = None, key_file: Path | None = None) -> Plan:
    """Return what `fetch` would do, writing nothing.

    Raises
    ------
    RadcommonsError
        As `fetch`.
    """
    with HubClient(source.hub, token=token) as client:
        documents = read_documents(client, source, folder=to, key_file=key_file)
    files, gone = documents.files, documents.gone
    missing = [one for one in files if not looks_present(to, one.path, one.size) and one.digest not in gone]
    return Plan(
        release=documents.name,
        hub=source.hub,
        instances=len(files),
        missing=len(missing),
        bytes=sum(one.size for one in missing),
        withdrawn=sum(one.digest in gone for one in files),
    )


def fetch(
    source: Source,
    *,
    to: Path,
    token: str | None = None,
    key_file: Path | None = None,
    jobs: int = 8,
    progress: Tell | None = None,
) -> Fetched:
    """Download a release, or what a table names, into a folder; run again, it goes on where it stopped.

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
        Called with a `Progress` from this thread.

    Returns
    -------
    Fetched

    Raises
    ------
    UsageError, SignInRequired, NotPermitted, NotFound, PeerError
        Before anything is downloaded; SignInRequired and NotPermitted also when the access ends meanwhile.
    IntegrityError
        If a signature or the feed's chain does not agree; nothing is written then.
    StorageError
        If the disk has no room.

    Notes
    -----
    PHI: none beyond what the release holds. Memory: one chunk a job.
    """
    started = time.monotonic()
    with HubClient(source.hub, token=token) as client:
        documents = read_documents(client, source, folder=to, key_file=key_file)
        gone = documents.gone
        wanted = [one for one in documents.files if one.digest not in gone]
        _check_room(to, wanted)
        write_documents(to, documents)
        copied = copy(wanted, client=client, folder=to, jobs=jobs, progress=progress)
    return _fetched(documents, copied, hub=source.hub, seconds=round(time.monotonic() - started, 2))


def _fetched(documents: Documents, copied: Copied, *, hub: str, seconds: float) -> Fetched:
    withdrawn = [one.path for one in documents.files if one.digest in documents.gone]
    withdrawn += [path for path, outcome in copied.outcomes if outcome == WITHDRAWN]
    return Fetched(
        release=documents.name,
        hub=hub,
        instances=len(documents.files),
        downloaded=sum(outcome == DOWNLOADED for _, outcome in copied.outcomes),
        present=sum(outcome == PRESENT for _, outcome in copied.outcomes),
        withdrawn=tuple(sorted(withdrawn)),
        failed=tuple((path, outcome) for path, outcome in copied.outcomes if outcome not in GOOD),
        bytes=copied.bytes,
        seconds=seconds,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Documents:
    """What says which files there are: a verified manifest with its feed, or a table that nobody signed.

    Parameters
    ----------
    name : str
    files : tuple of Wanted
    trust : Trust
    contents : tuple of (str, bytes)
        The documents themselves by the name that they have in the folder.
    feed : tuple of FeedEntry
    release : Release or None
        The manifest's content; None for a table.
    """

    name: str
    files: tuple[Wanted, ...]
    trust: Trust
    contents: tuple[tuple[str, bytes], ...]
    feed: tuple[FeedEntry, ...] = ()
    release: Release | None = None

    @property
    def gone(self) -> frozenset[str]:
        """The digests that the feed takes back."""
        return withdrawn_digests(self.feed)


def read_documents(client: HubClient, source: Source, *, folder: Path, key_file: Path | None = None) -> Documents:
    """Return what says which files a source has, checked by the keys that the folder pins. Raises what `fetch` does."""
    return (_table if source.is_table else _release)(client, source, folder=folder, key_file=key_file)


def _table(client: HubClient, source: Source, *, folder: Path, key_file: Path | None) -> Documents:
    """Read a table of files; its digests are as good as the way that it came."""
    content = source.manifest.read_bytes() if source.manifest else client.get(source.address)
    if (folder / MANIFEST).exists() or ((folder / TABLE).exists() and (folder / TABLE).read_bytes() != content):
        raise UsageError("The folder holds another download.", mend="Give a folder of its own with --to.")
    files = read_listing(content, hub=client.hub)
    trust = _trust(client, folder=folder, key_file=key_file)
    return Documents(name=source.release, files=files, trust=trust, contents=((TABLE, content),))


def _release(client: HubClient, source: Source, *, folder: Path, key_file: Path | None) -> Documents:
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
    return Documents(
        name=manifest.release.id,
        files=tuple(_wanted(item, release=manifest.release.id) for item in manifest.release.items),
        trust=trust,
        contents=(*_manifest_files(manifest, hub=client.hub), (FEED, content)),
        feed=feed,
        release=manifest.release,
    )


def _wanted(item: ReleaseItem, *, release: str) -> Wanted:
    address = instance_address(release, item.digest)
    return Wanted(path=item_path(item), address=address, digest=item.digest, size=item.size)


def _manifest_files(manifest: Manifest, *, hub: str) -> tuple[tuple[str, bytes], ...]:
    table = io.StringIO()
    writer = csv.writer(table, lineterminator="\n")
    writer.writerow(CSV_COLUMNS)
    release = manifest.release
    writer.writerows(csv_row(item, url=hub + instance_address(release.id, item.digest)) for item in release.items)
    signature = {
        "algorithm": manifest.signature.algorithm,
        "key_id": manifest.signature.key_id,
        "value": manifest.signature.value,
    }
    return (
        (MANIFEST, manifest.content),
        (SIGNATURE, json.dumps(signature).encode()),
        (TABLE, table.getvalue().encode()),
    )


def write_documents(folder: Path, documents: Documents) -> None:
    """Lay the documents and the pinned keys into a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    pin(folder, documents.trust)
    for name, content in documents.contents:
        write_file(folder / name, content, mode=0o644)


def _check_room(folder: Path, files: Sequence[Wanted]) -> None:
    """Refuse before the first byte when the disk cannot hold what is missing."""
    missing = sum(one.size for one in files if not looks_present(folder, one.path, one.size))
    place = folder
    while not place.exists():
        place = place.parent
    free = shutil.disk_usage(place).free
    if missing and missing + _RESERVE > free:
        raise StorageError(
            f"The download needs {missing:,} more bytes and the disk has {free:,}.",
            mend="Free some space or give another folder with --to.",
        )
