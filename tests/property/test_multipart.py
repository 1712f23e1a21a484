"""multipart/related survives any splitting, and hostile framing ends in a typed error."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
from collections.abc import AsyncIterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from radcommons.dicomweb.errors import MultipartError, UnsupportedMedia
from radcommons.dicomweb.multipart import framed_size, parts, related, write_parts

BOUNDARY = "edge"
CONTENT_TYPE = related("application/dicom", boundary=BOUNDARY)
# Pieces that a delimiter is made of make partial matches likely.
hostile = st.lists(
    st.one_of(
        st.sampled_from([b"\r", b"\n", b"\r\n", b"--", b"\r\n--", b"\r\n--edg", b"-", b"edge"]), st.binary(max_size=9)
    ),
    max_size=12,
).map(b"".join)
bodies = hostile.filter(lambda body: b"--edge" not in body)


async def _stream(message: bytes, cuts: list[int]) -> AsyncIterator[bytes]:
    edges = [0, *sorted(cut % (len(message) + 1) for cut in cuts), len(message)]
    for start, end in itertools.pairwise(edges):
        yield message[start:end]


def _read(message: bytes, cuts: list[int], content_type: str = CONTENT_TYPE) -> list[tuple[dict[str, str], bytes]]:
    async def run() -> list[tuple[dict[str, str], bytes]]:
        found = parts(_stream(message, cuts), content_type)
        return [(dict(part.headers), await part.read(limit=10_000)) async for part in found]

    return asyncio.run(run())


def _message(contents: list[bytes]) -> bytes:
    headers = {"Content-Type": "application/dicom"}
    return b"".join(write_parts([(headers, [one]) for one in contents], boundary=BOUNDARY))


@given(st.lists(bodies, min_size=1, max_size=4), st.lists(st.integers(0, 10_000), max_size=30))
def test_what_is_written_is_read_in_any_chunks(contents: list[bytes], cuts: list[int]) -> None:
    """Round trip: every part, every byte, whatever the splits; the size is foretold."""
    message = _message(contents)
    assert _read(message, cuts) == [({"content-type": "application/dicom"}, one) for one in contents]
    headers = {"Content-Type": "application/dicom"}
    told = sum(framed_size(headers, len(one), boundary=BOUNDARY) for one in contents)
    assert told + len(f"--{BOUNDARY}--\r\n") == len(message)


@given(bodies, st.lists(st.integers(0, 10_000), max_size=10))
def test_preamble_and_epilogue_have_no_meaning(noise: bytes, cuts: list[int]) -> None:
    """RFC 2046 section 5.1.1: text around the parts is passed over."""
    message = noise + b"\r\n" + _message([b"one"]) + noise
    assert [body for _, body in _read(message, cuts)] == [b"one"]


@given(st.lists(bodies, min_size=1, max_size=3), st.integers(1, 400), st.lists(st.integers(0, 500), max_size=5))
def test_a_message_cut_short_is_an_error(contents: list[bytes], missing: int, cuts: list[int]) -> None:
    """A body without its closing delimiter is never taken for whole."""
    message = _message(contents)
    cut = message[: max(0, len(message) - 4 - missing)]
    with pytest.raises(MultipartError):
        _read(cut, cuts)


@given(st.binary(max_size=300), st.lists(st.integers(0, 300), max_size=5))
def test_any_bytes_end_in_parts_or_a_typed_error(noise: bytes, cuts: list[int]) -> None:
    """Nothing but `MultipartError` leaves the parser."""
    with contextlib.suppress(MultipartError):
        _read(b"--edge\r\n" + noise, cuts)


def test_an_unread_part_is_skipped() -> None:
    """A caller that looks at the headers alone still meets every part."""

    async def run() -> list[str]:
        return [part.content_type async for part in parts(_stream(_message([b"a" * 999, b"b"]), [500]), CONTENT_TYPE)]

    assert asyncio.run(run()) == ["application/dicom"] * 2


@pytest.mark.parametrize(
    "content_type",
    [
        "multipart/related",
        'multipart/related; boundary=""',
        "multipart/related; boundary=" + "x" * 71,
        'multipart/related; boundary="a\tb"',
    ],
)
def test_a_boundary_against_the_rfc_is_refused(content_type: str) -> None:
    """Missing, empty, too long or with forbidden characters."""
    with pytest.raises(MultipartError):
        _read(b"", [], content_type)


@pytest.mark.parametrize("content_type", ["", "application/dicom", "multipart/form-data; boundary=edge"])
def test_another_media_type_is_told_apart(content_type: str) -> None:
    """What is not multipart/related is a media type error (415), no framing error (400)."""
    with pytest.raises(UnsupportedMedia):
        _read(b"", [], content_type)


def test_headers_are_bounded() -> None:
    """A part cannot fill the memory with headers."""
    many = "".join(f"X-{n}: {'y' * 3000}\r\n" for n in range(8)).encode()
    with pytest.raises(MultipartError):
        _read(b"--edge\r\n" + many + b"\r\nbody\r\n--edge--\r\n", [])


def test_memory_is_one_chunk() -> None:
    """A part arrives in pieces no larger than the stream's own, so its size does not matter."""

    async def long() -> AsyncIterator[bytes]:
        yield b"--edge\r\n\r\n"
        for _ in range(200):
            yield bytes(65536)
        yield b"\r\n--edge--\r\n"

    async def run() -> tuple[int, int]:
        largest = total = 0
        async for part in parts(long(), CONTENT_TYPE):
            async for chunk in part.chunks:
                largest, total = max(largest, len(chunk)), total + len(chunk)
        return largest, total

    assert asyncio.run(run()) == (65536, 200 * 65536)
