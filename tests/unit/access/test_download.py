"""`get` and `verify` against a real HTTP server: resuming, faults, withdrawal, tampering."""

from __future__ import annotations

import base64
import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from radcommons.access.fetch import fetch, plan
from radcommons.access.hubclient import HubClient, hub_address
from radcommons.access.search import parameters
from radcommons.access.source import Source, resolve
from radcommons.access.verify import verify
from radcommons.cli.client import get as get_command
from radcommons.cli.client import verify as verify_command
from radcommons.dicomweb.errors import QueryError
from radcommons.platform.keys import SigningKey
from radcommons.records.errors import IntegrityError, NotFound, PeerError, StorageError, UsageError
from radcommons.records.release import CSV_COLUMNS, item_path
from unit.access.fake_hub import FakeHub


def source(hub: FakeHub) -> Source:
    return resolve("chest-1", hub=hub.url)


def test_a_download_is_whole_and_verifies(hub: FakeHub, tmp_path: Path) -> None:
    """Every instance lies where the manifest says, with its bytes; the documents lie beside; verify agrees."""
    fetched = fetch(source(hub), to=tmp_path / "x", token="secret-token")
    assert (fetched.downloaded, fetched.present, fetched.failed, fetched.withdrawn) == (5, 0, (), ())
    for item in hub.items:
        assert (tmp_path / "x" / item_path(item)).read_bytes() == hub.contents[item.digest]
    lines = (tmp_path / "x" / "manifest.csv").read_text().splitlines()
    assert lines[0].split(",") == list(CSV_COLUMNS)
    assert len(lines) == 6
    checked = verify(tmp_path / "x")
    assert (checked.files, checked.verified, checked.agrees) == (5, 5, True)
    assert hub.tokens == {"Bearer secret-token", None}
    assert not any("secret-token" in path for path in hub.requests)


def test_a_second_run_downloads_nothing(hub: FakeHub, tmp_path: Path) -> None:
    """What is there and agrees is left alone; what does not agree comes again."""
    fetch(source(hub), to=tmp_path)
    (tmp_path / item_path(hub.items[0])).write_bytes(bytes(200_000))
    hub.requests.clear()
    again = fetch(source(hub), to=tmp_path)
    assert (again.downloaded, again.present) == (1, 4)
    assert sum("instances" in path for path in hub.requests) == 1
    assert verify(tmp_path).agrees


def test_an_interrupted_file_goes_on_where_it_stopped(hub: FakeHub, tmp_path: Path) -> None:
    """The part file's bytes are kept and asked for no second time; a server without ranges is fine too."""
    resumed, restarted = hub.items[0], hub.items[1]
    for item in (resumed, restarted):
        part = tmp_path / (item_path(item) + ".part")
        part.parent.mkdir(parents=True, exist_ok=True)
        part.write_bytes(hub.contents[item.digest][:70_000])
    hub.faults[restarted.digest] = ["whole", ""]
    fetched = fetch(source(hub), to=tmp_path)
    assert hub.ranges == ["bytes=70000-", "bytes=70000-"]
    assert (fetched.downloaded, fetched.bytes) == (5, sum(item.size for item in hub.items) - 70_000)
    assert verify(tmp_path).agrees


@pytest.mark.parametrize("fault", ["busy", "cut", "wrong"])
def test_a_passing_fault_is_overcome(hub: FakeHub, tmp_path: Path, fault: str) -> None:
    """An overloaded server, a connection that breaks, bytes with another digest: tried again until they agree."""
    for item in hub.items:
        hub.faults[item.digest] = [fault, fault, "", ""]
    fetched = fetch(source(hub), to=tmp_path)
    assert fetched.downloaded == 5
    assert verify(tmp_path).agrees


