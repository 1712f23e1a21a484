"""The object store: immutable bytes under a key, on local files or on any S3 with conditional writes.

Nothing is acknowledged before it is durable: local files are flushed with their folder before `put_file` returns; an S3
store acknowledges when it has them.
"""

from __future__ import annotations

import errno
import io
import os
import shutil
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any, BinaryIO, Protocol
from urllib.parse import unquote, urlsplit

import obstore
from obstore.exceptions import AlreadyExistsError, BaseError
from obstore.store import S3Store

from radcommons.platform.durable import disk_full_is_named, fsync_directory, fsync_files, new_file
from radcommons.records.errors import NotFound, StorageError, UsageError

CHUNK = 1 << 20
# A store that fails is asked again for this long: longer, and every writer of the hub waits for it.
_RETRIES, _RETRYING = 3, timedelta(seconds=10)


INSTANCES = "instances/"
# What is stored: the bytes, or the file that holds them.
Source = Path | str | bytes | memoryview


def object_key(digest: str) -> str:
    """Return the key of an instance version: its content's SHA-256 alone decides, so the same bytes are stored once.

    One level of 256 folders: with a second one nearly every object made a folder, which costs two flushes more.
    """
    return f"{INSTANCES}{digest[:2]}/{digest}"


@dataclass(frozen=True, slots=True)
class Unflushed:
    """Files that are written, and folders that may have new names in them."""

    files: tuple[str, ...] = ()
    folders: frozenset[str] = frozenset()


NOTHING_WRITTEN = Unflushed()


class Objects(Protocol):
    """What a store can do. Keys are relative paths of safe characters."""

    def put_file(self, key: str, source: Source) -> None:
        """Store the bytes of `source`; an object that is there already stays as it is. Durable on return."""

    def put_files(self, sources: Sequence[tuple[str, Source]]) -> None:
        """Store several, each as `put_file` does; all are durable on return."""

    def write_files(self, sources: Sequence[tuple[str, Source]]) -> Unflushed:
        """Store several that are durable once `flush` was called with what this returns."""

    def flush(self, written: Iterable[Unflushed]) -> None:
        """Make durable what was written, maybe by several callers: together it costs hardly more than one alone."""

    def size(self, key: str) -> int | None:
        """Return the size in bytes, None when there is no such object."""

    def chunks(self, key: str, *, start: int = 0, end: int | None = None) -> Iterator[bytes]:
        """Yield the bytes from `start` to `end` (exclusive). Raises NotFound."""

    def open(self, key: str) -> BinaryIO:
        """Return a seekable reader. Raises NotFound."""

    def local_path(self, key: str) -> Path | None:
        """Return the file that holds the object where there is one (zero-copy serving), else None."""

    def delete(self, key: str) -> None:
        """Remove the object; absent is fine."""

    def keys(self, prefix: str) -> Iterator[str]:
        """Yield the keys of all objects below a prefix that ends with a slash."""


