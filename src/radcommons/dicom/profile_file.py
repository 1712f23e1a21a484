"""The YAML form of a de-identification profile, read strictly: what is not understood is refused, with its place."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, NoReturn

import yaml
from pydicom.datadict import dictionary_VR, tag_for_keyword

from radcommons.dicom._tables.ps3_15_e1_options import OPTIONS
from radcommons.records.errors import DocumentError

OPTION_CODES = frozenset(f"1131{number:02d}" for number in range(1, 13))
FULL_DATES, MODIFIED_DATES, RETAINED_UIDS = "113106", "113107", "113110"
# These options speak of other things than single attributes of the table.
WHOLE = frozenset({"113101", "113102", "113111"})
FIELDS = frozenset({
    "id", "version", "title", "extends", "without", "options", "dates", "agreement", "times", "weekdays", "accession",
    "uid_root", "unknown_words", "rules",
})  # fmt: skip
ACTIONS = frozenset({"X", "Z", "D", "K", "C", "U"})
IDENTIFIER = re.compile(r"[a-z][a-z0-9-]{1,39}")
# Room for a number of 96 bits and more within the 64 characters of a UID.
UID_ROOT = re.compile(r"[0-2](\.(0|[1-9][0-9]*))+\.")
LONGEST_ROOT = 34
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
    agreement: str
    times: str
    weekdays: str
    accession: str
    uid_root: str
    unknown_words: str
    rules: Mapping[int, ExtraRule]

    def renamed(self, name: str) -> ProfileFile:
        """Return the same under the name of a composition."""
        return replace(self, id=name)

    def as_dict(self) -> dict[str, Any]:
        """Return its meaning as plain values, without titles and reasons."""
        return {
            "id": self.id,
            "version": self.version,
            "options": [[option.code, sorted(option.only)] for option in self.options],
            "dates": self.dates,
            "agreement": self.agreement,
            "times": self.times,
            "weekdays": self.weekdays,
            "accession": self.accession,
            "uid_root": self.uid_root,
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
        if row.get("only") and code in WHOLE:
            self.refuse(where, f"{code} cannot be limited to attributes", "Leave `only` out.")
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
        if dictionary_VR(tag) == "UI" and action in ("K", "C"):
            self.refuse(where, "a UID is kept by option 113110 alone", "Use `action: U`, or add the option.")
        if not isinstance(why, str) or not why.strip():
            self.refuse(where, "gives no reason", "Add `why:` with one sentence.")
        return tag, ExtraRule(action, value, why.strip())

    def agree(self, document: dict[str, Any], options: tuple[Option, ...]) -> str:
        """Return the way of dates; refuse what contradicts itself."""
        codes = {option.code for option in options}
        if {FULL_DATES, MODIFIED_DATES} <= codes:
            self.refuse("`options`", "113106 and 113107 contradict each other", "Keep full dates or shifted ones.")
        way = "full" if FULL_DATES in codes else "shifted" if MODIFIED_DATES in codes else "removed"
        if document.get("dates", way) != way:
            self.refuse(
                "`dates`",
                "does not agree with the options",
                "Shifted dates and option 113107 go together, and full dates and option 113106.",
            )
        has_agreement = bool(str(document.get("agreement") or "").strip())
        if has_agreement != (way == "full"):
            self.refuse(
                "`agreement`",
                "missing for option 113106, or stated without it",
                "Full dates need `agreement:` with a reference to what allows them, and nothing else does.",
            )
        if way != "shifted" and "weekdays" in document:
            self.refuse("`weekdays`", "says something where no date is shifted", "Leave it out.")
        if RETAINED_UIDS in codes and document.get("uid_root"):
            self.refuse("`uid_root`", "is for mapped UIDs, and option 113110 keeps them", "Leave one of them out.")
        return way

    def root(self, document: dict[str, Any]) -> str:
        """Return the organisation's own root for new UIDs, empty for 2.25."""
        value = document.get("uid_root") or ""
        if value and (not isinstance(value, str) or not UID_ROOT.fullmatch(value) or len(value) > LONGEST_ROOT):
            self.refuse(
                "`uid_root`",
                f"no UID root of at most {LONGEST_ROOT} characters that ends with a dot",
                'Write the root that was registered for you, for example uid_root: "1.2.3.4."',
            )
        return str(value)

    def unique(self, entries: list[Any], name: str, what: str) -> None:
        """Refuse an entry that stands twice."""
        for entry in entries:
            if entries.count(entry) > 1:
                self.refuse(f"`{name}`", f"{what} stands twice", "Leave one of the entries out.")


