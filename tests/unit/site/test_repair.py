"""Missing UIDs are derived: the same every time, one for each object, and the input stays as it was."""

from __future__ import annotations

import csv
import hashlib
from pathlib import Path

import pytest

from radcommons.dicom.read import Header, read_header
from radcommons.dicom.uids import uid_problem
from radcommons.site.repair import with_uids

SECRET = b"s" * 32


def _repaired(path: Path) -> tuple[Header, str, set[str]]:
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    with path.open("rb") as source:
        header = read_header(source)
    dataset, findings = with_uids(header, secret=SECRET, original_digest=digest)
    return header, str(dataset.SOPInstanceUID), {finding.code for finding in findings}


def test_a_series_without_instance_uids_stays_a_series(shared_data: Path) -> None:
    """Real slices without SOP Instance UID, one placeholder in their file meta: each gets its own, twice the same."""
    with (shared_data / "MANIFEST.csv").open(encoding="utf-8") as table:
        paths = [shared_data / row["file"] for row in csv.DictReader(table) if "ct_covid_ct_md/normal" in row["file"]]
    assert len(paths) == 10
    first, second = [_repaired(path) for path in paths], [_repaired(path) for path in paths]
    uids = [uid for _, uid, _ in first]
    assert len(set(uids)) == len(paths)
    assert uids == [uid for _, uid, _ in second]
    assert not any(uid_problem(uid) for uid in uids)
    assert all(codes == {"uid-missing", "uid-invalid"} for _, _, codes in first)


def test_the_input_is_not_changed(shared_data: Path) -> None:
    """The header that was read keeps its empty UID."""
    path = next((shared_data / "ct_covid_ct_md" / "normal002").iterdir())
    header, uid, _ = _repaired(path)
    assert uid
    assert not header.dataset.get("SOPInstanceUID")


@pytest.mark.parametrize("other", [b"t" * 32])
def test_another_site_derives_others(shared_data: Path, other: bytes) -> None:
    """Derived UIDs hang on the site's secret."""
    path = next((shared_data / "ct_covid_ct_md" / "normal002").iterdir())
    with path.open("rb") as source:
        header = read_header(source)
    ours, _ = with_uids(header, secret=SECRET, original_digest="d")
    theirs, _ = with_uids(header, secret=other, original_digest="d")
    assert ours.SOPInstanceUID != theirs.SOPInstanceUID
