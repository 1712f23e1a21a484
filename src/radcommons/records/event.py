"""Audit events: who did what to what. They carry pseudonyms, digests and counts, never a patient's value."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum


class Role(StrEnum):
    """What an account or token may do; one `authorize` in `platform.identity` reads them."""

    ADMINISTRATOR = "administrator"
    COMMITTEE = "committee"
    CURATOR = "curator"
    READER = "reader"
    RESEARCHER = "researcher"
    SITE = "site"


class Scope(StrEnum):
    """What a person's own token may do of what the person may do; each holds `READ` as well."""

    READ = "read"
    DOWNLOAD = "download"
    WRITE = "write"
    SUBMIT = "submit"
    CURATE = "curate"
    ADMINISTER = "administer"


@dataclass(frozen=True, slots=True, kw_only=True)
class Actor:
    """Who is asking. `site` and `dataset` bind a token; an anonymous visitor has no roles.

    Parameters
    ----------
    id : str
        ``account:7``, ``token:3``, ``system`` or ``anonymous``; stands in audit events.
    roles : frozenset of Role
    site : str or None
        The site code that a site's token speaks for.
    dataset : str or None
        The dataset that a direct token loads into.
    scopes : frozenset of Scope or None
        What a person's own token may do; None for a person at a browser and for tokens that an administrator made.
    grants : frozenset of str
        Controlled datasets that the person has a live grant for, at the moment of asking.
    """

    id: str
    name: str = ""
    roles: frozenset[Role] = frozenset()
    site: str | None = None
    dataset: str | None = None
    scopes: frozenset[Scope] | None = None
    grants: frozenset[str] = frozenset()

    @property
    def account(self) -> int | None:
        """The number of the person's account; None for tokens that are nobody's own."""
        kind, _, number = self.id.partition(":")
        return int(number) if kind == "account" and number.isdecimal() else None

    def has(self, *roles: Role) -> bool:
        """Say whether the actor has one of `roles`."""
        return bool(self.roles.intersection(roles))


ANONYMOUS = Actor(id="anonymous")
# Whoever may write the hub's folder holds its key already; the audit trail says that it was done at the machine.
OPERATOR = Actor(id="operator", name="operator", roles=frozenset({Role.ADMINISTRATOR, Role.CURATOR}))
SYSTEM = Actor(id="system", name="radcommons")


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One line of the audit trail, written in the transaction of the change that it tells of."""

    kind: str
    actor: str
    subject: str
    details: dict[str, str | int | bool | None] = field(default_factory=dict)
