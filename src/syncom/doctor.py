"""What is wrong with an installation, and what to do about it. Looks, and changes nothing."""

from __future__ import annotations

import asyncio
import errno
import os
import shutil
import smtplib
import socket
import ssl
import stat
from collections.abc import Awaitable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from enum import Enum
from pathlib import Path

import psutil
import psycopg
from cryptography.x509 import (
    Certificate,
    DNSName,
    ExtensionNotFound,
    SubjectAlternativeName,
    load_pem_x509_certificate,
)
from psycopg.conninfo import conninfo_to_dict

from syncom.errors import Invalid, Unavailable
from syncom.listening import tls_of
from syncom.postgres import binaries
from syncom.postgres.embedded import ServerState, inspect
from syncom.postgres.server_folder import Folder, is_ours
from syncom.postgres.system_user import expected_identity, first_closed_folder

#: Room for the write-ahead log of the embedded database and some weeks of activity.
_ENOUGH_DISK = 2 << 30
_DATABASE_PATIENCE = 10
_SMTP_PATIENCE = 10.0
#: A certificate that ends sooner is to be renewed.
_RENEW = timedelta(days=14)
_EVERYWHERE = ("0.0.0.0", "::")  # noqa: S104 - compared, not bound
_LOOPBACK = ("127.0.0.1", "::1", "localhost")

_FIX_URL = "Correct SYNCOM_DATABASE_URL, or leave it empty to use the embedded database."


@dataclass(frozen=True, kw_only=True)
class Finding:
    """The result of one check."""

    #: What was looked at, in a few words.
    check: str
    ok: bool
    #: What is wrong; empty when nothing is.
    problem: str = ""
    #: What to do about it.
    remedy: str = ""
    #: Something worth knowing that needs no action.
    note: str = ""


class Tls(Enum):
    """How an SMTP connection is encrypted."""

    NONE = "none"
    STARTTLS = "starttls"
    IMPLICIT = "implicit"


@dataclass(frozen=True, kw_only=True)
class SmtpTarget:
    """An SMTP server that mail is to be sent through."""

    name: str
    host: str
    port: int
    tls: Tls = Tls.NONE
    username: str | None = None
    password: str = field(default="", repr=False)


@dataclass(frozen=True, kw_only=True)
class SigningTarget:
    """A sender of mails, and the verified domain that they are from."""

    name: str
    from_email: str
    #: Empty: there is none.
    domain: str
    #: Whether that domain has a key in DNS.
    signs: bool = False
    #: What DNS lacks.
    problem: str = ""


@dataclass(frozen=True, kw_only=True)
class BounceTarget:
    """The SMTP server for bounces as it is set up."""

    host: str
    port: int
    #: The name that MX records lead to; empty: nobody said it.
    name: str = ""
    #: PEM files of certificate and key.
    files: tuple[Path, Path] | None = None


async def examine(
    *,
    host: str,
    port: int,
    inbox_port: int,
    data_dir: Path,
    database_url: str | None,
    secret_key_file: Path,
    bounces: BounceTarget | None = None,
    smtp_senders: Sequence[SmtpTarget] = (),
    signing: Sequence[SigningTarget] = (),
) -> list[Finding]:
    """Run every check, side by side, and return one finding for each."""
    checks = [
        asyncio.to_thread(check_port, "HTTP port", host, port, "SYNCOM_PORT"),
        asyncio.to_thread(check_port, "Inbox port", host, inbox_port, "SYNCOM_INBOX_PORT"),
        asyncio.to_thread(check_data_folder, data_dir, embedded=not database_url),
        asyncio.to_thread(check_secret_key_file, secret_key_file),
        check_database(database_url) if database_url else asyncio.to_thread(check_embedded_server, data_dir),
        *_bounce_checks(bounces),
        *(asyncio.to_thread(check_smtp, target) for target in smtp_senders),
    ]
    return [*await asyncio.gather(*checks), *(check_signing(target) for target in signing)]


def _bounce_checks(target: BounceTarget | None) -> list[Awaitable[Finding]]:
    if target is None:
        return []
    checks: list[Awaitable[Finding]] = [asyncio.to_thread(check_bounce_port, target)]
    if target.files is not None:
        checks.append(asyncio.to_thread(check_certificate, target.name, *target.files))
    return checks


