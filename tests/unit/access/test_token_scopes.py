"""What a person's own token opens of a release: a look, or the bytes as well; and that who took them is counted."""

from __future__ import annotations

import pytest
from fastapi.testclient import TestClient

from radcommons.catalogue import accounts, personal_tokens
from radcommons.catalogue.downloads import counts_of
from radcommons.platform.database import writing
from radcommons.records.event import Role, Scope
from unit.access.commons import Commons, fill


@pytest.fixture(scope="module")
def commons(tmp_path_factory: pytest.TempPathFactory) -> Commons:
    """A filled commons."""
    return fill(Commons(tmp_path_factory.mktemp("scopes")))


@pytest.fixture(scope="module")
def client(commons: Commons) -> TestClient:
    """Its routes."""
    return commons.client()


def _token(commons: Commons, *scopes: Scope) -> dict[str, str]:
    engine = commons.platform.engine
    number = accounts.create_account(
        engine,
        email=f"{'-'.join(scopes)}@example.org",
        name="Somebody",
        password="unused",
        roles=frozenset({Role.RESEARCHER}),
    )
    with writing(engine) as connection:
        token = personal_tokens.create(connection, number, name="x", scopes=frozenset(scopes), days=1)
    return {"Authorization": f"Bearer {token}"}


def _bytes(client: TestClient) -> list[str]:
    study = client.get("/dicomweb/studies/2.25.10/metadata").json()[0]
    place = "/dicomweb/studies/{}/series/{}/instances/{}".format(
        *(study[tag]["Value"][0] for tag in ("0020000D", "0020000E", "00080018"))
    )
    item = client.get("/api/v1/releases/chest-1/manifest.json").json()["items"][0]
    uri = "/dicomweb?requestType=WADO&studyUID={}&seriesUID={}&objectUID={}&contentType=application/dicom".format(
        *(study[tag]["Value"][0] for tag in ("0020000D", "0020000E", "00080018"))
    )
    return [place, f"{place}/frames/1", uri, f"/api/v1/releases/chest-1/instances/{item['digest']}"]


def test_a_narrow_token_looks_and_takes_nothing(commons: Commons, client: TestClient) -> None:
    """Search, metadata and pictures answer; what was stored does not, by no way."""
    headers = _token(commons, Scope.READ)
    assert client.get("/dicomweb/studies", headers=headers).status_code == 200
    for path in _bytes(client):
        assert client.get(path).status_code == 200, path
        assert client.get(path, headers=headers).status_code == 403, path
        picture = path if "?" in path else f"{path.partition('/frames')[0]}/rendered"
        if picture.startswith("/dicomweb/studies"):
            assert client.get(picture, headers=headers).status_code == 200


def test_downloads_are_counted_in_public(commons: Commons, client: TestClient) -> None:
    """A download counts once for a person, release and day, however many files it takes; a look counts nothing."""
    before = client.get("/api/v1/releases/chest-1").json()
    address = _bytes(client)[-1]
    headers = _token(commons, Scope.READ, Scope.DOWNLOAD)
    for _ in range(3):
        assert client.get(address, headers=headers).status_code == 200
    counts_of(commons.platform.engine).flush()
    after = client.get("/api/v1/releases/chest-1").json()
    assert after["downloads"] == before["downloads"] + 1
    assert after["downloaders"] == before["downloaders"] + 1
    dataset = client.get(f"/api/v1/datasets/{after['dataset']}").json()
    assert dataset["downloads"] >= after["downloads"]
