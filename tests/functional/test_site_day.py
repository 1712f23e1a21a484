"""Small things of a data manager's day: one image in two encodings, keys for backups, one process at a time."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydicom import dcmread
from pydicom.uid import ImplicitVRLittleEndian
from tests.functional.gateways import Gateway, make_gateway
from tests.functional.site_inputs import ct_slice, series, write

from radcommons.records.errors import Conflict
from radcommons.site.store import only_one
from radcommons.web.site_app import serve

pytestmark = pytest.mark.slow


@pytest.fixture
def gateway(tmp_path: Path) -> Gateway:
    """A gateway without a hub."""
    return make_gateway(tmp_path / "gateway", "http://127.0.0.1:9")


def write_implicit(path: Path, **changes: str) -> None:
    """Write the slice as an export writes it: implicit VR."""
    dataset = dcmread(write(path, ct_slice(1, **changes)))
    dataset.file_meta.TransferSyntaxUID = ImplicitVRLittleEndian
    dataset.save_as(path, enforce_file_format=True)


def test_an_export_of_what_was_fetched_is_a_duplicate(gateway: Gateway, tmp_path: Path) -> None:
    """The same values in another encoding raise no question; one other value does."""
    series(tmp_path / "pacs", count=1)
    gateway.add(tmp_path / "pacs")
    write_implicit(tmp_path / "cd" / "same")
    done = gateway.add(tmp_path / "cd")
    assert (done.states, done.codes) == ({"duplicate": 1}, {"duplicate": 1})
    assert "encoding" in gateway.rows()[1].reason
    write_implicit(tmp_path / "other" / "changed", PatientSex="M")
    assert gateway.add(tmp_path / "other").codes == {"uid-conflict": 1}
    assert gateway.counts() == {"seen": 3, "duplicate": 1, "held": 1, "ready": 1}


def test_a_key_for_backups_opens_them(gateway: Gateway, tmp_path: Path) -> None:
    """Made without another program, readable by its owner alone, never replaced."""
    key = tmp_path / "officer.key"
    status, made = gateway._run(["backup-key", str(key), "--json"])
    assert (status, key.stat().st_mode & 0o777) == (0, 0o600)
    before = key.read_bytes()
    assert gateway._run(["backup-key", str(key), "--json"])[0] == 2
    assert key.read_bytes() == before
    gateway.run("backup", tmp_path / "b.age", "--recipient", made["recipient"])
    status, proven = gateway.run_file("restore", tmp_path / "b.age", "--identity", key, "--what-if")
    assert (status, proven["missing"]) == (0, 0)


def test_nothing_is_removed_under_a_process_that_works_in_it(gateway: Gateway) -> None:
    """While the pages are served, uninstall refuses even with --despite, and so does a second server."""
    with only_one(gateway.directory, "serve"):
        assert gateway.run("uninstall", "--despite")[0] == 1
        with pytest.raises(Conflict, match="'serve'"):
            serve(
                gateway.directory, host="127.0.0.1", port=0, dimse_port=None, dimse_host="", dimse_aet=None, say=print
            )
    assert (gateway.directory / "store.db").exists()
    assert gateway.run("uninstall", "--despite")[0] in (0, 1)
    assert not gateway.directory.exists()
