"""Keeping a gateway: backup and restore that prove themselves, one gateway on one PC, a disk that does not fill."""

from __future__ import annotations

import base64
import json
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import pyrage
import pytest
from tests.disks import SmallDisk
from tests.functional.fake_hub import FakeHub
from tests.functional.gateways import Gateway, make_gateway
from tests.functional.site_inputs import ct_slice, series, write

from radcommons.platform.clock import now
from radcommons.records.errors import Conflict, PeerError, StorageError, UsageError
from radcommons.site.hub import Hub, Throttle
from radcommons.site.keep import backup

pytestmark = pytest.mark.slow


@pytest.fixture
def hub() -> Iterator[FakeHub]:
    """A hub."""
    with FakeHub() as made:
        yield made


@pytest.fixture
def gateway(hub: FakeHub, tmp_path: Path) -> Gateway:
    """A gateway with a submitted, a ready and a held file."""
    made = make_gateway(tmp_path / "gateway", hub.url)
    series(tmp_path / "e", count=1, patient="71")
    made.add(tmp_path / "e")
    made.submit()
    series(tmp_path / "e", count=1, patient="72")
    made.add(tmp_path / "e")
    series(tmp_path / "f", count=1, patient="73")
    made.add(tmp_path / "f", protocol="ricord")
    assert made.counts() == {"seen": 3, "submitted": 1, "ready": 1, "held": 1}
    return made


class Person:
    """Somebody with an age key in a file."""

    def __init__(self, path: Path) -> None:
        key = pyrage.x25519.Identity.generate()
        path.write_text(f"# made by a test\n{key}\n")
        self.file, self.recipient = path, str(key.to_public())


@pytest.fixture
def people(tmp_path: Path) -> tuple[Person, Person, Person]:
    """Two people of an escrow, and a stranger."""
    return Person(tmp_path / "one.txt"), Person(tmp_path / "two.txt"), Person(tmp_path / "three.txt")


def to(*people: Person) -> list[str]:
    """Return the options that name recipients."""
    return [word for person in people for word in ("--recipient", person.recipient)]


def test_either_of_two_brings_the_whole_gateway_back(
    gateway: Gateway, hub: FakeHub, tmp_path: Path, people: tuple[Person, Person, Person]
) -> None:
    """Crosswalk, keys, decisions and unsent objects come back; the restored gateway submits, and no name changed."""
    one, two, _ = people
    target = tmp_path / "backup.age"
    assert gateway.run("backup", target, *to(one, two))[1]["objects"] == 2, "what is not acknowledged"
    assert target.stat().st_mode & 0o077 == 0
    assert b"71" not in target.read_bytes() or b"PatientID" not in target.read_bytes()
    before = [tuple(row) for row in gateway.rows()]
    shutil.rmtree(gateway.directory)
    for person in (one, two):
        back = Gateway(tmp_path / person.file.stem / "gateway")
        status, found = _restore(target, back.directory, person)
        assert (status, found["patients"], found["files"], found["generation"]) == (0, 3, 3, 2)
        assert [tuple(row) for row in back.rows()] == before
    back.submit()
    assert back.counts() == {"seen": 3, "submitted": 2, "held": 1}
    more = series(tmp_path / "later", count=2, patient="71")
    back.add(*more)
    assert back.rows()[-1].pseudonym == before[0][13]


def _restore(source: Path, directory: Path, person: Person, *more: str) -> tuple[int, dict[str, Any]]:
    return Gateway(directory).run_file("restore", source, "--identity", person.file, *more)


