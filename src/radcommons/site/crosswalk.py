"""The crosswalk: which patient stands behind which pseudonym. It is the truth, and it never leaves the hospital."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import sqlalchemy as sa

from radcommons.dicom.mapping import KeyedMapper, pseudonym_for, shift_for
from radcommons.dicom.profile import Profile
from radcommons.platform.clock import instant
from radcommons.records.errors import StorageError
from radcommons.site.clinical import ClinicalEntry, parsed
from radcommons.site.patient import PatientKey as PatientKey
from radcommons.site.store import Change, Store
from radcommons.site.tables import alias, clinical, patient, study

_TRIES = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Linked:
    """What the crosswalk holds of a patient."""

    key: PatientKey
    pseudonym: str
    shift_days: int
    is_withdrawn: bool

    def mapper(self, secret: bytes, *, profile: Profile | None = None) -> KeyedMapper:
        """Return the patient's new identity for the de-identification, under the profile's root and week rule."""
        return KeyedMapper(
            secret,
            site_code=self.key.site,
            issuer=self.key.issuer,
            patient_id=self.key.patient_id,
            pseudonym=self.pseudonym,
            shift_days=self.shift_days,
            uid_root=profile.uid_root if profile else "",
            keeps_weekdays=profile.keeps_weekdays if profile else False,
        )


def find(connection: sa.Connection, key: PatientKey) -> Linked | None:
    """Return what the crosswalk holds of a patient, by any number of theirs; None when it never saw one."""
    row = _row(connection, key)
    return None if row is None else _linked(row)


def _row(connection: sa.Connection, key: PatientKey) -> sa.Row[tuple[object, ...]] | None:
    own = sa.select(patient).where(
        patient.c.site == key.site, patient.c.issuer == key.issuer, patient.c.patient_id == key.patient_id
    )
    row = connection.execute(own).one_or_none()
    if row is None:
        other = sa.select(patient).join(alias, alias.c.patient == patient.c.id)
        row = connection.execute(
            other.where(alias.c.site == key.site, alias.c.issuer == key.issuer, alias.c.patient_id == key.patient_id)
        ).one_or_none()
    while row is not None and row.merged_into is not None:
        row = connection.execute(sa.select(patient).where(patient.c.id == row.merged_into)).one()
    return row


def _linked(row: sa.Row[tuple[object, ...]]) -> Linked:
    return Linked(
        key=PatientKey(site=str(row.site), issuer=str(row.issuer), patient_id=str(row.patient_id)),
        pseudonym=str(row.pseudonym),
        shift_days=int(row.shift_days),
        is_withdrawn=row.withdrawn_at is not None,
    )


def of_pseudonym(connection: sa.Connection, pseudonym: str) -> Linked | None:
    """Return the patient behind a pseudonym, None when it is none of ours."""
    row = connection.execute(sa.select(patient).where(patient.c.pseudonym == pseudonym)).one_or_none()
    return None if row is None else _linked(row)


def moved_to(connection: sa.Connection, *, site: str, study_uids: Sequence[str]) -> Linked | None:
    """Return the patient to whom the hospital moved a study, None when it moved it to nobody."""
    query = sa.select(study.c.moved_to).where(
        study.c.site == site, study.c.study_uid.in_(study_uids), study.c.moved_to.is_not(None)
    )
    number = connection.execute(query.limit(1)).scalar_one_or_none()
    if number is None:
        return None
    row = connection.execute(sa.select(patient).where(patient.c.id == number)).one()
    return find(connection, _linked(row).key)  # that patient may have been merged since


def known_keys(connection: sa.Connection, *, withdrawn: bool | None = None) -> list[tuple[PatientKey, str]]:
    """Return every number that the crosswalk knows with its patient's pseudonym; only the withdrawn, or only others."""
    rows = {row.id: row for row in connection.execute(sa.select(patient))}

    def last(number: int) -> sa.Row[tuple[object, ...]]:
        row = rows[number]
        while row.merged_into is not None:
            row = rows[row.merged_into]
        return row

    numbers = [(row.id, row) for row in rows.values()]
    numbers += [(row.patient, row) for row in connection.execute(sa.select(alias))]
    return [
        (PatientKey(site=row.site, issuer=row.issuer, patient_id=row.patient_id), str(last(number).pseudonym))
        for number, row in numbers
        if withdrawn is None or (last(number).withdrawn_at is not None) is withdrawn
    ]


