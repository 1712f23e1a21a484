"""Previews show what a reader expects: windowed, the right way round, in color where there is color."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image
from pydicom.dataset import Dataset

from radcommons.dicom.render import render, to_display

RAMP = np.tile(np.arange(0, 2400, 10, dtype=np.int16), (40, 1))


def dataset(**attributes: object) -> Dataset:
    """Return a header with the attributes given."""
    made = Dataset()
    made.PhotometricInterpretation = "MONOCHROME2"
    for keyword, value in attributes.items():
        setattr(made, keyword, value)
    return made


def test_a_ct_is_shown_in_the_lung_window() -> None:
    """Without a window a CT shows -1350 to 150 HU after its rescale."""
    rescaled = dataset(Modality="CT", RescaleSlope=1, RescaleIntercept=-1024, WindowCenter=40, WindowWidth=9)
    shown = to_display(RAMP, rescaled)
    hounsfield = RAMP[0] - 1024
    assert shown[0, hounsfield >= 150].min() == 255
    assert 120 <= shown[0][np.argmin(np.abs(hounsfield + 600))] <= 135


def test_a_window_given_or_in_the_header_is_used() -> None:
    """The caller's window comes first, then the header's; outside it all is black or white."""
    own = to_display(RAMP, dataset(Modality="CR", WindowCenter=[1000, 5], WindowWidth=[200, 5]))
    given = to_display(RAMP, dataset(Modality="CR", WindowCenter=5, WindowWidth=5), window=(1000, 200))
    assert (own == given).all()
    assert own[0, RAMP[0] < 900].max() == 0
    assert own[0, RAMP[0] > 1100].min() == 255


def test_an_outlier_does_not_decide_the_contrast() -> None:
    """Without any window the scale follows percentiles."""
    frame = RAMP.astype(np.uint16).copy()
    frame[0, 0] = 60000
    assert to_display(frame, dataset(Modality="DX"))[5].max() > 240


def test_monochrome1_is_turned_round() -> None:
    """The lowest value of MONOCHROME1 is white."""
    plain = to_display(RAMP, dataset(Modality="CR"))
    turned = to_display(RAMP, dataset(Modality="CR", PhotometricInterpretation="MONOCHROME1"))
    assert (turned == 255 - plain).all()


@pytest.mark.parametrize(("kind", "magic"), [("png", b"\x89PNG"), ("jpeg", b"\xff\xd8")])
def test_pictures_have_the_size_asked_for(kind: str, magic: bytes) -> None:
    """The longer side is the size asked for, and small frames are not blown up."""
    made = render(RAMP, dataset(Modality="CR"), size=60, kind=kind)
    assert made.startswith(magic)
    assert Image.open(io.BytesIO(made)).size == (60, 10)
    assert Image.open(io.BytesIO(render(RAMP, dataset(), size=4000))).size == (240, 40)


def test_color_and_palette_are_shown_in_color() -> None:
    """RGB passes as it is, and a palette is applied."""
    color = np.random.default_rng(1).integers(0, 255, (9, 7, 3), np.uint8)
    assert (to_display(color, dataset(PhotometricInterpretation="RGB")) == color).all()
    palette = dataset(PhotometricInterpretation="PALETTE COLOR")
    for name, table in (("Red", [0, 255]), ("Green", [255, 0]), ("Blue", [7, 7])):
        setattr(palette, f"{name}PaletteColorLookupTableDescriptor", [2, 0, 8])
        setattr(palette, f"{name}PaletteColorLookupTableData", bytes(table))
    shown = to_display(np.array([[0, 1]], np.uint8), palette)
    assert shown.tolist() == [[[0, 255, 7], [255, 0, 7]]]


def test_frames_without_contrast_are_shown() -> None:
    """A constant frame is a picture too, not a division by zero."""
    assert to_display(np.full((4, 4), 9, np.uint16), dataset(Modality="CR")).shape == (4, 4)
