"""How one hospital's table is to be read: which column means what, what its words mean, the order of its dates.

A mapping is a small JSON file. It is guessed once with a reason for each column, corrected by a person, and used again
for every table with the same headings.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

from radcommons.records.clinical import PatientOutcome, TestMethod, TestResult
from radcommons.records.documents import parse, plain
from radcommons.records.errors import DocumentError, UsageError
from radcommons.site import clinical_values as values
from radcommons.site.clinical_sheet import Sheet

_HEADING_ROWS = 15

# What a column can mean, in words for people.
MEANINGS: dict[str, str] = {
    "patient": "Patient number",
    "age": "Age in years",
    "birth": "Date of birth",
    "sex": "Sex",
    "method": "Method of the test",
    "result": "Result of the test",
    "pcr": "Result of an RT-PCR",
    "igm": "Result of an IgM antibody test",
    "test_date": "Day of the test",
    "icu": "Intensive care",
    "ventilation": "Ventilation",
    "outcome": "How it ended",
    "death": "Died",
    "survival": "Survived",
    "codes": "Diagnosis codes (ICD-10)",
    "clinical_diagnosis": "Diagnosed by the hospital's own criteria",
}
DATES = ("birth", "test_date")
# Words that a cell may be said to mean, by the column's meaning; the empty one says that it means nothing.
CHOICES: dict[str, tuple[str, ...]] = {
    **dict.fromkeys(("result", "pcr", "igm"), (TestResult.POSITIVE, TestResult.NEGATIVE, TestResult.INDETERMINATE)),
    **dict.fromkeys(("icu", "ventilation", "death", "survival", "clinical_diagnosis"), ("yes", "no")),
    "sex": ("F", "M", "O"),
    "method": (TestMethod.RT_PCR, TestMethod.RAPID_ANTIGEN, values.IGM),
    "outcome": (PatientOutcome.ALIVE, PatientOutcome.DEAD),
}

# Usual headings, folded to lower-case letters and digits: MIDRC and NCCID names, and what people write.
_COLUMNS: dict[str, tuple[str, ...]] = {
    "patient": (
        *("patientid", "patient", "patientnumber", "patientennummer", "patientenid", "patnr", "pid", "mrn"),
        *("subjectid", "subject", "submitterid", "caseid", "case", "hospitalnumber", "numerodepaciente", "ipp", "id"),
    ),
    "age": ("age", "ageatindex", "ageyears", "patientage", "alter", "edad", "eta", "idade", "leeftijd"),
    "birth": ("birthdate", "dateofbirth", "dob", "patientbirthdate", "geburtsdatum", "datedenaissance", "gebdat"),
    "sex": ("sex", "gender", "patientsex", "geschlecht", "sexe", "sexo", "sesso", "geslacht"),
    "method": ("testmethod", "method", "testtype", "testname", "testmethode"),
    "result": (
        *("testresult", "testresulttext", "result", "finalcovidstatus", "covidstatus", "covid19positive"),
        *("ergebnis", "testergebnis", "resultat", "resultado", "risultato", "covidresult"),
    ),
    "pcr": ("rtpcr", "pcr", "rtpcrresult", "pcrresult", "1strtpcrresult", "pcrergebnis", "sarscov2pcr"),
    "igm": ("igm", "igmresult", "igmpositive", "igmantibody"),
    "test_date": (
        *("testdate", "dateoftest", "swabdate", "dateofpositivecovidswab", "pcrdate", "testdatum", "abstrichdatum"),
        *("dateofpcr", "datedutest", "fechadelaprueba"),
    ),
    "icu": ("icu", "icuadmission", "ituadmission", "icuindicator", "wenticu", "inicu", "itu", "intensivstation", "uci"),
    "ventilation": (
        "ventilation",
        "ventilated",
        "ventilatorindicator",
        "intubated",
        "intubation",
        "beatmet",
        "beatmung",
    ),
    "outcome": ("outcome", "patientoutcome", "vitalstatus", "dischargestatus", "ausgang"),
    "death": ("death", "died", "deceased", "verstorben", "tod", "deces"),
    "survival": ("survival", "survived", "alive"),
    "codes": ("diagnosiscode", "diagnosiscodes", "icd10", "icd10cm", "icd10code", "icd10codes", "diagnoses", "icd"),
    "clinical_diagnosis": ("clinicaldiagnosis", "clinicallydiagnosed", "coviddiagnosis"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class TableMapping:
    """How a table is read; empty members are looked for in the table itself.

    Parameters
    ----------
    columns : mapping of meaning to heading
        Meanings as in `MEANINGS`; columns that are not named are not read.
    values : mapping of meaning to mapping of word to meaning
        What the hospital's own words mean; the empty meaning reads a word as nothing.
    day_first : bool, optional
        Of dates like 03/04/2020, where the table itself does not show the order.
    heading_row : int
        Row of the headings, from 1.
    """

    schema: Literal["radcommons/clinical-mapping/v1"] = "radcommons/clinical-mapping/v1"
    columns: Mapping[str, str] = field(default_factory=dict)
    values: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    day_first: bool | None = None
    heading_row: int = 1
    charset: str = ""
    separator: str = ""
    sheet: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Guess:
    """A mapping with the reason for each column, and the headings that mean nothing here."""

    mapping: TableMapping
    reasons: Mapping[str, str]
    unread: tuple[str, ...]


def parse_mapping(text: str) -> TableMapping:
    """Return the mapping in a file.

    Raises
    ------
    DocumentError
        If it is none, or names a meaning or a word that is not known.
    """
    try:
        members = json.loads(text)
    except ValueError:
        raise DocumentError("The mapping is no JSON.", mend="Write one with `site clinical --save-mapping`.") from None
    found = parse(TableMapping, members)
    unknown = [name for name in (*found.columns, *found.values) if name not in MEANINGS]
    unknown += [
        name
        for name, words in found.values.items()
        if any(word and word not in CHOICES.get(name, ()) for word in words.values())
    ]
    if unknown:
        known = ", ".join(MEANINGS)
        raise DocumentError("The mapping names a meaning that is not known.", mend=f"Known are: {known}.")
    return found


def spelled_mapping(mapping: TableMapping) -> str:
    """Return a mapping as the text of its file."""
    return json.dumps(plain(mapping), indent=2, ensure_ascii=False, sort_keys=True) + "\n"


def headings_of(sheet: Sheet, mapping: TableMapping) -> tuple[str, ...]:
    """Return the headings, trimmed; a nameless column is called by its number.

    Raises
    ------
    UsageError
        If the table has no such row.
    """
    if not 1 <= mapping.heading_row <= len(sheet.rows):
        raise UsageError("The clinical table is empty, or has no row where its headings should be.")
    names = [cell.strip() for cell in sheet.rows[mapping.heading_row - 1]]
    return tuple(name or f"column {number}" for number, name in enumerate(names, start=1))


def fingerprint(headings: Sequence[str]) -> str:
    """Return the name under which a mapping is remembered: tables with the same headings share it."""
    return hashlib.sha256("\0".join(map(_folded, headings)).encode()).hexdigest()


def guess(sheet: Sheet, *, known_ids: Collection[str] = ()) -> Guess:
    """Return how a table is probably meant.

    Parameters
    ----------
    sheet : Sheet
    known_ids : collection of str
        Patient numbers that the gateway knows; a column that holds them is the patient's.
    """
    row = _heading_row(sheet)
    mapping = TableMapping(heading_row=row, charset=sheet.charset, separator=sheet.separator, sheet=sheet.name)
    headings = headings_of(sheet, mapping)
    folded = [_folded(name) for name in headings]
    columns: dict[str, str] = {}
    reasons: dict[str, str] = {}
    for meaning, names in _COLUMNS.items():
        usual = next((name for name in names if name in folded), None)
        if usual is not None and headings[folded.index(usual)] not in columns.values():
            columns[meaning] = headings[folded.index(usual)]
            reasons[meaning] = "a usual heading"
    share, place = _holds_ids(sheet, row, known_ids)
    if place is not None and share >= 0.5 and columns.get("patient") != headings[place]:
        columns = {name: heading for name, heading in columns.items() if heading != headings[place]}
        columns["patient"], reasons["patient"] = headings[place], f"{share:.0%} of it are numbers of patients here"
    elif place is not None and "patient" in columns and share:
        reasons["patient"] += f", and {share:.0%} of it are numbers of patients here"
    unread = tuple(name for name in headings if name not in columns.values())
    return Guess(mapping=replace(mapping, columns=columns), reasons=reasons, unread=unread)


def _folded(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.lower())


def _heading_row(sheet: Sheet) -> int:
    """Return the row with the most usual headings; titles and empty rows may stand above it."""
    known = {name for names in _COLUMNS.values() for name in names}
    best, best_score = 1, (-1, 0)
    for number, row in enumerate(sheet.rows[:_HEADING_ROWS], start=1):
        score = (sum(_folded(cell) in known for cell in row), sum(bool(cell.strip()) for cell in row) > 1)
        if score > best_score:
            best, best_score = number, score
    return best


def _holds_ids(sheet: Sheet, heading_row: int, known: Collection[str]) -> tuple[float, int | None]:
    """Return the column that holds the most known numbers, and which share of its cells these are."""
    if not known:
        return 0.0, None
    ids, filled, hits = set(known), Counter[int](), Counter[int]()
    for row in sheet.rows[heading_row : heading_row + 5000]:
        for place, cell in enumerate(row):
            if cell.strip():
                filled[place] += 1
                hits[place] += values.identifier(cell) in ids
    if not hits:
        return 0.0, None
    place = max(hits, key=lambda one: (hits[one] / filled[one], -one))
    return hits[place] / filled[place], place
