"""Lay an object down in the store under its digest: whole and durable before anyone hears of it."""

from __future__ import annotations

import os
import secrets
from typing import BinaryIO

from pydicom.dataset import Dataset

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
