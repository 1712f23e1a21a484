"""Read the clinical table of a hospital: tolerant of headings and spellings, plain about what it did not understand.

Rows keep their dates inside the encrypted store; what leaves are days between a test and a study (`ClinicalRow`).
"""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import asdict, dataclass, field
from datetime import date
from pathlib import Path

from radcommons.records.clinical import OLDEST_AGE, ClinicalRow, PatientOutcome, Sex, TestMethod, TestResult
from radcommons.records.documents import canonical
from radcommons.records.errors import UsageError
from radcommons.site import clinical_values as values
from radcommons.site.clinical_map import CHOICES, DATES, Guess, TableMapping, guess, headings_of
from radcommons.site.clinical_sheet import Sheet, open_sheet

# The two digits of a test's year mean this century; of a birth they mean nothing.
_CENTURY = 2000


@dataclass(frozen=True, slots=True, kw_only=True)
class ClinicalEntry:
    """One line of the table as understood; None or empty where it says nothing."""

    age_years: float | None = None
    birth_date: str = ""
    sex: str = ""
    method: str = ""
    result: str = ""
    igm: str = ""
    test_date: str = ""
    icu: bool | None = None
    ventilation: bool | None = None
    outcome: str = ""
    codes: tuple[str, ...] = ()
    clinical_diagnosis: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RowProblem:
    """What was not understood, by row (as a spreadsheet numbers it) and column; never the value."""

    row: int
    column: str
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class UnknownWord:
    """A word that the table uses and nothing here knows: a person says once what it means. For the hospital's eyes."""

    meaning: str
    column: str
    word: str
    rows: tuple[int, ...]

    @property
    def choices(self) -> tuple[str, ...]:
        """What it can mean."""
        return CHOICES[self.meaning]


@dataclass(frozen=True, slots=True, kw_only=True)
class ClinicalTable:
    """The entries by patient identifier, and what was wrong.

    Parameters
    ----------
    columns : dict
        Heading by meaning.
    rows : dict
        Numbers of the rows by patient identifier.
    words : tuple of UnknownWord
    unordered : tuple of str
        Headings of dates that need to be told whether the day or the month comes first.
    notes : tuple of str
        What was guessed of the file as a whole.
    """

    patients: dict[str, tuple[ClinicalEntry, ...]]
    columns: dict[str, str]
    problems: tuple[RowProblem, ...] = ()
    rows: dict[str, tuple[int, ...]] = field(default_factory=dict)
    words: tuple[UnknownWord, ...] = ()
    unordered: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    mapping: TableMapping = field(default_factory=TableMapping)


@dataclass(slots=True)
class _Reader:
    heading: Sequence[str]
    places: dict[str, int]
    mapping: TableMapping
    day_first: dict[str, bool | None] = field(default_factory=dict)
    problems: list[RowProblem] = field(default_factory=list)
    words: defaultdict[tuple[str, str], list[int]] = field(default_factory=lambda: defaultdict(list))

    def tell(self, row: int, column: str, message: str) -> None:
        """Note what was wrong in a cell."""
        self.problems.append(RowProblem(row=row, column=self.heading[self.places[column]], message=message))


