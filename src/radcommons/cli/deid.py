"""`radcommons deid`: de-identification alone, without services. Parses, calls one verb, prints."""

from __future__ import annotations

import gc
import json
import os
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from radcommons.cli.passphrase import ask_passphrase
from radcommons.cli.progress import printable, progress_line
from radcommons.records.errors import UsageError

if TYPE_CHECKING:
    from radcommons.dicom.profile import Profile
    from radcommons.site.deid_report import Books, Context
    from radcommons.site.deid_run import Run
    from radcommons.site.deid_values import DeidSettings, FileDone

_REPORTS = (".json", ".html", ".pdf")
_MOST_LINES = 40
_PASSPHRASE, _NEW_PASSPHRASE = "RADCOMMONS_CROSSWALK_PASSPHRASE", "RADCOMMONS_CROSSWALK_NEW_PASSPHRASE"
_FILE = click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
_IDENTITY = click.option(
    "--identity",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="age identity file; otherwise a passphrase is asked for, or RADCOMMONS_CROSSWALK_PASSPHRASE.",
)


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@click.command(
    epilog="Example: radcommons deid /exports/2020 --out /exports/clean --key-file site.key --report report.html"
)
@click.argument("paths", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="PATH...")
@click.option("--out", type=click.Path(file_okay=False, path_type=Path), help="Folder for the de-identified objects.")
@click.option("--profile", default="radcommons", show_default=True, help="Profile: a shipped one or a file.")
@click.option(
    "--key-file",
    type=click.Path(dir_okay=False, path_type=Path),
    help="The site secret; made when it does not exist. Without it, pseudonyms hold for this run alone.",
)
@click.option("--site", "site_code", default="SITE1", show_default=True, help="Site code; begins every pseudonym.")
@click.option("--jobs", type=click.IntRange(1, 64), default=_cores, help="Worker processes; the cores by default.")
@click.option(
    "--pixels",
    type=click.Choice(["check", "off"]),
    default="check",
    show_default=True,
    help="Look for writing in the pixels and cover it, or not.",
)
@click.option("--take-captures", is_flag=True, help="Take screen saves and dose sheets, which are refused otherwise.")
@click.option(
    "--verify",
    type=click.Choice(["all", "sample", "off"]),
    default="sample",
    show_default=True,
    help="Which outputs the independent checker reads again.",
)
@click.option(
    "--known",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Names, numbers and places that the site knows: one a line, or a CSV.",
)
@click.option(
    "--merges",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="CSV of changed identifiers: the present one, the earlier one.",
)
@click.option(
    "--same-uid",
    type=click.Choice(["renumber", "hold"]),
    default="renumber",
    show_default=True,
    help="A second, different object with the SOP Instance UID of another gets its own, or is held.",
)
@click.option(
    "--report",
    "reports",
    multiple=True,
    type=click.Path(dir_okay=False, path_type=Path),
    help="Report file: .json holds everything, .html and .pdf one page for the privacy officer. Repeat it.",
)
@click.option(
    "--crosswalk",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write the table from old to new, encrypted with age.",
)
@click.option(
    "--crosswalk-recipient",
    "recipients",
    multiple=True,
    help="age recipient (age1...); otherwise a passphrase is asked for, or RADCOMMONS_CROSSWALK_PASSPHRASE.",
)
@click.option("--what-if", is_flag=True, help="Say what would be done; nothing is written.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object, for programs.")
def deid(paths: tuple[Path, ...], out: Path | None, as_json: bool, **options: Any) -> int:
    """De-identify folders, files and archives into a folder. Safe to stop and to repeat.

    Exit status: 0 all fine, 1 something was held, refused or incomplete, 2 wrong usage.
    """
    _import_engine(decodes=options["pixels"] != "off")
    from radcommons.dicom.profile import load_profile
    from radcommons.site.deid_mark import Mark, claim
    from radcommons.site.deid_report import Books, Context
    from radcommons.site.deid_run import Listeners, check_folders, deid_run
    from radcommons.site.deid_values import SameUid

    what_if, reports = options["what_if"], options["reports"]
    _check_usage(out, what_if=what_if, reports=reports)
    if out is not None:
        check_folders(paths, out)
    if not what_if:
        key_file = options["key_file"]
        new_key = None if key_file is None or key_file.exists() else key_file
        _check_writable(out, new_key, options["crosswalk"], *reports)
    profile, known, merges = load_profile(options["profile"]), _roster(options["known"]), _merges(options["merges"])
    settings, has_key_file = _settings(None if what_if else out, options)
    links = None if what_if else _links(options, settings, profile)
    if settings.out is not None:
        claim(settings.out, Mark.of(settings.secret, site=settings.site, profile_digest=profile.digest))
    with Books() as books, progress_line("files") as tick:
        run = deid_run(
            paths,
            settings=settings,
            known=known,
            merges=merges,
            jobs=options["jobs"],
            same_uid=SameUid(options["same_uid"]),
            listeners=Listeners(
                progress=tick, done=_listener(books, keeps=bool(reports) or what_if), linked=links and links.add
            ),
        )
        context = Context.of(settings, profile, has_key_file=has_key_file)
        if links is not None:
            links.write()
        for path in () if what_if else reports:
            _write_report(path, run, context, books)
        _tell(run, context, books, as_json=as_json)
    return 1 if run.has_objections else 0


