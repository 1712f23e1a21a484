"""Treat the plainest values in their encoded form: UIDs, numbers, dates and times of the shape that devices write.

Each function answers only for values whose treatment is beyond doubt, and None for all others, which then go the way of
`deidentify`. A stream cleaner compares both ways on the first value of each element before it relies on one of these.
"""

from __future__ import annotations

import math
import re
import struct
from collections.abc import Callable

from radcommons.dicom.actions import Op, Rule
from radcommons.dicom.dates import shift_date, shift_datetime
from radcommons.dicom.mapping import Mapper
from radcommons.dicom.uids import is_standards_own, is_well_known

Quick = Callable[[bytes], bytes | None]

HEAD = 8  # of all representations here, in both encodings
LONGEST_UID = 64
_UID = re.compile(rb"[0-2](?:\.(?:0|[1-9][0-9]*))+")
_DECIMAL = rb"-?[0-9]{1,10}(?:\.[0-9]{1,12})?"
_DECIMALS = re.compile(_DECIMAL + rb"(?:\\" + _DECIMAL + rb")* ?")
_INTEGERS = re.compile(rb"-?(?:0|[1-9][0-9]{0,8})(?:\\-?(?:0|[1-9][0-9]{0,8}))* ?")
_DATE = re.compile(rb"[0-9]{8}")
_DATETIME = re.compile(rb"[0-9]{14}(?:\.[0-9]{1,6})? ?")
_TIME = re.compile(rb"[0-9]{6}(?:\.[0-9]{1,6})? ?")
_LONGEST_DECIMAL = 16
_WIDTHS = {"US": 2, "SS": 2, "UL": 4, "SL": 4, "FL": 4, "FD": 8}
BINARY_NUMBERS = frozenset(_WIDTHS)
_FLOATS = {"FL": "f", "FD": "d"}


def quick_for(rule: Rule, vr: str, mapper: Mapper) -> Quick | None:
    """Return what treats the encoded forms of one attribute of one patient, None where nothing here does.

    Parameters
    ----------
    rule : Rule
    vr : str
        Value representation in the file.
    mapper : Mapper
    """
    if vr not in rule.vr.split(" or "):
        return None
    if vr == "UI" and rule.op in (Op.UID, Op.INSTANCE_UID):
        return _uid(mapper, is_well_known if rule.op is Op.INSTANCE_UID else is_standards_own)
    if rule.op is Op.DATE and vr in ("DA", "DT"):
        return _date(mapper.shift_days) if vr == "DA" else _datetime(mapper.shift_days)
    if rule.op is Op.TIME:
        return _same(_TIME)
    if rule.op is Op.NUMBER and vr in ("DS", "IS"):
        return _decimals if vr == "DS" else _same(_INTEGERS)
    if rule.op in (Op.NUMBER, Op.KEEP) and vr in _WIDTHS:
        return _numbers(_WIDTHS[vr], _FLOATS.get(vr))
    return None


def gone_for(vr: str) -> Quick | None:
    """Return what answers for the encoded forms of an attribute that goes whatever its value, None for texts."""
    kept = _decimals if vr == "DS" else _same(_INTEGERS) if vr == "IS" else None
    if vr in _WIDTHS:
        kept = _numbers(_WIDTHS[vr], None)
    if kept is None:
        return None
    is_plain = kept
    return lambda content: None if is_plain(content) is None else b""


def _joined(content: bytes, value: bytes) -> bytes:
    """Return an element with another value; the length field is the last of the eight bytes in both encodings."""
    is_explicit = content[4:6].isalpha()
    length = len(value).to_bytes(2 if is_explicit else 4, "little")
    return content[: 6 if is_explicit else 4] + length + value


def _uid(mapper: Mapper, is_public: Callable[[str], bool]) -> Quick:
    def mapped(content: bytes) -> bytes | None:
        value = content[HEAD:].rstrip(b"\0")
        if len(content) - HEAD - len(value) > 1 or len(value) > LONGEST_UID or not _UID.fullmatch(value):
            return None
        text = value.decode("ascii")
        if is_public(text):
            return None
        fresh = mapper.uid(text).encode("ascii")
        return _joined(content, fresh + b"\0" * (len(fresh) % 2))

    return mapped


def _same(shape: re.Pattern[bytes]) -> Quick:
    def kept(content: bytes) -> bytes | None:
        return content if len(content) % 2 == 0 and shape.fullmatch(content, HEAD) else None

    return kept


def _decimals(content: bytes) -> bytes | None:
    if len(content) % 2 or not _DECIMALS.fullmatch(content, HEAD):
        return None
    is_short = all(len(part) <= _LONGEST_DECIMAL for part in content[HEAD:].rstrip(b" ").split(b"\\"))
    return content if is_short else None


def _numbers(width: int, form: str | None) -> Quick:
    def kept(content: bytes) -> bytes | None:
        length = len(content) - HEAD
        if length <= 0 or length % width:
            return None
        # a NaN may change its payload on the way through a number
        is_number = form is None or not any(
            map(math.isnan, struct.unpack_from(f"<{length // width}{form}", content, HEAD))
        )
        return content if is_number else None

    return kept


def _date(days: int) -> Quick:
    def shifted(content: bytes) -> bytes | None:
        if not _DATE.fullmatch(content, HEAD):
            return None
        fresh = shift_date(content[HEAD:].decode("ascii"), days)
        return None if fresh is None else _joined(content, fresh.encode("ascii"))

    return shifted


def _datetime(days: int) -> Quick:
    def shifted(content: bytes) -> bytes | None:
        if not _DATETIME.fullmatch(content, HEAD):
            return None
        fresh = shift_datetime(content[HEAD:].decode("ascii").rstrip(" "), days)
        if fresh is None:
            return None
        encoded = fresh.encode("ascii")
        return _joined(content, encoded + b" " * (len(encoded) % 2))

    return shifted