class FileObjects:
    """Objects as files below a folder."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._durable: set[str] = {str(root)}  # folders whose own names this process has flushed
        root.mkdir(parents=True, exist_ok=True)

    def _path(self, key: str) -> Path:
        return self._root / key

    def put_file(self, key: str, source: Source) -> None:
        """Store the bytes of `source` (of a file a link where the file system allows, else a copy)."""
        self.put_files([(key, source)])

    def put_files(self, sources: Sequence[tuple[str, Source]]) -> None:
        """Store several: named first and flushed then, so that one commit of a journal holds bytes and names."""
        self.flush([self.write_files(sources)])

    def write_files(self, sources: Sequence[tuple[str, Source]]) -> Unflushed:
        """Store several that are durable once they are flushed."""
        folders: set[str] = set()
        targets = [f"{self._root}{os.sep}{key}" for key, _ in sources]
        with disk_full_is_named("the object store"):
            for target, (_, source) in zip(targets, sources, strict=True):
                folder = target.rpartition(os.sep)[0]
                if folder not in self._durable:
                    os.makedirs(folder, exist_ok=True)  # noqa: PTH103  (a string, on a hot path)
                if isinstance(source, str | Path):
                    _name(target, source)
                else:
                    _write(target, source)
                folders.add(folder)
                # A folder may be new as well: its own name has to be flushed, or all in it may be lost in a power cut.
                while folder not in self._durable:
                    folder = folder.rpartition(os.sep)[0]
                    folders.add(folder)
        return Unflushed(tuple(targets), frozenset(folders))

    def flush(self, written: Iterable[Unflushed]) -> None:
        """Make durable what was written."""
        every = list(written)
        with disk_full_is_named("the object store"):
            fsync_files([file for one in every for file in one.files])
            folders = {folder for one in every for folder in one.folders}
            for folder in sorted(folders, key=len, reverse=True):  # a folder is shorter than what lies in it
                fsync_directory(folder)
        self._durable |= folders

    def size(self, key: str) -> int | None:
        """Return the size in bytes, None when there is no such object."""
        try:
            return self._path(key).stat().st_size
        except FileNotFoundError:
            return None

    def chunks(self, key: str, *, start: int = 0, end: int | None = None) -> Iterator[bytes]:
        """Yield the bytes from `start` to `end` (exclusive)."""
        with self.open(key) as file:
            file.seek(start)
            left = None if end is None else end - start
            while left is None or left > 0:
                chunk = file.read(CHUNK if left is None else min(CHUNK, left))
                if not chunk:
                    return
                left = None if left is None else left - len(chunk)
                yield chunk

    def open(self, key: str) -> BinaryIO:
        """Return a seekable reader."""
        try:
            return self._path(key).open("rb")
        except FileNotFoundError:
            raise NotFound("The object store does not hold this object.") from None

    def local_path(self, key: str) -> Path | None:
        """Return the file that holds the object."""
        path = self._path(key)
        return path if path.exists() else None

    def delete(self, key: str) -> None:
        """Remove the object; absent is fine."""
        self._path(key).unlink(missing_ok=True)

    def keys(self, prefix: str) -> Iterator[str]:
        """Yield the keys of all objects below a prefix; what is being written has no key yet."""
        for folder, _, names in os.walk(self._root / prefix):
            below = Path(folder).relative_to(self._root).as_posix()
            yield from (f"{below}/{name}" for name in sorted(names) if not name.startswith("."))


def _name(target: str, source: Path | str) -> None:
    """Give the bytes of `source` the name `target`; what a power cut left there half goes."""
    try:
        os.link(source, target)
    except FileExistsError:
        # A key is the digest of its content, so what is shorter was cut off by a power cut.
        if Path(target).stat().st_size < Path(source).stat().st_size:
            _copy(source, target)
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise
        # Another file system, or one without links.
        _copy(source, target)


def _write(target: str, content: bytes | memoryview) -> None:
    """Make a new file of bytes."""
    try:
        descriptor = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o640)
    except FileExistsError:
        # It is whole, or just being written, or was cut off by a power cut: in one step it is whole and durable.
        with new_file(Path(target)) as copy:
            copy.write(content)
        return
    try:
        written = os.write(descriptor, content)
        while written < len(content):
            written += os.write(descriptor, memoryview(content)[written:])
    except BaseException:
        os.unlink(target)  # noqa: PTH108  (a string, on a hot path)
        raise
    finally:
        os.close(descriptor)


def _copy(source: Path | str, target: str) -> None:
    with Path(source).open("rb") as file, new_file(Path(target)) as copy:
        shutil.copyfileobj(file, copy, CHUNK)


class _Remote(io.RawIOBase):
    """An object of a store far away as a raw stream; the store's own reader gives no `bytes`."""

    def __init__(self, reader: Any) -> None:
        super().__init__()
        self._reader = reader

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        piece = memoryview(self._reader.read(len(buffer)))
        buffer[: len(piece)] = piece
        return len(piece)

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        return int(self._reader.seek(offset, whence))

    def tell(self) -> int:
        return int(self._reader.tell())


