"""The index of what a hub holds, on both databases: made, grown, thinned, and never stale."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

import radcommons
from radcommons.catalogue import holding_index, holding_shelf
from radcommons.catalogue import tables as t
from radcommons.catalogue.facets import Asked, FacetIndex
from radcommons.catalogue.holding_columns import Columns
from radcommons.catalogue.holding_index import FACETS, grown, made_index
from radcommons.catalogue.holding_shelf import Shelf
from radcommons.catalogue.releases import kept
from radcommons.catalogue.visibility import SERVED
from radcommons.hub.withdraw import withdraw_here
from radcommons.platform.database import reading
from radcommons.records.event import ANONYMOUS, Actor, Role
from radcommons.records.lifecycle import INSTANCE, InstanceState
from radcommons.records.terms import Tier
from radcommons.testing import servers
from unit.access.commons import BRAVO, CURATOR, Commons, fill, image

ADMINISTRATOR = Actor(id="account:2", name="Administrator", roles=frozenset({Role.ADMINISTRATOR}))
Says = dict[str, dict[str, int]]


@pytest.fixture(params=["sqlite", "postgresql"])
def commons(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Commons]:
    """A filled commons on each database."""
    database = ""
    if request.param == "postgresql":
        server = request.getfixturevalue("postgres_server")
        database = servers.new_database(server, "h" + re.sub(r"\W", "", tmp_path.name)[-40:].lower())
    made = fill(Commons(tmp_path, database_url=database))
    yield made
    made.platform.engine.dispose()


def says(index: FacetIndex, **chosen: str) -> Says:
    """Return what an index says: every count that is not 0, and the studies found in each order."""
    found = index.ask(Asked(chosen={name: (value,) for name, value in chosen.items()}))
    made = {
        name: {value: int(n) for value, n in zip(index.facets[name].values, found.counts[name], strict=True) if n}
        for name, _ in FACETS
    }
    made |= {by: {index.uids[one]: place for place, one in enumerate(index.sorted(found, by))} for by in index.order}
    return made


def afresh(commons: Commons, *releases: str) -> FacetIndex:
    """Return the index of releases made from nothing."""
    with reading(commons.platform.engine) as connection:
        return made_index(grown(connection, Columns(), releases))


def take_back(commons: Commons, **named: tuple[str, ...]) -> None:
    """Withdraw by the hub's own verb."""
    withdraw_here(**named, reason="error", platform=commons.platform, actor=ADMINISTRATOR)  # type: ignore[arg-type]


def test_an_index_says_what_is_held(commons: Commons) -> None:
    """Each facet of a release, read from either database."""
    told = says(afresh(commons, "chest-1"))
    assert told["modality"] == {"CT": 1, "CR": 1}
    assert told["sex"] == {"Female": 1, "Male": 1}
    assert told["age"] == {"60–69": 1, "40–49": 1}
    assert told["body"] == {"Chest": 2}
    assert told["manufacturer"] == {"Not recorded": 2}
    assert told["site"] == {"ALFA": 1, "BRAVO": 1}
    assert told["release"] == {"chest-1": 2}
    assert list(told["largest"]) == ["2.25.10", "2.25.11"]


def test_growing_is_making_anew(commons: Commons) -> None:
    """Releases added one by one, an older one last, give the same index as all at once."""
    more = image(study="2.25.10", series="2.25.29", uid="2.25.39", modality="CR", value=9)
    commons.load(more, image(study="2.25.13", series="2.25.23", uid="2.25.33"), dataset="chest")
    commons.release("chest")
    with reading(commons.platform.engine) as connection:
        columns = grown(connection, Columns(), ["chest-2"])
        columns = grown(connection, grown(connection, columns, ["closed-1"]), ["chest-1"])
    every = afresh(commons, "chest-1", "chest-2", "closed-1")
    for chosen in ({}, {"modality": "CR"}, {"release": "chest-2"}, {"sex": "Female"}):
        grew, new = says(made_index(columns), **chosen), says(every, **chosen)
        assert {k: v for k, v in grew.items() if k not in every.order} == {
            k: v for k, v in new.items() if k not in every.order
        }
    assert made_index(columns).order.keys() == every.order.keys()
    assert says(every)["modality"] == {"CT": 3, "CR": 2}


def test_a_withdrawal_counts_at_once(commons: Commons) -> None:
    """The hub's own verb on an instance, a study and a patient: the next question says what a new index says."""
    spare = image(study="2.25.13", series="2.25.23", uid="2.25.33", value=5)
    digest = commons.load(
        image(study="2.25.10", series="2.25.29", uid="2.25.39", modality="CR"), spare, dataset="chest"
    )
    commons.release("chest")
    shelf, engine = Shelf(patience_s=30), commons.platform.engine
    assert says(shelf.index(engine, ANONYMOUS))["modality"] == {"CT": 2, "CR": 2}
    for named in ({"digests": (digest[0],)}, {"studies": ("2.25.13",)}, {"patients": (BRAVO,)}):
        take_back(commons, **named)
        standing = says(shelf.index(engine, ANONYMOUS))
        with reading(engine) as connection:  # each withdrawal makes a new version as well
            new = says(afresh(commons, *(one.id for one in kept(connection) if one.dataset == "chest")))
        assert {name: standing[name] for name, _ in FACETS} == {name: new[name] for name, _ in FACETS}
        assert set(standing["largest"]) == set(new["largest"])
    assert standing["modality"] == {"CT": 1}
    assert shelf.index(engine, ANONYMOUS).held == 1


