"""Small invented DICOM files for the gateway's tests, made here with pydicom; no real patient is in them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian

ROOT = "1.2.826.0.1.3680043.10.999"


def ct_slice(number: int = 1, *, patient: str = "4711", study: str = "1", **changes: Any) -> Dataset:
    """Return a small CT slice of an invented patient; `changes` set or (None) delete elements by keyword."""
    dataset = Dataset()
    dataset.SOPClassUID = CTImageStorage
    dataset.SOPInstanceUID = f"{ROOT}.{patient}.{study}.1.{number}"
    dataset.StudyInstanceUID = f"{ROOT}.{patient}.{study}"
    dataset.SeriesInstanceUID = f"{ROOT}.{patient}.{study}.1"
    dataset.FrameOfReferenceUID = f"{ROOT}.{patient}.{study}.2"
    dataset.PatientID = patient
    dataset.PatientName = f"Quintessa^Vandermolen{patient}"
    dataset.PatientBirthDate = "19500312"
    dataset.PatientSex = "F"
    dataset.StudyDate = "20200401"
    dataset.StudyTime = "101500"
    dataset.AccessionNumber = f"ACC{patient}"
    dataset.ReferringPhysicianName = "Ferrywright^Odalys"
    dataset.StudyID = study
    dataset.StudyDescription = "CT chest"
    dataset.Modality = "CT"
    dataset.SeriesNumber = 1
    dataset.InstanceNumber = number
    dataset.ImageType = ["ORIGINAL", "PRIMARY", "AXIAL"]
    dataset.ImageOrientationPatient = [1, 0, 0, 0, 1, 0]
    dataset.ImagePositionPatient = [0, 0, number * 3]
    dataset.PixelSpacing = [1, 1]
    dataset.SliceThickness = 3
    dataset.KVP = 120
    dataset.RescaleIntercept, dataset.RescaleSlope = -1024, 1
    dataset.SamplesPerPixel, dataset.PhotometricInterpretation = 1, "MONOCHROME2"
    dataset.Rows = dataset.Columns = 32
    dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit, dataset.PixelRepresentation = 16, 12, 11, 0
    noise = np.random.default_rng(number).integers(200, 1400, (32, 32), dtype=np.uint16)
    dataset.PixelData = noise.tobytes()
    for keyword, value in changes.items():
        if value is None:
            delattr(dataset, keyword)
        else:
            setattr(dataset, keyword, value)
    return dataset


def write(path: Path, dataset: Dataset) -> Path:
    """Write a data set as a DICOM file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = dataset.get("SOPClassUID", CTImageStorage)
    meta.MediaStorageSOPInstanceUID = dataset.get("SOPInstanceUID", "1.2.3")
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    FileDataset(str(path), dataset, file_meta=meta, preamble=b"\0" * 128).save_as(path, enforce_file_format=True)
    return path


def series(folder: Path, *, count: int = 3, patient: str = "4711", study: str = "1") -> list[Path]:
    """Write a small series."""
    slices = range(1, count + 1)
    return [write(folder / f"{patient}-{study}-{n}", ct_slice(n, patient=patient, study=study)) for n in slices]
