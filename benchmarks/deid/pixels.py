"""How much writing in pixels is covered, what is hidden for nothing, which markers stay, and what it costs.

    python benchmarks/deid/pixels.py words --films DIR [--count 100]
    python benchmarks/deid/pixels.py clean --films DIR --ids FILE
    python benchmarks/deid/pixels.py slices --slices DIR... [--count 500]

`words` builds CR, DX, US and SC objects on real radiographs, draws words of invented people into them and cleans them
with the product's own function; a word counts as covered when 90 % of its ink is. `clean` counts the pictures, judged
by eye to hold no writing or markers alone, in which something was covered. `slices` draws a line into CT slices.
"""

from __future__ import annotations

import argparse
import io
import random
import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from films import Film, full_size, planted
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.filewriter import dcmwrite
from pydicom.uid import ExplicitVRLittleEndian, generate_uid

from radcommons.dicom.frames import iter_frames
from radcommons.dicom.pixelclean import PixelCleaning, PixelPolicy, clean_pixels
from radcommons.dicom.pixelread import TextReader
from radcommons.dicom.pixeltext import TextDetector
from radcommons.dicom.read import read_header

CLASSES = {
    "DX": "1.2.840.10008.5.1.4.1.1.1.1",
    "CR": "1.2.840.10008.5.1.4.1.1.1",
    "US": "1.2.840.10008.5.1.4.1.1.6.1",
    "SC": "1.2.840.10008.5.1.4.1.1.7",
    "CT": "1.2.840.10008.5.1.4.1.1.2",
}
COVERED = 0.9  # of a word's ink


def object_of(kind: str, frame: np.ndarray, *, bits: int, interpretation: str) -> bytes:
    """Return a small DICOM object of one frame; US is stored in color."""
    dataset = Dataset()
    dataset.SOPClassUID, dataset.SOPInstanceUID = CLASSES[kind], generate_uid()
    dataset.StudyInstanceUID, dataset.SeriesInstanceUID = generate_uid(), generate_uid()
    dataset.Modality = {"SC": "OT"}.get(kind, kind)
    dataset.ImageType = ["ORIGINAL", "PRIMARY", *(["AXIAL"] if kind == "CT" else [])]
    dataset.Rows, dataset.Columns = frame.shape
    dataset.SamplesPerPixel, dataset.PhotometricInterpretation = (3 if kind == "US" else 1), interpretation
    if kind == "US":
        dataset.PlanarConfiguration = 0
        frame = np.stack([frame] * 3, axis=2)
    dataset.BitsAllocated = frame.dtype.itemsize * 8
    dataset.BitsStored, dataset.HighBit = bits, bits - 1
    dataset.PixelRepresentation = int(frame.dtype.kind == "i")
    dataset.PixelData = frame.astype(frame.dtype.newbyteorder("<")).tobytes() + b"\0" * (frame.nbytes % 2)
    dataset["PixelData"].VR = "OB" if frame.dtype.itemsize == 1 else "OW"
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    out = io.BytesIO()
    dcmwrite(out, dataset, enforce_file_format=True)
    return out.getvalue()


def film_object(kind: str, film: Film) -> bytes:
    """Return a planted film as an object of a kind: DX as it is, CR inverted, US in color, SC in 8 bits."""
    if kind == "DX":
        return object_of(kind, film.frame, bits=12, interpretation="MONOCHROME2")
    if kind == "CR":
        return object_of(kind, (4095 - film.frame).astype(np.uint16), bits=12, interpretation="MONOCHROME1")
    small = (film.frame >> 4).astype(np.uint8)
    return object_of(kind, small, bits=8, interpretation="RGB" if kind == "US" else "MONOCHROME2")


def planted_films(folder: Path, count: int, seed: int) -> Iterator[tuple[str, Film]]:
    """Yield (kind, film): of five, two are DX, one CR, one US, one SC."""
    names = sorted(path.name for path in folder.glob("*.jpg"))
    random.Random(seed).shuffle(names)
    for index, name in enumerate(names[:count]):
        kind = ("DX", "CR", "DX", "US", "SC")[index % 5]
        chance = random.Random(f"{seed} {name}")
        if kind in ("DX", "CR"):
            yield kind, planted(name, full_size(folder / name), chance, lines=16)
            continue
        frame = full_size(folder / name, 768, 1024)
        yield kind, planted(name, frame, chance, lines=8, sizes=(11, 13, 16, 20, 26, 36))