def check_bounce_port(target: BounceTarget) -> Finding:
    """Whether the server for bounces answers as it should, or could be started."""
    check = "Bounce port"
    found = check_port(
        check,
        target.host,
        target.port,
        "SYNCOM_BOUNCE_PORT",
        host_setting="SYNCOM_BOUNCE_HOST",
        way="lead port 25 to it",
    )
    if not found.ok:
        return found
    if found.note.endswith("is free"):
        return replace(found, note=f"{found.note}: `syncom up` listens there")
    where = "127.0.0.1" if target.host in _EVERYWHERE else target.host
    try:
        with smtplib.SMTP(where, target.port, timeout=_SMTP_PATIENCE) as connection:
            connection.ehlo()
            offers = connection.has_extn("starttls")
    except (OSError, smtplib.SMTPException) as error:
        words = _words(error) if isinstance(error, smtplib.SMTPResponseException) else str(error)
        return Finding(
            check=check,
            ok=False,
            problem=f"{where}:{target.port} is taken by Syncom and does not answer as a mail server: {words}",
            remedy="Look at its log; too many connections at once are asked to come later.",
        )
    if target.files is not None and not offers:
        return Finding(
            check=check,
            ok=False,
            problem=f"{where}:{target.port} does not offer STARTTLS, although there is a certificate.",
            remedy="Start Syncom again: it runs with older settings.",
        )
    note = f"{found.note}, {'with' if offers else 'without'} STARTTLS"
    if where == target.host and where in _LOOPBACK:
        note += "; this machine alone reaches it: set SYNCOM_BOUNCE_HOST=0.0.0.0, unless port 25 is led there"
    return replace(found, note=note)


def check_certificate(name: str, certificate: Path, key: Path) -> Finding:
    """Whether the certificate of the server for bounces is good, for the name it is known by, and for how long."""
    check = "Bounce certificate"
    try:
        tls_of(certificate, key, setting="SYNCOM_BOUNCE_CERTIFICATE")
        found = load_pem_x509_certificate(certificate.read_bytes())
    except (Invalid, ValueError, OSError) as error:
        problem = error.fields[0].reason if isinstance(error, Invalid) else f"{certificate} is no certificate"
        remedy = "Set SYNCOM_BOUNCE_CERTIFICATE to a PEM file with the chain, and SYNCOM_BOUNCE_KEY to its key."
        return Finding(check=check, ok=False, problem=f"{problem}.", remedy=remedy)
    ends = found.not_valid_after_utc
    left = ends - datetime.now(UTC)
    problem = ""
    if left.total_seconds() <= 0:
        problem = f"{certificate} ended on {ends:%Y-%m-%d}."
    elif found.not_valid_before_utc > datetime.now(UTC):
        problem = f"{certificate} begins on {found.not_valid_before_utc:%Y-%m-%d} only."
    elif left < _RENEW:
        problem = f"{certificate} ends in {left.days} days, on {ends:%Y-%m-%d}."
    if problem:
        return Finding(check=check, ok=False, problem=problem, remedy="Renew it; a new file is taken up by itself.")
    names = _names(found)
    if name and not any(_covers(one, name) for one in names):
        problem = f"{certificate} is for {', '.join(names) or 'nobody'}, and not for {name}, which MX records lead to."
        return Finding(check=check, ok=False, problem=problem, remedy=f"Get one for {name}.")
    return Finding(check=check, ok=True, note=f"good for {left.days} days, until {ends:%Y-%m-%d}")


def _names(certificate: Certificate) -> list[str]:
    try:
        names = certificate.extensions.get_extension_for_class(SubjectAlternativeName).value
    except ExtensionNotFound:
        return []
    return [name.lower() for name in names.get_values_for_type(DNSName)]


def _covers(pattern: str, name: str) -> bool:
    """RFC 6125, 6.4.3: a star stands for one whole label, the first."""
    return pattern == name or (pattern.startswith("*.") and pattern[2:] == name.partition(".")[2])


