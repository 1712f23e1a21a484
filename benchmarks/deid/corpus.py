"""A corpus of planted identifiers: consistent invented patients, twenty kinds of object, every place that holds text.

`python -m benchmarks.deid.corpus DIR --seed 1 --patients 12` writes it with `plants.json` beside the folder.
"""

from __future__ import annotations

import argparse
import json
import random
import warnings
from dataclasses import dataclass
from pathlib import Path

from benchmarks.deid.derived import DERIVED
from benchmarks.deid.kinds import IMAGES, SYNTAXES, Builder, Study, item
from benchmarks.deid.people import Person, invent_person
from benchmarks.deid.sentences import descriptor, encodable, narrative
from pydicom import config
from pydicom._dicom_dict import DicomDictionary
from pydicom.dataset import Dataset
from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian, RLELossless

NATURAL = {
    "StudyDescription": descriptor, "SeriesDescription": descriptor, "ProtocolName": descriptor, "ImageComments": narrative,  # noqa: E501
    "PatientComments": narrative, "AdditionalPatientHistory": narrative, "RequestedProcedureDescription": descriptor,
    "AcquisitionDeviceProcessingDescription": descriptor, "DerivationDescription": descriptor, "StudyComments": narrative,  # noqa: E501
    "AdmittingDiagnosesDescription": descriptor, "ReasonForTheRequestedProcedure": narrative, "FilterType": descriptor,
    "ContrastBolusRoute": descriptor, "PerformedProcedureStepDescription": descriptor, "VisitComments": narrative,
    "RequestingService": descriptor, "InterpretationText": narrative, "TextComments": narrative, "SeriesComments": narrative,  # noqa: E501
    "MedicalAlerts": descriptor, "Allergies": descriptor, "Occupation": descriptor, "IdentifyingComments": narrative,
}  # fmt: skip
WIDTHS = {"LO": 64, "SH": 16, "ST": 1024, "LT": 10240, "UT": 10240, "UC": 10240, "AE": 16, "CS": 16, "PN": 64}
ANYWHERE = [
    (tag, entry[0]) for tag, entry in DicomDictionary.items() if entry[0] in WIDTHS and 0x00080008 < tag < 0x60000000
]
VENDORS = ("SIEMENS CSA HEADER", "GEMS_IDEN_01", "Philips Imaging DD 001", "SIEMENS MED SMS USG", "CANON_MDW_NON_IMAGE")


