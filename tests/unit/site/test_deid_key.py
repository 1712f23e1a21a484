"""The key file, the roster and changed identifiers."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from radcommons.records.errors import UsageError
from radcommons.site.deid_key import is_open_to_others, make_key, read_key, read_roster
from radcommons.site.deid_merges import read_merges
from radcommons.site.patient import PatientKey


def test_a_made_key_reads_back_and_is_private(tmp_path: Path) -> None:
    """A key is 32 random bytes that its owner alone reads; two are never alike."""
    first, second = make_key(tmp_path / "keys" / "a"), make_key(tmp_path / "b")
    assert read_key(tmp_path / "keys" / "a") == first != second
    assert len(first) == 32
    assert stat.S_IMODE((tmp_path / "b").stat().st_mode) == 0o600
    assert not is_open_to_others(tmp_path / "b")
    (tmp_path / "b").chmod(0o644)
    assert is_open_to_others(tmp_path / "b")


@pytest.mark.parametrize("text", ["", "5a" * 31, "5a" * 33, "zz" * 32, "\xff\xfe"])
def test_another_file_is_no_key_and_is_not_quoted(tmp_path: Path, text: str) -> None:
    """What is no key is refused without a word of it."""
    path = tmp_path / "key"
    path.write_text(text, "latin-1")
    with pytest.raises(UsageError) as error:
        read_key(path)
    assert not text or text not in str(error.value)


@pytest.mark.parametrize(
    ("text", "names", "ids", "places", "births"),
    [
        ("Jane Roe\n4711-22\nGeneral Hospital\n1950-03-12\n", {"Jane Roe"}, {"4711-22"}, {"General Hospital"},
         {"19500312"}),
        ("Family Name;Given Name;MRN;Date of birth;Ward\nRoe;Jane;4711;12 March;\n", {"Roe", "Jane"},
         {"4711", "12 March"}, set(), set()),
        ("Hospital,Institution Name\nx,St Elsewhere\n", set(), set(), {"x", "St Elsewhere"}, set()),
        ("St Mary Hospital\nRoe\n", {"Roe"}, set(), {"St Mary Hospital"}, set()),
        ("name\nRoe\n", {"Roe"}, set(), set(), set()),
        ("Roe, Jane\nDoe, John\n", {"Roe", "Jane", "Doe", "John"}, set(), set(), set()),
        ("\ufeff\n\n", set(), set(), set(), set()),
    ],
)  # fmt: skip
def test_roster_entries_are_told_by_heading_or_form(
    tmp_path: Path, text: str, names: set[str], ids: set[str], places: set[str], births: set[str]
) -> None:
    """A heading decides; without one, dates, digits and words of institutions do; the rest are names."""
    path = tmp_path / "roster.csv"
    path.write_text(text, "utf-8")
    found = read_roster(path)
    assert (found.names, found.ids, found.places, found.births) == (names, ids, places, births)


def test_changed_identifiers_lead_to_the_first(tmp_path: Path) -> None:
    """Changes are followed to the earliest number; an issuer counts where it is named."""
    path = tmp_path / "merges.csv"
    path.write_text("present,earlier\n30,20\n20,10\n77^^^NORTH,66^^^SOUTH\n")
    merges = read_merges(path)

    def first(number: str, issuer: str = "") -> tuple[str, str]:
        found = merges.first(PatientKey(site="ALFA", issuer=issuer, patient_id=number))
        return found.patient_id, found.issuer

    assert first("30") == first("20") == first("10") == ("10", "")
    assert first("30", "X") == ("10", "X")
    assert first("77", "NORTH") == ("66", "SOUTH")
    assert first("77", "EAST") == ("77", "EAST")


@pytest.mark.parametrize("text", ["1,2\n2,1\n", "1,2,3\n", "1\n", "1,\n"])
def test_contradicting_changes_are_refused(tmp_path: Path, text: str) -> None:
    """Circles and lines without two identifiers are refused."""
    path = tmp_path / "merges.csv"
    path.write_text(text)
    with pytest.raises(UsageError):
        read_merges(path)
