"""`radcommons release`: releases on the hub's own machine. Parses, calls one verb, prints."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from radcommons.catalogue import releases
from radcommons.catalogue.releases import KeptRelease
from radcommons.cli.hub import DIRECTORY, JSON, WHAT_IF, open_settings, show
from radcommons.platform.database import reading
from radcommons.platform.ports import Platform, open_platform
from radcommons.records.changes import compare, sentence
from radcommons.records.documents import parse, plain
from radcommons.records.errors import NotFound
from radcommons.records.event import OPERATOR
from radcommons.records.release import Release


@click.group()
def release() -> None:
    """Releases on the hub: list, show, create, compare, withdraw."""


def _platform(directory: Path) -> Platform:
    return open_platform(open_settings(directory))


def _find(platform: Platform, identifier: str) -> KeptRelease:
    with reading(platform.engine) as connection:
        found = releases.kept(connection, identifier)
    if not found:
        raise NotFound(f"There is no release {identifier}.", mend="See `radcommons release list DIR`.")
    return found[0]


def _summary(one: KeptRelease) -> dict[str, Any]:
    return {
        "id": one.id,
        "dataset": one.dataset,
        "number": one.number,
        "title": one.title,
        "tier": one.tier,
        "created_at": one.created_at,
        "terms": one.summary["terms"],
        "citation": one.summary["citation"],
        "counts": one.summary["counts"],
        "withdrawn": one.withdrawn,
    }


@release.command(name="list", epilog="Example: radcommons release list /srv/commons")
@DIRECTORY
@JSON
def list_releases(directory: Path, as_json: bool) -> None:
    """List the releases."""
    with reading(_platform(directory).engine) as connection:
        found = releases.kept(connection)
    if as_json:
        show({"releases": [_summary(one) for one in found]})
        return
    for one in found:
        counts = one.summary["counts"]
        click.echo(f"{one.id:24} {one.created_at[:10]}  {one.tier:10} {counts['instances']:>8} instances  {one.title}")
    if not found:
        click.echo("No release yet.")


@release.command(name="show", epilog="Example: radcommons release show /srv/commons covid-chest-1")
@DIRECTORY
@click.argument("identifier")
@JSON
def show_release(directory: Path, identifier: str, as_json: bool) -> None:
    """Show what a release holds."""
    summary = _summary(_find(_platform(directory), identifier))
    if as_json:
        show(summary)
        return
    for name, value in summary.items():
        click.echo(f"{name:12} {json.dumps(value) if isinstance(value, dict) else value}")


@release.command(epilog="Example: radcommons release create /srv/commons --dataset covid-chest --title 'First release'")
@DIRECTORY
@click.option("--dataset", help="The hub's own by default.")
@click.option("--title", default="", help="The dataset's title with the number by default.")
@click.option("--notes", default="")
@WHAT_IF
@JSON
def create(directory: Path, dataset: str | None, title: str, notes: str, what_if: bool, as_json: bool) -> int:
    """Freeze every accepted instance of a dataset into its next release, and sign it."""
    from radcommons.hub.release import create_release, outlook

    platform = _platform(directory)
    name = dataset or platform.settings.dataset
    if what_if:
        ahead = outlook(name, platform=platform)
        click.echo(f"Would make {ahead.id} of {ahead.counts.instances} instances.")
        return 0 if ahead.is_new else 1
    made = create_release(name, title=title, notes=notes, platform=platform, actor=OPERATOR)
    if as_json:
        show(_summary(_find(platform, made.id)))
    else:
        click.echo(f"Made {made.id}: {made.counts.instances} instances of {made.counts.patients} patients.")
    return 0


@release.command(epilog="Example: radcommons release diff /srv/commons covid-chest-1 covid-chest-2")
@DIRECTORY
@click.argument("older")
@click.argument("newer")
@JSON
def diff(directory: Path, older: str, newer: str, as_json: bool) -> int:
    """Compare two releases: added, removed, corrected, relabelled, terms. Exit 1 when they differ."""
    platform = _platform(directory)
    found = compare(*(parse(Release, _find(platform, name).manifest) for name in (older, newer)))
    if as_json:
        lists = {
            "added": [item.sop_instance_uid for item in found.added],
            "removed": [item.sop_instance_uid for item in found.removed],
            "corrected": [item.sop_instance_uid for _, item in found.corrected],
            "relabelled": list(found.relabelled),
            "terms": [plain(one) for one in found.terms],
        }
        show({"older": older, "newer": newer, "same": found.same, **lists})
    else:
        click.echo(f"{older} -> {newer}: {sentence(found.counts)}; {found.same:,} the same.")
        for one in found.terms:
            click.echo(f"  {one.name}: {one.before or 'none'} -> {one.after or 'none'}")
    return 1 if found.are_any else 0


@release.command(epilog="Example: radcommons release withdraw /srv/commons --patient ALFA-7K3QX2M9TB --reason identity")
@DIRECTORY
@click.option("--patient", "patients", multiple=True, help="Pseudonym; may be given several times.")
@click.option("--study", "studies", multiple=True, help="Study Instance UID.")
@click.option("--digest", "digests", multiple=True, help="SHA-256 of an instance.")
@click.option("--reason", type=click.Choice(["error", "identity"]), required=True)
@WHAT_IF
@JSON
def withdraw(
    directory: Path,
    patients: tuple[str, ...],
    studies: tuple[str, ...],
    digests: tuple[str, ...],
    reason: str,
    what_if: bool,
    as_json: bool,
) -> None:
    """Take data back at the hub itself, when a site cannot: an error, or an identity that was found."""
    from radcommons.hub.withdraw import withdraw_here

    answer = withdraw_here(
        patients=patients,
        studies=studies,
        digests=digests,
        reason="identity" if reason == "identity" else "error",
        platform=_platform(directory),
        actor=OPERATOR,
        what_if=what_if,
    )
    if as_json:
        show({"instances": answer.instances, "releases": list(answer.releases), "what_if": what_if})
    else:
        verb = "Would withdraw" if what_if else "Withdrew"
        click.echo(f"{verb} {answer.instances} instances; named by: {', '.join(answer.releases) or 'no release'}.")
