"""A PACS pushes to the gateway: real associations, titles, commitment, TLS, and kill -9 between receipt and work."""

from __future__ import annotations

import ipaddress
import signal
import socket
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from queue import Queue
from typing import Any

import httpx
import pytest
import sqlalchemy as sa
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from pydicom.dataset import Dataset
from pynetdicom import AE, evt
from pynetdicom.association import Association
from tests.functional.site_inputs import ct_slice, series
from tests.functional.test_site import site

from radcommons.records.errors import PeerError
from radcommons.site.join import init
from radcommons.site.pacs import echo, parse_peer
from radcommons.site.pacs_tls import client_context
from radcommons.site.receive import decide_inbox, listen
from radcommons.site.receive_commit import COMMITMENT, COMMITMENT_INSTANCE
from radcommons.site.settings import SiteSettings
from radcommons.site.status import counts
from radcommons.site.store import Store, open_store
from radcommons.site.tables import commitment, file
from radcommons.site.watch import Watcher

pytestmark = pytest.mark.slow


def free_port() -> int:
    """Return a port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def serve(gateway: Path, port: int, dimse_port: int) -> subprocess.Popen[bytes]:
    """Start the gateway and wait until its page answers."""
    command = [sys.executable, "-m", "radcommons", "site", "serve", str(gateway), "--port", str(port)]
    child = subprocess.Popen([*command, "--dimse-port", str(dimse_port)], stderr=subprocess.PIPE)
    until = time.monotonic() + 90
    while time.monotonic() < until:
        try:
            if httpx.get(f"http://127.0.0.1:{port}/healthz", trust_env=False).status_code == 200:
                return child
        except httpx.HTTPError:
            time.sleep(0.2)
    raise AssertionError("the gateway did not start")


def push(port: int, numbers: range) -> int:
    """Send slices and return how many were acknowledged."""
    ae = AE("PACS")
    ae.add_requested_context(ct_slice().SOPClassUID, "1.2.840.10008.1.2.1")
    ae.add_requested_context("1.2.840.10008.1.1")
    association = ae.associate("127.0.0.1", port, ae_title="RADCOMMONS")
    assert association.is_established
    assert association.send_c_echo().Status == 0
    done = 0
    for number in numbers:
        dataset = ct_slice(number)
        dataset.ensure_file_meta()
        dataset.file_meta.TransferSyntaxUID = "1.2.840.10008.1.2.1"
        done += association.send_c_store(dataset).Status == 0
    association.release()
    return done


def test_what_was_acknowledged_survives_kill_9(tmp_path: Path) -> None:
    """Each acknowledged object ends in one outcome, also when the process dies at once and the PACS sends again."""
    gateway = tmp_path / "gateway"
    site("init", gateway, "--hub", "http://127.0.0.1:9", "--token", "x", "--site", "ALFA", "--offline")
    port, dimse_port = free_port(), free_port()
    child = serve(gateway, port, dimse_port)
    assert push(dimse_port, range(1, 6)) == 5
    child.send_signal(signal.SIGKILL)
    child.wait()
    child = serve(gateway, port, dimse_port)
    try:
        assert push(dimse_port, range(3, 9)) == 6
        until = time.monotonic() + 120
        while (found := site("status", gateway))["seen"] < 8 and time.monotonic() < until:
            time.sleep(1)
        assert (found["seen"], found["ready"]) == (8, 8)
        until = time.monotonic() + 30
        while list((gateway / "inbox").glob("*.dcm")) and time.monotonic() < until:
            time.sleep(0.5)
        assert list((gateway / "inbox").glob("*.dcm")) == [], "originals go when they are decided"
    finally:
        child.send_signal(signal.SIGTERM)
        _, log = child.communicate(timeout=60)
    assert child.returncode == 0
    assert b"Quintessa" not in log
    assert b"4711" not in log


def test_the_page_needs_a_sign_in_and_a_form_key(tmp_path: Path) -> None:
    """Nobody sees a file's name without the password; a form from elsewhere decides nothing."""
    gateway, secret = tmp_path / "gateway", tmp_path / "password"
    secret.write_text("correct horse battery")
    names = ("--hub", "http://127.0.0.1:9", "--token", "x", "--site", "ALFA", "--offline", "--password-file", secret)
    site("init", gateway, *names, "--user", "M. Roe", "--second-factor", "off")
    port = free_port()
    child = serve(gateway, port, free_port())
    try:
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", trust_env=False) as browser:
            html = {"Accept": "text/html"}
            for path in ("/", "/review", "/review/f/any", "/review/f/any/before.jpg"):
                assert browser.get(path, headers=html).status_code in (303, 401)
            wrong = browser.post("/sign-in", data={"email": "M. Roe", "password": "wrong"}, headers=html)
            assert wrong.status_code == 401
            signed_in = browser.post("/sign-in", data={"email": "M. Roe", "password": "correct horse battery"})
            assert signed_in.status_code == 303
            home = browser.get("/", headers=html)
            assert home.status_code == 200
            assert "script-src 'self'" in home.headers["content-security-policy"]
            assert browser.post("/review/f/any", data={"decision": "pass", "form_key": "guess"}).status_code == 403
            assert browser.get("/", headers={"Host": "evil.example"}).status_code == 400
    finally:
        child.send_signal(signal.SIGTERM)
        child.wait(60)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    """An offline gateway's store, with a route, an allow list and certificates of an authority of its own."""
    authority, server, _ = _certificates(tmp_path / "tls")
    settings = SiteSettings(
        hub="http://127.0.0.1:9",
        sites=("ALFA", "BETA"),
        dimse_titles=("BETACT=any-imaging@BETA",),
        dimse_callers=("PACS@127.0.0.0/8", "ELSEWHERE@10.0.0.0/8"),
        dimse_tls_certificate=str(server),
        dimse_tls_key=str(server),
        dimse_tls_ca=str(authority),
    )
    init(tmp_path / "gateway", settings=settings, token="x", offline=True)
    opened = open_store(tmp_path / "gateway")
    yield opened
    opened.close()


