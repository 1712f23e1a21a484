"""What no unit test can show: a disk that is full, a file that grows while it is read, an object of a gigabyte."""

from __future__ import annotations

import json
import os
import struct
import subprocess
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, MultiFrameGrayscaleByteSecondaryCaptureImageStorage
from tests.disks import SmallDisk

from radcommons.cli.demo_parts import command, run, run_json
from radcommons.synthetic.collection import write_collection

pytestmark = pytest.mark.slow
NOWHERE = ("--hub", "http://127.0.0.1:9", "--token", "none", "--site", "ALFA")


@pytest.fixture(scope="module")
def export(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Some twenty invented slices."""
    target = tmp_path_factory.mktemp("export")
    write_collection(target, patients=2, sites=("ALFA",), slices=10)
    return target / "ALFA"


def test_a_full_disk_stops_cleanly_and_the_next_run_goes_on(
    small_disk: Callable[[str], SmallDisk], export: Path
) -> None:
    """The command says what is wrong and how to mend it; with room again, every file gets its outcome once."""
    disk = small_disk("1500k")
    site = disk.path / "site"
    run_json("site", "init", site, *NOWHERE)
    done = subprocess.run(command("site", "add", str(site), str(export)), capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "disk is full" in done.stderr.casefold()
    assert "Traceback" not in done.stderr
    disk.grow("64m")
    added = run_json("site", "add", site, export)
    files = [path for path in export.rglob("*") if path.is_file()]
    assert added["seen"] == len(files)
    assert added["discrepancies"] == []
    objects = [path for path in (site / "objects").rglob("*") if path.is_file()]
    assert len(objects) == added["ready"] + added["held"]


def test_a_file_that_grows_is_not_taken_half(tmp_path: Path, export: Path) -> None:
    """A file that a copy is still writing ends refused or truncated, never as a half image; the rest goes on."""
    whole = next(path for path in sorted(export.rglob("IM*")) if path.is_file())
    growing = tmp_path / "in" / "growing"
    growing.parent.mkdir()
    content, stop = whole.read_bytes(), threading.Event()
    growing.write_bytes(content)

    def grow() -> None:
        while not stop.is_set():
            growing.write_bytes(content + os.urandom(8))
            time.sleep(0.001)

    writer = threading.Thread(target=grow)
    writer.start()
    try:
        run_json("site", "init", tmp_path / "site", *NOWHERE)
        added = run_json("site", "add", tmp_path / "site", growing.parent)
    finally:
        stop.set()
        writer.join()
    assert added["seen"] == 1
    if added["refused"]:
        assert set(added["findings"]) <= {"changed-while-read", "truncated", "empty-file", "unreadable"}
    else:  # it was read between two writes: then it is whole
        assert added["ready"] + added["held"] == 1


def test_an_object_of_a_gigabyte_passes_with_flat_memory(tmp_path: Path) -> None:
    """4,096 frames go through; the command itself stays below 400 MB."""
    source = tmp_path / "in" / "huge.dcm"
    source.parent.mkdir()
    _write_huge(source, frames=4096)
    assert source.stat().st_size > 1 << 30
    site = tmp_path / "site"
    run_json("site", "init", site, *NOWHERE)
    process = subprocess.Popen(command("site", "add", str(site), str(source.parent), "--json"), stdout=subprocess.PIPE)
    peak = 0
    while process.poll() is None:
        status = Path(f"/proc/{process.pid}/status").read_text("utf-8")
        peak = max([peak, *(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM"))])
        time.sleep(0.2)
    assert process.stdout is not None
    added = json.loads(process.stdout.read())
    assert added["ready"] == 1
    assert 0 < peak < 400 * 1024
    kept = next(path for path in (site / "objects").rglob("*") if path.is_file())
    assert kept.stat().st_size > 1 << 30
    run("site", "status", site)


def _write_huge(path: Path, *, frames: int) -> None:
    """Write a multi-frame object whose pixels are a hole in the file."""
    data = Dataset()
    data.SOPClassUID = MultiFrameGrayscaleByteSecondaryCaptureImageStorage
    data.SOPInstanceUID, data.StudyInstanceUID, data.SeriesInstanceUID = "2.25.3", "2.25.1", "2.25.2"
    data.PatientID, data.PatientName, data.Modality, data.ConversionType = "BIG1", "BIG^ONE", "OT", "WSD"
    data.StudyDate, data.StudyID, data.SeriesNumber, data.InstanceNumber = "20200401", "1", 1, 1
    data.Rows, data.Columns, data.NumberOfFrames, data.SamplesPerPixel = 512, 512, frames, 1
    data.BitsAllocated, data.BitsStored, data.HighBit, data.PixelRepresentation = 8, 8, 7, 0
    data.PhotometricInterpretation = "MONOCHROME2"
    data.file_meta = FileMetaDataset()
    data.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    data.save_as(path, enforce_file_format=True)
    length = 512 * 512 * frames
    with path.open("ab") as file:
        file.write(struct.pack("<HH2sHI", 0x7FE0, 0x0010, b"OB", 0, length))
        end = file.tell() + length
    os.truncate(path, end)
