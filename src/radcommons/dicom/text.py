"""Cleaning of free text: what identifies a patient goes, the clinical part stays."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from functools import lru_cache

from radcommons.dicom.lexicon import is_clinical
from radcommons.dicom.text_fold import LETTERS_ONLY, WORD, fold
from radcommons.dicom.text_identity import KnownIdentity, Matcher, matcher_for

SHORTEST_NAME_LIKE = 3
_MONTHS = """
jan feb mar maer mär apr may mai mag jun juin giu jul juil lug aug août aout ago sep set oct okt ott out nov dec dez déc
dic ene abr fev fév avr gen
"""
_MONTH = "|".join(_MONTHS.split())
_LABEL = r"mrn|pid|patid|dob|ssn|nhs|geb|d\.o\.b|acc(?:ession)?(?: ?n[or])?|pat(?:ient)?\.? ?id"
_TITLE = r"dr|prof|mrs|mr|ms|herr|frau|mme|mlle|sig|sra|dott|dra"
# Sure signs of identity in any text: e-mail and web addresses, phone numbers, labelled numbers, titles, long numbers.
_ALWAYS = (
    r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+",
    r"(?:https?://|www\.)\S+",
    r"(?<!\w)(?:\+|00)\d{1,3}[ ()/.-]{0,2}\d[\d ()/.-]{5,}\d",
    r"(?<![\w.])\(?\d{3}\)?[ -]\d{3}[ -]\d{4}(?!\w)",
    rf"(?<!\w)(?:{_LABEL})\b\.?\s*[:#=]?\s*[\w./-]*\d[\w./-]*",
    rf"(?<!\w)(?:{_TITLE})\b\.?\s+(?:med\.?\s+)?[^\W\d_][\w'-]+",
    r"(?<![\d.])\d{9,}(?!\d)",
)
# Signs of identity in words that people typed; a software version may look like any of these.
_TYPED = (
    *_ALWAYS,
    r"(?<!\d)(?:19|20)\d{2}[-./](?:0?[1-9]|1[0-2])[-./](?:0?[1-9]|[12]\d|3[01])(?!\d)",
    r"(?<!\d)(?:0?[1-9]|[12]\d|3[01])[-./](?:0?[1-9]|[12]\d|3[01])[-./](?:19|20)?\d{2}(?!\d)",
    rf"(?<!\w)\d{{1,2}}[. -]{{0,2}}(?:{_MONTH})[^\W\d_]*[., -]{{0,2}}(?:19|20)?\d{{2}}(?!\d)",
    rf"(?<!\w)(?:{_MONTH})[^\W\d_]*[., -]{{0,2}}\d{{1,2}}[., -]{{1,2}}(?:19|20)\d{{2}}(?!\d)",
    r"(?<![0-9A-Za-z.])[A-Za-z]{0,4}[-_]?\d{6,}[A-Za-z]?(?![0-9A-Za-z])",
)
ALWAYS = re.compile("|".join(f"(?:{part})" for part in _ALWAYS), re.IGNORECASE)
TYPED = re.compile("|".join(f"(?:{part})" for part in _TYPED), re.IGNORECASE)


class Manner(Enum):
    """How freely an attribute's text is written."""

    TERM = "term"  # a value of a terminology: only the known identity goes, because codes are long numbers
    CODE = "code"  # a defined term: like technical text, and no dates belong there
    TECHNICAL = "technical"  # a device's or a terminology's own words: known identity and sure signs go
    DESCRIPTOR = "descriptor"  # short descriptions: words outside the lexicon go as well
    NARRATIVE = "narrative"  # sentences: capitalised words outside the lexicon go as well


SIGNS = {Manner.TECHNICAL: ALWAYS, Manner.CODE: TYPED, Manner.DESCRIPTOR: TYPED, Manner.NARRATIVE: TYPED}


@dataclass(frozen=True, slots=True)
class Cleaned:
    """A text after cleaning, and why it changed."""

    text: str
    held_known: bool = False
    held_pattern: bool = False
    held_unknown: bool = False

    @property
    def changed(self) -> bool:
        """Whether anything was taken out."""
        return self.held_known or self.held_pattern or self.held_unknown


