"""Keyed pseudonyms: from one secret of a site, the new identity of a patient and of everything that names them."""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Callable
from functools import lru_cache
from typing import Protocol

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from radcommons.dicom.uids import derive_uid
from radcommons.dicom.uids import is_mapped_uid as is_mapped_uid
from radcommons.records.errors import UsageError

# Crockford's alphabet: no letter that a person takes for a digit, and no accidental words.
ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
PSEUDONYM = re.compile(r"[A-Z][A-Z0-9]{1,11}-[0-9A-HJKMNP-TV-Z]{10}")
SITE_CODE = re.compile(r"[A-Z][A-Z0-9]{1,11}")
LONGEST_SHIFT_DAYS = 3650
WEEK = 7
SHORTEST_SECRET = 16


class Mapper(Protocol):
    """The new identity of one patient; a site's crosswalk stands behind it."""

    @property
    def pseudonym(self) -> str:
        """The patient's identifier and name after mapping."""

    @property
    def shift_days(self) -> int:
        """Days that are added to every date of this patient; never 0."""

    def uid(self, original: str) -> str:
        """Return the UID that takes the place of `original`, the same one every time."""

    def accession(self, original: str) -> str:
        """Return the accession number that takes the place of `original`."""


@lru_cache(maxsize=64)
def _derived(secret: bytes, purpose: str) -> bytes:
    # one key per purpose, so that a table of one kind says nothing about another (RFC 5869)
    return HKDF(algorithm=SHA256(), length=32, salt=None, info=f"radcommons/1/{purpose}".encode()).derive(secret)


def purpose_key(secret: bytes, purpose: str) -> bytes:
    """Return the key of one purpose ("uid", "date", "pseudonym", "accession").

    Raises
    ------
    UsageError
        If the secret is shorter than 16 bytes.
    """
    if len(secret) < SHORTEST_SECRET:
        raise UsageError("The site secret is too short.", mend=f"Use at least {SHORTEST_SECRET} random bytes.")
    return _derived(secret, purpose)


def _keyed(secret: bytes, purpose: str, *parts: str) -> bytes:
    mac = hmac.new(purpose_key(secret, purpose), digestmod=hashlib.sha256)
    for part in parts:
        encoded = part.encode("utf-8", "surrogateescape")
        mac.update(len(encoded).to_bytes(4, "big") + encoded)
    return mac.digest()


def _letters(digest: bytes, count: int) -> str:
    number = int.from_bytes(digest[:16], "big")
    return "".join(ALPHABET[number >> 5 * place & 31] for place in range(count))


def pseudonym_for(secret: bytes, site_code: str, issuer: str, patient_id: str) -> str:
    """Return a patient's pseudonym, ``SITECODE-`` and ten letters: 50 bits of a keyed hash of site, issuer and number.

    One number at two hospitals of a group that share a secret is two people, who cannot be linked by their letters.

    Among a million patients two share one with a probability below 0.0005; the crosswalk is the truth and then assigns
    another one.

    Raises
    ------
    UsageError
        If the site code is not 2 to 12 capital letters and digits that begin with a letter.
    """
    if not SITE_CODE.fullmatch(site_code):
        raise UsageError("The site code is malformed.", mend="Use 2 to 12 capital letters and digits, a letter first.")
    return f"{site_code}-{_letters(_keyed(secret, 'pseudonym', site_code, issuer, patient_id), 10)}"


def shift_for(secret: bytes, site_code: str, issuer: str, patient_id: str, *, keeps_weekdays: bool = False) -> int:
    """Return the days added to all dates of a patient: uniform over -1 to -3650, into the past and never 0.

    With `keeps_weekdays` they are whole weeks, -7 to -3647: a Monday stays a Monday, and 521 shifts are left to guess
    among instead of 3650.
    """
    number = int.from_bytes(_keyed(secret, "date", site_code, issuer, patient_id)[:8], "big")
    if keeps_weekdays:
        return -WEEK * (1 + number % (LONGEST_SHIFT_DAYS // WEEK))
    return -1 - number % LONGEST_SHIFT_DAYS


def whole_weeks(shift_days: int) -> int:
    """Return a shift of whole weeks near another shift, -7 to -3647, for a profile that keeps weekdays."""
    weeks = min(max(1, -shift_days // WEEK), LONGEST_SHIFT_DAYS // WEEK)
    return -WEEK * weeks


class KeyedMapper:
    """A mapper that needs nothing but the site's secret; equal secrets give equal results on every machine.

    Parameters
    ----------
    secret : bytes
        At least 16 random bytes that never leave the site.
    site_code, issuer, patient_id : str
        One number of two issuers is two people.
    pseudonym, shift_days : optional
        What the crosswalk already holds for this patient, where it differs from the derived value.
    uid_root : str
        The profile's own root for new UIDs; empty for 2.25.
    keeps_weekdays : bool
        Whether the profile shifts by whole weeks; what the crosswalk holds is then made one (`whole_weeks`).
    """

    __slots__ = ("_secret", "_site", "_uid", "pseudonym", "shift_days")

    def __init__(
        self,
        secret: bytes,
        *,
        site_code: str,
        issuer: str,
        patient_id: str,
        pseudonym: str | None = None,
        shift_days: int | None = None,
        uid_root: str = "",
        keeps_weekdays: bool = False,
    ) -> None:
        self.pseudonym = pseudonym or pseudonym_for(secret, site_code, issuer, patient_id)
        days = shift_days or shift_for(secret, site_code, issuer, patient_id, keeps_weekdays=keeps_weekdays)
        self.shift_days = whole_weeks(days) if keeps_weekdays else days
        self._uid = _uid_function(purpose_key(secret, "uid"), uid_root)
        self._secret, self._site = secret, site_code

    def uid(self, original: str) -> str:
        """Return the UID that takes the place of `original`; also for text that is no UID at all."""
        return self._uid(original)

    def accession(self, original: str) -> str:
        """Return a keyed accession number of 16 characters; equal numbers of two hospitals become two."""
        return _letters(_keyed(self._secret, "accession", self._site, original), 16)


@lru_cache(maxsize=16)
def _uid_function(key: bytes, root: str) -> Callable[[str], str]:
    # one cache for all patients of a site: a series of 500 slices names the same study, series and frame of reference
    @lru_cache(maxsize=65536)
    def mapped(original: str) -> str:
        return derive_uid(key, original, root=root)

    return mapped
