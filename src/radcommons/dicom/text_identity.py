"""What is known to identify a patient, and the search for it in text."""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from pydicom.dataset import Dataset
from pydicom.multival import MultiValue

from radcommons.dicom.dates import parse_date
from radcommons.dicom.lexicon import is_clinical, is_core
from radcommons.dicom.text_fold import WORD, fold, is_unspaced_script, keys
from radcommons.dicom.text_numbers import days_in, ids_in

# Shorter ones would hit clinical text everywhere: "12" as a number of a patient, "Li" in "Li-Hep".
SHORTEST_ID = 4
MOST_ID_WORDS = 2
SHORTEST_NAME = 2
SHORTEST_PLACE = 4
SHORTEST_IN_BYTES = 5
SHORTEST_PARTED = 6
SHORTEST_REVERSED = 5
SHORTEST_BEGINNING = 4
CUT_OFF = 3
INITIALS = re.compile(r"(?<![^\W_])([^\W\d_])\.[ -]?([^\W\d_])\.(?!\w)")
SHORTEST_PART_INSIDE_WORD = 5
LONGEST_UNBENT = 6

IDS = frozenset({
    0x00080050, 0x00100020, 0x00101000, 0x00101005, 0x00101060, 0x00101090, 0x00102155, 0x00380010, 0x00380060,
    0x00400009, 0x00400253, 0x00401001, 0x00401008, 0x00402016, 0x00402017, 0x00181000, 0x00189371,
    0x00120040, 0x00120042, 0x00080094, 0x00102154, 0x00401103,
})  # fmt: skip
PLACES = frozenset({0x00080080, 0x00080081, 0x00081040, 0x00081010, 0x00100021, 0x00101040, 0x00102152, 0x00380300,
                    0x00401010, 0x00120031})  # fmt: skip
BIRTH = frozenset({0x00100030})
# Long and without names: the geometry of frames.
SKIPPED = frozenset({0x52009229, 0x52009230, 0x30060010, 0x30060039, 0x00620002})
# Words of institutions and addresses that say nothing alone.
_COMMON = """
hospital hospitals clinic clinica clinico klinik klinikum kliniken krankenhaus universitaet universitat
university universitaria universidad universite universita universitario medical medicine medizin center centre
centro zentrum institut institute instituto istituto radiology radiologie radiologia imaging department
abteilung dept service servicio saint st san santa the and und der die das de del la le les of for fuer fur in
am im di da do dos e y et street road avenue strasse platz weg city health healthcare care general national
regional chest thorax lung ct mr mri xray ray room station ward north south east west new praxis hopital
ospedale ospedaliera chu
"""
COMMON = frozenset(_COMMON.split())


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownIdentity:
    """Values that identify a patient or those around them; never leaves the site and is never shown.

    Parameters
    ----------
    names : frozenset of str
        Names of people, in any of the notations of PN.
    ids : frozenset of str
        Numbers of the patient: identifiers, accession numbers, orders.
    births : frozenset of str
        Birth dates as DA values.
    places : frozenset of str
        Institutions, departments, stations, addresses.
    """

    names: frozenset[str] = frozenset()
    ids: frozenset[str] = frozenset()
    births: frozenset[str] = frozenset()
    places: frozenset[str] = frozenset()

    def __or__(self, other: KnownIdentity) -> KnownIdentity:
        """Return what either knows."""
        return KnownIdentity(
            names=self.names | other.names,
            ids=self.ids | other.ids,
            births=self.births | other.births,
            places=self.places | other.places,
        )

    def __repr__(self) -> str:
        # a log line or a traceback with locals must not name anyone
        return f"KnownIdentity({len(self.names)} names, {len(self.ids)} ids, {len(self.places)} places)"

    @classmethod
    def of(cls, dataset: Dataset) -> KnownIdentity:
        """Return what an object says of its patient, the physicians and the place, at any depth."""
        found: dict[str, set[str]] = {"names": set(), "ids": set(), "births": set(), "places": set()}
        _collect(dataset, found)
        return cls(**{kind: frozenset(values) for kind, values in found.items()})


