"""The crosswalk of a run, from old to new names: exported encrypted with age, and in no other way.

Inside the encryption stands one JSON object a line: first what it is, with the site secret, so that whoever can read
the table can also restore a lost key; then patients and studies, series and objects.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyrage

from radcommons.dicom.profile import Profile
from radcommons.platform.durable import write_file
from radcommons.records.errors import NotPermitted, UsageError
from radcommons.site.deid_file import mapper_of
from radcommons.site.deid_key import key_check
from radcommons.site.deid_values import Link, Person

KIND = "radcommons crosswalk"
_LEVELS = ("accession", "study", "series", "instance")


@dataclass(frozen=True, slots=True)
class Locks:
    """Who may read: recipients, or whoever knows the passphrase."""

    recipients: tuple[Any, ...] = ()
    passphrase: str = ""

    def __repr__(self) -> str:
        return f"Locks({len(self.recipients)} recipients)"

    def encrypt(self, plain: bytes) -> bytes:
        """Return the bytes encrypted."""
        if self.recipients:
            sealed: bytes = pyrage.encrypt(plain, list(self.recipients))
        else:
            sealed = pyrage.passphrase.encrypt(plain, self.passphrase)
        return sealed


def locks(recipients: Sequence[str], passphrase: str) -> Locks:
    """Return the locks that the words mean.

    Raises
    ------
    UsageError
        If a recipient is none, or neither is given.
    """
    if not recipients and not passphrase:
        raise UsageError("Nothing says who may read the crosswalk.", mend="Name a recipient or a passphrase.")
    try:
        return Locks(tuple(pyrage.x25519.Recipient.from_str(one) for one in recipients), passphrase)
    except pyrage.RecipientError:
        raise UsageError("An age recipient is malformed.", mend="It begins with age1; age-keygen prints it.") from None


def decrypt(path: Path, *, passphrase: str = "", identity: Path | None = None) -> list[dict[str, Any]]:
    """Return the lines of a crosswalk.

    Raises
    ------
    NotPermitted
        If the passphrase or the identity does not open it.
    UsageError
        If the file is no crosswalk.
    """
    try:
        sealed = path.read_bytes()
        if identity is not None:
            keys = [line for line in identity.read_text("ascii").splitlines() if line.startswith("AGE-SECRET-KEY-")]
            plain = pyrage.decrypt(sealed, [pyrage.x25519.Identity.from_str(key.strip()) for key in keys])
        else:
            plain = pyrage.passphrase.decrypt(sealed, passphrase)
    except (OSError, UnicodeDecodeError):
        raise UsageError("The crosswalk or the identity cannot be read.", mend="Check names and rights.") from None
    except (pyrage.DecryptError, pyrage.IdentityError):
        raise NotPermitted(
            "The crosswalk does not open.", mend="Use the passphrase or the identity it was made for."
        ) from None
    lines = [json.loads(line) for line in plain.decode().splitlines()]
    if not lines or lines[0].get("kind") != KIND:
        raise UsageError(f"{path} is no crosswalk.")
    return lines


class LinkBook:
    """Gathers old and new names during a run and writes them at its end; a patient once mapped is never re-mapped."""

    def __init__(self, path: Path, sealed_by: Locks, *, secret: bytes, profile: Profile) -> None:
        self._path = path
        self._locks = sealed_by
        self._secret = secret
        self._profile = profile
        self._lines: dict[tuple[str, ...], tuple[str, ...]] = {}

    def __repr__(self) -> str:
        return f"LinkBook({len(self._lines)} links)"

    @classmethod
    def open(cls, path: Path, *, locks: Locks, secret: bytes, profile: Profile) -> LinkBook:
        """Return the book for a file; what the file holds already is kept.

        Raises
        ------
        UsageError
            If the file is sealed for recipients (nobody here can add to it), or was made with another key.
        NotPermitted
            If the passphrase does not open it.
        """
        book = cls(path, locks, secret=secret, profile=profile)
        if path.exists():
            if locks.recipients:
                raise UsageError(f"{path} is there already and only its readers can open it.", mend="Name a new file.")
            lines = decrypt(path, passphrase=locks.passphrase)
            if lines[0]["key"] != key_check(secret):
                raise UsageError(
                    f"{path} was made with another key file, under which the same patients have other pseudonyms.",
                    mend="Use that key file; `radcommons crosswalk key` restores it. Nothing is re-mapped.",
                )
            for line in lines[1:]:
                book._lines[tuple(line["old"])] = tuple(line["new"])
        return book

    def add(self, link: Link, person: Person) -> None:
        """Take the names of one object into the book."""
        key, mapper = person.key, mapper_of(person, secret=self._secret, profile=self._profile)
        self._lines["patient", key.site, key.issuer, key.patient_id] = (mapper.pseudonym, str(mapper.shift_days))
        for level in _LEVELS:
            old, new = getattr(link, level)
            if old and new:
                self._lines[level, old] = (new,)

    def write(self) -> None:
        """Write the file, readable by its owner alone and encrypted."""
        write_file(self._path, self._locks.encrypt("\n".join(self._spelled()).encode()), mode=0o600)

    def _spelled(self) -> Iterator[str]:
        head = {"kind": KIND, "version": 1, "key": key_check(self._secret), "secret": self._secret.hex()}
        yield json.dumps(head)
        for old, new in self._lines.items():
            yield json.dumps({"old": old, "new": new}, ensure_ascii=True)


def rotate(path: Path, *, lines: list[dict[str, Any]], sealed_by: Locks) -> None:
    """Encrypt a crosswalk anew; what it says stays, so no pseudonym changes."""
    write_file(path, sealed_by.encrypt("\n".join(json.dumps(line) for line in lines).encode()), mode=0o600)