def test_a_wrong_key_and_a_damaged_file_are_told_apart_and_leave_nothing(
    gateway: Gateway, tmp_path: Path, people: tuple[Person, Person, Person]
) -> None:
    """A stranger's key, a flipped byte anywhere, a cut and a foreign file: refused, with no folder left behind."""
    one, _, stranger = people
    target = tmp_path / "backup.age"
    gateway.run("backup", target, *to(one))
    whole = target.read_bytes()
    assert _restore(target, tmp_path / "r" / "x", stranger)[1]["error"] == "not-permitted"
    broken = tmp_path / "broken.age"
    for place in (len(whole) // 3, len(whole) // 2, len(whole) - 3):
        broken.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
        assert _restore(broken, tmp_path / "r" / "x", one)[1]["error"] == "integrity", place
    for content in (whole[: len(whole) // 2], whole[:40], b"", pyrage.encrypt(b"no tar", _keys(one))):
        broken.write_bytes(content)
        assert _restore(broken, tmp_path / "r" / "x", one)[1]["error"] == "integrity"
    assert list((tmp_path / "r").iterdir()) == []
    assert _restore(target, gateway.directory, one)[1]["error"] == "conflict", "never over a gateway"
    assert _restore(target, tmp_path / "r" / "x", one, "--what-if")[0] == 0
    assert list((tmp_path / "r").iterdir()) == []


def _keys(person: Person) -> list[Any]:
    return [pyrage.x25519.Recipient.from_str(person.recipient)]


def test_a_backup_is_of_one_moment_while_others_write(
    gateway: Gateway, tmp_path: Path, people: tuple[Person, Person, Person]
) -> None:
    """Taken while files are being added, it opens, its sums agree, and what it names it holds."""
    one = people[0]
    series(tmp_path / "many", count=25, patient="80")
    adding = threading.Thread(target=lambda: gateway.add(tmp_path / "many"))
    adding.start()
    restored = []
    for number in range(4):
        target = tmp_path / f"b{number}.age"
        with gateway.store() as store:
            backup(store, target, recipients=[one.recipient])
        assert _restore(target, tmp_path / f"r{number}", one)[1]["missing"] == 0
        restored.append(Gateway(tmp_path / f"r{number}").counts()["seen"])
    adding.join()
    assert restored == sorted(restored)
    assert gateway.counts()["seen"] == 28


def test_a_full_disk_leaves_no_half_backup(
    gateway: Gateway, small_disk: Callable[[str], SmallDisk], people: tuple[Person, Person, Person]
) -> None:
    """On a disk that is too small the backup is refused by its cause, and a move leaves the gateway open."""
    disk = small_disk("128k")
    with gateway.store() as store, pytest.raises(StorageError, match="full"):
        backup(store, disk.path / "b.age", recipients=[people[0].recipient], everything=True, move=True)
    assert list(disk.path.iterdir()) == []
    gateway.submit()
    assert gateway.counts()["submitted"] == 2


def test_a_gateway_that_moved_changes_nothing_here(
    gateway: Gateway, hub: FakeHub, tmp_path: Path, people: tuple[Person, Person, Person]
) -> None:
    """After `backup --move` the old PC refuses every change and says why; the new one is the next generation."""
    one = people[0]
    gateway.run("backup", tmp_path / "m.age", *to(one), "--move")
    for refused in (lambda: gateway.submit(), lambda: gateway.add(tmp_path / "e")):
        with pytest.raises(Conflict, match="moved to another PC"):
            refused()
    assert gateway.run("withdraw", "--patient", "71")[1]["error"] == "moved"
    assert gateway.counts()["seen"] == 3, "it can still be read"
    new = Gateway(tmp_path / "new")
    assert _restore(tmp_path / "m.age", new.directory, one)[1]["generation"] == 2
    new.submit()
    assert new.counts()["submitted"] == 2
    assert gateway.run("reopen")[1]["was_closed"]
    with pytest.raises(Conflict, match="another PC runs it too"):
        gateway.submit()


def test_two_copies_do_not_submit_unknowingly(gateway: Gateway, hub: FakeHub, tmp_path: Path) -> None:
    """A copied folder learns from the hub that the other one goes on; a person may say which one is the gateway."""
    copy = Gateway(tmp_path / "copy")
    shutil.copytree(gateway.directory, copy.directory)
    gateway.submit()
    with pytest.raises(Conflict, match="another PC runs it too"):
        copy.submit()
    assert copy.run("adopt", "--what-if")[1]["foreign"] == 1
    with pytest.raises(Conflict):
        copy.submit()
    assert copy.run("adopt")[1]["foreign"] == 1
    copy.submit()
    assert copy.counts()["submitted"] == 2


def test_only_what_the_hub_acknowledged_is_cleaned_up(gateway: Gateway, hub: FakeHub, tmp_path: Path) -> None:
    """Oldest first until the budget is kept; what is ready, held or sent without a receipt stays."""
    series(tmp_path / "g", count=3, patient="74")
    gateway.set(bandwidth="")
    hub.forge_receipt = True
    gateway.submit()
    hub.forge_receipt = False
    assert gateway.counts() == {"seen": 3, "submitted": 1, "ready": 1, "held": 1}
    found = gateway.run("clean-up", "--everything", "--what-if")[1]
    assert found["objects"] == 1
    assert len(_objects(gateway)) == 3
    gateway.run("clean-up", "--everything")
    kept = {row.object_digest for row in gateway.rows() if row.state != "submitted"}
    assert _objects(gateway) == kept
    gateway.submit()
    gateway.add(tmp_path / "g")
    gateway.submit()
    size = max(row.object_size for row in gateway.rows())
    by_age = [row for row in gateway.rows() if row.state == "submitted" and row.object_digest in _objects(gateway)]
    gateway.set(disk_budget=f"{(size * 3 + 900) / 1000:.3f}KB")
    found = gateway.run("clean-up")[1]
    assert found["used"] <= size * 3 + 900
    left = [row.id for row in by_age if row.object_digest in _objects(gateway)]
    assert left == [row.id for row in by_age][-len(left) :], "the oldest go first"
    gateway.set(disk_budget="0.001KB")
    status, found = gateway.run("clean-up")
    assert (status, _objects(gateway)) == (1, {row.object_digest for row in gateway.rows() if row.state == "held"})
    assert found["over"] > 0
    assert gateway.counts() == {"seen": 6, "submitted": 5, "held": 1}


def _objects(gateway: Gateway) -> set[str]:
    return {path.name for path in (gateway.directory / "objects").glob("??/*")}


def test_receipts_can_be_checked_by_anybody(gateway: Gateway, tmp_path: Path) -> None:
    """An exported line carries what proves it; a changed number, submission or signature is found."""
    target = tmp_path / "receipts.jsonl"
    assert gateway.run("receipts", "--to", target)[1]["receipts"] == 1
    assert gateway.run("receipts", "--check", target) == (0, {"receipts": 1, "wrong": []})
    for name in ("71", "Quintessa"):
        assert f'"{name}"' not in target.read_text()
    line = json.loads(target.read_text())
    for member, change in (("receipt", {"instances": 7}), ("submission", {"country": "DE"})):
        target.write_text(json.dumps({**line, member: {**line[member], **change}}) + "\n")
        assert gateway.run("receipts", "--check", target) == (1, {"receipts": 0, "wrong": [1]})
    target.write_text(json.dumps({**line, "hub_key": base64.b64encode(b"k" * 32).decode()}) + "\nnonsense\n")
    assert gateway.run("receipts", "--check", target)[1] == {"receipts": 1, "wrong": [2]}, "the pinned key counts"


def test_an_uninstall_says_what_it_leaves(
    gateway: Gateway, tmp_path: Path, people: tuple[Person, Person, Person]
) -> None:
    """It refuses while files are unsent or no backup was made, and never removes the originals."""
    status, found = gateway.run("uninstall", "--what-if")
    assert (status, found["at_hub"], found["unsent"], found["patients"]) == (1, 1, 2, 3)
    assert gateway.run("uninstall")[1]["error"] == "not-yet"
    gateway.run("backup", tmp_path / "b.age", *to(people[0]))
    gateway.submit()
    (number,) = (row.id for row in gateway.rows() if row.state == "held")
    gateway.run("review", "--exclude", number)
    status, found = gateway.run("uninstall")
    assert (status, found["at_hub"], found["objections"]) == (0, 2, [])
    assert not gateway.directory.exists()
    assert len(list((tmp_path / "e").iterdir())) == 2


def test_a_wrong_clock_signs_nothing(gateway: Gateway, hub: FakeHub, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where this PC and the hub differ by days nothing new is signed; set right, the same call goes on."""
    hub.date = format_datetime(now() + timedelta(days=3), usegmt=True)
    with pytest.raises(Conflict, match=r"7[12]\.\d hours"):
        gateway.submit()
    assert gateway.counts()["ready"] == 1
    hub.date = ""
    gateway.submit()
    assert gateway.counts()["submitted"] == 2


def test_the_line_is_not_filled(gateway: Gateway, hub: FakeHub, tmp_path: Path) -> None:
    """The bandwidth is one for all threads, and only the monotonic clock is asked."""
    throttle = Throttle(1_000_000)
    began = time.monotonic()
    threads = [threading.Thread(target=lambda: [throttle.wait_for(50_000) for _ in range(3)]) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert time.monotonic() - began >= 0.25
    gateway.set(bandwidth="0.010MB")
    began = time.monotonic()
    write(tmp_path / "h" / "1", ct_slice(1, patient="79", Rows=128, Columns=128, PixelData=b"\0\1" * 128 * 128))
    gateway.add(tmp_path / "h")
    gateway.submit()
    assert time.monotonic() - began >= 0.3
    assert gateway.counts()["submitted"] == 3


def test_proxy_and_private_ca_are_those_of_the_settings(gateway: Gateway, tmp_path: Path) -> None:
    """A proxy that is named is used even if it is dead; a CA file that is none is told, not ignored."""
    gateway.set(proxy="http://127.0.0.1:1")
    with gateway.store() as store, Hub.of(store.settings, token="good", tries=1) as hub, pytest.raises(PeerError):
        hub.submissions()
    gateway.set(proxy="", ca_file=str(tmp_path / "nothing.pem"))
    with pytest.raises(UsageError, match="ca_file"):
        gateway.submit()
