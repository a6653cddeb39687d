"""Which channel carries a sender's messages, and how its parts are put together: the list of all channels there are."""

from __future__ import annotations

import socket
from collections.abc import Collection, Mapping
from functools import partial
from typing import Any

from syncom.clock import Clock
from syncom.content.model import AttachedFile, CompiledContent
from syncom.inbox.service import InboxService
from syncom.messages.channels.carrier import Carrier, Outcome, Refusal, Source
from syncom.messages.channels.email.model import Reply
from syncom.messages.channels.email.pool import SmtpPool
from syncom.messages.channels.email.replies import Action, classify, mx_family_of, retry_delay
from syncom.messages.channels.push import pool as push
from syncom.messages.channels.push.browsers import Browsers
from syncom.messages.channels.push.model import PushAnswer
from syncom.messages.channels.push.pool import PushPool
from syncom.messages.channels.push.vapid import contact_of
from syncom.messages.channels.sms.callbacks.addresses import receipts_address
from syncom.messages.channels.sms.gateway import GatewayPool, judge
from syncom.messages.channels.sms.inbox import InboxPool
from syncom.messages.channels.sms.model import GatewayAnswer
from syncom.messages.channels.sms.parts_received import PartsReceived
from syncom.messages.channels.sms.short_links import ShortLinks
from syncom.messages.channels.sms.smpp import statuses
from syncom.messages.channels.sms.smpp.delivered import Deliveries
from syncom.messages.channels.sms.smpp.model import SmppAnswer, SmppBind
from syncom.messages.channels.sms.smpp.pool import SmppPool
from syncom.messages.identity.signing import Identities
from syncom.messages.model import Sender, SenderKind
from syncom.messages.receipts.service import ReceiptsService
from syncom.messages.senders import InboxAddress, is_text_sender, server_of
from syncom.messages.sending.compose import MailComposer
from syncom.messages.sending.push import PushComposer
from syncom.messages.sending.text import TextComposer
from syncom.outbound import OutboundClient, read_networks
from syncom.sites.push_keys import PushKeys
from syncom.tokens import MessageTokens


class Carriers:
    """Opens the carrier of a sender."""

    def __init__(
        self,
        *,
        clock: Clock,
        tokens: MessageTokens,
        base_url: str,
        inbox_address: InboxAddress,
        inbox: InboxService,
        short_links: ShortLinks,
        push_keys: PushKeys,
        browsers: Browsers,
        identities: Identities,
        receipts: ReceiptsService,
        parts_received: PartsReceived,
        operator: str,
        outbound_allow: str = "",
    ) -> None:
        """``operator``: email address of who runs the installation, for push services."""
        self._clock = clock
        self._tokens = tokens
        self._base_url = base_url
        self._inbox_address = inbox_address
        self._inbox = inbox
        self._outbound_allow = outbound_allow
        self._short_links = short_links
        self._push_keys = push_keys
        self._browsers = browsers
        self._receipts = receipts
        self._parts_received = parts_received
        self._operator = operator
        self._identities = identities

    async def prepare(self, account_ids: Collection[int]) -> None:
        """Take up what changed of these accounts' sending domains. Called again and again, and before ``open``."""
        await self._identities.refresh(account_ids)

    def open(self, sender: Sender, secret: str, source: Source[Any, Any], *, listening: bool = False) -> Carrier:
        """The carrier of this sender's messages; ``secret`` is its password, ``source`` is where it pulls from.

        ``listening``: also hear what its peer says without being asked, for as long as it is open.
        """
        if sender.config.smpp is not None:
            return self._smpp_carrier(sender, sender.config.smpp, secret, source, listening=listening)
        if is_text_sender(sender):
            return self._text_carrier(sender, secret, source)
        if sender.kind is SenderKind.WEBPUSH:
            return self._push_carrier(sender, source)
        server = server_of(sender, secret, self._inbox_address, helo_name=_helo_name())
        pool = SmtpPool(server, source, clock=self._clock)
        return MailCarrier(pool, server.host, sender, self._base_url, self._tokens, self._identities, self._clock)

    def _text_carrier(self, sender: Sender, secret: str, source: Source[Any, Any]) -> TextCarrier:
        pool: GatewayPool | InboxPool
        form = sender.config.form
        if sender.kind is SenderKind.INBOX or form is None:
            pool = InboxPool(self._inbox, source, self._short_links, clock=self._clock)
        else:
            client = OutboundClient(
                self._outbound_allow,
                connections=sender.config.max_connections,
                repeats=False,
            )
            pool = GatewayPool(
                form,
                secret,
                source,
                client,
                self._short_links,
                connections=sender.config.max_connections,
                timeout=sender.config.timeout,
                clock=self._clock,
                callback=receipts_address(self._base_url, self._tokens, sender),
            )
        return TextCarrier(pool, sender, self._base_url, self._tokens, self._clock)

    def _smpp_carrier(
        self, sender: Sender, bind: SmppBind, secret: str, source: Source[Any, Any], *, listening: bool
    ) -> SmppCarrier:
        pool = SmppPool(
            bind,
            secret,
            source,
            deliveries=Deliveries(sender.sender_id, bind, self._receipts, self._parts_received),
            short_links=self._short_links,
            allowed=read_networks(self._outbound_allow),
            listening=listening,
            timeout=sender.config.timeout,
            clock=self._clock,
        )
        return SmppCarrier(pool, sender, self._base_url, self._tokens, self._clock)

    def _push_carrier(self, sender: Sender, source: Source[Any, Any]) -> PushCarrier:
        pool = PushPool(
            sender.account_id,
            contact_of(sender.from_email, self._base_url, self._operator),
            source,
            OutboundClient(self._outbound_allow, connections=sender.config.max_connections, repeats=False),
            push_keys=self._push_keys,
            browsers=self._browsers,
            short_links=self._short_links,
            outbound_allow=self._outbound_allow,
            connections=sender.config.max_connections,
            timeout=sender.config.timeout,
            clock=self._clock,
        )
        return PushCarrier(pool, self._base_url, self._tokens, self._clock)


