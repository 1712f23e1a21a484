"""The index comes again from the objects alone."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from radcommons.catalogue import tables as t
from radcommons.hub.check import check
from radcommons.hub.rebuild import rebuild
from radcommons.hub.setup import set_up
from radcommons.platform.database import writing
from radcommons.platform.objects import object_key
from radcommons.platform.ports import open_platform
from radcommons.platform.settings import HubSettings
from radcommons.records.errors import UsageError
from radcommons.records.event import Role
from radcommons.records.terms import Tier
from radcommons.testing.hubs import TestHub, running_hub
from radcommons.testing.sender import Sender
from radcommons.web.hub_app import hub_app

_DATASET = "covid-chest"


def _found(hub: TestHub, headers: dict[str, str]) -> list[object]:
    """Return all that searches and metadata say, in one order."""
    studies = hub.client.get("/dicomweb/studies?includefield=all", headers=headers).json()
    instances = hub.client.get("/dicomweb/instances?includefield=all", headers=headers).json()
    study = studies[0]["0020000D"]["Value"][0]
    metadata = hub.client.get(f"/dicomweb/studies/{study}/metadata", headers=headers).json()
    return [sorted(json.dumps(one, sort_keys=True) for one in some) for some in (studies, instances, metadata)]


def test_lost_documents_and_trees_come_back(tmp_path: Path) -> None:
    """Where documents, series and studies lost their rows, searches and metadata say afterwards what they said."""
    with running_hub(tmp_path / "hub", run_jobs=False) as hub:
        headers = hub.token(Role.CURATOR, dataset=_DATASET)
        made = [Sender().instance(number=number) for number in range(1, 4)]
        assert hub.store(made, headers=headers).status_code == 200
        before = _found(hub, headers)
        with writing(hub.platform.engine) as connection:
            for table in (t.instance_document, t.series, t.study):
                connection.execute(table.delete())
            connection.execute(t.instance.update().values(modality=None, rows=None, pixel_offset=None))
        done = rebuild(hub.platform, dataset=_DATASET)
        assert (done.read, done.added, done.damaged, done.refused) == (3, 0, (), ())
        assert _found(hub, headers) == before
        assert check(hub.platform).faults == ()


def test_a_lost_database_comes_back_from_the_objects(tmp_path: Path) -> None:
    """A new database beside the old objects finds all of them, unreleased; damaged bytes are told and left alone."""
    with running_hub(tmp_path / "hub", run_jobs=False) as hub:
        headers = hub.token(Role.CURATOR, dataset=_DATASET)
        made = [Sender().instance(number=number) for number in range(1, 5)]
        assert hub.store(made, headers=headers).status_code == 200
        before = _found(hub, headers)
        damaged = hub.platform.objects.local_path(object_key(made[-1].item.digest))
    for path in (tmp_path / "hub").glob("hub.db*"):
        path.unlink()
    assert damaged is not None
    whole = damaged.read_bytes()
    damaged.write_bytes(whole[:-1] + b"x")
    settings = HubSettings(directory=tmp_path / "hub")
    set_up(open_platform(settings), email="admin@localhost", tier=Tier.OPEN, steward="The coalition")
    first = rebuild(open_platform(settings), dataset=_DATASET)
    assert (first.read, first.added, first.damaged) == (0, 3, (made[-1].item.digest,))
    damaged.write_bytes(whole)
    second = rebuild(open_platform(settings), dataset=_DATASET)
    assert (second.read, second.added, second.damaged, second.refused) == (3, 1, (), ())
    with TestClient(hub_app(settings.model_copy(update={"run_jobs": False})), base_url="http://hub.test") as client:
        hub = TestHub(client=client, platform=client.app.state.platform)  # type: ignore[attr-defined]
        headers = hub.token(Role.CURATOR, dataset=_DATASET)
        assert _found(hub, headers) == before
        assert hub.client.get("/dicomweb/studies").status_code == 204  # nothing is public
        assert check(hub.platform).faults == ()


def test_an_unknown_dataset_is_refused(tmp_path: Path) -> None:
    """Nothing is read for a dataset that nobody made."""
    with running_hub(tmp_path / "hub", run_jobs=False) as hub, pytest.raises(UsageError):
        rebuild(hub.platform, dataset="nobodys")
