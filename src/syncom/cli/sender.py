"""``syncom sender``."""

from __future__ import annotations

import os
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from ipaddress import ip_address
from pathlib import Path
from typing import Annotated, Any, cast
from urllib.parse import urlsplit

import msgspec
from cyclopts import App, Parameter

from syncom.cli.given import Many, Switch, pairs, read_text
from syncom.cli.output import facts, show, table
from syncom.cli.secrets import secret_of
from syncom.cli.sender_group import app as group
from syncom.cli.sender_pace import destination_limits, destinations, told_limit, warm_up
from syncom.cli.services import Here, Options, here
from syncom.cli.smsc import Smsc, sender_of
from syncom.errors import Invalid
from syncom.messages.channels.email.model import Security
from syncom.messages.channels.sms.form import Body, GatewayAnswers, GatewayCall, GatewayForm, Verb
from syncom.messages.channels.sms.model import TextReplies
from syncom.messages.channels.sms.providers import SignatureMethod, TwilioAccount, VonageAccount
from syncom.messages.model import OnUncertain, PartPrice, Sender, SenderConfig, SenderKind
from syncom.messages.senders import SenderInput, sender_names

app = App(
    name="sender", help="Where messages leave: SMTP accounts, SMS gateways, and the dev inbox until there is one."
)
add = App(name="add", help="Add a sender.")
app.command(add)
app.command(group)
_DEFAULT = Options()
app.command(destinations)
app.command(warm_up)

#: Where a password may be, so that it is in no command line and no history.
PASSWORD_VARIABLE = "SYNCOM_SMTP_PASSWORD"  # noqa: S105 - the name of a variable
SECRET_VARIABLE = "SYNCOM_GATEWAY_SECRET"  # noqa: S105 - the name of a variable
CALLBACK_VARIABLE = "SYNCOM_CALLBACK_SECRET"
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
    destination: Annotated[
        Many,
        Parameter(
            help="Limits of a receiving domain or family: gmail=5 (messages a second), gmail=5/2 (and messages "
            "under way at once), gmail=/2; none: no limits. May be repeated; replaces all of them."
        ),
    ] = ()
    per_connection: Annotated[int | None, Parameter(help="Messages before a connection is renewed.")] = None
    on_uncertain: Annotated[
        OnUncertain | None,
        Parameter(help="When a conversation is cut before the answer: send again, or leave it."),
    ] = None
    default: Annotated[Switch, Parameter(help="Send everything through it that names no sender.")] = False


_NOTHING = Server()


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class Gateway:
    """An HTTP gateway: what it is asked, and where its answer says what.

    Placeholders in addresses, headers and fields: {to}, {to_digits}, {from}, {text}, {id}, {parts}, {secret}; for Viber
    also {image}, {caption}, {action}, {ttl}, {ios_text}.
    """

    url: Annotated[str, Parameter(help="Where an SMS is posted to.")]
    sender_name: Annotated[
        Many, Parameter(name="--from", help="Name or number in From; more than one: repeat it.")
    ] = ()
    verb: Annotated[Verb, Parameter(help="POST unless given.")] = Verb.POST
    body: Annotated[Body, Parameter(help="How fields travel: json unless given.")] = Body.JSON
    field: Annotated[
        Many, Parameter(help="NAME=VALUE of the body; NAME may be a path such as message.to. Repeat it for each.")
    ] = ()
    template: Annotated[Path | None, Parameter(help="File with the whole body instead, JSON or XML.")] = None
    header: Annotated[Many, Parameter(help='NAME=VALUE, such as "Authorization=Bearer {secret}".')] = ()
    username: Annotated[str, Parameter(help="For HTTP Basic, with the secret as the password.")] = ""
    secret: Annotated[
        str | None, Parameter(help=f"Better: in {SECRET_VARIABLE}, by --secret-stdin, or typed when asked.")
    ] = None
    secret_stdin: Annotated[Switch, Parameter(help="Read the secret from standard input.")] = False
    id_path: Annotated[str, Parameter(help="Where its answer has the message's id, such as messages.0.id.")] = ""
    error_path: Annotated[str, Parameter(help="Where its answer says what is wrong.")] = ""
    status_path: Annotated[str, Parameter(help="Where a 2xx answer says whether it took the message after all.")] = ""
    accepted: Annotated[Many, Parameter(help="A value there that means yes. Repeat it for each.")] = ()
    temporary: Annotated[Many, Parameter(help="A value there that means: try again later.")] = ()
    viber_url: Annotated[str | None, Parameter(help="Where a Viber message is posted to; absent: it carries none.")] = (
        None
    )
    viber_field: Annotated[Many, Parameter(help="NAME=VALUE of its body.")] = ()
    name: Annotated[str | None, Parameter(help="What to call the sender; the host unless given.")] = None
    rate: Annotated[float | None, Parameter(help="Messages a second at most.")] = None
    connections: Annotated[int, Parameter(help="Open connections of one sending process.")] = 10
    timeout: Annotated[float, Parameter(help="Seconds to wait for an answer.")] = 30.0
    on_uncertain: Annotated[
        OnUncertain, Parameter(help="When a connection is cut before the answer: send again, or leave it.")
    ] = OnUncertain.RESEND
    default: Annotated[Switch, Parameter(help="Send every text through it that names no sender.")] = False