def test_a_withdrawal_during_the_making_is_not_lost(commons: Commons, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is taken back between the reading and the keeping of an index is settled by the next question."""
    real: Callable[..., FacetIndex] = holding_index.made_index

    def made(columns: Columns) -> FacetIndex:
        take_back(commons, studies=("2.25.11",))
        return real(columns)

    monkeypatch.setattr(holding_shelf, "made_index", made)
    shelf = Shelf(patience_s=30)
    for _ in range(2):
        assert says(shelf.index(commons.platform.engine, ANONYMOUS))["modality"] == {"CT": 1}


def test_who_asks_is_answered_by_what_stands(commons: Commons, monkeypatch: pytest.MonkeyPatch) -> None:
    """While a release is added nobody waits, the answer says so, and a withdrawal counts all the same."""
    shelf, engine = Shelf(patience_s=0.01), commons.platform.engine
    shelf.index(engine, ANONYMOUS)
    with _held_up(monkeypatch) as let_go:
        commons.load(image(study="2.25.13", series="2.25.23", uid="2.25.33"), dataset="chest")
        commons.release("chest")
        standing = shelf.standing(engine, ANONYMOUS)
        assert (standing.index.held, standing.awaited) == (2, 1)
        take_back(commons, studies=("2.25.11",))
        standing = shelf.standing(engine, ANONYMOUS)
        assert (standing.index.held, standing.awaited) == (1, 2)  # the new version waits as well
        let_go.set()
        shelf._patience_s = 30
        standing = shelf.standing(engine, ANONYMOUS)
        assert (standing.index.held, standing.awaited) == (2, 0)
        assert set(says(standing.index)["name"]) == {"2.25.10", "2.25.13"}


@contextmanager
def _held_up(monkeypatch: pytest.MonkeyPatch) -> Iterator[threading.Event]:
    """Hold up whoever makes an index until the event is set."""
    real, let_go = holding_index.grown, threading.Event()

    def later(*given: object) -> Columns:
        assert let_go.wait(30)
        return real(*given)  # type: ignore[arg-type]

    monkeypatch.setattr(holding_shelf, "grown", later)
    yield let_go
    let_go.set()


def test_what_stands_for_others_never_answers(commons: Commons, monkeypatch: pytest.MonkeyPatch) -> None:
    """A curator's index with a closed release stands, and a visitor waits for their own."""
    commons.dataset("secret", tier=Tier.CONTROLLED)
    commons.load(image(study="2.25.50", series="2.25.51", uid="2.25.52"), dataset="secret")
    commons.release("secret")
    shelf, engine = Shelf(patience_s=0.01), commons.platform.engine
    assert shelf.index(engine, CURATOR).held == 4
    assert shelf.index(engine, ANONYMOUS).held == 2
    with _held_up(monkeypatch):
        registered = shelf.standing(engine, Actor(id="account:3", name="R", roles=frozenset({Role.RESEARCHER})))
    assert (registered.index.held, registered.awaited) == (2, 1)


def test_a_clinical_row_of_a_newer_release_speaks(commons: Commons) -> None:
    """Growing takes over what a newer manifest says of a study that was there before, and an older one's not."""
    with commons.platform.engine.begin() as connection:
        for release, result in (("chest-1", "Negative"), ("closed-1", "Positive")):
            row = f'{{"clinical":[{{"patient":"{BRAVO}","test_result":"{result}","days_from_test_to_study":5}}]}}'
            values = {"manifest": row, "created_at": f"2026-01-0{1 + (release == 'closed-1')}T00:00:00Z"}
            connection.execute(t.release.update().where(t.release.c.id == release).values(**values))
    for order in (("chest-1", "closed-1"), ("closed-1", "chest-1")):
        with reading(commons.platform.engine) as connection:
            columns = Columns()
            for release in order:
                columns = grown(connection, columns, [release])
        told = says(made_index(columns))
        assert told["test"] == {"Test positive": 1, "Not recorded": 2}
        assert told["days"] == {"4 to 7": 1, "Not recorded": 2}


def test_nothing_leaves_but_by_a_withdrawal_or_an_incident() -> None:
    """The shelf counts both: no other arrow leads out of what is served, and one place alone goes each way."""
    out = {after for (state, _), after in INSTANCE.items() if state in SERVED and after not in SERVED}
    assert out == {InstanceState.SEALED, InstanceState.WITHDRAWN}
    folder = Path(radcommons.__path__[0])
    for event, place in (("WITHDRAW", "hub/withdraw.py"), ("SEAL", "catalogue/incidents.py")):
        takers = {
            path.relative_to(folder).as_posix()
            for room in ("hub", "catalogue", "access", "web", "cli")
            for path in (folder / room).rglob("*.py")
            if f"InstanceEvent.{event}" in path.read_text()
        }
        assert takers == {place}
