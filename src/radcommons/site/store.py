"""The hospital's own store: one folder that holds everything, its database encrypted with a key beside it.

DIR/site.toml   settings, no secret         DIR/objects/  de-identified instances by digest, never rewritten
DIR/keys/       store, signing and token    DIR/inbox/    what a PACS pushed, until it is decided
DIR/store.db    SQLCipher                   DIR/spool/    archive entries while they are read
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlcipher3 import dbapi2 as sqlcipher

from radcommons.platform.audit import write_events
from radcommons.platform.database import prepare_sqlite, reading, writing
from radcommons.platform.durable import write_file
from radcommons.platform.keys import SigningKey
from radcommons.platform.locks import lock as take
from radcommons.records.errors import Conflict, StorageError, UsageError
from radcommons.records.event import Event
from radcommons.site.migrate import bring_up, write_step
from radcommons.site.settings import NAME, SiteSettings, read_settings
from radcommons.site.tables import SCHEMA_VERSION, audit, file, meta, secret, submission
from radcommons.site.tables_base import metadata

_FOLDERS = ("keys", "objects", "inbox", "spool")
GENERATION, MOVED = "generation", "moved-at"


@dataclass(frozen=True, slots=True)
class Store:
    """An open store. Every change goes through `change`, which writes the audit events in the same transaction."""

    directory: Path
    engine: sa.Engine
    settings: SiteSettings

    @contextmanager
    def read(self) -> Iterator[sa.Connection]:
        """Yield a connection that only reads."""
        with reading(self.engine) as connection:
            yield connection

    @contextmanager
    def change(self) -> Iterator[Change]:
        """Yield one transaction: its rows and its audit events become durable together or not at all.

        Raises
        ------
        Conflict
            If this gateway moved to another PC: two must not run it.
        """
        with writing(self.engine) as connection:
            _refuse_if_moved(connection)
            change = Change(connection, [])
            yield change
            write_events(connection, audit, *change.events)

    @property
    def generation(self) -> int:
        """How often this gateway was laid out from a backup; the first one is 1."""
        return int(self.remembered(GENERATION) or "1")

    @property
    def signing_key(self) -> SigningKey:
        """The key that signs this hospital's documents."""
        return SigningKey.load(self.directory / "keys" / "signing.key")

    @property
    def token(self) -> str:
        """The bearer token for the hub, empty when none was given."""
        path = self.directory / "keys" / "token"
        return path.read_text("ascii").strip() if path.exists() else ""

    def object_path(self, digest: str) -> Path:
        """Return where the de-identified instance with this digest lies."""
        return self.directory / "objects" / digest[:2] / digest

    def mapping_secret(self) -> bytes:
        """Return the secret behind pseudonyms, UIDs and date shifts."""
        with self.read() as connection:
            return bytes(connection.execute(sa.select(secret.c.value).where(secret.c.name == "mapping")).scalar_one())

    def remembered(self, name: str) -> str | None:
        """Return a value of the store's own memory (the hub's key, the password hash), None when there is none."""
        with self.read() as connection:
            return connection.execute(sa.select(meta.c.value).where(meta.c.name == name)).scalar_one_or_none()

    def copy_database(self, target: Path) -> None:
        """Write the database as of one moment, encrypted with the same key, while others read and write it."""
        copy = _connected(target, _key(self.directory))
        try:
            with self.read() as connection:
                driver: Any = connection.connection.driver_connection
                driver.backup(copy)
        finally:
            copy.close()

    def close(self) -> None:
        """Give back the database connections."""
        self.engine.dispose()


@dataclass(frozen=True, slots=True)
class Change:
    """One transaction in progress."""

    connection: sa.Connection
    events: list[Event]

    def tell(self, kind: str, *, subject: str, actor: str = "site", **details: str | int | bool | None) -> None:
        """Add an audit event to this transaction: pseudonyms, digests and counts only."""
        self.events.append(Event(kind=kind, actor=actor, subject=subject, details=details))

    def remember(self, name: str, value: str) -> None:
        """Keep a value in the store's own memory."""
        self.connection.execute(meta.delete().where(meta.c.name == name))
        self.connection.execute(meta.insert().values(name=name, value=value))


