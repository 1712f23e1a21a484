"""Put the hub's canary set through this gateway's real pipeline and settings, and let the hub look at the result."""

from __future__ import annotations

import hashlib
import io
import json
import shutil
import tempfile
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from radcommons.dicom.profile import load_profile
from radcommons.platform.clock import instant
from radcommons.platform.keys import SigningKey
from radcommons.records.canary import CanaryOutcome, CanaryResult, CanaryVerdict
from radcommons.records.documents import canonical, parse
from radcommons.records.errors import Conflict, NotFound, PeerError, RadcommonsError, UsageError
from radcommons.records.lifecycle import FileState
from radcommons.records.submission import PolicyRef
from radcommons.site.add import add
from radcommons.site.hub import Hub
from radcommons.site.seal import software
from radcommons.site.settings import STANDING_AGREEMENT, write_settings
from radcommons.site.store import Store, create_store, only_one, open_store
from radcommons.site.tables import file, policy, submission
from radcommons.site.tables_users import canary

# Every kind of object of the set goes through, also those that this site's own protocol would leave out.
_PROTOCOL = """\
schema: radcommons/protocol/v1
id: canary
version: "1"
title: The hub's canary set
source: radcommons
criteria: []
"""
_LARGEST = 64 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One run of the canary set, and the hub's verdict."""

    site: str
    profile: str
    verdict: CanaryVerdict
    at: str


def run(store: Store, hub: Hub, *, site: str, profile: str, progress: Callable[[int], None] = lambda _: None) -> Run:
    """Fetch the set, de-identify it as patients' files are, hand in what comes out, and keep the verdict.

    Parameters
    ----------
    store : Store
    hub : Hub
    site : str
        Site code.
    profile : str
        De-identification profile: shipped name or file.
    progress : callable
        Called with the number of files done.

    Raises
    ------
    NotFound
        If the hub offers no canary set.
    PeerError
        If it does not answer, or with something else.
    Conflict
        If another run of it is under way here.
    """
    archive = hub.canary()
    chosen = load_profile(profile)
    named = PolicyRef(id=chosen.id, version=chosen.version, digest=chosen.digest)
    with only_one(store.directory, "canary"), _folder(store) as name:
        files = _unpacked(archive, Path(name) / "set")
        with _trial(store, Path(name) / "gateway", site=site, profile=profile) as trial:
            protocol = Path(name) / "canary.yaml"
            protocol.write_text(_PROTOCOL, "utf-8")
            add(trial, [Path(name) / "set"], protocol=str(protocol), profile=profile, jobs=1, progress=progress)
            outcomes, objects = _outcomes(trial, files)
    result = CanaryResult(
        schema="radcommons/canary/v1",
        site=site,
        set=hashlib.sha256(archive).hexdigest(),
        profile=named,
        software=software(),
        at=instant(),
        outcomes=outcomes,
    )
    verdict = parse(CanaryVerdict, hub.hand_in_canary(_packed(result, objects, key=store.signing_key)))
    return _keep(store, result, verdict)


@contextmanager
def _folder(store: Store) -> Iterator[str]:
    """Yield a folder for one run; what a run left behind that was killed goes first."""
    for left in store.directory.glob(".canary-*"):
        shutil.rmtree(left, ignore_errors=True)
    with tempfile.TemporaryDirectory(dir=store.directory, prefix=".canary-") as name:
        yield name


def _unpacked(archive: bytes, folder: Path) -> list[Path]:
    """Lay the set out in its own order; no entry leaves the folder."""
    try:
        with zipfile.ZipFile(io.BytesIO(archive)) as entries:
            if sum(entry.file_size for entry in entries.infolist()) > _LARGEST:
                raise PeerError("The hub's canary set is too large.")
            return [Path(entries.extract(entry, folder)) for entry in entries.infolist() if not entry.is_dir()]
    except zipfile.BadZipFile:
        raise PeerError("The hub's canary set is no ZIP archive.") from None


@contextmanager
def _trial(store: Store, directory: Path, *, site: str, profile: str) -> Iterator[Store]:
    """Yield an empty gateway with this one's settings; what is agreed about patients does not bind invented ones."""
    create_store(directory)
    free = replace(
        store.settings, sites=(site,), profile=profile, agreement=STANDING_AGREEMENT, opt_out_list="", watch=()
    )
    write_settings(directory, free)
    trial = open_store(directory)
    try:
        yield trial
    finally:
        trial.close()