def check_port(
    check: str,
    host: str,
    port: int,
    setting: str,
    *,
    host_setting: str = "SYNCOM_HOST",
    way: str = "put a proxy such as nginx before it",
) -> Finding:
    """Whether we could listen there, or do already. ``way``: how the world comes to a port that everybody may have."""
    try:
        family, kind, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
            return Finding(check=check, ok=True, note=f"{host}:{port} is free")
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            return _taken_port(check, host, port, setting)
        if error.errno == errno.EACCES:
            problem = f"Port {port} may be used by root alone."
            remedy = f"Choose a port above 1023 with {setting}, and {way}."
        elif isinstance(error, socket.gaierror) or error.errno == errno.EADDRNOTAVAIL:
            problem = f"{host} is not an address of this machine."
            remedy = f"Set {host_setting} to 127.0.0.1 (this machine alone) or 0.0.0.0 (everybody)."
        else:
            problem = f"Nothing can listen on {host}:{port}: {error.strerror}."
            remedy = f"Choose another port with {setting}."
        return Finding(check=check, ok=False, problem=problem, remedy=remedy)


def _taken_port(check: str, host: str, port: int, setting: str) -> Finding:
    holder = _listener_on(port)
    if holder is None:
        who = "another program"
    elif _is_syncom(holder):
        return Finding(check=check, ok=True, note=f"{host}:{port} is served by Syncom (pid {holder.pid})")
    else:
        who = f"{_name_of(holder)} (pid {holder.pid})"
    return Finding(
        check=check,
        ok=False,
        problem=f"Port {port} is taken by {who}.",
        remedy=f"Stop that program, or choose another port: {setting}={port + 1}",
    )


def _listener_on(port: int) -> psutil.Process | None:
    """The process that listens on a port; None where the system does not tell (macOS tells only root)."""
    try:
        for connection in psutil.net_connections(kind="tcp"):
            if connection.status != psutil.CONN_LISTEN or not connection.laddr or not connection.pid:
                continue
            if connection.laddr[1] == port:
                return psutil.Process(connection.pid)
    except psutil.Error:
        return None
    return None


def _is_syncom(process: psutil.Process) -> bool:
    try:
        words = process.cmdline()[:3]
    except psutil.Error:
        return False
    return any(Path(word).name == "syncom" for word in words)


def _name_of(process: psutil.Process) -> str:
    try:
        return process.name()
    except psutil.Error:
        return "a program that has ended meanwhile"


def check_data_folder(data_dir: Path, *, embedded: bool) -> Finding:
    """Writable, with room, and within reach of the user that runs the embedded database."""
    check = "Data folder"
    existing = next(folder for folder in (data_dir, *data_dir.absolute().parents) if folder.exists())
    if not existing.is_dir() or not os.access(existing, os.W_OK | os.X_OK):
        return Finding(
            check=check,
            ok=False,
            problem=f"{data_dir} cannot be written: {existing} refuses.",
            remedy="Give this user the right to write there, or set SYNCOM_DATA_DIR to another folder.",
        )
    free = shutil.disk_usage(existing).free
    if free < _ENOUGH_DISK:
        return Finding(
            check=check,
            ok=False,
            problem=f"{data_dir} has {free / (1 << 30):.1f} GB of free disk space.",
            remedy=f"Free at least {_ENOUGH_DISK >> 30} GB, or set SYNCOM_DATA_DIR to a larger disk.",
        )
    if embedded:
        # The data folder itself is opened at the start, the folders above it are not ours to open.
        way = existing.resolve().parent if existing == data_dir and is_ours(data_dir) else existing
        identity = expected_identity(Folder.inside(data_dir).data)
        closed = first_closed_folder(way, identity)
        if closed:
            return Finding(
                check=check,
                ok=False,
                problem=f"The user {identity.name}, who runs the database for root, may not enter {closed}.",
                remedy="Set SYNCOM_DATA_DIR to a folder it may enter, or run Syncom as an ordinary user.",
            )
    return Finding(check=check, ok=True, note=f"{data_dir}, {free / (1 << 30):.0f} GB free")


def check_secret_key_file(path: Path) -> Finding:
    """The key that signs and encrypts is nobody else's to read."""
    check = "Secret key"
    try:
        mode = stat.S_IMODE(path.stat().st_mode)
    except FileNotFoundError:
        return Finding(check=check, ok=True, note=f"{path} will be made at the first start")
    except OSError as error:
        return Finding(
            check=check,
            ok=False,
            problem=f"{path} cannot be read: {error.strerror}.",
            remedy="Run Syncom as the owner of this file, or set SYNCOM_SECRET_KEY_FILE to another one.",
        )
    if not os.access(path, os.R_OK):
        return Finding(
            check=check,
            ok=False,
            problem=f"{path} cannot be read by this user.",
            remedy="Run Syncom as the owner of this file.",
        )
    if mode & 0o077:
        return Finding(
            check=check,
            ok=False,
            problem=f"{path} can be read or changed by other users (mode {mode:04o}).",
            remedy=f"Run: chmod 600 {path}",
        )
    return Finding(check=check, ok=True)


