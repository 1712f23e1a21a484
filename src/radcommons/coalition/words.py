"""Kinds of audit events about people, in words; other kinds are shown as they are."""

from __future__ import annotations

from radcommons.records.event import Role, Scope

EVENTS = {
    "account-created": "Account made",
    "account-disabled": "Account disabled",
    "account-enabled": "Account enabled again",
    "institution-linked": "Institution's sign-in linked",
    "institution-unlinked": "Institution's sign-in unlinked",
    "invitation-taken-back": "Invitation taken back",
    "passkey-added": "Passkey added",
    "passkey-removed": "Passkey removed",
    "password-reset-asked": "New password asked for by e-mail",
    "password-reset-handed": "Link for a new password handed over",
    "password-set": "Password set",
    "person-invited": "Person invited",
    "personal-token-created": "Token made",
    "personal-token-revoked": "Token revoked",
    "recovery-code-used": "Recovery code used",
    "recovery-codes-made": "New recovery codes made",
    "roles-changed": "Roles changed",
    "second-factor-removed": "Second factor removed",
    "second-factor-set": "Second factor set",
    "session-ended": "Session ended",
    "signed-in": "Signed in",
    "signed-out": "Signed out",
    "sign-in-refused": "Sign-in refused",
}
# Which of them a person should look at twice.
TONES = {
    "sign-in-refused": "warn",
    "recovery-code-used": "warn",
    "second-factor-removed": "warn",
    "password-reset-asked": "warn",
    "account-disabled": "bad",
    "signed-in": "good",
}
METHODS = {
    "password": "Password",
    "password+code": "Password and code",
    "openid": "Institution",
    "openid+code": "Institution and code",
    "passkey": "Passkey",
}
ROLES = {
    Role.ADMINISTRATOR: "Invites people and gives roles; may do what any role may.",
    Role.COMMITTEE: "Votes about requests for the datasets of a committee.",
    Role.CURATOR: "Decides about submissions and makes releases.",
    Role.READER: "Reads images and labels them.",
    Role.RESEARCHER: "Finds, asks for and downloads data.",
}
SCOPES = {
    Scope.READ: "Search and look: metadata, pictures, what a release holds.",
    Scope.DOWNLOAD: "Download images, not only look at them.",
    Scope.WRITE: "Change what is yours, such as cohorts and requests.",
    Scope.SUBMIT: "Send images.",
    Scope.CURATE: "Decide about submissions and make releases.",
    Scope.ADMINISTER: "Invite people and give roles.",
}


def event_words(kind: str) -> str:
    """Return a kind of event in words."""
    return EVENTS.get(kind, kind.replace("-", " ").capitalize())


def scopes_for(roles: frozenset[Role]) -> dict[Scope, str]:
    """Return the scopes that a person of some roles may give a token."""
    needs = {Scope.SUBMIT: {Role.SITE}, Scope.CURATE: {Role.CURATOR, Role.ADMINISTRATOR}}
    needs[Scope.ADMINISTER] = {Role.ADMINISTRATOR}
    return {scope: text for scope, text in SCOPES.items() if scope not in needs or roles & needs[scope]}
