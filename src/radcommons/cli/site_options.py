"""What every command of `radcommons site` shares: its folder, its switches, and how it prints."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click

from radcommons.records.errors import RadcommonsError
from radcommons.site.store import Store, open_store

DIRECTORY = click.argument("directory", type=click.Path(file_okay=False, path_type=Path))
JSON = click.option("--json", "as_json", is_flag=True, help="Print one JSON object, for programs.")
WHAT_IF = click.option("--what-if", is_flag=True, help="Say what would happen; nothing changes.")
SAMPLE = 20


@contextmanager
def opened(directory: Path) -> Iterator[Store]:
    """Yield the store of a gateway."""
    store = open_store(directory)
    try:
        yield store
    finally:
        store.close()


def show(members: dict[str, Any]) -> None:
    """Print one JSON object."""
    click.echo(json.dumps(members, indent=2, ensure_ascii=False))


def tell_hub(store: Store) -> str:
    """Send what withdrawals wait; return why the hub was not told, empty when it was."""
    from radcommons.site.hub import Hub
    from radcommons.site.submit import send_withdrawals

    try:
        with Hub.of(store.settings, token=store.token, tries=3) as hub:
            send_withdrawals(store, hub)
    except RadcommonsError as error:
        return str(error)
    return ""
