"""How often invented names that are drawn into real images are found, and how often clean images are held.

    python benchmarks/text_in_pixels.py --films DIR --slices DIR [--count 60]

`--films` holds radiographs as JPEG or PNG, `--slices` CT slices as DICOM. Each image is looked at as it is, then once
for each size and brightness with a line drawn at a random place. Found means: such an object would wait for a person.
"""

from __future__ import annotations

import argparse
import random
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont
from pydicom import Dataset

from radcommons.dicom.frames import Frame, iter_frames
from radcommons.dicom.pixeltext import TextDetector
from radcommons.dicom.read import read_header
from radcommons.dicom.writing import Look, find_writing, text_findings, text_suspects
from radcommons.records.finding import Severity

LINES = ("QUELLMANN, ODETTE", "Brackwater J. 1957", "ID 4471902 F", "03.11.1961 Haus 4", "IVANKOVIC MIRA")
# Height of the letters in pixels; share of the way from the local gray to the brightest value.
SIZES = {"films": (14, 20, 32), "slices": (10, 14, 20)}
BRIGHTNESS = (1.0, 0.5)


def films(folder: Path) -> Iterator[tuple[Frame, Dataset]]:
    """Yield radiographs as gray frames."""
    for path in sorted(p for p in folder.rglob("*") if p.suffix.lower() in (".jpg", ".jpeg", ".png")):
        dataset = Dataset()
        dataset.Modality, dataset.PhotometricInterpretation = "CR", "MONOCHROME2"
        with Image.open(path) as image:
            yield np.asarray(image.convert("L")), dataset


def slices(folder: Path) -> Iterator[tuple[Frame, Dataset]]:
    """Yield CT slices as they are stored."""
    for path in sorted(p for p in folder.rglob("*") if p.is_file() and p.suffix.lower() in ("", ".dcm")):
        with path.open("rb") as source:
            header = read_header(source)
            if header.pixel is not None and header.dataset.get("Modality") == "CT":
                yield next(iter_frames(source, header)), header.dataset


def drawn(frame: Frame, line: str, *, size: int, brightness: float, chance: random.Random) -> Frame:
    """Return the frame with a line of text at a random place."""
    font = ImageFont.load_default(size)
    left, top, right, bottom = font.getbbox(line)
    width, height = int(right - left) + 2, int(bottom - top) + 2
    rows, columns = frame.shape[:2]
    x, y = chance.randrange(max(columns - width, 1)), chance.randrange(max(rows - height, 1))
    mask = Image.new("L", (columns, rows))
    ImageDraw.Draw(mask).text((x - left, y - top), line, fill=255, font=font)
    ink = np.asarray(mask, np.float32) / 255
    low, high = float(np.percentile(frame, 1)), float(frame.max())
    value = low + (high - low) * brightness if brightness < 1 else high
    return (frame * (1 - ink) + value * ink).round().astype(frame.dtype)


def is_held(frame: Frame, dataset: Dataset, detector: TextDetector) -> bool:
    """Say whether a person would be asked about such an object."""
    look = text_suspects(dataset) if dataset.get("Modality") == "CT" else Look.FULL
    boxes, _ = find_writing(frame, dataset, detector=detector, look=look)
    found = text_findings([(0, box) for box in boxes], shape=(frame.shape[0], frame.shape[1]))
    return any(finding.severity is Severity.QUESTION for finding in found)


def main() -> None:
    """Print one table."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--films", type=Path, required=True)
    parser.add_argument("--slices", type=Path, required=True)
    parser.add_argument("--count", type=int, default=60)
    wanted = parser.parse_args()
    chance, detector = random.Random(2020), TextDetector()
    print("| images | drawn | found | of | seconds an image |\n|---|---|---|---|---|")
    for name, images in (("films", list(films(wanted.films))), ("slices", list(slices(wanted.slices)))):
        started, some = time.perf_counter(), chance.sample(images, min(wanted.count, len(images)))
        clean = [(frame, dataset) for frame, dataset in some if not is_held(frame, dataset, detector)]
        each = (time.perf_counter() - started) / len(some)
        print(f"| {name} | nothing | {len(some) - len(clean)} held | {len(some)} | {each:.2f} |", flush=True)
        for size in SIZES[name]:
            for brightness in BRIGHTNESS:
                found = sum(
                    is_held(
                        drawn(frame, chance.choice(LINES), size=size, brightness=brightness, chance=chance),
                        dataset,
                        detector,
                    )
                    for frame, dataset in clean
                )
                what = "brightest" if brightness == 1 else "mid-gray"
                print(f"| {name} | {size} px, {what} | {found} | {len(clean)} | |", flush=True)


if __name__ == "__main__":
    main()
