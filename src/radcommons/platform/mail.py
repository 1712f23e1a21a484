"""E-mail: one letter as a message, and the way to a server by SMTP (RFC 5321) with TLS and sign-in."""

from __future__ import annotations

import smtplib
import ssl
from dataclasses import dataclass
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from urllib.parse import unquote, urlsplit

from radcommons.platform.settings import HubSettings
from radcommons.records.access_request import EMAIL, cleaned
from radcommons.records.errors import PeerError, UsageError

_TIMEOUT_S = 30
_PORTS = {"smtp": 25, "smtp+starttls": 587, "smtps": 465}
_LONGEST_SUBJECT = 180


class Refused(PeerError):
    """The server will never take this letter; to try again is of no use."""

    code = "mail-refused"


@dataclass(frozen=True, slots=True, kw_only=True)
class Letter:
    """What is sent to one person.

    Parameters
    ----------
    to : str
        One e-mail address.
    subject, body : str
        Plain text.
    key : str
        Letters, digits and hyphens; names the letter for good, so that a second copy is known as one.
    """

    to: str
    subject: str
    body: str
    key: str


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Post:
    """A mail server, and the address that letters come from; its credentials appear in no text form."""

    scheme: str
    host: str
    port: int
    user: str
    password: str
    sender: str
    title: str
    context: ssl.SSLContext | None

    def send(self, letter: Letter) -> None:
        """Hand a letter over.

        Raises
        ------
        Refused
            If the server says that it will never take it, or the address is none.
        PeerError
            If it does not answer, or says to come again; neither names the address.
        """
        message = self._message(letter)
        try:
            with self._connected() as server:
                server.send_message(message, from_addr=self.sender, to_addrs=[letter.to])
        except smtplib.SMTPRecipientsRefused as error:
            code = max(code for code, _ in error.recipients.values())
            raise self._fault(code) from None
        except smtplib.SMTPResponseException as error:
            raise self._fault(error.smtp_code) from None
        except (OSError, smtplib.SMTPException) as error:
            raise PeerError(f"The mail server does not answer ({type(error).__name__}).") from None

    @staticmethod
    def _fault(code: int) -> PeerError:
        kind = Refused if code >= 550 else PeerError
        return kind(f"The mail server answered {code}.", mend="See the server's log.")

    def _connected(self) -> smtplib.SMTP:
        if self.scheme == "smtps":
            server: smtplib.SMTP = smtplib.SMTP_SSL(self.host, self.port, timeout=_TIMEOUT_S, context=self.context)
        else:
            server = smtplib.SMTP(self.host, self.port, timeout=_TIMEOUT_S)
        try:
            if self.scheme == "smtp+starttls":
                server.starttls(context=self.context)
            if self.user:
                server.login(self.user, self.password)
        except BaseException:
            server.close()
            raise
        return server

    def _message(self, letter: Letter) -> EmailMessage:
        if not EMAIL.fullmatch(letter.to):
            raise Refused("The letter's address is none.")
        message = EmailMessage(policy=SMTP)
        message["From"] = Address(display_name=cleaned(self.title), addr_spec=self.sender)
        message["To"] = Address(addr_spec=letter.to)
        message["Subject"] = cleaned(letter.subject)[:_LONGEST_SUBJECT]
        message["Message-ID"] = f"<{letter.key}@{self.sender.rpartition('@')[2]}>"
        message["Auto-Submitted"] = "auto-generated"  # RFC 3834: nobody's absence is told to it
        message.set_content(letter.body)
        return message


def open_post(settings: HubSettings) -> Post | None:
    """Return the mail server that the settings name; None where there is none and messages show in the portal alone.

    Raises
    ------
    UsageError
        If the address is of another kind, a password would travel in the clear, or no sender is named.
    """
    text = settings.smtp_url.get_secret_value()
    if not text:
        return None
    url = urlsplit(text)
    if url.scheme not in _PORTS or not url.hostname:
        raise UsageError("The setting smtp_url does not fit.", mend="Such as smtps://USER:PASSWORD@mail.example.org.")
    if url.scheme == "smtp" and url.username:
        raise UsageError(
            "The setting smtp_url would send a password in the clear.", mend="Use smtps:// or smtp+starttls://."
        )
    if not EMAIL.fullmatch(settings.smtp_sender):
        raise UsageError("The setting smtp_sender is no e-mail address.", mend="Such as commons@example.org.")
    context = None
    if url.scheme != "smtp":
        context = ssl.create_default_context(cafile=settings.smtp_authority)
    return Post(
        scheme=url.scheme,
        host=url.hostname,
        port=url.port or _PORTS[url.scheme],
        user=unquote(url.username or ""),
        password=unquote(url.password or ""),
        sender=settings.smtp_sender,
        title=settings.title,
        context=context,
    )
