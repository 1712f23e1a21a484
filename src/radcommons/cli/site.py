"""`radcommons site`: the hospital's gateway on the command line. Parses, calls one verb, prints."""

from __future__ import annotations

import getpass
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from radcommons.cli.progress import progress_line
from radcommons.cli.site_canary import attach as attach_canary
from radcommons.cli.site_fetch import attach as attach_fetching
from radcommons.cli.site_keep import attach as attach_keeping
from radcommons.cli.site_life import attach as attach_life
from radcommons.cli.site_options import DIRECTORY, JSON, SAMPLE, WHAT_IF, opened, show
from radcommons.cli.site_review import attach as attach_reviewing
from radcommons.cli.site_select import attach as attach_selecting
from radcommons.cli.site_user import attach as attach_users
from radcommons.records.errors import RadcommonsError, UsageError
from radcommons.records.lifecycle import FileState
from radcommons.records.terms import LICENSES
from radcommons.site.settings import STANDING_AGREEMENT, SiteSettings, read_settings
from radcommons.site.store import Store

_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.group()
def site() -> None:
    """The hospital's gateway: add, review, submit, withdraw. Patients are named here and nowhere else."""


@site.command(epilog="Example: radcommons site init gateway --hub https://hub.example --token rcm_... --site ALFA")
@DIRECTORY
@click.option("--hub", required=True, help="Base URL of the coalition's hub.")
@click.option(
    "--token", default="", help="Bearer token of this hospital; also RADCOMMONS_TOKEN.", envvar="RADCOMMONS_TOKEN"
)
@click.option(
    "--site", "sites", multiple=True, default=("SITE1",), help="Site code; repeat it for a group of hospitals."
)
@click.option("--name", default="", help="The hospital's name as the coalition shows it.")
@click.option("--dataset", default="covid-chest", show_default=True, help="The dataset that receives the submissions.")
@click.option("--country", default="ZZ", show_default=True, help="ISO 3166 code; ZZ is not stated.")
@click.option("--legal-basis", default="public-interest", show_default=True)
@click.option("--ethics-reference", default="not stated", show_default=True)
@click.option("--agreement", default=STANDING_AGREEMENT, help="SHA-256 of the signed agreement.")
@click.option("--license", "license_", default="CC-BY-NC-4.0", show_default=True, help=f"One of {', '.join(LICENSES)}.")
@click.option("--embargo-until", help="Day (YYYY-MM-DD) before which nothing is public.")
@click.option(
    "--protocol", default="any-imaging", show_default=True, help="Selection protocol: a shipped one or a file."
)
@click.option(
    "--profile", default="radcommons", show_default=True, help="De-identification profile: shipped or a file."
)
@click.option("--proxy", default="", help="HTTP proxy that leads out of the hospital, as http://HOST:PORT.")
@click.option("--ca-file", default="", help="PEM file of the authority that signed the hub's certificate, if private.")
@click.option("--user", default="data manager", show_default=True, help="Name of the first data manager.")
@click.option(
    "--password-file",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Holds the first data manager's password; without it `site serve` prints a set-up link.",
)
@click.option(
    "--second-factor",
    type=click.Choice(["required", "off"]),
    default="required",
    show_default=True,
    help="'off' is for demonstrations: the hub must run on this same machine.",
)
@click.option("--offline", is_flag=True, help="Register at the hub with the first submit.")
@WHAT_IF
@JSON
def init(directory: Path, sites: tuple[str, ...], token: str, what_if: bool, as_json: bool, **options: Any) -> int:
    """Make the gateway in DIRECTORY: keys, encrypted store, settings; tell the hub the public key."""
    from radcommons.records.documents import parse, plain
    from radcommons.site.join import init as verb

    password_file, offline, user = options.pop("password_file"), options.pop("offline"), options.pop("user")
    members = {**options, "license": options.pop("license_"), "sites": sites}
    members.pop("license_", None)
    settings = parse(SiteSettings, {**plain(SiteSettings(hub="", sites=("S1",))), **members})
    if what_if:
        click.echo(
            f"Would make a gateway for {', '.join(settings.sites)} in {directory} and register it at {settings.hub}."
        )
        return 0
    password = password_file.read_text("utf-8").strip() if password_file else None
    joined = verb(directory, settings=settings, token=token, user=user, password=password, offline=offline)
    if as_json:
        show({"directory": str(directory), "sites": list(settings.sites), **asdict(joined)})
    else:
        click.echo(f"The gateway for {', '.join(settings.sites)} is in {directory}. Signing key {joined.key_id}.")
        click.echo("Registered at the hub." if joined.is_registered else f"Not registered yet. {joined.message}")
    return 0 if joined.is_registered or offline else 1


