"""Write CT series with headers as full as a real scanner's: the input on which engines are timed.

Everyone here is invented. About 190 top-level elements, six sequences and five private blocks, of which some twenty
elements and two private ones differ from slice to slice, as they do in clinical series.
"""

from __future__ import annotations

import random
import struct
from collections.abc import Iterator
from pathlib import Path

from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.filewriter import dcmwrite
from pydicom.sequence import Sequence
from pydicom.uid import UID

CT = "1.2.840.10008.5.1.4.1.1.2"
EXPLICIT = "1.2.840.10008.1.2.1"
SIDE = 512
SLICES_A_SERIES = 300
FAMILIES = [
    "Kestrelby",
    "Vantongeren",
    "Achterberg",
    "Silvasson",
    "Oyelaran",
    "Marchetti",
    "Lindqvist",
    "Petrovska",
    "Haddadi",
    "Nakagawara",
]

_TEXTS = {
    "SpecificCharacterSet": "ISO_IR 100", "Modality": "CT", "Manufacturer": "SIEMENS", "Laterality": "",
    "InstitutionName": "St. Brannoc Infirmary", "InstitutionAddress": "12 Quay Lane, Brannoc",
    "InstitutionalDepartmentName": "Radiology West", "StationName": "CTBRAN01",
    "StudyDescription": "CT Thorax/Abdomen with contrast", "SeriesDescription": "Thorax 1.0 B30f",
    "ManufacturerModelName": "SOMATOM Definition AS+", "DerivationDescription": "", "PatientSex": "F",
    "PatientAge": "061Y", "PatientSize": "1.64", "PatientWeight": "71", "EthnicGroup": "", "Occupation": "teacher",
    "SmokingStatus": "NO", "PregnancyStatus": 4, "AdditionalPatientHistory": "cough, rule out embolism",
    "PatientComments": "", "MedicalAlerts": "", "Allergies": "iodine", "CountryOfResidence": "",
    "RegionOfResidence": "", "ContrastBolusAgent": "Ultravist 370", "BodyPartExamined": "CHEST",
    "ScanOptions": "FAST SPIRAL", "SliceThickness": "1", "KVP": "120", "DataCollectionDiameter": "500",
    "DeviceSerialNumber": "66188", "SoftwareVersions": "syngo CT 2012B",
    "ProtocolName": "ThoraxAbdomen_Routine (Adult)", "ContrastBolusRoute": "iv", "ContrastBolusVolume": "90",
    "ContrastBolusTotalDose": "90", "ContrastFlowRate": "3", "ContrastFlowDuration": "30",
    "ContrastBolusIngredient": "IODINE", "ContrastBolusIngredientConcentration": "370", "SpacingBetweenSlices": "1",
    "ReconstructionDiameter": "364", "DistanceSourceToDetector": "1085.6", "DistanceSourceToPatient": "595",
    "GantryDetectorTilt": "0", "TableHeight": "141", "RotationDirection": "CW", "ExposureTime": "500",
    "FilterType": "FLAT", "GeneratorPower": "28", "FocalSpots": "1.2", "ConvolutionKernel": ["I30f", "3"],
    "PatientPosition": "FFS", "SingleCollimationWidth": 0.6, "TotalCollimationWidth": 38.4, "TableSpeed": 46.0,
    "TableFeedPerRotation": 23.0, "SpiralPitchFactor": 0.6, "EstimatedDoseSaving": 12.0, "CTDIvol": 7.26,
    "ReconstructionTargetCenterPatient": [0.0, -141.0, 100.0], "ExposureModulationType": "XYZ_EC",
    "DataCollectionCenterPatient": [0.0, -141.0, 100.0], "StudyID": "4711", "SeriesNumber": "5",
    "AcquisitionNumber": "2", "ImageOrientationPatient": ["1", "0", "0", "0", "1", "0"],
    "PositionReferenceIndicator": "", "ImageComments": "", "SamplesPerPixel": 1,
    "PhotometricInterpretation": "MONOCHROME2", "Rows": SIDE, "Columns": SIDE,
    "PixelSpacing": ["0.7109375", "0.7109375"], "BitsAllocated": 16, "BitsStored": 12, "HighBit": 11,
    "PixelRepresentation": 0, "BurnedInAnnotation": "NO", "WindowCenter": ["50", "-600"],
    "WindowWidth": ["350", "1200"], "RescaleIntercept": "-1024", "RescaleSlope": "1", "RescaleType": "HU",
    "WindowCenterWidthExplanation": ["WINDOW1", "WINDOW2"], "LossyImageCompression": "00", "StudyComments": "",
    "RequestedProcedureDescription": "CT Thorax + Abdomen", "RequestedContrastAgent": "",
    "AdmittingDiagnosesDescription": "dyspnoea", "PatientState": "", "CurrentPatientLocation": "Ward 7B",
    "SpecialNeeds": "", "PerformedStationAETitle": "CTBRAN01", "PerformedStationName": "CTBRAN01",
    "PerformedLocation": "", "PerformedProcedureStepStatus": "COMPLETED",
    "PerformedProcedureStepDescription": "CT Thorax/Abdomen", "PerformedProcedureStepID": "PPS88213",
    "CommentsOnThePerformedProcedureStep": "no complications", "PresentationLUTShape": "IDENTITY",
    "ImageType": ["ORIGINAL", "PRIMARY", "AXIAL", "CT_SOM5 SPI"], "AcquisitionType": "SPIRAL", "RevolutionTime": 0.5,
    "WaterEquivalentDiameter": 271.5, "InstanceCreatorUID": "1.3.12.2.1107.5.1.4", "IssuerOfPatientID": "BRANNOC",
    "TimezoneOffsetFromUTC": "+0100", "PatientOrientation": ["L", "P"], "QueryRetrieveLevel": "IMAGE",
    "RetrieveAETitle": "PACSBRAN", "InstanceAvailability": "ONLINE", "PerformingPhysicianName": "Oldacre^Ruth^^Dr.",
    "ReferringPhysicianName": "Brandelius^Otto^^Dr.", "OperatorsName": "Quillfeather^Mia",
    "NameOfPhysiciansReadingStudy": "Zilvestri^Carla", "RequestingPhysician": "Brandelius^Otto",
    "PhysiciansOfRecord": "Brandelius^Otto", "RequestingService": "Pulmonology", "ReasonForStudy": "dyspnoea",
    "FillerOrderNumberImagingServiceRequest": "F558213", "PlacerOrderNumberImagingServiceRequest": "P558213",
    "ConfidentialityConstraintOnPatientDataDescription": "", "PatientTelephoneNumbers": "+44 1632 960 812",
    "PatientAddress": "4 Harbour View, Brannoc", "PatientMotherBirthName": "Thistlewood^Ann",
    "PatientReligiousPreference": "", "MilitaryRank": "", "BranchOfService": "", "ResponsiblePerson": "",
    "ResponsibleOrganization": "", "ReasonForTheRequestedProcedure": "dyspnoea",
    "DeviceUID": "1.3.12.2.1107.5.1.4.66188", "GantryID": "G7", "DateOfLastCalibration": "20230411",
    "TimeOfLastCalibration": "065912.000000", "NumberOfStudyRelatedInstances": "300", "PixelPaddingValue": 0,
    "TriggerTime": "0", "NominalInterval": "0", "CardiacNumberOfImages": "0", "HeartRate": "0",
    "IntervalsAcquired": "0", "IntervalsRejected": "0", "AcquisitionDuration": 6.2, "PatientBirthTime": "",
    "PatientInsurancePlanCodeSequence": None, "LastMenstrualDate": "", "VisitComments": "", "RouteOfAdmissions": "",
    "AdmissionID": "A-99120-3", "ServiceEpisodeID": "", "ServiceEpisodeDescription": "",
    "InstitutionalDepartmentTypeCodeSequence": None,
}  # fmt: skip


