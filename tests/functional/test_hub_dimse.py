"""The hub's DICOM port: dcmtk's tools and pynetdicom as peers; rights, statuses, and bytes that stay as they came."""

from __future__ import annotations

import io
import ipaddress
import os
import socket
import subprocess
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from pydicom import Dataset, dcmread
from pynetdicom import AE, evt
from pynetdicom.association import Association
from pynetdicom.dimse_primitives import C_STORE
from pynetdicom.pdu_primitives import SCP_SCU_RoleSelectionNegotiation, UserIdentityNegotiation
from tests.functional.pacs_peers import dcmtk, free_port

from radcommons.catalogue import tables as t
from radcommons.catalogue.accounts import create_token
from radcommons.hub.check import check
from radcommons.platform.settings import HubSettings
from radcommons.records.errors import UsageError
from radcommons.records.event import Role
from radcommons.testing.hubs import TestHub, running_hub
from radcommons.testing.sender import CT_IMAGE, Made, Sender
from radcommons.web.hub_peer import bind

_COUNTER = iter(range(10, 10_000))
_EXPLICIT, _BIG_ENDIAN, _RLE = "1.2.840.10008.1.2.1", "1.2.840.10008.1.2.2", "1.2.840.10008.1.2.5"
_STUDY_FIND, _STUDY_GET = "1.2.840.10008.5.1.4.1.2.2.1", "1.2.840.10008.5.1.4.1.2.2.3"
_PATIENT_FIND = "1.2.840.10008.5.1.4.1.2.1.1"


@dataclass(frozen=True)
class Port:
    """A hub with an open DICOM port, and a direct token for it."""

    hub: TestHub
    number: int
    token: str
    landing: int


@contextmanager
def opened(folder: Path, **chosen: Any) -> Iterator[Port]:
    """Run a hub with a DICOM port; the title LISTED speaks with the token `loader`."""
    landing = free_port()
    settings = {
        "dimse_callers": ("LISTED=loader", "client=loader"),
        "dimse_destinations": (f"LANDING@127.0.0.1:{landing}",),
        **chosen,
    }
    with running_hub(folder, run_jobs=False, **settings) as hub:
        token = create_token(hub.platform.engine, role=Role.CURATOR, name="loader", dataset="covid-chest")
        port = bind(hub.platform.settings, host="127.0.0.1", port=0, ports=lambda: hub.platform)
        port.start()
        try:
            yield Port(hub, port.port, token, landing)
        finally:
            port.close()


@pytest.fixture(scope="module")
def port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Port]:
    """One hub for the tests of this file."""
    with opened(tmp_path_factory.mktemp("hub")) as made:
        yield made


def instances(count: int = 1, *, patient: str = "P1", **changed: str) -> list[Made]:
    """Return instances of a study of its own."""
    sender = Sender(site=f"D{next(_COUNTER)}")

    def change(dataset: Dataset) -> None:
        for keyword, value in changed.items():
            setattr(dataset, keyword, value)

    return [sender.instance(number=number + 1, patient=patient, change=change) for number in range(count)]


def data_set(content: bytes) -> bytes:
    """Return the data set of a file, as it is encoded."""
    return content[144 + int.from_bytes(content[140:144], "little") :]


def tool(name: str, *arguments: object) -> subprocess.CompletedProcess[str]:
    """Run a tool of dcmtk."""
    return subprocess.run([dcmtk(name), *map(str, arguments)], capture_output=True, text=True, timeout=120)


def written(folder: Path, made: Sequence[Made]) -> list[Path]:
    """Write instances as files."""
    paths = [folder / f"{one.item.sop_instance_uid}.dcm" for one in made]
    for path, one in zip(paths, made, strict=True):
        path.write_bytes(one.content)
    return paths


def push(port: Port, paths: Sequence[Path], *options: str) -> subprocess.CompletedProcess[str]:
    """Send files by dcmtk's storescu with the hub's direct token."""
    return tool("storescu", "-usr", "any", "-pwd", port.token, *options, "127.0.0.1", port.number, *paths)


def stored(port: Port, made: Made) -> bytes | None:
    """Return an instance as DICOMweb gives it back to the direct token, None where there is none."""
    item = made.item
    path = f"studies/{item.study_instance_uid}/series/{item.series_instance_uid}/instances/{item.sop_instance_uid}"
    headers = {"Authorization": f"Bearer {port.token}", "Accept": "application/dicom"}
    answer = port.hub.client.get(f"/dicomweb/{path}", headers=headers)
    return answer.content if answer.status_code == 200 else None


