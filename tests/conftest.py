"""Fixtures that every kind of test may use."""

from __future__ import annotations

from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The real images beside the checkout; a test that needs them fails loudly without."""
    found = REPOSITORY.parent / "shared" / "data"
    if not (found / "MANIFEST.csv").is_file():
        pytest.fail(f"the shared test data are missing: expected {found}/MANIFEST.csv beside the checkout")
    return found
