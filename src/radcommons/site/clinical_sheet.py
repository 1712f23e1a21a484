"""Open a table of a hospital as rows of text: CSV in any charset, or an Excel workbook; what was guessed is told.

A workbook is a zip file of XML made by somebody else: its size is looked at before anything is unpacked, links to other
files are never followed, and of formulas only the last calculated value is taken.
"""

from __future__ import annotations

import csv
import io
import re
import warnings
import zipfile
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from typing import Any

from radcommons.records.errors import UsageError

MAX_TABLE_BYTES = 256 << 20
MAX_UNPACKED_BYTES = 1 << 30
MAX_PARTS = 2_000
MAX_ROWS = 1_000_000
MAX_COLUMNS = 2_000
_SEPARATORS = ",;\t|"
_OLE = b"\xd0\xcf\x11\xe0"
_BOMS = ((b"\xef\xbb\xbf", "utf-8-sig"), (b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16"))
CHARSETS = (
    "utf-8-sig",
    "utf-16",
    "utf-16-le",
    "utf-16-be",
    "cp1252",
    "cp1250",
    "cp1251",
    "cp1253",
    "cp1254",
    "shift_jis",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sheet:
    """A table as it was found.

    Parameters
    ----------
    rows : tuple of tuple of str
        Every row, the heading among them; cells are text as a person reads it, days as YYYY-MM-DD.
    charset, separator, name : str
        How it was read; `name` of the worksheet. Empty where it does not apply.
    names : tuple of str
        The worksheets that could be read instead.
    notes : tuple of str
        What was guessed or left out, as sentences without values of patients.
    merged_rows, formula_rows : frozenset of int
        Rows (from 1) with merged cells, and with formulas that have no calculated value.
    """

    rows: tuple[tuple[str, ...], ...]
    charset: str = ""
    separator: str = ""
    name: str = ""
    names: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    merged_rows: frozenset[int] = frozenset()
    formula_rows: frozenset[int] = frozenset()


def open_sheet(content: bytes, *, charset: str = "", separator: str = "", name: str = "") -> Sheet:
    """Return the rows of a table.

    Parameters
    ----------
    content : bytes
        A CSV file or an Excel workbook (.xlsx, .xlsm).
    charset, separator, name : str
        What a person said; empty looks for itself and notes what was guessed.

    Raises
    ------
    UsageError
        If it is neither, too large, or does not hold what a person said.

    Notes
    -----
    PHI: all of it; nothing of a cell stands in a note or an error.
    """
    if len(content) > MAX_TABLE_BYTES:
        raise UsageError("The clinical table is larger than 256 MiB.")
    if content.startswith(_OLE):
        raise UsageError("The table is an old or locked Excel file.", mend="Save it as .xlsx without a password.")
    if content.startswith(b"PK\x03\x04"):
        return _workbook(content, name)
    return _text_table(content, charset, separator)


# CSV


def _text_table(content: bytes, charset: str, separator: str) -> Sheet:
    notes: list[str] = []
    text, used = _decoded(content, charset, notes)
    if "\0" in text:
        raise UsageError("The clinical table is no CSV.", mend="Save it as CSV, UTF-8, or as .xlsx.")
    first, _, rest = text.partition("\n")
    said = re.fullmatch(r"sep=(.)\s*", first)
    if said:
        text, separator = rest, separator or said[1]
    chosen = separator or _separator(text)
    try:
        rows = tuple(tuple(row) for row in csv.reader(io.StringIO(text, newline=""), delimiter=chosen))
    except csv.Error:
        raise UsageError("The clinical table is no CSV.", mend="Save it as CSV, UTF-8.") from None
    if len(rows) > MAX_ROWS:
        raise UsageError("The clinical table has more than a million rows.")
    if said:
        rows = ((), *rows)  # rows keep the numbers that a person sees
    return Sheet(rows=rows, charset=used, separator=chosen, notes=tuple(notes))


def _decoded(content: bytes, charset: str, notes: list[str]) -> tuple[str, str]:
    if charset:
        try:
            return content.decode(charset), charset
        except (UnicodeDecodeError, LookupError):
            raise UsageError(f"The table is not written in {charset}.", mend="Choose another charset.") from None
    for mark, name in _BOMS:
        if content.startswith(mark):
            return _strictly(content, name), name
    zeros = content[:4096].count(0)
    if zeros > len(content[:4096]) // 5:
        name = "utf-16-le" if content[1:4096:2].count(0) > zeros // 2 else "utf-16-be"
        notes.append(f"It does not say its charset; it was read as {name}. Look at names and umlauts.")
        return _strictly(content, name), name
    try:
        return content.decode("utf-8"), "utf-8-sig"
    except UnicodeDecodeError:
        notes.append(
            "It is not UTF-8 and does not say its charset; it was read as Windows-1252 (cp1252). Check umlauts."
        )
        return _strictly(content, "cp1252"), "cp1252"


def _strictly(content: bytes, name: str) -> str:
    try:
        return content.decode(name)
    except UnicodeDecodeError:
        raise UsageError(
            f"The charset of the table is unknown; {name} it is not.", mend="Say the charset, or save it as UTF-8."
        ) from None


def _separator(text: str) -> str:
    """Return the separator that gives the most rows one and the same number of cells."""
    sample = text[:65536].splitlines()[:50]

    def fitness(separator: str) -> tuple[int, int]:
        try:
            widths = Counter(len(row) for row in csv.reader(sample, delimiter=separator) if len(row) > 1)
        except csv.Error:
            return (0, 0)
        if not widths:
            return (0, 0)
        width, rows = widths.most_common(1)[0]
        return (rows, width)

    return max(_SEPARATORS, key=fitness)


# Excel


def _workbook(content: bytes, wanted: str) -> Sheet:
    _check_package(content)
    from openpyxl import load_workbook

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the library's warnings may quote cells
            book = load_workbook(io.BytesIO(content), read_only=True, data_only=True, keep_links=False)
            try:
                return _sheet_of(book, content, wanted)
            finally:
                book.close()
    except UsageError:
        raise
    # A foreign parser over a foreign file: whatever it raises may quote a cell, so its kind alone is told.
    except Exception as error:
        raise UsageError(
            f"The Excel workbook cannot be read ({type(error).__name__}).", mend="Save the sheet as CSV, UTF-8."
        ) from None


def _check_package(content: bytes) -> None:
    """Refuse what would unpack to too much, or is no workbook, before any of it is unpacked."""
    try:
        package = zipfile.ZipFile(io.BytesIO(content))
    except zipfile.BadZipFile:
        raise UsageError("The Excel workbook is damaged.") from None
    with package:
        parts = package.infolist()
        if len(parts) > MAX_PARTS or sum(part.file_size for part in parts) > MAX_UNPACKED_BYTES:
            raise UsageError("The Excel workbook unpacks to more than 1 GiB.", mend="Save the one sheet as CSV, UTF-8.")
        if "xl/workbook.xml" not in {part.filename for part in parts}:
            raise UsageError("The file is a zip archive and no Excel workbook.", mend="Save it as .xlsx or CSV.")
        for part in parts:
            if part.filename.endswith((".xml", ".rels")):
                with package.open(part) as source:
                    # No program writes a document type into a workbook; it is where expanding entities are declared.
                    if b"<!DOCTYPE" in source.read(4096):
                        raise UsageError("The Excel workbook declares a document type; it is not read.")


def _sheet_of(book: Any, content: bytes, wanted: str) -> Sheet:
    notes: list[str] = []
    visible = [sheet for sheet in book.worksheets if sheet.sheet_state == "visible"]
    hidden = len(book.worksheets) - len(visible)
    if hidden:
        notes.append(f"{hidden} hidden sheet{'s were' if hidden > 1 else ' was'} not read.")
    if not visible:
        raise UsageError("The Excel workbook has no visible sheet.")
    chosen = next((sheet for sheet in visible if sheet.title == wanted), None)
    if wanted and chosen is None:
        raise UsageError("The workbook has no visible sheet of this name.")
    if chosen is None:
        tables = [sheet for sheet in visible if _has_rows(sheet)] or visible[:1]
        chosen = tables[0]
        if len(tables) > 1:
            notes.append(f"The workbook has {len(tables)} sheets with rows; the first of them was read.")
    rows = tuple(_rows(chosen))
    part = str(getattr(chosen, "_worksheet_path", "")).lstrip("/")
    merged, formulas = _oddities(content, part)
    without = frozenset(_uncalculated(content, chosen.title, rows)) if formulas else frozenset()
    if formulas:
        notes.append(f"{formulas} cells are formulas; their last calculated values were taken.")
    if merged:
        notes.append(f"Cells are merged in {len(merged)} rows; only the first of each has a value.")
    return Sheet(
        rows=rows,
        name=chosen.title,
        names=tuple(sheet.title for sheet in visible),
        notes=tuple(notes),
        merged_rows=merged,
        formula_rows=without,
    )


def _has_rows(sheet: Any) -> bool:
    found = 0
    for row in sheet.iter_rows(values_only=True, max_row=20):
        found += any(cell is not None for cell in row)
        if found > 1:
            return True
    return False


def _rows(sheet: Any) -> Iterator[tuple[str, ...]]:
    sheet.reset_dimensions()  # what the file says of its own size is often wrong
    for number, row in enumerate(sheet.iter_rows(values_only=True), start=1):
        if number > MAX_ROWS or len(row) > MAX_COLUMNS:
            raise UsageError("The sheet has more than a million rows or 2000 columns.")
        yield tuple(map(_text, row))


def _text(cell: Any) -> str:
    if cell is None:
        return ""
    if isinstance(cell, bool):
        return "true" if cell else "false"
    if isinstance(cell, datetime):
        return cell.date().isoformat() if cell.time() == time() else cell.isoformat(sep=" ", timespec="seconds")
    if isinstance(cell, date):
        return cell.isoformat()
    if isinstance(cell, float):
        return f"{cell:.0f}" if cell.is_integer() and abs(cell) < 1e15 else repr(cell)
    return str(cell)


_MERGED = re.compile(rb'<mergeCell ref="[A-Z]+(\d+):[A-Z]+(\d+)"')
_FORMULA = re.compile(rb"<f[ >/]")


def _oddities(content: bytes, part: str) -> tuple[frozenset[int], int]:
    """Return the rows with merged cells and the number of formulas, as the sheet's own XML has them."""
    with zipfile.ZipFile(io.BytesIO(content)) as package:
        if part not in package.namelist():
            return frozenset(), 0
        with package.open(part) as source:
            xml = source.read()
    rows: set[int] = set()
    for found in _MERGED.finditer(xml):
        first, last = int(found[1]), int(found[2])
        rows.update(range(first, min(last, first + 10_000) + 1))
    return frozenset(rows), len(_FORMULA.findall(xml))


def _uncalculated(content: bytes, title: str, rows: Sequence[Sequence[str]]) -> Iterator[int]:
    """Yield the rows in which a formula has no calculated value."""
    from openpyxl import load_workbook

    book = load_workbook(io.BytesIO(content), read_only=True, data_only=False, keep_links=False)
    try:
        for number, row in enumerate(book[title].iter_rows(values_only=True), start=1):
            known = rows[number - 1] if number <= len(rows) else ()
            for place, cell in enumerate(row):
                is_formula = isinstance(cell, str) and cell.startswith("=")
                if is_formula and not (place < len(known) and known[place]):
                    yield number
                    break
    finally:
        book.close()
