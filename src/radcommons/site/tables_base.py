"""The one schema of the hospital's store, on which each file of tables puts its own."""

from __future__ import annotations

import sqlalchemy as sa

metadata = sa.MetaData()
