"""Measure explore at the size of a continent's collection: the page of a hub over HTTP, and its index alone.

    uv run --no-sync python benchmarks/explore.py --parquet idc_index.parquet [--database-url postgresql://...] --json
    uv run --no-sync python benchmarks/explore.py --series 1000000 [--database-url postgresql://...] --json
    uv run --no-sync python benchmarks/explore.py --parquet idc_index.parquet --index-only --json

A new hub is filled with the series of the file (`explore_rows.py` says which columns it has) or with invented ones, in
SQLite or in the empty database of the address, and served; its page is asked over HTTP with every facet's counts, one
connection; a release is added, and a study sealed. With `--index-only` the time is that of `FacetIndex.ask` with
all facets, plus sorting and cutting one page. Wall and processor time are both printed.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import resource
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

from radcommons.catalogue.facets import Asked, FacetIndex, coded, facet_of_rows, facet_of_studies

ROWS = {"modality": "Modality", "manufacturer": "Manufacturer", "body": "BodyPartExamined"}
STUDIES = {"sex": "PatientSex", "age": "PatientAge", "site": "collection_id", "license": "license_short_name"}
SEED = 20260101


def load(path: Path) -> tuple[FacetIndex, int]:
    """Return the index of a file and its number of series."""
    import pyarrow.parquet as pq

    wanted = ["StudyInstanceUID", "SeriesDescription", "StudyDescription", *ROWS.values(), *STUDIES.values()]
    table = pq.read_table(path, columns=[name for name in wanted if name in pq.read_schema(path).names])
    columns = {name: table[name].to_pylist() for name in table.column_names}
    uids, row_study = coded(columns["StudyInstanceUID"])
    facets = {name: facet_of_rows(row_study, _text(columns[of])) for name, of in ROWS.items() if of in columns}
    for name, of in STUDIES.items():
        if of in columns:
            values = _text(columns[of])
            if name == "age":
                values = [f"{one[1]}0" if one[:3].isdecimal() else "Not recorded" for one in values]
            facets[name] = facet_of_studies(zip(row_study.tolist(), values, strict=True))
    has = (modality == "SEG" for modality in columns["Modality"])
    facets["segmentation"] = facet_of_studies((s, "Yes") for s, one in zip(row_study.tolist(), has, strict=True) if one)
    described = zip(_text(columns["StudyDescription"]), _text(columns["SeriesDescription"]), strict=True)
    texts, row_text = coded(f"{study} {series}" for study, series in described)
    rank = np.arange(len(uids), dtype=np.int32)
    index = FacetIndex(
        uids=uids, row_study=row_study, facets=facets, texts=texts, row_text=row_text, order={"newest": rank}
    )
    return index, len(row_study)


def _text(values: list[Any]) -> list[str]:
    return [str(one) if one else "Not recorded" for one in values]


def queries(index: FacetIndex, count: int) -> dict[str, list[Asked]]:
    """Return queries by kind, the same each time; values are drawn as often as studies have them."""
    dice = random.Random(SEED)
    names = sorted(index.facets)

    def filters(number: int) -> dict[str, tuple[str, ...]]:
        made = {}
        for name in dice.sample(names, number):
            facet = index.facets[name]
            made[name] = tuple({facet.values[facet.code[dice.randrange(len(facet.code))]] for _ in range(2)})
        return made

    words = ("chest", "contrast", "lung axial", "b70", "ap")
    return {
        "no filter": [Asked(chosen={})] * count,
        "one filter": [Asked(chosen=filters(1)) for _ in range(count)],
        "three filters": [Asked(chosen=filters(3)) for _ in range(count)],
        "all filters": [Asked(chosen=filters(len(names))) for _ in range(count)],
        "words": [Asked(chosen={}, words=tuple(dice.choice(words).split())) for _ in range(count)],
        "two filters and words": [
            Asked(chosen=filters(2), words=tuple(dice.choice(words).split())) for _ in range(count)
        ],
    }


def of_index(path: Path, count: int) -> dict[str, Any]:
    """Return the figures of an index alone."""
    started = time.process_time()
    index, series = load(path)
    figures: dict[str, Any] = {
        "series": series,
        "studies": len(index.uids),
        "facets": len(index.facets),
        "build_cpu_s": round(time.process_time() - started, 1),
        "index_mb": round(index.nbytes / 1e6, 1),
        "load": os.getloadavg()[0],
    }
    for kind, asked in queries(index, count).items():
        wall, cpu = [], []
        for one in asked:
            begun, used = time.perf_counter(), time.process_time()
            index.sorted(index.ask(one), "newest")[:24]
            wall.append((time.perf_counter() - begun) * 1000)
            cpu.append((time.process_time() - used) * 1000)
        p = {
            f"{name}_p{q}_ms": round(float(np.percentile(v, q)), 1)
            for name, v in (("wall", wall), ("cpu", cpu))
            for q in (50, 95)
        }
        figures[kind] = p
    figures["peak_mb_with_loading"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    return figures


def of_hub(options: argparse.Namespace) -> dict[str, Any]:
    """Return the figures of a hub."""
    from explore_hub import measure
    from explore_rows import invented, of_file

    source = of_file(options.parquet) if options.parquet else invented(options.series)
    with tempfile.TemporaryDirectory(prefix="radcommons-explore-") as folder:
        return measure(Path(folder), options.database_url, source=source, count=options.count)


def main() -> None:
    """Load, ask, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument("--parquet", type=Path, help="an index of series")
    source.add_argument("--series", type=int, help="invent so many")
    parser.add_argument("--database-url", default="", help="an empty PostgreSQL database in place of SQLite")
    parser.add_argument("--index-only", action="store_true", help="with --parquet: no hub, the index alone")
    parser.add_argument("--count", type=int, default=60, help="queries of each kind")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    if options.parquet and not options.parquet.is_file():
        parser.error(f"there is no file {options.parquet}")
    if options.index_only and (options.series or options.database_url):
        parser.error("--index-only takes --parquet alone")
    figures = of_index(options.parquet, options.count) if options.index_only else of_hub(options)
    if options.json:
        print(json.dumps(figures, indent=1))
        return
    for name, value in figures.items():
        if name != "pages":
            print(f"{name:24} {value}")
    for kind, value in figures.get("pages", {}).items():
        print(f"{kind:24} {value}")


if __name__ == "__main__":
    main()
