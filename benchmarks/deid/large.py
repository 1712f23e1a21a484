"""De-identify objects of several gigabytes and print how much memory it took.

    uv run python benchmarks/deid/large.py [--folder DIR]

One native multi-frame object of 3.9 GB and one encapsulated object of 5 GB with an extended offset table, written as
sparse files: both read and written whole, hidden bytes looked for, in one process.
"""

from __future__ import annotations

import argparse
import os
import resource
import struct
import sys
import tempfile
import time
from pathlib import Path

from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.filewriter import dcmwrite
from pydicom.uid import UID

from radcommons.dicom.deidentify_stream import StreamCleaner
from radcommons.dicom.facts import FactsReader
from radcommons.dicom.mapping import KeyedMapper
from radcommons.dicom.profile import load_profile
from radcommons.dicom.text_identity import KnownIdentity

MULTI_FRAME = "1.2.840.10008.5.1.4.1.1.7.3"  # Multi-frame Grayscale Word Secondary Capture
SIDE = 2048


def _header(frames: int, syntax: str) -> Dataset:
    dataset = Dataset()
    dataset.SOPClassUID, dataset.SOPInstanceUID = UID(MULTI_FRAME), UID(f"1.2.3.{frames}")
    dataset.StudyInstanceUID, dataset.SeriesInstanceUID = UID("1.2.3.1"), UID("1.2.3.2")
    dataset.PatientName, dataset.PatientID, dataset.Modality = "Kestrelby^Imogen", "MR5512", "OT"
    dataset.SeriesDescription = "Kestrelby chest"
    dataset.Rows = dataset.Columns = SIDE
    dataset.NumberOfFrames = str(frames)
    dataset.SamplesPerPixel, dataset.PhotometricInterpretation, dataset.PixelRepresentation = 1, "MONOCHROME2", 0
    dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit = 16, 12, 11
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = UID(syntax)
    return dataset


def native(path: Path, size: int) -> None:
    """Write a native object of about so many bytes; the pixels are a hole."""
    frames = size // (SIDE * SIDE * 2)
    dcmwrite(path, _header(frames, "1.2.840.10008.1.2.1"), enforce_file_format=True)
    length = frames * SIDE * SIDE * 2
    with path.open("ab") as target:
        target.write(b"\xe0\x7f\x10\x00OW\0\0" + struct.pack("<I", length))
        target.truncate(target.tell() + length)


def encapsulated(path: Path, size: int, fragment: int = 4 << 20) -> None:
    """Write an encapsulated object with an extended offset table; every fragment ends as a JPEG 2000 code does."""
    frames = size // fragment
    dataset = _header(frames, "1.2.840.10008.1.2.4.90")
    dataset.ExtendedOffsetTable = struct.pack(f"<{frames}Q", *(index * (fragment + 8) for index in range(frames)))
    dataset.ExtendedOffsetTableLengths = struct.pack(f"<{frames}Q", *([fragment] * frames))
    dcmwrite(path, dataset, enforce_file_format=True)
    code = b"\xff\x4f\xff\x51" + struct.pack(">HHIIIIIIIIHBBB", 41, 0, SIDE, SIDE, 0, 0, SIDE, SIDE, 0, 0, 1, 11, 1, 1)
    code += b"\xff\x52\x00\x0c\x00\x00\x00\x01\x00\x05\x04\x04\x00\x01\xff\x5c\x00\x13\x40" + bytes(16)
    code += b"\xff\x90\x00\x0a\x00\x00" + struct.pack(">I", fragment - len(code) - 2) + b"\x00\x01\xff\x93"
    with path.open("r+b") as target:
        target.seek(0, os.SEEK_END)
        target.write(b"\xe0\x7f\x10\x00OB\0\0\xff\xff\xff\xff\xfe\xff\x00\xe0\0\0\0\0")
        for _ in range(frames):
            target.write(b"\xfe\xff\x00\xe0" + struct.pack("<I", fragment))
            start = target.tell()
            target.write(code)
            target.seek(start + fragment - 2)
            target.write(b"\xff\xd9")
        target.write(b"\xfe\xff\xdd\xe0\0\0\0\0")


def clean(path: Path, target: Path) -> None:
    """De-identify one object in a process of its own and print what it took."""
    before = resource.getrusage(resource.RUSAGE_SELF)
    started = time.perf_counter()
    with path.open("rb") as source, target.open("wb") as out:
        FactsReader(KnownIdentity.of).read(source)
        mapper = KeyedMapper(b"l" * 32, site_code="BENCH", issuer="", patient_id="MR5512")
        cleaned = StreamCleaner(load_profile("radcommons")).clean(source, mapper=mapper, known=KnownIdentity())
        hidden = cleaned.look_beside(source)
        written = cleaned.write(out, source, pixels=hidden.pixels, wants_digest=False)
    after = resource.getrusage(resource.RUSAGE_SELF)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    grown = (after.ru_maxrss - before.ru_maxrss) / 1024
    notes = ", ".join(one.code for one in hidden.findings)
    print(
        f"{path.stem}: {written.size / 1e9:.2f} GB in {time.perf_counter() - started:.0f} s, CPU {cpu:.1f} s, "
        f"peak memory {after.ru_maxrss / 1024:.0f} MiB, {grown:.0f} MiB above the start; {notes or 'nothing hidden'}"
    )


def main() -> None:
    """Make both objects and clean each."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", type=Path, default=Path(tempfile.gettempdir()))
    parser.add_argument("--clean", nargs=2, type=Path, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.clean:
        clean(*asked.clean)
        return
    with tempfile.TemporaryDirectory(dir=asked.folder) as folder:
        for name, make, size in (("native", native, 3_900_000_000), ("encapsulated", encapsulated, 5_000_000_000)):
            path = Path(folder) / f"{name}.dcm"
            make(path, size)
            arguments = [sys.executable, __file__, "--clean", str(path), str(Path(folder) / "out.dcm")]
            os.waitpid(os.spawnv(os.P_NOWAIT, sys.executable, arguments), 0)
            path.unlink()


if __name__ == "__main__":
    main()
