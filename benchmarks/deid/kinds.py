"""Headers of twenty kinds of object, as scanners and workstations write them, before any identity is planted."""

from __future__ import annotations

import io
import random
import zlib
from collections.abc import Callable

import numpy as np
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.sequence import Sequence
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    RLELossless,
)

ROOT = "1.2.826.0.1.99990"
SYNTAXES = (
    ExplicitVRLittleEndian, ExplicitVRLittleEndian, ImplicitVRLittleEndian, ExplicitVRBigEndian,
    DeflatedExplicitVRLittleEndian, RLELossless,
)  # fmt: skip
STORAGE = "1.2.840.10008.5.1.4.1.1."


def code(value: str, scheme: str, meaning: str) -> Dataset:
    """Return a code sequence item."""
    item = Dataset()
    item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = value, scheme, meaning
    return item


def item(**values: object) -> Dataset:
    """Return a sequence item."""
    made = Dataset()
    for keyword, value in values.items():
        setattr(made, keyword, value)
    return made


class Study:
    """UIDs and dates that the objects of one study share."""

    def __init__(self, rng: random.Random, number: int) -> None:
        self.rng = rng
        self.base = f"{ROOT}.{number}.{rng.randrange(10**9)}"
        self.day = f"{rng.randrange(2016, 2023)}{rng.randrange(1, 13):02d}{rng.randrange(1, 29):02d}"
        self.time = f"{rng.randrange(24):02d}{rng.randrange(60):02d}{rng.randrange(60):02d}"
        self.counter = 0
        self.ct_series = f"{self.base}.2.1"
        self.images: list[tuple[str, str]] = []

    def uid(self, branch: int) -> str:
        """Return a new UID of the study."""
        self.counter += 1
        return f"{self.base}.{branch}.{self.counter}"


def common(study: Study, modality: str, sop_class: str, series: int, charset: str) -> Dataset:
    """Return what all objects have."""
    made = Dataset()
    made.file_meta = FileMetaDataset()
    if charset != "ISO_IR 6":
        made.SpecificCharacterSet = charset.split("\\") if charset.startswith("\\") else charset
    made.SOPClassUID, made.SOPInstanceUID = sop_class, study.uid(3)
    made.StudyInstanceUID = f"{study.base}.1"
    made.SeriesInstanceUID = study.ct_series if modality == "CT" else f"{study.base}.2.{series}"
    made.StudyDate = made.SeriesDate = made.ContentDate = study.day
    made.StudyTime = made.SeriesTime = made.ContentTime = study.time
    made.Modality, made.SeriesNumber, made.StudyID = modality, str(series), "1"
    made.AccessionNumber = f"A{study.rng.randrange(10**6, 10**7)}"
    made.Manufacturer = study.rng.choice(("SIEMENS", "GE MEDICAL SYSTEMS", "Philips", "Canon Medical Systems"))
    made.ManufacturerModelName = study.rng.choice(("SOMATOM Force", "Revolution CT", "iCT 256", "Aquilion ONE"))
    made.SoftwareVersions = ["syngo CT VA48A", "1.2.3"]
    made.PatientSize, made.PatientWeight = "1.73", "71.5"
    made.EthnicGroup, made.SmokingStatus, made.PatientAge = "Caucasian", "NO", "058Y"
    made.Allergies, made.MedicalAlerts, made.PregnancyStatus = "Penicillin", "Pacemaker", 4
    made.ProcedureCodeSequence = [code("24627-2", "LN", "CT Chest")]
    made.ReferencedRequestSequence = Sequence([])
    del made.ReferencedRequestSequence
    return made


def _pixels(
    made: Dataset, rng: random.Random, *, rows: int = 64, bits: int = 16, frames: int = 1, colour: bool = False
) -> None:
    shape = (frames, rows, rows) + ((3,) if colour else ())
    numbers = np.random.default_rng(rng.randrange(2**32))
    made.Rows = made.Columns = rows
    made.SamplesPerPixel = 3 if colour else 1
    made.PhotometricInterpretation = "RGB" if colour else "MONOCHROME2"
    if colour:
        made.PlanarConfiguration = 0
    made.BitsAllocated = bits
    made.BitsStored = 8 if bits == 8 else 12
    made.HighBit, made.PixelRepresentation = made.BitsStored - 1, 0
    smooth = np.linspace(0, 2**made.BitsStored - 1, rows)[:, None] * np.ones(rows)
    values = np.broadcast_to(smooth[None, ..., None] if colour else smooth[None], shape)
    noise = numbers.normal(0, 2, shape)
    made.PixelData = (
        np.clip(values + noise, 0, 2**made.BitsStored - 1).astype(np.uint8 if bits == 8 else "<u2").tobytes()
    )
    if frames > 1:
        made.NumberOfFrames = frames


