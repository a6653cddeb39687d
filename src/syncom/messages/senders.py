"""Use cases of senders: where mail leaves, under which name, how fast."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any
from uuid import uuid4

import msgspec
from psycopg.errors import UniqueViolation
from psycopg.types.json import Jsonb

from syncom.clock import Clock
from syncom.contacts.model import Channel
from syncom.contacts.normalise import normalise_email
from syncom.errors import Invalid, NotFound, Upstream
from syncom.messages import store
from syncom.messages.channels.carrier import Outcome
from syncom.messages.channels.email.destinations import families
from syncom.messages.channels.email.model import Mail, Reply, Security, SmtpServer
from syncom.messages.channels.email.pool import SmtpPool
from syncom.messages.channels.sms.form import check_form, check_name, fill
from syncom.messages.channels.sms.gateway import ask
from syncom.messages.channels.sms.model import TextParcel, TextReplies
from syncom.messages.channels.sms.providers import check_twilio, check_vonage
from syncom.messages.channels.sms.smpp.model import check_bind, check_password
from syncom.messages.channels.sms.smpp.trial import try_bind
from syncom.messages.dealing import require_others
from syncom.messages.destinations.model import Destination
from syncom.messages.destinations.store import pressed, wake
from syncom.messages.identity.signing import Identities
from syncom.messages.model import DestinationLimit, PartPrice, Sender, SenderConfig, SenderKind
from syncom.messages.routes import normalise_number
from syncom.outbound import OutboundClient, read_networks
from syncom.postgres.pool import Connection, Database
from syncom.security import Keyring

NAME_LIMIT = 200
#: Characters of an answer to STOP, HELP or START: two parts.
LONGEST_REPLY = 306
#: Kinds that carry texts to networks.
TEXT_KINDS = frozenset({SenderKind.GATEWAY, SenderKind.TWILIO, SenderKind.VONAGE, SenderKind.SMPP})
_PURPOSE = "sender"
_MOST_DESTINATIONS = 100
_DESTINATION = re.compile(r"[a-z0-9-]{1,63}(\.[a-z0-9-]{1,63})*", re.ASCII)


class InboxAddress(msgspec.Struct, frozen=True, kw_only=True):
    """Where this installation's dev inbox listens."""

    host: str = "127.0.0.1"
    port: int = 2525
    security: Security = Security.PLAIN