def create_store(directory: Path) -> None:
    """Make folders, keys and the encrypted database; what exists already stays, so it can be repeated."""
    directory.mkdir(parents=True, exist_ok=True)
    for folder in _FOLDERS:
        (directory / folder).mkdir(mode=0o700, exist_ok=True)
    key = directory / "keys" / "store.key"
    if not key.exists():
        if (directory / "store.db").exists():
            raise StorageError("The store's key is missing.", mend="Bring keys/store.key back from the backup.")
        write_file(key, secrets.token_bytes(32).hex().encode(), mode=0o600)
    SigningKey.load_or_create(directory / "keys" / "signing.key")
    engine = _engine(directory)
    with writing(engine) as connection:
        if not sa.inspect(connection).has_table("meta"):
            metadata.create_all(connection)
            connection.execute(meta.insert().values(name="schema", value=SCHEMA_VERSION))
            write_step(connection, SCHEMA_VERSION)
            connection.execute(secret.insert().values(name="mapping", value=secrets.token_bytes(32)))
            event = Event(kind="store.created", actor="site", subject="store", details={"schema": SCHEMA_VERSION})
            write_events(connection, audit, event)
    engine.dispose()


def open_store(directory: Path) -> Store:
    """Open the store of the gateway in `directory`.

    Raises
    ------
    UsageError
        If there is no gateway.
    StorageError
        If the key does not open the database, or the schema is a newer program's.

    Notes
    -----
    The schema of an earlier program is brought to this one's.
    """
    directory = directory.absolute()
    settings = read_settings(directory)
    if not (directory / "store.db").exists():
        raise UsageError(f"There is no store in {directory}.", mend="Make one with `radcommons site init`.")
    store = Store(directory=directory, engine=_engine(directory), settings=settings)
    try:
        bring_up(store.engine)
    except sa.exc.DatabaseError:
        raise StorageError(
            "The store does not open with keys/store.key.", mend="Bring both back from one backup."
        ) from None
    return store


def _refuse_if_moved(connection: sa.Connection) -> None:
    moved = connection.execute(sa.select(meta.c.value).where(meta.c.name == MOVED)).scalar_one_or_none()
    if moved is not None:
        raise Conflict(
            f"This gateway moved to another PC at {moved}; nothing is changed here any more.",
            mend="Work on the other PC, or bring it back with `radcommons site reopen`.",
            code="moved",
        )


def is_gateway(directory: Path) -> bool:
    """Say whether `directory` holds a gateway."""
    return (directory / NAME).is_file() and (directory / "store.db").is_file()


def _key(directory: Path) -> str:
    key = (directory / "keys" / "store.key").read_text("ascii").strip()
    if len(key) != 64 or set(key) - set("0123456789abcdef"):
        raise StorageError("keys/store.key is no key.", mend="Bring it back from the backup.")
    return key


def _connected(path: Path, key: str) -> Any:
    connection = sqlcipher.connect(str(path), timeout=30, check_same_thread=False)
    # A raw key: no passphrase is stretched, so opening takes no time (SQLCipher API, PRAGMA key).
    connection.execute(f"PRAGMA key = \"x'{key}'\"")
    return connection


def _engine(directory: Path) -> sa.Engine:
    connect = partial(_connected, directory / "store.db", _key(directory))
    engine = sa.create_engine("sqlite://", creator=connect, poolclass=sa.pool.QueuePool, module=sqlcipher)
    prepare_sqlite(engine)
    return engine


def forget_submission(change: Change, identifier: str) -> None:
    """Take a submission back before the hub has it whole; its other files can be sealed anew."""
    change.connection.execute(file.update().where(file.c.submission == identifier).values(submission=None))
    change.connection.execute(submission.update().where(submission.c.id == identifier).values(state="abandoned"))
    change.tell("submission.abandoned", subject=f"submission:{identifier}")


@contextmanager
def only_one(directory: Path, what: str) -> Iterator[None]:
    """Let one process at a time do `what` in a store; the lock ends with the process, however it ends.

    Raises
    ------
    Conflict
        If another process does it now.
    """
    with (directory / f".{what}.lock").open("w") as lock:
        try:
            take(lock)
        except BlockingIOError:
            mend = "Stop it first." if what == "serve" else "Wait until it ends."
            raise Conflict(f"Another process does '{what}' in this store now.", mend=mend) from None
        yield
