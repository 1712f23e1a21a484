"""A disk that fills up, for tests of what a full disk does."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class SmallDisk:
    """A file system in memory, mounted at `path`."""

    path: Path

    def grow(self, size: str) -> None:
        """Make room, as an operator does who adds a disk."""
        subprocess.run(["mount", "-o", f"remount,size={size}", str(self.path)], check=True)
