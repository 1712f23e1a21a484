"""Drawn strokes are told by values that stand side by side again and again, which noise never does."""

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


def _strokes(frame: Frame) -> Frame:
    """Return where a frame of tissue rises or falls by twice its noise."""
    return np.asarray(np.abs(frame.astype(np.int32) - 1050) > 30)


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
    """Three times the noise are enough, bright or dark, lying or standing; the value is that of the letters."""
    tissue = _tissue()
    tissue[:8, :64] = 0  # air: dark letters are not the lowest value
    frame, (x, y, width, height) = _written(tissue, contrast=contrast, turn=turn)
    boxes = plateaus(frame, _strokes(frame))
    assert any(abs(value - 1050 - contrast) <= 1 for _, value in boxes)
    found = np.zeros(frame.shape, bool)
    for (left, top, across, down), _ in boxes:
        found[top : top + down, left : left + across] = True
    assert found[y : y + height, x : x + width].mean() > 0.6
    assert found.sum() < 3 * width * height


def test_values_outside_strokes_do_not_count() -> None:
    """The same letters are nothing where the frame has no strokes."""
    frame, _ = _written(_tissue(), contrast=75)
    assert plateaus(frame, np.zeros(frame.shape, np.bool_)) == []


@pytest.mark.parametrize("noise", [4.0, 15.0, 60.0])
def test_noise_alone_is_no_writing(noise: float) -> None:
    """Nothing is found in tissue without writing, smooth or rough, at what rises by twice its noise."""
    for seed in range(5):
        frame = _tissue(noise=noise, seed=seed)
        assert plateaus(frame, np.abs(frame.astype(np.int32) - 1050) > 2 * noise) == []


def test_values_that_were_cut_off_are_no_writing() -> None:
    """Air at the lowest value repeats without end and is left alone."""
    frame = np.asarray(np.maximum(_tissue(noise=20.0), 1050))
    assert plateaus(frame, frame <= 1052) == []


@pytest.mark.parametrize("frame", [np.zeros((8, 8), np.int16), np.zeros((128, 128), np.float32), np.zeros((99, 99))])
def test_frames_without_exact_values_give_nothing(frame: Frame) -> None:
    """Small frames, floats and frames of one value have no plateaus to tell."""
    assert plateaus(frame, np.ones(frame.shape, np.bool_)) == []
    assert plateaus(np.full((128, 128), 7, np.int16), np.ones((128, 128), np.bool_)) == []
