"""One corpus, every tool that installs: CPU seconds, leaks, useful elements kept, new dciodvfy errors, odd files.

`python -m benchmarks.deid.table [--patients 22] [--victims 8] [--seed 1] [--odd DIR] [--json FILE]`
"""

from __future__ import annotations  # noqa: I001

import argparse
import hashlib
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

from benchmarks.deid import attacks, burned
from benchmarks.deid.burned import Planted
from benchmarks.deid.corpus import build
from benchmarks.deid.kept import KINDS, count
from benchmarks.deid.leaks import Leak, match, read, search_all
from benchmarks.deid.peers import PEERS, Run, run_copy, run_ours, run_peer


OURS = "radcommons deid"
ODD_REPORT = "odd-report.json"


@dataclass(frozen=True, slots=True)
class Row:
    """What one tool did."""

    tool: str
    cpu_s: float
    leaks: Counter[str]
    in_bytes: int
    burned: tuple[int, int]
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
    tool: str, run: Run, folder: Path, corpus: Corpus, before: dict[int, Path], odd: int, burned: tuple[int, int]
) -> Row:
    """Return the row of a tool from its outputs of the planted and the plain corpus."""
    leaks, outputs = search_all(folder / "planted", corpus.listing)
    after = match([path for path in sorted((folder / "plain").rglob("*")) if path.is_file()])
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
    in_bytes = sum(leak.where == "bytes" for leak in leaks)
    return Row(tool, run.cpu_s, kinds, in_bytes, burned, len(outputs), kept, lost, len(new), new[:400], broken, odd)


@dataclass(frozen=True, slots=True)
class Corpus:
    """What was planted: the text, and the words in pixels."""

    listing: dict[str, Any]
    words: list[Planted]


def planted_corpus(work: Path, *, seed: int, patients: int, victims: int) -> Corpus:
    """Write both corpora of planted text into one folder, and the images with writing into another."""
    listing = json.loads(json.dumps(build(work / "planted" / "a", seed=seed, patients=patients)))
    first = max((one["number"] for one in listing["files"]), default=0)
    other = json.loads(json.dumps(attacks.build(work / "planted" / "b", seed=seed, victims=victims, first=first)))
    shift = len(listing["patients"])
    listing["files"] += [one | {"patient": one["patient"] + shift} for one in other["files"]]
    listing["patients"] += other["patients"]
    return Corpus(listing, burned.build(work / "burned", seed=seed))


def odd_keys(folder: Path) -> list[str]:
    """Return what tells each readable output of the odd files from the others: its pixels, or what kind it is."""
    found = []
    for path in sorted(folder.rglob("*")):
        dataset = read(path) if path.is_file() else None
        if dataset is not None and is_object(dataset):
            found.append(odd_key(dataset))
    return found


def is_object(dataset: Dataset) -> bool:
    """Say whether something that could be read is an object: no list of files, and no text read by force."""
    known = str(dataset.get("SOPClassUID") or dataset.get("Modality") or "")
    return known != "" or "PixelData" in dataset


def odd_key(dataset: Dataset) -> str:
    """Return the digest of an object's pixels, or its class, modality and series number where it has none."""
    try:
        stored = dataset.get("PixelData") or dataset.get("FloatPixelData")
    except Exception:
        stored = None
    if isinstance(stored, bytes) and stored:
        return hashlib.sha256(stored[:4096]).hexdigest()[:12]
    return f"{dataset.get('SOPClassUID')} {dataset.get('Modality')} {dataset.get('SeriesNumber')}"


