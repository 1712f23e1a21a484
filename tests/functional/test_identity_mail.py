"""The letter with a link goes by real mail: from the form, by a job, to a server, and back to an account."""

from __future__ import annotations

import re
import time
from email import message_from_bytes
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from aiosmtpd.controller import Controller

from radcommons.platform.database import reading
from radcommons.testing.hubs import running_hub
from radcommons.testing.people import PASSWORD, browser
from radcommons.testing.served import free_port

_PATIENCE_S = 60.0


class _Box:
    """Keeps what comes."""

    def __init__(self) -> None:
        self.letters: list[bytes] = []

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:  # noqa: N802
        self.letters.append(envelope.content)
        return "250 kept"


def test_a_confirmed_address_by_real_mail(tmp_path: Path) -> None:
    """Sign up, read the letter, follow its link, and be signed in; afterwards the hub keeps no word of the letter."""
    box = _Box()
    server = Controller(box, hostname="127.0.0.1", port=free_port())  # type: ignore[no-untyped-call]
    server.start()  # type: ignore[no-untyped-call]
    chosen = {"smtp_url": f"smtp://127.0.0.1:{server.port}", "smtp_sender": "commons@hub.example", "sign_up": "open"}
    try:
        with running_hub(tmp_path, **chosen) as hub:
            me = browser(hub)
            me.post("/join", email="new@hospital.example", name="N. Ew")
            until = time.monotonic() + _PATIENCE_S
            while not box.letters and time.monotonic() < until:
                time.sleep(0.05)
            letter = message_from_bytes(box.letters[0])
            assert letter["To"] == "new@hospital.example"
            text = letter.get_payload(decode=True).decode()  # type: ignore[union-attr]
            found = re.search(r"http://hub\.test(/links/[\w-]+)", text)
            assert found
            assert me.post(found[1], name="N. Ew", password=PASSWORD, again=PASSWORD).url.path == "/account"
            while time.monotonic() < until:
                with reading(hub.platform.engine) as connection:
                    kept = connection.execute(sa.text("SELECT sent_at, body FROM message")).all()
                if kept[0].sent_at:
                    break
                time.sleep(0.05)
            assert [one.body for one in kept] == [""]
    finally:
        server.stop()  # type: ignore[no-untyped-call]
