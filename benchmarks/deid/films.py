"""Real radiographs at full size, with words of invented people drawn into them; deterministic from a seed."""

from __future__ import annotations

import random
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont
from scipy import ndimage

ROWS, COLUMNS = 2500, 2000
FAMILY = (
    "QUELLMANN",
    "BRACKWATER",
    "IVANKOVIC",
    "OYELARAN",
    "TANAKA-HOLM",
    "FERREIRA",
    "Wojcik",
    "Lindqvist",
    "KESTREL",
)
GIVEN = (
    "ODETTE",
    "MIRA",
    "THEOBALD",
    "Svenja",
    "AMADOU",
    "Yuki",
    "Renata",
    "CASPIAN",
    "Leopoldine",
    "Ingrid",
    "Tomasz",
)
PLACES = ("MERCY GENERAL", "Klinikum Nordheide", "ST. ELIGIUS", "Hôpital Beauséjour", "WARD 7B", "RADIOLOGY DEPT")
MARKERS = ("R", "L", "AP", "PA", "ERECT", "SUPINE", "PORTABLE")
FONTS = Path("/usr/share/fonts/truetype")


@dataclass(frozen=True, slots=True)
class Word:
    """One drawn word: its text, how it was drawn, and where its ink is."""

    text: str
    style: str
    rows: np.ndarray
    columns: np.ndarray


@dataclass(frozen=True, slots=True)
class Film:
    """A full-size film of 12 bits, its words and markers."""

    name: str
    frame: np.ndarray
    words: tuple[Word, ...]
    markers: tuple[Word, ...]


def full_size(path: Path, rows: int = ROWS, columns: int = COLUMNS) -> np.ndarray:
    """Return a radiograph as uint16 of 12 bits at full size, with its own noise laid over the enlargement.

    Enlarging smooths; a real detector does not. The residual of the original is laid over it in random blocks.
    """
    with Image.open(path) as image:
        small = np.asarray(image.convert("L"), np.float32)
    scale = min(rows / small.shape[0], columns / small.shape[1])
    size = (round(small.shape[1] * scale), round(small.shape[0] * scale))
    large = np.asarray(Image.fromarray(small).resize(size, Image.Resampling.BICUBIC), np.float32)
    rest = small - ndimage.gaussian_filter(small, 1.2)
    spread = max(float(np.median(np.abs(rest))) * 1.5, 0.3)
    rest = np.clip(rest, -3 * spread, 3 * spread)
    noise = _shuffled(rest, (large.shape[0], large.shape[1]), np.random.default_rng(small.size))
    return np.asarray(np.clip((large + noise) * 16, 0, 4095)).astype(np.uint16)


