"""Read the clinical table of a hospital: tolerant of headings and spellings, plain about what it did not understand.

Rows keep their dates inside the encrypted store; what leaves are days between a test and a study (`ClinicalRow`).
"""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass, field
from datetime import date
from pathlib import Path

from radcommons.records.clinical import OLDEST_AGE, ClinicalRow, PatientOutcome, Sex, TestMethod, TestResult
from radcommons.records.documents import canonical
from radcommons.records.errors import UsageError

MAX_TABLE_BYTES = 256 << 20
# A phrase for the protocol's IgM criterion; MIDRC's own list of methods has no antibodies.
IGM = "IgM"

# Usual headings, folded to lower-case letters and digits: MIDRC and NCCID names, and what people write.
_COLUMNS: dict[str, tuple[str, ...]] = {
    "patient": ("patientid", "patient", "mrn", "subjectid", "subject", "submitterid", "caseid", "case", "pid", "id"),
    "age": ("age", "ageatindex", "ageyears", "patientage"),
    "birth": ("birthdate", "dateofbirth", "dob", "patientbirthdate"),
    "sex": ("sex", "gender", "patientsex"),
    "method": ("testmethod", "method", "testtype", "testname"),
    "result": ("testresult", "testresulttext", "result", "finalcovidstatus", "covidstatus", "covid19positive"),
    "pcr": ("rtpcr", "pcr", "rtpcrresult", "pcrresult", "1strtpcrresult"),
    "igm": ("igm", "igmresult", "igmpositive"),
    "test_date": ("testdate", "dateoftest", "swabdate", "dateofpositivecovidswab", "pcrdate"),
    "icu": ("icu", "icuadmission", "ituadmission", "icuindicator", "wenticu", "inicu"),
    "ventilation": ("ventilation", "ventilated", "ventilatorindicator", "intubated", "intubation"),
    "outcome": ("outcome", "patientoutcome", "vitalstatus", "dischargestatus"),
    "death": ("death", "died", "deceased"),
    "survival": ("survival", "survived", "alive"),
    "codes": ("diagnosiscode", "diagnosiscodes", "icd10", "icd10cm", "icd10code", "icd10codes", "diagnoses"),
    "clinical_diagnosis": ("clinicaldiagnosis", "clinicallydiagnosed", "coviddiagnosis"),
}
_SEXES = {
    **dict.fromkeys(("f", "female", "w", "weiblich", "femme", "mujer", "femmina"), "F"),
    **dict.fromkeys(("m", "male", "mann", "maennlich", "männlich", "homme", "hombre", "maschio"), "M"),
    **dict.fromkeys(("o", "other", "d", "divers", "diverse"), "O"),
}
_YES = frozenset(["1", "y", "yes", "true", "t", "ja", "j", "si", "sí", "s", "oui", "positive"])
_NO = frozenset(["0", "n", "no", "false", "f", "nein", "non", "negative"])
_NOTHING = frozenset(("", "na", "n/a", "nan", "none", "null", "unknown", "not reported", "-", "?", "."))


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
    """What was not understood, by row (1 is the heading) and column; never the value."""

    row: int
    column: str
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ClinicalTable:
    """The entries by patient identifier, and what was wrong."""

    patients: dict[str, tuple[ClinicalEntry, ...]]
    columns: dict[str, str]
    problems: tuple[RowProblem, ...] = ()


@dataclass(slots=True)
class _Reader:
    heading: Sequence[str]
    places: dict[str, int]
    day_first: dict[str, bool | None] = field(default_factory=dict)
    problems: list[RowProblem] = field(default_factory=list)


def read_clinical(path: Path) -> ClinicalTable:
    """Read a clinical table: CSV, comma, semicolon or tab, any usual headings.

    Raises
    ------
    UsageError
        If the file is no table, or no column holds the patient identifier.

    Notes
    -----
    PHI: reads identifiers and dates; `problems` names rows and columns, never values.
    """
    lines = _lines(path)
    heading = lines[0] if lines else []
    folded = [re.sub(r"[^a-z0-9]", "", name.lower()) for name in heading]
    places = {
        meaning: folded.index(next(name for name in names if name in folded))
        for meaning, names in _COLUMNS.items()
        if any(name in folded for name in names)
    }
    if "patient" not in places or len(places) < 2:
        raise UsageError(
            "The clinical table has no column that names the patient, or no other that is known.",
            mend="Name the columns, for example: patient_id, age, sex, test_method, test_result, test_date.",
        )
    reader = _Reader(heading, places)
    for column in ("birth", "test_date"):
        reader.day_first[column] = _day_first(_cell(line, reader, column) for line in lines[1:])
    patients: dict[str, list[ClinicalEntry]] = {}
    for number, line in enumerate(lines[1:], start=2):
        if not any(cell.strip() for cell in line):
            continue
        identifier = _cell(line, reader, "patient")
        if identifier:
            patients.setdefault(identifier, []).append(_entry(line, number, reader))
        else:
            reader.problems.append(RowProblem(row=number, column=heading[places["patient"]], message="is empty"))
    return ClinicalTable(
        patients={identifier: tuple(entries) for identifier, entries in patients.items()},
        columns={meaning: heading[place] for meaning, place in places.items()},
        problems=tuple(reader.problems),
    )