def write_series(target: Path, *, slices: int, seed: int = 1, side: int = SIDE) -> list[Path]:
    """Write slices of several invented patients, 300 to a series, into folders; return the paths in order."""
    paths: list[Path] = []
    for number in range((slices + SLICES_A_SERIES - 1) // SLICES_A_SERIES):
        folder = target / f"series{number:03d}"
        folder.mkdir(parents=True, exist_ok=True)
        count = min(SLICES_A_SERIES, slices - len(paths))
        for index, dataset in enumerate(_slices(random.Random(seed * 1000 + number), number, count, side)):
            paths.append(folder / f"I{index:04d}.dcm")
            dcmwrite(paths[-1], dataset, enforce_file_format=True)
    return paths


def header(chance: random.Random, number: int) -> Dataset:
    """Return what all slices of one series share."""
    dataset = Dataset()
    for keyword, value in _TEXTS.items():
        setattr(dataset, keyword, value if value is not None else Sequence([]))
    family = FAMILIES[number % len(FAMILIES)]
    dataset.SOPClassUID = CT
    dataset.PatientName, dataset.PatientID = f"{family}^Imogen^R", f"MR{chance.randrange(10**7, 10**8)}"
    dataset.PatientBirthDate = f"19{chance.randrange(40, 80)}0{chance.randrange(1, 10)}17"
    dataset.AccessionNumber = f"ACC{chance.randrange(10**8, 10**9)}"
    dataset.OtherPatientIDs = f"OLD{chance.randrange(10**6, 10**7)}"
    dataset.SeriesDescription = f"Thorax 1.0 B30f {family}"
    for keyword in ("StudyDate", "SeriesDate", "PerformedProcedureStepStartDate", "AcquisitionDate", "ContentDate"):
        setattr(dataset, keyword, "20230412")
    dataset.InstanceCreationDate = "20230412"
    dataset.StudyTime, dataset.PerformedProcedureStepStartTime = "102431.125000", "102431.125000"
    dataset.SeriesTime = "102912.343000"
    root = f"1.3.12.2.1107.5.1.4.66188.{chance.randrange(10**12, 10**13)}"
    dataset.StudyInstanceUID, dataset.SeriesInstanceUID = f"{root}.1", f"{root}.2"
    dataset.FrameOfReferenceUID, dataset.IrradiationEventUID = f"{root}.3", f"{root}.4"
    dataset.RequestAttributesSequence = [_request(family, root)]
    dataset.ProcedureCodeSequence = [_code("CTTHAB", "99BRANNOC", "CT Thorax/Abdomen")]
    dataset.AnatomicRegionSequence = [_code("51185008", "SCT", "Chest")]
    dataset.CTDIPhantomTypeCodeSequence = [_code("113691", "DCM", "IEC Body Dosimetry Phantom")]
    dataset.ReferencedStudySequence = [_reference("1.2.840.10008.3.1.2.3.1", f"{root}.5")]
    dataset.ReferencedPerformedProcedureStepSequence = [_reference("1.2.840.10008.3.1.2.3.3", f"{root}.6")]
    _private(dataset, chance, family)
    return dataset


def _slices(chance: random.Random, number: int, count: int, side: int) -> Iterator[Dataset]:
    shared = header(chance, number)
    shared.Rows = shared.Columns = side
    noise = bytearray(chance.randbytes(side * side * 2 + count * 2))
    noise[1::2] = bytes(byte & 0x0F for byte in noise[1::2])  # twelve bits stored
    for index in range(count):
        dataset = Dataset()
        dataset.update(shared)
        _differ(dataset, chance, index)
        dataset.add_new(0x7FE00010, "OW", bytes(noise[2 * index : 2 * index + side * side * 2]))
        dataset.file_meta = FileMetaDataset()
        dataset.file_meta.TransferSyntaxUID = UID(EXPLICIT)
        dataset.file_meta.SourceApplicationEntityTitle = "CTBRAN01"
        yield dataset


def _differ(dataset: Dataset, chance: random.Random, index: int) -> None:
    """Set what differs from slice to slice."""
    dataset.SOPInstanceUID = f"{dataset.StudyInstanceUID}.{1000 + index}.{chance.randrange(10**9)}"
    dataset.InstanceNumber = str(index + 1)
    second = 12 + index * 0.0207
    moment = f"1029{int(second):02d}.{int(second % 1 * 1e6):06d}"
    dataset.AcquisitionTime = dataset.ContentTime = moment
    dataset.AcquisitionDateTime = "20230412" + moment
    dataset.InstanceCreationTime = f"1031{int(second):02d}.{chance.randrange(10**6):06d}"
    dataset.ImagePositionPatient = ["-181.64453125", "-322.64453125", f"{-212.5 - index}"]
    dataset.SliceLocation = f"{-212.5 - index}"
    current = chance.randrange(120, 420)
    dataset.XRayTubeCurrent, dataset.Exposure = str(current), str(current // 2)
    dataset.TablePosition = -212.5 - index
    dataset.CTDIvol = 5 + current / 100
    dataset.SmallestImagePixelValue, dataset.LargestImagePixelValue = 0, chance.randrange(1800, 4000)
    source = _reference("1.3.12.2.1107.5.9.1", f"{dataset.StudyInstanceUID}.7.{index}")
    dataset.SourceImageSequence = [source]
    localizer = _reference(CT, f"{dataset.StudyInstanceUID}.8")
    dataset.ReferencedImageSequence = [localizer]
    dataset[0x00291010].value = chance.randbytes(64) * 80
    dataset[0x00211013].value = f"{-212.5 - index}"


def _private(dataset: Dataset, chance: random.Random, family: str) -> None:
    block = dataset.private_block(0x0019, "SIEMENS CT VA0  COAD", create=True)
    block.add_new(0xB0, "DS", "23")
    block.add_new(0xB1, "IS", "4608")
    block = dataset.private_block(0x0021, "SIEMENS MED", create=True)
    block.add_new(0x11, "DS", ["0", "141"])
    block.add_new(0x13, "DS", "0")
    block.add_new(0x14, "LO", f"planned by {family}")
    block = dataset.private_block(0x0029, "SIEMENS CSA HEADER", create=True)
    block.add_new(0x08, "CS", "SOM 5")
    block.add_new(0x10, "OB", b"")
    block.add_new(0x20, "OB", chance.randbytes(2048))
    block = dataset.private_block(0x0029, "SIEMENS MEDCOM HEADER", create=True)
    block.add_new(0x20, "OB", struct.pack("<I", 1) * 256)
    block.add_new(0x31, "LO", "4.0.165061")
    block = dataset.private_block(0x0099, "BRANNOC LOCAL", create=True)
    block.add_new(0x01, "LO", f"{family} ward 7B")


def _request(family: str, root: str) -> Dataset:
    item = Dataset()
    item.RequestedProcedureID, item.ScheduledProcedureStepID = "RP558213", "SPS558213"
    item.ScheduledProcedureStepDescription = "CT Thorax/Abdomen"
    item.RequestedProcedureDescription = f"CT Thorax {family}"
    item.ScheduledProtocolCodeSequence = [_code("CTTHAB", "99BRANNOC", "CT Thorax/Abdomen")]
    item.ReferencedStudySequence = [_reference("1.2.840.10008.3.1.2.3.1", f"{root}.5")]
    return item


def _code(value: str, scheme: str, meaning: str) -> Dataset:
    item = Dataset()
    item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = value, scheme, meaning
    return item


def _reference(sop_class: str, sop_instance: str) -> Dataset:
    item = Dataset()
    item.ReferencedSOPClassUID, item.ReferencedSOPInstanceUID = sop_class, sop_instance
    return item
