"""However a multipart body is cut into chunks, it means the same; and no body makes the reader slow."""

from __future__ import annotations

import itertools
import time

from hypothesis import given
from hypothesis import strategies as st

from radcommons.dicomweb.errors import MultipartError
from radcommons.dicomweb.multipart import PartParser

_KIND = 'multipart/related; type="application/dicom"; boundary=edge'
# Tokens of the grammar, whole, torn and wrong, so that most bodies come far.
_TOKENS = [
    b"\r\n--edge",
    b"--edge",
    b"\r\n",
    b"\r",
    b"\n",
    b"--",
    b"-",
    b" ",
    b"\t",
    b"A: b",
    b":",
    b"\r\n\r\n",
    b"edg",
    b"x",
]
_bodies = st.lists(st.one_of(st.sampled_from(_TOKENS), st.binary(max_size=3)), max_size=40).map(b"".join)
_begun = st.tuples(st.sampled_from([b"", b"--edge\r\n", b"--edge\r\nA: b\r\n\r\n"]), _bodies).map(b"".join)


def _read(chunks: list[bytes]) -> tuple[list[tuple[dict[str, str], bytes, bool]], str]:
    """Return the parts (headers, bytes, whether it ended) and the kind of end."""
    parser, parts = PartParser(_KIND), list[tuple[dict[str, str], bytes, bool]]()
    end = "whole"
    try:
        for chunk in chunks:
            for event in parser.feed(chunk):
                if isinstance(event, dict):
                    parts.append((event, b"", False))
                elif event is None:
                    parts[-1] = (*parts[-1][:2], True)
                else:
                    assert event, "an empty piece says nothing"
                    parts[-1] = (parts[-1][0], parts[-1][1] + bytes(event), parts[-1][2])
        parser.close()
    except MultipartError:
        end = "refused"
    return parts, end


@given(_begun, st.lists(st.integers(0, 400), max_size=30))
def test_chunks_mean_nothing(body: bytes, cuts: list[int]) -> None:
    """Any cuts give the same end, and the same parts where the body is whole; one byte at a time too."""
    expected = _read([body])
    edges = [0, *sorted(cut % (len(body) + 1) for cut in cuts), len(body)]
    for chunks in (
        [body[start:end] for start, end in itertools.pairwise(edges)],
        [body[at : at + 1] for at in range(len(body))],
    ):
        found = _read(chunks)
        assert found[1] == expected[1]
        if expected[1] == "whole":
            assert found[0] == expected[0]


def test_tiny_parts_in_one_chunk_cost_little() -> None:
    """Two megabytes of parts of no bytes (4 KB in gzip) do not hold the program up."""
    body = b"\r\n--edge\r\n\r\n\r\n" * ((2 << 20) // 14)
    parser, begun = PartParser(_KIND), time.process_time()
    assert len(parser.feed(body)) > 200_000
    assert time.process_time() - begun < 5
