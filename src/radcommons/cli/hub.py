"""`radcommons hub`: the coalition's server on the command line. Parses, calls one verb, prints."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from radcommons.platform.settings import HubSettings
from radcommons.records.errors import UsageError
from radcommons.records.event import Role
from radcommons.records.terms import Tier

DIRECTORY = click.argument("directory", type=click.Path(file_okay=False, path_type=Path))
JSON = click.option("--json", "as_json", is_flag=True, help="Print one JSON object, for programs.")
WHAT_IF = click.option("--what-if", is_flag=True, help="Say what would happen; nothing changes.")
_ROLES = click.Choice([role.value for role in Role])


def open_settings(directory: Path, **chosen: Any) -> HubSettings:
    """Return the settings of a hub's folder.

    Raises
    ------
    UsageError
        If a setting does not fit; its name is said, its value is not.
    """
    from pydantic import ValidationError

    given = {name: value for name, value in chosen.items() if value is not None}
    try:
        return HubSettings(directory=directory.resolve(), **given)
    except ValidationError as error:
        names = ", ".join(str(one["loc"][0]) for one in error.errors(include_input=False) if one["loc"])
        raise UsageError(f"These settings do not fit: {names}.", mend="See `radcommons settings DIR`.") from None


def show(members: dict[str, Any]) -> None:
    """Print one JSON object."""
    click.echo(json.dumps(members, indent=2, ensure_ascii=False))


@click.group()
def hub() -> None:
    """The coalition's server: receive, verify, curate, release."""


@hub.command(epilog="Example: radcommons hub init /srv/commons --title 'Imaging Commons' --dataset covid-chest")
@DIRECTORY
@click.option("--title", help="The coalition's name for its commons.")
@click.option("--dataset", help="Short name of the first dataset.  [default: covid-chest]")
@click.option("--tier", type=click.Choice([tier.value for tier in Tier]), default="open", show_default=True)
@click.option("--steward", default="", help="Who answers for the dataset; the title by default.")
@click.option("--base-url", help="Public address, as it stands in manifests.")
@click.option("--email", default="admin@localhost", show_default=True, help="The first administrator's address.")
@WHAT_IF
@JSON
def init(
    directory: Path, tier: str, steward: str, email: str, what_if: bool, as_json: bool, **chosen: str | None
) -> None:
    """Make a hub in DIRECTORY and print the administrator's first sign-in, once."""
    from radcommons.hub.setup import lay_out, set_up
    from radcommons.platform.ports import open_platform

    settings = open_settings(directory, **chosen)
    if what_if:
        click.echo(f"Would make a hub in {directory} with the {tier} dataset {settings.dataset}.")
        return
    lay_out(settings)
    first = set_up(open_platform(settings), email=email, tier=Tier(tier), steward=steward)
    if as_json:
        show({**asdict(first), "directory": str(directory), "dataset": settings.dataset, "url": settings.base_url})
        return
    click.echo(f"The hub is in {directory}; dataset {settings.dataset} ({tier}).")
    click.echo(f"First sign-in, shown once: {first.email}  {first.password}")
    click.echo(f"Next: radcommons hub serve {directory}")


@hub.command(epilog="Example: radcommons hub serve /srv/commons --port 8042")
@DIRECTORY
@click.option("--host", default="127.0.0.1", show_default=True)
@click.option("--port", default=8042, show_default=True, type=click.IntRange(1, 65535))
@click.option("--dimse-port", type=click.IntRange(1, 65535), help="Open a DICOM port as well: C-STORE, C-FIND, C-MOVE.")
@click.option("--dimse-host", help="Where the DICOM port listens; the address of --host by default.")
def serve(directory: Path, host: str, port: int, dimse_port: int | None, dimse_host: str | None) -> None:
    """Serve portal, API and DICOMweb until SIGTERM, and DICOM where a port is named."""
    import gc

    # What is loaded from here on stays; to look through it for garbage again and again costs a fifth of the start.
    gc.disable()
    from radcommons.platform.telemetry import configure_logging
    from radcommons.web.hub_app import hub_app
    from radcommons.web.serving import serve as serve_app

    settings = open_settings(directory)
    if not settings.base_url:
        settings = settings.model_copy(update={"base_url": f"http://{host}:{port}"})
    configure_logging(level=settings.log_level)
    app = hub_app(settings)
    peer = None
    if dimse_port is not None:
        from radcommons.web.hub_peer import bind

        peer = bind(settings, host=dimse_host or host, port=dimse_port, ports=lambda: app.state.platform)
    gc.freeze()
    gc.enable()

    def ready(url: str) -> None:
        if peer is not None:
            peer.start()
        click.echo(f"Listening on {url}")

    try:
        serve_app(app, host=host, port=port, on_ready=ready)
    finally:
        if peer is not None:
            peer.close()