def _shuffled(rest: np.ndarray, shape: tuple[int, int], chance: np.random.Generator) -> np.ndarray:
    """Return blocks of 8 x 8 of the residual in random order: noise as it is, without ghosts of edges and letters."""
    rows, columns = rest.shape[0] // 8, rest.shape[1] // 8
    blocks = rest[: rows * 8, : columns * 8].reshape(rows, 8, columns, 8).swapaxes(1, 2).reshape(-1, 8, 8)
    quiet = blocks[np.argsort(blocks.std(axis=(1, 2)))[: len(blocks) * 3 // 4]]
    down, across = -(-shape[0] // 8), -(-shape[1] // 8)
    taken = quiet[chance.integers(0, len(quiet), down * across)].reshape(down, across, 8, 8)
    return np.asarray(taken.swapaxes(1, 2).reshape(down * 8, across * 8)[: shape[0], : shape[1]])


def fonts() -> list[Path]:
    """Return the vector fonts of the machine, upright ones; Pillow's own is used where there is none."""
    return sorted(path for path in FONTS.rglob("*.ttf") if "Oblique" not in path.name and "ExtraLight" not in path.name)


def line(chance: random.Random) -> str:
    """Return a line as stands in films: a name, a number, a date, a place."""
    kind = chance.randrange(6)
    year, month, day = chance.randint(1925, 2019), chance.randint(1, 12), chance.randint(1, 28)
    if kind <= 1:
        return f"{chance.choice(FAMILY)}, {chance.choice(GIVEN)}"
    if kind == 2:
        return f"{chance.choice(FAMILY).upper()}^{chance.choice(GIVEN).upper()}"
    if kind == 3:
        return chance.choice((f"{day:02d}.{month:02d}.{year}", f"{year}-{month:02d}-{day:02d} {day:02d}:{month:02d}"))
    if kind == 4:
        return chance.choice(("ID {}", "MRN {}", "Acc {}", "{}")).format(chance.randint(100000, 99999999))
    return chance.choice(PLACES)


def planted(
    name: str,
    frame: np.ndarray,
    chance: random.Random,
    *,
    lines: int = 6,
    markers: int = 1,
    sizes: tuple[int, ...] = (11, 14, 18, 24, 32, 48, 72),
) -> Film:
    """Return the film with lines and markers drawn at places that do not meet."""
    canvas, taken = frame.astype(np.float32), np.zeros(frame.shape, bool)
    words: list[Word] = []
    marks: list[Word] = []
    for index in range(lines + markers):
        is_marker = index >= lines
        for _ in range(12):
            text = chance.choice(MARKERS) if is_marker else line(chance)
            drawn = _draw(canvas, taken, text, chance, sizes, is_marker=is_marker)
            if drawn:
                (marks if is_marker else words).extend(drawn)
                break
    return Film(name, np.clip(canvas, 0, 4095).round().astype(np.uint16), tuple(words), tuple(marks))


def _draw(
    canvas: np.ndarray,
    taken: np.ndarray,
    text: str,
    chance: random.Random,
    sizes: tuple[int, ...],
    *,
    is_marker: bool,
) -> list[Word] | None:
    size = chance.choice(sizes[-3:] if is_marker else sizes)
    font = ImageFont.truetype(str(chance.choice(fonts())), size) if fonts() else ImageFont.load_default(size)
    turn = 0 if is_marker else chance.choice((0, 0, 0, 0, 0, 1, 2, 3))
    ink, parts = _ink(text, font, whole=is_marker)
    ink, parts = np.rot90(ink, turn), [np.rot90(part, turn) for part in parts]
    height, width = ink.shape
    if height + 20 >= canvas.shape[0] or width + 20 >= canvas.shape[1]:
        return None
    y, x = chance.randrange(8, canvas.shape[0] - height - 8), chance.randrange(8, canvas.shape[1] - width - 8)
    gap = max(size // 2, 10)
    around = (slice(max(y - gap, 0), y + height + gap), slice(max(x - gap, 0), x + width + gap))
    if taken[around].any():
        return None
    taken[around] = True
    place = (slice(y, y + height), slice(x, x + width))
    style = "marker" if is_marker else chance.choice(("full", "full", "mid", "mid", "low", "dark", "outlined", "boxed"))
    canvas[place] = _inked(canvas[place], ink, style)
    words = text.split() if not is_marker else [text]
    found = []
    for word, part in zip(words, parts, strict=True):
        rows, columns = np.nonzero(part > 0.5)
        found.append(Word(word, f"{style} {size} turn {turn}", rows + y, columns + x))
    return found


def _ink(text: str, font: ImageFont.FreeTypeFont, *, whole: bool) -> tuple[np.ndarray, list[np.ndarray]]:
    left, top, right, bottom = (int(edge) for edge in font.getbbox(text))
    size = (right - left + 4, bottom - top + 4)

    def drawn(part: str, at: float) -> np.ndarray:
        picture = Image.new("L", size)
        ImageDraw.Draw(picture).text((2 - left + at, 2 - top), part, fill=255, font=font)
        return np.asarray(picture, np.float32) / 255

    parts, start = [], 0
    for word in [text] if whole else text.split():
        start = text.index(word, start)
        parts.append(drawn(word, font.getlength(text[:start])))
        start += len(word)
    return drawn(text, 0), parts


def _inked(below: np.ndarray, ink: np.ndarray, style: str) -> np.ndarray:
    """Return the pixels with ink: at the top of the range, half way, barely above, black, outlined, on a plate."""
    level = float(np.median(below))
    noise = float(np.std(below - ndimage.uniform_filter(below, 9)))
    value = {
        "full": 4095.0,
        "marker": 4095.0,
        "mid": level + (4095 - level) * 0.45 if level < 2600 else level * 0.55,
        "low": level + max(0.14 * 4095, 5 * noise) if level < 2600 else level - max(0.14 * 4095, 5 * noise),
        "dark": 0.0 if level > 900 else level + 1400,
        "outlined": 4095.0,
        "boxed": 0.0,
    }[style]
    if style == "full" and level > 3300:
        value = 0.0
    if style == "outlined":
        below = below * (1 - ndimage.maximum_filter(ink, 3))
    if style == "boxed":
        below = np.full_like(below, 3600.0)
    return np.asarray(below * (1 - ink) + value * ink)
