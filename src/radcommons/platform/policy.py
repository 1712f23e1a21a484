"""The selection protocols that are shipped, and those that a person keeps in a file."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

from radcommons.records.errors import UsageError
from radcommons.records.protocol import SelectionProtocol, parse_protocol


def shipped_protocols() -> dict[str, SelectionProtocol]:
    """Return the protocols inside the package by their id."""
    folder = files("radcommons.records") / "protocols"
    texts = (entry.read_text("utf-8") for entry in folder.iterdir() if entry.name.endswith(".yaml"))
    return {protocol.id: protocol for protocol in sorted(map(parse_protocol, texts), key=lambda one: one.id)}


def load_protocol(name_or_path: str) -> SelectionProtocol:
    """Return a shipped protocol by id, or the one in a file.

    Raises
    ------
    UsageError
        If there is neither (a broken file is a DocumentError).
    """
    shipped = shipped_protocols()
    if name_or_path in shipped:
        return shipped[name_or_path]
    path = Path(name_or_path)
    if not path.is_file():
        raise UsageError(
            f"There is no protocol '{name_or_path}'.", mend=f"Name a file, or one of: {', '.join(sorted(shipped))}."
        )
    return parse_protocol(path.read_text("utf-8"))
