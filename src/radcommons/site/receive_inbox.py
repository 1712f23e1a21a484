"""The inbox: originals that came over the network, durable and named by their bytes, until they are decided.

DIR/inbox/<digest>.dcm            judged by the gateway's own protocol, for its first site
DIR/inbox/<route>/<digest>.dcm    judged as `.route.json` in that folder says (an AE title or a fetch of its own)
DIR/inbox/.parts-*/               of one running process each: half-received, never acknowledged
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import secrets
import shutil
import threading
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import IO

import sqlalchemy as sa
from pydicom.dataset import Dataset
from pydicom.filereader import read_partial
from pydicom.tag import BaseTag, Tag

from radcommons.dicom import quiet  # noqa: F401  (its import silences values in warnings)
from radcommons.platform.clock import instant
from radcommons.platform.database import insert_new
from radcommons.platform.durable import fsync_directory, write_file
from radcommons.platform.locks import lock as take
from radcommons.records.documents import parse
from radcommons.site.store import Store
from radcommons.site.tables import arrival
from radcommons.site.walk import text_of

_ROUTE = ".route.json"
_NAMES = ("SOPClassUID", "SOPInstanceUID", "StudyInstanceUID", "SeriesInstanceUID", "PatientID")
_TAGS: list[BaseTag | int] = [Tag(name) for name in _NAMES]
_LAST = Tag("SeriesInstanceUID")  # the elements of a data set ascend (PS3.5 section 7.1)
_PIECE = 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """What arrives on this way is judged so; empty members are the gateway's own settings."""

    site: str = ""
    protocol: str = ""
    profile: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrived:
    """An object that lies durably in the inbox, and how the hospital names it."""

    path: Path
    digest: str
    size: int
    sop_class: str
    sop_uid: str
    study_uid: str
    series_uid: str
    patient_id: str


def inbox_for(store: Store, route: Route) -> Path:
    """Return the folder of a route, made if it is new."""
    if route == Route():
        return store.directory / "inbox"
    spelled = json.dumps(asdict(route), sort_keys=True)
    folder = store.directory / "inbox" / hashlib.sha256(spelled.encode()).hexdigest()[:16]
    folder.mkdir(mode=0o700, exist_ok=True)
    if not (folder / _ROUTE).exists():
        write_file(folder / _ROUTE, spelled.encode(), mode=0o600)
    return folder


def routes(store: Store) -> list[tuple[Path, Route]]:
    """Return every folder of the inbox with its route, the gateway's own first."""
    inbox = store.directory / "inbox"
    named = sorted(path.parent for path in inbox.glob(f"*/{_ROUTE}"))
    return [(inbox, Route()), *((path, parse(Route, (path / _ROUTE).read_bytes())) for path in named)]


@contextlib.contextmanager
def parts_folder(store: Store) -> Iterator[Path]:
    """Yield a folder of this process for what is half-received, and take away those of processes that died."""
    inbox = store.directory / "inbox"
    for left in (*inbox.glob(".parts-*"), inbox / ".parts"):
        with contextlib.suppress(OSError):
            lock = _locked(left)
            shutil.rmtree(left, ignore_errors=True)
            lock.close()
    folder = inbox / f".parts-{secrets.token_hex(8)}"
    folder.mkdir(mode=0o700)
    lock = _locked(folder)
    try:
        yield folder
    finally:
        lock.close()  # first: Windows removes no file that is open
        shutil.rmtree(folder, ignore_errors=True)


def _locked(folder: Path) -> IO[str]:
    """Return the lock of a parts folder, which ends with the process that holds it."""
    lock = (folder / ".lock").open("w")
    try:
        take(lock)
    except OSError:
        lock.close()
        raise
    return lock


def identify(path: Path) -> Dataset:
    """Return the few elements that name an object, read without its pixels.

    Notes
    -----
    PHI: the identifier of the patient is among them; it goes into the encrypted store or nowhere.
    """
    try:
        with path.open("rb") as source:
            return read_partial(source, stop_when=_is_past, force=True, specific_tags=_TAGS)
    # Foreign bytes: whatever stops the parser, the object has no names, and the judge will say why.
    except Exception:
        return Dataset()


