"""De-identification of one object: a new data set that names nobody, and a record of what was done to the old one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from pydicom.dataelem import DataElement, RawDataElement
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence
from pydicom.tag import BaseTag

import radcommons.dicom.quiet  # noqa: F401  (values must not reach pydicom's warnings)
from radcommons.dicom.actions import PRIVATE, Op, Rule, RuleBook, rules_for
from radcommons.dicom.contentitems import settle_item
from radcommons.dicom.deidentify_document import CLASSES
from radcommons.dicom.deidentify_stamp import file_meta_of, stamp
from radcommons.dicom.deidentify_values import Values
from radcommons.dicom.mapping import Mapper
from radcommons.dicom.private import NOTHING, Declared, as_listed, declared_safe, safe_in
from radcommons.dicom.profile import Profile
from radcommons.dicom.text import cleaner_for
from radcommons.dicom.text_identity import KnownIdentity
from radcommons.records.finding import Finding, Severity

DEEPEST = 64
SOP_CLASS, SOP_INSTANCE = 0x00080016, 0x00080018
BURNED_IN, RECOGNIZABLE = 0x00280301, 0x00280302


@dataclass(frozen=True, slots=True, kw_only=True)
class Deidentified:
    """What came of one object.

    Parameters
    ----------
    dataset : Dataset or None
        The new data set with its file meta information; None when the object is refused.
    findings : tuple of Finding
    record : Mapping of str to str
        What was done to each attribute that did not pass as it was: path by keyword without item numbers -> words of
        `actions.Op` and the reason.  Private attributes stand by tag.
    counts : Mapping of str to int
        How many elements met each treatment, those that passed included.
    """

    dataset: Dataset | None
    findings: tuple[Finding, ...] = ()
    record: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    counts: Mapping[str, int] = field(default_factory=lambda: MappingProxyType({}))

    @property
    def is_refused(self) -> bool:
        """Whether the object cannot be used."""
        return self.dataset is None


def deidentify(dataset: Dataset, *, profile: Profile, mapper: Mapper, known: KnownIdentity) -> Deidentified:
    """Return a new data set without the patient's identity.

    Parameters
    ----------
    dataset : Dataset
        As read; pixel data may be absent and pass untouched when present.  Not changed.
    profile : Profile
    mapper : Mapper
        The patient's new identity.
    known : KnownIdentity
        What the site knows of this patient; what the object itself says is added.

    Returns
    -------
    Deidentified
        With `dataset` None and a refusal for an object of an unknown SOP Class or without a SOP Instance UID.

    Notes
    -----
    PHI: reads it, writes none.  No I/O, no clock.  The caller checks the pixels (`stamp_pixels_checked`).

    References
    ----------
    DICOM PS3.15, Annex E; PS3.3, Annex A.
    """
    sop_class = _text_of(dataset, SOP_CLASS)
    book = rules_for(profile, sop_class)
    if book is None or SOP_INSTANCE not in book.definition:  # a DICOMDIR has a definition, but is no object
        return _refused(
            "unsupported-sop-class", "The SOP Class is none whose attributes are known; leave the object out."
        )
    if not _text_of(dataset, SOP_INSTANCE):
        return _refused("uid-missing", "The SOP Instance UID is missing; derive one before de-identification.")
    work = _work(profile, mapper, known | KnownIdentity.of(dataset), declared_safe(dataset), sop_class)
    fresh = work.treat(dataset, book, "", 0)
    stamp(fresh, dataset, profile=profile, pseudonym=mapper.pseudonym, encoding_needs_unicode=work.values.has_non_ascii)
    fresh.file_meta = file_meta_of(dataset, fresh)
    _keep_encoding(dataset, fresh)
    findings = (*work.findings(), *_questions(dataset, sop_class))
    record, counts = MappingProxyType(work.record), MappingProxyType(dict(work.counts))
    return Deidentified(dataset=fresh, findings=findings, record=record, counts=counts)


def deidentify_part(
    part: Dataset,
    *,
    profile: Profile,
    mapper: Mapper,
    known: KnownIdentity,
    sop_class: str,
    declared: Declared = NOTHING,
) -> Deidentified:
    """Return what `deidentify` would make of some of an object's top-level elements, without its stamps.

    Parameters
    ----------
    part : Dataset
        The elements, with those that say how they are read (character set, private creators).
    profile, mapper
        As for `deidentify`.
    known : KnownIdentity
        All that is to be looked for; nothing is added.
    sop_class : str
        Of the object; a known one.
    declared : Declared
        What the object's (0008,0300) says of its private elements (`private.declared_safe`).

    Notes
    -----
    PHI: as `deidentify`.  `Deidentified.dataset` has a (0008,0005) exactly if text beyond ASCII is left.
    """
    book = rules_for(profile, sop_class)
    if book is None:
        return _refused("unsupported-sop-class", "The SOP Class is none whose attributes are known.")
    work = _work(profile, mapper, known, declared, sop_class)
    fresh = work.treat(part, book, "", 0)
    if work.values.has_non_ascii:
        fresh.SpecificCharacterSet = "ISO_IR 192"
    return Deidentified(dataset=fresh, findings=tuple(work.findings()), record=work.record, counts=dict(work.counts))


def _work(profile: Profile, mapper: Mapper, known: KnownIdentity, declared: Declared, sop_class: str) -> _Work:
    cleaner = cleaner_for(known, keeps_unknown_words=profile.keeps_unknown_words)
    return _Work(profile, Values(profile, mapper, cleaner, known=known), declared, is_document=sop_class in CLASSES)


def _text_of(dataset: Dataset, tag: int) -> str:
    return str(dataset[tag].value or "").strip(" \0") if tag in dataset else ""


def _refused(code: str, message: str) -> Deidentified:
    return Deidentified(dataset=None, findings=(Finding(code=code, severity=Severity.REFUSAL, message=message),))


def _questions(dataset: Dataset, sop_class: str) -> list[Finding]:
    found = []
    for tag, name in ((BURNED_IN, "BurnedInAnnotation"), (RECOGNIZABLE, "RecognizableVisualFeatures")):
        # of a document the flag speaks of what is taken out or cleaned
        if _text_of(dataset, tag).upper() == "YES" and not (tag == BURNED_IN and sop_class in CLASSES):
            message = "The header says so; look at the pixels and decide."
            found.append(Finding(code="identity-flagged", severity=Severity.QUESTION, message=message, where=name))
    return found


def _keep_encoding(dataset: Dataset, fresh: Dataset) -> None:
    implicit, little = dataset.original_encoding
    if implicit is not None and little is not None:
        fresh.set_original_encoding(implicit, little, fresh.get("SpecificCharacterSet", "ISO_IR 6"))


class _Work:
    """One pass over one object."""

    __slots__ = ("_declared", "_is_document", "_treatments", "counts", "private", "profile", "record", "values")

    def __init__(self, profile: Profile, values: Values, declared: Declared, *, is_document: bool) -> None:
        self.profile = profile
        self._is_document = is_document
        self._declared = declared
        self.values = values
        self.record: dict[str, str] = {}
        self.counts: Counter[str] = Counter()
        self.private = 0
        self._treatments: dict[Op, Callable[[DataElement, Rule, str, Dataset], DataElement | None]] = (
            values.treatments()
        )

    def treat(self, source: Dataset, book: RuleBook, path: str, depth: int) -> Dataset:
        """Return a new data set made of what the rules let through."""
        kept: dict[BaseTag, DataElement | RawDataElement] = {}
        safe = book.private_rules(safe_in(source, declared=self._declared)) if self.profile.keeps_safe_private else {}
        for tag in source.keys():  # noqa: SIM118  (iterating a data set converts every element)
            rule = safe.get(int(tag)) or book.rule(int(tag))
            if rule.op is Op.REMOVE:
                self._note(rule, path, tag)
            elif tag.element:  # group lengths are retired and would be wrong
                element = as_listed(source, tag, rule.vr) if tag in safe else self._element(source, tag, rule, path)
                fresh = None if element is None else self._one(element, rule, book, path, depth, source)
                if fresh is not None:
                    kept[tag] = fresh
        return Dataset(kept)

    def _element(self, source: Dataset, tag: BaseTag, rule: Rule, path: str) -> DataElement | None:
        try:
            return source[tag]
        except (ValueError, TypeError, KeyError, AttributeError, OverflowError, NotImplementedError, IndexError):
            # the value is not one of its representation; `read_header` empties such values, other readers do not
            self.values.repaired.append(path + rule.name)
            return self.values.replaced(tag, rule)

    def _one(
        self, element: DataElement, rule: Rule, book: RuleBook, path: str, depth: int, source: Dataset
    ) -> DataElement | None:
        if rule.op is Op.ITEMS:
            return self._items(element, rule, book, path, depth)
        self.counts[rule.op.value] += 1
        fresh = self._treatments[rule.op](element, rule, path, source)
        if self._is_document and int(element.tag) == BURNED_IN and fresh is not None:
            fresh = DataElement(element.tag, "CS", "NO")  # what was inside is cleaned or taken out
        if fresh is not element:
            changed = rule.op if fresh is not None else Op.REMOVE
            self.record[path + rule.name] = f"{changed.value} ({rule.reason})"
        return fresh

    def _items(self, element: DataElement, rule: Rule, book: RuleBook, path: str, depth: int) -> DataElement | None:
        where = path + rule.name
        if not isinstance(element.value, Sequence) or depth >= DEEPEST:
            if not element.is_empty:
                self.values.repaired.append(where)
            return self.values.replaced(element.tag, rule)
        inside = book.items(int(element.tag))
        items = [self.treat(item, inside, where + ".", depth + 1) for item in element.value]
        for item in items:
            if settle_item(item):
                self.record[where] = f"{Op.ITEMS.value} (what the concept of an item makes identity)"
        self.counts[Op.ITEMS.value] += 1
        return DataElement(element.tag, "SQ", Sequence(items))

    def _note(self, rule: Rule, path: str, tag: BaseTag) -> None:
        self.counts[Op.REMOVE.value] += 1
        self.private += rule.reason == PRIVATE
        if tag.element:
            self.record[path + rule.name] = f"{Op.REMOVE.value} ({rule.reason})"

    def findings(self) -> list[Finding]:
        """Return what the pass has to say, as notes."""
        found = self.values.findings()
        if self.private:
            message = f"{self.private} private elements were removed."
            found.append(Finding(code="private-removed", severity=Severity.NOTE, message=message))
        return found
