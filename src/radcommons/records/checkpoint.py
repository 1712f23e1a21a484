"""A signed statement of the hub about its audit trail: so many lines there are, and this is the last one's hash."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

# The type in its envelope (DSSE).
PAYLOAD_TYPE = "application/vnd.radcommons.checkpoint.v1+json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkpoint:
    """The end of the trail at one moment.

    Parameters
    ----------
    number : int
        Counts the checkpoints from 1.
    sequence, hash : int, str
        Of the trail's last line.
    previous : str or None
        SHA-256 over the canonical bytes of the checkpoint before.
    at : str
        When it was made.
    """

    schema: Literal["radcommons/checkpoint/v1"] = "radcommons/checkpoint/v1"
    number: int
    sequence: int
    hash: str
    previous: str | None
    at: str
