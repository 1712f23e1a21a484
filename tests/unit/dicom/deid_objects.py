"""Objects full of invented identity, built element by element; nobody in them exists."""

from __future__ import annotations

import io

from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.filewriter import dcmwrite
from pydicom.uid import ExplicitVRLittleEndian

from radcommons.dicom.deidentify import Deidentified, deidentify
from radcommons.dicom.mapping import KeyedMapper
from radcommons.dicom.profile import load_profile
from radcommons.dicom.text_identity import KnownIdentity

CT = "1.2.840.10008.5.1.4.1.1.2"
SECRET = b"a secret of thirty-two bytes ..."


def mapper(patient_id: str = "4711-08", secret: bytes = SECRET) -> KeyedMapper:
    """Return the mapper of one patient of the site ALFA."""
    return KeyedMapper(secret, site_code="ALFA", issuer="", patient_id=patient_id)


def code(value: str, scheme: str, meaning: str) -> Dataset:
    """Return a code sequence item."""
    item = Dataset()
    item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = value, scheme, meaning
    return item


def ct(patient: str = "Quellmann^Theobald", patient_id: str = "4711-08", root: str = "1.2.3.4") -> Dataset:
    """Return a CT header of an invented patient, references and nested items included."""
    dataset = Dataset()
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset.file_meta.SourceApplicationEntityTitle = "QUELLMANN_AE"
    dataset.SpecificCharacterSet = "ISO_IR 100"
    dataset.ImageType = ["ORIGINAL", "PRIMARY", "AXIAL"]
    dataset.SOPClassUID = CT
    dataset.SOPInstanceUID = f"{root}.3.1"
    dataset.StudyInstanceUID = f"{root}.1"
    dataset.SeriesInstanceUID = f"{root}.2"
    dataset.FrameOfReferenceUID = f"{root}.9"
    dataset.StudyDate, dataset.StudyTime = "20200312", "101112"
    dataset.SeriesDate, dataset.AcquisitionDate = "20200312", "20200313"
    dataset.AcquisitionDateTime = "20200313101112.5+0100"
    dataset.TimezoneOffsetFromUTC = "+0100"
    dataset.AccessionNumber = "ACC998877"
    dataset.Modality = "CT"
    dataset.Manufacturer, dataset.ManufacturerModelName = "SIEMENS", "SOMATOM Force"
    dataset.SoftwareVersions = "VA44A"
    dataset.InstitutionName = "Waldgrund Klinikum"
    dataset.ReferringPhysicianName = "Ostrander^Mina"
    dataset.StudyDescription = "CT Thorax QUELLMANN 4711-08"
    dataset.SeriesDescription = "Lung 1.0 B60f"
    dataset.ProtocolName = "ThoraxRoutine"
    dataset.PatientName, dataset.PatientID = patient, patient_id
    dataset.PatientBirthDate, dataset.PatientSex, dataset.PatientAge = "19280101", "M", "092Y"
    dataset.PatientSize, dataset.PatientWeight = "1.74", "70"
    dataset.BodyPartExamined = "CHEST"
    dataset.DeviceSerialNumber = "SN-55501"
    dataset.KVP, dataset.SliceThickness, dataset.ConvolutionKernel = "120", "1.0", "B60f"
    dataset.ImageComments = "Motion, see Mr. Quellmann's chest film of 11.3.2020. Effusion on the left."
    dataset.PatientComments = "Patient coughs, +49 170 1234567"
    dataset.InstanceNumber, dataset.SeriesNumber, dataset.StudyID = "1", "2", "S77"
    dataset.Rows = dataset.Columns = 2
    dataset.ReferencedImageSequence = [_reference(f"{root}.3.2")]
    dataset.RequestAttributesSequence = [_request(root)]
    block = dataset.private_block(0x0011, "QUELLMANN PRIVATE", create=True)
    block.add_new(1, "LO", "Quellmann private")
    dataset.add_new(0x60000010, "US", 2)
    dataset.add_new(0x60003000, "OB", b"QUELLMANN!")
    return dataset


def _reference(uid: str) -> Dataset:
    item = Dataset()
    item.ReferencedSOPClassUID, item.ReferencedSOPInstanceUID = CT, uid
    item.PurposeOfReferenceCodeSequence = [code("121311", "DCM", "Localizer")]
    return item


def _request(root: str) -> Dataset:
    item = Dataset()
    item.StudyInstanceUID = f"{root}.1"
    item.RequestedProcedureDescription = "Thorax for Theobald"
    item.RequestedProcedureID = "RP-778812"
    item.RequestedProcedureCodeSequence = [code("24627-2", "LN", "CT Chest")]
    return item


def deid(
    dataset: Dataset, *, profile: str = "radcommons", known: KnownIdentity | None = None, **who: object
) -> Deidentified:
    """Return the object de-identified under a shipped profile."""
    who_is = mapper(**who)  # type: ignore[arg-type]
    return deidentify(dataset, profile=load_profile(profile), mapper=who_is, known=known or KnownIdentity())


def clean(dataset: Dataset, **how: object) -> Dataset:
    """Return the new data set; fails when the object was refused."""
    fresh = deid(dataset, **how).dataset  # type: ignore[arg-type]
    assert fresh is not None
    return fresh


def written(dataset: Dataset) -> bytes:
    """Return the object as the bytes of a file."""
    buffer = io.BytesIO()
    dcmwrite(buffer, dataset, implicit_vr=False, little_endian=True)
    return buffer.getvalue()
