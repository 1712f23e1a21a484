"""Whatever the bytes are, reading ends quickly: with a header or with a reason."""

from __future__ import annotations

import io
from collections.abc import Callable
from itertools import islice
from typing import TypeVar

import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydicom.uid import ExplicitVRBigEndian, ExplicitVRLittleEndian, ImplicitVRLittleEndian

from radcommons.dicom.conformance import check
from radcommons.dicom.frames import iter_frames
from radcommons.dicom.jpeg import take_apart
from radcommons.dicom.read import read_header
from radcommons.dicom.rewrite import pixel_digest, write_instance
from radcommons.records.errors import UnreadableInstance
from radcommons.records.finding import CODES
from unit.dicom.pixel_objects import deflated, encapsulated, encoded, header, jpeg

T = TypeVar("T")

FILES = [
    *(encoded(header(frames=2), s) for s in (ExplicitVRLittleEndian, ImplicitVRLittleEndian, ExplicitVRBigEndian)),
    deflated(header()),
    encapsulated(header(frames=2), [b"abcd", b"efgh"], "1.2.840.10008.1.2.4.90"),
]
QUICK = settings(max_examples=150, deadline=2000, suppress_health_check=[HealthCheck.too_slow])


@st.composite
def mutated(draw: st.DrawFn, files: list[bytes] = FILES) -> bytes:
    """Return a valid file with bytes overwritten, cut out, doubled or cut off."""
    file = bytearray(draw(st.sampled_from(files)))
    for _ in range(draw(st.integers(1, 4))):
        place = draw(st.integers(0, max(len(file) - 1, 0)))
        piece = draw(st.binary(min_size=1, max_size=8))
        match draw(st.sampled_from(["write", "insert", "cut", "end"])):
            case "write":
                file[place : place + len(piece)] = piece
            case "insert":
                file[place:place] = piece
            case "cut":
                del file[place : place + len(piece)]
            case _:
                del file[place:]
    return bytes(file)


def typed(call: Callable[[], T]) -> T | None:
    """Return what a call returns, None where it refuses by the typed error with a known code and a cut chain."""
    try:
        return call()
    except UnreadableInstance as refused:
        problem = refused
    assert problem.reason in CODES
    assert problem.__cause__ is None
    return None


def judge(file: bytes) -> None:
    """Read, check, decode and write a file; only the typed error may come."""
    source = io.BytesIO(file)
    found = typed(lambda: read_header(source))
    if found is None:
        return
    assert all(finding.code in CODES for finding in [*found.findings, *check(found.dataset, found)])
    target = io.BytesIO()
    written = typed(lambda: write_instance(found.dataset, header=found, source=source, target=target))
    if written is not None and found.pixel is not None and found.pixel.length % 2 == 0:
        assert pixel_digest(target, read_header(target)) == pixel_digest(source, found)
    typed(lambda: [frame.shape for frame in islice(iter_frames(source, found), 3)])


@QUICK
@given(mutated())
def test_mutated_files_end_with_a_header_or_a_reason(file: bytes) -> None:
    """A damaged file is read, checked, written and decoded without any other error, and keeps its pixels."""
    judge(file)


@QUICK
@given(st.binary(max_size=400), st.booleans())
def test_arbitrary_bytes_end_with_a_header_or_a_reason(body: bytes, prefixed: bool) -> None:
    """Bytes that never were DICOM, with and without the prefix, end the same way."""
    judge((bytes(128) + b"DICM" + body) if prefixed else body)


@QUICK
@given(mutated([jpeg(np.zeros((16, 16), np.uint8)), jpeg(np.zeros((16, 16, 3), np.uint8), comment=b"x" * 30)]))
def test_mutated_jpegs_are_taken_apart_or_refused(file: bytes) -> None:
    """A damaged JPEG gives code that begins and ends as one, or a reason."""
    taken = typed(lambda: take_apart(file))
    if taken is None:
        return
    assert taken.code.startswith(b"\xff\xd8")
    assert taken.code.endswith(b"\xff\xd9")
    assert len(taken.code) <= len(file)