@hub.command(epilog="Example: radcommons hub worker /srv/commons --name worker-1")
@DIRECTORY
@click.option("--name", default="worker-1", show_default=True, help="Names this worker over its restarts.")
def worker(directory: Path, name: str) -> None:
    """Run jobs alone, beside web processes that have run_jobs = false (PostgreSQL)."""
    import signal
    import threading

    from radcommons.hub.jobs import make_jobs
    from radcommons.platform.ports import open_platform
    from radcommons.platform.telemetry import configure_logging

    settings = open_settings(directory)
    configure_logging(level=settings.log_level)
    stopping = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopping.set())
    jobs = make_jobs(open_platform(settings), executor=name)
    jobs.start()
    click.echo(f"Working as {name}")
    stopping.wait()
    jobs.stop()


@hub.command(epilog="Example: radcommons hub token /srv/commons --role site --site ALFA")
@DIRECTORY
@click.option("--role", type=_ROLES, required=True)
@click.option("--site", help="Site code that the token speaks for, such as ALFA.")
@click.option("--direct", is_flag=True, help="Loads de-identified archives straight into one dataset.")
@click.option("--dataset", help="The direct token's dataset; the hub's own by default.")
@click.option("--name", default="", help="What the token is for.")
@click.option("--days", type=click.IntRange(1), help="It is over after so many days.")
@WHAT_IF
def token(
    directory: Path,
    role: str,
    site: str | None,
    direct: bool,
    dataset: str | None,
    name: str,
    days: int | None,
    what_if: bool,
) -> None:
    """Print one bearer token and nothing else; only its digest is kept."""
    import re

    from radcommons.catalogue.accounts import create_token
    from radcommons.platform.ports import open_platform
    from radcommons.records.identifiers import SITE_CODE_PATTERN

    if site is not None and not re.fullmatch(SITE_CODE_PATTERN, site):
        raise UsageError("The site code is malformed.", mend="Use 2 to 12 capital letters and digits, a letter first.")
    if dataset is not None and not direct:
        raise UsageError("Only a direct token is bound to a dataset.", mend="Add --direct.")
    settings = open_settings(directory)
    bound = (dataset or settings.dataset) if direct else None
    if what_if:
        click.echo(f"Would make a token of role {role}" + (f" for dataset {bound}." if bound else "."))
        return
    platform = open_platform(settings)
    click.echo(create_token(platform.engine, role=Role(role), name=name or role, site=site, dataset=bound, days=days))


@hub.command(
    epilog="Example: radcommons hub account /srv/commons --email c@hub.example --role curator --name 'C. Urator'"
)
@DIRECTORY
@click.option("--email", required=True)
@click.option("--role", "roles", type=_ROLES, required=True, multiple=True, help="May be given several times.")
@click.option("--name", required=True)
@click.option("--password-file", type=click.Path(dir_okay=False, exists=True, path_type=Path), help="Holds a password.")
@WHAT_IF
@JSON
def account(
    directory: Path,
    email: str,
    roles: tuple[str, ...],
    name: str,
    password_file: Path | None,
    what_if: bool,
    as_json: bool,
) -> None:
    """Make a local account; without a password file the password is made and printed once."""
    from radcommons.catalogue.accounts import create_account
    from radcommons.platform.identity import new_password
    from radcommons.platform.ports import open_platform

    given = password_file.read_text("utf-8").strip() if password_file else None
    if given is not None and len(given) < 12:
        raise UsageError("The password is shorter than 12 characters.", mend="Choose a longer one.")
    if what_if:
        click.echo(f"Would make an account with the roles {', '.join(roles)}.")
        return
    password = given or new_password()
    create_account(
        open_platform(open_settings(directory)).engine,
        email=email,
        name=name,
        password=password,
        roles=frozenset(map(Role, roles)),
    )
    if as_json:
        show({"email": email, "roles": list(roles)} | ({} if given else {"password": password}))
    else:
        click.echo(f"{email}" + ("" if given else f"  {password}"))


