"""What an output folder remembers of its runs, so that pseudonyms of two keys never lie mixed in it.

It stands beside the objects and not among them: in an extended attribute of the folder, or in a hidden file next to the
folder where the file system has no such attributes. It holds no secret and names nobody.
"""

from __future__ import annotations

import contextlib
import errno
import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path

from radcommons.platform.durable import write_file
from radcommons.records.errors import UsageError
from radcommons.site.deid_key import key_check

_ATTRIBUTE = "user.radcommons.deid"
_NO_ATTRIBUTES = frozenset({errno.ENOTSUP, errno.EPERM, errno.EACCES, errno.ENOSPC, errno.ERANGE, errno.EROFS})
_ANOTHER = "Give --out another, empty folder"


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """By what the objects of a folder were named and cleaned: a word for the key, the site code, the profile."""

    key: str
    site: str
    profile: str

    @classmethod
    def of(cls, secret: bytes, *, site: str, profile_digest: str) -> Mark:
        """Return the mark of a run."""
        return cls(key=key_check(secret), site=site, profile=profile_digest)


def read_mark(out: Path) -> Mark | None:
    """Return the mark of a folder that holds something, None where there is none."""
    try:
        if not any(not inner.name.startswith(".") for inner in out.iterdir()):
            return None
    except OSError:
        return None
    content = _attribute(out) or _beside(out)
    try:
        return Mark(**json.loads(content)) if content else None
    except (ValueError, TypeError):
        return None


def require_key(out: Path | None, key_file: Path) -> None:
    """Refuse to make a new key for a folder whose objects have one.

    Raises
    ------
    UsageError
    """
    if out is not None and read_mark(out) is not None:
        raise UsageError(
            f"There is no key file {key_file}, and {out} holds objects that were named by a key.",
            mend="Restore the key file from its copy, or from the crosswalk with `radcommons crosswalk key`. "
            f"{_ANOTHER} if the objects shall be named anew.",
        )


def claim(out: Path, mark: Mark) -> None:
    """Mark a folder as this run's, or refuse one that another key, site code or profile made.

    Raises
    ------
    UsageError
        Nothing was written then.
    """
    found = read_mark(out)
    if found is not None and found.key != mark.key:
        raise UsageError(
            f"The objects in {out} were named by another key: the same patients would lie there under two pseudonyms.",
            mend=f"Use the --key-file of the run that made them. {_ANOTHER} if there was none or it is lost.",
        )
    if found is not None and found.site != mark.site:
        raise UsageError(
            f"The objects in {out} were named for site {found.site}.", mend=f"Use --site {found.site}. {_ANOTHER}."
        )
    if found is not None and found.profile != mark.profile:
        raise UsageError(
            f"The objects in {out} were cleaned by another profile, or by another version of it.",
            mend=f"{_ANOTHER}; or empty this one, so that all of it is made by one set of rules.",
        )
    out.mkdir(parents=True, exist_ok=True)
    content = json.dumps(asdict(mark)).encode()
    try:
        os.setxattr(out, _ATTRIBUTE, content)
    except (OSError, AttributeError) as error:
        if isinstance(error, OSError) and error.errno not in _NO_ATTRIBUTES:
            raise
        with contextlib.suppress(OSError):  # a folder that nobody may write beside stays without a mark
            write_file(_file_of(out), content)


def _attribute(out: Path) -> bytes:
    try:
        return os.getxattr(out, _ATTRIBUTE)
    except (OSError, AttributeError):
        return b""


def _beside(out: Path) -> bytes:
    try:
        return _file_of(out).read_bytes()
    except OSError:
        return b""


def _file_of(out: Path) -> Path:
    whole = out.resolve()
    return whole.parent / f".{whole.name}.deid"
