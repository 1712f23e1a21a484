"""Writing in the pixels of CR, US and SC images, and a reader that is no detector: are the planted pixels still there?

`leaks.py` searches text; here the place and the form of each planted word are known, so a word is told to have leaked
when the place in the output still looks like the word, whatever the tool wrote elsewhere.
"""

from __future__ import annotations

import random
import warnings
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from benchmarks.deid.attack_words import PEOPLE, invent
from benchmarks.deid.kinds import STORAGE, Study, common
from benchmarks.deid.leaks import match, read
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont
from pydicom.dataset import Dataset
from pydicom.uid import ExplicitVRLittleEndian

KINDS = ("CR", "US", "SC")
CLASSES = {"CR": "1", "US": "6.1", "SC": "7"}
SHAPES = {"CR": (1024, 1024), "US": (600, 800), "SC": (600, 800)}
ALIKE = 0.7
Region = tuple[slice, slice]


@dataclass(frozen=True, slots=True)
class Planted:
    """One word in one image: where it stands and what it looks like."""

    number: int
    region: Region
    ink: NDArray[np.float64]


def _background(shape: tuple[int, int], rng: np.random.Generator) -> NDArray[np.float64]:
    rows, columns = np.mgrid[0 : shape[0], 0 : shape[1]]
    blobs = np.zeros(shape)
    for _ in range(6):
        y, x, wide = rng.uniform(0, shape[0]), rng.uniform(0, shape[1]), rng.uniform(60, 250)
        blobs += rng.uniform(0.2, 0.6) * np.exp(-((rows - y) ** 2 + (columns - x) ** 2) / wide**2)
    return np.clip(blobs / 2 + rng.normal(0, 0.01, shape), 0, 0.7)


def _write_words(
    picture: NDArray[np.float64], words: list[str], rng: random.Random
) -> list[tuple[Region, NDArray[np.float64]]]:
    found = []
    for line, word in enumerate(words):
        size = rng.randrange(18, 34)
        mask = Image.new("L", (picture.shape[1], picture.shape[0]))
        place = (rng.randrange(10, 60), 12 + line * 46)
        ImageDraw.Draw(mask).text(place, word, fill=255, font=ImageFont.load_default(size))
        ink = np.asarray(mask, dtype=np.float64) / 255
        rows, columns = np.nonzero(ink.max(axis=1))[0], np.nonzero(ink.max(axis=0))[0]
        region = (slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1))
        picture[:] = np.maximum(picture, ink * rng.uniform(0.85, 1.0))
        found.append((region, ink[region]))
    return found


def _image(kind: str, study: Study, picture: NDArray[np.float64]) -> Dataset:
    made = common(study, "OT" if kind == "SC" else kind, STORAGE + CLASSES[kind], 91, "ISO_IR 100")
    made.SeriesInstanceUID = f"{study.base}.2.{91 + KINDS.index(kind)}"
    made.ImageType = ["DERIVED", "SECONDARY"] if kind == "SC" else ["ORIGINAL", "PRIMARY"]
    made.Rows, made.Columns = picture.shape
    made.SamplesPerPixel, made.PhotometricInterpretation = (3, "RGB") if kind == "US" else (1, "MONOCHROME2")
    bits = 12 if kind == "CR" else 8
    made.BitsAllocated, made.BitsStored, made.HighBit, made.PixelRepresentation = (
        16 if bits > 8 else 8,
        bits,
        bits - 1,
        0,
    )
    values = np.round(picture * (2**bits - 1)).astype("<u2" if bits > 8 else np.uint8)
    if kind == "US":
        made.PlanarConfiguration = 0
        values = np.repeat(values[..., None], 3, axis=2)
    if kind == "SC":
        made.ConversionType = "WSD"
    made.PixelData = values.tobytes()
    return made


def build(folder: Path, *, seed: int, images: int = 12) -> list[Planted]:
    """Write images of three kinds with names, numbers and birth dates in them; return what stands where."""
    rng, found = random.Random(seed), []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for number in range(1, images + 1):
            who = invent(rng, rng.choice([one for one, (charset, *_) in PEOPLE.items() if charset == "ISO_IR 100"]))
            kind = KINDS[number % len(KINDS)]
            picture = _background(SHAPES[kind], np.random.default_rng(rng.randrange(2**32)))
            words = [f"{who.name.family_latin} {who.name.given_latin}", who.number, who.dates()[0], who.hospital]
            placed = _write_words(picture, rng.sample(words, 3), rng)
            made = _image(kind, Study(rng, 900 + number), picture)
            made.PatientName, made.PatientID, made.InstanceNumber = who.name.pn, who.number, str(number)
            made.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
            made.file_meta.MediaStorageSOPClassUID, made.file_meta.MediaStorageSOPInstanceUID = (
                made.SOPClassUID,
                made.SOPInstanceUID,
            )
            folder.mkdir(parents=True, exist_ok=True)
            made.save_as(folder / f"{number:03d}.dcm", enforce_file_format=True)
            found += [Planted(number, region, ink) for region, ink in placed]
    return found


def still_there(folder: Path, planted: list[Planted]) -> tuple[int, int]:
    """Return how many of the planted words the outputs still show, and how many stand in images that came out."""
    outputs = match([path for path in sorted(folder.rglob("*")) if path.is_file()])
    left = out = 0
    for number in {one.number for one in planted}:
        dataset = read(outputs[number]) if number in outputs else None
        if dataset is None:
            continue
        pixels = np.asarray(dataset.pixel_array, dtype=np.float64)
        shown = pixels.mean(axis=-1) if pixels.ndim == 3 else pixels
        for one in (one for one in planted if one.number == number):
            out += 1
            left += _looks_like(shown[one.region], one.ink)
    return left, out


def _looks_like(shown: NDArray[np.float64], ink: NDArray[np.float64]) -> bool:
    if shown.shape != ink.shape or shown.std() == 0:
        return False
    return bool(np.corrcoef(shown.ravel(), ink.ravel())[0, 1] > ALIKE)
