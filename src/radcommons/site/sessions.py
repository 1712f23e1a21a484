"""Sign-in to the local pages: who is here, under which role, and for how long."""

from __future__ import annotations

import hmac
import secrets
import threading
import time
from dataclasses import dataclass, field

import sqlalchemy as sa

from radcommons.platform.clock import instant
from radcommons.platform.identity import password_matches, recovery_digest, token_digest, wait_after
from radcommons.platform.totp import accepted_step, new_secret
from radcommons.records.errors import NotPermitted
from radcommons.site.store import Change, Store
from radcommons.site.tables_users import account, recovery_code
from radcommons.site.users import SiteRole, needs_second_factor

COOKIE = "radcommons_site"
# A screen with patients on it is left alone at most so long, and nobody is signed in longer than a working day.
IDLE_SECONDS, LONGEST_SECONDS = 15 * 60, 8 * 3600
_FAILURE_PAUSE_S = 1.0
# So many wrong tries in a row are free; then each doubles the wait.
FREE_FAILURES, FIRST_WAIT_S, LONGEST_WAIT_S = 4, 15.0, 3600.0


@dataclass(slots=True)
class SiteSession:
    """One browser of one person.

    Parameters
    ----------
    account : int
    user : str
        The name that decisions and the audit trail carry.
    role : SiteRole
    form_key : str
        Every form repeats it.
    is_half : bool
        The password was right and the second factor is still to be set up: no page with a patient opens.
    """

    account: int
    user: str
    role: SiteRole
    form_key: str
    generation: int
    began_at: float
    seen_at: float
    is_half: bool = False
    # The secret that the set-up page shows, until a first code proves that the phone has it.
    offered_secret: str = field(default_factory=new_secret, repr=False)

    @property
    def csrf(self) -> str:
        """The key that every form repeats."""
        return self.form_key

    @property
    def reviewer(self) -> str:
        """The name beside decisions."""
        return self.user

    @property
    def actor(self) -> str:
        """The actor of audit events."""
        return f"user:{self.user}"


@dataclass(slots=True)
class Sessions:
    """Who is signed in; nothing of it outlives the process."""

    store: Store
    _open: dict[str, SiteSession] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def sign_in(self, name: str, password: str, *, code: str = "") -> str | None:
        """Return a new cookie, None when name, password or code is wrong, or the account waits after wrong tries."""
        with self.store.read() as connection:
            row = connection.execute(_by_name(name)).one_or_none()
        is_open = row is not None and row.password is not None and not _waits(row.locked_until)
        matches = password_matches(password, hashed=row.password if row is not None and is_open else None)
        if row is None or not matches or not self._second_factor(row, code):
            self._failed(row)
            return None
        half = row.totp_secret is None and needs_second_factor(self.store.settings)
        with self.store.change() as change:
            values = {"failures": 0, "locked_until": 0.0}
            change.connection.execute(account.update().where(account.c.id == row.id).values(values))
            change.tell("page.signed-in", subject="local page", actor=f"user:{row.name}", second_factor=not half)
        return self.begin(row.id, half=half)

    def _second_factor(self, row: sa.Row[tuple[object, ...]], code: str) -> bool:
        if row.totp_secret is None:
            return True
        with self.store.change() as change:
            return _takes_code(change, row, code)

    def _failed(self, row: sa.Row[tuple[object, ...]] | None) -> None:
        """Count a wrong try; what was typed as a name stays out of the trail, because it may be a password."""
        known = row is not None
        if row is None or not _waits(row.locked_until):  # tries during the wait are not even told: no flood
            with self.store.change() as change:
                if row is not None:
                    _count_failure(change, row.id)
                subject = f"user:{row.name}" if row is not None else "user:unknown"
                change.tell("page.sign-in-refused", subject=subject, known=known)
        time.sleep(_FAILURE_PAUSE_S)

    def begin(self, number: int, *, half: bool) -> str:
        """Return the cookie of a new session of an account that has proved itself."""
        with self.store.read() as connection:
            row = connection.execute(sa.select(account).where(account.c.id == number)).one()
        cookie, now = secrets.token_urlsafe(32), _clock()
        session = SiteSession(
            account=row.id,
            user=row.name,
            role=SiteRole(row.role),
            form_key=secrets.token_urlsafe(16),
            generation=row.generation,
            began_at=now,
            seen_at=now,
            is_half=half,
        )
        with self._lock:
            self._open = {key: one for key, one in self._open.items() if not _is_over(one, now)}
            self._open[token_digest(cookie)] = session
        return cookie

    def find(self, cookie: str | None) -> SiteSession | None:
        """Return the session of a cookie, None when there is none, it is over, or the account was changed."""
        if not cookie:
            return None
        key, now = token_digest(cookie), _clock()
        with self._lock:
            found = self._open.get(key)
        if found is None:
            return None
        with self.store.read() as connection:
            present = sa.select(account.c.generation).where(account.c.id == found.account)
            generation = connection.execute(present).scalar_one_or_none()
        with self._lock:
            if _is_over(found, now) or generation != found.generation:
                self._open.pop(key, None)
                return None
            found.seen_at = now
        return found

    def sign_out(self, cookie: str | None) -> None:
        """End a session."""
        with self._lock:
            found = self._open.pop(token_digest(cookie or ""), None)
        if found is not None:
            with self.store.change() as change:
                change.tell("page.signed-out", subject="local page", actor=found.actor)

    def proves(self, session: SiteSession, *, password: str, code: str) -> bool:
        """Say whether the person at a session proves again who they are; wrong tries count like those of a sign-in."""
        with self.store.read() as connection:
            row = connection.execute(sa.select(account).where(account.c.id == session.account)).one()
        fits = password_matches(password, hashed=None if _waits(row.locked_until) else row.password)
        if fits and self._second_factor(row, code):
            return True
        self._failed(row)
        return False


