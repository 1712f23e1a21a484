"""Files per second at each step of the main path, beside a named peer in the same run.

    python benchmarks/road.py [--patients 12] [--input DIR]

add     `site add` (select, de-identify, check pixels, fsync) beside a plain copy, and dicom-anonymizer (headers alone)
submit  `site submit` (sign, STOW-RS, fsync at the hub) beside dcmtk's storescu to storescp without fsync
ingest  the hub's verification of every header and pixel beside pydicom reading and decoding each file once
get     `get` (parallel, every digest checked) beside a plain copy
"""

from __future__ import annotations

import argparse
import hashlib
import os
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import pydicom

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from tests.functional.pacs_peers import dcmtk

from radcommons.cli.demo_parts import Hub, Site, free_port
from radcommons.synthetic.collection import write_collection


def _timed(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def _copy(paths: list[Path], target: Path) -> None:
    target.mkdir()
    for number, path in enumerate(paths):
        content = path.read_bytes()
        hashlib.sha256(content).hexdigest()
        with (target / str(number)).open("wb") as copy:
            copy.write(content)
            copy.flush()
            os.fsync(copy.fileno())


def _anonymize(paths: list[Path], target: Path) -> None:
    from dicomanonymizer import anonymize_dicom_file  # the peer, a development dependency

    target.mkdir()
    for number, path in enumerate(paths):
        try:
            anonymize_dicom_file(str(path), str(target / str(number)))
        except Exception as error:  # the peer may refuse a file; it is timed all the same
            print(f"  the peer refused one file: {type(error).__name__}")


def _storescu(paths: list[Path], target: Path) -> None:
    target.mkdir()
    port = free_port()
    receiver = subprocess.Popen(
        [dcmtk("storescp"), "-od", str(target), "--accept-all", str(port)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        time.sleep(1)
        # One proposal a transfer syntax: storescu sends what its association was accepted for. As dcmtk comes it keeps
        # Nagle's algorithm on and is many times slower on one machine.
        subprocess.run(
            [dcmtk("storescu"), "-R", "--propose-lossless", "127.0.0.1", str(port), *map(str, paths)],
            env=os.environ | {"TCP_NODELAY": "1"},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            check=False,
        )
    finally:
        receiver.terminate()
        receiver.wait()


def _decode(path: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        data = pydicom.dcmread(path)
        _ = data.pixel_array


def _decode_all(paths: list[Path]) -> None:
    with ProcessPoolExecutor(os.cpu_count(), mp_context=get_context("forkserver")) as pool:
        list(pool.map(_decode, paths, chunksize=8))


def _row(step: str, files: int, ours: float, peer: str, theirs: float, done: int | None = None) -> str:
    ratio = (files / ours) / ((done or files) / theirs) if theirs else 0.0
    return (
        f"| {step:7} | {files:5} | {ours:7.1f} | {files / ours:8.1f} | {peer:38} | {theirs:7.1f} "
        f"| {(done or files) / theirs:8.1f} | {ratio:6.2f} |"
    )


def measure(folder: Path, *, given: Path | None, patients: int) -> list[str]:
    """Walk the road once in `folder` and return the table's rows."""
    source = given
    if source is None:
        write_collection(folder / "input", patients=patients, sites=("ALFA",))
        source = folder / "input" / "ALFA"
    hub = Hub(folder / "hub", port=free_port(), log=folder / "hub.log")
    hub.start()
    try:
        hub.people(("curator", "researcher"), folder / "people.json")
        site = Site(code="ALFA", directory=folder / "site", input=source, hub=hub)
        site.init()
        originals = [path for path in sorted(source.rglob("*")) if path.is_file()]
        add_s = _timed(site.add)
        added = site.status()
        ready = [path for path in sorted((site.directory / "objects").rglob("*")) if path.is_file()]
        submit_s = _timed(site.submit)
        started = time.perf_counter()
        hub.curate()
        ingest_s = time.perf_counter() - started
        release = hub.make_release("benchmark")
        assert release is not None
        get_s = _timed(lambda: hub.download(release, to=folder / "download"))
        got = len(list((folder / "download").rglob("*.dcm")))
    finally:
        hub.stop()
    seen = added["seen"]
    rows = [
        _row(
            "add", seen, add_s, "copy + sha256 + fsync", _timed(lambda: _copy(originals, folder / "c1")), len(originals)
        ),
        _row(
            "add",
            seen,
            add_s,
            "dicom-anonymizer 2.1.0, headers alone",
            _timed(lambda: _anonymize(ready, folder / "an")),
        ),
    ]
    rows.append(
        _row(
            "submit",
            len(ready),
            submit_s,
            "dcmtk storescu to storescp, no fsync",
            _timed(lambda: _storescu(ready, folder / "scp")),
        )
    )
    rows.append(
        _row("ingest", len(ready), ingest_s, "pydicom, read and decode alone", _timed(lambda: _decode_all(ready)))
    )
    rows.append(
        _row("get", got, get_s, "copy + sha256 + fsync", _timed(lambda: _copy(ready, folder / "c2")), len(ready))
    )
    return rows


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--patients", type=int, default=12)
    parser.add_argument("--input", type=Path)
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="road-") as folder:
        rows = measure(Path(folder), given=chosen.input, patients=chosen.patients)
    print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}")
    heads = ("step", "files", "ours, s", "files/s", "beside it", "s", "files/s", "ratio")
    widths = (7, 5, 7, 8, 38, 7, 8, 6)
    print("| " + " | ".join(f"{head:{width}}" for head, width in zip(heads, widths, strict=True)) + " |")
    print("|-" + "-|-".join("-" * width for width in widths) + "-|")
    print("\n".join(rows))


if __name__ == "__main__":
    main()
