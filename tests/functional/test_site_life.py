"""Law and life at a gateway: opt-outs in every state, clauses, corrected versions, merged patients, moved studies."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

import pytest
from pydicom import dcmread
from pydicom.dataset import Dataset
from tests.functional.fake_hub import FakeHub
from tests.functional.gateways import Gateway, make_gateway
from tests.functional.site_inputs import ct_slice, series, write

from radcommons.records.errors import NotPermitted, UsageError
from radcommons.records.submission import Supersedes
from radcommons.site.review import decide
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


# The agreement

CLAUSES = """
schema = "radcommons/agreement/v1"
title = "Data submission agreement"
version = "2"
[[clause]]
id = "3.1"
says = "Only computed tomography of adults goes."
modalities = ["CT"]
minimum_age_years = 18
[[clause]]
id = "4"
says = "Nothing from before the epidemic goes."
studies_from = "2020-01-01"
"""


def test_what_the_agreement_does_not_cover_is_refused_with_the_clause(gateway: Gateway, tmp_path: Path) -> None:
    """Another modality, a child and an old study are refused by their clause; an unknown age asks a person."""
    agreed = listed(tmp_path / "agreement.toml", CLAUSES)
    assert gateway.run("agreement accept", agreed, "--by", "M. Roe")[0] == 0
    write(tmp_path / "e" / "good", ct_slice(1, patient="71"))
    write(tmp_path / "e" / "mr", ct_slice(1, patient="72", Modality="MR"))
    write(tmp_path / "e" / "child", ct_slice(1, patient="73", PatientBirthDate="20100101"))
    write(tmp_path / "e" / "old", ct_slice(1, patient="74", StudyDate="20191231"))
    write(tmp_path / "e" / "ageless", ct_slice(1, patient="75", PatientBirthDate=""))
    gateway.add(tmp_path / "e")
    assert gateway.counts() == {"seen": 5, "ready": 1, "refused": 3, "held": 1}
    told = {Path(row.path).name: (row.code, row.reason) for row in gateway.rows() if row.code}
    assert {name: code for name, (code, _) in told.items()} == {
        "mr": "not-covered",
        "child": "not-covered",
        "old": "not-covered",
        "ageless": "cover-undecided",
    }
    assert "clause 3.1" in told["mr"][1]
    assert "clause 4" in told["old"][1]


def test_a_submission_carries_the_agreement_in_force(gateway: Gateway, hub: FakeHub, tmp_path: Path) -> None:
    """Its digest is the SHA-256 of the file, as anybody computes it, beside the law and the terms of the settings."""
    agreed = listed(tmp_path / "agreement.toml", CLAUSES)
    gateway.set(legal_basis="consent", ethics_reference="EC 7", duo=("DUO:0000007",), embargo_until="2031-01-01")
    gateway.run("agreement accept", agreed, "--by", "M. Roe")
    series(tmp_path / "e", count=1)
    gateway.add(tmp_path / "e")
    gateway.submit()
    (sent,) = hub.submissions.values()
    assert sent.agreement == hashlib.sha256(agreed.read_bytes()).hexdigest()
    assert (sent.legal_basis, sent.ethics_reference, sent.terms.duo) == ("consent", "EC 7", ("DUO:0000007",))
    assert sent.terms.embargo_until == "2031-01-01"
    shown = gateway.run("agreement show")[1]
    assert [clause["id"] for clause in shown["document"]["clause"]] == ["3.1", "4"]


@pytest.mark.parametrize(
    "members",
    [
        'protocols = ["ricord"]',
        'licenses = ["CC0-1.0"]',
        'duo = ["DUO:0000007"]',
        'countries = ["DE"]',
        'valid_until = "2020-01-01"',
        'datasets = ["flu"]',
        'sites = ["BRAVO"]',
    ],
)
def test_a_run_that_the_agreement_does_not_cover_takes_nothing(
    gateway: Gateway, hub: FakeHub, tmp_path: Path, members: str
) -> None:
    """Protocol, terms, purposes, places, day, dataset and hospital are asked before anything is read, or signed."""
    series(tmp_path / "e", count=1)
    gateway.add(tmp_path / "e")
    clause = f'{CLAUSES}[[clause]]\nid = "9"\nsays = "The ninth."\n{members}\n'
    status, found = gateway.run("agreement accept", listed(tmp_path / "a.toml", clause), "--by", "M. Roe")
    assert (status, found["broken"]["id"]) == (1, "9")
    with pytest.raises(NotPermitted, match="clause 9"):
        gateway.add(tmp_path / "e")
    with pytest.raises(NotPermitted, match="clause 9"):
        gateway.submit()
    assert hub.submissions == {}


def test_a_later_agreement_holds_what_it_does_not_cover(gateway: Gateway, tmp_path: Path) -> None:
    """What waits, sealed or not, is held with the clause; a reviewer cannot wave it through, only leave it out."""
    write(tmp_path / "e" / "ct", ct_slice(1, patient="71"))
    write(tmp_path / "e" / "child", ct_slice(1, patient="73", PatientBirthDate="20100101"))
    gateway.add(tmp_path / "e")
    with gateway.store() as store:
        seal_ready(store)
    agreed = listed(tmp_path / "agreement.toml", CLAUSES)
    assert gateway.run("agreement accept", agreed, "--what-if")[1]["held"] == 1
    assert gateway.counts() == {"seen": 2, "ready": 2}
    gateway.run("agreement accept", agreed, "--by", "M. Roe")
    assert gateway.counts() == {"seen": 2, "ready": 1, "held": 1}
    (number,) = (row.id for row in gateway.rows() if row.state == "held")
    with gateway.store() as store:
        (objection,) = decide(store, [number], decision="pass", reviewer="R")
        assert objection.code == "not-covered"
        assert decide(store, [number], decision="exclude", reviewer="R") == []


def test_a_clause_that_nobody_understands_is_refused(gateway: Gateway, tmp_path: Path) -> None:
    """A member that this program does not know must not pass unheard."""
    wrong = listed(tmp_path / "a.toml", CLAUSES + 'weekdays = ["Monday"]\n')
    assert gateway.run("agreement accept", wrong, "--by", "M. Roe")[0] == 2


def test_the_second_of_two_reviewers_is_told_kindly(gateway: Gateway, tmp_path: Path) -> None:
    """Two people with one group before them: the first decision stands, the second is told so, nothing is undone."""
    series(tmp_path / "e", count=2)
    gateway.add(tmp_path / "e", protocol="ricord")
    numbers = [row.id for row in gateway.rows()]
    with gateway.store() as store:
        assert decide(store, numbers[:1], decision="exclude", reviewer="First") == []
        (told,) = decide(store, numbers, decision="pass", reviewer="Second")
    assert (told.code, told.subject) == ("decided-before", str(numbers[0]))
    assert "First" in told.message
    assert gateway.counts() == {"seen": 2, "excluded": 1, "ready": 1}


# Corrected versions


def objects(gateway: Gateway) -> dict[str, Dataset]:
    """Return the de-identified objects by digest."""
    paths = [path for path in (gateway.directory / "objects").rglob("*") if path.is_file()]
    return {path.name: dcmread(path) for path in paths}


def curated(hub: FakeHub) -> None:
    """Let the hub's curator accept everything."""
    hub.state = "curated"


