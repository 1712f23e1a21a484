"""What a fetch found and what came of it: every line, every study and every instance in one outcome."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from radcommons.site.clinical_take import Matches
from radcommons.site.fetch_choose import WORDS
from radcommons.site.fetch_find import LineOutcome, Plan, StudyPlan
from radcommons.site.fetch_list import LineProblem
from radcommons.site.fetch_state import COMPLETE, EXCLUDED, FAILED, MOVED, PARTIAL, WAITING, WITHDRAWN

# From the worst: a study is as its worst series is.
_WORST_FIRST = (FAILED, MOVED, PARTIAL, WAITING, COMPLETE)


@dataclass(frozen=True, slots=True, kw_only=True)
class SeriesOutcome:
    """What came of a series.

    Parameters
    ----------
    expected : int or None
        Instances that the peer named; None where it does not tell.
    here, new : int
        Instances that are here now, and those of them that came with this call.
    strangers : int
        Objects that came though nobody had asked for them; they were refused.
    differing : int
        Instances that came twice with other bytes; both are kept apart, and a person decides.
    """

    state: str
    code: str = ""
    expected: int | None = None
    here: int = 0
    new: int = 0
    size: int = 0
    strangers: int = 0
    differing: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class StudyOutcome:
    """What came of a study; `line` is where the list asked for it, since its names stay out of reports."""

    line: int
    state: str
    series: int
    expected: int
    here: int
    new: int
    excluded: Mapping[str, int]
    codes: tuple[str, ...] = ()
    strangers: int = 0
    differing: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class FetchReport:
    """The report of one call."""

    peer: str
    lines: tuple[LineOutcome, ...]
    problems: tuple[LineProblem, ...]
    studies: tuple[StudyOutcome, ...]
    size: int
    seconds: float
    what_if: bool
    added: Mapping[str, int] = field(default_factory=dict)
    problem: str = ""
    clinical: Matches | None = None

    @property
    def is_clean(self) -> bool:
        """Say whether everything that was asked for is here, or was left out by rule."""
        fine = (COMPLETE, EXCLUDED, WITHDRAWN, *((WAITING,) if self.what_if else ()))
        return (
            not self.problems
            and not self.problem
            and all(line.code == "found" and not line.moved for line in self.lines)
            and all(one.state in fine and not one.differing and not one.strangers for one in self.studies)
        )

    def members(self) -> dict[str, Any]:
        """Return the report for programs: counts first, then every line and study."""
        return {
            "peer": self.peer,
            "what_if": self.what_if,
            "lines": dict(Counter(line.code for line in self.lines)),
            "studies": dict(Counter(one.state for one in self.studies)),
            "series": sum(one.series for one in self.studies),
            "instances": {
                "expected": sum(one.expected for one in self.studies),
                "here": sum(one.here for one in self.studies),
                "new": sum(one.new for one in self.studies),
                "not_asked_for": sum(one.strangers for one in self.studies),
                "differing": sum(one.differing for one in self.studies),
            },
            "excluded_series": dict(self._excluded()),
            "not_asked_answers": sum(line.strangers for line in self.lines),
            "bytes": self.size,
            "seconds": round(self.seconds, 2),
            "mb_per_s": round(self.size / 1e6 / self.seconds, 1) if self.seconds else 0.0,
            "added": dict(self.added),
            "problem": self.problem,
            "clinical": None if self.clinical is None else _fits(self.clinical),
            "list_problems": [asdict(one) for one in self.problems],
            "by_line": [asdict(line) for line in self.lines],
            "by_study": [asdict(one) for one in self.studies],
        }

    def sentences(self) -> Iterator[str]:
        """Yield the report for people."""
        for word, count in Counter(line.code for line in self.lines).items():
            numbers = [str(line.line) for line in self.lines if line.code == word]
            where = "" if word == "found" else f" (line {', '.join(numbers[:12])}{', ...' if count > 12 else ''})"
            yield f"{count:>6} lines {WORDS.get(word, word)}{where}"
        for state, count in Counter(one.state for one in self.studies).items():
            word = "would be fetched" if self.what_if and state == WAITING else WORDS.get(state, state)
            of = [one for one in self.studies if one.state == state]
            share = f"{sum(one.here for one in of)} of {sum(one.expected for one in of)} instances"
            yield f"{count:>6} studies {word}" + (f": {share}" if state in _WORST_FIRST else "")
        for criterion, count in self._excluded().items():
            yield f"{count:>6} series left out by criterion '{criterion}'"
        if self.clinical is not None:
            yield from (f"clinical table: {sentence}" for sentence in self.clinical.sentences())
        yield from self._warnings()

    def _excluded(self) -> Counter[str]:
        total: Counter[str] = Counter()
        for one in self.studies:
            total.update(one.excluded)
        return total

    def _warnings(self) -> Iterator[str]:
        strangers = sum(one.strangers for one in self.studies)
        answers = sum(line.strangers for line in self.lines)
        differing = sum(one.differing for one in self.studies)
        moved = sum(line.moved for line in self.lines)
        if strangers:
            yield f"{strangers:>6} objects came that nobody had asked for; they were refused."
        if answers:
            yield f"{answers:>6} answers did not fit their question and were left out: the peer may ignore a key."
        if differing:
            yield f"{differing:>6} instances came twice with other bytes; both wait in `site review`."
        if moved:
            yield f"{moved:>6} studies of an earlier fetch no longer answer to their line: moved or deleted."
        for one in self.problems:
            yield f"line {one.line} of the list {one.message}"


def _fits(found: Matches) -> dict[str, Any]:
    """Return how a clinical table fits, by rows: its numbers stay out of reports."""
    return {
        "known": found.exact,
        "nobody": [list(rows) for _, rows in found.nobody],
        "two": [list(rows) for _, rows in found.two],
        "alike": [{"rows": list(one.rows), "how": one.how} for one in found.alike],
        "without_row": found.without_row,
        "is_probably_wrong": found.looks_wrong,
    }


def summed(planned: StudyPlan, outcomes: Sequence[SeriesOutcome]) -> StudyOutcome:
    """Return what came of a study from its series."""
    states = {one.state for one in outcomes}
    state = next((word for word in _WORST_FIRST if word in states), planned.state)
    return StudyOutcome(
        line=planned.line,
        state=state,
        series=len(planned.tasks),
        expected=sum(one.expected or 0 for one in outcomes) if outcomes else planned.expected,
        here=sum(one.here for one in outcomes),
        new=sum(one.new for one in outcomes),
        excluded=planned.excluded,
        codes=tuple(sorted({one.code for one in outcomes if one.code})),
        strangers=sum(one.strangers for one in outcomes),
        differing=sum(one.differing for one in outcomes),
    )


def reported(
    plan: Plan,
    outcomes: Mapping[str, Sequence[SeriesOutcome]],
    *,
    peer: str,
    problems: Sequence[LineProblem],
    seconds: float,
    what_if: bool,
    added: Mapping[str, int],
    problem: str = "",
    clinical: Matches | None = None,
) -> FetchReport:
    """Return the report of a plan and of what came of it, by study UID."""
    return FetchReport(
        peer=peer,
        lines=tuple(plan.lines),
        problems=tuple(problems),
        studies=tuple(summed(one, outcomes.get(uid, ())) for uid, one in plan.studies.items()),
        size=sum(one.size for several in outcomes.values() for one in several),
        seconds=seconds,
        what_if=what_if,
        added=added,
        problem=problem,
        clinical=clinical,
    )