def _collect(dataset: Dataset, found: dict[str, set[str]]) -> None:
    for element in dataset.values():
        tag = int(element.tag)
        vr = element.VR
        if vr == "SQ" and tag not in SKIPPED:
            for item in dataset[tag].value:
                _collect(item, found)
        kind = _kind(tag, vr)
        if kind:
            found[kind].update(_values(dataset[tag].value))


def _kind(tag: int, vr: str | None) -> str | None:
    if tag in IDS:
        return "ids"
    if tag in PLACES:
        return "places"
    if tag in BIRTH:
        return "births"
    return "names" if vr == "PN" or tag in (0x00100010, 0x00080090) else None


def _values(value: object) -> Iterator[str]:
    # a PersonName can be iterated, letter by letter, so the kinds of lists are named
    for one in value if isinstance(value, MultiValue | list | tuple) else (value,):
        text = "" if one is None or isinstance(one, bytes) else str(one).strip(" \0")
        if text:
            yield text


class Matcher:
    """Finds a known identity in text; made once per identity.

    Notes
    -----
    Names are compared word by word after folding; identifiers and birth dates in the notations people use.
    """

    __slots__ = ("_births", "_ids", "_initials", "_inside", "_raw", "_sorted", "_unspaced", "words")

    def __init__(self, known: KnownIdentity) -> None:
        names = {word for name in known.names for word in (*_name_words(name), *_joined_words(name))}
        places = {word for place in known.places for word in _place_words(place)}
        self.words = frozenset(key for word in names | places for key in keys(word) if not key.isdigit())
        self._sorted = tuple(sorted(self.words))
        self._inside = tuple(sorted(word for word in self.words if len(word) >= SHORTEST_PART_INSIDE_WORD))
        self._unspaced = tuple(
            sorted(
                {
                    part
                    for name in known.names
                    for part in (*WORD.findall(name), re.sub(r"[\s^=]", "", name))
                    if len(part) > 1 and is_unspaced_script(part)
                },
                key=len,
                reverse=True,
            )
        )
        self._ids = _ids(known)
        self._initials = frozenset(pair for name in known.names for pair in _initials(name))
        self._raw = tuple(sorted({form for text in (*known.names, *known.ids) for form in _encoded(text)}))
        days = filter(None, map(parse_date, known.births))
        self._births = frozenset((day.year % 100, day.month, day.day) for day in days)

    def spans(self, text: str) -> Iterator[tuple[int, int]]:
        """Yield the places in a text that name the patient or those around them."""
        yield from ids_in(text, self._ids)
        if self._births:
            yield from ((start, end) for start, end, days in days_in(text) if days & self._births)
        if self._initials:
            yield from (found.span() for found in INITIALS.finditer(text) if (found[1], found[2]) in self._initials)
        for part in self._unspaced:
            yield from (found.span() for found in re.finditer(re.escape(part), text))

    def is_named_in(self, value: bytes) -> bool:
        """Say whether bytes hold a name of five letters and more or a number, in one of the usual encodings."""
        lowered = value.lower()
        return any(form in lowered for form in self._raw)

    def has_word(self, word: str, *, is_clinical: bool) -> bool:
        """Say whether a word is, or holds, part of a known name.

        A word of two letters that is also a clinical one (CT, PA, LL) stays; longer names go even where they are words.
        """
        forms = keys(word)
        if forms & self.words:
            return not (is_clinical and len(word) <= SHORTEST_NAME)
        if is_clinical:
            # Quarter, of a Quartermaine, is plain English; thorax, of a Thoraxmann, is not
            is_plain = len(word) >= SHORTEST_IN_BYTES and not is_core(word)
            return any(self._is_most_of_name(form) or (is_plain and self._begins_name(form)) for form in forms)
        return any(self._begins_name(form) or self._holds_name(form) for form in forms)

    def is_cut_name(self, word: str) -> bool:
        """Say whether a word is a known name cut off: nearly all of it, or its beginning in plain English."""
        if keys(word) & self.words:
            return any(map(self._is_most_of_name, keys(word)))
        return self.has_word(word, is_clinical=True)

    def _is_most_of_name(self, form: str) -> bool:
        place = bisect_right(self._sorted, form) if len(form) >= LONGEST_UNBENT else len(self._sorted)
        return self._begins(place, form) and len(self._sorted[place]) - len(form) <= CUT_OFF

    def _begins_name(self, form: str) -> bool:
        # a name cut off: values of CS and AE end after 16 letters, file names of old after 8
        place = bisect_left(self._sorted, form) if len(form) >= SHORTEST_BEGINNING else len(self._sorted)
        return self._begins(place, form)

    def _holds_name(self, form: str) -> bool:
        return any(part in form for part in self._inside)

    def _begins(self, place: int, form: str) -> bool:
        return place < len(self._sorted) and self._sorted[place].startswith(form)


