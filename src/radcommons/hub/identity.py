"""Signs in a header that an object still names somebody, as the hub sees it; nothing is decoded here."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

from pydicom import Dataset

from radcommons.dicom.deidentify_check import foreign_tokens, not_allowed, text_tokens, unmapped_uids
from radcommons.dicom.mapping import PSEUDONYM
from radcommons.dicom.profile import Profile
from radcommons.records.finding import CODES, Finding, Severity

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


def pseudonym_findings(dataset: Dataset, *, site: str) -> Iterator[Finding]:
    """Yield what is wrong with the patient's identifiers: each is a pseudonym of the site that sent the object."""
    for keyword in ("PatientID", "PatientName"):
        value = text_of(dataset, keyword)
        if not PSEUDONYM.fullmatch(value) or not value.startswith(f"{site}-"):
            yield refusal("pseudonym-malformed", where=keyword)


def identity_findings(dataset: Dataset, *, profile: Profile | None = None) -> Iterator[Finding]:
    """Yield signs that an object was not de-identified, or not wholly."""
    for path in not_allowed(dataset, profile=profile):
        if path not in ("PatientID", "PatientName"):
            yield refusal("attribute-not-allowed", where=path)
    for path in unmapped_uids(dataset, profile=profile):
        yield refusal("uid-root-foreign", where=path)
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
    if text_of(dataset, "PatientIdentityRemoved") != "YES":
        yield refusal("not-conformant", where="PatientIdentityRemoved")
    said = text_of(dataset, "LongitudinalTemporalInformationModified")
    if said not in _TEMPORAL:
        yield refusal("not-conformant", where="LongitudinalTemporalInformationModified")
    elif said == "REMOVED" and text_of(dataset, "StudyDate"):
        yield refusal("announced-differently", where="StudyDate")
    if any(text_of(dataset, keyword) == "YES" for keyword in ("BurnedInAnnotation", "RecognizableVisualFeatures")):
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


def text_of(dataset: Dataset, keyword: str) -> str:
    """Return an attribute as text, empty where there is none."""
    return str(dataset.get(keyword, "") or "").strip("\0 ")


def refusal(code: str, *, where: str = "") -> Finding:
    """Return a finding for which an object is refused."""
    return Finding(code=code, severity=Severity.REFUSAL, message=CODES[code], where=where)
