"""What became of a file that was sent: where it is, what the hub asks about it, and what can be done."""

from __future__ import annotations

import json
from dataclasses import dataclass

import sqlalchemy as sa

from radcommons.site.store import Store
from radcommons.site.tables import file, submission
from radcommons.site.tasks import Task, tasks

STANDS = {
    "sealed": "It is signed and not sent yet; the next submit sends it.",
    "announced": "The hub knows of it; its bytes are not all there yet.",
    "received": "The hub has it and checks it.",
    "in-review": "The hub has it, and a curator looks at it.",
    "curated": "The hub's curators are done with its submission.",
    "refused": "The hub refused its submission.",
    "withdrawn": "Its submission was taken back.",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """The submission of a file: `stands` says how it stands at the hub, `tasks` what the hub asks about the file."""

    submission: str
    at: str
    stands: str
    tasks: tuple[Task, ...]


def sent_of(store: Store, number: int, *, token: str) -> Sent | None:
    """Return the submission that a file is in, None where it is in none."""
    query = (
        sa.select(submission.c.id, submission.c.created_at, submission.c.state, submission.c.answer)
        .join(file, file.c.submission == submission.c.id)
        .where(file.c.id == number)
    )
    with store.read() as connection:
        row = connection.execute(query).one_or_none()
    if row is None:
        return None
    state = str(json.loads(row.answer or "{}").get("state", row.state))
    return Sent(
        submission=str(row.id),
        at=str(row.created_at),
        stands=STANDS.get(state, state),
        tasks=tuple(one for one in tasks(store) if one.link.endswith(f"/{token}")),
    )
