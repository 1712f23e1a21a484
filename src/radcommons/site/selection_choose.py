"""Choose one series of a study by the protocol's ranking, and say in words why; a ranking that cannot tell asks.

Pure: series come in as facts.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from radcommons.records.protocol import Choice, FactValue, Rank
from radcommons.records.protocol_facts import holds


@dataclass(frozen=True, slots=True, kw_only=True)
class Rival:
    """One series that may be chosen.

    Parameters
    ----------
    uid : str
    facts : mapping
    first_file : int
        The earliest of its files: where all is equal, the series that came first goes.
    is_sent : bool
        Files of it went out already; what went out stays chosen.
    """

    uid: str
    facts: Mapping[str, FactValue]
    first_file: int
    is_sent: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Chosen:
    """What a choice says.

    Parameters
    ----------
    kept : str
        UID of the series that goes; empty where the ranking cannot tell.
    why : dict
        Reason by UID for each series that does not go.
    open_rank : int
        The step (from 1) that could not be decided, 0 when all could.
    asked : tuple of str
        The series about which that step must be answered.
    waiting : tuple of str
        All that wait for the answer.
    """

    kept: str = ""
    why: Mapping[str, str] = field(default_factory=dict)
    open_rank: int = 0
    asked: tuple[str, ...] = ()
    waiting: tuple[str, ...] = ()


def choose(choice: Choice, rivals: Sequence[Rival], *, answers: Mapping[tuple[int, str], bool]) -> Chosen:
    """Return which series goes.

    Parameters
    ----------
    choice : Choice
    rivals : sequence of Rival
        The series that `choice.when` speaks of, at least one.
    answers : mapping of (step, UID) to bool
        What a person said about a series at a step of the ranking.
    """
    why: dict[str, str] = {}
    sent = [one for one in rivals if one.is_sent]
    if sent:
        return Chosen(
            kept=sent[0].uid,
            why={one.uid: "Another series of this study went out already." for one in rivals if not one.is_sent},
        )
    left = sorted(rivals, key=lambda one: one.first_file)
    for step, rank in enumerate(choice.rank, start=1):
        if len(left) == 1:
            break
        found = {one.uid: _standing(rank, one, answers.get((step, one.uid))) for one in left}
        unknown = tuple(one.uid for one in left if found[one.uid] is None)
        if unknown:
            return Chosen(why=why, open_rank=step, asked=unknown, waiting=tuple(one.uid for one in left))
        best = max(value for value in found.values() if value is not None)
        for one in left:
            if found[one.uid] != best:
                why[one.uid] = f"Another series of this study was preferred: {rank.says}"
        left = [one for one in left if found[one.uid] == best]
    for one in left[1:]:
        why[one.uid] = "Another series of this study was preferred: both are alike, and it came first."
    return Chosen(kept=left[0].uid, why=why)


def _standing(rank: Rank, rival: Rival, answer: bool | None) -> float | None:
    """Return how a series stands at a step, more is better; None where the facts do not tell."""
    if rank.test is not None:
        held = holds(rank.test, rival.facts) if answer is None else answer
        return None if held is None else float(held)
    value = rival.facts.get(rank.most or rank.least or "")
    if isinstance(value, bool) or not isinstance(value, int | float):
        # A number that nobody can be asked for: the series goes behind those that have it.
        return float("-inf")
    return float(value) if rank.most else -float(value)
