"""Read tar archives member by member from a stream, with nothing of a member believed or held that is not needed.

The standard library's reader takes a member's extended header into memory however long it says it is, and what it
refuses differs between versions; this one reads the few fields that a file needs.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

BLOCK = 512
PIECE = 1 << 20
MAX_HEADER_BYTES = 1 << 20
MAGIC = slice(257, 262)
CHECKSUM = slice(148, 156)
FILES = (b"0", b"\0", b"7")
FOLDER, LONG_NAME, LONG_LINK, EXTENDED, GLOBAL = b"5", b"L", b"K", b"x", b"g"


class BrokenTar(Exception):
    """The archive breaks its format, or ends too early."""


@dataclass(slots=True)
class Member:
    """One member; its bytes can be read until the next one is asked for.

    Parameters
    ----------
    name : str
        As packed: nothing tidied.
    size, changed_at : int
        Bytes, and the time of the last change in seconds.
    is_file, is_folder : bool
        Neither is true of links, devices and sparse files.
    """

    name: str
    size: int
    changed_at: int
    is_file: bool
    is_folder: bool
    _stream: BinaryIO
    _left: int

    def read(self) -> bytes:
        """Return the next piece of the member, nothing at its end."""
        piece = self._stream.read(min(PIECE, self._left))
        if self._left and not piece:
            raise BrokenTar
        self._left -= len(piece)
        return piece

    def skip(self) -> None:
        """Read what is left of the member and of its last block."""
        while self.read():
            pass
        _exactly(self._stream, -self.size % BLOCK)


def is_tar(beginning: bytes) -> bool:
    """Say whether a file begins as a tar archive of POSIX or GNU does."""
    return len(beginning) >= BLOCK and beginning[MAGIC] == b"ustar" and _is_sound(beginning[:BLOCK])


def members(stream: BinaryIO) -> Iterator[Member]:
    """Yield the members of an archive in their order, links and devices among them.

    Raises
    ------
    BrokenTar
        The archive breaks its format; members that came before are whole.

    References
    ----------
    IEEE Std 1003.1, pax: ustar interchange format and pax extended headers; GNU tar: basic format.
    """
    said: dict[str, bytes] = {}
    for_all: dict[str, bytes] = {}
    while (block := _exactly(stream, BLOCK)).strip(b"\0"):
        if not _is_sound(block):
            raise BrokenTar
        kind, size = block[156:157], _number(block[124:136])
        if kind in (LONG_NAME, LONG_LINK, EXTENDED, GLOBAL):
            content = _header(stream, size)
            if kind == LONG_NAME:
                said["path"] = content.rstrip(b"\0")
            elif kind != LONG_LINK:
                (for_all if kind == GLOBAL else said).update(_records(content))
            continue
        member = _member(block, kind, size, for_all | said, stream)
        said = {}
        yield member
        member.skip()


def _member(block: bytes, kind: bytes, size: int, said: dict[str, bytes], stream: BinaryIO) -> Member:
    packed = _text(block[:100])
    if block[MAGIC] == b"ustar" and block[262:263] == b"\0" and (prefix := _text(block[345:500])):
        packed = prefix + b"/" + packed
    name = said.get("path", packed).decode("utf-8", "backslashreplace")
    if "size" in said:
        if not said["size"].isdigit() or len(said["size"]) > len(str(1 << 63)):
            raise BrokenTar
        size = int(said["size"])
    is_sparse = any(key.startswith("GNU.sparse") for key in said)
    is_folder = kind == FOLDER or (kind in FILES and name.endswith("/"))
    is_file = kind in FILES and not is_folder and not is_sparse
    # links, devices and folders have no bytes, whatever size they say; a sparse file's follow
    size = size if is_file or is_sparse or kind == b"S" else 0
    return Member(name, size, _number(block[136:148]), is_file, is_folder, stream, size)


def _header(stream: BinaryIO, size: int) -> bytes:
    if size > MAX_HEADER_BYTES:
        raise BrokenTar
    content = _exactly(stream, size)
    _exactly(stream, -size % BLOCK)
    return content


def _records(content: bytes) -> dict[str, bytes]:
    """Return the records of an extended header: "30 path=a name with blanks", each with its own length before it."""
    found, position = {}, 0
    while position < len(content) and content[position]:
        length, blank, _ = content[position : position + 20].partition(b" ")
        if not blank or not length.isdigit() or not len(length) + 1 < int(length) <= len(content) - position:
            raise BrokenTar
        key, mark, value = content[position + len(length) + 1 : position + int(length) - 1].partition(b"=")
        if not mark:
            raise BrokenTar
        found[key.decode("utf-8", "replace")] = value
        position += int(length)
    return found


def _is_sound(block: bytes) -> bool:
    try:
        told = _number(block[CHECKSUM])
    except BrokenTar:
        return False
    return told == sum(block[:148]) + sum(block[156:]) + 8 * ord(" ")


def _number(field: bytes) -> int:
    if field[0] & 0x80:  # base 256, for sizes beyond eight gibibytes
        return int.from_bytes(bytes([field[0] & 0x7F]) + field[1:], "big")
    digits = field.strip(b" \0")
    if not digits:
        return 0
    try:
        return int(digits, 8)
    except ValueError:
        raise BrokenTar from None


def _text(field: bytes) -> bytes:
    return field.split(b"\0", 1)[0]


def _exactly(stream: BinaryIO, count: int) -> bytes:
    found = b""
    while len(found) < count:
        piece = stream.read(count - len(found))
        if not piece:
            raise BrokenTar
        found += piece
    return found