def _plane(made: Dataset, study: Study, z: float) -> None:
    made.FrameOfReferenceUID = f"{study.base}.9"
    made.PositionReferenceIndicator = ""
    made.ImagePositionPatient, made.ImageOrientationPatient = ["-170", "-170", str(z)], ["1", "0", "0", "0", "1", "0"]
    made.PixelSpacing, made.SliceThickness, made.SpacingBetweenSlices = ["0.7", "0.7"], "1.0", "1.0"
    made.PatientPosition = "HFS"


def ct(study: Study, charset: str) -> Dataset:
    """A CT slice."""
    made = common(study, "CT", STORAGE + "2", 1, charset)
    made.ImageType = ["ORIGINAL", "PRIMARY", "AXIAL"]
    _plane(made, study, len(study.images))
    made.KVP, made.ExposureTime, made.XRayTubeCurrent, made.Exposure = "120", "500", "180", "90"
    made.CTDIvol, made.SpiralPitchFactor, made.DataCollectionDiameter = 5.4, 0.9, "500"
    made.ConvolutionKernel, made.FilterType, made.BodyPartExamined = "B60f", "FLAT", "CHEST"
    made.GantryDetectorTilt, made.TableHeight, made.RotationDirection = "0", "150", "CW"
    made.ContrastBolusAgent, made.ContrastBolusRoute, made.ContrastBolusVolume = "Ultravist 370", "IV", "80"
    made.ReconstructionDiameter, made.DistanceSourceToDetector, made.DistanceSourceToPatient = "360", "1085", "595"
    made.FocalSpots, made.ProtocolName, made.AcquisitionNumber = "1.2", "ThoraxRoutine", "1"
    made.RescaleSlope, made.RescaleIntercept, made.RescaleType = "1", "-1024", "HU"
    made.WindowCenter, made.WindowWidth, made.WindowCenterWidthExplanation = (
        ["40", "-600"],
        ["400", "1500"],
        ["MEDIASTINUM", "LUNG"],
    )
    made.AcquisitionDate, made.AcquisitionTime = study.day, study.time
    made.AcquisitionDateTime = study.day + study.time + ".120000"
    _pixels(made, study.rng)
    study.images.append((made.SOPClassUID, made.SOPInstanceUID))
    return made


def mr(study: Study, charset: str) -> Dataset:
    """An MR slice."""
    made = common(study, "MR", STORAGE + "4", 11, charset)
    made.ImageType = ["ORIGINAL", "PRIMARY", "M", "ND"]
    _plane(made, study, 1)
    made.ScanningSequence, made.SequenceVariant, made.ScanOptions, made.MRAcquisitionType = "SE", "SK", "FS", "2D"
    made.RepetitionTime, made.EchoTime, made.EchoTrainLength, made.FlipAngle = "500", "12", "1", "90"
    made.MagneticFieldStrength, made.SequenceName, made.SAR, made.ImagingFrequency = "3", "tse2d1", "0.4", "123.2"
    made.BodyPartExamined = "CHEST"
    made.private_block(0x2005, "Philips MR Imaging DD 001", create=True).add_new(0x0E, "FL", 2.5)
    _pixels(made, study.rng)
    return made


def cr(study: Study, charset: str) -> Dataset:
    """A computed radiograph."""
    made = common(study, "CR", STORAGE + "1", 12, charset)
    made.ImageType = ["ORIGINAL", "PRIMARY"]
    made.BodyPartExamined, made.ViewPosition, made.KVP, made.PatientOrientation = "CHEST", "PA", "110", ["L", "F"]
    made.Sensitivity, made.RelativeXRayExposure, made.ImagerPixelSpacing = "200", "4", ["0.14", "0.14"]
    _pixels(made, study.rng)
    return made


def dx(study: Study, charset: str) -> Dataset:
    """A digital radiograph."""
    made = common(study, "DX", STORAGE + "1.1", 13, charset)
    made.ImageType, made.PresentationIntentType = ["ORIGINAL", "PRIMARY", ""], "FOR PRESENTATION"
    made.PixelIntensityRelationship, made.PixelIntensityRelationshipSign = "LOG", 1
    made.RescaleIntercept, made.RescaleSlope, made.RescaleType = "0", "1", "US"
    made.PresentationLUTShape, made.LossyImageCompression, made.BurnedInAnnotation = "IDENTITY", "00", "NO"
    made.ImageLaterality, made.PatientOrientation, made.DetectorType = "U", ["L", "F"], "DIRECT"
    made.BodyPartExamined, made.ViewPosition, made.KVP = "CHEST", "AP", "90"
    made.ExposureInuAs, made.EntranceDoseInmGy, made.Grid = "2000", "0.1", "FIXED"
    made.AnatomicRegionSequence = [code("51185008", "SCT", "Thorax")]
    made.ViewCodeSequence = [code("399348003", "SCT", "antero-posterior")]
    made.WindowCenter, made.WindowWidth = "2000", "4000"
    made.AcquisitionContextSequence = []
    _pixels(made, study.rng)
    return made