@add.command
async def sms(*, gateway: Gateway, options: Options = _DEFAULT) -> None:
    """Add an HTTP gateway for SMS, and for Viber when it has one. The first one becomes the default for texts."""
    given = SenderInput(
        name=gateway.name or urlsplit(gateway.url).hostname or "SMS gateway",
        kind=SenderKind.GATEWAY,
        config=SenderConfig(
            gateway=_form(gateway),
            rate_per_second=gateway.rate or None,
            max_connections=gateway.connections,
            timeout=gateway.timeout,
            on_uncertain=gateway.on_uncertain,
        ),
        password=_secret(gateway, gateway.username),
        is_default=gateway.default,
    )
    await _add_of_texts(given, options)


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class Provider:
    """How texts leave through an account at a provider, and how what it posts is checked."""

    sender_name: Annotated[
        Many, Parameter(name="--from", help="Number or name in From; more than one: repeat it.")
    ] = ()
    secret: Annotated[
        str | None, Parameter(help=f"Better: in {SECRET_VARIABLE}, by --secret-stdin, or typed when asked.")
    ] = None
    secret_stdin: Annotated[Switch, Parameter(help="Read the secret from standard input.")] = False
    callback_secret: Annotated[
        str | None, Parameter(help=f"What its callbacks are signed with. Better: in {CALLBACK_VARIABLE}.")
    ] = None
    brand: Annotated[str, Parameter(help="The brand in answers to STOP and HELP; the first name unless given.")] = ""
    contact: Annotated[str, Parameter(help='Whom to ask, in the answer to HELP: "Ask help@example.org."')] = ""
    price: Annotated[str, Parameter(help='What a part costs, for reports: "0.05 EUR".')] = ""
    name: Annotated[str | None, Parameter(help="What to call the sender.")] = None
    rate: Annotated[float | None, Parameter(help="Messages a second at most.")] = None
    connections: Annotated[int, Parameter(help="Open connections of one sending process.")] = 10
    timeout: Annotated[float, Parameter(help="Seconds to wait for an answer.")] = 30.0
    on_uncertain: Annotated[
        OnUncertain, Parameter(help="When a connection is cut before the answer: send again, or leave it.")
    ] = OnUncertain.RESEND
    default: Annotated[Switch, Parameter(help="Send every text through it that names no sender.")] = False


_NO_PROVIDER = Provider()


@add.command
async def twilio(
    *,
    account_sid: Annotated[str, Parameter(help="The account's SID; its auth token is the secret.")],
    provider: Provider = _NO_PROVIDER,
    messaging_service: Annotated[str, Parameter(help="SID of a messaging service that chooses the number.")] = "",
    api_key: Annotated[
        str, Parameter(help="SID of an API key, whose secret is the secret; the auth token is the callback secret.")
    ] = "",
    base_url: Annotated[
        str, Parameter(help="Of somebody else who speaks Twilio's protocol.")
    ] = "https://api.twilio.com",
    options: Options = _DEFAULT,
) -> None:
    """Add an account at Twilio for SMS."""
    account = TwilioAccount(
        account_sid=account_sid,
        names=provider.sender_name,
        messaging_service_sid=messaging_service,
        api_key=api_key,
        base_url=base_url,
    )
    await _add_provider(SenderKind.TWILIO, SenderConfig(twilio=account), provider, "Twilio", options)