def _is_past(tag: BaseTag, _vr: str | None, _length: int) -> bool:
    return bool(tag > _LAST)


def named(dataset: Dataset, keyword: str) -> str:
    """Return one of the names as plain text; malformed values as they stand."""
    try:
        found = dataset.get(keyword)
    except Exception:  # a value that does not convert is no name
        return ""
    return "" if found is None else str(found).strip(" \0")


def settle(part: Path, folder: Path, *, durable: bool = True) -> tuple[Path, str, int]:
    """Move a whole received file into a folder of the inbox under its digest; the same bytes twice are one file.

    Parameters
    ----------
    part : Path
        On the same file system; it is gone afterwards.
    durable : bool
        False leaves the folder's own flush to the caller, who settles many.

    Raises
    ------
    OSError
        If the disk is full or does not answer; nothing was taken in then.
    """
    known, size = hashlib.sha256(), 0
    with part.open("r+b") as source:
        while piece := source.read(_PIECE):
            known.update(piece)
            size += len(piece)
        os.fsync(source.fileno())
    final = folder / f"{known.hexdigest()}.dcm"
    part.rename(final)
    if durable:
        fsync_directory(folder)
    return final, known.hexdigest(), size


@dataclass(slots=True)
class Arrivals:
    """Rows of what arrived, written many at a time; what a crash loses of them is read again from the inbox."""

    store: Store
    source: str
    _rows: list[Arrived] = field(default_factory=list, init=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, init=False)

    def note(self, one: Arrived) -> None:
        """Remember an object until the next `flush`."""
        with self._lock:
            self._rows.append(one)

    def flush(self) -> int:
        """Write what was noted and return how many rows that were."""
        with self._lock:
            rows, self._rows = self._rows, []
        write_arrivals(self.store, rows, source=self.source)
        return len(rows)


def write_arrivals(store: Store, arrived: Sequence[Arrived], *, source: str) -> None:
    """Write rows of objects that lie in the inbox."""
    members = ("digest", "sop_uid", "sop_class", "series_uid", "study_uid", "size")
    rows = [
        {name: getattr(one, name) for name in members}
        | {"path": text_of(one.path), "source": source[:128], "at": instant()}
        for one in arrived
    ]
    if rows:
        with store.change() as change:
            insert_new(change.connection, arrival, rows)


def arrived_at(path: Path, digest: str, size: int, *, head: Dataset | None = None) -> Arrived:
    """Return an object in the inbox with the names that its header gives; `head` spares reading it again."""
    head = identify(path) if head is None else head
    sop_class, sop_uid, study_uid, series_uid, patient_id = (named(head, name) for name in _NAMES)
    return Arrived(
        path=path,
        digest=digest,
        size=size,
        sop_class=sop_class,
        sop_uid=sop_uid,
        study_uid=study_uid,
        series_uid=series_uid,
        patient_id=patient_id,
    )


def index_inbox(store: Store, *, source: str = "") -> int:
    """Write the rows that a process which died owed for files of the inbox; return how many."""
    found = [path for folder, _ in routes(store) for path in sorted(folder.glob("*.dcm"))]
    count = 0
    for start in range(0, len(found), 256):
        names = {text_of(path): path for path in found[start : start + 256]}
        with store.read() as connection:
            query = sa.select(arrival.c.path).where(arrival.c.path.in_(list(names)))
            known = set(connection.execute(query).scalars())
        batch = []
        for name in names.keys() - known:
            with contextlib.suppress(OSError):  # decided and taken away meanwhile
                batch.append(arrived_at(names[name], names[name].stem, names[name].stat().st_size))
        write_arrivals(store, batch, source=source)
        count += len(batch)
    return count


def waiting_bytes(store: Store) -> int:
    """Return how many bytes of originals wait in the inbox."""
    total = 0
    for folder, _ in routes(store):
        for path in folder.glob("*.dcm"):
            with contextlib.suppress(OSError):
                total += path.stat().st_size
    return total
