"""`radcommons site user` and `site audit`: who may sign in at the gateway, and what they did there."""

from __future__ import annotations

import getpass
from dataclasses import asdict
from pathlib import Path

import click

from radcommons.cli.site_options import DIRECTORY, JSON, WHAT_IF, opened, show
from radcommons.site.users import LINK_HOURS, SiteRole

_ROLES = click.Choice([role.value for role in SiteRole])


def attach(site: click.Group) -> None:
    """Add the groups to `radcommons site`."""
    site.add_command(user)
    site.add_command(audit)


@click.group()
def user() -> None:
    """Who may sign in at the gateway's pages."""


@click.group()
def audit() -> None:
    """Who looked at what and did what."""


def _by() -> str:
    """Return the actor of a change on the command line: whoever may run it holds the folder."""
    return f"command:{getpass.getuser()}"


def _tell_link(name: str, link: str, *, as_json: bool) -> None:
    if as_json:
        show({"user": name, "link": link, "hours": LINK_HOURS if link else 0})
    elif link:
        click.echo(f"Set-up link for {name}, good once and for {LINK_HOURS} hours: {link}")
        click.echo("Hand it over in person. It opens in a browser that reaches the gateway.")
    else:
        click.echo(f"{name} can sign in; the second factor is set up at the first sign-in.")


@user.command(epilog="Example: radcommons site user add gateway 'M. Roe' --role privacy-officer")
@DIRECTORY
@click.argument("name")
@click.option("--role", type=_ROLES, default=SiteRole.DATA_MANAGER.value, show_default=True)
@click.option(
    "--password-file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Holds a first password; without it the person chooses one through a set-up link.",
)
@WHAT_IF
@JSON
def add(directory: Path, name: str, role: str, password_file: Path | None, what_if: bool, as_json: bool) -> int:
    """Add a person: prints a set-up link at which they choose a password and show their phone."""
    from radcommons.site.users import add_user, link_to

    password = password_file.read_text("utf-8").strip() if password_file else None
    if what_if:
        click.echo(f"Would add {name} as {SiteRole(role).words}.")
        return 0
    with opened(directory) as store:
        token = add_user(store, name, role=SiteRole(role), password=password, by=_by())
        _tell_link(name, link_to(store, token) if token else "", as_json=as_json)
    return 0


@user.command("list", epilog="Example: radcommons site user list gateway")
@DIRECTORY
@JSON
def list_(directory: Path, as_json: bool) -> int:
    """List the people, their roles and whether their second factor is set."""
    from radcommons.site.users import users

    with opened(directory) as store:
        found = users(store)
    if as_json:
        show({"users": [asdict(one) for one in found]})
        return 0
    for one in found:
        state = "waits after wrong tries" if one.is_locked else "" if one.has_password else "not set up yet"
        factor = "second factor" if one.has_second_factor else "no second factor"
        click.echo(f"{one.name:32} {one.role.words:16} {factor:18} {state}".rstrip())
    if not found:
        click.echo("Nobody yet: `radcommons site serve` prints the first set-up link.")
    return 0


@user.command(epilog="Example: radcommons site user remove gateway 'M. Roe'")
@DIRECTORY
@click.argument("name")
@WHAT_IF
@JSON
def remove(directory: Path, name: str, what_if: bool, as_json: bool) -> int:
    """Take a person's access away at once, open sessions included."""
    from radcommons.site.users import remove_user

    if what_if:
        click.echo(f"Would remove {name}.")
        return 0
    with opened(directory) as store:
        remove_user(store, name, by=_by())
    show({"removed": name}) if as_json else click.echo(f"{name} cannot sign in any more.")
    return 0


@user.command(epilog="Example: radcommons site user reset gateway 'M. Roe'")
@DIRECTORY
@click.argument("name")
@WHAT_IF
@JSON
def reset(directory: Path, name: str, what_if: bool, as_json: bool) -> int:
    """Take password and phone away and print a new set-up link: for a lost phone, or one that was stolen."""
    from radcommons.site.users import link_to, reset_user

    if what_if:
        click.echo(f"Would reset {name}.")
        return 0
    with opened(directory) as store:
        _tell_link(name, link_to(store, reset_user(store, name, by=_by())), as_json=as_json)
    return 0


@audit.command(epilog="Example: radcommons site audit export gateway --to audit.csv")
@DIRECTORY
@click.option("--to", "target", required=True, type=click.Path(dir_okay=False, path_type=Path), help=".csv or .jsonl")
@JSON
def export(directory: Path, target: Path, as_json: bool) -> int:
    """Write the whole trail to a CSV or JSON Lines file; no patient's value stands in it."""
    from radcommons.site.audit import export as verb

    with opened(directory) as store:
        count = verb(store, target)
    show({"lines": count, "file": str(target)}) if as_json else click.echo(f"{count} lines are in {target}.")
    return 0


@audit.command(epilog="Example: radcommons site audit verify gateway")
@DIRECTORY
@JSON
def verify(directory: Path, as_json: bool) -> int:
    """Check that no line was changed, taken out or cut off; exit status 1 when one was."""
    from radcommons.site.audit import verify as verb

    with opened(directory) as store:
        verdict = verb(store)
    if as_json:
        show({**asdict(verdict), "is_whole": verdict.is_whole})
    elif verdict.is_whole:
        click.echo(f"The trail is whole: {verdict.lines} lines.")
    else:
        for number in verdict.broken:
            click.echo(f"Line {number} does not follow from the line before it.")
        if verdict.problem:
            click.echo(verdict.problem)
    return 0 if verdict.is_whole else 1
