"""One corpus, every tool that installs: CPU seconds, leaks, useful elements kept, new dciodvfy errors, odd files.

`python -m benchmarks.deid.table [--patients 22] [--seed 1] [--odd DIR]`
"""

from __future__ import annotations  # noqa: I001

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import warnings
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydicom.dataset import Dataset

from benchmarks.deid.corpus import build
from benchmarks.deid.kept import KINDS, count
from benchmarks.deid.leaks import Leak, match, read, search_all
from benchmarks.deid.peers import PEERS, Run, run_copy, run_ours, run_peer


@dataclass(frozen=True, slots=True)
class Row:
    """What one tool did."""

    tool: str
    cpu_s: float
    leaks: Counter[str]
    out: int
    kept: int
    lost: list[str]
    errors: int
    examples: list[str]
    broken: int
    odd: int


def dciodvfy_errors(path: Path) -> set[str]:
    """Return the errors that dciodvfy tells of a file, without values."""
    tool = Path(sys.executable).parent / "dciodvfy"
    done = subprocess.run([str(tool), str(path)], capture_output=True, check=False)
    lines = (done.stdout + done.stderr).decode("utf-8", "replace").splitlines()
    return {re.sub(r"<[^>]*>|\d{2,}", "", line)[:160] for line in lines if line.startswith("Error")}


def broken_references(outputs: list[Dataset]) -> int:
    """Return how many references to images of the corpus point to nothing that came out with them."""
    there = {str(one.get("SOPInstanceUID")) for one in outputs}
    wanted = [
        uid
        for one in outputs
        if str(one.get("Modality")) in ("SEG", "SR", "RTSTRUCT", "PR", "KO")
        for uid in _references(one)
    ]
    lost = sum(uid not in there for uid in wanted)
    return lost if wanted else -1


def _references(dataset: Dataset) -> Iterator[str]:
    for element in dataset:
        if element.VR == "SQ":
            for one in element.value:
                yield from _references(one)
        elif element.keyword == "ReferencedSOPInstanceUID" and "481.1" not in str(dataset.get("ReferencedSOPClassUID")):  # noqa: SIM102
            if str(dataset.get("ReferencedSOPClassUID")).startswith("1.2.840.10008.5.1.4.1.1.2"):
                yield str(element.value)


def measure(
    tool: str, run: Run, planted: Path, listing: dict[str, Any], plain: Path, before: dict[int, Path], odd: int
) -> Row:
    """Return the row of a tool from its outputs of the planted and the plain corpus."""
    leaks, outputs = search_all(planted, listing)
    after = match([path for path in sorted(plain.rglob("*")) if path.is_file()])
    pairs = [
        (a, b) for number in before if number in after and (a := read(before[number])) and (b := read(after[number]))
    ]
    kept, lost = count(pairs)
    new = []
    for number in before:
        if number in after:
            new += sorted(dciodvfy_errors(after[number]) - dciodvfy_errors(before[number]))
    broken = broken_references([b for _, b in pairs])
    kinds = Counter(leak.kind for leak in leaks)
    return Row(tool, run.cpu_s, kinds, len(outputs), kept, lost, len(new), new[:400], broken, odd)


def _odd_files(folder: Path) -> int:
    return sum(read(path) is not None for path in folder.rglob("*") if path.is_file()) if folder.exists() else 0


def show(rows: list[Row], plants: int) -> None:
    """Print the table as Markdown."""
    print(f"Places with identity in the corpus: {plants}; leaks without those of UIDs, UIDs beside them.")
    print("| tool | CPU s | leaks | original UIDs | out | kept of 75 | new errors | broken references | odd files |")
    print("|---|---|---|---|---|---|---|---|---|")
    for row in rows:
        uids = row.leaks.get("uid", 0)
        leaks = sum(row.leaks.values()) - uids
        cells = (row.tool, f"{row.cpu_s:.1f}", leaks, uids, row.out, row.kept, row.errors, row.broken, row.odd)
        print("| " + " | ".join(map(str, cells)) + " |")


def main() -> None:
    """Build the corpora, run every tool, print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--patients", type=int, default=22)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--odd", type=Path)
    parser.add_argument("--only", default="")
    parser.add_argument("--verbose", action="store_true")
    asked = parser.parse_args()
    warnings.simplefilter("ignore")
    work = Path(tempfile.mkdtemp(prefix="deid", dir="/dev/shm" if os.path.isdir("/dev/shm") else None))  # noqa: PTH112
    try:
        _run(work, asked)
    finally:
        shutil.rmtree(work, ignore_errors=True)


def _run(work: Path, asked: argparse.Namespace) -> None:
    listing = json.loads(json.dumps(build(work / "planted", seed=asked.seed, patients=asked.patients)))
    build(work / "plain", seed=asked.seed + 1, patients=max(asked.patients // 2, 2), planted=False)
    before = match(sorted(path for path in (work / "plain").rglob("*") if path.is_file()))
    rows = []
    for tool in ("cp -r", *PEERS, "radcommons deid"):
        if asked.only and asked.only not in tool:
            continue
        folder = work / re.sub(r"\W+", "-", tool)
        runs = [_one(tool, work / "planted", folder / "planted"), _one(tool, work / "plain", folder / "plain")]
        if runs[0] is None or runs[1] is None:
            print(f"{tool}: not installed", file=sys.stderr)
            continue
        if asked.odd:
            _one(tool, asked.odd, folder / "odd")
        row = measure(tool, runs[0], folder / "planted", listing, folder / "plain", before, _odd_files(folder / "odd"))
        rows.append(row)
        if asked.verbose:
            print(
                tool,
                runs[0].said[-300:],
                runs[1].said[-300:],
                row.leaks,
                row.lost,
                Counter(row.examples).most_common(12),
                sep="\n  ",
            )
    everything: list[Leak] = search_all(work / "planted", listing)[0]
    show(rows, len([leak for leak in everything if leak.kind != "uid"]))
    print(
        f"{len(listing['files'])} planted and {len(before)} plain files; {len(KINDS)} kinds; load {os.getloadavg()[0]:.1f}"  # noqa: E501
    )


def _one(tool: str, source: Path, target: Path) -> Run | None:
    target.parent.mkdir(parents=True, exist_ok=True)
    if tool == "cp -r":
        return run_copy(source, target)
    if tool == "radcommons deid":
        return run_ours(source, target, "--pixels", "off")
    return run_peer(tool, source, target)


if __name__ == "__main__":
    main()
