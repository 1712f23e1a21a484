"""Which passwords are taken: long enough, and not among those that everybody tries first (NIST SP 800-63B)."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from functools import cache
from pathlib import Path

from radcommons.records.errors import UsageError

# NIST SP 800-63B, section 3.1.1.2: a length that people reach with words, and no rule about signs.
SHORTEST_PASSWORD, LONGEST_PASSWORD = 12, 200
# Made by tools/make_common_passwords.py: sorted prefixes of SHA-256, so that nobody has to read what people choose.
_COMMON = Path(__file__).parent / "common_passwords.bin"
_PREFIX = 6
_LEAST_SIGNS = 5
# Rows of a keyboard and the alphabet: who walks along them is guessed early.
_WALKS = ("01234567890", "abcdefghijklmnopqrstuvwxyz", "qwertyuiop", "asdfghjkl", "zxcvbnm", "1qaz2wsx3edc4rfv")
_WALK = 5
_READ_AS = str.maketrans("@4310$5!7", "aaeiossit")


def checked_password(password: str, *, about: Iterable[str] = ()) -> str:
    """Return a password that may be taken.

    Parameters
    ----------
    password : str
    about : iterable of str
        What others know of the person and the place, such as the name or the address; a password that is little more
        is refused.

    Raises
    ------
    UsageError
        If it is too short, too long, or among those that are tried first.
    """
    if not SHORTEST_PASSWORD <= len(password) <= LONGEST_PASSWORD:
        raise UsageError(
            f"A password has {SHORTEST_PASSWORD} to {LONGEST_PASSWORD} letters.", mend="Use a sentence of your own."
        )
    if is_common(password, about=about):
        raise UsageError(
            "This password is among those that are tried first.", mend="Use some words that have nothing in common."
        )
    return password


def is_common(password: str, *, about: Iterable[str] = ()) -> bool:
    """Say whether a password is known, repeats itself, walks along the keyboard, or only adds digits to such a one."""
    plain = password.casefold()
    letters = plain.strip("0123456789 !?.,;:-_*#+$%&/()@\"'")
    kernels = {plain, letters, plain.translate(_READ_AS), letters.translate(_READ_AS)}
    known = {word for text in about for word in _words(text.casefold())}
    return (
        len(set(plain)) < _LEAST_SIGNS
        or any(kernel in known or _is_listed(_unit(kernel)) for kernel in kernels if kernel)
        or not _beyond_walks(plain, (*_WALKS, *(word for word in known if len(word) >= _WALK)))
    )


def _words(text: str) -> set[str]:
    """Return a text, its words, and both run together, as people make passwords of names and addresses."""
    parts = [text, text.partition("@")[0], *text.replace("@", " ").replace(".", " ").split()]
    return {*parts, *("".join(one for one in part if one.isalnum()) for part in parts)} - {""}


def _unit(text: str) -> str:
    """Return what a text repeats: ``passpass`` is ``pass``."""
    at = (text + text).find(text, 1)
    return text[:at]


def _beyond_walks(plain: str, walks: Sequence[str]) -> bool:
    """Say whether at least `_WALK` signs remain when pieces of walks, forth or back, are taken out."""
    rest, at = 0, 0
    lines = [line for walk in walks for line in (walk, walk[::-1])]
    while at < len(plain):
        length = max((_run(plain[at:], line) for line in lines), default=0)
        if length >= _WALK - 1:
            at += length
        else:
            rest, at = rest + 1, at + 1
    return rest >= _WALK


def _run(text: str, line: str) -> int:
    """Return how many first signs of a text follow one another in a line."""
    length = 0
    while length < len(text) and text[: length + 1] in line:
        length += 1
    return length


def _is_listed(text: str) -> bool:
    return hashlib.sha256(text.encode()).digest()[:_PREFIX] in _listed()


@cache
def _listed() -> frozenset[bytes]:
    content = _COMMON.read_bytes()
    return frozenset(content[at : at + _PREFIX] for at in range(0, len(content), _PREFIX))
