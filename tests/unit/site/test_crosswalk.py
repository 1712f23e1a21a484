"""One patient has one pseudonym, for good; and the store that says so opens with its key alone."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from radcommons.dicom.profile import Profile
from radcommons.dicom.profile_file import parse_profile
from radcommons.records.errors import StorageError
from radcommons.site import crosswalk
from radcommons.site.crosswalk import Linked, PatientKey, get_or_assign
from radcommons.site.settings import SiteSettings, write_settings
from radcommons.site.store import Store, create_store, open_store

PATIENT = PatientKey(site="ALFA", issuer="HOSPITAL", patient_id="QUELLMANN-4471902")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A gateway's folder as `site init` makes it."""
    create_store(tmp_path)
    write_settings(tmp_path, SiteSettings(hub="http://127.0.0.1:1", sites=("ALFA", "BRAVO")))
    return tmp_path


@pytest.fixture
def store(folder: Path) -> Iterator[Store]:
    """The open store."""
    opened = open_store(folder)
    yield opened
    opened.close()


def test_a_patient_has_one_pseudonym(folder: Path, store: Store) -> None:
    """Asked again, by another process and in any order, the crosswalk answers as it did the first time."""
    secret = store.mapping_secret()
    first = get_or_assign(store, PATIENT, secret=secret)
    get_or_assign(store, PatientKey(site="ALFA", issuer="HOSPITAL", patient_id="another"), secret=secret)
    again = open_store(folder)
    assert get_or_assign(again, PATIENT, secret=again.mapping_secret()) == first
    again.close()


def test_the_crosswalk_stands_over_the_secret(store: Store) -> None:
    """Even another secret does not give a known patient a second pseudonym: what was assigned once stays."""
    first = get_or_assign(store, PATIENT, secret=store.mapping_secret())
    assert get_or_assign(store, PATIENT, secret=b"another secret of 32 bytes......") == first


def test_one_number_of_two_issuers_is_two_people(store: Store) -> None:
    """Issuer and site code are part of who a patient is."""
    secret = store.mapping_secret()
    keys = (
        PATIENT,
        PatientKey(site="ALFA", issuer="CLINIC", patient_id=PATIENT.patient_id),
        PatientKey(site="BRAVO", issuer="HOSPITAL", patient_id=PATIENT.patient_id),
    )
    assert len({get_or_assign(store, key, secret=secret).pseudonym for key in keys}) == 3


def test_pseudonyms_that_meet_are_parted(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """When the keyed hash of a second patient is taken, the second gets another pseudonym and keeps it."""
    secret = store.mapping_secret()
    first = get_or_assign(store, PATIENT, secret=secret)
    real = crosswalk.pseudonym_for

    def meeting(key: bytes, site: str, issuer: str, patient_id: str) -> str:
        return real(key, site, issuer, patient_id) if "\0" in issuer else first.pseudonym

    monkeypatch.setattr(crosswalk, "pseudonym_for", meeting)
    second = PatientKey(site="ALFA", issuer="HOSPITAL", patient_id="SECOND")
    assigned = get_or_assign(store, second, secret=secret)
    assert assigned.pseudonym != first.pseudonym
    assert get_or_assign(store, second, secret=secret) == assigned


def test_many_at_once_assign_one_pseudonym(store: Store) -> None:
    """Workers that meet a new patient at the same moment all get the same pseudonym."""
    secret = store.mapping_secret()
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda _: get_or_assign(store, PATIENT, secret=secret).pseudonym, range(24)))
    assert len(set(found)) == 1


def test_the_store_holds_no_readable_identity(folder: Path, store: Store) -> None:
    """No byte of any file of the folder shows the patient's identifier."""
    get_or_assign(store, PATIENT, secret=store.mapping_secret())
    store.close()
    files = [path for path in folder.rglob("*") if path.is_file()]
    assert any(path.name == "store.db" for path in files)
    assert [path.name for path in files if PATIENT.patient_id.encode() in path.read_bytes()] == []


def test_without_its_key_the_store_stays_shut(folder: Path, store: Store) -> None:
    """A missing or a foreign key is told, and never replaced by a new one over an existing store."""
    store.close()
    key = folder / "keys" / "store.key"
    assert key.stat().st_mode & 0o077 == 0
    kept = key.read_bytes()
    key.write_bytes(b"0" * 64)
    with pytest.raises(StorageError, match="does not open"):
        open_store(folder)
    key.unlink()
    with pytest.raises(StorageError, match="key is missing"):
        create_store(folder)
    key.write_bytes(kept)
    open_store(folder).close()


def test_a_profiles_week_rule_reaches_the_mapper() -> None:
    """With a profile that asks for whole weeks, the stored shift is rounded to them; without, it stays."""
    linked = Linked(key=PATIENT, pseudonym="ALFA-0123456789", shift_days=-1003, is_withdrawn=False)
    weeks = parse_profile(
        'id: weeks\nversion: "1"\ntitle: Whole weeks\noptions:\n  - code: 113107\ndates: shifted\nweekdays: keep\n',
        source="weeks.yaml",
    )
    secret = bytes(32)
    assert linked.mapper(secret).shift_days == -1003
    assert linked.mapper(secret, profile=Profile(weeks)).shift_days % 7 == 0
