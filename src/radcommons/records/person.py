"""People as forms name them: an address that can be written to, and a name of one line."""

from __future__ import annotations

import re

from radcommons.records.errors import UsageError

# RFC 5321 allows more; what is refused here nobody can be written to by an ordinary mail program.
EMAIL = re.compile(r"^[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@(?=.{1,189}$)[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+$")
LONGEST_NAME = 80


def checked_email(text: str) -> str:
    """Return an e-mail address as accounts are found by it.

    Raises
    ------
    UsageError
        If nobody can be written to at it.
    """
    email = text.strip().casefold()
    if not EMAIL.fullmatch(email):
        raise UsageError("This is no e-mail address.", mend="Such as name@hospital.example.")
    return email


def checked_name(text: str) -> str:
    """Return a person's name on one line.

    Raises
    ------
    UsageError
        If it is empty, too long, or holds signs that do not print.
    """
    name = " ".join(text.split())
    if not name or len(name) > LONGEST_NAME or not name.isprintable():
        raise UsageError(f"A name has 1 to {LONGEST_NAME} letters.", mend="Give the name that colleagues know.")
    return name


def cleaned(text: str, *, lines: bool = False) -> str:
    """Return a text without control characters and without space around it; line ends stay where `lines` says so."""
    kept = text.replace("\r\n", "\n").replace("\r", "\n")
    shown = "".join(one for one in kept if one.isprintable() or (lines and one == "\n"))
    return shown.strip() if lines else " ".join(shown.split())
