"""Sites and datasets: who sends, and into which line of releases."""

from __future__ import annotations

import base64
from dataclasses import dataclass

import sqlalchemy as sa

from radcommons.catalogue import tables as t
from radcommons.platform.clock import instant
from radcommons.records.documents import parse, plain
from radcommons.records.errors import Conflict, NotFound
from radcommons.records.terms import Terms, Tier

# Of what a society loads directly, unless its dataset says otherwise: the terms of the published collections it has.
DEFAULT_TERMS = Terms(license="CC-BY-4.0")
# Stands for the origin of what came with a direct token that names no site.
DIRECT_SITE = "DIRECT"


@dataclass(frozen=True, slots=True, kw_only=True)
class Dataset:
    """A named line of releases."""

    name: str
    title: str
    tier: Tier
    steward: str
    terms: Terms


def create_dataset(connection: sa.Connection, dataset: Dataset) -> None:
    """Add a dataset.

    Raises
    ------
    Conflict
        If the name is taken.
    """
    if find_dataset(connection, dataset.name) is not None:
        raise Conflict("There is a dataset of this name.", mend="Choose another name.")
    connection.execute(
        t.dataset.insert().values(
            name=dataset.name,
            title=dataset.title,
            tier=dataset.tier,
            steward=dataset.steward,
            terms=plain(dataset.terms),
            created_at=instant(),
        )
    )


def find_dataset(connection: sa.Connection, name: str) -> Dataset | None:
    """Return a dataset by name."""
    row = connection.execute(sa.select(t.dataset).where(t.dataset.c.name == name)).one_or_none()
    if row is None:
        return None
    return Dataset(
        name=row.name, title=row.title, tier=Tier(row.tier), steward=row.steward, terms=parse(Terms, row.terms)
    )


def get_dataset(connection: sa.Connection, name: str) -> Dataset:
    """Return a dataset by name.

    Raises
    ------
    NotFound
        If there is none.
    """
    found = find_dataset(connection, name)
    if found is None:
        raise NotFound("There is no such dataset.", mend="Ask the coalition which datasets it has.")
    return found


def dataset_names(connection: sa.Connection) -> list[str]:
    """Return the names of all datasets."""
    return list(connection.execute(sa.select(t.dataset.c.name).order_by(t.dataset.c.name)).scalars())


def register_key(connection: sa.Connection, code: str, *, name: str, public_key: bytes) -> bool:
    """Keep a site's public key; say whether it is new.

    Raises
    ------
    Conflict
        If the site has registered another key.
    """
    lock_site(connection, code, exclusive=True)
    row = connection.execute(sa.select(t.site).where(t.site.c.code == code)).one_or_none()
    encoded = base64.b64encode(public_key).decode()
    if row is None:
        connection.execute(
            t.site.insert().values(code=code, name=name or code, public_key=encoded, created_at=instant())
        )
        return True
    if row.public_key == encoded:
        return False
    if row.public_key is not None:
        raise Conflict(
            "This site has registered another key.", mend="Restore the site's key from its backup, or ask the hub."
        )
    connection.execute(t.site.update().where(t.site.c.code == code).values(public_key=encoded, name=name or row.name))
    return True


def site_key(connection: sa.Connection, code: str) -> bytes | None:
    """Return a site's registered public key, None when it has none."""
    found = connection.execute(sa.select(t.site.c.public_key).where(t.site.c.code == code)).scalar_one_or_none()
    return base64.b64decode(found) if found else None


def ensure_site(connection: sa.Connection, code: str) -> None:
    """Add a site by its code where it is new."""
    if connection.execute(sa.select(t.site.c.code).where(t.site.c.code == code)).one_or_none() is None:
        connection.execute(t.site.insert().values(code=code, name=code, created_at=instant()))


def lock_site(connection: sa.Connection, code: str, *, exclusive: bool) -> None:
    """Hold a site's row until the transaction ends (PostgreSQL; SQLite has one writer anyway).

    Storing bytes holds it shared, announcing and withdrawing exclusively: so neither can miss what the other writes.
    """
    connection.execute(sa.select(t.site.c.code).where(t.site.c.code == code).with_for_update(read=not exclusive))
