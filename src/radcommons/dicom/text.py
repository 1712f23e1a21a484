"""Cleaning of free text: what identifies a patient goes, the clinical part stays."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from functools import lru_cache

from radcommons.dicom.lexicon import is_clinical, is_core, is_listed_name, is_term
from radcommons.dicom.text_fold import LETTERS_ONLY, WORD, fold, is_unspaced_script
from radcommons.dicom.text_identity import KnownIdentity, Matcher, matcher_for
from radcommons.dicom.text_patterns import APART, signs_of
from radcommons.dicom.text_people import beside, listed_pairs, titled
from radcommons.dicom.text_shapes import days_beside_words, is_spoken, numbers_in
from radcommons.dicom.text_unspaced import foreign_runs

SHORTEST_NAME_LIKE = 3
ROUNDS = 5
LONGEST_NUMBER = 24
# Digits right beside what goes, also over one mark: the rest of a number of a telephone, a room or a workstation.
NUMBER_AFTER = re.compile(r"(?:[-_/]?\d+(?![^\W_]|[.,]\d))*")
NUMBER_BEFORE = re.compile(r"(?:(?<![^\W_])\d+[-_/]?)+$")
LONGEST_PIECE = 2000
# Short parts of a name, joined by marks: Al-Qa, O'Br
PARTED = re.compile(r"(?<![^\W_])[^\W\d_]{1,3}['’-][^\W\d_]{2,4}(?![^\W_])")
MARKS = re.compile(r"['’-]")
CAMEL = re.compile(r"[A-Z][a-zà-ÿ]{3,}")
MODEL_NUMBER = re.compile(r"[ -]\d")
COMPANY = re.compile(
    r"(?i:\b(?:medical|systems?|imaging|healthcare|technolog\w+|corporation|gmbh|inc|ltd|company|labs?)\b)"
)
# Joiners, hyphens and marks that nobody sees: between the letters of a name they would hide it.
UNSEEN = dict.fromkeys((0x00AD, 0x180E, *range(0x200B, 0x2010), *range(0x202A, 0x202F), *range(0x2060, 0x2065), 0xFEFF))


class Manner(Enum):
    """How freely an attribute's text is written."""

    TERM = "term"  # a value of a terminology: only the known identity goes, because codes are long numbers
    CODE = "code"  # a defined term: like technical text, and no dates belong there
    TECHNICAL = "technical"  # a device's or a terminology's own words: known identity and sure signs go
    MAKER = "maker"  # a maker's own element: as technical, and words written like names go
    DESCRIPTOR = "descriptor"  # short descriptions: words outside the lexicon go as well
    NARRATIVE = "narrative"  # sentences: as descriptions


FREE = (Manner.DESCRIPTOR, Manner.NARRATIVE)
OF_DEVICES = (Manner.TECHNICAL, Manner.MAKER)


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
        if manner in OF_DEVICES and is_spoken(text):
            manner = Manner.DESCRIPTOR
        key = (text, manner)
        found = self._cache.get(key)
        if found is None:
            found = self._clean(text, manner)
            if len(text) < 4096:
                if len(self._cache) > 4096:
                    self._cache.clear()
                self._cache[key] = found
        return found

    def is_named_in(self, value: bytes) -> bool:
        """Say whether bytes hold what identifies the patient."""
        return self._matcher.is_named_in(value)

    def _clean(self, text: str, manner: Manner) -> Cleaned:
        plain = text if text.isascii() else unicodedata.normalize("NFC", text.translate(UNSEEN))
        if len(plain) > LONGEST_PIECE:
            done = _whole([self._settled(piece, manner) for piece in pieces(plain)])
        else:
            done = self._settled(plain, manner)
        # a text in which nothing is found stays as it was written
        return done if done.changed else Cleaned(text)

    def _settled(self, text: str, manner: Manner) -> Cleaned:
        # what is cut may bring the digits or the names around it together, so it is read again until nothing is found
        first = result = self._once(text, manner)
        for _ in range(ROUNDS):
            if not result.changed:
                break
            result = self._once(result.text, manner)
            first = Cleaned(
                result.text,
                first.held_known or result.held_known,
                first.held_pattern or result.held_pattern,
                first.held_unknown or result.held_unknown,
            )
        return first

    def _once(self, text: str, manner: Manner) -> Cleaned:
        known = list(self._matcher.spans(text))
        known += [found.span() for found in WORD.finditer(text) if self._names(found[0], manner)]
        known += [found.span() for found in PARTED.finditer(text) if self._names(MARKS.sub("", found[0]), manner)]
        pattern, unknown = signs_in(text, manner)
        if self._keeps_unknown:
            unknown = ()
        covered = (*known, *pattern)
        extra = [place for place in unknown if not any(a <= place[0] and place[1] <= b for a, b in covered)]
        if manner is not Manner.TERM and (known or pattern or extra):
            extra += beside(text, (*known, *extra, *(place for place in pattern if _has_letters(text, place))))
        if not (known or pattern or extra):
            return Cleaned(text)
        spans = [_with_its_number(text, place) for place in (*known, *pattern, *extra)]
        return Cleaned(_without(text, spans), bool(known), bool(pattern), bool(extra))

    def _names(self, word: str, manner: Manner) -> bool:
        clinical = is_clinical(word)
        if clinical and manner not in FREE:
            return self._matcher.is_cut_name(word)
        return self._matcher.has_word(word, is_clinical=clinical) or self._in_runs(word)

    def _in_runs(self, word: str) -> bool:
        # Doe1950 is one word to a tokenizer, but its letters are a name
        if word.isalpha():
            return False
        return any(
            len(run[0]) > 2 and self._matcher.has_word(run[0], is_clinical=is_clinical(run[0]))
            for run in LETTERS_ONLY.finditer(word)
        )


