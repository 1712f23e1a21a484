"""Invented files for the benchmarks of ingest: CT slices, radiographs and tiny images, made from one file each."""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from pydicom import Dataset, dcmwrite
from pydicom.dataset import FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian

_ROOT = "2.25.1"
_SOP, _STUDY, _SERIES = (f"{_ROOT}{number}000000000000000000000" for number in (7, 8, 9))
_PLACE = b"-1000.25"


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """A kind of file: its class, its sides and how many make a series."""

    name: str
    sop_class: str
    modality: str
    rows: int
    columns: int
    per_series: int


CT = Kind(name="CT 0.5 MB", sop_class="1.2.840.10008.5.1.4.1.1.2", modality="CT", rows=512, columns=512, per_series=100)
FILM = Kind(
    name="radiograph 10 MB", sop_class="1.2.840.10008.5.1.4.1.1.1.1", modality="DX", rows=2500, columns=2000,
    per_series=1,
)  # fmt: skip
TINY = Kind(name="tiny", sop_class="1.2.840.10008.5.1.4.1.1.2", modality="CT", rows=16, columns=16, per_series=50)


@dataclass(frozen=True, slots=True, kw_only=True)
class File:
    """One file and its place in the tree."""

    study: str
    series: str
    instance: str
    content: bytes


def _template(kind: Kind) -> bytes:
    """Return a file whose UIDs and position can be written over: they are as long as those that replace them."""
    made = Dataset()
    made.SOPClassUID, made.SOPInstanceUID = kind.sop_class, _SOP
    made.StudyInstanceUID, made.SeriesInstanceUID = _STUDY, _SERIES
    made.PatientID = made.PatientName = "ALFA-AAAAAAAAAA"
    made.PatientSex, made.PatientAge, made.PatientBirthDate = "F", "063Y", ""
    made.StudyDate, made.StudyTime, made.AccessionNumber, made.StudyID = "20200301", "101500", "", ""
    made.Modality, made.StudyDescription, made.SeriesDescription = kind.modality, "Chest", "Axial lung"
    made.ReferringPhysicianName, made.SeriesNumber, made.InstanceNumber = "", 1, 1
    made.ImageType, made.Manufacturer = ["ORIGINAL", "PRIMARY", "AXIAL"], "Siemens"
    made.BodyPartExamined, made.FrameOfReferenceUID = "CHEST", "2.25.1234567"
    made.PatientIdentityRemoved, made.LongitudinalTemporalInformationModified = "YES", "MODIFIED"
    made.ImagePositionPatient, made.ImageOrientationPatient = ["-180.25", "-170.5", _PLACE.decode()], [1, 0, 0, 0, 1, 0]
    made.PixelSpacing, made.SliceThickness, made.SliceLocation = ["0.703125", "0.703125"], "1.25", _PLACE.decode()
    made.WindowCenter, made.WindowWidth, made.RescaleIntercept, made.RescaleSlope = [-600, 40], [1500, 400], -1024, 1
    made.KVP, made.XRayTubeCurrent, made.ExposureTime, made.ConvolutionKernel = 120, 200, 500, "B70f"
    made.DataCollectionDiameter, made.ReconstructionDiameter, made.GantryDetectorTilt, made.TableHeight = (
        500,
        360,
        0,
        180,
    )
    made.RotationDirection, made.FilterType, made.PatientPosition, made.RescaleType = "CW", "0", "HFS", "HU"
    made.ContentDate, made.ContentTime, made.AcquisitionNumber = "20200301", "101501", 1
    code = Dataset()
    code.CodeValue, code.CodingSchemeDesignator, code.CodeMeaning = (
        "113100",
        "DCM",
        ("Basic Application Confidentiality Profile"),
    )
    made.DeidentificationMethodCodeSequence = [code]
    made.Rows, made.Columns, made.SamplesPerPixel, made.PhotometricInterpretation = (
        kind.rows, kind.columns, 1, "MONOCHROME2",
    )  # fmt: skip
    made.BitsAllocated, made.BitsStored, made.HighBit, made.PixelRepresentation = 16, 12, 11, 0
    noise = np.random.default_rng(5).integers(0, 4096, (kind.rows, kind.columns), dtype="<u2")
    made.PixelData = noise.tobytes()
    made["PixelData"].VR = "OW"
    made.file_meta = FileMetaDataset()
    made.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    target = io.BytesIO()
    dcmwrite(target, made, enforce_file_format=True)
    return target.getvalue()


def files(kind: Kind, count: int, *, run: int) -> Iterator[File]:
    """Yield files that differ in their UIDs, positions and pixels; another `run` yields others."""
    template = _template(kind)
    for number in range(count):
        group, place = divmod(number, kind.per_series)
        study, series = _uid(8, run, group), _uid(9, run, group)
        instance = _uid(7, run, number)
        content = template
        for old, new in ((_SOP, instance), (_STUDY, study), (_SERIES, series)):
            content = content.replace(old.encode(), new.encode())
        content = content.replace(_PLACE, f"{-100 - place * 1.25:8.2f}".encode())
        marked = bytearray(content)
        marked[-16:-8] = (run * 10**9 + number).to_bytes(8, "little")
        yield File(study=study, series=series, instance=instance, content=bytes(marked))


def _uid(kind: int, run: int, number: int) -> str:
    return f"{_ROOT}{kind}{run:06d}{number:015d}"