def check_embedded_server(data_dir: Path) -> Finding:
    """Whether the embedded server runs, or could."""
    check = "Embedded database"
    notes = {
        ServerState.NEW: "will be made at the first start",
        ServerState.STOPPED: "is stopped",
        ServerState.RUNNING: "is running",
        ServerState.ORPHANED: "runs without its supervisor; the next start takes it over",
        ServerState.CRASHED: "was not shut down properly; the next start recovers it, nothing saved is lost",
    }
    try:
        folder = Folder.inside(data_dir)
        state = inspect(data_dir)
        binaries.find(explicit=None, major=folder.major())
        exposed = folder.password.exists() and folder.password.stat().st_mode & 0o077
    except Unavailable as error:
        problem, _, remedy = error.message.partition(". ")
        return Finding(check=check, ok=False, problem=f"{problem}.", remedy=remedy)
    except OSError as error:
        return Finding(
            check=check,
            ok=False,
            problem=f"{error.filename} cannot be read: {error.strerror}.",
            remedy="Run Syncom as the user that started it first.",
        )
    if exposed:
        return Finding(
            check=check,
            ok=False,
            problem=f"The database password in {folder.password} can be read by other users.",
            remedy=f"Run: chmod 600 {folder.password}",
        )
    return Finding(check=check, ok=True, note=notes[state])


async def check_database(database_url: str) -> Finding:
    """The external server answers, is of a version we know, and lets us make our tables."""
    check = "Database"
    try:
        parts = conninfo_to_dict(database_url)
    except psycopg.ProgrammingError:
        return Finding(
            check=check,
            ok=False,
            problem="SYNCOM_DATABASE_URL is not a PostgreSQL address.",
            remedy="Write it as postgresql://USER:PASSWORD@HOST:5432/DATABASE",
        )
    try:
        async with await psycopg.AsyncConnection.connect(
            database_url, connect_timeout=_DATABASE_PATIENCE, autocommit=True
        ) as connection:
            return await _judged(check, connection)
    except (psycopg.Error, OSError) as error:
        problem, remedy = _refusal(str(error), parts)
        return Finding(check=check, ok=False, problem=problem, remedy=remedy)


async def _judged(check: str, connection: psycopg.AsyncConnection[tuple[object, ...]]) -> Finding:
    info = connection.info
    version = info.server_version // 10000
    if version not in binaries.SUPPORTED:
        return Finding(
            check=check,
            ok=False,
            problem=f"The server is PostgreSQL {version}; Syncom runs on "
            f"{binaries.SUPPORTED[0]} to {binaries.SUPPORTED[-1]}.",
            remedy=f"Use a server of one of these versions. {_FIX_URL}",
        )
    cursor = await connection.execute(
        "SELECT has_database_privilege(current_database(), 'CREATE'), "
        "coalesce(has_schema_privilege(current_schema(), 'CREATE'), false), "
        "pg_is_in_recovery() OR current_setting('default_transaction_read_only')::boolean"
    )
    row = await cursor.fetchone()
    assert row is not None
    in_database, in_schema, read_only = row
    encoding = info.parameter_status("server_encoding")
    problem = remedy = ""
    if read_only:
        problem = "The server is read-only, as a standby is."
        remedy = "Point SYNCOM_DATABASE_URL to the primary server."
    elif encoding != "UTF8":
        problem = f"The database {info.dbname} has the encoding {encoding}."
        remedy = "Make one that can hold every language: CREATE DATABASE syncom ENCODING 'UTF8' TEMPLATE template0"
    elif not (in_database and in_schema):
        problem = f"The user {info.user} may not create tables in the database {info.dbname}."
        remedy = f'As an administrator of the server run: ALTER DATABASE "{info.dbname}" OWNER TO "{info.user}"'
    if problem:
        return Finding(check=check, ok=False, problem=problem, remedy=remedy)
    return Finding(check=check, ok=True, note=f"PostgreSQL {version}, database {info.dbname}")