def _initials(name: str) -> Iterator[tuple[str, str]]:
    family, _, given = name.split("=")[0].partition("^")
    if family and given:
        yield from ((given[0].upper(), family[0].upper()), (family[0].upper(), given[0].upper()))


def _encoded(text: str) -> Iterator[bytes]:
    """Yield the forms of a name's parts or a number as they stand in bytes, ASCII letters in lower case."""
    for word in WORD.findall(text):
        if len(word) < SHORTEST_IN_BYTES or is_clinical(word):
            continue
        for spelled in {word, word.lower(), word.upper(), *keys(word)}:
            for codec in ("utf-8", "latin-1", "utf-16-le"):
                try:
                    yield spelled.encode(codec).lower()
                except UnicodeEncodeError:
                    continue


def _is_plain(word: str) -> bool:
    return word.isalpha() and not is_clinical(word)


def _name_words(name: str) -> list[str]:
    """Return the parts of a name to look for.

    A name with digits (Lung_Dx-A0002), or one all of whose parts are clinical words (CHEST^PHANTOM), is no person's:
    its clinical words stay in descriptions.  Of a person's name every part counts, even where it is a word.
    """
    words = [word for word in WORD.findall(name) if len(word) >= SHORTEST_NAME]
    is_label = any(letter.isdigit() for letter in name) or all(map(is_core, words))
    return [word for word in words if not (is_label and is_core(word))]


def _joined_words(name: str) -> Iterator[str]:
    """Yield what a name becomes where people write it as one word: DoeJohn, jdoe, ONeil; and stems that bend."""
    for group in name.split("="):
        parts = ["".join(WORD.findall(part)) for part in group.split("^")[:2]]
        if any(letter.isdigit() for letter in group) or all(map(is_core, filter(None, parts))):
            continue
        family, given = parts[0], parts[1] if len(parts) > 1 else ""
        if len(family) > SHORTEST_NAME:
            yield family
            if len(family) >= SHORTEST_REVERSED:
                yield family[::-1]
            # a name that ends in a vowel bends: of Ivanova, to Ivanovoi
            if len(family) > LONGEST_UNBENT and fold(family)[-1:] in "aeiouy":
                yield fold(family)[:-1]
        if family and given and len(family) + len(given) > SHORTEST_PLACE:
            yield from (family + given, given + family, given[0] + family, family + given[0])


def _place_words(place: str) -> list[str]:
    words = (word for word in WORD.findall(place) if len(word) >= SHORTEST_PLACE)
    return [word for word in words if fold(word) not in COMMON and not is_clinical(word)]


def _ids(known: KnownIdentity) -> tuple[str, ...]:
    ids = set()
    for value in known.ids | known.names:
        bare = re.sub(r"[^0-9a-z]", "", fold(value)).lstrip("0")
        if bare.isalpha() and is_clinical(bare):
            continue  # TEST or CHEST as a number of a phantom
        if len(WORD.findall(value)) > MOST_ID_WORDS and not any(letter.isdigit() for letter in bare):
            continue  # a sentence where a number should stand; its names are found as names
        if len(bare) >= SHORTEST_ID and (value in known.ids or any(letter.isdigit() for letter in bare)):
            ids.add(bare)
    # a long name is also looked for with marks between its letters: Quell-mann
    parts = (part for name in known.names for part in (*re.split(r"[\^=]", name), *_joined_words(name)))
    ids |= {bare for part in parts if len(bare := fold(part)) >= SHORTEST_PARTED and bare.isascii() and _is_plain(bare)}
    # the longest first, so that a shorter identifier does not leave the rest of a longer one
    return tuple(sorted(ids, key=len, reverse=True))


@lru_cache(maxsize=512)
def matcher_for(known: KnownIdentity) -> Matcher:
    """Return the matcher of an identity; objects of one series share it."""
    return Matcher(known)
