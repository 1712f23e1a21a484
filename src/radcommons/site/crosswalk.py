"""The crosswalk: which patient stands behind which pseudonym. It is the truth, and it never leaves the hospital."""

from __future__ import annotations

from dataclasses import dataclass

import sqlalchemy as sa

from radcommons.dicom.mapping import KeyedMapper, pseudonym_for, shift_for
from radcommons.platform.clock import instant
from radcommons.site.patient import PatientKey as PatientKey
from radcommons.site.store import Change, Store
from radcommons.site.tables import patient

_TRIES = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Linked:
    """What the crosswalk holds of a patient."""

    key: PatientKey
    pseudonym: str
    shift_days: int
    is_withdrawn: bool

    def mapper(self, secret: bytes) -> KeyedMapper:
        """Return the patient's new identity for the de-identification."""
        return KeyedMapper(
            secret,
            site_code=self.key.site,
            issuer=self.key.issuer,
            patient_id=self.key.patient_id,
            pseudonym=self.pseudonym,
            shift_days=self.shift_days,
        )


def find(connection: sa.Connection, key: PatientKey) -> Linked | None:
    """Return what the crosswalk holds of a patient, None when it never saw one."""
    row = connection.execute(
        sa.select(patient).where(
            patient.c.site == key.site, patient.c.issuer == key.issuer, patient.c.patient_id == key.patient_id
        )
    ).one_or_none()
    if row is None:
        return None
    return Linked(
        key=key, pseudonym=row.pseudonym, shift_days=row.shift_days, is_withdrawn=row.withdrawn_at is not None
    )


def computed(key: PatientKey, *, secret: bytes) -> Linked:
    """Return what the crosswalk would assign, without assigning it."""
    return Linked(
        key=key,
        pseudonym=pseudonym_for(secret, key.site, key.issuer, key.patient_id),
        shift_days=shift_for(secret, key.site, key.issuer, key.patient_id),
        is_withdrawn=False,
    )


def get_or_assign(store: Store, key: PatientKey, *, secret: bytes) -> Linked:
    """Return a patient's pseudonym and date shift; a patient who is new is given them once and for all.

    Notes
    -----
    PHI: reads and writes the encrypted store; the audit event carries the pseudonym alone. When two patients' keyed
    pseudonyms meet, the later one gets the next of the series.
    """
    with store.read() as connection:
        known = find(connection, key)
    if known is not None:
        return known
    with store.change() as change:
        return find(change.connection, key) or _assign(change, key, secret=secret)


def _assign(change: Change, key: PatientKey, *, secret: bytes) -> Linked:
    for attempt in range(_TRIES):
        issuer = key.issuer if attempt == 0 else f"{key.issuer}\0{attempt}"
        pseudonym = pseudonym_for(secret, key.site, issuer, key.patient_id)
        taken = sa.select(patient.c.id).where(patient.c.pseudonym == pseudonym)
        if change.connection.execute(taken).first() is None:
            break
    shift_days = shift_for(secret, key.site, key.issuer, key.patient_id)
    change.connection.execute(
        patient.insert().values(
            site=key.site,
            issuer=key.issuer,
            patient_id=key.patient_id,
            pseudonym=pseudonym,
            shift_days=shift_days,
            assigned_at=instant(),
        )
    )
    change.tell("patient.assigned", subject=pseudonym)
    return Linked(key=key, pseudonym=pseudonym, shift_days=shift_days, is_withdrawn=False)
