"""What one file says of its patient and of those around, gathered before any file is cleaned.

A report may name the patient whom the slices number only: so the identity of a patient is what all their objects say
together, and the people and places around them are what all objects of the run say together.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import BinaryIO

from pydicom.dataset import Dataset
from pydicom.multival import MultiValue

from radcommons.dicom.read import Header, read_header
from radcommons.dicom.rewrite import content_digest
from radcommons.dicom.sniff import HEAD_BYTES, Kind, sniff
from radcommons.dicom.text_identity import KnownIdentity
from radcommons.records.finding import Severity
from radcommons.site.candidate import Candidate
from radcommons.site.deid_values import Fate, FileDone, ended
from radcommons.site.patient import PatientKey
from radcommons.site.repair import patient_key, value_of, with_uids

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
class Identified:
    """Who a file is about: `known` is the patient's own, `shared` is of those around them."""

    key: PatientKey
    sop_uid: str
    known: KnownIdentity
    shared: KnownIdentity


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


def identify(candidate: Candidate, source: BinaryIO, *, secret: bytes, site: str) -> Identified | FileDone:
    """Return whom an object is about, or what becomes of a file that cannot be one.

    Raises
    ------
    UnreadableInstance
        If the header does not read.
    """
    no_object = ignored(candidate.path, source.read(HEAD_BYTES))
    if no_object is not None:
        return no_object
    header = read_header(source)
    if header.is_directory:
        reason = "A DICOMDIR is a list of files; the files themselves are taken."
        return ended(candidate.path, Fate.IGNORED, "not-an-image", reason)
    broken = next((one for one in header.findings if one.severity is Severity.REFUSAL), None)
    if broken:
        return ended(candidate.path, Fate.REFUSED, broken.code, broken.message, broken.where)
    dataset, _ = with_uids(header, secret=secret, original_digest=digest_for_uids(header, source))
    key, _ = patient_key(dataset, site=site)
    everything = KnownIdentity.of(dataset)
    own: set[str] = set()
    _patients_names(dataset, own, 0)
    staff = frozenset(name for name in everything.names if name not in own)
    return Identified(
        key=key,
        sop_uid=value_of(dataset, "SOPInstanceUID"),
        known=replace(everything, names=everything.names - staff, places=frozenset()),
        shared=KnownIdentity(names=staff, places=everything.places),
    )


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