def _import_engine(*, decodes: bool) -> None:
    """Import once what the run and its processes, which are forked from it, need."""
    gc.disable()  # what is imported stays
    if not decodes:
        from radcommons.dicom.bare import import_without_codecs

        import_without_codecs()
    import radcommons.site.deid_run  # noqa: F401

    gc.freeze()
    gc.set_threshold(20_000, 50, 100)  # headers are made and dropped by the thousand, hardly any in circles
    gc.enable()


def _check_usage(out: Path | None, *, what_if: bool, reports: tuple[Path, ...]) -> None:
    if out is None and not what_if:
        raise UsageError("Nothing says where the objects go.", mend="Add --out DIR, or --what-if.")
    for path in reports:
        if path.suffix.lower() not in _REPORTS:
            raise UsageError(f"No report is written as {path.name}.", mend=f"Use one of {', '.join(_REPORTS)}.")


def _check_writable(*paths: Path | None) -> None:
    """Refuse before the work what could not be written after it."""
    for path in paths:
        if path is not None:
            whole = path.absolute()
            there = next(place for place in (whole, *whole.parents) if place.exists())
            there = there.parent if there == whole and there.is_file() else there  # a report is replaced
            if not there.is_dir() or not os.access(there, os.W_OK | os.X_OK):
                raise UsageError(f"{path} cannot be written.", mend=f"Check the rights of {there}, or name another.")


def _settings(out: Path | None, options: dict[str, Any]) -> tuple[DeidSettings, bool]:
    """Return the settings of the run, and whether its secret is in a file."""
    from radcommons.dicom.mapping import SITE_CODE
    from radcommons.site.deid_run import parts_folder
    from radcommons.site.deid_values import DeidSettings, PixelCheck, Verify

    if not SITE_CODE.fullmatch(options["site_code"]):
        raise UsageError("The site code is malformed.", mend="Use 2 to 12 capital letters and digits, a letter first.")
    secret, has_key_file = _secret(options["key_file"], out)
    profile = options["profile"]
    settings = DeidSettings(
        out=out,
        parts=parts_folder(out or Path(tempfile.gettempdir())),
        secret=secret,
        site=options["site_code"],
        profile=str(Path(profile).resolve()) if Path(profile).is_file() else profile,
        pixels=PixelCheck(options["pixels"]),
        verify=Verify(options["verify"]),
        takes_captures=options["take_captures"],
        wants_record=bool(options["reports"]) or options["what_if"],
        wants_links=options["crosswalk"] is not None,
    )
    return settings, has_key_file