@site.command(epilog="Example: radcommons site add gateway /exports/2020 --protocol ricord --clinical covid.csv")
@DIRECTORY
@click.argument("paths", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--site", "code", help="Site code, if the gateway has several; the first by default.")
@click.option("--protocol", help="Selection protocol: a shipped one or a file.")
@click.option("--profile", help="De-identification profile: a shipped one or a file.")
@click.option(
    "--clinical", type=click.Path(dir_okay=False, path_type=Path), help="CSV or XLSX with one line a patient or test."
)
@click.option("--jobs", type=click.IntRange(1, 64), default=2, show_default=True, help="Worker processes.")
@WHAT_IF
@JSON
def add(
    directory: Path,
    paths: tuple[Path, ...],
    code: str | None,
    clinical: Path | None,
    what_if: bool,
    as_json: bool,
    **options: Any,
) -> int:
    """Add folders, files and archives: select, de-identify, look for text in pixels. Safe to stop and to repeat."""
    from radcommons.site.add import add as verb
    from radcommons.site.add import what_if as trial
    from radcommons.site.clinical import read_clinical

    table = read_clinical(clinical) if clinical else None
    with opened(directory) as real:
        if code and code not in real.settings.sites:
            raise UsageError(
                f"The gateway has no site code '{code}'.", mend=f"It has {', '.join(real.settings.sites)}."
            )
        with trial(real) if what_if else nullcontext(real) as store, progress_line("files") as tick:
            done = verb(
                store,
                paths,
                site=code,
                clinical=table,
                keep=not what_if,
                progress=lambda count: tick(count, None),
                **options,
            )
            members = _totals(store)
    members |= {
        "new": done.states,
        "already": done.already,
        "new_reasons": done.codes,
        "seconds": round(done.seconds, 2),
    }
    members["clinical_problems"] = [asdict(problem) for problem in table.problems] if table else []
    if as_json:
        show(members)
    else:
        _tell_problems(members["clinical_problems"])
        _tell_flow(members["flow"])
        verb_word = "would be decided" if what_if else "decided"
        click.echo(f"{done.new} files {verb_word}, {done.already} were here before; {done.seconds:.1f} s.")
    return 1 if done.states.get(FileState.REFUSED) or done.states.get(FileState.HELD) or members["discrepancies"] else 0


def _totals(store: Store) -> dict[str, Any]:
    from radcommons.site.status import codes, counts, discrepancies, flow

    return {
        **counts(store),
        "findings": codes(store),
        "flow": [asdict(line) for line in flow(store)],
        "discrepancies": discrepancies(store),
    }


def _tell_problems(problems: Sequence[dict[str, Any]]) -> None:
    for problem in problems[:SAMPLE]:
        click.echo(f"clinical table, row {problem['row']}, column {problem['column']} {problem['message']}")
    if len(problems) > SAMPLE:
        click.echo(f"... and {len(problems) - SAMPLE} more; --json tells all.")


def _tell_flow(lines: Sequence[dict[str, Any]]) -> None:
    click.echo(f"{'':44}{'files':>8}{'patients':>10}{'studies':>9}")
    for line in lines:
        name = f"    {line['code']}" if line["code"] else f"{line['state']}: {line['words']}"
        click.echo(f"{name:44}{line['files']:>8}{line['patients']:>10}{line['studies']:>9}")


@site.command(epilog="Example: radcommons site review gateway --pass 12 --reviewer 'M. Roe, data manager'")
@DIRECTORY
@click.option("--list", "listing", is_flag=True, help="List what is held (also without any option).")
@click.option("--pass", "passed", multiple=True, type=int, help="Number of a file that may go.")
@click.option("--exclude", "excluded", multiple=True, type=int, help="Number of a file that stays out by choice.")
@click.option("--refuse", "refused", multiple=True, type=int, help="Number of a file that cannot be used.")
@click.option(
    "--all-code", "all_codes", multiple=True, help="Decide all that is held for this reason; needs --decision."
)
@click.option("--decision", type=click.Choice(["pass", "exclude", "refuse"]), help="The decision for --all-code.")
@click.option("--reviewer", default=getpass.getuser, help="Your name; it stands in the attestation.")
@WHAT_IF
@JSON
def review(
    directory: Path,
    passed: tuple[int, ...],
    excluded: tuple[int, ...],
    refused: tuple[int, ...],
    all_codes: tuple[str, ...],
    decision: str | None,
    reviewer: str,
    what_if: bool,
    as_json: bool,
    listing: bool,  # noqa: ARG001  (listing is what happens anyway)
) -> int:
    """List what waits for a person, or decide: one question a file."""
    from radcommons.site.review import decide, held

    if bool(all_codes) != bool(decision):
        raise UsageError("--all-code and --decision go together.")
    with opened(directory) as store:
        wanted = {"pass": list(passed), "exclude": list(excluded), "refuse": list(refused)}
        if decision:
            wanted[decision] += [one.id for one in held(store, codes=all_codes)]
        objections = []
        if not what_if:
            for word, numbers in wanted.items():
                objections += decide(store, numbers, decision=word, reviewer=reviewer) if numbers else []
        waiting = held(store)
    decided = {word: len(numbers) for word, numbers in wanted.items() if numbers}
    if as_json:
        members = {"decided": {} if what_if else decided, "would_decide": decided if what_if else {}}
        show({**members, "held": [asdict(one) for one in waiting], "objections": [asdict(one) for one in objections]})
    else:
        for word, count in decided.items():
            click.echo(f"{'Would ' if what_if else ''}{word}: {count} files.")
        for objection in objections:
            click.echo(f"{objection.subject}: {objection.message}")
        for one in waiting:
            click.echo(f"{one.id:>6}  {one.code:24} {one.path}\n        {one.question} {'; '.join(one.where[:3])}")
        click.echo(f"{len(waiting)} files wait.")
    return 1 if waiting or objections else 0


@site.command(epilog="Example: radcommons site submit gateway --jobs 4")
@DIRECTORY
@click.option("--jobs", type=click.IntRange(1, 16), default=4, show_default=True, help="Requests at a time.")
@WHAT_IF
@JSON
def submit(directory: Path, jobs: int, what_if: bool, as_json: bool) -> int:
    """Sign and send what is ready; what an earlier call left unfinished goes first."""
    from radcommons.site.status import counts
    from radcommons.site.submit import submit as verb

    with opened(directory) as store:
        if what_if:
            ready = counts(store)[FileState.READY]
            show({"would_submit": ready}) if as_json else click.echo(f"Would submit {ready} files.")
            return 0
        with progress_line("instances") as tick:
            sent = verb(store, jobs=jobs, progress=tick)
        members = {**counts(store), "submissions": [asdict(one) for one in sent]}
    if as_json:
        show(members)
    else:
        for one in sent:
            state = one.hub.get("state", one.state)
            click.echo(
                f"submission {one.id[:12]}: {one.items} instances, {one.state}; at the hub: {state}. {one.problem}"
            )
            for finding in one.hub.get("findings") or []:
                click.echo(f"    {finding.get('code')}: {finding.get('message')} {finding.get('where', '')}")
        click.echo("Nothing could go." if not sent else f"{members['submitted']} files are submitted.")
        if members[FileState.READY]:
            click.echo(f"{members[FileState.READY]} ready files wait for a decision: `radcommons site review-groups`.")
    return 1 if any(one.problem or one.hub.get("findings") for one in sent) else 0


@site.command(epilog="Example: radcommons site withdraw gateway --patient 4711 --reason consent-withdrawn")
@DIRECTORY
@click.option("--patient", required=True, help="Patient identifier as the hospital knows it.")
@click.option("--issuer", help="Issuer of the identifier, where two give the same one.")
@click.option("--site", "code", help="The hospital of a group, where two with separate crosswalks give the same one.")
@click.option("--study", "study_uid", help="Original Study Instance UID; takes back this study alone.")
@click.option(
    "--reason",
    type=click.Choice(["consent-withdrawn", "opt-out", "error", "identity"]),
    default="consent-withdrawn",
    show_default=True,
)
@WHAT_IF
@JSON
def withdraw(
    directory: Path,
    patient: str,
    issuer: str | None,
    code: str | None,
    study_uid: str | None,
    reason: str,
    what_if: bool,
    as_json: bool,
) -> int:
    """Take back a patient or a study, here and at the hub; it is refused when it comes again."""
    from radcommons.site.add import what_if as trial
    from radcommons.site.hub import Hub
    from radcommons.site.submit import send_withdrawals
    from radcommons.site.withdraw import withdraw as verb

    answers: list[dict[str, Any]] = []
    problem = ""
    with opened(directory) as real:
        with trial(real) if what_if else nullcontext(real) as store:
            taken = verb(store, patient, reason=reason, issuer=issuer, site=code, study_uid=study_uid)
        if taken.documents and not what_if:
            try:
                with Hub.of(real.settings, token=real.token, tries=3) as hub:
                    answers = send_withdrawals(real, hub)
            except RadcommonsError as error:
                problem = str(error)
    if as_json:
        show({**asdict(taken), "hub": answers, "problem": problem, "what_if": what_if})
    else:
        word = "would be taken back" if what_if else "taken back"
        click.echo(f"{taken.files} files {word}, {taken.submitted} of them sent to the hub before.")
        if not taken.was_known:
            click.echo("No file of this patient is here. The identifier is remembered and will be refused.")
        if problem:
            click.echo(f"The hub was not told yet; the next submit tells it. {problem}")
    return 1 if problem else 0


@site.command(epilog="Example: radcommons site status gateway --flow flow.svg")
@DIRECTORY
@click.option(
    "--flow", "drawing", type=click.Path(dir_okay=False, path_type=Path), help="Draw the exclusion flow (SVG)."
)
@JSON
def status(directory: Path, drawing: Path | None, as_json: bool) -> int:
    """Count every file once, by state and reason; ask the hub about the submissions where it answers."""
    from radcommons.site.status import at_hub, by_site

    with opened(directory) as store:
        members: dict[str, Any] = {"sites": list(store.settings.sites), "hub": store.settings.hub}
        members["by_site"] = by_site(store)
        members |= {"generation": store.generation, **_totals(store), **at_hub(store)}
        if drawing:
            from radcommons.site.selection_flow import drawn, exclusion_flow

            drawing.write_text(drawn(exclusion_flow(store)), "utf-8")
    if as_json:
        show(members)
    else:
        _tell_flow(members["flow"])
        for code, found in members["by_site"].items() if len(members["sites"]) > 1 else ():
            click.echo(f"{code}: {', '.join(f'{count} {name}' for name, count in found.items() if count) or 'nothing'}")
        for one in members["submissions"]:
            states = ", ".join(
                f"{one[name]} {name}" for name in ("accepted", "quarantined", "refused") if one.get(name)
            )
            click.echo(f"submission {one['id'][:12]}: {one['items']} instances, {one['state']} {states}")
        for sentence in (*members["discrepancies"], members["problem"]):
            if sentence:
                click.echo(sentence)
    return 1 if members["discrepancies"] else 0


@site.command(epilog="Example: radcommons site serve gateway --port 8043 --dimse-port 11112")
@DIRECTORY
@click.option("--host", default="127.0.0.1", show_default=True, help="Address of the page; another one needs TLS.")
@click.option("--port", type=int, default=8043, show_default=True, help="Port of the local page.")
@click.option("--name", "names", multiple=True, help="Name of this machine in browsers' addresses, beside --host.")
@click.option("--tls-cert", type=_FILE, help="Certificate chain of the page (PEM).")
@click.option("--tls-key", type=_FILE, help="Its private key (PEM).")
@click.option("--dimse-port", type=int, help="Port for C-STORE and C-ECHO; none without it.")
@click.option("--dimse-host", default="127.0.0.1", show_default=True, help="Address that a PACS pushes to.")
@click.option("--dimse-aet", help="Our AE title; RADCOMMONS by default.")
@click.option(
    "--watch",
    multiple=True,
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder whose files are added when nothing changes them any more; they are never deleted.",
)
def serve(directory: Path, **options: Any) -> int:
    """Show the local page, take what a PACS pushes and what lies in watched folders, until Ctrl-C or SIGTERM."""
    from radcommons.web.site_app import serve as verb

    read_settings(directory)
    verb(directory, say=click.echo, **options)
    return 0


attach_fetching(site)
attach_keeping(site)
attach_life(site)
attach_users(site)
attach_canary(site)
attach_selecting(site)
attach_reviewing(site)
