"""Clinical tables as hospitals send them: any charset, any separator, any workbook; nothing is joined on a guess."""

from __future__ import annotations

import contextlib
import csv
import io
import zipfile
from datetime import date

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from openpyxl import Workbook

from radcommons.records.errors import DocumentError, UsageError
from radcommons.site.clinical import ClinicalTable, understand
from radcommons.site.clinical_map import (
    CHOICES,
    MEANINGS,
    TableMapping,
    guess,
    headings_of,
    parse_mapping,
    spelled_mapping,
)
from radcommons.site.clinical_sheet import open_sheet
from radcommons.site.clinical_take import joined, match
from radcommons.site.clinical_values import day, identifier, loose

TEXT = st.text(st.characters(codec="utf-8", exclude_categories=("Cs", "Cc")), max_size=12)
DAYS = st.dates(date(1900, 1, 1), date(2039, 12, 31))
NUMBERS = st.from_regex(r"[0-9]{1,8}", fullmatch=True)


def read(content: bytes) -> ClinicalTable:
    """Read a table as it is guessed."""
    sheet = open_sheet(content)
    return understand(sheet, guess(sheet))


@given(
    st.lists(st.tuples(NUMBERS, st.sampled_from(["F", "M"]), TEXT), min_size=2, max_size=12),
    st.sampled_from([",", ";", "\t"]),
    st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"]),
)
def test_any_separator_and_charset(rows: list[tuple[str, str, str]], separator: str, charset: str) -> None:
    """What was written is read, whatever stands in a column beside it."""
    out = io.StringIO()
    csv.writer(out, delimiter=separator).writerows([("Patient ID", "Geschlecht", "Bemerkung"), *rows])
    table = read(out.getvalue().encode(charset))
    assert {who: entries[0].sex for who, entries in table.patients.items()} == {
        who: next(sex for other, sex, _ in rows if other == who) for who, _, _ in rows
    }
    assert sum(map(len, table.rows.values())) == len(rows)


@given(DAYS, st.booleans())
def test_dates_say_the_same_in_every_spelling(when: date, first: bool) -> None:
    """ISO, compact, with names of months, with dots, or with the order told; without it nothing is guessed."""
    months = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
    german = ("Januar", "Februar", "März", "April", "Mai", "Juni", "Juli", "August", "September", "Oktober", "November")
    iso = when.isoformat()
    spelled = [iso, f"{when:%Y%m%d}", f"{iso} 10:15", f"{when.day}.{when.month}.{when.year}"]
    spelled += [f"{when.day}-{months[when.month - 1].upper()}-{when.year}", f"{when:%b} {when.day}, {when.year}"]
    if when.month < 12:
        spelled.append(f"{when.day}. {german[when.month - 1]} {when.year}")
    for cell in spelled:
        assert day(cell, order=None) == iso
    numbers = (when.day, when.month) if first else (when.month, when.day)
    assert day(f"{numbers[0]:02}/{numbers[1]:02}/{when.year}", order=first) == iso
    unordered = day(f"{when.day:02}/{when.month:02}/{when.year}", order=None)
    assert unordered == (iso if when.day == when.month else None)
    assert day(f"{when.day}.{when.month}.{when.year % 100:02}", order=None) is None


@given(st.lists(NUMBERS, min_size=1, max_size=20), st.lists(NUMBERS, max_size=20), st.data())
def test_no_number_joins_two_people(ours: list[str], theirs: list[str], data: st.DataObject) -> None:
    """A number that is here is exact; one that is merely alike waits; one that could mean two is never used."""
    known = {number: {f"p{number}"} for number in ours}
    written = [
        data.draw(st.sampled_from([number, number.lstrip("0") or "0", f"00{number}", f" {number}", f"{number}.0"]))
        for number in [*ours, *theirs]
    ]
    lines = "patient_id,sex\n" + "".join(f"{number},F\n" for number in written)
    table = read(lines.encode())
    found = match(table, known)
    kept, accepted = joined(table, found, accept_alike=False), joined(table, found, accept_alike=True)
    two = {number for number, _ in found.two}
    assert not two & set(kept)
    for one in found.alike:
        assert one.identifier not in known
        assert loose(one.identifier) == loose(one.known)
        assert sum(loose(number) == loose(one.known) for number in known) == 1
        assert one.known in accepted
    assert len(accepted) == len(kept)  # two numbers never become one
    assert found.exact + len(found.alike) + len(two) + len(found.nobody) == len(table.patients)


CELLS = st.one_of(
    st.none(),
    st.integers(-(10**12), 10**12),
    st.floats(allow_nan=False, allow_infinity=False, width=32),
    DAYS,
    st.booleans(),
    st.text(st.characters(min_codepoint=32, max_codepoint=0x2FF, exclude_categories=("Cs",)), max_size=8),
)


@given(st.lists(st.tuples(st.integers(1, 10**9), DAYS, CELLS), min_size=1, max_size=8))
@settings(max_examples=30, deadline=None)
def test_workbooks_give_numbers_and_days(rows: list[tuple[int, date, object]]) -> None:
    """A number is no float, a day is a day whatever its format; other cells disturb nothing."""
    book = Workbook()
    sheet = book.active
    assert sheet is not None
    sheet.append(["MRN", "Test date", "Remark"])
    for who, when, remark in rows:
        sheet.append([who, when, remark if not str(remark).startswith("=") else "x"])
        sheet.cell(sheet.max_row, 2).number_format = "DD.MM.YYYY"
    out = io.BytesIO()
    book.save(out)
    table = read(out.getvalue())
    assert table.problems == ()
    found = {(who, entry.test_date) for who, entries in table.patients.items() for entry in entries}
    assert found == {(str(who), when.isoformat()) for who, when, _ in rows}


