"""Lifecycle tables: {(state, event): next state}. They are rule, documentation and the tests' parameters."""

from __future__ import annotations

from enum import StrEnum
from typing import TypeVar

from radcommons.records.errors import WrongState

S = TypeVar("S", bound=StrEnum)
E = TypeVar("E", bound=StrEnum)


class FileState(StrEnum):
    """A file at a site."""

    SEEN = "seen"
    EXCLUDED = "excluded"
    DUPLICATE = "duplicate"
    IGNORED = "ignored"
    REFUSED = "refused"
    HELD = "held"
    READY = "ready"
    SUBMITTED = "submitted"
    WITHDRAWN = "withdrawn"


class FileEvent(StrEnum):
    """What can happen to a file at a site."""

    EXCLUDE = "exclude"
    RECOGNIZE = "recognize"
    IGNORE = "ignore"
    REFUSE = "refuse"
    HOLD = "hold"
    PASS = "pass"  # noqa: S105
    RECONSIDER = "reconsider"
    SUBMIT = "submit"
    REVISE = "revise"
    WITHDRAW = "withdraw"


FILE: dict[tuple[FileState, FileEvent], FileState] = {
    (FileState.SEEN, FileEvent.EXCLUDE): FileState.EXCLUDED,
    (FileState.SEEN, FileEvent.RECOGNIZE): FileState.DUPLICATE,
    (FileState.SEEN, FileEvent.IGNORE): FileState.IGNORED,
    (FileState.SEEN, FileEvent.REFUSE): FileState.REFUSED,
    (FileState.SEEN, FileEvent.HOLD): FileState.HELD,
    (FileState.SEEN, FileEvent.PASS): FileState.READY,
    (FileState.HELD, FileEvent.PASS): FileState.READY,
    (FileState.HELD, FileEvent.EXCLUDE): FileState.EXCLUDED,
    (FileState.HELD, FileEvent.REFUSE): FileState.REFUSED,
    (FileState.HELD, FileEvent.WITHDRAW): FileState.WITHDRAWN,
    (FileState.READY, FileEvent.HOLD): FileState.HELD,
    # Another series of its study is preferred, or a quota is full: that shows when its neighbours are here.
    (FileState.READY, FileEvent.EXCLUDE): FileState.EXCLUDED,
    (FileState.EXCLUDED, FileEvent.RECONSIDER): FileState.HELD,
    (FileState.REFUSED, FileEvent.RECONSIDER): FileState.HELD,
    (FileState.READY, FileEvent.SUBMIT): FileState.SUBMITTED,
    (FileState.READY, FileEvent.WITHDRAW): FileState.WITHDRAWN,
    # A corrected version of what went out takes its place in the next submission.
    (FileState.SUBMITTED, FileEvent.REVISE): FileState.READY,
    (FileState.SUBMITTED, FileEvent.WITHDRAW): FileState.WITHDRAWN,
}


class SubmissionState(StrEnum):
    """A submission at the hub."""

    ANNOUNCED = "announced"  # the document is here, bytes are missing
    RECEIVED = "received"  # every byte is durable, the receipt is signed
    IN_REVIEW = "in-review"  # verified; a curator decides about some instances
    CURATED = "curated"  # every instance is decided
    REFUSED = "refused"  # the document itself cannot be taken
    WITHDRAWN = "withdrawn"


class SubmissionEvent(StrEnum):
    """What can happen to a submission."""

    COMPLETE = "complete"
    ASK = "ask"
    DECIDE = "decide"
    REFUSE = "refuse"
    WITHDRAW = "withdraw"