@add.command
async def vonage(
    *,
    api_key: Annotated[str, Parameter(help="The account's API key; its API secret is the secret.")],
    provider: Provider = _NO_PROVIDER,
    signature: Annotated[
        SignatureMethod, Parameter(help="How callbacks are signed, as in the account's settings.")
    ] = SignatureMethod.SHA256,
    base_url: Annotated[str, Parameter(help="Of somebody else who speaks this protocol.")] = "https://rest.nexmo.com",
    options: Options = _DEFAULT,
) -> None:
    """Add an account at Vonage for SMS."""
    account = VonageAccount(api_key=api_key, names=provider.sender_name, signature_method=signature, base_url=base_url)
    await _add_provider(SenderKind.VONAGE, SenderConfig(vonage=account), provider, "Vonage", options)


async def _add_provider(
    kind: SenderKind, config: SenderConfig, provider: Provider, title: str, options: Options
) -> None:
    callback = provider.callback_secret or os.environ.get(CALLBACK_VARIABLE) or msgspec.UNSET
    given = SenderInput(
        name=provider.name or title,
        kind=kind,
        config=msgspec.structs.replace(
            config,
            replies=TextReplies(brand=provider.brand, contact=provider.contact),
            part_price=_price(provider.price),
            rate_per_second=provider.rate or None,
            max_connections=provider.connections,
            timeout=provider.timeout,
            on_uncertain=provider.on_uncertain,
        ),
        password=_secret(provider, title),
        callback_secret=callback,
        is_default=provider.default,
    )
    await _add_of_texts(given, options, posting=title)


async def _add_of_texts(given: SenderInput, options: Options, *, posting: str = "") -> None:
    """``posting``: the provider that posts what people write to us."""
    async with here(options) as services:
        added = await services.app.senders.add(services.account_id, given)
        posts = services.app.callback_addresses(added) if posting else None

    def human() -> None:
        _describe(added)
        if posts is not None:
            print(f"Texts that people send: enter {posts.texts} at {posting} as the address for incoming messages.")
        print(f"Sender {added.sender_id}. Try it: `syncom sender test {added.sender_id} --to YOUR_PHONE`.")

    show(added, json=options.json, human=human)


@add.command
async def smpp(*, smsc: Smsc, options: Options = _DEFAULT) -> None:
    """Add an SMSC for SMS, spoken to by SMPP 3.4. The first sender of texts becomes their default."""
    given = sender_of(smsc)
    await _add_of_texts(given, options)


def _price(given: str) -> PartPrice | None:
    if not given:
        return None
    amount, _, currency = given.strip().partition(" ")
    try:
        return PartPrice(amount=Decimal(amount), currency=currency.strip())
    except InvalidOperation:
        raise Invalid("price", 'must be an amount and a currency, such as "0.05 EUR"') from None


@app.command
async def callbacks(sender: int, *, options: Options = _DEFAULT) -> None:
    """Show where the provider of a sender of texts posts receipts and texts of people: enter them there.

    Parameters
    ----------
    sender
        Its id.
    """
    async with here(options) as services:
        found = services.app.callback_addresses(await services.app.senders.get(services.account_id, sender))
    show(found, json=options.json, human=lambda: facts([("receipts", found.receipts), ("texts", found.texts)]))


def _form(gateway: Gateway) -> GatewayForm:
    template = read_text("template", gateway.template) if gateway.template else ""
    call = GatewayCall(url=gateway.url, verb=gateway.verb, body=gateway.body, template=template)
    if gateway.field:
        call = msgspec.structs.replace(call, fields=_nested("field", gateway.field))
    viber = None
    if gateway.viber_url:
        viber = GatewayCall(url=gateway.viber_url, verb=gateway.verb, body=gateway.body)
        if gateway.viber_field:
            viber = msgspec.structs.replace(viber, fields=_nested("viber-field", gateway.viber_field))
    return GatewayForm(
        sms=call,
        viber=viber,
        headers=pairs("header", gateway.header),
        username=gateway.username,
        answers=GatewayAnswers(
            id=gateway.id_path,
            error=gateway.error_path,
            status=gateway.status_path,
            accepted=gateway.accepted,
            temporary=gateway.temporary,
        ),
        names=gateway.sender_name,
    )


def _nested(option: str, given: tuple[str, ...]) -> dict[str, Any]:
    """``message.to={to}`` as objects in objects. Raises Invalid naming the option."""
    found: dict[str, Any] = {}
    for path, value in pairs(option, given).items():
        *steps, last = path.split(".")
        place = found
        for step in steps:
            inner = place.setdefault(step, {})
            if not isinstance(inner, dict):
                raise Invalid(option, f"{path} is inside a member that has a value already")
            place = cast("dict[str, Any]", inner)
        place[last] = value
    return found


