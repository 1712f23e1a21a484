"""Writing is told by values that stand side by side again and again, which noise never does."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont

from radcommons.dicom.frames import Frame
from radcommons.dicom.plateaus import Box, plateaus

SIDE = 256
TEXT = "QUELLMANN 4471902"


def _tissue(*, noise: float = 15.0, seed: int = 1) -> Frame:
    chance = np.random.default_rng(seed)
    return np.asarray((1050 + chance.normal(0, noise, (SIDE, SIDE))).round().astype(np.int16))


def _written(frame: Frame, *, contrast: float, size: int = 14, turn: int = 0) -> tuple[Frame, Box]:
    mask = Image.new("L", (SIDE, SIDE))
    ImageDraw.Draw(mask).text((40, 100), TEXT, fill=255, font=ImageFont.load_default(size))
    ink = np.rot90(np.asarray(mask, np.float32) / 255, turn)
    rows, columns = np.nonzero(ink > 0.5)
    place = (int(columns.min()), int(rows.min()), int(np.ptp(columns)) + 1, int(np.ptp(rows)) + 1)
    drawn = frame * (1 - ink) + (1050 + contrast) * ink
    return np.asarray(drawn.round().astype(np.int16)), place


@pytest.mark.parametrize("contrast", [45, 75, -75, 400])
@pytest.mark.parametrize("turn", [0, 1, 3])
def test_faint_smooth_letters_are_found_where_they_are(contrast: float, turn: int) -> None:
    """Three times the noise are enough, bright or dark, lying or standing; the box covers most of the line."""
    tissue = _tissue()
    tissue[:8, :64] = 0  # air: dark letters are not the lowest value
    frame, (x, y, width, height) = _written(tissue, contrast=contrast, turn=turn)
    found = np.zeros(frame.shape, bool)
    for left, top, across, down in plateaus(frame):
        found[top : top + down, left : left + across] = True
    assert found[y : y + height, x : x + width].mean() > 0.6
    assert found.sum() < 3 * width * height


@pytest.mark.parametrize("noise", [1.5, 4.0, 15.0, 60.0])
def test_noise_alone_is_no_writing(noise: float) -> None:
    """Nothing is found in tissue without writing, smooth or rough."""
    for seed in range(5):
        assert plateaus(_tissue(noise=noise, seed=seed)) == []


def test_values_that_were_cut_off_are_no_writing() -> None:
    """Air at the lowest value repeats without end and is left alone."""
    frame = np.maximum(_tissue(noise=20.0), 1050)
    assert plateaus(np.asarray(frame)) == []


@pytest.mark.parametrize("frame", [np.zeros((8, 8), np.int16), np.zeros((128, 128), np.float32), np.zeros((99, 99))])
def test_frames_without_exact_values_give_nothing(frame: Frame) -> None:
    """Small frames, floats and frames of one value have no plateaus to tell."""
    assert plateaus(frame) == []
    assert plateaus(np.full((128, 128), 7, np.int16)) == []