SUBMISSION: dict[tuple[SubmissionState, SubmissionEvent], SubmissionState] = {
    (SubmissionState.ANNOUNCED, SubmissionEvent.COMPLETE): SubmissionState.RECEIVED,
    (SubmissionState.ANNOUNCED, SubmissionEvent.REFUSE): SubmissionState.REFUSED,
    (SubmissionState.RECEIVED, SubmissionEvent.ASK): SubmissionState.IN_REVIEW,
    (SubmissionState.RECEIVED, SubmissionEvent.DECIDE): SubmissionState.CURATED,
    (SubmissionState.RECEIVED, SubmissionEvent.REFUSE): SubmissionState.REFUSED,
    (SubmissionState.IN_REVIEW, SubmissionEvent.DECIDE): SubmissionState.CURATED,
    (SubmissionState.IN_REVIEW, SubmissionEvent.REFUSE): SubmissionState.REFUSED,
    (SubmissionState.ANNOUNCED, SubmissionEvent.WITHDRAW): SubmissionState.WITHDRAWN,
    (SubmissionState.RECEIVED, SubmissionEvent.WITHDRAW): SubmissionState.WITHDRAWN,
    (SubmissionState.IN_REVIEW, SubmissionEvent.WITHDRAW): SubmissionState.WITHDRAWN,
    (SubmissionState.CURATED, SubmissionEvent.WITHDRAW): SubmissionState.WITHDRAWN,
}


class InstanceState(StrEnum):
    """An instance version at the hub."""

    ANNOUNCED = "announced"
    RECEIVED = "received"
    QUARANTINED = "quarantined"
    ACCEPTED = "accepted"
    REFUSED = "refused"
    SUPERSEDED = "superseded"
    SEALED = "sealed"  # an identity may have been found in it: nothing of it is served
    WITHDRAWN = "withdrawn"


class InstanceEvent(StrEnum):
    """What can happen to an instance version."""

    STORE = "store"
    ACCEPT = "accept"
    ASK = "ask"
    REFUSE = "refuse"
    SUPERSEDE = "supersede"
    SEAL = "seal"
    # A false alarm: it is again what it was when it was sealed.
    UNSEAL_RECEIVED = "unseal-received"
    UNSEAL_QUARANTINED = "unseal-quarantined"
    UNSEAL_ACCEPTED = "unseal-accepted"
    UNSEAL_REFUSED = "unseal-refused"
    UNSEAL_SUPERSEDED = "unseal-superseded"
    WITHDRAW = "withdraw"


SEALABLE = (
    InstanceState.RECEIVED,
    InstanceState.QUARANTINED,
    InstanceState.ACCEPTED,
    InstanceState.REFUSED,
    InstanceState.SUPERSEDED,
)

INSTANCE: dict[tuple[InstanceState, InstanceEvent], InstanceState] = {
    (InstanceState.ANNOUNCED, InstanceEvent.STORE): InstanceState.RECEIVED,
    (InstanceState.RECEIVED, InstanceEvent.ACCEPT): InstanceState.ACCEPTED,
    (InstanceState.RECEIVED, InstanceEvent.ASK): InstanceState.QUARANTINED,
    (InstanceState.RECEIVED, InstanceEvent.REFUSE): InstanceState.REFUSED,
    (InstanceState.QUARANTINED, InstanceEvent.ACCEPT): InstanceState.ACCEPTED,
    (InstanceState.QUARANTINED, InstanceEvent.REFUSE): InstanceState.REFUSED,
    (InstanceState.ACCEPTED, InstanceEvent.SUPERSEDE): InstanceState.SUPERSEDED,
    **{(state, InstanceEvent.SEAL): InstanceState.SEALED for state in SEALABLE},
    **{(InstanceState.SEALED, InstanceEvent(f"unseal-{state}")): state for state in SEALABLE},
    **{
        (state, InstanceEvent.WITHDRAW): InstanceState.WITHDRAWN
        for state in InstanceState
        if state is not InstanceState.WITHDRAWN
    },
}


class RequestState(StrEnum):
    """A request for access to a controlled dataset."""

    DRAFT = "draft"
    SUBMITTED = "submitted"  # signed by the applicant; the institution's signing official is asked
    ENDORSED = "endorsed"  # signed by the official; in the committee's queue
    UNDER_REVIEW = "under-review"
    QUESTIONED = "questioned"  # the applicant is asked something
    APPROVED = "approved"
    REFUSED = "refused"
    WITHDRAWN = "withdrawn"


class RequestEvent(StrEnum):
    """What can happen to a request."""

    SUBMIT = "submit"
    ENDORSE = "endorse"
    DECLINE = "decline"  # the official does not sign
    RECALL = "recall"  # by the applicant, such as to name another official
    BEGIN = "begin"
    ASK = "ask"
    ANSWER = "answer"
    RETURN = "return"  # for changes; what was signed no longer holds
    APPROVE = "approve"
    REFUSE = "refuse"
    WITHDRAW = "withdraw"


