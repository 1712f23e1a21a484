"""What a DICOMDIR lists and the disk does not have (PS3.3 annex F)."""

from __future__ import annotations

from pathlib import Path

from pydicom.dataset import Dataset


def missing_references(path: Path, dataset: Dataset) -> tuple[str, ...]:
    """Return the files that the DICOMDIR at `path` lists and that are not there.

    Notes
    -----
    Names are compared in any case, because CDs are read by systems that change it. A reference that leads out of the
    folder is not followed.
    """
    listed: dict[str, tuple[str, ...]] = {}
    for record in dataset.get("DirectoryRecordSequence") or ():
        found = record.get("ReferencedFileID")
        if found:
            parts = (found,) if isinstance(found, str) else tuple(str(part) for part in found)
            if not any(part in ("..", ".", "") or "/" in part for part in parts):
                listed["/".join(parts)] = parts
    names: dict[Path, dict[str, str]] = {}
    return tuple(name for name, parts in listed.items() if not _is_there(path.parent, parts, names))


def _is_there(folder: Path, parts: tuple[str, ...], names: dict[Path, dict[str, str]]) -> bool:
    for part in parts:
        if folder not in names:
            try:
                names[folder] = {entry.name.casefold(): entry.name for entry in folder.iterdir()}
            except OSError:
                names[folder] = {}
        real = names[folder].get(part.casefold())
        if real is None:
            return False
        folder = folder / real
    return True
