"""The privacy officer's page says what the program does, and holds no value of a patient."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from tests.unit.site.sent_store import SECRETS, answered, finding, make_store, send

from radcommons.dicom._tables.ps3_15_e1 import BASIC
from radcommons.dicom._tables.ps3_15_e1_options import OPTIONS
from radcommons.dicom.profile import load_profile, shipped_profiles
from radcommons.records.errors import NotFound
from radcommons.site import officer, users
from radcommons.site.deid_pdf import pdf
from radcommons.site.officer_report import report
from radcommons.site.start import steps
from radcommons.site.store import Store
from radcommons.site.users import SiteRole
from radcommons.web.site_app import site_app

PASSWORD = "a sentence of my own"


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    """A gateway beside its hub, so that a password is enough."""
    opened = make_store(tmp_path / "gateway", hub="http://127.0.0.1:9", second_factor="off")
    yield opened
    opened.close()


@pytest.mark.parametrize("name", shipped_profiles())
def test_every_attribute_is_counted_once(name: str) -> None:
    """The picture is of the whole table, under each profile."""
    profile = load_profile(name)
    wanted = set(BASIC).union(*(OPTIONS.get(code, {}) for code in profile.codes))
    assert sum(group.total for group in officer.groups(profile)) == len(wanted)


def test_names_of_people_never_stay() -> None:
    """Under no shipped profile is a person's name kept or cleaned."""
    for name in shipped_profiles():
        people = next(group for group in officer.groups(load_profile(name)) if group.title == "Names of people")
        assert (people.counts["kept"], people.counts["cleaned"]) == (0, 0), name


def test_dates_are_told_as_the_profile_has_them() -> None:
    """Shifted dates are called shifted, and removed ones are not called kept."""
    told = {name: officer.dates_rule(load_profile(name)) for name in shipped_profiles()}
    for name, words in told.items():
        profile = load_profile(name)
        assert ("Shifted" in words) == profile.shifts_dates
        assert ("Do not leave" in words) == (not profile.shifts_dates and not profile.keeps_dates)


def test_the_flow_names_this_gateway_s_own_doors(store: Store) -> None:
    """Hub, port, encryption and AE title come from the settings; an unencrypted stretch is called so."""
    flow = officer.data_flow(store)
    assert flow.places[2].where[0] == "http://127.0.0.1:9"
    assert not flow.ways[1].is_encrypted
    assert "port 9" in flow.ways[1].words


def test_the_report_is_of_the_signed_document(store: Store) -> None:
    """Counts, findings of both sides and digests; as PDF too; another identifier is none."""
    identifier, made = send(store)
    answered(store, identifier, quarantined=5, findings=[finding(made[0], "burned-in-text")] * 2)
    page = report(store, identifier)
    assert page.seen == 5
    assert {share.name: share.count for share in page.shares}["quarantined"] == 5
    rows = {row.name: row.count for table in page.tables for row in table.rows}
    assert rows["Hub: burned-in-text"] == "1", "one object, however often it was told"
    assert rows["CT Image Storage"] == "5"
    assert identifier in str(page)
    assert not any(secret in str(page) for secret in SECRETS)
    printed = pdf(page)
    assert printed.startswith(b"%PDF-")
    with pytest.raises(NotFound):
        report(store, "0" * 64)


def _signed_in(store: Store, role: SiteRole) -> TestClient:
    users.add_user(store, role.value, role=role, password=PASSWORD)
    client = TestClient(site_app(store.directory, hosts=("testserver",)), headers={"Accept": "text/html"})
    answer = client.post("/sign-in", data={"email": role.value, "password": PASSWORD}, follow_redirects=False)
    assert answer.status_code == 303
    return client


def test_the_officer_s_pages_hold_no_value(store: Store) -> None:
    """Overview, report, trail and everything for an inspection: no number, no folder; each look is in the trail."""
    identifier, made = send(store)
    answered(store, identifier, quarantined=1, findings=[finding(made[0], "burned-in-text")])
    client = _signed_in(store, SiteRole.PRIVACY_OFFICER)
    paths = ("/officer", f"/officer/submissions/{identifier}", "/officer/audit", "/officer/audit.csv", "/")
    for path in paths:
        answer = client.get(path)
        assert answer.status_code == 200, path
        assert answer.headers["cache-control"] == "no-store"
        assert not any(secret in answer.text for secret in SECRETS), path
    packed = client.get("/officer/export.zip")
    with zipfile.ZipFile(io.BytesIO(packed.content)) as archive:
        names = set(archive.namelist())
        assert {"record-of-processing.txt", "audit.csv", f"submissions/{identifier[:12]}.pdf"} <= names
        for name in names:
            assert not any(secret.encode() in archive.read(name) for secret in SECRETS), name
    trail = client.get("/officer/audit.csv").text
    for act in ("page.signed-in", "page.viewed", "audit.exported", "officer.exported"):
        assert act in trail


def test_roles_open_their_own_pages(store: Store) -> None:
    """A data manager does not read the trail; a privacy officer does not review."""
    manager, reader = _signed_in(store, SiteRole.DATA_MANAGER), _signed_in(store, SiteRole.PRIVACY_OFFICER)
    for path in ("/officer/audit", "/officer/audit.csv", "/officer/export.zip"):
        assert manager.get(path).status_code == 403
    for path in ("/review", "/review/next"):
        assert reader.get(path).status_code == 403
    assert manager.get("/officer").status_code == 200
    assert "/officer/audit" not in manager.get("/officer").text
    assert reader.post("/start/canary", data={}).status_code == 403


def test_the_first_day_follows_the_gateway(store: Store) -> None:
    """Each step tells how it stands; the first that is open is the next one."""
    states = {step.name: step.state for step in steps(store)}
    assert states["join"] == "next"
    assert states["submission"] == "open"
    send(store)
    states = {step.name: step.state for step in steps(store)}
    assert (states["images"], states["submission"]) == ("done", "done")
