"""What a hub has loaded when it answers for the first time."""

from __future__ import annotations

import subprocess
import sys

_SAY = """
import sys
import radcommons.web.hub_app
before = {name for name in sys.modules if name.startswith("sqlalchemy.")}
import dbos, radcommons.web.working
print(*sorted(name for name in set(sys.modules) - before if name.startswith(("sqlalchemy.orm", "sqlalchemy.sql"))))
"""


def test_nothing_that_reads_statements_is_loaded_beside_requests() -> None:
    """The engine of jobs comes in another thread; it must not change SQLAlchemy while a request uses it."""
    done = subprocess.run([sys.executable, "-c", _SAY], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""
