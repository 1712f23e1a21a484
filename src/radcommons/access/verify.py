"""`radcommons verify`: is what lies on this disk what the manifest names, and may it still be used?"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from radcommons.access.holding import (
    FEED,
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
from radcommons.platform.durable import write_file
from radcommons.records.errors import NotFound
from radcommons.records.release import FeedEntry, ReleaseItem, item_path


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
        What else the feed says of this release: errata and later releases that supersede it.
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
    release = held_manifest(folder, trust=trust).release
    feed = _feed(folder, release.dataset, trust=trust, hub=None if offline else hub or trust.hub, token=token)
    gone = withdrawn_digests(feed)
    states = _digests(folder, release.items, jobs=jobs, progress=progress)
    there = [(item, found) for item, found in states if found is not None]
    return Checked(
        release=release.id,
        instances=len(release.items),
        files=len(there),
        verified=sum(found == item.digest for item, found in there),
        missing=tuple(item_path(item) for item, found in states if found is None and item.digest not in gone),
        changed=tuple(item_path(item) for item, found in there if found != item.digest),
        extra=tuple(other_files(folder, release)),
        withdrawn_held=tuple(item_path(item) for item, _ in there if item.digest in gone),
        withdrawn=sum(item.digest in gone for item in release.items),
        events=tuple(
            f"{entry.event}: {entry.reason}".rstrip(": ")
            for entry in feed
            if entry.event in ("erratum", "superseded") and entry.release in (None, release.id)
        ),
        is_offline=offline,
    )


def _feed(folder: Path, dataset: str, *, trust: Trust, hub: str | None, token: str | None) -> tuple[FeedEntry, ...]:
    path = folder / FEED
    known = read_feed(path.read_bytes(), dataset=dataset, trust=trust) if path.exists() else ()
    if hub is None:
        if not path.exists():
            raise NotFound("This folder holds no feed.", mend="Run it once without --offline.")
        return known
    with HubClient(hub, token=token) as client:
        content = client.get(f"/api/v1/datasets/{segment(dataset)}/feed")
    fetched = read_feed(content, dataset=dataset, trust=trust)
    same_history(known, fetched)
    write_file(path, content, mode=0o644)
    return fetched


def _digests(
    folder: Path, items: tuple[ReleaseItem, ...], *, jobs: int, progress: Callable[[int], None] | None
) -> list[tuple[ReleaseItem, str | None]]:
    """Return each item with the digest of its file, None where there is none."""

    def one(item: ReleaseItem) -> tuple[ReleaseItem, str | None]:
        path = folder / item_path(item)
        return item, file_digest(path) if path.is_file() else None

    states = []
    with ThreadPoolExecutor(max_workers=jobs, thread_name_prefix="verify") as pool:
        for number, state in enumerate(pool.map(one, items), start=1):
            states.append(state)
            if progress is not None:
                progress(number)
    return states