def _certificates(folder: Path) -> tuple[Path, Path, Path]:
    """Make a private authority, and a server's and a client's certificate of it (key and certificate in one file)."""
    folder.mkdir()
    now = datetime.now(UTC)

    def made(name: str, signer: tuple[x509.Name, ec.EllipticCurvePrivateKey] | None) -> ec.EllipticCurvePrivateKey:
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        issuer, signing = signer or (subject, key)
        built = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(issuer)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(days=1))
            .not_valid_after(now + timedelta(days=1))
            .add_extension(x509.BasicConstraints(ca=signer is None, path_length=None), critical=True)
            .add_extension(
                x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False
            )
            .sign(signing, hashes.SHA256())
        )
        private = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        (folder / name).write_bytes(private + built.public_bytes(serialization.Encoding.PEM))
        return key

    root = made("authority", None)
    signer = (x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "authority")]), root)
    made("server", signer)
    made("client", signer)
    return folder / "authority", folder / "server", folder / "client"


def _plain(store: Store) -> Store:
    """The same store without certificates, for what is not about TLS."""
    settings = replace(store.settings, dimse_tls_certificate="", dimse_tls_key="", dimse_tls_ca="")
    return Store(directory=store.directory, engine=store.engine, settings=settings)


@contextmanager
def _associated(port: int, called: str, *, calling: str = "PACS", **more: Any) -> Iterator[Association]:
    """Be a PACS that knows C-STORE of CT, C-ECHO and storage commitment."""
    ae = AE(calling)
    ae.acse_timeout = 10
    for sop_class in (ct_slice().SOPClassUID, "1.2.840.10008.1.1", COMMITMENT):
        ae.add_requested_context(sop_class, "1.2.840.10008.1.2.1")
    association = ae.associate("127.0.0.1", port, ae_title=called, **more)
    try:
        yield association
    finally:
        if association.is_established:
            association.release()


def _store_slices(association: Association, numbers: range) -> None:
    for number in numbers:
        dataset = ct_slice(number)
        dataset.ensure_file_meta()
        dataset.file_meta.TransferSyntaxUID = "1.2.840.10008.1.2.1"
        assert association.send_c_store(dataset).Status == 0


