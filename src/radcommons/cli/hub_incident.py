"""`radcommons hub incident`: seal, list, purge, reopen on the hub's own machine. Parses, calls one verb, prints."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from radcommons.cli.hub import DIRECTORY, JSON, WHAT_IF, open_settings, show
from radcommons.records.errors import UsageError
from radcommons.records.event import OPERATOR


@click.command(epilog="Example: radcommons hub incident /srv/commons --study 2.25.71 --reason 'a name on the film'")
@DIRECTORY
@click.option("--patient", "patients", multiple=True, help="Pseudonym to seal; may be given several times.")
@click.option("--study", "studies", multiple=True, help="Study Instance UID to seal.")
@click.option("--digest", "digests", multiple=True, help="SHA-256 of an instance to seal.")
@click.option("--reason", default="", help="How it was noticed; never what was seen.")
@click.option("--show", "shown", metavar="ID", help="Show an incident with every copy and every download.")
@click.option("--purge", metavar="ID", help="Withdraw what an incident sealed, for good.")
@click.option("--reopen", metavar="ID", help="Undo the sealing of a false alarm.")
@WHAT_IF
@JSON
def incident(
    directory: Path,
    patients: tuple[str, ...],
    studies: tuple[str, ...],
    digests: tuple[str, ...],
    reason: str,
    shown: str | None,
    purge: str | None,
    reopen: str | None,
    what_if: bool,
    as_json: bool,
) -> None:
    """Seal what may tell who a patient is, at once; then list, purge or reopen. Without options: list the incidents.

    Nothing that is sealed is served any more, by any process of the hub.
    """
    from radcommons.hub import incident as verbs
    from radcommons.platform.ports import open_platform

    named = {"patients": patients, "studies": studies, "digests": digests}
    given = [one for one in (shown, purge, reopen) if one]
    if len(given) + bool(patients or studies or digests) > 1:
        raise UsageError("That is more than one thing at once.", mend="Seal, or name one incident.")
    platform = open_platform(open_settings(directory))
    if any(named.values()) and what_if:
        count = verbs.preview(**named, platform=platform)
        show({"instances": count, "what_if": True}) if as_json else click.echo(f"Would seal {count:,} instances.")
        return
    if what_if and given:  # what would be purged or come back is what it shows
        shown, purge, reopen = given[0], None, None
    if any(named.values()):
        found = verbs.seal(**named, reason=reason, platform=platform, actor=OPERATOR)
    elif purge:
        found = verbs.purge_incident(purge, platform=platform, actor=OPERATOR)
    elif reopen:
        found = verbs.reopen(reopen, platform=platform, actor=OPERATOR)
    elif shown:
        _show(shown, platform, as_json=as_json)
        return
    else:
        _list(platform, as_json=as_json)
        return
    _tell(found, as_json=as_json)


def _tell(found: Any, *, as_json: bool) -> None:
    if as_json:
        show(asdict(found))
    else:
        click.echo(f"Incident {found.id}: {found.state}, {found.instances:,} instances.")


def _list(platform: Any, *, as_json: bool) -> None:
    from radcommons.catalogue import incidents
    from radcommons.platform.database import reading

    with reading(platform.engine) as connection:
        found = incidents.listed(connection)
    if as_json:
        show({"incidents": [asdict(one) for one in found]})
        return
    for one in found:
        click.echo(f"{one.id}  {one.state:9} {one.opened_at[:10]} {one.instances:>8,} instances")
    if not found:
        click.echo("No incident.")


def _show(identifier: str, platform: Any, *, as_json: bool) -> None:
    from radcommons.catalogue import incidents
    from radcommons.hub.incident import copies
    from radcommons.platform.database import reading

    with reading(platform.engine) as connection:
        one = incidents.get(connection, identifier)
    found = copies(identifier, platform=platform)
    if as_json:
        show({**asdict(one), "copies": asdict(found)})
        return
    _tell(one, as_json=False)
    for place in found.places:
        click.echo(f"  {place.count or '-':>8}  {place.name}: {place.fate}.")
    for taken in found.downloads:
        when = f"{taken.first} to {taken.last}" if taken.first != taken.last else taken.first
        click.echo(f"  {taken.instances:>8,}  downloaded by {taken.actor} of {taken.release}, {when}")
