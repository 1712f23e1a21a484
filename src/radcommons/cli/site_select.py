"""`radcommons site select` and `site clinical`: who and what is taken, what is still owed, what a person must say."""

from __future__ import annotations

import getpass
from contextlib import nullcontext
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from radcommons.cli.site_options import DIRECTORY, JSON, SAMPLE, WHAT_IF, opened, show
from radcommons.site.store import Store


def attach(site: click.Group) -> None:
    """Give `radcommons site` the commands of this file."""
    for command in (select,):
        site.add_command(command)


@click.command(epilog="Example: radcommons site select gateway --yes 3f9a --reviewer 'M. Roe, data manager'")
@DIRECTORY
@click.option("--yes", "agreed", multiple=True, help="Name of a question to answer with yes: its files go on.")
@click.option("--no", "denied", multiple=True, help="Name of a question to answer with no: its files stay out.")
@click.option("--reviewer", default=getpass.getuser, help="Your name; it stands in the attestation.")
@WHAT_IF
@JSON
def select(
    directory: Path, agreed: tuple[str, ...], denied: tuple[str, ...], reviewer: str, what_if: bool, as_json: bool
) -> int:
    """Look at every study as a whole; list what is undecided and what is still owed, or answer a question."""
    from radcommons.site.add import what_if as trial
    from radcommons.site.selection_questions import answer
    from radcommons.site.selection_settle import settle

    with opened(directory) as real, trial(real) if what_if else nullcontext(real) as store:
        settle(store)
        answered = sum(
            answer(store, name, is_so=is_so, reviewer=reviewer)
            for names, is_so in ((agreed, True), (denied, False))
            for name in names
        )
        members = {"answered_files": answered, **selected(store), "what_if": what_if}
    if as_json:
        show(members)
    else:
        _tell(members)
    return 1 if members["questions"] else 0


def selected(store: Store) -> dict[str, Any]:
    """Return what selecting came to: counts, quotas and questions."""
    from radcommons.site.selection_page import owed_lines
    from radcommons.site.selection_questions import questions
    from radcommons.site.status import counts

    asked = [{**asdict(one), "files": list(one.files), "known": dict(one.known)} for one in questions(store)]
    quotas = [{**asdict(one), "owed": one.owed, "sentence": one.sentence} for one in owed_lines(store)]
    return {**counts(store), "quotas": quotas, "questions": asked}


def _tell(members: dict[str, Any]) -> None:
    for one in members["quotas"]:
        click.echo(one["sentence"])
    for one in members["questions"][:SAMPLE]:
        known = ", ".join(f"{name} {value}" for name, value in one["known"].items())
        files = len(one["files"])
        click.echo(f"{one['id']}  {one['text']}")
        click.echo(f"              {files} file{'' if files == 1 else 's'}, {one['example']}\n              {known}")
    count = len(members["questions"])
    if count > SAMPLE:
        click.echo(f"... and {count - SAMPLE} more; --json tells all.")
    click.echo(f"{count} questions wait." if count else "Nothing is undecided.")
