"""The walk: every file once, whatever folders and archives hold."""

from __future__ import annotations

import io
import os
import zipfile
from pathlib import Path

import pytest

from radcommons.records.errors import UsageError
from radcommons.site.candidate import Candidate
from radcommons.site.walk import walk


def walked(*paths: Path, spool: Path) -> list[Candidate]:
    """Walk with nothing known."""
    spool.mkdir(exist_ok=True)
    return list(walk(paths, spool=spool, is_known=lambda _path, _stamp: False))


def zipped(entries: dict[str, bytes]) -> bytes:
    """Return an archive."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in entries.items():
            archive.writestr(name, content)
    return packed.getvalue()


def refusals(found: list[Candidate]) -> dict[str, str]:
    """Return the code of each refused candidate by the end of its path."""
    return {Path(one.path).name: one.refusal.code for one in found if one.refusal}


def test_nested_hidden_and_linked_files_come_once(tmp_path: Path) -> None:
    """A folder that two links lead to is walked once; a link to a folder above is told."""
    tree = tmp_path / "tree"
    (tree / "a" / ".b").mkdir(parents=True)
    (tree / "a" / ".b" / "file").write_bytes(b"x")
    (tree / "again").symlink_to(tree / "a")
    (tree / "a" / "up").symlink_to(tree)
    (tree / "gone").symlink_to(tree / "nowhere")
    found = walked(tree, tree, spool=tmp_path / "spool")
    assert [Path(one.path).name for one in found if not one.refusal] == ["file"]
    assert refusals(found) == {"up": "symlink-loop", "gone": "unreadable"}


def test_devices_are_never_opened(tmp_path: Path) -> None:
    """A pipe without a writer would block for ever; it is refused instead."""
    os.mkfifo(tmp_path / "pipe")
    assert refusals(walked(tmp_path / "pipe", spool=tmp_path / "spool")) == {"pipe": "not-dicom"}


def test_archives_in_archives_are_unpacked_two_deep(tmp_path: Path) -> None:
    """The third archive down is refused, its neighbours come, and no name of an entry becomes a path."""
    third = zipped({"deep": b"3"})
    second = zipped({"third.zip": third, "two": b"2"})
    (tmp_path / "first.zip").write_bytes(zipped({"second.zip": second, "one": b"1", "../out": b"bad", "/abs": b"bad"}))
    spool = tmp_path / "spool"
    spool.mkdir()
    read = {}
    for one in walk([tmp_path / "first.zip"], spool=spool, is_known=lambda _path, _stamp: False):
        read[one.path.removeprefix(str(tmp_path))] = one.refusal.code if one.refusal else one.file.read_bytes()
        assert one.refusal is not None or one.file.parent == spool
    assert read == {
        "/first.zip!/second.zip!/third.zip": "archive-refused",
        "/first.zip!/second.zip!/two": b"2",
        "/first.zip!/one": b"1",
        "/first.zip!/../out": "archive-refused",
        "/first.zip!//abs": "archive-refused",
    }


def test_a_bomb_ends_before_the_disk_does(tmp_path: Path) -> None:
    """An archive that expands beyond its budget is read no further."""
    (tmp_path / "bomb.zip").write_bytes(zipped({"first": b"1", "zeros": bytes(300 << 20), "after": b"2"}))
    found = walked(tmp_path / "bomb.zip", spool=tmp_path / "spool")
    assert [Path(one.path).name for one in found if not one.refusal] == ["first"]
    assert refusals(found) == {"bomb.zip": "archive-refused"}
    assert sum(path.stat().st_size for path in (tmp_path / "spool").iterdir()) == 1


def test_a_broken_archive_is_one_refusal(tmp_path: Path) -> None:
    """Half an archive says so, and nothing else happens."""
    (tmp_path / "half.zip").write_bytes(zipped({"a": os.urandom(5000)})[:2500])
    assert refusals(walked(tmp_path / "half.zip", spool=tmp_path / "spool")) == {"half.zip": "archive-refused"}


def test_a_path_that_is_not_there_is_a_wrong_call(tmp_path: Path) -> None:
    """A spelling mistake must not look like an empty folder."""
    with pytest.raises(UsageError):
        walked(tmp_path / "typo", spool=tmp_path / "spool")


def test_a_folder_that_may_not_be_read_is_one_refusal(tmp_path: Path) -> None:
    """What the account may not open is named with its reason, and the rest of the walk goes on."""
    (tmp_path / "in" / "closed").mkdir(parents=True)
    (tmp_path / "in" / "closed" / "1").write_bytes(b"1")
    (tmp_path / "in" / "open").write_bytes(b"2")
    (tmp_path / "in" / "closed").chmod(0)
    for folder in (tmp_path, *tmp_path.parents[:3]):  # pytest's own folders are closed to others
        folder.chmod(folder.stat().st_mode | 0o055)
    is_root = os.geteuid() == 0
    try:
        if is_root:
            os.seteuid(65534)
        found = list(walk([tmp_path / "in"], spool=tmp_path, is_known=lambda _path, _stamp: False))
    finally:
        if is_root:
            os.seteuid(0)
        (tmp_path / "in" / "closed").chmod(0o700)
    assert [(Path(one.path).name, one.refusal and one.refusal.code) for one in found] == [
        ("closed", "unreadable"),
        ("open", None),
    ]
