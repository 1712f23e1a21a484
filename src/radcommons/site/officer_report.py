"""The report of one submission for a privacy officer, from the signed document itself; printed by `deid_pdf`."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

import sqlalchemy as sa
from pydicom.uid import UID

from radcommons.dicom.profile import CODE_MEANINGS, Profile, load_profile
from radcommons.records.documents import unseal
from radcommons.records.errors import NotFound, RadcommonsError
from radcommons.records.finding import CODES
from radcommons.records.submission import Submission
from radcommons.site.agreement import Agreement
from radcommons.site.deid_page import OPTION_WORDS, PROMISES, Page, Row, Share, Table, number
from radcommons.site.officer import accepted, agreement
from radcommons.site.store import Store
from radcommons.site.tables import submission as submissions


def report(store: Store, identifier: str) -> Page:
    """Return the report of a submission.

    Raises
    ------
    NotFound
        If this gateway made no such submission.
    """
    with store.read() as connection:
        row = connection.execute(sa.select(submissions).where(submissions.c.id == identifier)).one_or_none()
    if row is None:
        raise NotFound("This gateway made no such submission.")
    document, signature, _ = unseal(Submission, row.document)
    answer: dict[str, Any] = json.loads(row.answer) if row.answer else {}
    patients, studies = ({getattr(item, name) for item in document.items} for name in ("patient", "study_instance_uid"))
    agreed = agreement(store) if store.settings.agreement == document.agreement else None
    return Page(
        title=f"Submission {identifier[:12]}",
        lede=f"{number(len(document.items))} objects of {number(len(studies))} examinations of {number(len(patients))} "
        f"patients, sent by site {document.site} into '{document.dataset}'.",
        facts=_facts(document, row, key=signature.key_id, accepted_by=accepted(store) if agreed else ""),
        shares=_shares(document, answer),
        seen=len(document.items),
        tables=tuple(
            table
            for table in (_what(document), _rules(store, document), _reviews(document), _found(document, answer),
                          _clauses(agreed), _digests(document, row))
            if table.rows
        ),
        promises=PROMISES,
        foot="Made from the signed document itself. It names no patient and holds no value.",
    )  # fmt: skip


def _facts(
    document: Submission, row: sa.Row[tuple[object, ...]], *, key: str, accepted_by: str
) -> tuple[tuple[str, str], ...]:
    terms = document.terms
    facts = (
        ("Made", document.created_at.replace("T", " ").replace("Z", " UTC")),
        ("Received", _received(row)),
        ("Legal basis", document.legal_basis),
        ("Ethics", document.ethics_reference),
        ("Terms", ", ".join(part for part in (terms.license, *terms.duo) if part)),
        ("Embargo", f"nothing is public before {terms.embargo_until}" if terms.embargo_until else "none"),
        ("Agreement", f"{document.agreement[:32]} {accepted_by}".strip()),
        ("Protocol", f"{document.protocol.id}, version {document.protocol.version}"),
        (
            "Profile",
            f"{document.profile.id}, version {document.profile.version}, digest {document.profile.digest[:16]}",
        ),
        ("Software", f"{document.software.id} {document.software.version}, digest {document.software.digest[:16]}"),
        ("Signed with", f"the hospital's key {key}"),
    )
    return tuple((name, value) for name, value in facts if value)


def _received(row: sa.Row[tuple[object, ...]]) -> str:
    if row.receipt is None:
        return "not yet: the hub has not signed a receipt"
    at = str(json.loads(row.receipt)["received_at"])
    return f"{at.replace('T', ' ').replace('Z', ' UTC')}, by the hub's signed receipt"


_SHARES = (
    ("accepted", "at the hub, accepted"),
    ("quarantined", "at the hub, wait for a curator"),
    ("refused", "refused by the hub"),
    ("withdrawn", "taken back"),
)


def _shares(document: Submission, answer: dict[str, Any]) -> tuple[Share, ...]:
    told = {name: int(answer.get(name) or 0) for name, _ in _SHARES}
    rest = max(len(document.items) - sum(told.values()), 0)
    shares = [Share(name=name, count=told[name], words=words) for name, words in _SHARES]
    return (*shares, Share(name="under way", count=rest, words="not yet judged by the hub"))


def _what(document: Submission) -> Table:
    kinds = Counter(item.sop_class_uid for item in document.items)
    rows = tuple(Row(name=UID(uid).name, words=uid, count=number(count)) for uid, count in kinds.most_common())
    return Table(title="What was sent", lede="By kind of object.", heads=("Kind", "SOP Class", "Objects"), rows=rows)


def _rules(store: Store, document: Submission) -> Table:
    lede = "The options of the de-identification profile (PS3.15) under which each object was made."
    profile: Profile | None = None
    for source in (document.profile.id, store.settings.profile):
        try:
            found = load_profile(source)
        except RadcommonsError:
            continue
        if found.digest == document.profile.digest:
            profile = found
            break
    codes = profile.codes if profile else ()
    rows = tuple(Row(name=code, words=f"{CODE_MEANINGS[code]}. {OPTION_WORDS[code]}") for code in codes)
    return Table(title="The rules", lede=lede, heads=("Code", "Option, and what it means", ""), rows=rows)


def _reviews(document: Submission) -> Table:
    rows = [
        Row(name=one.reviewer, words=f"Rule: {one.rule}", count=number(one.objects))
        for one in document.attestation.reviews
    ]
    rows += [
        Row(
            name=one.reviewer,
            words=f"{one.group}: {number(one.studies)} examinations decided together after a look at {one.sampled} "
            f"drawn at random, {one.wrong} of them wrong and held; at most {one.below_permille} in a thousand of the "
            f"others may be wrong (95 % confidence). {one.at[:10]}",
            count=number(one.objects),
        )
        for one in document.attestation.groups
    ]
    lede = "Who let what through, by which rule; it stands in the signed attestation."
    return Table(title="Reviewed by", lede=lede, heads=("Who", "What", "Objects"), rows=tuple(rows))


def _found(document: Submission, answer: dict[str, Any]) -> Table:
    here = Counter(code for item in document.items for code in {finding.code for finding in item.findings})
    told = [one for one in answer.get("findings") or [] if isinstance(one, dict)]
    there = Counter(code for code, _ in {(str(one.get("code")), str(one.get("digest"))) for one in told})
    rows = [Row(name=f"Here: {code}", words=CODES.get(code, ""), count=number(n)) for code, n in here.most_common()]
    rows += [Row(name=f"Hub: {code}", words=CODES.get(code, ""), count=number(n)) for code, n in there.most_common()]
    lede = "What the gateway noted and what the hub, which looks by itself, found."
    return Table(title="Findings", lede=lede, heads=("Finding", "What it means", "Objects"), rows=tuple(rows))


def _clauses(agreed: Agreement | None) -> Table:
    rows = tuple(Row(name=clause.id, words=clause.says) for clause in (agreed.clause if agreed else ()))
    lede = "The clauses of the agreement in force; what a clause does not cover is refused with its number."
    return Table(title="Agreement", lede=lede, heads=("Clause", "What it says", ""), rows=rows)


def _digests(document: Submission, row: sa.Row[tuple[object, ...]]) -> Table:
    rows = [Row(name="Document", words=str(row.id)), Row(name="Agreement", words=document.agreement)]
    if row.receipt is not None:
        rows.append(Row(name="Objects", words=str(json.loads(row.receipt)["items_digest"])))
    lede = "SHA-256: whoever has the files can prove that they are these."
    return Table(title="Digests", lede=lede, heads=("Of", "Digest", ""), rows=tuple(rows))
