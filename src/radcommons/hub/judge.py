"""Judge one object, independently of the site and without knowing a patient: pure functions over bytes."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import BinaryIO

from pydicom import Dataset

from radcommons.catalogue.readings import Reading
from radcommons.dicom.conformance import check
from radcommons.dicom.deidentify_check import foreign_tokens, not_allowed, text_tokens, unmapped_uids
from radcommons.dicom.mapping import PSEUDONYM
from radcommons.dicom.pixelread import TextReader
from radcommons.dicom.pixeltext import TextDetector
from radcommons.dicom.profile import Profile
from radcommons.dicom.read import Header, read_header
from radcommons.dicom.writing import review_pixels
from radcommons.hub.header import reading_of
from radcommons.records.errors import UnreadableInstance
from radcommons.records.finding import CODES, Finding, Severity

_CHUNK = 1 << 20


# A word of this length that holds a digit may be a number of a patient; shorter ones name kernels and protocols.
_SHORTEST_NUMBER = 5
# What a machine says of itself. No lexicon knows every model, but a model serves many patients: rarity judges here.
_MACHINES = frozenset(
    {
        "Manufacturer",
        "ManufacturerModelName",
        "SoftwareVersions",
        "ConvolutionKernel",
        "SequenceName",
        "PulseSequenceName",
        "ReceiveCoilName",
        "TransmitCoilName",
        "FilterType",
        "DetectorManufacturerName",
        "DetectorManufacturerModelName",
    }
)
# At most so many findings of one code about one object: a curator reads the first and knows the rest.
_SAME_CODE = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Expected:
    """What the submission says of an object."""

    digest: str
    size: int
    site: str
    sop_class_uid: str
    transfer_syntax_uid: str
    patient: str
    study_instance_uid: str
    series_instance_uid: str
    sop_instance_uid: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """What the hub found by itself; `reading` is None where the header could not be read."""

    digest: str
    reading: Reading | None
    findings: tuple[Finding, ...]
    words: tuple[tuple[str, str], ...] = ()  # (word's digest, place): words that a lexicon cannot judge


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
        return Judged(digest=expected.digest, reading=None, findings=(_refusal("bad-digest"),))
    try:
        header = read_header(source)
    except UnreadableInstance as error:
        return Judged(digest=expected.digest, reading=None, findings=(_refusal(error.reason),))
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
        if _text(header.dataset, keyword) != value:
            yield _refusal("announced-differently", where=keyword)
    if header.transfer_syntax != expected.transfer_syntax_uid:
        yield _refusal("announced-differently", where="TransferSyntaxUID")
    if header.size != expected.size:
        yield _refusal("announced-differently")


def pseudonym_findings(dataset: Dataset, *, site: str) -> Iterator[Finding]:
    """Yield what is wrong with the patient's identifiers: each is a pseudonym of the site that sent the object."""
    for keyword in ("PatientID", "PatientName"):
        value = _text(dataset, keyword)
        if not PSEUDONYM.fullmatch(value) or not value.startswith(f"{site}-"):
            yield _refusal("pseudonym-malformed", where=keyword)


def identity_findings(dataset: Dataset, *, profile: Profile | None = None) -> Iterator[Finding]:
    """Yield signs that an object was not de-identified, or not wholly."""
    for path in not_allowed(dataset, profile=profile):
        if path not in ("PatientID", "PatientName"):
            yield _refusal("attribute-not-allowed", where=path)
    for path in unmapped_uids(dataset, profile=profile):
        yield _refusal("uid-root-foreign", where=path)
    yield from _stamps(dataset)
    for path in dict.fromkeys(path for path, _ in foreign_tokens(dataset) if not _is_of_machine(path)):
        yield Finding(
            code="unusual-text",
            severity=Severity.QUESTION,
            message="A text holds words outside the lexicon; a person looks whether they name somebody.",
            where=path,
        )


# PS3.15 section E.1.1 asks for both; PS3.3 C.7.1.1 and C.12.1.1 define their values.
_TEMPORAL = ("UNMODIFIED", "MODIFIED", "REMOVED")


def _stamps(dataset: Dataset) -> Iterator[Finding]:
    if _text(dataset, "PatientIdentityRemoved") != "YES":
        yield _refusal("not-conformant", where="PatientIdentityRemoved")
    said = _text(dataset, "LongitudinalTemporalInformationModified")
    if said not in _TEMPORAL:
        yield _refusal("not-conformant", where="LongitudinalTemporalInformationModified")
    elif said == "REMOVED" and _text(dataset, "StudyDate"):
        yield _refusal("announced-differently", where="StudyDate")
    if any(_text(dataset, keyword) == "YES" for keyword in ("BurnedInAnnotation", "RecognizableVisualFeatures")):
        yield Finding(code="identity-flagged", severity=Severity.QUESTION, message=CODES["identity-flagged"])


def word_digests(dataset: Dataset) -> Iterator[tuple[str, str]]:
    """Yield (digest, place) of words that their rarity judges better than a lexicon: with digits, and machines' own."""
    for path, word in dict.fromkeys(text_tokens(dataset)):
        has_digit = any(letter.isdigit() for letter in word)
        if len(word) >= _SHORTEST_NUMBER and (has_digit or _is_of_machine(path)):
            yield hashlib.sha256(word.encode()).hexdigest()[:16], path


def _is_of_machine(path: str) -> bool:
    name = path.rpartition(".")[2]
    return name in _MACHINES or name.startswith("(")  # a private element is a device's own


def _text(dataset: Dataset, keyword: str) -> str:
    return str(dataset.get(keyword, "") or "").strip("\0 ")


def _refusal(code: str, *, where: str = "") -> Finding:
    return Finding(code=code, severity=Severity.REFUSAL, message=CODES[code], where=where)


def _distinct(found: Iterable[Finding]) -> tuple[Finding, ...]:
    """Return the findings once each, and of one code no more than a person reads."""
    counted: Counter[str] = Counter()
    kept = []
    for finding in dict.fromkeys(found):
        counted[finding.code] += 1
        if counted[finding.code] <= _SAME_CODE:
            kept.append(finding)
    return tuple(kept)
