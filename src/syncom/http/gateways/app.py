"""What providers of texts post to us, a plain ASGI application.

=======================================  =====================================================================
`POST, GET /gateways/<token>/receipts`   delivery receipts of a sender's texts
`POST, GET /gateways/<token>/texts`      texts that people sent to its numbers
=======================================  =====================================================================

The token names the sender and cannot be guessed; beside it the provider must sign, as Twilio and Vonage do, or know the
sender's callback secret. A token that was not made here, and a sender that is gone, get the same 404; whatever is not
signed gets the same 403. What was taken is durable before the answer; when it cannot be, 503 asks for it again.
"""

from __future__ import annotations

import logging
from typing import Final

import psycopg
from litestar.types import HTTPScope, Receive, Send

from syncom.clock import Clock
from syncom.errors import Invalid, Unavailable
from syncom.http.callbacks import Answer, answer, body_of, headers_of, plain
from syncom.inbound_texts.service import InboundTextsService
from syncom.messages.channels.sms.callbacks.posted import MAX_BODY, Posted
from syncom.messages.channels.sms.callbacks.reading import (
    ReceivedText,
    read_receipts,
    read_texts,
    read_twilio_receipt,
    read_twilio_text,
    read_vonage_receipt,
    read_vonage_text,
)
from syncom.messages.channels.sms.callbacks.signatures import is_of_gateway, is_of_twilio, is_of_vonage
from syncom.messages.channels.sms.form import CallbackForm
from syncom.messages.channels.sms.inbound import InboundPart
from syncom.messages.channels.sms.parts_received import PartsReceived
from syncom.messages.receipts.model import Receipt
from syncom.messages.receipts.service import ReceiptsService
from syncom.messages.senders import CallbackSender, SendersService
from syncom.tokens import MessageTokens

_log = logging.getLogger(__name__)

_LONGEST_TOKEN: Final = 100
_RECEIPTS: Final = "receipts"
_TEXTS: Final = "texts"
#: Twilio reads the answer to a text as instructions; these are none.
_TWIML: Final = b'<?xml version="1.0" encoding="UTF-8"?><Response></Response>'


class GatewaysApp:
    """The ASGI application for every path that begins with `/gateways/`."""

    def __init__(
        self,
        tokens: MessageTokens,
        senders: SendersService,
        receipts: ReceiptsService,
        texts: InboundTextsService,
        parts: PartsReceived,
        clock: Clock,
        *,
        base_url: str,
    ) -> None:
        self._tokens = tokens
        self._senders = senders
        self._receipts = receipts
        self._texts = texts
        self._parts = parts
        self._clock = clock
        self._base_url = base_url

    async def __call__(self, scope: HTTPScope, receive: Receive, send: Send) -> None:
        await answer(send, await self._answer(scope, receive), allow=b"GET, POST")

    async def _answer(self, scope: HTTPScope, receive: Receive) -> Answer:
        path: str = scope["path"]
        pieces = path.split("/")
        if len(pieces) != 4 or pieces[3] not in (_RECEIPTS, _TEXTS) or len(pieces[2]) > _LONGEST_TOKEN:
            return plain(404, "There is no such address.")
        sender_id = self._tokens.read_gateway(pieces[2])
        if sender_id is None:
            return plain(404, "There is no such address.")
        if scope["method"] not in ("GET", "POST"):
            return plain(405, "GET and POST only.")
        body = await body_of(receive, MAX_BODY)
        if isinstance(body, tuple):
            return body
        try:
            sender = await self._senders.for_callbacks(sender_id)
            if sender is None:
                return plain(404, "There is no such address.")
            return await self._take(sender, self._posted(scope, path, body), pieces[3])
        except Invalid as error:
            return plain(400, error.message)
        except (Unavailable, psycopg.Error) as error:
            _log.warning("what the provider of sender %s posted waits for the database: %s", sender_id, error)
            return plain(503, "Try again later.")

    def _posted(self, scope: HTTPScope, path: str, body: bytes) -> Posted:
        query: bytes = scope.get("query_string", b"")
        url = self._base_url + path + (f"?{query.decode('latin-1')}" if query else "")
        return Posted(method=scope["method"], url=url, headers=headers_of(scope), body=body)

    async def _take(self, sender: CallbackSender, posted: Posted, what: str) -> Answer:
        if not _is_genuine(sender, posted, self._clock):
            return plain(403, "The signature is missing or wrong.")
        if what == _RECEIPTS:
            for receipt in _receipts(sender, posted):
                await self._receipts.receive(receipt)
            return plain(200, "")
        for text in _texts(sender, posted):
            await self._take_text(sender.sender.sender_id, text)
        return (200, b"text/xml; charset=utf-8", _TWIML) if sender.sender.config.twilio else plain(200, "")

    async def _take_text(self, sender_id: int, text: ReceivedText) -> None:
        at = text.at or self._clock.now()
        said = (sender_id, text.from_, text.to, text.text, at, text.peer_id)
        if text.joined is None:
            await self._texts.receive(*said, answered=text.answered)
        else:
            part = InboundPart(
                sender_id=sender_id,
                from_=text.from_,
                to=text.to,
                octets=text.text.encode("utf-8", "replace"),
                codec="utf-8",
                reference=text.joined.reference,
                number=text.joined.part,
                total=text.joined.total,
                peer_id=text.peer_id,
                at=at,
            )
            await self._parts.receive(part)


def _is_genuine(sender: CallbackSender, posted: Posted, clock: Clock) -> bool:
    config = sender.sender.config
    if config.twilio is not None:
        # The auth token signs; with an API key it is not the password and was given as the callback secret.
        token = sender.callback_secret if config.twilio.api_key else sender.secret
        return is_of_twilio(posted, token, sender.callback_secret)
    if config.vonage is not None:
        account = config.vonage
        return is_of_vonage(posted, sender.callback_secret, account.signature_method, account.api_key, clock.now())
    if config.gateway is not None and config.gateway.callbacks is not None:
        return is_of_gateway(posted, config.gateway.callbacks, sender.callback_secret)
    return False


def _receipts(sender: CallbackSender, posted: Posted) -> list[Receipt]:
    config, sender_id = sender.sender.config, sender.sender.sender_id
    if config.twilio is not None:
        return read_twilio_receipt(sender_id, posted)
    if config.vonage is not None:
        return read_vonage_receipt(sender_id, posted)
    return read_receipts(sender_id, posted, _described(sender))


def _texts(sender: CallbackSender, posted: Posted) -> list[ReceivedText]:
    config = sender.sender.config
    if config.twilio is not None:
        return read_twilio_text(posted)
    if config.vonage is not None:
        return read_vonage_text(posted)
    return read_texts(posted, _described(sender))


def _described(sender: CallbackSender) -> CallbackForm:
    gateway = sender.sender.config.gateway
    assert gateway is not None, "only genuine requests are read"
    assert gateway.callbacks is not None, "only genuine requests are read"
    return gateway.callbacks
