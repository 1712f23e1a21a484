"""The documentation holds what it promises: decisions name living tests, links lead somewhere."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
DECISIONS = sorted((ROOT / "docs" / "decisions").glob("[0-9]*.md"))
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
SECTIONS = ("Status", "Context", "Decision", "Alternatives", "Consequences", "Enforced by")


def test_there_are_ten_decisions() -> None:
    """The first ten decisions are written down."""
    assert len(DECISIONS) >= 10


@pytest.mark.parametrize("path", DECISIONS, ids=lambda path: path.stem)
def test_decision_is_enforced_by_tests_that_exist(path: Path) -> None:
    """A decision has every section, and each test that it names exists."""
    text = path.read_text("utf-8")
    assert [name for name in SECTIONS if f"## {name}" not in text] == []
    named = re.findall(r"`(tests/[\w/]+\.py)(?:::(\w+))?`", text.split("## Enforced by")[1])
    assert named, "an ADR names the test that enforces it"
    for file, function in named:
        assert (ROOT / file).is_file(), file
        assert not function or re.search(rf"(def|class) {function}\b", (ROOT / file).read_text("utf-8")), function


@pytest.mark.parametrize("path", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_lead_somewhere(path: Path) -> None:
    """Each relative link of a page names a file that is there."""
    targets = re.findall(r"\]\((?!https?:|mailto:|#)([^)#\s]+)", path.read_text("utf-8"))
    assert [target for target in targets if not (path.parent / target).exists()] == []
