"""Objects full of invented identity, and ways to damage their bytes: what `fuzz.py` feeds the de-identifier.

Objects of one seed are damaged alike at the same places, as a broken device damages a whole series, so that a first
one that is odd teaches the engine that remembers, and the next ones show whether it learnt something wrong.
"""

from __future__ import annotations

import io
import random
import struct
import sys
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

from radcommons.dicom.sniff import VALUE_REPRESENTATIONS

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


def planted(syntax: str, *, depth: int, number: int = 1, is_full: bool = True) -> bytes:
    """Return an object whose identity stands in many places, the deepest in so many sequences.

    Objects that differ in `number` alone are slices of one series: a few values of the same length differ.
    """
    dataset = header(random.Random(7), 0)
    for tag in () if is_full else [tag for tag in dataset.keys() if tag % 7 and tag not in TARGETS]:  # noqa: SIM118
        del dataset[tag]
    dataset.SOPInstanceUID = f"1.2.3.{10**9 + number}"
    dataset.PatientName, dataset.PatientID, dataset.OperatorsName = f"{NAME}^Ada", NUMBER, f"{NAME}^Ada"
    dataset.SeriesDescription, dataset.ImageComments = f"Thorax {NAME}", f"see {NAME.upper()} {NUMBER}"
    dataset.ProtocolName = f"{NUMBER} lung"
    dataset.InstanceNumber, dataset.ContentTime = f"{number:04d}", f"1011{number % 60:02d}.{number:06d}"
    dataset.ImageComments = f"lung {number % 7}"
    for levels in (1, 3, depth):
        _nest(dataset, levels)
    for group in (0x0009, 0x0029, 0x0019):
        block = dataset.private_block(group, f"{NAME} {group}", create=True)
        block.add_new(0x77, "LO", NAME)
        block.add_new(0x78, "UN", NAME.encode() + b" ")
    dataset.add_new(0x60004000, "LT", NAME)
    dataset.add_new(0x50000030, "SH", NAME[:16])
    dataset.Rows = dataset.Columns = 4
    dataset.add_new(0x7FE00010, "OW", bytes([number % 8, 0] * 16))
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
    own = list(dataset.get("RequestAttributesSequence") or [])
    dataset.RequestAttributesSequence = Sequence([*own, *inner.RequestAttributesSequence])


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


def damaged(file: bytes, seed: int, *, times: int) -> bytes:
    """Return a file damaged so many times; the same seed damages another slice at the same places."""
    chance, found = random.Random(seed), bytearray(file)
    for _ in range(times):
        chance.choice(DAMAGES)(chance, found)
        if len(found) < 140:
            break
    return bytes(found)


def series(seed: int) -> list[bytes]:
    """Return the files of a seed: slices damaged alike, one of them once more, and a whole one; in any order."""
    chance = random.Random(seed)
    depth = 200 if chance.random() < 0.01 else chance.randrange(1, 12)
    syntax = chance.choice((*SYNTAXES, *SYNTAXES[:2], *SYNTAXES[:2]))
    is_full = chance.random() < 0.3
    times, start = chance.randrange(1, 4), chance.randrange(1000)

    def slice_of(number: int) -> bytes:
        return planted(syntax, depth=depth, number=start + number, is_full=is_full)

    files = [damaged(slice_of(number), seed, times=times) for number in (0, 1, 2)]
    files.append(damaged(files[1], ~seed, times=1))
    files.append(slice_of(3))
    if chance.random() < 0.5:
        chance.shuffle(files)
    return files
