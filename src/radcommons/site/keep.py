"""Keep: an encrypted backup while the gateway runs, a restore that proves itself, and one gateway on one PC.

The backup is a tar file inside age: settings, keys, the store as of one moment, what the hub has not acknowledged, and
what a PACS pushed and nobody decided. Two recipients are an escrow: either of them opens it alone.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import secrets
import shutil
import tarfile
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, Any

import pyrage
import sqlalchemy as sa

from radcommons.platform.audit import check_chain, write_events
from radcommons.platform.clock import instant
from radcommons.platform.database import writing
from radcommons.platform.durable import disk_full_is_named, fsync_directory, new_file, write_file
from radcommons.records.errors import Conflict, IntegrityError, NotPermitted, UsageError
from radcommons.records.event import Event
from radcommons.records.lifecycle import FileState
from radcommons.site.store import GENERATION, MOVED, Store, only_one, open_store
from radcommons.site.tables import SCHEMA_VERSION, audit, file, meta, patient

KIND = "radcommons gateway backup"
BACKED_UP = "backed-up-at"
_MANIFEST, _DATABASE = "manifest.json", "store.db"
_PIECE = 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """What a backup says of itself; `objects` are those that it holds."""

    kind: str
    schema: str
    at: str
    generation: int
    sites: tuple[str, ...]
    objects: int
    is_whole: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Restored:
    """What a backup brought back, counted in the store that opened; `missing` objects stay with the hub alone."""

    manifest: Manifest
    generation: int
    patients: int
    files: int
    objects: int
    missing: int


def make_identity(path: Path) -> str:
    """Write a new age identity into a file of its own, and return its recipient, which encrypts for it.

    Raises
    ------
    UsageError
        If the file is there already: nobody could open older backups if it were replaced.
    """
    if path.exists():
        raise UsageError(f"{path} is there already and stays as it is.", mend="Name a new file.")
    made = pyrage.x25519.Identity.generate()
    recipient = str(made.to_public())
    write_file(path, f"# public key: {recipient}\n{made}\n".encode(), mode=0o600)
    return recipient


def recipients_of(names: Sequence[str]) -> list[Any]:
    """Return the age recipients that the words mean.

    Raises
    ------
    UsageError
        If there is none, or one is malformed.
    """
    if not names:
        raise UsageError("Nothing says who may open the backup.", mend="Give --recipient age1...; twice for an escrow.")
    try:
        return [pyrage.x25519.Recipient.from_str(name.strip()) for name in names]
    except pyrage.RecipientError:
        raise UsageError("An age recipient is malformed.", mend="It begins with age1; age-keygen prints it.") from None


def identities_of(path: Path) -> list[Any]:
    """Return the age identities in a file as age-keygen writes it."""
    try:
        lines = path.read_text("ascii").splitlines()
        found = [pyrage.x25519.Identity.from_str(line.strip()) for line in lines if line.startswith("AGE-SECRET-KEY-")]
    except (OSError, UnicodeDecodeError, pyrage.IdentityError):
        found = []
    if not found:
        raise UsageError("The identity file holds no age identity.", mend="Name the file that age-keygen wrote.")
    return found


def backup(
    store: Store, target: Path, *, recipients: Sequence[str], everything: bool = False, move: bool = False
) -> Manifest:
    """Write an encrypted backup, while others add and submit.

    Parameters
    ----------
    store : Store
    target : Path
        A new file, readable by its owner alone.
    recipients : sequence of str
        age recipients; any one of them opens it.
    everything : bool
        Take the objects that the hub acknowledged as well.
    move : bool
        Close this gateway, because it goes on elsewhere: nothing changes here from the moment of the copy.

    Raises
    ------
    Conflict
        If `target` exists, or the gateway moved before.
    StorageError
        If the disk is full; nothing of the backup remains, and the gateway stays open.
    """
    allowed = recipients_of(recipients)
    if target.exists():
        raise Conflict("The backup file exists already.", mend="Choose another name.")
    with only_one(store.directory, "backup"):
        manifest = _written(store, target, allowed, everything, move)
    if not move:
        with store.change() as change:
            change.remember(BACKED_UP, manifest.at)
            change.tell("store.backed-up", subject="store", objects=manifest.objects, recipients=len(allowed))
    return manifest


def _written(store: Store, target: Path, allowed: list[Any], everything: bool, move: bool) -> Manifest:
    if move:
        with store.change() as change:
            change.tell("gateway.moved", subject="store", generation=store.generation)
            change.remember(MOVED, instant())
    folder = store.directory / ".backup"
    try:
        shutil.rmtree(folder, ignore_errors=True)  # what a killed one left
        folder.mkdir(mode=0o700)
        with disk_full_is_named("the copy of the store"):
            store.copy_database(folder / _DATABASE)
        members = list(_members(store, folder, everything))
        manifest = _manifest(store, members, everything)
        with new_file(target, mode=0o600) as sink:
            _through(lambda out: _pack(out, manifest, members), lambda source: pyrage.encrypt_io(source, sink, allowed))
    except BaseException:
        if move:
            reopen(store)
        raise
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return manifest


def _members(store: Store, folder: Path, everything: bool) -> Iterator[tuple[str, Path]]:
    """Yield (name, path): small things first, the store as it was copied, then the objects that it names."""
    yield "site.toml", store.directory / "site.toml"
    for path in sorted((store.directory / "keys").iterdir()):
        yield f"keys/{path.name}", path
    yield _DATABASE, folder / _DATABASE
    wanted = set(_needed(store))
    for path in sorted((store.directory / "objects").glob("??/*")):
        if everything or path.name in wanted:
            yield f"objects/{path.parent.name}/{path.name}", path
    for path in sorted((store.directory / "inbox").rglob("*")):
        if path.is_file() and not any(part.startswith(".") for part in path.relative_to(store.directory).parts):
            yield path.relative_to(store.directory).as_posix(), path


def _needed(store: Store) -> list[str]:
    """Return the digests of the objects that nobody else has for certain."""
    waiting = file.c.state.in_((FileState.READY, FileState.HELD))
    unsure = (file.c.state == FileState.SUBMITTED) & file.c.acknowledged.is_(False)
    with store.read() as connection:
        return list(connection.execute(sa.select(file.c.object_digest).where(waiting | unsure)).scalars())


def _manifest(store: Store, members: Sequence[tuple[str, Path]], everything: bool) -> Manifest:
    return Manifest(
        kind=KIND,
        schema=SCHEMA_VERSION,
        at=instant(),
        generation=store.generation,
        sites=store.settings.sites,
        objects=sum(name.startswith("objects/") for name, _ in members),
        is_whole=everything,
    )


def _pack(out: IO[bytes], manifest: Manifest, members: Sequence[tuple[str, Path]]) -> None:
    with tarfile.open(fileobj=out, mode="w|") as archive:
        content = json.dumps(asdict(manifest)).encode()
        first = tarfile.TarInfo(_MANIFEST)
        first.size = len(content)
        archive.addfile(first, io.BytesIO(content))
        for name, path in members:
            try:
                archive.add(path, name, recursive=False)
            except FileNotFoundError:
                continue  # taken back or decided since; the store's copy tells nobody else's loss


def _through(write: Callable[[IO[bytes]], None], read: Callable[[IO[bytes]], None]) -> None:
    """Run a writer and a reader at the two ends of a pipe; the writer's error counts before the reader's."""
    reading, writing_ = os.pipe()
    failed: list[BaseException] = []

    def run() -> None:
        try:
            with os.fdopen(writing_, "wb") as out:
                write(out)
        except BrokenPipeError:
            pass  # the reader gave up and says why
        except BaseException as error:
            failed.append(error)

    thread = threading.Thread(target=run, name="backup")
    thread.start()
    problem: BaseException | None = None
    try:
        with os.fdopen(reading, "rb") as source:
            read(source)
    except BaseException as error:
        problem = error
    thread.join()
    first = failed[0] if failed else problem
    if first is not None:
        raise first


def restore(source: Path, directory: Path, *, identity: Path, try_only: bool = False) -> Restored:
    """Lay a backup out as a gateway, prove that it opens and is whole, and count it as the next generation.

    Parameters
    ----------
    source : Path
    directory : Path
        New or empty. It appears only once everything was proven.
    identity : Path
        One of the age identities that the backup was made for.
    try_only : bool
        Prove the backup and lay nothing out.

    Raises
    ------
    NotPermitted
        If the identity does not open it.
    IntegrityError
        If it is damaged, cut off or no backup of a gateway; nothing remains of it.
    Conflict
        If the folder is not empty.
    """
    identities = identities_of(identity)
    if not source.is_file():
        raise UsageError("There is no such backup file.", mend="Check the spelling.")
    if not try_only and directory.exists() and any(directory.iterdir()):
        raise Conflict("The folder is not empty.", mend="Restore into a new folder.")
    directory = directory.absolute()
    directory.parent.mkdir(parents=True, exist_ok=True)
    beside = directory.parent / f".{directory.name}.restore-{secrets.token_hex(6)}"
    beside.mkdir(mode=0o700)
    try:
        with _refusals(), disk_full_is_named("the backup's content"), source.open("rb") as sealed:
            _through(lambda out: pyrage.decrypt_io(sealed, out, identities), lambda content: _unpack(content, beside))
        found = _proven(beside)
        if not try_only:
            if directory.exists():
                directory.rmdir()
            beside.rename(directory)
            fsync_directory(directory.parent)
        return found
    finally:
        shutil.rmtree(beside, ignore_errors=True)


@contextmanager
def _refusals() -> Iterator[None]:
    """Tell a wrong key from a damaged file; age checks every piece of 64 KiB, so no wrong byte gets through."""
    damaged = IntegrityError("The backup is damaged or cut off.", mend="Use another copy; nothing was restored.")
    try:
        yield
    except pyrage.DecryptError as error:
        if "matching keys" in str(error):
            raise NotPermitted(
                "This identity does not open the backup.", mend="Use one of those that it was made for."
            ) from None
        raise damaged from None
    except (tarfile.TarError, EOFError):
        raise damaged from None
    except OSError as error:
        if error.errno is not None:
            raise
        raise damaged from None


def _unpack(content: IO[bytes], directory: Path) -> None:
    with tarfile.open(fileobj=content, mode="r|") as archive:
        for member in archive:
            path = Path(member.name)
            if path.is_absolute() or ".." in path.parts or not member.isreg():
                raise IntegrityError("The backup holds an entry that would leave its folder.", mend="Do not trust it.")
            (directory / path).parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            entry = archive.extractfile(member)
            assert entry is not None  # a regular file has content
            descriptor = os.open(directory / path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with entry, os.fdopen(descriptor, "wb") as target:
                shutil.copyfileobj(entry, target, _PIECE)
                target.flush()
                os.fsync(target.fileno())
    while content.read(_PIECE):  # what follows the archive's end must decrypt as well
        pass


def _proven(directory: Path) -> Restored:
    """Open what was laid out, check every page, event and object, and make it the next generation."""
    try:
        manifest = Manifest(**json.loads((directory / _MANIFEST).read_bytes()))
    except (OSError, ValueError, TypeError):
        raise IntegrityError("The file is no backup of a gateway.") from None
    if manifest.kind != KIND or not (directory / _DATABASE).exists():
        raise IntegrityError("The file is no backup of a gateway.")
    for name in ("objects", "inbox", "spool"):
        (directory / name).mkdir(mode=0o700, exist_ok=True)
    (directory / _MANIFEST).unlink()
    store = open_store(directory)
    try:
        with store.read() as connection:
            pages = connection.exec_driver_sql("PRAGMA cipher_integrity_check").all()
            sound = connection.exec_driver_sql("PRAGMA integrity_check").scalar_one() == "ok"
            breaks = [number for number in check_chain(connection, audit)]
            if pages or not sound or breaks:
                raise IntegrityError("The store in the backup is damaged.", mend="Use another copy.")
            patients = connection.execute(sa.select(sa.func.count()).select_from(patient)).scalar_one()
            files = connection.execute(sa.select(sa.func.count()).select_from(file)).scalar_one()
        objects = _check_objects(directory)
        missing = sum(not store.object_path(one).is_file() for one in set(_needed(store)))
        generation = _next_generation(store)
    finally:
        store.close()
    return Restored(
        manifest=manifest, generation=generation, patients=patients, files=files, objects=objects, missing=missing
    )


def _check_objects(directory: Path) -> int:
    count = 0
    for path in (directory / "objects").glob("??/*"):
        with path.open("rb") as content:
            if hashlib.file_digest(content, "sha256").hexdigest() != path.name:
                raise IntegrityError("An object in the backup does not have its digest.", mend="Use another copy.")
        count += 1
    return count


def _next_generation(store: Store) -> int:
    following = store.generation + 1
    with writing(store.engine) as connection:
        connection.execute(meta.delete().where(meta.c.name.in_((GENERATION, MOVED))))
        connection.execute(meta.insert().values(name=GENERATION, value=str(following)))
        event = Event(kind="store.restored", actor="site", subject="store", details={"generation": following})
        write_events(connection, audit, event)
    return following


def reopen(store: Store) -> bool:
    """Open a gateway again that was closed because it moved; say whether it was closed."""
    with writing(store.engine) as connection:
        closed = connection.execute(meta.delete().where(meta.c.name == MOVED)).rowcount
        if closed:
            write_events(connection, audit, Event(kind="gateway.reopened", actor="site", subject="store"))
    return bool(closed)
