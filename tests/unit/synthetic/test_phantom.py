"""The phantom is the same each time, its lesions have the stated volume, and its tissues have the right density."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

from radcommons.records.errors import UsageError
from radcommons.synthetic.phantom import Phantom, make_phantom


@pytest.fixture(scope="module")
def sick() -> Phantom:
    return make_phantom(7, slices=40, extent=0.2, dense=0.25)


def test_same_seed_gives_the_same_voxels_and_another_seed_does_not() -> None:
    """A phantom is a function of its arguments."""
    first, again, other = (make_phantom(seed, slices=6, size_px=96) for seed in (5, 5, 6))
    assert np.array_equal(first.volume_hu, again.volume_hu)
    assert np.array_equal(first.ggo_mask, again.ggo_mask)
    assert not np.array_equal(first.volume_hu, other.volume_hu)


def test_stated_volume_is_voxels_times_voxel_volume(sick: Phantom) -> None:
    """The millilitres that a phantom states are those of its masks."""
    between, row, col = sick.spacing_mm
    for name, mask in (("lung", sick.lung_mask), ("ggo", sick.ggo_mask), ("consolidation", sick.consolidation_mask)):
        assert sick.volume_ml[name] == pytest.approx(mask.sum() * between * row * col / 1000)


def test_lesions_lie_in_the_lungs_and_do_not_overlap(sick: Phantom) -> None:
    """Ground glass and consolidation are parts of the lung, apart from each other."""
    assert not (sick.ggo_mask & sick.consolidation_mask).any()
    assert not ((sick.ggo_mask | sick.consolidation_mask) & ~sick.lung_mask).any()


@pytest.mark.parametrize("extent", [0.05, 0.15, 0.35])
def test_wished_extent_is_reached(extent: float) -> None:
    """The diseased share of the lung is the wished one, to a tenth."""
    phantom = make_phantom(9, slices=30, size_px=128, extent=extent)
    assert phantom.involved_percent == pytest.approx(100 * extent, rel=0.1)


def test_healthy_phantom_has_no_lesion() -> None:
    """Extent zero means none."""
    phantom = make_phantom(9, slices=10, size_px=96, extent=0)
    assert phantom.volume_ml["ggo"] == phantom.volume_ml["consolidation"] == phantom.involved_percent == 0


def test_tissues_have_their_densities(sick: Phantom) -> None:
    """Aerated lung, ground glass, consolidation and the air outside lie in their Hounsfield ranges."""
    volume = sick.volume_hu
    healthy = sick.lung_mask & ~sick.ggo_mask & ~sick.consolidation_mask
    assert -900 < np.median(volume[healthy]) < -780
    assert -750 < np.median(volume[sick.ggo_mask]) < -400
    assert -120 < np.median(volume[sick.consolidation_mask]) < 80
    assert -1010 < np.median(volume[:, 2:10, 2:10]) < -985


def test_body_holds_fat_muscle_and_bone(sick: Phantom) -> None:
    """The histogram of the body has a peak for fat and one for muscle, and some of it is cortical bone."""
    middle = sick.volume_hu[20]
    assert 0.02 < np.mean((middle > -140) & (middle < -70)) < 0.4
    assert 0.1 < np.mean((middle > 10) & (middle < 90)) < 0.6
    assert 0.004 < np.mean(middle > 300) < 0.08


def test_lungs_are_two_and_of_human_size(sick: Phantom) -> None:
    """The lung mask is two bodies of one to four litres."""
    labels, count = ndimage.label(sick.lung_mask)
    sizes = sorted(np.bincount(labels.ravel())[1:] * sick.voxel_ml, reverse=True)
    assert count >= 2
    assert 800 < sizes[1] <= sizes[0] < 4000
    assert sum(sizes[2:]) < 0.02 * sizes[0]


def test_patient_lies_with_the_left_at_the_right_of_the_image(sick: Phantom) -> None:
    """The left lung, the smaller for the heart, is in the right half of an axial image; the spine is behind."""
    mask = sick.lung_mask
    right, left = mask[:, :, :128].sum(), mask[:, :, 128:].sum()
    assert right > left
    bone = (sick.volume_hu > 250).sum(axis=(0, 2))
    assert bone[128:].sum() > bone[:128].sum()


def test_children_are_smaller_than_adults() -> None:
    """Age sets the size of the body."""
    child, adult = (make_phantom(4, age_years=age, slices=30, size_px=96, extent=0) for age in (6.0, 40.0))
    assert child.volume_ml["lung"] < 0.5 * adult.volume_ml["lung"]


def test_one_slice_is_refused() -> None:
    """One slice has no distance to the next, so nothing is guessed."""
    with pytest.raises(UsageError):
        make_phantom(1, slices=1)
