"""Judge one object, independently of the site and without knowing a patient: pure functions over bytes."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import BinaryIO

from radcommons.dicom.conformance import check
from radcommons.dicom.pixelread import TextReader
from radcommons.dicom.pixeltext import TextDetector
from radcommons.dicom.profile import Profile
from radcommons.dicom.read import Header, read_header
from radcommons.dicom.writing import review_pixels
from radcommons.hub.header import reading_of
from radcommons.hub.identity import identity_findings, pseudonym_findings, refusal, text_of, word_digests
from radcommons.hub.judged import Expected, Judged
from radcommons.records.errors import UnreadableInstance
from radcommons.records.finding import Finding, Severity

_CHUNK = 1 << 20


# At most so many findings of one code about one object: a curator reads the first and knows the rest.
_SAME_CODE = 20


def judge(
    source: BinaryIO,
    *,
    expected: Expected,
    detector: TextDetector,
    reader: TextReader | None = None,
    profile: Profile | None = None,
) -> Judged:
    """Return the findings about one object; nothing is taken from the site's word but what is compared with it.

    Parameters
    ----------
    source : binary file, seekable
    expected : Expected
    detector : TextDetector
        Finds text in the pixels.
    reader : TextReader, optional
        Tells markers from lines; without it their shape does.
    profile : Profile, optional
        The one that the submission names; without it only what no profile lets through is refused.

    Notes
    -----
    PHI: whatever the site let through; no finding quotes a value. Memory: the header and one frame.
    """
    if _digest(source) != expected.digest:
        return Judged(digest=expected.digest, reading=None, findings=(refusal("bad-digest"),))
    try:
        header = read_header(source)
    except UnreadableInstance as error:
        return Judged(digest=expected.digest, reading=None, findings=(refusal(error.reason),))
    found = [
        *(finding for finding in header.findings if finding.severity is not Severity.NOTE),
        *check(header.dataset, header),
        *_differences(header, expected),
        *pseudonym_findings(header.dataset, site=expected.site),
        *identity_findings(header.dataset, profile=profile),
    ]
    if not any(finding.severity is Severity.REFUSAL for finding in found):
        found += review_pixels(source, header, detector=detector, reader=reader).findings
    return Judged(
        digest=expected.digest,
        reading=reading_of(header, source),
        findings=_distinct(found),
        words=tuple(word_digests(header.dataset)),
    )


def _digest(source: BinaryIO) -> str:
    running = hashlib.sha256()
    while chunk := source.read(_CHUNK):
        running.update(chunk)
    source.seek(0)
    return running.hexdigest()


def _differences(header: Header, expected: Expected) -> Iterator[Finding]:
    """Yield where the object is not what the submission says of it."""
    said = {
        "SOPClassUID": expected.sop_class_uid,
        "SOPInstanceUID": expected.sop_instance_uid,
        "StudyInstanceUID": expected.study_instance_uid,
        "SeriesInstanceUID": expected.series_instance_uid,
        "PatientID": expected.patient,
    }
    for keyword, value in said.items():
        if text_of(header.dataset, keyword) != value:
            yield refusal("announced-differently", where=keyword)
    if header.transfer_syntax != expected.transfer_syntax_uid:
        yield refusal("announced-differently", where="TransferSyntaxUID")
    if header.size != expected.size:
        yield refusal("announced-differently")


def _distinct(found: Iterable[Finding]) -> tuple[Finding, ...]:
    """Return the findings once each, and of one code no more than a person reads."""
    counted: Counter[str] = Counter()
    kept = []
    for finding in dict.fromkeys(found):
        counted[finding.code] += 1
        if counted[finding.code] <= _SAME_CODE:
            kept.append(finding)
    return tuple(kept)
