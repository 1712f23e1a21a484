"""What a gateway made of the hub's canary set, and what the hub found in it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import Field

from radcommons.records.identifiers import Digest, Instant, SiteCode, Text
from radcommons.records.submission import PolicyRef


@dataclass(frozen=True, slots=True, kw_only=True)
class CanaryOutcome:
    """What became of one file of the set.

    Parameters
    ----------
    number : int
        Its place in the archive, from 1.
    state : Text
        ``ready``, or why it did not come out: ``held``, ``refused``, ``excluded`` ...
    code : str
    digest : Digest or None
        The object that would have left; it lies in the same archive under this name.
    """

    number: Annotated[int, Field(gt=0)]
    state: Text
    code: str = ""
    digest: Digest | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CanaryResult:
    """Everything that came out of one gateway under one profile and one version of the software; signed by the site."""

    schema: Literal["radcommons/canary/v1"]
    site: SiteCode
    set: Digest
    profile: PolicyRef
    software: PolicyRef
    at: Instant
    outcomes: tuple[CanaryOutcome, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class CanaryLeak:
    """Something hidden that came out: in which case, what it was, and how it was seen. Never the value."""

    case: str
    tells: str
    what: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CanaryVerdict:
    """The hub's answer to a result.

    Parameters
    ----------
    is_clean : bool
        Nothing hidden came out, and every ordinary image did.
    came, kept : int
        Files that came out, and files that the gateway kept back.
    leaks : tuple of CanaryLeak
    missing : tuple of str
        Ordinary images that did not come out: a gateway that keeps everything back has shown nothing.
    """

    is_clean: bool
    came: int
    kept: int
    leaks: tuple[CanaryLeak, ...] = ()
    missing: tuple[str, ...] = ()
