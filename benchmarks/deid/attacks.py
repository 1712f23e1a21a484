# ruff: noqa: E501
"""A second corpus, written as an enemy would: identity under every attribute that an object may legally have.

`corpus` scatters identity over the whole dictionary, most of which an allow list drops; this one asks the definition of
each object which texts, names, codes, numbers, dates and bytes may stand in it, down to six levels, and plants there.

`python -m benchmarks.deid.attacks DIR --seed 1` writes it with `plants.json` beside the folder.
"""

from __future__ import annotations

import argparse
import io
import json
import random
import struct
import warnings
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from benchmarks.deid.attack_words import PEOPLE, Victim, invent
from benchmarks.deid.derived import DERIVED
from benchmarks.deid.kinds import IMAGES, ROOT, STORAGE, Study, code, common, cr, ct, item, us
from PIL import Image
from pydicom import config
from pydicom.datadict import dictionary_VR
from pydicom.dataset import Dataset
from pydicom.encaps import encapsulate
from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian, JPEGBaseline8Bit

from radcommons.dicom.allowed import Definition, definition

DEEPEST = 6
PLANTS = 90
PIXEL_GROUPS = (0x0028, 0x5400, 0x7FE0)
# What makes the object what it is, and what the builders already fill.
SPARED = frozenset({0x00080005, 0x00080016, 0x00080018, 0x0020000D, 0x0020000E, 0x00080060, 0x00200013,
                    0x00420011, 0x00420012, 0x00100010, 0x00100020, 0x00100021, 0x00100024})  # fmt: skip
WIDTHS = {"LO": 64, "SH": 16, "ST": 1024, "LT": 4000, "UT": 4000, "UC": 4000, "AE": 16, "CS": 16, "PN": 64, "UR": 200}
CODECS = {"ISO_IR 100": "latin-1", "ISO_IR 101": "iso8859-2", "ISO_IR 192": "utf-8", "GB18030": "gb18030"}


def fitting(text: str, charset: str) -> str:
    """Return a text without the letters that a character set cannot hold."""
    return text.encode(CODECS[charset], "ignore").decode(CODECS[charset]).replace("\\", "/")


def mammogram(study: Study, charset: str) -> Dataset:
    """A mammogram."""
    made = cr(study, charset)
    made.SOPClassUID, made.Modality, made.BodyPartExamined = STORAGE + "1.2", "MG", "BREAST"
    made.SeriesInstanceUID, made.ImageLaterality, made.PartialView = f"{study.base}.2.81", "L", "NO"
    made.PresentationIntentType, made.PositionerType = "FOR PRESENTATION", "MAMMOGRAPHIC"
    return made


def nuclear(study: Study, charset: str) -> Dataset:
    """A nuclear medicine image of two frames."""
    made = ct(study, charset)
    study.images.pop()
    made.SOPClassUID, made.Modality, made.SeriesInstanceUID = STORAGE + "20", "NM", f"{study.base}.2.82"
    made.ImageType, made.NumberOfFrames = ["ORIGINAL", "PRIMARY", "STATIC", "EMISSION"], 1
    made.EnergyWindowInformationSequence = [item(EnergyWindowName="Tc99m")]
    return made


def jpeg(study: Study, charset: str) -> Dataset:
    """An ultrasound loop whose frames are JPEG streams."""
    made = us(study, charset)
    made.SeriesInstanceUID = f"{study.base}.2.83"
    made.PhotometricInterpretation = "YBR_FULL_422"
    return made


def model(study: Study, charset: str, say: object) -> Dataset:
    """A printed model (STL) whose header has eighty bytes for text."""
    made = common(study, "M3D", STORAGE + "104.3", 84, charset)
    made.MIMETypeOfEncapsulatedDocument, made.ConversionType, made.BurnedInAnnotation = "model/stl", "WSD", "NO"
    made.DocumentTitle, made.ConceptNameCodeSequence = "Lung model", [code("85040-4", "LN", "CT 3D model")]
    text = say("NARRATIVE").encode("ascii", "ignore")[:80].ljust(80)  # type: ignore[operator]
    made.EncapsulatedDocument = text + struct.pack("<I", 1) + bytes(50)
    return made


BUILDERS = {**IMAGES, "mammogram": mammogram, "nuclear": nuclear, "jpeg": jpeg}
DERIVATIONS = {**DERIVED, "stl": model}


