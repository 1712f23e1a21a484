"""Typed settings of a hub: environment ``RADCOMMONS_*`` over one TOML file over defaults."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict, TomlConfigSettingsSource

SETTINGS_FILE = "radcommons.toml"


class HubSettings(BaseSettings):
    """Everything that a hub reads from outside; each field's description is its documentation."""

    model_config = SettingsConfigDict(env_prefix="RADCOMMONS_", extra="forbid", frozen=True)

    directory: Path = Field(description="Folder of keys and, in the embedded default, of everything.")
    database_url: str = Field(default="", description="sqlite:///PATH or postgresql://...; empty: DIR/hub.db.")
    jobs_url: str = Field(default="", description="Database of the job engine; empty: DIR/jobs.db or the database.")
    objects_url: str = Field(default="", description="file:///PATH or s3://BUCKET/PREFIX; empty: DIR/objects.")
    download_s: int = Field(
        default=300,
        ge=0,
        le=300,
        description="Seconds that the address holds to which a download from S3 is redirected; 0: the hub passes the "
        "bytes on itself, where downloaders cannot reach the store.",
    )
    download_endpoint: str = Field(
        default="", description="Address of the S3 service as downloaders reach it; empty: as the hub reaches it."
    )
    base_url: str = Field(default="", description="Public address of the portal, as it stands in manifests.")
    backup_days: int = Field(
        default=30, ge=1, description="Days that backups of this hub are kept; what is withdrawn stays in them so long."
    )
    doi_prefix: str = Field(
        default="",
        pattern=r"^(10\.[0-9]{4,9})?$",
        description="The coalition's DOI prefix, such as 10.1234: a release's DOI is PREFIX/ITS-NAME. Empty: no DOIs.",
    )
    datacite_url: str = Field(
        default="", description="DataCite's interface, https://api.datacite.org: DOIs are minted there. Empty: by hand."
    )
    datacite_account: str = Field(default="", description="The repository's account at DataCite.")
    datacite_password: SecretStr = Field(default=SecretStr(""), description="Its password.")
    title: str = Field(default="Imaging Commons", description="The coalition's name for its commons.")
    dataset: str = Field(default="covid-chest", description="Dataset that `hub init` creates.")
    accept: Literal["clean", "ask"] = Field(
        default="clean", description="clean: instances without a question are accepted at once; ask: a curator decides."
    )
    canary: Literal["required", "off"] = Field(
        default="required",
        description="required: a gateway's submissions are taken when the canary set came out of it clean.",
    )
    run_jobs: bool = Field(default=True, description="Run jobs in the web process; false where workers run apart.")
    verify_processes: int = Field(default=2, ge=1, description="Worker processes that check pixels.")
    part_limit: int = Field(default=8 << 30, description="Largest instance that is taken, in bytes.")
    document_limit: int = Field(default=64 << 20, description="Largest signed document that is taken, in bytes.")
    dimse_title: str = Field(
        default="RADCOMMONS", min_length=1, max_length=16, description="AE title that the hub's DICOM port sends with."
    )
    dimse_callers: tuple[str, ...] = Field(
        default=(),
        description="AE titles that need show no token, as TITLE=NAME-OF-TOKEN; a certificate with the title as its "
        "common name vouches for them, or that they call from this machine.",
    )
    dimse_destinations: tuple[str, ...] = Field(
        default=(), description="Where C-MOVE may send to, as TITLE@HOST:PORT, or TITLE@HOST:PORT/tls."
    )
    dimse_tls_certificate: Path | None = Field(default=None, description="PEM file: the DICOM port speaks TLS alone.")
    dimse_tls_key: Path | None = Field(default=None, description="PEM file of its key, without a passphrase.")
    dimse_tls_authority: Path | None = Field(
        default=None, description="PEM file: certificates that it has signed vouch for callers and destinations."
    )
    smtp_url: SecretStr = Field(
        default=SecretStr(""),
        description="Where mail leaves: smtps:// (TLS), smtp+starttls:// or smtp:// (this machine's own relay alone), "
        "with USER:PASSWORD@HOST:PORT; empty: messages show in the portal and nothing is sent.",
    )
    smtp_sender: str = Field(default="", max_length=254, description="Address that mail comes from.")
    smtp_authority: Path | None = Field(default=None, description="PEM file that vouches for the mail server.")
    sign_up: Literal["invited", "open"] = Field(
        default="invited",
        description="invited: an administrator invites people; open: whoever confirms an address is a researcher.",
    )
    second_factor: Literal["optional", "staff"] = Field(
        default="optional",
        description="staff: roles beyond researcher wake up only after a passkey, a code or the institution's sign-in.",
    )
    trusted_proxies: int = Field(
        default=0, ge=0, le=8, description="Proxies before the hub whose X-Forwarded-For is believed."
    )
    openid_issuer: str = Field(
        default="", description="Issuer of an OpenID Connect provider, such as https://login.example.org; empty: none."
    )
    openid_title: str = Field(default="your institution", max_length=60, description="The provider's name on pages.")
    openid_client_id: str = Field(default="", description="What the provider knows this hub by.")
    openid_client_secret: SecretStr = Field(default=SecretStr(""), description="Its secret; better as a file.")
    openid_client_secret_file: Path | None = Field(default=None, description="File that holds the client's secret.")
    openid_scopes: str = Field(default="openid email profile", description="What the provider is asked for.")
    openid_role_claim: str = Field(default="", description="Claim of the ID token that lists groups or roles.")
    openid_roles: dict[str, str] = Field(
        default={},
        description="Value of that claim to role; such a role is given and taken at each sign-in by the provider.",
    )
    openid_sign_up: bool = Field(
        default=True, description="Whoever the provider vouches for gets an account, as a researcher."
    )
    openid_vouches_email: bool = Field(
        default=False, description="The provider vouches for addresses although it says no email_verified."
    )
    checkpoint_events: int = Field(
        default=1000, ge=1, description="Lines of the audit trail after which a checkpoint is signed."
    )
    checkpoint_hours: float = Field(
        default=1.0, gt=0, description="Hours after which one is signed, if anything was written."
    )
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Let the environment win over the file in the hub's folder."""
        folder = init_settings().get("directory", ".")
        return init_settings, env_settings, TomlConfigSettingsSource(settings_cls, Path(folder) / SETTINGS_FILE)

    @property
    def database(self) -> str:
        """The URL of the database in force."""
        return self.database_url or f"sqlite:///{self.directory / 'hub.db'}"

    @property
    def jobs_database(self) -> str:
        """The URL of the job engine's database: a SQLite file of its own, or the same PostgreSQL."""
        if self.jobs_url:
            return self.jobs_url
        return f"sqlite:///{self.directory / 'jobs.db'}" if self.database.startswith("sqlite") else self.database

    @property
    def objects(self) -> str:
        """The URL of the object store in force."""
        return self.objects_url or f"file://{(self.directory / 'objects').resolve()}"
