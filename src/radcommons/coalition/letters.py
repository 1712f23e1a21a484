"""What the hub writes to people about their accounts: plain text, and the link stands alone on its line."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Letter:
    """Subject and text."""

    subject: str
    text: str


def _letter(subject: str, *parts: str) -> Letter:
    return Letter(subject, "\n\n".join(parts) + "\n")


def invitation(commons: str, link: str, *, days: int) -> Letter:
    """Return the letter to somebody who was invited."""
    return _letter(
        f"Your account at {commons}",
        f"You are invited to {commons}.",
        "Choose a password here:",
        link,
        f"The link is good once, for {days} days. If you expect no invitation, ignore this letter.",
    )


def confirm(commons: str, link: str) -> Letter:
    """Return the letter to somebody who signed up."""
    return _letter(
        f"Confirm your address for {commons}",
        f"Somebody, probably you, asked for an account at {commons} with this address.",
        "Confirm it and choose a password here:",
        link,
        "The link is good once, for a day. If it was not you, ignore this letter: nothing happens.",
    )


def has_account(commons: str, base: str) -> Letter:
    """Return the letter to somebody who signed up and has an account."""
    return _letter(
        f"You have an account at {commons}",
        f"Somebody, probably you, asked for an account at {commons}. This address has one already.",
        "If you forgot the password, ask for a new one here:",
        f"{base}/reset",
    )


def reset(commons: str, link: str, *, hours: int) -> Letter:
    """Return the letter to somebody who forgot the password."""
    return _letter(
        f"A new password for {commons}",
        f"Somebody, probably you, asked for a new password at {commons}.",
        "Choose it here:",
        link,
        f"The link is good once, for {hours} hours. If it was not you, ignore this letter: the old password stays.",
    )


def changed(commons: str) -> Letter:
    """Return the letter that tells of a new password."""
    return _letter(
        f"Your password at {commons} was changed",
        f"The password of your account at {commons} was changed, and its other sessions have ended.",
        "If it was not you, ask for a new password on the sign-in page and tell an administrator.",
    )
