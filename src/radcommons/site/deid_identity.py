"""What one file says of its patient and of those around, gathered before any file is cleaned.

A report may name the patient whom the slices number only: so the identity of a patient is what all their objects say
together, and the people and places around them are what all objects of the run say together.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import BinaryIO

from pydicom.dataset import Dataset
from pydicom.multival import MultiValue

from radcommons.dicom.deidentify_stream import Mend
from radcommons.dicom.facts import Asked
from radcommons.dicom.read import Header
from radcommons.dicom.rewrite import content_digest
from radcommons.dicom.sniff import Kind, sniff
from radcommons.dicom.text_identity import KnownIdentity
from radcommons.records.finding import Finding, Severity
from radcommons.site.deid_values import Fate, FileDone, ended
from radcommons.site.patient import STUDY_STANDS, PatientKey
from radcommons.site.repair import deriver, value_of, with_uids

# Attributes that name the patient and relatives; every other person's name belongs to the staff.
_PATIENTS_NAMES = frozenset({0x00100010, 0x00101001, 0x00101005, 0x00101060, 0x00102297})
_DEEPEST = 64
_IGNORED = {
    Kind.CSV: "A table is no image object.",
    Kind.TEXT: "A text file is no image object.",
    Kind.JPEG: "A JPEG file is no DICOM object; `radcommons site add` takes it with its row in a table.",
    Kind.PNG: "A PNG file is no DICOM object; `radcommons site add` takes it with its row in a table.",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What an object says of its people: `known` is the patient's own, `shared` is of those around them."""

    patient_id: str = ""
    issuer: str = ""
    known: KnownIdentity = field(default_factory=KnownIdentity)
    shared: KnownIdentity = field(default_factory=KnownIdentity)
    is_directory: bool = False

    def key(self, *, site: str, study_uid: str) -> PatientKey:
        """Return whom it is about; a study without identifier stands for its patient."""
        if self.patient_id:
            return PatientKey(site=site, issuer=self.issuer, patient_id=self.patient_id)
        return PatientKey(site=site, issuer=STUDY_STANDS, patient_id=study_uid)


def facts_of(dataset: Dataset) -> Facts:
    """Return what a data set says of its people; what two halves say together is what the whole says."""
    everything = KnownIdentity.of(dataset)
    own: set[str] = set()
    _patients_names(dataset, own, 0)
    staff = frozenset(name for name in everything.names if name not in own)
    return Facts(
        patient_id=value_of(dataset, "PatientID"),
        issuer=value_of(dataset, "IssuerOfPatientID"),
        known=replace(everything, names=everything.names - staff, places=frozenset()),
        shared=KnownIdentity(names=staff, places=everything.places),
        is_directory="DirectoryRecordSequence" in dataset,
    )


def mender(secret: bytes) -> Mend:
    """Return the function that gives UIDs to objects that came without."""

    def mend(header: Header, source: BinaryIO) -> tuple[Dataset, tuple[Finding, ...]]:
        return with_uids(header, secret=secret, original_digest=digest_for_uids(header, source))

    return mend


def renumberer(secret: bytes) -> Mend:
    """Return the function that gives an object whose SOP Instance UID another has one of its own, always the same."""
    mend = mender(secret)

    def renumber(header: Header, source: BinaryIO) -> tuple[Dataset, tuple[Finding, ...]]:
        dataset, findings = mend(header, source)
        changed = Dataset(dict(dataset.items()))
        own = deriver(secret)("rival", value_of(dataset, "SOPInstanceUID"), content_digest(source))
        changed.add_new("SOPInstanceUID", "UI", own)
        message = "Another object of the run has the same SOP Instance UID; this one was given its own."
        note = Finding(code="uid-conflict", severity=Severity.NOTE, message=message, where="SOPInstanceUID")
        return changed, (*findings, note)

    return renumber


def ignored(path: str, head: bytes) -> FileDone | None:
    """Return why a file is no DICOM object, told from its first bytes; None for one that may be."""
    kind = sniff(head, path)
    if kind in _IGNORED:
        return ended(path, Fate.IGNORED, "not-an-image", _IGNORED[kind])
    if kind is Kind.EMPTY:
        return ended(path, Fate.REFUSED, "empty-file", "The file has no bytes; copy it again from the source.")
    if kind not in (Kind.DICOM, Kind.DICOM_BARE):
        return ended(path, Fate.REFUSED, "not-dicom", "It does not begin as a DICOM object does.")
    return None


def no_object(path: str, asked: Asked[Facts]) -> FileDone | None:
    """Return the end of a file whose header was read and that is no object to be cleaned; None for one that is."""
    if asked.facts.is_directory or (asked.header is not None and asked.header.is_directory):
        reason = "A DICOMDIR is a list of files; the files themselves are taken."
        return ended(path, Fate.IGNORED, "not-an-image", reason)
    broken = next((one for one in asked.findings if one.severity is Severity.REFUSAL), None)
    return ended(path, Fate.REFUSED, broken.code, broken.message, broken.where) if broken else None


def digest_for_uids(header: Header, source: BinaryIO) -> str:
    """Return the digest of the file where a UID is missing and has to be derived from it; it costs a whole read."""
    is_whole = all(value_of(header.dataset, f"{level}InstanceUID") for level in ("Study", "Series", "SOP"))
    return "" if is_whole else content_digest(source)


def _patients_names(dataset: Dataset, found: set[str], depth: int) -> None:
    for element in dataset.values():
        tag = int(element.tag)
        if element.VR == "SQ" and depth < _DEEPEST:
            for item in dataset[tag].value:
                _patients_names(item, found, depth + 1)
        elif tag in _PATIENTS_NAMES:
            value = dataset[tag].value
            # a PersonName can be iterated, letter by letter, so the kinds of lists are named
            many = value if isinstance(value, MultiValue | list | tuple) else (value,)
            found.update(str(one).strip(" \0") for one in many if one)
