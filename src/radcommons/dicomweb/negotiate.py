"""Content negotiation of PS3.18 section 8.7: what the caller accepts against what can be made."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from radcommons.dicomweb.errors import NotAcceptable

ANY_SYNTAX = "*"
EXPLICIT_LITTLE = "1.2.840.10008.1.2.1"


@dataclass(frozen=True, slots=True, kw_only=True)
class MediaRange:
    """One entry of an Accept header.

    Parameters
    ----------
    media : str
        ``multipart/related``, ``image/*`` or ``*/*``.
    related : str
        The ``type`` parameter of multipart/related, or empty.
    transfer_syntax : str
        A UID, ``*`` for as it is stored, or empty for the default.
    quality : float
    """

    media: str
    related: str = ""
    transfer_syntax: str = ""
    quality: float = 1.0

    def takes(self, offer: Offer) -> bool:
        """Say whether `offer` lies in this range."""
        if not _covers(self.media, offer.media):
            return False
        if self.related and offer.related and not _covers(self.related, offer.related):
            return False
        wanted = self.transfer_syntax
        return wanted in ("", ANY_SYNTAX) or not offer.transfer_syntaxes or wanted in offer.transfer_syntaxes

    @property
    def specificity(self) -> int:
        """Return how narrow the range is: parameters, then subtype, then type."""
        stars = self.media.count("*")
        return (2 - stars) * 10 + bool(self.related) * 2 + bool(self.transfer_syntax)


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """A representation that can be made; no transfer syntaxes means that they do not matter for it."""

    media: str
    related: str = ""
    transfer_syntaxes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """What to answer: the offer, and the transfer syntax that was asked for (UID, ``*`` or empty)."""

    offer: Offer
    transfer_syntax: str = field(default="")


def _covers(wanted: str, offered: str) -> bool:
    if wanted in ("*/*", "*"):
        return True
    kind, _, subtype = wanted.partition("/")
    return offered == wanted or (subtype == "*" and offered.startswith(f"{kind}/"))


def parse_accept(text: str) -> tuple[MediaRange, ...]:
    """Return the ranges of an Accept header, best first; what cannot be read is left out (RFC 9110 section 12.5.1)."""
    ranges = [made for entry in _split(text, ",") if (made := _range(entry)) is not None]
    return tuple(sorted(ranges, key=lambda one: (-one.quality, -one.specificity)))


def _range(entry: str) -> MediaRange | None:
    head, *rest = _split(entry, ";")
    media = head.strip().lower()
    if media.count("/") != 1:
        return None
    found: dict[str, str] = {}
    for parameter in rest:
        name, _, value = parameter.partition("=")
        found[name.strip().lower()] = value.strip().strip('"').strip()
    try:
        quality = min(max(float(found.get("q", "1")), 0.0), 1.0)
    except ValueError:
        return None
    return MediaRange(
        media=media,
        related=found.get("type", "").lower(),
        transfer_syntax=found.get("transfer-syntax", ""),
        quality=quality,
    )


def _split(text: str, separator: str) -> list[str]:
    """Split outside of quotes."""
    pieces, held, quoted = [], "", False
    for character in text:
        if character == '"':
            quoted = not quoted
        if character == separator and not quoted:
            pieces.append(held)
            held = ""
        else:
            held += character
    return [piece for piece in [*pieces, held] if piece.strip()]


def choose(
    offers: Sequence[Offer], *, accept: str | None, parameters: Iterable[str] = (), default: Offer | None = None
) -> Choice:
    """Return the offer that the caller likes best.

    Parameters
    ----------
    offers : sequence of Offer
        In the order of the server's own liking, which decides between equals.
    accept : str or None
        The Accept header.
    parameters : iterable of str
        Values of the ``accept`` query parameter; they come before the header (PS3.18 section 8.3.3.1).
    default : Offer, optional
        What a caller without any wish gets; the first offer otherwise.

    Raises
    ------
    NotAcceptable
        If none of `offers` lies in what is accepted.
    """
    wishes = ",".join(parameters) or accept or ""
    ranges = parse_accept(wishes)
    if not ranges:
        if wishes.strip():
            raise NotAcceptable("The Accept header cannot be read.")
        return Choice(offer=default or offers[0])
    refused = [one for one in ranges if one.quality == 0]
    for wish in ranges:
        for offer in offers:
            narrower = any(no.takes(offer) and no.specificity >= wish.specificity for no in refused)
            if wish.quality > 0 and wish.takes(offer) and not narrower:
                return Choice(offer=offer, transfer_syntax=wish.transfer_syntax)
    known = sorted({offer.related or offer.media for offer in offers})
    raise NotAcceptable("Nothing accepted can be made of this resource.", mend=f"Accept one of: {', '.join(known)}.")
