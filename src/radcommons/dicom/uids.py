"""UIDs: what PS3.5 says of their form, which ones are the standard's own, and how new ones come from a secret."""

from __future__ import annotations

import hmac
import re
from functools import lru_cache

from pydicom._uid_dict import UID_dictionary

STANDARD_ROOT = "1.2.840.10008."
ROOT = "2.25."
LONGEST = 64
_FORM = re.compile(r"[0-2](\.(0|[1-9][0-9]*))+")
# Terminologies of CID 8 that are registered outside DICOM's root; a Coding Scheme UID names a terminology, nobody.
CODING_SCHEMES = frozenset(
    f"2.16.840.1.113883.{tail}"
    for tail in ("3.26.1.1", "6.1", "6.2", "6.3", "6.4", "6.5", "6.8", "6.12", "6.90", "6.96", "6.119", "6.256")
)
# SOP Classes of vendors, as published in their conformance statements: names of kinds of objects, not of instances.
_GE, _PHILIPS, _SIEMENS = "1.2.840.113619.4.", "1.3.46.670589.", "1.3.12.2.1107.5."
VENDORS_CLASSES = frozenset({
    *(f"{_GE}{tail}" for tail in ("2", "3", "4", "5.249", "26", "27", "30")),
    *(f"{_PHILIPS}{tail}" for tail in ("2.3.1.1", "2.4.1.1", "2.5.1.1")),
    *(f"{_PHILIPS}5.0.{tail}" for tail in (1, 2, 3, 4, 7, 8, 9, 10, 11, 12, 13, 14)),
    *(f"{_PHILIPS}11.0.0.12.{tail}" for tail in (1, 2, 3, 4)),
    *(f"{_SIEMENS}{tail}" for tail in ("9.1", "99.3.10", "99.3.11")),
    "1.2.392.200036.9116.7.8.1.1.1", "1.2.392.200036.9125.1.1.2", "1.2.392.200036.9125.1.1.4",
})  # fmt: skip


def uid_problem(text: str) -> str | None:
    """Return what is wrong with the form of a UID, or None.

    References
    ----------
    DICOM PS3.5, section 9.1.
    """
    if not text:
        return "it is empty"
    if len(text) > LONGEST:
        return "it is longer than 64 characters"
    if not _FORM.fullmatch(text):
        return "it is not digits in components without leading zeros, parted by dots, that begin with 0, 1 or 2"
    return None


@lru_cache(maxsize=4096)
def is_well_known(uid: str) -> bool:
    """Say whether a UID is registered by the standard, or names a terminology: such a UID is never mapped."""
    return uid in UID_dictionary or uid in CODING_SCHEMES


def is_standards_own(uid: str) -> bool:
    """Say whether a UID is well known, or stands under the root of the standard without being in our dictionary.

    True of SOP Classes newer than the dictionary, and of published ones of vendors.  Not to be asked of instance UIDs:
    software that numbers its own instances under the standard's root exists.
    """
    return is_well_known(uid) or uid in VENDORS_CLASSES or (uid.startswith(STANDARD_ROOT) and not uid_problem(uid))


def derive_uid(secret: bytes, *parts: str, root: str = "") -> str:
    """Return a UID derived from a secret: ``2.25.`` and the decimal form of a version 8 UUID, or a number under a root.

    Parameters
    ----------
    secret : bytes
        The key; with another key nothing matches.
    *parts : str
        What the UID stands for; each part is hashed with its length, so that ("a", "bc") and ("ab", "c") differ.
    root : str
        The organisation's own root with its last dot, at most 34 characters; the number takes what 64 characters leave,
        at least 29 digits (96 bits).

    Notes
    -----
    122 of the UUID's bits come from HMAC-SHA256, so 10^12 UIDs collide with a probability below 10^-12.
    The version and variant bits let a receiver tell such a UID from one that a device made (`is_mapped_uid`).

    References
    ----------
    DICOM PS3.5, Annex B.2; RFC 9562, section 5.8.
    """
    encoded = [part.encode("utf-8", "surrogateescape") for part in parts]
    together = b"".join(len(part).to_bytes(4, "big") + part for part in encoded)
    number = int.from_bytes(hmac.digest(secret, together, "sha256")[:16], "big")
    if root:
        return f"{root}{number % 10 ** min(LONGEST - len(root), 39)}"
    number = number & ~(0xF << 76) | 0x8 << 76
    number = number & ~(0x3 << 62) | 0x2 << 62
    return f"{ROOT}{number}"


def is_mapped_uid(uid: str, *, root: str = "") -> bool:
    """Say whether a UID has the form that `derive_uid` gives: a version 8 UUID under 2.25, or a number under a root."""
    if root and uid.startswith(root):
        return not uid_problem(uid) and "." not in uid[len(root) :]
    tail = uid.removeprefix(ROOT)
    if tail == uid or uid_problem(uid) or "." in tail:
        return False
    number = int(tail)
    return number < 1 << 128 and number >> 76 & 0xF == 0x8 and number >> 62 & 0x3 == 0x2
