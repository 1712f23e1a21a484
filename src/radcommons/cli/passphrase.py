"""Passphrases: from the environment for programs, from the terminal for people."""

from __future__ import annotations

import os
import sys

import click

from radcommons.records.errors import UsageError


def ask_passphrase(variable: str, words: str, *, confirm: bool) -> str:
    """Return a passphrase from the environment, or from the person at the terminal.

    Raises
    ------
    UsageError
        If there is neither.
    """
    found = os.environ.get(variable, "")
    if found:
        return found
    if not sys.stdin.isatty():
        raise UsageError("The crosswalk needs a passphrase.", mend=f"Set {variable}, or name a recipient or identity.")
    return str(click.prompt(words, hide_input=True, confirmation_prompt=confirm, err=True))
