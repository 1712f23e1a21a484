"""The de-identifier's part of a DICOM conformance statement, made from the tables that it runs on."""

from __future__ import annotations

from collections.abc import Iterator

from pydicom.uid import UID

from radcommons.dicom._tables.iods import SOP_CLASSES
from radcommons.dicom._tables.ps3_15_e1 import BASIC, EDITION
from radcommons.dicom._tables.ps3_15_e1_options import EDITION as OPTIONS_EDITION
from radcommons.dicom._tables.safe_private import EDITION as PRIVATE_EDITION
from radcommons.dicom._tables.safe_private import SAFE
from radcommons.dicom.actions import NO_LONGER_HOLDS, name_of
from radcommons.dicom.allowed import SUCCESSORS, definition
from radcommons.dicom.profile import CODE_MEANINGS, LETTERS, load_profile, shipped_options, shipped_profiles

# What is done under an option, in one sentence each; the code is stated only of objects to which it was done.
DONE = {
    "113100": "Every attribute of Table E.1-1 is treated at every depth; what no object definition holds is removed.",
    "113101": "Text in pixels is detected and covered, or the object is held; stated after every frame was seen.",
    "113102": "No features are removed by the program: such objects are held, or handed to a plug-in, which states it.",
    "113103": "Graphic annotations stay with their text cleaned; overlays and curves go.",
    "113104": "Content items, acquisition context and annotations of waveforms stay; names become dummies.",
    "113105": "Descriptions and comments are searched for the patient and for signs of identity.",
    "113106": "Dates, times and offsets stay; the profile must name the agreement that allows it.",
    "113107": "Dates move by one number of days per patient; times stay or go as the profile says; offsets go.",
    "113108": "The characteristics stay; ages of 90 years and more become 090Y; texts among them are cleaned.",
    "113109": "Serial numbers, stations and other names of a device stay, without the patient's identity in them.",
    "113110": "UIDs stay; what stands in the place of a UID without being one is mapped.",
    "113111": "Private attributes of the list below, and those that (0008,0300) declares, stay with their creator.",
    "113112": "Name, address and department of the institution stay, without the patient's identity in them.",
}
STAMPS = (
    ("(0012,0062)", "Patient Identity Removed", "YES"),
    ("(0012,0063)", "De-identification Method", "radcommons, the profile's name and version, and its digest"),
    ("(0012,0064)", "De-identification Method Code Sequence", "codes of CID 7050 for what was done to this object"),
    ("(0028,0301)", "Burned In Annotation", "NO, only after the pixels were checked; otherwise as it was"),
    ("(0028,0302)", "Recognizable Visual Features", "NO, only after a plug-in removed them; otherwise as it was"),
    (
        "(0028,0303)",
        "Longitudinal Temporal Information Modified",
        "UNMODIFIED, MODIFIED or REMOVED; an earlier statement is not weakened",
    ),
    ("(0018,A001)", "Contributing Equipment Sequence", "one item, purpose 109104 De-identifying Equipment"),
)
REPLACED = (
    ("Patient ID, Patient's Name", "the site's code, a hyphen and ten letters, keyed with the site's secret"),
    ("Accession Number", "16 keyed letters where the profile maps it, otherwise nothing"),
    (
        "UIDs of instances",
        "2.25 and a version 8 UUID, or a number under the profile's own root; the same for the same UID everywhere",
    ),
    ("UIDs of the standard, of terminologies, of published vendors' SOP Classes", "themselves"),
    (
        "dates (DA, DT)",
        "moved by the patient's number of days, with the precision they had; ranges and broken dates go",
    ),
    ("times (TM)", "themselves where the profile keeps them"),
    (
        "Code Value that cannot be a code of its scheme and says too much",
        "LOCAL and a keyed number, the same for the same value of a site; a local scheme with a name in it, 99LOCAL",
    ),
    ("dummies", "REMOVED, 0, 1, 000D, 19000101, 000000 by value representation, where the object must hold a value"),
)


