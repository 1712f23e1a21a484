"""Build and seal submissions: what the hospital promises, as signed bytes that are stored before they are sent."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache, partial
from importlib.metadata import version
from importlib.resources import files
from itertools import groupby
from pathlib import Path
from typing import TypeVar

import sqlalchemy as sa

from radcommons.platform.clock import instant
from radcommons.platform.keys import SigningKey
from radcommons.records.clinical import ClinicalRow
from radcommons.records.documents import canonical, digest
from radcommons.records.finding import Finding, Severity
from radcommons.records.lifecycle import FileState
from radcommons.records.submission import STATEMENT, Attestation, Item, PolicyRef, Review, Submission, Supersedes
from radcommons.records.terms import Terms
from radcommons.site.agreement import protocol_id, require_cover
from radcommons.site.clinical import clinical_row
from radcommons.site.crosswalk import clinical_of
from radcommons.site.review_attest import group_reviews
from radcommons.site.review_decide import reviewer_mark
from radcommons.site.review_standing import may_go
from radcommons.site.settings import SiteSettings
from radcommons.site.store import Store
from radcommons.site.tables import decision, file, finding, policy, study, submission

MAX_ITEMS = 5000
_QUERY_SIZE = 500
_MAX_FINDINGS = 32
AUTOMATIC = "radcommons"

Row = sa.Row[tuple[object, ...]]
T = TypeVar("T")


def seal_ready(store: Store, *, max_items: int = MAX_ITEMS) -> list[str]:
    """Seal submissions over every ready file that is in none yet; one transaction for each.

    Returns
    -------
    list of str
        Identifiers, the digests of the documents.

    Raises
    ------
    NotPermitted
        If the agreement in force does not cover it; the clause is named.

    Notes
    -----
    Studies stay whole where they fit. What was sealed is sent as it is: a repeat sends the same bytes.
    """
    sealed = []
    key = store.signing_key
    for wanted in _groups(store):
        _require_cover(store, wanted)
        while (identifier := _seal_one(store, wanted, key=key, max_items=max_items)) is not None:
            sealed.append(identifier)
    return sealed


_GROUP = (file.c.site, file.c.dataset, file.c.protocol, file.c.profile)
_WAITING = (file.c.state == FileState.READY, file.c.submission.is_(None))


def going(settings: SiteSettings) -> sa.ColumnElement[bool]:
    """Return the condition of files that the next submission takes: ready, and not waiting for their group."""
    return sa.and_(*_WAITING, may_go(needs_groups=settings.review == "groups"))


def _groups(store: Store) -> list[tuple[str, ...]]:
    with store.read() as connection:
        query = sa.select(*_GROUP).where(going(store.settings)).distinct().order_by(*_GROUP)
        rows = connection.execute(query).all()
    return [tuple(row) for row in rows]


def _require_cover(store: Store, wanted: tuple[str, ...]) -> None:
    site, _, protocol, _ = wanted
    with store.read() as connection:
        name = protocol_id(connection, protocol)
    require_cover(store, site=site, protocol=name)


def _seal_one(store: Store, wanted: tuple[str, ...], *, key: SigningKey, max_items: int) -> str | None:
    with store.change() as change:
        rows = _take(change.connection, wanted, max_items, settings=store.settings)
        if not rows:
            return None
        record = _submission(change.connection, rows, settings=store.settings, mark=partial(reviewer_mark, store))
        identifier = digest(record)
        change.connection.execute(
            submission.insert().values(
                id=identifier,
                site=record.site,
                dataset=record.dataset,
                state="sealed",
                items=len(rows),
                document=canonical(key.seal(record)),
                created_at=record.created_at,
            )
        )
        for part in batched([row.id for row in rows]):
            change.connection.execute(file.update().where(file.c.id.in_(part)).values(submission=identifier))
        change.tell("submission.sealed", subject=f"submission:{identifier}", items=len(rows))
    return identifier


def _take(connection: sa.Connection, wanted: tuple[str, ...], max_items: int, *, settings: SiteSettings) -> list[Row]:
    """Return the next files; the study at the end is left for the next submission if it does not fit as a whole."""
    same = [column == value for column, value in zip(_GROUP, wanted, strict=True)]
    order = (file.c.pseudonym, file.c.study_uid, file.c.series_uid, file.c.sop_uid)
    query = sa.select(file).where(*same, going(settings)).order_by(*order).limit(max_items + 1)
    rows = connection.execute(query).all()
    if len(rows) <= max_items:
        return list(rows)
    whole = [row for row in rows if row.study_uid != rows[-1].study_uid]
    return whole or list(rows[:max_items])


def _submission(
    connection: sa.Connection, rows: Sequence[Row], *, settings: SiteSettings, mark: Callable[[str], str]
) -> Submission:
    first = rows[0]
    refs = {
        row.digest: PolicyRef(id=row.id, version=row.version, digest=row.digest)
        for row in connection.execute(sa.select(policy).where(policy.c.digest.in_((first.protocol, first.profile))))
    }
    numbers = [row.id for row in rows]
    told = _findings(connection, numbers)
    groups, by_group = group_reviews(connection, numbers, mark=mark)
    reviews = _reviews(connection, numbers, by_group)
    return Submission(
        schema="radcommons/submission/v1",
        site=first.site,
        dataset=first.dataset,
        created_at=instant(),
        protocol=refs[first.protocol],
        profile=refs[first.profile],
        software=software(),
        agreement=settings.agreement,
        legal_basis=settings.legal_basis,
        ethics_reference=settings.ethics_reference,
        terms=Terms(
            license=settings.license,
            duo=settings.duo,
            embargo_until=settings.embargo_until,
            geography=settings.geography,
        ),
        country=settings.country,
        items=tuple(_item(row, told.get(row.id, ())) for row in rows),
        clinical=tuple(_clinical(connection, rows)),
        attestation=Attestation(statement=STATEMENT, reviews=reviews, at=instant(), groups=groups),
    )


def _item(row: Row, findings: Sequence[Finding]) -> Item:
    return Item(
        digest=row.object_digest,
        size=row.object_size,
        sop_class_uid=row.sop_class,
        transfer_syntax_uid=row.transfer_syntax,
        patient=row.pseudonym,
        study_instance_uid=row.study_uid,
        series_instance_uid=row.series_uid,
        sop_instance_uid=row.sop_uid,
        findings=tuple(findings[:_MAX_FINDINGS]),
        supersedes=Supersedes(digest=row.supersedes, reason=row.supersedes_reason) if row.supersedes else None,
    )


def _findings(connection: sa.Connection, numbers: Sequence[int]) -> dict[int, list[Finding]]:
    """Return what was noted of each file; a question that a reviewer answered travels as a note of that."""
    told: dict[int, list[Finding]] = {}
    for part in batched(numbers):
        query = sa.select(finding).where(finding.c.file.in_(part)).order_by(finding.c.id)
        for row in connection.execute(query):
            passed = " A reviewer at the site let it pass." if row.severity == Severity.QUESTION else ""
            told.setdefault(row.file, []).append(
                Finding(code=row.code, severity=Severity.NOTE, message=f"{row.message}{passed}", where=row.where)
            )
    return told


def _reviews(connection: sa.Connection, numbers: Sequence[int], by_group: Sequence[Review]) -> tuple[Review, ...]:
    """Count who let what pass; the rest passed every check without a person."""
    reviewed: set[int] = set()
    counts: Counter[tuple[str, str]] = Counter()
    for part in batched(numbers):
        query = sa.select(decision).where(decision.c.file.in_(part), decision.c.decision == "pass")
        for row in connection.execute(query):
            reviewed.add(row.file)
            counts[(row.code, row.reviewer)] += 1
    reviews = [
        Review(rule=code, objects=count, reviewer=reviewer) for (code, reviewer), count in sorted(counts.items())
    ]
    reviews += by_group
    automatic = len(numbers) - len(reviewed) - sum(one.objects for one in by_group)
    if automatic:
        reviews.insert(0, Review(rule="every automatic check passed", objects=automatic, reviewer=AUTOMATIC))
    return tuple(reviews)


def _clinical(connection: sa.Connection, rows: Sequence[Row]) -> Iterator[ClinicalRow]:
    """Yield a clinical row for every study of a patient whom the clinical table names."""
    for pseudonym, of_patient in groupby(rows, key=lambda row: row.pseudonym):
        known = clinical_of(connection, pseudonym)
        if not known:
            continue
        site = rows[0].site
        for study_uid in dict.fromkeys(row.study_uid for row in of_patient):
            date = connection.execute(
                sa.select(study.c.study_date).where(study.c.study_uid == study_uid, study.c.site == site)
            ).scalar_one_or_none()
            yield clinical_row(known, pseudonym=pseudonym, study_uid=study_uid, study_date=date or "")


def batched(values: Sequence[T]) -> Iterator[Sequence[T]]:
    """Yield values in parts that one query takes."""
    for start in range(0, len(values), _QUERY_SIZE):
        yield values[start : start + _QUERY_SIZE]


@lru_cache(maxsize=1)
def software() -> PolicyRef:
    """Return this program as a policy: its version, and a digest over every source file of the package."""
    known = hashlib.sha256()
    root = Path(str(files("radcommons")))
    for path in sorted(root.rglob("*.py")):
        known.update(f"{path.relative_to(root).as_posix()}\0".encode() + path.read_bytes() + b"\0")
    return PolicyRef(id="radcommons", version=version("radcommons"), digest=known.hexdigest())
