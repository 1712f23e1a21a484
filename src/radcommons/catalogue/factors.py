"""Second factors: the secret of a phone, locked with the hub's key, and recovery codes."""

from __future__ import annotations

import time
from dataclasses import dataclass

import sqlalchemy as sa

from radcommons.catalogue.journal import tell
from radcommons.catalogue.tables_identity import recovery_code, second_factor
from radcommons.platform.clock import instant
from radcommons.platform.identity import RECOVERY_CODES, new_recovery_code, recovery_digest
from radcommons.platform.keys import SigningKey
from radcommons.platform.totp import accepted_step

_PURPOSE = "second factor"


@dataclass(frozen=True, slots=True, kw_only=True)
class Phone:
    """A second factor as its person's page shows it."""

    set_at: str
    codes_left: int


def phone_of(connection: sa.Connection, account: int) -> Phone | None:
    """Return an account's second factor, None where none is set."""
    set_at = connection.execute(
        sa.select(second_factor.c.set_at).where(second_factor.c.account_id == account)
    ).scalar_one_or_none()
    if set_at is None:
        return None
    unused = sa.and_(recovery_code.c.account_id == account, recovery_code.c.used_at.is_(None))
    left = connection.execute(sa.select(sa.func.count()).select_from(recovery_code).where(unused)).scalar_one()
    return Phone(set_at=set_at, codes_left=left)


def set_phone(connection: sa.Connection, account: int, *, secret: str, step: int, key: SigningKey) -> tuple[str, ...]:
    """Keep a secret that a first code has proved, and return fresh recovery codes, shown this once."""
    connection.execute(second_factor.delete().where(second_factor.c.account_id == account))
    locked = key.lock(secret, purpose=_PURPOSE)
    values = {"account_id": account, "secret": locked, "step": step, "set_at": instant()}
    connection.execute(second_factor.insert().values(values))
    tell("second-factor-set", connection, account)
    return _new_codes(connection, account)


def new_codes(connection: sa.Connection, account: int) -> tuple[str, ...]:
    """Return fresh recovery codes, shown this once; the earlier ones end."""
    tell("recovery-codes-made", connection, account)
    return _new_codes(connection, account)


def _new_codes(connection: sa.Connection, account: int) -> tuple[str, ...]:
    codes = tuple(new_recovery_code() for _ in range(RECOVERY_CODES))
    connection.execute(recovery_code.delete().where(recovery_code.c.account_id == account))
    rows = [{"digest": recovery_digest(account, code), "account_id": account} for code in codes]
    connection.execute(recovery_code.insert(), rows)
    return codes


def drop_phone(connection: sa.Connection, account: int, *, by: str) -> None:
    """Take a second factor away, its recovery codes included."""
    connection.execute(recovery_code.delete().where(recovery_code.c.account_id == account))
    if connection.execute(second_factor.delete().where(second_factor.c.account_id == account)).rowcount:
        tell("second-factor-removed", connection, account, by=by)


def takes_code(connection: sa.Connection, account: int, *, code: str, key: SigningKey) -> bool:
    """Say whether a code of the phone, or an unused recovery code, fits; either is good once."""
    mine = second_factor.c.account_id == account
    row = connection.execute(sa.select(second_factor).where(mine).with_for_update()).one_or_none()
    if row is None:
        return False
    secret = key.unlock(row.secret, purpose=_PURPOSE)
    step = accepted_step(code, secret=secret, now=time.time(), after=row.step)
    if step is not None:
        connection.execute(second_factor.update().where(mine).values(step=step))
        return True
    unused = sa.and_(
        recovery_code.c.digest == recovery_digest(account, code),
        recovery_code.c.account_id == account,
        recovery_code.c.used_at.is_(None),
    )
    if connection.execute(recovery_code.update().where(unused).values(used_at=instant())).rowcount:
        tell("recovery-code-used", connection, account)
        return True
    return False
