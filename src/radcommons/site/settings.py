"""What a hospital agreed to, as one readable file: ``site.toml``. It holds no secret."""

from __future__ import annotations

import tomllib
from dataclasses import asdict, dataclass, fields
from ipaddress import ip_address
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import StringConstraints

from radcommons.platform.durable import write_file
from radcommons.records.documents import digest, parse
from radcommons.records.errors import UsageError
from radcommons.records.identifiers import DatasetName, Digest, SiteCode, Text
from radcommons.records.terms import Country, Day, DuoCode

NAME = "site.toml"
_HEADING = (
    "# The settings of this hospital's gateway. No secret stands here: keys and tokens lie in keys/.\n"
    "# A change counts from the next `radcommons site submit`; what was submitted keeps the terms that it named.\n"
)
# The text that both sides mean by "the coalition's standing agreement" until a signed one is named.
STANDING_AGREEMENT = digest({"agreement": "radcommons standing data submission agreement", "version": "1"})

Amount = Annotated[str, StringConstraints(pattern=r"^([0-9]{1,6}(\.[0-9]{1,3})?(KB|MB|GB|TB))?$")]


@dataclass(frozen=True, slots=True, kw_only=True)
class SiteSettings:
    """The settings of a gateway; every submission carries them.

    Parameters
    ----------
    hub : str
        Base URL of the coalition's hub.
    sites : tuple of str
        Site codes that this gateway speaks for; the first is the default.
    dataset : str
        The dataset of the coalition that receives the submissions.
    agreement : str
        SHA-256 digest of the signed agreement.
    license, duo, embargo_until, geography
        The terms of use; see `records.terms`.
    """

    hub: str
    sites: tuple[SiteCode, ...]
    dataset: DatasetName = "covid-chest"
    name: str = ""
    country: Country = "ZZ"
    legal_basis: Text = "public-interest"
    ethics_reference: Text = "not stated"
    agreement: Digest = STANDING_AGREEMENT
    license: str = "CC-BY-NC-4.0"
    duo: tuple[DuoCode, ...] = ()
    embargo_until: Day | None = None
    geography: tuple[Country, ...] | None = None
    protocol: str = "any-imaging"
    profile: str = "radcommons"
    dimse_aet: str = "RADCOMMONS"
    dimse_callers: tuple[str, ...] = ()
    # "COVIDCT=ricord" or "COVIDCT=ricord@BETA": what is pushed to this title is judged by this protocol, for this site.
    dimse_titles: tuple[str, ...] = ()
    # "AE@HOST:PORT": where a peer listens, for reports of storage commitment after its association has gone.
    dimse_peers: tuple[str, ...] = ()
    dimse_tls_certificate: str = ""
    dimse_tls_key: str = ""
    dimse_tls_ca: str = ""
    # One gateway for several hospitals: is one number at two of them one person ("shared") or two ("separate")?
    crosswalk: Literal["separate", "shared"] = "separate"
    # Writing in pixels that was read with certainty is covered and recorded, or it waits for a person like the rest.
    pixels: Literal["cover", "hold"] = "cover"
    # Screen saves and dose sheets are refused, or taken like images and cleaned.
    captures: Literal["refuse", "take"] = "refuse"
    # A list of patients who opted out, read again at every add and every submit; empty for none.
    opt_out_list: str = ""
    # What the line may take ("2MB" a second), the proxy, and the CA that signed the hub's certificate; empty for none.
    bandwidth: Amount = ""
    proxy: str = ""
    ca_file: str = ""
    # What objects/ may take ("200GB"); what the hub acknowledged goes first, what it did not never goes.
    disk_budget: Amount = ""
    # Folders that `site serve` watches; files are read, never changed.
    watch: tuple[str, ...] = ()
    # "off" is heard only where the hub runs on this same machine: a demonstration, a test.
    second_factor: Literal["required", "off"] = "required"
    # "groups": nothing leaves before a person accepted its group on a random sample; "held": what no check asked
    # about may leave without.
    review: Literal["held", "groups"] = "held"

    @property
    def home(self) -> str:
        """The hospital under whose code a shared crosswalk computes; empty where each has its own."""
        return self.sites[0] if self.crosswalk == "shared" else ""


_UNITS = {"KB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12}


def is_loopback(host: str) -> bool:
    """Say whether a host name or address never leaves this machine."""
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def bytes_of(amount: str) -> int | None:
    """Return an amount such as ``200GB`` in bytes, None where there is none."""
    return int(float(amount[:-2]) * _UNITS[amount[-2:]]) if amount else None


def read_settings(directory: Path) -> SiteSettings:
    """Return the settings of the gateway in `directory`.

    Raises
    ------
    UsageError
        If there is no gateway, or the file does not read (then a DocumentError that names the line or member).
    """
    path = directory / NAME
    if not path.is_file():
        raise UsageError(f"There is no gateway in {directory}.", mend="Make one with `radcommons site init`.")
    try:
        members: dict[str, Any] = tomllib.loads(path.read_text("utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError):
        raise UsageError(f"{path} is no TOML.", mend="Check quotes and brackets.") from None
    for member in members:
        if isinstance(members[member], list):
            members[member] = tuple(members[member])
    found = parse(SiteSettings, members)
    if not found.sites:
        raise UsageError(f"{path} names no site code.", mend='Add one: sites = ["ALFA"].')
    return found


def write_settings(directory: Path, settings: SiteSettings) -> None:
    """Write ``site.toml``, durably; members without a value are left out."""
    lines = [
        f"{field.name} = {_toml(value)}"
        for field in fields(settings)
        if (value := asdict(settings)[field.name]) is not None
    ]
    write_file(directory / NAME, (_HEADING + "\n".join(lines) + "\n").encode())


def _toml(value: object) -> str:
    """Spell text and lists of text; a TOML basic string escapes as JSON does (TOML 1.0, section String)."""
    if isinstance(value, list | tuple):
        return "[" + ", ".join(_toml(member) for member in value) + "]"
    escaped = "".join(
        f"\\u{ord(letter):04X}" if letter < " " or letter in '"\\\x7f' else letter for letter in str(value)
    )
    return f'"{escaped}"'
