"""What the verbs of a hub work with, in one value: database, objects, key and settings."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import sqlalchemy as sa

from radcommons.platform.database import make_engine
from radcommons.platform.keys import SigningKey
from radcommons.platform.objects import Objects, open_objects
from radcommons.platform.settings import HubSettings
from radcommons.records.errors import UsageError

KEY_FILE = Path("keys") / "hub.key"


def _nobody() -> None:
    """Wake nobody: the relay looks by itself every fifth of a second."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Platform:
    """The ports of a hub.

    Parameters
    ----------
    settings : HubSettings
    engine : sqlalchemy.Engine
    objects : Objects
    signing_key : SigningKey
        Signs receipts, manifests and feed entries.
    wake_jobs : callable
        Called after a commit that left a job in the outbox; never needed for correctness.
    """

    settings: HubSettings
    engine: sa.Engine
    objects: Objects
    signing_key: SigningKey
    wake_jobs: Callable[[], None] = _nobody

    @property
    def temporary(self) -> Path:
        """Folder of bytes in arrival, on the file system of the embedded object store."""
        return self.settings.directory / "tmp"

    @property
    def policies(self) -> Path:
        """Folder of protocol and profile files that this hub accepts besides the shipped ones."""
        return self.settings.directory / "policies"


def open_platform(settings: HubSettings) -> Platform:
    """Return the ports that the settings name.

    Raises
    ------
    UsageError
        If the folder is no hub's.
    """
    key = settings.directory / KEY_FILE
    if not key.exists():
        raise UsageError(
            "This folder holds no hub: its key is missing.", mend="Make one with `radcommons hub init DIR`."
        )
    (settings.directory / "tmp").mkdir(exist_ok=True)
    return Platform(
        settings=settings,
        engine=make_engine(settings.database),
        objects=open_objects(settings.objects, public_endpoint=settings.download_endpoint),
        signing_key=SigningKey.load(key),
    )