def test_who_is_not_on_the_list_is_refused_before_anything_is_read(store: Store) -> None:
    """A title or an address that nobody named gets no association; a title of ours that nobody gave, neither."""
    receiver = listen(_plain(store), port=0)
    try:
        for calling, called, is_welcome in (
            ("PACS", "RADCOMMONS", True),
            ("PACS", "BETACT", True),
            ("PACS", "NOBODY", False),
            ("STRANGER", "RADCOMMONS", False),
            ("ELSEWHERE", "RADCOMMONS", False),
        ):
            with _associated(receiver.port, called, calling=calling) as association:
                assert (association.is_established, association.is_rejected) == (is_welcome, not is_welcome)
    finally:
        receiver.close()


def test_each_title_is_judged_for_its_own_site(store: Store) -> None:
    """What is pushed to the second title belongs to the second hospital, also after a restart."""
    receiver = listen(_plain(store), port=0)
    with _associated(receiver.port, "RADCOMMONS") as association:
        _store_slices(association, range(1, 3))
    with _associated(receiver.port, "BETACT") as association:
        _store_slices(association, range(3, 6))
    receiver.close()
    assert decide_inbox(_plain(store)) == 5
    with store.read() as connection:
        found = Counter(connection.execute(sa.select(file.c.site)).scalars())
    assert found == {"ALFA": 2, "BETA": 3}
    assert list((store.directory / "inbox").rglob("*.dcm")) == []


@pytest.mark.parametrize("way", ["same association", "own association"])
def test_commitment_is_given_for_what_is_durable_and_for_nothing_else(store: Store, way: str) -> None:
    """Stored objects are committed before and after they are decided; unknown and excluded ones are not."""
    reports: list[tuple[int, Dataset]] = []
    told = threading.Event()

    def on_report(event: Any) -> tuple[int, None]:
        reports.append((event.event_type, event.event_information))
        told.set()
        return 0x0000, None

    handlers: Any = [(evt.EVT_N_EVENT_REPORT, on_report)]
    plain = _plain(store)
    own = AE("PACS")
    own.add_supported_context(COMMITMENT, scu_role=False, scp_role=True)
    server = own.start_server(("127.0.0.1", 0), block=False, evt_handlers=handlers)
    assert server is not None
    if way == "own association":
        peers = (f"PACS@127.0.0.1:{server.server_address[1]}",)
        plain = Store(
            directory=plain.directory, engine=plain.engine, settings=replace(plain.settings, dimse_peers=peers)
        )
    receiver = listen(plain, port=0)
    try:
        with _associated(receiver.port, "RADCOMMONS", evt_handlers=handlers) as association:
            _store_slices(association, range(1, 4))
            for is_decided in (False, True):
                if is_decided:
                    assert decide_inbox(plain) == 3
                told.clear()
                status, _ = association.send_n_action(_asked(range(1, 6)), 1, COMMITMENT, COMMITMENT_INSTANCE)
                assert status.Status == 0
                assert told.wait(20), "no report came"
    finally:
        receiver.close()
        server.shutdown()
        server.server_close()
    for kind, information in reports:
        assert kind == 2, "some failed"
        safe = {one.ReferencedSOPInstanceUID for one in information.ReferencedSOPSequence}
        failed = {one.ReferencedSOPInstanceUID: one.FailureReason for one in information.FailedSOPSequence}
        assert safe == {ct_slice(number).SOPInstanceUID for number in range(1, 4)}
        assert failed == {ct_slice(number).SOPInstanceUID: 0x0112 for number in (4, 5)}
        assert information.TransactionUID == "1.2.3.4"
    assert len(reports) == 2