def numbers_of(connection: sa.Connection, pseudonym: str) -> list[PatientKey]:
    """Return every number of one patient: their own, those of merged patients, and changed ones."""
    own = sa.select(patient.c.id).where(patient.c.pseudonym == pseudonym).scalar_subquery()
    columns = ("site", "issuer", "patient_id")
    rows = sa.union(
        sa.select(*(patient.c[name] for name in columns)).where((patient.c.id == own) | (patient.c.merged_into == own)),
        sa.select(*(alias.c[name] for name in columns)).where(alias.c.patient == own),
    )
    return [PatientKey(site=row[0], issuer=row[1], patient_id=row[2]) for row in connection.execute(rows)]


def clinical_of(connection: sa.Connection, pseudonym: str) -> tuple[ClinicalEntry, ...]:
    """Return what the clinical table says of a patient, under any number of theirs."""
    found: list[ClinicalEntry] = []
    for key in numbers_of(connection, pseudonym):
        found += clinical_under(connection, key)
    return tuple(found)


def clinical_under(connection: sa.Connection, key: PatientKey) -> tuple[ClinicalEntry, ...]:
    """Return what the clinical table says under one number; nothing where two patients of the site have it."""
    own = sa.select(patient.c.id).where(
        patient.c.site == key.site, patient.c.patient_id == key.patient_id, patient.c.issuer != key.issuer
    )
    if connection.execute(own.where(patient.c.merged_into.is_(None)).limit(1)).first() is not None:
        return ()  # the table names no issuer, so it does not say which of them
    same = (clinical.c.site == key.site, clinical.c.patient_id == key.patient_id)
    members = connection.execute(sa.select(clinical.c.members).where(*same)).scalar_one_or_none()
    return tuple(parsed(members)) if members else ()


def computed(key: PatientKey, *, secret: bytes, home: str = "") -> Linked:
    """Return what the crosswalk would assign, without assigning it.

    Parameters
    ----------
    key : PatientKey
    secret : bytes
    home : str
        The first hospital of a group that shares one crosswalk: one number is then one person in all of them, with the
        same letters behind each hospital's code and the same date shift.
    """
    letters = pseudonym_for(secret, home or key.site, key.issuer, key.patient_id).partition("-")[2]
    return Linked(
        key=key,
        pseudonym=f"{key.site}-{letters}",
        shift_days=shift_for(secret, home or key.site, key.issuer, key.patient_id),
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
        return find(change.connection, key) or assign(change, key, secret=secret, home=store.settings.home)


def assign(change: Change, key: PatientKey, *, secret: bytes, home: str = "") -> Linked:
    """Give a patient who is new a pseudonym and a date shift, in the caller's transaction."""
    sibling = _sibling(change.connection, key) if home else None
    if sibling is not None:
        pseudonym, shift_days = f"{key.site}-{sibling.pseudonym.partition('-')[2]}", sibling.shift_days
    else:
        pseudonym, shift_days = _free(change, key, secret=secret, home=home)
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


def _sibling(connection: sa.Connection, key: PatientKey) -> Linked | None:
    """Return the same number at another hospital of the group: the crosswalk is the truth, so it decides."""
    query = sa.select(patient).where(patient.c.issuer == key.issuer, patient.c.patient_id == key.patient_id)
    row = connection.execute(query.order_by(patient.c.id).limit(1)).one_or_none()
    return None if row is None else _linked(row)


def _free(change: Change, key: PatientKey, *, secret: bytes, home: str) -> tuple[str, int]:
    """Return a pseudonym whose letters nobody has, and the date shift."""
    shift_days = shift_for(secret, home or key.site, key.issuer, key.patient_id)
    for attempt in range(_TRIES):
        issuer = key.issuer if attempt == 0 else f"{key.issuer}\0{attempt}"
        letters = pseudonym_for(secret, home or key.site, issuer, key.patient_id).partition("-")[2]
        same = patient.c.pseudonym.like(f"%-{letters}") if home else patient.c.pseudonym == f"{key.site}-{letters}"
        if change.connection.execute(sa.select(patient.c.id).where(same).limit(1)).first() is None:
            return f"{key.site}-{letters}", shift_days
    raise StorageError("No free pseudonym was found; this cannot happen by chance.")
