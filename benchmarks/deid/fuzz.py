"""Damage headers at random and see that the de-identifier neither crashes nor hangs nor leaks.

    uv run python benchmarks/deid/fuzz.py --minutes 60 [--seed 1] [--keep FOLDER]

Each round takes an object full of invented identity, damages it in one to six ways, de-identifies it with the engine
that remembers, in the middle of a series, and searches the bytes that come out for what was planted. Found cases are
kept in a folder, with the seed that makes them again.
"""

from __future__ import annotations

import argparse
import io
import random
import resource
import signal
import struct
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.filewriter import dcmwrite
from pydicom.sequence import Sequence
from pydicom.uid import (
    UID,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
)

sys.path.insert(0, str(Path(__file__).parent))

from ct_series import header

from radcommons.dicom.deidentify_stream import StreamCleaner
from radcommons.dicom.facts import FactsReader
from radcommons.dicom.mapping import KeyedMapper
from radcommons.dicom.profile import load_profile
from radcommons.dicom.sniff import VALUE_REPRESENTATIONS
from radcommons.dicom.text_identity import KnownIdentity
from radcommons.records.errors import UnreadableInstance
from radcommons.site.deid_identity import mender

SECONDS = 20
MEMORY_BYTES = 3 << 30
NAME, NUMBER = "Vexlerowitsch", "QX7731904"
PLANTS = (NAME, NAME.upper(), NAME.lower(), NUMBER)
SYNTAXES = (ExplicitVRLittleEndian, ImplicitVRLittleEndian, ExplicitVRBigEndian, DeflatedExplicitVRLittleEndian)
SAMPLES = (
    b"\0",
    b"\xff",
    b"\xff\xff",
    b"\xff\xff\xff\xff",
    b"\xfe\xff\0\xe0",
    b"\xfe\xff\xdd\xe0\0\0\0\0",
    b"UN",
    b"SQ",
    b"OB",
    b"\x1b$B",
)
TARGETS = (
    0x0008103E, 0x00100010, 0x00100020, 0x00181030, 0x00204000, 0x00400275, 0x00080005, 0x00280010, 0x00090010,
    0x00291077, 0x00080016, 0x00080018, 0x00181151, 0x7FE00010,
)  # fmt: skip
VRS = (*sorted(VALUE_REPRESENTATIONS), b"ZZ")

File = bytearray
Damage = Callable[[random.Random, File], None]


def planted(chance: random.Random, syntax: str, *, depth: int) -> bytes:
    """Return an object whose identity stands in many places, the deepest in so many sequences."""
    dataset = header(random.Random(7), 0)
    dataset.SOPInstanceUID = f"1.2.3.{chance.randrange(10**9)}"
    dataset.PatientName, dataset.PatientID, dataset.OperatorsName = f"{NAME}^Ada", NUMBER, f"{NAME}^Ada"
    dataset.SeriesDescription, dataset.ImageComments = f"Thorax {NAME}", f"see {NAME.upper()} {NUMBER}"
    dataset.ProtocolName = f"{NUMBER} lung"
    dataset.InstanceNumber = str(chance.randrange(999))
    for levels in (1, 3, depth):
        _nest(dataset, levels)
    for group in (0x0009, 0x0029, 0x0019):
        block = dataset.private_block(group, f"{NAME} {group}", create=True)
        block.add_new(0x77, "LO", NAME)
        block.add_new(0x78, "UN", NAME.encode() + b" ")
    dataset.add_new(0x60004000, "LT", NAME)
    dataset.add_new(0x50000030, "SH", NAME[:16])
    dataset.Rows = dataset.Columns = 4
    dataset.add_new(0x7FE00010, "OW", bytes(32))
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = UID(syntax)
    dataset.file_meta.SourceApplicationEntityTitle = NAME.upper()
    dataset.preamble = NAME.encode().ljust(128, b"\0")
    buffer = io.BytesIO()
    dcmwrite(buffer, dataset, enforce_file_format=True)
    return buffer.getvalue()


