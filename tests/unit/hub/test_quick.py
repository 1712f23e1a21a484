"""What the hub tells of raw bytes at arrival is what a careful reading tells."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path

import pytest
from pydicom import Dataset

from radcommons.dicom.frameindex import joined, span_of
from radcommons.dicom.frames import iter_encoded
from radcommons.dicom.read import read_header
from radcommons.hub import quick
from radcommons.hub.arrive import HEAD, Arrived
from radcommons.records.errors import UnreadableInstance
from radcommons.testing.sender import Sender


def arrived(path: Path) -> Arrived:
    """Return a file as if it had come: a short one, which stays in memory."""
    content = path.read_bytes()
    return Arrived(source=content, digest=hashlib.sha256(content).hexdigest(), size=len(content), head=content[:HEAD])


def test_both_ways_agree(shared_data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of every odd file both ways say the same; and the quick one is gone for a third of them."""
    careful = quick._read_with_care
    gone = 0

    def counted(source: object) -> quick.Read:
        nonlocal gone
        gone += 1
        return careful(source)  # type: ignore[arg-type]

    monkeypatch.setattr(quick, "_read_with_care", counted)
    files = [path for path in sorted((shared_data / "dicom_odd").rglob("*")) if path.is_file()]
    for path in files:
        one = arrived(path)
        try:
            found = quick.read_arrived(one)
        except UnreadableInstance:
            continue
        with path.open("rb") as source:
            assert found == careful(source), path.name
    assert gone < len(files) * 2 / 3


def test_judgements_are_not_mixed_up(tmp_path: Path) -> None:
    """Headers that differ in one word or one UID alone are judged each by itself, in any order."""

    def judged(number: int, change: Callable[[Dataset], None]) -> set[tuple[str, str]]:
        path = tmp_path / str(number)
        path.write_bytes(Sender(site="QUICK").instance(number=number, change=change).content)
        return {(one.code, one.where) for one in quick.read_arrived(arrived(path)).identity}

    plain = judged(1, lambda _: None)
    word = judged(2, lambda dataset: setattr(dataset, "SeriesDescription", "Qwertzuiop"))
    uid = judged(3, lambda dataset: setattr(dataset, "FrameOfReferenceUID", "1.2.3.4"))
    assert judged(4, lambda _: None) == plain
    assert word - plain == {("unusual-text", "SeriesDescription")}
    assert uid - plain == {("uid-root-foreign", "FrameOfReferenceUID")}


def test_frames_lie_where_the_index_says(shared_data: Path) -> None:
    """Every encapsulated frame of the odd files is the same by the index as by a careful reading."""
    compared = 0
    for path in sorted(shared_data.joinpath("dicom_odd").rglob("*")):
        try:
            found = quick.read_arrived(arrived(path)).reading
        except UnreadableInstance:
            continue
        if found.index.spans is None and found.index.offset is None:
            continue
        content = path.read_bytes()
        with path.open("rb") as source:
            header = read_header(source)
            assert header.pixel is not None
            if not header.pixel.encapsulated:
                assert found.index.offset == header.pixel.offset
                continue
            for number, frame in enumerate(iter_encoded(source, header, indices=range(found.frames or 1))):
                offset, length = found.index.offset, found.index.length
                if found.index.spans is not None:
                    offset, length = span_of(found.index.spans, number)
                assert offset is not None
                assert length is not None
                assert joined(content[offset : offset + length]) == frame, path.name
                compared += 1
    assert compared > 5
