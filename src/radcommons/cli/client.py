"""`radcommons get`, `verify` and `search`: the researcher's client; needs neither hub nor site."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from radcommons.records.errors import UsageError
from radcommons.ui.filters import in_bytes

if TYPE_CHECKING:
    from radcommons.access.copying import Progress
    from radcommons.access.fetch import Fetched
    from radcommons.access.search import StudyFound
    from radcommons.access.verify import Checked

# Each command imports what it needs when it runs: a download of a few files should not wait for the others.

_SHOWN = 20


def in_time(seconds: float) -> str:
    """Return a time that is left for people: ``40 s``, ``12 min``, ``3 h 20 min``."""
    if seconds < 100:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 100 else f"{minutes // 60} h {minutes % 60} min"


def _hub_options(command: Callable[..., Any]) -> Callable[..., Any]:
    for option in (
        click.option("--json", "as_json", is_flag=True, help="Print one JSON object for programs."),
        click.option("--token", envvar="RADCOMMONS_TOKEN", help="Bearer token; better in RADCOMMONS_TOKEN."),
        click.option("--hub", envvar="RADCOMMONS_HUB", help="The hub's address; also RADCOMMONS_HUB."),
    ):
        command = option(command)
    return command


@contextmanager
def _progress(*, shown: bool) -> Iterator[Callable[[Progress], None]]:
    """Yield a reporter of one line on a terminal; silent elsewhere."""
    on_terminal = shown and sys.stderr.isatty()

    def report(one: Progress) -> None:
        if on_terminal:
            left = f", {in_time(one.left_s)} left" if one.left_s else ""
            so_far = f"{one.files:,} of {one.of_files:,} files, {in_bytes(one.bytes)} of {in_bytes(one.of_bytes)}"
            click.echo(f"\r\033[K  {so_far}, {in_bytes(round(one.bytes_s))}/s{left}", nl=False, err=True)

    yield report
    if on_terminal:
        click.echo(err=True)


@click.command(epilog="Example: radcommons get covid-chest-1 --to covid-chest-1 --hub https://commons.example.org")
@click.argument("release", metavar="RELEASE_OR_MANIFEST_OR_URL")
@click.option("--to", required=True, type=click.Path(file_okay=False, path_type=Path), help="The release's folder.")
@click.option("--jobs", default=8, show_default=True, type=click.IntRange(1, 64), help="Instances at once.")
@click.option(
    "--key-file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="The hub's public key; else the key of the first download is trusted from then on.",
)
@click.option("--what-if", is_flag=True, help="Say what would be downloaded, and write nothing.")
@_hub_options
def get(
    release: str,
    to: Path,
    jobs: int,
    key_file: Path | None,
    what_if: bool,
    hub: str | None,
    token: str | None,
    as_json: bool,
) -> int:
    """Download a release, a cohort or what a manifest names: parallel, resumable, every digest checked.

    Exit 0 when everything is there that the hub gives (withdrawn instances are told), 1 when something failed.
    """
    from radcommons.access.fetch import fetch, plan
    from radcommons.access.source import resolve

    source = resolve(release, hub=hub, has_token=bool(token))
    if what_if:
        planned = plan(source, to=to, token=token, key_file=key_file)
        if as_json:
            click.echo(json.dumps(asdict(planned)))
        else:
            click.echo(
                f"Would download {planned.missing:,} of {planned.instances:,} instances "
                f"({in_bytes(planned.bytes)}) of {planned.release} to {to}."
            )
        return 0
    with _progress(shown=not as_json) as report:
        fetched = fetch(source, to=to, token=token, key_file=key_file, jobs=jobs, progress=report)
    if as_json:
        click.echo(json.dumps({**asdict(fetched), "whole": fetched.is_whole}))
    else:
        _tell_fetched(fetched, to)
    return 0 if fetched.is_whole else 1


def _tell_fetched(fetched: Fetched, to: Path) -> None:
    click.echo(
        f"{fetched.release}: {fetched.downloaded:,} downloaded ({in_bytes(fetched.bytes)}), "
        f"{fetched.present:,} present, {len(fetched.withdrawn):,} withdrawn, "
        f"{len(fetched.failed):,} failed, of {fetched.instances:,} in {to}."
    )
    _list("Withdrawn, so not given:", fetched.withdrawn)
    _list("Failed:", tuple(f"{path}: {why}" for path, why in fetched.failed))
    if fetched.failed:
        click.echo("Run the same command again: what arrived is kept.")


@click.command(epilog="Example: radcommons verify covid-chest-1 --json")
@click.argument("directory", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--offline", is_flag=True, help="Use the feed of the last contact instead of asking the hub.")
@click.option("--jobs", default=4, show_default=True, type=click.IntRange(1, 64), help="Files at once.")
@click.option("--key-file", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="The hub's public key.")
@_hub_options
def verify(
    directory: Path,
    offline: bool,
    jobs: int,
    key_file: Path | None,
    hub: str | None,
    token: str | None,
    as_json: bool,
) -> int:
    """Check a download: every digest, the signature, and what was withdrawn since.

    Exit 0 only if all is as the manifest says and nothing held was withdrawn; 1 otherwise.
    """
    from radcommons.access.verify import verify as verify_release

    checked = verify_release(directory, offline=offline, hub=hub, token=token, key_file=key_file, jobs=jobs)
    if as_json:
        click.echo(json.dumps({**asdict(checked), "agrees": checked.agrees}))
    else:
        _tell_checked(checked)
    return 0 if checked.agrees else 1


def _tell_checked(checked: Checked) -> None:
    click.echo(
        f"{checked.release}: {checked.verified:,} of {checked.instances:,} instances verified, "
        f"{len(checked.missing):,} missing, {len(checked.changed):,} changed, {len(checked.extra):,} extra, "
        f"{checked.withdrawn:,} withdrawn ({len(checked.withdrawn_held):,} of them still here)."
    )
    _list("Missing:", checked.missing)
    _list("Changed:", checked.changed)
    _list("In no manifest:", checked.extra)
    _list("Withdrawn and still here, delete them:", checked.withdrawn_held)
    _list("The feed also says:", checked.events)
    if checked.is_offline:
        click.echo("Offline: withdrawals since the last contact are not known.")


def _list(heading: str, lines: tuple[str, ...]) -> None:
    if lines:
        click.echo(heading)
        for line in lines[:_SHOWN]:
            click.echo(f"  {line}")
        if len(lines) > _SHOWN:
            click.echo(f"  ... and {len(lines) - _SHOWN:,} more (--json lists all)")


@click.command(epilog="Example: radcommons search CT PatientSex=F --hub https://commons.example.org")
@click.argument("query", nargs=-1)
@click.option("--limit", default=100, show_default=True, type=click.IntRange(1, 5000))
@_hub_options
def search(query: tuple[str, ...], limit: int, hub: str | None, token: str | None, as_json: bool) -> int:
    """Find studies: KEYWORD=VALUE for any DICOM study attribute (wildcards * and ?), a modality, or words of the
    description.

    Exit 0 when something was found, 1 when nothing was.
    """
    from radcommons.access.search import search_studies

    if not hub:
        raise UsageError("No hub is named.", mend="Add --hub URL or set RADCOMMONS_HUB.")
    found = search_studies(query, hub=hub, token=token, limit=limit)
    if as_json:
        click.echo(json.dumps({"studies": [asdict(one) for one in found]}))
    else:
        for one in found:
            click.echo(_line(one))
        click.echo(f"{len(found):,} studies.", err=True)
    return 0 if found else 1


def _line(one: StudyFound) -> str:
    modalities = "/".join(one.modalities)
    return f"{one.study_instance_uid}  {one.patient:24} {modalities:8} {one.instances:6,}  {one.description}"
