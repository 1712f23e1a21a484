"""Put the studies that wait into groups that one decision may cover; only what changed is looked at again."""

from __future__ import annotations

import hashlib
import json
import secrets
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass

import sqlalchemy as sa

from radcommons.platform.clock import instant
from radcommons.records.lifecycle import FileState
from radcommons.site.review_looks import Look, look_of_object, look_of_row, write_look
from radcommons.site.store import Change, Store
from radcommons.site.tables import decision, file
from radcommons.site.tables_review import (
    review_dirty,
    review_file,
    review_group,
    review_look,
    review_member,
    review_round,
    review_sample,
    review_study,
)

OPEN, ACCEPTED, HELD, EXCLUDED, UNDONE, OVER = "open", "accepted", "held", "excluded", "undone", "over"
_AT_ONCE = 500
# Names that a hospital's staff knows better than the UIDs (PS3.6, Table A-1); others stand as "compressed".
_SYNTAXES = {
    "1.2.840.10008.1.2": "uncompressed",
    "1.2.840.10008.1.2.1": "uncompressed",
    "1.2.840.10008.1.2.2": "uncompressed, big endian",
    "1.2.840.10008.1.2.1.99": "deflated",
    "1.2.840.10008.1.2.4.50": "JPEG",
    "1.2.840.10008.1.2.4.51": "JPEG, 12 bits",
    "1.2.840.10008.1.2.4.57": "JPEG lossless",
    "1.2.840.10008.1.2.4.70": "JPEG lossless",
    "1.2.840.10008.1.2.4.80": "JPEG-LS",
    "1.2.840.10008.1.2.4.81": "JPEG-LS, lossy",
    "1.2.840.10008.1.2.4.90": "JPEG 2000 lossless",
    "1.2.840.10008.1.2.4.91": "JPEG 2000",
    "1.2.840.10008.1.2.5": "RLE",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Words:
    """A group in words: what its studies have in common, as it leaves."""

    title: str
    device: str
    series: tuple[str, ...]
    layout: str
    private: int


def waiting_files() -> sa.ColumnElement[bool]:
    """Return the condition of files that a group decision may be about: ready, in no submission, not covered yet."""
    covered = (
        sa.select(review_member.c.file)
        .join(review_round, review_round.c.id == review_member.c.round)
        .where(
            review_member.c.file == file.c.id,
            review_member.c.object_digest == file.c.object_digest,
            review_round.c.state == ACCEPTED,
        )
    )
    # Most files are ready: the planner must not take that for the way to the few of one study (SQLite, likely()).
    ready = sa.func.likely(file.c.state == FileState.READY, type_=sa.Boolean)
    unsent = sa.func.likely(file.c.submission.is_(None), type_=sa.Boolean)
    return ready & unsent & ~covered.exists() & ~let_pass_by_hand()


def let_pass_by_hand() -> sa.ColumnElement[bool]:
    """Return the condition of files that were held and that a person let pass one by one; a later version was not."""
    passed = sa.select(decision.c.file).where(decision.c.file == file.c.id, decision.c.decision == "pass")
    return passed.exists() & (file.c.supersedes == "")


def settle(store: Store) -> int:
    """Put every study whose files changed where it belongs now; return how many there were.

    Notes
    -----
    A study that changed after a sample was drawn leaves that sample's population: nobody decides about what came later.
    """
    done = 0
    while True:
        with store.read() as connection:
            if connection.execute(sa.select(review_dirty.c.site).limit(1)).first() is None:
                return done
        with store.change() as change:
            done += settle_some(change, store)


def settle_some(change: Change, store: Store, *, limit: int = _AT_ONCE) -> int:
    """Do a part of `settle` within a transaction."""
    connection = change.connection
    dirty = [(row.site, row.study_uid) for row in connection.execute(sa.select(review_dirty).limit(limit))]
    if not dirty:
        return 0
    uids = sorted({study_uid for _, study_uid in dirty})
    parts = _parts(connection, uids)
    unseen = [key for key in dirty if any(part.digest is None for part in parts.get(key, ()))]
    if unseen:
        _look_at(connection, store, [study_uid for _, study_uid in unseen])
        parts = _parts(connection, uids)
    known: dict[str, int] = {}
    rows = [
        {"site": key[0], "study_uid": key[1], "grp": _group(connection, key[0], parts[key], known), "round": None}
        | {"files": sum(part.files for part in parts[key])}
        for key in dirty
        if key in parts
    ]
    for table in (review_study, review_dirty):
        mine = sa.tuple_(table.c.site, table.c.study_uid).in_(dirty)
        connection.execute(table.delete().where(table.c.study_uid.in_(uids), mine))
    if rows:
        connection.execute(review_study.insert(), rows)
    return len(dirty)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Part:
    """The files of one series that look alike."""

    series_uid: str
    under: tuple[str, str, str]
    digest: str | None
    shown: str | None
    files: int


def _parts(connection: sa.Connection, study_uids: Sequence[str]) -> dict[tuple[str, str], list[_Part]]:
    """Return what waits of each study, by hospital and study."""
    columns = (file.c.site, file.c.study_uid, file.c.series_uid, file.c.dataset, file.c.protocol, file.c.profile)
    query = (
        sa.select(*columns, review_look.c.digest, review_look.c.shown, sa.func.count().label("files_"))
        .select_from(file)
        .outerjoin(review_file, review_file.c.file == file.c.id)
        .outerjoin(review_look, review_look.c.id == review_file.c.look)
        .where(file.c.study_uid.in_(study_uids), waiting_files())
        .group_by(*columns, review_look.c.digest)
    )
    found: dict[tuple[str, str], list[_Part]] = {}
    for row in connection.execute(query):
        part = _Part(
            series_uid=row.series_uid,
            under=(row.dataset, row.protocol, row.profile),
            digest=row.digest,
            shown=row.shown,
            files=row.files_,
        )
        found.setdefault((row.site, row.study_uid), []).append(part)
    return found


def _look_at(connection: sa.Connection, store: Store, study_uids: Sequence[str]) -> None:
    """Keep the looks of files that were added before looks were kept."""
    query = (
        sa.select(file.c.id, file.c.object_digest)
        .outerjoin(review_file, review_file.c.file == file.c.id)
        .where(file.c.study_uid.in_(study_uids), waiting_files(), review_file.c.file.is_(None))
    )
    for row in connection.execute(query).all():
        write_look(connection, row.id, look_of_object(store, row.object_digest))


def _group(connection: sa.Connection, site: str, parts: Sequence[_Part], known: dict[str, int]) -> int:
    """Return the group of a study, made if it is the first of its kind; `known` spares asking twice."""
    series: dict[str, set[str]] = {}
    for part in parts:
        series.setdefault(part.series_uid, set()).add(part.digest or "")
    kinds = sorted(sorted(looks) for looks in series.values())
    compared = json.dumps([site, sorted({part.under for part in parts}), kinds]).encode()
    digest = hashlib.sha256(compared).hexdigest()
    if digest in known:
        return known[digest]
    query = sa.select(review_group.c.id).where(review_group.c.digest == digest)
    found = connection.execute(query).scalar_one_or_none()
    if found is None:
        words = _words([look_of_row(part.digest or "", part.shown or "{}") for part in parts], len(series))
        added = connection.execute(
            review_group.insert().values(
                token=secrets.token_urlsafe(12), digest=digest, site=site, shown=json.dumps(asdict(words))
            )
        )
        (found,) = added.inserted_primary_key or (0,)
    known[digest] = int(found)
    return known[digest]


def _words(looks: Sequence[Look], count: int) -> Words:
    modality = "/".join(_each(look.modality for look in looks)) or "No modality"
    study = ", ".join(_each(look.study for look in looks)) or "no description"
    matrix = " and ".join(_each(look.matrix for look in looks)) or "no pixels"
    syntax = ", ".join(_each(_SYNTAXES.get(look.syntax, "compressed") for look in looks))
    return Words(
        title=f"{modality} · {study}",
        device=", ".join(_each(look.device for look in looks)) or "device not named",
        series=tuple(_each(look.series for look in looks))[:8],
        layout=f"{count} series · {matrix} · {syntax}",
        private=max(look.private for look in looks),
    )


def _each(words: Iterator[str]) -> list[str]:
    return sorted({word for word in words if word})


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """A group with studies that wait.

    Parameters
    ----------
    token : str
        Its name in addresses.
    studies, files : int
        That wait, those that came after the sample was drawn included.
    later : int
        Studies among them that are not in the drawn sample's population.
    sampled, seen : int
        Studies in the sample, and those that were opened; 0 before a sample was drawn.
    """

    id: int
    token: str
    words: Words
    site: str
    studies: int
    files: int
    later: int
    sampled: int
    seen: int


def words_of(shown: str) -> Words:
    """Return the words of a group as the store keeps them."""
    members = json.loads(shown)
    return Words(**{**members, "series": tuple(members["series"])})


def overview(connection: sa.Connection) -> list[Group]:
    """Return every group with studies that wait, the largest first."""
    later = sa.func.sum(sa.case((review_study.c.round.is_(None), 1), else_=0))
    counted = (
        sa.select(
            review_study.c.grp,
            sa.func.count().label("studies"),
            sa.func.sum(review_study.c.files).label("files"),
            later.label("later"),
        )
        .group_by(review_study.c.grp)
        .subquery()
    )
    drawn = sa.select(review_round).where(review_round.c.state == OPEN).subquery()
    query = (
        sa.select(review_group, counted, drawn.c.id.label("round_"))
        .join(counted, counted.c.grp == review_group.c.id)
        .outerjoin(drawn, drawn.c.grp == review_group.c.id)
        .order_by(counted.c.studies.desc(), review_group.c.id)
    )
    samples = _samples(connection)
    return [
        Group(
            id=row.id,
            token=row.token,
            words=words_of(row.shown),
            site=row.site,
            studies=row.studies,
            files=row.files,
            later=row.later if row.round_ else 0,
            sampled=samples.get(row.round_, (0, 0))[0],
            seen=samples.get(row.round_, (0, 0))[1],
        )
        for row in connection.execute(query)
    ]


def _samples(connection: sa.Connection) -> dict[int, tuple[int, int]]:
    """Return how many studies are in the sample of each open round, and how many of them were opened."""
    counted = (review_sample.c.round, sa.func.count(), sa.func.count(review_sample.c.opened_at))
    query = (
        sa.select(*counted)
        .join(review_round, review_round.c.id == review_sample.c.round)
        .where(review_round.c.state == OPEN, review_sample.c.verdict == "")
        .group_by(review_sample.c.round)
    )
    return {int(row[0]): (int(row[1]), int(row[2])) for row in connection.execute(query)}


def now() -> str:
    """Return the moment that rows of a review carry."""
    return instant()
