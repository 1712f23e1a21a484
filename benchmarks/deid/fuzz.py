"""Damage headers at random and see that the de-identifier neither crashes nor hangs, leaks, or learns wrongly.

    uv run python benchmarks/deid/fuzz.py --minutes 60 [--seed 1] [--keep FOLDER]

Each round takes slices full of invented identity, damages them alike and one of them once more (see fuzz_files.py), and
de-identifies them with an engine that remembers the hundreds of files before them and with one that remembers nothing.
Both have to say and write the same; what comes out is searched for what was planted. Found cases are kept in a folder,
under the seed that makes them again; a wrong lesson is kept with all files since the engine began.
"""

from __future__ import annotations

import argparse
import io
import pickle
import resource
import signal
import sys
import time
from collections import Counter
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from fuzz_files import NAME, NUMBER, PLANTS, series

from radcommons.dicom.deidentify_stream import StreamCleaner
from radcommons.dicom.facts import FactsReader
from radcommons.dicom.layout import PixelSpan
from radcommons.dicom.mapping import KeyedMapper
from radcommons.dicom.profile import load_profile
from radcommons.dicom.text_identity import KnownIdentity
from radcommons.records.errors import UnreadableInstance
from radcommons.site.deid_identity import Facts, facts_of, mender

SECONDS = 20
MEMORY_BYTES = 3 << 30
# After so many files the engines forget and begin anew.
HISTORY = 1500
PROFILES = ("radcommons", "basic", "research-max-utility")
BAD = ("LEAK", "CRASH", "HANG", "UNLIKE")
SECRET = b"f" * 32


class Hang(Exception):
    """A file took longer than it may."""


def _alarm(_number: int, _frame: object) -> None:
    raise Hang


def leaked(output: bytes) -> str:
    """Return which plant stands in the bytes, in any of the usual encodings; empty if none."""
    for plant in PLANTS:
        for encoding in ("ascii", "utf-16-le", "utf-16-be"):
            if plant.encode(encoding) in output:
                return f"{encoding} of plant {PLANTS.index(plant)}"
    return ""


def without_image(output: bytes, file: bytes, pixel: PixelSpan | None) -> bytes:
    """Return an output without the pixel value: text that the damage put into the image is the image's own."""
    image = b"" if pixel is None else file[pixel.offset : pixel.offset + pixel.length]
    place = output.rfind(image[:16]) if len(image) >= 16 else -1
    return output if place < 0 else output[:place] + output[place + len(image) :]


class Engines:
    """One that remembers beside one that does not, and what the first has seen."""

    def __init__(self, profile: str) -> None:
        found = load_profile(profile)
        mend = mender(SECRET)
        self.quick = StreamCleaner(found, mend=mend)
        self.careful = StreamCleaner(found, mend=mend, is_remembering=False)
        self.asking = FactsReader(facts_of, mend=mend)
        self.people = [
            (
                KeyedMapper(SECRET, site_code="FUZZ", issuer="", patient_id=NUMBER + other),
                KnownIdentity(names=frozenset({f"{NAME}^Ada"}), ids=frozenset({NUMBER, f"Q{other}44"})),
            )
            for other in ("", "2")
        ]
        self.seen: list[bytes] = []

    def judge(self, file: bytes, person: int) -> str:
        """Return what became of a file: "written", "refused: code", or one of `BAD` with more."""
        self.seen.append(file)
        signal.setitimer(signal.ITIMER_PROF, SECONDS)
        try:
            quick = self._told(self.quick, file, person)
            if quick != self._told(self.careful, file, person):
                return "UNLIKE: the two ways"
            told = leaked(without_image(quick[0], file, quick[4])) or leaked(repr(quick[1:3]).encode())
            if told:
                return f"LEAK: {told}"
            if self._facts(self.asking, file) != self._facts(FactsReader(facts_of, mend=mender(SECRET)), file):
                return "UNLIKE: the facts"
            return f"refused: {quick[2]}" if quick[2] else "written"
        except Hang:
            return "HANG"
        except Exception as error:
            frame = error.__traceback__
            while frame is not None and frame.tb_next is not None:
                frame = frame.tb_next
            where = f"{Path(frame.tb_frame.f_code.co_filename).name}:{frame.tb_lineno}" if frame else ""
            return f"CRASH: {type(error).__name__} {where}"
        finally:
            signal.setitimer(signal.ITIMER_PROF, 0)

    def _told(
        self, cleaner: StreamCleaner, file: bytes, person: int
    ) -> tuple[bytes, object, str, object, PixelSpan | None]:
        """Return output, findings and record, the reason of a refusal, what is kept at the hospital, and the pixels."""
        mapper, known = self.people[person]
        source, target = io.BytesIO(file), io.BytesIO()
        try:
            cleaned = cleaner.clean(source, mapper=mapper, known=known)
            if cleaned.refusal is not None:
                return b"", cleaned.findings, cleaned.refusal.code, None, None
            hidden = cleaned.look_beside(source)
            cleaned.write(target, source, pixels=hidden.pixels, wants_digest=False)
        except UnreadableInstance as error:
            return b"", str(error), error.reason, None, None
        said = (*cleaned.findings, *hidden.findings), dict(cleaned.record), dict(cleaned.counts), cleaned.sop_class
        uids = cleaned.study_uid, cleaned.series_uid, cleaned.sop_uid
        return target.getvalue(), (said, uids), "", (cleaned.old, cleaned.transfer_syntax), cleaned.pixel

    @staticmethod
    def _facts(reader: FactsReader[Facts], file: bytes) -> object:
        try:
            asked = reader.read(io.BytesIO(file))
        except UnreadableInstance as error:
            return error.reason
        return asked.facts, asked.study_uid, asked.series_uid, asked.sop_uid, asked.findings


def keep(folder: Path, seed: int, engines: Engines, file: bytes) -> None:
    """Write what makes a found case again."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{seed}.dcm").write_bytes(file)
    (folder / f"{seed}.history").write_bytes(pickle.dumps(engines.seen))


def main() -> None:
    """Run for so many minutes; exit 1 if anything was found."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("--seed", type=int, default=1, help="the first one; each series has its own")
    parser.add_argument("--keep", type=Path, help="where found cases are written")
    asked = parser.parse_args()
    signal.signal(signal.SIGPROF, _alarm)
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    outcomes: Counter[str] = Counter()
    engines, bad, seed, until = Engines(PROFILES[0]), 0, asked.seed, time.monotonic() + asked.minutes * 60
    slowest = 0.0
    while time.monotonic() < until:
        if len(engines.seen) > HISTORY:
            engines = Engines(PROFILES[seed % len(PROFILES)])
        for file in series(seed):
            started = time.process_time()
            outcome = engines.judge(file, seed // 3 % 2)
            slowest = max(slowest, time.process_time() - started)
            outcomes[outcome] += 1
            if outcome.split(":")[0] in BAD:
                bad += 1
                if outcomes[outcome] <= 3:
                    print(f"seed {seed}: {outcome}", flush=True)
                    if asked.keep:
                        keep(asked.keep, seed, engines, file)
        seed += 1
    print(f"{outcomes.total()} files, {bad} found, the slowest took {slowest:.2f} s of CPU in both ways")
    for outcome, count in outcomes.most_common():
        print(f"{count:8} {outcome}")
    sys.exit(1 if bad else 0)


if __name__ == "__main__":
    main()
