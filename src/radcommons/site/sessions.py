"""Sign-in to the local page: one password, sessions in memory, a key in every form."""

from __future__ import annotations

import hmac
import secrets
import threading
import time
from dataclasses import dataclass, field

from radcommons.platform.identity import password_matches, token_digest
from radcommons.records.errors import NotPermitted
from radcommons.site.join import local_password_hash
from radcommons.site.store import Store

COOKIE = "radcommons_site"
# A screen with patients on it is left alone at most so long (issue of the gateway: time-out).
IDLE_SECONDS = 30 * 60
_FAILURE_PAUSE_S = 1.0


@dataclass(slots=True)
class Session:
    """One browser that is signed in, under the name that its decisions carry."""

    reviewer: str
    form_key: str
    seen_at: float


@dataclass(slots=True)
class Sessions:
    """Who is signed in; nothing of it outlives the process."""

    store: Store
    _open: dict[str, Session] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def sign_in(self, password: str, *, reviewer: str) -> str | None:
        """Return a new cookie, None when the password is wrong; a wrong one takes a second."""
        if not reviewer.strip() or not password_matches(password, hashed=local_password_hash(self.store)):
            time.sleep(_FAILURE_PAUSE_S)
            return None
        cookie = secrets.token_urlsafe(32)
        with self._lock:
            self._open[token_digest(cookie)] = Session(
                reviewer.strip()[:80], secrets.token_urlsafe(16), time.monotonic()
            )
        with self.store.change() as change:
            change.tell("page.signed-in", subject="local page", actor=f"reviewer:{reviewer.strip()[:80]}")
        return cookie

    def find(self, cookie: str | None) -> Session | None:
        """Return the session of a cookie, None when there is none or it was idle too long."""
        if not cookie:
            return None
        now = time.monotonic()
        with self._lock:
            found = self._open.get(token_digest(cookie))
            if found is None or now - found.seen_at > IDLE_SECONDS:
                self._open.pop(token_digest(cookie), None)
                return None
            found.seen_at = now
            return found

    def sign_out(self, cookie: str | None) -> None:
        """End a session."""
        with self._lock:
            self._open.pop(token_digest(cookie or ""), None)


def check_form(session: Session, form_key: str) -> None:
    """Refuse a form that another page sent in the reader's name.

    Raises
    ------
    NotPermitted
        If the form does not carry the session's key.
    """
    if not hmac.compare_digest(session.form_key, form_key):
        raise NotPermitted("The form is not from this session.", mend="Go back, reload the page and try again.")
