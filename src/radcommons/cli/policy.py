"""`radcommons protocol` and `radcommons profile`: the policies, readable."""

from __future__ import annotations

import json
from pathlib import Path

import click

from radcommons.dicom.profile import load_option, load_profile, shipped_options, shipped_profiles
from radcommons.platform.policy import load_protocol, shipped_protocols
from radcommons.records.protocol import parse_protocol


@click.group()
def protocol() -> None:
    """Selection protocols: who and what is taken."""


@protocol.command("list", epilog="Example: radcommons protocol list")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def list_protocols(as_json: bool) -> None:
    """List the shipped protocols."""
    rows = [
        {"id": p.id, "version": p.version, "title": p.title, "digest": p.digest} for p in shipped_protocols().values()
    ]
    if as_json:
        click.echo(json.dumps(rows, indent=2))
        return
    for row in rows:
        click.echo(f"{row['id']:16} version {row['version']:6} {row['title']}  ({row['digest'][:12]})")


@protocol.command("show", epilog="Example: radcommons protocol show ricord")
@click.argument("name")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def show_protocol(name: str, as_json: bool) -> None:
    """Print a shipped protocol, or one in a file."""
    found = load_protocol(name)
    if as_json:
        click.echo(json.dumps({"id": found.id, "version": found.version, "digest": found.digest}))
        return
    click.echo("\n".join(found.describe()))
    click.echo(f"Digest: {found.digest}")


@protocol.command("check", epilog="Example: radcommons protocol check our-protocol.yaml")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
def check_protocol(file: Path) -> None:
    """Check a protocol file and say what it means."""
    found = parse_protocol(file.read_text("utf-8"))
    click.echo("\n".join(found.describe()))
    click.echo(f"The file is a valid protocol. Digest: {found.digest}")


@click.group()
def profile() -> None:
    """De-identification profiles: what is removed, replaced and kept."""


@profile.command("list", epilog="Example: radcommons profile list")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def list_profiles(as_json: bool) -> None:
    """List the shipped profiles, and the single options that a profile may extend."""
    profiles = [load_profile(name) for name in shipped_profiles()]
    if as_json:
        rows = [{"id": p.id, "version": p.version, "title": p.title, "digest": p.digest} for p in profiles]
        options = [{"id": name, "code": load_option(name)[0]} for name in shipped_options()]
        click.echo(json.dumps({"profiles": rows, "options": options}, indent=2))
        return
    for found in profiles:
        click.echo(f"{found.id:22} version {found.version:6} {found.title}  ({found.digest[:12]})")
    click.echo("Options to extend or to join by a plus sign:")
    for name in shipped_options():
        code, title = load_option(name)
        click.echo(f"{name:32} {code}  {title}")


@profile.command("show", epilog="Example: radcommons profile show radcommons")
@click.argument("name")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def show_profile(name: str, as_json: bool) -> None:
    """Print a profile whole: a shipped one, one in a file, or several joined by plus signs."""
    found = load_profile(name)
    if as_json:
        about = {"id": found.id, "version": found.version, "digest": found.digest, "codes": found.codes}
        click.echo(json.dumps(about | {"meaning": found.file.as_dict()}, indent=2))
        return
    click.echo("\n".join(found.describe()))
    click.echo(f"Digest: {found.digest}")


@profile.command("check", epilog="Example: radcommons profile check our-profile.yaml")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
def check_profile(file: Path) -> None:
    """Check a profile file, with what it extends, and say what it means."""
    found = load_profile(file)
    click.echo("\n".join(found.describe()))
    click.echo(f"The file is a valid profile. Digest: {found.digest}")


@profile.command("conformance", epilog="Example: radcommons profile conformance")
def show_conformance() -> None:
    """Print the de-identifier's conformance statement."""
    from radcommons.dicom.profile_statement import statement  # the tables of all objects, which nothing else here needs

    click.echo("\n".join(statement()))