def read_document(text: str, *, source: str) -> dict[str, Any]:
    """Return the fields of a profile file, before they are understood.

    Raises
    ------
    DocumentError
        If it is no YAML, no mapping, or has an unknown field.
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
    return document


def names_of_bases(document: Mapping[str, Any], *, source: str) -> tuple[str, ...]:
    """Return the profiles and options that a file extends, in order."""
    value = document.get("extends") or []
    names = [value] if isinstance(value, str) else value
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        _Reader(source).refuse("`extends`", "not a name or a list of names", "Write, for example, extends: [basic].")
    return tuple(names)


def merged(bases: Sequence[Mapping[str, Any]], own: Mapping[str, Any], *, source: str) -> dict[str, Any]:
    """Return one document out of those it extends and its own; the later one wins, by option, by rule and by field.

    ``without`` names the codes of options that the bases have and this file takes away.
    """
    reader = _Reader(source)
    result: dict[str, Any] = {}
    options: dict[str, Any] = {}
    rules: dict[str, Any] = {}
    for document in (*bases, own):
        for row in reader.rows(dict(document), "options", frozenset({"code", "only"})):
            options[str(row.get("code"))] = row
        for row in reader.rows(dict(document), "rules", RULE_FIELDS):
            rules[str(row.get("attribute"))] = row
        result |= {key: value for key, value in document.items() if key not in ("extends", "without")}
    if "dates" not in own:
        result.pop("dates", None)  # what the bases said of dates follows from the options that are left
    for code in map(str, own.get("without") or []):
        if code not in options:
            reader.refuse("`without`", f"{code!r} is no option of what this file extends", "Leave it out.")
        del options[code]
    return result | {"options": list(options.values()), "rules": list(rules.values())}


RULE_FIELDS = frozenset({"attribute", "action", "value", "why"})


def parse_profile(text: str, *, source: str) -> ProfileFile:
    """Return what a profile file that extends nothing says; see `understand`."""
    return understand(read_document(text, source=source), source=source)


def understand(document: dict[str, Any], *, source: str) -> ProfileFile:
    """Return what the fields of a profile mean.

    Parameters
    ----------
    document : dict
    source : str
        Name of the file, for error messages.

    Raises
    ------
    DocumentError
        If a field is malformed, or fields contradict each other; says where and how to mend it.
    """
    reader = _Reader(source)
    options = tuple(
        reader.option(row, number)
        for number, row in enumerate(reader.rows(document, "options", frozenset({"code", "only"})), 1)
    )
    reader.unique([option.code for option in options], "options", "an option")
    rules = [reader.rule(row, number) for number, row in enumerate(reader.rows(document, "rules", RULE_FIELDS), 1)]
    reader.unique([tag for tag, _ in rules], "rules", "an attribute")
    dates = reader.agree(document, options)
    return ProfileFile(
        id=reader.text(document, "id", IDENTIFIER, "radcommons"),
        version=reader.text(document, "version", re.compile(r"[0-9]+(\.[0-9]+)*"), "1"),
        title=reader.text(document, "title", re.compile(r"\S.{2,99}"), "Chest imaging"),
        options=options,
        dates=dates,
        agreement=str(document.get("agreement") or "").strip(),
        times=reader.choice(document, "times", ("keep", "remove")),
        weekdays=reader.choice(document, "weekdays", ("any", "keep")),
        accession=reader.choice(document, "accession", ("empty", "mapped")),
        uid_root=reader.root(document),
        unknown_words=reader.choice(document, "unknown_words", ("remove", "keep")),
        rules=dict(rules),
    )
