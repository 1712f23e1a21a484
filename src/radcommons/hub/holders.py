"""Tell the holders: whoever downloaded of a release that lost something gets a letter, in the same transaction."""

from __future__ import annotations

from collections.abc import Iterable

import sqlalchemy as sa

from radcommons.catalogue import letters
from radcommons.catalogue.downloads import Download, downloads_of, persons
from radcommons.platform.ports import Platform

_WITHDRAWN = """{count} of the images in {releases}, of which you downloaded, were withdrawn.

Please run

    radcommons verify FOLDER

on your copy: it names the files to delete. Delete them from every place that you copied them to, and leave them out of
further work. The releases and what happened to them: {base}/releases/{first}
"""
_IDENTITY = """You downloaded of {releases}. In {count} of the images there, something may tell who a patient is.

Stop using your copy now. Then run

    radcommons verify FOLDER

and delete every file that it names, from every place that you copied it to. Do not look at the images, do not try to
learn who the patients are, and do not pass the images on. Answer to the coalition when this is done.
The releases and what happened to them: {base}/releases/{first}
"""


def tell(
    connection: sa.Connection,
    *,
    key: str,
    releases: Iterable[str],
    instances: int,
    is_identity: bool,
    platform: Platform,
) -> list[Download]:
    """Write to each person who downloaded of these releases, and return all who did, persons or not.

    `key` names the occasion, so that nobody gets its letter twice.
    """
    named = sorted(set(releases))
    if not named:
        return []
    found = downloads_of(connection, named)
    for account, of in sorted(persons(connection, found).items()):
        text = (_IDENTITY if is_identity else _WITHDRAWN).format(
            count=f"{instances:,}",
            releases=", ".join(of),
            first=of[0],
            base=platform.settings.base_url.rstrip("/"),
        )
        subject = (
            "Stop using images that you downloaded" if is_identity else "Images that you downloaded were withdrawn"
        )
        letters.write(connection, letters.to_account(connection, account, key=key, subject=subject, body=text))
    return found
