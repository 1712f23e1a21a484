"""The one tree of errors: an exception means that the work could not be judged; a refusal is a value instead.

    RadcommonsError
    +-- UsageError              the caller asked for something that cannot be (exit 2, HTTP 400)
    |   +-- DocumentError       a signed document, protocol or profile file does not read
    +-- NotPermitted            known to the caller, but not theirs to do (403)
    |   +-- SignInRequired      no valid credentials (401)
    +-- TooManyTries            wrong passwords or codes; the caller waits (429)
    +-- NotFound                absent, or not the caller's to know of (404)
    |   +-- Withdrawn           it was here and was taken back (410)
    +-- Conflict                the state or another version stands against it (409)
    |   +-- WrongState          the lifecycle table has no such arrow
    +-- IntegrityError          a digest or a signature does not agree (422)
    +-- UnreadableInstance      the bytes are no usable DICOM object (422)
    +-- StorageError            the disk, the object store or the database refused (503)
    +-- PeerError               the other side answered wrongly or not at all (502)

A message says what, where and how to mend it; it never holds an attribute value of a patient.
"""

from __future__ import annotations


class RadcommonsError(Exception):
    """Root of the tree.

    Parameters
    ----------
    what : str
        One sentence: what went wrong and where, free of attribute values.
    mend : str, optional
        One sentence: what the reader can do about it.
    code : str, optional
        A narrower word than the class's own; programs switch on it.
    """

    code: str = "error"

    def __init__(self, what: str, *, mend: str = "", code: str = "") -> None:
        super().__init__(what)
        self.what = what
        self.mend = mend
        if code:
            self.code = code

    def __str__(self) -> str:
        return f"{self.what} {self.mend}".strip()


class UsageError(RadcommonsError):
    """The caller asked for something that cannot be."""

    code = "usage"


class DocumentError(UsageError):
    """A signed document, a protocol or a profile file does not read."""

    code = "document"


class NotPermitted(RadcommonsError):
    """The thing is known to the caller, but not theirs to do."""

    code = "not-permitted"


class SignInRequired(NotPermitted):
    """No valid credentials came with the request."""

    code = "sign-in-required"


class TooManyTries(RadcommonsError):
    """There were too many tries of late; `wait_s` says for how long the next one is refused."""

    code = "too-many-tries"

    def __init__(self, what: str, *, wait_s: int = 0, mend: str = "") -> None:
        super().__init__(what, mend=mend)
        self.wait_s = wait_s


class NotFound(RadcommonsError):
    """Absent, or not the caller's to know of."""

    code = "not-found"


class Withdrawn(NotFound):
    """It was here and was taken back; holders are told so."""

    code = "withdrawn"


class Conflict(RadcommonsError):
    """The present state, or another version, stands against the request."""

    code = "conflict"


class WrongState(Conflict):
    """The lifecycle table has no arrow for this event in this state."""

    code = "wrong-state"


class IntegrityError(RadcommonsError):
    """A digest or a signature does not agree with the bytes."""

    code = "integrity"


class UnreadableInstance(RadcommonsError):
    """The bytes are no usable DICOM object; `reason` is a finding code."""

    code = "unreadable"

    def __init__(self, what: str, *, reason: str = "unreadable", mend: str = "") -> None:
        super().__init__(what, mend=mend)
        self.reason = reason


class StorageError(RadcommonsError):
    """The disk, the object store or the database refused; nothing was acknowledged."""

    code = "storage"


class PeerError(RadcommonsError):
    """The other side answered wrongly or not at all; the work can be repeated."""

    code = "peer"
