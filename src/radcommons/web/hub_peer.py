"""The hub's DICOM port: who is let in, and which zone answers what; the composition and nothing else."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Collection
from functools import partial

from radcommons.access.dimse_find import PATIENT_ROOT_FIND, STUDY_ROOT_FIND, finding
from radcommons.access.dimse_send import (
    PATIENT_ROOT_GET,
    PATIENT_ROOT_MOVE,
    STUDY_ROOT_GET,
    STUDY_ROOT_MOVE,
    getting,
    moving,
)
from radcommons.catalogue.accounts import by_token, by_token_name
from radcommons.catalogue.grants import with_grants
from radcommons.dicom.command import VERIFICATION, Field
from radcommons.dicom.conformance import TRANSFER_SYNTAXES, is_storage_class
from radcommons.hub.dimse import storing
from radcommons.platform.dimse import Caller, Destination, Listener, Service, client_tls, echo, server_tls
from radcommons.platform.ports import Platform
from radcommons.platform.settings import HubSettings
from radcommons.records.errors import UsageError
from radcommons.records.event import Actor

# What is answered besides storage, and by which service.
SERVICES = {
    VERIFICATION: "C-ECHO (SCP)",
    PATIENT_ROOT_FIND: "C-FIND (SCP)",
    STUDY_ROOT_FIND: "C-FIND (SCP)",
    PATIENT_ROOT_GET: "C-GET (SCP)",
    STUDY_ROOT_GET: "C-GET (SCP)",
    PATIENT_ROOT_MOVE: "C-MOVE (SCP)",
    STUDY_ROOT_MOVE: "C-MOVE (SCP)",
}
_DESTINATION = re.compile(
    r"(?P<title>[^@\\]{1,16})@(?P<host>\[[0-9a-fA-F:]+\]|[^:/]+):(?P<port>[0-9]{1,5})(?P<tls>/tls)?"
)
PLAIN = ("1.2.840.10008.1.2.1", "1.2.840.10008.1.2")


def bind(settings: HubSettings, *, host: str, port: int, ports: Callable[[], Platform]) -> Listener:
    """Return the hub's DICOM port; it answers once it is started, which is when the hub is ready.

    Parameters
    ----------
    settings : HubSettings
    host, port : str, int
    ports : callable
        Returns what the verbs work with; asked at each association.

    Raises
    ------
    UsageError
        If others than this machine would reach it without TLS, the port is taken, or a setting does not fit.
    """
    tls = None
    if settings.dimse_tls_certificate is not None:
        tls = server_tls(
            settings.dimse_tls_certificate, key=settings.dimse_tls_key, authority=settings.dimse_tls_authority
        )
    elif not _is_here(host):
        raise UsageError(
            "A DICOM port that others reach needs TLS: tokens and images would cross the network in clear.",
            mend="Set dimse_tls_certificate and dimse_tls_key, or listen on 127.0.0.1.",
        )
    titles, destinations = _titles(settings), _destinations(settings)
    try:
        return Listener(lambda caller: _admit(ports(), titles, destinations, caller), host=host, port=port, tls=tls)
    except OSError as error:
        raise UsageError(f"The DICOM port {port} cannot be opened: {error.strerror}.") from None


def _titles(settings: HubSettings) -> dict[str, str]:
    """Return the names of tokens by the AE titles that speak with them."""
    found = {}
    for one in settings.dimse_callers:
        title, _, token = one.partition("=")
        if not 0 < len(title) <= 16 or not token:
            raise UsageError("dimse_callers names no AE title and token.", mend='Write "TITLE=NAME-OF-TOKEN".')
        found[title] = token
    return found


def _destinations(settings: HubSettings) -> dict[str, Destination]:
    found = {}
    for one in settings.dimse_destinations:
        named = _DESTINATION.fullmatch(one)
        if named is None or not 0 < int(named["port"]) < 65536:
            raise UsageError("dimse_destinations names no DICOM peer.", mend="Write TITLE@HOST:PORT.")
        found[named["title"]] = Destination(
            title=named["title"],
            host=named["host"].strip("[]"),
            port=int(named["port"]),
            tls=client_tls(
                authority=settings.dimse_tls_authority,
                certificate=settings.dimse_tls_certificate,
                key=settings.dimse_tls_key,
            )
            if named["tls"]
            else None,
        )
    return found


def _is_here(address: str) -> bool:
    if address == "localhost":
        return True
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return False


def _admit(
    platform: Platform, titles: dict[str, str], destinations: dict[str, Destination], caller: Caller
) -> Service | None:
    """Let in who shows a token, or is listed by a title that a certificate or this very machine vouches for."""
    find: Callable[[], Actor | None]
    if caller.passcode:
        find = partial(by_token, platform.engine, caller.passcode)
    elif caller.calling in titles and _is_vouched_for(caller):
        find = partial(by_token_name, platform.engine, titles[caller.calling])
    else:
        return None

    def ask() -> Actor | None:
        found = find()
        return with_grants(platform.engine, found) if found is not None else None

    if ask() is None:
        return None
    title = platform.settings.dimse_title
    return Service(
        takes=_takes,
        handlers={
            Field.C_ECHO: echo,
            Field.C_STORE: storing(platform, actor=ask),
            Field.C_FIND: finding(platform, actor=ask, title=title),
            Field.C_GET: getting(platform, actor=ask),
            Field.C_MOVE: moving(platform, actor=ask, destinations=destinations, title=title),
        },
    )


def _is_vouched_for(caller: Caller) -> bool:
    if caller.certificate:
        return caller.certificate == caller.calling
    return _is_here(caller.address)


def _takes(abstract_syntax: str) -> Collection[str]:
    if is_storage_class(abstract_syntax):
        return TRANSFER_SYNTAXES
    return PLAIN if abstract_syntax in SERVICES else ()
