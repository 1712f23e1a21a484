"""Open the original of a file that is shown to a reviewer, wherever it was added from; it is never copied."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import BinaryIO

import sqlalchemy as sa
from pydicom.dataset import Dataset

from radcommons.dicom.deidentify import Deidentified, deidentify
from radcommons.dicom.images import image_to_dicom
from radcommons.dicom.mapping import Mapper
from radcommons.dicom.profile import Profile, load_profile
from radcommons.dicom.read import Header, read_header
from radcommons.dicom.rewrite import content_digest
from radcommons.dicom.sniff import HEAD_BYTES, Kind, sniff
from radcommons.dicom.text_identity import KnownIdentity
from radcommons.records.errors import NotFound, UnreadableInstance, UsageError
from radcommons.site.crosswalk import of_pseudonym
from radcommons.site.repair import deriver, with_uids
from radcommons.site.resubmit import originals
from radcommons.site.store import Store
from radcommons.site.tables import file, policy
from radcommons.site.tables_beside import table_beside

Row = sa.Row[tuple[object, ...]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """An object with its pixels' source, open as long as the block lasts."""

    header: Header
    source: BinaryIO


def row_of(store: Store, number: int) -> Row:
    """Return the row of a file.

    Raises
    ------
    NotFound
        If there is none.
    """
    with store.read() as connection:
        found = connection.execute(sa.select(file).where(file.c.id == number)).one_or_none()
    if found is None:
        raise NotFound("There is no such file.")
    return found


@contextlib.contextmanager
def open_object(store: Store, row: Row) -> Iterator[Opened]:
    """Yield the de-identified object of a file.

    Raises
    ------
    NotFound
        If it has none here.
    """
    path = store.object_path(str(row.object_digest)) if row.object_digest else None
    if path is None or not path.is_file():
        raise NotFound("There is no object of this file here.")
    with path.open("rb") as source:
        yield Opened(header=read_header(source), source=source)


@contextlib.contextmanager
def open_original(store: Store, row: Row) -> Iterator[Opened | None]:
    """Yield the original of a file, None when it is not where it was added from, or has changed since.

    Notes
    -----
    PHI: everything. It is read where it lies; of an archive's entry a copy lies in the spool meanwhile.
    """
    with contextlib.ExitStack() as stack:
        yield _opened(store, row, stack)


def _opened(store: Store, row: Row, stack: contextlib.ExitStack) -> Opened | None:
    path = _lies_at(store, str(row.path), stack)
    if path is None:
        return None
    try:
        source = stack.enter_context(path.open("rb"))
        if _digest(path, path.stat().st_mtime_ns, path.stat().st_size) != row.original_digest:
            return None
        source.seek(0)
        kind = sniff(source.read(HEAD_BYTES), str(row.path))
        if kind in (Kind.JPEG, Kind.PNG):
            return _converted(store, path, source, stack)
        return Opened(header=read_header(source), source=source)
    except (OSError, UnreadableInstance):
        return None


def _lies_at(store: Store, name: str, stack: contextlib.ExitStack) -> Path | None:
    if "!/" not in name:
        path = Path(name)
        return path if path.is_file() else None
    for candidate in originals(store, [name]):
        if candidate.is_spooled:
            stack.callback(candidate.file.unlink, missing_ok=True)
        return candidate.file
    return None


@lru_cache(maxsize=512)
def _digest(path: Path, _changed: int, _size: int) -> str:
    """Return the digest of a file's bytes; its time and size are part of the key, so that a new content is read."""
    with path.open("rb") as source:
        return content_digest(source)


def _converted(store: Store, path: Path, source: BinaryIO, stack: contextlib.ExitStack) -> Opened | None:
    table = table_beside(path)
    found = table.row_for(path.name) if table else None
    if found is None:
        return None
    made = image_to_dicom(source, row=found, derive_uid=deriver(store.mapping_secret()))
    return Opened(header=made.header, source=stack.enter_context(made.source))


def with_names(store: Store, header: Header, row: Row) -> Dataset:
    """Return the original's data set with the UIDs that it was given where it had none."""
    return with_uids(header, secret=store.mapping_secret(), original_digest=str(row.original_digest))[0]


@dataclass(frozen=True, slots=True, kw_only=True)
class Again:
    """An original de-identified once more as it was when it was added."""

    done: Deidentified
    profile: Profile
    mapper: Mapper


def deidentified_again(store: Store, dataset: Dataset, row: Row) -> Again | None:
    """Return what the profile that a file was added under makes of its original; None where that profile is gone."""
    profile = _profile(store, str(row.profile))
    with store.read() as connection:
        linked = of_pseudonym(connection, str(row.pseudonym))
    if profile is None or linked is None:
        return None
    mapper = linked.mapper(store.mapping_secret(), profile=profile)
    done = deidentify(dataset, profile=profile, mapper=mapper, known=KnownIdentity.of(dataset))
    return Again(done=done, profile=profile, mapper=mapper)


def _profile(store: Store, digest: str) -> Profile | None:
    with store.read() as connection:
        name = connection.execute(sa.select(policy.c.id).where(policy.c.digest == digest)).scalar_one_or_none()
    for wanted in (name, store.settings.profile):
        with contextlib.suppress(UsageError, NotFound):
            if wanted is not None and (found := load_profile(str(wanted))).digest == digest:
                return found
    return None