@contextmanager
def associated(
    port: Port, *classes: str, token: str | None = None, syntax: str = _EXPLICIT, handlers: Any = ()
) -> Iterator[Association]:
    """Associate by pynetdicom; `token` is the passcode."""
    identity = UserIdentityNegotiation()
    identity.user_identity_type, identity.primary_field = 2, b"any"
    identity.secondary_field = (port.token if token is None else token).encode()
    identity.positive_response_requested = True
    negotiated: list[Any] = [identity]
    ae = AE(ae_title="ELSEWHERE")
    for one in classes:
        ae.add_requested_context(one, syntax)
        if one == CT_IMAGE and _STUDY_GET in classes:
            role = SCP_SCU_RoleSelectionNegotiation()
            role.sop_class_uid, role.scu_role, role.scp_role = one, False, True
            negotiated.append(role)
    made = ae.associate("127.0.0.1", port.number, ext_neg=negotiated, evt_handlers=list(handlers))
    try:
        yield made
    finally:
        if made.is_established:
            made.release()


def status_of(port: Port, dataset: Dataset, **options: Any) -> int:
    """Send a data set by pynetdicom and return the status."""
    with associated(port, CT_IMAGE, **options) as association:
        assert association.is_established
        return int(association.send_c_store(dataset).Status)


def nothing_is_left(port: Port) -> bool:
    """Say whether nothing lies where arriving bytes lie, and the hub finds nothing wrong with itself."""
    return not list(port.hub.platform.temporary.iterdir()) and not check(port.hub.platform).faults


def test_what_comes_is_kept_as_it_came(port: Port, tmp_path: Path) -> None:
    """dcmtk sends a series; each data set lies here byte for byte, is read at once, and sending it again is success."""
    made = instances(5)
    paths = written(tmp_path, made)
    for _ in range(2):
        done = push(port, paths)
        assert done.returncode == 0, done.stderr
    for one in made:
        found = stored(port, one)
        assert found is not None
        assert data_set(found) == data_set(one.content)
        assert dcmread(io.BytesIO(found)).file_meta.TransferSyntaxUID == _EXPLICIT
    assert nothing_is_left(port)


def test_nobody_unknown_is_let_in(port: Port) -> None:
    """Without a token, with a wrong one, or with a title that is not listed there is no association for C-ECHO."""
    assert tool("echoscu", "127.0.0.1", port.number).returncode != 0
    assert tool("echoscu", "-aet", "LISTED", "127.0.0.1", port.number).returncode == 0
    with associated(port, "1.2.840.10008.1.1", token="rcm_wrong") as association:
        assert association.is_rejected
    with associated(port, "1.2.840.10008.1.1") as association:
        assert association.send_c_echo().Status == 0


def test_a_title_speaks_for_one_live_token_alone(tmp_path: Path) -> None:
    """When the token of a listed title is over, or another has its name, the title is not let in any more."""
    with opened(tmp_path / "hub") as port:
        engine = port.hub.platform.engine
        assert tool("echoscu", "-aet", "LISTED", "127.0.0.1", port.number).returncode == 0
        create_token(engine, role=Role.CURATOR, name="loader", dataset="covid-chest")
        assert tool("echoscu", "-aet", "LISTED", "127.0.0.1", port.number).returncode != 0


def test_rights_are_asked_at_each_object(tmp_path: Path) -> None:
    """A token that is revoked in the middle of an association stores nothing more; a researcher's never stores."""
    with opened(tmp_path / "hub") as port, associated(port, CT_IMAGE) as association:
        first, second, third = (dcmread(io.BytesIO(one.content)) for one in instances(3))
        assert association.send_c_store(first).Status == 0x0000
        with port.hub.platform.engine.begin() as connection:
            connection.execute(t.api_token.update().values(revoked_at="2020-01-01T00:00:00Z"))
        assert association.send_c_store(second).Status == 0x0124
        researcher = create_token(port.hub.platform.engine, role=Role.RESEARCHER, name="r")
        assert status_of(port, third, token=researcher) == 0x0124
        assert nothing_is_left(port)


