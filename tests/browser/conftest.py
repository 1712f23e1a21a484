"""A real browser for every file of this folder."""

from __future__ import annotations

import shutil
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, sync_playwright

# What a page of ours needs; a file that shows images by WebGL has flags of its own.
PLAIN = ("--no-sandbox", "--disable-gpu")


@pytest.fixture(scope="module")
def flags() -> tuple[str, ...]:
    """Return how Chromium is started."""
    return PLAIN


@pytest.fixture(scope="module")
def browser(flags: tuple[str, ...]) -> Iterator[Browser]:
    """The system's Chromium; the one without windows takes half of a processor less."""
    names = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome")
    found = next(filter(None, map(shutil.which, names)), None)
    if found is None:
        pytest.fail("no Chromium is installed; on Debian: apt-get install chromium")
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=found, args=list(flags))
        yield started
        started.close()
