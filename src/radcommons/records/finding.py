"""What a check has to say of one object: with a withdrawal, the only thing that travels back to the site."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Severity(StrEnum):
    """How a finding bears on its object."""

    NOTE = "note"  # recorded, nothing stops (a repaired UID)
    QUESTION = "question"  # a person decides: held at the site, quarantined at the hub
    REFUSAL = "refusal"  # cannot be used


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One statement of one check about one object.

    Parameters
    ----------
    code : str
        Stable, lower case with hyphens, from `CODES`; programs switch on it.
    severity : Severity
    message : str
        One or two sentences for a data manager: what was found and how to mend it. Never an attribute value.
    where : str
        Path of the element by keyword (``RequestAttributesSequence[0].ScheduledProcedureStepDescription``), a pixel
        region (``frame 1, x 10..200, y 5..30``), or empty for the whole object.
    subject : str
        Pseudonymous identifier of what it is about: an instance digest, a SOP Instance UID after mapping, or empty.
        At a site it may be a file name while the finding stays in the site's own store.
    """

    code: str
    severity: Severity
    message: str
    where: str = ""
    subject: str = ""


# code: what a data manager reads about it in the reference. A check may only emit codes that stand here.
CODES: dict[str, str] = {
    # reading
    "empty-file": "The file has no bytes.",
    "not-dicom": "The file is no DICOM object and no image that enters as one.",
    "not-an-image": "A DICOM object without pixels that the protocol does not take (DICOMDIR, report, raw data).",
    "truncated": "The file ends before its data set does; copy it again from the source.",
    "unreadable": "The data set cannot be parsed.",
    "changed-while-read": "The file changed while it was read; add it again when the copy has finished.",
    "undecodable-pixels": "The pixel data cannot be decoded, so nobody can check it for burned-in text.",
    "unsupported-transfer-syntax": "The transfer syntax is not one that the hub takes.",
    "unsupported-sop-class": "The SOP Class is unknown or not one that the hub takes.",
    "archive-refused": "An archive entry expands beyond the limits or would leave its folder.",
    "symlink-loop": "A symbolic link leads back to a folder above it.",
    "no-disk-space": "The disk is full; nothing was lost, free some space and run the command again.",
    "duplicate": "The same instance has been added before.",
    # repair
    "uid-missing": "A UID was missing; one was derived from the object, the same one every time.",
    "uid-invalid": "A UID broke the rules of PS3.5 section 9; it was mapped to a valid one.",
    "meta-repaired": "The file meta information was missing or wrong and was rebuilt.",
    "value-repaired": "A value broke its value representation and was emptied or corrected.",
    "converted-image": "A JPEG or PNG image entered as a DICOM object.",
    # identity and consistency
    "uid-conflict": "Two different objects carry one SOP Instance UID.",
    "study-of-two-patients": "One study names two patients.",
    "no-patient-id": "No patient identifier; the study stands for the patient.",
    "known-identity-in-text": "Text held a value that identifies this patient; it was removed.",
    "words-removed": "Words outside the lexicon, which may be names, were removed from a description.",
    "burned-in-text": "Text was found in the pixels; a person decides.",
    "pixels-cleaned": "Text in the pixels was covered by a flat value.",
    "hidden-bytes-removed": "Something that is no pixel hid in the pixel data; it was removed.",
    "screen-capture": "A screen save or dose sheet: a picture of a screen, with what names the patient on it.",
    "recognizable-face": "A head from which a face could be made; nothing here removes faces.",
    "identity-flagged": "The header says that burned-in annotation or recognisable features are present.",
    "private-removed": "Private elements were removed.",
    "encapsulated-document": "An encapsulated document cannot be checked automatically.",
    "document-cleaned": "People were masked in an encapsulated clinical document, and its text was cleaned.",
    # law
    "opted-out": "The patient is on the hospital's opt-out list.",
    "not-covered": "The agreement with the coalition does not cover it; the clause is named.",
    "cover-undecided": "Whether a clause of the agreement covers it cannot be decided; a person does.",
    # corrections of life
    "relinked": "It was given to another patient of the hospital; add it again, and it goes under the right one.",
    "decided-before": "Somebody decided about it a moment ago; their decision stands.",
    "set-aside": "A reviewer put its group, or its study, aside; a person decides.",
    "left-out": "A reviewer left its group out.",
    "sample-not-seen": "The random sample of the group was not opened as a whole, so the group cannot be accepted.",
    "signed-before": "It is in a signed submission already; only a withdrawal takes it back.",
    # selection
    "criterion-out": "A criterion of the protocol excludes it.",
    "criterion-undecided": "A criterion of the protocol cannot be decided from headers and clinical table.",
    "other-series": "Another series of the study is preferred by the protocol.",
    "series-undecided": "Which series of the study is preferred cannot be decided from the headers.",
    "slice-repeated": "Two different images of the series lie at one place.",
    "clinical-contradicts": "Header and clinical table disagree about sex or age; the row may be another patient's.",
    "over-quota": "The protocol asks for no more cases of this kind now.",
    # hub
    "bad-signature": "The submission's signature does not agree.",
    "bad-digest": "The bytes do not have the digest that the submission names.",
    "unknown-profile": "The hub does not know the de-identification profile.",
    "unknown-protocol": "The hub does not know the selection protocol.",
    "not-conformant": "A Type 1 attribute that the hub needs is absent or empty.",
    "attribute-not-allowed": "The attribute is no part of this object's definition or was to be removed.",
    "pseudonym-malformed": "The patient identifier is no pseudonym of this site.",
    "uid-root-foreign": "A UID is not under the root of mapped UIDs.",
    "unusual-text": "A text holds words outside the lexicon or unique to one patient.",
    "announced-differently": "The object differs from what the submission says of it.",
    "withdrawn-before": "It was withdrawn earlier and may not come again.",
    "identity-incident": "It may tell who the patient is: the hub sealed it. Look at the original and others like it.",
}
