"""The lifecycle tables are complete, closed, and the only way from state to state."""

from __future__ import annotations

from enum import StrEnum
from typing import Any

import pytest

from radcommons.records.errors import WrongState
from radcommons.records.lifecycle import (
    FILE,
    GRANT,
    INCIDENT,
    INSTANCE,
    REQUEST,
    SEALABLE,
    SUBMISSION,
    FileEvent,
    FileState,
    GrantEvent,
    GrantState,
    IncidentEvent,
    IncidentState,
    InstanceEvent,
    InstanceState,
    RequestEvent,
    RequestState,
    SubmissionEvent,
    SubmissionState,
    advance,
)

TABLES: list[tuple[dict[Any, Any], type[StrEnum], type[StrEnum], StrEnum]] = [
    (FILE, FileState, FileEvent, FileState.SEEN),
    (SUBMISSION, SubmissionState, SubmissionEvent, SubmissionState.ANNOUNCED),
    (INSTANCE, InstanceState, InstanceEvent, InstanceState.ANNOUNCED),
    (REQUEST, RequestState, RequestEvent, RequestState.DRAFT),
    (GRANT, GrantState, GrantEvent, GrantState.LIVE),
    (INCIDENT, IncidentState, IncidentEvent, IncidentState.SEALED),
]
ARROWS = [
    pytest.param(table, state, event, id=f"{states.__name__}-{state}-{event}")
    for table, states, events, _ in TABLES
    for state in states
    for event in events
]


@pytest.mark.parametrize(("table", "state", "event"), ARROWS)
def test_only_the_tables_arrows_are_possible(table: Any, state: StrEnum, event: StrEnum) -> None:
    """An arrow of the table leads to its state; every other pair is refused."""
    if (state, event) in table:
        assert advance(table, state, event) == table[state, event]
    else:
        with pytest.raises(WrongState):
            advance(table, state, event)


@pytest.mark.parametrize(
    ("table", "states", "events", "first"), TABLES, ids=lambda value: getattr(value, "__name__", "")
)
def test_every_state_can_be_reached(table: Any, states: type[StrEnum], events: type[StrEnum], first: StrEnum) -> None:
    """No state of a table is dead, and each event is used."""
    reached, grew = {first}, True
    while grew:
        following = {after for (before, _), after in table.items() if before in reached} - reached
        grew = bool(following)
        reached |= following
    assert reached == set(states)
    assert {event for _, event in table} == set(events)


def test_a_false_alarm_leads_back() -> None:
    """Whatever was sealed can be again what it was, and nothing else."""
    for state in SEALABLE:
        sealed = advance(INSTANCE, state, InstanceEvent.SEAL)
        assert advance(INSTANCE, sealed, InstanceEvent(f"unseal-{state}")) is state


def test_withdrawal_works_in_every_state() -> None:
    """Whatever became of an instance at the hub, the site can take it back (design, section 5)."""
    for state in InstanceState:
        if state is not InstanceState.WITHDRAWN:
            assert advance(INSTANCE, state, InstanceEvent.WITHDRAW) is InstanceState.WITHDRAWN