def us(study: Study, charset: str) -> Dataset:
    """An ultrasound loop."""
    made = common(study, "US", STORAGE + "3.1", 14, charset)
    made.ImageType = ["ORIGINAL", "PRIMARY", "ABDOMINAL", "0001"]
    made.SequenceOfUltrasoundRegions = [
        item(
            RegionSpatialFormat=1, RegionDataType=1, RegionFlags=0, RegionLocationMinX0=0, RegionLocationMinY0=8,
            RegionLocationMaxX1=63, RegionLocationMaxY1=63, PhysicalUnitsXDirection=3, PhysicalUnitsYDirection=3,
            PhysicalDeltaX=0.05, PhysicalDeltaY=0.05,
        )
    ]  # fmt: skip
    made.FrameTime, made.FrameIncrementPointer, made.TransducerData = "33", 0x00181063, ["C5-1", "", ""]
    made.PatientOrientation, made.LossyImageCompression = [], "00"
    _pixels(made, study.rng, bits=8, frames=3, colour=True)
    return made


def sc(study: Study, charset: str) -> Dataset:
    """A secondary capture."""
    made = common(study, "OT", STORAGE + "7", 15, charset)
    made.ConversionType, made.ImageType, made.PatientOrientation = "WSD", ["DERIVED", "SECONDARY"], []
    made.SecondaryCaptureDeviceManufacturer, made.NominalScannedPixelSpacing = "ACME Scan", ["0.2", "0.2"]
    _pixels(made, study.rng, bits=8)
    return made


def pet(study: Study, charset: str) -> Dataset:
    """A PET slice."""
    made = common(study, "PT", STORAGE + "128", 16, charset)
    made.ImageType = ["ORIGINAL", "PRIMARY"]
    _plane(made, study, 3)
    made.Units, made.CountsSource, made.SeriesType, made.DecayCorrection = (
        "BQML",
        "EMISSION",
        ["WHOLE BODY", "IMAGE"],
        "START",
    )
    made.CorrectedImage, made.ActualFrameDuration, made.FrameReferenceTime, made.ImageIndex = (
        ["ATTN", "DECY"],
        "120000",
        "60000",
        1,
    )
    made.NumberOfSlices, made.CollimatorType, made.RescaleSlope, made.RescaleIntercept = 1, "NONE", "1", "0"
    made.RadiopharmaceuticalInformationSequence = [
        item(
            Radiopharmaceutical="FDG", RadiopharmaceuticalStartTime=study.time, RadionuclideTotalDose="350000000",
            RadionuclideHalfLife="6586.2", RadiopharmaceuticalStartDateTime=study.day + study.time,
            RadionuclideCodeSequence=[code("77004003", "SCT", "^18^Fluorine")],
        )
    ]  # fmt: skip
    made.AcquisitionDate, made.AcquisitionTime, made.BodyPartExamined = study.day, study.time, "CHEST"
    _pixels(made, study.rng)
    return made


