"""Megabytes per second of a fetch, beside dcmtk's getscu and movescu from the same dcmqrscp in the same run.

    python benchmarks/fetch.py [--slices 200] [--rows 512] [--studies 4] [--rounds 3]

Ours   the transfer of `site fetch`: C-FIND to the image level, C-GET or C-MOVE, each object compared with what was
       asked, digest, fsync and rows in the encrypted store; the deciding that follows is not in it
getscu, movescu   dcmtk's own, which write files and flush nothing

Each line is the median of the rounds; user and system CPU of our process stand beside it, since other work may share
the machine.
"""

from __future__ import annotations

import argparse
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from tests.functional.pacs_peers import Archive, dcmqrscp, dcmtk, push
from tests.functional.site_inputs import ROOT, ct_slice, write

from radcommons.site.fetch_bring import Bringer
from radcommons.site.fetch_find import Patience, Task
from radcommons.site.fetch_pace import Throttle
from radcommons.site.fetch_take import Settler
from radcommons.site.join import init
from radcommons.site.pacs import parse_peer, receive_into
from radcommons.site.pacs_get import DimsePacs, Landing
from radcommons.site.pacs_land import land
from radcommons.site.receive_inbox import parts_folder
from radcommons.site.settings import SiteSettings
from radcommons.site.store import Store, open_store


def _fill(folder: Path, *, studies: int, slices: int, rows: int) -> tuple[list[str], int]:
    """Write CT studies of invented patients and return their numbers and their bytes."""
    total, patients = 0, [str(5000 + number) for number in range(studies)]
    noise = np.random.default_rng(1)
    for patient in patients:
        for number in range(1, slices + 1):
            pixels = noise.integers(200, 1400, (rows, rows), dtype=np.uint16).tobytes()
            dataset = ct_slice(number, patient=patient, Rows=rows, Columns=rows, PixelData=pixels)
            total += write(folder / f"{patient}-{number}", dataset).stat().st_size
    return patients, total


def _ours(archive: Archive, folder: Path, patients: list[str], way: str) -> tuple[float, float]:
    """Return (seconds, CPU seconds) of the transfer of all studies into a new gateway."""
    settings = SiteSettings(hub="http://127.0.0.1:9", sites=("ALFA",))
    init(folder, settings=settings, token="x", password="p", offline=True)
    store = open_store(folder)
    landing = Landing("RADCOMMONS")
    with parts_folder(store) as parts, land(landing, host="127.0.0.1", port=archive.landing, settings=settings):
        receive_into(parts)
        before, began = resource.getrusage(resource.RUSAGE_SELF), time.perf_counter()
        _transfer(store, DimsePacs(parse_peer(archive.name), landing, way), parts, patients)
        seconds, after = time.perf_counter() - began, resource.getrusage(resource.RUSAGE_SELF)
    store.close()
    return seconds, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def _transfer(store: Store, pacs: DimsePacs, parts: Path, patients: list[str]) -> None:
    settler = Settler(store, store.directory / "inbox", "bench")
    settler.start()
    bringer = Bringer(
        store=store, pacs=pacs, settler=settler, throttle=Throttle(), parts=parts, patience=Patience(tries=2)
    )
    for patient in patients:
        study = pacs.study(f"{ROOT}.{patient}.1")
        assert study is not None
        for series in pacs.series(study.study_uid):
            outcome = bringer.bring(Task(study=study, series=series))
            assert outcome.state == "complete", outcome
    pacs.close()
    settler.stop()


def _peer(archive: Archive, folder: Path, patients: list[str], way: str) -> tuple[float, float]:
    folder.mkdir()
    began = time.perf_counter()
    for patient in patients:
        keys = ["-k", "QueryRetrieveLevel=STUDY", "-k", f"StudyInstanceUID={ROOT}.{patient}.1"]
        common = ["-S", "-aet", "RADCOMMONS", "-aec", "PACS", "--max-pdu", "131072", "-od", str(folder), *keys]
        if way == "move":
            common = [*common, "-aem", "RADCOMMONS", "--port", str(archive.landing)]
        command = [dcmtk(f"{way}scu"), *common, "127.0.0.1", str(archive.port)]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    seconds = time.perf_counter() - began
    return seconds, 0.0


def main() -> None:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--slices", type=int, default=200)
    parser.add_argument("--rows", type=int, default=512)
    parser.add_argument("--studies", type=int, default=4)
    parser.add_argument("--rounds", type=int, default=3)
    asked = parser.parse_args()
    # dcmtk keeps Nagle's algorithm on unless this says otherwise, and is then 20 times slower on one machine: the
    # archive and both its clients are measured at their best. TCP_NODELAY=0 shows them as they come.
    os.environ.setdefault("TCP_NODELAY", "1")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        patients, size = _fill(folder / "in", studies=asked.studies, slices=asked.slices, rows=asked.rows)
        with dcmqrscp(folder / "pacs") as archive:
            push(archive, sorted((folder / "in").iterdir()))
            shutil.rmtree(folder / "in")
            works: list[tuple[str, str, Callable[..., tuple[float, float]]]] = [
                (kind, way, work) for way in ("get", "move") for kind, work in (("dcmtk", _peer), ("ours", _ours))
            ]
            found: dict[tuple[str, str], list[tuple[float, float]]] = {}
            for number in range(asked.rounds):
                for kind, way, work in works:
                    target = folder / f"{kind}-{way}-{number}"
                    found.setdefault((kind, way), []).append(work(archive, target, patients, way))
                    shutil.rmtree(target)
    instances = asked.studies * asked.slices
    print(f"{instances} CT slices of {asked.rows} x {asked.rows}, {size / 1e6:.0f} MB; load {os.getloadavg()[0]:.1f}\n")
    print("| way | ours, MB/s | our CPU, s | dcmtk, MB/s | ratio |\n|---|---|---|---|---|")
    for way in ("get", "move"):
        ours = statistics.median(one[0] for one in found["ours", way])
        cpu = statistics.median(one[1] for one in found["ours", way])
        theirs = statistics.median(one[0] for one in found["dcmtk", way])
        rates = f"{size / 1e6 / ours:.1f} | {cpu:.1f} | {size / 1e6 / theirs:.1f} | {theirs / ours:.2f}"
        print(f"| C-{way.upper()} | {rates} |")


if __name__ == "__main__":
    main()
