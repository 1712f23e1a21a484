"""`radcommons settings`: the settings in force and where each may come from."""

from __future__ import annotations

import re
from pathlib import Path

import click

from radcommons.cli.hub import DIRECTORY, JSON, open_settings, show
from radcommons.platform.settings import HubSettings

# A database or store may carry a password in its URL; a terminal's history is no place for it.
_PASSWORD = re.compile(r"(?<=://)([^:/@]*):[^@/]*@")


@click.command(epilog="Example: RADCOMMONS_ACCEPT=ask radcommons settings /srv/commons")
@DIRECTORY
@JSON
def settings(directory: Path, as_json: bool) -> None:
    """Print the settings in force for the hub in DIRECTORY: environment over radcommons.toml over defaults."""
    found = open_settings(directory)
    values = {name: _PASSWORD.sub(r"\1:***@", str(getattr(found, name))) for name in HubSettings.model_fields}
    effective = {"database": found.database, "jobs_database": found.jobs_database, "objects": found.objects}
    values |= {name: _PASSWORD.sub(r"\1:***@", value) for name, value in effective.items()}
    if as_json:
        show(values)
        return
    for name, value in values.items():
        field = HubSettings.model_fields.get(name)
        about = field.description if field else "In force."
        click.echo(f"{name:18} {value}\n{'':18} {about}")