@hub.command(epilog="Example: radcommons hub check /srv/commons")
@DIRECTORY
@JSON
def check(directory: Path, as_json: bool) -> int:
    """Read every object again; compare database, audit chain, releases and feeds. Exit 1 when something is wrong."""
    from radcommons.hub.check import check as verb
    from radcommons.platform.ports import open_platform

    checked = verb(open_platform(open_settings(directory)))
    if as_json:
        show(asdict(checked))
    else:
        for fault in checked.faults:
            click.echo(f"{fault.kind:8} {fault.subject}  {fault.message}")
        click.echo(f"{checked.objects} objects, {checked.releases} releases, {len(checked.faults)} faults.")
    return 1 if checked.faults else 0


@hub.command(epilog="Example: radcommons hub rebuild /srv/commons --dataset covid-chest --what-if")
@DIRECTORY
@click.option("--dataset", required=True, help="Takes objects that no row of the database knows; nothing is released.")
@WHAT_IF
@JSON
def rebuild(directory: Path, dataset: str, what_if: bool, as_json: bool) -> int:
    """Write the index anew from the objects alone, after rows were lost or are doubted. Exit 1 when some are odd."""
    from radcommons.hub.rebuild import rebuild as verb
    from radcommons.platform.ports import open_platform

    settings = open_settings(directory)
    if what_if:
        click.echo(f"Would read every object of {directory} again; `radcommons hub check` tells which have no row.")
        return 0
    done = verb(
        open_platform(settings), dataset=dataset, progress=lambda seen: click.echo(f"{seen} objects read", err=True)
    )
    if as_json:
        show(asdict(done))
    else:
        for name in done.damaged:
            click.echo(f"damaged  {name}  The bytes are not those of the name; left alone.")
        for name in done.refused:
            click.echo(f"refused  {name}  Not added: no DICOM, withdrawn, or other bytes for a UID that is known.")
        click.echo(f"{done.read} instances written anew, {done.added} added to {dataset}.")
    return 1 if done.damaged or done.refused else 0


@hub.command(epilog="Example: radcommons hub backup /srv/commons /backup/commons.tar")
@DIRECTORY
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@WHAT_IF
def backup(directory: Path, file: Path, what_if: bool) -> None:
    """Write DIRECTORY's database, objects and keys into FILE, also while the hub runs (embedded default only)."""
    from radcommons.hub.backup import backup as verb

    settings = open_settings(directory)
    if what_if:
        click.echo(f"Would back up {settings.directory} into {file}.")
        return
    size = verb(settings, file.resolve())
    click.echo(f"Wrote {file} ({size:,} bytes). It holds the hub's private key: keep it as you keep keys.")


@hub.command(epilog="Example: radcommons hub restore /backup/commons.tar /srv/restored")
@click.argument("file", type=click.Path(dir_okay=False, exists=True, path_type=Path))
@DIRECTORY
@WHAT_IF
def restore(file: Path, directory: Path, what_if: bool) -> None:
    """Lay a backup out in DIRECTORY, which must be new or empty."""
    from radcommons.hub.backup import restore as verb

    if what_if:
        click.echo(f"Would restore {file} into {directory}.")
        return
    verb(file, directory.resolve())
    click.echo(f"Restored into {directory}. Next: radcommons hub check {directory}")
