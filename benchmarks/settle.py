"""CPU seconds of settling files that move: every study changes which of its two series goes.

    python benchmarks/settle.py [--files 20000] [--slices 200]

Rows of files are made by this script, no images; the looking, the moving and the audit trail are the gateway's own.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from radcommons.platform.policy import load_protocol
from radcommons.records.protocol import SelectionProtocol
from radcommons.site.join import init
from radcommons.site.selection_settle import keep_protocol, settle
from radcommons.site.settings import SiteSettings
from radcommons.site.store import Store, open_store
from radcommons.site.tables import file, study
from radcommons.site.tables_select import placed

PROTOCOL = """
schema: radcommons/protocol/v1
id: trial
version: "1"
title: Trial
source: benchmark
criteria:
  - {id: image, says: The object has pixels., test: {fact: is_image, is: true}}
one_series:
  - id: ct
    says: Of the CT series of a study one goes.
    when: {fact: modality, is: CT}
    rank:
      - {says: A lung kernel before any other., test: {fact: kernel, is: lung}}
"""


def _facts(kernel: str) -> str:
    return json.dumps({"is_image": True, "kernel": kernel, "modality": "CT"}, sort_keys=True)


def fill(store: Store, protocol: SelectionProtocol, *, files: int, slices: int) -> None:
    """Write the rows of studies with two series each."""
    same: dict[str, Any] = {"site": "ALFA", "dataset": "d", "protocol": protocol.digest, "profile": "p", "policy": "p"}
    rows, places, studies = [], [], []
    for number in range(files):
        one_series, place = divmod(number, slices)
        one_study, second = divmod(one_series, 2)
        digest = f"{number:064x}"
        rows.append(
            {
                **same,
                "id": number + 1,
                "path": f"/pacs/{number}",
                "stamp": "1",
                "original_digest": digest,
                "state": "ready",
                "pseudonym": f"ALFA-{one_study:010}",
                "study_uid": f"2.25.{one_study}",
                "series_uid": f"2.25.{one_study}.{second}",
                "sop_uid": f"2.25.{one_study}.{second}.{place}",
                "object_digest": digest,
                "added_at": "2026-01-01T00:00:00Z",
            }
        )
        places.append(
            {
                "file": number + 1,
                "facts": _facts("lung" if second else "soft"),
                "orientation": "1,0,0,0,1,0",
                "positions": json.dumps([float(place)]),
            }
        )
        if not second and not place:
            names = {"study_uid": f"2.25.{one_study}", "original_uid": "", "pseudonym": f"ALFA-{one_study:010}"}
            studies.append({**names, "site": "ALFA", "study_date": "20200401"})
    with store.change() as change:
        keep_protocol(change.connection, protocol)
        change.connection.execute(file.insert(), rows)
        change.connection.execute(placed.insert(), places)
        change.connection.execute(study.insert(), studies)


def swap(store: Store) -> None:
    """Let every series have the other one's kernel: all files move."""
    new = sa.case((placed.c.facts == _facts("lung"), _facts("soft")), else_=_facts("lung"))
    with store.change() as change:
        change.connection.execute(placed.update().values(facts=new, settled=""))


def timed(work: Callable[[], object]) -> str:
    """Return CPU and wall seconds."""
    began, cpu = time.perf_counter(), time.process_time()
    work()
    return f"{time.process_time() - cpu:8.1f} s CPU {time.perf_counter() - began:8.1f} s wall"


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--files", type=int, default=20_000)
    parser.add_argument("--slices", type=int, default=200)
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "protocol.yaml").write_text(PROTOCOL)
        init(
            folder / "gateway",
            settings=SiteSettings(hub="http://127.0.0.1:9", sites=("ALFA",)),
            offline=True,
            token="x",
        )
        store = open_store(folder / "gateway")
        fill(store, load_protocol(str(folder / "protocol.yaml")), files=chosen.files, slices=chosen.slices)
        print(f"{chosen.files} files, half of them go out   {timed(lambda: settle(store))}")
        swap(store)
        print(f"{chosen.files} files, all of them move      {timed(lambda: settle(store))}")
        print(f"{chosen.files} files, none moves            {timed(lambda: settle(store))}")
        with store.read() as connection:
            states = Counter(connection.execute(sa.select(file.c.state)).scalars())
        store.close()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    print(f"{dict(states)}, memory at most {peak} MB, load {os.getloadavg()[0]:.1f}")


if __name__ == "__main__":
    main()
