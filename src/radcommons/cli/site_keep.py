"""`radcommons site`, the law and the keeping: opt-outs, agreement, backup, clean-up, receipts, leaving."""

from __future__ import annotations

import getpass
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from radcommons.cli.site_options import DIRECTORY, JSON, WHAT_IF, opened, show, tell_hub
from radcommons.records.errors import UsageError

FILE = click.Path(dir_okay=False, path_type=Path)


def attach(site: click.Group) -> None:
    """Give `radcommons site` the commands of this file."""
    for command in (opt_out, agreement):
        site.add_command(command)


@click.command(name="opt-out", epilog="Example: radcommons site opt-out gateway /lists/opted-out.csv")
@DIRECTORY
@click.argument("file", required=False, type=FILE)
@click.option("--site", "code", help="The hospital of a group whose numbers these are; all of them by default.")
@click.option("--apply-clear", is_flag=True, help="Apply the clear lines of a list that has unclear ones too.")
@click.option("--remove", is_flag=True, help="Take the entries off the list; what was withdrawn stays withdrawn.")
@click.option("--list", "listing", is_flag=True, help="Only say how many stand on the list.")
@WHAT_IF
@JSON
def opt_out(
    directory: Path,
    file: Path | None,
    code: str | None,
    apply_clear: bool,
    remove: bool,
    listing: bool,
    what_if: bool,
    as_json: bool,
) -> int:
    """Add FILE (numbers, or a CSV with patient_id and issuer) to the opt-out list; who is here is withdrawn."""
    from radcommons.site.optout import count, forget, opt

    if (file is None) is not listing:
        raise UsageError("Name a list, or ask for --list.")
    with opened(directory) as store:
        if file is None or remove:
            removed = forget(store, file, site=code) if file is not None and not what_if else 0
            members: dict[str, Any] = {"listed": count(store), "removed": removed}
            show(members) if as_json else click.echo(f"{members['listed']} numbers on the list, {removed} taken off.")
            return 0
        found = opt(store, file, site=code, apply_clear=apply_clear, try_only=what_if)
        problem = tell_hub(store) if any(one.documents for one in found.taken_back) else ""
    if as_json:
        show({**asdict(found), "problem": problem, "what_if": what_if})
    else:
        _tell_opt_out(asdict(found), what_if, problem)
    return 1 if found.has_problems or problem else 0


def _tell_opt_out(found: dict[str, Any], what_if: bool, problem: str) -> None:
    click.echo(
        f"{found['listed']} entries, {found['new']} of them new; {found['known']} are patients here, "
        f"{found['unknown']} match nothing here yet and are refused when they come."
    )
    for name, words in (
        ("ambiguous", "match two patients; name the issuer (or --site)"),
        ("similar", "match nothing, but would without leading zeros: did a spreadsheet drop them?"),
        ("malformed", "hold no number"),
    ):
        if found[name]:
            click.echo(f"{len(found[name])} lines {words}: {_lines(found[name])}")
    if not found["is_applied"]:
        click.echo("Nothing was changed." if what_if else "Nothing was changed; --apply-clear applies the clear lines.")
    for one in found["taken_back"]:
        click.echo(f"{one['pseudonyms'][0]}: {one['files']} files taken back, {one['submitted']} sent before.")
    if problem:
        click.echo(f"The hub was not told yet; the next submit tells it. {problem}")


def _lines(numbers: Sequence[int]) -> str:
    return ", ".join(map(str, numbers[:20])) + (" ..." if len(numbers) > 20 else "")


@click.group(epilog="Example: radcommons site agreement accept gateway agreement.toml --by 'M. Roe, director'")
def agreement() -> None:
    """The agreement with the coalition: what it covers may go, nothing else."""


@agreement.command(name="show", epilog="Example: radcommons site agreement show gateway")
@DIRECTORY
@JSON
def show_agreement(directory: Path, as_json: bool) -> int:
    """Show the clauses in force, and the law and terms that go into each submission."""
    from radcommons.site.agreement import in_force

    with opened(directory) as store:
        settings = store.settings
        with store.read() as connection:
            found = in_force(connection, settings.agreement)
    names = ("agreement", "legal_basis", "ethics_reference", "license", "duo", "embargo_until", "geography", "country")
    law = {name: getattr(settings, name) for name in names}
    if as_json:
        show({**law, "document": asdict(found) if found else None})
        return 0
    for name, value in law.items():
        click.echo(f"{name}: {value if value not in (None, ()) else 'none'}")
    if found is None:
        click.echo("No agreement with clauses was accepted here; only its digest is known.")
        return 0
    click.echo(f"{found.title}, version {found.version}")
    for clause in found.clause:
        members = {name: value for name, value in asdict(clause).items() if value is not None and name not in _WORDS}
        click.echo(f"  {clause.id}. {clause.says}")
        for name, value in members.items():
            click.echo(f"      {name}: {', '.join(value) if isinstance(value, tuple) else value}")
    return 0


_WORDS = ("id", "says")


@agreement.command(
    name="accept", epilog="Example: radcommons site agreement accept gateway agreement.toml --by 'M. Roe'"
)
@DIRECTORY
@click.argument("file", type=FILE)
@click.option("--by", default=getpass.getuser, help="Who accepts it for the hospital.")
@WHAT_IF
@JSON
def accept_agreement(directory: Path, file: Path, by: str, what_if: bool, as_json: bool) -> int:
    """Put FILE in force; what waits here and is not covered is held, with the clause named."""
    from radcommons.site.agreement import accept

    with opened(directory) as store:
        done = accept(store, file, by=by, try_only=what_if)
    if as_json:
        show({**asdict(done), "what_if": what_if})
    else:
        word = "would be" if what_if else "is"
        click.echo(f"{done.title}, version {done.version} ({done.digest[:12]}), {word} in force.")
        click.echo(f"{done.held} files {'would be' if what_if else 'are'} held because it does not cover them.")
        if done.broken:
            click.echo(f"Clause {done.broken.id} is broken by site.toml, so nothing can be added: {done.broken.says}")
    return 1 if done.broken or done.held else 0
