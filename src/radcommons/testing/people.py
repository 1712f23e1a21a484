"""People at browsers for tests: an account with roles, a browser that signs in and repeats the session's form key."""

from __future__ import annotations

import re
import time
from dataclasses import dataclass
from typing import Any

from fastapi.testclient import TestClient
from httpx import Response

from radcommons.catalogue.accounts import create_account
from radcommons.platform.totp import STEP_SECONDS, code_at
from radcommons.records.event import Role
from radcommons.testing.hubs import TestHub

PASSWORD = "a sentence nobody knows"  # noqa: S105
_KEY = re.compile(r'name="form_key" value="([^"]+)"')


@dataclass(slots=True)
class Browser:
    """One browser: its cookies, and the key that its forms repeat."""

    client: TestClient
    form_key: str = ""

    def get(self, path: str) -> Response:
        """Return a page, redirects followed."""
        answer: Response = self.client.get(path, headers={"Accept": "text/html"})
        found = _KEY.search(answer.text)
        self.form_key = found[1] if found else self.form_key
        return answer

    def post(self, path: str, follow: bool = True, **fields: Any) -> Response:
        """Send a form with the session's key."""
        data = {"form_key": self.form_key, **fields}
        answer: Response = self.client.post(path, data=data, follow_redirects=follow, headers={"Accept": "text/html"})
        found = _KEY.search(answer.text)
        self.form_key = found[1] if found else self.form_key
        return answer

    def sign_in(self, email: str, password: str = PASSWORD, *, to: str = "/account") -> Response:
        """Sign in with a password."""
        return self.post("/sign-in", email=email, password=password, to=to)


def browser(hub: TestHub, *, agent: str = "Mozilla/5.0 (X11; Linux x86_64) Firefox/140.0") -> Browser:
    """Return a new browser of a hub."""
    app: Any = hub.client.app
    return Browser(TestClient(app, base_url="http://hub.test", headers={"User-Agent": agent}))


def person(hub: TestHub, name: str, *roles: Role) -> tuple[str, int]:
    """Make an account and return (address, number)."""
    email = f"{name.lower()}@hospital.example"
    number = create_account(
        hub.platform.engine,
        email=email,
        name=name,
        password=PASSWORD,
        roles=frozenset(roles or (Role.RESEARCHER,)),
    )
    return email, number


def set_up_phone(browser: Browser) -> tuple[str, tuple[str, ...], int]:
    """Set up a second factor for who is signed in; return (secret, recovery codes, the step that was used)."""
    page = browser.post("/account/second-factor")
    found = re.search(r'class="secret">([A-Z2-7 ]+)<', page.text)
    assert found, page.text
    secret = found[1].replace(" ", "")
    step = int(time.time()) // STEP_SECONDS
    shown = browser.post("/account/second-factor/code", code=code_at(secret, step=step))
    codes = tuple(re.findall(r"<li>([a-z2-7-]{29})</li>", shown.text))
    assert codes, shown.text
    return secret, codes, step