def _nest(dataset: Dataset, depth: int) -> None:
    inner = Dataset()
    inner.ScheduledProcedureStepDescription, inner.PatientName = f"{NAME} chest", f"{NAME}^Ada"
    for _ in range(depth):
        outer = Dataset()
        outer.RequestAttributesSequence = Sequence([inner])
        inner = outer
    dataset.RequestAttributesSequence = Sequence([*dataset.RequestAttributesSequence, *inner.RequestAttributesSequence])


def _place(chance: random.Random, file: File) -> int:
    return chance.randrange(132, max(len(file), 134))


def _overwrite(chance: random.Random, file: File) -> None:
    place, piece = _place(chance, file), chance.choice((chance.randbytes(chance.randrange(1, 9)), *SAMPLES))
    file[place : place + len(piece)] = piece


def _insert(chance: random.Random, file: File) -> None:
    place = _place(chance, file)
    file[place:place] = chance.choice((chance.randbytes(chance.randrange(1, 40)), *SAMPLES))


def _cut(chance: random.Random, file: File) -> None:
    place = _place(chance, file)
    del file[place : place + chance.choice((1, 2, 8, 100))]


def _end(chance: random.Random, file: File) -> None:
    del file[_place(chance, file) :]


def _element(chance: random.Random, file: File) -> int:
    """Return a place where an element of the header probably begins."""
    tag = chance.choice(TARGETS)
    found = file.find(struct.pack("<HH", tag >> 16, tag & 0xFFFF))
    return found if found >= 0 else _place(chance, file)


def _representation(chance: random.Random, file: File) -> None:
    place = _element(chance, file)
    file[place + 4 : place + 6] = chance.choice(VRS)


def _length(chance: random.Random, file: File) -> None:
    place = _element(chance, file)
    length = chance.choice((0, 1, 3, 0xFFFF, 0xFFFE, chance.randrange(1 << 16)))
    file[place + 6 : place + 8] = struct.pack("<H", length)


def _double(chance: random.Random, file: File) -> None:
    place = _element(chance, file)
    piece = file[place : place + chance.choice((16, 40, 400))]
    other = _element(chance, file)
    file[other:other] = piece


def _swap(chance: random.Random, file: File) -> None:
    first, second = sorted((_element(chance, file), _element(chance, file)))
    size = chance.choice((12, 24, 60))
    file[first : first + size], file[second : second + size] = file[second : second + size], file[first : first + size]


def _charset(chance: random.Random, file: File) -> None:
    place = file.find(b"ISO_IR 100")
    other = chance.choice((b"ISO_IR 192", b"GB18030   ", b"ISO_IR 13 ", b"\\ISO 2022 ", b"nonsense  ", b"ISO_IR 144"))
    if place >= 0:
        file[place : place + 10] = other


def _group_length(chance: random.Random, file: File) -> None:
    place = _element(chance, file)
    file[place:place] = file[place : place + 2] + b"\0\0UL\x04\0" + chance.randbytes(4)


def _bare(_chance: random.Random, file: File) -> None:
    del file[:132]


def _tag(chance: random.Random, file: File) -> None:
    place = _element(chance, file)
    file[place : place + 4] = struct.pack(
        "<HH", chance.choice((0x0009, 0x0008, 0x0010, 0xFFFE, 0x0002, 0x6000)), chance.randrange(1 << 16)
    )


def _huge(chance: random.Random, file: File) -> None:
    place = _element(chance, file)
    text = f" {NAME} {NUMBER}, lung ".encode() * chance.choice((40, 2000, 30_000))
    file[place:place] = b"\x20\0\x00\x40UT\0\0" + struct.pack("<I", len(text)) + text


def _tail(chance: random.Random, file: File) -> None:
    file += chance.choice(
        (NAME.encode(), b"\xfc\xff\xfc\xffOB\0\0\x0e\0\0\0" + NAME.encode().ljust(14), chance.randbytes(50))
    )


DAMAGES: tuple[Damage, ...] = (
    _overwrite, _overwrite, _insert, _cut, _end, _representation, _representation, _length, _length, _double, _swap,
    _charset,
    _group_length, _bare, _tag, _tag, _huge, _tail,
)  # fmt: skip


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


