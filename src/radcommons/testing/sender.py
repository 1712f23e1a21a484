"""A site in memory for tests of the hub: it makes small de-identified instances and signs what a site signs."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian

from radcommons.dicom.deidentify import deidentify
from radcommons.dicom.mapping import KeyedMapper
from radcommons.dicom.profile import load_profile
from radcommons.dicom.text_identity import KnownIdentity
from radcommons.platform.keys import SigningKey
from radcommons.platform.policy import shipped_protocols
from radcommons.records.documents import canonical
from radcommons.records.submission import (
    STATEMENT,
    Attestation,
    Item,
    PolicyRef,
    Review,
    Submission,
    Supersedes,
    Withdrawal,
)
from radcommons.records.terms import Terms

CT_IMAGE = "1.2.840.10008.5.1.4.1.1.2"
AT = "2026-03-30T12:00:00Z"
Change = Callable[[Dataset], object]


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """An instance as bytes, and what the submission says of it."""

    content: bytes
    item: Item


@dataclass(frozen=True, slots=True)
class Sender:
    """A hospital that knows how to send.

    Parameters
    ----------
    site : str
    key : SigningKey
    """

    site: str = "ALFA"
    key: SigningKey = field(default_factory=SigningKey.create)

    def instance(
        self, *, patient: str = "P1", number: int = 1, change: Change | None = None, before: Change | None = None
    ) -> Made:
        """Return one CT slice of a patient.

        Parameters
        ----------
        patient : str
            As the hospital calls them; an invented name.
        number : int
            Of the slice; it decides the UID and the pixels.
        change : callable, optional
            Spoils the de-identified data set before it is written.
        before : callable, optional
            Changes the hospital's own data set before it is de-identified.
        """
        original = _slice(patient, number)
        if before is not None:
            before(original)
        secret = hashlib.sha256(self.site.encode()).digest()  # each site has its own, so no two map to one UID
        mapper = KeyedMapper(secret, site_code=self.site, issuer="H", patient_id=patient)
        treated = deidentify(
            original, profile=load_profile("radcommons"), mapper=mapper, known=KnownIdentity.of(original)
        )
        assert treated.dataset is not None
        dataset = treated.dataset
        dataset.PixelData = original.PixelData
        dataset["PixelData"].VR = "OW"
        if change is not None:
            change(dataset)
        content = _written(dataset)
        return Made(content=content, item=_item(dataset, content))

    def submission(self, made: Sequence[Made], **members: Any) -> Submission:
        """Return what the site promises about instances."""
        protocol, profile = shipped_protocols()["any-imaging"], load_profile("radcommons")
        whole = Submission(
            schema="radcommons/submission/v1",
            site=self.site,
            dataset="covid-chest",
            created_at=AT,
            protocol=PolicyRef(id=protocol.id, version=protocol.version, digest=protocol.digest),
            profile=PolicyRef(id=profile.id, version=profile.version, digest=profile.digest),
            software=PolicyRef(id="radcommons", version="0", digest="0" * 64),
            agreement="0" * 64,
            legal_basis="public-interest",
            ethics_reference="none",
            terms=Terms(license="CC-BY-NC-4.0"),
            country="ZZ",
            items=tuple(one.item for one in made),
            attestation=Attestation(
                statement=STATEMENT, reviews=(Review(rule="none-held", objects=0, reviewer="test"),), at=AT
            ),
        )
        return replace(whole, **members)

    def sealed(self, record: Submission | Withdrawal) -> bytes:
        """Return a document with this site's signature."""
        return canonical(self.key.seal(record))

    def withdrawal(self, **members: Any) -> Withdrawal:
        """Return a withdrawal of patients, studies or digests."""
        return Withdrawal(
            schema="radcommons/withdrawal/v1", site=self.site, at=AT, reason="consent-withdrawn", **members
        )


def superseding(made: Made, *, old: Made, reason: str = "better copy") -> Made:
    """Return an instance whose item says that it takes the place of another."""
    return replace(made, item=replace(made.item, supersedes=Supersedes(digest=old.item.digest, reason=reason)))


def _slice(patient: str, number: int) -> Dataset:
    dataset = Dataset()
    dataset.SpecificCharacterSet = "ISO_IR 100"
    dataset.ImageType = ["ORIGINAL", "PRIMARY", "AXIAL"]
    dataset.SOPClassUID = CT_IMAGE
    dataset.SOPInstanceUID = f"1.2.3.{_number(patient)}.{number}"
    dataset.StudyInstanceUID = f"1.2.3.{_number(patient)}"
    dataset.SeriesInstanceUID = f"1.2.3.{_number(patient)}.0"
    dataset.FrameOfReferenceUID = f"1.2.3.{_number(patient)}.9"
    dataset.StudyDate = dataset.SeriesDate = dataset.AcquisitionDate = dataset.ContentDate = "20200401"
    dataset.StudyTime = dataset.ContentTime = "101500"
    dataset.AccessionNumber = "A1"
    dataset.Modality = "CT"
    dataset.Manufacturer = "SIEMENS"
    dataset.StudyDescription = "CT chest"
    dataset.SeriesDescription = "lung"
    dataset.PatientName = "Invented^Ina"
    dataset.PatientID = patient
    dataset.PatientBirthDate = "19600101"
    dataset.PatientSex = "F"
    dataset.StudyID = "1"
    dataset.SeriesNumber = 2
    dataset.InstanceNumber = number
    dataset.AcquisitionNumber = 1
    dataset.KVP = "120"
    dataset.PatientPosition = "HFS"
    dataset.ReferringPhysicianName = ""
    dataset.PositionReferenceIndicator = ""
    dataset.ImagePositionPatient = [0, 0, number]
    dataset.ImageOrientationPatient = [1, 0, 0, 0, 1, 0]
    dataset.SliceThickness = "1"
    dataset.PixelSpacing = [1, 1]
    dataset.RescaleIntercept, dataset.RescaleSlope = "-1024", "1"
    _pixels(dataset, number)
    return dataset


def _number(patient: str) -> int:
    return int(hashlib.sha256(patient.encode()).hexdigest()[:8], 16)


def _pixels(dataset: Dataset, number: int) -> None:
    noise = np.random.default_rng(number).integers(900, 1100, (32, 32), dtype=np.uint16)
    dataset.SamplesPerPixel, dataset.PhotometricInterpretation = 1, "MONOCHROME2"
    dataset.Rows, dataset.Columns = noise.shape
    dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit, dataset.PixelRepresentation = 16, 12, 11, 0
    dataset.PixelData = noise.tobytes()


def _written(dataset: Dataset) -> bytes:
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = dataset.SOPClassUID
    meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset.file_meta = meta
    target = io.BytesIO()
    dataset.save_as(target, enforce_file_format=True)
    return target.getvalue()


def _item(dataset: Dataset, content: bytes) -> Item:
    return Item(
        digest=hashlib.sha256(content).hexdigest(),
        size=len(content),
        sop_class_uid=str(dataset.SOPClassUID),
        transfer_syntax_uid=str(ExplicitVRLittleEndian),
        patient=str(dataset.get("PatientID", "")),
        study_instance_uid=str(dataset.StudyInstanceUID),
        series_instance_uid=str(dataset.SeriesInstanceUID),
        sop_instance_uid=str(dataset.SOPInstanceUID),
    )
