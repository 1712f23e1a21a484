"""The JSON of sign-in, of one's own account, of people and of the audit trail, typed."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from radcommons.records.event import Role, Scope


class Body(BaseModel):
    """What a client sends: unknown members are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Answer(BaseModel):
    """What the hub answers."""

    model_config = ConfigDict(frozen=True, from_attributes=True)


class SignInBody(Body):
    """A local account's credentials; `code` is the phone's or a recovery code, for accounts with a second factor."""

    email: Annotated[str, Field(max_length=254)]
    password: Annotated[str, Field(max_length=1024)]
    code: Annotated[str, Field(max_length=64)] = ""


class ActorAnswer(Answer):
    """Who the caller is; `form_key` is repeated in the header X-Form-Key when a browser's cookie signs in."""

    id: str
    name: str
    roles: list[str]
    site: str | None
    dataset: str | None
    scopes: list[str] | None = None
    form_key: str = ""


class TokenBody(Body):
    """A token to make for oneself."""

    name: Annotated[str, Field(min_length=1, max_length=80)]
    scopes: list[Scope] = [Scope.READ]
    days: Annotated[int, Field(ge=1, le=365)] = 90


class TokenAnswer(Answer):
    """One of one's own tokens."""

    number: int
    name: str
    scopes: list[str]
    created_at: str
    expires_at: str
    last_used_on: str | None
    is_over: bool


class NewTokenAnswer(Answer):
    """A new token; it is shown this once."""

    token: str


class TokensAnswer(Answer):
    """One's own tokens that were not revoked."""

    tokens: list[TokenAnswer]


class SessionAnswer(Answer):
    """One browser that is signed in."""

    handle: str
    agent: str
    method: str
    created_at: str
    seen_at: str
    is_current: bool


class SessionsAnswer(Answer):
    """Where one is signed in."""

    sessions: list[SessionAnswer]


class EventAnswer(Answer):
    """One line of the audit trail."""

    sequence: int
    at: str
    kind: str
    actor: str
    subject: str
    details: dict[str, Any]


class EventsAnswer(Answer):
    """Lines of the audit trail, the newest first; `before` asks for the next page where there is one."""

    events: list[EventAnswer]
    before: int | None


class PersonAnswer(Answer):
    """One account as administrators see it."""

    number: int
    email: str
    name: str
    roles: list[str]
    proofs: list[str]
    created_at: str
    signed_in_at: str | None
    disabled_at: str | None


class PeopleAnswer(Answer):
    """People by name."""

    total: int
    people: list[PersonAnswer]


class InvitationBody(Body):
    """Whom to invite."""

    email: Annotated[str, Field(max_length=254)]
    name: Annotated[str, Field(max_length=80)]
    roles: Annotated[list[Role], Field(min_length=1)]


class InvitationAnswer(Answer):
    """The link of an invitation, to be handed over where the hub sends no mail."""

    link: str
    is_sent: bool


class CheckpointAnswer(Answer):
    """A signed statement of where the audit trail ended: a DSSE envelope as text, and what it is found by."""

    number: int
    sequence: int
    at: str
    envelope: str


class CheckpointsAnswer(Answer):
    """Checkpoints, the newest first; `before` asks for the next page where there is one."""

    checkpoints: list[CheckpointAnswer]
    before: int | None
