"""Which selection protocols and de-identification profiles this hub accepts: the shipped ones, and files of its own."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from radcommons.dicom.profile import load_profile, shipped_profiles
from radcommons.platform.policy import load_protocol, shipped_protocols
from radcommons.records.errors import Conflict
from radcommons.records.submission import PolicyRef


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """A policy that the hub accepts."""

    id: str
    version: str
    digest: str
    title: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Policies:
    """What the hub accepts, each by its digest."""

    protocols: dict[str, Known]
    profiles: dict[str, Known]

    def require(self, *, protocol: PolicyRef, profile: PolicyRef) -> None:
        """Let a submission pass whose policies are known.

        Raises
        ------
        Conflict
            With code ``unknown-protocol`` or ``unknown-profile``.
        """
        if protocol.digest not in self.protocols:
            raise _unknown("protocol", code="unknown-protocol")
        if profile.digest not in self.profiles:
            raise _unknown("profile", code="unknown-profile")


def _unknown(kind: str, *, code: str) -> Conflict:
    return Conflict(
        f"The hub does not know the {kind} that the submission names.",
        mend=f"Use one of GET /api/v1/policies, or ask the coalition to accept the {kind} file.",
        code=code,
    )


def accepted_policies(folder: Path) -> Policies:
    """Return the shipped policies and those in ``protocols/*.yaml`` and ``profiles/*.yaml`` of a folder.

    Raises
    ------
    DocumentError
        If a file there does not read: a hub must not guess what it accepts.
    """
    protocols = [*shipped_protocols().values()]
    protocols += [load_protocol(str(path)) for path in sorted((folder / "protocols").glob("*.yaml"))]
    profiles = [load_profile(name) for name in shipped_profiles()]
    profiles += [load_profile(path) for path in sorted((folder / "profiles").glob("*.yaml"))]
    return Policies(
        protocols={p.digest: Known(id=p.id, version=p.version, digest=p.digest, title=p.title) for p in protocols},
        profiles={p.digest: Known(id=p.id, version=p.version, digest=p.digest, title=p.title) for p in profiles},
    )


def profile_source(digest: str, *, folder: Path) -> str | None:
    """Return the name or the file of a profile by its digest, None when the hub does not have it."""
    for name in shipped_profiles():
        if load_profile(name).digest == digest:
            return name
    files = sorted((folder / "profiles").glob("*.yaml"))
    return next((str(path) for path in files if load_profile(path).digest == digest), None)
