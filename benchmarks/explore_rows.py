"""Rows of a hub's tables for the measurement of explore: invented ones, or those of a published index.

The invented distributions have the shape of a large public index: about five series a study, eight modalities of very
different size, a long tail of manufacturers and body parts, thousands of descriptions, forty sites, and a clinical row
for every second patient. A file has the columns of the index of NCI's Imaging Data Commons (`idc-index-data` on PyPI
carries one); its collections are the sites. Each series has one instance. Release `index-1` holds all but a hundredth.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_SEED = 20260101
_MODALITIES = (("CT", 40), ("MR", 20), ("SEG", 14), ("DX", 10), ("CR", 8), ("PT", 5), ("SR", 2), ("RTSTRUCT", 1))
_BODIES = ("CHEST", "LUNG", "HEART", "", "ABDOMEN", "BREAST", "HEAD", "THORAX", "SPINE", "PELVIS")
_WORDS = ("chest", "lung", "axial", "contrast", "portable", "ap", "b70", "soft", "thin", "recon", "localizer", "pa")
NAMES = {
    "instance": (
        *("id", "sop_instance_uid", "digest", "size", "sop_class_uid", "transfer_syntax_uid", "patient"),
        *("study_instance_uid", "series_instance_uid", "site", "dataset", "state", "modality", "number", "frames"),
    ),
    "study": ("study_instance_uid", "patient", "site", "study_date", "description", "patient_sex", "patient_age",
              "header"),
    "series": ("series_instance_uid", "study_instance_uid", "modality", "number", "description", "body_part",
               "manufacturer", "view", "slice_mm", "header"),
    "release_item": ("release_id", "instance_id"),
}  # fmt: skip
RELEASE = ("id", "dataset", "number", "title", "tier", "created_at", "manifest", "signature", "summary")
_SITE = "collection_id"
_COLUMNS = (
    *("StudyInstanceUID", "SeriesInstanceUID", "Modality", _SITE, "PatientID", "PatientAge", "PatientSex"),
    *("StudyDate", "StudyDescription", "SeriesDescription", "BodyPartExamined", "Manufacturer", "series_size_MB"),
)
Rows = dict[str, list[tuple[Any, ...]]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """What a hub is filled with: how many series, of which sites and patients, and the rows in blocks."""

    series: int
    sites: Sequence[str]
    patients: Sequence[str]
    blocks: Callable[[], Iterator[Rows]]


def invented(series: int) -> Source:
    """Return invented series."""
    return Source(
        series=series,
        sites=[f"SITE{number}" for number in range(40)],
        patients=[f"P{number:08d}" for number in range(series // 10)],
        blocks=lambda: _invented(series),
    )


def of_file(path: Path) -> Source:
    """Return the series of a parquet file.

    Raises
    ------
    SystemExit
        If the file lacks a column that names a series, or nothing here reads parquet.
    """
    try:
        import pyarrow.parquet as pq
    except ImportError:
        raise SystemExit("Reading parquet takes pyarrow: run `make setup`, or `pip install pyarrow`.") from None
    file = pq.ParquetFile(path)
    missing = {"StudyInstanceUID", "SeriesInstanceUID", "Modality"} - set(file.schema_arrow.names)
    if missing:
        raise SystemExit(f"{path} is no index of series: it lacks {', '.join(sorted(missing))}.")

    def different(name: str) -> list[str]:
        found = pq.read_table(path, columns=[name])[name].unique() if name in file.schema_arrow.names else []
        return [str(one) for one in found if one]

    sites = {name: f"C{number:04}" for number, name in enumerate(["", *different(_SITE)])}  # as short as codes are
    return Source(
        series=file.metadata.num_rows,
        sites=list(sites.values()),
        patients=different("PatientID"),
        blocks=lambda: _filed(file, sites),
    )


def _filed(file: Any, sites: Mapping[str, str]) -> Iterator[Rows]:
    named = [name for name in _COLUMNS if name in file.schema_arrow.names]
    seen: set[str] = set()
    made = 0
    for batch in file.iter_batches(batch_size=40_000, columns=named):
        rows: Rows = {name: [] for name in NAMES}
        columns = [batch[name].to_pylist() if name in named else [None] * len(batch) for name in _COLUMNS]
        for one in zip(*columns, strict=True):
            study, series, kind, site, patient, age, sex, day, study_text, text, body, maker, megabytes = one
            site, patient, made = sites[site or ""], (patient or study)[:64], made + 1
            study_text, text, body, maker = _cut(study_text, 256), _cut(text, 256), _cut(body, 64), _cut(maker, 64)
            if study not in seen:
                seen.add(study)
                date = str(day or "").replace("-", "")
                rows["study"].append((study, patient, site, date[:8], study_text, _cut(sex, 16), _cut(age, 4), "{}"))
            rows["series"].append((series, study, _cut(kind, 16), None, text, body, maker, None, None, "{}"))
            rows["instance"].append(
                (made, f"2.25.{made}", f"{made:064x}", int((megabytes or 0) * 1e6), "1.2", "1.2", patient, study,
                 series, site, "covid-chest", "accepted", kind, 1, 1)
            )  # fmt: skip
            rows["release_item"] += [("index-1", made)] * (made % 100 > 0)
        yield rows


def _cut(text: str | None, length: int) -> str | None:
    return text[:length].replace("\0", "") if text else text


def _invented(series: int) -> Iterator[Rows]:
    dice = random.Random(_SEED)
    kinds, weights = zip(*_MODALITIES, strict=True)
    made, study = 0, 0
    while made < series:
        rows: Rows = {name: [] for name in NAMES}
        while made < series and len(rows["series"]) < 40_000:
            uid, patient, site = (
                f"2.25.{9 * 10**30 + study}",
                f"P{study // 2:08d}",
                f"SITE{int(40 * dice.random() ** 2)}",
            )
            words = " ".join(dice.choices(_WORDS, k=2))
            sex, age = dice.choice("FMFMO"), f"{min(95, max(1, int(dice.gauss(58, 17)))):03d}Y"
            rows["study"].append((uid, patient, site, "20200301", words, sex, age, "{}"))
            for place in range(min(dice.choice((1, 2, 4, 6, 8, 9)), series - made)):
                made += 1
                kind, one = dice.choices(kinds, weights)[0], f"{uid}.{place}"
                maker = f"Maker {int(60 * dice.random() ** 3)}"
                header = json.dumps({"00080070": {"vr": "LO", "Value": [maker]}})
                view = dice.choice(("AP", "PA", "LL")) if kind in ("DX", "CR") else None
                thick = dice.choice((0.625, 1.0, 1.5, 2.5, 5.0, 7.5)) if kind == "CT" else None
                text = f"{dice.choice(_WORDS)} {int(4000 * dice.random() ** 3)}"
                rows["series"].append((one, uid, kind, place, text, dice.choice(_BODIES) or None, maker, view,
                                       thick, header))  # fmt: skip
                size = int(10 ** (5 + 3 * dice.random()))
                rows["instance"].append(
                    (made, f"{one}.1", f"{made:064x}", size, "1.2", "1.2", patient, uid, one, site, "covid-chest",
                     "accepted", kind, 1, 1)
                )  # fmt: skip
                rows["release_item"] += [("index-1", made)] * (made % 100 > 0)
            study += 1
        yield rows


def releases(numbers: range, *, patients: Sequence[str]) -> list[tuple[Any, ...]]:
    """Return the rows of releases, with a clinical row for every second patient."""
    dice = random.Random(_SEED)
    told = [
        {
            "patient": patient,
            "test_result": dice.choice(("Positive", "Positive", "Negative")),
            "test_method": dice.choice(("RT-PCR", "RT-PCR", "Antigen")),
            "days_from_test_to_study": int(dice.gauss(6, 9)),
            "age_at_index": int(min(89, max(1, dice.gauss(58, 17)))),
        }
        for patient in patients[::2]
    ]
    counts = json.dumps({"counts": dict.fromkeys(("patients", "studies", "series", "instances", "bytes", "sites"), 1),
                         "terms": {}, "citation": ""})  # fmt: skip
    manifest = json.dumps({"clinical": told})
    return [
        (f"index-{n}", "covid-chest", n, "Index", "open", f"2026-01-0{n}T00:00:00Z", manifest, "{}", counts)
        for n in numbers
    ]