@dataclass(slots=True)
class Planter:
    """Writes one person's identity into objects, and keeps what it wrote where."""

    rng: random.Random
    who: Person
    charset: str
    places: list[tuple[str, str]]

    def say(self, kind: str) -> str:
        """Return text for a place of a derived object."""
        if kind == "PN":
            return encodable(self.who.physician.pn, self.charset)
        if kind == "NAME":
            return self.rng.choice(self.who.name.spellings())
        if kind == "PLACE":
            return encodable(self.who.institution, self.charset)
        if kind in ("NARRATIVE", "DESCRIPTOR"):
            made = narrative if kind == "NARRATIVE" else descriptor
            return encodable(made(self.rng, self.who), self.charset)[: 64 if kind == "DESCRIPTOR" else 1000]
        name = self.who.name
        spelled = self.rng.choice((name.family_latin, name.family, f"{name.family_latin} {name.given_latin}"))
        return encodable(f"{kind} {spelled}", self.charset)[: 16 if kind == "LUNGS" else 64]

    def text(self, vr: str) -> str:
        """Return identity as it fits a value representation."""
        if vr == "PN":
            return encodable(self.rng.choice((self.who.name.pn, self.who.relative.pn)), self.charset)
        if vr in ("AE", "CS"):
            plain = "".join(a for a in self.who.name.family_latin.upper() if "A" <= a <= "Z")
            return plain[:16] or "OSTRANDERX"
        made = narrative if vr in ("ST", "LT", "UT", "UC") else descriptor
        return encodable(made(self.rng, self.who), self.charset)[: WIDTHS[vr]].strip() or "X"

    def identify(self, made: Dataset) -> None:
        """Write the patient, the staff and the place where they belong."""
        who, fit = self.who, lambda text: encodable(text, self.charset)
        made.PatientName, made.PatientID, made.IssuerOfPatientID = fit(who.name.pn), who.number, who.issuer
        made.PatientBirthDate, made.PatientSex = "{:04d}{:02d}{:02d}".format(*who.birth), who.sex
        made.OtherPatientIDs, made.PatientAddress = [who.insurance, who.ssn], fit(who.street)
        made.PatientTelephoneNumbers, made.PatientMotherBirthName = who.phone[:16], fit(who.relative.family)
        made.ReferringPhysicianName, made.OperatorsName = fit(who.physician.pn), fit(who.technologist.pn)
        made.InstitutionName, made.StationName, made.DeviceSerialNumber = (
            fit(who.institution),
            who.station[:16],
            who.serial,
        )
        made.InstitutionAddress, made.CurrentPatientLocation = fit(who.street), who.room
        made.RequestAttributesSequence = [
            item(
                RequestedProcedureID="R" + who.number[:10],
                ScheduledProcedureStepID="1",
                RequestedProcedureDescription=self.text("LO"),
            )
        ]

    def describe(self, made: Dataset) -> None:
        """Write identity into what people type."""
        for keyword in self.rng.sample(sorted(NATURAL), 8):
            text = encodable(NATURAL[keyword](self.rng, self.who), self.charset)
            setattr(made, keyword, text[: 16 if keyword in ("FilterType", "Occupation") else 64])
        made.ImageComments = encodable(narrative(self.rng, self.who), self.charset)

    def scatter(self, made: Dataset, count: int) -> None:
        """Write identity under attributes drawn from the whole data dictionary, at the top and in sequences."""
        nests = [element.value[0] for element in made if element.VR == "SQ" and element.value]
        for tag, vr in self.rng.sample(ANYWHERE, count):
            where = self.rng.choice([made, made, *nests])
            if tag not in where:
                where.add_new(tag, vr, self.text(vr))
                self.places.append((f"{tag:08X}", vr))

    def hide(self, made: Dataset) -> None:
        """Write identity where few look: private blocks, unknown representations, overlays, curves, padding."""
        block = made.private_block(0x0029, self.rng.choice(VENDORS), create=True)
        block.add_new(0x10, "LO", self.text("LO"))
        block.add_new(0x11, "UN", self.text("LT").encode("utf-8", "ignore"))
        block.add_new(0x12, "OB", b"\1\0" + self.who.name.family_latin.encode("utf-16-le", "ignore"))
        inner = item(PatientName=self.text("PN"), ImageComments=self.text("LT"))
        block.add_new(0x13, "SQ", [item(RequestAttributesSequence=[inner], PatientID=self.who.number)])
        made.add_new(0x00091001, "LO", self.text("LO"))  # without a creator
        made.add_new(0x60000022, "LO", self.text("LO"))
        made.add_new(0x60001500, "LO", self.text("LO"))
        made.add_new(0x50000022, "LO", self.text("LO"))
        made.add_new(0x00181020, "UN", self.text("LO").encode("ascii", "ignore") or b"x")  # SoftwareVersions
        made.IconImageSequence = [item(Rows=1, Columns=1, BitsAllocated=8, PixelData=self.who.number.encode() + b"!")]
        if "PixelData" not in made:
            del made.IconImageSequence
        made.DataSetTrailingPadding = self.who.mail.encode()
        made.file_meta.SourceApplicationEntityTitle = self.who.station[:16]
        made.file_meta.ImplementationVersionName = self.who.station[:16]
        made.preamble = self.who.mail.encode().ljust(128, b"\0")[:128]


