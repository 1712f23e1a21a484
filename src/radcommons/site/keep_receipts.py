"""Receipts and leaving: the hub's signed words as a file for an audit, and what an uninstall would leave behind."""

from __future__ import annotations

import base64
import json
import shutil
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from radcommons.platform.durable import write_file
from radcommons.platform.keys import verify
from radcommons.records.documents import digest, items_digest, unseal
from radcommons.records.errors import Conflict, DocumentError, IntegrityError, UsageError
from radcommons.records.lifecycle import FileState
from radcommons.records.submission import Receipt, Submission
from radcommons.site.join import hub_key
from radcommons.site.keep import BACKED_UP
from radcommons.site.status import counts
from radcommons.site.store import Store, only_one
from radcommons.site.tables import patient, submission, withdrawal


def export_receipts(store: Store, target: Path) -> int:
    """Write a JSON line for each receipt, with the submission that it is of and the key that it was checked with.

    Returns
    -------
    int
        Receipts.

    Notes
    -----
    Pseudonyms and digests alone: the file may leave the hospital.
    """
    pinned = hub_key(store)
    query = sa.select(submission).where(submission.c.receipt.is_not(None)).order_by(submission.c.created_at)
    lines = []
    with store.read() as connection:
        for row in connection.execute(query):
            line = {
                "receipt": json.loads(row.receipt),
                "submission": json.loads(row.document),
                "hub_key": base64.b64encode(pinned or b"").decode(),
                "site_key": base64.b64encode(store.signing_key.public_key).decode(),
            }
            lines.append(json.dumps(line, sort_keys=True, separators=(",", ":")))
    write_file(target, "".join(f"{line}\n" for line in lines).encode())
    return len(lines)


def check_receipts(path: Path, *, pinned: bytes | None = None) -> tuple[int, list[int]]:
    """Check exported receipts; anybody can, without the gateway.

    Parameters
    ----------
    path : Path
    pinned : bytes, optional
        The hub's key as the auditor knows it; the one in the line without it.

    Returns
    -------
    (int, list of int)
        Lines that agree, and the numbers of those that do not.
    """
    try:
        lines = path.read_text("utf-8").splitlines()
    except (OSError, UnicodeDecodeError):
        raise UsageError("The receipts cannot be read.", mend="Name a file of `site receipts --to`.") from None
    good, bad = 0, []
    for number, line in enumerate(lines, 1):
        try:
            _check(json.loads(line), pinned)
            good += 1
        except (ValueError, KeyError, TypeError, DocumentError, IntegrityError):
            bad.append(number)
    return good, bad


def _check(line: dict[str, Any], pinned: bytes | None) -> None:
    receipt, by_hub, said = unseal(Receipt, line["receipt"])
    verify(by_hub, message=said, public_key=pinned or base64.b64decode(line["hub_key"], validate=True))
    sent, by_site, promised = unseal(Submission, line["submission"])
    verify(by_site, message=promised, public_key=base64.b64decode(line["site_key"], validate=True))
    if receipt.submission != digest(sent):
        raise IntegrityError("The receipt is of another submission.")
    named = [item.digest for item in sent.items]
    if receipt.instances == len(named) and receipt.items_digest != items_digest(named):
        raise IntegrityError("The receipt is of other instances.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Leaving:
    """What an uninstall takes away, and what it leaves elsewhere.

    Parameters
    ----------
    patients : int
        In the crosswalk: without it nobody can be withdrawn by name any more.
    at_hub : int
        Instances that stay with the hub and its holders.
    unsent : int
        Files that are ready or held and would be lost.
    untold : int
        Withdrawals that the hub has not confirmed.
    backed_up_at : str
        The last backup, empty when there is none.
    bytes : int
        What the folder takes.
    """

    folder: str
    bytes: int
    patients: int
    submissions: int
    at_hub: int
    unsent: int
    untold: int
    backed_up_at: str

    @property
    def objections(self) -> tuple[str, ...]:
        """Return why nobody should remove it yet."""
        nobody = self.patients and not self.backed_up_at
        reasons = (
            (self.untold, f"{self.untold} withdrawals were not told to the hub: run `radcommons site submit`."),
            (self.unsent, f"{self.unsent} files are ready or wait for a person and were not sent."),
            (nobody, "There is no backup: nobody could be withdrawn by name any more."),
        )
        return tuple(sentence for applies, sentence in reasons if applies)


def leaving(store: Store) -> Leaving:
    """Return what an uninstall of this gateway means."""
    totals = counts(store)

    def count(of: Any) -> int:
        with store.read() as connection:
            return int(connection.execute(of).scalar_one())

    everything = sa.func.count()
    return Leaving(
        folder=str(store.directory),
        bytes=sum(path.stat().st_size for path in store.directory.rglob("*") if path.is_file()),
        patients=count(sa.select(everything).select_from(patient)),
        submissions=count(sa.select(everything).select_from(submission).where(submission.c.state == "received")),
        at_hub=totals[FileState.SUBMITTED],
        unsent=totals[FileState.READY] + totals[FileState.HELD],
        untold=count(sa.select(everything).select_from(withdrawal).where(withdrawal.c.sent_at.is_(None))),
        backed_up_at=store.remembered(BACKED_UP) or "",
    )


def uninstall(store: Store, *, despite: bool = False) -> Leaving:
    """Remove the gateway's folder.

    Raises
    ------
    Conflict
        If something speaks against it and `despite` is not set, or a process works in it now; nothing is removed then.
    """
    with ExitStack() as nobody:
        for work in ("serve", "add", "submit"):
            nobody.enter_context(only_one(store.directory, work))
    found = leaving(store)
    if found.objections and not despite:
        raise Conflict(
            f"Nothing was removed. {' '.join(found.objections)}", mend="Mend it, or say --despite.", code="not-yet"
        )
    store.close()
    shutil.rmtree(store.directory)
    return found
