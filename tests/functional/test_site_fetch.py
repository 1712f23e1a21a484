"""Fetch from real PACS (dcmtk's dcmqrscp, Orthanc) and from one that errs: nothing lost, nothing taken by mistake."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa
from pydicom.uid import RLELossless
from tests.functional.odd_pacs import odd_pacs
from tests.functional.pacs_peers import dcmqrscp, free_port, has_orthanc, orthanc, push
from tests.functional.site_inputs import ct_slice, series, write
from tests.functional.test_site import site

from radcommons.records.errors import PeerError
from radcommons.site.fetch import Pace, fetch
from radcommons.site.fetch_list import FetchList
from radcommons.site.fetch_report import FetchReport
from radcommons.site.join import init
from radcommons.site.optout import opt
from radcommons.site.pacs import echo, parse_peer, receive_into
from radcommons.site.pacs_find import Wanted
from radcommons.site.pacs_get import DimsePacs, Landing
from radcommons.site.pacs_land import land
from radcommons.site.pacs_web import WebPacs
from radcommons.site.receive_inbox import parts_folder
from radcommons.site.settings import SiteSettings
from radcommons.site.status import counts, discrepancies
from radcommons.site.store import Store, open_store
from radcommons.site.tables import arrival, audit, fetch_study, file

pytestmark = pytest.mark.slow
PACE = Pace(associations=2, tries=3, first_pause_s=0.2)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    """An offline gateway's store."""
    settings = SiteSettings(hub="http://127.0.0.1:9", sites=("ALFA",))
    init(tmp_path / "gateway", settings=settings, token="x", offline=True)
    opened = open_store(tmp_path / "gateway")
    yield opened
    opened.close()


def lines(*accessions: str) -> FetchList:
    """Return a list of accession numbers."""
    wanted = [Wanted(line=number, accession=one) for number, one in enumerate(accessions, start=1)]
    return FetchList(wanted=tuple(wanted), problems=())


def fetched(
    store: Store, peer: str, wanted: FetchList, *, way: str = "get", landing: int = 0, pace: Pace = PACE, **more: bool
) -> FetchReport:
    """Fetch over DIMSE in this process."""
    called = parse_peer(peer)
    with parts_folder(store) as parts:
        receive_into(parts)
        if way == "move":
            lands = Landing("RADCOMMONS")
            with land(lands, host="127.0.0.1", port=landing, settings=store.settings):
                return fetch(
                    store,
                    wanted,
                    connect=lambda: DimsePacs(called, lands, "move"),
                    peer=peer,
                    parts=parts,
                    pace=pace,
                    **more,
                )
        return fetch(
            store, wanted, connect=lambda: DimsePacs(called, None, way), peer=peer, parts=parts, pace=pace, **more
        )


def inbox(store: Store) -> list[Path]:
    """Return what waits in the inbox, half-received objects included."""
    return [path for path in (store.directory / "inbox").rglob("*") if path.is_file()]


def test_get_and_move_bring_all_and_a_repeat_brings_nothing(store: Store, tmp_path: Path) -> None:
    """dcmqrscp: each study comes whole by either way, compressed objects as they are stored, and only once."""
    packed = ct_slice(30, patient="4713")
    packed.ensure_file_meta()
    packed.file_meta.TransferSyntaxUID = "1.2.840.10008.1.2.1"
    packed.compress(RLELossless)
    packed.save_as(tmp_path / "rle", enforce_file_format=True)
    cyrillic = ct_slice(1, patient="4714", SpecificCharacterSet="ISO_IR 144", StudyDescription="КТ грудной клетки")
    files = [*series(tmp_path / "in", count=6), *series(tmp_path / "in", count=4, patient="4712")]
    with dcmqrscp(tmp_path / "pacs", "+xr") as pacs:
        push(pacs, [*files, write(tmp_path / "ru", cyrillic)])
        push(pacs, [tmp_path / "rle"], "-xr")
        assert echo(parse_peer(pacs.name)).implementation.startswith("OFFIS_DCMTK")
        tried = fetched(store, pacs.name, lines("ACC4711", "ACC4712"), what_if=True)
        assert (tried.members()["instances"]["expected"], counts(store)["seen"]) == (10, 0)
        got = fetched(store, pacs.name, lines("ACC4711", "ACC4713", "ACC4714", "NOBODY"))
        moved = fetched(store, pacs.name, lines("ACC4712"), way="move", landing=pacs.landing)
        again = fetched(store, pacs.name, lines("ACC4711", "ACC4712", "ACC4713", "ACC4714"))
    assert got.members()["lines"] == {"found": 3, "not-found": 1}
    assert got.members()["instances"] | {"new": 8, "here": 8} == got.members()["instances"]
    assert (moved.is_clean, moved.members()["instances"]["new"]) == (True, 4)
    assert (again.is_clean, again.members()["instances"]["new"], again.size) == (True, 0, 0)
    assert (counts(store)["ready"], counts(store)["seen"], discrepancies(store)) == (12, 12, [])
    assert inbox(store) == [], "originals go when they are decided"
    with store.read() as connection:
        query = sa.select(file.c.transfer_syntax).where(file.c.transfer_syntax == RLELossless)
        assert len(connection.execute(query).all()) == 1, "nothing was transcoded on the way"


