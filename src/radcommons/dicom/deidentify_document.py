"""Encapsulated documents of an object: a clinical document is cleaned, every other one is taken out and asked about."""

from __future__ import annotations

from dataclasses import dataclass

from radcommons.dicom.clinicaldocument import clean_document
from radcommons.dicom.dates import shift_datetime
from radcommons.dicom.mapping import Mapper
from radcommons.dicom.text import Cleaner, Manner
from radcommons.records.finding import Finding, Severity

DOCUMENT = 0x00420011
CLASSES = frozenset(f"1.2.840.10008.5.1.4.1.1.104.{number}" for number in range(1, 6))
WHERE = "EncapsulatedDocument"
TAKEN_OUT = (
    "The document inside was taken out, because it cannot be checked. Leave it out, or have a person black out a copy "
    "and add that as pictures of its pages."
)
CLEANED = "The people of the clinical document were masked and its text was cleaned; coded entries were left out."


@dataclass(frozen=True, slots=True)
class _Texts:
    cleaner: Cleaner
    mapper: Mapper
    keeps_times: bool
    shift_days: int

    def words(self, text: str) -> str:
        return self.cleaner.clean(text, Manner.NARRATIVE).text

    def is_free(self, code: str) -> bool:
        return not self.cleaner.clean(code, Manner.TERM).changed

    def uid(self, original: str) -> str:
        return self.mapper.uid(original)

    def time(self, value: str) -> str | None:
        return shift_datetime(value, self.shift_days, keeps_time=self.keeps_times)


def cleaned_document(
    content: object, *, cleaner: Cleaner, mapper: Mapper, keeps_times: bool, shift_days: int
) -> bytes | None:
    """Return a clinical document without identity, of even length; None for every other document."""
    if not isinstance(content, bytes):
        return None
    texts = _Texts(cleaner, mapper, keeps_times, shift_days)
    fresh = clean_document(content, texts)
    return None if fresh is None else fresh + b" " * (len(fresh) % 2)


def document_findings(cleaned: list[bool]) -> list[Finding]:
    """Return what became of each document: a note that it was cleaned, or a question."""
    return [
        Finding(code="document-cleaned", severity=Severity.NOTE, message=CLEANED, where=WHERE)
        if one
        else Finding(code="encapsulated-document", severity=Severity.QUESTION, message=TAKEN_OUT, where=WHERE)
        for one in cleaned
    ]
