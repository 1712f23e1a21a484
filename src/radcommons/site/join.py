"""Join a coalition: make the store and the keys, keep the token, tell the hub the public key and pin the hub's own."""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from radcommons.platform.durable import write_file
from radcommons.platform.keys import key_id
from radcommons.records.errors import Conflict, PeerError, UsageError
from radcommons.site.hub import Hub, check_address
from radcommons.site.settings import NAME, SiteSettings, is_loopback, read_settings, write_settings
from radcommons.site.store import Store, create_store, open_store
from radcommons.site.users import SiteRole, add_user, users

_HUB_KEY = "hub-key"
FIRST_USER = "data manager"


@dataclass(frozen=True, slots=True, kw_only=True)
class Joined:
    """What `init` made."""

    key_id: str
    is_registered: bool
    message: str = ""


def init(
    directory: Path,
    *,
    settings: SiteSettings,
    token: str,
    user: str = FIRST_USER,
    password: str | None = None,
    offline: bool = False,
) -> Joined:
    """Make a gateway in `directory`, or complete one that was begun; what is there stays.

    Parameters
    ----------
    directory : Path
    settings : SiteSettings
        Written when there are none yet; otherwise they must name the same hub and site codes.
    token : str
        The bearer token that the coalition gave.
    user, password : str, str, optional
        Name and password of the first data manager; without a password, `site serve` prints a set-up link.
    offline : bool
        Register at the first submit instead.

    Raises
    ------
    UsageError
        If the hub's address is none or not encrypted, the folder holds other files, or the password is too short.
    Conflict
        If the folder holds another hub's or another site's gateway, or the hub knows another key for the site code.
    """
    check_address(settings.hub)
    if settings.second_factor == "off" and not is_loopback(urlsplit(settings.hub).hostname or ""):
        raise UsageError(
            "A gateway of a real hub asks for a second factor.", mend="Leave --second-factor off to demonstrations."
        )
    if (directory / NAME).exists():
        known = read_settings(directory)
        if (known.hub, known.sites) != (settings.hub, settings.sites):
            raise Conflict(f"{directory} is the gateway of another hub or site.", mend="Choose another folder.")
    elif directory.exists() and any(directory.iterdir()):
        raise UsageError(f"{directory} holds other files.", mend="Choose an empty folder.")
    directory.mkdir(parents=True, exist_ok=True)
    create_store(directory)
    if token:
        write_file(directory / "keys" / "token", token.encode(), mode=0o600)
    if not (directory / NAME).exists():
        write_settings(directory, settings)
    store = open_store(directory)
    try:
        if password is not None:
            _first_user(store, user, password)
        name = store.signing_key.key_id
        if offline:
            return Joined(key_id=name, is_registered=False, message="Registration follows at submit.")
        try:
            register(store)
        except PeerError as error:
            return Joined(key_id=name, is_registered=False, message=str(error))
        return Joined(key_id=name, is_registered=True)
    finally:
        store.close()


def _first_user(store: Store, name: str, password: str) -> None:
    if not any(one.has_password for one in users(store)):
        add_user(store, name, role=SiteRole.DATA_MANAGER, password=password)


def register(store: Store) -> None:
    """Tell the hub the public key for every site code and pin the hub's key; can be repeated.

    Raises
    ------
    PeerError
        If the hub does not answer.
    Conflict
        If the hub knows another key for a site code, or its own key is not the pinned one.
    """
    public_key = base64.b64encode(store.signing_key.public_key).decode()
    with Hub.of(store.settings, token=store.token, tries=3) as hub:
        for site in store.settings.sites:
            answer = hub.register(site, public_key=public_key, name=store.settings.name or site)
            _pin(store, answer, site)


def _pin(store: Store, answer: dict[str, object], site: str) -> None:
    told = answer.get("hub")
    try:
        key = base64.b64decode(str(told["public_key"]), validate=True)  # type: ignore[index]
    except (TypeError, KeyError, ValueError):
        raise PeerError("The hub did not tell its public key.") from None
    pinned = hub_key(store)
    if pinned is not None and pinned != key:
        raise Conflict(
            "The hub's key is not the one that was pinned at init.",
            mend="Ask the coalition, by another way than the network, whether the key was changed.",
        )
    with store.change() as change:
        change.remember(_HUB_KEY, json.dumps({"public_key": base64.b64encode(key).decode()}))
        change.tell("site.registered", subject=f"site:{site}", hub_key=key_id(key))


def hub_key(store: Store) -> bytes | None:
    """Return the hub's pinned public key, None before the first registration."""
    pinned = store.remembered(_HUB_KEY)
    return None if pinned is None else base64.b64decode(json.loads(pinned)["public_key"])
