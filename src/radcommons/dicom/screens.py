"""Where vendors' screens put image and banner: what an ultrasound object says of its regions."""

from __future__ import annotations

from collections.abc import Sequence

from pydicom.dataset import Dataset

from radcommons.dicom.pixeltext import TextBox

# Regions that cover less of the frame than this do not tell where the image is.
_LEAST_SHARE = 0.2


def banners(dataset: Dataset, shape: Sequence[int]) -> list[TextBox]:
    """Return the strips of a frame that lie outside all of its ultrasound regions.

    Parameters
    ----------
    dataset : Dataset
        (0018,6011) *Sequence of Ultrasound Regions* is read.
    shape : (rows, columns, ...)

    Returns
    -------
    list of TextBox
        Above, below, left and right of the regions' common bounds; none where there are no usable regions.

    References
    ----------
    DICOM PS3.3 C.8.5.5 (US Region Calibration Module).
    """
    rows, columns = shape[0], shape[1]
    bounds = [found for found in map(_bounds, dataset.get("SequenceOfUltrasoundRegions") or ()) if found]
    if not bounds:
        return []
    left, top = max(min(one[0] for one in bounds), 0), max(min(one[1] for one in bounds), 0)
    right = min(max(one[2] for one in bounds) + 1, columns)
    bottom = min(max(one[3] for one in bounds) + 1, rows)
    if (right - left) * (bottom - top) < _LEAST_SHARE * rows * columns or right <= left or bottom <= top:
        return []
    strips = (
        (0, 0, columns, top),
        (0, bottom, columns, rows - bottom),
        (0, top, left, bottom - top),
        (right, top, columns - right, bottom - top),
    )
    return [
        TextBox(x=x, y=y, width=width, height=height, score=1.0)
        for x, y, width, height in strips
        if width > 0 and height > 0
    ]


def _bounds(region: Dataset) -> tuple[int, int, int, int] | None:
    keywords = ("RegionLocationMinX0", "RegionLocationMinY0", "RegionLocationMaxX1", "RegionLocationMaxY1")
    try:
        left, top, right, bottom = (int(region[keyword].value) for keyword in keywords)
    except (KeyError, TypeError, ValueError):
        return None
    return (left, top, right, bottom) if left < right and top < bottom else None