def test_a_new_profile_supersedes_what_went_out(gateway: Gateway, hub: FakeHub, tmp_path: Path) -> None:
    """The same originals under another profile go as new versions of the same UIDs, counted once."""
    series(tmp_path / "e", count=2)
    gateway.add(tmp_path / "e")
    gateway.submit()
    before = {row.sop_uid: row.object_digest for row in gateway.rows()}
    (first,) = hub.submissions
    status, found = gateway.run("resubmit", "--submission", first[:12])
    assert (status, found["undecided"], found["replaced"]) == (1, 2, 0), "the curator has not decided"
    curated(hub)
    assert gateway.run("resubmit", "--submission", first[:12])[1]["unchanged"] == 2
    assert gateway.run("resubmit", "--submission", first[:12], "--profile", "basic", "--what-if")[1]["replaced"] == 2
    assert gateway.counts() == {"seen": 2, "submitted": 2}
    status, found = gateway.run("resubmit", "--submission", first[:12], "--profile", "basic", "--reason", "stricter")
    assert (status, found["replaced"]) == (0, 2)
    gateway.submit()
    assert gateway.counts() == {"seen": 2, "submitted": 2}
    second = next(one for name, one in hub.submissions.items() if name != first)
    assert {item.sop_instance_uid: item.supersedes for item in second.items} == {
        uid: Supersedes(digest=digest, reason="stricter") for uid, digest in before.items()
    }
    assert all(item.digest not in before.values() for item in second.items)
    taken = gateway.run("withdraw", "--patient", "4711")[1]
    assert (taken["files"], taken["submitted"]) == (2, 2)