def test_promised_report_comes_after_a_restart(store: Store) -> None:
    """The sender's own port was away and the gateway stopped: the next start sends the report, once."""
    told: Queue[Dataset] = Queue()
    own = AE("PACS")
    own.add_supported_context(COMMITMENT, scu_role=False, scp_role=True)
    port = free_port()
    plain = _plain(store)
    settings = replace(plain.settings, dimse_peers=(f"PACS@127.0.0.1:{port}",))
    plain = Store(directory=plain.directory, engine=plain.engine, settings=settings)
    receiver = listen(plain, port=0)
    with _associated(receiver.port, "RADCOMMONS") as association:
        _store_slices(association, range(1, 3))
        status, _ = association.send_n_action(_asked(range(1, 4)), 1, COMMITMENT, COMMITMENT_INSTANCE)
        assert status.Status == 0
    receiver.close()

    def on_report(event: Any) -> tuple[int, None]:
        told.put(event.event_information)
        return 0x0000, None

    handlers: Any = [(evt.EVT_N_EVENT_REPORT, on_report)]
    server = own.start_server(("127.0.0.1", port), block=False, evt_handlers=handlers)
    assert server is not None
    again = listen(plain, port=0)
    try:
        information = told.get(timeout=20)
        assert len(information.ReferencedSOPSequence) == 2
        assert len(information.FailedSOPSequence) == 1
        assert _soon(lambda: _owed(plain) == 0)
    finally:
        again.close()
        server.shutdown()
        server.server_close()
    assert told.empty()


def _owed(store: Store) -> int:
    with store.read() as connection:
        return int(connection.execute(sa.select(sa.func.count()).select_from(commitment)).scalar_one())


def _soon(holds: Callable[[], bool], *, seconds: float = 20) -> bool:
    for _ in range(int(seconds / 0.1)):
        if holds():
            return True
        time.sleep(0.1)
    return holds()


def _asked(numbers: range) -> Dataset:
    asked = Dataset()
    asked.TransactionUID = "1.2.3.4"
    items = []
    for number in numbers:
        item = Dataset()
        item.ReferencedSOPClassUID = ct_slice(number).SOPClassUID
        item.ReferencedSOPInstanceUID = ct_slice(number).SOPInstanceUID
        items.append(item)
    asked.ReferencedSOPSequence = items
    return asked


def test_tls_needs_a_certificate_of_the_authority_on_both_sides(store: Store, tmp_path: Path) -> None:
    """With one it answers; without one, over plain DICOM, or with a server of another authority it does not."""
    receiver = listen(store, port=0)
    address = f"RADCOMMONS@127.0.0.1:{receiver.port}"
    client = replace(
        store.settings,
        dimse_tls_certificate=str(tmp_path / "tls" / "client"),
        dimse_tls_key=str(tmp_path / "tls" / "client"),
    )
    foreign, _, _ = _certificates(tmp_path / "foreign")
    try:
        good = parse_peer(address, our_aet="PACS", tls=client_context(client))
        assert echo(good).is_encrypted
        nameless = client_context(replace(client, dimse_tls_certificate="", dimse_tls_key=""))
        distrusting = client_context(replace(client, dimse_tls_ca=str(foreign)))
        for context in (None, nameless, distrusting):
            with pytest.raises(PeerError):
                echo(replace(good, tls=context, silence_s=5))
        with _associated(receiver.port, "RADCOMMONS", tls_args=(client_context(client), "127.0.0.1")) as association:
            _store_slices(association, range(1, 2))
    finally:
        receiver.close()
    assert len(list((store.directory / "inbox").glob("*.dcm"))) == 1


def test_a_watched_folder_is_taken_when_it_is_still(store: Store, tmp_path: Path) -> None:
    """Files are added in place, a growing one later, and nothing is deleted."""
    folder = tmp_path / "share"
    paths = series(folder, count=3)
    whole = paths[2].read_bytes()
    paths[2].write_bytes(whole[:-500])
    watcher = Watcher(store, [folder], still_s=1.0, round_s=0.3)
    watcher.start()
    try:
        for _ in range(6):
            time.sleep(0.2)
            paths[2].write_bytes(whole[: -500 + 50 * _])
        paths[2].write_bytes(whole)
        until = time.monotonic() + 90
        while counts(store)["ready"] < 3 and time.monotonic() < until:
            time.sleep(0.3)
    finally:
        watcher.stop()
    assert (counts(store)["seen"], counts(store)["ready"]) == (3, 3), "the growing file was judged once, when whole"
    assert all(path.exists() for path in paths)
