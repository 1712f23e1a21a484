"""Judging an object that is said to be de-identified, without knowing any patient: what a hub does on arrival.

Nothing here cleans, and nothing here calls what cleans: the judgement shares tables and words with the site, not steps.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache

from pydicom.datadict import keyword_for_tag
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset
from pydicom.multival import MultiValue

from radcommons.dicom._tables.ps3_15_e1 import BASIC
from radcommons.dicom.allowed import Definition, definition
from radcommons.dicom.lexicon import is_clinical
from radcommons.dicom.mapping import PSEUDONYM
from radcommons.dicom.profile import Profile
from radcommons.dicom.text_fold import LETTERS_ONLY, WORD, fold
from radcommons.dicom.uids import is_mapped_uid, is_standards_own, is_well_known

TEXT_VRS = frozenset({"LO", "SH", "ST", "LT", "UT", "UC", "PN", "AE", "UR"})
CODE_STRING = re.compile(r"[A-Z0-9_ ]*")
BODY_PART = 0x00180015
# Written by the de-identifier itself, or judged by their form.
STATED = frozenset({0x00080005, 0x00080050, 0x00100010, 0x00100020, 0x00120062, 0x00120063, 0x00120064, 0x0018A001})
PIXELS = frozenset({0x7FE00001, 0x7FE00002, 0x7FE00003, 0x7FE00008, 0x7FE00009, 0x7FE00010})
CODE_VALUE, CODING_SCHEME, CODE_MEANING = 0x00080100, 0x00080102, 0x00080104
PATIENT_NAME, PATIENT_ID = 0x00100010, 0x00100020
# Whatever profile an object went through, these hold nothing afterwards.
ALWAYS_EMPTY = frozenset({
    0x00100030, 0x00101000, 0x00101001, 0x00101002, 0x00101005, 0x00101040, 0x00101060, 0x00102154,
    0x00080080, 0x00080081, 0x00080090, 0x00081048, 0x00081050, 0x00081060, 0x00081070, 0x00081010,
    0x00080201,
})  # fmt: skip
SCHEMES = frozenset({"DCM", "SCT", "SRT", "UCUM", "LN", "RADLEX", "FMA", "NCIt", "UMLS", "99SDM"})
DUMMIES = frozenset({"", "REMOVED", "0", "0.0", "000D", "19000101", "19000101000000", "000000", "about:blank"})
SHORTEST_NUMBER = 6
SHORTEST_WORD = 3


def text_tokens(dataset: Dataset) -> Iterator[tuple[str, str]]:
    """Yield (path, word in folded form) for the free text at any depth, for counting over patients.

    What the de-identifier itself states and the meanings of codes that agree with their terminology are left out.
    """
    for path, element, holder in _walk(dataset, ""):
        if int(element.tag) in STATED or not _is_free_text(element) or _is_terminology(element, holder):
            continue
        for text in _values(element):
            for found in WORD.finditer(text):
                # the digits behind a decimal point are no number of anybody
                if not (found[0].isdigit() and text[: found.start()].endswith(".")):
                    yield path, fold(found[0])


def _is_free_text(element: DataElement) -> bool:
    """Say whether people may have typed it: text, the body part, and what stands in a code string without being one."""
    if element.VR == "CS":
        return int(element.tag) == BODY_PART or not all(CODE_STRING.fullmatch(text) for text in _values(element))
    return element.VR in TEXT_VRS


def foreign_tokens(dataset: Dataset) -> Iterator[tuple[str, str]]:
    """Yield those words of three letters and more that the lexicon does not hold, and numbers of six digits and more.

    The words are attribute values: they are for a curator's eyes, never for a log.
    """
    for path, token in text_tokens(dataset):
        if token.isdigit():
            if len(token) >= SHORTEST_NUMBER:
                yield path, token
        elif any(len(run) >= SHORTEST_WORD and not is_clinical(run) for run in LETTERS_ONLY.findall(token)):
            yield path, token


def not_allowed(dataset: Dataset, *, profile: Profile | None = None) -> Iterator[str]:
    """Yield the paths of elements that a de-identified object may not hold.

    Parameters
    ----------
    dataset : Dataset
    profile : Profile, optional
        The profile that the object is said to have gone through.  Without one, only what no profile lets through is
        named: what stands outside the definition of the SOP Class, private elements, names and birth dates.

    Notes
    -----
    For an unknown SOP Class every element is named.
    """
    known = definition(str(dataset.get("SOPClassUID") or ""))
    yield from _not_allowed(dataset, known or Definition(()), profile, "")
    for tag in (PATIENT_NAME, PATIENT_ID):
        value = str(dataset[tag].value or "") if tag in dataset else ""
        if not PSEUDONYM.fullmatch(value):
            yield keyword_for_tag(tag)


def _not_allowed(dataset: Dataset, known: Definition, profile: Profile | None, path: str) -> Iterator[str]:
    for element in dataset:
        tag = int(element.tag)
        where = path + _name(tag)
        if tag in PIXELS:
            continue
        if tag >> 16 & 1 or tag not in known or not _is_as_told(element, known.types[tag], profile):
            yield where
        elif element.VR == "SQ" and tag not in STATED:
            for item in element.value:
                yield from _not_allowed(item, known.items(tag), profile, where + ".")


def _is_as_told(element: DataElement, kind: str, profile: Profile | None) -> bool:
    tag = int(element.tag)
    if tag in STATED or element.VR in ("SQ", "UI"):
        return True
    if tag in ALWAYS_EMPTY:
        return _is_bare(element)
    if profile is None:
        return True
    letters = profile.action(tag)
    if letters is None or letters in ("K", "C", "U"):
        return True
    if letters == "X" and kind == "3":
        return False
    return tag in profile.replacements or _is_bare(element)


def _is_bare(element: DataElement) -> bool:
    if isinstance(element.value, bytes):
        return not element.value.strip(b"\0")
    return all(text in DUMMIES for text in _values(element))


def unmapped_uids(dataset: Dataset) -> Iterator[str]:
    """Yield the paths of UIDs, at any depth, that neither belong to the standard nor have the form of mapped ones."""
    for path, element, _holder in _walk(dataset, ""):
        if element.VR != "UI":
            continue
        is_public = is_well_known if BASIC.get(int(element.tag)) == "U" else is_standards_own
        if any(uid and not is_public(uid) and not is_mapped_uid(uid) for uid in _values(element)):
            yield path


def _walk(dataset: Dataset, path: str) -> Iterator[tuple[str, DataElement, Dataset]]:
    for element in dataset:
        tag = int(element.tag)
        where = path + _name(tag)
        if element.VR == "SQ":
            if tag not in STATED:
                for item in element.value:
                    yield from _walk(item, where + ".")
        elif tag not in PIXELS:
            yield where, element, dataset


def _name(tag: int) -> str:
    return keyword_for_tag(tag) or f"({tag >> 16:04X},{tag & 0xFFFF:04X})"


def _values(element: DataElement) -> Iterator[str]:
    value = element.value
    many = value if isinstance(value, MultiValue | list | tuple) else (value,)
    yield from ("" if one is None else str(one).strip(" \0") for one in many)


def _is_terminology(element: DataElement, holder: Dataset) -> bool:
    """Say whether this belongs to a code of a terminology: its meaning must stand in the terminology's words."""
    if int(element.tag) not in (CODE_VALUE, CODING_SCHEME, CODE_MEANING):
        return False
    scheme, value = (str(holder[tag].value or "") if tag in holder else "" for tag in (CODING_SCHEME, CODE_VALUE))
    if int(element.tag) == CODE_MEANING:
        return _meanings().get((scheme, value)) == str(element.value or "").casefold()
    return scheme in SCHEMES


@lru_cache(maxsize=1)
def _meanings() -> dict[tuple[str, str], str]:
    from pydicom.sr._concepts_dict import concepts  # half a second of import that most objects never ask for

    found: dict[tuple[str, str], str] = {}
    for scheme in concepts:
        codes: dict[str, dict[str, tuple[str, object]]] = concepts[scheme]  # type: ignore[assignment]
        for entries in codes.values():
            found |= {(scheme, value): entry[0].casefold() for value, entry in entries.items()}
    return found
