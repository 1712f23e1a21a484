"""The feed of a dataset: what happened after a release was signed; append-only, each entry names the one before."""

from __future__ import annotations

from typing import Literal

import sqlalchemy as sa

from radcommons.catalogue import releases
from radcommons.platform.clock import instant
from radcommons.platform.keys import SigningKey
from radcommons.records.documents import canonical
from radcommons.records.release import FeedEntry


def append(
    connection: sa.Connection,
    *,
    key: SigningKey,
    dataset: str,
    event: Literal["released", "withdrawn", "erratum", "superseded"],
    release: str | None = None,
    digests: tuple[str, ...] = (),
    reason: str = "",
) -> FeedEntry:
    """Add a signed entry in the caller's transaction, which holds the dataset (`releases.lock_dataset`)."""
    head = releases.feed_head(connection, dataset)
    entry = FeedEntry(
        schema="radcommons/feed-entry/v1",
        dataset=dataset,
        sequence=head.sequence + 1,
        previous=head.digest,
        at=instant(),
        event=event,
        release=release,
        digests=digests,
        reason=reason,
    )
    document = canonical(key.seal(entry)).decode()
    releases.append_feed(connection, dataset, sequence=entry.sequence, document=document)
    return entry
