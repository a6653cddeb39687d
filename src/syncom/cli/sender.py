"""``syncom sender``."""

from __future__ import annotations

import getpass
import os
import sys
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Annotated

import msgspec
from cyclopts import App, Parameter

from syncom.cli.given import Switch
from syncom.cli.output import facts, show, table
from syncom.cli.services import Here, Options, here
from syncom.errors import Invalid
from syncom.messages.channels.email.model import Security
from syncom.messages.model import OnUncertain, Sender, SenderConfig, SenderKind
from syncom.messages.senders import SenderInput

app = App(name="sender", help="Where mail leaves: SMTP accounts, and the dev inbox until there is one.")
add = App(name="add", help="Add a sender.")
app.command(add)
_DEFAULT = Options()

#: Where a password may be, so that it is in no command line and no history.
PASSWORD_VARIABLE = "SYNCOM_SMTP_PASSWORD"  # noqa: S105 - the name of a variable
_INBOX_NOTICE = (
    "NO MAIL LEAVES THIS MACHINE: the default sender is the dev inbox. See it with `syncom inbox list`; "
    "add a server with `syncom sender add smtp --host HOST`."
)


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class Server:
    """An SMTP account, how fast to use it, and the name that mail comes under."""

    host: Annotated[str | None, Parameter(help="The SMTP server.")] = None
    port: Annotated[int | None, Parameter(help="Its port; 587 unless given.")] = None
    security: Annotated[
        Security | None,
        Parameter(help="Unless given: tls for port 465, plain for a server on this machine, else starttls."),
    ] = None
    username: Annotated[str | None, Parameter(help="Login, if the server wants one.")] = None
    password: Annotated[
        str | None,
        Parameter(help=f"Better: in {PASSWORD_VARIABLE}, by --password-stdin, or typed when asked."),
    ] = None
    password_stdin: Annotated[Switch, Parameter(help="Read the password from standard input.")] = False
    from_email: Annotated[str | None, Parameter(help="Address in From.")] = None
    from_name: Annotated[str | None, Parameter(help="Name in From.")] = None
    reply_to: Annotated[str | None, Parameter(help="Where answers go, if not to From.")] = None
    name: Annotated[str | None, Parameter(help="What to call the sender; the host unless given.")] = None
    rate: Annotated[float | None, Parameter(help="Messages a second at most; 0: as fast as the server takes them.")] = (
        None
    )
    connections: Annotated[int | None, Parameter(help="Open connections of one sending process; 10 unless given.")] = (
        None
    )
    per_connection: Annotated[int | None, Parameter(help="Messages before a connection is renewed.")] = None
    on_uncertain: Annotated[
        OnUncertain | None,
        Parameter(help="When a conversation is cut before the answer: send again, or leave it."),
    ] = None
    default: Annotated[Switch, Parameter(help="Send everything through it that names no sender.")] = False


_NOTHING = Server()


@add.command
async def smtp(*, server: Server = _NOTHING, options: Options = _DEFAULT) -> None:
    """Add an SMTP account. The first one becomes the default."""
    if not server.host:
        raise Invalid("host", "is missing: --host smtp.example.com")
    async with here(options) as services:
        admin_email = services.app.settings.admin_email
        config = _config(server, SenderConfig(security=_security(server.host, server.port or 587)))
        given = SenderInput(
            name=server.name or server.host,
            from_email=server.from_email or _address(server.username) or admin_email,
            from_name=server.from_name or "",
            reply_to=server.reply_to or "",
            config=config,
            password=_password(server),
            is_default=server.default,
        )
        added = await services.app.senders.add(services.account_id, given)
    said = f"Sender {added.sender_id}. Try it: `syncom sender test {added.sender_id} --to YOUR_ADDRESS`."

    def human() -> None:
        _describe(added)
        print(said)

    show(added, json=options.json, human=human)


@app.command(name="list")
async def list_senders(*, options: Options = _DEFAULT) -> None:
    """List the senders."""
    async with here(options) as services:
        default = await services.app.senders.default(services.account_id)
        found = await services.app.senders.list(services.account_id)
    rows = [
        (
            one.sender_id,
            one.name,
            one.kind,
            f"{one.config.host}:{one.config.port}" if one.kind is SenderKind.SMTP else "this machine",
            one.from_email,
            one.is_default,
            one.problem or None,
        )
        for one in found
    ]
    columns = ("id", "name", "kind", "server", "from", "default", "problem")

    def human() -> None:
        table(columns, rows, empty="")
        if default.kind is SenderKind.INBOX:
            print(f"\n{_INBOX_NOTICE}")

    show(found, json=options.json, human=human)


