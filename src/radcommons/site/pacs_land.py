"""The port that C-MOVE delivers to while a fetch runs: it takes what this fetch asked for and nothing else."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from pydicom.uid import AllTransferSyntaxes
from pynetdicom import AE, AllStoragePresentationContexts, evt

from radcommons.records.errors import UsageError
from radcommons.site.pacs import VERIFICATION, make_swift
from radcommons.site.pacs_get import NOT_ASKED_FOR, OUT_OF_RESOURCES, SUCCESS, Landing, take_event
from radcommons.site.pacs_tls import server_context
from radcommons.site.receive_inbox import identify, named
from radcommons.site.settings import SiteSettings


@contextmanager
def land(landing: Landing, *, host: str, port: int, settings: SiteSettings) -> Iterator[int]:
    """Listen while the block runs, and yield the port.

    Raises
    ------
    UsageError
        If the port is taken, for example by the gateway's own `site serve`.
    """
    ae = AE(ae_title=landing.aet)
    ae.maximum_pdu_size = 0
    ae.maximum_associations = 64
    ae.add_supported_context(VERIFICATION)
    for context in AllStoragePresentationContexts:
        ae.add_supported_context(context.abstract_syntax or "", list(AllTransferSyntaxes))

    def on_requested(event: Any) -> None:
        with suppress(OSError, AttributeError):
            make_swift(event.assoc)

    def on_store(event: Any) -> int:
        try:
            return take_event(event, lambda part, sop_class, sop_uid: _take(landing, part, sop_class, sop_uid))
        except OSError as error:
            landing.problems.append(error)
            return OUT_OF_RESOURCES

    handlers: list[Any] = [
        (evt.EVT_REQUESTED, on_requested),
        (evt.EVT_C_STORE, on_store),
        (evt.EVT_C_ECHO, lambda _: SUCCESS),
    ]
    try:
        server = ae.start_server((host, port), block=False, ssl_context=server_context(settings), evt_handlers=handlers)
        if server is None:
            raise OSError(errno.EADDRNOTAVAIL, "the port was not opened")
    except OSError as error:
        raise UsageError(
            f"Port {port} cannot be opened for C-MOVE: {error.strerror}.",
            mend="Stop what listens there (`site serve`?), or name another port to the PACS.",
        ) from None
    try:
        yield int(server.server_address[1])
    finally:
        server.shutdown()
        server.server_close()


def _take(landing: Landing, part: Path, sop_class: str, sop_uid: str) -> int:
    head = identify(part)
    take = landing.taker(named(head, "StudyInstanceUID"), named(head, "SeriesInstanceUID"))
    if take is None:
        part.unlink(missing_ok=True)
        return NOT_ASKED_FOR
    return take(part, sop_class, sop_uid)
