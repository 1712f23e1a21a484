"""Post: hand letters to the mail server, each once; without one they stay in the portal."""

from __future__ import annotations

from datetime import timedelta

from radcommons.catalogue import letters
from radcommons.catalogue.journal import leave_job
from radcommons.catalogue.letters import SEND_JOB, Kept
from radcommons.catalogue.signoffs import token_of
from radcommons.platform.clock import instant, now
from radcommons.platform.database import writing
from radcommons.platform.jobs import step
from radcommons.platform.mail import Letter, Refused, open_post
from radcommons.platform.ports import Platform
from radcommons.records.errors import PeerError

LINK = "LINK"  # in a body: where the one-time link stands
_KEEP_TRYING = timedelta(days=3)
_DEAD_AFTER = timedelta(minutes=5)


def text_of(letter: Kept, *, platform: Platform) -> str:
    """Return a letter's body with its one-time link, which no table holds."""
    if letter.signoff is None:
        return letter.body
    base = platform.settings.base_url.rstrip("/")
    return letter.body.replace(LINK, f"{base}/sign/{token_of(letter.signoff, platform.signing_key)}")


def deliver(number: int, *, platform: Platform) -> None:
    """Send a letter as a job; it is tried again while the server is away, and never sent twice once it was taken."""
    if open_post(platform.settings) is not None:
        step("send", _send, number, platform)


def _send(number: int, platform: Platform) -> None:
    server = open_post(platform.settings)
    if server is None:
        return
    with writing(platform.engine) as connection:
        letter = letters.take(connection, number, stale=instant(now() - _DEAD_AFTER))
    if letter is None:
        return
    message = Letter(
        to=letter.address, subject=letter.subject, body=text_of(letter, platform=platform), key=f"letter-{letter.key}"
    )
    try:
        server.send(message)
    except Refused as error:
        with writing(platform.engine) as connection:
            letters.mark_failed(connection, number, reason=error.what)
    except PeerError:
        with writing(platform.engine) as connection:
            letters.give_back(connection, number)
        raise
    else:
        with writing(platform.engine) as connection:
            letters.mark_sent(connection, number)


def send_again(platform: Platform) -> None:
    """Ask once more for the letters of the last days that no server has taken; the newest have a job of their own."""
    if open_post(platform.settings) is None:
        return
    since, until = instant(now() - _KEEP_TRYING), instant(now() - _DEAD_AFTER)
    with writing(platform.engine) as connection:
        for number in letters.unsent(connection, since=since, until=until):
            leave_job(connection, SEND_JOB, argument=str(number))
