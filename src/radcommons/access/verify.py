"""`radcommons verify`: is what lies on this disk what the manifest names, and may it still be used?"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from radcommons.access.copying import Wanted
from radcommons.access.holding import (
    FEED,
    FEEDS,
    MANIFEST,
    TABLE,
    Trust,
    file_digest,
    held_manifest,
    other_files,
    pinned,
    read_feed,
    read_keys,
    same_history,
    withdrawn_digests,
)
from radcommons.access.hubclient import HubClient, segment
from radcommons.access.listing import read_listing
from radcommons.platform.durable import write_file
from radcommons.records.errors import NotFound
from radcommons.records.identifiers import split_release_id
from radcommons.records.release import FeedEntry, instance_address, item_path

_RELEASE = re.compile(r"^/api/v1/releases/([^/]+)/instances/")


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """What a check found.

    Parameters
    ----------
    release : str
    files : int
        Files of the manifest that are there.
    verified : int
        Of those, how many have the digest that the manifest names.
    missing, changed, extra : tuple of str
        Paths: not there (and not withdrawn), with other bytes, and in no manifest.
    withdrawn_held : tuple of str
        Paths that are there although they were withdrawn: delete them.
    withdrawn : int
        Instances of the manifest that were withdrawn.
    events : tuple of str
        What else the feed says of what is here: errata, such as labels that changed, and files with a newer version.
    is_offline : bool
        The feed is the one of the last contact, so later withdrawals are not known.
    """

    release: str
    instances: int
    files: int
    verified: int
    missing: tuple[str, ...]
    changed: tuple[str, ...]
    extra: tuple[str, ...]
    withdrawn_held: tuple[str, ...]
    withdrawn: int
    events: tuple[str, ...]
    is_offline: bool

    @property
    def agrees(self) -> bool:
        """Say whether all is as the manifest says and nothing held was withdrawn."""
        return not (self.missing or self.changed or self.extra or self.withdrawn_held)


def verify(
    folder: Path,
    *,
    offline: bool = False,
    hub: str | None = None,
    token: str | None = None,
    key_file: Path | None = None,
    jobs: int = 4,
    progress: Callable[[int], None] | None = None,
) -> Checked:
    """Check a downloaded release: every digest, the manifest's signature, the feed's chain and its withdrawals.

    Parameters
    ----------
    folder : Path
        What `fetch` wrote.
    offline : bool
        Use the feed of the last contact.
    hub, token : str, optional
        The hub to ask for the feed; the pinned one by default.
    key_file : Path, optional
        The hub's public key instead of the pinned one.
    jobs : int
    progress : callable, optional
        Called with the number of files checked.

    Raises
    ------
    NotFound
        If the folder holds no release.
    IntegrityError
        If a signature or the feed does not agree.
    PeerError
        If the hub does not answer (``offline`` works without).
    """
    held = pinned(folder)
    if key_file is not None:
        trust = Trust(hub=held.hub if held else "", keys=read_keys(key_file.read_bytes()))
    elif held is not None:
        trust = held
    else:
        raise NotFound("This folder holds no pinned key of a hub.", mend="Give the key with --key-file.")
    kept = _held(folder, trust=trust)
    address = None if offline else hub or trust.hub
    feeds = [_feed(path, dataset, trust=trust, hub=address, token=token) for dataset, path in kept.feeds]
    gone = frozenset(digest for feed in feeds for digest in withdrawn_digests(feed))
    states = _digests(folder, kept.files, jobs=jobs, progress=progress)
    there = [(one, found) for one, found in states if found is not None]
    return Checked(
        release=kept.name,
        instances=len(kept.files),
        files=len(there),
        verified=sum(found == one.digest for one, found in there),
        missing=tuple(one.path for one, found in states if found is None and one.digest not in gone),
        changed=tuple(one.path for one, found in there if found != one.digest),
        extra=tuple(other_files(folder, {one.path for one in kept.files})),
        withdrawn_held=tuple(one.path for one, _ in there if one.digest in gone),
        withdrawn=sum(one.digest in gone for one in kept.files),
        events=tuple(_said(feeds, kept)),
        is_offline=offline,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Held:
    """What a folder should hold: the files, the releases that they are of, and the feed of each dataset."""

    name: str
    files: tuple[Wanted, ...]
    releases: frozenset[str]
    feeds: tuple[tuple[str, Path], ...]


def _held(folder: Path, *, trust: Trust) -> _Held:
    if not (folder / MANIFEST).exists() and (folder / TABLE).exists():
        return _held_table(folder, trust=trust)
    release = held_manifest(folder, trust=trust).release
    files = tuple(
        Wanted(path=item_path(one), address=instance_address(release.id, one.digest), digest=one.digest, size=one.size)
        for one in release.items
    )
    feeds = ((release.dataset, folder / FEED),)
    return _Held(name=release.id, files=files, releases=frozenset({release.id}), feeds=feeds)


def _held_table(folder: Path, *, trust: Trust) -> _Held:
    files = read_listing((folder / TABLE).read_bytes(), hub=trust.hub)
    named = frozenset(found[1] for one in files if (found := _RELEASE.match(one.address)))
    datasets = sorted({split[0] for split in map(split_release_id, named) if split is not None})
    feeds = tuple((dataset, folder / FEEDS / f"{dataset}.json") for dataset in datasets)
    return _Held(name=folder.name, files=files, releases=named, feeds=feeds)


def _said(feeds: list[tuple[FeedEntry, ...]], kept: _Held) -> Iterator[str]:
    """Yield what the feeds say of what is held, besides withdrawals: errata, and newer versions of files."""
    newest = {split[0]: split[1] for split in map(split_release_id, sorted(kept.releases)) if split is not None}
    digests = {one.digest for one in kept.files}
    for entry in (entry for feed in feeds for entry in feed if entry.event in ("erratum", "superseded")):
        named = split_release_id(entry.release) if entry.release else None
        # What is said of a release was true of those before it as well.
        is_ours = named is None or newest.get(named[0], 0) <= named[1]
        held = digests.intersection(entry.digests)
        if is_ours and (held or not entry.digests):
            count = f" ({len(held):,} of these files)" if held else ""
            yield f"{entry.event}: {entry.reason}".rstrip(": ") + count


def _feed(path: Path, dataset: str, *, trust: Trust, hub: str | None, token: str | None) -> tuple[FeedEntry, ...]:
    known = read_feed(path.read_bytes(), dataset=dataset, trust=trust) if path.exists() else ()
    if hub is None:
        if not path.exists():
            raise NotFound("This folder holds no feed.", mend="Run it once without --offline.")
        return known
    with HubClient(hub, token=token) as client:
        content = client.get(f"/api/v1/datasets/{segment(dataset)}/feed")
    fetched = read_feed(content, dataset=dataset, trust=trust)
    same_history(known, fetched)
    path.parent.mkdir(parents=True, exist_ok=True)
    write_file(path, content, mode=0o644)
    return fetched


def _digests(
    folder: Path, files: tuple[Wanted, ...], *, jobs: int, progress: Callable[[int], None] | None
) -> list[tuple[Wanted, str | None]]:
    """Return each file with its digest, None where there is none."""

    def one(wanted: Wanted) -> tuple[Wanted, str | None]:
        path = folder / wanted.path
        return wanted, file_digest(path) if path.is_file() else None

    states = []
    with ThreadPoolExecutor(max_workers=jobs, thread_name_prefix="verify") as pool:
        for number, state in enumerate(pool.map(one, files), start=1):
            states.append(state)
            if progress is not None:
                progress(number)
    return states
