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
    for command in (opt_out, agreement, backup_key, backup, restore, reopen, adopt, clean_up, receipts, uninstall):
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


@click.command(name="backup-key", epilog="Example: radcommons site backup-key /media/usb/officer.key")
@click.argument("file", type=FILE)
@WHAT_IF
@JSON
def backup_key(file: Path, what_if: bool, as_json: bool) -> int:
    """Make a key that opens backups, for a person to keep; its recipient (age1...) goes into `site backup`."""
    from radcommons.site.keep import make_identity

    recipient = "" if what_if else make_identity(file)
    if as_json:
        show({"recipient": recipient, "what_if": what_if})
    elif what_if:
        click.echo(f"Would make a key in {file}; nothing changed.")
    else:
        click.echo(recipient)
        click.echo(f"Keep {file} away from this PC, with whoever shall open backups.", err=True)
    return 0


@click.command(epilog="Example: radcommons site backup gateway gateway.age --recipient age1... --recipient age1...")
@DIRECTORY
@click.argument("file", type=FILE)
@click.option("--recipient", "recipients", multiple=True, required=True, help="Who may open it: age1...; repeat it.")
@click.option("--everything", is_flag=True, help="Take the objects that the hub acknowledged as well.")
@click.option("--move", is_flag=True, help="The gateway goes on elsewhere: nothing changes here any more.")
@WHAT_IF
@JSON
def backup(
    directory: Path,
    file: Path,
    recipients: tuple[str, ...],
    everything: bool,
    move: bool,
    what_if: bool,
    as_json: bool,
) -> int:
    """Write an encrypted backup to FILE while the gateway runs; any one recipient opens it."""
    from radcommons.site.keep import backup as verb
    from radcommons.site.keep import recipients_of

    with opened(directory) as store:
        if what_if:
            members: dict[str, Any] = {"recipients": len(recipients_of(recipients)), "what_if": True}
        else:
            members = asdict(verb(store, file, recipients=recipients, everything=everything, move=move))
            members["bytes"] = file.stat().st_size
    if as_json:
        show(members)
    elif what_if:
        click.echo(f"Would write {file} for {members['recipients']} recipients; nothing changed.")
    else:
        click.echo(
            f"{file}: {members['bytes']} bytes, {members['objects']} objects, generation {members['generation']}."
        )
        click.echo("Prove it now and then: radcommons site restore FILE DIR --identity FILE --what-if")
        if move:
            click.echo("This gateway is closed. Restore the file on the other PC.")
    return 0


@click.command(epilog="Example: radcommons site restore gateway.age gateway --identity key.txt")
@click.argument("file", type=FILE)
@DIRECTORY
@click.option("--identity", required=True, type=FILE, help="File of the age identity, as age-keygen wrote it.")
@click.option("--what-if", is_flag=True, help="Prove the backup to the last byte; nothing is laid out.")
@JSON
def restore(file: Path, directory: Path, identity: Path, what_if: bool, as_json: bool) -> int:
    """Lay a backup out as the gateway in DIRECTORY, after proving that it is whole."""
    from radcommons.site.keep import restore as verb

    done = verb(file, directory, identity=identity, try_only=what_if)
    if as_json:
        show({**asdict(done), "what_if": what_if})
    else:
        click.echo(
            f"Proven: {done.patients} patients, {done.files} files, {done.objects} objects as of {done.manifest.at}."
        )
        if done.missing:
            click.echo(f"{done.missing} objects that were not acknowledged are missing: add their originals again.")
        if not what_if:
            click.echo(f"The gateway is in {directory}, generation {done.generation}. Stop every older copy of it.")
    return 1 if done.missing else 0


@click.command(epilog="Example: radcommons site reopen gateway")
@DIRECTORY
@WHAT_IF
@JSON
def reopen(directory: Path, what_if: bool, as_json: bool) -> int:
    """Open a gateway again that `backup --move` closed; only where the other PC never took over."""
    from radcommons.site.keep import reopen as verb
    from radcommons.site.store import MOVED

    with opened(directory) as store:
        was_closed = store.remembered(MOVED) is not None if what_if else verb(store)
    word = "would be open again" if what_if else "is open again"
    sentence = f"The gateway {word}." if was_closed else "The gateway was open."
    show({"was_closed": was_closed, "what_if": what_if}) if as_json else click.echo(sentence)
    return 0


