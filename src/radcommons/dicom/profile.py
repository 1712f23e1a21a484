"""A de-identification profile: which options of PS3.15 Annex E hold, and what else; a file that prints itself."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from pathlib import Path
from types import MappingProxyType

from pydicom.datadict import keyword_for_tag

from radcommons.dicom._tables.ps3_15_e1 import BASIC, EDITION, MASKS
from radcommons.dicom._tables.ps3_15_e1_options import EDITION as OPTIONS_EDITION
from radcommons.dicom._tables.ps3_15_e1_options import OPTIONS
from radcommons.dicom._tables.safe_private import EDITION as PRIVATE_EDITION
from radcommons.dicom.profile_file import ProfileFile
from radcommons.dicom.profile_sources import load_option as load_option
from radcommons.dicom.profile_sources import read_profile
from radcommons.dicom.profile_sources import shipped_options as shipped_options
from radcommons.dicom.profile_sources import shipped_profiles as shipped_profiles

# PS3.16 CID 7050; 113100 is the Basic Profile itself and always holds.
CODE_MEANINGS = {
    "113100": "Basic Application Confidentiality Profile",
    "113101": "Clean Pixel Data Option",
    "113102": "Clean Recognizable Visual Features Option",
    "113103": "Clean Graphics Option",
    "113104": "Clean Structured Content Option",
    "113105": "Clean Descriptors Option",
    "113106": "Retain Longitudinal Temporal Information Full Dates Option",
    "113107": "Retain Longitudinal Temporal Information Modified Dates Option",
    "113108": "Retain Patient Characteristics Option",
    "113109": "Retain Device Identity Option",
    "113110": "Retain UIDs Option",
    "113111": "Retain Safe Private Option",
    "113112": "Retain Institution Identity Option",
}
CLEAN_PIXELS, CLEAN_FACES, CLEAN_GRAPHICS, CLEAN_STRUCTURED = "113101", "113102", "113103", "113104"
FULL_DATES, MODIFIED_DATES = "113106", "113107"
RETAINED_DEVICE, RETAINED_UIDS, SAFE_PRIVATE, RETAINED_INSTITUTION = "113109", "113110", "113111", "113112"
# What a header alone cannot make true: the caller who looked at the pixels states it.
OF_PIXELS = frozenset({CLEAN_PIXELS, CLEAN_FACES})
LETTERS = {
    "X": "removed (emptied or replaced by a dummy where the object must have it)",
    "Z": "emptied (a dummy where the object must have a value)",
    "D": "replaced by a dummy",
    "K": "kept, after a search for the patient's identity",
    "C": "cleaned: identity and words outside the lexicon go, dates are shifted",
    "U": "UID mapped",
}


@dataclass(frozen=True, eq=False)
class Profile:
    """One profile, ready to be asked for the action of an attribute.

    Parameters
    ----------
    file : ProfileFile
        What the file says.
    """

    file: ProfileFile
    replacements: Mapping[int, str] = field(init=False)

    def __post_init__(self) -> None:
        replaced = {tag: rule.value for tag, rule in self.file.rules.items() if rule.value is not None}
        object.__setattr__(self, "replacements", MappingProxyType(replaced))

    @property
    def id(self) -> str:
        """Its name: lower case, digits and hyphens."""
        return self.file.id

    @property
    def version(self) -> str:
        """Its version, as text."""
        return self.file.version

    @property
    def title(self) -> str:
        """What a person reads in a list."""
        return self.file.title

    @cached_property
    def codes(self) -> tuple[str, ...]:
        """Codes of PS3.16 CID 7050 for (0012,0064), Basic Profile first."""
        return ("113100", *sorted(option.code for option in self.file.options))

    def has(self, code: str) -> bool:
        """Whether an option of PS3.16 CID 7050 holds."""
        return code in self._codes

    @cached_property
    def _codes(self) -> frozenset[str]:
        return frozenset(self.codes)

    @cached_property
    def header_codes(self) -> tuple[str, ...]:
        """Codes that hold of every object whose header went through: those of the pixels are not among them."""
        return tuple(code for code in self.codes if code not in OF_PIXELS)

    @property
    def cleans_pixels(self) -> bool:
        """Whether text in pixels is looked for and removed, or the object held (113101)."""
        return self.has(CLEAN_PIXELS)

    @property
    def cleans_faces(self) -> bool:
        """Whether recognizable features must be removed by a plug-in, or the object held (113102)."""
        return self.has(CLEAN_FACES)

    @property
    def cleans_graphics(self) -> bool:
        """Whether graphic annotations stay with cleaned text (113103)."""
        return self.has(CLEAN_GRAPHICS)

    @property
    def cleans_structured(self) -> bool:
        """Whether content items stay with cleaned text (113104)."""
        return self.has(CLEAN_STRUCTURED)

    @property
    def keeps_safe_private(self) -> bool:
        """Whether private elements that are known or declared to be safe stay (113111)."""
        return self.has(SAFE_PRIVATE)

    @property
    def keeps_dates(self) -> bool:
        """Whether dates stay as they are, under the agreement that the profile names (113106)."""
        return self.file.dates == "full"

    @property
    def keeps_times(self) -> bool:
        """Whether times of day stay where dates stay or are shifted."""
        return self.file.dates != "removed" and self.file.times == "keep"

    @property
    def keeps_weekdays(self) -> bool:
        """Whether dates are shifted by whole weeks."""
        return self.file.weekdays == "keep"

    @property
    def uid_root(self) -> str:
        """The organisation's root for new UIDs; empty for 2.25."""
        return self.file.uid_root

    @property
    def agreement(self) -> str:
        """The agreement that allows full dates; empty where there are none."""
        return self.file.agreement

    @property
    def temporal_information(self) -> str:
        """The value of (0028,0303) that agrees with the date option."""
        return {"full": "UNMODIFIED", "shifted": "MODIFIED", "removed": "REMOVED"}[self.file.dates]

    @cached_property
    def retained(self) -> frozenset[int]:
        """Attributes that the options for devices and institutions keep, whatever is known of places and numbers."""
        codes = (RETAINED_DEVICE, RETAINED_INSTITUTION)
        return frozenset(tag for tag, letter in self._overlay.items() if letter == "K" and self._comes_of(tag, codes))

    def _comes_of(self, tag: int, codes: tuple[str, ...]) -> bool:
        return tag not in self.file.rules and any(
            o.code in codes and tag in OPTIONS.get(o.code, {}) and (not o.only or tag in o.only)
            for o in self.file.options
        )

    @property
    def shifts_dates(self) -> bool:
        """Whether dates are shifted (113107)."""
        return self.file.dates == "shifted"

    @property
    def maps_accessions(self) -> bool:
        """Whether accession numbers are replaced by keyed ones; otherwise they are emptied."""
        return self.file.accession == "mapped"

    @property
    def keeps_uids(self) -> bool:
        """Whether the Retain UIDs option holds."""
        return self.has(RETAINED_UIDS)

    @property
    def keeps_unknown_words(self) -> bool:
        """Whether words outside the lexicon stay in descriptions."""
        return self.file.unknown_words == "keep"

    @cached_property
    def digest(self) -> str:
        """SHA-256 of what the profile means, as canonical JSON: the same for two files that differ in comments."""
        meaning = {
            **self.file.as_dict(),
            "tables": {"basic": EDITION, "options": OPTIONS_EDITION, "private": PRIVATE_EDITION},
            "actions": {f"{tag:08X}": letters for tag, letters in sorted(self._overlay.items())},
        }
        canonical = json.dumps(meaning, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
        return hashlib.sha256(canonical.encode()).hexdigest()

    @cached_property
    def _overlay(self) -> dict[int, str]:
        actions: dict[int, str] = {}
        for option in self.file.options:
            rows = OPTIONS.get(option.code, {})
            actions |= {tag: letter for tag, letter in rows.items() if not option.only or tag in option.only}
        actions |= {tag: rule.action for tag, rule in self.file.rules.items() if rule.action}
        return actions

    def action(self, tag: int) -> str | None:
        """Return the letters that hold for an attribute at any depth; None where the table says nothing."""
        found = self._overlay.get(tag) or BASIC.get(tag)
        if found is None and tag >> 24 in (0x50, 0x60):
            return next((letters for value, mask, letters in MASKS if tag & mask == value), None)
        return found

    def describe(self) -> Iterator[str]:
        """Yield the profile as the lines of a Markdown page: its options, its ways, and each rule beyond the table."""
        yield f"# {self.title} (`{self.id}`, version {self.version})"
        yield ""
        yield f"Digest: `{self.digest}`."
        yield f"Tables: PS3.15 Table E.1-1, Basic Profile column {EDITION}, option columns {OPTIONS_EDITION};"
        yield f"Table E.3.10-1 (safe private attributes) {PRIVATE_EDITION}."
        yield ""
        yield "| code | option | limited to |"
        yield "|---|---|---|"
        limits = {option.code: ", ".join(sorted(_name(tag) for tag in option.only)) for option in self.file.options}
        for code in self.codes:
            yield f"| {code} | {CODE_MEANINGS[code]} | {limits.get(code) or '-'} |"
        yield ""
        yield from self._describe_ways()
        yield ""
        yield "| attribute | tag | action | why |"
        yield "|---|---|---|---|"
        yield from self._describe_rules()

    def _describe_ways(self) -> Iterator[str]:
        private = "pass where listed or declared safe" if self.keeps_safe_private else "go"
        yield f"- Only attributes of the object's definition (PS3.3) pass; private elements {private}."
        yield "- Curves, overlays, digital signatures and encrypted originals go."
        yield from self._describe_uids()
        yield from self._describe_dates()
        yield "- The birth date is emptied; an age of 90 or more becomes `090Y`."
        ways = "replaced by keyed ones" if self.maps_accessions else "emptied"
        yield f"- Accession numbers are {ways}."
        yield from self._describe_pixels()
        yield "- In every text, names, numbers, birth date and places known of the patient go, so do e-mail addresses,"
        yield "  phone numbers, titles with a name, and long numbers; in typed text dates as well."
        if self.keeps_unknown_words:
            yield "- Words outside the lexicon stay in descriptions."
        else:
            yield "- In descriptions, words of three letters and more that the lexicon does not hold go;"
            yield "  in sentences, those that do not begin with a small letter."

    def _describe_uids(self) -> Iterator[str]:
        if self.keeps_uids:
            yield "- UIDs stay as they are."
        else:
            where = f"under {self.uid_root.rstrip('.')}" if self.uid_root else "under 2.25"
            yield f"- UIDs are mapped with the site's key at every depth, to new ones {where};"
            yield "  UIDs of the standard, of terminologies and of vendors' SOP Classes stay."

    def _describe_dates(self) -> Iterator[str]:
        if self.keeps_dates:
            yield f"- Dates stay as they are, as this agreement allows: {self.agreement}."
        elif self.shifts_dates:
            days = "whole weeks, 7 to 3647 days" if self.keeps_weekdays else "1 to 3650"
            yield f"- Dates are shifted by one number of days per patient ({days}, into the past)."
        else:
            yield "- Dates and times are removed, or are dummies where the object must have one."
            return
        times = "stay" if self.keeps_times else "go, also from values that hold both date and time"
        zone = "" if self.keeps_dates else "; the offset from UTC is removed"
        yield f"- Times of day {times}{zone}."

    def _describe_pixels(self) -> Iterator[str]:
        if self.cleans_pixels:
            yield "- Text in pixels is looked for and removed, or the object is held; 113101 is stated only of objects"
            yield "  whose frames were all looked at."
        if self.cleans_faces:
            yield "- Faces are not removed here: what may show one is held, unless a plug-in that removes faces is"
            yield "  installed; 113102 is stated only where it ran."

    def _describe_rules(self) -> Iterator[str]:
        for tag, letters in sorted(self._overlay.items()):
            rule = self.file.rules.get(tag)
            codes = [
                o.code for o in self.file.options if tag in OPTIONS.get(o.code, {}) and (not o.only or tag in o.only)
            ]
            yield f"| {_name(tag)} | {_brackets(tag)} | {letters} | {rule.why if rule else ', '.join(codes)} |"
        for tag in sorted(self.replacements):
            yield f"| {_name(tag)} | {_brackets(tag)} | value of the profile | {self.file.rules[tag].why} |"


def _name(tag: int) -> str:
    return keyword_for_tag(tag) or _brackets(tag)


def _brackets(tag: int) -> str:
    return f"({tag >> 16:04X},{tag & 0xFFFF:04X})"


def load_profile(name_or_path: str | Path) -> Profile:
    """Return a shipped profile by name, one from a file, or several joined by plus signs (``basic+clean-graphics``).

    Raises
    ------
    NotFound
        If there is neither such a profile or option nor such a file.
    DocumentError
        If the file says something that cannot be; names the place and the remedy.
    """
    name = str(name_or_path)
    return _shipped(name) if name in shipped_profiles() else Profile(read_profile(name))


@lru_cache(maxsize=16)
def _shipped(name: str) -> Profile:
    return Profile(read_profile(name))