def judge(file: bytes, cleaner: StreamCleaner, reader: FactsReader[KnownIdentity], mapper: KeyedMapper) -> str:
    """Return what became of a file: "written", "refused: code", or "LEAK", "CRASH", "HANG" with more."""
    known = KnownIdentity(names=frozenset({f"{NAME}^Ada"}), ids=frozenset({NUMBER}))
    signal.setitimer(signal.ITIMER_REAL, SECONDS)
    try:
        reader.read(io.BytesIO(file))
        source, target = io.BytesIO(file), io.BytesIO()
        cleaned = cleaner.clean(source, mapper=mapper, known=known)
        if cleaned.refusal is not None:
            return f"refused: {cleaned.refusal.code}"
        hidden = cleaned.look_beside(source)
        cleaned.write(target, source, pixels=hidden.pixels, wants_digest=False)
        told = leaked(target.getvalue()) or leaked(repr((cleaned.findings, dict(cleaned.record))).encode())
        return f"LEAK: {told}" if told else "written"
    except UnreadableInstance as error:
        return f"LEAK: in an error of {error.reason}" if leaked(str(error).encode()) else f"refused: {error.reason}"
    except Hang:
        return "HANG"
    except Exception as error:
        frame = error.__traceback__
        while frame is not None and frame.tb_next is not None:
            frame = frame.tb_next
        where = f"{Path(frame.tb_frame.f_code.co_filename).name}:{frame.tb_lineno}" if frame else ""
        return f"CRASH: {type(error).__name__} {where}"
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)


def case(seed: int) -> bytes:
    """Return the damaged file of a seed."""
    chance = random.Random(seed)
    depth = 200 if chance.random() < 0.02 else chance.randrange(1, 30)
    syntax = chance.choice((*SYNTAXES, ExplicitVRLittleEndian, ExplicitVRLittleEndian))
    file = bytearray(planted(chance, syntax, depth=depth))
    for _ in range(chance.randrange(1, 7)):
        chance.choice(DAMAGES)(chance, file)
        if len(file) < 140:
            break
    return bytes(file)


def main() -> None:
    """Run for so many minutes; exit 1 if anything was found."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("--seed", type=int, default=1, help="the first one; each file has its own")
    parser.add_argument("--keep", type=Path, help="where found cases are written")
    asked = parser.parse_args()
    signal.signal(signal.SIGALRM, _alarm)
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    cleaner, reader = StreamCleaner(load_profile("radcommons"), mend=mender(b"f" * 32)), FactsReader(KnownIdentity.of)
    mapper = KeyedMapper(b"f" * 32, site_code="FUZZ", issuer="", patient_id=NUMBER)
    whole = planted(random.Random(0), ExplicitVRLittleEndian, depth=5)
    seen: Counter[str] = Counter()
    bad, seed, until = 0, asked.seed, time.monotonic() + asked.minutes * 60
    slowest = 0.0
    while time.monotonic() < until:
        file, started = case(seed), time.process_time()
        outcome = judge(file, cleaner, reader, mapper)
        slowest = max(slowest, time.process_time() - started)
        if judge(whole, cleaner, reader, mapper) != "written":
            outcome = f"CRASH: the whole file after it; {outcome}"
        seen[outcome] += 1
        if outcome.split(":")[0] in ("LEAK", "CRASH", "HANG"):
            bad += 1
            if seen[outcome] <= 3:
                print(f"seed {seed}: {outcome}", flush=True)
                if asked.keep:
                    asked.keep.mkdir(parents=True, exist_ok=True)
                    (asked.keep / f"{seed}.dcm").write_bytes(file)
        seed += 1
    print(f"{seed - asked.seed} files, {bad} found, the slowest took {slowest:.2f} s of CPU")
    for outcome, count in seen.most_common():
        print(f"{count:8} {outcome}")
    sys.exit(1 if bad else 0)


if __name__ == "__main__":
    main()
