"""How files come: redirects to a store, access that ends, an interrupt, and tables that a stranger wrote."""

from __future__ import annotations

import csv
import io
import socket
import threading
import time
from pathlib import Path

import pytest

from radcommons.access import copying
from radcommons.access.copying import Progress, Wanted, copy
from radcommons.access.fetch import fetch
from radcommons.access.hubclient import HubClient
from radcommons.access.lines import LineError, Lines
from radcommons.access.listing import read_listing, safe_path
from radcommons.access.source import resolve
from radcommons.access.verify import verify
from radcommons.records.errors import DocumentError, NotPermitted, PeerError, StorageError, UsageError
from radcommons.records.release import cell, item_path
from unit.access.fake_hub import FakeHub


def _store(hub: FakeHub) -> str:
    return hub.url.replace("127.0.0.1", "localhost") + "/store/"


def test_a_redirect_is_followed_without_the_token(hub: FakeHub, tmp_path: Path) -> None:
    """The store's address holds what is needed; the token goes to the hub alone, and half a file goes on there too."""
    for item in hub.items:
        hub.faults[item.digest] = [f"elsewhere {_store(hub)}"] * 3
    part = tmp_path / (item_path(hub.items[0]) + ".part")
    part.parent.mkdir(parents=True)
    part.write_bytes(hub.contents[hub.items[0].digest][:70_000])
    fetched = fetch(resolve("chest-1", hub=hub.url), to=tmp_path, token="secret")
    assert fetched.downloaded == 5
    assert hub.ranges == ["bytes=70000-"] * 2  # the hub, and then the store
    assert (hub.store_tokens, hub.tokens) == ({None}, {"Bearer secret"})
    assert verify(tmp_path, token="secret").agrees


def test_an_address_that_is_over_is_asked_for_again(hub: FakeHub, tmp_path: Path) -> None:
    """The store says no, and the hub is asked again: for a new address, or to say that it was withdrawn."""
    first, second = hub.items[:2]
    hub.store_status = [403]
    hub.faults[first.digest] = [f"elsewhere {_store(hub)}"] * 2
    hub.faults[second.digest] = [f"elsewhere {_store(hub)}", "gone"]
    fetched = fetch(resolve("chest-1", hub=hub.url), to=tmp_path, jobs=1)
    assert (fetched.downloaded, fetched.failed) == (5, ())
    hub.store_status, hub.faults[second.digest] = [404], [f"elsewhere {_store(hub)}", "gone"]
    (tmp_path / item_path(second)).unlink()
    assert fetch(resolve("chest-1", hub=hub.url), to=tmp_path, jobs=1).withdrawn == (item_path(second),)


def test_no_redirect_leaves_the_encrypted_line() -> None:
    """What came over https is not fetched from http, and never from a file."""
    client = HubClient("https://hub.example.org")
    for location in ("http://store.example.org/x", "file:///etc/passwd", "ftp://x/y"):
        with pytest.raises(PeerError):
            client._target("/a", location)
    assert client._target("/a/b", "/c") == "https://hub.example.org/c"


def test_access_that_ends_stops_the_download(hub: FakeHub, tmp_path: Path) -> None:
    """A revoked grant is told once and clearly, not as a fault of each file; what arrived is kept and goes on later."""
    for item in hub.items[2:]:
        hub.faults[item.digest] = ["ended"]
    with pytest.raises(NotPermitted, match="ended during the download: The grant is over") as caught:
        fetch(resolve("chest-1", hub=hub.url), to=tmp_path, jobs=1)
    assert "What arrived is kept" in caught.value.mend
    assert sum("instances" in path for path in hub.requests) == 3
    hub.faults.clear()
    again = fetch(resolve("chest-1", hub=hub.url), to=tmp_path)
    assert (again.present, again.downloaded) == (2, 3)


