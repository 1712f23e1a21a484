"""Judging an object that is said to be de-identified, without knowing any patient: what a hub does on arrival.

Nothing here cleans, and nothing here calls what cleans: the judgement shares tables and words with the site, not steps.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from pydicom.datadict import keyword_for_tag
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset
from pydicom.multival import MultiValue

from radcommons.dicom._tables.ps3_15_e1 import BASIC
from radcommons.dicom._tables.safe_private import SAFE
from radcommons.dicom.allowed import Definition, definition
from radcommons.dicom.clinicaldocument import texts_of_masked
from radcommons.dicom.lexicon import is_clinical
from radcommons.dicom.mapping import PSEUDONYM
from radcommons.dicom.profile import Profile
from radcommons.dicom.text_fold import LETTERS_ONLY, WORD, fold
from radcommons.dicom.uids import is_mapped_uid, is_standards_own, is_well_known

TEXT_VRS = frozenset({"LO", "SH", "ST", "LT", "UT", "UC", "PN", "AE", "UR"})
CODE_STRING = re.compile(r"[A-Z0-9_ ]*")
BODY_PART = 0x00180015
DOCUMENT = 0x00420011
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
# A changed object breaks its signatures, and what is encrypted in it are the originals.
NEVER = frozenset({0x04000402, 0x04000403, 0x04000500, 0x04000561, 0x4FFE0001, 0xFFFAFFFA})
CHARACTERISTICS = 0x00080300
CREATORS = frozenset((creator, group) for creator, group, _ in SAFE)
DATE_LENGTH = 8
SHORTEST_NUMBER = 6
SHORTEST_WORD = 3


def text_tokens(dataset: Dataset) -> Iterator[tuple[str, str]]:
    """Yield (path, word in folded form) for the free text at any depth, for counting over patients.

    What the de-identifier itself states and the meanings of codes that agree with their terminology are left out.
    """
    for path, element, holder in _walk(dataset, ""):
        if (
            int(element.tag) in STATED
            or _is_listed_creator(element)
            or not _is_free_text(element)
            or _is_terminology(element, holder)
        ):
            continue
        for text in _document_texts(element) or _values(element):
            for found in WORD.finditer(text):
                # the digits behind a decimal point are no number of anybody
                if not (found[0].isdigit() and text[: found.start()].endswith(".")):
                    yield path, fold(found[0])


def _is_listed_creator(element: DataElement) -> bool:
    return element.tag.is_private_creator and (str(element.value).strip(" \0"), int(element.tag) >> 16) in CREATORS


def _is_free_text(element: DataElement) -> bool:
    """Say whether people may have typed it: text, the body part, and what stands in a code string without being one."""
    if int(element.tag) == DOCUMENT:
        return bool(_document_texts(element))
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
    yield from _not_allowed(dataset, known or Definition(()), _Told(profile, _stated_blocks(dataset)), "")
    for tag in (PATIENT_NAME, PATIENT_ID):
        value = str(dataset[tag].value or "") if tag in dataset else ""
        if not PSEUDONYM.fullmatch(value):
            yield keyword_for_tag(tag)


@dataclass(frozen=True, slots=True)
class _Told:
    """What an object is said to have gone through, and what it says of its private blocks (None: all of one)."""

    profile: Profile | None
    blocks: dict[tuple[int, str], frozenset[int] | None]


def _not_allowed(dataset: Dataset, known: Definition, told: _Told, path: str) -> Iterator[str]:
    profile = told.profile
    may_hold_private = profile is None or profile.keeps_safe_private
    for element in dataset:
        tag = int(element.tag)
        where = path + _name(tag)
        if tag in PIXELS and not path:
            continue
        if tag >> 16 & 1:
            if not may_hold_private or not _is_safe_private(element, dataset, told):
                yield where
            elif element.VR == "SQ":
                for item in element.value:
                    yield from _not_allowed(item, Definition(()), told, where + ".")
        elif tag in NEVER or tag not in known or not _is_as_told(element, known.types[tag], profile):
            yield where
        elif element.VR == "SQ" and tag not in STATED:
            for item in element.value:
                yield from _not_allowed(item, known.items(tag), told, where + ".")


def _is_safe_private(element: DataElement, holder: Dataset, told: _Told) -> bool:
    """Say whether the standard's list, or the object's own statement, has a private element in its creator's block.

    References
    ----------
    DICOM PS3.15, section E.3.10.
    """
    tag = int(element.tag)
    group, number = tag >> 16, tag & 0xFFFF
    if 0x10 <= number <= 0xFF:
        name = str(element.value or "").strip(" \0")
        return element.VR == "LO" and ((name, group) in CREATORS or (group, name) in told.blocks)
    reserving = holder.get(group << 16 | number >> 8)
    if number < 0x1000 or reserving is None or element.VR in ("UN", "OB", "OW"):
        return False
    name = str(reserving.value or "").strip(" \0")
    if (name, group, number & 0xFF) in SAFE:
        return True
    stated = told.blocks.get((group, name), frozenset())
    return stated is None or number & 0xFF in stated


def _stated_blocks(dataset: Dataset) -> dict[tuple[int, str], frozenset[int] | None]:
    found: dict[tuple[int, str], frozenset[int] | None] = {}
    for item in dataset.get("PrivateDataElementCharacteristicsSequence") or []:
        group, status = item.get("PrivateGroupReference"), item.get("BlockIdentifyingInformationStatus")
        if isinstance(group, int) and status in ("SAFE", "MIXED"):
            named = item.get("NonidentifyingPrivateElements")
            numbers = named if isinstance(named, MultiValue | list) else [] if named is None else [named]
            name = str(item.get("PrivateCreatorReference", "")).strip(" \0")
            found[group, name] = None if status == "SAFE" else frozenset(int(one) & 0xFF for one in numbers)
    return found


def _is_as_told(element: DataElement, kind: str, profile: Profile | None) -> bool:
    tag = int(element.tag)
    if tag in STATED:
        return True
    if tag == CHARACTERISTICS:
        return profile is None or profile.keeps_safe_private
    if element.VR in ("SQ", "UI"):
        return True
    letters = None if profile is None else profile.action(tag)
    if tag in ALWAYS_EMPTY and letters != "K":
        return _is_bare(element)
    if profile is None:
        return True
    if element.VR in ("DA", "TM", "DT") and not _is_time_as_told(element, profile):
        return False
    if letters is None or letters in ("K", "C", "U"):
        return True
    if letters == "X" and kind == "3":
        return False
    return tag in profile.replacements or _is_bare(element) or bool(_document_texts(element))


def _document_texts(element: DataElement) -> list[str]:
    """Return the texts of a clinical document that names nobody in its structure; nothing for any other element."""
    if int(element.tag) != DOCUMENT or not isinstance(element.value, bytes):
        return []
    return texts_of_masked(element.value) or []


def _is_time_as_told(element: DataElement, profile: Profile) -> bool:
    if _is_bare(element):
        return True
    if element.VR == "TM":
        return profile.keeps_times
    has_date = profile.shifts_dates or profile.keeps_dates
    is_date_alone = element.VR == "DA" or all(len(text) <= DATE_LENGTH for text in _values(element))
    return has_date and (profile.keeps_times or is_date_alone)


def _is_bare(element: DataElement) -> bool:
    if isinstance(element.value, bytes):
        return not element.value.strip(b"\0")
    return all(text in DUMMIES for text in _values(element))


def unmapped_uids(dataset: Dataset, *, profile: Profile | None = None) -> Iterator[str]:
    """Yield the paths of UIDs, at any depth, that neither belong to the standard nor have the form of mapped ones.

    A profile that keeps UIDs, or those of devices, or that has a root of its own, is taken at its word.
    """
    if profile is not None and profile.keeps_uids:
        return
    root = profile.uid_root if profile is not None else ""
    for path, element, _holder in _walk(dataset, ""):
        if element.VR != "UI" or (profile is not None and profile.action(int(element.tag)) == "K"):
            continue
        if any(is_foreign_uid(int(element.tag), uid, root=root) for uid in _values(element)):
            yield path


def is_foreign_uid(tag: int, uid: str, *, root: str = "") -> bool:
    """Say whether a UID of an element neither belongs to the standard nor has the form of a mapped one."""
    is_public = is_well_known if BASIC.get(tag) == "U" else is_standards_own
    return bool(uid) and not is_public(uid) and not is_mapped_uid(uid, root=root)


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
