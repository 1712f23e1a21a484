"""What the page and the command line show of selecting: what is owed, over all protocols that files came under."""

from __future__ import annotations

from radcommons.platform.policy import load_protocol
from radcommons.records.errors import RadcommonsError
from radcommons.site.selection_quota import Owed, cases, owed
from radcommons.site.selection_settle import kept_protocols
from radcommons.site.store import Store


def owed_lines(store: Store) -> list[Owed]:
    """Return what the protocols want of each kind and what is here; the protocol of the settings counts unused too."""
    with store.read() as connection:
        protocols = kept_protocols(connection)
        try:
            own = load_protocol(store.settings.protocol)
            protocols.setdefault(own.digest, own)
        except RadcommonsError:
            pass  # its file is gone; what came under it is kept in words
        return [
            line
            for protocol in protocols.values()
            if protocol.quotas
            for site in store.settings.sites
            for line in owed(protocol, cases(connection, protocol, site=site))
        ]