def wilson(found: int, of: int) -> tuple[float, float]:
    """Return the 95 % interval of a share (Wilson, 1927)."""
    if not of:
        return 0.0, 1.0
    share, z = found / of, 1.96
    middle = (share + z * z / (2 * of)) / (1 + z * z / of)
    half = z / (1 + z * z / of) * (share * (1 - share) / of + z * z / (4 * of * of)) ** 0.5
    return middle - half, middle + half


def cleaned(file: bytes, networks: tuple[TextDetector, TextReader]) -> tuple[PixelCleaning, np.ndarray]:
    """Return what was found, and a mask of what was covered."""
    source = io.BytesIO(file)
    header = read_header(source)
    found = clean_pixels(source, header, detector=networks[0], reader=networks[1], policy=PixelPolicy())
    mask = np.zeros((int(header.dataset.Rows), int(header.dataset.Columns)), bool)
    for _, box in found.boxes:
        mask[box.y : box.y + box.height, box.x : box.x + box.width] = True
    return found, mask


def words(folder: Path, count: int, seed: int, peer: int) -> None:
    """Print recall by kind and style, markers kept, and seconds beside one rapidocr pass."""
    networks = TextDetector(), TextReader()
    total: Counter[str] = Counter()
    hit: Counter[str] = Counter()
    seconds: dict[str, list[float]] = defaultdict(list)
    other: list[float] = []
    pass_of = rapidocr_pass() if peer else None
    for index, (kind, film) in enumerate(planted_films(folder, count, seed)):
        file = film_object(kind, film)
        started = time.process_time()
        _, mask = cleaned(file, networks)
        seconds[kind].append(time.process_time() - started)
        if pass_of and kind == "DX" and len(other) < peer:
            other.append(pass_of((film.frame >> 4).astype(np.uint8)))
        for word in film.words:
            is_hit = mask[word.rows, word.columns].mean() >= COVERED
            for key in ("all", kind, word.style.split()[0], f"{word.style.split()[1]} px", f"turn {word.style[-1]}"):
                total[key] += 1
                hit[key] += is_hit
            if not is_hit:
                print(f"missed: {film.name} {kind} {word.text!r} {word.style}", flush=True)
        for word in film.markers:
            total["markers kept"] += 1
            hit["markers kept"] += mask[word.rows, word.columns].mean() < 0.1
        if index % 10 == 9:
            print(f"# {index + 1} objects, {hit['all']} of {total['all']}", flush=True)
    print("| what | found | of | share | 95 % |\n|---|---|---|---|---|")
    for key in sorted(total, key=lambda name: (name != "all", name)):
        low, high = wilson(hit[key], total[key])
        print(f"| {key} | {hit[key]} | {total[key]} | {hit[key] / total[key]:.3f} | {low:.3f} to {high:.3f} |")
    for kind, spent in seconds.items():
        print(f"{kind}: {np.mean(spent):.2f} s of a processor an object, {len(spent)} objects")
    if other:
        ours = float(np.mean(seconds["DX"][: len(other)]))
        print(f"one rapidocr pass at 2496: {np.mean(other):.2f} s; ours on the same: {ours:.2f} s;", end=" ")
        print(f"ratio {ours / float(np.mean(other)):.2f}")


def rapidocr_pass() -> object:
    """Return a function that runs rapidocr's own pipeline once at 2496 pixels and returns its processor time."""
    from rapidocr import RapidOCR  # the peer, in the benchmark alone

    engine = RapidOCR(
        params={
            "Global.max_side_len": 2496,
            "Global.log_level": "critical",
            "Det.limit_side_len": 2496,
            "Det.limit_type": "max",
            "EngineConfig.onnxruntime.intra_op_num_threads": 1,
            "EngineConfig.onnxruntime.inter_op_num_threads": 1,
        }
    )

    def once(picture: np.ndarray) -> float:
        started = time.process_time()
        engine(np.stack([picture] * 3, axis=2))
        return time.process_time() - started

    return once


def clean(folder: Path, ids: Path) -> None:
    """Print in how many of the pictures without writing something was covered."""
    networks = TextDetector(), TextReader()
    names, hidden, spent = ids.read_text().split(), [], []
    for name in names:
        file = object_of("DX", full_size(folder / name), bits=12, interpretation="MONOCHROME2")
        started = time.process_time()
        _, mask = cleaned(file, networks)
        spent.append(time.process_time() - started)
        if mask.any():
            hidden.append(name)
            print(f"covered: {name} {mask.mean():.4f} of the picture", flush=True)
    low, high = wilson(len(names) - len(hidden), len(names))
    print(f"nothing hidden: {len(names) - len(hidden)} of {len(names)} ({low:.3f} to {high:.3f});", end=" ")
    print(f"{np.mean(spent):.2f} s of a processor each")


