"""The canary set: what is hidden in every place must stay in a gateway before its patients' images are taken.

The set of a day is made from the hub's key, so nobody outside knows what is hidden and nothing has to be kept.
"""

from __future__ import annotations

import hashlib
import io
import zipfile
from datetime import timedelta
from typing import TYPE_CHECKING

import sqlalchemy as sa

from radcommons.catalogue import canary as shown
from radcommons.catalogue import sites
from radcommons.dicom.profile import Profile, load_profile
from radcommons.hub.canary_search import leaks
from radcommons.hub.policies import profile_source
from radcommons.platform.clock import now
from radcommons.platform.database import reading, writing
from radcommons.platform.keys import SigningKey, verify
from radcommons.platform.ports import Platform
from radcommons.records import documents
from radcommons.records.canary import CanaryLeak, CanaryResult, CanaryVerdict
from radcommons.records.errors import Conflict, DocumentError, IntegrityError, NotPermitted
from radcommons.records.event import Actor
from radcommons.records.submission import Submission

if TYPE_CHECKING:
    from radcommons.synthetic.canary import CanarySet

RESULT = "result.json"
_LARGEST = 64 << 20


def set_of(key: SigningKey, site: str, *, days_ago: int = 0) -> CanarySet:
    """Return the set of a site and day: always the same, because Ed25519 signs deterministically (RFC 8032)."""
    from radcommons.synthetic.canary import canary_set  # draws pictures, which few starts of a hub need

    day = (now() - timedelta(days=days_ago)).date().isoformat()
    signature = key.sign(f"radcommons canary {site} {day}".encode()).value
    return canary_set(int.from_bytes(hashlib.sha256(signature.encode()).digest()[:8], "big"))


def require(connection: sa.Connection, submission: Submission, *, platform: Platform) -> None:
    """Let a submission pass whose gateway has shown that the canary set comes out clean.

    Raises
    ------
    Conflict
        With code ``canary-needed``.
    """
    if platform.settings.canary == "off":
        return
    profile, software = submission.profile.digest, submission.software.digest
    if not shown.has_passed(connection, site=submission.site, profile=profile, software=software):
        raise Conflict(
            "The canary set has not come out of this gateway clean under this profile and version of the software.",
            mend="Run `radcommons site canary DIR`, then submit again.",
            code="canary-needed",
        )


def judge(archive: bytes, *, platform: Platform, actor: Actor) -> CanaryVerdict:
    """Judge what came out of a gateway, and write the verdict down.

    Parameters
    ----------
    archive : bytes
        A ZIP archive: ``result.json``, a sealed `CanaryResult`, and each object under its digest.
    platform : Platform
    actor : Actor
        The site's token.

    Raises
    ------
    DocumentError
        If it is no such archive.
    NotPermitted
        If the token is another site's.
    IntegrityError
        If the signature is not by the site's key, or an object is not the one that the result names.
    Conflict
        If the set is not of today or yesterday, or the profile is none that this hub accepts.
    """
    document, objects = _unpacked(archive)
    result, signature, signed = documents.unseal(CanaryResult, document)
    if actor.site != result.site:
        raise NotPermitted("The token speaks for another site.", mend="Use the token that the hub gave this site.")
    with reading(platform.engine) as connection:
        key = sites.site_key(connection, result.site)
    if key is None:
        raise Conflict("The hub holds no key of this site.", mend="Register it: `radcommons site init`.", code="no-key")
    verify(signature, message=signed, public_key=key)
    verdict = _judged(result, objects, given=_given(result, platform), profile=_profile(result, platform))
    with writing(platform.engine) as connection:
        shown.write(
            connection,
            site=result.site,
            profile=result.profile.digest,
            software=result.software.digest,
            is_clean=verdict.is_clean,
            actor=actor.id,
            leaks=len(verdict.leaks),
        )
    return verdict


def _unpacked(archive: bytes) -> tuple[bytes, dict[str, bytes]]:
    try:
        with zipfile.ZipFile(io.BytesIO(archive)) as entries:
            if sum(entry.file_size for entry in entries.infolist()) > _LARGEST:
                raise DocumentError("The archive is larger than any canary set.")
            members = {entry.filename: entries.read(entry) for entry in entries.infolist()}
    except (zipfile.BadZipFile, ValueError, NotImplementedError, RuntimeError):
        raise DocumentError("The result of the canary set is no ZIP archive.") from None
    if RESULT not in members:
        raise DocumentError(f"The archive holds no {RESULT}.")
    return members.pop(RESULT), members


def _given(result: CanaryResult, platform: Platform) -> CanarySet:
    """Return the set that the result is about: today's or, around midnight, yesterday's."""
    for days_ago in (0, 1):
        found = set_of(platform.signing_key, result.site, days_ago=days_ago)
        if hashlib.sha256(found.zipped()).hexdigest() == result.set:
            return found
    raise Conflict("This is not the canary set of today.", mend="Fetch it anew: `radcommons site canary DIR`.")


def _profile(result: CanaryResult, platform: Platform) -> Profile:
    source = profile_source(result.profile.digest, folder=platform.policies)
    if source is None:
        raise Conflict(
            "The hub does not know the profile that the result names.",
            mend="Use one of GET /api/v1/policies, or ask the coalition to accept the profile file.",
            code="unknown-profile",
        )
    return load_profile(source)


def _judged(result: CanaryResult, objects: dict[str, bytes], *, given: CanarySet, profile: Profile) -> CanaryVerdict:
    found: list[CanaryLeak] = []
    came: set[int] = set()
    for outcome in result.outcomes:
        if outcome.digest is None:
            continue
        content = objects.get(outcome.digest)
        if content is None or hashlib.sha256(content).hexdigest() != outcome.digest:
            raise IntegrityError("An object of the result is missing or is another one.")
        if outcome.number > len(given.cases) or outcome.number in came:
            raise DocumentError("The result names a file that the set does not have, or one of them twice.")
        came.add(outcome.number)
        case = given.cases[outcome.number - 1]
        found += leaks(content, case=case, hidden=given.hidden, site=result.site, profile=profile)
    missing = tuple(case.name for at, case in enumerate(given.cases, 1) if case.must_come and at not in came)
    return CanaryVerdict(
        is_clean=not found and not missing,
        came=len(came),
        kept=len(given.cases) - len(came),
        leaks=tuple(found),
        missing=missing,
    )
