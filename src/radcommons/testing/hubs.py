"""A hub in this process for tests: a real application on a real database and store, spoken to over ASGI."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fastapi.testclient import TestClient
from httpx import Response

from radcommons.catalogue.accounts import create_token
from radcommons.hub.setup import lay_out, set_up
from radcommons.platform.ports import Platform
from radcommons.platform.settings import HubSettings
from radcommons.records.event import Role
from radcommons.records.terms import Tier
from radcommons.testing.sender import Made, Sender
from radcommons.web.hub_app import hub_app

ADMINISTRATOR = ("admin@localhost", "correct horse battery staple")
_PATIENCE_S = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class TestHub:
    """A running hub and what tests ask of it."""

    __test__ = False

    client: TestClient
    platform: Platform

    def token(self, role: Role, *, site: str | None = None, dataset: str | None = None) -> dict[str, str]:
        """Return the headers of a new token."""
        token = create_token(self.platform.engine, role=role, name=role, site=site, dataset=dataset)
        return {"Authorization": f"Bearer {token}"}

    def join(self, sender: Sender) -> dict[str, str]:
        """Register a site's key and return its headers."""
        headers = self.token(Role.SITE, site=sender.site)
        key = base64.b64encode(sender.key.public_key).decode()
        answer = self.client.post(f"/api/v1/sites/{sender.site}/key", json={"public_key": key}, headers=headers)
        assert answer.status_code == 200, answer.text
        return headers

    def store(self, made: Sequence[Made], *, headers: dict[str, str], path: str = "/dicomweb/studies") -> Response:
        """Send instances by STOW-RS in one request."""
        body = b"".join(
            b"--frontier\r\nContent-Type: application/dicom\r\n\r\n" + one.content + b"\r\n" for one in made
        )
        kind = 'multipart/related; type="application/dicom"; boundary=frontier'
        answer: Response = self.client.post(
            path, content=body + b"--frontier--\r\n", headers={**headers, "Content-Type": kind}
        )
        return answer

    def announce(self, document: bytes, *, headers: dict[str, str]) -> Response:
        """Announce a sealed submission."""
        answer: Response = self.client.post("/api/v1/submissions", content=document, headers=headers)
        return answer

    def submission(self, identifier: str, *, headers: dict[str, str]) -> dict[str, Any]:
        """Return what the hub says of a submission."""
        answer = self.client.get(f"/api/v1/submissions/{identifier}", headers=headers)
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found

    def verified(self, identifier: str, *, headers: dict[str, str]) -> dict[str, Any]:
        """Wait until a submission is verified and return what the hub says of it."""
        until = time.monotonic() + _PATIENCE_S
        while time.monotonic() < until:
            found = self.submission(identifier, headers=headers)
            if found["state"] not in ("announced", "received"):
                return found
            time.sleep(0.05)
        raise AssertionError(f"the submission was not verified: {json.dumps(found)[:500]}")

    def submit(self, sender: Sender, made: Sequence[Made], *, headers: dict[str, str]) -> dict[str, Any]:
        """Send instances the whole way and return the verified submission."""
        answer = self.announce(sender.sealed(sender.submission(made)), headers=headers)
        assert answer.status_code == 201, answer.text
        if answer.json()["missing"]:
            assert self.store(made, headers=headers).status_code == 200
        return self.verified(answer.json()["id"], headers=headers)


@contextmanager
def running_hub(directory: Path, **chosen: Any) -> Iterator[TestHub]:
    """Yield a new hub in a folder; `chosen` are settings.

    A `Sender` has no gateway that a canary set could go through, so the hub asks for none unless a test says so.
    """
    settings = HubSettings(**{"directory": directory, "verify_processes": 1, "canary": "off", **chosen})
    email, password = ADMINISTRATOR
    lay_out(settings)
    app = hub_app(settings)
    set_up(app.state.platform, email=email, tier=Tier.OPEN, steward="The coalition", password=password)
    with TestClient(app, base_url="http://hub.test") as client:
        yield TestHub(client=client, platform=app.state.platform)
