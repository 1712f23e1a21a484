"""Write the list of common passwords from two published lists, as prefixes of SHA-256.

    uv run --no-project --with zxcvbn==4.5.0 --with django==5.2.19 python tools/make_common_passwords.py

The first is the ranking in zxcvbn (MIT), the second the list that Django ships (BSD-3-Clause; from public breaches).
"""

from __future__ import annotations

import gzip
import hashlib
from pathlib import Path

TARGET = Path(__file__).resolve().parent.parent / "src" / "radcommons" / "platform" / "common_passwords.bin"
PREFIX = 6  # as in radcommons.platform.passwords
LONG, FIRST = 12, 10_000


def main() -> None:
    """Write the first ten thousand, and all that are as long as a password must be."""
    import django
    from zxcvbn.frequency_lists import FREQUENCY_LISTS

    ranked = list(FREQUENCY_LISTS["passwords"])
    folder = Path(django.__file__).parent / "contrib" / "auth"
    second = gzip.decompress((folder / "common-passwords.txt.gz").read_bytes()).decode().split()
    chosen = {*ranked[:FIRST], *(one for one in (*ranked, *second) if len(one) >= LONG)}
    prefixes = sorted({hashlib.sha256(one.casefold().encode()).digest()[:PREFIX] for one in chosen})
    TARGET.write_bytes(b"".join(prefixes))
    print(f"{len(prefixes)} passwords in {TARGET}")


if __name__ == "__main__":
    main()
