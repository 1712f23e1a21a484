"""Time the de-identification of CT slices beside dcmanon, in one run, as CPU seconds per slice.

    uv run python benchmarks/deid/speed.py [--slices 3000] [--repeat 3] [--dcmanon PYTHON]

Writes series with full headers (see ct_series.py) to memory and de-identifies a tenth of the slices and all of them
with each engine in fresh processes. Prints user and system time of all processes: per slice from the difference of the
two, so that start-up counts for nobody, and of the whole run, so that it counts for everybody. Every rule and every
search of text is on; no engine here looks for text in pixels. Rounds alternate between the engines and the least is
taken, since others on the machine can only add. Modules are compiled beforehand, as an installed program's are.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from ct_series import write_series

CACHE = Path.home() / ".cache" / "radcommons-peers"
PEER = "dcmanon (Rust)"
DCMANON = "dcmanon==0.3.1"
_PEER = """
import sys
from dcmanon import Anonymizer
engine, out = Anonymizer(), sys.argv[1]
for number, path in enumerate(open(sys.argv[2]).read().split("\\n")):
    cleaned = engine.anonymize(path)
    with open(f"{out}/{number}.dcm", "wb") as target:
        target.write(cleaned)
"""
_COPY = """
import shutil, sys
for number, path in enumerate(open(sys.argv[2]).read().split("\\n")):
    shutil.copyfile(path, f"{sys.argv[1]}/{number}.dcm")
