"""The YAML form of a de-identification profile, read strictly: what is not understood is refused, with its place."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NoReturn

import yaml
from pydicom.datadict import dictionary_VR, tag_for_keyword

from radcommons.dicom._tables.ps3_15_e1_options import OPTIONS
from radcommons.records.errors import DocumentError

OPTION_CODES = frozenset(f"1131{number:02d}" for number in range(1, 13))
# What nothing here does yet; a profile may not claim it.
UNSUPPORTED = {
    "113102": "faces are not removed",
    "113106": "full dates need a stated agreement",
    "113111": "private attributes are always removed",
}
FIELDS = frozenset({"id", "version", "title", "options", "dates", "accession", "unknown_words", "rules"})
ACTIONS = frozenset({"X", "Z", "D", "K", "C", "U"})
IDENTIFIER = re.compile(r"[a-z][a-z0-9-]{1,39}")
# No rule may let these through.
UNTOUCHABLE = frozenset({"PatientName", "PatientID", "PatientBirthDate", "OtherPatientIDs", "OtherPatientIDsSequence"})
TEXT_VRS = frozenset({"LO", "SH", "ST", "LT", "UT", "UC", "CS"})


@dataclass(frozen=True, slots=True)
class Option:
    """One option of PS3.15 Annex E, whole or limited to some attributes."""

    code: str
    only: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True)
class ExtraRule:
    """A rule of the profile for one attribute: an action letter, or a fixed value."""

    action: str | None
    value: str | None
    why: str


@dataclass(frozen=True, slots=True, eq=False)
class ProfileFile:
    """What a profile file says, checked."""

    id: str
    version: str
    title: str
    options: tuple[Option, ...]
    dates: str
    accession: str
    unknown_words: str
    rules: Mapping[int, ExtraRule]

    def as_dict(self) -> dict[str, Any]:
        """Return its meaning as plain values, without titles and reasons."""
        return {
            "id": self.id,
            "version": self.version,
            "options": [[option.code, sorted(option.only)] for option in self.options],
            "dates": self.dates,
            "accession": self.accession,
            "unknown_words": self.unknown_words,
            "rules": {f"{tag:08X}": [rule.action, rule.value] for tag, rule in sorted(self.rules.items())},
        }


class _Reader:
    """Reads one file; every refusal says where."""

    def __init__(self, source: str) -> None:
        self.source = source

    def refuse(self, where: str, what: str, mend: str) -> NoReturn:
        raise DocumentError(f"Profile {self.source}, {where}: {what}.", mend=mend)

    def text(self, document: dict[str, Any], name: str, pattern: re.Pattern[str], example: str) -> str:
        value = document.get(name)
        if not isinstance(value, str) or not pattern.fullmatch(value):
            self.refuse(f"`{name}`", "missing or malformed", f'Write it as text, for example {name}: "{example}".')
        return value

    def choice(self, document: dict[str, Any], name: str, choices: tuple[str, ...]) -> str:
        value = document.get(name, choices[0])
        if value not in choices:
            self.refuse(f"`{name}`", "not one of the choices", f"Use one of: {', '.join(choices)}.")
        return str(value)

    def rows(self, document: dict[str, Any], name: str, fields: frozenset[str]) -> list[dict[str, Any]]:
        value = document.get(name) or []
        if not isinstance(value, list) or not all(isinstance(row, dict) for row in value):
            self.refuse(f"`{name}`", "not a list of entries", "Begin each entry with a dash.")
        for number, row in enumerate(value, 1):
            if unknown := sorted(map(str, set(row) - fields)):
                self.refuse(
                    f"`{name}` entry {number}", f"unknown field {unknown[0]!r}", f"Known: {', '.join(sorted(fields))}."
                )
        return value

    def tag(self, keyword: object, where: str) -> int:
        tag = tag_for_keyword(str(keyword))
        if tag is None:
            self.refuse(where, f"{keyword!r} is no keyword of the data dictionary", "Use keywords such as StudyID.")
        return int(tag)

    def option(self, row: dict[str, Any], number: int) -> Option:
        where = f"`options` entry {number}"
        code = str(row.get("code"))
        if code not in OPTION_CODES:
            self.refuse(where, f"{code!r} is no option code", "Use a code of PS3.16 CID 7050, 113101 to 113112.")
        if code in UNSUPPORTED:
            self.refuse(where, f"{code} is not supported, {UNSUPPORTED[code]}", "Leave the option out.")
        only = frozenset(self.tag(keyword, where) for keyword in row.get("only") or [])
        if not only <= OPTIONS.get(code, {}).keys():
            self.refuse(where, f"`only` names an attribute that {code} does not speak of", "Leave it out there.")
        return Option(code, only)

    def rule(self, row: dict[str, Any], number: int) -> tuple[int, ExtraRule]:
        where = f"`rules` entry {number}"
        tag = self.tag(row.get("attribute"), where)
        action, value, why = row.get("action"), row.get("value"), row.get("why")
        if (action is None) == (value is None):
            self.refuse(where, "needs either an action or a value", 'Add `action: Z` or `value: "..."`, not both.')
        if action is not None and action not in ACTIONS:
            self.refuse(where, "unknown action", f"Use one of: {', '.join(sorted(ACTIONS))}.")
        if value is not None and (not isinstance(value, str) or dictionary_VR(tag) not in TEXT_VRS):
            self.refuse(where, "a fixed value is for text attributes only", "Use an action instead.")
        if row["attribute"] in UNTOUCHABLE and action in ("K", "C", None):
            self.refuse(where, "this attribute may not be let through", "Leave the entry out.")
        if not isinstance(why, str) or not why.strip():
            self.refuse(where, "gives no reason", "Add `why:` with one sentence.")
        return tag, ExtraRule(action, value, why.strip())


def parse_profile(text: str, *, source: str) -> ProfileFile:
    """Return what a profile file says.

    Parameters
    ----------
    text : str
    source : str
        Name of the file, for error messages.

    Raises
    ------
    DocumentError
        If it is no YAML, has an unknown field, or contradicts itself; says where and how to mend it.
    """
    reader = _Reader(source)
    try:
        document = yaml.safe_load(text)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        place = f"line {mark.line + 1}" if mark else "somewhere"
        raise DocumentError(
            f"Profile {source}, {place}: not YAML.", mend="Check indentation and quotes there."
        ) from error
    if not isinstance(document, dict):
        reader.refuse("line 1", "not a mapping of fields", "Begin with `id: name`.")
    if unknown := sorted(map(str, set(document) - FIELDS)):
        reader.refuse(f"`{unknown[0]}`", "unknown field", f"Known: {', '.join(sorted(FIELDS))}.")
    options = tuple(
        reader.option(row, number)
        for number, row in enumerate(reader.rows(document, "options", frozenset({"code", "only"})), 1)
    )
    dates = reader.choice(document, "dates", ("removed", "shifted"))
    if (dates == "shifted") != any(option.code == "113107" for option in options):
        reader.refuse("`dates`", "does not agree with option 113107", "Shifted dates and option 113107 go together.")
    rule_fields = frozenset({"attribute", "action", "value", "why"})
    rules = [reader.rule(row, number) for number, row in enumerate(reader.rows(document, "rules", rule_fields), 1)]
    return ProfileFile(
        id=reader.text(document, "id", IDENTIFIER, "radcommons"),
        version=reader.text(document, "version", re.compile(r"[0-9]+(\.[0-9]+)*"), "1"),
        title=reader.text(document, "title", re.compile(r"\S.{2,99}"), "Chest imaging"),
        options=options,
        dates=dates,
        accession=reader.choice(document, "accession", ("empty", "mapped")),
        unknown_words=reader.choice(document, "unknown_words", ("remove", "keep")),
        rules=dict(rules),
    )
