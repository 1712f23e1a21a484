"""How much writing of each kind is covered: turned, mirrored, by hand, in scripts other than Latin.

    python benchmarks/deid/pixel_kinds.py --films DIR [--count 10] [--seed 1]

Into each radiograph one line of every kind is drawn at the top of the range or half way, 16 to 36 pixels high; a line
counts as covered when 90 % of its ink is. Handwriting is a slanted font bent along waves, since no real hand is here.
Scripts need a font that has them: DejaVu has Cyrillic, Greek and Arabic, and neither Han nor Hangul.
"""

from __future__ import annotations

import argparse
import random
from collections import Counter
from pathlib import Path

import numpy as np
from films import _ink, _inked, full_size
from PIL import ImageFont
from pixels import cleaned, object_of, wilson
from scipy import ndimage

from radcommons.dicom.pixelread import TextReader
from radcommons.dicom.pixeltext import TextDetector

SANS = "/usr/share/fonts/truetype/dejavu/DejaVuSans.ttf"
SLANTED = "/usr/share/fonts/truetype/dejavu/DejaVuSerif-Italic.ttf"
LATIN = ("QUELLMANN, ODETTE", "Brackwater Mira 1957", "ID 4471902", "03.11.1961 Svenja")
LINES = {
    "Latin": LATIN,
    "turned by 90": LATIN,
    "turned by 180": LATIN,
    "turned by 270": LATIN,
    "mirrored": LATIN,
    "handwriting": LATIN,
    "Cyrillic": ("ПЕТРОВСКАЯ МИРА", "Иванков Борис 1957", "Журавлёва Ирина"),
    "Greek": ("ΠΑΠΑΔΟΠΟΥΛΟΥ ΕΛΕΝΗ", "Γεωργίου Νίκος 1957", "Αλεξίου Μαρία"),
    "Arabic": ("\ufea4\ufee4\ufeaa \ufe8d\ufedf\ufea4\ufeb4\ufeb4\ufe8e\ufee3\ufef2", "\ufeb3\ufed4\ufe8e\ufeaf"),
}
TURNS = {"turned by 90": 1, "turned by 180": 2, "turned by 270": 3}


def drawn(kind: str, text: str, size: int, chance: random.Random) -> np.ndarray:
    """Return the ink of a line of one kind."""
    by_hand = kind == "handwriting"
    ink, _ = _ink(text, ImageFont.truetype(SLANTED if by_hand else SANS, size), whole=True)
    if by_hand:
        ink = bent(np.pad(ink, size // 4), size, chance)
    if kind == "mirrored":
        ink = ink[:, ::-1]
    return np.rot90(ink, TURNS.get(kind, 0))


def bent(ink: np.ndarray, size: int, chance: random.Random) -> np.ndarray:
    """Return ink along a wave, in letters of unequal height."""
    y, x = np.mgrid[: ink.shape[0], : ink.shape[1]].astype(np.float64)
    wave = size / 8 * np.sin(x / (size * 1.7) + chance.uniform(0, 6)) + size / 10 * np.sin(x / (size * 0.45))
    side = size / 14 * np.sin(y / (size * 0.2) + x / size)
    return np.asarray(ndimage.map_coordinates(ink, [y + wave, x + side], order=1, mode="constant"))


def main() -> None:
    """Print covered lines of each kind."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--films", type=Path, required=True)
    parser.add_argument("--count", type=int, default=10)
    parser.add_argument("--seed", type=int, default=1)
    wanted = parser.parse_args()
    chance, networks = random.Random(wanted.seed), (TextDetector(), TextReader())
    paths = sorted(wanted.films.glob("*.jpg"))
    hit: Counter[str] = Counter()
    total: Counter[str] = Counter()
    for path in chance.sample(paths, wanted.count):
        frame = full_size(path, 900, 1100)
        canvas, taken, lines = frame.astype(np.float32), np.zeros(frame.shape, bool), []
        for kind, texts in LINES.items():
            ink = drawn(kind, chance.choice(texts), chance.choice((16, 20, 26, 36)), chance)
            height, width = ink.shape
            for _ in range(60):
                y, x = chance.randrange(8, frame.shape[0] - height - 8), chance.randrange(8, frame.shape[1] - width - 8)
                around = (slice(max(y - 14, 0), y + height + 14), slice(max(x - 14, 0), x + width + 14))
                if not taken[around].any():
                    taken[around] = True
                    place = (slice(y, y + height), slice(x, x + width))
                    canvas[place] = _inked(canvas[place], ink, chance.choice(("full", "mid")))
                    lines.append((kind, place, ink > 0.5))
                    break
        film = np.clip(canvas, 0, 4095).round().astype(np.uint16)
        _, mask = cleaned(object_of("DX", film, bits=12, interpretation="MONOCHROME2"), networks)
        for kind, place, ink in lines:
            total[kind] += 1
            hit[kind] += bool(mask[place][ink].mean() >= 0.9)
        print("#", dict(hit), dict(total), flush=True)
    print("| kind | covered | of | 95 % |\n|---|---|---|---|")
    for kind in LINES:
        low, high = wilson(hit[kind], total[kind])
        print(f"| {kind} | {hit[kind]} | {total[kind]} | {low:.2f} to {high:.2f} |")


if __name__ == "__main__":
    main()
