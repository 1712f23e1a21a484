"""A clinical table decides what would be fetched, without a file fetched and without a word of it kept."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa
from pydicom.dataset import Dataset

from radcommons.site.clinical import read_clinical
from radcommons.site.fetch import fetch
from radcommons.site.fetch_list import FetchList
from radcommons.site.pacs_find import Hits, Image, Listed, Wanted
from radcommons.site.pacs_get import Asked, Brought, Take
from radcommons.site.receive_inbox import Route
from radcommons.site.settings import SiteSettings, write_settings
from radcommons.site.store import Store, create_store, open_store
from radcommons.site.tables import clinical, fetch_study


class ListOfStudies:
    """A PACS that has one CT study with three series for each accession number; it answers from memory."""

    def __init__(self, patients: dict[str, tuple[str, str]]) -> None:
        self.patients = patients

    def studies(self, wanted: Wanted, *, limit: int) -> Hits:
        """Return the study of an accession number."""
        patient, issuer = self.patients[wanted.accession]
        header = Dataset()
        header.StudyDescription, header.PatientBirthDate, header.StudyDate = "CT chest", "19500101", "20200401"
        listed = Listed(
            study_uid=f"1.2.{wanted.accession}",
            patient_id=patient,
            issuer=issuer,
            accession=wanted.accession,
            study_date="20200401",
            header=header,
        )
        return Hits(studies=(listed,))

    def study(self, study_uid: str) -> Listed | None:
        """Return nothing: it is not asked for."""
        return None

    def series(self, study_uid: str) -> tuple[Listed, ...]:
        """Return a thorax, its coronal reformat, and a scout."""
        found = []
        for number, words in enumerate(("Thorax 1.0 B70f", "Thorax coronal", "Topogram"), start=1):
            header = Dataset()
            header.Modality, header.SeriesDescription = "CT", words
            found.append(Listed(study_uid=study_uid, series_uid=f"{study_uid}.{number}", count=100, header=header))
        return tuple(found)

    def images(self, study_uid: str, series_uid: str) -> tuple[Image, ...]:
        """Return nothing: it is not asked for."""
        return ()

    def bring(self, asked: Asked, take: Take) -> Brought:
        """Refuse: nothing may be fetched."""
        raise AssertionError("nothing is fetched")

    def close(self) -> None:
        """Do nothing."""


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    """A gateway."""
    create_store(tmp_path / "gateway")
    write_settings(tmp_path / "gateway", SiteSettings(hub="http://127.0.0.1:9", sites=("ALFA",)))
    opened = open_store(tmp_path / "gateway")
    yield opened
    opened.close()


def test_a_table_decides_before_anything_is_fetched(store: Store, tmp_path: Path) -> None:
    """Positive in, negative in, unknown asked; a number with lost zeros and one of two people join nobody."""
    people = {"A1": ("0007", ""), "A2": ("8", ""), "A3": ("9", "KIS"), "A4": ("9", "LAB"), "A5": ("10", "")}
    table = tmp_path / "lab.csv"
    table.write_text("patient_id;rt_pcr\n7;positive\n8;negative\n9;positive\n11;positive\n")
    asked = FetchList(wanted=tuple(Wanted(line=n, accession=one) for n, one in enumerate(people, start=1)), problems=())
    report = fetch(
        store,
        asked,
        connect=lambda: ListOfStudies(people),
        peer="fake",
        parts=tmp_path,
        route=Route(protocol="covid-chest"),
        what_if=True,
        clinical=read_clinical(table),
    )
    found = report.members()["clinical"]
    assert (found["known"], found["nobody"], found["two"]) == (1, [[5]], [[4]])
    assert found["alike"] == [{"rows": [2], "how": "zeros in front"}]
    assert report.members()["excluded_series"] == {"axial": 10}
    assert report.members()["studies"] == {"waiting": 5}
    told = " ".join(report.sentences())
    assert "1 matches no patient here yet (row 5)." in told
    assert "0007" not in told
    with store.read() as connection:
        for name in (clinical, fetch_study):
            assert connection.execute(sa.select(sa.func.count()).select_from(name)).scalar_one() == 0


@pytest.mark.slow
def test_twenty_thousand_lines_are_decided_in_seconds(store: Store, tmp_path: Path) -> None:
    """What the gateway adds to the PACS's own answers: at most 4 ms of CPU a line on any machine that tests run on."""
    import os

    count = 20_000
    people = {f"A{n}": (f"{n:06}", "") for n in range(count)}
    table = tmp_path / "lab.csv"
    table.write_text(
        "patient_id,rt_pcr\n" + "".join(f"{n:06},{('negative', 'positive')[n % 2]}\n" for n in range(count))
    )
    asked = FetchList(wanted=tuple(Wanted(line=n, accession=one) for n, one in enumerate(people, start=1)), problems=())
    began = os.times()
    report = fetch(
        store,
        asked,
        connect=lambda: ListOfStudies(people),
        peer="fake",
        parts=tmp_path,
        route=Route(protocol="covid-chest"),
        what_if=True,
        clinical=read_clinical(table),
    )
    ended = os.times()
    used = ended.user - began.user + ended.system - began.system
    print(f"{used:.1f} s of CPU for {count} lines")
    assert report.members()["clinical"]["known"] == count
    assert used < 0.004 * count
