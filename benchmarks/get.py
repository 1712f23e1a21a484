"""`radcommons get` beside a plain parallel copy of the same bytes over HTTP (`curl --parallel`), from the same hub.

    python benchmarks/get.py [--small 2000] [--small-kb 64] [--large 4] [--large-mb 256] [--mbit N] [--rounds 3]

many   `--small` files of `--small-kb` kB each
few    `--large` files of `--large-mb` MB each

Ours is the whole command from its start to its end: documents, signatures, and the digest of every byte.
curl is given the addresses and the names beforehand and computes nothing; `checked` is curl with the sha256sum after it
that such a copy needs before it may be used. Each figure is the median of the rounds, the ways in turn.
`--mbit` (root, Linux): the loopback is no faster than such a network; without it hub and client share the machine's
cores at whatever they reach, and each digest is a core's time that the copy lacks.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from pydicom.dataset import Dataset

from radcommons.testing.sender import Made, Sender
from radcommons.testing.served import ServedHub, served_hub, sibling

COMMAND = str(Path(sys.executable).with_name("radcommons"))
_BATCH_BYTES = 64 << 20
_INSIDE = "RADCOMMONS_BENCHMARK_NETWORK"


def _in_slow_network(mbit: int) -> None:
    """Start this program again in a network namespace of its own, whose loopback is as slow as asked."""
    if os.environ.get(_INSIDE):
        return
    os.environ[_INSIDE] = "1"
    slow = f"tc qdisc add dev lo root tbf rate {mbit}mbit burst 256kb latency 50ms"
    again = f'ip link set lo mtu 1500 up && {slow} && exec "$@"'
    os.execvp("unshare", ["unshare", "-n", "sh", "-c", again, "sh", *sys.orig_argv])


def _sized(size: int) -> Made:
    """Return an instance of about so many bytes."""
    side = max(int((size / 2) ** 0.5), 16)

    def change(dataset: Dataset) -> None:
        noise = np.random.default_rng(1).integers(0, 4096, side * side, dtype=np.uint16)
        dataset.Rows, dataset.Columns, dataset.PixelData = side, side, noise.tobytes()

    return Sender().instance(change=change)


def fill(hub: ServedHub, *, count: int, size: int) -> tuple[str, int]:
    """Store `count` instances of `size` bytes, release them, and return the release and its bytes."""
    headers, made, total = hub.token(), _sized(size), 0
    batch: list[bytes] = []
    for number in range(count):
        batch.append(sibling(made, number).content)
        total += len(batch[-1])
        if sum(map(len, batch)) >= _BATCH_BYTES or number + 1 == count:
            assert hub.store(batch, headers=headers, timeout=600).status_code == 200
            batch = []
    ran = subprocess.run([COMMAND, "release", "create", str(hub.directory), "--json"], capture_output=True, check=True)
    return str(json.loads(ran.stdout)["id"]), total


def get(hub: ServedHub, release: str, target: Path, *, jobs: int) -> float:
    """Return the seconds of our command."""
    began = time.perf_counter()
    command = [COMMAND, "get", release, "--to", str(target), "--hub", hub.url, "--jobs", str(jobs), "--json"]
    subprocess.run(command, check=True, capture_output=True)
    return time.perf_counter() - began


def curl(hub: ServedHub, release: str, target: Path, *, jobs: int) -> tuple[float, float]:
    """Return the seconds of curl, and of curl with sha256sum after it."""
    table = hub.client.get(f"{hub.url}/api/v1/releases/{release}/manifest.csv").text
    rows = list(csv.DictReader(table.splitlines()))
    config, sums = target.with_suffix(".curl"), target.with_suffix(".sums")
    config.write_text("\n".join(f'url = "{row["url"]}"\noutput = "{target / row["path"]}"' for row in rows))
    sums.write_text("\n".join(f"{row['sha256']}  {target / row['path']}" for row in rows))
    began = time.perf_counter()
    command = ["curl", "-sSfL", "--parallel", "--parallel-max", str(jobs), "--create-dirs", "-K", str(config)]
    subprocess.run(command, check=True, capture_output=True)
    copied = time.perf_counter() - began
    subprocess.run(["sha256sum", "--check", "--quiet", str(sums)], check=True)
    return copied, time.perf_counter() - began


def measure(folder: Path, *, count: int, size: int, jobs: int, rounds: int) -> dict[str, float | int]:
    """Return what both ways took."""
    ours: list[float] = []
    plain: list[tuple[float, float]] = []
    with served_hub(folder / "hub") as hub:
        release, total = fill(hub, count=count, size=size)
        for number in range(rounds):
            for way in ("ours", "curl") if number % 2 else ("curl", "ours"):
                if way == "ours":
                    ours.append(get(hub, release, folder / way, jobs=jobs))
                else:
                    plain.append(curl(hub, release, folder / way, jobs=jobs))
                shutil.rmtree(folder / way)
    mine = statistics.median(ours)
    copied, checked = (statistics.median(one[place] for one in plain) for place in (0, 1))
    return {
        "files": count,
        "bytes": total,
        "get_s": round(mine, 2),
        "curl_s": round(copied, 2),
        "checked_s": round(checked, 2),
        "get_files_s": round(count / mine),
        "get_mb_s": round(total / 1e6 / mine, 1),
        "beside_curl": round(copied / mine, 2),
        "beside_checked": round(checked / mine, 2),
    }


def main() -> None:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--small", type=int, default=2000)
    parser.add_argument("--small-kb", type=int, default=64)
    parser.add_argument("--large", type=int, default=4)
    parser.add_argument("--large-mb", type=int, default=256)
    parser.add_argument("--jobs", type=int, default=8)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--mbit", type=int, default=0)
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    if asked.mbit:
        _in_slow_network(asked.mbit)
    found = {}
    for count, size in ((asked.small, asked.small_kb * 1000), (asked.large, asked.large_mb * 1_000_000)):
        if count:
            with tempfile.TemporaryDirectory() as name:
                found[f"{count} x {size}"] = measure(
                    Path(name), count=count, size=size, jobs=asked.jobs, rounds=asked.rounds
                )
    if asked.json:
        print(json.dumps({"load": os.getloadavg()[0], "mbit": asked.mbit or None, **found}))
        return
    network = f"{asked.mbit} Mbit/s" if asked.mbit else "loopback"
    print(f"{asked.jobs} at once, {network}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}\n")
    print(
        "| files | MB | get, s | curl, s | curl and sha256sum, s | get, files/s | get, MB/s | beside curl | checked |"
    )
    print("|---|---|---|---|---|---|---|---|---|")
    for one in found.values():
        cells = [one["files"], round(one["bytes"] / 1e6), *list(one.values())[2:]]
        print("| " + " | ".join(map(str, cells)) + " |")


if __name__ == "__main__":
    main()