def test_progress_tells_rate_and_time_left(hub: FakeHub, tmp_path: Path) -> None:
    """Files and bytes of how many, and at the end nothing is left."""
    told: list[Progress] = []
    fetch(resolve("chest-1", hub=hub.url), to=tmp_path, progress=told.append)
    size = sum(item.size for item in hub.items)
    assert (told[-1].files, told[-1].of_files, told[-1].bytes, told[-1].of_bytes) == (5, 5, size, size)
    assert Progress(files=1, of_files=2, bytes=50, of_bytes=150, bytes_s=10).left_s == 10
    assert Progress(files=1, of_files=2, bytes=50, of_bytes=150, bytes_s=0).left_s is None


def test_an_interrupt_ends_at_once_and_keeps_the_bytes(hub: FakeHub, tmp_path: Path) -> None:
    """Ctrl-C does not wait for a server that says nothing; no thread is left."""
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        one = Wanted(path="a/b.dcm", address="/x", digest="0" * 64, size=5)

        def interrupt(_progress: Progress) -> None:
            raise KeyboardInterrupt

        began = time.monotonic()
        with (
            HubClient(f"http://127.0.0.1:{silent.getsockname()[1]}") as client,
            pytest.raises(KeyboardInterrupt),
        ):
            copy([one], client=client, folder=tmp_path, jobs=2, progress=interrupt)
        assert time.monotonic() - began < 5
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("get-")]


def test_a_folder_that_cannot_be_written_is_told(hub: FakeHub) -> None:
    """A typed error, not a trace."""
    one = Wanted(path="a/b.dcm", address="/x", digest="0" * 64, size=5)
    with HubClient(hub.url) as client, pytest.raises(StorageError):
        copy([one], client=client, folder=Path("/proc/nothing"), jobs=1)


def test_a_connection_that_was_closed_meanwhile_is_replaced(hub: FakeHub) -> None:
    """A kept connection may be closed by the other side at any time; what is not kept fails by its kind of fault."""
    lines = Lines()
    for _ in range(2):
        with lines.get(f"{hub.url}/api/v1/keys", headers={}) as answer:
            assert (answer.status, answer.read()[:2]) == (200, b'{"')
        lines.cut()
    with pytest.raises(LineError, match="ConnectionRefusedError"), lines.get("http://127.0.0.1:9/", headers={}):
        pass
    lines.close()


def _table(hub: FakeHub, **changed: str) -> bytes:
    text = io.StringIO()
    writer = csv.DictWriter(text, ["path", "sha256", "bytes", "url", "modality"])
    writer.writeheader()
    for number, item in enumerate(hub.items):
        url = f"{hub.url}/api/v1/releases/chest-1/instances/{item.digest}"
        row = {"path": f"x/{number}.dcm", "sha256": item.digest, "bytes": str(item.size), "url": url, "modality": "CT"}
        writer.writerow(row | (changed if number == 1 else {}))
    return text.getvalue().encode()


def test_a_table_of_files_is_fetched(hub: FakeHub, tmp_path: Path) -> None:
    """A cohort's export or a release's manifest.csv: in the table's own layout, each digest checked; verify agrees."""
    path = tmp_path / "cohort.csv"
    path.write_bytes(_table(hub))
    fetched = fetch(resolve(str(path), hub=hub.url), to=tmp_path / "x")
    assert (fetched.release, fetched.downloaded) == ("cohort.csv", 5)
    assert (tmp_path / "x" / "x" / "3.dcm").read_bytes() == hub.contents[hub.items[3].digest]
    assert fetch(resolve(str(path), hub=None), to=tmp_path / "x").present == 5
    with pytest.raises(UsageError):
        fetch(resolve("chest-1", hub=hub.url), to=tmp_path / "x")
    checked = verify(tmp_path / "x")
    assert (checked.verified, checked.agrees) == (5, True)
    hub.tell("withdrawn", digests=(hub.items[3].digest,))
    (tmp_path / "x" / "x" / "0.dcm").write_bytes(b"x")
    later = verify(tmp_path / "x")
    assert (later.withdrawn_held, later.changed) == (("x/3.dcm",), ("x/0.dcm",))


