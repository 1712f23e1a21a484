"""What makes studies alike for a reviewer: the device, the descriptions, the layout, the private blocks.

Two objects of one look came out of one kind of device in one layout, so the same rules did the same to both. The look
is compared by what the original says, and shown by what leaves: the words on a page name nobody.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass

import sqlalchemy as sa
from pydicom.dataset import Dataset

from radcommons.dicom.read import read_header
from radcommons.platform.database import insert_new
from radcommons.records.errors import UnreadableInstance
from radcommons.site.repair import value_of
from radcommons.site.store import Store
from radcommons.site.tables_review import review_file, review_look

# Radiographs are cut to the exposed field, so that hardly two have the same matrix: their sides are taken in steps.
_CUT = frozenset({"CR", "DX", "DR", "RG", "XR", "MG", "PX", "IO"})
_STEP = 512
_DEVICE = ("Manufacturer", "ManufacturerModelName")
_WORDS = ("StudyDescription", "SeriesDescription")


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """What a group depends on.

    Parameters
    ----------
    digest : str
        Over the original's values; two looks are the same exactly if these are.
    device, study, series : str
        As they leave.
    modality, matrix, syntax : str
        *Modality*, rows and columns (in steps for radiographs), transfer syntax UID as it was sent.
    private : int
        How many private blocks the original has.
    """

    digest: str
    device: str
    study: str
    series: str
    modality: str
    matrix: str
    syntax: str
    private: int


def look_of(original: Dataset, fresh: Dataset, *, transfer_syntax: str) -> Look:
    """Return the look of an object.

    Parameters
    ----------
    original : Dataset
        Compared; nothing of it stands in the result but inside the digest.
    fresh : Dataset
        The same object as it leaves; shown.
    transfer_syntax : str
        Of the original.

    Notes
    -----
    PHI: reads it; the digest covers descriptions as the hospital wrote them, and never leaves the encrypted store.
    """
    modality = value_of(original, "Modality")[:16]
    matrix = _matrix(original, modality)
    creators = sorted(_creators(original))
    compared = [[value_of(original, name) for name in (*_DEVICE, *_WORDS)], modality, matrix, transfer_syntax, creators]
    spelled = json.dumps(compared, ensure_ascii=True).encode()
    return Look(
        digest=hashlib.sha256(spelled).hexdigest(),
        device=" ".join(dict.fromkeys(filter(None, (value_of(fresh, name) for name in _DEVICE))))[:120],
        study=value_of(fresh, "StudyDescription")[:120],
        series=value_of(fresh, "SeriesDescription")[:120],
        modality=modality,
        matrix=matrix,
        syntax=transfer_syntax,
        private=len(creators),
    )


def _matrix(dataset: Dataset, modality: str) -> str:
    sides = [value_of(dataset, name) for name in ("Rows", "Columns")]
    if not all(side.isdecimal() for side in sides):
        return ""
    rows, columns = map(int, sides)
    if modality in _CUT:
        return f"up to {-(-rows // _STEP) * _STEP} × {-(-columns // _STEP) * _STEP}"
    return f"{rows} × {columns}"


def _creators(dataset: Dataset) -> Iterable[str]:
    """Yield the private creators (PS3.5 section 7.8.1), which no dictionary has to know."""
    for tag in dataset.keys():  # noqa: SIM118  (iterating a data set converts every element)
        if tag.is_private and 0x10 <= tag.element <= 0xFF:
            try:
                yield f"{tag.group:04X} {str(dataset[tag].value).strip()}"
            except (ValueError, TypeError, KeyError, AttributeError, NotImplementedError):
                yield f"{tag.group:04X}"


def write_look(connection: sa.Connection, number: int, look: Look) -> None:
    """Keep the look of a file."""
    known = sa.select(review_look.c.id).where(review_look.c.digest == look.digest)
    found = connection.execute(known).scalar_one_or_none()
    if found is None:
        members = {name: member for name, member in asdict(look).items() if name != "digest"}
        insert_new(connection, review_look, [{"digest": look.digest, "shown": json.dumps(members)}])
        found = connection.execute(known).scalar_one()
    connection.execute(review_file.delete().where(review_file.c.file == number))
    connection.execute(review_file.insert().values(file=number, look=found))


def look_of_object(store: Store, digest: str) -> Look:
    """Return the look of an object that was added before looks were kept: by what leaves alone."""
    path = store.object_path(digest)
    try:
        with path.open("rb") as source:
            header = read_header(source)
    except (OSError, UnreadableInstance):
        return look_of(Dataset(), Dataset(), transfer_syntax="")
    return look_of(header.dataset, header.dataset, transfer_syntax=header.transfer_syntax)


def look_of_row(digest: str, shown: str) -> Look:
    """Return a look as the store keeps it."""
    return Look(digest=digest, **json.loads(shown))