def _secret(gateway: Gateway | Provider, of: str) -> str | msgspec.UnsetType:
    prompt = f"Secret of {of}" if of else ""
    return secret_of(gateway.secret, stdin=gateway.secret_stdin, variable=SECRET_VARIABLE, prompt=prompt)


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
            one.channel.name.lower(),
            _where(one),
            one.from_email or ", ".join(filter(None, sender_names(one))),
            one.is_default,
            one.problem or None,
        )
        for one in found
    ]
    columns = ("id", "name", "kind", "channel", "server", "from", "default", "problem")

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
        receipts = await services.app.receipts.counts(services.account_id, sender)

    def human() -> None:
        _describe(found)
        if receipts:
            told = ", ".join(f"{kind} {count:,}" for kind, count in sorted(receipts.items()))
            print(f"\nReceipts of the last 30 days: {told}.")

    show(found, json=options.json, human=human)


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
    """Send one plain mail or text right now and print the server's words.

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
    given: dict[str, Any] = {name: value for name, value in named.items() if value is not None}
    if server.destination:
        given["destinations"] = destination_limits(server.destination)
    if stored.smpp is not None:
        places = {"host": "host", "port": "port", "username": "system_id"}
        moved = {place: given.pop(name) for name, place in places.items() if name in given}
        given["smpp"] = msgspec.structs.replace(stored.smpp, **moved)
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
    prompt = f"Password of {server.username}" if ask and server.username else ""
    return secret_of(server.password, stdin=server.password_stdin, variable=PASSWORD_VARIABLE, prompt=prompt)


def _address(username: str | None) -> str | None:
    return username if username and "@" in username else None


def _where(sender: Sender) -> str:
    if sender.kind is SenderKind.SMTP:
        return f"{sender.config.host}:{sender.config.port}"
    if sender.kind is SenderKind.WEBPUSH:
        return "the push services of browsers"
    if sender.kind is SenderKind.GROUP:
        return "other senders"
    if sender.config.smpp is not None:
        return f"{sender.config.smpp.host}:{sender.config.smpp.port}"
    form = sender.config.form
    return form.sms.url if form else "this machine"


def _describe(sender: Sender) -> None:
    config = sender.config
    lines: list[tuple[str, object]] = [
        ("sender", sender.sender_id),
        ("name", sender.name),
        ("kind", sender.kind),
        ("channel", sender.channel.name.lower()),
        ("from", f"{sender.from_name} <{sender.from_email}>" if sender.from_email else ", ".join(sender_names(sender))),
        ("reply to", sender.reply_to or None),
        ("default", sender.is_default),
    ]
    if sender.kind is SenderKind.SMTP:
        lines += [
            ("server", f"{config.host}:{config.port} ({config.security.value})"),
            ("username", config.username or None),
            ("connections", f"{config.max_connections}, {config.messages_per_connection} messages each"),
            ("rate", f"{config.rate_per_second:g} a second" if config.rate_per_second else "no limit"),
            *(("destination", told_limit(limit)) for limit in config.destinations),
            ("on uncertain", config.on_uncertain),
        ]
    if sender.kind is SenderKind.WEBPUSH:
        lines += [
            ("connections", config.max_connections),
            ("rate", f"{config.rate_per_second:g} a second" if config.rate_per_second else "no limit"),
            ("on uncertain", config.on_uncertain),
        ]
    form = config.form
    if form is not None:
        lines += [
            ("gateway", f"{form.sms.verb.value} {form.sms.url}"),
            ("viber", form.viber.url if form.viber else None),
            ("a part costs", f"{config.part_price.amount} {config.part_price.currency}" if config.part_price else None),
            ("connections", config.max_connections),
            ("rate", f"{config.rate_per_second:g} a second" if config.rate_per_second else "no limit"),
            ("on uncertain", config.on_uncertain),
        ]
    if config.smpp is not None:
        bind = config.smpp
        lines += [
            ("SMSC", f"{bind.host}:{bind.port}{' over TLS' if bind.tls else ''} ({bind.mode.value})"),
            ("system id", bind.system_id),
            ("window", bind.window),
            ("rate", f"{config.rate_per_second:g} a second" if config.rate_per_second else "no limit"),
            ("on uncertain", config.on_uncertain),
        ]
    if sender.problem:
        lines += [("problem", sender.problem), ("rests until", sender.paused_until)]
    facts(lines)
