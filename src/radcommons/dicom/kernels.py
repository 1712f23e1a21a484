"""What a CT reconstruction kernel is for: lung, soft tissue, bone or head. A name that no table holds is unknown."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from pydicom.dataset import Dataset

LUNG, SOFT, BONE, HEAD = "lung", "soft", "bone", "head"

# Siemens: a region letter (B body, D dual energy, I the iterative body kernels, Br/Bf/Bv/Qr of newer scanners), then
# the sharpness in two digits. Up to 45 is for soft tissue, from 50 on for lung; between them both are in use.
_SIEMENS = re.compile(r"(BL|BR|BF|BV|QR|B|D|I)(\d{2})[A-Z]?", re.ASCII)
_SIEMENS_HEAD = re.compile(r"(H[A-Z]?|J)(\d{2})[A-Z]?", re.ASCII)
_SIEMENS_BONE = re.compile(r"(U|V|UR)(\d{2})[A-Z]?", re.ASCII)
_SOFT_UNTIL, _SHARP_FROM = 45, 50

_GE = {
    **dict.fromkeys(("LUNG", "HD LUNG", "R LUNG"), LUNG),
    **dict.fromkeys(("SOFT", "STANDARD", "STND", "HD STND", "HD STANDARD", "HD SOFT", "R STND"), SOFT),
    **dict.fromkeys(("BONE", "BONEPLUS", "BONE PLUS", "EDGE", "ULTRA", "HD BONE", "HD BONEPLUS"), BONE),
}
_PHILIPS = {"A": SOFT, "B": SOFT, "L": LUNG, "UA": HEAD, "UB": HEAD, "UC": HEAD}
# Canon (Toshiba): FC and a number; 1 to 9 with, 10 to 19 without a correction of beam hardening.
_CANON = re.compile(r"FC(\d{2})[A-Z]?", re.ASCII)
_CANON_RANGES = ((1, 19, SOFT), (20, 29, HEAD), (30, 39, BONE), (40, 49, HEAD), (50, 59, LUNG))
# Words that mean the same at every vendor.
_WORDS = (("LUNG", LUNG), ("BONE", BONE), ("BRAIN", HEAD), ("SOFT", SOFT), ("MEDIASTIN", SOFT))


def kernel_kind(dataset: Dataset) -> str | None:
    """Return what (0018,1210) *Convolution Kernel* is for, None where no table knows it or two values disagree.

    Notes
    -----
    A second value that is a plain number is the strength of an iterative reconstruction and says nothing here.

    References
    ----------
    DICOM PS3.3 C.8.2.1 (CT Image Module). The meanings follow the vendors' own conformance statements and guides.
    """
    maker = str(dataset.get("Manufacturer") or "").upper()
    found = {kind_of_name(name, maker=maker) for name in _names(dataset) if not name.isdigit()}
    return found.pop() if len(found) == 1 else None


def kind_of_name(name: str, *, maker: str) -> str | None:
    """Return what one kernel is for.

    Parameters
    ----------
    name : str
        As the scanner writes it.
    maker : str
        (0008,0070) *Manufacturer*: the same letter means different things at two vendors.
    """
    cleaned = re.sub(r"[\s_]+", " ", name.strip().upper())
    if "SIEMENS" in maker:
        kind = _siemens(cleaned)
    elif "PHILIPS" in maker:
        kind = _PHILIPS.get(cleaned)
    elif "TOSHIBA" in maker or "CANON" in maker:
        kind = _canon(cleaned)
    else:
        kind = _GE.get(cleaned) if maker.startswith("GE") else None
    return kind or next((meaning for word, meaning in _WORDS if word in cleaned), None)


def _siemens(name: str) -> str | None:
    if _SIEMENS_HEAD.fullmatch(name):
        return HEAD
    if _SIEMENS_BONE.fullmatch(name):
        return BONE
    found = _SIEMENS.fullmatch(name)
    if found is None:
        return None
    if found[1] == "BL":
        return LUNG
    sharpness = int(found[2])
    return SOFT if sharpness <= _SOFT_UNTIL else LUNG if sharpness >= _SHARP_FROM else None


def _canon(name: str) -> str | None:
    found = _CANON.fullmatch(name)
    number = int(found[1]) if found else 0
    return next((kind for low, high, kind in _CANON_RANGES if low <= number <= high), None)


def _names(dataset: Dataset) -> Sequence[str]:
    value: Any = dataset.get("ConvolutionKernel")
    if value is None:
        return ()
    values = [value] if isinstance(value, str) else list(value)
    return [str(one).strip() for one in values if str(one).strip()]
