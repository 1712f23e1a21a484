"""The disk fills at 3 a.m.: what a PACS sends stays there, is told, and comes when there is room."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from pynetdicom import AE
from tests.disks import SmallDisk
from tests.functional.pacs_peers import dcmqrscp, push
from tests.functional.site_inputs import ct_slice, write
from tests.functional.test_site_fetch import fetched, inbox, lines

from radcommons.records.errors import StorageError
from radcommons.site.join import init
from radcommons.site.receive import decide_inbox, listen
from radcommons.site.settings import SiteSettings
from radcommons.site.status import counts, discrepancies
from radcommons.site.store import Store, open_store

pytestmark = pytest.mark.slow
SLICES = 24
OUT_OF_RESOURCES = 0xA700


@pytest.fixture
def disk(small_disk: Callable[[str], SmallDisk]) -> SmallDisk:
    """A disk of three megabytes."""
    return small_disk("3m")


@pytest.fixture
def night(disk: SmallDisk) -> Iterator[Store]:
    """A gateway on that disk."""
    directory = disk.path / "gateway"
    init(directory, settings=SiteSettings(hub="http://127.0.0.1:9", sites=("ALFA",)), token="x", offline=True)
    store = open_store(directory)
    yield store
    store.close()


def _large_slices(folder: Path) -> list[Path]:
    """Slices of 512 KB, of which a handful fills the disk."""
    drawn, made = np.random.default_rng(3), []
    for number in range(1, SLICES + 1):
        dataset = ct_slice(number)
        dataset.Rows = dataset.Columns = 512
        dataset.PixelData = drawn.integers(-1000, 1000, (512, 512)).astype("<i2").tobytes()
        made.append(write(folder / f"{number}.dcm", dataset))
    return made


def test_a_fetch_stops_and_goes_on(night: Store, disk: SmallDisk, tmp_path: Path) -> None:
    """The fetch says that the disk is full; with room, the same fetch brings what misses, each object once."""
    with dcmqrscp(tmp_path / "pacs") as pacs:
        push(pacs, _large_slices(tmp_path / "in"))
        with pytest.raises(StorageError, match="disk is full"):
            fetched(night, pacs.name, lines("ACC4711"))
        disk.grow("128m")
        report = fetched(night, pacs.name, lines("ACC4711"))
    assert report.is_clean
    assert (counts(night)["ready"], counts(night)["seen"], discrepancies(night)) == (SLICES, SLICES, [])
    assert inbox(night) == []


def test_a_push_is_refused_and_taken_later(night: Store, disk: SmallDisk, tmp_path: Path) -> None:
    """The sender is told "out of resources" for what found no room, and for nothing else; it all comes later."""
    paths = _large_slices(tmp_path / "in")
    receiver = listen(night, port=0)
    try:
        first = _send(receiver.port, paths)
        assert OUT_OF_RESOURCES in first
        assert set(first) <= {0, OUT_OF_RESOURCES}
        waiting = [path for path in inbox(night) if path.suffix == ".dcm"]
        assert len(waiting) == first.count(0), "what was acknowledged lies there, and nothing else"
        disk.grow("128m")
        again = _send(receiver.port, [path for path, status in zip(paths, first, strict=True) if status])
    finally:
        receiver.close()
    assert set(again) == {0}
    assert decide_inbox(night) == SLICES
    assert (counts(night)["ready"], discrepancies(night)) == (SLICES, [])


def _send(port: int, paths: list[Path]) -> list[int]:
    ae = AE("PACS")
    ae.add_requested_context(ct_slice().SOPClassUID, "1.2.840.10008.1.2.1")
    association = ae.associate("127.0.0.1", port, ae_title="RADCOMMONS")
    assert association.is_established
    try:
        return [int(association.send_c_store(path).Status) for path in paths]
    finally:
        association.release()