@pytest.mark.skipif(not has_orthanc(), reason="Orthanc is not installed (Debian: orthanc, orthanc-dicomweb)")
def test_orthanc_gives_the_same_by_get_by_move_and_by_dicomweb(store: Store, tmp_path: Path) -> None:
    """Orthanc: three ways to the same objects; what came one way is not asked for again another way."""
    files = [path for patient in ("1", "2", "3") for path in series(tmp_path / "in", count=3, patient=patient)]
    with orthanc(tmp_path / "pacs") as (pacs, root):
        push(pacs, files)
        got = fetched(store, pacs.name, lines("ACC1"))
        moved = fetched(store, pacs.name, lines("ACC2"), way="move", landing=pacs.landing)
        with parts_folder(store) as parts:
            web = fetch(store, lines("ACC3"), connect=lambda: WebPacs.at(root, parts=parts), peer=root, parts=parts)
            again = fetch(
                store, lines("ACC1", "ACC9"), connect=lambda: WebPacs.at(root, parts=parts), peer=root, parts=parts
            )
    for report in (got, moved, web):
        assert report.members()["studies"] == {"complete": 1}
        assert report.members()["instances"]["new"] == 3
    assert again.members()["instances"]["new"] == 0
    assert again.members()["lines"] == {"found": 1, "not-found": 1}
    assert (counts(store)["ready"], discrepancies(store)) == (9, [])


def test_killed_in_mid_study_a_repeat_fetches_what_misses(tmp_path: Path) -> None:
    """kill -9 of the gateway's fetch: the same command brings the rest, each object once, and leaves no half."""
    gateway, wanted = tmp_path / "gateway", tmp_path / "wanted.csv"
    wanted.write_text("accession\nACC4711\nACC4712\n")
    site("init", gateway, "--hub", "http://127.0.0.1:9", "--token", "x", "--site", "ALFA", "--offline")
    files = [*series(tmp_path / "in", count=60), *series(tmp_path / "in", count=60, patient="4712")]
    with dcmqrscp(tmp_path / "pacs") as pacs:
        push(pacs, files)
        arguments = ["site", "fetch", gateway, "--accessions", wanted, "--from", pacs.name]
        command = [sys.executable, "-m", "radcommons", *map(str, arguments), "--rate", "0.03", "--associations", "1"]
        child = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        until = time.monotonic() + 120
        while _arrived(gateway) < 20 and time.monotonic() < until:
            time.sleep(0.3)
        child.send_signal(signal.SIGKILL)
        child.wait()
        before = _arrived(gateway)
        assert 20 <= before < 120
        found = site("fetch", gateway, "--accessions", wanted, "--from", pacs.name)
    assert found["studies"] == {"complete": 2}
    assert found["instances"]["here"] == 120
    assert 0 < found["instances"]["new"] <= 120 - before
    status = site("status", gateway)
    assert (status["seen"], status["ready"], status["discrepancies"]) == (120, 120, [])
    assert list((gateway / "inbox").rglob("*.dcm")) == []