class Enemy:
    """Plants one victim in objects."""

    def __init__(self, rng: random.Random, victim: Victim) -> None:
        self.rng, self.who = rng, victim
        self.where: list[str] = []

    def say(self, kind: str) -> str:
        """Return text for a place of a derived object."""
        if kind == "PN":
            return fitting(self.rng.choice((self.who.doctor, self.who.name)).pn, self.who.charset)
        if kind in ("PLACE", "NAME"):
            return fitting(self.who.hospital if kind == "PLACE" else self.who.name.pn, self.who.charset)
        if kind == "NARRATIVE":
            return fitting(self.who.narrative(self.rng), self.who.charset)
        return fitting(
            self.who.label(self.rng) if kind == "DESCRIPTOR" else f"{kind} {self.who.label(self.rng)}", self.who.charset
        )[:64].strip()

    def value(self, vr: str) -> object:
        """Return identity in a value representation; None where there is no way."""
        who, rng = self.who, self.rng
        latin = who.name.family_latin.encode("ascii", "ignore").decode()
        if vr in ("ST", "LT", "UT", "UC"):
            return self.say("NARRATIVE")[: WIDTHS[vr]].strip()
        if vr in ("LO", "SH"):
            return self.say("DESCRIPTOR")[: WIDTHS[vr]].strip()
        if vr == "PN":
            return self.say("PN")
        if vr in ("CS", "AE"):
            stranger = rng.choice(who.strangers).family_latin.encode("ascii", "ignore").decode()
            return "".join(
                a for a in rng.choice((latin, stranger, "LUNG_" + stranger)).upper() if a.isalpha() or a == "_"
            )[:16]
        if vr == "UI":
            return f"1.2.840.{who.number}.{who.birth[0]}{who.birth[1]:02d}{who.birth[2]:02d}.{rng.randrange(1, 99)}"
        if vr in ("DA", "DT"):
            return "{:04d}{:02d}{:02d}".format(*who.birth) + ("0900" if vr == "DT" else "")
        numbers = {
            "IS": who.number,
            "DS": who.number,
            "UR": f"https://ris.example/{latin}?id={who.number}",
            "AS": f"{who.age:03d}Y",
            "TM": latin[:8],
        }
        if vr in numbers:
            return numbers[vr]
        plain = f"{latin} {who.number}".encode()
        return {"OB": plain + b" " * (len(plain) % 2), "UN": plain, "OW": latin.encode("utf-16-le")}.get(vr)

    def legal(self, made: Dataset) -> None:
        """Plant under attributes that the object's definition allows, at every depth."""
        known = definition(str(made.SOPClassUID))
        places = list(_places(known, ())) if known else []
        for path in self.rng.sample(places, min(PLANTS, len(places))):
            where = made
            for tag in path[:-1]:
                inside = where.get(tag)
                if inside is not None and inside.VR == "SQ" and inside.value:
                    where = inside.value[0]
                    continue
                where.add_new(tag, "SQ", [Dataset()])
                where = where[tag].value[0]
            tag = path[-1]
            vr = dictionary_VR(tag).split(" ")[-1]
            value = self.value(vr)
            if (
                value is not None
                and value != ""
                and (tag not in where or where[tag].VR in WIDTHS or where[tag].is_empty)
            ):
                where.add_new(tag, vr, value)
                self.where.append("/".join(f"{one:08X}" for one in path))

    def private(self, made: Dataset) -> None:
        """Plant in private elements with a creator, with none, and under a creator whose list says safe."""
        latin = self.who.name.family_latin
        for group, creator, low, vr in ((0x0019, "GEMS_ACQU_01", 0x9E, "LO"), (0x0043, "GEMS_PARM_01", 0x27, "SH"),
                                        (0x01F1, "ELSCINT1", 0x01, "CS"), (0x0011, "Nobody's", 0x01, "UT"), (0x0019, "SIEMENS MR HEADER", 0x0E, "FD")):  # fmt: skip
            block = made.private_block(group, creator, create=True)
            packed = latin.encode("utf-8")[:16].ljust(16)
            value = list(struct.unpack("<2d", packed)) if vr == "FD" else self.value(vr)
            block.add_new(low, vr, value)
        made.add_new(0x00131034, "LO", fitting(latin, self.who.charset))

    def corners(self, made: Dataset) -> None:
        """Plant where no element of the object is: preamble, file meta, padding, icons, overlays, curves."""
        latin, meta = self.who.name.family_latin.encode("ascii", "ignore").decode(), made.file_meta
        made.preamble = f"{latin} {self.who.number}".encode().ljust(128, b"\0")
        meta.SourceApplicationEntityTitle = meta.SendingApplicationEntityTitle = (
            meta.ReceivingApplicationEntityTitle
        ) = latin[:16]
        meta.PrivateInformationCreatorUID, meta.PrivateInformation = "1.2.3.4", f"{latin} ".encode()
        made.DataSetTrailingPadding = self.who.mail.encode() + b" " * (len(self.who.mail) % 2)
        for tag in (0x60000022, 0x60001500, 0x60020022, 0x50000022, 0x50000040):
            made.add_new(tag, "LO", latin[:64])
        made.add_new(0x60003000, "OW", latin.encode().ljust(32))
        if "PixelData" in made:
            made.IconImageSequence = [
                item(Rows=8, Columns=8, BitsAllocated=8, PixelData=self.who.number.encode().ljust(64))
            ]