@app.command(name="show")
async def show_sender(sender: int, *, options: Options = _DEFAULT) -> None:
    """Show a sender. Its password is never shown.

    Parameters
    ----------
    sender
        Its id.
    """
    async with here(options) as services:
        found = await services.app.senders.get(services.account_id, sender)
    show(found, json=options.json, human=lambda: _describe(found))


@app.command
async def update(sender: int, *, server: Server = _NOTHING, options: Options = _DEFAULT) -> None:
    """Change what is named; the rest stays, the password too.

    Parameters
    ----------
    sender
        Its id.
    """
    async with here(options) as services:
        stored = await services.app.senders.get(services.account_id, sender)
        changed = await _replace(services, stored, server)
    show(changed, json=options.json, human=lambda: _describe(changed))


@app.command
async def default(sender: int, *, options: Options = _DEFAULT) -> None:
    """Send everything through this one that names no sender.

    Parameters
    ----------
    sender
        Its id.
    """
    async with here(options) as services:
        stored = await services.app.senders.get(services.account_id, sender)
        changed = await _replace(services, stored, Server(default=True))
    show(changed, json=options.json, human=lambda: print(f"Sender {sender} ({changed.name}) is the default."))


@app.command(name="test")
async def send_test(sender: int, *, to: str, options: Options = _DEFAULT) -> None:
    """Send one plain mail right now and print the server's words.

    Parameters
    ----------
    sender
        Its id.
    to
        Where to.
    """
    async with here(options) as services:
        words = await services.app.senders.test(services.account_id, sender, to, services.app.inbox_address)
    show({"sender_id": sender, "answer": words}, json=options.json, human=lambda: print(f"It works: {words}"))


@app.command
async def delete(sender: int, *, options: Options = _DEFAULT) -> None:
    """Delete a sender.

    Parameters
    ----------
    sender
        Its id.
    """
    async with here(options) as services:
        await services.app.senders.delete(services.account_id, sender)
    show({"deleted": sender}, json=options.json, human=lambda: print(f"Sender {sender} is deleted."))


async def _replace(services: Here, stored: Sender, server: Server) -> Sender:
    password = _password(server, ask=False)
    given = SenderInput(
        name=server.name or stored.name,
        from_email=server.from_email or stored.from_email,
        from_name=stored.from_name if server.from_name is None else server.from_name,
        reply_to=stored.reply_to if server.reply_to is None else server.reply_to,
        kind=stored.kind,
        channel=stored.channel,
        config=_config(server, stored.config),
        password=password,
        is_default=server.default or stored.is_default,
    )
    return await services.app.senders.update(services.account_id, stored.sender_id, given)


def _config(server: Server, stored: SenderConfig) -> SenderConfig:
    """The stored settings with those that were named."""
    rate = stored.rate_per_second if server.rate is None else server.rate or None
    named = {
        "host": server.host,
        "port": server.port,
        "security": server.security,
        "username": server.username,
        "max_connections": server.connections,
        "messages_per_connection": server.per_connection,
        "on_uncertain": server.on_uncertain,
    }
    given = {name: value for name, value in named.items() if value is not None}
    return msgspec.structs.replace(stored, **given, rate_per_second=rate)


def _security(host: str, port: int) -> Security:
    """How a server is usually spoken to. TLS to one's own machine protects nothing and often has no certificate."""
    if port == 465:
        return Security.TLS
    try:
        is_here = ip_address(host).is_loopback
    except ValueError:
        is_here = host == "localhost"
    return Security.PLAIN if is_here else Security.STARTTLS


def _password(server: Server, *, ask: bool = True) -> str | msgspec.UnsetType:
    if server.password is not None:
        return server.password
    if server.password_stdin:
        return sys.stdin.readline().rstrip("\r\n")
    if found := os.environ.get(PASSWORD_VARIABLE):
        return found
    if ask and server.username and sys.stdin.isatty():
        return getpass.getpass(f"Password of {server.username}: ")
    return msgspec.UNSET


def _address(username: str | None) -> str | None:
    return username if username and "@" in username else None


def _describe(sender: Sender) -> None:
    config = sender.config
    lines: list[tuple[str, object]] = [
        ("sender", sender.sender_id),
        ("name", sender.name),
        ("kind", sender.kind),
        ("from", f"{sender.from_name} <{sender.from_email}>".strip()),
        ("reply to", sender.reply_to or None),
        ("default", sender.is_default),
    ]
    if sender.kind is SenderKind.SMTP:
        lines += [
            ("server", f"{config.host}:{config.port} ({config.security.value})"),
            ("username", config.username or None),
            ("connections", f"{config.max_connections}, {config.messages_per_connection} messages each"),
            ("rate", f"{config.rate_per_second:g} a second" if config.rate_per_second else "no limit"),
            ("on uncertain", config.on_uncertain),
        ]
    if sender.problem:
        lines += [("problem", sender.problem), ("rests until", sender.paused_until)]
    facts(lines)
