"""What every case of the canary set stands on: the hidden identity and a plain header around it."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont
from pydicom.dataset import Dataset
from pydicom.uid import UID, CTImageStorage, ExplicitVRLittleEndian

from radcommons.synthetic.instances import put_pixels

# Put together, these name nobody and stand in no lexicon.
_BEGIN = ("Quor", "Vind", "Zelk", "Braum", "Thrin", "Gwol", "Skarp", "Wyx", "Drovh", "Jilm", "Knuv", "Plisk")
_MIDDLE = ("aba", "otto", "enu", "ilde", "ugra", "arri", "ombe", "esku", "ynne", "ovva")
_END = ("lith", "dorf", "quist", "zeel", "mark", "brunn", "thew", "gard", "vitz", "stow")
SIDE_PX = 128


@dataclass(frozen=True, slots=True, kw_only=True)
class Hidden:
    """One invented patient with people and places around; every value is searched for afterwards."""

    family: str
    given: str
    maiden: str
    number: str
    other_number: str
    accession: str
    birth: date
    phone: str
    street: str
    town: str
    doctor: str
    doctor_given: str
    operator: str
    hospital: str
    ward: str
    serial: str
    root: str

    @classmethod
    def of(cls, chance: random.Random) -> Hidden:
        """Return the identity of a generator's state."""
        words = iter(_words(chance, 12))
        digits = iter([str(chance.randrange(10**8, 10**9)) for _ in range(6)])
        return cls(
            family=next(words),
            given=next(words),
            maiden=next(words),
            number=f"KQ{next(digits)}",
            other_number=f"VX-{next(digits)}",
            accession=f"ZA{next(digits)}",
            birth=date(chance.randrange(1931, 1958), chance.randrange(1, 13), chance.randrange(1, 29)),
            phone=f"+49 30 23125 {next(digits)[:6]}",
            street=f"{next(words)}steig",
            town=next(words),
            doctor=next(words),
            doctor_given=next(words),
            operator=next(words),
            hospital=next(words),
            ward=next(words),
            serial=f"SN{next(digits)}",
            root=f"1.2.826.0.1.3680043.8.498.77{next(digits)}",
        )

    @property
    def name(self) -> str:
        """The patient as a DICOM person name."""
        return f"{self.family}^{self.given}"

    @property
    def doctor_name(self) -> str:
        """The referring physician as a DICOM person name."""
        return f"{self.doctor}^{self.doctor_given}^^Dr."

    @property
    def in_preamble(self) -> bytes:
        """128 bytes before the file's magic word, with the name in them."""
        return f"{self.family} {self.given} {self.number}".encode("ascii").ljust(128, b"\0")

    @property
    def sentence(self) -> str:
        """Free text that names patient, number, day of birth, doctor and telephone."""
        return (
            f"Patient {self.given} {self.family}, born {self.birth:%d.%m.%Y}, No. {self.number}, "
            f"seen by Dr. {self.doctor}, call {self.phone}"
        )

    def values(self) -> dict[str, str]:
        """Return {what must not come out: what it is}."""
        return {
            self.family: "family name",
            self.given: "given name",
            self.maiden: "maiden name",
            self.number: "patient number",
            self.other_number: "second patient number",
            self.accession: "accession number",
            self.birth.strftime("%Y%m%d"): "day of birth",
            self.birth.strftime("%d.%m.%Y"): "day of birth",
            self.birth.isoformat(): "day of birth",
            self.phone: "telephone number",
            self.street: "street",
            self.town: "town",
            self.doctor: "physician",
            self.doctor_given: "physician's given name",
            self.operator: "operator",
            self.hospital: "hospital",
            self.ward: "department",
            self.serial: "serial number of the machine",
            self.root: "original UID",
        }

    def uid(self, *parts: int) -> str:
        """Return a UID under the hospital's own root."""
        return ".".join([self.root, *map(str, parts)])


def _words(chance: random.Random, count: int) -> list[str]:
    made: list[str] = []
    while len(made) < count:
        word = chance.choice(_BEGIN) + chance.choice(_MIDDLE) + chance.choice(_END)
        if word not in made:
            made.append(word)
    return made


