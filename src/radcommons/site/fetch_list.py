"""Read the list of what a fetch asks for: accession numbers, patients with windows of dates, or both, row by row."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from radcommons.records.errors import UsageError
from radcommons.site.pacs_find import Wanted

MAX_LIST_BYTES = 64 << 20
_COLUMNS = {
    "accession": ("accession", "accessionnumber", "accessionno", "acc", "anforderungsnummer", "accessionnr"),
    "patient_id": ("patientid", "patient", "pid", "mrn", "patientenid", "patientnumber"),
    "issuer": ("issuer", "issuerofpatientid", "assigningauthority"),
    "date_from": ("from", "datefrom", "studydatefrom", "start", "von"),
    "date_to": ("to", "dateto", "studydateto", "until", "end", "bis"),
    "date": ("date", "studydate"),
}
# PS3.4 section C.2.2.2: in a query these mean other things than themselves.
_SPECIAL = re.compile(r"[*?\\]")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_LONGEST = {"accession": 16, "patient_id": 64, "issuer": 64}  # PS3.5 table 6.2-1: SH, LO


@dataclass(frozen=True, slots=True, kw_only=True)
class LineProblem:
    """What is wrong with a line of the list; it holds no value."""

    line: int
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FetchList:
    """The lines that can be asked for, and what is wrong with the others."""

    wanted: tuple[Wanted, ...]
    problems: tuple[LineProblem, ...]


def read_list(path: Path, *, only: str) -> FetchList:
    """Read a list of accession numbers or of patients; with a heading it may hold both.

    Parameters
    ----------
    path : Path
        Text with one value a line, or CSV with a heading (comma, semicolon or tab).
    only : str
        "accession" or "patient_id": what a list without a heading holds.

    Raises
    ------
    UsageError
        If it cannot be read or has no line.

    Notes
    -----
    PHI: reads identifiers; problems name lines, never values.
    """
    rows = _rows(path)
    places, body = _places(rows, only)
    wanted: dict[tuple[str, ...], Wanted] = {}
    problems = []
    for number, row in body:
        cells = {name: row[place].strip() if place < len(row) else "" for name, place in places.items()}
        if not any(cells.values()):
            continue
        found = _wanted(number, cells)
        if isinstance(found, LineProblem):
            problems.append(found)
            continue
        key = (found.accession, found.patient_id, found.issuer, found.date_from, found.date_to)
        if key in wanted:
            problems.append(LineProblem(line=number, message=f"repeats line {wanted[key].line}; asked for once."))
        else:
            wanted[key] = found
    if not wanted and not problems:
        raise UsageError(f"{path} has no line.", mend="Write one accession number or patient a line.")
    return FetchList(wanted=tuple(wanted.values()), problems=tuple(problems))


def _rows(path: Path) -> list[list[str]]:
    try:
        if path.stat().st_size > MAX_LIST_BYTES:
            raise UsageError(f"{path} is larger than 64 MiB.", mend="Split it.")
        encoded = path.read_bytes()
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror}.") from None
    try:
        text = encoded.decode("utf-16" if encoded[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig")
    except UnicodeDecodeError:
        text = encoded.decode("cp1252", "replace")
    first = text.split("\n", 1)[0]
    delimiter = max(";,\t", key=first.count)
    return list(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter))


def _places(rows: list[list[str]], only: str) -> tuple[dict[str, int], Sequence[tuple[int, list[str]]]]:
    """Return where each column stands and the rows below the heading; without a heading all rows are one column."""
    folded = [re.sub(r"[^a-z]", "", cell.lower()) for cell in rows[0]] if rows else []
    places = {
        meaning: folded.index(next(name for name in names if name in folded))
        for meaning, names in _COLUMNS.items()
        if any(name in folded for name in names)
    }
    if "accession" in places or "patient_id" in places:
        return places, list(enumerate(rows[1:], start=2))
    if any(len([cell for cell in row if cell.strip()]) > 1 for row in rows):
        raise UsageError(
            "The list has several columns and no heading that is understood.",
            mend="Name them: accession, patient_id, issuer, from, to.",
        )
    return {only: 0}, list(enumerate(rows, start=1))


def _wanted(line: int, cells: dict[str, str]) -> Wanted | LineProblem:
    for name, cell in cells.items():
        if _SPECIAL.search(cell) or _CONTROL.search(cell):
            return LineProblem(line=line, message=f"has a character in {name} that means something else in a query.")
        if len(cell) > _LONGEST.get(name, 64):
            return LineProblem(line=line, message=f"is longer in {name} than DICOM allows.")
    if not cells.get("accession") and not cells.get("patient_id"):
        return LineProblem(line=line, message="names neither an accession number nor a patient.")
    days = {}
    for name in ("date_from", "date_to"):
        given = cells.get(name) or cells.get("date", "")
        day = parsed_day(given) if given else ""
        if day is None:
            return LineProblem(line=line, message=f"has no date in {name}; write YYYY-MM-DD.")
        days[name] = day
    if days["date_from"] and days["date_to"] and days["date_from"] > days["date_to"]:
        return LineProblem(line=line, message="ends its window of dates before it begins.")
    members = {name: cells.get(name, "") for name in ("accession", "patient_id", "issuer")}
    return Wanted(line=line, **members, **days)


def parsed_day(cell: str) -> str | None:
    """Return a date as YYYYMMDD; None where it is none or could be two."""
    for pattern, order in (
        (r"(\d{4})-?(\d{2})-?(\d{2})", (0, 1, 2)),
        (r"(\d{1,2})\.(\d{1,2})\.(\d{4})", (2, 1, 0)),
    ):
        found = re.fullmatch(pattern, cell)
        if found:
            year, month, day = (int(found.groups()[place]) for place in order)
            try:
                return f"{date(year, month, day):%Y%m%d}"
            except ValueError:
                return None
    return None
