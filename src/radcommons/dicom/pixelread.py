"""Read what a box of writing says, only to tell a marker (side, view, position, exposure) from everything else.

The network (PP-OCR text recognition, Apache-2.0) is read as a file out of the ``rapidocr`` wheel. What it reads stays
in this module's values for the moment of the judgement: it enters no record, no message and no file.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

import numpy as np
from PIL import Image

from radcommons.dicom.frames import Frame
from radcommons.dicom.markers import is_marker
from radcommons.dicom.pixeltext import TextBox, open_network, shipped_model

MODEL_FILE = "rapidocr/models/PP-OCRv6_rec_small.onnx"

_HEIGHT = 48  # the network's input
_LONGEST = 1536
_SHORTEST = 96

# Below this mean probability of its characters a reading tells nothing; measured on radiographs without writing.
_READABLE = 0.5
_SURE_MARKER = 0.6
_SURE_SPLIT = 0.9
_SHORT_READABLE, _LIKELY_SHORT, _CERTAIN, _LINE = 0.85, 0.8, 0.97, 2.5
_LARGE, _LARGE_READABLE = 0.05, 0.9  # of the frame's longer side: lungs and spines are that high, letters seldom
_RIM = 0.16
_SURE_BOX = 0.75  # of the detection: such a box is writing even where nothing can be read


class Kind(StrEnum):
    """What a box holds."""

    TEXT = "text"
    MARKER = "marker"
    NOTHING = "nothing"


@dataclass(frozen=True, slots=True)
class Reading:
    """Characters with where each stands (share of the width), and their mean probability."""

    text: str
    places: tuple[float, ...]
    score: float


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadBox:
    """A box and what kind of writing it holds; never what it says.

    `is_sure` is whether its characters could be read; without, writing is only likely.
    """

    box: TextBox
    kind: Kind
    is_sure: bool = True


class TextReader:
    """A lazy session of the recognition network, on one thread; safe to share between threads."""

    def __init__(self) -> None:
        self._session: Any = None
        self._characters: list[str] = []
        self._lock = threading.Lock()

    def read(self, crop: Frame) -> Reading:
        """Return what one line of writing says, upright.

        Parameters
        ----------
        crop : ndarray, uint8, shape (rows, columns) or (rows, columns, 3)

        Notes
        -----
        PHI: the result may hold a name; use it and let it go. Cost: some 20 ms for a word.
        """
        rows, columns = crop.shape[:2]
        width = min(max(round(_HEIGHT * columns / max(rows, 1)), 8), _LONGEST)
        picture = Image.fromarray(crop).convert("RGB").resize((width, _HEIGHT), Image.Resampling.BILINEAR)
        padded = max(-(-width // 32) * 32, _SHORTEST)
        tensor = np.zeros((1, 3, _HEIGHT, padded), np.float32)
        tensor[0, :, :, :width] = np.asarray(picture, np.float32).transpose(2, 0, 1) / np.float32(127.5) - 1
        session = self._opened()
        found = session.run(None, {session.get_inputs()[0].name: tensor})[0][0]
        return self._decoded(found, padded / width)

    def _decoded(self, probability: Frame, stretch: float) -> Reading:
        """Take the likeliest path: repeats are one character, blanks none (CTC; Graves et al., ICML 2006)."""
        best = probability.argmax(axis=1)
        keep = (best != 0) & np.concatenate(([True], best[1:] != best[:-1]))
        steps = np.flatnonzero(keep)
        if not len(steps):
            return Reading("", (), 0.0)
        text = "".join(self._characters[index] for index in best[steps])
        places = tuple(((steps + 0.5) / len(best) * stretch).tolist())
        return Reading(text, places, float(probability[steps, best[steps]].mean()))

    def _opened(self) -> Any:
        with self._lock:
            if self._session is None:
                session = open_network(shipped_model(MODEL_FILE))
                listed = session.get_modelmeta().custom_metadata_map["character"].split("\n")
                self._characters = ["", *listed, " ", " "]
                self._session = session
            return self._session


def read_boxes(picture: Frame, boxes: Sequence[TextBox], *, reader: TextReader) -> list[ReadBox]:
    """Tell text from markers and from what is no writing.

    Parameters
    ----------
    picture : ndarray, uint8
        The frame as the detection saw it.
    boxes : sequence of TextBox
    reader : TextReader

    Returns
    -------
    list of ReadBox
        A box of a marker and something else, "R JD", comes back as two. What cannot be read is text, not a marker.
    """
    found: list[ReadBox] = []
    for box in boxes:
        found += _told(picture, box, reader)
    return found


def _told(picture: Frame, box: TextBox, reader: TextReader) -> list[ReadBox]:
    crop = _crop(picture, box)
    readings = [reader.read(crop)]
    is_upright = box.height <= 1.5 * box.width
    if readings[0].score < _SURE_SPLIT and box.width <= 2 * box.height <= 6 * box.width:
        readings.append(
            reader.read(_crop(picture, _inner(box)))
        )  # a side letter on a plate: its rim looks like strokes
    straight = tuple(readings)
    if not is_upright or (readings[0].score < _SURE_MARKER and box.width <= 6 * box.height):
        readings += [reader.read(np.ascontiguousarray(np.rot90(crop, turn))) for turn in (1, 2, 3)]
    best = max(readings, key=lambda reading: reading.score)
    if best.score >= _SURE_MARKER:
        if is_marker(best.text):
            return [ReadBox(box=box, kind=Kind.MARKER)]
        if best is readings[0] and is_upright and best.score >= _SURE_SPLIT:
            parts = _split(box, best)
            if parts:
                return parts
    if _is_nothing(box, best, max(picture.shape[:2]), is_upright=best in straight):
        return [ReadBox(box=box, kind=Kind.NOTHING)]
    return [ReadBox(box=box, kind=Kind.TEXT, is_sure=best.score >= _READABLE)]


def _inner(box: TextBox) -> TextBox:
    across, down = round(box.width * _RIM), round(box.height * _RIM)
    return replace(box, x=box.x + across, y=box.y + down, width=box.width - 2 * across, height=box.height - 2 * down)


def _is_nothing(box: TextBox, reading: Reading, side: int, *, is_upright: bool) -> bool:
    """Tell anatomy from writing: it is no line, and no character is read in it with any certainty."""
    if reading.score < _READABLE and box.score < _SURE_BOX:
        return True
    is_line = max(box.width, box.height) >= _LINE * min(box.width, box.height)
    if min(box.width, box.height) > _LARGE * side and not is_line:
        return not (is_upright and len(reading.text) > 1 and reading.score >= _LARGE_READABLE)
    if min(box.width, box.height) > _LARGE * side and reading.score < _READABLE:
        return True
    if is_line or len(reading.text) > 3:
        return False
    if len(reading.text) <= 1:  # clips and rings look like one letter; one letter alone names nobody, one Han sign may
        return reading.text.isascii() or reading.score < _CERTAIN
    return not (is_upright and reading.score >= _SHORT_READABLE and box.score >= _LIKELY_SHORT)


def _split(box: TextBox, reading: Reading) -> list[ReadBox]:
    """Keep a side letter that stands before or behind other words, where a gap tells them apart."""
    words = list(re.finditer(r"\S+", reading.text))
    if len(words) < 2:
        return []
    for word, beside, is_first in ((words[0], words[1], True), (words[-1], words[-2], False)):
        if not is_marker(word.group()):
            continue
        near, far = (word.end() - 1, beside.start()) if is_first else (beside.end() - 1, word.start())
        cut = box.x + round(box.width * (reading.places[near] + reading.places[far]) / 2)
        left = replace(box, width=cut - box.x)
        right = replace(box, x=cut, width=box.x + box.width - cut)
        marker, rest = (left, right) if is_first else (right, left)
        if min(marker.width, rest.width) > 2:
            return [ReadBox(box=marker, kind=Kind.MARKER), ReadBox(box=rest, kind=Kind.TEXT)]
    return []


def _crop(picture: Frame, box: TextBox) -> Frame:
    """Return the pixels of a box with their own contrast: faint writing is read as well as strong."""
    crop = picture[box.y : box.y + box.height, box.x : box.x + box.width].astype(np.float32)
    low, high = np.percentile(crop, (1, 99.5))
    return np.asarray(((crop - low) * (255 / max(float(high - low), 1.0))).clip(0, 255).astype(np.uint8))
