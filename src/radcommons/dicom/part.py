"""Judge one element of a header as `deidentify` would within its object, and tell whether the rest could matter."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset
from pydicom.tag import BaseTag, Tag

from radcommons.dicom.deidentify import deidentify_part
from radcommons.dicom.mapping import Mapper
from radcommons.dicom.private import declared_safe
from radcommons.dicom.profile import Profile
from radcommons.dicom.read import parse
from radcommons.dicom.repair import settle
from radcommons.dicom.rewrite import encode
from radcommons.dicom.stream import Encoding
from radcommons.dicom.text_identity import KnownIdentity
from radcommons.records.errors import UnreadableInstance
from radcommons.records.finding import Finding

CHARACTER_SET = 0x00080005


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """What is made of one element: `content` is its new encoded form, empty if it goes; the rest is what is told of it.

    Parameters
    ----------
    content : bytes
    said : tuple
        Findings, record and counts, and identity beyond what is known anyway: of two values with the same `said`, one
        may stand in the object instead of the other, and nothing else changes.
    names_someone : bool
        The element itself may hold identity, so its text has to be looked at every time.
    """

    content: bytes
    said: tuple[object, ...]
    names_someone: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class PartJudge:
    """Judges elements of objects that agree in everything else.

    Parameters
    ----------
    profile, mapper, sop_class
        As for `deidentify`.
    given : KnownIdentity
        What the caller knows.
    effective : KnownIdentity
        That, and what the object itself says.
    encoding : Encoding
    company : Mapping of int to bytes
        Encoded elements that tell how others are read, by tag.
    present : frozenset of int
        Tags of the object.
    """

    profile: Profile
    mapper: Mapper
    sop_class: str
    given: KnownIdentity
    effective: KnownIdentity
    encoding: Encoding
    company: Mapping[int, bytes]
    present: frozenset[int]

    def __call__(self, tag: int, content: bytes) -> Judged | None:
        """Return what is made of an element, None where that depends on the rest of the object."""
        company = [found for other, found in self.company.items() if other >> 16 == tag >> 16 or not other >> 16 & 1]
        notes: list[Finding] = []
        try:
            dataset = parse(b"".join((*company, content)), self.encoding)
            settle(dataset, notes, little=True)
            own = KnownIdentity.of(dataset)
            watched = Watched(dataset)
            done = deidentify_part(
                watched,
                profile=self.profile,
                mapper=self.mapper,
                known=self.effective,
                sop_class=self.sop_class,
                declared=declared_safe(dataset),
            )
            if done.dataset is None or CHARACTER_SET in done.dataset or watched.missed & self.present:
                return None
            fresh = Dataset({Tag(tag): done.dataset[tag]}) if tag in done.dataset else Dataset()
            encoded = encode(fresh, self.encoding)
        except UnreadableInstance:
            return None
        carried = None if self.given | own == self.given else own
        said = (tuple(notes), done.findings, dict(done.record), dict(done.counts), carried)
        return Judged(content=encoded, said=said, names_someone=own != KnownIdentity())


class Watched(Dataset):
    """A data set that remembers which absent attributes it was asked for."""

    def __init__(self, dataset: Dataset) -> None:
        super().__init__(dict(dataset.items()))
        implicit, little = dataset.original_encoding
        self.set_original_encoding(implicit, little, dataset.original_character_set)
        object.__setattr__(self, "missed", set())

    missed: set[int]

    def __contains__(self, name: object) -> bool:
        found = super().__contains__(name)  # type: ignore[operator]
        if not found:
            self._miss(name)
        return found

    def __getitem__(self, key: object) -> DataElement:  # type: ignore[override]
        try:
            return super().__getitem__(key)  # type: ignore[no-any-return,call-overload]
        except KeyError:
            self._miss(key)
            raise

    def get(self, key: object, default: object = None) -> object:  # type: ignore[override]
        """Return a value or element as `Dataset.get` does, and remember if there was none."""
        found = super().get(key, default)  # type: ignore[call-overload]
        if found is default:
            self._miss(key)
        return found

    def __getattr__(self, name: str) -> object:
        try:
            return super().__getattribute__(name) if name.startswith("_") else super().__getattr__(name)
        except AttributeError:
            self._miss(name)
            raise

    def _miss(self, name: object) -> None:
        try:
            self.missed.add(int(name if isinstance(name, BaseTag) else Tag(name)))  # type: ignore[arg-type]
        except (ValueError, TypeError, OverflowError):
            return


def parse_alone(content: bytes, encoding: Encoding) -> Dataset:
    """Return a converted data set of encoded elements.

    Raises
    ------
    UnreadableInstance
        If they cannot be parsed.
    """
    dataset = parse(content, encoding)
    settle(dataset, [], little=encoding.little)
    return dataset


def company_of(contents: Iterable[tuple[int, bytes]], readers: frozenset[int]) -> dict[int, bytes]:
    """Return those elements that tell how others are read: `readers` and the creators of private blocks."""
    return {tag: content for tag, content in contents if tag in readers or is_creator(tag)}


def is_creator(tag: int) -> bool:
    """Tell whether this is the place of a Private Creator (PS3.5 section 7.8.1)."""
    return bool(tag >> 16 & 1) and 0x10 <= tag & 0xFFFF <= 0xFF
