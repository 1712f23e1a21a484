"""CPU and memory of `site fetch --what-if --clinical` over a long list, from a PACS that answers at once.

    python benchmarks/fetch_list.py [--rows 20000]

The PACS is this script: each accession number has one study of two series. What is measured is ours: reading list and
table, choosing by the protocol, joining the table, the report; what a real PACS takes to answer comes on top.
"""

from __future__ import annotations

import argparse
import os
import resource
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from pydicom.dataset import Dataset

from radcommons.site.clinical import read_clinical
from radcommons.site.fetch import fetch
from radcommons.site.fetch_list import read_list
from radcommons.site.join import init
from radcommons.site.pacs_find import Hits, Image, Listed, Wanted
from radcommons.site.pacs_get import Asked, Brought, Take
from radcommons.site.receive_inbox import Route
from radcommons.site.settings import SiteSettings
from radcommons.site.store import open_store


def _header(patient: str, description: str) -> Dataset:
    header = Dataset()
    header.PatientID, header.PatientSex, header.PatientBirthDate = patient, "F", "19600101"
    header.StudyDate, header.Modality, header.SeriesDescription = "20200401", "CT", description
    return header


@dataclass(frozen=True, slots=True)
class Answers:
    """A PACS in memory that has a study for each accession number."""

    def studies(self, wanted: Wanted, *, limit: int) -> Hits:
        """Return the one study."""
        found = self.study(f"2.25.{wanted.accession[1:]}")
        return Hits(studies=(found,))

    def study(self, study_uid: str) -> Listed:
        """Return a study."""
        number = study_uid.rpartition(".")[2]
        header = _header(f"P{number}", "")
        return Listed(study_uid=study_uid, patient_id=f"P{number}", accession=f"A{number}", header=header)

    def series(self, study_uid: str) -> tuple[Listed, ...]:
        """Return its two series."""
        number = study_uid.rpartition(".")[2]
        words = ("Lung 1.0", "Soft 3.0")
        return tuple(
            Listed(
                study_uid=study_uid,
                series_uid=f"{study_uid}.{place}",
                patient_id=f"P{number}",
                count=200,
                header=_header(f"P{number}", description),
            )
            for place, description in enumerate(words)
        )

    def images(self, study_uid: str, series_uid: str) -> tuple[Image, ...]:
        """Never asked: every series tells its count."""
        raise NotImplementedError

    def bring(self, asked: Asked, take: Take) -> Brought:
        """Never asked: nothing is fetched."""
        raise NotImplementedError

    def close(self) -> None:
        """Do nothing."""


def _peak_mb() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024


def main() -> None:
    """Print one line for each length of the list."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=20_000)
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        settings = SiteSettings(hub="http://127.0.0.1:9", sites=("ALFA",), protocol="ricord")
        init(folder / "gateway", settings=settings, token="x", offline=True)
        store = open_store(folder / "gateway")
        print(f"{'rows':>8}{'CPU':>10}{'wall':>10}{'memory':>10}  would be fetched", flush=True)
        for rows in (chosen.rows // 10, chosen.rows):
            (folder / "wanted.csv").write_text("accession\n" + "".join(f"A{n}\n" for n in range(rows)))
            lines = (f"P{n},F,RT-PCR,{'Positive' if n % 2 else 'Negative'},2020-04-01" for n in range(rows))
            (folder / "lab.csv").write_text("patient_id,sex,test_method,test_result,test_date\n" + "\n".join(lines))
            began, cpu = time.perf_counter(), time.process_time()
            report = fetch(
                store,
                read_list(folder / "wanted.csv", only="accession"),
                connect=Answers,
                peer="bench",
                parts=folder,
                route=Route(),
                what_if=True,
                clinical=read_clinical(folder / "lab.csv"),
            )
            took = f"{time.process_time() - cpu:8.1f} s{time.perf_counter() - began:8.1f} s"
            told = sum(one.state == "waiting" for one in report.studies)
            print(f"{rows:>8}{took}{_peak_mb():>7} MB  {told} studies", flush=True)
        store.close()
    print(f"load {os.getloadavg()[0]:.1f}")


if __name__ == "__main__":
    main()
