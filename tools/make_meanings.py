"""Write the code meanings of the standard that the text lexicon does not cover: rare anatomy, agents, methods.

They are those of the context groups of PS3.16, as pydicom (MIT) carries them; meanings made of the lexicon's words need
no listing.  Run it again when the lexicon changes.
"""

from __future__ import annotations

import argparse
from importlib.metadata import version
from pathlib import Path

from pydicom.sr._concepts_dict import concepts

from radcommons.dicom.manners import TERMINOLOGIES
from radcommons.dicom.text import Cleaner, Manner
from radcommons.dicom.text_fold import fold
from radcommons.dicom.text_identity import KnownIdentity

TARGET = Path(__file__).resolve().parent.parent / "src" / "radcommons" / "dicom" / "_tables" / "meanings.txt"


def text() -> str:
    """Return the file: a heading, then scheme, code and folded meaning in each line."""
    cleaner = Cleaner(KnownIdentity(), keeps_unknown_words=False)
    lines = {
        f"{scheme}|{value}|{fold(meaning)}"
        for scheme in sorted(TERMINOLOGIES & concepts.keys())
        for codes in concepts[scheme].values()
        for value, (meaning, _) in codes.items()  # type: ignore[attr-defined]
        if cleaner.clean(meaning, Manner.DESCRIPTOR).changed
    }
    heading = f"Meanings of codes in PS3.16, by tools/make_meanings.py from pydicom {version('pydicom')} (MIT)."
    return "\n".join([heading, *sorted(lines)]) + "\n"


def main() -> None:
    """Write the table, or say whether it is up to date."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="only say whether the file is what it should be")
    if parser.parse_args().check:
        raise SystemExit(TARGET.read_text(encoding="utf-8") != text())
    TARGET.write_text(text(), encoding="utf-8")


if __name__ == "__main__":
    main()
