"""Search what came out of a gateway for what the canary set hid: in the bytes, in the header and in the picture."""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from radcommons.dicom.frames import iter_frames
from radcommons.dicom.profile import Profile
from radcommons.dicom.read import open_body, read_header
from radcommons.hub.identity import identity_findings, pseudonym_findings
from radcommons.records.canary import CanaryLeak
from radcommons.records.errors import UnreadableInstance
from radcommons.records.finding import Severity

if TYPE_CHECKING:
    from radcommons.synthetic.canary import Case, Mask

# Letters that stand out from their surroundings by this share of the picture's whole range can be read.
_VISIBLE = 0.12


def leaks(content: bytes, *, case: Case, hidden: dict[str, str], site: str, profile: Profile) -> list[CanaryLeak]:
    """Return what of the hidden identity is in one object that would have left.

    Parameters
    ----------
    content : bytes
    case : Case
        What the object was made from.
    hidden : dict
        {value: what it is}.
    site : str
        Whose pseudonyms the object may carry.
    profile : Profile
        The one that the gateway names.
    """
    found = [CanaryLeak(case=case.name, tells=case.tells, what=what) for what in _said(content, hidden)]
    try:
        found += [
            CanaryLeak(case=case.name, tells=case.tells, what=what) for what in _looked(content, case, site, profile)
        ]
    except UnreadableInstance:
        found.append(
            CanaryLeak(case=case.name, tells=case.tells, what="an object that cannot be read, so not searched")
        )
    return list(dict.fromkeys(found))


def _said(content: bytes, hidden: dict[str, str]) -> Iterator[str]:
    """Yield which hidden values stand in the bytes, in the usual encodings, deflated ones too."""
    for bytes_ in (content, *_inflated(content)):
        lower = bytes_.lower()
        for value, what in hidden.items():
            spelled = value.lower()
            if any(spelled.encode(way) in lower for way in ("utf-8", "utf-16-le", "utf-16-be")):
                yield what


def _inflated(content: bytes) -> Iterator[bytes]:
    source = io.BytesIO(content)
    try:
        header = read_header(source)
        if header.is_deflated:
            with open_body(source, header) as body:
                yield body.read()
    except UnreadableInstance:
        return


def _looked(content: bytes, case: Case, site: str, profile: Profile) -> Iterator[str]:
    source = io.BytesIO(content)
    header = read_header(source)
    for finding in (
        *pseudonym_findings(header.dataset, site=site),
        *identity_findings(header.dataset, profile=profile),
    ):
        if finding.severity is Severity.REFUSAL:
            yield f"{finding.message} ({finding.where})" if finding.where else finding.message
    if case.writing is not None and header.pixel is not None:
        frame = next(iter(iter_frames(source, header, indices=[0])))
        if _can_be_read(np.asarray(frame, dtype=np.float64), case.writing):
            yield "the name in the picture"


def _can_be_read(frame: np.ndarray[tuple[int, ...], np.dtype[np.float64]], writing: Mask) -> bool:
    """Say whether letters still stand out where they were written; a picture of another size counts as readable."""
    if frame.ndim == 3:
        frame = frame.mean(axis=2)
    if frame.shape != writing.shape:
        return True
    whole = float(frame.max() - frame.min()) or 1.0
    rows, columns = np.flatnonzero(writing.any(axis=1)), np.flatnonzero(writing.any(axis=0))
    box = (slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1))
    ink, paper = frame[box][writing[box]], frame[box][~writing[box]]
    # The median of the surroundings, so that a rest of the picture beside the letters does not hide them.
    return bool(abs(float(np.median(ink)) - float(np.median(paper))) > _VISIBLE * whole)