def _secret(path: Path | None, out: Path | None) -> tuple[bytes, bool]:
    from radcommons.site.deid_key import is_open_to_others, make_key, new_secret, read_key
    from radcommons.site.deid_mark import require_key

    if path is None:
        click.echo("No --key-file: pseudonyms, UIDs and date shifts hold for this run alone.", err=True)
        return new_secret(), False
    if not path.exists():
        require_key(out, path)
    else:
        if is_open_to_others(path):
            click.echo(f"Others may read {path}: whoever has it can undo the pseudonyms. chmod 600 mends it.", err=True)
        return read_key(path), True
    if out is None:
        return new_secret(), True
    made = make_key(path)
    click.echo(f"Made the key file {path}. Keep it secret, and keep a copy: without it no pseudonym can be made again.",
               err=True)  # fmt: skip
    return made, True


def _roster(path: Path | None) -> Any:
    from radcommons.dicom.text_identity import KnownIdentity
    from radcommons.site.deid_key import read_roster

    return read_roster(path) if path else KnownIdentity()


def _merges(path: Path | None) -> Any:
    from radcommons.site.deid_merges import Merges, read_merges

    return read_merges(path) if path else Merges({})


def _links(options: dict[str, Any], settings: DeidSettings, profile: Profile) -> Any:
    from radcommons.site.deid_crosswalk import LinkBook, locks

    if options["crosswalk"] is None:
        return None
    passphrase = (
        "" if options["recipients"] else ask_passphrase(_PASSPHRASE, "Passphrase of the crosswalk", confirm=True)
    )
    return LinkBook.open(
        options["crosswalk"], locks=locks(options["recipients"], passphrase), secret=settings.secret, profile=profile
    )


def _listener(books: Books, *, keeps: bool) -> Callable[[FileDone], None]:
    from radcommons.site.deid_values import Fate

    is_terminal = sys.stderr.isatty()

    def done(one: FileDone) -> None:
        if keeps:
            books.add(one)
        start = "\r\033[K" if is_terminal else ""
        if one.fate in (Fate.HELD, Fate.REFUSED):
            place = f" ({one.where})" if one.where else ""
            back = " The output of an earlier run was taken out of the folder." if one.withdrawn else ""
            click.echo(f"{start}{one.fate} {printable(one.path)}: {one.code}. {one.message}{place}{back}", err=True)
        for note in one.incomplete if one.findings else ():
            click.echo(f"{start}INCOMPLETE {printable(one.path)}: {note.code}. {note.message}", err=True)

    return done


def _write_report(path: Path, run: Run, context: Context, books: Books) -> None:
    suffix = path.suffix.lower()
    if suffix == ".json":
        from radcommons.site.deid_report import write_json

        write_json(path, run, context, books)
        return
    from radcommons.platform.durable import write_file
    from radcommons.site.deid_page import page_of

    page = page_of(run, context)
    if suffix == ".html":
        from radcommons.site.deid_html import html

        write_file(path, html(page).encode())
    else:
        from radcommons.site.deid_pdf import pdf

        write_file(path, pdf(page))


