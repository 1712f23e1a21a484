"""Lay an object down in the store under its digest: whole and durable before anyone hears of it."""

from __future__ import annotations

import os
import secrets
from pathlib import Path
from typing import BinaryIO

from pydicom import dcmread
from pydicom.dataset import Dataset

from radcommons.dicom import quiet  # noqa: F401  (its import silences values in warnings)
from radcommons.dicom.read import Header
from radcommons.dicom.rewrite import Written, write_instance
from radcommons.platform.durable import fsync_directory
from radcommons.site.store import Store


def keep_object(store: Store, dataset: Dataset, *, header: Header, source: BinaryIO) -> Written:
    """Write a de-identified object and return its digest and size; one that lies there already stays.

    Parameters
    ----------
    store : Store
    dataset : Dataset
        The header to write.
    header : Header
        Transfer syntax and place of the pixels in `source`.
    source : binary file, seekable
    """
    beside = store.directory / "objects" / f".{secrets.token_hex(16)}.new"
    try:
        with beside.open("xb") as target:
            written = write_instance(dataset, header=header, source=source, target=target)
            target.flush()
            os.fsync(target.fileno())
        final = store.object_path(written.sha256)
        if not final.exists():
            final.parent.mkdir(exist_ok=True)
            beside.rename(final)
            fsync_directory(final.parent)
    finally:
        beside.unlink(missing_ok=True)
    return written


# Both are read whole to be compared; what is larger is left to a person.
_COMPARED_BYTES = 64 << 20


def is_same_dataset(one: Path, other: Path) -> bool:
    """Say whether two objects differ in their encoding alone, as an export and a fetch of one image do.

    Parameters
    ----------
    one, other : Path
        De-identified objects; where one is not there, is large or compressed, they are not called the same.
    """
    if not all(path.is_file() and path.stat().st_size <= _COMPARED_BYTES for path in (one, other)):
        return False
    first, second = dcmread(one), dcmread(other)
    if any(found.file_meta.TransferSyntaxUID.is_compressed for found in (first, second)):
        return False
    return bool(first == second)
