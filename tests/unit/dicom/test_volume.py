"""Stacks: order, places and units of slices whose headers are written by hand."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from pydicom import Dataset, dcmwrite
from pydicom.dataset import FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian

from radcommons.dicom.volume import read_volume
from radcommons.records.errors import UnreadableInstance


def _slice(folder: Path, number: int, **changed: object) -> Path:
    dataset = Dataset()
    dataset.SOPClassUID, dataset.SOPInstanceUID = "1.2.840.10008.5.1.4.1.1.2", f"2.25.{number + 1}"
    dataset.SamplesPerPixel, dataset.PhotometricInterpretation = 1, "MONOCHROME2"
    dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit, dataset.PixelRepresentation = 16, 16, 15, 0
    dataset.InstanceNumber, dataset.PixelSpacing = number, [2, 0.5]
    dataset.ImagePositionPatient, dataset.ImageOrientationPatient = [10, 20, -3 * number], [1, 0, 0, 0, 1, 0]
    dataset.RescaleSlope, dataset.RescaleIntercept = "2", "-1000"
    dataset.Rows, dataset.Columns = 4, 6
    for keyword, value in changed.items():
        if value is None:
            delattr(dataset, keyword)
        else:
            setattr(dataset, keyword, value)
    dataset.PixelData = np.full((dataset.Rows, dataset.Columns), number, dtype=np.uint16).tobytes()
    dataset["PixelData"].VR = "OW"
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset.file_meta.MediaStorageSOPClassUID, dataset.file_meta.MediaStorageSOPInstanceUID = "1.2", "1.2"
    path = folder / f"{number}.dcm"
    dcmwrite(path, dataset, enforce_file_format=True)
    return path


def test_slices_follow_the_normal(tmp_path: Path) -> None:
    """Numbers run from head to feet here; the array runs along the normal, and the affine goes with it."""
    volume = read_volume([_slice(tmp_path, number) for number in (1, 3, 2)])
    assert volume.array[:, 0, 0].tolist() == [3 * 2 - 1000, 2 * 2 - 1000, 1 * 2 - 1000]
    assert volume.spacing_mm == (0.5, 2.0, 3.0)  # along a row: between columns
    assert np.allclose(volume.affine @ [5, 3, 2, 1], [12.5, 26, -3, 1])
    assert volume.is_even


def test_a_coronal_stack_has_its_own_axes(tmp_path: Path) -> None:
    """Rows to the left, columns downwards: the normal goes to the front, and the determinant is 1."""
    paths = [
        _slice(tmp_path, n, ImageOrientationPatient=[1, 0, 0, 0, 0, -1], ImagePositionPatient=[0, 5 * n, 100])
        for n in range(4)
    ]
    volume = read_volume(paths)
    assert volume.array[:, 0, 0].tolist() == [-1000, -998, -996, -994]
    assert np.allclose(volume.direction, [[1, 0, 0], [0, 0, 1], [0, -1, 0]])
    assert np.isclose(np.linalg.det(volume.direction), 1)
    assert np.allclose(volume.affine @ [0, 0, 3, 1], [0, 15, 100, 1])


def test_a_slice_that_is_missing_is_told(tmp_path: Path) -> None:
    """The usual distance stays, and the grid is said to be uneven."""
    volume = read_volume([_slice(tmp_path, number) for number in (1, 2, 3, 5)])
    assert (volume.spacing_mm[2], volume.is_even) == (3.0, False)


def test_a_radiograph_has_no_place(tmp_path: Path) -> None:
    """One image without position: its order is its number, its spacing that of the detector."""
    gone = {"ImagePositionPatient": None, "ImageOrientationPatient": None, "PixelSpacing": None}
    volume = read_volume([_slice(tmp_path, 2, ImagerPixelSpacing=[0.2, 0.1], **gone)])
    assert (volume.array.shape, volume.is_placed, volume.spacing_mm) == ((1, 4, 6), False, (0.1, 0.2, 1.0))
    assert np.array_equal(volume.affine[:3, 3], [0, 0, 0])


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"Rows": 5}, "size"),
        ({"ImageOrientationPatient": [1, 0, 0, 0, 0, 1]}, "planes"),
        ({"ImagePositionPatient": [0, 0, -3]}, "one place"),
        ({"RescaleSlope": ["1", "2"]}, "number"),
    ],
)
def test_what_is_no_stack_is_refused(tmp_path: Path, change: dict[str, object], told: str) -> None:
    """A localizer among the slices, two phases in one series: nothing is guessed or left out."""
    with pytest.raises(UnreadableInstance, match=told):
        read_volume([_slice(tmp_path, 1), _slice(tmp_path, 2, **change)])


def test_an_orientation_that_is_none_is_refused(tmp_path: Path) -> None:
    """Vectors of another length are no directions."""
    with pytest.raises(UnreadableInstance, match="unit vectors"):
        read_volume([_slice(tmp_path, n, ImageOrientationPatient=[2, 0, 0, 0, 1, 0]) for n in (1, 2)])
    with pytest.raises(UnreadableInstance, match="no image"):
        read_volume([])
