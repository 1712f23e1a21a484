"""`radcommons site canary` and `site tasks`: what this gateway shows the hub, and what the hub asks of it."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import click

from radcommons.cli.progress import progress_line
from radcommons.cli.site_options import DIRECTORY, JSON, WHAT_IF, opened, show
from radcommons.records.errors import NotFound


def attach(site: click.Group) -> None:
    """Add the commands to `radcommons site`."""
    site.add_command(canary)
    site.add_command(tasks)


@click.command(epilog="Example: radcommons site canary gateway")
@DIRECTORY
@click.option("--site", "code", help="Site code, if the gateway has several; the first by default.")
@click.option("--profile", help="De-identification profile: a shipped one or a file; the settings' by default.")
@WHAT_IF
@JSON
def canary(directory: Path, code: str | None, profile: str | None, what_if: bool, as_json: bool) -> int:
    """Put the hub's canary set (invented cases with hidden identity) through this gateway; the hub looks at the result.

    `site submit` does it by itself when it is due: once for each profile and version of the software.
    """
    from radcommons.site.canary import run
    from radcommons.site.hub import Hub

    with opened(directory) as store:
        site, chosen = code or store.settings.sites[0], profile or store.settings.profile
        if what_if:
            click.echo(f"Would put the canary set of {store.settings.hub} through '{chosen}' for {site}.")
            return 0
        with Hub.of(store.settings, token=store.token, tries=3) as hub, progress_line("files") as tick:
            try:
                made = run(store, hub, site=site, profile=chosen, progress=lambda count: tick(count, None))
            except NotFound:
                click.echo("This hub offers no canary set and asks for none.")
                return 0
    verdict = made.verdict
    if as_json:
        show(asdict(made))
    else:
        for leak in verdict.leaks:
            click.echo(f"{leak.case} ({leak.tells}): {leak.what} came out.")
        for name in verdict.missing:
            click.echo(f"{name}: an ordinary image did not come out.")
        word = "clean" if verdict.is_clean else "NOT clean"
        click.echo(f"{word}: {verdict.came} files came out, {verdict.kept} were kept back; profile '{made.profile}'.")
    return 0 if verdict.is_clean else 1


@click.command(epilog="Example: radcommons site tasks gateway")
@DIRECTORY
@click.option("--all", "everything", is_flag=True, help="Also what is done.")
@JSON
def tasks(directory: Path, everything: bool, as_json: bool) -> int:
    """List what the hub found in what was sent, in plain words; exit status 1 while something is open."""
    from radcommons.site.status import at_hub
    from radcommons.site.tasks import tasks as verb

    with opened(directory) as store:
        problem = at_hub(store)["problem"]
        found = [one for one in verb(store) if everything or one.state == "open"]
    still = sum(one.state == "open" for one in found)
    if as_json:
        show({"tasks": [{**asdict(one), "sentence": one.sentence} for one in found], "open": still, "problem": problem})
        return 1 if still else 0
    for one in found:
        many = f" ({one.objects} objects)" if one.objects > 1 else ""
        click.echo(f"{one.state:10} {one.sentence}{many}\n{'':11}{one.todo}  {one.link}")
    click.echo(f"{still} open." if found else "The hub asks for nothing.")
    if problem:
        click.echo(f"By what the hub said last: {problem}")
    return 1 if still else 0
