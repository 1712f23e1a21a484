"""The gateway's commands where the modules and calls of POSIX are missing, as on Windows: locks, workers, folders.

No Windows is at hand: the POSIX modules are taken away and `msvcrt` is played by a small stand-in, so that each place
that leans on POSIX alone fails here. docs/how-to/install-a-gateway.md lists what this cannot show.
"""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
from pydicom import dcmread
from pydicom.data import get_testdata_file

# Runs before anything of ours, in the workers as well, which start anew here.
_SITECUSTOMIZE = textwrap.dedent(
    """
    import multiprocessing, os, sys, types
    # The standard library has taken what it needs of POSIX itself by the end of this line.
    import asyncio, multiprocessing.popen_spawn_posix, multiprocessing.resource_tracker, shutil, ssl, tempfile, uuid

    multiprocessing.get_all_start_methods = lambda: ["spawn"]
    _posix = __import__("fcntl")
    taken = types.ModuleType("msvcrt")
    taken.LK_NBLCK = 2
    def locking(descriptor, mode, count):
        assert (mode, count) == (taken.LK_NBLCK, 1)
        _posix.lockf(descriptor, _posix.LOCK_EX | _posix.LOCK_NB, 1)
    taken.locking = locking
    sys.modules["msvcrt"] = taken
    for name in ("fcntl", "resource", "pwd", "grp", "termios"):
        sys.modules[name] = None
    for name in ("O_DIRECTORY", "fork", "forkpty", "killpg", "sched_getaffinity", "statvfs", "geteuid", "getuid"):
        if hasattr(os, name):
            delattr(os, name)
    """
)


@pytest.fixture(scope="module")
def elsewhere(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The environment of a Python without POSIX."""
    folder = tmp_path_factory.mktemp("without-posix")
    (folder / "sitecustomize.py").write_text(_SITECUSTOMIZE)
    return {**os.environ, "PYTHONPATH": str(folder)}


def _run(elsewhere: dict[str, str], *arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "radcommons", *map(str, arguments)]
    return subprocess.run(command, env=elsewhere, capture_output=True, text=True, timeout=300, check=False)


@pytest.fixture
def images(tmp_path: Path) -> Path:
    """A folder, with a blank and an umlaut in its name, of two objects."""
    folder = tmp_path / "Eingänge von heute"
    folder.mkdir()
    for name in ("CT_small.dcm", "MR_small.dcm"):
        (folder / name).write_bytes(Path(str(get_testdata_file(name))).read_bytes())
    return folder


def test_modules_are_missing_there(elsewhere: dict[str, str]) -> None:
    """The stand-in takes away what it says, or the other tests here would prove nothing."""
    looked = "import os; assert not hasattr(os, 'fork') and not hasattr(os, 'O_DIRECTORY'); import fcntl"
    done = subprocess.run([sys.executable, "-c", looked], env=elsewhere, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "fcntl" in done.stderr.splitlines()[-1]


def test_folder_is_deidentified(elsewhere: dict[str, str], images: Path, tmp_path: Path) -> None:
    """`deid` with two workers puts both objects out."""
    out = tmp_path / "out"
    done = _run(elsewhere, "deid", images, "--out", out, "--jobs", 2, "--key-file", tmp_path / "key")
    assert done.returncode == 0, done.stdout + done.stderr
    made = [dcmread(path) for path in out.rglob("*.dcm")]
    assert len(made) == 2
    assert all(one.PatientIdentityRemoved == "YES" for one in made)


def test_gateway_takes_images_in(elsewhere: dict[str, str], images: Path, tmp_path: Path) -> None:
    """A gateway is made and adds a folder; a second process is refused while one works."""
    gateway = tmp_path / "gateway"
    made = _run(
        elsewhere, "site", "init", gateway, "--hub", "https://hub.example", "--token", "rcm_t", "--site", "ALFA",
        "--name", "A", "--country", "DE", "--legal-basis", "consent", "--ethics-reference", "E1", "--offline",
    )  # fmt: skip
    assert made.returncode == 0, made.stdout + made.stderr
    added = _run(elsewhere, "site", "add", gateway, images, "--json")
    assert '"seen": 2' in added.stdout, added.stdout + added.stderr


def test_lock_ends_with_its_process(elsewhere: dict[str, str], tmp_path: Path) -> None:
    """A second process gets no lock that the first holds, and gets it when that one was killed."""
    hold = "import sys, time; from radcommons.platform.locks import lock; file = open(sys.argv[1], 'w'); lock(file); "
    command = [sys.executable, "-c", hold + "print('held', flush=True); time.sleep(60)", str(tmp_path / "x")]
    ask = [sys.executable, "-c", hold, str(tmp_path / "x")]
    with subprocess.Popen(command, env=elsewhere, stdout=subprocess.PIPE, text=True) as first:
        assert first.stdout is not None
        assert first.stdout.readline() == "held\n"
        second = subprocess.run(ask, env=elsewhere, capture_output=True, text=True, check=False)
        first.kill()
    assert second.stderr.splitlines()[-1].startswith("BlockingIOError")
    assert subprocess.run(ask, env=elsewhere, check=False).returncode == 0
