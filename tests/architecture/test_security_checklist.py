"""The security checklist names tests that exist, and each item once told is shown by one."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "explanation" / "security-checklist.md"


def test_each_named_test_exists() -> None:
    """Every test that the checklist names is there under that name."""
    named = re.findall(r"`(tests/[\w/]+\.py)(?:::(\w+))?`", PAGE.read_text("utf-8"))
    assert len(named) > 50
    missing = {
        (file, function)
        for file, function in named
        if not (ROOT / file).is_file()
        or (function and not re.search(rf"^def {function}\(", (ROOT / file).read_text("utf-8"), re.MULTILINE))
    }
    assert missing == set()


def test_each_item_is_shown_by_a_test() -> None:
    """A row with an item's number names a test."""
    rows = [line for line in PAGE.read_text("utf-8").splitlines() if re.match(r"\| \d+\.\d+\.\d+", line)]
    assert len(rows) > 45
    assert [row for row in rows if "`tests/" not in row] == []
