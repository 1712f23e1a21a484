"""Add files: walk, judge in worker processes, write down; safe to stop at any moment and to repeat."""

from __future__ import annotations

import contextlib
import hashlib
import shutil
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import sqlalchemy as sa

from radcommons.dicom.profile import Profile, load_profile
from radcommons.platform.database import insert_new
from radcommons.platform.policy import load_protocol
from radcommons.platform.pool import Pool
from radcommons.records.errors import NotFound, UsageError
from radcommons.records.lifecycle import FileState
from radcommons.records.protocol import SelectionProtocol
from radcommons.site.agreement import require_cover
from radcommons.site.candidate import Candidate, Judged
from radcommons.site.clinical import ClinicalTable
from radcommons.site.clinical_take import joined, known_patients, match, write_clinical
from radcommons.site.judge import refused, start_judge
from radcommons.site.optout import follow
from radcommons.site.record import AddedUnder, is_settled, record
from radcommons.site.review_groups import settle as settle_groups
from radcommons.site.selection_settle import keep_protocol, settle
from radcommons.site.store import Store, only_one, open_store
from radcommons.site.tables import clinical as clinical_table
from radcommons.site.tables import policy
from radcommons.site.walk import walk

_BATCH = 64
_BATCH_SECONDS = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class Added:
    """What one call of `add` did, in files.

    Parameters
    ----------
    states, codes : dict
        New files by state, and by the reason of those that are not ready.
    already : int
        Files that had been decided before.
    """

    states: dict[str, int]
    codes: dict[str, int]
    already: int
    seconds: float

    @property
    def new(self) -> int:
        """Files that were decided by this call."""
        return sum(self.states.values())


def add(
    store: Store,
    paths: Sequence[Path],
    *,
    site: str | None = None,
    protocol: str | None = None,
    profile: str | None = None,
    clinical: ClinicalTable | None = None,
    jobs: int = 2,
    keep: bool = True,
    progress: Callable[[int], None] = lambda _: None,
    decided: Callable[[Candidate], None] = lambda _: None,
) -> Added:
    """Add every file below `paths`.

    Parameters
    ----------
    store : Store
    paths : sequence of Path
        Folders, files and archives.
    site, protocol, profile : str, optional
        By default what the settings say; protocol and profile by shipped name or file.
    clinical : ClinicalTable, optional
        Replaces what the store knows of the patients that it names.
    jobs : int
        Worker processes.
    keep : bool
        False only tries: objects are not written (see `what_if`).
    progress, decided : callable
        Called with the number of files done, and with each file once its outcome is durable.

    Raises
    ------
    Conflict
        If another process adds to this store now.
    NotPermitted
        If the agreement does not cover the protocol, the terms or the day; the clause is named.
    UsageError
        If the opt-out list that the settings name cannot be read.
    StorageError
        If the disk is full; what was decided is kept, and the same call goes on from there.
    """
    began = time.monotonic()
    chosen, rules = load_protocol(protocol or store.settings.protocol), load_profile(profile or store.settings.profile)
    with only_one(store.directory, "add"):
        _tidy(store)
        follow(store)
        require_cover(store, site=site or store.settings.sites[0], protocol=chosen.id)
        under = prepare(store, site or store.settings.sites[0], chosen, rules, clinical)
        pool: Pool[Candidate, Judged] = Pool(
            start=start_judge,
            settings=(
                store.directory,
                under.site,
                protocol or store.settings.protocol,
                profile or store.settings.profile,
                keep,
            ),
            lost=lost,
            jobs=jobs,
        )
        counts, codes = _run(store, paths, pool=pool, under=under, progress=progress, decided=decided)
        settle(store)
        settle_groups(store)
    already = counts.pop("", 0)
    return Added(states=dict(counts), codes=dict(codes), already=already, seconds=time.monotonic() - began)


