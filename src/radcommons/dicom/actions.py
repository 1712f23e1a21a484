"""What is done to an attribute: the letters of PS3.15 Table E.1-1, resolved by value representation and type."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from functools import lru_cache

from pydicom.datadict import dictionary_VR, keyword_for_tag

from radcommons.dicom.allowed import NEWER, Definition, definition
from radcommons.dicom.private import SafeElement, is_creator
from radcommons.dicom.profile import Profile


class Op(Enum):
    """One way of treating an element; the value is the word that the record and the report use."""

    REMOVE = "removed"
    EMPTY = "emptied"
    DUMMY = "replaced by a dummy"
    UID = "UID mapped"
    INSTANCE_UID = "UID of the object mapped"
    UID_KEPT = "UID kept"
    DATE = "date shifted"
    FULL_DATE = "date kept"
    TIME = "time kept"
    KEEP = "kept"
    NUMBER = "number kept"
    CODE_STRING = "code kept"
    RETAINED = "kept by option after a search for the patient"
    TECHNICAL = "text kept after a search for known identity"
    DESCRIPTOR = "description cleaned"
    NARRATIVE = "sentences cleaned"
    MEANING = "code meaning kept after a search for known identity"
    AGE = "age kept up to 89"
    ITEMS = "items treated one by one"
    PSEUDONYM = "replaced by the pseudonym"
    ACCESSION = "replaced by a keyed number"
    LITERAL = "replaced by the profile's value"


PRIVATE = "private"
SAFE = "safe private"
OUTSIDE = "not in the object's definition"
TABLE = "PS3.15 table"
PATIENT_NAME, PATIENT_ID, ACCESSION_NUMBER = 0x00100010, 0x00100020, 0x00080050
BODY_PART = 0x00180015
DOCUMENT_LENGTH = 0x00420015
MEANINGS = frozenset({0x00080100, 0x00080104, 0x00080119, 0x00080120})
DECLARED = frozenset({0x00080005, 0x00120062, 0x00120063, 0x00120064, 0x00280303, 0x0018A001})
PIXELS = frozenset({0x7FE00001, 0x7FE00002, 0x7FE00003, 0x7FE00008, 0x7FE00009, 0x7FE00010})
# Signatures, MACs and their references no longer hold once a value has changed; encrypted attributes are the originals.
NO_LONGER_HOLDS = frozenset({0x04000402, 0x04000403, 0x04000500, 0x04000561, 0x4FFE0001, 0xFFFAFFFA})
CHARACTERISTICS = 0x00080300
DATES = frozenset({"DA", "DT"})
SHORT_TEXTS = frozenset({"LO", "SH"})
LONG_TEXTS = frozenset({"LT", "ST", "UT", "UC"})
RETAINABLE = SHORT_TEXTS | LONG_TEXTS | {"AE", "UR"}
SIMPLE = {"DS": Op.NUMBER, "IS": Op.NUMBER, "CS": Op.CODE_STRING, "AS": Op.AGE, "SQ": Op.ITEMS}


@dataclass(frozen=True, slots=True)
class Rule:
    """How one attribute at one place is treated.

    Parameters
    ----------
    op : Op
    vr : str
        Value representation of the data dictionary; of an element in the file it may differ.
    name : str
        Keyword, or the tag in brackets.
    reason : str
        Why, in the words of the record.
    fallback : Op
        What happens when the value turns out to be no value of its representation.
    literal : str
        The value of `Op.LITERAL`.
    """

    op: Op
    vr: str
    name: str
    reason: str
    fallback: Op = Op.REMOVE
    literal: str = ""


@dataclass(slots=True, eq=False)
class RuleBook:
    """The rules of one profile for one data set or kind of item; each is worked out when it is first asked for.

    Parameters
    ----------
    profile : Profile
    definition : Definition
        What the object may hold here.
    is_strict : bool
        Whether this stands inside a sequence that the Basic Profile replaces: text becomes a dummy.
    is_nested : bool
        Whether this is a sequence item: pixels pass at the top only, where the caller looks at them.
    """

    profile: Profile
    definition: Definition
    is_strict: bool = False
    is_nested: bool = False
    _rules: dict[int, Rule] = field(default_factory=dict)
    _items: dict[int, RuleBook] = field(default_factory=dict)

    def rule(self, tag: int) -> Rule:
        """Return the rule of an attribute."""
        found = self._rules.get(tag)
        if found is None:
            found = self._rules[tag] = self._decide(tag)
        return found

    def private_rules(self, safe: Mapping[int, SafeElement]) -> dict[int, Rule]:
        """Return the rules of the private elements that `private.safe_elements` names; empty where none may stay."""
        if not self.profile.keeps_safe_private or self.is_strict:
            return {}
        return {tag: _private_rule(tag, found) for tag, found in safe.items()}

    def items(self, tag: int) -> RuleBook:
        """Return the rules inside a sequence."""
        found = self._items.get(tag)
        if found is None:
            strict = self.is_strict or self.profile.action(tag) in ("D", "X/D", "Z/D", "X/Z/D", "Z", "X/Z", "X")
            found = self._items[tag] = RuleBook(
                self.profile, self.definition.items(tag), is_strict=strict, is_nested=True
            )
        return found

    def _decide(self, tag: int) -> Rule:
        group = tag >> 16
        name = name_of(tag)
        if group & 1:
            return Rule(Op.REMOVE, "UN", name, PRIVATE)
        if tag == DOCUMENT_LENGTH:
            return Rule(Op.REMOVE, "UL", name, "length of the document that was taken out")
        if tag in PIXELS and not self.is_nested:
            return Rule(Op.KEEP, "OW", name, "pixel data")
        if tag in NO_LONGER_HOLDS:
            return Rule(Op.REMOVE, "UN", name, "no longer holds")
        if tag == CHARACTERISTICS and not self.profile.keeps_safe_private:
            return Rule(Op.REMOVE, "SQ", name, "speaks of private elements that go")
        if group >> 8 in (0x50, 0x60) or tag not in self.definition or tag in PIXELS:
            return Rule(Op.REMOVE, "UN", name, OUTSIDE)
        if tag in DECLARED:
            return Rule(Op.REMOVE, vr_of(tag), name, "stated anew")
        return self._resolve(tag, name)

    def _resolve(self, tag: int, name: str) -> Rule:
        vr = vr_of(tag)
        kind = self.definition.types[tag][0]
        letters = self.profile.action(tag)
        by_type = {"1": Op.DUMMY, "2": Op.EMPTY}.get(kind, Op.REMOVE)
        if tag in self.profile.replacements:
            return Rule(Op.LITERAL, vr, name, "profile", literal=self.profile.replacements[tag])
        if tag in (PATIENT_NAME, PATIENT_ID):
            return Rule(Op.PSEUDONYM, vr, name, "patient")
        if tag == ACCESSION_NUMBER and self.profile.maps_accessions:
            return Rule(Op.ACCESSION, vr, name, "profile", by_type)
        reason = f"{TABLE}: {letters}" if letters else f"kept by definition, VR {vr}"
        return Rule(self._op(tag, vr, letters, by_type), vr, name, reason, by_type)

    def _op(self, tag: int, vr: str, letters: str | None, by_type: Op) -> Op:
        if letters == "D" or (by_type is Op.DUMMY and letters in ("X", "Z", "X/Z", "X/D", "Z/D", "X/Z/D")):
            # a replaced sequence keeps its shape, and its texts become dummies
            return Op.ITEMS if vr == "SQ" else Op.INSTANCE_UID if vr == "UI" else Op.DUMMY
        if letters in ("Z", "Z/D"):
            return Op.EMPTY
        if letters in ("X", "X/Z", "X/D", "X/Z/D"):
            return by_type
        if letters == "U":
            return Op.INSTANCE_UID
        return self._kept(tag, vr, letters, by_type)

    def _kept(self, tag: int, vr: str, letters: str | None, by_type: Op) -> Op:
        if vr == "UI":
            return Op.UID_KEPT if letters == "K" or self.profile.keeps_uids else Op.UID
        if vr in DATES:
            return Op.FULL_DATE if self.profile.keeps_dates else Op.DATE if self.profile.shifts_dates else by_type
        if vr == "TM":
            return Op.TIME if self.profile.keeps_times else by_type
        if tag in self.profile.retained and vr in RETAINABLE:
            return Op.RETAINED
        if vr in SHORT_TEXTS or vr in LONG_TEXTS or tag == BODY_PART:
            return self._text(tag, vr, letters)
        if vr in SIMPLE:
            return SIMPLE[vr]
        if vr in ("PN", "AE", "UR", "UN"):
            return Op.TECHNICAL if letters == "K" and vr != "PN" else by_type
        return Op.REMOVE if letters == "C" else Op.KEEP

    def _text(self, tag: int, vr: str, letters: str | None) -> Op:
        if self.is_strict and tag not in MEANINGS and tag != BODY_PART and letters not in ("K", "C"):
            return Op.DUMMY
        if tag in MEANINGS:
            return Op.MEANING
        if vr in LONG_TEXTS:
            return Op.NARRATIVE
        return Op.DESCRIPTOR if letters == "C" or tag == BODY_PART else Op.TECHNICAL


def name_of(tag: int) -> str:
    """Return the keyword of an attribute, or its tag in brackets."""
    return keyword_for_tag(tag) or (NEWER[tag][0] if tag in NEWER else f"({tag >> 16:04X},{tag & 0xFFFF:04X})")


def vr_of(tag: int) -> str:
    """Return the value representation of the dictionary, also of attributes newer than its edition."""
    return NEWER[tag][1] if tag in NEWER else dictionary_VR(tag)


def _private_rule(tag: int, safe: SafeElement) -> Rule:
    name = name_of(tag)
    reason = f"{SAFE}, PS3.15 Table E.3.10-1" if safe.is_listed else f"{SAFE}, declared by the object"
    if is_creator(tag):
        # a creator of the table is nobody's name; a declared one may be anything
        return Rule(Op.KEEP if safe.is_listed else Op.TECHNICAL, "LO", name, reason)
    op = SIMPLE.get(safe.vr) or (Op.TECHNICAL if safe.vr in SHORT_TEXTS else Op.KEEP)
    return Rule(op, safe.vr, name, reason)


@lru_cache(maxsize=512)
def rules_for(profile: Profile, sop_class_uid: str) -> RuleBook | None:
    """Return the rules of a profile for a SOP Class, or None for an unknown SOP Class."""
    found = definition(sop_class_uid)
    return None if found is None else RuleBook(profile, found)
