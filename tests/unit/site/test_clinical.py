"""The clinical table: tolerant of headings, plain about what it did not understand, and dates that never leave."""

from __future__ import annotations

from pathlib import Path

import pytest

from radcommons.records.clinical import Sex, TestMethod, TestResult
from radcommons.records.errors import UsageError
from radcommons.site.clinical import clinical_row, parsed, read_clinical, spelled


def table(tmp_path: Path, text: str, encoding: str = "utf-8") -> Path:
    """Write a table."""
    path = tmp_path / "clinical.csv"
    path.write_bytes(text.encode(encoding))
    return path


@pytest.mark.parametrize(
    ("heading", "row"),
    [
        ("Patient ID,Sex,Age,Test Method,Test Result,Test Date", "7,F,61,RT-PCR,Positive,2020-03-28"),
        ("mrn;gender;age_at_index;method;result;swab_date", "7;female;61;rt pcr swab;DETECTED;28.03.2020"),
        ("submitter_id\tsex\tage\tRT-PCR\ttest date", "7\tweiblich\t61,0\tpos\t20200328"),
    ],
)
def test_usual_headings_mean_the_same(tmp_path: Path, heading: str, row: str) -> None:
    """Three hospitals' spellings give one entry."""
    read = read_clinical(table(tmp_path, f"{heading}\n{row}\n"))
    assert read.problems == ()
    (entry,) = read.patients["7"]
    assert (entry.sex, entry.age_years, entry.result) == ("F", 61.0, TestResult.POSITIVE)
    assert (entry.method, entry.test_date) == (TestMethod.RT_PCR, "2020-03-28")
    assert parsed(spelled([entry])) == (entry,)


def test_problems_name_row_and_column_and_no_value(tmp_path: Path) -> None:
    """What is not understood is told by place, and the rest of the row counts."""
    text = (
        "id,sex,age,test_result,test_date\nA,F,61,positive,2020-03-01\nB,zebra,999,perhaps,31-31-2020\n,M,3,negative,\n"
    )
    read = read_clinical(table(tmp_path, text))
    assert {(one.row, one.column) for one in read.problems} == {
        (3, "sex"),
        (3, "age"),
        (3, "test_result"),
        (3, "test_date"),
        (4, "id"),
    }
    told = " ".join(one.message for one in read.problems)
    assert not any(value in told for value in ("zebra", "999", "perhaps", "31-31"))
    assert read.patients["B"][0].sex == ""


@pytest.mark.parametrize(
    ("dates", "expected"),
    [
        (["13/02/2020", "01/02/2020"], ["2020-02-13", "2020-02-01"]),
        (["02/13/2020", "01/02/2020"], ["2020-02-13", "2020-01-02"]),
        (["03/04/2020", "01/02/2020"], ["", ""]),
        (["13/02/2020", "02/13/2020"], ["", ""]),
    ],
)
def test_day_and_month_are_told_by_the_column_or_not_at_all(
    tmp_path: Path, dates: list[str], expected: list[str]
) -> None:
    """An ambiguous column is not guessed: its rows are problems."""
    read = read_clinical(table(tmp_path, "id,test_date\n" + "\n".join(f"{n},{day}" for n, day in enumerate(dates))))
    assert [read.patients[str(n)][0].test_date for n in range(2)] == expected
    assert len(read.problems) == expected.count("")


def test_days_leave_and_dates_do_not() -> None:
    """The row that leaves counts days from the first positive test, and caps the age."""
    entries = parsed(
        '[{"age_years": 93.0, "birth_date": "", "sex": "M", "method": "RT-PCR", "result": "Negative", "igm": "",'
        ' "test_date": "2020-03-01", "icu": null, "ventilation": null, "outcome": "", "codes": [],'
        ' "clinical_diagnosis": null}]'
    )
    row = clinical_row(entries, pseudonym="ALFA-0000000000", study_uid="1.2", study_date="20200305")
    assert (row.days_from_test_to_study, row.sex, row.test_result) == (4, Sex.MALE, TestResult.NEGATIVE)
    assert (row.age_at_index, row.age_at_index_gt89) == (None, True)
    assert "2020" not in str(row)


def test_a_table_without_patients_is_refused(tmp_path: Path) -> None:
    """A file without a patient column is no clinical table."""
    with pytest.raises(UsageError):
        read_clinical(table(tmp_path, "colour,size\nred,3\n"))


def test_latin_1_and_utf_16_are_read(tmp_path: Path) -> None:
    """Tables come from spreadsheets of every age."""
    text = "Patient,Sex\nÄ7,männlich\n"
    for encoding in ("latin-1", "utf-16", "utf-8-sig"):
        assert read_clinical(table(tmp_path, text, encoding)).patients["Ä7"][0].sex == "M"
