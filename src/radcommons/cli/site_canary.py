"""`radcommons site canary`: show the hub that nothing hidden comes out of this gateway."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import click

from radcommons.cli.progress import progress_line
from radcommons.cli.site_options import DIRECTORY, JSON, WHAT_IF, opened, show
from radcommons.records.errors import NotFound


def attach(site: click.Group) -> None:
    """Add the command to `radcommons site`."""
    site.add_command(canary)


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