def _arrived(gateway: Path) -> int:
    """Count the rows of arrivals, those that the dead process owed for its inbox not included."""
    if not (gateway / "store.db").exists():
        return 0
    opened = open_store(gateway)
    try:
        with opened.read() as connection:
            return int(connection.execute(sa.select(sa.func.count()).select_from(arrival)).scalar_one())
    finally:
        opened.close()


def test_a_peer_that_dies_in_mid_study_is_asked_again(store: Store, tmp_path: Path) -> None:
    """dcmqrscp killed while it sends and started again: the study comes whole, within one call."""
    port = free_port()
    files = series(tmp_path / "in", count=40)
    report: list[FetchReport] = []
    pace = Pace(associations=1, bytes_a_second=30_000, tries=12, first_pause_s=0.5)
    with dcmqrscp(tmp_path / "pacs", port=port) as pacs:
        push(pacs, files)
        thread = threading.Thread(target=lambda: report.append(fetched(store, pacs.name, lines("ACC4711"), pace=pace)))
        thread.start()
        _until(lambda: _count(store) >= 1)
        pacs.kill()
    with dcmqrscp(tmp_path / "pacs", port=port):
        thread.join(150)
    assert not thread.is_alive()
    assert report[0].members()["studies"] == {"complete": 1}
    assert report[0].members()["instances"]["here"] == 40
    assert counts(store)["ready"] == 40


def _count(store: Store) -> int:
    with store.read() as connection:
        return int(connection.execute(sa.select(sa.func.count()).select_from(arrival)).scalar_one())


def _until(claim: object, *, seconds: float = 60) -> None:
    until = time.monotonic() + seconds
    while not claim():  # type: ignore[operator]
        assert time.monotonic() < until
        time.sleep(0.05)


def test_a_peer_that_closes_after_every_third_object_comes_to_an_end(store: Store) -> None:
    """Each association asks for what misses alone, so that ten objects need four of them and are sent once."""
    with odd_pacs([ct_slice(number) for number in range(1, 11)], closes_after=3) as pacs:
        report = fetched(store, f"PACS@127.0.0.1:{pacs.port}", lines("ACC4711"))
    assert report.members()["studies"] == {"complete": 1}
    assert report.members()["instances"]["here"] == 10
    assert pacs.sent <= 12, "what had come was not sent again"
    assert len(pacs.asked_for[-1]) == 1


def test_another_study_than_asked_is_refused_and_told(store: Store) -> None:
    """A peer that sends another patient's object: nothing of it is kept, and the report says so."""
    other = [ct_slice(1, patient="9999"), ct_slice(2, PatientID="9999")]
    with odd_pacs([ct_slice(1), ct_slice(2)], sends_instead=other) as pacs:
        report = fetched(store, f"PACS@127.0.0.1:{pacs.port}", lines("ACC4711"))
    assert report.members()["instances"]["not_asked_for"] >= 2
    assert report.members()["studies"] == {"failed": 1}
    assert not report.is_clean
    assert (counts(store)["seen"], inbox(store)) == (0, [])


def test_answers_that_do_not_fit_are_left_out(store: Store) -> None:
    """A peer that ignores the accession number answers with every study; none but the right one is fetched."""
    held = [ct_slice(1), ct_slice(1, patient="4712"), ct_slice(1, patient="4713")]
    with odd_pacs(held, ignores={"AccessionNumber"}) as pacs:
        report = fetched(store, f"PACS@127.0.0.1:{pacs.port}", lines("ACC4712"))
    assert report.members()["not_asked_answers"] == 2
    assert (report.members()["instances"]["here"], pacs.sent) == (1, 1)


def test_twenty_thousand_hits_are_a_question(store: Store) -> None:
    """The peer is told to stop, nothing is fetched, and the line says what to do."""
    with odd_pacs([ct_slice(1)], invented=20_000) as pacs:
        report = fetched(store, f"PACS@127.0.0.1:{pacs.port}", lines("ACC4711"), pace=Pace(limit=100))
    assert report.members()["lines"] == {"too-many": 1}
    assert any("--limit" in sentence for sentence in report.sentences())
    assert pacs.answered < 20_000, "it was asked to stop"
    assert pacs.sent == 0