def _places(known: Definition, path: tuple[int, ...]) -> Iterator[tuple[int, ...]]:
    for tag in known.types:
        if tag >> 16 in PIXEL_GROUPS or (not path and tag in SPARED):
            continue
        try:
            vr = dictionary_VR(tag)
        except KeyError:
            continue
        if vr != "SQ":
            yield (*path, tag)
        elif len(path) < DEEPEST - 1 and path.count(tag) < 2:
            yield from _places_inside(known, (*path, tag), tag)


def _places_inside(known: Definition, path: tuple[int, ...], tag: int) -> Iterator[tuple[int, ...]]:
    # a whole tree of functional groups has a hundred thousand places, so of each deep item only a part is asked
    for number, place in enumerate(_places(known.items(tag), path)):
        if number % (1, 1, 3, 7, 11, 13)[len(path)] == 0:
            yield place


def _identify(made: Dataset, who: Victim) -> None:
    made.PatientName, made.PatientID = fitting(who.name.pn, who.charset), who.number
    made.PatientBirthDate = "{:04d}{:02d}{:02d}".format(*who.birth)
    made.PatientSex, made.PatientAge = "F", f"{who.age:03d}Y"
    made.InstitutionName, made.DeviceSerialNumber = fitting(who.hospital, who.charset), who.serial
    made.PatientAddress, made.PatientTelephoneNumbers = fitting(who.street, who.charset), who.phone[:16]
    made.ReferringPhysicianName = fitting(who.doctor.pn, who.charset)
    made.OtherPatientIDs = who.insurance


def _with_jpeg(made: Dataset, rng: random.Random, comment: str) -> None:
    frames = []
    for _ in range(3):
        stream = io.BytesIO()
        noise = np.random.default_rng(rng.randrange(2**32)).integers(0, 60, (64, 64, 3)).astype(np.uint8)
        Image.fromarray(noise).save(stream, "JPEG", comment=comment.encode(), subsampling=1)
        frames.append(stream.getvalue())
    made.PixelData, made.file_meta.TransferSyntaxUID = encapsulate(frames), JPEGBaseline8Bit
    made["PixelData"].is_undefined_length = True
    made.LossyImageCompression, made.LossyImageCompressionMethod, made.LossyImageCompressionRatio = (
        "01",
        "ISO_10918_1",
        "4",
    )


def build(folder: Path, *, seed: int, victims: int = 15, first: int = 0) -> dict[str, object]:
    """Write the corpus and return its listing, in the form that `leaks.search_all` reads.

    Parameters
    ----------
    folder : Path
    seed : int
        Equal seeds give equal bytes.
    victims : int
        Each has one study of one object of every kind.
    first : int
        Instance numbers begin after it.
    """
    rng, number, files, people = random.Random(seed), first, [], []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for index in range(victims):
            who = invent(rng, list(PEOPLE)[index % len(PEOPLE)])
            people.append(who.tokens())
            study, enemy = Study(rng, 500 + index), Enemy(rng, who)
            made = [(kind, builder(study, who.charset)) for kind, builder in (("ct", ct), *BUILDERS.items())]
            made += [(kind, derive(study, who.charset, enemy.say)) for kind, derive in DERIVATIONS.items()]
            for kind, one in made:
                number += 1
                _identify(one, who)
                one.InstanceNumber = str(number)
                enemy.legal(one)
                enemy.private(one)
                enemy.corners(one)
                path = folder / f"{fitting(who.name.family_latin, 'ISO_IR 100')}" / f"{who.number}_{kind}_{number}.dcm"
                _write(one, path, rng, kind, f"{who.name.family_latin} {who.number}")
                files.append({"file": str(path.relative_to(folder)), "kind": kind, "number": number, "patient": index})
    return {"seed": seed, "files": files, "patients": people, "roots": [ROOT]}


def _write(made: Dataset, path: Path, rng: random.Random, kind: str, comment: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    syntax = rng.choice((ExplicitVRLittleEndian, ImplicitVRLittleEndian))
    made.file_meta.TransferSyntaxUID = syntax
    made.file_meta.MediaStorageSOPClassUID, made.file_meta.MediaStorageSOPInstanceUID = (
        made.SOPClassUID,
        made.SOPInstanceUID,
    )
    if kind == "jpeg":
        _with_jpeg(made, rng, comment.encode("ascii", "ignore").decode())
    made.save_as(path, enforce_file_format=True)
    if kind in ("ct", "cr", "jpeg"):
        with path.open("ab") as sink:
            sink.write(b"\0\0" + comment.encode())


def main() -> None:
    """Build the corpus from the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--victims", type=int, default=15)
    asked = parser.parse_args()
    listing = build(asked.folder / "input", seed=asked.seed, victims=asked.victims)
    (asked.folder / "plants.json").write_text(json.dumps(listing, ensure_ascii=False), encoding="utf-8")
    print(f"{len(listing['files'])} files of {asked.victims} patients")  # type: ignore[arg-type]


config.settings.writing_validation_mode = config.IGNORE
config.settings.reading_validation_mode = config.IGNORE
if __name__ == "__main__":
    main()