def test_a_header_corrected_in_the_pacs_supersedes(gateway: Gateway, hub: FakeHub, tmp_path: Path) -> None:
    """Other bytes under the same UID wait for a person; resubmit is their word that the new ones are right."""
    series(tmp_path / "e", count=2)
    gateway.add(tmp_path / "e")
    gateway.submit()
    old = {row.sop_uid: row.object_digest for row in gateway.rows()}
    for number in (1, 2):
        write(tmp_path / "corrected" / str(number), ct_slice(number, PatientSex="M", StudyDate="20200402"))
    assert gateway.add(tmp_path / "corrected").codes == {"uid-conflict": 2}
    curated(hub)
    status, found = gateway.run("resubmit", "--patient", "4711", "--reason", "sex and date corrected")
    assert (status, found["corrected"], found["missing"]) == (0, 2, 0)
    gateway.submit()
    assert gateway.counts() == {"seen": 4, "submitted": 4}
    second = list(hub.submissions.values())[1]
    assert {item.sop_instance_uid: item.supersedes.digest for item in second.items if item.supersedes} == old
    sexes = {str(objects(gateway)[item.digest].PatientSex) for item in second.items}
    assert sexes == {"M"}
    assert gateway.run("resubmit", "--patient", "nobody")[0] == 1


def test_an_original_that_is_gone_is_told(gateway: Gateway, hub: FakeHub, tmp_path: Path) -> None:
    """Without its original nothing can be made anew: the file stays as it went out, and the count says so."""
    paths = series(tmp_path / "e", count=2)
    gateway.add(tmp_path / "e")
    gateway.submit()
    curated(hub)
    paths[0].unlink()
    found = gateway.run("resubmit", "--patient", "4711", "--profile", "basic")[1]
    assert (found["replaced"], found["missing"]) == (1, 1)
    assert gateway.counts() == {"seen": 2, "submitted": 1, "ready": 1}


# Who is who


def test_a_changed_number_keeps_its_pseudonym(gateway: Gateway, tmp_path: Path) -> None:
    """What comes under the new number goes under the old pseudonym with the same date shift; nothing goes again."""
    series(tmp_path / "e", count=1, patient="71")
    gateway.add(tmp_path / "e")
    status, found = gateway.run("relink", "--from", "71", "--to", "9071")
    assert (status, found["renumbered"], found["files"]) == (0, 1, 0)
    write(tmp_path / "f" / "new", ct_slice(1, patient="72", PatientID="9071"))
    gateway.add(tmp_path / "f")
    assert len({row.pseudonym for row in gateway.rows()}) == 1
    assert len({str(one.StudyDate) for one in objects(gateway).values()}) == 1
    assert gateway.run("relink", "--from", "71", "--to", "9071")[1]["already"] == 1
    assert gateway.run("withdraw", "--patient", "9071")[1]["files"] == 2


@pytest.mark.parametrize("is_sent", [False, True])
def test_two_numbers_that_are_one_person_become_one(
    gateway: Gateway, hub: FakeHub, tmp_path: Path, is_sent: bool
) -> None:
    """The second number's pseudonym stays; what the first had goes again under it, the hub's copies go."""
    for patient in ("71", "72"):
        series(tmp_path / "e", count=2, patient=patient)
    gateway.add(tmp_path / "e")
    if is_sent:
        gateway.submit()
    before = {row.path: (row.pseudonym, row.object_digest) for row in gateway.rows()}
    assert gateway.run("relink", "--from", "71", "--to", "72", "--what-if")[1]["files"] == 2
    assert {row.path: (row.pseudonym, row.object_digest) for row in gateway.rows()} == before
    status, found = gateway.run("relink", "--from", "71", "--to", "72")
    assert (status, found["merged"], found["files"], found["again"]) == (0, 1, 2, {"ready": 2})
    kept = next(name for path, (name, _) in before.items() if "72-1" in path)
    lost = {digest for path, (_, digest) in before.items() if "71-1" in path}
    assert {row.pseudonym for row in gateway.rows()} == {kept}
    assert [set(one.digests) for one in hub.withdrawals] == ([lost] if is_sent else [])
    assert [one.patients for one in hub.withdrawals] == ([()] if is_sent else [])
    gateway.submit()
    assert gateway.counts() == {"seen": 4, "submitted": 4}
    last = list(hub.submissions.values())[-1]
    assert {item.patient for item in last.items} == {kept}
    assert {str(one.StudyDate) for one in objects(gateway).values()} == {
        str(objects(gateway)[item.digest].StudyDate) for item in last.items
    }
    series(tmp_path / "later", count=1, patient="71", study="2")
    gateway.add(tmp_path / "later")
    assert gateway.rows()[-1].pseudonym == kept
    assert gateway.run("withdraw", "--patient", "71")[1]["files"] == 5, "one person is taken back as one"


