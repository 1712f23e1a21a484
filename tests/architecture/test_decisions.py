"""Decisions that hold by structure: who names a table, who opens a store, and what is never imported."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SOURCE = ROOT / "src" / "radcommons"


def _trees() -> Iterator[tuple[str, ast.Module]]:
    for path in sorted(SOURCE.rglob("*.py")):
        yield str(path.relative_to(SOURCE)), ast.parse(path.read_text("utf-8"))


def _imported(tree: ast.Module) -> set[str]:
    names = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    return names | {node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}


def _full_names(node: ast.AST) -> set[str]:
    if isinstance(node, ast.Import):
        return {alias.name for alias in node.names}
    return {f"{node.module}.{alias.name}" for alias in node.names} if isinstance(node, ast.ImportFrom) else set()


def _called(tree: ast.Module) -> set[str]:
    calls = (node.func for node in ast.walk(tree) if isinstance(node, ast.Call))
    return {getattr(call, "id", getattr(call, "attr", "")) for call in calls}


def test_only_the_catalogue_names_its_tables() -> None:
    """No zone and no route writes a condition over the hub's tables: they call the catalogue's queries (0007, 0009)."""
    named: dict[str, set[str]] = {}
    for place, tree in _trees():
        for node in ast.walk(tree):
            if isinstance(node, ast.ImportFrom) and node.module == "radcommons.catalogue.tables":
                named.setdefault(place, set()).update(alias.name for alias in node.names)
            elif "radcommons.catalogue.tables" in _full_names(node):
                named.setdefault(place, set()).add("tables")
    assert [place for place in named if place.startswith("catalogue/")], "the catalogue itself names them"
    # The job engine's relay is handed the outbox, and reads nothing else.
    found = {place: names - {"outbox"} for place, names in named.items() if not place.startswith("catalogue/")}
    assert {place: names for place, names in found.items() if names} == {}


# Where a process begins: there, and nowhere else, ports are made from settings.
BEGINNINGS = {
    "make_engine": {"platform/ports.py", "platform/jobs.py", "cli/"},
    "open_objects": {"platform/ports.py", "hub/work.py"},
    "open_platform": {"web/", "cli/"},
}


@pytest.mark.parametrize("opener", sorted(BEGINNINGS))
def test_ports_are_made_where_a_process_begins(opener: str) -> None:
    """Verbs are given their database and their object store; they never open one themselves (0008)."""
    callers = {place for place, tree in _trees() if opener in _called(tree)}
    allowed = tuple(BEGINNINGS[opener])
    assert {place for place in callers if not place.startswith(allowed)} == set()


def test_no_state_is_kept_in_globals() -> None:
    """No function rebinds a module's name, so two hubs in one process do not meet (0008)."""
    found = [place for place, tree in _trees() if any(isinstance(node, ast.Global) for node in ast.walk(tree))]
    assert found == []


def test_the_image_stack_around_the_network_is_never_imported() -> None:
    """Text detection reads one file out of a wheel; its package and OpenCV are neither imported nor locked (0013)."""
    foreign = {"rapidocr", "cv2"}
    found = [place for place, tree in _trees() if foreign & {name.split(".")[0] for name in _imported(tree)}]
    assert found == []
    assert '[[package]]\nname = "opencv-python"' not in (ROOT / "uv.lock").read_text("utf-8")


def test_the_job_engine_is_known_to_one_file() -> None:
    """Another engine would change `platform/jobs.py` alone (0014)."""
    assert [place for place, tree in _trees() if "dbos" in _imported(tree)] == ["platform/jobs.py"]