def slices(folders: list[Path], count: int, seed: int) -> None:
    """Print how many planted CT slices were noticed, how many clean ones were touched, and slices a second."""
    networks = TextDetector(), TextReader()
    paths = sorted(path for folder in folders for path in folder.rglob("*.dcm"))
    chance, totals, spent = random.Random(seed), Counter[str](), 0.0
    clean_hits, clean_count, clean_spent = 0, 0, 0.0
    for index in range(count):
        with paths[index % len(paths)].open("rb") as source:
            header = read_header(source)
            frame = next(iter_frames(source, header)).astype(np.int16)
        if index < len(paths):
            started = time.process_time()
            found, _ = cleaned(slice_object(frame), networks)
            clean_spent += time.process_time() - started
            clean_count, clean_hits = clean_count + 1, clean_hits + bool(found.boxes)
        drawn, style, place = drawn_slice(frame, chance)
        started = time.process_time()
        _, mask = cleaned(slice_object(drawn), networks)
        spent += time.process_time() - started
        is_hit = bool(mask[place].mean() >= 0.5)
        totals[style] += 1
        totals[f"{style} hit"] += is_hit
        if not is_hit:
            print(f"missed: {paths[index % len(paths)].name} {style}", flush=True)
    styles = [style for style in totals if not style.endswith(" hit")]
    for style in sorted(styles):
        print(f"| {style} | {totals[style + ' hit']} | {totals[style]} |")
    print(f"clean slices: {clean_hits} of {clean_count} touched, {clean_count / max(clean_spent, 1e-9):.1f} a second")
    print(f"planted slices: {count / max(spent, 1e-9):.1f} a second of a processor")


def slice_object(frame: np.ndarray) -> bytes:
    """Return a CT slice as an original axial image."""
    return object_of("CT", frame, bits=16, interpretation="MONOCHROME2")


def drawn_slice(frame: np.ndarray, chance: random.Random) -> tuple[np.ndarray, str, tuple[slice, slice]]:
    """Return a slice with a line drawn smoothly or in one value, at the top, half way or a few times the noise."""
    from PIL import Image, ImageDraw, ImageFont

    text = chance.choice(("QUELLMANN, ODETTE", "BRACKWATER J 1957", "ID 4471902 F", "03.11.1961 Haus 4"))
    font = ImageFont.load_default(chance.choice((12, 14, 18, 22)))
    left, top, right, bottom = (int(edge) for edge in font.getbbox(text))
    width, height = right - left + 2, bottom - top + 2
    y, x = chance.randrange(4, frame.shape[0] - height - 4), chance.randrange(4, frame.shape[1] - width - 4)
    mask = Image.new("L", frame.shape[::-1])
    ImageDraw.Draw(mask).text((x - left, y - top), text, fill=255, font=font)
    ink = np.asarray(mask, np.float32) / 255
    place = (slice(y, y + height), slice(x, x + width))
    noise = float(np.std(np.diff(frame[place].astype(np.float32), axis=1))) / 2**0.5
    style = chance.choice(("top", "half", "faint"))
    level, high = float(np.median(frame[place])), float(max(frame.max(), 1500))
    value = {"top": high, "half": level + (high - level) * 0.4, "faint": level + max(5 * noise, 120.0)}[style]
    if chance.random() < 0.4:
        ink, style = (ink > 0.5).astype(np.float32), f"{style}, one value"
    drawn = frame * (1 - ink) + value * ink
    return drawn.round().clip(-32768, 32767).astype(np.int16), style, place


def main() -> None:
    """Run one of the measurements."""
    parser = argparse.ArgumentParser()
    parser.add_argument("what", choices=("words", "clean", "slices"))
    parser.add_argument("--films", type=Path)
    parser.add_argument("--slices", type=Path, nargs="+", default=[])
    parser.add_argument("--ids", type=Path)
    parser.add_argument("--count", type=int, default=100)
    parser.add_argument("--peer", type=int, default=6, help="films that rapidocr looks at as well")
    parser.add_argument("--seed", type=int, default=2026)
    wanted = parser.parse_args()
    if wanted.what == "words":
        words(wanted.films, wanted.count, wanted.seed, wanted.peer)
    elif wanted.what == "clean":
        clean(wanted.films, wanted.ids)
    else:
        slices(wanted.slices, wanted.count, wanted.seed)


if __name__ == "__main__":
    main()
