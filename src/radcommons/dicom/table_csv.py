"""Read the table that lies beside a folder of images: which file is whose, seen from where.

Societies' collections name their columns as they like, so a column is known by a list of usual names; nothing is
guessed from values but which column holds the file names.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import BinaryIO

MAX_TABLE_BYTES = 64 << 20

# Usual headings, folded to lower case letters and digits; the first that a table has is taken.
_COLUMNS: Mapping[str, tuple[str, ...]] = {
    "file": ("file", "filename", "image", "imagename", "imagefile", "imagepath", "imageindex", "path", "filepath"),
    "patient": ("patient", "patientid", "subject", "subjectid", "participantid", "pid", "case", "caseid"),
    "view": ("view", "viewposition", "projection"),
    "modality": ("modality",),
    "sex": ("sex", "gender", "patientsex", "patientgender"),
    "age": ("age", "patientage", "ageyears"),
    "offset": ("offset", "day", "days", "followup", "timepoint", "studyday"),
    "date": ("date", "studydate", "acquisitiondate"),
    "study": ("study", "studyid", "exam", "examid"),
    "body_part": ("bodypart", "bodypartexamined", "anatomy"),
    "label": ("label", "class", "diagnosis"),
    "finding": ("finding", "findings", "findinglabels"),
}

_IMAGE_SUFFIXES = (".jpg", ".jpeg", ".jpe", ".png")


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageRow:
    """What a table says of one image; empty or None where it says nothing.

    Parameters
    ----------
    file : str
        The image's file name, without folders.
    patient, study : str
        The table's own identifiers.
    view, modality, sex, body_part : str
        As written in the table.
    age_years, offset_days : float, optional
    date : str
        As written in the table.
    label, finding : str
        What the collection says the image shows.
    """

    file: str
    patient: str = ""
    study: str = ""
    view: str = ""
    modality: str = ""
    sex: str = ""
    body_part: str = ""
    age_years: float | None = None
    offset_days: float | None = None
    date: str = ""
    label: str = ""
    finding: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageTable:
    """The rows of a table by file name, and the names that two rows give to different patients."""

    rows: Mapping[str, ImageRow] = field(default_factory=dict)
    contradicted: frozenset[str] = frozenset()

    def row_for(self, name: str) -> ImageRow | None:
        """Return the row of an image by its file name, with or without its suffix; None where there is no one row."""
        key = _key(name)
        if key in self.contradicted:
            return None
        return self.rows.get(key) or self.rows.get(_stem(key))


def read_table(source: BinaryIO, *, image_names: Collection[str]) -> ImageTable | None:
    """Read a CSV file if it is a table of the images beside it.

    Parameters
    ----------
    source : binary file
        UTF-8 with or without a mark, UTF-16 with one, or Latin-1; separated by comma, semicolon, tab or bar.
    image_names : collection of str
        Names of the images in reach of the table; its file column is the one that names most of them.

    Returns
    -------
    ImageTable or None
        None where no column names any of the images, or the file is larger than 64 MiB.

    Notes
    -----
    PHI: the rows name patients and stay at the site.
    """
    encoded = source.read(MAX_TABLE_BYTES + 1)
    if len(encoded) > MAX_TABLE_BYTES:
        return None
    text = _decoded(encoded)
    try:
        lines = list(csv.reader(io.StringIO(text, newline=""), delimiter=_separator(text)))
    except csv.Error:
        return None
    if len(lines) < 2:
        return None
    columns = _columns(lines[0])
    known = {_key(name) for name in image_names} | {_stem(_key(name)) for name in image_names}
    place = _file_column(lines, columns, known)
    return None if place is None else _table(lines[1:], {**columns, "file": place})


def _decoded(encoded: bytes) -> str:
    if encoded.startswith((b"\xff\xfe", b"\xfe\xff")):
        return encoded.decode("utf-16", errors="replace")
    try:
        return encoded.decode("utf-8-sig")
    except UnicodeDecodeError:
        return encoded.decode("latin-1")


def _separator(text: str) -> str:
    heading = text.split("\n", 1)[0]
    return max(",;\t|", key=heading.count)


def _columns(heading: list[str]) -> dict[str, int]:
    folded = [re.sub(r"[^a-z0-9]", "", name.lower()) for name in heading]
    found = {}
    for meaning, names in _COLUMNS.items():
        place = next((folded.index(name) for name in names if name in folded), None)
        if place is not None:
            found[meaning] = place
    return found


def _file_column(lines: list[list[str]], columns: Mapping[str, int], known: set[str]) -> int | None:
    """Return the column that names most images; the heading decides only between equals."""
    width = max(len(line) for line in lines[:100])
    hits = [sum(_key(line[place]) in known for line in lines[1:] if place < len(line)) for place in range(width)]
    best = max(hits, default=0)
    if best == 0:
        return None
    named = columns.get("file")
    return named if named is not None and hits[named] == best else hits.index(best)


def _table(lines: list[list[str]], columns: Mapping[str, int]) -> ImageTable:
    rows: dict[str, ImageRow] = {}
    contradicted = set()
    for line in lines:
        cells = {meaning: line[place].strip() for meaning, place in columns.items() if place < len(line)}
        key = _key(cells.get("file", ""))
        if not key:
            continue
        row = _row(cells)
        first = rows.setdefault(key, row)
        if first.patient != row.patient:
            contradicted.add(key)
    return ImageTable(rows=rows, contradicted=frozenset(contradicted))


def _row(cells: Mapping[str, str]) -> ImageRow:
    words = {name: cells.get(name, "") for name in _COLUMNS if name not in ("file", "age", "offset")}
    return ImageRow(
        file=_name(cells["file"]),
        age_years=_number(cells.get("age")),
        offset_days=_number(cells.get("offset")),
        **words,
    )


def _number(cell: str | None) -> float | None:
    """Return a cell's number (``70``, ``70.0``, ``070Y``, ``3,5``), None where it holds none."""
    found = re.fullmatch(r"(-?\d{1,6}(?:[.,]\d{1,6})?)\s*[yY]?", (cell or "").strip())
    return float(found[1].replace(",", ".")) if found else None


def _name(cell: str) -> str:
    return PurePosixPath(cell.strip().replace("\\", "/")).name


def _key(cell: str) -> str:
    return _name(cell).casefold()


def _stem(key: str) -> str:
    return key.rsplit(".", 1)[0] if key.endswith(_IMAGE_SUFFIXES) else key
