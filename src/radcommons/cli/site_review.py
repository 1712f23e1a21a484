"""`radcommons site review-groups`: the review by exception without a browser: groups, samples, decisions."""

from __future__ import annotations

import getpass
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from radcommons.cli.site_options import DIRECTORY, JSON, WHAT_IF, opened, show
from radcommons.records.errors import UsageError
from radcommons.site.store import Store


@click.command("review-groups", epilog="Example: radcommons site review-groups gateway --sample 3fT0aXk2PqLmNc9d")
@DIRECTORY
@click.option(
    "--sample", "sampled", metavar="GROUP", help="Name the files of a group's random sample, to be looked at."
)
@click.option("--seen", metavar="GROUP", help="State that you opened every file of the sample.")
@click.option("--accept", metavar="GROUP", help="Accept the group; its sample has to be opened first.")
@click.option("--put-aside", metavar="GROUP", help="Hold the group for somebody else.")
@click.option("--leave-out", metavar="GROUP", help="Exclude the group.")
@click.option("--undo", metavar="DECISION", help="Take a decision back, as long as nothing of it is signed.")
@click.option("--note", default="", help="For colleagues; it stays in the gateway.")
@click.option("--reviewer", default=getpass.getuser, help="Your name; a pseudonym of it stands in the attestation.")
@WHAT_IF
@JSON
def review_groups(directory: Path, what_if: bool, as_json: bool, **options: Any) -> int:
    """List the groups of studies that wait for one decision each, or decide about one. `site serve` shows pictures."""
    named = [name for name in ("sampled", "seen", "accept", "put_aside", "leave_out", "undo") if options[name]]
    if len(named) > 1:
        raise UsageError("One thing at a time.", mend="Name one group and what to do with it.")
    with opened(directory) as store:
        members: dict[str, Any] = {}
        if named and not what_if:
            members = _done(store, named[0], options)
        members |= _waiting(store)
    if as_json:
        show(members)
    else:
        _tell(members)
    return 1 if members["groups"] or members.get("objection") else 0


def _done(store: Store, what: str, options: dict[str, Any]) -> dict[str, Any]:
    """Do what one option asks, and return what came of it."""
    from radcommons.records.finding import Finding
    from radcommons.site.review_decide import Reviewer, decide_group, undo_group
    from radcommons.site.review_sample import draw

    reviewer = Reviewer(name=options["reviewer"])
    if what == "undo":
        done = undo_group(store, options["undo"], version=_version(store, options["undo"]), reviewer=reviewer)
        return {"objection": done.message} if isinstance(done, Finding) else {"done": asdict(done)}
    drawn = draw(store, options[what])
    if what in ("sampled", "seen"):
        return {"sample": _sample(store, options[what], by=reviewer.name if what == "seen" else "")}
    decision = {"accept": "accept", "put_aside": "hold", "leave_out": "exclude"}[what]
    decided = decide_group(
        store, drawn.token, version=drawn.version, decision=decision, reviewer=reviewer, note=options["note"]
    )
    return {"objection": decided.message} if isinstance(decided, Finding) else {"done": asdict(decided)}


def _version(store: Store, token: str) -> int:
    from radcommons.site.review_standing import decided

    with store.read() as connection:
        return next((one.version for one in decided(connection, limit=1000) if one.token == token), 0)


def _sample(store: Store, group: str, *, by: str) -> list[dict[str, Any]]:
    """Return the files of a sample; with a name, note that this person opened them."""
    from radcommons.site.review_original import row_of
    from radcommons.site.review_sample import draw
    from radcommons.site.review_sample import opened as note_opened

    drawn = draw(store, group)
    if by:
        with store.change() as change:
            for one in drawn.asked:
                note_opened(change, one.file, found=drawn.id, by=by)
            change.tell("review.sample-opened", subject=f"round:{drawn.id}", actor=f"reviewer:{by}"[:128])
    found = []
    for one in draw(store, group).asked:
        row = row_of(store, one.file)
        leaves = str(store.object_path(str(row.object_digest)))
        found.append({"original": str(row.path), "leaves": leaves, "opened_by": one.opened_by})
    return found


def _waiting(store: Store) -> dict[str, Any]:
    from radcommons.site.review_groups import overview, settle
    from radcommons.site.review_sample import sample_size
    from radcommons.site.review_standing import decided

    settle(store)
    with store.read() as connection:
        groups = [{**asdict(one), "sampled": one.sampled or sample_size(one.studies)} for one in overview(connection)]
        return {"groups": groups, "decided": [asdict(one) for one in decided(connection)]}


def _studies(number: int) -> str:
    return f"{number} {'study' if number == 1 else 'studies'}"


def _waits(groups: int) -> str:
    return "1 group waits." if groups == 1 else f"{groups} groups wait."


def _tell(members: dict[str, Any]) -> None:
    if "objection" in members:
        click.echo(members["objection"])
    if "done" in members:
        done = members["done"]
        click.echo(f"{done['decision']}: {_studies(done['studies'])}, {done['files']} files.")
    for one in members.get("sample", []):
        click.echo(
            f"{'opened ' if one['opened_by'] else '       '} {one['original']}\n        leaves as {one['leaves']}"
        )
    for one in members["groups"]:
        words = one["words"]
        click.echo(
            f"{one['token']}  {_studies(one['studies']):>14}  {words['title']}; {words['device']}; {words['layout']}"
        )
        click.echo(f"{'':18}{one['seen']} of {one['sampled']} of the sample opened")
    for one in members["decided"]:
        state = "signed" if one["is_signed"] else "can be undone"
        click.echo(f"{one['token']}  {_studies(one['studies']):>14}  {one['state']} by {one['reviewer']}, {state}")
    click.echo(_waits(len(members["groups"])))


def attach(site: click.Group) -> None:
    """Add the command to `radcommons site`."""
    site.add_command(review_groups)