@click.command(epilog="Example: radcommons site adopt gateway")
@DIRECTORY
@WHAT_IF
@JSON
def adopt(directory: Path, what_if: bool, as_json: bool) -> int:
    """Go on as the one gateway, although the hub has submissions that another copy made."""
    from radcommons.site.submit import adopt as verb

    with opened(directory) as store:
        foreign = verb(store, try_only=what_if)
    if as_json:
        show({"foreign": foreign, "what_if": what_if})
    else:
        click.echo(
            f"{foreign} submissions at the hub were made by another copy{'' if what_if else '; this one goes on'}."
        )
    return 0


@click.command(name="clean-up", epilog="Example: radcommons site clean-up gateway --what-if")
@DIRECTORY
@click.option("--everything", is_flag=True, help="Free all that was acknowledged, whatever the budget.")
@WHAT_IF
@JSON
def clean_up(directory: Path, everything: bool, what_if: bool, as_json: bool) -> int:
    """Free what the hub acknowledged until the disk budget of site.toml is kept; nothing else ever goes."""
    from radcommons.site.keep_budget import clean_up as verb

    with opened(directory) as store:
        done = verb(store, everything=everything, try_only=what_if)
    if as_json:
        show({**asdict(done), "what_if": what_if})
    else:
        click.echo(f"{done.objects} objects, {done.freed} bytes {'would be ' if what_if else ''}freed.")
        click.echo(f"objects/ takes {done.used} bytes; {done.protected} were not acknowledged and stay.")
        if done.over:
            click.echo(f"That is {done.over} bytes above the budget: submit, or raise it.")
    return 1 if done.over else 0


@click.command(epilog="Example: radcommons site receipts gateway --to receipts.jsonl")
@DIRECTORY
@click.option("--to", "target", type=FILE, help="Write a JSON line for each receipt.")
@click.option("--check", "checked", type=FILE, help="Check the signatures of an exported file.")
@JSON
def receipts(directory: Path, target: Path | None, checked: Path | None, as_json: bool) -> int:
    """Export the hub's signed receipts for an audit, or check such a file."""
    from radcommons.site.join import hub_key
    from radcommons.site.keep_receipts import check_receipts, export_receipts

    if (target is None) is (checked is None):
        raise UsageError("Name a file with --to, or one with --check.")
    with opened(directory) as store:
        if target is not None:
            members: dict[str, Any] = {"receipts": export_receipts(store, target), "wrong": []}
        else:
            good, wrong = check_receipts(checked or Path(), pinned=hub_key(store))
            members = {"receipts": good, "wrong": wrong}
    if as_json:
        show(members)
    else:
        click.echo(f"{members['receipts']} receipts {'written' if target else 'agree'}.")
        if members["wrong"]:
            click.echo(f"Lines that do not agree: {_lines(members['wrong'])}")
    return 1 if members["wrong"] else 0


@click.command(epilog="Example: radcommons site uninstall gateway --what-if")
@DIRECTORY
@click.option("--despite", is_flag=True, help="Remove it although something speaks against it.")
@WHAT_IF
@JSON
def uninstall(directory: Path, despite: bool, what_if: bool, as_json: bool) -> int:
    """Remove the gateway's folder, and say what it leaves: at the hub, in backups, and with nobody."""
    from radcommons.site.keep_receipts import leaving
    from radcommons.site.keep_receipts import uninstall as verb

    with opened(directory) as store:
        found = leaving(store) if what_if else verb(store, despite=despite)
    if as_json:
        show({**asdict(found), "objections": found.objections, "what_if": what_if})
    else:
        click.echo(f"{found.folder} ({found.bytes} bytes) {'would be' if what_if else 'was'} removed.")
        click.echo(f"It leaves {found.at_hub} instances in {found.submissions} submissions at the hub,")
        click.echo(f"the crosswalk of {found.patients} patients in the backup of {found.backed_up_at or 'never'},")
        click.echo("and the original files, which were only read. Withdraw first what should not stay.")
        for sentence in found.objections:
            click.echo(sentence)
    return 1 if found.objections else 0
