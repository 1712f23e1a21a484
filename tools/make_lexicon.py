"""Write the part of the text lexicon that comes from the standard: words of anatomy, views, agents and attributes.

The words are those of the context groups of PS3.16 named below and of the attribute names of PS3.6, as pydicom (MIT)
carries them.  Personal names are no part of either, apart from the few words in `NAMES`, which are left out.
"""

from __future__ import annotations

import argparse
import re
from importlib.metadata import version
from pathlib import Path

from pydicom._dicom_dict import DicomDictionary
from pydicom.sr._cid_dict import cid_concepts

TARGET = Path(__file__).resolve().parent.parent / "src" / "radcommons" / "dicom" / "_tables" / "words.py"
# anatomy, sides, views, modalities, contrast and routes, chest findings, segmentation kinds, measurements
GROUPS = (
    4, 5, 11, 12, 13, 19, 20, 21, 23, 29, 244, 4005, 4009, 4010, 4011, 4012, 4013, 4014, 4015, 4016, 4017, 4028, 4029,
    4030, 4031, 4032, 4033, 4040, 4042, 6101, 6102, 6103, 6104, 6105, 6109, 6110, 6111, 6112, 6113, 6114, 6115, 7150,
    7151, 7152, 7153, 7154, 7155, 7156, 7157, 7158, 7159, 7160, 7161, 7166, 7168, 7169, 7192, 7194, 7195, 7196, 7461,
    7462, 7465, 7466, 7467, 7468, 7469, 10003, 10013, 10014, 10020,
)  # fmt: skip
# Words that are a person as often: those after whom views are called, given names, surnames that are words.
NAMES = """
albers alexander ala apple arcelin ball barton beath beclere beer bertel blackett boyd branch brewerton bridge
broden bunn burman cahoon caldwell camp carrier chair chamberlain chassard chausse cleaves cockett colcher
couinaud coventry cruz danelius dodd dunlap elm ferguson fisk fleischner foster friedman fuchs garth gaynor
george giacomini grandy grashey gray haas harper harris hart healy henschen hickey hirtz holly holmblad hough
hsieh hughston hunterian iris isherwood james janma jones judd judet kandel kasabach kemp kerley kite kovacs
kuchendorf kurzbauer laquerriere lauenstein law lawrence leonard lewis lilienfeld lindblom lorenz lysholm mark
may mayer merchant moore nakayama neer nolke norgaard ottonello page pawlow pearson penner pierquin pirie price
rafert rank red rhese robert rosen rosenberg sar schonberg schuller settegast staunig stecher stenvers stryker
sussman swanson tarrant taylor teufel titterington towne trendelenburg turcica twining valdini wall ward waters
welder west wigby willis wolf zanelli young brown white black green rose grant frank dean noble smith graves
baker miller crusher holder speed field bond long bird
"""


def words() -> set[str]:
    """Return the words of three letters and more, in lower case."""
    names = [keyword for group in GROUPS for scheme in cid_concepts.get(group, {}).values() for keyword in scheme]
    names += [entry[4] for entry in DicomDictionary.values()]
    found = (part for name in names for part in re.findall(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])", name))
    return {word.lower() for word in found if len(word) >= 3} - set(NAMES.split())


def text() -> str:
    """Return the generated module."""
    lines, line = [], ""
    for word in sorted(words()):
        if len(line) + len(word) > 110:
            lines.append(line.strip())
            line = ""
        line += f" {word}"
    lines.append(line.strip())
    head = [
        '"""Words of DICOM PS3.16 context groups and PS3.6 attribute names. Generated: do not edit.',
        "",
        f"Made by tools/make_lexicon.py from pydicom {version('pydicom')} (MIT).",
        '"""',
        "",
        'WORDS = """',
    ]
    return "\n".join([*head, *lines, '"""', ""])


def main() -> None:
    """Write the table."""
    argparse.ArgumentParser(description=__doc__).parse_args()
    TARGET.write_text(text(), encoding="utf-8")


if __name__ == "__main__":
    main()
