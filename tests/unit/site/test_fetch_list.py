"""Lists of accession numbers and patients, as hospitals write them."""

from __future__ import annotations

from pathlib import Path

import pytest

from radcommons.records.errors import UsageError
from radcommons.site.fetch_list import parsed_day, read_list


def _read(
    tmp_path: Path, text: str, only: str = "accession", encoding: str = "utf-8"
) -> tuple[list[tuple[str, ...]], list[int]]:
    path = tmp_path / "list"
    path.write_text(text, encoding=encoding)
    found = read_list(path, only=only)
    rows = [(one.accession, one.patient_id, one.issuer, one.date_from, one.date_to) for one in found.wanted]
    return rows, [problem.line for problem in found.problems]


def test_a_plain_list_is_one_value_a_line(tmp_path: Path) -> None:
    """Without a heading each line is what the option says; empty lines say nothing."""
    assert _read(tmp_path, "A1\n\nA2\n") == ([("A1", "", "", "", ""), ("A2", "", "", "", "")], [])
    assert _read(tmp_path, "4711\n", only="patient_id") == ([("", "4711", "", "", "")], [])


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "cp1252"])
def test_a_heading_names_the_columns(tmp_path: Path, encoding: str) -> None:
    """A spreadsheet's CSV with semicolons, in any usual encoding, with accession, patient and window."""
    text = "Patient ID;Issuer;From;To;Accession Number\n4711;Klinik Süd;2020-03-01;31.12.2020;\n;;;;A9\n"
    assert _read(tmp_path, text, encoding=encoding)[0] == [
        ("", "4711", "Klinik Süd", "20200301", "20201231"),
        ("A9", "", "", "", ""),
    ]


@pytest.mark.parametrize(
    "line",
    ["A*;", "A?1;", "A\\B;", f"{'A' * 17};", "A1;13/04/2020", "A1;2020-02-30"],
    ids=["star", "question mark", "backslash", "too long", "could be two dates", "no such day"],
)
def test_a_line_that_would_ask_something_else_is_a_problem(tmp_path: Path, line: str) -> None:
    """Wildcards, list separators, over-long numbers and unclear dates ask for other studies: the line is not asked."""
    rows, problems = _read(tmp_path, f"accession;date;note\n{line};x\nA2;;x\n")
    assert rows == [("A2", "", "", "", "")]
    assert problems == ([2])


def test_a_repeated_line_is_asked_once(tmp_path: Path) -> None:
    """The second of two equal lines is told."""
    assert _read(tmp_path, "A1\nA2\nA1\n") == ([("A1", "", "", "", ""), ("A2", "", "", "", "")], [3])


def test_a_window_that_ends_before_it_begins_is_a_problem(tmp_path: Path) -> None:
    """It could only match nothing."""
    text = "patient_id,from,to\n4711,2020-05-01,2020-04-01\n"
    assert _read(tmp_path, text) == ([], [2])


def test_several_columns_without_a_heading_are_refused(tmp_path: Path) -> None:
    """Nothing is guessed."""
    with pytest.raises(UsageError, match="heading"):
        _read(tmp_path, "A1;4711\nA2;4712\n")


def test_dates_that_could_be_two_are_none() -> None:
    """Slashes are written in two orders."""
    assert parsed_day("03/04/2020") is None
    assert parsed_day("20200403") == parsed_day("2020-04-03") == parsed_day("3.4.2020") == "20200403"