def _outcomes(trial: Store, files: list[Path]) -> tuple[tuple[CanaryOutcome, ...], dict[str, bytes]]:
    with trial.read() as connection:
        rows = {row.path: row for row in connection.execute(sa.select(file))}
    outcomes, objects = [], {}
    for number, path in enumerate(files, start=1):
        row = rows.get(str(path))
        if row is None:
            outcomes.append(CanaryOutcome(number=number, state="lost"))
            continue
        digest = row.object_digest if row.state == FileState.READY else None
        if digest:
            objects[digest] = trial.object_path(digest).read_bytes()
        outcomes.append(CanaryOutcome(number=number, state=row.state, code=row.code, digest=digest))
    return tuple(outcomes), objects


def _packed(result: CanaryResult, objects: dict[str, bytes], *, key: SigningKey) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("result.json", canonical(key.seal(result)))
        for digest, content in objects.items():
            archive.writestr(digest, content)
    return out.getvalue()


def _keep(store: Store, result: CanaryResult, verdict: CanaryVerdict) -> Run:
    values: dict[str, Any] = {
        "site": result.site,
        "profile": result.profile.digest,
        "software": result.software.digest,
        "is_clean": verdict.is_clean,
        "answer": json.dumps({**asdict(verdict), "profile": result.profile.id}),
        "at": result.at,
    }
    key = hashlib.sha256(canonical([result.site, result.profile.digest, result.software.digest])).hexdigest()
    with store.change() as change:
        change.connection.execute(canary.delete().where(canary.c.id == key))
        change.connection.execute(canary.insert().values(id=key, **values))
        change.tell("canary.judged", subject=f"site:{result.site}", is_clean=verdict.is_clean, came=verdict.came)
    return Run(site=result.site, profile=result.profile.id, verdict=verdict, at=result.at)


def runs(store: Store) -> tuple[Run, ...]:
    """Return the newest run of each site and profile under this version of the software."""
    query = sa.select(canary).where(canary.c.software == software().digest).order_by(canary.c.at)
    with store.read() as connection:
        rows = connection.execute(query).all()
    found = []
    for row in rows:
        answer = json.loads(row.answer)
        name = answer.pop("profile")
        found.append(Run(site=row.site, profile=name, verdict=parse(CanaryVerdict, answer), at=row.at))
    return tuple(found)


def ensure(store: Store, hub: Hub) -> tuple[Run, ...]:
    """Run the set for every site and profile that is about to be submitted and has not come out clean yet.

    Raises
    ------
    Conflict
        With code ``canary-not-clean`` if something hidden came out: nothing is sent then.

    Notes
    -----
    A hub of an earlier version that offers no set is taken as one that asks for none.
    """
    done: list[Run] = []
    for site, profile in _wanted(store):
        try:
            made = run(store, hub, site=site, profile=profile)
        except NotFound:
            return tuple(done)
        if not made.verdict.is_clean:
            raise not_clean(made)
        done.append(made)
    return tuple(done)


def not_clean(made: Run) -> Conflict:
    """Return the refusal that says what came out of the gateway."""
    verdict = made.verdict
    first = "; ".join(f"{leak.case}: {leak.what}" for leak in verdict.leaks[:3])
    what = (
        f"Of the canary set came out what had to stay: {first}."
        if verdict.leaks
        else (f"Ordinary images of the canary set did not come out: {', '.join(verdict.missing)}.")
    )
    mend = f"Nothing was sent. Look at the profile '{made.profile}' and the settings, then `radcommons site canary`."
    return Conflict(what, mend=mend, code="canary-not-clean")


def _wanted(store: Store) -> list[tuple[str, str]]:
    """Return (site, profile) of what waits to be sent and was not shown clean under this software."""
    waiting = (file.c.state == FileState.READY) & file.c.submission.is_(None)
    unsent = file.c.submission.in_(sa.select(submission.c.id).where(submission.c.state == "sealed"))
    passed = sa.select(canary.c.site, canary.c.profile).where(canary.c.is_clean, canary.c.software == software().digest)
    with store.read() as connection:
        pairs = connection.execute(sa.select(file.c.site, file.c.profile).where(waiting | unsent).distinct()).all()
        shown = {(row.site, row.profile) for row in connection.execute(passed)}
        names = dict(connection.execute(sa.select(policy.c.digest, policy.c.id)).all())
    return [
        (site, _loadable(store, digest, names.get(digest, ""))) for site, digest in pairs if (site, digest) not in shown
    ]


def _loadable(store: Store, digest: str, name: str) -> str:
    """Return how to load the profile with a digest: by its shipped name, or as the settings name it."""
    for source in (name, store.settings.profile):
        try:
            if source and load_profile(source).digest == digest:
                return source
        except RadcommonsError:
            continue
    raise UsageError(
        "Files were de-identified under a profile that this gateway cannot load any more.",
        mend="Name its file as `profile` in site.toml, or add the files again under the present one.",
    )