def _lines(path: Path) -> list[list[str]]:
    try:
        if path.stat().st_size > MAX_TABLE_BYTES:
            raise UsageError("The clinical table is larger than 256 MiB.")
        encoded = path.read_bytes()
    except OSError as error:
        raise UsageError(f"The clinical table cannot be read: {error.strerror}.") from None
    try:
        text = encoded.decode("utf-16" if encoded[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig")
    except UnicodeDecodeError:
        text = encoded.decode("latin-1")
    heading = text.split("\n", 1)[0]
    try:
        return list(csv.reader(io.StringIO(text, newline=""), delimiter=max(",;\t", key=heading.count)))
    except csv.Error:
        raise UsageError("The clinical table is no CSV.", mend="Save it as CSV, UTF-8.") from None


def _cell(line: Sequence[str], reader: _Reader, column: str) -> str:
    place = reader.places.get(column)
    cell = line[place].strip() if place is not None and place < len(line) else ""
    return "" if cell.lower() in _NOTHING else cell


def _entry(line: Sequence[str], number: int, reader: _Reader) -> ClinicalEntry:
    def understood(column: str, read: Callable[[str], object | None], expected: str) -> object | None:
        cell = _cell(line, reader, column)
        if not cell:
            return None
        found = read(cell)
        if found is None:
            name = reader.heading[reader.places[column]]
            reader.problems.append(RowProblem(row=number, column=name, message=f"is not understood: {expected}"))
        return found

    def day(column: str) -> str:
        wanted = "write dates as YYYY-MM-DD"
        return str(understood(column, lambda cell: _date(cell, day_first=reader.day_first[column]), wanted) or "")

    def flag(column: str) -> bool | None:
        found = understood(column, _flag, "write yes or no")
        return found if isinstance(found, bool) else None

    age = understood("age", _age, "write years from 0 to 130")
    pcr = str(understood("pcr", _result, "write positive, negative or indeterminate") or "")
    method = str(understood("method", _method, "write RT-PCR, antigen or IgM") or "")
    result = str(understood("result", _result, "write positive, negative or indeterminate") or "")
    igm = str(understood("igm", _result, "write positive, negative or indeterminate") or "")
    if method == IGM:
        method, igm, result = "", igm or result, ""
    return ClinicalEntry(
        age_years=age if isinstance(age, float) else None,
        birth_date=day("birth"),
        sex=str(understood("sex", lambda cell: _SEXES.get(cell.lower()), "write F, M or O") or ""),
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
        return str(understood("outcome", _fate, "write alive or dead") or "")
    for column, when_true in (("death", PatientOutcome.DEAD), ("survival", PatientOutcome.ALIVE)):
        if (found := flag(column)) is not None:
            other = PatientOutcome.ALIVE if when_true is PatientOutcome.DEAD else PatientOutcome.DEAD
            return when_true if found else other
    return ""


def _flag(cell: str) -> bool | None:
    word = cell.lower()
    return True if word in _YES else False if word in _NO else None


def _age(cell: str) -> float | None:
    found = re.fullmatch(r"(\d{1,3}(?:[.,]\d{1,4})?)\s*[yY]?", cell)
    years = float(found[1].replace(",", ".")) if found else None
    return years if years is not None and years <= 130 else None


def _method(cell: str) -> str | None:
    word = cell.lower()
    for mark, method in (("pcr", TestMethod.RT_PCR), ("antigen", TestMethod.RAPID_ANTIGEN), ("igm", IGM)):
        if mark in word:
            return method
    return None


def _result(cell: str) -> str | None:
    word = cell.lower()
    if word in ("1", "yes", "y", "true") or word.startswith("pos"):
        return TestResult.POSITIVE
    if word in ("0", "no", "n", "false") or word.startswith("neg") or "not detected" in word:
        return TestResult.NEGATIVE
    if word.startswith(("indet", "incon", "equiv")):
        return TestResult.INDETERMINATE
    return TestResult.POSITIVE if re.search(r"\bdetected\b", word) else None


def _fate(cell: str) -> str | None:
    word = cell.lower()
    if word.startswith(("dead", "died", "death", "deceased", "expired")):
        return PatientOutcome.DEAD
    alive = ("alive", "surviv", "discharg", "recover", "home", "hospital", "transfer")
    return PatientOutcome.ALIVE if word.startswith(alive) else None


_ISO = re.compile(r"(\d{4})[-./]?(\d{2})[-./]?(\d{2})(?:[T ].*)?")
_OTHER = re.compile(r"(\d{1,2})([-./])(\d{1,2})[-./](\d{4})(?: .*)?")


def _day_first(cells: Iterable[str]) -> bool | None:
    """Tell the order of day and month from a whole column; None when it does not show or contradicts itself."""
    found = [match for cell in cells if (match := _OTHER.fullmatch(cell))]
    if any(match[2] == "." for match in found):
        return True
    day_first = any(int(match[1]) > 12 for match in found)
    month_first = any(int(match[3]) > 12 for match in found)
    return None if day_first == month_first else day_first


def _date(cell: str, *, day_first: bool | None) -> str | None:
    iso, other = _ISO.fullmatch(cell), _OTHER.fullmatch(cell)
    if iso:
        year, month, day = int(iso[1]), int(iso[2]), int(iso[3])
    elif other and day_first is not None:
        first, second, year = int(other[1]), int(other[3]), int(other[4])
        day, month = (first, second) if day_first else (second, first)
    else:
        return None
    try:
        return date(year, month, day).isoformat()
    except ValueError:
        return None


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
