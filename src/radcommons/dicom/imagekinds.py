"""Tell what an image of a study is for: acquired slices, or a scout, a reformat, a projection, a sheet of figures."""

from __future__ import annotations

import re
from dataclasses import dataclass

from pydicom.dataset import Dataset

from radcommons.dicom.captures import is_capture_by_origin
from radcommons.dicom.geometry import image_type
from radcommons.dicom.planes import Place

_SCOUT_KINDS = frozenset(("LOCALIZER", "SCOUT", "TOPOGRAM", "SURVIEW", "SCANOGRAM"))
_SCOUT_WORDS = re.compile(
    r"scout|topogram|\btopo\b|locali[sz]er|surview|scanogram|rep[ée]rage|\bpilot\b|\blokali[sz]er|übersicht"
    r"|topograma|localizador|scano?\b",
    re.IGNORECASE,
)
# A thick reformat is an average of thin slices and yet an ordinary axial image, so AVERAGE alone says nothing.
_PROJECTION_KINDS = re.compile(r"^(MIP|MINIP|MAX_IP|MIN_IP|MEAN_IP|AIP|AVERAGE_IP|VRT|3D|RENDERED|VOLUME_RENDERED)$")
# PS3.3 table C.8-130: what the pixels of a derived frame were made by.
_DERIVED_CONTRAST = frozenset(("MAXIMUM", "MINIMUM", "MEAN"))
_PROJECTION_WORDS = re.compile(
    r"(?<![^\W_])(mip|minip|min ?ip|max ?ip|aip|ave? ?ip|avg ?ip|vrt|vr|3d|average intensity|maximum intensity"
    r"|minimum intensity)(?![^\W_])",
    re.IGNORECASE,
)
_REFORMAT_KINDS = frozenset(("MPR", "REFORMATTED", "RESAMPLED", "MPR THICK", "MPR THIN", "CURVED", "CPR"))
_REFORMAT_WORDS = re.compile(r"(?<![^\W_])(mpr|cpr|reformat\w*|coronal\w*|sag|sagg?it\w*)(?![^\W_])", re.IGNORECASE)
# Whole words alone: COR and Koronar- may be the coronary arteries.
_OTHER_PLANE = re.compile(r"(?<![^\W_])(coronal\w*|sagg?itt?al\w*)(?![^\W_])", re.IGNORECASE)
_CT_LIKE = ("CT", "MR", "PT")


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageKind:
    """What an image is for; None where the header does not tell.

    Parameters
    ----------
    is_localizer : bool
        A scout, by *Image Type* or description.
    is_projection : bool
        A maximum, minimum or average projection, or a rendering.
    is_reformat : bool, optional
        Computed in another plane than it was acquired in; a CT is acquired axially, so its other planes are reformats.
    is_screen_save : bool
        A picture of a screen: a dose sheet, a protocol page, a capture.
    """

    is_localizer: bool
    is_projection: bool
    is_reformat: bool | None
    is_screen_save: bool


def image_kind(dataset: Dataset, *, place: Place) -> ImageKind:
    """Return what the header says an image is for.

    Parameters
    ----------
    dataset : Dataset
        *Image Type*, *Modality* and the series' descriptions are read.
    place : Place
        Of this image.

    References
    ----------
    DICOM PS3.3 C.7.6.1.1.2 and C.8.16.1 (Image Type).
    """
    kinds = image_type(dataset)
    described = " / ".join(str(dataset.get(keyword) or "") for keyword in ("SeriesDescription", "ProtocolName"))
    series = str(dataset.get("SeriesDescription") or "")
    projection = any(_PROJECTION_KINDS.match(kind) for kind in kinds) or "PROJECTION IMAGE" in kinds
    projection = projection or (bool(_DERIVED_CONTRAST.intersection(kinds[3:4])) and kinds[:1] == ("DERIVED",))
    return ImageKind(
        is_localizer=bool(_SCOUT_KINDS.intersection(kinds)) or bool(_SCOUT_WORDS.search(described)),
        is_projection=projection or bool(_PROJECTION_WORDS.search(series)),
        is_reformat=_is_reformat(dataset, kinds, series, place.plane),
        is_screen_save=is_capture_by_origin(dataset),
    )


def says_scout(text: str) -> bool:
    """Tell whether a description alone names a scout; that it does not says nothing."""
    return bool(_SCOUT_WORDS.search(text))


def says_projection(text: str) -> bool:
    """Tell whether a description alone names a projection or a rendering."""
    return bool(_PROJECTION_WORDS.search(text))


def says_other_plane(text: str) -> bool:
    """Tell whether a description alone names the coronal or sagittal plane."""
    return bool(_OTHER_PLANE.search(text))


def says_reformat(text: str) -> bool:
    """Tell whether a description alone names a plane that no CT acquires, or a reformat."""
    return bool(_REFORMAT_WORDS.search(text))


def _is_reformat(dataset: Dataset, kinds: tuple[str, ...], series: str, plane: str | None) -> bool | None:
    if any(kind in _REFORMAT_KINDS or kind.startswith(("MPR", "CSA MPR")) for kind in kinds):
        return True
    modality = str(dataset.get("Modality") or "").upper()
    if modality == "CT" and plane is not None:
        return plane != "axial" and not _SCOUT_KINDS.intersection(kinds)
    if modality in _CT_LIKE and says_reformat(series):
        return True
    return False if kinds[:1] == ("ORIGINAL",) else None
