"""Settle: look at every study that changed since the last look, and at the quotas; safe to repeat at any time."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass

import sqlalchemy as sa

from radcommons.platform.database import insert_new
from radcommons.records.documents import parse
from radcommons.records.lifecycle import FileState
from radcommons.records.protocol import SelectionProtocol
from radcommons.site.selection_answers import Answers
from radcommons.site.selection_quota import keep_back
from radcommons.site.selection_stand import OUT_CODES
from radcommons.site.selection_study import settle_study
from radcommons.site.store import Store
from radcommons.site.tables import file
from radcommons.site.tables_select import placed, protocol_text

_STUDIES_AT_ONCE = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class Settled:
    """What one look did: studies looked at, studies that are more than a quota wants."""

    studies: int
    over_quota: int


def keep_protocol(connection: sa.Connection, protocol: SelectionProtocol) -> None:
    """Keep the words of a protocol that files come under."""
    insert_new(connection, protocol_text, [{"digest": protocol.digest, "text": json.dumps(asdict(protocol))}])


def kept_protocols(connection: sa.Connection) -> dict[str, SelectionProtocol]:
    """Return the protocols that files came under, by digest."""
    rows = connection.execute(sa.select(protocol_text)).all()
    return {str(row.digest): parse(SelectionProtocol, json.loads(str(row.text))) for row in rows}


def settle(store: Store) -> Settled:
    """Bring every file that waits to where its study as a whole, people's answers and the quotas put it.

    Parameters
    ----------
    store : Store

    Raises
    ------
    Conflict
        If this gateway moved to another PC.

    Notes
    -----
    PHI: reads the clinical table; pseudonyms alone reach the audit trail. Only what changed is looked at again, in
    short transactions; what was submitted is never touched.
    """
    with store.read() as connection:
        protocols = kept_protocols(connection)
        changed = [(digest, *pair) for digest in protocols for pair in _changed(connection, digest)]
    for start in range(0, len(changed), _STUDIES_AT_ONCE):
        _look_at(store, protocols, changed[start : start + _STUDIES_AT_ONCE])
    over = 0
    for protocol in protocols.values():
        if any(quota.over != "take" for quota in protocol.quotas):
            with store.change() as change:
                for site in store.settings.sites:
                    over += keep_back(change, protocol, site=site)
    return Settled(studies=len({(site, uid) for _, site, uid in changed}), over_quota=over)


def _look_at(store: Store, protocols: dict[str, SelectionProtocol], some: Sequence[tuple[str, str, str]]) -> None:
    with store.change() as change:
        known: dict[tuple[str, str], Answers] = {}
        for digest, site, uid in some:
            if (digest, site) not in known:
                known[digest, site] = Answers.read(change.connection, site=site, protocol=digest)
            settle_study(change, protocols[digest], site=site, study_uid=uid, answers=known[digest, site])


def _changed(connection: sa.Connection, digest: str) -> Iterator[tuple[str, str]]:
    """Yield the studies of which a file stands otherwise than at the last look."""
    stands = file.c.state + ":" + file.c.code
    ours = (file.c.state == FileState.EXCLUDED) & file.c.code.in_(OUT_CODES)
    query = (
        sa.select(file.c.site, file.c.study_uid)
        .join(placed, placed.c.file == file.c.id)
        .where(file.c.protocol == digest, file.c.study_uid != "", placed.c.settled != stands)
        .where(ours | (file.c.state != FileState.EXCLUDED) | (placed.c.settled != ""))
        .distinct()
    )
    yield from ((str(row.site), str(row.study_uid)) for row in connection.execute(query).all())
