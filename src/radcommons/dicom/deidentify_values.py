"""How single values are treated: text cleaned, dates shifted, UIDs mapped, what is broken emptied."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import replace

from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset
from pydicom.multival import MultiValue
from pydicom.sequence import Sequence
from pydicom.tag import BaseTag

from radcommons.dicom._tables.terms import NAMED
from radcommons.dicom.actions import LONG_TEXTS, Op, Rule
from radcommons.dicom.binarytext import packed, spelled
from radcommons.dicom.codes import is_code_of, is_own_meaning
from radcommons.dicom.dates import capped_age, is_time, shift_date, shift_datetime
from radcommons.dicom.deidentify_document import DOCUMENT, cleaned_document, document_findings
from radcommons.dicom.lexicon import is_term
from radcommons.dicom.manners import LOCAL_SCHEMES, SCHEME_WORDS, TERMINOLOGIES, technical_manner
from radcommons.dicom.mapping import Mapper
from radcommons.dicom.profile import Profile
from radcommons.dicom.text import Cleaned, Cleaner, Manner, cleaner_for
from radcommons.dicom.text_fold import LETTERS_ONLY
from radcommons.dicom.text_identity import IDS, KnownIdentity
from radcommons.dicom.text_shapes import STANDARD
from radcommons.dicom.uids import is_standards_own, is_well_known, uid_problem
from radcommons.records.finding import Finding, Severity

NOBODY = KnownIdentity()
GRAPHIC_LAYER = 0x00700002
LAYERS = 9973
OTHER = "OTHER"
Treatment = Callable[[DataElement, Rule, str, Dataset], DataElement | None]
LONG_NUMBER = re.compile(r"[+]?[0-9]{5,}")
NUMBER = re.compile(r"[ 0-9+\-.eE]*")
CODE = re.compile(r"[A-Z0-9_ ]*")
TEXT_VRS = frozenset(
    {"AE", "CS", "LO", "LT", "SH", "ST", "UC", "UR", "UT", "PN", "DS", "IS", "AS", "DA", "DT", "TM", "UI"}
)
NUMBER_VRS = frozenset({"DS", "IS", "FL", "FD", "US", "SS", "UL", "SL", "UV", "SV"})
BINARY_VRS = frozenset({"OB", "OW", "OD", "OF", "OL", "OV", "AT", "US", "SS", "UL", "SL", "UV", "SV", "FL", "FD"})
CODE_VALUE, CODING_SCHEME, CODE_MEANING = 0x00080100, 0x00080102, 0x00080104
CODE_WORD = re.compile(r"[!\"$%'-+\--9<>@-~]*")
LOCAL_CODES = 9_999_991
LONG_CODE = 14  # a Long Code Value has more than sixteen characters
# A scheme has a name of a word or two in capitals, digits and marks; what bends is a sentence.
SCHEME_NAME = re.compile(r"\s*[^\s,;:=?!]*\s*|(?:[A-Z0-9][^\s,;:=?!]* ?)*")
REMOVED_TEXT = "REMOVED"
DUMMIES: dict[str, object] = {
    "AE": REMOVED_TEXT, "AS": "000D", "CS": REMOVED_TEXT, "DA": "19000101", "DT": "19000101000000", "TM": "000000",
    "DS": "0", "IS": "1", "LO": REMOVED_TEXT, "LT": REMOVED_TEXT, "PN": REMOVED_TEXT, "SH": REMOVED_TEXT,
    "ST": REMOVED_TEXT, "UC": REMOVED_TEXT, "UT": REMOVED_TEXT, "UR": "about:blank", "OB": b"\0\0", "OW": b"\0\0",
    "UN": b"\0\0", "OD": b"\0" * 8, "OF": b"\0" * 4, "OL": b"\0" * 4, "OV": b"\0" * 8, "FL": 0.0, "FD": 0.0, "SL": 0,
    "SS": 0, "UL": 0, "US": 0, "UV": 0, "SV": 0,
}  # fmt: skip


class Values:
    """Treats the values of one object and remembers what it came across.

    Parameters
    ----------
    profile : Profile
    mapper : Mapper
    cleaner : Cleaner
        Knows the identity to look for.
    known : KnownIdentity
        The same identity, for what an option retains.
    """

    __slots__ = (
        "_cleaner",
        "_known",
        "_mapper",
        "_profile",
        "bad_uids",
        "cleaned",
        "documents",
        "has_non_ascii",
        "repaired",
        "words_removed",
    )

    def __init__(self, profile: Profile, mapper: Mapper, cleaner: Cleaner, *, known: KnownIdentity = NOBODY) -> None:
        self._known = known
        self._profile = profile
        self._mapper = mapper
        self._cleaner = cleaner
        self.repaired: list[str] = []
        self.bad_uids: list[str] = []
        self.cleaned: list[str] = []
        self.documents: list[bool] = []
        self.words_removed: list[str] = []
        self.has_non_ascii = False

    def treatments(self) -> dict[Op, Treatment]:
        """Return the function of each treatment; REMOVE and ITEMS are the walk's own."""
        return {
            Op.EMPTY: lambda element, _rule, _path, _source: self._emptied(element),
            Op.DUMMY: lambda element, rule, _path, _source: self._dummy(element, rule),
            Op.UID: self._uid,
            Op.INSTANCE_UID: self._uid,
            Op.UID_KEPT: self._uid_kept,
            Op.DATE: self._date,
            Op.FULL_DATE: self._full_date,
            Op.TIME: self._time,
            Op.KEEP: self._keep,
            Op.NUMBER: self._number,
            Op.CODE_STRING: self._code_string,
            Op.RETAINED: self._retained,
            Op.TECHNICAL: self._technical,
            Op.DESCRIPTOR: self._descriptor,
            Op.NARRATIVE: self._narrative,
            Op.MEANING: self._meaning,
            Op.AGE: self._age,
            Op.PSEUDONYM: lambda element, rule, _path, _source: _made(element, rule.vr, self._mapper.pseudonym),
            Op.ACCESSION: self._accession,
            Op.LITERAL: self._literal,
        }

    def replaced(self, tag: BaseTag, rule: Rule) -> DataElement | None:
        """Return what stands in for a broken value: a dummy, nothing in it, or no element, as its type asks."""
        if rule.fallback is Op.DUMMY:
            vr = _single(rule.vr)
            return DataElement(tag, vr, Sequence([Dataset()]) if vr == "SQ" else DUMMIES.get(vr))
        return None if rule.fallback is Op.REMOVE else DataElement(tag, _single(rule.vr), None)

    def findings(self) -> list[Finding]:
        """Return notes of what was repaired or taken out of texts, one per place, and what became of a document."""
        kinds = (
            ("value-repaired", self.repaired, "The value broke its value representation and was emptied or corrected."),
            ("uid-invalid", self.bad_uids, "The UID broke PS3.5 section 9 and was mapped to a valid one."),
            (
                "known-identity-in-text",
                self.cleaned,
                "The text named the patient or held a sign of identity, which was removed.",
            ),
            ("words-removed", self.words_removed, "Words outside the lexicon, which may be names, were removed."),
        )
        notes = [
            Finding(code=code, severity=Severity.NOTE, message=message, where=where)
            for code, places, message in kinds
            for where in dict.fromkeys(places)
        ]
        return notes + document_findings(self.documents)

    def _broken(self, element: DataElement, rule: Rule, path: str) -> DataElement | None:
        self.repaired.append(path + rule.name)
        return self.replaced(element.tag, rule)

    def _emptied(self, element: DataElement) -> DataElement:
        if element.is_empty and element.VR != "UN":
            return element
        vr = element.VR if element.VR != "UN" else "LO"
        return DataElement(element.tag, vr, Sequence([]) if vr == "SQ" else None)

    def _dummy(self, element: DataElement, rule: Rule) -> DataElement:
        if int(element.tag) == DOCUMENT and not element.is_empty:
            return self._document(element)
        vr = _single(rule.vr)
        return DataElement(element.tag, vr, Sequence([Dataset()]) if vr == "SQ" else DUMMIES[vr])

    def _document(self, element: DataElement) -> DataElement:
        days = 0 if self._profile.keeps_dates else self._mapper.shift_days
        fresh = cleaned_document(
            element.value,
            cleaner=self._cleaner,
            mapper=self._mapper,
            keeps_times=self._profile.keeps_times,
            shift_days=days,
        )
        self.documents.append(fresh is not None)
        return DataElement(element.tag, "OB", fresh or DUMMIES["OB"])

    def _uid(self, element: DataElement, rule: Rule, path: str, _source: Dataset) -> DataElement | None:
        texts = _texts(element)
        if texts is None:
            return self._broken(element, rule, path)
        mapped = [self._new_uid(text, rule, path) for text in texts]
        return element if mapped == texts else _joined(element, "UI", mapped)

    def _uid_kept(self, element: DataElement, rule: Rule, path: str, source: Dataset) -> DataElement | None:
        texts = _texts(element)
        # what is no UID at all may be anything
        is_whole = texts is not None and not any(text.strip(" \0") and uid_problem(text.strip(" \0")) for text in texts)
        return element if is_whole and element.VR == "UI" else self._uid(element, rule, path, source)

    def _new_uid(self, text: str, rule: Rule, path: str) -> str:
        bare = text.strip(" \0")
        is_public = is_well_known if rule.op is Op.INSTANCE_UID else is_standards_own
        if not bare or is_public(bare):
            return bare
        if uid_problem(bare):
            self.bad_uids.append(path + rule.name)
        return self._mapper.uid(bare)

    def _date(self, element: DataElement, rule: Rule, path: str, _source: Dataset) -> DataElement | None:
        return self._moved(element, rule, path, self._mapper.shift_days)

    def _full_date(self, element: DataElement, rule: Rule, path: str, _source: Dataset) -> DataElement | None:
        return self._moved(element, rule, path, 0)

    def _moved(self, element: DataElement, rule: Rule, path: str, days: int) -> DataElement | None:
        if rule.vr == "DA":
            return self._each(element, rule, path, lambda text: shift_date(text, days))
        keeps_times, keeps_zone = self._profile.keeps_times, days == 0
        return self._each(
            element,
            rule,
            path,
            lambda text: shift_datetime(text, days, keeps_time=keeps_times, keeps_zone=keeps_zone),
        )

    def _time(self, element: DataElement, rule: Rule, path: str, _source: Dataset) -> DataElement | None:
        return self._each(element, rule, path, lambda text: text if is_time(text) else None)

    def _age(self, element: DataElement, rule: Rule, path: str, _source: Dataset) -> DataElement | None:
        return self._each(element, rule, path, capped_age)

    def _accession(self, element: DataElement, rule: Rule, path: str, _source: Dataset) -> DataElement | None:
        return self._each(element, rule, path, lambda text: self._mapper.accession(text.strip()))

    def _each(
        self, element: DataElement, rule: Rule, path: str, new: Callable[[str], str | None]
    ) -> DataElement | None:
        texts = _texts(element)
        if texts is None:
            return self._broken(element, rule, path)
        if not any(texts):
            return element
        fresh = [new(text) if text.strip(" \0") else "" for text in texts]
        if None in fresh:
            return self._broken(element, rule, path)
        return element if fresh == texts and rule.vr == element.VR else _joined(element, rule.vr, fresh)

    def _number(self, element: DataElement, rule: Rule, path: str, _source: Dataset) -> DataElement | None:
        if element.VR not in NUMBER_VRS:
            return self._broken(element, rule, path)
        if element.VR not in ("DS", "IS"):
            return self._keep(element, rule, path, _source)
        if element.is_empty:
            return element
        texts = [str(getattr(value, "original_string", value)).strip(" \0") for value in _many(element.value)]
        if not all(map(NUMBER.fullmatch, texts)):
            return self._broken(element, rule, path)
        # a patient's number may stand where a count should
        if any(LONG_NUMBER.fullmatch(text) and self._cleaner.clean(text, Manner.TERM).held_known for text in texts):
            self.cleaned.append(path + rule.name)
            return self.replaced(element.tag, rule)
        return element

    def _keep(self, element: DataElement, rule: Rule, path: str, _source: Dataset) -> DataElement | None:
        # a text where the standard has numbers or bytes is a broken object, or a hiding place
        if element.VR not in BINARY_VRS and rule.vr != element.VR:
            return self._broken(element, rule, path)
        stored = element.value if isinstance(element.value, bytes) else packed(element)
        if stored and (self._cleaner.is_named_in(stored) or spelled(element, stored)):
            self.cleaned.append(path + rule.name)
            return self.replaced(element.tag, rule)
        return element

    def _code_string(self, element: DataElement, rule: Rule, path: str, _source: Dataset) -> DataElement | None:
        texts = _texts(element)
        if texts is None:
            return self._broken(element, rule, path)
        tag = int(element.tag)
        manner = Manner.CODE if all(map(CODE.fullmatch, texts)) else Manner.DESCRIPTOR
        if all(map(STANDARD.fullmatch, texts)):
            return element  # ISO_10918_1, ISO_IR 100
        if tag in NAMED and all(is_term(run, tag) for text in texts for run in LETTERS_ONLY.findall(text)):
            manner = Manner.TERM
        fresh = self._cleaned(element, rule, path, manner)
        return fresh if fresh is None or fresh is element else self._filled(texts, fresh)

    def _filled(self, before: list[str], fresh: DataElement) -> DataElement:
        """Return a cleaned code string without gaps: a layer keeps one name in all places, and a value its place."""
        if int(fresh.tag) == GRAPHIC_LAYER and before:
            return _made(fresh, "CS", self._layer(before[0]))
        after = _texts(fresh) or []
        if len(before) < 2 or len(after) != len(before):
            return fresh
        filled = [new or (OTHER if old.strip() else "") for old, new in zip(before, after, strict=True)]
        return _joined(fresh, "CS", filled)

    def _layer(self, name: str) -> str:
        return f"LAYER_{self._keyed(f'graphic layer {name.strip()}') % LAYERS:04d}"

    def _keyed(self, name: str) -> int:
        """Return a number for a name that cannot be told back, the same in all objects of a site."""
        return int.from_bytes(self._mapper.accession(name).encode(), "big")

    def _technical(self, element: DataElement, rule: Rule, path: str, _source: Dataset) -> DataElement | None:
        tag, texts = int(element.tag), _texts(element) or []
        if tag in SCHEME_WORDS and all(text.strip() in TERMINOLOGIES for text in texts):
            return element
        fresh = self._cleaned(element, rule, path, technical_manner(tag))
        if tag == CODING_SCHEME and not all(map(SCHEME_NAME.fullmatch, texts)):
            fresh = self._emptied(element)
        if tag != CODING_SCHEME or fresh is element or fresh is None or not any(texts):
            return fresh
        return _made(element, "SH", f"99LOCAL{self._keyed(f'coding scheme {texts[0].strip()}') % LOCAL_SCHEMES:03d}")

    def _retained(self, element: DataElement, rule: Rule, path: str, _source: Dataset) -> DataElement | None:
        texts = _texts(element) or []
        known = self._known
        own = frozenset(text.strip() for text in texts) if int(element.tag) in IDS else frozenset()
        # the place is what the option retains: it is no reason to take anything out, nor is a device's own number
        sought = replace(known, places=frozenset(), ids=known.ids - own)
        return self._cleaned(element, rule, path, Manner.TERM, cleaner_for(sought, keeps_unknown_words=True))

    def _descriptor(self, element: DataElement, rule: Rule, path: str, _source: Dataset) -> DataElement | None:
        return self._cleaned(element, rule, path, Manner.DESCRIPTOR)

    def _narrative(self, element: DataElement, rule: Rule, path: str, _source: Dataset) -> DataElement | None:
        return self._cleaned(element, rule, path, Manner.NARRATIVE)

    def _meaning(self, element: DataElement, rule: Rule, path: str, source: Dataset) -> DataElement | None:
        scheme = str(source[CODING_SCHEME].value or "").strip() if CODING_SCHEME in source else ""
        texts = [text.strip() for text in _texts(element) or ()]
        if int(element.tag) != CODE_MEANING:
            return self._code(element, rule, path, is_own=all(is_code_of(scheme, text) for text in texts))
        value = str(source[CODE_VALUE].value or "").strip() if CODE_VALUE in source else ""
        is_own = bool(texts) and all(is_own_meaning(scheme, value, text) for text in texts)
        return self._cleaned(element, rule, path, Manner.TERM if is_own else Manner.DESCRIPTOR)

    def _code(self, element: DataElement, rule: Rule, path: str, *, is_own: bool) -> DataElement | None:
        """Return the value of a code; one that says too much gives way to a keyed one, the same in all objects."""
        texts = [text.strip() for text in _texts(element) or ()]
        is_word = all(map(CODE_WORD.fullmatch, texts))
        manner = Manner.TERM if is_own else Manner.TECHNICAL if is_word else Manner.DESCRIPTOR
        fresh = self._cleaned(element, rule, path, manner)
        is_sentence = any(text.count(" ") > 1 or ", " in text for text in texts)
        if not is_sentence and (fresh is None or fresh is element or not texts):
            return fresh
        width = 7 if int(element.tag) == CODE_VALUE else LONG_CODE
        return _made(element, _single(rule.vr), f"LOCAL{self._keyed(f'code {texts[0]}') % LOCAL_CODES:0{width}d}")

    def _cleaned(
        self, element: DataElement, rule: Rule, path: str, manner: Manner, cleaner: Cleaner | None = None
    ) -> DataElement | None:
        texts = _texts(element)
        if texts is None:
            return self._broken(element, rule, path)
        results = [(cleaner or self._cleaner).clean(text, manner) for text in texts]
        fresh = [result.text for result in results]
        self._remember(results, path + rule.name)
        if not all(text.isascii() for text in fresh):
            self.has_non_ascii = True
        if not any(result.changed for result in results) and element.VR in TEXT_VRS:
            return element
        if not any(fresh) and rule.fallback is Op.DUMMY:
            return self._dummy(element, rule)
        return _joined(element, _single(rule.vr), fresh)

    def _literal(self, element: DataElement, rule: Rule, _path: str, _source: Dataset) -> DataElement:
        self.has_non_ascii |= not rule.literal.isascii()
        return _made(element, rule.vr, rule.literal)

    def _remember(self, results: Iterable[Cleaned], where: str) -> None:
        for result in results:
            if result.held_known or result.held_pattern:
                self.cleaned.append(where)
            elif result.held_unknown:
                self.words_removed.append(where)


def _single(vr: str) -> str:
    # "US or SS" and "OB or OW": either is valid for a dummy
    return vr[-2:] if " or " in vr else vr


def _many(value: object) -> Iterable[object]:
    # a PersonName can be iterated, letter by letter, so the kinds of lists are named
    return value if isinstance(value, MultiValue | list | tuple) else (value,)


def _texts(element: DataElement) -> list[str] | None:
    """Return the values of a text element, or None when it holds no text."""
    if element.VR not in TEXT_VRS:
        if element.VR == "UN" and isinstance(element.value, bytes):
            return element.value.decode("ascii", "replace").rstrip(" \0").split("\\")
        return None
    if element.value is None:
        return []
    return ["" if one is None else str(one) for one in _many(element.value)]


def _made(element: DataElement, vr: str, text: str) -> DataElement:
    return DataElement(element.tag, vr, text)


def _joined(element: DataElement, vr: str, texts: list[str] | list[str | None]) -> DataElement:
    if vr in LONG_TEXTS:
        return DataElement(element.tag, vr, texts[0] if texts else "")
    return DataElement(element.tag, vr, list(texts) if len(texts) > 1 else (texts[0] if texts else None))