REQUEST: dict[tuple[RequestState, RequestEvent], RequestState] = {
    (RequestState.DRAFT, RequestEvent.SUBMIT): RequestState.SUBMITTED,
    (RequestState.SUBMITTED, RequestEvent.ENDORSE): RequestState.ENDORSED,
    (RequestState.SUBMITTED, RequestEvent.DECLINE): RequestState.DRAFT,
    (RequestState.SUBMITTED, RequestEvent.RECALL): RequestState.DRAFT,
    (RequestState.ENDORSED, RequestEvent.BEGIN): RequestState.UNDER_REVIEW,
    (RequestState.ENDORSED, RequestEvent.ASK): RequestState.QUESTIONED,
    (RequestState.UNDER_REVIEW, RequestEvent.ASK): RequestState.QUESTIONED,
    (RequestState.QUESTIONED, RequestEvent.ANSWER): RequestState.UNDER_REVIEW,
    (RequestState.UNDER_REVIEW, RequestEvent.APPROVE): RequestState.APPROVED,
    (RequestState.UNDER_REVIEW, RequestEvent.REFUSE): RequestState.REFUSED,
    **{
        (state, RequestEvent.RETURN): RequestState.DRAFT
        for state in (
            RequestState.SUBMITTED,
            RequestState.ENDORSED,
            RequestState.UNDER_REVIEW,
            RequestState.QUESTIONED,
        )
    },
    **{
        (state, RequestEvent.WITHDRAW): RequestState.WITHDRAWN
        for state in (
            RequestState.DRAFT,
            RequestState.SUBMITTED,
            RequestState.ENDORSED,
            RequestState.UNDER_REVIEW,
            RequestState.QUESTIONED,
        )
    },
}


class GrantState(StrEnum):
    """A grant: what a dataset's committee has allowed to named people."""

    LIVE = "live"  # and in force between its two days
    EXPIRED = "expired"
    REVOKED = "revoked"
    CLOSED = "closed"  # the holder has attested that every copy is destroyed


class GrantEvent(StrEnum):
    """What can happen to a grant."""

    RENEW = "renew"
    EXPIRE = "expire"
    REVOKE = "revoke"
    ATTEST = "attest"


GRANT: dict[tuple[GrantState, GrantEvent], GrantState] = {
    (GrantState.LIVE, GrantEvent.RENEW): GrantState.LIVE,
    (GrantState.LIVE, GrantEvent.EXPIRE): GrantState.EXPIRED,
    (GrantState.LIVE, GrantEvent.REVOKE): GrantState.REVOKED,
    (GrantState.LIVE, GrantEvent.ATTEST): GrantState.CLOSED,  # the project ended early
    (GrantState.EXPIRED, GrantEvent.RENEW): GrantState.LIVE,
    (GrantState.EXPIRED, GrantEvent.ATTEST): GrantState.CLOSED,
    (GrantState.REVOKED, GrantEvent.ATTEST): GrantState.CLOSED,
}


class IncidentState(StrEnum):
    """An identity incident at the hub."""

    SEALED = "sealed"  # nothing of it is served, and every byte is still there
    PURGED = "purged"  # withdrawn, told to the holders, blocked for good
    REOPENED = "reopened"  # a false alarm: all is as before


class IncidentEvent(StrEnum):
    """What can happen to an identity incident."""

    PURGE = "purge"
    REOPEN = "reopen"


INCIDENT: dict[tuple[IncidentState, IncidentEvent], IncidentState] = {
    (IncidentState.SEALED, IncidentEvent.PURGE): IncidentState.PURGED,
    (IncidentState.SEALED, IncidentEvent.REOPEN): IncidentState.REOPENED,
}


def advance(table: dict[tuple[S, E], S], state: S, event: E) -> S:
    """Return the next state.

    Raises
    ------
    WrongState
        If the table has no such arrow.
    """
    following = table.get((state, event))
    if following is None:
        raise WrongState(f"'{event}' is not possible in state '{state}'.")
    return following
