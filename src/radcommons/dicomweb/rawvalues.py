"""Encoded values of each representation as texts of the DICOM JSON model; what is odd raises `Irregular`."""

from __future__ import annotations

import json
import math
import re
import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from json.encoder import encode_basestring

from pydicom.charset import convert_encodings, decode_bytes
from pydicom.multival import MultiValue
from pydicom.valuerep import TEXT_VR_DELIMS
from pydicom.values import convert_PN

from radcommons.dicom.elements import Irregular
from radcommons.dicom.repair import most_values
from radcommons.dicomweb.json import person_name, tag_key

_DESCRIPTORS = frozenset({0x00281101, 0x00281102, 0x00281103, 0x00283002})


@dataclass(frozen=True, slots=True)
class Way:
    """What the reading of an element depends on besides its bytes."""

    implicit: bool
    charset: tuple[str, ...]
    signed: bool | None


Texts = Sequence[str | None]
_DECIMAL = re.compile(rb" *[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)? *")
_INTEGER = re.compile(rb" *[+-]?[0-9]+ *")


def _ascii(value: bytes) -> str:
    if not value.isascii() or b"\0" in value:
        raise Irregular
    return value.decode("ascii")


def _quoted(parts: Sequence[str]) -> Texts:
    return [encode_basestring(part) if part else None for part in parts]


def _code(value: bytes, _way: Way) -> Texts:
    return _quoted(_ascii(value.rstrip(b" \0")).split("\\"))


def _title(value: bytes, _way: Way) -> Texts:
    return _quoted([part.strip() for part in _ascii(value).split("\\")])


def _address(value: bytes, _way: Way) -> Texts:
    return _quoted([_ascii(value).rstrip()])


def _decoded(value: bytes, way: Way) -> str:
    if value.isascii() and b"\x1b" not in value:
        text = value.decode("ascii")
    else:
        text = decode_bytes(value, convert_encodings(list(way.charset)), TEXT_VR_DELIMS)
    return text


def _without_nul(text: str) -> str:
    if "\0" in text:
        raise Irregular
    return text


def _text(value: bytes, way: Way) -> Texts:
    return _quoted([_without_nul(part.rstrip("\0 ")) for part in _decoded(value, way).split("\\")])


def _long_text(value: bytes, way: Way) -> Texts:
    return _quoted([_without_nul(_decoded(value, way).rstrip("\0 "))])


def _name(value: bytes, way: Way) -> Texts:
    if value.isascii() and b"\x1b" not in value:
        parts = value.rstrip(b"\0 ").decode("ascii").split("\\")
    else:  # code extensions begin anew in each group of a name
        names = convert_PN(value, convert_encodings(list(way.charset)))
        parts = [str(one) for one in (names if isinstance(names, MultiValue) else [names])]
    found = []
    for part in parts:
        groups = person_name(_without_nul(part))
        if part and (not groups or part.count("=") > 2):
            raise Irregular
        found.append(json.dumps(groups, ensure_ascii=False, separators=(",", ":")) if part else None)
    return found


def _number(number: float) -> str | None:
    if not math.isfinite(number):
        return None
    return repr(int(number) if number.is_integer() and abs(number) < 2**53 else number)


def _decimal(value: bytes, _way: Way) -> Texts:
    found: list[str | None] = []
    for part in value.strip(b" ").rstrip(b" \0").split(b"\\"):
        if part.strip(b" ") and not _DECIMAL.fullmatch(part):
            raise Irregular
        found.append(_number(float(part)) if part.strip(b" ") else None)
    return found


def _integer(value: bytes, _way: Way) -> Texts:
    found: list[str | None] = []
    for part in value.rstrip(b" \0").split(b"\\"):
        if part and (not _INTEGER.fullmatch(part) or len(part) > 15):
            raise Irregular
        found.append(str(int(part)) if part else None)
    return found


def _tags(value: bytes, _way: Way) -> Texts:
    if len(value) % 4:
        raise Irregular
    pairs = struct.unpack(f"<{len(value) // 2}H", value)
    return [f'"{tag_key(group << 16 | number)}"' for group, number in zip(pairs[::2], pairs[1::2], strict=True)]


def _binary_numbers(kind: str) -> Callable[[bytes, Way], Texts]:
    size = struct.calcsize("<" + kind)

    def convert(value: bytes, _way: Way) -> Texts:
        if len(value) % size:
            raise Irregular
        numbers = struct.unpack(f"<{len(value) // size}{kind}", value)
        return [_number(one) for one in numbers] if kind in "fd" else [str(one) for one in numbers]

    return convert


NUMBERS = {"US": "H", "SS": "h", "UL": "L", "SL": "l", "UV": "Q", "SV": "q", "FL": "f", "FD": "d", "AT": ""}
CONVERTERS: dict[str, Callable[[bytes, Way], Texts]] = {
    **dict.fromkeys(("AS", "CS", "DA", "DT", "TM", "UI"), _code),
    **dict.fromkeys(("LO", "SH", "UC"), _text),
    **dict.fromkeys(("LT", "ST", "UT"), _long_text),
    **{vr: _binary_numbers(kind) for vr, kind in NUMBERS.items() if kind},
    "AE": _title,
    "UR": _address,
    "PN": _name,
    "DS": _decimal,
    "IS": _integer,
    "AT": _tags,
}


def require_fit(tag: int, name: str, found: Texts) -> None:
    """Leave to the careful way what it would empty or mend: too many numbers, negative table descriptors."""
    if len(found) > 1:
        most = most_values(tag)
        if (most is not None and most < len(found)) or (name == "SS" and tag in _DESCRIPTORS):
            raise Irregular
