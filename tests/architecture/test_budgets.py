"""Code budgets: files and functions stay short, everything public is documented."""

from __future__ import annotations

import ast
import statistics
from collections.abc import Iterator
from pathlib import Path

SOURCE = Path(__file__).resolve().parents[2] / "src" / "radcommons"
FILE_LINES, FUNCTION_LINES = 400, 60
Function = ast.FunctionDef | ast.AsyncFunctionDef


def _modules() -> Iterator[tuple[Path, ast.Module]]:
    for path in sorted(SOURCE.rglob("*.py")):
        if "_tables" not in path.parts and "migrations" not in path.parts:
            yield path, ast.parse(path.read_text("utf-8"))


def _functions(tree: ast.Module) -> Iterator[Function]:
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def _length(function: Function) -> int:
    """Count the lines of the body without its docstring."""
    body = function.body[1:] if ast.get_docstring(function) else function.body
    return (body[-1].end_lineno or 0) - body[0].lineno + 1 if body else 0


def test_files_are_short() -> None:
    """No file of code is longer than 400 lines; tables are apart."""
    long = {
        str(path.relative_to(SOURCE)): lines
        for path, _ in _modules()
        if (lines := len(path.read_text("utf-8").splitlines())) > FILE_LINES
    }
    assert long == {}


def test_functions_are_short() -> None:
    """No function is longer than 60 lines; nine of ten stay within 30, half within 12."""
    lengths = {
        f"{path.relative_to(SOURCE)}:{function.name}": _length(function)
        for path, tree in _modules()
        for function in _functions(tree)
    }
    assert {name: lines for name, lines in lengths.items() if lines > FUNCTION_LINES} == {}
    ordered = sorted(lengths.values())
    assert ordered[int(len(ordered) * 0.9)] <= 30
    assert statistics.median(ordered) <= 12


def test_everything_public_is_documented() -> None:
    """Each public module, class and function says what it is."""
    bare = []
    for path, tree in _modules():
        place = str(path.relative_to(SOURCE))
        if not ast.get_docstring(tree):
            bare.append(place)
        for node in tree.body:
            if isinstance(node, Function | ast.ClassDef) and not node.name.startswith("_"):
                if not ast.get_docstring(node):
                    bare.append(f"{place}:{node.name}")
                members = node.body if isinstance(node, ast.ClassDef) else []
                bare += [
                    f"{place}:{node.name}.{member.name}"
                    for member in members
                    if isinstance(member, Function)
                    and not member.name.startswith("_")
                    and not ast.get_docstring(member)
                ]
    assert bare == []


def test_names_are_the_fields_own() -> None:
    """No module is called after nothing in particular."""
    vague = {"utils", "util", "helpers", "helper", "manager", "misc", "common"}
    assert [str(path.relative_to(SOURCE)) for path, _ in _modules() if path.stem in vague] == []
