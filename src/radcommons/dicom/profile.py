"""A de-identification profile: which options of PS3.15 Annex E hold, and what else; a file that prints itself."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from importlib.resources import files
from pathlib import Path
from types import MappingProxyType

from pydicom.datadict import keyword_for_tag

from radcommons.dicom._tables.ps3_15_e1 import BASIC, EDITION, MASKS
from radcommons.dicom._tables.ps3_15_e1_options import EDITION as OPTIONS_EDITION
from radcommons.dicom._tables.ps3_15_e1_options import OPTIONS
from radcommons.dicom.profile_file import ProfileFile, parse_profile
from radcommons.records.errors import DocumentError, NotFound

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
MODIFIED_DATES = "113107"
RETAINED_UIDS = "113110"
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

    @property
    def codes(self) -> tuple[str, ...]:
        """Codes of PS3.16 CID 7050 for (0012,0064), Basic Profile first."""
        return ("113100", *sorted(option.code for option in self.file.options))

    @property
    def shifts_dates(self) -> bool:
        """Whether dates are shifted; otherwise they are removed."""
        return self.file.dates == "shifted"

    @property
    def maps_accessions(self) -> bool:
        """Whether accession numbers are replaced by keyed ones; otherwise they are emptied."""
        return self.file.accession == "mapped"

    @property
    def keeps_uids(self) -> bool:
        """Whether the Retain UIDs option holds."""
        return RETAINED_UIDS in self.codes

    @property
    def keeps_unknown_words(self) -> bool:
        """Whether words outside the lexicon stay in descriptions."""
        return self.file.unknown_words == "keep"

    @cached_property
    def digest(self) -> str:
        """SHA-256 of what the profile means, as canonical JSON: the same for two files that differ in comments."""
        meaning = {
            **self.file.as_dict(),
            "tables": {"basic": EDITION, "options": OPTIONS_EDITION},
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
        yield f"Tables: PS3.15 Table E.1-1, Basic Profile column {EDITION}, option columns {OPTIONS_EDITION}."
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
        yield "- Only attributes of the object's definition (PS3.3) pass; private attributes, curves and overlays go."
        yield "- UIDs are mapped with the site's key at every depth; UIDs of the standard and of terminologies stay."
        if self.shifts_dates:
            yield "- Dates are shifted by one number of days per patient (1 to 3650, into the past); times of day stay."
        else:
            yield "- Dates and times are removed, or are dummies where the object must have one."
        yield "- The birth date is emptied; an age of 90 or more becomes `090Y`; the offset from UTC is removed."
        ways = "replaced by keyed ones" if self.maps_accessions else "emptied"
        yield f"- Accession numbers are {ways}."
        yield "- In every text, names, numbers, birth date and places known of the patient go, so do e-mail addresses,"
        yield "  phone numbers, titles with a name, and long numbers; in typed text dates as well."
        if self.keeps_unknown_words:
            yield "- Words outside the lexicon stay in descriptions."
        else:
            yield "- In descriptions, words of three letters and more that the lexicon does not hold go;"
            yield "  in sentences, those that do not begin with a small letter."

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


def shipped_profiles() -> tuple[str, ...]:
    """Return the names of the profiles in the package."""
    folder = files("radcommons.dicom").joinpath("profiles")
    return tuple(sorted(entry.name.removesuffix(".yaml") for entry in folder.iterdir() if entry.name.endswith(".yaml")))


def load_profile(name_or_path: str | Path) -> Profile:
    """Return a shipped profile by name, or one from a file.

    Raises
    ------
    NotFound
        If there is neither such a profile nor such a file.
    DocumentError
        If the file says something that cannot be; names the place and the remedy.
    """
    if str(name_or_path) in shipped_profiles():
        return _shipped(str(name_or_path))
    path = Path(name_or_path)
    if not path.is_file():
        known = ", ".join(shipped_profiles())
        raise NotFound("There is no such profile and no such file.", mend=f"Shipped profiles: {known}.")
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise DocumentError("The profile is not UTF-8 text.", mend="Save the file as UTF-8.") from error
    return Profile(parse_profile(text, source=path.name))


@lru_cache(maxsize=16)
def _shipped(name: str) -> Profile:
    text = files("radcommons.dicom").joinpath("profiles", f"{name}.yaml").read_text(encoding="utf-8")
    return Profile(parse_profile(text, source=f"{name}.yaml"))
