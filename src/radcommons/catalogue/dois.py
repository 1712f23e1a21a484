"""The DOIs of releases, as DataCite has taken them."""

from __future__ import annotations

import sqlalchemy as sa

from radcommons.catalogue import tables as t
from radcommons.catalogue.tables_incidents import release_doi
from radcommons.platform.clock import instant
from radcommons.platform.database import insert_new


def minted(connection: sa.Connection, release: str) -> str:
    """Return the DOI of a release, empty while it has none."""
    return connection.execute(sa.select(release_doi.c.doi).where(release_doi.c.release_id == release)).scalar() or ""


def keep(connection: sa.Connection, release: str, *, doi: str) -> None:
    """Note that a DOI resolves to a release."""
    insert_new(connection, release_doi, [{"release_id": release, "doi": doi, "minted_at": instant()}])


def lacking(connection: sa.Connection) -> list[str]:
    """Return the releases without a DOI."""
    done = sa.select(release_doi.c.release_id)
    return list(connection.execute(sa.select(t.release.c.id).where(t.release.c.id.notin_(done))).scalars())