@pytest.mark.parametrize(
    "path",
    [
        "../x.dcm",
        "a/../../x.dcm",
        "/etc/cron.d/x",
        "a//b",
        "a/./b",
        "",
        "C:/x.dcm",
        "C:x.dcm",
        "a\\..\\b.dcm",
        "\\\\server\\x",
        ".ssh/authorized_keys",
        "a/.hidden",
        ".radcommons/hub-keys.json",
        "manifest.json",
        "MANIFEST.CSV",
        "feed.json",
        "a/b.dcm.part",
        "a/con",
        "a/NUL.dcm",
        "a/b. ",
        "a/b.",
        "a\x00b",
        "a/b\nc",
        "a/b\n",
        "x" * 300,
        "/".join("abcdefghijklmnop"),
    ],
)
def test_a_path_that_would_leave_its_folder_is_refused(hub: FakeHub, tmp_path: Path, path: str) -> None:
    """Nothing is written outside, hidden, or over what the client itself needs; nothing is downloaded at all."""
    with pytest.raises(DocumentError) as caught:
        safe_path(path)
    assert len(path) < 3 or path not in str(caught.value)
    table = tmp_path / "t.csv"
    table.write_bytes(_table(hub, path=path))
    hub.requests.clear()
    with pytest.raises(DocumentError):
        fetch(resolve(str(table), hub=hub.url), to=tmp_path / "x")
    assert hub.requests == []
    assert list(tmp_path.iterdir()) == [table]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("sha256", "0" * 63),
        ("bytes", "-1"),
        ("bytes", "1e9"),
        ("url", "https://elsewhere.example.org/api/v1/releases/x-1/instances/0"),
        ("url", "file:///etc/passwd"),
        ("path", "x/0.dcm"),
        ("path", "X/0.DCM"),
        ("path", "x/0.dcm/y"),
    ],
)
def test_a_table_that_does_not_fit_is_refused(hub: FakeHub, name: str, value: str) -> None:
    """Another host never sees the token; two files never share a name, also where capitals count for nothing."""
    with pytest.raises(DocumentError) as caught:
        read_listing(_table(hub, **{name: value}), hub=hub.url)
    assert value not in str(caught.value)


def test_a_table_does_not_decide_who_gets_the_token(hub: FakeHub, tmp_path: Path) -> None:
    """A file from a stranger with a stranger's addresses: the hub has to be named by the person."""
    path = tmp_path / "t.csv"
    path.write_bytes(_table(hub))
    assert resolve(str(path), hub=None).hub == hub.url
    with pytest.raises(UsageError):
        resolve(str(path), hub=None, has_token=True)
    with pytest.raises(DocumentError):
        fetch(resolve(str(path), hub="https://hub.example.org", has_token=True), to=tmp_path / "x")


def test_addresses_of_cohorts_and_tables() -> None:
    """A cohort's page leads to its table; a version of it as well."""
    found = resolve("https://hub.example.org/cohorts/abc/versions/2", hub=None)
    assert (found.hub, found.address) == ("https://hub.example.org", "/cohorts/abc/versions/2/manifest.csv")
    assert (found.release, found.is_table) == ("abc-versions-2", True)
    same = resolve("https://hub.example.org/cohorts/abc/versions/2/manifest.csv", hub=None)
    assert same.address == found.address
    table = resolve("https://hub.example.org/api/v1/releases/chest-1/manifest.csv", hub=None)
    assert table.address == "/api/v1/releases/chest-1/manifest.csv"


def test_no_cell_is_a_formula() -> None:
    """What a spreadsheet would calculate is text (OWASP, CSV injection)."""
    for text in ("=cmd|' /C calc'!A0", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1"):
        assert cell(text) == "'" + text
    assert cell("CT") == "CT"


def test_the_buffer_is_smaller_than_a_file(hub: FakeHub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file that needs many reads is the same file."""
    monkeypatch.setattr(copying, "_BUFFER", 4096)
    assert fetch(resolve("chest-1", hub=hub.url), to=tmp_path).downloaded == 5
    assert verify(tmp_path).agrees
