"""Carries texts into the dev inbox: nothing leaves the machine, and what was sent can be looked at."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from email.header import Header
from typing import Any, Final

import psycopg

from syncom.clock import Clock
from syncom.contacts.model import Channel
from syncom.errors import Unavailable
from syncom.inbox.model import ReceivedMail
from syncom.inbox.service import InboxService
from syncom.messages.channels.carrier import Outcome, Source
from syncom.messages.channels.hands import Hands
from syncom.messages.channels.sms.model import GatewayAnswer, TextParcel
from syncom.messages.channels.sms.short_links import ShortLinks

_log = logging.getLogger(__name__)

#: Texts of one transaction.
_BATCH: Final = 100
_STORED: Final = GatewayAnswer(status=0, text="stored in the dev inbox")


class InboxPool:
    """The way into the dev inbox. Use it from one event loop."""

    def __init__(self, inbox: InboxService, source: Source[Any, Any], short_links: ShortLinks, *, clock: Clock) -> None:
        self._inbox = inbox
        self._source = source
        self._short_links = short_links
        self._hands: Hands[TextParcel] = Hands(source, self._carry, count=1, clock=clock)
        self.wake = self._hands.wake

    @property
    def trouble(self) -> str | None:
        return self._hands.trouble

    async def drain(self) -> None:
        """Begin nothing new, store what is in hand."""
        await self._hands.drain()

    async def _carry(self, parcel: TextParcel) -> None:
        """Store this text, and those that are ready with it."""
        parcels = [parcel]
        while len(parcels) < _BATCH and (more := self._source.next_parcel()) is not None:
            parcels.append(more)
        outcome, answer = await self._stored(parcels)
        for one in parcels:
            self._source.finished(one, outcome, answer)

    async def _stored(self, parcels: Sequence[TextParcel]) -> tuple[Outcome, GatewayAnswer]:
        try:
            links = [parcel.link for parcel in parcels if parcel.link is not None]
            await asyncio.gather(*(self._short_links.keep(link) for link in links))
        except (psycopg.Error, Unavailable) as error:
            return self._failed(Outcome.NOT_SENT, error)
        for parcel in parcels:
            self._source.handing_over(parcel)
        try:
            await self._inbox.add([_received(parcel) for parcel in parcels])
        except (psycopg.Error, Unavailable) as error:
            # The commit may have come through.
            return self._failed(Outcome.UNCERTAIN, error)
        self._hands.worked()
        return Outcome.ACCEPTED, _STORED

    def _failed(self, outcome: Outcome, error: Exception) -> tuple[Outcome, GatewayAnswer]:
        _log.warning("the dev inbox cannot store texts: %s", error)
        words = "the dev inbox cannot store texts at the moment"
        self._hands.failed(words)
        return outcome, GatewayAnswer(status=0, text=words, local=True)


def _received(parcel: TextParcel) -> ReceivedMail:
    """As the inbox keeps mails, so that it shows both in the same way. The subject is the text, in one line."""
    return ReceivedMail(
        mail_from=parcel.sender,
        recipient=parcel.to,
        raw=_raw(parcel),
        subject=" ".join(parcel.text.split()),
        message_id=str(parcel.message_id),
        channel=parcel.channel.name.lower(),
    )


def _raw(parcel: TextParcel) -> bytes:
    """A small mail: what else the message has stands in its headers."""
    headers = {
        "From": parcel.sender,
        "To": parcel.to,
        "Message-ID": f"<{parcel.message_id}@{parcel.channel.name.lower()}>",
        "X-Channel": parcel.channel.name.lower(),
        "MIME-Version": "1.0",
        "Content-Type": "text/plain; charset=utf-8",
        "Content-Transfer-Encoding": "8bit",
    }
    if parcel.channel is Channel.SMS:
        headers["X-Parts"] = str(parcel.parts)
    rich = parcel.rich
    if rich is not None:
        more = {
            "X-Image": rich.image,
            "X-Button": rich.caption,
            "X-Action": rich.action,
            "X-TTL-Seconds": str(rich.ttl_seconds or ""),
            "X-iOS-Expiry-Text": rich.ios_text,
        }
        headers |= {name: value for name, value in more.items() if value}
    head = "".join(f"{name}: {_header(value)}\r\n" for name, value in headers.items())
    return f"{head}\r\n{parcel.text}".encode("utf-8", "replace")


def _header(value: str) -> str:
    clean = " ".join(value.split())
    return clean if clean.isascii() else Header(clean, "utf-8", maxlinelen=900).encode()
