"""How often a password or a code may be tried: counted in the database, so that all processes know.

Three counts stand against a guesser: of an account from an address, of an account from anywhere, and of an address for
any account. Each leaves some tries free and then doubles the wait up to a quarter of an hour, so nobody is locked out
for good; and whoever has signed in from an address of late is held up there by the tries from that address alone, so a
stranger's tries keep no administrator out.
"""

from __future__ import annotations

import hashlib
import ipaddress
import math
import time
from dataclasses import dataclass

import sqlalchemy as sa

from radcommons.catalogue.tables_identity import attempt
from radcommons.platform.database import insert_new
from radcommons.platform.identity import wait_after
from radcommons.records.errors import TooManyTries

FIRST_WAIT_S, LONGEST_WAIT_S = 15.0, 900.0
# Free tries of an account from one address, of an account from everywhere, and of one address.
FREE_HERE, FREE_ANYWHERE, FREE_ADDRESS = 5, 20, 30
_FORGOTTEN_S = 24 * 3600.0
_KNOWN_S = 30 * 24 * 3600.0


@dataclass(frozen=True, slots=True)
class _Count:
    bucket: str
    free: int


def _bucket(*parts: str) -> str:
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def network(address: str) -> str:
    """Return the network that counts as one address: a household has 2^64 addresses of IPv6."""
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return address
    return str(found if found.version == 4 else ipaddress.ip_network(f"{address}/64", strict=False))


def _counts(purpose: str, who: str, address: str) -> tuple[_Count, _Count, _Count]:
    place = network(address)
    return (
        _Count(_bucket(purpose, "here", who, place), FREE_HERE),
        _Count(_bucket(purpose, "anywhere", who), FREE_ANYWHERE),
        _Count(_bucket(purpose, "address", place), FREE_ADDRESS),
    )


def begin_try(connection: sa.Connection, purpose: str, *, who: str, address: str) -> None:
    """Count a try before it is judged, so that many at once are counted as well; `succeeded` takes it back.

    Parameters
    ----------
    connection : sqlalchemy.Connection
        Of a transaction of its own: the count must stay whatever becomes of the try.
    purpose : str
        What is tried, such as ``password``.
    who : str
        The account, or the address that was typed: an unknown one is counted in the same way.
    address : str
        From where.

    Raises
    ------
    TooManyTries
        If the next try has to wait.
    """
    counts, now = _counts(purpose, who, address), time.time()
    rows = _rows(connection, counts)
    here = rows[counts[0].bucket]
    is_known = now - here.succeeded_at < _KNOWN_S
    for count in counts:
        row = rows[count.bucket]
        wait = min(row.blocked_until - now, LONGEST_WAIT_S)
        if wait > 0 and not (is_known and count is counts[1]):
            seconds = math.ceil(wait)
            raise TooManyTries(f"There were too many tries; the next is taken in {seconds} seconds.", wait_s=seconds)
    for count in counts:
        row = rows[count.bucket]
        failures = (row.failures if now - row.tried_at < _FORGOTTEN_S else 0) + 1
        wait = wait_after(failures, free=count.free, first_s=FIRST_WAIT_S, longest_s=LONGEST_WAIT_S)
        _write(connection, count.bucket, failures=failures, blocked_until=now + wait if wait else 0.0, tried_at=now)


def succeeded(connection: sa.Connection, purpose: str, *, who: str, address: str) -> None:
    """Forget an account's wrong tries, and take this one back from the address's."""
    here, anywhere, place = _counts(purpose, who, address)
    _write(connection, here.bucket, failures=0, blocked_until=0.0, succeeded_at=time.time())
    _write(connection, anywhere.bucket, failures=0, blocked_until=0.0)
    less = sa.case((attempt.c.failures > 0, attempt.c.failures - 1), else_=0)
    connection.execute(attempt.update().where(attempt.c.bucket == place.bucket).values(failures=less))


def _rows(connection: sa.Connection, counts: tuple[_Count, ...]) -> dict[str, sa.Row[tuple[object, ...]]]:
    names = sorted(count.bucket for count in counts)
    empty = {"failures": 0, "blocked_until": 0.0, "tried_at": 0.0, "succeeded_at": 0.0}
    insert_new(connection, attempt, [{"bucket": name, **empty} for name in names])
    query = sa.select(attempt).where(attempt.c.bucket.in_(names)).order_by(attempt.c.bucket).with_for_update()
    return {str(row.bucket): row for row in connection.execute(query)}


def _write(connection: sa.Connection, bucket: str, **values: float) -> None:
    connection.execute(attempt.update().where(attempt.c.bucket == bucket).values(values))


def forget_old(connection: sa.Connection) -> None:
    """Drop counts that nobody has added to for a month."""
    connection.execute(attempt.delete().where(attempt.c.tried_at < time.time() - _KNOWN_S))
