"""`radcommons site`, the corrections of life: corrected versions, merged and changed numbers, moved studies."""

from __future__ import annotations

import click


def attach(site: click.Group) -> None:
    """Give `radcommons site` the commands of this file."""