def test_a_lasting_fault_is_told_and_spares_the_others(hub: FakeHub, tmp_path: Path) -> None:
    """Retries are bounded; wrong bytes never lie under the final name; the exit code is 1."""
    hub.faults[hub.items[2].digest] = ["wrong"] * 50
    result = CliRunner().invoke(
        get_command, ["chest-1", "--to", str(tmp_path), "--hub", hub.url, "--json"], standalone_mode=False
    )
    told = json.loads(result.stdout)
    assert result.return_value == 1
    assert told["downloaded"] == 4
    assert [path for path, _ in told["failed"]] == [item_path(hub.items[2])]
    assert not (tmp_path / item_path(hub.items[2])).exists()
    assert verify(tmp_path).missing == (item_path(hub.items[2]),)


def test_what_was_withdrawn_is_reported_not_failed(hub: FakeHub, tmp_path: Path) -> None:
    """By the feed or by 410; verify then asks to delete what is still held, and nothing else is amiss."""
    fetch(source(hub), to=tmp_path / "before")
    hub.faults[hub.items[1].digest] = ["gone"] * 9
    hub.tell("withdrawn", digests=(hub.items[0].digest,))
    fetched = fetch(source(hub), to=tmp_path / "after")
    assert fetched.is_whole
    assert set(fetched.withdrawn) == {item_path(hub.items[0]), item_path(hub.items[1])}
    assert not (tmp_path / "after" / item_path(hub.items[0])).exists()
    late = verify(tmp_path / "before")
    assert not late.agrees
    assert late.withdrawn_held == (item_path(hub.items[0]),)
    assert (late.missing, late.changed) == ((), ())


def test_verify_tells_missing_changed_and_extra(hub: FakeHub, tmp_path: Path) -> None:
    """Each kind of deviation by its path, and exit 1; offline as well."""
    fetch(source(hub), to=tmp_path)
    (tmp_path / item_path(hub.items[0])).unlink()
    (tmp_path / item_path(hub.items[1])).write_bytes(b"x" * hub.items[1].size)
    (tmp_path / "other.dcm").write_bytes(b"x")
    hub.requests.clear()
    result = CliRunner().invoke(verify_command, [str(tmp_path), "--offline", "--json"], standalone_mode=False)
    told = json.loads(result.stdout)
    assert result.return_value == 1
    assert told["missing"] == [item_path(hub.items[0])]
    assert told["changed"] == [item_path(hub.items[1])]
    assert told["extra"] == ["other.dcm"]
    assert (told["files"], told["verified"], told["is_offline"]) == (4, 3, True)
    assert hub.requests == []


def test_another_key_is_not_trusted(hub: FakeHub, tmp_path: Path) -> None:
    """The first download pins the hub's key; a hub that signs with another one later is refused."""
    fetch(source(hub), to=tmp_path)
    hub.key = SigningKey.create()
    with pytest.raises(IntegrityError):
        fetch(source(hub), to=tmp_path)
    with pytest.raises(IntegrityError):
        verify(tmp_path)


def test_a_key_file_decides(hub: FakeHub, tmp_path: Path) -> None:
    """With --key-file the hub's own word about its key counts for nothing."""
    good, bad = tmp_path / "good", tmp_path / "bad"
    good.write_bytes(base64.b64encode(hub.key.public_key))
    bad.write_bytes(SigningKey.create().public_key)
    assert fetch(source(hub), to=tmp_path / "x", key_file=good).is_whole
    with pytest.raises(IntegrityError):
        fetch(source(hub), to=tmp_path / "y", key_file=bad)
    assert not (tmp_path / "y").exists()


def test_a_tampered_manifest_is_found(hub: FakeHub, tmp_path: Path) -> None:
    """One changed byte of the manifest breaks its signature."""
    fetch(source(hub), to=tmp_path)
    path = tmp_path / "manifest.json"
    path.write_bytes(path.read_bytes().replace(b"Invented", b"Inventid", 1))
    with pytest.raises(IntegrityError):
        verify(tmp_path)


