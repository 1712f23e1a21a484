"""The first day, step by step: where this gateway stands and what to do next."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field

import sqlalchemy as sa

from radcommons.platform.clock import instant
from radcommons.records.errors import RadcommonsError
from radcommons.site import canary, officer
from radcommons.site.hub import Hub
from radcommons.site.join import hub_key
from radcommons.site.pacs import echo, parse_peer
from radcommons.site.sessions import SiteSession
from radcommons.site.settings import STANDING_AGREEMENT
from radcommons.site.store import Store
from radcommons.site.tables import arrival, file, submission
from radcommons.site.users import SiteRole, needs_second_factor, users

PACS_ECHO = "pacs-echo"


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One step of the first day.

    Parameters
    ----------
    name : str
        Stable; pages and tests go by it.
    state : str
        ``done``, ``next``, ``open`` or ``wrong``.
    words : str
        How it stands.
    todo : str
        What to do, empty when it is done.
    command : str
        The command that does it, empty where the page does.
    """

    name: str
    title: str
    state: str
    words: str
    todo: str = ""
    command: str = ""


def steps(store: Store) -> tuple[Step, ...]:
    """Return the steps; the first one that is not done is the next one."""
    found = list(_steps(store))
    first = next((number for number, step in enumerate(found) if step.state == "open"), None)
    if first is not None:
        one = found[first]
        found[first] = Step(
            name=one.name, title=one.title, state="next", words=one.words, todo=one.todo, command=one.command
        )
    return tuple(found)


def _steps(store: Store) -> Iterator[Step]:
    yield _joined(store)
    yield _people(store)
    yield _agreed(store)
    yield _pacs(store)
    yield _canary(store)
    yield _images(store)
    yield _sent(store)


def _joined(store: Store) -> Step:
    done = hub_key(store) is not None
    words = f"The hub at {store.settings.hub} knows this hospital's key, and this gateway pinned the hub's."
    return Step(
        name="join",
        title="Join the hub",
        state="done" if done else "open",
        words=words if done else "The hub has not been told this hospital's key yet.",
        todo="" if done else "Is the hub reachable from here? The first submit registers too.",
        command="" if done else "radcommons site init DIR --hub URL --token TOKEN --site CODE",
    )


def _people(store: Store) -> Step:
    people = [user for user in users(store) if user.has_password]
    officers = sum(user.role is SiteRole.PRIVACY_OFFICER for user in people)
    bare = needs_second_factor(store.settings) and any(not user.has_second_factor for user in people)
    words = f"{len(people)} can sign in, {officers} of them as privacy officer."
    done = bool(people) and not bare and officers > 0
    return Step(
        name="people",
        title="Name the people",
        state="done" if done else "open",
        words=words + (" Somebody has no second factor yet." if bare else ""),
        todo="" if done else "A privacy officer reads the audit trail that the data managers leave; add one.",
        command="" if done else "radcommons site user add DIR 'NAME' --role privacy-officer",
    )


def _agreed(store: Store) -> Step:
    accepted = officer.accepted(store)
    standing = store.settings.agreement == STANDING_AGREEMENT
    return Step(
        name="agreement",
        title="Accept the agreement",
        state="done" if accepted else "open",
        words=f"The agreement was {accepted}; what it does not cover is refused with the clause."
        if accepted
        else ("Only the coalition's standing agreement holds." if standing else "Its clauses are not here yet."),
        todo="" if accepted else "Ask the coalition for the agreement as a file; whoever may sign accepts it by name.",
        command="" if accepted else "radcommons site agreement accept DIR agreement.toml --by 'NAME, role'",
    )


