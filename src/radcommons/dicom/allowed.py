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
# Attributes beside the tables. Pixels pass byte by byte, so the numbers that say what they are pass with them in every
# image class, also where a maker extended the class: how many frames, what a stored value means, dose, diffusion.
PIXEL_COMPANIONS = {
    0x00280008: "1C",  # NumberOfFrames
    **dict.fromkeys((
        0x00281052, 0x00281053, 0x00281054,  # RescaleIntercept, RescaleSlope, RescaleType
        0x0018115E, 0x00400302, 0x00408302, 0x00400316,  # ImageAndFluoroscopyAreaDoseProduct, EntranceDose, OrganDose
        0x00189323, 0x00189324, 0x00189345,  # ExposureModulationType, EstimatedDoseSaving, CTDIvol
        0x00189087, 0x00189089,  # DiffusionBValue, DiffusionGradientOrientation
    ), "3"),
}  # fmt: skip
# Attributes that belong beside one that the tables hold: of other editions of PS3.3, because archives keep objects of
# all (EthnicGroup gave way to EthnicGroups, ROIObservationLabel was retired in 2023), and where the tables stop short.
BESIDE = {
    0x00102161: (0x00102160, 0x00102162),
    0x300600A4: (0x30060085, 0x30060088),
    0x300A0086: (0x300A0082,),  # BeamDoseSpecificationPoint
    0x0040A040: (0x0040A032, 0x0040A171),  # a content item's ObservationDateTime and ObservationUID
}
# PS3.3 Table 8.8-1: an item that holds a code may hold all that belongs to a code.
CODE_VALUE, CODE_MEANING = 0x00080100, 0x00080104
OF_CODES = (
    0x00080102, 0x00080103, 0x00080105, 0x00080106, 0x00080107, 0x0008010B, 0x0008010C, 0x0008010D, 0x0008010F,
    0x00080117, 0x00080118, 0x00080119, 0x00080120, 0x00080122,
)  # fmt: skip
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
        for beside, others in BESIDE.items():
            self._add(others if beside in self.types else ())
        self._add(OF_CODES if CODE_VALUE in self.types and CODE_MEANING in self.types else ())

    def _add(self, tags: Sequence[int]) -> None:
        self.types |= {tag: "3" for tag in tags if tag not in self.types}

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
