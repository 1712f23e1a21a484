"""What letters say: one template an occasion, filled with titles, names and days, never with a secret."""

from __future__ import annotations

import sqlalchemy as sa

from radcommons.catalogue import letters
from radcommons.catalogue.letters import Draft
from radcommons.platform.ports import Platform
from radcommons.records.access_request import cleaned

_SIGN_OFF = "\n\n{commons}\nThis message was written by a program; answers to it are not read.\n"
# occasion: (subject, body). LINK becomes the one-time link when the letter leaves.
TEXTS: dict[str, tuple[str, str]] = {
    "official": (
        "Please sign for {institution}: {title}",
        'Dear {official},\n\n{applicant} asks for access to the dataset {dataset} for the project "{title}" and names '
        "you as the person who signs for {institution}.\nYou need no account. Read the request and the agreement, then "
        "sign or decline here, until {until}:\n\nLINK\n\nIf you know nothing of this, decline.",
    ),
    "official-again": (
        "Still to be signed for {institution}: {title}",
        "Dear {official},\n\n{applicant} waits for your signature, or for your word that you do not sign:\n\nLINK\n\n"
        "The link works until {until}.",
    ),
    "overdue": (
        "Overdue: {title}",
        "An answer to this request for {dataset} was promised by {due}. The applicant sees that too.\n\n{where}",
    ),
    "submitted": (
        "Your request is submitted: {title}",
        "Your request for {dataset} is submitted.\nNext, {official} signs for your institution; a link was sent.\n"
        "After that the committee answers within {days} days.\n\n{where}",
    ),
    "endorsed": (
        "Signed for your institution: {title}",
        "{official} has signed for your institution.\nThe committee answers by {due} unless it has a question.\n\n"
        "{where}",
    ),
    "declined": (
        "Not signed for your institution: {title}",
        "{official} has declined to sign: {note}\nYour request is a draft again.\n\n{where}",
    ),
    "queued": (
        "A request waits: {title}",
        "A request for {dataset} was endorsed and waits for the committee{fast}.\n\n{where}",
    ),
    "question": (
        "A question about your request: {title}",
        "The committee asks:\n\n{note}\n\nAnswer here; meanwhile the clock stands still:\n{where}",
    ),
    "message": ("A new message: {title}", "{who} writes:\n\n{note}\n\n{where}"),
    "returned": (
        "Your request comes back for changes: {title}",
        "The committee asks you to change your request:\n\n{note}\n\nIt is a draft again.\n{where}",
    ),
    "approved": (
        "Approved: {title}",
        "Your request for {dataset} is approved until {until}.\n\nConditions: {conditions}\n\n"
        "Reason: {note}\n\n{where}",
    ),
    "named": (
        "You are named in an approved project: {title}",
        "{applicant} names you among those who work with {dataset}.\nSign the agreement, and it opens for you.\n\n"
        "{where}",
    ),
    "refused": ("Not approved: {title}", "The committee has refused your request.\n\nReason: {note}\n\n{where}"),
    "withdrawn": ("Withdrawn: {title}", "The applicant has withdrawn the request for {dataset}.\n\n{where}"),
    "ends": (
        "Your access ends on {until}: {title}",
        "Your access to {dataset} ends on {until}.\nWhere nothing has changed, one click renews it; else ask with a "
        "short request.\n\n{where}",
    ),
    "destroy": (
        "Please attest that your copies are destroyed: {title}",
        "Your access to {dataset} is over.\nDelete every copy, derived images included, and say so here:\n\n{where}",
    ),
    "renewed": ("Renewed until {until}: {title}", "Your access to {dataset} runs until {until}.\n\n{where}"),
    "revoked": (
        "Your access was revoked: {title}",
        "Access to {dataset} was revoked: {note}\nStop using the data, delete every copy and say so here:\n\n{where}",
    ),
}


def worded(occasion: str, *, platform: Platform, path: str = "", **values: object) -> tuple[str, str]:
    """Return (subject, body) of an occasion; `path` is the page that it leads to."""
    subject, body = TEXTS[occasion]
    kept = {name: cleaned(str(value), lines=True) for name, value in values.items()}
    where = platform.settings.base_url.rstrip("/") + path
    return subject.format(**kept), (body + _SIGN_OFF).format(**kept, where=where, commons=platform.settings.title)


def tell(
    connection: sa.Connection,
    account: int,
    occasion: str,
    *,
    key: str,
    platform: Platform,
    path: str,
    **values: object,
) -> None:
    """Write a letter to the person of an account in the caller's transaction."""
    subject, body = worded(occasion, platform=platform, path=path, **values)
    draft: Draft = letters.to_account(connection, account, key=f"{occasion}-{key}", subject=subject, body=body)
    letters.write(connection, draft)