"""


def engine(out: str, listed: str) -> None:
    """De-identify the files of a list: both passes, what hides beside the pixels included."""
    from radcommons.dicom.bare import import_without_codecs

    import_without_codecs()
    from radcommons.dicom.deidentify_stream import StreamCleaner
    from radcommons.dicom.facts import FactsReader
    from radcommons.dicom.mapping import KeyedMapper
    from radcommons.dicom.profile import load_profile
    from radcommons.dicom.text_identity import KnownIdentity

    paths = Path(listed).read_text("ascii").split("\n")
    reader = FactsReader(lambda dataset: (str(dataset.get("PatientID") or ""), KnownIdentity.of(dataset)))
    known: dict[str, KnownIdentity] = {}
    people: list[str] = []
    for path in paths:
        with open(path, "rb", buffering=0) as source:  # noqa: PTH123  (a Path for each file would be measured, too)
            patient, said = reader.read(source).facts
        if known.get(patient) is not said:
            known[patient] = known.get(patient, said) | said
            known[patient] = said if known[patient] == said else known[patient]
        people.append(patient)
    cleaner = StreamCleaner(load_profile("radcommons"))
    mappers = {one: KeyedMapper(b"k" * 32, site_code="BENCH", issuer="", patient_id=one) for one in known}
    for number, (path, patient) in enumerate(zip(paths, people, strict=True)):
        with open(path, "rb", 0) as source, open(f"{out}/{number}.dcm", "wb", 0) as target:  # noqa: PTH123
            cleaned = cleaner.clean(source, mapper=mappers[patient], known=known[patient])
            hidden = cleaned.look_beside(source)
            cleaned.write(target, source, pixels=hidden.pixels, wants_digest=False)


def dcmanon_python(told: str | None) -> str:
    """Return a Python that has dcmanon; a virtual environment of its own is made where none is named."""
    if told:
        return told
    home = CACHE / "dcmanon"
    python = home / "bin" / "python"
    if not python.exists():
        subprocess.run(["uv", "venv", "-q", str(home), "--python", "3.11"], check=True)
        subprocess.run(["uv", "pip", "install", "-q", "--python", str(python), DCMANON], check=True)
    return str(python)


def cpu_of(command: list[str], *, out: Path) -> float:
    """Return user and system seconds of a command and of all that it waited for; its output folder is fresh."""
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir(parents=True)
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    assert process.stderr is not None
    complaint = process.stderr.read()
    _, status, usage = os.wait4(process.pid, 0)
    if os.waitstatus_to_exitcode(status) not in (0, 1):
        sys.exit(f"{command[0]} failed: {complaint.decode(errors='replace')[-800:]}")
    written = sum(1 for _ in out.rglob("*.dcm"))
    if not written:
        sys.exit(f"nothing was written by {' '.join(command[:4])}: {complaint.decode(errors='replace')[-800:]}")
    return usage.ru_utime + usage.ru_stime


def main() -> None:
    """Run all engines on one input and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--slices", type=int, default=3000)
    parser.add_argument("--dcmanon", help="a Python that has dcmanon")
    parser.add_argument("--folder", default="/dev/shm", help="where the slices are written: a file system in memory")
    parser.add_argument("--repeat", type=int, default=1, help="measure so often and take the least")
    parser.add_argument("--without-command", action="store_true", help="leave out `radcommons deid`")
    parser.add_argument("--engine", nargs=2, help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.engine:
        engine(*chosen.engine)
        return
    with tempfile.TemporaryDirectory(dir=chosen.folder) as folder:
        os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
        os.environ["PYTHONPYCACHEPREFIX"] = f"{folder}/compiled"
        measure(Path(folder), chosen.slices, dcmanon_python(chosen.dcmanon), chosen)


def measure(folder: Path, many: int, peer: str, chosen: argparse.Namespace) -> None:
    """Write the input, time each way, print."""
    paths = write_series(folder / "in", slices=many)
    few = max(many // 10, 1)
    for count in (few, many):
        (folder / f"{count}.txt").write_text("\n".join(map(str, paths[:count])), "ascii")
    (folder / f"in{few}").mkdir()
    for number, path in enumerate(paths[:few]):
        (folder / f"in{few}" / f"{number:05d}.dcm").hardlink_to(path)
    (folder / f"in{many}").symlink_to(folder / "in")
    (folder / "key").write_text("6b" * 32)
    (folder / "key").chmod(0o600)
    ways = _ways(folder, peer, with_command=not chosen.without_command)
    print(f"{many} slices of {paths[0].stat().st_size // 1024} KB; load {os.getloadavg()[0]:.1f} at the start")
    for run in ways.values():
        run(few)
    took: dict[tuple[str, int], float] = {}
    for _ in range(chosen.repeat):
        for name, run in ways.items():
            for count in (few, many):
                took[name, count] = min(run(count), took.get((name, count), float("inf")))
    slopes = {name: (took[name, many] - took[name, few]) / (many - few) for name in ways}
    print(f"| {'way':36} | CPU ms a slice | to dcmanon | start-up s | whole run s | to dcmanon |")
    print(f"|{'-' * 38}|---:|---:|---:|---:|---:|")
    for name, each in slopes.items():
        start, whole = took[name, few] - each * few, took[name, many]
        print(
            f"| {name:36} | {each * 1000:.2f} | {each / slopes[PEER]:.2f} | {start:.2f} | {whole:.2f} |"
            f" {whole / took[PEER, many]:.2f} |"
        )
    print(f"load {os.getloadavg()[0]:.1f} at the end")


def _ways(folder: Path, peer: str, *, with_command: bool) -> dict[str, Callable[[int], float]]:
    """Return what runs over so many slices and returns its seconds, by name."""
    out = folder / "out"
    me = [sys.executable, str(Path(__file__).resolve()), "--engine", str(out)]
    command = [str(Path(sys.executable).parent / "radcommons"), "deid", "--out", str(out), "--key-file"]
    command += [str(folder / "key"), "--pixels", "off", "--jobs"]

    def timed(words: list[str], form: str = "{}.txt") -> Callable[[int], float]:
        return lambda count: cpu_of([*words, str(folder / form.format(count))], out=out)

    ways = {
        "copying the files": timed([peer, "-c", _COPY, str(out)]),
        PEER: timed([peer, "-c", _PEER, str(out)]),
        "radcommons, the engine": timed(me),
    }
    if with_command:
        ways["radcommons deid --jobs 1"] = timed([*command, "1"], "in{}")
        ways["radcommons deid --jobs 2"] = timed([*command, "2"], "in{}")
        ways["radcommons deid --jobs 1 --verify off"] = timed([*command, "1", "--verify", "off"], "in{}")
    return ways


if __name__ == "__main__":
    main()
