"""Backup and restore of an embedded hub: one tar file with the database, the objects, the keys and the policies."""

from __future__ import annotations

import os
import shutil
import sqlite3
import tarfile
import tempfile
from pathlib import Path

from radcommons.platform.durable import fsync_directory
from radcommons.platform.ports import KEY_FILE
from radcommons.platform.settings import SETTINGS_FILE, HubSettings
from radcommons.records.errors import Conflict, DocumentError, UsageError

_DATABASE = "hub.db"
_FOLDERS = ("keys", "policies", "objects")


def backup(settings: HubSettings, target: Path) -> int:
    """Write a backup of a hub, running or not, and return its size in bytes.

    Parameters
    ----------
    settings : HubSettings
    target : Path
        A ``.tar`` file, readable by its owner alone: it holds the hub's private key. It must not exist.

    Raises
    ------
    UsageError
        If the hub keeps its data elsewhere: PostgreSQL and S3 have tools of their own for it.
    Conflict
        If `target` exists.

    Notes
    -----
    The database is copied first and the objects after it: each object that the copy names was durable before its row.
    Jobs need no backup: a hub that starts asks again for what its rows say is not done (`jobs.ask_again`).
    """
    if not settings.database.startswith("sqlite") or not settings.objects.startswith("file:"):
        raise UsageError(
            "Only the embedded default is covered: this hub uses PostgreSQL or S3.",
            mend="Back up PostgreSQL with pg_dump and the bucket with its own versioning; keep DIR/keys as well.",
        )
    if target.exists():
        raise Conflict("The backup file exists already.", mend="Choose another name.")
    beside = target.with_name(f".{target.name}.part")
    try:
        with tempfile.TemporaryDirectory(dir=target.parent) as folder:
            copy = Path(folder) / _DATABASE
            _copy_database(Path(settings.database.removeprefix("sqlite:///")), copy)
            descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            with os.fdopen(descriptor, "wb") as stream:
                with tarfile.open(fileobj=stream, mode="w") as archive:
                    archive.add(copy, _DATABASE)
                    for name in (SETTINGS_FILE, *_FOLDERS):
                        if (settings.directory / name).exists():
                            archive.add(settings.directory / name, name)
                stream.flush()
                os.fsync(stream.fileno())
        beside.rename(target)
        fsync_directory(target.parent)
    finally:
        beside.unlink(missing_ok=True)
    return target.stat().st_size


def _copy_database(source: Path, target: Path) -> None:
    """Copy a SQLite database that others may write to, as of one moment (the online backup API)."""
    with sqlite3.connect(source) as live, sqlite3.connect(target) as copy:
        live.backup(copy)
    live.close()
    copy.close()


def _lay_out(archive: tarfile.TarFile, member: tarfile.TarInfo, directory: Path) -> None:
    """Write one plain file or folder; tarfile's own filters are missing from the Python of Debian 12."""
    path = Path(member.name)
    if path.is_absolute() or ".." in path.parts or not (member.isreg() or member.isdir()):
        raise DocumentError("The backup holds an entry that would leave its folder.", mend="Do not trust this file.")
    if member.isdir():
        (directory / path).mkdir(parents=True, exist_ok=True)
        return
    (directory / path).parent.mkdir(parents=True, exist_ok=True)
    content = archive.extractfile(member)
    assert content is not None  # a regular file has content
    with content, (directory / path).open("wb") as target:
        shutil.copyfileobj(content, target, 1 << 20)


def restore(source: Path, directory: Path) -> None:
    """Lay a backup out as a hub's folder.

    Raises
    ------
    Conflict
        If the folder is not empty.
    DocumentError
        If the file is no backup of a hub.
    """
    if directory.exists() and any(directory.iterdir()):
        raise Conflict("The folder is not empty.", mend="Restore into a new folder.")
    directory.mkdir(parents=True, exist_ok=True)
    directory.chmod(0o700)
    try:
        with tarfile.open(source) as archive:
            if _DATABASE not in archive.getnames() or str(KEY_FILE) not in archive.getnames():
                raise DocumentError("The file is no backup of a hub.", mend="Name a file of `radcommons hub backup`.")
            for member in archive:
                _lay_out(archive, member, directory)
    except tarfile.TarError:
        shutil.rmtree(directory)
        raise DocumentError("The file is no backup of a hub.", mend="Name a file of `radcommons hub backup`.") from None
    (directory / "keys").chmod(0o700)
    (directory / KEY_FILE).chmod(0o600)