def _write(made: Dataset, folder: Path, planter: Planter, number: int, syntax: str) -> Path:
    name = "".join(letter for letter in planter.who.name.family_latin if letter.isalnum())
    path = folder / f"{name}_{planter.who.number}" / f"{made.Modality}_{number:04d}_{name}.dcm"
    path.parent.mkdir(parents=True, exist_ok=True)
    made.file_meta.TransferSyntaxUID = syntax
    made.file_meta.MediaStorageSOPClassUID, made.file_meta.MediaStorageSOPInstanceUID = (
        made.SOPClassUID,
        made.SOPInstanceUID,
    )
    if syntax == RLELossless:
        made.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
        made.compress(RLELossless, encoding_plugin="pylibjpeg", generate_instance_uid=False)
    made.save_as(
        path,
        enforce_file_format=True,
        implicit_vr=syntax == ImplicitVRLittleEndian,
        little_endian="1.2.2" not in syntax,
    )
    return path


def objects_of(
    study: Study, who: Person, rng: random.Random, places: list[tuple[str, str]]
) -> list[tuple[str, Dataset]]:
    """Return the objects of one study, identified and planted, images first."""
    planter = Planter(rng, who, who.charset, places)
    builders: list[tuple[str, Builder]] = [("ct", IMAGES["ct"]), ("ct", IMAGES["ct"]), *IMAGES.items()]
    made = [(kind, build(study, who.charset)) for kind, build in builders]
    made += [(kind, derive(study, who.charset, planter.say)) for kind, derive in DERIVED.items()]
    for _, one in made:
        planter.identify(one)
        planter.describe(one)
    return made


def build(
    folder: Path, *, seed: int, patients: int, kinds: set[str] | None = None, planted: bool = True
) -> dict[str, object]:
    """Write a corpus and return its listing.

    Parameters
    ----------
    folder : Path
    seed : int
        Equal seeds give equal bytes.
    patients : int
        Each has one study of 22 objects.
    kinds : set of str, optional
        Only these kinds.
    planted : bool
        Whether identity is scattered over the data dictionary and hidden, which makes many objects break their
        definition; without it objects are as clean as scanners write them.
    """
    rng, number, listing = random.Random(seed), 0, []
    people, places = [], []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for index in range(patients):
            who = invent_person(rng, list(_scripts())[index % len(_scripts())])
            study = Study(rng, index)
            made = objects_of(study, who, rng, places)
            people.append(who)
            for kind, one in made:
                number += 1
                one.InstanceNumber = str(number)
                if kinds and kind not in kinds:
                    continue
                planter = Planter(rng, who, who.charset, places)
                if planted:
                    planter.scatter(one, 6)
                    planter.hide(one)
                # dciodvfy reads no deflated objects
                syntax = rng.choice(SYNTAXES if planted else SYNTAXES[:4])
                if syntax == RLELossless and kind not in ("ct", "mr", "cr", "pet", "us", "sc"):
                    syntax = ExplicitVRLittleEndian
                path = _write(one, folder, planter, number, str(syntax))
                listing.append(
                    {"file": str(path.relative_to(folder)), "kind": kind, "number": number, "patient": index}
                )
    tokens = [who.tokens() for who in people]
    return {
        "seed": seed,
        "files": listing,
        "patients": tokens,
        "roots": ["1.2.826.0.1.99990"],
        "scattered": len(places),
    }


def _scripts() -> tuple[str, ...]:
    from benchmarks.deid.people import SCRIPTS

    return tuple(SCRIPTS)


def main() -> None:
    """Build a corpus from the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--patients", type=int, default=22)
    asked = parser.parse_args()
    listing = build(asked.folder / "input", seed=asked.seed, patients=asked.patients)
    (asked.folder / "plants.json").write_text(json.dumps(listing, ensure_ascii=False), encoding="utf-8")
    print(f"{len(listing['files'])} files of {asked.patients} patients")  # type: ignore[arg-type]


config.settings.writing_validation_mode = config.IGNORE
config.settings.reading_validation_mode = config.IGNORE
if __name__ == "__main__":
    main()
