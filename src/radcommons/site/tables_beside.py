"""Find the CSV table that describes the images of a folder; one table is read once, not for each image."""

from __future__ import annotations

import os
from functools import lru_cache
from pathlib import Path

from radcommons.dicom.table_csv import ImageTable, read_table

_SUFFIXES = (".jpg", ".jpeg", ".jpe", ".png")
_TABLES = (".csv", ".tsv")


def table_beside(image: Path) -> ImageTable | None:
    """Return the table that names an image, from its folder or the one above; None where no table does."""
    for folder in (image.parent, image.parent.parent):
        for table in _tables(folder, image.parent, folder.stat().st_mtime_ns):
            if table.row_for(image.name) is not None:
                return table
    return None


@lru_cache(maxsize=8)
def _tables(folder: Path, images: Path, _changed: int) -> tuple[ImageTable, ...]:
    """Read the tables of a folder; the folder's time is part of the key, so that a new table is seen."""
    names = [name for name in os.listdir(images) if name.lower().endswith(_SUFFIXES)]  # noqa: PTH208
    found = []
    for path in sorted(folder.iterdir()):
        if path.name.lower().endswith(_TABLES) and path.is_file():
            with path.open("rb") as source:
                table = read_table(source, image_names=names)
            if table is not None:
                found.append(table)
    return tuple(found)
