"""Files of a watched folder are taken when they are still."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from radcommons.records.errors import UsageError
from radcommons.site.watch import Stillness, files_below, watched


def test_a_file_is_taken_once_when_it_has_been_still(tmp_path: Path) -> None:
    """Not while it grows, once when it has stopped, again only when it changes."""
    now = [0.0]
    stillness = Stillness(10, clock=lambda: now[0])
    file = tmp_path / "deep" / "1.dcm"
    file.parent.mkdir()
    file.write_bytes(b"a")
    assert stillness.still(files_below([tmp_path])) == []
    now[0] = 9
    file.write_bytes(b"ab")
    assert stillness.still(files_below([tmp_path])) == []
    now[0] = 18
    assert stillness.still(files_below([tmp_path])) == []
    now[0] = 19
    assert stillness.still(files_below([tmp_path])) == [file]
    assert stillness.still(files_below([tmp_path])) == [file], "nobody said that it was taken"
    stillness.took([file])
    now[0] = 60
    assert stillness.still(files_below([tmp_path])) == []
    file.write_bytes(b"other")
    stillness.still(files_below([tmp_path]))
    now[0] = 70
    assert stillness.still(files_below([tmp_path])) == [file]


def test_an_old_time_of_a_file_says_nothing(tmp_path: Path) -> None:
    """A copy that keeps its source's time is watched like any other."""
    stillness = Stillness(10, clock=lambda: 0.0)
    file = tmp_path / "1.dcm"
    file.write_bytes(b"a")
    os.utime(file, (0, 0))
    assert stillness.still(files_below([tmp_path])) == []


def test_links_and_pipes_are_left_alone(tmp_path: Path) -> None:
    """What is no regular file is not opened, and a link does not lead out of the folder."""
    (tmp_path / "in").mkdir()
    (tmp_path / "out").write_bytes(b"a")
    (tmp_path / "in" / "link").symlink_to(tmp_path / "out")
    os.mkfifo(tmp_path / "in" / "pipe")
    assert files_below([tmp_path / "in"]) == {}


def test_a_folder_that_is_not_there_is_refused(tmp_path: Path) -> None:
    """A share that is not mounted must not look like an empty one."""
    with pytest.raises(UsageError):
        watched([tmp_path / "nowhere"])
