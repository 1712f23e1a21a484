"""Fill an index with invented instances (metadata only) in steps, and time the same searches at each size.

    uv run python benchmarks/dicomweb/scale.py [--instances 10000000] [--database-url URL] [--asked 60] [--keep DIR]

Half of the studies are CT of one or two series of 80 to 200 slices, half radiographs; ten years, forty sites. Rows go
straight into the tables, by the database's own bulk way, with the indexes laid away and made again; then a hub serves
them as it always does. Each search is asked for other studies each time, by one connection; the first answer of each
kind is not counted. Prints milliseconds (50 %, 95 %) at each size, and the growth of the largest over the smallest.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import sqlite3
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

sys.path.insert(0, str(Path(__file__).parent))

from harness import Connection, Server, our_hub

_PORT = 18142
_CT, _DX = "1.2.840.10008.5.1.4.1.1.2", "1.2.840.10008.5.1.4.1.1.1.1"
_SYNTAX = "1.2.840.10008.1.2.1"
_WORDS = ("Thorax", "Chest", "Low dose", "Follow-up", "Angiography", "Portable", "Intensive care", "Lung")
_INSTANCE = (
    *("id", "sop_instance_uid", "digest", "size", "sop_class_uid", "transfer_syntax_uid", "patient"),
    *("study_instance_uid", "series_instance_uid", "site", "dataset", "state", "modality", "number"),
    *("rows", "columns", "frames", "pixel_offset", "frame_length", "accepted_at"),
)
_STUDY = (
    *("study_instance_uid", "patient", "site", "study_date", "description", "accession_number", "study_id"),
    *("patient_sex", "patient_age", "header"),
)
_SERIES = ("series_instance_uid", "study_instance_uid", "modality", "number", "description", "body_part", "header")
Rows = dict[str, list[tuple[Any, ...]]]


def study_uid(number: int) -> str:
    """Return the UID of the study with a number: it can be asked for without a list of them."""
    return f"2.25.{7 * 10**30 + number * 1_000_003}"


def study_rows(number: int, first_id: int) -> Rows:
    """Return the rows of one study; the same number gives the same rows."""
    drawn = random.Random(number)
    study, patient = study_uid(number), f"P{number // 2:08d}"
    is_ct = number % 2 == 0
    day = f"{2016 + drawn.randrange(10)}{drawn.randrange(1, 13):02d}{drawn.randrange(1, 29):02d}"
    site, words = f"SITE{drawn.randrange(40):02d}", f"{drawn.choice(_WORDS)} {drawn.choice(_WORDS)}"
    accession, age = f"A{drawn.randrange(10**9):09d}", f"{drawn.randrange(18, 90):03d}Y"
    header = json.dumps(
        {
            "00080020": {"vr": "DA", "Value": [day]},
            "00080050": {"vr": "SH", "Value": [accession]},
            "00081030": {"vr": "LO", "Value": [words]},
            "00100020": {"vr": "LO", "Value": [patient]},
            "0020000D": {"vr": "UI", "Value": [study]},
        }
    )
    made: Rows = {"instance": [], "series": [], "study": []}
    made["study"].append((study, patient, site, day, words, accession, f"{number}", drawn.choice("FM"), age, header))
    modality = "CT" if is_ct else "DX"
    for place in range(drawn.choice((1, 1, 2))):
        series = f"{study}.{place + 1}"
        of_series = json.dumps({"00080060": {"vr": "CS", "Value": [modality]}})
        made["series"].append((series, study, modality, place + 1, words, "CHEST", of_series))
        for image in range(drawn.randrange(80, 200) if is_ct else 1):
            own = first_id + len(made["instance"])
            side, size = (512, 524_288) if is_ct else (2500, 12_500_000)
            made["instance"].append(
                (
                    *(own, f"{series}.{image + 1}", f"{own:064x}", size + 1_600, _CT if is_ct else _DX, _SYNTAX),
                    *(patient, study, series, site, "covid-chest", "accepted", modality, image + 1),
                    *(side, side, 1, 1_600, size, "2026-01-01T00:00:00Z"),
                )
            )
    return made


class Fill:
    """Rows into a hub's database; `upto` goes on from where it stopped."""

    def __init__(self, url: str) -> None:
        self.url, self.studies, self.instances = url, 0, 0

    def upto(self, wanted: int) -> None:
        """Add studies until there are so many instances."""
        if self.url.startswith("sqlite"):
            self._sqlite(wanted)
        else:
            self._postgresql(wanted)

    def _blocks(self, wanted: int) -> Iterator[Rows]:
        while self.instances < wanted:
            block: Rows = {"study": [], "series": [], "instance": []}
            while self.instances < wanted and len(block["instance"]) < 50_000:
                rows = study_rows(self.studies, self.instances + 1)
                self.studies += 1
                self.instances += len(rows["instance"])
                for table, some in rows.items():
                    block[table] += some
            yield block

    def _sqlite(self, wanted: int) -> None:
        database = sqlite3.connect(self.url.removeprefix("sqlite:///"))
        database.execute("PRAGMA synchronous=OFF")
        database.execute("PRAGMA foreign_keys=OFF")
        database.execute("PRAGMA cache_size=-1000000")
        laid = "SELECT name, sql FROM sqlite_master WHERE type='index' AND tbl_name='instance' AND sql IS NOT NULL"
        indexes = database.execute(laid).fetchall()
        for name, _ in indexes:
            database.execute(f"DROP INDEX {name}")
        for block in self._blocks(wanted):
            for table, names in (("study", _STUDY), ("series", _SERIES), ("instance", _INSTANCE)):
                places = ",".join("?" * len(names))
                columns = ",".join(f'"{name}"' for name in names)
                database.executemany(f"INSERT INTO {table} ({columns}) VALUES ({places})", block[table])
            database.commit()
        for _, sql in indexes:
            database.execute(sql)
        database.execute("ANALYZE")
        database.commit()
        database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        database.close()

    def _postgresql(self, wanted: int) -> None:
        import psycopg

        laid = "SELECT indexname, indexdef FROM pg_indexes WHERE tablename = 'instance' AND indexname LIKE 'ix_%'"
        with psycopg.connect(self.url) as connection, connection.cursor() as cursor:
            indexes = cursor.execute(laid).fetchall()
            for name, _ in indexes:
                cursor.execute(f"DROP INDEX {name}")
            connection.commit()
            cursor.execute("SET session_replication_role = replica")  # the rows fit; asking for each costs hours
            for block in self._blocks(wanted):
                for table, names in (("study", _STUDY), ("series", _SERIES), ("instance", _INSTANCE)):
                    columns = ",".join(f'"{name}"' for name in names)
                    with cursor.copy(f"COPY {table} ({columns}) FROM STDIN") as copy:
                        for row in block[table]:
                            copy.write_row(row)
                connection.commit()
            cursor.execute("SET maintenance_work_mem = '1GB'")
            for _, definition in indexes:
                cursor.execute(definition)
        with psycopg.connect(self.url, autocommit=True) as connection:
            connection.execute("VACUUM ANALYZE")


