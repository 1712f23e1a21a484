"""`radcommons site fetch` and `site echo`: parse, call one verb, print."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import click

from radcommons.cli.progress import progress_line
from radcommons.cli.site_options import DIRECTORY, JSON, WHAT_IF, opened, show
from radcommons.records.errors import UsageError
from radcommons.site.store import Store

_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.command(epilog="Example: radcommons site fetch gateway --accessions wanted.csv --from PACS@10.0.0.7:104")
@DIRECTORY
@click.option("--accessions", type=_FILE, help="One accession number a line, or a CSV with headings (also patients).")
@click.option("--patients", type=_FILE, help="CSV with patient_id, issuer, from, to; or one identifier a line.")
@click.option("--from", "source", required=True, help="AE@HOST:PORT, or the https:// root of a DICOMweb server.")
@click.option("--aet", help="What we call ourselves; the settings' title by default.")
@click.option("--listen", type=int, help="Port on which C-MOVE delivers to us; only needed where C-GET is not offered.")
@click.option("--listen-host", default="0.0.0.0", show_default=True, help="Address of that port.")  # noqa: S104
@click.option("--retrieve", type=click.Choice(["get", "move"]), help="By default what the peer offers, C-GET first.")
@click.option("--tls", is_flag=True, help="Speak DICOM TLS; certificates stand in site.toml.")
@click.option("--credentials", type=_FILE, help="For DICOMweb: a file with 'user:password' or 'Bearer TOKEN'.")
@click.option("--associations", type=click.IntRange(1, 16), default=2, show_default=True, help="At a time.")
@click.option("--rate", type=click.FloatRange(0, min_open=True), help="At most so many MB/s over all associations.")
@click.option("--between", help="Hours in which the peer is asked, for example 20:00-06:00.")
@click.option("--limit", type=click.IntRange(1), default=200, show_default=True, help="Studies that a line may match.")
@click.option("--tries", type=click.IntRange(1, 50), default=6, show_default=True, help="Attempts without progress.")
@click.option("--site", "code", help="Site code, if the gateway has several; the first by default.")
@click.option("--protocol", help="Selection protocol: a shipped one or a file.")
@click.option("--profile", help="De-identification profile: a shipped one or a file.")
@click.option("--clinical", type=_FILE, help="CSV or XLSX with one line a patient or test.")
@click.option("--jobs", type=click.IntRange(1, 64), default=2, show_default=True, help="Worker processes.")
@WHAT_IF
@JSON
def fetch(directory: Path, what_if: bool, as_json: bool, jobs: int, **options: Any) -> int:
    """Fetch the studies of a list from a PACS: what fits the protocol, what misses, and nothing twice."""
    from radcommons.site.clinical import read_clinical
    from radcommons.site.fetch import Pace
    from radcommons.site.fetch import fetch as verb
    from radcommons.site.fetch_pace import Window

    given = _given_list(options["accessions"], options["patients"])
    pace = Pace(
        associations=options["associations"],
        bytes_a_second=(options["rate"] or 0.0) * 1e6,
        window=Window.parse(options["between"]) if options["between"] else Window(),
        limit=options["limit"],
        tries=options["tries"],
    )
    with opened(directory) as store, ExitStack() as stack, progress_line("instances") as tick:
        route = _route(store, options)
        parts, connect, peer = _source(store, options, stack)
        table = read_clinical(options["clinical"]) if options["clinical"] else None
        report = verb(
            store,
            given,
            connect=connect,
            peer=peer,
            parts=parts,
            route=route,
            pace=pace,
            jobs=jobs,
            what_if=what_if,
            clinical=table,
            progress=lambda done, expected: tick(done, max(done, expected)),
            say=lambda sentence: click.echo(sentence, err=True),
        )
    if as_json:
        show(report.members())
    else:
        for sentence in report.sentences():
            click.echo(sentence)
        for state, count in report.added.items():
            click.echo(f"{count:>6} files {state}")
        speed = f", {report.size / 1e6:.1f} MB at {report.members()['mb_per_s']} MB/s" if report.size else ""
        click.echo(f"{report.seconds:.1f} s{speed}. {report.problem}".strip())
    return 0 if report.is_clean else 1


def _given_list(accessions: Path | None, patients: Path | None) -> Any:
    from radcommons.site.fetch_list import FetchList, read_list

    if not accessions and not patients:
        raise UsageError("Nothing says what to fetch.", mend="Give --accessions FILE or --patients FILE.")
    lists = [read_list(accessions, only="accession")] if accessions else []
    lists += [read_list(patients, only="patient_id")] if patients else []
    return FetchList(
        wanted=tuple(one for given in lists for one in given.wanted),
        problems=tuple(one for given in lists for one in given.problems),
    )


def _route(store: Store, options: dict[str, Any]) -> Any:
    from radcommons.site.receive_inbox import Route

    if options["code"] and options["code"] not in store.settings.sites:
        known = ", ".join(store.settings.sites)
        raise UsageError(f"The gateway has no site code '{options['code']}'.", mend=f"It has {known}.")
    return Route(site=options["code"] or "", protocol=options["protocol"] or "", profile=options["profile"] or "")


def _source(store: Store, options: dict[str, Any], stack: ExitStack) -> tuple[Path, Callable[[], Any], str]:
    """Return where half-received objects lie, what makes a connection, and the peer's name."""
    from radcommons.site.pacs import receive_into
    from radcommons.site.pacs_get import DimsePacs
    from radcommons.site.receive_inbox import parts_folder

    parts = stack.enter_context(parts_folder(store))
    receive_into(parts)
    source: str = options["source"]
    if source.startswith(("http://", "https://")):
        from radcommons.site.pacs_tls import client_context
        from radcommons.site.pacs_web import WebPacs, web_credentials

        credentials = web_credentials(options["credentials"])
        verify = client_context(store.settings) if source.startswith("https://") else True
        return parts, lambda: WebPacs.at(source, parts=parts, credentials=credentials, verify=verify), source
    peer = _peer(store, source, options)
    landing = _landing(peer.our_aet, options, store, stack) if options["retrieve"] != "get" else None
    return parts, lambda: DimsePacs(peer, landing, options["retrieve"] or ""), str(peer)


