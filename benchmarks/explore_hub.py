"""Fill a hub's database with series (`explore_rows`), serve it, and ask the page of explore over HTTP.

Release `index-1` holds all but a hundredth, `index-2` everything; so the time to add a release is measured as well.
"""

from __future__ import annotations

import html
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

from explore_rows import NAMES, RELEASE, Source, releases

_PORT = 18_163 + os.getpid() % 1_000  # two may run at once
_SEED = 20260101
_WORDS = ("chest", "lung", "axial", "contrast", "portable", "ap", "b70", "soft", "thin", "recon", "localizer", "pa")


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


def addresses(first: str, count: int) -> dict[str, list[str]]:
    """Return the queries by kind, from the values that the page without a filter offers; often used ones come first."""
    dice = random.Random(_SEED)
    offered: dict[str, list[str]] = {}
    for name, value in re.findall(r'<input type="checkbox"[^>]*? name="(\w+)" value="([^"]+)"', first):
        offered.setdefault(name, []).append(html.unescape(value))
    choices = {name: values[:12] for name, values in offered.items()}

    def asked(filters: int, sought: int = 0) -> str:
        pairs = [(name, value) for name in dice.sample(sorted(choices), filters)
                 for value in dice.sample(choices[name], min(2, len(choices[name])))]  # fmt: skip
        pairs += [("q", " ".join(dice.sample(_WORDS, sought)))] if sought else []
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


def measure(folder: Path, url: str, *, source: Source, count: int) -> dict[str, Any]:
    """Fill, serve, ask; return the figures."""
    if url:
        os.environ["RADCOMMONS_DATABASE_URL"] = url
    tables = Tables(url or f"sqlite:///{folder / 'hub' / 'hub.db'}")
    with our_hub(folder / "hub", port=_PORT):
        pass  # the schema is there
    began = time.perf_counter()
    sites = [(site, "A site", "2026-01-01T00:00:00Z") for site in source.sites]
    tables.add(iter([("site", ("code", "name", "created_at"), sites)]))
    tables.add(iter([("release", RELEASE, releases(range(1, 2), patients=source.patients))]))
    tables.add((name, NAMES[name], rows[name]) for rows in source.blocks() for name in _ORDER)
    figures: dict[str, Any] = {"series": source.series, "filled_s": round(time.perf_counter() - began)}
    with our_hub(folder / "hub", port=_PORT, is_new=False) as server:
        server = Server(**{**_fields(server), "headers": {}})
        with httpx.Client(base_url=f"http://127.0.0.1:{_PORT}", trust_env=False) as client:
            figures["memory_before_mb"] = _memory_mb(server)
            figures["made"] = _until_counted(client, server, "index-1")
            figures["memory_mb"] = _memory_mb(server)
            kinds = addresses(client.get("/explore").text, count)
            figures["pages"] = {kind: _asked(client, server, some) for kind, some in kinds.items()}
            tables.add(iter([
                ("release", RELEASE, releases(range(2, 3), patients=source.patients)),
                ("release_item", NAMES["release_item"], [("index-2", n + 1) for n in range(source.series)]),
            ]))  # fmt: skip
            figures["release_added"] = _until_counted(client, server, "index-2")
            figures["sealed"] = _sealed(client, folder / "hub", study=next(source.blocks())["study"][3][0])
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


def _sealed(client: httpx.Client, folder: Path, *, study: str) -> dict[str, float]:
    """Take a study out by the hub's own command for identity incidents, and time the answer that follows."""
    command = [str(COMMAND), "hub", "incident", str(folder), "--study", study, "--reason", "a measurement"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(done.stderr)
    began = time.perf_counter()
    client.get("/explore", timeout=60)
    return {"first_answer_after_ms": round((time.perf_counter() - began) * 1000)}
