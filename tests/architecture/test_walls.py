"""The walls of the house: arrows between rooms, no circles, and nothing that gets around them."""

from __future__ import annotations

import ast
import re
import subprocess
from pathlib import Path

import grimp
import pytest

ROOT = Path(__file__).resolve().parents[2]
SOURCE = ROOT / "src" / "radcommons"


@pytest.fixture(scope="module")
def graph() -> grimp.ImportGraph:
    """Every import between the product's modules, deferred ones included."""
    return grimp.build_graph("radcommons", cache_dir=None)


def _strongly_connected(graph: grimp.ImportGraph) -> list[set[str]]:
    """Return the groups of modules that import each other in a circle (Tarjan 1972, without recursion)."""
    index: dict[str, int] = {}
    low: dict[str, int] = {}
    stack: list[str] = []
    circles: list[set[str]] = []
    for root in sorted(graph.modules):
        if root in index:
            continue
        work = [(root, iter(sorted(graph.find_modules_directly_imported_by(root))))]
        index[root] = low[root] = len(index)
        stack.append(root)
        while work:
            module, following = work[-1]
            target = next(following, None)
            if target is None:
                work.pop()
                if work:
                    low[work[-1][0]] = min(low[work[-1][0]], low[module])
                if low[module] == index[module]:
                    group = set(stack[stack.index(module) :])
                    del stack[stack.index(module) :]
                    if len(group) > 1:
                        circles.append(group)
            elif target not in index:
                index[target] = low[target] = len(index)
                stack.append(target)
                work.append((target, iter(sorted(graph.find_modules_directly_imported_by(target)))))
            elif target in stack:
                low[module] = min(low[module], index[target])
    return circles


def test_no_module_imports_in_a_circle(graph: grimp.ImportGraph) -> None:
    """No two modules import each other, directly or round a corner."""
    assert _strongly_connected(graph) == []


def test_circle_finder_finds_a_circle() -> None:
    """The check above can fail."""
    graph = grimp.ImportGraph()
    for module in ("a", "b", "c"):
        graph.add_module(module)
    graph.add_import(importer="a", imported="b")
    graph.add_import(importer="b", imported="c")
    graph.add_import(importer="c", imported="a")
    assert _strongly_connected(graph) == [{"a", "b", "c"}]


def test_the_hub_process_cannot_name_a_patient(graph: grimp.ImportGraph) -> None:
    """Nothing that the hub or a researcher's client runs reaches the hospital's room, even through other files."""
    inside = {module for module in graph.modules if module.startswith("radcommons.site")}
    allowed = {"radcommons.cli.site", "radcommons.cli.deid", "radcommons.web.site_app"} | inside
    # Parts of cli.site: that nobody else imports them, the same check tells of whoever did.
    allowed |= {module for module in graph.modules if module.startswith("radcommons.cli.site_")}
    reaching = {module for room in inside for module in graph.find_downstream_modules(room) if module not in allowed}
    assert reaching == set()


def test_the_hospital_never_reaches_the_hubs_tables(graph: grimp.ImportGraph) -> None:
    """The gateway holds no way into the catalogue."""
    upstream: set[str] = set()
    for module in graph.modules:
        if module.startswith(("radcommons.site", "radcommons.cli.site", "radcommons.web.site_app")):
            upstream |= graph.find_upstream_modules(module)
    assert {module for module in upstream if module.startswith("radcommons.catalogue")} == set()


def test_modules_named_as_text_stay_at_the_command_table() -> None:
    """Imports by name get around the walls, so one file alone may make them."""
    found = [
        str(path.relative_to(SOURCE))
        for path in SOURCE.rglob("*.py")
        if re.search(r"import_module\(|__import__\(", path.read_text("utf-8"))
    ]
    assert found == ["cli/main.py"]


def test_nothing_of_this_machine_is_in_the_repository() -> None:
    """No absolute path of a developer's machine stands in a tracked file."""
    tracked = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout.split()
    here = str(ROOT.parent) + "/"
    found = [
        name
        for name in tracked
        if (ROOT / name).is_file() and here.encode() in (ROOT / name).read_bytes() and here != "/"
    ]
    assert found == []


def test_prints_stay_in_the_command_line() -> None:
    """Only `cli/` writes to the terminal."""
    found = []
    for path in SOURCE.rglob("*.py"):
        if path.is_relative_to(SOURCE / "cli"):
            continue
        calls = (node for node in ast.walk(ast.parse(path.read_text("utf-8"))) if isinstance(node, ast.Call))
        found += [str(path.relative_to(SOURCE)) for call in calls if getattr(call.func, "id", "") == "print"]
    assert found == []
