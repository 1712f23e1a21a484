"""The look-ups behind retrievals: a study, a series or an instance by its UID, as a caller may see it."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import sqlalchemy as sa

from radcommons.catalogue import tables as t
from radcommons.catalogue.images import InstanceRow, Place, Scope, seen
from radcommons.catalogue.quick import Prepared, slot
from radcommons.catalogue.visibility import listed_releases, visible_releases
from radcommons.platform.clock import now
from radcommons.records.errors import NotFound, NotPermitted, SignInRequired
from radcommons.records.event import Actor

_FIELDS = tuple(InstanceRow.__dataclass_fields__)
_COLUMNS = tuple(t.instance.c[name] for name in _FIELDS)
_ORDER = (t.instance.c.series_instance_uid, t.instance.c.number, t.instance.c.sop_instance_uid)
_ID, _DIGEST = _FIELDS.index("id"), _FIELDS.index("digest")
_STUDY, _SERIES = _FIELDS.index("study_instance_uid"), _FIELDS.index("series_instance_uid")


def instances_of(engine: sa.Engine, scope: Scope, place: Place) -> list[InstanceRow]:
    """Return every instance of a place that the scope shows, series by series in the order of their numbers."""
    return [InstanceRow(**dict(zip(_FIELDS, row, strict=True))) for row in rows_of(engine, scope, place)]


def rows_of(engine: sa.Engine, scope: Scope, place: Place) -> list[tuple[Any, ...]]:
    """Return the same as rows of the fields of `InstanceRow`.

    Notes
    -----
    The narrowest UID of the place alone goes to the database, so that it has one index to choose from; that the study
    and the series are the place's too is compared here.
    """
    name, value = narrowest(place)
    study, series = place.study, place.series
    return [
        tuple(row)
        for row in _prepared(*actor_key(scope), name).rows(engine, uid=value)
        if (study is None or row[_STUDY] == study) and (series is None or row[_SERIES] == series)
    ]


def instance_with(engine: sa.Engine, scope: Scope, digest: str) -> InstanceRow | None:
    """Return the instance of these bytes that the scope shows, None where there is none."""
    rows = _prepared(*actor_key(scope), "digest").rows(engine, uid=digest)
    return InstanceRow(**dict(zip(_FIELDS, rows[0], strict=True))) if rows else None


_NAMING = Prepared(
    sa.select(t.release_item.c.release_id)
    .join(t.release, t.release.c.id == t.release_item.c.release_id)
    .where(t.release_item.c.instance_id == slot("number"))
    .order_by(t.release.c.created_at.desc(), t.release.c.number.desc())
    .limit(1)
)


def newest_release_naming(engine: sa.Engine, number: int) -> str | None:
    """Return the newest release that names an instance, None where none does."""
    rows = _NAMING.rows(engine, number=number)
    return str(rows[0][0]) if rows else None


def narrowest(place: Place) -> tuple[str, str]:
    """Return (column, value) of the narrowest UID that a place names.

    Raises
    ------
    ValueError
        If it names none: everything is never retrieved at once.
    """
    named = (
        ("sop_instance_uid", place.instance),
        ("series_instance_uid", place.series),
        ("study_instance_uid", place.study),
    )
    for name, value in named:
        if value is not None:
            return name, value
    raise ValueError("The place names nothing.")


ActorKey = tuple[Actor, str | None, str]


def actor_key(scope: Scope) -> ActorKey:
    """Return what a statement of this scope depends on: the actor's rights, the release, and the day (embargoes)."""
    asks = scope.actor
    actor = Actor(id="", roles=asks.roles, site=asks.site, dataset=asks.dataset, grants=asks.grants)
    return actor, scope.release, now().strftime("%Y-%m-%d")


@lru_cache(maxsize=512)
def _prepared(actor: Actor, release: str | None, _day: str, column: str) -> Prepared:
    condition = seen(Scope(actor=actor, release=release))
    return Prepared(sa.select(*_COLUMNS).where(t.instance.c[column] == slot("uid"), condition).order_by(*_ORDER))


def check_release(engine: sa.Engine, actor: Actor, identifier: str) -> None:
    """Let an actor pass who may have the content of a release.

    Raises
    ------
    NotFound
    SignInRequired, NotPermitted
        If it is listed, and its tier asks for more than the actor has.
    """
    key, _, day = actor_key(Scope(actor=actor))
    found = _release(key, day).rows(engine, identifier=identifier)
    if not found:
        raise NotFound("There is no such release.")
    refuse_closed(actor, is_open=bool(found[0][0]))


@lru_cache(maxsize=128)
def _release(actor: Actor, _day: str) -> Prepared:
    opens = sa.case((visible_releases(actor), 1), else_=0)
    return Prepared(sa.select(opens).where(t.release.c.id == slot("identifier"), listed_releases(actor)))


def refuse_closed(actor: Actor, *, is_open: bool) -> None:
    """Say why a listed release is closed to an actor. Raises SignInRequired, NotPermitted."""
    if not is_open and not actor.roles:
        raise SignInRequired("This release is for signed-in users.", mend="Sign in, or send a token with --token.")
    if not is_open:
        raise NotPermitted("This release needs a grant.", mend="Ask the dataset's steward for access.")


def keys_of(engine: sa.Engine, scope: Scope, place: Place) -> list[tuple[int, str]]:
    """Return (id, digest) of every instance of a place that the scope shows, in the order of `documents_of`."""
    return [(row[_ID], row[_DIGEST]) for row in rows_of(engine, scope, place)]


def documents_of(engine: sa.Engine, scope: Scope, place: Place) -> list[bytes]:
    """Return the metadata of every instance of a place that the scope shows; see `dicomweb.rawjson` for their form."""
    name, value = narrowest(place)
    rows = _documents(*actor_key(scope), name).rows(engine, uid=value)
    study, series = place.study, place.series
    return [
        bytes(body)
        for of_study, of_series, body in rows
        if (study is None or of_study == study) and (series is None or of_series == series)
    ]


@lru_cache(maxsize=512)
def _documents(actor: Actor, release: str | None, _day: str, column: str) -> Prepared:
    condition = seen(Scope(actor=actor, release=release))
    held = t.instance.join(t.instance_document, t.instance_document.c.instance_id == t.instance.c.id)
    return Prepared(
        sa.select(t.instance.c.study_instance_uid, t.instance.c.series_instance_uid, t.instance_document.c.body)
        .select_from(held)
        .where(t.instance.c[column] == slot("uid"), condition)
        .order_by(*_ORDER)
    )


_SPANS = Prepared(sa.select(t.instance_document.c.frames).where(t.instance_document.c.instance_id == slot("number")))


def frame_spans_of(engine: sa.Engine, number: int) -> bytes | None:
    """Return where the many encapsulated frames of an instance lie, see `FrameIndex.spans`; None where nobody knows."""
    rows = _SPANS.rows(engine, number=number)
    return bytes(rows[0][0]) if rows and rows[0][0] is not None else None
