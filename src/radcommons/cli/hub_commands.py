"""`radcommons hub` with all its commands: what serves and keeps the hub, and what answers an identity incident."""

from __future__ import annotations

from radcommons.cli.hub import hub
from radcommons.cli.hub_incident import incident

hub.add_command(incident)

__all__ = ["hub"]