def test_a_feed_that_forgets_is_found(hub: FakeHub, tmp_path: Path) -> None:
    """An entry that vanished, or was put in another order, is an integrity error even when all is signed."""
    hub.tell("withdrawn", digests=(hub.items[0].digest,))
    fetch(source(hub), to=tmp_path)
    kept = hub.feed.pop()
    with pytest.raises(IntegrityError):
        verify(tmp_path)
    hub.feed = [kept]
    with pytest.raises(IntegrityError):
        fetch(source(hub), to=tmp_path / "new")


def test_two_releases_are_not_mixed(hub: FakeHub, tmp_path: Path) -> None:
    """A folder that holds another release is refused before anything is written."""
    (tmp_path / "manifest.json").write_text('{"id": "chest-7"}')
    with pytest.raises(UsageError):
        fetch(source(hub), to=tmp_path)


def test_what_if_writes_nothing(hub: FakeHub, tmp_path: Path) -> None:
    """The plan tells how much would come, and the folder stays absent."""
    planned = plan(source(hub), to=tmp_path / "x")
    assert (planned.missing, planned.bytes) == (5, sum(item.size for item in hub.items))
    assert not (tmp_path / "x").exists()


def test_a_full_disk_is_told_before_the_first_byte(
    hub: FakeHub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The room is compared with what is missing; nothing is asked of the hub then."""
    monkeypatch.setattr("radcommons.access.fetch._RESERVE", 1 << 60)
    with pytest.raises(StorageError):
        fetch(source(hub), to=tmp_path)
    assert not any("instances" in path for path in hub.requests)


def test_a_manifest_file_or_an_address_names_the_release(hub: FakeHub, tmp_path: Path) -> None:
    """The page's URL, the manifest's URL and a manifest file all lead to the same download."""
    assert resolve(f"{hub.url}/releases/chest-1", hub=None) == source(hub)
    assert resolve(f"{hub.url}/api/v1/releases/chest-1/manifest.json", hub=None) == source(hub)
    fetch(source(hub), to=tmp_path / "x")
    by_file = resolve(str(tmp_path / "x" / "manifest.json"), hub=None)
    assert (by_file.release, by_file.hub) == ("chest-1", hub.url)
    assert fetch(by_file, to=tmp_path / "y").is_whole


@pytest.mark.parametrize("text", ["chest-1", "nonsense", "/no/such/manifest.json"])
def test_a_release_that_cannot_be_found_is_wrong_usage(text: str) -> None:
    """Without a hub, or with something that is no release, the message says what is missing."""
    with pytest.raises(UsageError):
        resolve(text, hub=None)


def test_an_unknown_release_is_not_found(hub: FakeHub, tmp_path: Path) -> None:
    """The hub's own words reach the user; nothing is written."""
    with pytest.raises(NotFound, match="No such thing"):
        fetch(resolve("chest-9", hub=hub.url), to=tmp_path / "x")
    assert not (tmp_path / "x").exists()


def test_a_silent_hub_is_a_peer_error(tmp_path: Path) -> None:
    """Retries end, with a message that says what to do."""
    with pytest.raises(PeerError, match="attempts"):
        fetch(resolve("chest-1", hub="http://127.0.0.1:9"), to=tmp_path)


def test_an_address_with_a_password_is_refused() -> None:
    """Credentials in URLs end up in logs; other schemes are no hubs. The token is in no text form of the client."""
    for text in ("https://user:pw@hub.example.org", "ftp://hub.example.org", "hub.example.org"):
        with pytest.raises(UsageError) as caught:
            hub_address(text)
        assert "pw@" not in str(caught.value)
    assert "s3cret" not in repr(HubClient("http://127.0.0.1:9", token="s3cret"))


def test_words_become_a_query() -> None:
    """Attributes, modalities and free words; an unknown attribute is refused before the hub is asked."""
    assert parameters(["CT", "PatientSex=F", "chest", "contrast"]) == [
        ("ModalitiesInStudy", "CT"),
        ("PatientSex", "F"),
        ("StudyDescription", "*chest*contrast*"),
    ]
    with pytest.raises(QueryError):
        parameters(["Nonsense=1"])