@dataclass(frozen=True, slots=True, kw_only=True)
class Built:
    """A case before it is written; see `canary.Case`."""

    name: str
    tells: str
    dataset: Dataset
    syntax: UID = ExplicitVRLittleEndian
    path: str = ""
    must_come: bool = False
    marks_preamble: bool = False
    writing: NDArray[np.bool_] | None = None
    after: Callable[[Dataset], None] | None = None


def image(hidden: Hidden, *, study: int, picture: NDArray[np.uint16] | None = None) -> Dataset:
    """Return a complete CT slice with the identity where every scanner writes it."""
    header = base(hidden, study=study)
    header.SOPClassUID, header.Modality = CTImageStorage, "CT"
    header.ImageType = ["ORIGINAL", "PRIMARY", "AXIAL"]
    header.AcquisitionNumber, header.KVP, header.SliceThickness = 1, "120", "1"
    header.PatientPosition, header.PositionReferenceIndicator = "HFS", ""
    header.FrameOfReferenceUID = hidden.uid(study, 9)
    header.ImagePositionPatient, header.ImageOrientationPatient = [0, 0, study], [1, 0, 0, 0, 1, 0]
    header.PixelSpacing, header.RescaleIntercept, header.RescaleSlope = [1, 1], "-1024", "1"
    pixels(header, body(study) if picture is None else picture)
    return header


def base(hidden: Hidden, *, study: int) -> Dataset:
    """Return patient, study, series and equipment attributes."""
    header = Dataset()
    header.SpecificCharacterSet = "ISO_IR 100"
    header.PatientName, header.PatientID = hidden.name, hidden.number
    header.PatientBirthDate, header.PatientSex, header.PatientAge = hidden.birth.strftime("%Y%m%d"), "F", "066Y"
    header.StudyInstanceUID, header.SeriesInstanceUID = hidden.uid(study), hidden.uid(study, 1)
    header.SOPInstanceUID = hidden.uid(study, 1, 1)
    header.StudyDate = header.SeriesDate = header.ContentDate = header.AcquisitionDate = "20200315"
    header.StudyTime = header.SeriesTime = header.ContentTime = header.AcquisitionTime = "101500"
    header.StudyID, header.SeriesNumber, header.AccessionNumber = "1", 1, hidden.accession
    header.StudyDescription, header.SeriesDescription = "CT chest", "lung 1.0"
    header.ReferringPhysicianName = hidden.doctor_name
    header.Manufacturer, header.ManufacturerModelName = "SIEMENS", "SOMATOM Definition"
    header.InstitutionName, header.DeviceSerialNumber = f"Klinikum {hidden.hospital}", hidden.serial
    return header


def body(number: int) -> NDArray[np.uint16]:
    """Return a picture with something round in it, of 12 bits."""
    rows, columns = np.mgrid[0:SIDE_PX, 0:SIDE_PX]
    around = (rows - SIDE_PX / 2) ** 2 + (columns - SIDE_PX / 2) ** 2
    noise = np.random.default_rng(number).integers(0, 60, (SIDE_PX, SIDE_PX))
    return (np.where(around < (SIDE_PX * 0.42) ** 2, 900, 60) + noise).astype(np.uint16)


def pixels(header: Dataset, picture: NDArray[np.uint16]) -> None:
    """Put a picture of 12 bits into a data set."""
    header.SamplesPerPixel, header.PhotometricInterpretation = 1, "MONOCHROME2"
    header.Rows, header.Columns = picture.shape
    header.BitsAllocated, header.BitsStored, header.HighBit, header.PixelRepresentation = 16, 12, 11, 0
    put_pixels(header, picture)


def letters(shape: tuple[int, int], lines: tuple[str, ...], *, size: int = 18) -> NDArray[np.bool_]:
    """Return where lines of text stand, in the corner at the top left."""
    canvas = Image.new("L", (shape[1], shape[0]))
    font = ImageFont.load_default(size)
    for number, line in enumerate(lines):
        ImageDraw.Draw(canvas).text((8, 8 + number * (size + 6)), line, fill=255, font=font)
    return np.asarray(canvas) > 127