def _by_name(name: str) -> sa.Select[tuple[object, ...]]:
    wanted = sa.func.lower(account.c.name) == " ".join(name.split()).lower()
    return sa.select(account).where(wanted, account.c.removed_at.is_(None))


def _takes_code(change: Change, row: sa.Row[tuple[object, ...]], code: str) -> bool:
    """Say whether a code of the phone, or an unused recovery code, fits; either is good once."""
    fresh = change.connection.execute(sa.select(account.c.totp_step).where(account.c.id == row.id)).scalar_one()
    step = accepted_step(code, secret=row.totp_secret, now=time.time(), after=fresh)
    if step is not None:
        change.connection.execute(account.update().where(account.c.id == row.id).values(totp_step=step))
        return True
    unused = recovery_code.update().where(
        recovery_code.c.digest == recovery_digest(row.id, code),
        recovery_code.c.account == row.id,
        recovery_code.c.used_at.is_(None),
    )
    if change.connection.execute(unused.values(used_at=instant())).rowcount:
        change.tell("user.recovery-code-used", subject=f"user:{row.name}", actor=f"user:{row.name}")
        return True
    return False


def _count_failure(change: Change, number: int) -> None:
    row = change.connection.execute(sa.select(account.c.failures).where(account.c.id == number)).one()
    failures = row.failures + 1
    wait = wait_after(failures, free=FREE_FAILURES, first_s=FIRST_WAIT_S, longest_s=LONGEST_WAIT_S)
    values = {"failures": failures, "locked_until": time.time() + wait if wait else 0.0}
    change.connection.execute(account.update().where(account.c.id == number).values(values))


def _waits(locked_until: float) -> bool:
    """Say whether an account waits; a clock that was set back cannot make the wait longer than the longest."""
    left = locked_until - time.time()
    return 0 < left <= LONGEST_WAIT_S


def _clock() -> float:
    """Return seconds that also pass while the machine sleeps, and that nobody can set back."""
    return time.clock_gettime(time.CLOCK_BOOTTIME) if hasattr(time, "CLOCK_BOOTTIME") else time.monotonic()


def _is_over(session: SiteSession, now: float) -> bool:
    return now - session.seen_at > IDLE_SECONDS or now - session.began_at > LONGEST_SECONDS


def check_form(session: SiteSession, form_key: str) -> None:
    """Refuse a form that another page sent in the reader's name.

    Raises
    ------
    NotPermitted
        If the form does not carry the session's key.
    """
    if not hmac.compare_digest(session.form_key.encode(), form_key.encode()):
        raise NotPermitted("The form is not from this session.", mend="Go back, reload the page and try again.")