def _run(
    store: Store,
    paths: Sequence[Path],
    *,
    pool: Pool[Candidate, Judged],
    under: AddedUnder,
    progress: Callable[[int], None],
    decided: Callable[[Candidate], None],
) -> tuple[Counter[str], Counter[str]]:
    counts: Counter[str] = Counter()
    codes: Counter[str] = Counter()
    batch: list[tuple[Candidate, Judged]] = []

    def write() -> None:
        for (candidate, _), outcome in zip(batch, record(store, batch, under=under), strict=True):
            counts[outcome.state if outcome else ""] += 1
            if outcome and outcome.state is not FileState.READY:
                codes[outcome.code] += 1
            if candidate.is_spooled:
                candidate.file.unlink(missing_ok=True)
            decided(candidate)
        batch.clear()
        progress(counts.total())

    def unsettled() -> Iterator[Candidate]:
        for candidate in walk(paths, spool=store.directory / "spool", is_known=is_known):
            if is_known(candidate.path, candidate.stamp):
                counts[""] += 1
                decided(candidate)
            else:
                yield candidate

    def is_known(path: str, stamp: str) -> bool:
        with store.read() as connection:
            return is_settled(connection, path, stamp, policy=under.policy)

    results = pool.map(unsettled())
    last = time.monotonic()
    try:
        for pair in results:
            batch.append(pair)
            if len(batch) >= _BATCH or time.monotonic() - last > _BATCH_SECONDS:
                write()
                last = time.monotonic()
    finally:
        results.close()  # type: ignore[attr-defined]
        write()
    return counts, codes


def lost(_candidate: Candidate, was_slow: bool) -> Judged:
    """Return what becomes of a file whose process died twice."""
    if was_slow:
        return refused("undecodable-pixels", "It took longer than 15 minutes, so it was given up.")
    return refused(
        "undecodable-pixels", "The process that read it died twice, as broken or huge pixel data can make it."
    )


def _tidy(store: Store) -> None:
    """Remove what an interrupted run left half-done; nothing of it was ever recorded."""
    for path in (*(store.directory / "spool").iterdir(), *(store.directory / "objects").glob(".*.new")):
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)


def prepare(
    store: Store, site: str, protocol: SelectionProtocol, profile: Profile, clinical: ClinicalTable | None
) -> AddedUnder:
    """Keep the policies and the clinical table, and return what the files are added under."""
    with store.change() as change:
        rows = [
            {"digest": one.digest, "kind": kind, "id": one.id, "version": one.version}
            for kind, one in (("protocol", protocol), ("profile", profile))
        ]
        insert_new(change.connection, policy, rows)
        keep_protocol(change.connection, protocol)
        if clinical is not None:
            found = match(clinical, known_patients(change.connection, site=site))
            patients = joined(clinical, found, accept_alike=False)
            write_clinical(change.connection, site, patients)
            change.tell("clinical.read", subject=f"site:{site}", patients=len(patients))
        known = hashlib.sha256()
        query = sa.select(clinical_table).where(clinical_table.c.site == site).order_by(clinical_table.c.patient_id)
        for row in change.connection.execute(query):
            known.update(f"{row.patient_id}\0{row.members}\0".encode("utf-8", "surrogateescape"))
    parts = f"{protocol.digest}{profile.digest}{known.hexdigest()}{store.settings.agreement}"
    together = hashlib.sha256(parts.encode()).hexdigest()
    return AddedUnder(
        site=site,
        dataset=store.settings.dataset,
        protocol=protocol.digest,
        profile=profile.digest,
        policy=together,
    )


def protocol_of(store: Store, digest: str) -> str:
    """Return how to load the protocol that a file went out by: by its name where that is still the same, else ours."""
    with store.read() as connection:
        name = connection.execute(sa.select(policy.c.id).where(policy.c.digest == digest)).scalar_one_or_none()
    try:
        if name is not None and load_protocol(name).digest == digest:
            return str(name)
    except (UsageError, NotFound):
        pass
    return store.settings.protocol


@contextlib.contextmanager
def what_if(store: Store) -> Iterator[Store]:
    """Yield a throw-away copy of the store to try things on; nothing that happens to it stays.

    Notes
    -----
    The copy lies in the spool, encrypted with the same key, and goes when the block ends; objects are not copied.
    """
    with tempfile.TemporaryDirectory(dir=store.directory, prefix=".what-if-") as name:
        copy = Path(name)
        for folder in ("objects", "inbox", "spool"):
            (copy / folder).mkdir()
        shutil.copytree(store.directory / "keys", copy / "keys")
        shutil.copy2(store.directory / "site.toml", copy / "site.toml")
        with store.change():  # no writer is in the middle of a transaction while the files are copied
            for path in store.directory.glob("store.db*"):
                if not path.name.endswith("-shm"):
                    shutil.copy2(path, copy / path.name)
        trial = open_store(copy)
        try:
            yield trial
        finally:
            trial.close()
