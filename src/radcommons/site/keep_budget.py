"""Clean up: what the hub acknowledged by its signed receipt need not stay; what it did not, never goes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import sqlalchemy as sa

from radcommons.records.lifecycle import FileState
from radcommons.site.settings import bytes_of
from radcommons.site.store import Store, only_one
from radcommons.site.tables import file, submission

_LIVE = (FileState.READY, FileState.HELD, FileState.SUBMITTED)


@dataclass(frozen=True, slots=True, kw_only=True)
class CleanedUp:
    """What a clean-up freed, in bytes and objects, and what objects/ takes now.

    Parameters
    ----------
    protected : int
        Bytes that may not go: the hub has not acknowledged them.
    over : int
        Bytes above the budget that nothing here may free.
    """

    freed: int
    objects: int
    used: int
    protected: int
    over: int


def clean_up(store: Store, *, everything: bool = False, try_only: bool = False) -> CleanedUp:
    """Free what the disk budget asks for, oldest submission first; objects that no file needs go anyway.

    Parameters
    ----------
    store : Store
    everything : bool
        Free all that was acknowledged, whatever the budget.
    try_only : bool
        Only say what it would free.

    Raises
    ------
    Conflict
        If another process adds now.
    """
    budget = bytes_of(store.settings.disk_budget)
    with only_one(store.directory, "add"):
        sizes = {path.name: (path, path.stat().st_size) for path in (store.directory / "objects").glob("??/*")}
        used = sum(size for _, size in sizes.values())
        protected = _protected(store)
        freed, gone = 0, []
        for digest, is_needed in _in_order(store, sizes):
            if digest in protected or digest not in sizes:
                continue
            too_much = everything or (budget is not None and used - freed > budget)
            if is_needed and not too_much:
                continue
            freed += sizes[digest][1]
            gone.append(digest)
        if gone and not try_only:
            with store.change() as change:
                change.tell("objects.cleaned-up", subject="objects", objects=len(gone), bytes=freed)
            for digest in gone:
                sizes[digest][0].unlink(missing_ok=True)
    kept = sum(size for name, (_, size) in sizes.items() if name in protected)
    left = used - freed
    over = max(0, left - budget) if budget is not None else 0
    return CleanedUp(freed=freed, objects=len(gone), used=left, protected=kept, over=over)


def _protected(store: Store) -> set[str]:
    """Return the digests of which the hub has not acknowledged every file."""
    covered = file.c.acknowledged & (file.c.state == FileState.SUBMITTED)
    query = sa.select(file.c.object_digest).where(file.c.state.in_(_LIVE), sa.not_(covered))
    with store.read() as connection:
        return set(connection.execute(query).scalars())


def _in_order(store: Store, sizes: dict[str, tuple[Path, int]]) -> Iterator[tuple[str, bool]]:
    """Yield (digest, whether a file of ours needs it): leftovers first, then as the submissions were made."""
    query = (
        sa.select(file.c.object_digest)
        .join(submission, submission.c.id == file.c.submission)
        .where(file.c.state.in_(_LIVE))
        .order_by(submission.c.created_at, file.c.id)
    )
    with store.read() as connection:
        needed = list(dict.fromkeys(connection.execute(query).scalars()))
        live = set(connection.execute(sa.select(file.c.object_digest).where(file.c.state.in_(_LIVE))).scalars())
    yield from ((digest, False) for digest in sorted(sizes) if digest not in live)
    yield from ((digest, True) for digest in needed)
