"""TLS for DICOM in both directions, with the hospital's own authority (PS3.15 annex B.9 and B.10)."""

from __future__ import annotations

import ssl
from pathlib import Path

from radcommons.records.errors import UsageError
from radcommons.site.settings import SiteSettings


def client_context(settings: SiteSettings) -> ssl.SSLContext:
    """Return what we call a peer with: it must prove its name by the settings' authority, or the system's.

    Raises
    ------
    UsageError
        If a file that the settings name does not read.
    """
    context = ssl.create_default_context(cafile=_file(settings.dimse_tls_ca, "dimse_tls_ca"))
    _at_least_1_2(context)
    if settings.dimse_tls_certificate:
        _load_own(context, settings)
    return context


def server_context(settings: SiteSettings) -> ssl.SSLContext | None:
    """Return what we answer with, None where the settings name no certificate.

    With `dimse_tls_ca`, a caller must show a certificate of that authority.

    Raises
    ------
    UsageError
        If a file that the settings name does not read.
    """
    if not settings.dimse_tls_certificate:
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    _at_least_1_2(context)
    _load_own(context, settings)
    authority = _file(settings.dimse_tls_ca, "dimse_tls_ca")
    if authority:
        try:
            context.load_verify_locations(authority)
        except ssl.SSLError:
            raise _unreadable("dimse_tls_ca") from None
        context.verify_mode = ssl.CERT_REQUIRED
    return context


def _at_least_1_2(context: ssl.SSLContext) -> None:
    """BCP 195 TLS profile, PS3.15 section B.9: nothing below 1.2."""
    context.minimum_version = ssl.TLSVersion.TLSv1_2


def _load_own(context: ssl.SSLContext, settings: SiteSettings) -> None:
    certificate = _file(settings.dimse_tls_certificate, "dimse_tls_certificate")
    key = _file(settings.dimse_tls_key, "dimse_tls_key")
    try:
        context.load_cert_chain(certificate or "", key, password=lambda: b"")
    except (ssl.SSLError, OSError, ValueError):
        raise _unreadable("dimse_tls_certificate") from None


def _file(name: str, member: str) -> str | None:
    if name and not Path(name).is_file():
        raise _unreadable(member)
    return name or None


def _unreadable(member: str) -> UsageError:
    return UsageError(f"The file that '{member}' names does not read.", mend="Name PEM files without a passphrase.")
