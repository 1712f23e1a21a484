"""The selection protocol as a value: criteria over facts, decided in three ways: in, out, undecided.

A protocol is a versioned YAML file; its digest names its meaning. An unknown fact makes a criterion undecided (Kleene's
strong logic of three values), and an undecided criterion holds the file for a person: it is never silently out.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields, is_dataclass
from enum import StrEnum
from typing import Annotated, Any, Literal

import yaml
from pydantic import StringConstraints

from radcommons.records.documents import digest, parse
from radcommons.records.errors import DocumentError

PROTOCOL_SCHEMA = "radcommons/protocol/v1"

# What a site can know of a file from its header, its series and the clinical table; a protocol may use no other name.
FACTS: dict[str, str] = {
    "is_image": "The object has pixels.",
    "modality": "(0008,0060) Modality.",
    "sop_class": "(0008,0016) SOP Class UID.",
    "is_chest": "Body part, protocol or descriptions name the chest.",
    "age_years": "Age at the study, from (0010,1010), birth and study date, or the clinical table.",
    "sex": "F, M or O.",
    "is_axial": "The image plane is axial within 20 degrees.",
    "is_localizer": "(0008,0008) Image Type says LOCALIZER, or the description a scout.",
    "is_derived": "(0008,0008) Image Type says DERIVED or SECONDARY.",
    "is_projection_image": "Maximum or minimum intensity projection.",
    "slice_thickness_mm": "(0018,0050) Slice Thickness.",
    "view": "(0018,5101) View Position.",
    "rows": "(0028,0010) Rows.",
    "has_clinical_row": "The clinical table has the patient.",
    "rt_pcr_positive": "The clinical table reports a positive RT-PCR.",
    "igm_positive": "The clinical table reports positive IgM antibodies.",
    "clinical_diagnosis": "The clinical table reports a diagnosis by the hospital's own criteria.",
    "covid_suspected": "Imaging for suspected COVID-19, for example ICD-10-CM U07.1 among the diagnoses.",
    "covid_negative": "The clinical table reports a negative test and no positive one.",
}

FactValue = str | int | float | bool | None


class Verdict(StrEnum):
    """What a criterion says."""

    IN = "in"
    OUT = "out"
    UNDECIDED = "undecided"


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """One test of one fact, or a combination. Exactly one of `fact`, `all`, `any`, `not_` is given."""

    fact: str | None = None
    is_: bool | str | None = None
    one_of: tuple[str, ...] | None = None
    at_least: float | None = None
    at_most: float | None = None
    matches: str | None = None
    all: tuple[Condition, ...] | None = None
    any: tuple[Condition, ...] | None = None
    not_: Condition | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Criterion:
    """One criterion; `when` narrows the objects that it speaks of (others are in by it)."""

    id: Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9-]*$")]
    says: str
    test: Condition
    when: Condition | None = None
    level: Literal["patient", "study", "series", "instance"] = "instance"
    # A preference never excludes; it is noted, so that a site sees what the coalition would rather have.
    prefer: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class SelectionProtocol:
    """A versioned protocol file. `source` cites where the criteria come from."""

    schema: Literal["radcommons/protocol/v1"]
    id: Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9-]*$")]
    version: str
    title: str
    source: str
    criteria: tuple[Criterion, ...]

    @property
    def digest(self) -> str:
        """SHA-256 of the meaning: comments and layout of the file do not count."""
        return digest(_textual(self))

    def describe(self) -> Iterator[str]:
        """Yield the protocol as lines for people; the documentation shows the same lines."""
        yield f"{self.title} ({self.id}, version {self.version})"
        yield f"Source: {self.source}"
        for criterion in self.criteria:
            kind = "prefer" if criterion.prefer else "need"
            yield f"  {kind:6} {criterion.id:24} [{criterion.level}] {criterion.says}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """The verdict over all criteria, the criteria that decided it, and the preferences not met."""

    verdict: Verdict
    criteria: tuple[str, ...] = ()
    wishes: tuple[str, ...] = ()


def _textual(value: object) -> Any:
    """Return the protocol with its numbers as text, since signed digests are made over documents without floats."""
    if is_dataclass(value) and not isinstance(value, type):
        return {field.name: _textual(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, tuple):
        return [_textual(member) for member in value]
    return repr(value) if isinstance(value, float) else value


def parse_protocol(text: str) -> SelectionProtocol:
    """Return the protocol that a YAML text describes.

    Raises
    ------
    DocumentError
        If it is no YAML, does not fit the schema or names a fact that sites cannot know.
    """
    try:
        members = yaml.safe_load(text)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f" at line {mark.line + 1}" if mark else ""
        raise DocumentError(f"The protocol is no YAML{where}.", mend="Check indentation and quotes.") from error
    protocol = parse(SelectionProtocol, _spelled(members))
    for criterion in protocol.criteria:
        for condition in (criterion.test, *([criterion.when] if criterion.when else [])):
            _check(condition, where=criterion.id)
    if len({criterion.id for criterion in protocol.criteria}) != len(protocol.criteria):
        raise DocumentError("Two criteria of the protocol have one id.", mend="Give each criterion its own id.")
    return protocol


def _spelled(members: Any) -> Any:
    """Return YAML members with the words that Python reserves spelled as the fields are."""
    if isinstance(members, dict):
        words = {"is": "is_", "not": "not_"}
        return {words.get(str(name), str(name)): _spelled(member) for name, member in members.items()}
    return tuple(_spelled(member) for member in members) if isinstance(members, list) else members


def _check(condition: Condition, *, where: str) -> None:
    given = [name for name in ("fact", "all", "any", "not_") if getattr(condition, name) is not None]
    if len(given) != 1:
        raise DocumentError(f"A test of criterion '{where}' needs exactly one of fact, all, any, not.")
    if condition.fact is not None:
        if condition.fact not in FACTS:
            raise DocumentError(f"Criterion '{where}' names an unknown fact.", mend=f"Known are: {', '.join(FACTS)}.")
        tests = (condition.is_, condition.one_of, condition.at_least, condition.at_most, condition.matches)
        if all(test is None for test in tests):
            raise DocumentError(f"Criterion '{where}' tests nothing.", mend="Add is, one_of, at_least, ...")
        if condition.matches is not None:
            try:
                re.compile(condition.matches)
            except re.error as error:
                raise DocumentError(f"Criterion '{where}' holds a broken regular expression.") from error
    for nested in (*(condition.all or ()), *(condition.any or ()), *((condition.not_,) if condition.not_ else ())):
        _check(nested, where=where)


def holds(condition: Condition, facts: Mapping[str, FactValue]) -> bool | None:
    """Return whether the condition holds; None when the facts cannot tell."""
    if condition.not_ is not None:
        inner = holds(condition.not_, facts)
        return None if inner is None else not inner
    if condition.all is not None:
        answers = [holds(one, facts) for one in condition.all]
        return False if False in answers else None if None in answers else True
    if condition.any is not None:
        answers = [holds(one, facts) for one in condition.any]
        return True if True in answers else None if None in answers else False
    return _holds_fact(condition, facts.get(condition.fact or ""))


def _holds_fact(condition: Condition, value: FactValue) -> bool | None:
    if value is None or value == "":
        return None
    answers: list[bool] = []
    if condition.is_ is not None:
        answers.append(value == condition.is_)
    if condition.one_of is not None:
        answers.append(str(value).upper() in {one.upper() for one in condition.one_of})
    if condition.matches is not None:
        answers.append(re.search(condition.matches, str(value), re.IGNORECASE) is not None)
    if condition.at_least is not None or condition.at_most is not None:
        if isinstance(value, str):
            return None
        answers.append(condition.at_least is None or value >= condition.at_least)
        answers.append(condition.at_most is None or value <= condition.at_most)
    return all(answers)


def decide(protocol: SelectionProtocol, facts: Mapping[str, FactValue]) -> Decision:
    """Return what the protocol says of one object.

    Parameters
    ----------
    protocol : SelectionProtocol
    facts : mapping of a name in `FACTS` to its value
        A fact that is absent or None is unknown.

    Returns
    -------
    Decision
        OUT if one criterion is out, else UNDECIDED if one is undecided, else IN.
    """
    out: list[str] = []
    undecided: list[str] = []
    wishes: list[str] = []
    for criterion in protocol.criteria:
        concerned = True if criterion.when is None else holds(criterion.when, facts)
        if concerned is False:
            continue
        answer = holds(criterion.test, facts) if concerned else None
        if criterion.prefer:
            wishes += [] if answer else [criterion.id]
        elif answer is False:
            out.append(criterion.id)
        elif answer is None:
            undecided.append(criterion.id)
    verdict = Verdict.OUT if out else Verdict.UNDECIDED if undecided else Verdict.IN
    return Decision(verdict=verdict, criteria=tuple(out or undecided), wishes=tuple(wishes))
