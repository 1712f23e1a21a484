"""Who downloaded what: that somebody takes something of a release is durable before its first byte goes.

How many instances and bytes it was in the end is added up in memory and written every few seconds, since a row a file
would cost more than the file does. A process that is killed loses the last seconds of the counts, and no holder.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from weakref import WeakKeyDictionary

import sqlalchemy as sa

from radcommons.catalogue import tables as t
from radcommons.catalogue.tables_incidents import download
from radcommons.platform.clock import now
from radcommons.platform.database import insert_new, writing

_EVERY_S = 5.0
_KNOWN = 100_000

Key = tuple[str, str, str]  # actor, release, day


class DownloadCounts:
    """What this process has given out and not yet written down."""

    def __init__(self, engine: sa.Engine) -> None:
        self._engine = engine
        self._lock = threading.Lock()
        self._known: set[Key] = set()
        self._instances: Counter[Key] = Counter()
        self._bytes: Counter[Key] = Counter()
        self._timer: threading.Timer | None = None

    def is_known(self, actor: str, release: str) -> bool:
        """Say whether it is written down already that the actor takes something of the release today."""
        return (actor, release, _today()) in self._known

    def begin(self, actor: str, release: str) -> None:
        """Write down that an actor takes something of a release today, once; durable on return."""
        key = actor, release, _today()
        if key in self._known:
            return
        row = {"actor": actor, "release_id": release, "day": key[2], "instances": 0, "bytes": 0}
        with writing(self._engine) as connection:
            insert_new(connection, download, [row])
        with self._lock:
            if len(self._known) >= _KNOWN:
                self._known.clear()
            self._known.add(key)

    def add(self, actor: str, release: str, *, instances: int, size: int) -> None:
        """Count what goes out; `begin` came before."""
        key = actor, release, _today()
        with self._lock:
            self._instances[key] += instances
            self._bytes[key] += size
            if self._timer is None:
                self._timer = threading.Timer(_EVERY_S, self.flush)
                self._timer.daemon = True
                self._timer.start()

    def flush(self) -> None:
        """Write the counts. What cannot be written now is tried again with the next ones."""
        with self._lock:
            instances, sizes = self._instances, self._bytes
            self._instances, self._bytes = Counter(), Counter()
            if self._timer is not None:
                self._timer.cancel()
                self._timer = None
        if not instances and not sizes:
            return
        try:
            with writing(self._engine) as connection:
                for key in sorted(set(instances) | set(sizes)):
                    _add(connection, key, instances=instances[key], size=sizes[key])
        except sa.exc.SQLAlchemyError:
            with self._lock:
                self._instances.update(instances)
                self._bytes.update(sizes)


def _today() -> str:
    return now().strftime("%Y-%m-%d")


def _add(connection: sa.Connection, key: Key, *, instances: int, size: int) -> None:
    c = download.c
    connection.execute(
        download.update()
        .where(c.actor == key[0], c.release_id == key[1], c.day == key[2])
        .values(instances=c.instances + instances, bytes=c.bytes + size)
    )


_counts: WeakKeyDictionary[sa.Engine, DownloadCounts] = WeakKeyDictionary()
_making = threading.Lock()


def counts_of(engine: sa.Engine) -> DownloadCounts:
    """Return this process's counts for a database."""
    found = _counts.get(engine)
    if found is None:
        with _making:
            found = _counts.setdefault(engine, DownloadCounts(engine))
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Download:
    """What an actor took of a release, over all days."""

    actor: str
    release: str
    first: str
    last: str
    instances: int
    bytes: int


def downloads_of(connection: sa.Connection, releases: Iterable[str]) -> list[Download]:
    """Return who took something of releases, by release and actor."""
    c = download.c
    rows = connection.execute(
        sa.select(
            c.actor,
            c.release_id,
            sa.func.min(c.day).label("first"),
            sa.func.max(c.day).label("last"),
            sa.func.sum(c.instances).label("instances"),
            sa.func.sum(c.bytes).label("bytes"),
        )
        .where(c.release_id.in_(sorted(set(releases))))
        .group_by(c.actor, c.release_id)
        .order_by(c.release_id, c.actor)
    )
    return [
        Download(
            actor=row.actor,
            release=row.release_id,
            first=row.first,
            last=row.last,
            instances=int(row.instances),
            bytes=int(row.bytes),
        )
        for row in rows
    ]


def tallies(connection: sa.Connection, releases: Iterable[str]) -> dict[str, tuple[int, int]]:
    """Return by release (downloads, downloaders): how often somebody began a day's download, and how many they are."""
    c = download.c
    rows = connection.execute(
        sa.select(c.release_id, sa.func.count(), sa.func.count(sa.distinct(c.actor)))
        .where(c.release_id.in_(sorted(set(releases))))
        .group_by(c.release_id)
    )
    return {release: (count, actors) for release, count, actors in rows}


def tally_of(connection: sa.Connection, dataset: str) -> tuple[int, int]:
    """Return (downloads, downloaders) of a dataset, over all its releases."""
    c = download.c
    query = (
        sa.select(sa.func.count(), sa.func.count(sa.distinct(c.actor)))
        .join(t.release, t.release.c.id == c.release_id)
        .where(t.release.c.dataset == dataset)
    )
    downloads, downloaders = connection.execute(query).one()
    return int(downloads), int(downloaders)


def persons(connection: sa.Connection, found: Iterable[Download]) -> dict[int, list[str]]:
    """Return the releases of downloads by the account of whoever made them; a token of nobody's stands for nobody."""
    by_account: dict[int, list[str]] = {}
    for one in found:
        kind, _, number = one.actor.partition(":")
        if kind == "account" and number.isdecimal():
            by_account.setdefault(int(number), []).append(one.release)
    known = set(connection.execute(sa.select(t.account.c.id).where(t.account.c.id.in_(by_account))).scalars())
    return {account: sorted(set(of)) for account, of in by_account.items() if account in known}