class Cleaner:
    """Cleans the texts of one patient; equal texts are judged once.

    Parameters
    ----------
    known : KnownIdentity
    keeps_unknown_words : bool
        Whether words outside the lexicon stay in descriptors and narratives.
    """

    __slots__ = ("_cache", "_keeps_unknown", "_matcher")

    def __init__(self, known: KnownIdentity, *, keeps_unknown_words: bool) -> None:
        self._matcher: Matcher = matcher_for(known)
        self._keeps_unknown = keeps_unknown_words
        self._cache: dict[tuple[str, Manner], Cleaned] = {}

    def clean(self, text: str, manner: Manner) -> Cleaned:
        """Return the text without what identifies the patient."""
        key = (text, manner)
        found = self._cache.get(key)
        if found is None:
            found = self._clean(text, manner)
            if len(text) < 4096:
                if len(self._cache) > 4096:
                    self._cache.clear()
                self._cache[key] = found
        return found

    def _clean(self, text: str, manner: Manner) -> Cleaned:
        known = list(self._matcher.spans(text))
        signs = SIGNS.get(manner)
        pattern = [found.span() for found in signs.finditer(text)] if signs else []
        unknown: list[tuple[int, int]] = []
        known += [found.span() for found in WORD.finditer(text) if self._names(found[0], manner)]
        if manner in (Manner.DESCRIPTOR, Manner.NARRATIVE) and not self._keeps_unknown:
            covered = [*known, *pattern]
            unknown = [
                (start, end)
                for start, end in unknown_words(text)
                if _is_name_like(text[start], manner) and not any(a <= start and end <= b for a, b in covered)
            ]
        cut = _without(text, [*known, *pattern, *unknown]) if known or pattern or unknown else text
        return Cleaned(cut, bool(known), bool(pattern), bool(unknown))

    def _names(self, word: str, manner: Manner) -> bool:
        clinical = is_clinical(word)
        if clinical and manner not in (Manner.DESCRIPTOR, Manner.NARRATIVE):
            return False
        return self._matcher.has_word(word, is_clinical=clinical) or self._in_runs(word)

    def _in_runs(self, word: str) -> bool:
        # Doe1950 is one word to a tokenizer, but its letters are a name
        if word.isalpha():
            return False
        return any(
            len(run[0]) > 2 and self._matcher.has_word(run[0], is_clinical=is_clinical(run[0]))
            for run in LETTERS_ONLY.finditer(word)
        )


def unknown_words(text: str) -> Iterator[tuple[int, int]]:
    """Yield the places of words of three letters and more that the lexicon does not hold."""
    for found in LETTERS_ONLY.finditer(text):
        if len(found[0]) >= SHORTEST_NAME_LIKE and not is_clinical(found[0]):
            yield found.span()


def _is_name_like(first: str, manner: Manner) -> bool:
    # outside Latin, Greek and Cyrillic there are no capitals: such a word may always be a name
    return manner is Manner.DESCRIPTOR or not first.islower()


def _without(text: str, spans: list[tuple[int, int]]) -> str:
    kept, position = [], 0
    for start, end in sorted(spans):
        if start > position:
            kept.append(text[position:start])
        position = max(position, end)
    kept.append(text[position:])
    joined = " ".join(kept)
    joined = re.sub(r"[^\S\r\n]{2,}", " ", joined)
    joined = re.sub(r"([\^,;:_/=(\[-])(?:\s*[\^,;:_/=-])+", r"\1", joined)
    joined = re.sub(r"\(\s*\)|\[\s*\]", "", joined)
    return joined.strip(" ^,;:_/=-")


@lru_cache(maxsize=512)
def cleaner_for(known: KnownIdentity, *, keeps_unknown_words: bool) -> Cleaner:
    """Return the cleaner of an identity; objects of one series share it and what it has judged."""
    return Cleaner(known, keeps_unknown_words=keeps_unknown_words)


def tokens(text: str) -> Iterator[str]:
    """Yield the words of a text in folded form."""
    yield from (fold(found[0]) for found in WORD.finditer(text))
