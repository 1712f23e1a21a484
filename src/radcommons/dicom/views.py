"""Tell frontal from lateral and oblique radiographs by what the header says; where it contradicts itself, say nothing.

RICORD's frontal set was shipped with lateral views in it, because a description alone had been asked.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from pydicom.dataset import Dataset

FRONTAL, LATERAL, OBLIQUE = "frontal", "lateral", "oblique"

# (0018,5101) View Position, PS3.3 C.8.1.2.1.1, and what devices write beside the standard's own terms.
_POSITIONS = {
    **dict.fromkeys(("AP", "PA", "FRONTAL", "AP AXIAL", "LORDOTIC", "LLD", "RLD"), FRONTAL),
    **dict.fromkeys(("LL", "RL", "LAT", "LATERAL", "L LAT", "R LAT", "LLAT", "RLAT"), LATERAL),
    **dict.fromkeys(("LAO", "LPO", "RAO", "RPO", "OBLIQUE", "OBL"), OBLIQUE),
}
# (0054,0220) View Code Sequence: SNOMED CT, and SNOMED RT as older devices write it (PS3.16 CID 4010).
_CODES = {
    **dict.fromkeys(("399033003", "272479007", "399348003", "R-10202", "R-40888", "R-10206", "R-10214"), FRONTAL),
    **dict.fromkeys(("399198007", "399173006", "399067008", "399352003", "399260004"), LATERAL),
    **dict.fromkeys(("R-10232", "R-10236", "R-102CD", "R-10228", "R-10224", "30730003", "G-A145"), LATERAL),
    **dict.fromkeys(("399182000", "399236003", "399184004", "399356000", "399006002", "399038007"), OBLIQUE),
    **dict.fromkeys(("399135007", "399160007", "399312000", "399059000", "260427002"), OBLIQUE),
    **dict.fromkeys(("R-102C1", "R-10234", "R-10238", "R-40985", "R-10212", "R-10210", "R-10220"), OBLIQUE),
    **dict.fromkeys(("R-10204", "R-10208", "R-10216", "R-40783"), OBLIQUE),
}
# Words between anything but letters. English, German, French, Spanish, Portuguese, Italian, Dutch, Polish, Swedish,
# Czech, Turkish; Russian, Chinese and Japanese have no such borders.
_WORDS = {
    FRONTAL: (
        r"ap|pa|a\.p\.?|p\.a\.?|a[-/]p|p[-/]a|frontal\w*|face|frente|postero[- ]?anterior\w*|antero[- ]?posterior\w*"
        r"|voor[- ]?achterwaarts|przednio[- ]?tyln\w*|tylno[- ]?przedni\w*|frontalbild|zadopredn\w*|önden|arka[- ]?ön"
    ),
    LATERAL: (
        r"lat|lat\.|lateral\w*|latéral\w*|laterolateral\w*|seitlich\w*|seitl\.?|seitenaufnahme|profil\w*|perfil"
        r"|l[-/]l|ll|dwars|zijdelings\w*|boczn\w*|sidobild|sida|bočn\w*|bocn\w*|yan"
    ),
    OBLIQUE: r"oblique\w*|oblicu\w*|obliqu\w*|obliq\w*|oblik\w*|schräg\w*|schraeg\w*|skośn\w*|[lr][ap]o",
}
_SIGNS = {FRONTAL: r"正位|正面|прям\w*", LATERAL: r"侧位|側位|側面|侧面|боков\w*", OBLIQUE: r"斜位|косая"}
_SAID = {
    view: re.compile(rf"(?<![^\W_])(?:{words})(?![^\W_])|{_SIGNS[view]}", re.IGNORECASE)
    for view, words in _WORDS.items()
}
# "In two planes", "PA and lateral": the order of an examination, which says nothing of one image.
_SEVERAL = re.compile(
    r"\b(?:2|two|zwei|deux|dos|due|duas|twee|dwie)[ -]*(?:views?|planes?|ebenen|incidences?|proyecciones|proiezioni"
    r"|incidências|richtingen|projekcje|pl\b)",
    re.IGNORECASE,
)


def view_of(dataset: Dataset) -> str | None:
    """Return frontal, lateral or oblique; None where nothing tells or two sources disagree.

    Parameters
    ----------
    dataset : Dataset
        *View Position*, *View Code Sequence*, *Patient Orientation*, then the series' and the image's descriptions.

    Notes
    -----
    A decubitus is frontal: the beam goes from front to back of a patient who lies on a side.

    References
    ----------
    DICOM PS3.3 C.8.1.2.1.1 and C.8.11.5 (view), C.7.6.1.1.1 (Patient Orientation); PS3.16 CID 4010.
    """
    told = {view for view in _told(dataset) if view}
    if told:
        return told.pop() if len(told) == 1 else None
    said = [view for view in map(_said, _descriptions(dataset)) if view]
    return said[0] if said and len(set(said)) == 1 else None


def _told(dataset: Dataset) -> Iterator[str | None]:
    position = re.sub(r"[\s_]+", " ", str(dataset.get("ViewPosition") or "").strip().upper())
    yield _POSITIONS.get(position)
    for code in dataset.get("ViewCodeSequence") or ():
        yield _CODES.get(str(code.get("CodeValue") or "").strip())
    yield _by_orientation(dataset.get("PatientOrientation"))


def _by_orientation(value: Any) -> str | None:
    """Rows that run to the left or right show the front; rows that run to front or back show a side."""
    values = [] if value is None or isinstance(value, str) else [str(one).strip().upper() for one in value]
    if len(values) != 2 or values[1][:1] not in ("F", "H") or len(values[0]) != 1:
        return None
    return {"L": FRONTAL, "R": FRONTAL, "A": LATERAL, "P": LATERAL}.get(values[0])


def _descriptions(dataset: Dataset) -> Iterator[str]:
    for keyword in ("SeriesDescription", "AcquisitionDeviceProcessingDescription", "ProtocolName"):
        yield str(dataset.get(keyword) or "")
    for code in dataset.get("ProcedureCodeSequence") or ():
        yield str(code.get("CodeMeaning") or "")


def _said(text: str) -> str | None:
    """Return the one view that a description names, None when it names none or several."""
    if _SEVERAL.search(text):
        return None
    named = {view for view, pattern in _SAID.items() if pattern.search(text)}
    return named.pop() if len(named) == 1 else None
