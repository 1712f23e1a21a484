"""Passkeys of accounts: the public halves of keys that people's devices hold."""

from __future__ import annotations

from dataclasses import dataclass

import sqlalchemy as sa

from radcommons.catalogue import tables as t
from radcommons.catalogue.journal import tell
from radcommons.catalogue.tables_identity import passkey
from radcommons.platform.clock import instant
from radcommons.records.errors import Conflict, NotFound


@dataclass(frozen=True, slots=True, kw_only=True)
class Passkey:
    """One passkey; `credential` and `public_key` in base64url, `uses` as the device counts."""

    number: int
    account: int
    credential: str
    public_key: str
    uses: int
    name: str
    created_at: str
    last_used_at: str | None


def _passkey(row: sa.Row[tuple[object, ...]]) -> Passkey:
    return Passkey(
        number=row.id,
        account=row.account_id,
        credential=row.credential,
        public_key=row.public_key,
        uses=row.uses,
        name=row.name,
        created_at=row.created_at,
        last_used_at=row.last_used_at,
    )


def of_account(connection: sa.Connection, account: int) -> list[Passkey]:
    """Return an account's passkeys, the oldest first."""
    rows = connection.execute(sa.select(passkey).where(passkey.c.account_id == account).order_by(passkey.c.id))
    return [_passkey(row) for row in rows]


def of_credential(connection: sa.Connection, credential: str) -> Passkey | None:
    """Return the passkey of a credential whose account is not disabled."""
    live = sa.and_(passkey.c.credential == credential, t.account.c.disabled_at.is_(None))
    query = sa.select(passkey).join(t.account, t.account.c.id == passkey.c.account_id).where(live).with_for_update()
    row = connection.execute(query).one_or_none()
    return _passkey(row) if row is not None else None


def add(connection: sa.Connection, account: int, *, credential: str, public_key: str, uses: int, name: str) -> None:
    """Keep a new passkey.

    Raises
    ------
    Conflict
        If it is known: a device that holds one makes no second for the same account.
    """
    values = {
        "account_id": account,
        "credential": credential,
        "public_key": public_key,
        "uses": uses,
        "name": name,
        "created_at": instant(),
    }
    try:
        with connection.begin_nested():
            connection.execute(passkey.insert().values(values))
    except sa.exc.IntegrityError:
        raise Conflict("This passkey is known.", mend="Use it to sign in.") from None
    tell("passkey-added", connection, account)


def used(connection: sa.Connection, number: int, *, uses: int) -> None:
    """Note that a passkey signed."""
    connection.execute(passkey.update().where(passkey.c.id == number).values(uses=uses, last_used_at=instant()))


def remove(connection: sa.Connection, account: int, number: int) -> None:
    """Take a passkey of an account away.

    Raises
    ------
    NotFound
        If the account has no such passkey.
    """
    mine = sa.and_(passkey.c.id == number, passkey.c.account_id == account)
    if not connection.execute(passkey.delete().where(mine)).rowcount:
        raise NotFound("There is no such passkey.")
    tell("passkey-removed", connection, account)