@given(st.binary(max_size=400))
@settings(max_examples=150)
def test_foreign_bytes_are_a_table_or_refused(content: bytes) -> None:
    """Nothing but a sentence comes of bytes that are no table."""
    for head in (b"", b"PK\x03\x04", b"\xff\xfe", b"\xd0\xcf\x11\xe0"):
        with contextlib.suppress(UsageError):
            read(head + content)


@given(
    st.dictionaries(st.sampled_from(sorted(MEANINGS)), TEXT.filter(bool)),
    st.sampled_from(sorted(CHOICES)),
    st.one_of(st.none(), st.booleans()),
)
def test_a_mapping_is_read_as_it_was_written(columns: dict[str, str], of: str, order: bool | None) -> None:
    """The file of a mapping holds all of it; a meaning that nobody knows is refused."""
    words = {of: {"pos?": CHOICES[of][0], "weg": ""}}
    mapping = TableMapping(columns=columns, values=words, day_first=order, charset="cp1252", heading_row=3)
    assert parse_mapping(spelled_mapping(mapping)) == mapping
    with pytest.raises(DocumentError):
        parse_mapping(spelled_mapping(TableMapping(values={of: {"x": "perhaps"}})))


def workbook(change: str = "") -> bytes:
    """Make a workbook, and put something into its sheet's XML."""
    book = Workbook()
    sheet = book.active
    assert sheet is not None
    for row in (["id", "sex"], ["7", "F"], ["8", "M"], ["9", "=A2"]):
        sheet.append(row)
    if change == "merged":
        sheet.merge_cells("A2:A3")
    if change == "hidden":
        book.create_sheet("other").sheet_state = "hidden"
    out = io.BytesIO()
    book.save(out)
    if change not in ("bomb", "doctype"):
        return out.getvalue()
    made = io.BytesIO()
    with zipfile.ZipFile(out) as source, zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as target:
        for name in source.namelist():
            content = source.read(name)
            if name == "xl/workbook.xml" and change == "doctype":
                content = content.replace(b"<workbook", b'<!DOCTYPE x [<!ENTITY a "b">]><workbook', 1)
            target.writestr(name, content)
        if change == "bomb":
            with target.open("xl/media/zeros.xml", "w", force_zip64=True) as part:
                for _ in range(1100):
                    part.write(bytes(1 << 20))
    return made.getvalue()


@pytest.mark.parametrize("change", ["bomb", "doctype"])
def test_a_workbook_that_harms_is_refused_before_it_is_unpacked(change: str) -> None:
    """A gigabyte of zeros and declared entities are refused with a sentence."""
    with pytest.raises(UsageError):
        open_sheet(workbook(change))


def test_what_a_spreadsheet_hides_is_told() -> None:
    """Merged cells, hidden sheets and formulas that were never calculated are named; their rows are not read."""
    merged = read(workbook("merged"))
    assert [(one.row, one.message) for one in merged.problems][:2] == [
        (2, "lies in merged cells; the row was not read"),
        (3, "lies in merged cells; the row was not read"),
    ]
    assert merged.patients == {}
    plain = read(workbook("hidden"))
    assert set(plain.patients) == {"7", "8"}
    assert [one.row for one in plain.problems] == [4]
    assert "1 hidden sheet was not read." in plain.notes


def test_a_title_above_the_headings_and_a_said_separator() -> None:
    """A table may begin with its title; rows keep the numbers that a person sees."""
    table = read("sep=;\nLabor Nord;;\n\nPatienten-ID;PCR-Ergebnis;Alter\n0007;pos?;61,5\n".encode("cp1252"))
    assert table.mapping.heading_row == 4
    assert table.patients["0007"][0].age_years == 61.5
    (word,) = table.words
    assert (word.word, word.rows, word.meaning) == ("pos?", (5,), "pcr")


def test_words_that_a_person_explained_are_known() -> None:
    """The mapping's own words come before ours, nothing included."""
    content = b"id,result,sex\n1,reaktiv,F\n2,positive,F\n3,ausstehend,F\n"
    sheet = open_sheet(content)
    said = {"result": {"reaktiv": "Positive", "positive": "Negative", "ausstehend": ""}}
    mapping = TableMapping(columns={"patient": "id", "result": "result"}, values=said)
    table = understand(sheet, mapping)
    assert [table.patients[who][0].result for who in "123"] == ["Positive", "Negative", ""]
    assert (table.words, table.problems) == ((), ())
    assert headings_of(sheet, mapping) == ("id", "result", "sex")


def test_traces_of_spreadsheets_are_told() -> None:
    """A float is a number again, lost digits are said to be lost, and a windows charset is named."""
    table = read("id,sex\n12345.0,F\n1.2E+09,M\n\u00c4\u00df,F\n".encode("cp1252"))
    assert "12345" in table.patients
    told = " ".join(table.notes)
    assert "'.0'" in told
    assert "digits are lost" in told
    assert "cp1252" in told
    assert identifier(" 007\u00a0") == "007"


def test_two_rows_of_one_patient_that_disagree_are_told() -> None:
    """Another sex or birth date for the same number is how a wrong table shows."""
    table = read(b"id,sex,dob\n7,F,1950-01-01\n7,M,1951-01-01\n")
    assert {one.column for one in table.problems} == {"sex", "dob"}