def statement() -> Iterator[str]:
    """Yield the statement as lines of Markdown.

    References
    ----------
    DICOM PS3.15, section E.1 to E.3; PS3.2, section on security profiles.
    """
    yield f"Tables: PS3.15 Table E.1-1, Basic column {EDITION}, option columns {OPTIONS_EDITION};"
    yield f"Table E.3.10-1 {PRIVATE_EDITION}; PS3.3 as the generated table says."
    yield from ("", "## Options", "", "| code | option | what is done |", "|---|---|---|")
    for code, meaning in CODE_MEANINGS.items():
        yield f"| {code} | {meaning} | {DONE[code]} |"
    yield ""
    yield f"Each option is a file that a profile may extend: {', '.join(f'`{name}`' for name in shipped_options())}."
    yield from ("", "## Profiles", "")
    profiles = [load_profile(name) for name in shipped_profiles()]
    yield "| profile | " + " | ".join(CODE_MEANINGS) + " |"
    yield "|---|" + "---|" * len(CODE_MEANINGS)
    for profile in profiles:
        yield f"| {profile.id} | " + " | ".join("yes" if profile.has(code) else "" for code in CODE_MEANINGS) + " |"
    yield from ("", "## What takes the place of what", "", "| value | replaced by |", "|---|---|")
    yield from (f"| {value} | {new} |" for value, new in REPLACED)
    yield from ("", "## What an object then states", "", "| tag | attribute | value |", "|---|---|---|")
    yield from (f"| {tag} | {name} | {value} |" for tag, name, value in STAMPS)
    yield from _sop_classes()
    yield from _actions()
    yield from _private()


def _sop_classes() -> Iterator[str]:
    yield from ("", "## SOP Classes", "")
    yield "The gateway refuses objects of other SOP Classes."
    yield "`radcommons deid` makes such an object one that its modality and pixels tell, with a note, and treats it so."
    yield ""
    yield from ("| SOP Class | UID | read by |", "|---|---|---|")
    # a DICOMDIR has a definition without being an object
    objects = [uid for uid in SOP_CLASSES if (found := definition(uid)) is not None and 0x00080018 in found]
    for uid in sorted({*objects, *SUCCESSORS}, key=lambda uid: [int(part) for part in uid.split(".")]):
        yield f"| {UID(uid).name} | {uid} | {UID(SUCCESSORS[uid]).name if uid in SUCCESSORS else 'itself'} |"


def _actions() -> Iterator[str]:
    profiles = [load_profile(name) for name in shipped_profiles()]
    yield from ("", "## Actions by attribute", "")
    yield from (f"- {letter}: {meaning}" for letter, meaning in LETTERS.items())
    yield from ("", "Of several letters the object's definition decides: X for Type 3, Z for Type 2, D for Type 1.", "")
    yield "| attribute | tag | Table E.1-1 | " + " | ".join(profile.id for profile in profiles) + " |"
    yield "|---|---|---|" + "---|" * len(profiles)
    for tag, letters in sorted(BASIC.items()):
        if tag not in NO_LONGER_HOLDS:
            given = " | ".join(profile.action(tag) or "" for profile in profiles)
            yield f"| {name_of(tag)} | ({tag >> 16:04X},{tag & 0xFFFF:04X}) | {letters} | {given} |"
    yield ""
    names = ", ".join(f"{name_of(tag)} ({tag >> 16:04X},{tag & 0xFFFF:04X})" for tag in sorted(NO_LONGER_HOLDS))
    yield f"Removed under every profile, because they no longer hold or are the originals: {names}."


def _private() -> Iterator[str]:
    yield from ("", "## Safe private attributes", "", "| creator | tag | VR | meaning |", "|---|---|---|---|")
    for (creator, group, low), (vr, meaning) in sorted(SAFE.items()):
        yield f"| {creator} | ({group:04X},xx{low:02X}) | {vr} | {meaning} |"
