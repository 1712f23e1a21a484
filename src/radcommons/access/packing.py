"""Compression of text answers where the caller takes it."""

from __future__ import annotations

import re
from functools import lru_cache

from fastapi import Request
from isal import isal_zlib

_CODING = re.compile(r"^(?:(?:x-)?gzip|\*)(?:\s*;\s*q=([01](?:\.\d{0,3})?))?$")


def takes_gzip(request: Request) -> bool:
    """Say whether the caller takes gzip (RFC 9110 section 12.5.3)."""
    return _takes(request.headers.get("accept-encoding", ""))


@lru_cache(maxsize=256)
def _takes(accepted: str) -> bool:
    found = [match for one in accepted.lower().split(",") if (match := _CODING.match(one.strip()))]
    named = [match for match in found if not match[0].startswith("*")] or found
    return any(float(match[1] or 1) > 0 for match in named)


def gzipped(content: bytes) -> bytes:
    """Return content in gzip's format, quickly rather than small."""
    packer = isal_zlib.compressobj(1, isal_zlib.DEFLATED, 31)
    return bytes(packer.compress(content) + packer.flush())