class MailCarrier:
    """Email over SMTP."""

    def __init__(
        self,
        pool: SmtpPool,
        host: str,
        sender: Sender,
        base_url: str,
        tokens: MessageTokens,
        identities: Identities,
        clock: Clock,
    ) -> None:
        self._pool = pool
        self._host = host
        self._sender = sender
        self._identity = partial(identities.of, sender)
        self._base_url = base_url
        self._tokens = tokens
        self._clock = clock
        self.start = pool.start
        self.wake = pool.wake
        self.drain = pool.drain

    def trouble(self) -> str | None:
        state = self._pool.state()
        if state.last_error is not None and state.backing_off_until is not None:
            return state.last_error.text
        return "" if state.connections else None

    def composer(
        self,
        compiled: CompiledContent,
        *,
        content_id: int,
        campaign_id: int,
        custom_fields: Mapping[str, int],
        attachments: tuple[AttachedFile, ...],
    ) -> MailComposer:
        return MailComposer(
            sender=self._sender,
            compiled=compiled,
            content_id=content_id,
            campaign_id=campaign_id,
            custom_fields=custom_fields,
            attachments=attachments,
            base_url=self._base_url,
            tokens=self._tokens,
            identity=self._identity,
            clock=self._clock.now,
        )

    def judge(self, outcome: Outcome, answer: Reply, attempt: int) -> Refusal:
        verdict = classify(answer, mx_family_of(self._host))
        temporary = outcome is Outcome.TRANSIENT or (verdict.try_again and not answer.local)
        return Refusal(
            try_again=temporary,
            delay=retry_delay(attempt, verdict, self._clock),
            of_sender=verdict.action is Action.PAUSE_SENDER and not answer.local,
            of_destination=verdict.action is Action.PAUSE_DESTINATION and not answer.local,
            slows=verdict.action is Action.SLOW_DOWN and not answer.local,
            suppress=verdict.suppress and not temporary,
            reason=verdict.reason,
            bounce_class="" if answer.local else verdict.kind.value,
            strikes=verdict.strikes,
            of_campaign=verdict.action is Action.PAUSE_CAMPAIGN and not answer.local,
            status=answer.enhanced or "",
            server=self._host,
        )


class _HandsCarrier:
    """What carriers by hands have in common (``channels/hands.py``)."""

    def __init__(
        self, pool: GatewayPool | InboxPool | PushPool | SmppPool, base_url: str, tokens: MessageTokens, clock: Clock
    ) -> None:
        self._pool = pool
        self._base_url = base_url
        self._tokens = tokens
        self._clock = clock
        self.wake = pool.wake
        self.drain = pool.drain

    def start(self) -> None:
        """Nothing to do before there is work."""

    def trouble(self) -> str | None:
        return self._pool.trouble


class _TextsCarrier(_HandsCarrier):
    """What carriers of texts have in common."""

    def __init__(
        self,
        pool: GatewayPool | InboxPool | SmppPool,
        sender: Sender,
        base_url: str,
        tokens: MessageTokens,
        clock: Clock,
    ) -> None:
        super().__init__(pool, base_url, tokens, clock)
        self._sender = sender

    def composer(
        self,
        compiled: CompiledContent,
        *,
        content_id: int,
        campaign_id: int,
        custom_fields: Mapping[str, int],
        attachments: tuple[AttachedFile, ...],
    ) -> TextComposer:
        del campaign_id, attachments  # a phone shows neither
        return TextComposer(
            sender=self._sender,
            compiled=compiled,
            content_id=content_id,
            custom_fields=custom_fields,
            base_url=self._base_url,
            tokens=self._tokens,
        )


class TextCarrier(_TextsCarrier):
    """SMS and Viber, through a gateway or into the dev inbox."""

    def judge(self, outcome: Outcome, answer: GatewayAnswer, attempt: int) -> Refusal:
        return judge(outcome, answer, attempt, self._clock)


class SmppCarrier(_TextsCarrier):
    """SMS through the binds at an SMSC."""

    def __init__(self, pool: SmppPool, sender: Sender, base_url: str, tokens: MessageTokens, clock: Clock) -> None:
        super().__init__(pool, sender, base_url, tokens, clock)
        self._start = pool.start

    def start(self) -> None:
        self._start()

    def judge(self, outcome: Outcome, answer: SmppAnswer, attempt: int) -> Refusal:
        return statuses.judge(outcome, answer, attempt, self._clock)


class PushCarrier(_HandsCarrier):
    """Web push, through the services of browsers."""

    def composer(
        self,
        compiled: CompiledContent,
        *,
        content_id: int,
        campaign_id: int,
        custom_fields: Mapping[str, int],
        attachments: tuple[AttachedFile, ...],
    ) -> PushComposer:
        del campaign_id, attachments  # a notification shows neither
        return PushComposer(
            compiled=compiled,
            content_id=content_id,
            custom_fields=custom_fields,
            base_url=self._base_url,
            tokens=self._tokens,
        )

    def judge(self, outcome: Outcome, answer: PushAnswer, attempt: int) -> Refusal:
        return push.judge(outcome, answer, attempt, self._clock)


def _helo_name() -> str:
    """The machine's full name (RFC 5321 4.1.1.1), or an address literal's stand-in where there is none."""
    name = socket.getfqdn()
    return name if "." in name and name.isascii() else "localhost"
