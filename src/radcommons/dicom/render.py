"""Make a small picture of a frame for people: windowed, the right way round in brightness, as PNG or JPEG."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import Any

import numpy as np
from PIL import Image
from pydicom.dataset import Dataset
from pydicom.pixels.processing import apply_color_lut, apply_modality_lut, apply_voi_lut

from radcommons.dicom import quiet  # noqa: F401  (its import silences values in warnings)
from radcommons.dicom.frames import Frame
from radcommons.records.errors import UnreadableInstance

_SMALL_QUALITY = 85
LUNG_WINDOW = (-600.0, 1500.0)

# Robust ends of the grey scale where no window is known: markers and borders must not decide the contrast.
_LOW_PERCENTILE, _HIGH_PERCENTILE = 0.5, 99.5


def render(
    frame: Frame,
    dataset: Dataset,
    *,
    window: tuple[float, float] | None = None,
    size: int | None = None,
    kind: str = "png",
    quality: int = 85,
) -> bytes:
    """Return a picture of a frame.

    Parameters
    ----------
    frame : ndarray, shape (rows, columns) or (rows, columns, 3)
        As `iter_frames` yields it.
    dataset : Dataset
        The object's header: modality LUT, VOI LUT, photometric interpretation, palette.
    window : (center, width), optional
        In units after the modality LUT. By default the lung window for a CT, else the object's own, else percentiles.
    size : int, optional
        The longer side at most, in pixels.
    kind : {"png", "jpeg"}
    quality : int
        Of a JPEG, 1 to 100.

    Raises
    ------
    UnreadableInstance
        Reason ``undecodable-pixels`` where frame and header do not fit.

    Notes
    -----
    PHI: shows what the pixels show, overlays and annotations not. Cost: one float copy of the frame.

    References
    ----------
    DICOM PS3.3 C.11.1 (modality LUT), C.11.2 (VOI LUT), C.7.6.3.1.2 (photometric interpretation).
    """
    picture = Image.fromarray(to_display(frame, dataset, window=window))
    if size is not None and max(picture.size) > size:
        picture.thumbnail((size, size), Image.Resampling.LANCZOS)
    out = io.BytesIO()
    if kind == "jpeg":
        picture.save(out, "JPEG", quality=quality)
    else:
        picture.save(out, "PNG")
    return out.getvalue()


def shrunk(picture: bytes, *, size: int) -> bytes:
    """Return a JPEG with a longer side of `size` at most; one that is small enough stays as it is."""
    found = Image.open(io.BytesIO(picture))
    if max(found.size) <= size:
        return picture
    found.thumbnail((size, size), Image.Resampling.LANCZOS)
    out = io.BytesIO()
    found.save(out, "JPEG", quality=_SMALL_QUALITY)
    return out.getvalue()


def to_display(frame: Frame, dataset: Dataset, *, window: tuple[float, float] | None = None) -> Frame:
    """Return a frame as it is to be shown: uint8, gray or RGB, bright where it is to be bright.

    Parameters
    ----------
    frame, dataset, window
        As for `render`.

    Raises
    ------
    UnreadableInstance
        Reason ``undecodable-pixels`` where frame and header do not fit.
    """
    if frame.ndim == 3:
        return _to_bytes(frame[..., :3], float(frame.min()), float(frame.max())) if frame.dtype != np.uint8 else frame
    if frame.ndim != 2 or frame.size == 0:
        raise UnreadableInstance("The frame has no picture's shape.", reason="undecodable-pixels")
    if dataset.get("PhotometricInterpretation") == "PALETTE COLOR":
        return _palette(frame, dataset)
    values = _after_modality(frame, dataset)
    shown = _windowed(values, dataset, window)
    if dataset.get("PhotometricInterpretation") == "MONOCHROME1":
        return np.asarray(255 - shown)
    return shown


def _palette(frame: Frame, dataset: Dataset) -> Frame:
    try:
        colors = apply_color_lut(frame, dataset)
    # pydicom raises as it pleases for a broken palette and may quote it.
    except Exception:
        raise UnreadableInstance("The palette cannot be applied.", reason="undecodable-pixels") from None
    return colors if colors.dtype == np.uint8 else (colors >> 8).astype(np.uint8)


def _after_modality(frame: Frame, dataset: Dataset) -> Frame:
    try:
        return np.asarray(apply_modality_lut(frame, dataset), dtype=np.float32)
    except Exception:  # a broken LUT or slope: the stored values still show the picture
        return frame.astype(np.float32)


def _windowed(values: Frame, dataset: Dataset, window: tuple[float, float] | None) -> Frame:
    if window is None and dataset.get("Modality") == "CT" and not _is_localizer(dataset):
        window = LUNG_WINDOW
    if window is None and dataset.get("VOILUTSequence"):
        try:
            looked_up = np.asarray(apply_voi_lut(values.astype(np.int64), dataset), dtype=np.float32)
            return _to_bytes(looked_up, float(looked_up.min()), float(looked_up.max()))
        except Exception:  # a broken LUT: percentiles below
            window = None
    window = window or own_window(dataset)
    if window is not None:
        center, width = window
        shown = _to_bytes(values, center - width / 2, center + width / 2)
        if shown.min() < shown.max():
            return shown
    sample = values[:: max(values.shape[0] // 512, 1), :: max(values.shape[1] // 512, 1)]
    low, high = np.percentile(sample, (_LOW_PERCENTILE, _HIGH_PERCENTILE))
    return _to_bytes(values, float(low), float(high))


def own_window(dataset: Dataset) -> tuple[float, float] | None:
    """Return the first (center, width) of the header, None where it has none of use."""
    center, width = _first_number(dataset.get("WindowCenter")), _first_number(dataset.get("WindowWidth"))
    return (center, width) if center is not None and width is not None and width >= 1 else None


def _first_number(value: Any) -> float | None:
    if isinstance(value, Sequence) and not isinstance(value, str):
        value = value[0] if len(value) else None
    try:
        number = float(value)
    except (TypeError, ValueError):
        return None
    return number if np.isfinite(number) else None


def _is_localizer(dataset: Dataset) -> bool:
    kinds = dataset.get("ImageType") or ()
    return "LOCALIZER" in ([kinds] if isinstance(kinds, str) else list(kinds))


def _to_bytes(values: Frame, low: float, high: float) -> Frame:
    if not high > low:
        high = low + 1
    scaled = (values.astype(np.float32) - np.float32(low)) * np.float32(255 / (high - low))
    return np.asarray(np.nan_to_num(scaled).clip(0, 255).astype(np.uint8))
