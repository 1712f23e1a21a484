"""The selection protocol as a value: criteria over facts, decided in three ways: in, out, undecided.

A protocol is a versioned YAML file; its digest names its meaning. An unknown fact makes a criterion undecided (Kleene's
strong logic of three values), and an undecided criterion holds the file for a person: it is never silently out.
What a whole study shows comes after that: one series of several (`Choice`), and how many cases are wanted (`Quota`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields, is_dataclass
from enum import StrEnum
from typing import Annotated, Any, Literal

import yaml
from pydantic import StringConstraints

from radcommons.records.documents import digest, parse
from radcommons.records.errors import DocumentError
from radcommons.records.protocol_facts import FACTS as FACTS
from radcommons.records.protocol_facts import SERIES_FACTS, Condition, check_condition, facts_of, holds
from radcommons.records.protocol_facts import FactValue as FactValue

PROTOCOL_SCHEMA = "radcommons/protocol/v1"
Name = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9-]*$", max_length=40)]


class Verdict(StrEnum):
    """What a criterion says."""

    IN = "in"
    OUT = "out"
    UNDECIDED = "undecided"


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

    @property
    def needs_series(self) -> bool:
        """Whether it can only be decided when the images of a series lie side by side."""
        asked = [*facts_of(self.test), *(facts_of(self.when) if self.when else ())]
        return any(name in SERIES_FACTS for name in asked)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rank:
    """One step of a ranking: series that pass a test before others, or those with the most or least of a number."""

    says: str
    test: Condition | None = None
    most: str | None = None
    least: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """Of the series of a study that `when` speaks of, one goes; the first step of `rank` that differs decides."""

    id: Name
    says: str
    rank: tuple[Rank, ...]
    when: Condition | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Quota:
    """How many cases of a kind are wanted from a site.

    Parameters
    ----------
    of : Condition
        Which series make their study such a case.
    target : int, optional
        So many are wanted; or, with `match`, `each` times as many as cases of that other quota.
    counts : {"studies", "patients"}
    per : {"month"}, optional
        The target is meant for each calendar month of the examination.
    over : {"take", "hold", "exclude"}
        What becomes of a case when the target is reached: it goes all the same, a person is asked, or it stays out.
    """

    id: Name
    says: str
    of: Condition
    target: int | None = None
    match: str | None = None
    each: float = 1.0
    counts: Literal["studies", "patients"] = "studies"
    per: Literal["month"] | None = None
    over: Literal["take", "hold", "exclude"] = "take"


@dataclass(frozen=True, slots=True, kw_only=True)
class SelectionProtocol:
    """A versioned protocol file. `source` cites where the criteria come from."""

    schema: Literal["radcommons/protocol/v1"]
    id: Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9-]*$")]
    version: str
    title: str
    source: str
    criteria: tuple[Criterion, ...]
    one_series: tuple[Choice, ...] = ()
    quotas: tuple[Quota, ...] = ()

    @property
    def digest(self) -> str:
        """SHA-256 of the meaning: comments and layout of the file do not count."""
        members = _textual(self)
        # A protocol that says nothing of these keeps the digest that it had before there was anything to say.
        return digest({name: value for name, value in members.items() if value or name not in _LATER})

    def describe(self) -> Iterator[str]:
        """Yield the protocol as lines for people; the documentation shows the same lines."""
        yield f"{self.title} ({self.id}, version {self.version})"
        yield f"Source: {self.source}"
        for criterion in self.criteria:
            kind = "prefer" if criterion.prefer else "need"
            yield f"  {kind:6} {criterion.id:24} [{criterion.level}] {criterion.says}"
        for choice in self.one_series:
            yield f"  one    {choice.id:24} [study] {choice.says}"
            for number, rank in enumerate(choice.rank, start=1):
                yield f"           {number}. {rank.says}"
        for quota in self.quotas:
            yield f"  quota  {quota.id:24} [{quota.counts}] {quota.says} {_wanted(quota)}"


_LATER = ("one_series", "quotas")
_OVER = {"take": "more are welcome", "hold": "more wait for a person", "exclude": "more stay out"}


def _wanted(quota: Quota) -> str:
    number = f"{quota.target}" if quota.match is None else f"{quota.each:g} for each of '{quota.match}'"
    return f"Wanted: {number}{' a month' if quota.per else ''}; {_OVER[quota.over]}."


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
            check_condition(condition, where=criterion.id)
    if len({criterion.id for criterion in protocol.criteria}) != len(protocol.criteria):
        raise DocumentError("Two criteria of the protocol have one id.", mend="Give each criterion its own id.")
    _check_choices(protocol)
    _check_quotas(protocol)
    return protocol


def _spelled(members: Any) -> Any:
    """Return YAML members with the words that Python reserves spelled as the fields are."""
    if isinstance(members, dict):
        words = {"is": "is_", "not": "not_"}
        return {words.get(str(name), str(name)): _spelled(member) for name, member in members.items()}
    return tuple(_spelled(member) for member in members) if isinstance(members, list) else members


def _check_choices(protocol: SelectionProtocol) -> None:
    if len({choice.id for choice in protocol.one_series}) != len(protocol.one_series):
        raise DocumentError("Two choices of 'one_series' have one id.", mend="Give each choice its own id.")
    numbers = {*SERIES_FACTS, "slice_thickness_mm", "rows"}
    for choice in protocol.one_series:
        if choice.when is not None:
            check_condition(choice.when, where=choice.id)
        for rank in choice.rank:
            given = [one for one in (rank.test, rank.most, rank.least) if one is not None]
            if len(given) != 1:
                raise DocumentError(f"A rank of '{choice.id}' needs exactly one of test, most, least.")
            if rank.test is not None:
                check_condition(rank.test, where=choice.id)
            elif (rank.most or rank.least) not in numbers:
                known = ", ".join(sorted(numbers))
                raise DocumentError(f"A rank of '{choice.id}' needs a fact that is a number.", mend=f"Known: {known}.")


def _check_quotas(protocol: SelectionProtocol) -> None:
    by_id = {quota.id: quota for quota in protocol.quotas}
    if len(by_id) != len(protocol.quotas):
        raise DocumentError("Two quotas of the protocol have one id.", mend="Give each quota its own id.")
    for quota in protocol.quotas:
        check_condition(quota.of, where=quota.id)
        if (quota.target is None) is (quota.match is None):
            raise DocumentError(f"Quota '{quota.id}' needs either a target or a match.")
        if (quota.target or 0) < 0 or quota.each <= 0:
            raise DocumentError(f"Quota '{quota.id}' wants less than nothing.", mend="Give a number above zero.")
        if quota.match is not None:
            other = by_id.get(quota.match)
            if other is None or other.match is not None:
                raise DocumentError(f"Quota '{quota.id}' matches no quota that has a target of its own.")
            if other.counts != quota.counts or other.per != quota.per:
                raise DocumentError(f"Quota '{quota.id}' counts otherwise than '{other.id}', which it matches.")


def decide(protocol: SelectionProtocol, facts: Mapping[str, FactValue], *, of_series: bool = False) -> Decision:
    """Return what the protocol says of one object, or of one series.

    Parameters
    ----------
    protocol : SelectionProtocol
    facts : mapping of a name in `FACTS` to its value
        A fact that is absent or None is unknown.
    of_series : bool
        Asks the criteria over `SERIES_FACTS` and no others; without it those wait.

    Returns
    -------
    Decision
        OUT if one criterion is out, else UNDECIDED if one is undecided, else IN.
    """
    out: list[str] = []
    undecided: list[str] = []
    wishes: list[str] = []
    for criterion in protocol.criteria:
        if criterion.needs_series is not of_series:
            continue
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
