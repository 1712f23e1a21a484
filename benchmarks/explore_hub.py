"""Fill a hub's database with invented series, serve it, and ask the page of explore over HTTP.

The distributions are invented in the shape of a large public index: about five series a study, eight modalities of
very different size, a long tail of manufacturers and body parts, thousands of descriptions, forty sites, and a
clinical row for every second patient. Each series has one instance. Release `index-1` holds all but a hundredth,
`index-2` everything; so the time to add a release is measured as well.
"""

from __future__ import annotations

import json
import os
import random
import re
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import httpx
import numpy as np

sys.path.insert(0, str(Path(__file__).parent / "dicomweb"))

from harness import COMMAND, Server, our_hub

_PORT = 18_163 + os.getpid() % 1_000  # two may run at once
_SEED = 20260101
_MODALITIES = (("CT", 40), ("MR", 20), ("SEG", 14), ("DX", 10), ("CR", 8), ("PT", 5), ("SR", 2), ("RTSTRUCT", 1))
_BODIES = ("CHEST", "LUNG", "HEART", "", "ABDOMEN", "BREAST", "HEAD", "THORAX", "SPINE", "PELVIS")
_WORDS = ("chest", "lung", "axial", "contrast", "portable", "ap", "b70", "soft", "thin", "recon", "localizer", "pa")
_NAMES = {
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
_RELEASE = ("id", "dataset", "number", "title", "tier", "created_at", "manifest", "signature", "summary")
Rows = dict[str, list[tuple[Any, ...]]]


def blocks(series: int) -> Iterator[Rows]:
    """Yield the rows of so many series, the same each time."""
    dice = random.Random(_SEED)
    kinds, weights = zip(*_MODALITIES, strict=True)
    made, study = 0, 0
    while made < series:
        rows: Rows = {name: [] for name in _NAMES}
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


def releases(numbers: range, *, patients: int) -> list[tuple[Any, ...]]:
    """Return the rows of releases, with a clinical row for every second patient."""
    dice = random.Random(_SEED)
    told = [
        {
            "patient": f"P{number:08d}",
            "test_result": dice.choice(("Positive", "Positive", "Negative")),
            "test_method": dice.choice(("RT-PCR", "RT-PCR", "Antigen")),
            "days_from_test_to_study": int(dice.gauss(6, 9)),
            "age_at_index": int(min(89, max(1, dice.gauss(58, 17)))),
        }
        for number in range(0, patients, 2)
    ]
    counts = json.dumps({"counts": dict.fromkeys(("patients", "studies", "series", "instances", "bytes", "sites"), 1),
                         "terms": {}, "citation": ""})  # fmt: skip
    manifest = json.dumps({"clinical": told})
    return [
        (f"index-{n}", "covid-chest", n, "Index", "open", f"2026-01-0{n}T00:00:00Z", manifest, "{}", counts)
        for n in numbers
    ]


class Tables:
    """A hub's database, filled in its own bulk way."""

    def __init__(self, url: str) -> None:
        self._url = url

    def add(self, some: Iterator[tuple[str, tuple[str, ...], list[tuple[Any, ...]]]]) -> None:
        """Add rows: (table, columns, rows)."""
        if self._url.startswith("sqlite"):
            database = sqlite3.connect(self._url.removeprefix("sqlite:///"), timeout=60)
            database.execute("PRAGMA synchronous=OFF")
            for table, names, rows in some:
                places = ",".join("?" * len(names))
                database.executemany(f"INSERT INTO {table} ({','.join(names)}) VALUES ({places})", rows)
                database.commit()
            database.execute("ANALYZE")
            database.commit()
            database.close()
            return
        import psycopg

        with psycopg.connect(self._url) as connection:
            for table, names, rows in some:
                with connection.cursor().copy(f"COPY {table} ({','.join(names)}) FROM STDIN") as copy:
                    for row in rows:
                        copy.write_row(row)
        with psycopg.connect(self._url, autocommit=True) as connection:
            connection.execute("VACUUM ANALYZE")


def addresses(count: int) -> dict[str, list[str]]:
    """Return the queries by kind."""
    dice = random.Random(_SEED)
    choices = {
        "modality": [one for one, _ in _MODALITIES],
        "body": ["Chest", "Lung", "Heart", "Abdomen"],
        "sex": ["Female", "Male", "Other"],
        "age": ["50–59", "60–69", "70–79"],
        "site": [f"SITE{n}" for n in range(12)],
        "test": ["RT-PCR positive", "Antigen negative", "Not recorded"],
        "days": ["0 to 3", "4 to 7", "15 to 30"],
        "manufacturer": [f"Maker {n}" for n in range(8)],
        "segmentation": ["Yes", "No"],
        "release": ["index-1"],
    }

    def asked(filters: int, words: int = 0) -> str:
        pairs = [(name, value) for name in dice.sample(sorted(choices), filters)
                 for value in dice.sample(choices[name], min(2, len(choices[name])))]  # fmt: skip
        pairs += [("q", " ".join(dice.sample(_WORDS, words)))] if words else []
        return "/explore?" + urlencode([*pairs, ("sort", dice.choice(("newest", "largest", "name")))])

    kinds = {"no filter": (0, 0), "one filter": (1, 0), "three filters": (3, 0), "filters in all": (len(choices), 0),
             "words": (0, 2), "two filters and words": (2, 1)}  # fmt: skip
    return {kind: [asked(*one) for _ in range(count)] for kind, one in kinds.items()}


def _memory_mb(server: Server) -> int:
    text = Path(f"/proc/{server.pid}/status").read_text()
    return int(re.search(r"VmRSS:\s+(\d+)", text)[1]) // 1000  # type: ignore[index]


def _until_counted(client: httpx.Client, server: Server, release: str) -> dict[str, float]:
    """Ask until a release is counted, and return the time and the longest answer meanwhile."""
    began, cpu, longest = time.perf_counter(), server.cpu_s(), 0.0
    while True:
        asked = time.perf_counter()
        text = client.get("/explore", timeout=900).text
        longest = max(longest, time.perf_counter() - asked)
        if f'value="{release}"' in text and "being counted" not in text:
            return {
                "until_counted_s": round(time.perf_counter() - began, 1),
                "server_cpu_s": round(server.cpu_s() - cpu, 1),
                "longest_answer_s": round(longest, 2),
            }
        time.sleep(0.25)


def measure(folder: Path, url: str, *, series: int, count: int) -> dict[str, Any]:
    """Fill, serve, ask; return the figures."""
    if url:
        os.environ["RADCOMMONS_DATABASE_URL"] = url
    tables = Tables(url or f"sqlite:///{folder / 'hub' / 'hub.db'}")
    with our_hub(folder / "hub", port=_PORT):
        pass  # the schema is there
    began = time.perf_counter()
    sites = [(f"SITE{number}", "A site", "2026-01-01T00:00:00Z") for number in range(40)]
    tables.add(iter([("site", ("code", "name", "created_at"), sites)]))
    tables.add(iter([("release", _RELEASE, releases(range(1, 2), patients=series // 10))]))
    tables.add((name, _NAMES[name], rows[name]) for rows in blocks(series) for name in _ORDER)
    figures: dict[str, Any] = {"series": series, "filled_s": round(time.perf_counter() - began)}
    with our_hub(folder / "hub", port=_PORT, is_new=False) as server:
        server = Server(**{**_fields(server), "headers": {}})
        with httpx.Client(base_url=f"http://127.0.0.1:{_PORT}", trust_env=False) as client:
            figures["memory_before_mb"] = _memory_mb(server)
            figures["made"] = _until_counted(client, server, "index-1")
            figures["memory_mb"] = _memory_mb(server)
            figures["pages"] = {kind: _asked(client, server, some) for kind, some in addresses(count).items()}
            tables.add(iter([
                ("release", _RELEASE, releases(range(2, 3), patients=series // 10)),
                ("release_item", _NAMES["release_item"], [("index-2", n + 1) for n in range(series)]),
            ]))  # fmt: skip
            figures["release_added"] = _until_counted(client, server, "index-2")
            figures["withdrawn"] = _withdrawn(client, folder / "hub")
            figures["memory_after_mb"], figures["peak_mb"] = _memory_mb(server), round(server.peak_mb())
    figures["load"] = os.getloadavg()[0]
    return figures


_ORDER = ("study", "series", "instance", "release_item")


def _fields(server: Server) -> dict[str, Any]:
    return {name: getattr(server, name) for name in server.__dataclass_fields__}


def _asked(client: httpx.Client, server: Server, paths: list[str]) -> dict[str, float]:
    took, cpu = [], []
    for path in paths:
        used, began = server.cpu_s(), time.perf_counter()
        answer = client.get(path, timeout=60)
        took.append((time.perf_counter() - began) * 1000)
        cpu.append((server.cpu_s() - used) * 1000)
        if answer.status_code != 200:
            raise SystemExit(f"{path} answered {answer.status_code}")
    return {
        "wall_p50_ms": round(float(np.percentile(took, 50))),
        "wall_p95_ms": round(float(np.percentile(took, 95))),
        "cpu_mean_ms": round(float(np.mean(cpu))),  # the clock of the server's processor ticks every 10 ms
    }


def _withdrawn(client: httpx.Client, folder: Path) -> dict[str, float]:
    """Take a study back by the hub's own command, and time the answer that follows."""
    uid = f"2.25.{9 * 10**30 + 3}"
    command = [str(COMMAND), "release", "withdraw", str(folder), "--study", uid, "--reason", "error"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(done.stderr)
    began = time.perf_counter()
    client.get("/explore", timeout=60)
    return {"first_answer_after_ms": round((time.perf_counter() - began) * 1000)}