def show(rows: list[Row], plants: int, planted_bytes: int) -> None:
    """Print the table as Markdown."""
    print(f"Places with identity in the corpus: {plants}, {planted_bytes} of them outside readable elements.")
    print(
        "| tool | CPU s | leaks in elements | in bytes | original UIDs | words left in pixels | out | kept of 75 | "
        "new errors | broken references | odd files |"
    )
    print("|---|---|---|---|---|---|---|---|---|---|---|")
    for row in rows:
        uids = row.leaks.get("uid", 0)
        leaks = sum(row.leaks.values()) - uids - row.in_bytes
        words = f"{row.burned[0]} of {row.burned[1]}"
        broken = "none left" if row.broken < 0 else row.broken
        cells = (
            row.tool,
            f"{row.cpu_s:.2f}",
            leaks,
            row.in_bytes,
            uids,
            words,
            row.out,
            row.kept,
            row.errors,
            broken,
            row.odd,
        )
        print("| " + " | ".join(map(str, cells)) + " |")


def main() -> None:
    """Build the corpora, run every tool, print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--patients", type=int, default=22)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--victims", type=int, default=8, help="patients of the second corpus, `attacks`")
    parser.add_argument("--odd", type=Path)
    parser.add_argument(
        "--json", type=Path, help="what leaked, what was lost, and which odd files ours left out and why"
    )
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
    corpus = planted_corpus(work, seed=asked.seed, patients=asked.patients, victims=asked.victims)
    build(work / "plain", seed=asked.seed + 1, patients=max(asked.patients // 2, 2), planted=False)
    before = match(sorted(path for path in (work / "plain").rglob("*") if path.is_file()))
    rows, odd = [], {}
    for tool in ("cp -r", *PEERS, OURS):
        if asked.only and asked.only not in tool:
            continue
        folder = work / re.sub(r"\W+", "-", tool)
        runs = [_one(tool, work / name, folder / name) for name in ("planted", "plain")]
        if runs[0] is None or runs[1] is None:
            print(f"{tool}: not installed", file=sys.stderr)
            continue
        if asked.odd:
            _one(tool, asked.odd, folder / "odd")
        odd[tool] = odd_keys(folder / "odd") if (folder / "odd").exists() else []
        _one(tool, work / "burned", folder / "burned")
        words = burned.still_there(folder / "burned", corpus.words)
        row = measure(tool, runs[0], folder, corpus, before, len(odd[tool]), words)
        rows.append(row)
        if asked.verbose:
            print(tool, runs[0].said[-300:], row.leaks, row.lost, Counter(row.examples).most_common(12), sep="\n  ")
    everything: list[Leak] = [leak for leak in search_all(work / "planted", corpus.listing)[0] if leak.kind != "uid"]
    show(rows, len(everything), sum(leak.where == "bytes" for leak in everything))
    print(f"{len(corpus.listing['files'])} planted and {len(before)} plain files, {len(corpus.words)} words in pixels; "
          f"{len(KINDS)} kinds; load {os.getloadavg()[0]:.1f}")  # fmt: skip
    if asked.json:
        told = {row.tool: {"leaks": row.leaks, "lost": row.lost, "errors": Counter(row.examples)} for row in rows}
        told["odd files not out of ours"] = _not_out(work / "radcommons-deid" / ODD_REPORT)
        asked.json.write_text(json.dumps(told, indent=1, ensure_ascii=False), encoding="utf-8")


def _not_out(report: Path) -> dict[str, str]:
    """Return which of the odd files ours did not put out, and why."""
    files = json.loads(report.read_text(encoding="utf-8"))["files"] if report.exists() else []
    return {Path(one["source"]).name: one.get("message", "") for one in files if one["outcome"] not in ("written",)}


def _one(tool: str, source: Path, target: Path) -> Run | None:
    target.parent.mkdir(parents=True, exist_ok=True)
    if tool == "cp -r":
        return run_copy(source, target)
    if tool == OURS:
        # the peers look at no pixels, so ours does where writing is what is measured
        report = ("--report", str(target.parent / ODD_REPORT)) if target.name == "odd" else ()
        return run_ours(source, target, "--pixels", "check" if source.name == "burned" else "off", *report)
    return run_peer(tool, source, target)


if __name__ == "__main__":
    main()
