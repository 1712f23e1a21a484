"""Law and life at a gateway: opt-outs in every state, clauses, corrected versions, merged patients, moved studies."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.functional.fake_hub import FakeHub
from tests.functional.gateways import Gateway, make_gateway
from tests.functional.site_inputs import ct_slice, series, write

from radcommons.records.errors import UsageError
from radcommons.site.seal import seal_ready

pytestmark = pytest.mark.slow


@pytest.fixture
def hub() -> Iterator[FakeHub]:
    """A hub."""
    with FakeHub() as made:
        yield made


@pytest.fixture
def gateway(hub: FakeHub, tmp_path: Path) -> Gateway:
    """A gateway that joined the hub."""
    return make_gateway(tmp_path / "gateway", hub.url)


def listed(path: Path, text: str) -> Path:
    """Write a list."""
    path.write_text(text, "utf-8")
    return path


# Opt-out


def test_who_opted_out_before_is_refused_at_the_door(gateway: Gateway, tmp_path: Path) -> None:
    """A number on the list is refused at add, others are not; a number that comes later needs no patient here."""
    status, found = gateway.run("opt-out", listed(tmp_path / "list", "patient_id;issuer\n71;\n0815;KIS\n"))
    assert (status, found["listed"], found["unknown"], found["is_applied"]) == (0, 2, 2, True)
    for patient in ("71", "72"):
        series(tmp_path / "export", count=2, patient=patient)
    write(tmp_path / "export" / "other", ct_slice(1, patient="815"))
    write(tmp_path / "export" / "issuer", ct_slice(1, patient="9", PatientID="0815", IssuerOfPatientID="KIS"))
    write(tmp_path / "export" / "elsewhere", ct_slice(1, patient="10", PatientID="0815", IssuerOfPatientID="B"))
    done = gateway.add(tmp_path / "export")
    assert done.codes == {"opted-out": 3}
    assert gateway.counts() == {"seen": 7, "refused": 3, "ready": 4}


def test_the_list_names_nobody(gateway: Gateway, tmp_path: Path) -> None:
    """Whoever opens the store with its key reads no number that the crosswalk does not hold."""
    gateway.run("opt-out", listed(tmp_path / "list", "QUELLMANN-4471902\n"))
    with gateway.store() as store, store.read() as connection:
        dump = [str(tuple(row)) for row in connection.exec_driver_sql("SELECT * FROM opt_out")]
        dump += [str(tuple(row)) for row in connection.exec_driver_sql("SELECT * FROM audit_event")]
    assert len(dump) > 1
    assert not any("QUELLMANN" in row for row in dump)


@pytest.mark.parametrize("state", ["ready", "held", "sealed", "submitted"])
def test_a_later_entry_withdraws_by_itself(gateway: Gateway, hub: FakeHub, tmp_path: Path, state: str) -> None:
    """Whatever became of the files, a later entry takes them back: here, and at the hub where it may have them."""
    protocol = "ricord" if state == "held" else None
    for patient in ("71", "72"):
        series(tmp_path / "export", count=2, patient=patient)
    gateway.add(tmp_path / "export", protocol=protocol)
    if state == "sealed":
        with gateway.store() as store:
            assert len(seal_ready(store)) == 1
    if state == "submitted":
        gateway.submit()
    status, found = gateway.run("opt-out", listed(tmp_path / "list", "71\n"))
    assert status == 0
    (taken,) = found["taken_back"]
    assert taken["files"] == 2
    assert gateway.counts()["withdrawn"] == 2
    assert len([path for path in (gateway.directory / "objects").rglob("*") if path.is_file()]) == 2
    told = [one.reason for one in hub.withdrawals]
    assert told == (["opt-out"] if state in ("sealed", "submitted") else [])
    if state in ("ready", "sealed"):
        gateway.submit()
        (sent,) = hub.submissions.values()
        assert {item.patient for item in sent.items} == {row.pseudonym for row in gateway.rows() if row.submission}
        assert taken["pseudonyms"][0] not in {item.patient for item in sent.items}
    again = gateway.run("opt-out", tmp_path / "list")[1]
    assert (again["new"], again["taken_back"]) == (0, [])
    assert gateway.add(tmp_path / "export", protocol=protocol).states == {}


def test_the_list_of_the_settings_is_read_at_every_submit(gateway: Gateway, hub: FakeHub, tmp_path: Path) -> None:
    """A line that IT adds to the file in the night is obeyed before anything is sent; without the file nothing is."""
    gateway.set(opt_out_list=str(listed(tmp_path / "list", "")))
    for patient in ("71", "72"):
        series(tmp_path / "export", count=1, patient=patient)
    gateway.add(tmp_path / "export")
    listed(tmp_path / "list", "72\n")
    gateway.submit()
    assert gateway.counts() == {"seen": 2, "submitted": 1, "withdrawn": 1}
    (sent,) = hub.submissions.values()
    assert len(sent.items) == 1
    (tmp_path / "list").unlink()
    with pytest.raises(UsageError):
        gateway.submit()
    with pytest.raises(UsageError):
        gateway.add(tmp_path / "export")


def test_a_list_of_the_wrong_patients_is_seen_before_it_acts(gateway: Gateway, hub: FakeHub, tmp_path: Path) -> None:
    """Numbers of two patients, numbers without their zeros and empty ones are told by line, and nothing is applied."""
    write(tmp_path / "e" / "1", ct_slice(1, patient="71", IssuerOfPatientID="A"))
    write(tmp_path / "e" / "2", ct_slice(1, patient="72", PatientID="71", IssuerOfPatientID="B"))
    write(tmp_path / "e" / "3", ct_slice(1, patient="73", PatientID="0073"))
    write(tmp_path / "e" / "4", ct_slice(1, patient="74"))
    gateway.add(tmp_path / "e")
    wrong = listed(tmp_path / "list", "patient_id,name\n71,x\n73,x\n74,x\n,x\n")
    status, found = gateway.run("opt-out", wrong)
    assert (status, found["ambiguous"], found["similar"], found["malformed"]) == (1, [2], [3], [5])
    assert not found["is_applied"]
    assert gateway.counts() == {"seen": 4, "ready": 4}
    status, found = gateway.run("opt-out", wrong, "--apply-clear")
    assert (status, len(found["taken_back"])) == (1, 1)
    assert gateway.counts() == {"seen": 4, "ready": 3, "withdrawn": 1}
    named = listed(tmp_path / "named", "patient_id,issuer\n71,B\n")
    assert len(gateway.run("opt-out", named)[1]["taken_back"]) == 1


def test_an_entry_taken_off_the_list_lets_the_patient_in(gateway: Gateway, tmp_path: Path) -> None:
    """A number that was listed by mistake is judged again when its files come again."""
    gateway.run("opt-out", listed(tmp_path / "list", "71\n"))
    series(tmp_path / "export", count=1, patient="71")
    assert gateway.add(tmp_path / "export").codes == {"opted-out": 1}
    assert gateway.run("opt-out", tmp_path / "list", "--remove")[1] == {"listed": 0, "removed": 1}
    assert gateway.add(tmp_path / "export").states == {"ready": 1}
    assert gateway.counts() == {"seen": 1, "ready": 1}