def _peer(store: Store, source: str, options: dict[str, Any]) -> Any:
    from radcommons.site.pacs import parse_peer
    from radcommons.site.pacs_tls import client_context

    tls = client_context(store.settings) if options["tls"] else None
    return parse_peer(source, our_aet=options["aet"] or store.settings.dimse_aet, tls=tls)


def _landing(aet: str, options: dict[str, Any], store: Store, stack: ExitStack) -> Any:
    """Open the port that C-MOVE delivers to, where one is asked for."""
    if options["listen"] is None:
        return None
    from radcommons.site.pacs_get import Landing
    from radcommons.site.pacs_land import land

    landing = Landing(aet)
    stack.enter_context(land(landing, host=options["listen_host"], port=options["listen"], settings=store.settings))
    return landing


@click.command(epilog="Example: radcommons site echo gateway PACS@10.0.0.7:104 --tls")
@DIRECTORY
@click.argument("peer")
@click.option("--aet", help="What we call ourselves; the settings' title by default.")
@click.option("--tls", is_flag=True, help="Speak DICOM TLS; certificates stand in site.toml.")
@JSON
def echo(directory: Path, peer: str, aet: str | None, tls: bool, as_json: bool) -> int:
    """Ask whether a PACS is there and knows us (C-ECHO)."""
    from radcommons.site.pacs import echo as verb
    from radcommons.site.start import note_echo

    with opened(directory) as store:
        answer = verb(replace(_peer(store, peer, {"aet": aet, "tls": tls})))
        note_echo(store, answer.peer)
    if as_json:
        show(asdict(answer))
    else:
        secure = " over TLS" if answer.is_encrypted else ""
        click.echo(f"{answer.peer} answers{secure} in {answer.seconds} s ({answer.implementation or 'unnamed'}).")
    return 0


def attach(group: click.Group) -> None:
    """Add the commands of this file to `radcommons site`."""
    group.add_command(fetch)
    group.add_command(echo)
