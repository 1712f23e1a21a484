"""`radcommons site select` and `site clinical`: who and what is taken, what is still owed, what a person must say."""

from __future__ import annotations

import getpass
from contextlib import nullcontext
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from radcommons.cli.site_options import DIRECTORY, JSON, SAMPLE, WHAT_IF, opened, show
from radcommons.records.errors import UsageError
from radcommons.site.store import Store


def attach(site: click.Group) -> None:
    """Give `radcommons site` the commands of this file."""
    for command in (select, clinical):
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
    wait = "1 question waits." if count == 1 else f"{count} questions wait."
    click.echo(wait if count else "Nothing is undecided.")


@click.command(epilog="Example: radcommons site clinical gateway covid.xlsx --mapping our-lab.json --what-if")
@DIRECTORY
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--mapping", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="How the table is read.")
@click.option("--save-mapping", type=click.Path(dir_okay=False, path_type=Path), help="Write how it was read.")
@click.option("--dates", type=click.Choice(["day-first", "month-first"]), help="Of dates like 03/04/2020.")
@click.option("--charset", default="", help="For example cp1252, where the file is not UTF-8.")
@click.option("--sheet", default="", help="Worksheet of an Excel workbook.")
@click.option("--accept-alike", is_flag=True, help="Join numbers that differ in zeros, spaces or case alone, too.")
@click.option("--site", "code", help="Site code, if the gateway has several; the first by default.")
@click.option("--by", default=getpass.getuser, help="Your name; it stands in the audit trail.")
@WHAT_IF
@JSON
def clinical(directory: Path, file: Path, what_if: bool, as_json: bool, **options: Any) -> int:
    """Take a clinical table (CSV or XLSX): how it was read, what was not understood, and whom it names."""
    from radcommons.site.add import what_if as trial
    from radcommons.site.clinical_map import spelled_mapping
    from radcommons.site.clinical_take import take_clinical
    from radcommons.site.selection_settle import settle

    with opened(directory) as real:
        code = options["code"] or real.settings.sites[0]
        if code not in real.settings.sites:
            raise UsageError(
                f"The gateway has no site code '{code}'.", mend=f"It has {', '.join(real.settings.sites)}."
            )
        table, reasons = _table(real, file, code, options)
        if options["save_mapping"]:
            options["save_mapping"].write_text(spelled_mapping(table.mapping), "utf-8")
        with trial(real) if what_if else nullcontext(real) as store:
            actor = f"reviewer:{options['by']}"[:128]
            taken = take_clinical(store, table, site=code, by=actor, accept_alike=options["accept_alike"])
            settle(store)
            members = {"what_if": what_if, **_read_as(table, reasons), **_fits(taken), **selected(store)}
    if as_json:
        show(members)
    else:
        _tell_clinical(members)
    return 1 if members["problems"] or members["unordered_dates"] or members["is_probably_wrong"] else 0


def _table(store: Store, path: Path, site: str, options: dict[str, Any]) -> Any:
    """Return the table as it is understood, and the reason for each of its columns."""
    from dataclasses import replace

    from radcommons.site.clinical import understand
    from radcommons.site.clinical_map import TableMapping, guess, headings_of, parse_mapping
    from radcommons.site.clinical_sheet import open_sheet
    from radcommons.site.clinical_take import known_patients, remembered

    given = parse_mapping(options["mapping"].read_text("utf-8")) if options["mapping"] else None
    said = given or TableMapping()
    sheet = open_sheet(
        path.read_bytes(),
        charset=options["charset"] or said.charset,
        separator=said.separator,
        name=options["sheet"] or said.sheet,
    )
    with store.read() as connection:
        known = known_patients(connection, site=site)
    guessed = guess(sheet, known_ids=known)
    reasons = dict(guessed.reasons)
    if given is None:
        given = remembered(store, headings_of(sheet, guessed.mapping), site=site)
        reasons = dict.fromkeys(given.columns, "as the last time") if given else reasons
        given = replace(given, heading_row=guessed.mapping.heading_row) if given else guessed.mapping
    else:
        reasons = dict.fromkeys(given.columns, "the mapping says so")
    if options["dates"]:
        given = replace(given, day_first=options["dates"] == "day-first")
    return understand(sheet, given), reasons


def _read_as(table: Any, reasons: dict[str, str]) -> dict[str, Any]:
    return {
        "columns": {name: {"heading": column, "why": reasons.get(name, "")} for name, column in table.columns.items()},
        "notes": list(table.notes),
        "problems": [asdict(problem) for problem in table.problems],
        "unknown_words": [{"column": one.column, "rows": list(one.rows)} for one in table.words],
        "unordered_dates": list(table.unordered),
    }


def _fits(taken: Any) -> dict[str, Any]:
    found = taken.matches
    return {
        "patients": taken.patients,
        "left_out": taken.left_out,
        "known": found.exact,
        "nobody": [list(rows) for _, rows in found.nobody],
        "two": [list(rows) for _, rows in found.two],
        "alike": [{"rows": list(one.rows), "how": one.how} for one in found.alike],
        "without_row": found.without_row,
        "is_probably_wrong": found.looks_wrong,
        "sentences": found.sentences(),
    }


def _tell_clinical(members: dict[str, Any]) -> None:
    for name, column in members["columns"].items():
        click.echo(f"{name:20} {column['heading']:28} {column['why']}")
    for note in members["notes"]:
        click.echo(note)
    for one in members["problems"][:SAMPLE]:
        click.echo(f"row {one['row']}, column {one['column']} {one['message']}")
    if len(members["problems"]) > SAMPLE:
        click.echo(f"... and {len(members['problems']) - SAMPLE} more; --json tells all.")
    for name in members["unordered_dates"]:
        click.echo(f"Column {name}: does the day or the month come first? Say --dates day-first or month-first.")
    for sentence in members["sentences"]:
        click.echo(sentence)
    word = "would be kept" if members["what_if"] else "are kept"
    click.echo(f"{members['patients']} patients {word}; {members['left_out']} were left out.")
    _tell(members)