def pieces(text: str) -> Iterator[str]:
    """Yield a long text in pieces that end between words, so that no pattern takes longer than its piece allows."""
    start = 0
    while start < len(text):
        end = start + LONGEST_PIECE
        if end < len(text):
            end = max(text.rfind(" ", start, end), text.rfind("\n", start, end)) + 1 or end
        yield text[start : max(end, start + 1)]
        start = max(end, start + 1)


def _whole(parts: list[Cleaned]) -> Cleaned:
    return Cleaned(
        " ".join(part.text for part in parts if part.text),
        any(part.held_known for part in parts),
        any(part.held_pattern for part in parts),
        any(part.held_unknown for part in parts),
    )


@lru_cache(maxsize=8192)
def signs_in(text: str, manner: Manner) -> tuple[tuple[tuple[int, int], ...], tuple[tuple[int, int], ...]]:
    """Return the places of patterns and of words that may be names, whoever the patient is."""
    if manner is Manner.TERM:
        return tuple(found.span() for found in APART.finditer(text)), ()
    is_device = manner in OF_DEVICES
    pattern = [*signs_of(text, is_typed=not is_device), *numbers_in(text, is_device=is_device)]
    if manner is not Manner.CODE:
        pattern += titled(text)
    if manner in FREE:
        return (*pattern, *days_beside_words(text)), tuple(unknown_words(text))
    if manner is Manner.CODE:
        return (*pattern, *listed_pairs(text)), tuple(_names_in_code(text))
    unknown = (*_foreign_words(text), *_listed_words(text), *(_titled_words(text) if manner is Manner.MAKER else ()))
    return (*pattern, *listed_pairs(text)), unknown


def unknown_words(text: str) -> Iterator[tuple[int, int]]:
    """Yield the places of words that the lexicon does not hold: of three letters and more, or a listed name of two."""
    for found in LETTERS_ONLY.finditer(text):
        word = found[0]
        if is_unspaced_script(word):
            continue
        if len(word) >= SHORTEST_NAME_LIKE or not word.isascii():
            if not is_clinical(word):
                yield found.span()
        elif len(word) == 2 and word[0].isupper() and word[1].islower() and is_listed_name(word) and not is_core(word):
            yield found.span()
    yield from foreign_runs(text)


def _names_in_code(text: str) -> Iterator[tuple[int, int]]:
    for found in LETTERS_ONLY.finditer(text):
        # a code is made of the standard's and of clinical words; a name is none of them
        if not is_term(found[0]) and not is_clinical(found[0]):
            yield found.span()


def _listed_words(text: str) -> Iterator[tuple[int, int]]:
    for found in LETTERS_ONLY.finditer(text):
        if len(found[0]) > SHORTEST_NAME_LIKE and not is_core(found[0]) and _has_listed(found[0]):
            yield found.span()


def _has_listed(word: str) -> bool:
    # imgGoncaloFerraoV2: names written as people write variables
    parts = CAMEL.findall(word) if not (word.istitle() or word.isupper() or word.islower()) else ()
    return is_listed_name(word) or any(is_listed_name(part) and not is_clinical(part) for part in parts)


def _titled_words(text: str) -> Iterator[tuple[int, int]]:
    # makers write EFGRE3D, fse-xl, Zorblax 9000 and Zorblax Medical Systems; Zihan was written by a person
    if COMPANY.search(text):
        return
    for found in LETTERS_ONLY.finditer(text):
        is_name_like = len(found[0]) >= SHORTEST_NAME_LIKE and found[0].istitle() and not is_clinical(found[0])
        if is_name_like and not MODEL_NUMBER.match(text, found.end()):
            yield found.span()


def _foreign_words(text: str) -> Iterator[tuple[int, int]]:
    # devices and terminologies speak Latin letters; another script was typed by a person
    if not text.isascii():
        yield from (
            (start, end) for start, end in unknown_words(text) if not fold(text[start:end]) or text[start] > "\u0370"
        )


def _with_its_number(text: str, place: tuple[int, int]) -> tuple[int, int]:
    """Return a place with the digits that are written on to it (WSRAD07) and the rest of a telephone number."""
    start, end = place
    if end == start:
        return place
    if text[end - 1].isalnum():
        end = NUMBER_AFTER.match(text, end).end()  # type: ignore[union-attr]
    if text[start].isalnum() or text[start] in "-/":
        before = NUMBER_BEFORE.search(text[max(0, start - LONGEST_NUMBER) : start])
        start -= 0 if before is None else len(before[0])
    return start, end


def _has_letters(text: str, place: tuple[int, int]) -> bool:
    return text[place[1] - 1].isalpha() and text[place[0]].isalpha()


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
    joined = re.sub(r"(?<=\w) +(?=[,;.](?:\s|$))", "", joined)
    joined = re.sub(r"(?<!\w)['’](?:\s*s\b)?(?!\w)", "", joined)
    return joined.strip(" ^,;:_/=-")


@lru_cache(maxsize=512)
def cleaner_for(known: KnownIdentity, *, keeps_unknown_words: bool) -> Cleaner:
    """Return the cleaner of an identity; objects of one series share it and what it has judged."""
    return Cleaner(known, keeps_unknown_words=keeps_unknown_words)


def tokens(text: str) -> Iterator[str]:
    """Yield the words of a text in folded form."""
    yield from (fold(found[0]) for found in WORD.finditer(text))
