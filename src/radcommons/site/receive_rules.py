"""Who may push to the gateway, under which of its titles, and what is done with what comes there."""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass

from radcommons.records.errors import UsageError
from radcommons.site.receive_inbox import Route
from radcommons.site.settings import SiteSettings

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
# PS3.8 table 9-21: permanently, by the service user, for the calling or the called AE title.
NO_SUCH_CALLER, NO_SUCH_TITLE = (1, 1, 3), (1, 1, 7)


@dataclass(frozen=True, slots=True)
class Caller:
    """An AE title that may push (``*`` is any), and from where (None is anywhere)."""

    aet: str
    network: Network | None = None

    def admits(self, aet: str, address: str) -> bool:
        """Say whether this line of the allow list lets a caller in."""
        if self.aet not in ("*", aet.strip()):
            return False
        if self.network is None:
            return True
        try:
            host = ipaddress.ip_address(address.split("%", 1)[0])
        except ValueError:
            return False
        mapped = getattr(host, "ipv4_mapped", None)
        return (mapped or host) in self.network


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """The allow list, and the titles that we answer to with the route of each."""

    callers: tuple[Caller, ...]
    titles: dict[str, Route]

    def objection(self, *, calling: str, called: str, address: str) -> tuple[int, int, int] | None:
        """Return why an association is refused (result, source, diagnostic of PS3.8), None when it is welcome."""
        if self.callers and not any(one.admits(calling, address) for one in self.callers):
            return NO_SUCH_CALLER
        # with one title there is one thing to do, however a PACS calls us; with several, a wrong one would go astray
        return NO_SUCH_TITLE if len(self.titles) > 1 and called.strip() not in self.titles else None

    def route(self, called: str) -> Route:
        """Return what becomes of objects that are pushed to a title."""
        return self.titles.get(called.strip(), Route())


def rules_of(settings: SiteSettings, *, aet: str = "") -> Rules:
    """Return the rules that the settings state.

    Raises
    ------
    UsageError
        If an entry cannot be read; the message names it.
    """
    titles = {aet or settings.dimse_aet: Route()}
    for entry in settings.dimse_titles:
        title, _, rest = entry.partition("=")
        protocol, _, site = rest.partition("@")
        if not 0 < len(title.strip()) <= 16 or not protocol or (site and site not in settings.sites):
            raise UsageError(
                f"'{entry}' in dimse_titles is no title.", mend='Write "TITLE=protocol" or "TITLE=protocol@SITE".'
            )
        titles[title.strip()] = Route(protocol=protocol, site=site)
    return Rules(callers=callers_of(settings.dimse_callers), titles=titles)


def callers_of(entries: Sequence[str]) -> tuple[Caller, ...]:
    """Return the allow list: ``PACS1``, ``PACS1@10.0.0.7``, ``PACS1@10.0.0.0/24`` or ``*@10.0.0.0/24``.

    Raises
    ------
    UsageError
        If an address cannot be read.
    """
    callers = []
    for entry in entries:
        title, _, address = entry.partition("@")
        try:
            network = ipaddress.ip_network(address, strict=False) if address else None
        except ValueError:
            raise UsageError(f"'{entry}' in dimse_callers names no address.", mend="Write AE@10.0.0.0/24.") from None
        callers.append(Caller(title.strip(), network))
    return tuple(callers)
