"""DOIs: minted at a small DataCite of this machine, once, with the metadata that the schema accepts."""

from __future__ import annotations

import base64
import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.resources import files
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from radcommons.catalogue import dois
from radcommons.hub import jobs
from radcommons.hub.doi import register
from radcommons.platform.database import reading
from radcommons.records.errors import PeerError
from radcommons.records.event import Role
from radcommons.testing.hubs import running_hub
from radcommons.testing.sender import Sender

SCHEMA = files("datacite") / "schemas" / "datacite-v4.5.json"  # as DataCite publishes it


@dataclass
class DataCite:
    """What it was asked, and what it has; `answers` come before the good one."""

    url: str = ""
    asked: list[tuple[str, str, str]] = field(default_factory=list)
    held: dict[str, dict[str, Any]] = field(default_factory=dict)
    answers: list[int] = field(default_factory=list)


@pytest.fixture
def registry() -> Iterator[DataCite]:
    """A server that speaks the part of DataCite's interface that mints."""
    made = DataCite()

    class Answers(BaseHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            """Stay silent."""

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            made.asked.append((self.command, self.path, self.headers.get("Authorization", "")))
            attributes = body["data"]["attributes"]
            status = made.answers.pop(0) if made.answers else 201
            if status == 201 and self.command == "POST" and attributes["doi"] in made.held:
                status = 422
            if status == 201:
                made.held[attributes["doi"]] = attributes
            self.send_response(status)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def do_PUT(self) -> None:
            self.do_POST()

    server = ThreadingHTTPServer(("127.0.0.1", 0), Answers)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    made.url = f"http://127.0.0.1:{server.server_address[1]}"
    yield made
    server.shutdown()
    server.server_close()


def test_a_release_gets_its_doi(tmp_path: Path, registry: DataCite) -> None:
    """Published with valid metadata under the account's name; the page and the citation show it; never twice."""
    chosen = {
        "doi_prefix": "10.1234",
        "datacite_url": registry.url,
        "datacite_account": "COALITION.COMMONS",
        "datacite_password": "s3cret",
        "base_url": "https://commons.example.org",
    }
    registry.answers = [503]
    with running_hub(tmp_path / "hub", run_jobs=False, **chosen) as hub:
        hub.store([Sender().instance()], headers=hub.token(Role.CURATOR, dataset="covid-chest"))
        made = hub.client.post(
            "/api/v1/releases", json={"dataset": "covid-chest"}, headers=hub.token(Role.CURATOR)
        ).json()
        assert made["citation"].endswith("https://doi.org/10.1234/covid-chest-1")
        with pytest.raises(PeerError, match="503"):
            register(made["id"], hub.platform)
        assert jobs.ask_again(hub.platform) >= 1
        assert register(made["id"], hub.platform) == "10.1234/covid-chest-1"
        held = registry.held["10.1234/covid-chest-1"]
        assert (held["event"], held["url"]) == ("publish", "https://commons.example.org/releases/covid-chest-1")
        schema = json.loads(SCHEMA.read_text("utf-8"))
        jsonschema.Draft201909Validator(schema).validate({**held, "event": "publish"})
        name = base64.b64encode(b"COALITION.COMMONS:s3cret").decode()
        assert registry.asked[-1] == ("POST", "/dois", f"Basic {name}")
        assert (
            "10.1234/covid-chest-1" in hub.client.get("/releases/covid-chest-1", headers={"Accept": "text/html"}).text
        )
        assert hub.client.get("/api/v1/releases/covid-chest-1/datacite.json").json()["doi"] == "10.1234/covid-chest-1"
        asked = len(registry.asked)
        register(made["id"], hub.platform)
        assert len(registry.asked) == asked
        with reading(hub.platform.engine) as connection:
            assert dois.lacking(connection) == []
        assert "s3cret" not in repr(hub.platform)


def test_one_that_was_taken_before_it_was_noted_is_updated(tmp_path: Path, registry: DataCite) -> None:
    """A process that ended in between: the second try finds it taken and brings it up to date."""
    with running_hub(tmp_path / "hub", run_jobs=False, doi_prefix="10.1234", datacite_url=registry.url) as hub:
        hub.store([Sender().instance()], headers=hub.token(Role.CURATOR, dataset="covid-chest"))
        hub.client.post("/api/v1/releases", json={"dataset": "covid-chest"}, headers=hub.token(Role.CURATOR))
        registry.held["10.1234/covid-chest-1"] = {}
        register("covid-chest-1", hub.platform)
        assert [method for method, _, _ in registry.asked] == ["POST", "PUT"]
        assert registry.held["10.1234/covid-chest-1"]["titles"]


def test_without_the_settings_nothing_is_asked(tmp_path: Path) -> None:
    """No prefix, no DOI: the citation has the page's address, and no job is left."""
    with running_hub(tmp_path / "hub", run_jobs=False, base_url="https://commons.example.org") as hub:
        hub.store([Sender().instance()], headers=hub.token(Role.CURATOR, dataset="covid-chest"))
        answer = hub.client.post("/api/v1/releases", json={"dataset": "covid-chest"}, headers=hub.token(Role.CURATOR))
        assert answer.json()["citation"].endswith("https://commons.example.org/releases/covid-chest-1")
        assert register("covid-chest-1", hub.platform) == ""
        assert "doi" not in hub.client.get("/api/v1/releases/covid-chest-1/datacite.json").json()