def _refusal(message: str, parts: Mapping[str, object]) -> tuple[str, str]:
    """Problem and remedy for a refused connection: libpq tells the cases apart by their words alone."""
    host, port = parts.get("host") or "this machine", parts.get("port") or 5432
    user, name = parts.get("user") or "", parts.get("dbname") or parts.get("user") or ""
    if "password" in message:
        return f"The database server refuses the password of the user {user}.", _FIX_URL
    if "no pg_hba.conf entry" in message:
        return (
            f"The database server does not accept the user {user} from this machine.",
            "Add a line for it to the server's pg_hba.conf and reload the server.",
        )
    if "role" in message and "does not exist" in message:
        return f"The database server has no user {user}.", f"Make it with: createuser {user}. Or: {_FIX_URL}"
    if "does not exist" in message:
        return f"The server has no database {name}.", f"Make it with: createdb {name}. Or: {_FIX_URL}"
    if any(words in message for words in ("resolve", "translate host name", "Name or service")):
        return f"There is no machine called {host}.", _FIX_URL
    if any(words in message for words in ("refused", "No such file", "timeout", "timed out", "unreachable")):
        return (
            f"No database server answers at {host}, port {port}.",
            f"Start it, or open the way to it (listen_addresses, firewall). Otherwise: {_FIX_URL}",
        )
    return f"The database cannot be used: {message.strip()}", _FIX_URL


def check_signing(target: SigningTarget) -> Finding:
    """Whether a sender's mails prove who they are from. A relay may do that for us, so its lack is no fault."""
    check = f"Domain of {target.name}"
    host = target.from_email.rpartition("@")[2]
    if not target.domain:
        words = f"no verified domain, so mails from {target.from_email} are signed by the relay or not at all"
        return Finding(check=check, ok=True, note=f"{words}: syncom domain add {host}")
    if target.problem or not target.signs:
        return Finding(
            check=check,
            ok=False,
            problem=target.problem or f"{target.domain} has no DKIM key in DNS, so mails are not signed.",
            remedy=f"Set the DNS records, then run: syncom domain check {target.domain}",
        )
    return Finding(check=check, ok=True, note=f"mails from {target.from_email} are signed by {target.domain}")


def check_smtp(target: SmtpTarget) -> Finding:
    """Greet an SMTP server and, where a user name is given, log in."""
    check = f"Sender {target.name}"
    where = f"{target.host}:{target.port}"
    remedy = "Correct the sender's host, port and encryption."
    try:
        with _smtp_connection(target) as connection:
            connection.ehlo_or_helo_if_needed()
            if target.tls is Tls.STARTTLS:
                connection.starttls(context=ssl.create_default_context())
                connection.ehlo()
            if target.username:
                connection.login(target.username, target.password)
        return Finding(check=check, ok=True, note=f"{where} answers")
    except smtplib.SMTPAuthenticationError as error:
        problem = f"{where} refuses the user name or password: {_words(error)}"
        remedy = "Correct them in the sender; many providers want an app password or API key here."
    except smtplib.SMTPResponseException as error:
        problem = f"{where} refuses us: {_words(error)}"
        remedy = "Ask the provider what it says to this machine's address, or choose another sender."
    except smtplib.SMTPNotSupportedError as error:
        problem = f"{where} cannot do what the sender asks for: {error}"
        remedy = "Choose the encryption that the provider documents for this port."
    except ssl.SSLError as error:
        problem = f"{where} does not speak TLS as set, or has a wrong certificate: {error.reason or error}."
        remedy = "Port 465 is for implicit TLS, 587 for STARTTLS; the host must be the certificate's name."
    except TimeoutError:
        problem = f"{where} does not answer."
        remedy = "Check the port; many networks block 25: try 587 or 465."
    except socket.gaierror:
        problem = f"There is no machine called {target.host}."
    except smtplib.SMTPException as error:
        problem = f"{where} does not talk as an SMTP server should: {error}."
    except OSError as error:
        problem = f"No SMTP server answers at {where}: {error.strerror or error}."
    return Finding(check=check, ok=False, problem=problem, remedy=remedy)


def _smtp_connection(target: SmtpTarget) -> smtplib.SMTP:
    if target.tls is Tls.IMPLICIT:
        context = ssl.create_default_context()
        return smtplib.SMTP_SSL(target.host, target.port, timeout=_SMTP_PATIENCE, context=context)
    return smtplib.SMTP(target.host, target.port, timeout=_SMTP_PATIENCE)


def _words(error: smtplib.SMTPResponseException) -> str:
    text = error.smtp_error
    return f"{error.smtp_code} {text.decode(errors='replace') if isinstance(text, bytes) else text}"
