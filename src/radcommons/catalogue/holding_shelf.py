"""The indexes that stand in memory: who is answered by which, and how they follow releases and withdrawals."""

from __future__ import annotations

import logging
from collections import OrderedDict
from collections.abc import Iterable
from concurrent.futures import Future
from concurrent.futures import wait as wait_for
from dataclasses import dataclass
from threading import Lock, Thread

import sqlalchemy as sa

from radcommons.catalogue import incidents
from radcommons.catalogue import tables as t
from radcommons.catalogue.facets import FacetIndex
from radcommons.catalogue.holding_columns import Columns
from radcommons.catalogue.holding_index import grown, made_index, thinned, thinned_index
from radcommons.catalogue.submissions import batches
from radcommons.catalogue.visibility import visible_releases
from radcommons.catalogue.withdrawals import DIGEST
from radcommons.platform.database import reading
from radcommons.records.event import Actor

_KEPT = 4
PATIENCE_S = 0.3
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Holding:
    """An index with the columns that it was made of, and the withdrawals that it knows of."""

    columns: Columns
    index: FacetIndex
    taken_back: frozenset[str]

    @property
    def releases(self) -> frozenset[str]:
        """Return the releases that are counted."""
        return frozenset(self.columns.age)


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """What answers now: an index, and how many releases that the actor may open are not yet counted in it."""

    index: FacetIndex
    awaited: int


class Shelf:
    """The indexes by the releases they hold; the one that was used longest ago leaves.

    Parameters
    ----------
    patience_s : float
        How long who asks waits for an index that is being made while another one stands.

    Notes
    -----
    Each question asks the database which releases the actor may see, and how many withdrawals there are. Both are
    written in the transaction that changes what is served, and neither is ever taken away, so that a change that has
    happened is seen by the next question. (The feeds would not do: a withdrawal that begins before a release is
    committed, and ends after it, has no entry there.)
    """

    def __init__(self, *, patience_s: float = PATIENCE_S) -> None:
        self._lock, self._thin = Lock(), Lock()
        self._patience_s = patience_s
        self._making: dict[frozenset[str], Future[None]] = {}
        self._held: OrderedDict[frozenset[str], Holding] = OrderedDict()
        self._reopened = 0

    def index(self, engine: sa.Engine, actor: Actor) -> FacetIndex:
        """Return the index that answers an actor now."""
        return self.standing(engine, actor).index

    def standing(self, engine: sa.Engine, actor: Actor) -> Standing:
        """Return what answers an actor now; what was withdrawn is never in it.

        Notes
        -----
        An index of fewer releases than the actor may open answers while that of all of them is made beside; one that
        holds a release that they may not open never does. Only where none stands is the first one waited for.
        """
        with reading(engine) as connection:
            query = sa.select(t.release.c.id).where(visible_releases(actor))
            releases = frozenset(connection.execute(query).scalars())
            self._begin_anew(incidents.reopened(connection))
        found = self._best(releases)
        if found is None or found.releases != releases:
            made = self._made(engine, releases, base=found)
            wait_for([made], timeout=None if found is None else self._patience_s)
            if made.done() and found is None:
                made.result()  # its fault is the asker's where nothing stands
            found = self._best(releases)
            if found is None:  # others were asked for so often meanwhile that it has left
                return self.standing(engine, actor)
        with reading(engine) as connection:  # after any waiting, so that what came meanwhile counts
            known = _taken_back(connection)
        if not known <= found.taken_back:
            found = self._thinned(engine, found)
        return Standing(index=found.index, awaited=len(releases - found.releases))

    def warm(self, engine: sa.Engine, actor: Actor) -> None:
        """Begin to make the index of an actor, so that the first who asks need not wait for it."""
        with reading(engine) as connection:
            releases = frozenset(connection.execute(sa.select(t.release.c.id).where(visible_releases(actor))).scalars())
        self._made(engine, releases, base=None)

    def _begin_anew(self, reopened: int) -> None:
        """Forget every index when an incident was a false alarm: what was taken out of them is served again."""
        with self._lock:
            if reopened != self._reopened:
                self._held.clear()
                self._reopened = reopened

    def _best(self, releases: frozenset[str]) -> Holding | None:
        with self._lock:
            fits = [one for one in self._held if one <= releases]
            if not fits:
                return None
            best = max(fits, key=len)
            self._held.move_to_end(best)
            return self._held[best]

    def _made(self, engine: sa.Engine, releases: frozenset[str], *, base: Holding | None) -> Future[None]:
        """Return the making of an index, begun by the first who asks for it."""
        with self._lock:
            making = self._making.get(releases)
            if making is not None:
                return making
            making = self._making[releases] = Future()
        Thread(target=self._make, args=(engine, releases, base, making), daemon=True, name="explore").start()
        return making

    def _make(self, engine: sa.Engine, releases: frozenset[str], base: Holding | None, making: Future[None]) -> None:
        fault: Exception | None = None
        try:
            with reading(engine) as connection:
                # Read first: what is withdrawn from here on is settled again by whoever asks next.
                back = base.taken_back if base else _taken_back(connection)
                columns = grown(connection, base.columns if base else Columns(), sorted(releases - _names(base)))
            self._keep(Holding(columns=columns, index=made_index(columns), taken_back=back), under=releases)
        except Exception as error:  # told to who waits; who does not is answered by what stands
            fault = error
            _log.warning("an index of explore could not be made: %s", type(error).__name__)
        with self._lock:
            self._making.pop(releases, None)
        if fault is None:
            making.set_result(None)
        else:
            making.set_exception(fault)

    def _keep(self, holding: Holding, *, under: frozenset[str]) -> None:
        with self._lock:
            self._held[under] = holding
            self._held.move_to_end(under)
            while len(self._held) > _KEPT:
                self._held.popitem(last=False)

    def _thinned(self, engine: sa.Engine, holding: Holding) -> Holding:
        """Return a holding without what was taken back since; the others who ask wait for the first."""
        with self._thin:
            with self._lock:
                newest = self._held.get(holding.releases)
                holding = newest if newest and newest.taken_back >= holding.taken_back else holding
            with reading(engine) as connection:
                everything = _taken_back(connection)
                more = everything - holding.taken_back
                if not more:
                    return holding
                columns, keep = thinned(connection, holding.columns, _digests(connection, more))
            index = thinned_index(holding.index, columns, keep)
            made = Holding(columns=columns, index=index, taken_back=everything)
            with self._lock:
                if holding.releases in self._held:
                    self._held[holding.releases] = made
            return made


def _names(base: Holding | None) -> frozenset[str]:
    return base.releases if base else frozenset()


def _taken_back(connection: sa.Connection) -> frozenset[str]:
    """Return what takes something out of what is served: withdrawals, and identity incidents."""
    return frozenset(connection.execute(sa.select(t.withdrawal.c.id)).scalars()) | incidents.markers(connection)


def _digests(connection: sa.Connection, withdrawals: Iterable[str]) -> list[str]:
    c, withdrawals = t.withdrawn.c, frozenset(withdrawals)
    found = incidents.digests_of(connection, withdrawals)
    for some in batches(sorted(withdrawals)):
        found += connection.execute(sa.select(c.value).where(c.withdrawal_id.in_(some), c.kind == DIGEST)).scalars()
    return found
