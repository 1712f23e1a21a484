"""`radcommons site`, the corrections of life: corrected versions, merged and changed numbers, moved studies."""

from __future__ import annotations

import getpass
from collections import Counter
from contextlib import nullcontext
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from radcommons.cli.site_options import DIRECTORY, JSON, WHAT_IF, opened, show, tell_hub
from radcommons.records.errors import UsageError
from radcommons.site.store import Store


def attach(site: click.Group) -> None:
    """Give `radcommons site` the commands of this file."""
    for command in (resubmit, relink):
        site.add_command(command)


@click.command(epilog="Example: radcommons site resubmit gateway --patient 4711 --reason 'sex corrected in the PACS'")
@DIRECTORY
@click.option("--submission", "identifier", help="A submission, or the beginning of its identifier.")
@click.option("--patient", "patient_id", help="Patient identifier as the hospital knows it.")
@click.option("--issuer", help="Issuer of the identifier, where two give the same one.")
@click.option("--profile", help="De-identification profile: shipped or a file; the settings' own by default.")
@click.option("--reason", default="corrected by the site", show_default=True, help="Stands in the signed submission.")
@click.option("--reviewer", default=getpass.getuser, help="Who says that a corrected original is right.")
@click.option("--jobs", type=click.IntRange(1, 64), default=2, show_default=True, help="Worker processes.")
@WHAT_IF
@JSON
def resubmit(directory: Path, what_if: bool, as_json: bool, **options: Any) -> int:
    """Make corrected versions of what went out; the next submit sends them, and they supersede."""
    from radcommons.site.add import what_if as trial
    from radcommons.site.resubmit import resubmit as verb

    with opened(directory) as real, trial(real) if what_if else nullcontext(real) as store:
        done = verb(store, keep=not what_if, **options)
    members = asdict(done)
    if as_json:
        show({**members, "what_if": what_if})
    else:
        click.echo("Nothing was changed; this would happen:" if what_if else "For the next submit:")
        for name, words in _OUTCOMES.items():
            if members[name]:
                click.echo(f"{members[name]:>8} {words}")
        for code, count in done.refused.items():
            click.echo(f"{count:>8} cannot go again: {code}")
    return 1 if done.held or done.undecided or done.missing or done.refused else 0


_OUTCOMES = {
    "replaced": "new versions of the same originals",
    "corrected": "corrected originals in the place of what went out",
    "held": "new versions wait for a person: see `radcommons site review`",
    "unchanged": "are as the hub has them",
    "undecided": "wait for the hub's curators; ask again when they have decided",
    "missing": "have their originals elsewhere: fetch or add them again",
}


@click.command(epilog="Example: radcommons site relink gateway --from 4711 --to 4712")
@DIRECTORY
@click.option("--from", "old", help="The number that was wrong, or is another number of the same person.")
@click.option("--to", "new", help="The number that stays.")
@click.option("--study", "study_uid", default="", help="Original Study Instance UID: only this study belongs to --to.")
@click.option("--from-issuer", "old_issuer", help="Issuer of the first number, where two give it.")
@click.option("--to-issuer", "new_issuer", help="Issuer of the second number, where two give it.")
@click.option("--table", type=click.Path(dir_okay=False, path_type=Path), help="CSV with many: from, to, study.")
@click.option("--site", "code", help="The hospital of a group.")
@click.option("--apply-clear", is_flag=True, help="Apply the clear lines of a table that has problems too.")
@click.option("--jobs", type=click.IntRange(1, 64), default=2, show_default=True, help="Worker processes.")
@WHAT_IF
@JSON
def relink(
    directory: Path,
    old: str | None,
    new: str | None,
    table: Path | None,
    code: str | None,
    apply_clear: bool,
    jobs: int,
    what_if: bool,
    as_json: bool,
    **options: Any,
) -> int:
    """Correct who is who: a changed number, two numbers of one person, a study of somebody else."""
    from radcommons.site.relink import Move, read_moves
    from radcommons.site.relink import relink as verb

    if (table is None) is (old is None or new is None):
        raise UsageError("Name --from and --to, or a --table.")
    moves = read_moves(table) if table else [Move(1, str(old).strip(), str(new).strip(), **options)]
    with opened(directory) as store:
        done = verb(store, moves, site=code, apply_clear=apply_clear, try_only=what_if)
        again = _add_again(store, done.paths, jobs) if done.is_applied else {}
        problem = tell_hub(store) if done.is_applied and done.documents else ""
    members = {name: value for name, value in asdict(done).items() if name != "paths"}
    members |= {"again": again, "problem": problem, "what_if": what_if}
    if as_json:
        show(members)
    else:
        _tell(members)
    return 1 if done.problems or problem or again.get("missing") else 0


def _add_again(store: Store, paths: tuple[str, ...], jobs: int) -> dict[str, int]:
    """Add the originals again that are still where they were, and return what became of the files."""
    from radcommons.site.relink import add_again

    return dict(Counter(add_again(store, paths, jobs=jobs)))


def _tell(members: dict[str, Any]) -> None:
    from radcommons.site.relink import PROBLEMS

    for line, code in members["problems"]:
        click.echo(f"line {line}: {PROBLEMS[code]}")
    words = "numbers changed", "patients merged", "studies moved", "done before"
    names = "renumbered", "merged", "moved", "already"
    click.echo(", ".join(f"{members[name]} {word}" for name, word in zip(names, words, strict=True)) + ".")
    click.echo(f"{members['files']} files go again under another patient; {members['submitted']} were sent before.")
    if not members["is_applied"]:
        click.echo("Nothing was changed." if members["what_if"] else "Nothing was changed; see --apply-clear.")
    for state, count in members["again"].items():
        click.echo(f"{count:>8} {state}")
    if members["again"].get("missing"):
        click.echo("What is missing goes again when it is fetched or added again.")
    if members["problem"]:
        click.echo(f"The hub was not told yet; the next submit tells it. {members['problem']}")