def test_refusals_say_why_and_leave_nothing(port: Port) -> None:
    """Other bytes for a known UID, names that are not the command's, and what is no image get the standard's status."""
    one, other, broken = (dcmread(io.BytesIO(made.content)) for made in instances(3))
    assert status_of(port, one) == 0x0000
    one.SeriesDescription = "changed"
    assert status_of(port, one) == 0x0111
    before = len(_digests(port))
    with associated(port, CT_IMAGE) as association:
        lying = _raw(association, data_set_of(other), instance="1.2.3.4")
        assert lying == 0xA900
        assert _raw(association, b"\x01\x02\x03nonsense" * 9, instance="1.2.3.4") == 0xC000
        assert _raw(association, data_set_of(broken)[:300], instance=str(broken.SOPInstanceUID)) & 0xF000 == 0xC000
    assert len(_digests(port)) == before
    assert nothing_is_left(port)


def data_set_of(dataset: Dataset) -> bytes:
    """Return a data set as it is encoded, explicit little endian."""
    target = io.BytesIO()
    dataset.save_as(target)
    return data_set(target.getvalue())


def _digests(port: Port) -> list[str]:
    with port.hub.platform.engine.connect() as connection:
        return list(connection.execute(sa.select(t.instance.c.digest)).scalars())


def _raw(association: Association, encoded: bytes, *, instance: str) -> int:
    """Send any bytes as a data set."""
    request = C_STORE()
    request.MessageID, request.Priority = 7, 0
    request.AffectedSOPClassUID, request.AffectedSOPInstanceUID = CT_IMAGE, instance
    request.DataSet = io.BytesIO(encoded)
    association._reactor_checkpoint.clear()
    association.dimse.send_msg(request, association.accepted_contexts[0].context_id or 1)
    _, answer = association.dimse.get_msg(block=True)
    association._reactor_checkpoint.set()
    assert isinstance(answer, C_STORE)
    return int(answer.Status or 0)


def test_an_object_beyond_the_limit(tmp_path: Path) -> None:
    """What is too large is refused as out of resources, the association goes on, and nothing is left of it."""
    with opened(tmp_path / "hub", part_limit=20_000) as port:
        small, large = instances(2)
        bloated = dcmread(io.BytesIO(large.content))
        bloated.Rows = bloated.Columns = 256
        bloated.PixelData = bytes(256 * 256 * 2)
        with associated(port, CT_IMAGE) as association:
            assert association.send_c_store(bloated).Status == 0xA700
            assert association.send_c_store(dcmread(io.BytesIO(small.content))).Status == 0x0000
        assert nothing_is_left(port)


