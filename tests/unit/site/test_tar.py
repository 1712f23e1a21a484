"""Archives of tar and gzip: whole ones come out, hostile ones do no harm."""

from __future__ import annotations

import gzip
import io
import os
import tarfile
import time
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from radcommons.site.archive import MAX_RATIO
from radcommons.site.tar import MAX_HEADER_BYTES, BrokenTar, is_tar, members
from unit.site.test_walk import refusals, walked, zipped

FORMATS = (tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT)


def tarred(entries: dict[str, bytes], kind: int = tarfile.PAX_FORMAT, extra: tuple[tarfile.TarInfo, ...] = ()) -> bytes:
    """Return an archive as the standard library writes it."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w", format=kind) as archive:
        for one in extra:
            archive.addfile(one)
        for name, content in entries.items():
            member = tarfile.TarInfo(name)
            member.size, member.mtime = len(content), 1_600_000_000
            archive.addfile(member, io.BytesIO(content))
    return packed.getvalue()


def special(name: str, kind: bytes, target: str = "") -> tarfile.TarInfo:
    """Return a member that is no file."""
    made = tarfile.TarInfo(name)
    made.type, made.linkname = kind, target
    return made


def contents(found: list[object]) -> dict[str, bytes]:
    """Return the bytes of what came, by the end of its path."""
    return {one.path.rpartition("!/")[2]: one.file.read_bytes() for one in found if not one.refusal}  # type: ignore[attr-defined]


@pytest.mark.parametrize("kind", FORMATS)
@pytest.mark.parametrize("is_packed", [False, True])
def test_files_of_a_tar_come_whole(tmp_path: Path, kind: int, is_packed: bool) -> None:
    """Each format's files come byte for byte, long and foreign names too, of any length up to the block's edge."""
    entries = {f"{'d' * 60}/{'e' * 60}/{size}": os.urandom(size) for size in (0, 1, 511, 512, 513, 70_000)}
    entries["größe/胸部.dcm"] = b"x" * 1000
    whole = tarred(entries, kind, (special("folder", tarfile.DIRTYPE),))
    (tmp_path / "a").write_bytes(gzip.compress(whole) if is_packed else whole)
    assert contents(walked(tmp_path / "a", spool=tmp_path / "spool")) == entries


def test_members_that_are_no_plain_files_are_refused(tmp_path: Path) -> None:
    """Links, devices and names that lead out are refused one by one, nothing is written outside, the rest comes."""
    hostile = (
        special("link", tarfile.SYMTYPE, "/etc/passwd"), special("hard", tarfile.LNKTYPE, "../x"),
        special("node", tarfile.CHRTYPE), special("pipe", tarfile.FIFOTYPE),
    )  # fmt: skip
    entries = {"../../out": b"1", "/abs": b"2", "a/../../b": b"3", "C:\\x": b"4", "good": b"5"}
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a.tar").write_bytes(tarred(entries, extra=hostile))
    found = walked(tmp_path / "in", spool=tmp_path / "spool")
    assert contents(found) == {"good": b"5"}
    assert set(refusals(found).values()) == {"archive-refused"}
    assert len(refusals(found)) == len(hostile) + 4
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in", "spool"]


def test_archives_of_other_kinds_nest(tmp_path: Path) -> None:
    """A tar in gzip in a zip, and a zip in a tar, are unpacked; deeper ones are refused, and so is gzip in gzip."""
    inner = gzip.compress(tarred({"scan": b"1", "third.zip": zipped({"deep": b"3"})}))
    (tmp_path / "a.zip").write_bytes(zipped({"b.tar.gz": inner, "alone.dcm.gz": gzip.compress(b"2")}))
    (tmp_path / "b.tar").write_bytes(tarred({"c.zip": zipped({"other": b"4"})}))
    (tmp_path / "c.gz").write_bytes(gzip.compress(gzip.compress(b"5")))
    found = walked(*(tmp_path / name for name in ("a.zip", "b.tar", "c.gz")), spool=tmp_path / "spool")
    assert contents(found) == {"scan": b"1", "alone.dcm": b"2", "other": b"4"}
    assert refusals(found) == {"third.zip": "archive-refused", "c.gz": "archive-refused"}


def test_a_bomb_of_gzip_ends_at_its_budget(tmp_path: Path) -> None:
    """What expands beyond the ratio is read no further, in a file, in a member, and in what a reader would skip."""
    zeros = bytes(300 << 20)
    for name, whole in {
        "alone.gz": zeros,
        "member.tar.gz": tarred({"first": b"1", "zeros": zeros, "after": b"2"}),
        "skipped.tar.gz": tarred({"/abs": zeros, "after": b"2"}),
    }.items():
        path = tmp_path / name
        path.write_bytes(gzip.compress(whole, 9))
        assert path.stat().st_size * MAX_RATIO < len(zeros)
        found = walked(path, spool=tmp_path / f"spool of {name}")
        assert "after" not in contents(found)
        assert refusals(found)[name] == "archive-refused"
        assert sum(one.stat().st_size for one in (tmp_path / f"spool of {name}").iterdir()) <= 1


def test_a_header_that_claims_gibibytes_is_not_read() -> None:
    """A long name or extended header of any size beyond a mebibyte breaks the archive before it is in memory."""
    for kind in (tarfile.GNUTYPE_LONGNAME, tarfile.XHDTYPE, tarfile.XGLTYPE):
        claim = tarfile.TarInfo("x")
        claim.type, claim.size = kind, 1 << 33
        whole = claim.tobuf(tarfile.GNU_FORMAT)
        assert is_tar(whole)
        with pytest.raises(BrokenTar):
            list(members(io.BytesIO(whole + bytes(MAX_HEADER_BYTES))))


@pytest.mark.parametrize(
    "record",
    [
        b"99 path=x\n", b"5 p=x\n", b"x path=y\n", b"0 path=x\n", b"11 path-xxx\n", b"14 size=-1x23\n",
        b"28 size=99999999999999999999\n",
    ],
)  # fmt: skip
def test_extended_headers_that_lie_break_the_archive(record: bytes) -> None:
    """A record whose length or number is wrong is never guessed at."""
    said = tarfile.TarInfo("x")
    said.type, said.size = tarfile.XHDTYPE, len(record)
    file = tarfile.TarInfo("y")
    whole = said.tobuf(tarfile.USTAR_FORMAT) + record.ljust(512, b"\0") + file.tobuf(tarfile.USTAR_FORMAT) + bytes(1024)
    with pytest.raises(BrokenTar):
        list(members(io.BytesIO(whole)))


def test_half_an_archive_is_told(tmp_path: Path) -> None:
    """Of a tar that ends early the whole files come, and the archive is named as broken."""
    whole = tarred({"first": b"1" * 600, "second": b"2" * 5000})
    for name, content in {"cut.tar": whole[:3000], "cut.tar.gz": gzip.compress(whole)[:-30]}.items():
        (tmp_path / name).write_bytes(content)
        found = walked(tmp_path / name, spool=tmp_path / "spool")
        assert set(contents(found)) <= {"first"}
        assert refusals(found)[name] == "archive-refused"


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(place=st.integers(0, 4000), byte=st.integers(0, 255), cut=st.integers(0, 4000))
def test_any_damage_is_told_or_changes_one_file(place: int, byte: int, cut: int) -> None:
    """One changed byte and a cut end raise nothing but a broken archive, and nothing comes that was not in it."""
    whole = bytearray(tarred({"a/one": b"1" * 700, "b" * 150: b"2" * 900}))
    whole[place % len(whole)] = byte
    taken = b""
    try:
        for member in members(io.BytesIO(bytes(whole[: len(whole) - cut]))):
            while piece := member.read():
                taken += piece
    except BrokenTar:
        pass
    assert len(taken) <= len(whole)


def test_a_tar_of_many_members_takes_linear_time() -> None:
    """Ten thousand empty members are read in a few seconds of one core."""
    whole = tarfile.TarInfo("x").tobuf(tarfile.USTAR_FORMAT) * 10_000 + bytes(1024)
    start = time.process_time()
    assert sum(1 for _ in members(io.BytesIO(whole))) == 10_000
    assert time.process_time() - start < 5


def test_a_dicom_file_is_no_archive() -> None:
    """The preamble may hold anything; what is no sound tar header is none."""
    assert not is_tar(bytes(128) + b"DICM" + bytes(125) + b"ustar" + bytes(250))
