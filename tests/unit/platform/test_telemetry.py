"""Logging never stands in the way of what it tells of."""

from __future__ import annotations

import subprocess
import sys

_PROGRAM = """
import structlog
from radcommons.platform.telemetry import configure_logging
configure_logging()
log = structlog.get_logger()
log.info("one", number=1)
log.error("two")
print("went on")
"""


def test_a_line_is_json_on_standard_error() -> None:
    """One object a line, with level and time."""
    told = subprocess.run([sys.executable, "-c", _PROGRAM], capture_output=True, text=True, check=True)
    assert told.stdout == "went on\n"
    first, second = told.stderr.splitlines()
    assert all(part in first for part in ('"event": "one"', '"number": 1', '"level": "info"'))
    assert '"event": "two"' in second


def test_a_full_disk_loses_the_line_alone() -> None:
    """Where standard error is a file on a full disk, the program goes on."""
    with open("/dev/full", "wb") as full:  # noqa: PTH123  (a device)
        told = subprocess.run([sys.executable, "-c", _PROGRAM], stdout=subprocess.PIPE, stderr=full, text=True)
    assert (told.returncode, told.stdout) == (0, "went on\n")
