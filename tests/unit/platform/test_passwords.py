"""Which passwords are taken: length counts, signs do not, and what everybody tries first is refused."""

from __future__ import annotations

import pytest

from radcommons.platform.passwords import LONGEST_PASSWORD, SHORTEST_PASSWORD, checked_password, is_common
from radcommons.records.errors import UsageError

ABOUT = ("maria.roe@hospital.example", "Maria Roe", "Imaging Commons")


@pytest.mark.parametrize(
    "password",
    [
        "correct horse battery",
        "nur kleine buchstaben",
        "ÄÖÜ ß 漢字 emoji 🫁 ok",
        "wvtq kzpx mnbr",
        " spaces count too ",
        "x1" + "ab%" * 40,
    ],
)
def test_length_is_what_counts(password: str) -> None:
    """Any signs are taken, as they come, from twelve letters to two hundred."""
    assert checked_password(password, about=ABOUT) == password
    for wrong in (password[: SHORTEST_PASSWORD - 1], password * 20):
        if not SHORTEST_PASSWORD <= len(wrong) <= LONGEST_PASSWORD:
            with pytest.raises(UsageError):
                checked_password(wrong)


@pytest.mark.parametrize(
    "password",
    [
        "password2026!",
        "P@ssw0rd2026",
        "PasswordPassword",
        "qwertyuiop12",
        "asdfghjkl;12",
        "123456789012",
        "abcdefghijklm",
        "987654321zyxwvut",
        "aaaaaaaaaaaa",
        "abababababab",
        "iloveyou2026!",
        "maria.roe@hospital.example",
        "MariaRoe2026",
        "imaging commons!",
        "Imaging Commons 2026",
    ],
)
def test_what_everybody_tries_is_refused(password: str) -> None:
    """Common ones, repeats, walks along the keyboard, and what others know of the person, digits added or not."""
    assert is_common(password, about=ABOUT)
    with pytest.raises(UsageError, match="tried first"):
        checked_password(password, about=ABOUT)
