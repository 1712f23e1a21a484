"""Which studies the synthetic patients have: a table, so that the mix can be read at a glance."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from pydicom.uid import (
    UID,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGLosslessSV1,
    JPEGLSLossless,
    RLELossless,
)

from radcommons.synthetic.radiograph import Photometric, View


@dataclass(frozen=True, slots=True)
class CtSeries:
    """One reconstructed series of a chest CT.

    Parameters
    ----------
    slices, size_px : int
    thickness_mm : float
    between_mm : float or None
        None spreads the whole chest over `slices`.
    sharp : bool
        Whether the vendor's lung kernel was used.
    """

    slices: int
    size_px: int = 256
    thickness_mm: float = 5.0
    between_mm: float | None = None
    sharp: bool = False
    enhanced: bool = False


@dataclass(frozen=True, slots=True)
class Film:
    """One radiograph; each is a series of its own."""

    view: View
    photometric: Photometric = "MONOCHROME2"
    text_in_pixels: bool = False


@dataclass(frozen=True, slots=True)
class Visit:
    """One study."""

    vendor: str
    syntax: UID
    series: tuple[CtSeries | Film, ...]
    days_later: int = 0


Role = Literal["positive", "negative", "minor", "unknown"]


@dataclass(frozen=True, slots=True)
class Recipe:
    """One patient: who, what was done, and why the collection wants them.

    Parameters
    ----------
    role : {'positive', 'negative', 'minor', 'unknown'}
        COVID-19 confirmed; a negative control; under 18; no clinical row.
    zipped : bool
        Whether the site delivers the first study as a ZIP archive.
    """

    culture: str
    sex: str
    age_years: int
    role: Role
    extent: float
    dense: float
    visits: tuple[Visit, ...]
    zipped: bool = False


RECIPES: tuple[Recipe, ...] = (
    Recipe("de", "M", 67, "positive", 0.24, 0.15, (Visit("siemens", ExplicitVRLittleEndian, (CtSeries(50),)),)),
    Recipe("ja", "F", 58, "positive", 0.12, 0.05, (Visit("canon", JPEG2000Lossless, (CtSeries(24),)),)),
    Recipe(
        "fr",
        "F",
        44,
        "positive",
        0.22,
        0.15,
        (Visit("fujifilm", ExplicitVRLittleEndian, (Film("PA"), Film("LL"))),),
    ),
    Recipe(
        "tr",
        "M",
        71,
        "positive",
        0.30,
        0.25,
        (Visit("fujifilm", JPEGLSLossless, (Film("PA"), Film("AP", text_in_pixels=True))),),
    ),
    Recipe(
        "pt",
        "M",
        53,
        "positive",
        0.30,
        0.30,
        (
            Visit("philips", JPEGLSLossless, (CtSeries(28),)),
            Visit("philips", JPEGLSLossless, (CtSeries(24, thickness_mm=5.0, sharp=True),), days_later=16),
        ),
    ),
    Recipe("it", "F", 39, "negative", 0.0, 0.0, (Visit("siemens", RLELossless, (CtSeries(24, sharp=True),)),)),
    Recipe("de", "F", 14, "minor", 0.06, 0.0, (Visit("agfa", ImplicitVRLittleEndian, (Film("PA"),)),)),
    Recipe(
        "en",
        "M",
        62,
        "positive",
        0.16,
        0.10,
        (
            Visit(
                "philips",
                JPEGLSLossless,
                (CtSeries(24), CtSeries(16, thickness_mm=1.25, between_mm=1.25, sharp=True)),
            ),
        ),
        zipped=True,
    ),
    Recipe(
        "en", "F", 75, "positive", 0.18, 0.10, (Visit("ge", ImplicitVRLittleEndian, (CtSeries(26, enhanced=True),)),)
    ),
    Recipe(
        "fr",
        "M",
        49,
        "positive",
        0.08,
        0.0,
        (Visit("ge", JPEGLosslessSV1, (CtSeries(12, 512, thickness_mm=2.5, between_mm=None, sharp=True),)),),
    ),
    Recipe(
        "it", "F", 81, "unknown", 0.26, 0.20, (Visit("agfa", ExplicitVRLittleEndian, (Film("AP", "MONOCHROME1"),)),)
    ),
    Recipe(
        "tr",
        "F",
        35,
        "positive",
        0.10,
        0.0,
        (Visit("fujifilm", DeflatedExplicitVRLittleEndian, (Film("PA", "MONOCHROME1"),)),),
    ),
)
