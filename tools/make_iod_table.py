"""Write the attributes of each object definition (PS3.3) by SOP Class, from the tables inside highdicom (MIT).

Most modules repeat the same nested sequences (a code sequence alone has thirty attributes), so equal item definitions
are stored once: the 100,000 rows of the source become some 1,100 definitions.
"""

from __future__ import annotations

import argparse
import json
from importlib.metadata import version
from importlib.resources import files
from pathlib import Path
from typing import Any

from pydicom.datadict import tag_for_keyword

TARGET = Path(__file__).resolve().parent.parent / "src" / "radcommons" / "dicom" / "_tables" / "iods.py"
Definition = tuple[tuple[int, str, int], ...]


def source(name: str) -> Any:
    """Return one JSON table of the installed highdicom."""
    return json.loads(files("highdicom").joinpath("_standard", name).read_text(encoding="utf-8"))


class Definitions:
    """Item definitions, each stored once; number 0 is the empty one."""

    def __init__(self) -> None:
        self.numbers: dict[Definition, int] = {(): 0}

    def add(self, tree: dict[str, Any]) -> int:
        """Return the number of a tree {keyword: [type, tree]}."""
        rows = []
        for keyword, (kind, children) in tree.items():
            tag = tag_for_keyword(keyword)
            if tag is not None:  # curves and overlays are repeating groups and have no single tag
                rows.append((int(tag), kind, self.add(children)))
        return self.numbers.setdefault(tuple(sorted(rows)), len(self.numbers))


def module_tree(attributes: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the nested attributes of one module, with the strictest of 1, 2 and 3 where one stands twice."""
    root: dict[str, Any] = {}
    for attribute in attributes:
        tree = root
        for keyword in attribute["path"]:
            tree = tree.setdefault(keyword, ["3", {}])[1]
        entry = tree.setdefault(attribute["keyword"], ["3", {}])
        entry[0] = min(entry[0], attribute["type"])
    return root


def text() -> str:
    """Return the generated module."""
    modules, iods, classes = (
        source(f"{name}_map.json") for name in ("module_attribute", "iod_module", "sop_class_iod")
    )
    used = sorted({entry["key"] for iod in set(classes.values()) for entry in iods[iod]})
    definitions = Definitions()
    roots = {module: definitions.add(module_tree(modules.get(module, []))) for module in used}
    lines = [
        '"""Attributes of each object definition of DICOM PS3.3, by SOP Class. Generated: do not edit.',
        "",
        "Made by tools/make_iod_table.py from",
        f"highdicom {version('highdicom')} (MIT), module_attribute_map, iod_module_map and sop_class_iod_map.",
        "",
        "A definition is a string of `ggggeeee:TYPE:ITEMS`: a tag, its type, the number of its items' definition.",
        '"""',
        "",
        "DEFINITIONS: tuple[str, ...] = (",
    ]
    for definition in definitions.numbers:
        lines.append('    "' + " ".join(f"{tag:08X}:{kind}:{items}" for tag, kind, items in definition) + '",')
    lines += [")", "", "MODULES: dict[str, int] = {"]
    lines += [f'    "{module}": {number},' for module, number in roots.items()]
    lines += ["}", "", "IODS: dict[str, str] = {"]
    for iod in sorted(set(classes.values())):
        # a module whose use is mandatory is marked, because only there a Type 1 attribute must be present
        named = " ".join(entry["key"] + ("!" if entry["usage"] == "M" else "") for entry in iods[iod])
        lines.append(f'    "{iod}": "{named}",')
    lines += ["}", "", "SOP_CLASSES: dict[str, str] = {"]
    lines += [f'    "{uid}": "{iod}",' for uid, iod in sorted(classes.items())]
    return "\n".join([*lines, "}", ""])


def main() -> None:
    """Write the table."""
    argparse.ArgumentParser(description=__doc__).parse_args()
    TARGET.write_text(text(), encoding="utf-8")


if __name__ == "__main__":
    main()