@contextmanager
def _silence_is_named() -> Iterator[None]:
    """Turn what the store's client says of a store that fails into a StorageError; it may quote keys and addresses."""
    try:
        yield
    except (AlreadyExistsError, FileNotFoundError):
        raise
    except BaseError as error:
        raise StorageError(
            f"The object store does not answer ({type(error).__name__}).", mend="Nothing was lost: try again later."
        ) from None


class S3Objects:
    """Objects in a bucket of any S3-compatible store that honours ``If-None-Match``."""

    def __init__(self, store: S3Store) -> None:
        self._store = store

    def put_file(self, key: str, source: Source) -> None:
        """Store the bytes of `source`, in parts where it is a large file."""
        try:
            with _silence_is_named():
                if not isinstance(source, str | Path):
                    obstore.put(self._store, key, bytes(source), mode="create")
                    return
                source = Path(source)
                if source.stat().st_size <= 8 * CHUNK:
                    obstore.put(self._store, key, source.read_bytes(), mode="create")
                elif self.size(key) is None:
                    # A key is the digest of its content, so two writers at once write the same bytes.
                    with source.open("rb") as file:
                        obstore.put(self._store, key, file, chunk_size=8 * CHUNK)
        except AlreadyExistsError:
            return

    def put_files(self, sources: Sequence[tuple[str, Source]]) -> None:
        """Store several, some at once: a store far away answers late, not slowly."""
        with ThreadPoolExecutor(max_workers=8) as pool:
            list(pool.map(lambda one: self.put_file(*one), sources))

    def write_files(self, sources: Sequence[tuple[str, Source]]) -> Unflushed:
        """Store several; they are durable at once."""
        self.put_files(sources)
        return NOTHING_WRITTEN

    def flush(self, written: Iterable[Unflushed]) -> None:
        """Do nothing: the store has them."""

    def size(self, key: str) -> int | None:
        """Return the size in bytes, None when there is no such object."""
        try:
            with _silence_is_named():
                return obstore.head(self._store, key)["size"]
        except FileNotFoundError:
            return None

    def chunks(self, key: str, *, start: int = 0, end: int | None = None) -> Iterator[bytes]:
        """Yield the bytes from `start` to `end` (exclusive)."""
        whole = self.size(key)
        if whole is None:
            raise NotFound("The object store does not hold this object.")
        stop = whole if end is None else min(end, whole)
        while start < stop:
            step = min(8 * CHUNK, stop - start)
            with _silence_is_named():
                piece = bytes(obstore.get_range(self._store, key, start=start, length=step))
            yield piece
            start += step

    def open(self, key: str) -> BinaryIO:
        """Return a seekable, buffered reader."""
        try:
            with _silence_is_named():
                return io.BufferedReader(_Remote(obstore.open_reader(self._store, key)), CHUNK)
        except FileNotFoundError:
            raise NotFound("The object store does not hold this object.") from None

    def local_path(self, key: str) -> Path | None:
        """Return None: nothing is local."""
        return None

    def delete(self, key: str) -> None:
        """Remove the object; absent is fine."""
        try:
            with _silence_is_named():
                obstore.delete(self._store, key)
        except FileNotFoundError:
            return

    def keys(self, prefix: str) -> Iterator[str]:
        """Yield the keys of all objects below a prefix."""
        with _silence_is_named():
            for page in obstore.list(self._store, prefix.rstrip("/"), chunk_size=1000):
                yield from sorted(one["path"] for one in page)


def open_objects(url: str) -> Objects:
    """Return the store at a URL: ``file:///PATH`` or ``s3://BUCKET/PREFIX`` (credentials from the AWS_* variables).

    Raises
    ------
    UsageError
        If the URL is neither.
    """
    parts = urlsplit(url)
    if parts.scheme == "file":
        return FileObjects(Path(unquote(parts.path)))
    if parts.scheme == "s3":
        return S3Objects(
            S3Store(
                parts.netloc,
                prefix=parts.path.strip("/") or None,
                client_options={"allow_http": True},
                retry_config={"max_retries": _RETRIES, "retry_timeout": _RETRYING},
            )
        )
    raise UsageError("The object store's URL is neither file:// nor s3://.", mend="Set RADCOMMONS_OBJECTS_URL.")