def _tell(run: Run, context: Context, books: Books, *, as_json: bool) -> None:
    from radcommons.site.deid_report import by_attribute, counts, json_pieces
    from radcommons.site.deid_values import Fate

    what_if = context.settings.out is None
    if as_json and what_if:
        for piece in json_pieces(run, context, books):
            click.echo(piece, nl=False)
    elif as_json:
        timing = {"seconds": round(run.seconds, 2), "cpu_seconds": round(run.cpu_seconds, 2)}
        also = {"profile": context.profile.id, "verified": run.verified, "unchanged": run.unchanged}
        click.echo(json.dumps({**counts(run), **timing, **also}, indent=2, ensure_ascii=False))
    else:
        for fate in Fate:
            click.echo(f"{'would be ' if what_if and fate is Fate.WRITTEN else ''}{fate}: {run.fates[fate]}")
            for (where, code), count in sorted(run.reasons.items()):
                if where is fate:
                    click.echo(f"    {code}: {count}")
        for code, count in sorted(run.incomplete.items()):
            click.echo(f"INCOMPLETE among the written: {count} with {code}; standard error names each.")
        if run.withdrawn:
            click.echo(f"{run.withdrawn} earlier outputs were taken out: their objects are now held or refused.")
        if what_if:
            for treatment, attribute, reason, count in by_attribute(run)[:_MOST_LINES]:
                click.echo(f"{count:>8} {treatment:32} {attribute} ({reason})")
        click.echo(f"{run.seen} files of {run.patients} patients in {run.seconds:.1f} s "
                   f"({run.cpu_seconds:.1f} s of processor time).")  # fmt: skip


@click.group()
def crosswalk() -> None:
    """The encrypted table from old to new names that `radcommons deid --crosswalk` writes."""


def _opened(file: Path, identity: Path | None) -> list[dict[str, Any]]:
    from radcommons.site.deid_crosswalk import decrypt

    if identity is not None:
        return decrypt(file, identity=identity)
    return decrypt(file, passphrase=ask_passphrase(_PASSPHRASE, "Passphrase of the crosswalk", confirm=False))


@crosswalk.command(epilog="Example: radcommons crosswalk show crosswalk.age --json")
@_FILE
@_IDENTITY
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object a line.")
def show(file: Path, identity: Path | None, as_json: bool) -> int:
    """Print the table. It names patients: mind who looks at the screen."""
    for line in _opened(file, identity)[1:]:
        if as_json:
            click.echo(json.dumps(line, ensure_ascii=False))
        else:
            kind, *old = line["old"]
            click.echo("\t".join((kind, *old, "->", *line["new"])))
    return 0


@crosswalk.command(epilog="Example: radcommons crosswalk rotate crosswalk.age --recipient age1...")
@_FILE
@_IDENTITY
@click.option("--recipient", "recipients", multiple=True, help="Who may read it from now on; repeat it.")
@click.option("--what-if", is_flag=True, help="Open it and say what would happen; nothing changes.")
def rotate(file: Path, identity: Path | None, recipients: tuple[str, ...], what_if: bool) -> int:
    """Encrypt the table anew for other readers or with another passphrase. No pseudonym changes."""
    from radcommons.site.deid_crosswalk import locks, rotate

    lines = _opened(file, identity)
    fresh = "" if recipients else ask_passphrase(_NEW_PASSPHRASE, "New passphrase", confirm=True)
    sealed_by = locks(recipients, fresh)
    if not what_if:
        rotate(file, lines=lines, sealed_by=sealed_by)
    word = "would be encrypted anew" if what_if else "is encrypted anew"
    click.echo(f"{file} {word}; its {len(lines) - 1} entries stay. Destroy older copies: the old lock opens them.")
    return 0


@crosswalk.command(epilog="Example: radcommons crosswalk key crosswalk.age --key-file site.key")
@_FILE
@_IDENTITY
@click.option(
    "--key-file", required=True, type=click.Path(dir_okay=False, path_type=Path), help="The key file to make."
)
@click.option("--what-if", is_flag=True, help="Open it and say what would happen; nothing changes.")
def key(file: Path, identity: Path | None, key_file: Path, what_if: bool) -> int:
    """Restore a lost key file from the table, so that the same patients keep their pseudonyms."""
    from radcommons.platform.durable import write_file

    secret = _opened(file, identity)[0]["secret"]
    if key_file.exists():
        raise UsageError(f"{key_file} is there already.", mend="Name a file that does not exist.")
    if not what_if:
        write_file(key_file, f"{secret}\n".encode(), mode=0o600)
    click.echo(f"{key_file} {'would hold' if what_if else 'holds'} the key again.")
    return 0