def read_clinical(path: Path, *, mapping: TableMapping | None = None, known_ids: Collection[str] = ()) -> ClinicalTable:
    """Read a clinical table from a file: CSV in any charset, or an Excel workbook.

    Parameters
    ----------
    path : Path
    mapping : TableMapping, optional
        How a person said that it is to be read; guessed without.
    known_ids : collection of str
        Patient numbers of the gateway, which tell the patient's column.

    Raises
    ------
    UsageError
        If the file is no table, or no column holds the patient identifier.

    Notes
    -----
    PHI: reads identifiers and dates; `problems` and `notes` name rows and columns, never values.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise UsageError(f"The clinical table cannot be read: {error.strerror}.") from None
    chosen = mapping or TableMapping()
    sheet = open_sheet(content, charset=chosen.charset, separator=chosen.separator, name=chosen.sheet)
    return understand(sheet, mapping or guess(sheet, known_ids=known_ids))


def understand(sheet: Sheet, how: TableMapping | Guess) -> ClinicalTable:
    """Return what a sheet says, read by a mapping.

    Raises
    ------
    UsageError
        If the mapping names no patient column, or a column that the sheet does not have.
    """
    mapping = how.mapping if isinstance(how, Guess) else how
    heading = headings_of(sheet, mapping)
    if "patient" not in mapping.columns or len(mapping.columns) < 2:
        raise UsageError(
            "The clinical table has no column that names the patient, or no other that is known.",
            mend="Name the columns, for example: patient_id, age, sex, test_method, test_result, test_date.",
        )
    if missing := [name for name in mapping.columns.values() if name not in heading]:
        raise UsageError(f"The clinical table does not have {len(missing)} of the columns that the mapping names.")
    reader = _Reader(heading, {name: heading.index(column) for name, column in mapping.columns.items()}, mapping)
    lines = [(number, line) for number, line in enumerate(sheet.rows, start=1) if number > mapping.heading_row]
    lines = [(number, line) for number, line in lines if any(cell.strip() for cell in line)]
    for column in DATES:
        shown = values.day_first(_cell(line, reader, column) for _, line in lines)
        reader.day_first[column] = mapping.day_first if shown is None else shown
    patients, rows = _entries(lines, reader, sheet)
    return ClinicalTable(
        patients={identifier: tuple(entries) for identifier, entries in patients.items()},
        columns=dict(mapping.columns),
        problems=tuple(sorted(reader.problems, key=lambda one: (one.row, one.column))),
        rows={identifier: tuple(numbers) for identifier, numbers in rows.items()},
        words=tuple(
            UnknownWord(meaning=meaning, column=mapping.columns[meaning], word=word, rows=tuple(numbers))
            for (meaning, word), numbers in reader.words.items()
        ),
        unordered=_unordered(lines, reader),
        notes=(*sheet.notes, *_doubled(heading, mapping), *_cleaned(lines, reader)),
        mapping=mapping,
    )


def _entries(
    lines: Sequence[tuple[int, Sequence[str]]], reader: _Reader, sheet: Sheet
) -> tuple[dict[str, list[ClinicalEntry]], dict[str, list[int]]]:
    patients: defaultdict[str, list[ClinicalEntry]] = defaultdict(list)
    rows: defaultdict[str, list[int]] = defaultdict(list)
    for number, line in lines:
        if number in sheet.merged_rows:
            reader.tell(number, "patient", "lies in merged cells; the row was not read")
            continue
        if number in sheet.formula_rows:
            reader.tell(number, "patient", "stands beside a formula that was never calculated; the row was not read")
            continue
        identifier = values.identifier(_cell(line, reader, "patient"))
        if not identifier or identifier.upper() in values.SHEET_ERRORS:
            reader.tell(number, "patient", "is empty" if not identifier else "is an error of the spreadsheet")
            continue
        entry = _entry(line, number, reader)
        for earlier in patients[identifier]:
            for word, column, at in (("sex", "sex", "sex"), ("date of birth", "birth", "birth_date")):
                told, now = getattr(earlier, at), getattr(entry, at)
                if told and now and told != now:
                    reader.tell(number, column, f"another row of the same patient says another {word}")
        patients[identifier].append(entry)
        rows[identifier].append(number)
    return patients, rows


def _unordered(lines: Sequence[tuple[int, Sequence[str]]], reader: _Reader) -> tuple[str, ...]:
    """Return the columns of dates whose order nobody told."""
    return tuple(
        reader.heading[reader.places[column]]
        for column in DATES
        if column in reader.places
        and reader.day_first[column] is None
        and any(values.is_unordered(_cell(line, reader, column)) for _, line in lines)
    )


def _doubled(heading: Sequence[str], mapping: TableMapping) -> list[str]:
    doubled = sum(heading.count(name) > 1 for name in mapping.columns.values())
    return [f"{doubled} headings stand over two columns; the first of each was read."] if doubled else []


def _cleaned(lines: Sequence[tuple[int, Sequence[str]]], reader: _Reader) -> list[str]:
    cells = [_cell(line, reader, "patient") for _, line in lines]
    floats = sum(bool(re.fullmatch(r"\d+\.0", cell)) for cell in cells)
    powers = sum(bool(re.fullmatch(r"\d(?:[.,]\d+)?[eE]\+?\d+", cell)) for cell in cells)
    notes = [f"{floats} patient numbers end in '.0', as a spreadsheet writes them; it was left out."] if floats else []
    if powers:
        notes.append(f"{powers} patient numbers are rounded by a spreadsheet (1.2E+09); their digits are lost.")
    return notes


def _cell(line: Sequence[str], reader: _Reader, column: str) -> str:
    place = reader.places.get(column)
    cell = line[place].replace("\u00a0", " ").strip() if place is not None and place < len(line) else ""
    return "" if cell.lower() in values.NOTHING and not _is_said(reader, column, cell) else cell


def _is_said(reader: _Reader, column: str, cell: str) -> bool:
    return cell.casefold() in reader.mapping.values.get(column, {})


def _entry(line: Sequence[str], number: int, reader: _Reader) -> ClinicalEntry:
    def understood(column: str, read: Callable[[str], object | None], expected: str) -> object | None:
        cell = _cell(line, reader, column)
        if not cell:
            return None
        said = reader.mapping.values.get(column, {}).get(cell.casefold())
        found = read(cell if said is None else said) if said != "" else None
        if found is None and said != "":
            if cell.upper() in values.SHEET_ERRORS:
                reader.tell(number, column, "is an error of the spreadsheet")
                return None
            reader.tell(number, column, f"is not understood: {expected}")
            if column in CHOICES:
                reader.words[column, cell.casefold()].append(number)
        return found

    def day(column: str) -> str:
        order = reader.day_first[column]
        since = _CENTURY if column == "test_date" else 0
        wanted = "write dates as YYYY-MM-DD"
        return str(understood(column, lambda cell: values.day(cell, order=order, since=since), wanted) or "")

    def flag(column: str) -> bool | None:
        found = understood(column, values.flag, "write yes or no")
        return found if isinstance(found, bool) else None

    wanted_result = "write positive, negative or indeterminate"
    age = understood("age", values.age, "write years from 0 to 130")
    pcr = str(understood("pcr", values.result, wanted_result) or "")
    method = str(understood("method", values.method, "write RT-PCR, antigen or IgM") or "")
    result = str(understood("result", values.result, wanted_result) or "")
    igm = str(understood("igm", values.result, wanted_result) or "")
    if method == values.IGM:
        method, igm, result = "", igm or result, ""
    return ClinicalEntry(
        age_years=age if isinstance(age, float) else None,
        birth_date=day("birth"),
        sex=str(understood("sex", values.sex_of, "write F, M or O") or ""),
        method=TestMethod.RT_PCR if pcr else method,
        result=pcr or result,
        igm=igm,
        test_date=day("test_date"),
        icu=flag("icu"),
        ventilation=flag("ventilation"),
        outcome=_outcome(line, reader, understood, flag),
        codes=tuple(code.upper() for code in re.split(r"[\s,;|]+", _cell(line, reader, "codes")) if code),
        clinical_diagnosis=flag("clinical_diagnosis"),
    )


def _outcome(
    line: Sequence[str],
    reader: _Reader,
    understood: Callable[[str, Callable[[str], object | None], str], object | None],
    flag: Callable[[str], bool | None],
) -> str:
    if _cell(line, reader, "outcome"):
        return str(understood("outcome", values.fate, "write alive or dead") or "")
    for column, when_true in (("death", PatientOutcome.DEAD), ("survival", PatientOutcome.ALIVE)):
        if (found := flag(column)) is not None:
            other = PatientOutcome.ALIVE if when_true is PatientOutcome.DEAD else PatientOutcome.DEAD
            return when_true if found else other
    return ""


def spelled(entries: Sequence[ClinicalEntry]) -> str:
    """Return entries as the store keeps them."""
    return json.dumps([asdict(entry) for entry in entries], sort_keys=True)


def parsed(text: str) -> tuple[ClinicalEntry, ...]:
    """Return the entries that the store kept."""
    return tuple(ClinicalEntry(**{**members, "codes": tuple(members["codes"])}) for members in json.loads(text))


def table_digest(table: ClinicalTable) -> bytes:
    """Return bytes that differ when the table's meaning does."""
    return canonical({identifier: spelled(entries) for identifier, entries in table.patients.items()})