def searches(fill: Fill) -> dict[str, Callable[[random.Random], str]]:
    """Return the named searches: each makes a path below the DICOMweb root, for another study each time."""

    def any_study(drawn: random.Random) -> str:
        return study_uid(drawn.randrange(fill.studies))

    def ct_study(drawn: random.Random) -> str:
        return study_uid(drawn.randrange(fill.studies // 2) * 2)

    def day(drawn: random.Random) -> str:
        return f"{2016 + drawn.randrange(10)}{drawn.randrange(1, 13):02d}"

    def asked(path: str, **keys: object) -> str:
        return f"{path}?{urlencode(keys)}"

    return {
        "study by UID": lambda d: asked("/studies", StudyInstanceUID=any_study(d)),
        "studies of a patient": lambda d: asked("/studies", PatientID=f"P{d.randrange(fill.studies // 2):08d}"),
        "date and modality, 101": lambda d: asked(
            "/studies", StudyDate=f"{day(d)}01-{day(d)[:4]}1231", ModalitiesInStudy="CT", limit=101
        ),
        "three UIDs": lambda d: asked("/studies", StudyInstanceUID=",".join(any_study(d) for _ in range(3))),
        "series of a study": lambda d: f"/studies/{ct_study(d)}/series",
        "instances of a series": lambda d: f"/studies/{(uid := ct_study(d))}/series/{uid}.1/instances",
        "modality, offset": lambda d: asked(
            "/studies", ModalitiesInStudy=d.choice(("CT", "DX")), limit=50, offset=min(500, fill.studies // 4)
        ),
        "*words* inside": lambda d: asked("/studies", StudyDescription=f"*{d.choice(_WORDS)[1:]}*", limit=101),
    }


def measure(server: Server, fill: Fill, *, asked: int) -> dict[str, tuple[float, float]]:
    """Return milliseconds, 50 % and 95 %, of each search."""
    connection = Connection(server)
    measured = {}
    for name, make in searches(fill).items():
        drawn, took, found = random.Random(name), [], 0
        for number in range(asked + 1):
            path = make(drawn)
            began = time.perf_counter()
            status, body = connection.ask("GET", path, headers={"Accept": "application/dicom+json"})
            spent = time.perf_counter() - began
            if status not in (200, 204):
                raise SystemExit(f"{name}: {path} answered {status}")
            found += len(json.loads(body)) if body else 0
            if number:
                took.append(spent * 1000)
        if not found:
            raise SystemExit(f"{name}: nothing was ever found")
        measured[name] = (statistics.median(took), sorted(took)[int(len(took) * 0.95)])
    return measured


def main() -> None:
    """Fill and measure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--instances", type=int, default=10_000_000)
    parser.add_argument("--database-url", default="", help="postgresql://... of an empty database; SQLite without it")
    parser.add_argument("--asked", type=int, default=60, help="how often each search is asked")
    parser.add_argument("--keep", type=Path, help="folder to work in and to leave")
    chosen = parser.parse_args()
    folder = chosen.keep or Path(tempfile.mkdtemp(prefix="radcommons-scale-"))
    sizes = sorted({3_500, 50_000, chosen.instances // 10, chosen.instances} & set(range(chosen.instances + 1)))
    columns = {}
    try:
        run(folder / "hub", chosen.database_url, sizes, columns, asked=chosen.asked)
    finally:
        if not chosen.keep:
            shutil.rmtree(folder, ignore_errors=True)


def run(folder: Path, url: str, sizes: list[int], columns: dict[int, Any], *, asked: int) -> None:
    """Measure at each size, and print the table."""
    if url:
        os.environ["RADCOMMONS_DATABASE_URL"] = url
    fill = Fill(url or f"sqlite:///{folder / 'hub.db'}")
    with our_hub(folder, port=_PORT):
        pass  # the schema is there
    for size in sizes:
        began = time.perf_counter()
        fill.upto(size)
        filled = time.perf_counter() - began
        began = time.perf_counter()
        with our_hub(folder, port=_PORT, is_new=False) as server:
            started = time.perf_counter() - began
            columns[size] = measure(server, fill, asked=asked)
            print(
                f"{size:,} instances, {fill.studies:,} studies: filled in {filled:.0f} s, first answer after "
                f"{started:.1f} s, peak {server.peak_mb():.0f} MB",
                flush=True,
            )
    print("| search, ms at 50 % / 95 % | " + " | ".join(f"{size:,}" for size in sizes) + " | growth |")
    print("|---|" + "---:|" * (len(sizes) + 1))
    for name in columns[sizes[0]]:
        cells = [f"{columns[size][name][0]:.1f} / {columns[size][name][1]:.1f}" for size in sizes]
        growth = columns[sizes[-1]][name][0] / columns[sizes[0]][name][0]
        print(f"| {name} | " + " | ".join(cells) + f" | {growth:.2f} |")


if __name__ == "__main__":
    main()
