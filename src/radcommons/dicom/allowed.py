"""Which attributes an object may have: the definitions of PS3.3, by SOP Class, at the top and inside sequences."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache

from radcommons.dicom._tables.iods import DEFINITIONS, IODS, MODULES, SOP_CLASSES

# Retired storage classes that archives still hold, read by the definition of the class that took their place.
SUCCESSORS = {
    "1.2.840.10008.5.1.4.1.1.3": "1.2.840.10008.5.1.4.1.1.3.1",  # Ultrasound Multi-frame
    "1.2.840.10008.5.1.4.1.1.5": "1.2.840.10008.5.1.4.1.1.20",  # Nuclear Medicine
    "1.2.840.10008.5.1.4.1.1.6": "1.2.840.10008.5.1.4.1.1.6.1",  # Ultrasound
    "1.2.840.10008.5.1.4.1.1.12.3": "1.2.840.10008.5.1.4.1.1.12.1",  # X-Ray Angiographic Bi-plane
}
# Attributes beside the tables. Pixels pass byte by byte, so what says how many frames they are passes with them, even
# in single-frame classes that software misuses.
PIXEL_COMPANIONS = {0x00280008: "1C"}
# Attributes that other editions of PS3.3 have beside one that the tables hold. Archives keep objects of all editions:
# EthnicGroup gave way to EthnicGroups, ROIObservationLabel and -Description were retired in 2023.
OTHER_EDITIONS = {0x00102161: (0x00102160, 0x00102162), 0x300600A4: (0x30060085, 0x30060088)}
# Attributes that are newer than the data dictionary: keyword and value representation.
NEWER = {0x00102162: ("EthnicGroups", "UC")}
ROWS = 0x00280010
# Items that may hold items of their own kind; the tables stop at the first level.
RECURSIVE = frozenset({0x0040A730, 0x00080121})  # ContentSequence, EquivalentCodeSequence


@dataclass(slots=True, eq=False)
class Definition:
    """The attributes of one data set or one sequence item: a union of table rows.

    Parameters
    ----------
    numbers : tuple of int
        Rows of the generated table that apply here.
    """

    numbers: tuple[int, ...]
    types: dict[int, str] = field(init=False)
    _items: dict[int, tuple[int, ...]] = field(init=False)

    def __post_init__(self) -> None:
        self.types = {}
        self._items = {}
        for number in self.numbers:
            for entry in DEFINITIONS[number].split():
                tag_text, kind, items = entry.split(":")
                tag = int(tag_text, 16)
                self.types[tag] = min(self.types.get(tag, "3"), kind)
                if items != "0":
                    self._items[tag] = (*self._items.get(tag, ()), int(items))
        for beside, others in OTHER_EDITIONS.items():
            if beside in self.types:
                self.types |= {tag: "3" for tag in others if tag not in self.types}

    def __contains__(self, tag: int) -> bool:
        return tag in self.types

    def items(self, tag: int) -> Definition:
        """Return the definition of the items of sequence `tag`; an empty one when it has none."""
        own = definition_of_rows(tuple(sorted(set(self._items.get(tag, ())))))
        # ContentSequence inside ContentSequence: the same kind of item again
        if tag in RECURSIVE and own.numbers and tag not in own.types:
            own.types[tag] = "3"
            own._items[tag] = own.numbers
        return own


@lru_cache(maxsize=4096)
def definition_of_rows(numbers: tuple[int, ...]) -> Definition:
    """Return the definition made of these table rows."""
    return Definition(numbers)


def _modules(sop_class_uid: str) -> list[str] | None:
    iod = SOP_CLASSES.get(SUCCESSORS.get(sop_class_uid, sop_class_uid))
    return None if iod is None else IODS[iod].split()


@lru_cache(maxsize=256)
def definition(sop_class_uid: str) -> Definition | None:
    """Return the definition of a SOP Class, or None when the tables do not know it.

    References
    ----------
    DICOM PS3.3, Annex A; PS3.4, Annex B.5.
    """
    modules = _modules(sop_class_uid)
    if modules is None:
        return None
    found = Definition(tuple(sorted({MODULES[module.rstrip("!")] for module in modules})))
    if ROWS in found:
        found.types = PIXEL_COMPANIONS | found.types
    return found


def allowed_tags(sop_class_uid: str) -> frozenset[int] | None:
    """Return the top-level attributes of a SOP Class, or None for an unknown one."""
    found = definition(sop_class_uid)
    return None if found is None else frozenset(found.types)


def is_allowed(sop_class_uid: str, path: Sequence[int]) -> bool:
    """Say whether the attribute at the end of a path of tags belongs to the object's definition."""
    found = definition(sop_class_uid)
    for tag in path[:-1]:
        if found is None or tag not in found:
            return False
        found = found.items(tag)
    return found is not None and path[-1] in found


def required_tags(sop_class_uid: str) -> frozenset[int]:
    """Return the top-level attributes that are Type 1 in a mandatory module: present and with a value."""
    rows = [definition_of_rows((MODULES[name[:-1]],)) for name in _modules(sop_class_uid) or [] if name.endswith("!")]
    return frozenset(tag for row in rows for tag, kind in row.types.items() if kind == "1")
