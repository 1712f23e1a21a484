"""The site secret in a file, and a roster of names, numbers and places that the site knows."""

from __future__ import annotations

import csv
import hashlib
import hmac
import io
import re
import secrets
import stat
from collections.abc import Iterator
from pathlib import Path

from radcommons.dicom.dates import parse_date
from radcommons.dicom.mapping import purpose_key
from radcommons.dicom.text_fold import fold
from radcommons.dicom.text_identity import COMMON, KnownIdentity
from radcommons.platform.durable import write_file
from radcommons.records.errors import UsageError

SECRET_BYTES = 32
_HEX = re.compile(r"[0-9a-fA-F]{64}")
# A heading is told by whole words alone: a roster without one may begin with a place that is called a hospital.
_HEADINGS = {
    "names": r"(patients?|staff|family|given|first|last|sur|middle|full|maiden|person|physicians?|referring)*names?"
    r"|staff|physicians?|patient|person",
    "ids": r"(patients?|case|file|study)?(ids?|mrn|numbers?)|accession(numbers?)?|ssn|mrn",
    "births": r"(date)?ofbirth|dob|birth(date|day)?|born",
    "places": r"places?|(hospital|institution|department|street|city)s?(names?)?|address(es)?",
}


def new_secret() -> bytes:
    """Return a secret from the operating system's randomness."""
    return secrets.token_bytes(SECRET_BYTES)


def read_key(path: Path) -> bytes:
    """Return the site secret in a file of 64 hexadecimal digits.

    Raises
    ------
    UsageError
        If the file holds something else. The message never quotes it.
    """
    try:
        text = path.read_text("ascii").strip()
    except (OSError, UnicodeDecodeError):
        raise UsageError(f"The key file {path} cannot be read.", mend="Check its name and rights.") from None
    if not _HEX.fullmatch(text):
        raise UsageError(
            f"The key file {path} does not hold 64 hexadecimal digits.",
            mend="Restore it from its copy, or name a file that does not exist yet to have one made.",
        )
    return bytes.fromhex(text)


def make_key(path: Path) -> bytes:
    """Make a key file that its owner alone can read, and return the secret; never replaces a file."""
    secret = new_secret()
    path.parent.mkdir(parents=True, exist_ok=True)
    write_file(path, secret.hex().encode() + b"\n", mode=0o600)
    return secret


def key_check(secret: bytes) -> str:
    """Return a word that tells two secrets apart and says nothing of either."""
    return hmac.new(purpose_key(secret, "crosswalk-check"), b"1", hashlib.sha256).hexdigest()[:16]


def is_open_to_others(path: Path) -> bool:
    """Say whether others than the owner may read a file."""
    return bool(path.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO))


def read_roster(path: Path) -> KnownIdentity:
    """Return the names, numbers, birth dates and places of a roster.

    Parameters
    ----------
    path : Path
        UTF-8 text with one entry a line, or a CSV with a heading of words such as name, id, birth, place; without one
        each entry is told by its form: a date, something with digits, words of institutions, otherwise a name.

    Raises
    ------
    UsageError
        If the file cannot be read as text. The message never quotes it.
    """
    try:
        text = path.read_text("utf-8-sig")
    except (OSError, UnicodeDecodeError):
        raise UsageError(f"The roster {path} is no UTF-8 text that can be read.", mend="Save it as UTF-8.") from None
    found: dict[str, set[str]] = {"names": set(), "ids": set(), "births": set(), "places": set()}
    for kind, entry in _entries(text):
        if kind == "births":
            day = parse_date(entry)
            kind, entry = ("births", f"{day:%Y%m%d}".zfill(8)) if day else ("ids", entry)
        found[kind].add(entry)
    return KnownIdentity(**{kind: frozenset(entries) for kind, entries in found.items()})


def _entries(text: str) -> Iterator[tuple[str, str]]:
    lines = [line for line in text.splitlines() if line.strip()]
    mark = next((one for one in ";\t," if lines and one in lines[0]), "")
    if not mark:
        heading = _kind_of_heading(lines[0]) if lines else None
        yield from ((heading or _kind_of(line.strip()), line.strip()) for line in lines[1 if heading else 0 :])
        return
    rows = list(csv.reader(io.StringIO("\n".join(lines)), delimiter=mark))
    kinds = [_kind_of_heading(cell) for cell in rows[0]]
    has_heading = any(kinds)
    for row in rows[1 if has_heading else 0 :]:
        for column, cell in enumerate(row):
            entry = cell.strip()
            if entry:
                told = kinds[column] if has_heading and column < len(kinds) else None
                yield told or _kind_of(entry), entry


def _kind_of_heading(cell: str) -> str | None:
    joined = "".join(re.findall(r"[a-z]+", cell.casefold()))
    if any(letter.isdigit() for letter in cell):
        return None
    return next((kind for kind, pattern in _HEADINGS.items() if re.fullmatch(pattern, joined)), None)


def _kind_of(entry: str) -> str:
    if parse_date(entry):
        return "births"
    if any(letter.isdigit() for letter in entry):
        return "ids" if not re.search(r"[^\W\d_]{3}.*\s", entry) else "places"
    return "places" if any(fold(word) in COMMON for word in re.findall(r"\w+", entry)) else "names"
