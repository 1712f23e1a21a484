"""A gateway with one submission at a hub that found something: two patients, three studies, five objects."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from radcommons.records.documents import digest as digest_of
from radcommons.records.submission import Submission
from radcommons.site.crosswalk import PatientKey, get_or_assign
from radcommons.site.settings import SiteSettings, write_settings
from radcommons.site.store import Store, create_store, open_store
from radcommons.site.tables import file, submission
from radcommons.testing.sender import Made, Sender

# What must stand on no page: the patient's number and names of folders.
SECRETS = ("KX4711990", "Quintessa")


def make_store(directory: Path, **chosen: Any) -> Store:
    """Return an empty gateway of a hub that is elsewhere."""
    create_store(directory)
    settings = {"hub": "https://hub.example", "sites": ("ALFA",), "name": "St. Example", **chosen}
    write_settings(directory, SiteSettings(**settings))
    store = open_store(directory)
    get_or_assign(store, PatientKey(site="ALFA", issuer="", patient_id=SECRETS[0]), secret=store.mapping_secret())
    return store


def send(store: Store) -> tuple[str, list[Made]]:
    """Put a signed submission into the store as `submit` leaves it; return its identifier and what it holds."""
    sender = Sender("ALFA", store.signing_key)
    made = [sender.instance(patient="P1", number=number) for number in (1, 2, 3)]
    made += [sender.instance(patient="P2", number=1), sender.instance(patient="P3", number=1)]
    whole: Submission = sender.submission(made)
    identifier = digest_of(whole)
    with store.change() as change:
        row = {"id": identifier, "site": "ALFA", "dataset": "covid-chest", "state": "received", "items": len(made)}
        change.connection.execute(
            submission.insert().values(**row, document=sender.sealed(whole), created_at="2026-03-30T12:00:00Z")
        )
        for number, one in enumerate(made, start=1):
            store.object_path(one.item.digest).parent.mkdir(parents=True, exist_ok=True)
            store.object_path(one.item.digest).write_bytes(one.content)
            change.connection.execute(file.insert().values(**_row(identifier, number, one)))
    return identifier, made


def _row(identifier: str, number: int, one: Made) -> dict[str, Any]:
    item = one.item
    return {
        "path": f"/exports/{SECRETS[1]}/{number}.dcm",
        "stamp": "1",
        "state": "submitted",
        "site": "ALFA",
        "dataset": "covid-chest",
        "protocol": "0" * 64,
        "profile": "0" * 64,
        "policy": "0" * 64,
        "pseudonym": item.patient,
        "study_uid": item.study_instance_uid,
        "series_uid": item.series_instance_uid,
        "sop_uid": item.sop_instance_uid,
        "object_digest": item.digest,
        "object_size": item.size,
        "submission": identifier,
        "added_at": "2026-03-30T11:00:00Z",
    }


def answered(store: Store, identifier: str, **members: Any) -> None:
    """Let the hub have said this of a submission."""
    with store.change() as change:
        change.connection.execute(
            submission.update().where(submission.c.id == identifier).values(answer=json.dumps(members))
        )


def finding(one: Made, code: str, *, where: str = "", severity: str = "question") -> dict[str, str]:
    """Return a finding of the hub about an instance."""
    return {
        "digest": one.item.digest,
        "made_by": "hub",
        "code": code,
        "severity": severity,
        "message": code,
        "where": where,
    }