def clinical_row(entries: Sequence[ClinicalEntry], *, pseudonym: str, study_uid: str, study_date: str) -> ClinicalRow:
    """Return what leaves the hospital of a patient: no identifier, no date.

    Parameters
    ----------
    entries : sequence of ClinicalEntry
        The patient's lines; the first positive test counts, else the first test.
    study_uid : str
        The mapped UID of the study that the days are counted to.
    study_date : str
        Its original date (DA) or empty.
    """
    tested = [entry for entry in entries if entry.result]
    test = next((entry for entry in tested if entry.result == TestResult.POSITIVE), (tested or list(entries))[0])
    age = next((age_of(entry, study_date) for entry in entries if age_of(entry, study_date) is not None), None)
    known = {"F": Sex.FEMALE, "M": Sex.MALE}
    return ClinicalRow(
        patient=pseudonym,
        study_instance_uid=study_uid or None,
        age_at_index=int(age) if age is not None and age < OLDEST_AGE + 1 else None,
        age_at_index_gt89=None if age is None else age >= OLDEST_AGE + 1,
        sex=next((known[entry.sex] for entry in entries if entry.sex in known), Sex.NOT_REPORTED),
        test_method=TestMethod(test.method or TestMethod.NOT_REPORTED),
        test_result=TestResult(test.result or TestResult.NOT_REPORTED),
        days_from_test_to_study=days_between(test.test_date, study_date),
        icu=_any(entry.icu for entry in entries),
        ventilation=_any(entry.ventilation for entry in entries),
        outcome=PatientOutcome(next((e.outcome for e in reversed(entries) if e.outcome), PatientOutcome.NOT_REPORTED)),
    )


def _any(flags: Iterable[bool | None]) -> bool | None:
    known = [flag for flag in flags if flag is not None]
    return any(known) if known else None


def age_of(entry: ClinicalEntry, study_date: str) -> float | None:
    """Return the age in years that an entry gives, at a study's date (DA) where it gives a birth date."""
    if entry.age_years is not None:
        return entry.age_years
    days = days_between(entry.birth_date, study_date)
    return None if days is None or days < 0 else days / 365.2425


def days_between(day: str, study_date: str) -> int | None:
    """Return the days from an ISO day to a DA date, None when one of them is none."""
    try:
        return (date.fromisoformat(study_date) - date.fromisoformat(day)).days
    except ValueError:
        return None