def test_one_accession_of_two_patients_is_not_fetched(store: Store) -> None:
    """A number that means two people is told, and neither is taken."""
    held = [ct_slice(1), ct_slice(1, patient="4712", AccessionNumber="ACC4711")]
    with odd_pacs(held) as pacs:
        report = fetched(store, f"PACS@127.0.0.1:{pacs.port}", lines("ACC4711"))
    assert (report.members()["lines"], pacs.sent) == ({"ambiguous": 1}, 0)


def test_who_opted_out_is_not_fetched(store: Store, tmp_path: Path) -> None:
    """A patient of the opt-out list is left at the PACS, and another one beside comes."""
    (tmp_path / "list.csv").write_text("4711\n")
    opt(store, tmp_path / "list.csv")
    with odd_pacs([ct_slice(1), ct_slice(1, patient="4712")]) as pacs:
        report = fetched(store, f"PACS@127.0.0.1:{pacs.port}", lines("ACC4711", "ACC4712"))
    assert report.members()["studies"] == {"withdrawn": 1, "complete": 1}
    assert pacs.sent == 1


def test_a_study_that_moves_in_the_meantime_is_told(store: Store) -> None:
    """Gone between answer and fetch: moved, not failed; gone before the next fetch: told as well."""
    with odd_pacs([ct_slice(1), ct_slice(2)], forgets_on_get=True) as pacs:
        report = fetched(store, f"PACS@127.0.0.1:{pacs.port}", lines("ACC4711"))
        later = fetched(store, f"PACS@127.0.0.1:{pacs.port}", lines("ACC4711"))
    assert report.members()["studies"] == {"moved": 1}
    assert later.members()["lines"] == {"moved": 1}


def test_the_same_instance_with_other_bytes_waits_for_a_person(store: Store) -> None:
    """Two objects of one UID that differ a little are both kept apart, and a person decides."""
    held = [ct_slice(1), ct_slice(2)]
    with odd_pacs(held, sends_instead=[*held, ct_slice(1, WindowCenter=40)]) as pacs:
        report = fetched(store, f"PACS@127.0.0.1:{pacs.port}", lines("ACC4711"))
    assert report.members()["instances"]["differing"] == 1
    assert (counts(store)["ready"], counts(store)["held"]) == (2, 1)


def test_no_value_of_a_patient_is_in_the_report_or_the_audit_trail(store: Store) -> None:
    """The report names lines of the list; the trail names studies by their new UID."""
    with odd_pacs([ct_slice(1)]) as pacs:
        report = fetched(store, f"PACS@127.0.0.1:{pacs.port}", lines("ACC4711", "ACC4799"))
    with store.read() as connection:
        trail = str(connection.execute(sa.select(audit)).all())
        assert connection.execute(sa.select(fetch_study.c.patient_id)).scalar_one() == "4711"
    for shown in (str(report.members()), "\n".join(report.sentences()), trail):
        assert "4711" not in shown
        assert "Quintessa" not in shown
    assert "fetch.complete" in trail


def test_a_peer_that_does_not_know_us_ends_the_fetch_at_once(store: Store, tmp_path: Path) -> None:
    """A refusal that no repeat mends is an error with its reason, not a row of attempts."""
    with dcmqrscp(tmp_path / "pacs") as pacs:
        began = time.monotonic()
        with pytest.raises(PeerError, match="AE title"):
            fetched(store, pacs.name.replace("PACS@", "OTHER@"), lines("A"), pace=Pace(tries=6, first_pause_s=10))
        assert time.monotonic() - began < 60, "six attempts would take minutes"


def test_a_silent_peer_is_left(store: Store) -> None:
    """A port that accepts and says nothing does not hold the gateway for ever."""
    import socket

    with socket.socket() as mute:
        mute.bind(("127.0.0.1", 0))
        mute.listen()
        with pytest.raises(PeerError):
            fetched(store, f"PACS@127.0.0.1:{mute.getsockname()[1]}", lines("A"), pace=Pace(tries=1))