def test_associations_at_once(port: Port, tmp_path: Path) -> None:
    """Four senders, one instance common to all: each is told success, and each instance lies here once."""
    common = instances(1)
    every = [instances(6) + common for _ in range(4)]
    failed: list[str] = []

    def send(number: int) -> None:
        folder = tmp_path / str(number)
        folder.mkdir()
        done = push(port, written(folder, every[number]))
        failed.extend([done.stderr] if done.returncode else [])

    threads = [threading.Thread(target=send, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failed
    assert all(stored(port, one) for some in every for one in some)
    assert len(_digests(port)) == len(set(_digests(port)))


def test_a_lost_line_leaves_nothing(port: Port) -> None:
    """A sender that goes away in the middle of an object, and bytes that are no DICOM, leave nothing behind."""
    for garbage in (b"GET / HTTP/1.1\r\n\r\n", b"\1\0\0\0\0\4abcd", b"\1\0\xff\xff\xff\xff", os.urandom(4000)):
        with socket.create_connection(("127.0.0.1", port.number)) as line:
            line.sendall(garbage)
    with associated(port, CT_IMAGE) as association:
        transport: Any = association.dul.socket
        transport.socket.sendall(b"\4\0\0\0\0\x40\0\0\0\x3c\1\3" + bytes(58))
    assert tool("echoscu", "-aet", "LISTED", "127.0.0.1", port.number).returncode == 0
    assert nothing_is_left(port)


def test_find(port: Port, tmp_path: Path) -> None:
    """C-FIND at each level finds what was stored, by exact, wildcard and list matching, and returns what is asked."""
    made = instances(3)
    assert push(port, written(tmp_path, made)).returncode == 0
    item = made[0].item
    levels = (
        (_PATIENT_FIND, "PATIENT", {"PatientID": item.patient[:-1] + "*"}, 1),
        (_STUDY_FIND, "STUDY", {"StudyInstanceUID": item.study_instance_uid, "NumberOfStudyRelatedInstances": ""}, 1),
        (_STUDY_FIND, "SERIES", {"StudyInstanceUID": item.study_instance_uid, "Modality": "CT"}, 1),
        (_STUDY_FIND, "IMAGE", {"SeriesInstanceUID": item.series_instance_uid, "SOPInstanceUID": ""}, 3),
        (_STUDY_FIND, "IMAGE", {"SOPInstanceUID": [one.item.sop_instance_uid for one in made[:2]]}, 2),
        (_STUDY_FIND, "STUDY", {"PatientID": "NOBODY"}, 0),
    )
    for syntax in (_EXPLICIT, "1.2.840.10008.1.2"):
        for model, level, keys, count in levels:
            with associated(port, model, syntax=syntax) as association:
                asked = Dataset()
                asked.QueryRetrieveLevel = level
                for keyword, value in keys.items():
                    setattr(asked, keyword, value)
                answers = list(association.send_c_find(asked, model))
            assert answers[-1][0].Status == 0x0000
            assert [status.Status for status, _ in answers[:-1]] == [0xFF00] * count, level
            for _, found in answers[:-1]:
                assert found is not None
                assert found.QueryRetrieveLevel == level
                assert found.RetrieveAETitle == "RADCOMMONS"
                assert all(keyword in found for keyword in keys)
    listed = tool("findscu", "-S", "-aet", "LISTED", "-k", "QueryRetrieveLevel=STUDY", "-k", "StudyInstanceUID",
                  "127.0.0.1", port.number)  # fmt: skip
    assert item.study_instance_uid in listed.stderr + listed.stdout
    wrong = Dataset()
    wrong.QueryRetrieveLevel = "PATIENT"  # which the study root has not
    with associated(port, _STUDY_FIND) as association:
        assert [one.Status for one, _ in association.send_c_find(wrong, _STUDY_FIND)] == [0xA900]


def test_only_what_the_caller_may_see(port: Port, tmp_path: Path) -> None:
    """A researcher finds and gets nothing of what is not released, with the same words as for what does not exist."""
    made = instances(1)
    assert push(port, written(tmp_path, made)).returncode == 0
    token = create_token(port.hub.platform.engine, role=Role.RESEARCHER, name="researcher")
    asked = Dataset()
    asked.QueryRetrieveLevel, asked.StudyInstanceUID = "STUDY", made[0].item.study_instance_uid
    with associated(port, _STUDY_FIND, _STUDY_GET, CT_IMAGE, token=token) as association:
        assert [one.Status for one, _ in association.send_c_find(asked, _STUDY_FIND)] == [0x0000]
        (status, _), *more = list(association.send_c_get(asked, _STUDY_GET))
        assert (status.Status, status.NumberOfCompletedSuboperations, more) == (0x0000, 0, [])


def test_get(port: Port, tmp_path: Path) -> None:
    """C-GET brings a study with the data sets byte for byte, by dcmtk and by pynetdicom."""
    made = instances(4)
    assert push(port, written(tmp_path, made)).returncode == 0
    uid = made[0].item.study_instance_uid
    target = tmp_path / "got"
    target.mkdir()
    done = tool("getscu", "-S", "+B", "-aet", "LISTED", "-od", target, "-k", "QueryRetrieveLevel=STUDY",
                "-k", f"StudyInstanceUID={uid}", "127.0.0.1", port.number)  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert {data_set(path.read_bytes()) for path in target.iterdir()} == {data_set(one.content) for one in made}
    came: list[bytes] = []

    def take(event: Any) -> int:
        came.append(event.request.DataSet.getvalue())
        return 0

    asked = Dataset()
    asked.QueryRetrieveLevel, asked.StudyInstanceUID = "IMAGE", uid
    asked.SeriesInstanceUID = made[0].item.series_instance_uid
    asked.SOPInstanceUID = [one.item.sop_instance_uid for one in made[1:3]]
    with associated(port, _STUDY_GET, CT_IMAGE, handlers=[(evt.EVT_C_STORE, take)]) as association:
        last = list(association.send_c_get(asked, _STUDY_GET))[-1][0]
    assert (last.Status, last.NumberOfCompletedSuboperations) == (0x0000, 2)
    assert sorted(came) == sorted(data_set(one.content) for one in made[1:3])


def test_move(port: Port, tmp_path: Path) -> None:
    """C-MOVE sends a study to a destination that the settings name, byte for byte; to no other."""
    made = instances(4)
    assert push(port, written(tmp_path, made)).returncode == 0
    uid = made[0].item.study_instance_uid
    asked = ("-S", "-aet", "LISTED", "-k", "QueryRetrieveLevel=STUDY", "-k", f"StudyInstanceUID={uid}")
    away = tool("movescu", *asked, "-aem", "LANDING", "127.0.0.1", port.number)
    assert away.returncode != 0  # nobody listens there
    target = tmp_path / "moved"
    target.mkdir()
    landing = subprocess.Popen([dcmtk("storescp"), "+B", "-od", str(target), str(port.landing)])
    try:
        _wait_for(port.landing)
        done = tool("movescu", *asked, "-aem", "LANDING", "127.0.0.1", port.number)
        assert done.returncode == 0, done.stderr
    finally:
        landing.kill()
        landing.wait()
    assert {data_set(path.read_bytes()) for path in target.iterdir()} == {data_set(one.content) for one in made}
    unknown = tool("movescu", "-v", *asked, "-aem", "ELSEWHERE", "127.0.0.1", port.number)
    assert "MoveDestinationUnknown" in unknown.stdout + unknown.stderr


def _wait_for(port: int) -> None:
    for _ in range(100):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        threading.Event().wait(0.05)
    raise AssertionError("nobody listens")


def test_others_need_tls(port: Port) -> None:
    """The port opens for other machines with a certificate alone."""
    settings = port.hub.platform.settings
    with pytest.raises(UsageError, match="needs TLS"):
        bind(settings, host="0.0.0.0", port=0, ports=lambda: port.hub.platform)
    with pytest.raises(UsageError, match="names no"):
        bind(_with(settings, dimse_callers=("NAMELESS",)), host="127.0.0.1", port=0, ports=lambda: port.hub.platform)


def _with(settings: HubSettings, **changed: Any) -> HubSettings:
    return settings.model_copy(update=changed)


def test_certificates_vouch_for_titles(tmp_path: Path) -> None:
    """With an authority, a title is believed when the certificate has its name; a token suffices without one."""
    authority, server, client = _certificates(tmp_path / "keys")
    chosen = {"dimse_tls_certificate": server, "dimse_tls_authority": authority}
    made = instances(2)
    paths = written(tmp_path, made)
    with opened(tmp_path / "hub", **chosen) as port:
        own = ("+tls", client, client, "+cf", authority)
        assert tool("echoscu", *own, "-aet", "client", "127.0.0.1", port.number).returncode == 0
        assert tool("echoscu", *own, "-aet", "LISTED", "127.0.0.1", port.number).returncode != 0
        assert tool("storescu", *own, "-aet", "client", "127.0.0.1", port.number, paths[0]).returncode == 0
        done = push(port, paths[1:], "+tla", "+cf", str(authority))
        assert done.returncode == 0, done.stderr
        assert all(stored(port, one) for one in made)
        assert tool("echoscu", "-aet", "LISTED", "127.0.0.1", port.number).returncode != 0  # in clear


def _certificates(folder: Path) -> tuple[Path, Path, Path]:
    """Make a private authority, and a server's and a client's certificate of it (key and certificate in one file)."""
    folder.mkdir()
    now = datetime.now(UTC)
    here = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
    root = ec.generate_private_key(ec.SECP256R1())
    for name in ("authority", "server", "client"):
        key = root if name == "authority" else ec.generate_private_key(ec.SECP256R1())
        built = (
            x509.CertificateBuilder()
            .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]))
            .issuer_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "authority")]))
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(days=1))
            .not_valid_after(now + timedelta(days=1))
            .add_extension(x509.BasicConstraints(ca=name == "authority", path_length=None), critical=True)
            .add_extension(here, critical=False)
            .sign(root, hashes.SHA256())
        )
        encoding = serialization.Encoding.PEM
        private = key.private_bytes(encoding, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        (folder / name).write_bytes(private + built.public_bytes(encoding))
    return folder / "authority", folder / "server", folder / "client"