def _pacs(store: Store) -> Step:
    echoed = json.loads(store.remembered(PACS_ECHO) or "{}")
    with store.read() as connection:
        pushed = connection.execute(sa.select(sa.func.count()).select_from(arrival)).scalar_one()
    done = bool(echoed) or pushed > 0
    words = f"{echoed['peer']} answered on {echoed['at'][:10]}." if echoed else f"{pushed} objects came from a PACS."
    return Step(
        name="pacs",
        title="Reach the PACS",
        state="done" if done else "open",
        words=words if done else "No PACS has answered yet. Its administrator must know our AE title.",
        todo="" if done else f"Our AE title is {store.settings.dimse_aet}. Without a PACS, add folders or CDs.",
    )


def _canary(store: Store) -> Step:
    runs = canary.runs(store)
    wrong = [run for run in runs if not run.verdict.is_clean]
    if wrong:
        return Step(
            name="canary",
            title="Pass the canary set",
            state="wrong",
            words=str(canary.not_clean(wrong[0]).what),
            todo="Nothing is taken until it is mended: look at the profile and the settings.",
        )
    words = "; ".join(f"{run.verdict.came} files came out clean under '{run.profile}'" for run in runs)
    return Step(
        name="canary",
        title="Pass the canary set",
        state="done" if runs else "open",
        words=f"{words}."
        if runs
        else "Invented patients with an identity hidden in every place go through this gateway.",
        todo="" if runs else "The hub looks whether anything hidden comes out. It takes half a minute.",
    )


def _images(store: Store) -> Step:
    with store.read() as connection:
        seen = connection.execute(sa.select(sa.func.count()).select_from(file)).scalar_one()
    return Step(
        name="images",
        title="Get the first images in",
        state="done" if seen else "open",
        words=f"{seen:,} {'file was' if seen == 1 else 'files were'} looked at." if seen else "Nothing was added yet.",
        todo="" if seen else "Fetch by accession numbers, let the PACS push, or add a folder.",
        command="" if seen else "radcommons site fetch DIR --accessions wanted.csv --from PACS@10.0.0.7:104",
    )


def _sent(store: Store) -> Step:
    with store.read() as connection:
        query = sa.select(sa.func.count()).where(submission.c.state == "received")
        received = connection.execute(query.select_from(submission)).scalar_one()
    return Step(
        name="submission",
        title="Send the first submission",
        state="done" if received else "open",
        words=f"{received} at the hub, with signed receipt." if received else "Not yet.",
        todo="" if received else "Review what waits, then send.",
        command="" if received else "radcommons site submit DIR",
    )


def ask_pacs(store: Store, address: str, *, session: SiteSession) -> str:
    """Ask a PACS whether it is there; return why it is not, empty when it is."""
    try:
        answer = echo(parse_peer(address.strip(), our_aet=store.settings.dimse_aet))
    except RadcommonsError as error:
        return f"{error.what} {error.mend}".strip()
    note_echo(store, answer.peer, actor=session.actor)
    return ""


def note_echo(store: Store, peer: str, *, actor: str = "site") -> None:
    """Remember that a PACS answered."""
    with store.change() as change:
        change.remember(PACS_ECHO, json.dumps({"peer": peer, "at": instant()}))
        change.tell("pacs.answered", subject="pacs", actor=actor)


@dataclass(slots=True)
class CanaryRun:
    """The one run of the canary set that a page may have begun."""

    store: Store
    problem: str = ""
    done: int = 0
    _thread: threading.Thread | None = None
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def is_running(self) -> bool:
        """Whether a run is under way."""
        return self._thread is not None and self._thread.is_alive()

    def begin(self) -> None:
        """Begin a run; nothing happens while one is under way."""
        with self._lock:
            if not self.is_running:
                self.problem, self.done = "", 0
                self._thread = threading.Thread(target=self._run, name="canary", daemon=True)
                self._thread.start()

    def _run(self) -> None:
        settings = self.store.settings
        try:
            with Hub.of(settings, token=self.store.token, tries=2) as hub:
                for site in settings.sites:
                    canary.run(self.store, hub, site=site, profile=settings.profile, progress=self._tick)
        except RadcommonsError as error:
            self.problem = f"{error.what} {error.mend}".strip()

    def _tick(self, count: int) -> None:
        self.done = count
