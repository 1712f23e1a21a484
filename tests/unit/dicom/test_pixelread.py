"""Markers are told from everything else by what they say; anatomy is told from writing."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont

from radcommons.dicom.boxes import grown
from radcommons.dicom.markers import is_marker
from radcommons.dicom.pixelread import Kind, TextReader, read_boxes
from radcommons.dicom.pixeltext import TextBox


@pytest.mark.parametrize(
    "text",
    [
        "R",
        "(L)",
        "AP",
        "SUPINE, AP",
        "AP ERECT MOBILE",
        "KV:65",
        "75 kV",
        "2.5mAs",
        "10 cm",
        "re",
        "DEBOUT",
        "стоя",
        "右",
    ],
)
def test_markers_are_kept(text: str) -> None:
    """Sides, views, positions and exposures of several languages name nobody."""
    assert is_marker(text)


@pytest.mark.parametrize(
    "text", ["", "JD", "R JD", "QUELLMANN", "12.03.1956", "4711", "85/2.5@1345HRS", "Dr L Oyelaran"]
)
def test_anything_else_is_no_marker(text: str) -> None:
    """Initials, names, dates and bare numbers are not markers, also beside one."""
    assert not is_marker(text)


def picture_with(text: str, size: int = 32) -> tuple[np.ndarray, TextBox]:
    """Return a dark picture with a word, and the box around it."""
    picture = Image.new("L", (420, 90), 40)
    font = ImageFont.load_default(size)
    left, top, right, bottom = (int(edge) for edge in font.getbbox(text))
    ImageDraw.Draw(picture).text((20 - left, 25 - top), text, font=font, fill=230)
    box = TextBox(x=15, y=20, width=right - left + 10, height=bottom - top + 10, score=0.95)
    return np.asarray(picture), box


@pytest.fixture(scope="module")
def reader() -> TextReader:
    """One session of the real network for the whole file."""
    return TextReader()


@pytest.mark.parametrize(("text", "kind"), [("ERECT", Kind.MARKER), ("R", Kind.MARKER), ("QUELLMANN", Kind.TEXT)])
def test_a_word_is_told_by_what_it_says(reader: TextReader, text: str, kind: Kind) -> None:
    """A position and a side letter are markers, a name is text."""
    picture, box = picture_with(text)
    assert [one.kind for one in read_boxes(picture, [box], reader=reader)] == [kind]


def test_initials_go_and_their_side_letter_stays(reader: TextReader) -> None:
    """Of a side letter with a technologist's initials behind it the letter alone is kept."""
    picture, box = picture_with("R   JDW")
    found = read_boxes(picture, [box], reader=reader)
    assert [one.kind for one in found] == [Kind.MARKER, Kind.TEXT]
    assert found[0].box.x + found[0].box.width == found[1].box.x


def test_what_reads_as_nothing_is_no_writing(reader: TextReader) -> None:
    """A box over noise, of which the detection was not sure, is left alone."""
    noise = np.random.default_rng(1).integers(80, 120, (200, 200)).astype(np.uint8)
    box = TextBox(x=60, y=60, width=60, height=50, score=0.5)
    assert [one.kind for one in read_boxes(noise, [box], reader=reader)] == [Kind.NOTHING]


def test_a_box_grows_to_the_ends_of_a_word_but_not_over_a_marker() -> None:
    """A line is covered beyond its ends, where letters fade; a marker that stands there keeps its place."""
    box = TextBox(x=100, y=50, width=80, height=20, score=1.0)
    free = grown(box, (200, 400), ())
    assert free.x <= 70
    assert free.x + free.width >= 210
    beside = TextBox(x=190, y=50, width=20, height=20, score=1.0)
    held = grown(box, (200, 400), [beside])
    assert held.x + held.width <= beside.x