def test_a_study_moved_to_another_patient_goes_again_under_them(gateway: Gateway, hub: FakeHub, tmp_path: Path) -> None:
    """Old copies with the wrong header and corrected ones both go under the right patient, whose dates they keep."""
    series(tmp_path / "e", count=2, patient="71", study="1")
    series(tmp_path / "e", count=1, patient="71", study="2")
    series(tmp_path / "e", count=1, patient="72")
    gateway.add(tmp_path / "e")
    gateway.submit()
    names = {Path(row.path).name: row.pseudonym for row in gateway.rows()}
    study = str(ct_slice(1, patient="71", study="2").StudyInstanceUID)
    status, found = gateway.run("relink", "--from", "71", "--to", "72", "--study", study)
    assert (status, found["moved"], found["files"], found["submitted"]) == (0, 1, 1, 1)
    now = {Path(row.path).name: row.pseudonym for row in gateway.rows()}
    assert now == {**names, "71-2-1": names["72-1-1"]}
    gateway.submit()
    dates = {one.PatientID: str(one.StudyDate) for one in objects(gateway).values()}
    (item,) = list(hub.submissions.values())[-1].items
    assert str(objects(gateway)[item.digest].StudyDate) == dates[names["72-1-1"]]
    assert gateway.run("relink", "--from", "71", "--to", "72", "--study", study)[1]["already"] == 1
    write(tmp_path / "late", ct_slice(7, patient="71", study="2", PatientID="72"))
    gateway.add(tmp_path / "late")
    assert gateway.rows()[-1].state == "ready"
    assert gateway.rows()[-1].pseudonym == names["72-1-1"]


def test_pushed_originals_go_again_when_they_come_again(gateway: Gateway, tmp_path: Path) -> None:
    """Where the original is gone, the file is taken back, told as missing, and judged anew when it is fetched again."""
    paths = [*series(tmp_path / "e", count=1, patient="71"), *series(tmp_path / "e", count=1, patient="72")]
    gateway.add(tmp_path / "e")
    paths[0].rename(tmp_path / "away")
    status, found = gateway.run("relink", "--from", "71", "--to", "72")
    assert (status, found["again"]) == (1, {"missing": 1})
    assert gateway.counts() == {"seen": 2, "withdrawn": 1, "ready": 1}
    (tmp_path / "away").rename(paths[0])
    gateway.add(tmp_path / "e")
    assert gateway.counts() == {"seen": 2, "ready": 2}


def test_a_table_with_wrong_patients_changes_nothing(gateway: Gateway, tmp_path: Path) -> None:
    """Numbers that match nothing or two, the same number twice, a withdrawn one: told by line, nothing applied."""
    write(tmp_path / "e" / "1", ct_slice(1, patient="71", IssuerOfPatientID="A"))
    write(tmp_path / "e" / "2", ct_slice(1, patient="75", PatientID="71", IssuerOfPatientID="B"))
    for patient in ("72", "73", "74"):
        series(tmp_path / "e", count=1, patient=patient)
    gateway.add(tmp_path / "e")
    gateway.run("withdraw", "--patient", "74")
    table = listed(tmp_path / "t.csv", "from;to;study\n72;73;\nnobody;73;\n71;73;\n74;73;\n73;73;\n72;73;1.2.3\n")
    status, found = gateway.run("relink", "--table", table)
    assert status == 1
    assert dict(found["problems"]) == {3: "unknown", 4: "ambiguous", 5: "withdrawn", 6: "malformed", 7: "no-study"}
    assert not found["is_applied"]
    assert gateway.counts() == {"seen": 5, "ready": 4, "withdrawn": 1}
    assert gateway.run("relink", "--table", table, "--apply-clear")[1]["merged"] == 1


# A group of hospitals


@pytest.mark.parametrize("choice", ["separate", "shared"])
def test_one_number_at_two_hospitals(hub: FakeHub, tmp_path: Path, choice: str) -> None:
    """With separate crosswalks it is two people who cannot be linked; with a shared one, one with the same dates."""
    gateway = make_gateway(tmp_path / "g", hub.url, sites=("ALFA", "BRAVO"), crosswalk=choice)
    for site, study in (("ALFA", "1"), ("BRAVO", "2")):
        series(tmp_path / site, count=1, patient="71", study=study)
        gateway.add(tmp_path / site, site=site)
    letters = {row.pseudonym.partition("-")[2] for row in gateway.rows()}
    assert {row.pseudonym.partition("-")[0] for row in gateway.rows()} == {"ALFA", "BRAVO"}
    dates = {str(one.StudyDate) for one in objects(gateway).values()}
    assert (len(letters), len(dates)) == ((1, 1) if choice == "shared" else (2, 2))
    status, found = gateway.run("withdraw", "--patient", "71")
    assert (status, found.get("files")) == ((0, 2) if choice == "shared" else (2, None))
    if choice == "separate":
        assert gateway.run("withdraw", "--patient", "71", "--site", "BRAVO")[1]["files"] == 1
    by_site = gateway.run("status")[1]["by_site"]
    assert {site: counts["seen"] for site, counts in by_site.items()} == {"ALFA": 1, "BRAVO": 1}
