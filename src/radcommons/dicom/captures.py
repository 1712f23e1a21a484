"""Tell screen saves and dose sheets, which show a screen and the patient's name on it, from images.

By origin (what the header says of how it was made) and by content (lines of writing on an even ground), never by the
SOP Class: a Secondary Capture may be a radiograph from a scanner, and a dose sheet may be a CT image.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np
from pydicom.dataset import Dataset

from radcommons.dicom.frames import Frame
from radcommons.dicom.geometry import image_type
from radcommons.dicom.pixeltext import TextBox

_KINDS = re.compile(r"SCREEN[ _]?(SAVE|SHOT|CAPTURE)|^SCREENSAVE|DOSE[ _]?(INFO|REPORT)|PATIENT[ _]PROTOCOL")
_TITLES = re.compile(
    r"\bdose[ _-]?(report|info|summary|sheet|record|page)|dosis(bericht|protokoll|info)|rapport[ _-]de[ _-]dose"
    r"|informe[ _-]de[ _-]dosis|\bpatient[ _-]?protocol|patientenprotokoll|\bprotocol[ _-]?page|exam[ _-]?summary"
    r"|screen[ _-]?(save|shot|capture|dump)|\bresults?[ _-]?page|worksheet",
    re.IGNORECASE,
)
_NAMED = ("SeriesDescription", "ProtocolName", "ImageComments", "StudyDescription")

# A sheet: so many boxes of writing, on a ground of which so large a share has one value.
_SHEET_BOXES = 14
_SHEET_GROUND = 0.6


def is_capture_by_origin(dataset: Dataset) -> bool:
    """Tell whether the header says that this is a picture of a screen.

    Parameters
    ----------
    dataset : Dataset
        *Image Type*, the descriptions and *Modality* are read.

    References
    ----------
    DICOM PS3.3 C.7.6.1.1.2 (Image Type) and what vendors write there.
    """
    kinds = image_type(dataset)
    if any(_KINDS.search(kind) for kind in kinds):
        return True
    is_secondary = "SECONDARY" in kinds[1:2] or dataset.get("ConversionType") == "WSD"
    titles = (str(dataset.get(keyword) or "") for keyword in _NAMED)
    return is_secondary and any(_TITLES.search(title) for title in titles)


def is_sheet_by_content(frame: Frame, boxes: Sequence[TextBox]) -> bool:
    """Tell whether a frame is mostly lines of writing on an even ground.

    Parameters
    ----------
    frame : ndarray, shape (rows, columns) or (rows, columns, 3)
    boxes : sequence of TextBox
        The writing found in it.
    """
    if len(boxes) < _SHEET_BOXES:
        return False
    gray = frame if frame.ndim == 2 else frame.max(axis=2)
    values, counts = np.unique(gray[::4, ::4], return_counts=True)
    near = np.abs(values.astype(np.float64) - float(values[counts.argmax()])) <= 0.02 * (float(np.ptp(values)) or 1)
    outside = np.ones(gray.shape, np.bool_)
    for box in boxes:
        outside[box.y : box.y + box.height, box.x : box.x + box.width] = False
    even = np.isin(gray[::4, ::4], values[near]) & outside[::4, ::4]
    return bool(even.sum() >= _SHEET_GROUND * outside[::4, ::4].sum())
