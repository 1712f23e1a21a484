"""Set up: make a hub in a folder, with its key, its database, a dataset and the first administrator."""

from __future__ import annotations

import json
from dataclasses import dataclass

from radcommons.catalogue import sites
from radcommons.catalogue.accounts import create_account, has_accounts
from radcommons.catalogue.journal import record
from radcommons.catalogue.migrate import upgrade
from radcommons.catalogue.sites import DEFAULT_TERMS, Dataset
from radcommons.platform.database import writing
from radcommons.platform.durable import write_file
from radcommons.platform.identity import new_password
from radcommons.platform.keys import SigningKey
from radcommons.platform.ports import KEY_FILE, Platform
from radcommons.platform.settings import SETTINGS_FILE, HubSettings
from radcommons.records.errors import Conflict
from radcommons.records.event import Event, Role
from radcommons.records.terms import Tier


@dataclass(frozen=True, slots=True, kw_only=True)
class FirstSignIn:
    """The administrator's credentials; they are shown once and kept nowhere."""

    email: str
    password: str


def lay_out(settings: HubSettings) -> None:
    """Make a hub's folders, its key and its settings' file; what is there already stays."""
    folder = settings.directory
    for name in ("", "keys", "tmp", "policies/protocols", "policies/profiles"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    for name in ("", "keys"):
        (folder / name).chmod(0o700)
    SigningKey.load_or_create(folder / KEY_FILE)
    _write_settings(settings)


def set_up(platform: Platform, *, email: str, tier: Tier, steward: str, password: str | None = None) -> FirstSignIn:
    """Fill a hub that was laid out: schema, first dataset, administrator. Cut off, it goes on where it stopped.

    Raises
    ------
    Conflict
        If the hub has accounts already.
    """
    settings = platform.settings
    upgrade(platform.engine)
    with writing(platform.engine) as connection:
        if has_accounts(connection):
            raise Conflict("The folder holds a hub already.", mend="Serve it: `radcommons hub serve DIR`.")
        if sites.find_dataset(connection, settings.dataset) is None:
            title = settings.dataset.replace("-", " ").capitalize()
            dataset = Dataset(
                name=settings.dataset, title=title, tier=tier, steward=steward or settings.title, terms=DEFAULT_TERMS
            )
            sites.create_dataset(connection, dataset)
            details: dict[str, str | int | bool | None] = {"tier": tier}
            record(
                connection,
                Event(kind="dataset-created", actor="system", subject=f"dataset:{dataset.name}", details=details),
            )
    first = FirstSignIn(email=email, password=password or new_password())
    create_account(
        platform.engine,
        email=first.email,
        name="Administrator",
        password=first.password,
        roles=frozenset({Role.ADMINISTRATOR, Role.CURATOR}),
    )
    return first


def _write_settings(settings: HubSettings) -> None:
    """Write what was chosen here into the settings' file, unless a person has written one."""
    path = settings.directory / SETTINGS_FILE
    if path.exists():
        return
    chosen = {"title": settings.title, "dataset": settings.dataset, "base_url": settings.base_url}
    # A JSON string is a TOML basic string (TOML 1.0, section String).
    lines = [f"{name} = {json.dumps(value)}" for name, value in chosen.items() if value]
    write_file(path, ("\n".join(lines) + "\n").encode())