def enhanced_ct(study: Study, charset: str) -> Dataset:
    """An enhanced CT of three frames."""
    made = common(study, "CT", STORAGE + "2.1", 17, charset)
    made.SeriesInstanceUID = f"{study.base}.2.17"
    made.ImageType, made.PixelPresentation, made.VolumetricProperties = (
        ["ORIGINAL", "PRIMARY", "VOLUME", "NONE"],
        "MONOCHROME",
        "VOLUME",
    )
    made.VolumeBasedCalculationTechnique, made.ContentQualification, made.PresentationLUTShape = (
        "NONE",
        "RESEARCH",
        "IDENTITY",
    )
    made.AcquisitionDateTime, made.AcquisitionDuration, made.BurnedInAnnotation = study.day + study.time, 1.5, "NO"
    made.DeviceSerialNumber, made.AcquisitionNumber, made.LossyImageCompression = "SN1", "1", "00"
    made.FrameOfReferenceUID, made.PositionReferenceIndicator = f"{study.base}.9", ""
    frames = []
    for index in range(3):
        frames.append(
            item(
                FrameContentSequence=[
                    item(
                        FrameAcquisitionDateTime=study.day + study.time, FrameReferenceDateTime=study.day + study.time,
                        FrameAcquisitionDuration=100.0, StackID="1", InStackPositionNumber=index + 1, DimensionIndexValues=[index + 1],  # noqa: E501
                    )
                ],
                PlanePositionSequence=[item(ImagePositionPatient=["0", "0", str(index)])],
            )
        )  # fmt: skip
    made.PerFrameFunctionalGroupsSequence = frames
    made.SharedFunctionalGroupsSequence = [
        item(
            PixelMeasuresSequence=[item(SliceThickness="1", PixelSpacing=["0.7", "0.7"])],
            PlaneOrientationSequence=[item(ImageOrientationPatient=["1", "0", "0", "0", "1", "0"])],
            CTAcquisitionTypeSequence=[item(AcquisitionType="SPIRAL", ConstantVolumeFlag="NO", FluoroscopyFlag="NO")],
            CTReconstructionSequence=[item(ReconstructionAlgorithm="FILTER_BACK_PROJ", ConvolutionKernel="B31f")],
            CTExposureSequence=[item(ExposureTimeInms=500.0, XRayTubeCurrentInmA=180.0, CTDIvol=5.4)],
        )
    ]
    org = f"{study.base}.7"
    made.DimensionOrganizationSequence = [item(DimensionOrganizationUID=org)]
    made.DimensionIndexSequence = [
        item(DimensionOrganizationUID=org, DimensionIndexPointer=0x00209057, FunctionalGroupPointer=0x00209111)
    ]
    _pixels(made, study.rng, frames=3)
    return made


def waveform(study: Study, charset: str) -> Dataset:
    """A twelve-lead ECG, of one lead."""
    made = common(study, "ECG", STORAGE + "9.1.1", 18, charset)
    made.AcquisitionDateTime = study.day + study.time
    made.AcquisitionContextSequence = []
    made.WaveformSequence = [
        item(
            WaveformOriginality="ORIGINAL", NumberOfWaveformChannels=1, NumberOfWaveformSamples=8, SamplingFrequency="500",  # noqa: E501
            WaveformBitsAllocated=16, WaveformSampleInterpretation="SS", WaveformData=bytes(16), MultiplexGroupLabel="RHYTHM",  # noqa: E501
            ChannelDefinitionSequence=[
                item(
                    ChannelSourceSequence=[code("5.6.3-9-1", "SCPECG", "Lead I")], ChannelSensitivity="1", WaveformBitsStored=16,  # noqa: E501
                    ChannelSensitivityUnitsSequence=[code("uV", "UCUM", "microvolt")], ChannelSampleSkew="0", ChannelLabel="Lead I",  # noqa: E501
                    ChannelSensitivityCorrectionFactor="1", ChannelBaseline="0",
                )
            ],
        )
    ]  # fmt: skip
    made.WaveformAnnotationSequence = [
        item(
            UnformattedTextValue="Sinus rhythm, normal ECG", ReferencedWaveformChannels=[1, 0], AnnotationGroupNumber=1
        )
    ]
    return made


Builder = Callable[[Study, str], Dataset]
IMAGES: dict[str, Builder] = {
    "ct": ct, "mr": mr, "cr": cr, "dx": dx, "us": us, "sc": sc, "pet": pet, "enhanced-ct": enhanced_ct, "waveform": waveform,  # noqa: E501
}  # fmt: skip


def pdf_of(text: str, title: str) -> bytes:
    """Return a one-page PDF whose text stands in a deflated stream and whose title in the metadata."""
    stream = zlib.compress(f"BT /F1 12 Tf 72 720 Td ({text}) Tj ET".encode("latin-1", "replace"))
    parts = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents 4 0 R /Resources << /Font << /F1 5 0 R >> >> >>",  # noqa: E501
        b"<< /Length %d /Filter /FlateDecode >>\nstream\n" % len(stream) + stream + b"\nendstream",
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
        b"<< /Title (" + title.encode("latin-1", "replace") + b") >>",
    ]
    out, offsets = io.BytesIO(b"%PDF-1.4\n"), []
    out.seek(0, io.SEEK_END)
    for number, part in enumerate(parts, 1):
        offsets.append(out.tell())
        out.write(b"%d 0 obj\n" % number + part + b"\nendobj\n")
    start = out.tell()
    out.write(b"xref\n0 7\n0000000000 65535 f \n" + b"".join(b"%010d 00000 n \n" % offset for offset in offsets))
    out.write(b"trailer << /Size 7 /Root 1 0 R /Info 6 0 R >>\nstartxref\n%d\n%%%%EOF\n" % start)
    return out.getvalue()
