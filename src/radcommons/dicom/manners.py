"""In which manner the text of an attribute is written: by a device, by a terminology or by a person."""

from __future__ import annotations

from radcommons.dicom.text import Manner

# What devices and their makers say of themselves: words that no lexicon holds stay. Everything else that the table
# does not speak of may be typed by a person, whatever it was meant for.
DEVICE_WORDS = frozenset({
    0x00080070, 0x00081090, 0x00181020, 0x00181210, 0x00181160, 0x00180024, 0x00189005, 0x00180010, 0x00180031,
    0x00620009, 0x00660030, 0x00660031, 0x00660036, 0x00181016, 0x00181018, 0x00181019, 0x00181250, 0x00181251,
    0x00181180, 0x00187050, 0x00186000, 0x00186031, 0x00185010, 0x00189316, 0x00541100, 0x00541101, 0x00541103, 0x00541105,  # noqa: E501
    0x00541001, 0x00281054, 0x00283003, 0x00281055, 0x0040DB00,
    0x00189360, 0x00187005, 0x00187000, 0x00181400, 0x00181401, 0x00180015, 0x00200010, 0x00081032, 0x0018103C, 0x00221007, 0x00221008,  # noqa: E501
    0x00420012, 0x00420014, 0x300A00B2, 0x00189004, 0x00240306, 0x00240307,
})  # fmt: skip

# Names of drugs are written like names of people, and new ones come every year.
AGENTS = frozenset({0x00180010, 0x00180031})
# Coding schemes whose meanings a terminology wrote and not a person; local ones are cleaned like descriptions.
_TERMINOLOGIES = "DCM SCT SRT SNM3 99SDM LN UCUM RADLEX FMA NCIt UMLS I9C I10 ICD10 ICD-10-CM BARI ACR"
TERMINOLOGIES = frozenset(_TERMINOLOGIES.split())
# Names of coding schemes are made of the standard's words; a local one may bear the name of its hospital.
SCHEME_WORDS = frozenset({0x00080102, 0x00080103, 0x00080115, 0x00080116})
LOCAL_SCHEMES = 997


def technical_manner(tag: int) -> Manner:
    """Return how freely the text of an attribute is written that the table of PS3.15 does not speak of."""
    if tag in SCHEME_WORDS:
        return Manner.CODE
    if tag in AGENTS:
        return Manner.TECHNICAL
    return Manner.MAKER if tag in DEVICE_WORDS or tag >> 16 & 1 else Manner.DESCRIPTOR
