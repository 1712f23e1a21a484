"""A gateway in this process for tests: the real verbs on a real store, and the real commands, with no start-up."""

from __future__ import annotations

import contextlib
import io
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from radcommons.cli.main import cli
from radcommons.platform.pool import import_ahead
from radcommons.records.errors import RadcommonsError, UsageError
from radcommons.site.add import Added, add
from radcommons.site.clinical import read_clinical
from radcommons.site.join import init
from radcommons.site.settings import SiteSettings, read_settings, write_settings
from radcommons.site.status import counts, discrepancies
from radcommons.site.store import Store, open_store
from radcommons.site.submit import Sent, submit
from radcommons.site.tables import file


@dataclass(frozen=True, slots=True)
class Gateway:
    """A gateway in a folder; each call opens its store anew, as a command does."""

    directory: Path

    @contextmanager
    def store(self) -> Iterator[Store]:
        """Yield the open store."""
        opened = open_store(self.directory)
        try:
            yield opened
        finally:
            opened.close()

    def set(self, **changes: Any) -> None:
        """Change settings."""
        write_settings(self.directory, replace(read_settings(self.directory), **changes))

    def add(self, *paths: Path, clinical: Path | None = None, **options: Any) -> Added:
        """Add files with one worker process."""
        table = read_clinical(clinical) if clinical else None
        with self.store() as store:
            return add(store, paths, jobs=1, clinical=table, **options)

    def submit(self) -> list[Sent]:
        """Send what is ready."""
        with self.store() as store:
            return submit(store, jobs=2)

    def counts(self) -> dict[str, int]:
        """Return the files by state, after checking that all sums agree."""
        with self.store() as store:
            assert discrepancies(store) == []
            return {state: count for state, count in counts(store).items() if count}

    def rows(self) -> list[Any]:
        """Return the rows of all files in the order of their numbers."""
        with self.store() as store, store.read() as connection:
            return list(connection.execute(sa.select(file).order_by(file.c.id)))

    def run(self, command: str, *arguments: object) -> tuple[int, dict[str, Any]]:
        """Run `radcommons site COMMAND DIR ... --json` in this process; return its exit status and what it printed."""
        return self._run([*command.split(), str(self.directory), *map(str, arguments), "--json"])

    def run_clinical(self, table: Path, *arguments: object) -> tuple[int, dict[str, Any]]:
        """Run `radcommons site clinical DIR TABLE ... --json`."""
        return self._run(["clinical", str(self.directory), str(table), *map(str, arguments), "--json"])

    def run_file(self, command: str, first: Path, *arguments: object) -> tuple[int, dict[str, Any]]:
        """Run `radcommons site COMMAND FIRST DIR ... --json`."""
        return self._run([command, str(first), str(self.directory), *map(str, arguments), "--json"])

    def _run(self, names: list[str]) -> tuple[int, dict[str, Any]]:
        said = io.StringIO()
        with contextlib.redirect_stdout(said):
            try:
                status = cli.main(args=["site", *names], standalone_mode=False)
            except RadcommonsError as error:
                return 2 if isinstance(error, UsageError) else 1, {"error": error.code, "what": str(error)}
        return int(status or 0), json.loads(said.getvalue())


def make_gateway(directory: Path, hub: str, *, token: str = "good", **chosen: Any) -> Gateway:
    """Make a gateway that joined a hub whose token is ``good``."""
    import_ahead("radcommons.site.judge")
    settings = SiteSettings(**{"hub": hub, "sites": ("ALFA",), **chosen})
    init(directory, settings=settings, token=token)
    return Gateway(directory)
