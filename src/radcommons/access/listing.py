"""A plain table of files (``manifest.csv``, a cohort's export) as a client reads it: nobody signed it.

A path that would leave the folder, hide in it or collide with another is refused, and so is an address at another host.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator
from urllib.parse import urlsplit

from radcommons.access.copying import Wanted
from radcommons.access.holding import FEED, MANIFEST, PART, SIGNATURE, TABLE
from radcommons.records.errors import DocumentError
from radcommons.records.identifiers import DIGEST_PATTERN

COLUMNS = ("path", "sha256", "bytes", "url")
_DIGEST, _SIZE = re.compile(DIGEST_PATTERN), re.compile(r"^(0|[1-9][0-9]{0,14})$")
# What Windows forbids in names is left out everywhere: a folder is copied from one machine to another.
_ANY = r"\x00-\x1f\x7f<>:\"|?*\\/"
_PART_OF_PATH = re.compile(rf"^[^{_ANY}. ]([^{_ANY}]{{0,200}}[^{_ANY}. ])?\Z")
_DEVICES = re.compile(r"^(con|prn|aux|nul|com[0-9]|lpt[0-9])(\..*)?$", re.IGNORECASE)
_DEEPEST = 12
_OWN = frozenset({MANIFEST, SIGNATURE, TABLE, FEED})


def safe_path(text: str) -> str:
    """Return a path of a table when it stays in the folder that it is laid into.

    Raises
    ------
    DocumentError
        Without repeating the path.
    """
    parts = text.split("/")
    fits = len(parts) <= _DEEPEST and all(_PART_OF_PATH.match(part) and not _DEVICES.match(part) for part in parts)
    if not fits or text.casefold() in _OWN or text.endswith(PART):
        raise DocumentError("The table names a path that could leave its folder, or that the client needs itself.")
    return text


def read_listing(content: bytes, *, hub: str) -> tuple[Wanted, ...]:
    """Return the files that a table names.

    Parameters
    ----------
    content : bytes
        CSV with the columns of `COLUMNS`, in any order, and others.
    hub : str
        Every address must lie below it: it alone gets the token.

    Raises
    ------
    DocumentError
        Names the line and the column.
    """
    try:
        table = csv.DictReader(io.StringIO(content.decode("utf-8-sig")))
        missing = [name for name in COLUMNS if name not in (table.fieldnames or ())]
        if missing:
            raise DocumentError(f"The table has no column {missing[0]}.", mend="Export it again from the hub.")
        files = tuple(_files(table, hub=hub))
    except (UnicodeDecodeError, csv.Error):
        raise DocumentError("The table is no CSV in UTF-8.") from None
    _check_together(files)
    return files


def _files(table: csv.DictReader[str], *, hub: str) -> Iterator[Wanted]:
    for row in table:
        digest, size, url = (row[name] or "" for name in COLUMNS[1:])
        for name, is_good in (
            ("sha256", _DIGEST.match(digest)),
            ("bytes", _SIZE.match(size)),
            ("url", url.startswith(f"{hub}/") and not set(url) & set(" \r\n\t\0")),
        ):
            if not is_good:
                mend = "Give the hub of the table with --hub." if name == "url" else "Export it again from the hub."
                raise DocumentError(f"Line {table.line_num} of the table does not fit at {name}.", mend=mend)
        yield Wanted(path=safe_path(row["path"] or ""), address=url[len(hub) :], digest=digest, size=int(size))


def _check_together(files: tuple[Wanted, ...]) -> None:
    """Refuse two files of one name, also where a file system tells no capitals, and a file that is another's folder."""
    names = [one.path.casefold() for one in files]
    folders = {name.rsplit("/", depth)[0] for name in names for depth in range(1, name.count("/") + 1)}
    if len(set(names)) != len(names) or folders.intersection(names):
        raise DocumentError("The table names one path twice.", mend="Export it again from the hub.")


def hub_of(content: bytes) -> str:
    """Return the hub that a table's first address lies at, empty where it tells none."""
    try:
        first = next(csv.DictReader(io.StringIO(content[: 1 << 20].decode("utf-8-sig", "ignore"))), {})
    except csv.Error:
        return ""
    address, found, _ = (first.get("url") or "").partition("/api/v1/")
    return address if found and urlsplit(address).scheme in ("http", "https") else ""
