"""Complete DICOM instances from a phantom or a radiograph, in any of the usual transfer syntaxes."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import gdcm
import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.sequence import Sequence
from pydicom.uid import (
    UID,
    ComputedRadiographyImageStorage,
    CTImageStorage,
    DigitalXRayImageStorageForPresentation,
    ExplicitVRLittleEndian,
    JPEGLosslessSV1,
)

from radcommons.synthetic.headers import uid
from radcommons.synthetic.phantom import Phantom
from radcommons.synthetic.radiograph import Radiograph
from radcommons.synthetic.vendors import Vendor

IMPLEMENTATION_UID = UID("1.2.826.0.1.3680043.8.498.20200315")


def ct_instances(
    shared: Dataset,
    phantom: Phantom,
    vendor: Vendor,
    *,
    kernel: str,
    thickness_mm: float,
    at: datetime,
    enhanced: bool = False,
) -> Iterator[Dataset]:
    """Yield one CT Image Storage instance for each slice, highest slice first.

    The same data set is yielded each time with other values: write it before you ask for the next.

    Parameters
    ----------
    shared : Dataset
        Identity, study and series attributes, with FrameOfReferenceUID; changed in place.
    phantom : Phantom
    vendor : Vendor
    kernel : str
    thickness_mm : float
    at : datetime
        When the first slice was acquired.
    enhanced : bool

    References
    ----------
    DICOM PS3.3, A.3 Computed Tomography Image IOD.
    """
    instance = shared
    _ct_constants(instance, phantom, vendor, kernel=kernel, thickness_mm=thickness_mm, enhanced=enhanced)
    between, row_mm, col_mm = phantom.spacing_mm
    slices, rows, cols = phantom.volume_hu.shape
    corner = (-(cols - 1) / 2 * col_mm, -(rows - 1) / 2 * row_mm - 140)
    outside = _outside_circle(rows, cols)
    for number in range(1, slices + 1):
        level = slices - number
        _name_instance(instance, number)
        moment = at + timedelta(milliseconds=310 * number)
        instance.AcquisitionDate = instance.ContentDate = moment.strftime("%Y%m%d")
        instance.AcquisitionTime = instance.ContentTime = moment.strftime("%H%M%S.%f")
        height = -1250 + between * level
        instance.ImagePositionPatient = [f"{corner[0]:.4f}", f"{corner[1]:.4f}", f"{height:.3f}"]
        instance.SliceLocation = f"{height:.3f}"
        instance.XRayTubeCurrent = 120 + int(90 * abs(np.cos(level / slices * 3)))
        put_pixels(instance, _stored(phantom.volume_hu[level], vendor, outside))
        yield instance


def _ct_constants(
    instance: Dataset, phantom: Phantom, vendor: Vendor, *, kernel: str, thickness_mm: float, enhanced: bool
) -> None:
    instance.SOPClassUID = CTImageStorage
    instance.Modality = "CT"
    instance.ImageType = ["ORIGINAL", "PRIMARY", "AXIAL"]
    instance.AcquisitionNumber = 1
    instance.PatientPosition = "HFS"
    instance.PositionReferenceIndicator = ""
    instance.ImageOrientationPatient = [1, 0, 0, 0, 1, 0]
    instance.PixelSpacing = [f"{phantom.spacing_mm[1]:.4f}", f"{phantom.spacing_mm[2]:.4f}"]
    instance.SliceThickness = f"{thickness_mm:g}"
    instance.SpacingBetweenSlices = f"{phantom.spacing_mm[0]:g}"
    instance.KVP = vendor.kvp
    instance.ConvolutionKernel = kernel
    instance.GantryDetectorTilt = "0"
    instance.TableHeight = "140"
    instance.ExposureTime = 500
    instance.DataCollectionDiameter = "500"
    instance.ReconstructionDiameter = f"{phantom.spacing_mm[2] * phantom.volume_hu.shape[2]:.1f}"
    if enhanced:
        instance.ContrastBolusAgent = "Iodine 350"
    instance.RescaleSlope = "1"
    instance.RescaleIntercept = str(vendor.intercept)
    instance.RescaleType = "HU"
    lung = kernel in ("B70f", "LUNG", "YA", "FC52")
    instance.WindowCenter, instance.WindowWidth = ("-600", "1500") if lung else ("40", "400")
    _image_pixel(instance, phantom.volume_hu.shape[1:], bits=vendor.bits, signed=vendor.signed)
    if vendor.padding is not None:
        instance.add_new("PixelPaddingValue", "SS" if vendor.signed else "US", vendor.padding)


def _image_pixel(instance: Dataset, shape: tuple[int, ...], *, bits: int, signed: bool) -> None:
    instance.SamplesPerPixel = 1
    instance.PhotometricInterpretation = "MONOCHROME2"
    instance.Rows, instance.Columns = shape
    instance.BitsAllocated = 16
    instance.BitsStored = bits
    instance.HighBit = bits - 1
    instance.PixelRepresentation = int(signed)


def _outside_circle(rows: int, cols: int) -> NDArray[np.bool_]:
    y, x = np.ogrid[:rows, :cols]
    return np.asarray((y - (rows - 1) / 2) ** 2 + (x - (cols - 1) / 2) ** 2 > (min(rows, cols) / 2) ** 2)


def _stored(plane: NDArray[np.int16], vendor: Vendor, outside: NDArray[np.bool_]) -> NDArray[np.generic]:
    stored = plane.astype(np.int32) - vendor.intercept
    if not vendor.signed:
        return np.clip(stored, 0, 2**vendor.bits - 1).astype(np.uint16)
    if vendor.padding is not None:
        stored[outside] = vendor.padding
    return stored.astype(np.int16)


def film_instance(shared: Dataset, film: Radiograph, vendor: Vendor, *, number: int, at: datetime) -> Dataset:
    """Return a radiograph as Digital X-Ray (for presentation) or as Computed Radiography, as the vendor makes.

    Parameters
    ----------
    shared : Dataset
        Identity, study and series attributes; changed in place and returned.
    film : Radiograph
    vendor : Vendor
        Agfa writes Computed Radiography, the others Digital X-Ray.
    number : int
    at : datetime

    References
    ----------
    DICOM PS3.3, A.2 CR Image IOD, A.26 DX Image IOD.
    """
    _name_instance(shared, number)
    shared.AcquisitionDate = shared.ContentDate = at.strftime("%Y%m%d")
    shared.AcquisitionTime = shared.ContentTime = at.strftime("%H%M%S")
    shared.AcquisitionNumber = 1
    shared.KVP = "90" if film.view == "AP" else "125"
    shared.ViewPosition = film.view
    shared.PatientOrientation = ["P", "F"] if film.view == "LL" else ["L", "F"]
    shared.ImagerPixelSpacing = [f"{film.spacing_mm[0]:.4f}", f"{film.spacing_mm[1]:.4f}"]
    _image_pixel(shared, film.stored.shape, bits=12, signed=False)
    shared.PhotometricInterpretation = film.photometric
    shared.WindowCenter, shared.WindowWidth = "2048", "4096"
    if vendor.manufacturer == "Agfa":
        _computed(shared)
    else:
        _digital(shared, film)
    put_pixels(shared, film.stored)
    return shared


def _computed(instance: Dataset) -> None:
    instance.SOPClassUID = ComputedRadiographyImageStorage
    instance.Modality = "CR"
    instance.ImageType = ["ORIGINAL", "PRIMARY", ""]
    instance.PlateID = "0C4471A"
    instance.CassetteOrientation = "PORTRAIT"
    instance.Sensitivity = "400"
    instance.BurnedInAnnotation = "NO"


def _digital(instance: Dataset, film: Radiograph) -> None:
    instance.SOPClassUID = DigitalXRayImageStorageForPresentation
    instance.Modality = "DX"
    instance.ImageType = ["DERIVED", "PRIMARY", ""]
    instance.PresentationIntentType = "FOR PRESENTATION"
    instance.ImageLaterality = "U"
    instance.AnatomicRegionSequence = Sequence([_code("816094009", "SCT", "Chest")])
    instance.PixelIntensityRelationship = "LOG"
    inverse = film.photometric == "MONOCHROME1"
    instance.PixelIntensityRelationshipSign = -1 if not inverse else 1
    instance.RescaleIntercept, instance.RescaleSlope, instance.RescaleType = "0", "1", "US"
    instance.PresentationLUTShape = "INVERSE" if inverse else "IDENTITY"
    instance.LossyImageCompression = "00"
    instance.BurnedInAnnotation = "NO"
    instance.DetectorType = "SCINTILLATOR"
    instance.DetectorID = "FPD-0417"
    instance.AcquisitionContextSequence = Sequence([])
    instance.ViewCodeSequence = Sequence([_code(*_VIEWS[film.view])])
    instance.ViewCodeSequence[0].ViewModifierCodeSequence = Sequence([])
    instance.PositionerType = "NONE"


# PS3.16 CID 4010 DX View.
_VIEWS = {
    "PA": ("272479007", "SCT", "postero-anterior"),
    "AP": ("399348003", "SCT", "antero-posterior"),
    "LL": ("399173006", "SCT", "left lateral"),
}


def _code(value: str, scheme: str, meaning: str) -> Dataset:
    item = Dataset()
    item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = value, scheme, meaning
    return item


def _name_instance(instance: Dataset, number: int) -> None:
    instance.InstanceNumber = number
    instance.SOPInstanceUID = uid(instance.SeriesInstanceUID, "instance", number)


def put_pixels(instance: Dataset, stored: NDArray[np.generic]) -> None:
    """Set the pixel data uncompressed."""
    instance.add_new("PixelData", "OW", stored.tobytes())


def file_meta(instance: Dataset, syntax: UID) -> FileMetaDataset:
    """Return the file meta information of an instance.

    References
    ----------
    DICOM PS3.10, 7.1.
    """
    meta = FileMetaDataset()
    meta.FileMetaInformationVersion = b"\x00\x01"
    meta.MediaStorageSOPClassUID = instance.SOPClassUID
    meta.MediaStorageSOPInstanceUID = instance.SOPInstanceUID
    meta.TransferSyntaxUID = syntax
    meta.ImplementationClassUID = IMPLEMENTATION_UID
    meta.ImplementationVersionName = "RADCOMMONS_SYN"
    return meta


def encode(instance: Dataset, syntax: UID) -> None:
    """Give `instance` file meta information and its pixel data in `syntax`, in place.

    Parameters
    ----------
    instance : Dataset
        With uncompressed little endian pixel data.
    syntax : UID
        One that pydicom can encode, or JPEG Lossless SV1, which gdcm encodes.
    """
    if not syntax.is_encapsulated:
        instance.file_meta = file_meta(instance, syntax)
        return
    instance.file_meta = file_meta(instance, ExplicitVRLittleEndian)
    if syntax == JPEGLosslessSV1:
        instance.file_meta.TransferSyntaxUID = syntax
        instance.add_new("PixelData", "OB", encapsulate([_jpeg_lossless(instance)]))
        instance["PixelData"].is_undefined_length = True
        return
    instance.compress(syntax, generate_instance_uid=False)


def _jpeg_lossless(instance: Dataset) -> bytes:
    """Return the frame as one JPEG Lossless stream; gdcm's images live on files alone, so it goes by one."""
    with tempfile.TemporaryDirectory() as folder:
        plain = str(Path(folder) / "plain.dcm")
        copy = instance.group_dataset(0x0028)
        copy.SOPClassUID, copy.SOPInstanceUID = instance.SOPClassUID, instance.SOPInstanceUID
        copy.add(instance["PixelData"])
        copy.file_meta = file_meta(instance, ExplicitVRLittleEndian)
        copy.save_as(plain, enforce_file_format=True)
        reader = gdcm.ImageReader()
        reader.SetFileName(plain)
        change = gdcm.ImageChangeTransferSyntax()
        change.SetTransferSyntax(gdcm.TransferSyntax(gdcm.TransferSyntax.JPEGLosslessProcess14_1))
        if reader.Read():
            change.SetInput(reader.GetImage())
        if not change.Change():
            raise RuntimeError("gdcm could not encode JPEG Lossless")
        fragment = change.GetOutput().GetDataElement().GetSequenceOfFragments().GetFragment(0)
        buffer: str = fragment.GetByteValue().GetBuffer()
        return buffer.encode("utf-8", errors="surrogateescape")
