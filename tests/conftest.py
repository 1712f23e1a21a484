"""Fixtures that every kind of test may use."""

from __future__ import annotations

import os
import secrets
import subprocess
import tempfile
from collections.abc import Callable, Generator, Iterator
from pathlib import Path

import pytest
from hypothesis import settings
from tests.disks import SmallDisk

from radcommons.testing import servers

# The suite tries the same examples each time, so that a red run is the change's; `make wander` looks for new ones.
settings.register_profile("steady", derandomize=True, database=None, deadline=None)
settings.register_profile("wander", print_blob=True)
settings.register_profile("nightly", print_blob=True, max_examples=100_000, deadline=None)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "steady"))

REPOSITORY = Path(__file__).resolve().parent.parent
_LOG_LINES = 40


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Show the end of each server's log beside a test that failed: on another machine nobody can look it up."""
    report = yield
    folder = getattr(item, "funcargs", {}).get("tmp_path")
    if report.failed and folder is not None:
        for log in sorted(folder.glob("*.log")):
            last = log.read_text(errors="replace").splitlines()[-_LOG_LINES:]
            report.sections.append((f"end of {log.name}", "\n".join(last)))
    return report


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The real images beside the checkout; a test that needs them fails loudly without."""
    found = REPOSITORY.parent / "shared" / "data"
    if not (found / "MANIFEST.csv").is_file():
        pytest.fail(f"the shared test data are missing: expected {found}/MANIFEST.csv beside the checkout")
    return found


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    """A real PostgreSQL of this session."""
    with servers.postgres() as url:
        yield url


@pytest.fixture(scope="session")
def s3_server() -> Iterator[dict[str, str]]:
    """A real S3 server of this session: the environment that leads to it."""
    with servers.s3() as environment:
        yield environment


@pytest.fixture(scope="module")
def postgres_url(postgres_server: str) -> str:
    """An empty database on a real PostgreSQL."""
    return servers.new_database(postgres_server, f"t{secrets.token_hex(6)}")


@pytest.fixture(scope="module")
def s3_url(s3_server: dict[str, str]) -> Iterator[str]:
    """An empty prefix on a real S3 server; this process's environment leads to it."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in s3_server.items():
            patch.setenv(name, value)
        yield f"s3://{servers.BUCKET}/{secrets.token_hex(6)}"


@pytest.fixture(scope="session")
def new_production_env(postgres_server: str, s3_server: dict[str, str]) -> Callable[[], dict[str, str]]:
    """Makes the environment of a hub of the production size, with a database and a prefix of its own."""

    def made() -> dict[str, str]:
        name = f"t{secrets.token_hex(6)}"
        return {
            **s3_server,
            "RADCOMMONS_DATABASE_URL": servers.new_database(postgres_server, name),
            "RADCOMMONS_OBJECTS_URL": f"s3://{servers.BUCKET}/{name}",
        }

    return made


@pytest.fixture
def production_env(new_production_env: Callable[[], dict[str, str]]) -> dict[str, str]:
    """The environment of one hub of the production size."""
    return new_production_env()


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Callable[[str], SmallDisk]]:
    """Mounts a disk of a size (as ``1500k``) that ends with the test."""
    if os.geteuid() != 0:
        pytest.skip("only root can mount a small disk")
    mounted: list[Path] = []

    def made(size: str) -> SmallDisk:
        path = tmp_path / f"disk{len(mounted)}"
        path.mkdir()
        subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(path)], check=True)
        mounted.append(path)
        return SmallDisk(path)

    yield made
    for path in mounted:
        subprocess.run(["umount", "-l", str(path)], check=True)


@pytest.fixture(autouse=True)
def _temporary_folder_of_its_own() -> Iterator[None]:
    """Give the process its temporary folder back: a gateway that receives sets its own (`site.pacs.receive_into`)."""
    before = tempfile.tempdir
    yield
    tempfile.tempdir = before