class SenderInput(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a caller says about a sender. An UNSET password keeps the stored one."""

    name: str
    #: Of senders of email; of web push: whom push services may write to, empty: the installation.
    from_email: str = ""
    from_name: str = ""
    reply_to: str = ""
    kind: SenderKind = SenderKind.SMTP
    #: Of the dev inbox: EMAIL or SMS. Other kinds have one channel.
    channel: Channel = Channel.EMAIL
    config: SenderConfig = SenderConfig()
    password: str | msgspec.UnsetType = msgspec.UNSET
    #: By which receipts and texts that a provider posts are checked; UNSET keeps the stored one.
    callback_secret: str | msgspec.UnsetType = msgspec.UNSET
    is_default: bool = False


#: What is made for a channel that has no sender yet.
_MADE: Mapping[Channel, SenderInput] = {
    Channel.EMAIL: SenderInput(
        name="Dev inbox",
        from_email="demo@localhost.localdomain",
        from_name="Syncom dev inbox",
        kind=SenderKind.INBOX,
        is_default=True,
    ),
    Channel.SMS: SenderInput(
        name="Dev inbox of texts", from_name="Syncom", kind=SenderKind.INBOX, channel=Channel.SMS, is_default=True
    ),
    Channel.WEBPUSH: SenderInput(
        name="Web push",
        kind=SenderKind.WEBPUSH,
        channel=Channel.WEBPUSH,
        # Push services are far away: what ten connections carry in a second is ten notifications for each round trip.
        config=SenderConfig(max_connections=40),
        is_default=True,
    ),
}


class CallbackSender(msgspec.Struct, frozen=True, kw_only=True):
    """A sender, for what its provider posts."""

    sender: Sender
    #: Its password.
    secret: str
    #: Empty: none was given.
    callback_secret: str


class SendersService:
    """Senders of an account. Passwords are sealed when they come in and never leave again."""

    def __init__(
        self, database: Database, keyring: Keyring, clock: Clock, *, identities: Identities, outbound_allow: str = ""
    ) -> None:
        """``outbound_allow``: private networks that gateways may be in."""
        self._database = database
        self._outbound_allow = outbound_allow
        self._keyring = keyring
        self._identities = identities
        self._clock = clock

    async def add(self, account_id: int, given: SenderInput) -> Sender:
        """Add a sender; the first one with a server of its own becomes the default. Raises Invalid naming the field."""
        values = _checked(given)
        # Credentials are out of a tenant's reach, so this works as the system, with the account in every statement.
        async with self._database.system() as connection:
            present = await store.select_senders(connection, account_id)
            alike = [sender for sender in present if sender.channel.value == values["channel"]]
            if all(sender.kind is SenderKind.INBOX for sender in alike):
                values["is_default"] = True
            if values["is_default"]:
                await store.clear_default(connection, account_id, values["channel"])
            sender = await store.insert_sender(connection, {**values, "account_id": account_id})
            if given.password:
                await store.save_secret(connection, sender.sender_id, self._seal(sender.sender_id, given.password))
            if given.callback_secret:
                sealed = self._seal(sender.sender_id, given.callback_secret)
                await store.save_callback_secret(connection, sender.sender_id, sealed)
        return sender

    async def update(self, account_id: int, sender_id: int, given: SenderInput) -> Sender:
        """Replace a sender's settings; a rest it was put to ends. Raises NotFound, and Invalid for another kind."""
        values = _checked(given)
        async with self._database.system() as connection:
            stored = await self.require(connection, account_id, sender_id)
            if (stored.kind, stored.channel.value) != (given.kind, values["channel"]):
                raise Invalid("kind", f"is {stored.kind.value} and cannot be changed; add another sender")
            if values["is_default"]:
                await store.clear_default(connection, account_id, values["channel"])
            sender = await store.update_sender(connection, {**values, "account_id": account_id, "sender_id": sender_id})
            if sender is None:
                raise NotFound("sender", sender_id)
            await wake(connection, account_id, sender_id)
            if isinstance(given.password, str):
                sealed = self._seal(sender_id, given.password) if given.password else None
                await store.save_secret(connection, sender_id, sealed)
            if isinstance(given.callback_secret, str):
                sealed = self._seal(sender_id, given.callback_secret) if given.callback_secret else None
                await store.save_callback_secret(connection, sender_id, sealed)
        return sender

    async def list(self, account_id: int) -> list[Sender]:
        async with self._database.tenant(account_id) as connection:
            return await store.select_senders(connection, account_id)

    async def get(self, account_id: int, sender_id: int) -> Sender:
        async with self._database.tenant(account_id) as connection:
            return await self.require(connection, account_id, sender_id)

    async def for_callbacks(self, sender_id: int) -> CallbackSender | None:
        """A sender of any account with what checks that its provider posts; None: it is gone."""
        async with self._database.system() as connection:
            sender = await store.find_sender(connection, sender_id)
            if sender is None:
                return None
            sealed = await store.sender_secret(connection, sender.account_id, sender_id)
            callback = await store.callback_secret(connection, sender_id)
        return CallbackSender(
            sender=sender, secret=self.unseal(sender_id, sealed), callback_secret=self.unseal(sender_id, callback)
        )

    async def find(self, sender_id: int) -> Sender | None:
        """A sender of any account, for what comes from its provider; None: it is gone."""
        async with self._database.system() as connection:
            return await store.find_sender(connection, sender_id)

    async def pressed(self, account_id: int, sender_id: int) -> Sequence[Destination]:
        """Destinations that asked a sender for less within a day, or that it rests for. Raises NotFound.

        ``rate`` is what they are offered now; None: they have recovered.
        """
        async with self._database.tenant(account_id) as connection:
            await self.require(connection, account_id, sender_id)
            found = await pressed(connection, [sender_id], self._clock.now())
        now = self._clock.now()
        return [msgspec.structs.replace(one, rate=one.rate_at(now)) for one in found]

    async def require(self, connection: Connection, account_id: int, sender_id: int) -> Sender:
        """The sender, inside the caller's transaction. Raises NotFound."""
        found = await store.select_senders(connection, account_id, sender_id)
        if not found:
            raise NotFound("sender", sender_id)
        return found[0]

    async def default(self, account_id: int, channel: Channel = Channel.EMAIL) -> Sender:
        """The sender that is used when none is named: the default one; made when there is none.

        What is made is a dev inbox, and of web push a real sender, since it needs nothing to be told.
        """
        senders = [sender for sender in await self.list(account_id) if sender.channel is channel.consent]
        for sender in senders:
            if sender.is_default:
                return sender
        if senders:
            return senders[0]
        return await self.add(account_id, _MADE[channel.consent])

    async def chosen(
        self, connection: Connection, account_id: int, sender_id: int | None, channel: Channel = Channel.EMAIL
    ) -> Sender:
        """The named sender, or else the one that is used when none is named, inside the caller's transaction.

        Raises NotFound.
        """
        if sender_id is not None:
            return await self.require(connection, account_id, sender_id)
        usable = await self._usable(connection, account_id, channel)
        if not usable and channel is Channel.WEBPUSH:
            with suppress(UniqueViolation):
                # Committed by itself: the account's role may not add senders.
                await self.add(account_id, _MADE[channel])
            usable = await self._usable(connection, account_id, channel)
        if not usable:
            raise NotFound("sender", "by default")
        return next((sender for sender in usable if sender.is_default), usable[0])

    async def _usable(self, connection: Connection, account_id: int, channel: Channel) -> list[Sender]:
        found = await store.select_senders(connection, account_id, None)
        return [sender for sender in found if sender.channel is channel.consent]

    async def with_address(self, account_id: int, address: str) -> Sender | None:
        """The sender with this From address, the default one before others; None when there is none."""
        try:
            wanted = normalise_email(address)
        except ValueError:
            return None
        found = [sender for sender in await self.list(account_id) if sender.from_email == wanted]
        return min(found, key=lambda sender: (not sender.is_default, sender.sender_id), default=None)

    async def of_texts(self, account_id: int, channel: Channel, name: str = "") -> Sender:
        """The sender of texts that carries this channel and may use this name; empty: the default one.

        While there is no gateway the dev inbox takes every name that networks would take. Raises Invalid.
        """
        default = await self.default(account_id, channel)
        if default.kind is SenderKind.GROUP and not name:
            return default
        found = [one for one in await self.list(account_id) if one.channel is channel.consent]
        gateways = [one for one in found if one.kind in TEXT_KINDS]
        able = [one for one in gateways if carries(one, channel)]
        if not gateways:
            able = [default]
        if not able:
            raise Invalid("channel", f"no sender for channel {channel.name.lower()}; add one")
        able.sort(key=lambda one: (not one.is_default, one.sender_id))
        if not name:
            return able[0]
        problems: list[Invalid] = []
        for sender in able:
            try:
                own_name(sender, name)
            except Invalid as error:
                problems.append(error)
            else:
                return sender
        raise problems[0]

    async def delete(self, account_id: int, sender_id: int) -> None:
        """Delete a sender, or a group of senders. Raises Conflict while a campaign or a group needs it.

        What lies with a member of a group goes to the others.
        """
        async with self._database.tenant(account_id) as connection:
            await require_others(connection, account_id, sender_id)
            if not await store.delete_sender(connection, account_id, sender_id):
                raise NotFound("sender", sender_id)

    async def test(self, account_id: int, sender_id: int, to: str, inbox: InboxAddress) -> str:
        """Send one plain mail through a sender right now; returns the server's words. Raises Upstream with them."""
        sender = await self.get(account_id, sender_id)
        if sender.kind is SenderKind.GROUP:
            raise Invalid("kind", "is group: try its senders one by one")
        if sender.kind is SenderKind.WEBPUSH:
            raise Invalid("kind", "is webpush, which is tried by sending a template to a contact with a subscription")
        if is_text_sender(sender):
            return await self._test_gateway(sender, to)
        async with self._database.system() as connection:
            active = await store.sender_secret(connection, account_id, sender_id)
        address = _address("to", to)
        now = self._clock.now()
        data = (
            f"From: {sender.from_email}\r\nTo: {address}\r\nSubject: Test of sender {sender.sender_id}\r\n"
            f"Date: {now:%a, %d %b %Y %H:%M:%S} +0000\r\nMIME-Version: 1.0\r\n"
            f"Message-ID: <test.{now.timestamp():.0f}@{sender.from_email.rpartition('@')[2]}>\r\n"
            "Content-Type: text/plain; charset=utf-8\r\n\r\nThis sender works.\r\n"
        ).encode()
        await self._identities.refresh({account_id})
        signer = self._identities.of(sender).signer
        if signer is not None:
            data = signer.sign(data, now) + data
        mail = Mail(key=None, mail_from=sender.from_email, rcpt_to=address, data=data)
        reply = await _send_one(server_of(sender, self.unseal(sender_id, active), inbox), mail, self._clock)
        return f"{reply.code} {reply.text}"

    async def _test_gateway(self, sender: Sender, to: str) -> str:
        """One text right now. Raises Upstream with the gateway's words."""
        if sender.kind is SenderKind.INBOX:
            return "the dev inbox takes texts: see them with `syncom inbox list`"
        try:
            phone = normalise_number(to)
        except ValueError as error:
            raise Invalid("to", str(error)) from None
        async with self._database.system() as connection:
            sealed = await store.sender_secret(connection, sender.account_id, sender.sender_id)
        text = TextParcel(
            key=None,
            channel=Channel.SMS,
            message_id=uuid4(),
            sender=sender_names(sender)[0],
            to=phone,
            text=f"Test of sender {sender.sender_id}: it works.",
            parts=1,
        )
        if sender.config.smpp is not None:
            return await try_bind(
                sender.config.smpp,
                self.unseal(sender.sender_id, sealed),
                text,
                allowed=read_networks(self._outbound_allow),
                timeout=sender.config.timeout,
                clock=self._clock,
            )
        form = sender.config.form
        assert form is not None, "who has no SMSC has a form"
        request = fill(form, text, self.unseal(sender.sender_id, sealed))
        assert request is not None, "every gateway carries SMS"
        client = OutboundClient(self._outbound_allow, repeats=False)
        try:
            outcome, answer = await ask(client, form, request, timeout=sender.config.timeout, clock=self._clock)
        finally:
            await client.close()
        if outcome is not Outcome.ACCEPTED:
            raise Upstream(f"the gateway did not take it: {answer.words}")
        return answer.words

    async def servers(self) -> list[tuple[Sender, str]]:
        """Every sender of the installation with a server of its own, and its password, for the operator's check."""
        async with self._database.system() as connection:
            found = await store.all_senders(connection)
        return [
            (one.sender, self.unseal(one.sender.sender_id, one.secret))
            for one in found
            if one.sender.kind is SenderKind.SMTP
        ]

    def unseal(self, sender_id: int, sealed: bytes | None) -> str:
        """The password of a sender, for the process that logs in with it."""
        if sealed is None:
            return ""
        return self._keyring.unseal(sealed, purpose=_PURPOSE, owner=f"sender:{sender_id}").decode()

    def _seal(self, sender_id: int, password: str) -> bytes:
        return self._keyring.seal(password.encode(), purpose=_PURPOSE, owner=f"sender:{sender_id}")


def server_of(sender: Sender, password: str, inbox: InboxAddress, *, helo_name: str = "localhost") -> SmtpServer:
    """The SMTP server behind a sender."""
    config = sender.config
    if sender.kind is SenderKind.INBOX:
        return SmtpServer(
            host=inbox.host, port=inbox.port, security=inbox.security, max_connections=4, command_timeout=30
        )
    return SmtpServer(
        host=config.host,
        port=config.port,
        security=config.security,
        username=config.username,
        password=password,
        helo_name=helo_name,
        connect_timeout=min(config.timeout, 30),
        command_timeout=config.timeout,
        max_connections=config.max_connections,
        messages_per_connection=config.messages_per_connection,
    )


class _Once:
    """A source with one mail."""

    def __init__(self, mail: Mail, answered: asyncio.Future[tuple[Outcome, Reply]]) -> None:
        self._mail: Mail | None = mail
        self._answered = answered

    def next_parcel(self) -> Mail | None:
        mail, self._mail = self._mail, None
        return mail

    def handing_over(self, mail: Mail, /) -> None:
        """Nothing to journal: a test that is cut off is repeated by hand."""

    def finished(self, mail: Mail, outcome: Outcome, reply: Reply, /) -> None:
        if not self._answered.done():
            self._answered.set_result((outcome, reply))


async def _send_one(server: SmtpServer, mail: Mail, clock: Clock) -> Reply:
    answered: asyncio.Future[tuple[Outcome, Reply]] = asyncio.get_running_loop().create_future()
    pool = SmtpPool(server, _Once(mail, answered), clock=clock)
    pool.start()
    pool.wake()
    try:
        async with asyncio.timeout(server.connect_timeout + 10):
            while not answered.done():
                await asyncio.wait([answered], timeout=0.1)
                trouble = pool.state().last_error
                if trouble is not None and not answered.done():
                    raise Upstream(f"{server.host}:{server.port} refused the connection: {trouble.text}")
    except TimeoutError:
        raise Upstream(f"{server.host}:{server.port} does not answer") from None
    finally:
        await pool.close()
    outcome, reply = answered.result()
    if outcome is not Outcome.ACCEPTED:
        raise Upstream(f"{server.host} answered {reply.code} {reply.text}")
    return reply


def is_text_sender(sender: Sender) -> bool:
    """Whether it sends to phones."""
    return sender.channel is Channel.SMS


def sender_names(sender: Sender) -> tuple[str, ...]:
    """The names a text sender may use, the one it uses by itself first."""
    return _own_names(sender.config) or (sender.from_name,)


def carries(sender: Sender, channel: Channel) -> bool:
    """Whether this text sender carries a channel of phones."""
    form = sender.config.form
    if form is not None:
        return form.call_of(channel) is not None
    return sender.config.smpp is None or channel is Channel.SMS


def own_name(sender: Sender, name: str) -> str:
    """A name this text sender may use, as it is written there. Raises Invalid."""
    name = check_name("from", name)
    names = _own_names(sender.config)
    if not names:
        return name
    own = {one.lower(): one for one in names}
    if name.lower() not in own:
        names = ", ".join(names[:10])
        raise Invalid("from", f"'{name}' is not one of the senders of this account: {names}")
    return own[name.lower()]


def _own_names(config: SenderConfig) -> tuple[str, ...]:
    """Names that were agreed with whoever carries the texts; empty: every one that networks take."""
    form = config.form
    if form is not None:
        return form.names
    return config.smpp.names if config.smpp is not None else ()


def _checked(given: SenderInput) -> dict[str, Any]:
    name = given.name.strip()
    if not name or len(name) > NAME_LIMIT:
        raise Invalid("name", f"must have 1 to {NAME_LIMIT} characters")
    if any(not char.isprintable() for char in given.from_name):
        raise Invalid("from_name", "must not contain control characters")
    if given.kind is SenderKind.GROUP:
        raise Invalid("kind", "is group, which is made of senders that are there: see sender groups")
    config = given.config
    _check_limits(config)
    _check_replies(config.replies)
    _check_price(config.part_price)
    values = {
        "name": name,
        "kind": given.kind.value,
        "channel": Channel.EMAIL.value,
        "from_email": "",
        "from_name": given.from_name.strip(),
        "reply_to": "",
        "config": Jsonb(msgspec.to_builtins(config)),
        "is_default": given.is_default,
    }
    if SenderKind.WEBPUSH is given.kind or given.channel is Channel.WEBPUSH:
        return values | _checked_for_push(given)
    if given.kind in TEXT_KINDS or given.channel is not Channel.EMAIL:
        return values | _checked_for_texts(given)
    _check_no_texts(given)
    if given.kind is SenderKind.SMTP:
        if not config.host:
            raise Invalid("config.host", "must name the SMTP server")
        # The rules of the SMTP client itself, so that a wrong setting is refused here and not while sending.
        SmtpServer(
            host=config.host,
            port=config.port,
            username=config.username,
            max_connections=config.max_connections,
            messages_per_connection=config.messages_per_connection,
            command_timeout=config.timeout,
        )
    return values | {
        "from_email": _address("from_email", given.from_email),
        "reply_to": _address("reply_to", given.reply_to) if given.reply_to else "",
    }


def _checked_for_texts(given: SenderInput) -> dict[str, Any]:
    """What is particular about a sender of texts."""
    if given.kind is SenderKind.INBOX:
        if given.channel is not Channel.SMS:
            raise Invalid("channel", "must be email or sms for the dev inbox")
        return {"channel": Channel.SMS.value, "from_name": check_name("from_name", given.from_name)}
    if given.kind not in TEXT_KINDS:
        raise Invalid("channel", "must be email for a sender of this kind")
    config = given.config
    accounts = {
        SenderKind.GATEWAY: config.gateway,
        SenderKind.TWILIO: config.twilio,
        SenderKind.VONAGE: config.vonage,
        SenderKind.SMPP: config.smpp,
    }
    for kind, account in accounts.items():
        if (account is not None) != (kind is given.kind):
            words = "must describe it" if account is None else "is for senders of this kind"
            raise Invalid(f"config.{kind.value}", words)
    if config.twilio is not None:
        check_twilio(config.twilio)
    if config.vonage is not None:
        check_vonage(config.vonage)
    if config.smpp is not None:
        check_bind(config.smpp)
        check_password(given.password or "")
    if config.form is not None:
        check_form(config.form, f"config.{given.kind.value}")
    return {"channel": Channel.SMS.value, "from_name": _own_names(config)[0]}


def _check_replies(replies: TextReplies) -> None:
    for name in ("brand", "contact", "stop", "help", "start"):
        words: str = getattr(replies, name)
        if len(words) > LONGEST_REPLY or any(not char.isprintable() for char in words):
            raise Invalid(f"config.replies.{name}", f"must be printable, with at most {LONGEST_REPLY} characters")


def _check_price(price: PartPrice | None) -> None:
    if price is None:
        return
    if not price.amount.is_finite() or not 0 <= price.amount <= 1000:
        raise Invalid("config.part_price.amount", "must be 0 to 1000")
    if len(price.currency) != 3 or not price.currency.isascii() or not price.currency.isupper():
        raise Invalid("config.part_price.currency", "must be a code such as EUR")


def _check_no_texts(given: SenderInput) -> None:
    """What is of senders of texts is of no other."""
    for name in ("gateway", "twilio", "vonage", "smpp"):
        if getattr(given.config, name) is not None:
            raise Invalid(f"config.{name}", f"is for senders of the kind {name}")


def _checked_for_push(given: SenderInput) -> dict[str, Any]:
    """What is particular about a sender of web push."""
    if given.kind is not SenderKind.WEBPUSH:
        raise Invalid("kind", "must be webpush for the channel webpush")
    if given.channel not in (Channel.WEBPUSH, Channel.EMAIL):  # EMAIL is what stands there when nobody said
        raise Invalid("channel", "must be webpush for a sender of this kind")
    _check_no_texts(given)
    if given.password:
        raise Invalid("password", "is for other kinds: web push has the account's keys")
    contact = _address("from_email", given.from_email) if given.from_email else ""
    return {"channel": Channel.WEBPUSH.value, "from_email": contact}


def _check_limits(config: SenderConfig) -> None:
    if config.rate_per_second is not None and not 0 < config.rate_per_second <= 100_000:
        raise Invalid("config.rate_per_second", "must be more than 0 and at most 100000")
    if not 1 <= config.max_connections <= 500:
        raise Invalid("config.max_connections", "must be 1 to 500")
    if not 1 <= config.timeout <= 600:
        raise Invalid("config.timeout", "must be 1 to 600 seconds")
    _check_destinations(config.destinations)


def _check_destinations(limits: Sequence[DestinationLimit]) -> None:
    if len(limits) > _MOST_DESTINATIONS:
        raise Invalid("config.destinations", f"has more than {_MOST_DESTINATIONS} limits")
    names: set[str] = set()
    for number, limit in enumerate(limits):
        at = f"config.destinations.{number}"
        if limit.name in names or not _DESTINATION.fullmatch(limit.name):
            raise Invalid(f"{at}.name", "must be gmail, yahoo, microsoft, icloud or a domain in lower case, each once")
        family = families().get(limit.name)
        if family is not None:
            raise Invalid(f"{at}.name", f"belongs to {family}: limit that")
        names.add(limit.name)
        if limit.rate_per_second is not None and not 0.01 <= limit.rate_per_second <= 100_000:
            raise Invalid(f"{at}.rate_per_second", "must be 0.01 to 100000")
        if limit.connections is not None and not 1 <= limit.connections <= 500:
            raise Invalid(f"{at}.connections", "must be 1 to 500")


def _address(field: str, value: str) -> str:
    try:
        return normalise_email(value)
    except ValueError as error:
        raise Invalid(field, str(error)) from None
