"""Use cases of texts that people send: kept, obeyed, answered, and told of as events ``smsReceived``.

STOP withdraws the consent to texts at once, with the text as its proof; START gives back what STOP took and nothing
else; HELP is answered with the brand and whom to ask. See ``docs/sms.md``.
"""

from __future__ import annotations

import logging
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

import msgspec

from syncom.activity.model import ActivityKind
from syncom.activity.service import ActivityService
from syncom.clock import Clock
from syncom.contacts.consents import OPTED_OUT, UNSUBSCRIBED, set_consents, suppress
from syncom.contacts.model import Channel, ConsentChange, SubscriptionState, Suppression
from syncom.contacts.service import hold_contacts
from syncom.content.model import TemplateInput
from syncom.content.service import ContentService
from syncom.errors import Invalid, NotFound
from syncom.events.model import EventInput
from syncom.events.service import EventsService
from syncom.ids import single_message_id
from syncom.inbound_texts import store
from syncom.inbound_texts.answers import answer_to
from syncom.inbound_texts.keywords import Asked, Keyword, read_keyword
from syncom.inbound_texts.model import InboundFilter, InboundText
from syncom.messages.model import Sender
from syncom.messages.routes import normalise_number
from syncom.messages.senders import SendersService
from syncom.messages.service import MessagesService
from syncom.postgres.pool import Connection, Database

_log = logging.getLogger(__name__)

#: The type of the events.
SMS_RECEIVED: Final = "smsReceived"
#: Where decisions of texts come from, in the consent history.
SOURCE: Final = "sms"
#: How the detail of a number's suppression begins when a STOP made it.
_STOPPED: Final = "STOP"
#: Characters of a text that are kept: ten joined parts and more.
_LONGEST_TEXT: Final = 2_000
#: Of the text that is the proof of a decision.
_LONGEST_PROOF: Final = 500
_LONGEST_NAME: Final = 40
_LONGEST_ID: Final = 255
#: HELP of one number is answered once in this time, so that two machines do not talk to each other for ever.
_HELP_EVERY: Final = timedelta(hours=1)
#: A STOP is counted for the text that came before it, when that is not older.
_LED_TO_STOP: Final = timedelta(days=30)
_FORGOTTEN_AT_ONCE: Final = 5_000
_LONGEST_PAGE: Final = 1_000


class _Acted(msgspec.Struct, frozen=True, kw_only=True):
    """What a keyword did."""

    is_answered: bool = False
    #: Whose subscription ended by it.
    unsubscribed: bool = False


class InboundTextsService:
    """Texts that people send to the numbers of an account's senders. Takes them as ``TextsReceived``."""

    def __init__(
        self,
        database: Database,
        content: ContentService,
        events: EventsService,
        senders: SendersService,
        messages: MessagesService,
        activity: ActivityService,
        clock: Clock,
        *,
        keep_days: int,
    ) -> None:
        self._database = database
        self._content = content
        self._events = events
        self._senders = senders
        self._messages = messages
        self._activity = activity
        self._clock = clock
        self._keep = timedelta(days=keep_days)

    # ------------------------------------------------------------ taking

    async def receive(
        self, sender_id: int, from_: str, to: str, text: str, at: datetime, peer_id: str, *, answered: bool = False
    ) -> None:
        """Take one text; durable on return, and the same one (by the peer's id) again changes nothing.

        ``answered``: the provider has answered a keyword itself. A text for a sender that is gone is dropped. Raises
        Unavailable when the database does not answer: the peer is to bring it again.
        """
        sender = await self._senders.find(sender_id)
        if sender is None:
            _log.warning("a text came for sender %s, which is gone", sender_id)
            return
        taken = _taken(sender_id, from_, to, text, at, peer_id, self._clock.now())
        asked = read_keyword(taken.text) if taken.phone.startswith("+") else None
        taken = msgspec.structs.replace(taken, keyword=asked.keyword.value if asked else "")
        # Made before the transaction: the same words are one content for ever.
        answer = None if asked is None or answered else await self._answer(sender, asked, taken.phone)
        async with self._database.tenant(sender.account_id) as connection:
            unsubscribed = await self._take(connection, sender, taken, asked, answer)
        if unsubscribed is not None:
            await self._activity.report(
                sender.account_id,
                unsubscribed,
                ActivityKind.UNSUBSCRIBED,
                occurred_at=taken.received_at,
                detail="STOP by text",
            )

    async def _take(
        self,
        connection: Connection,
        sender: Sender,
        text: InboundText,
        asked: Asked | None,
        answer: int | None,
    ) -> UUID | None:
        """Write everything that follows from a text; returns the message whose reader left because of it."""
        account_id = sender.account_id
        await store.lock_number(connection, account_id, text.phone)
        if text.peer_id and not await store.claim_id(
            connection, account_id, sender.sender_id, text.peer_id, text.received_at
        ):
            return None
        await hold_contacts(connection, (account_id,))
        owner = await store.find_contact(connection, account_id, text.phone)
        acted = _Acted()
        if asked is not None:
            acted = await self._obey(connection, sender, text, asked, owner, answer)
        contact_id = owner.contact_id if owner else None
        text = msgspec.structs.replace(
            text,
            contact_id=contact_id,
            inbound_text_id=single_message_id(contact_id or 0),
            is_answered=acted.is_answered,
        )
        await store.insert(connection, account_id, text)
        await self._tell(connection, account_id, text)
        if owner is None or not acted.unsubscribed:
            return None
        since = text.received_at - _LED_TO_STOP
        return await store.last_text(connection, account_id, owner.contact_id, sender.sender_id, since)

    async def _obey(
        self,
        connection: Connection,
        sender: Sender,
        text: InboundText,
        asked: Asked,
        owner: store.Owner | None,
        answer: int | None,
    ) -> _Acted:
        unsubscribed = False
        if asked.keyword is Keyword.STOP:
            is_new = await self._stop(connection, sender.account_id, text, owner)
            unsubscribed = is_new
        elif asked.keyword is Keyword.START:
            is_new = await self._start(connection, sender.account_id, text, owner)
        else:
            since = text.received_at - _HELP_EVERY
            is_new = not await store.answered_since(
                connection, sender.account_id, text.phone, asked.keyword.value, since
            )
        if not is_new or owner is None or answer is None:
            return _Acted(unsubscribed=unsubscribed)
        await self._messages.queue_answer(
            connection, sender, owner.contact_id, text.phone, answer, from_name=text.recipient
        )
        return _Acted(is_answered=True, unsubscribed=unsubscribed)

    async def _stop(
        self, connection: Connection, account_id: int, text: InboundText, owner: store.Owner | None
    ) -> bool:
        """Nothing but what was asked for goes to this number any more; says whether that is new."""
        if owner is not None:
            detail = _proof(text) | {"before": owner.state.name.lower()}
            change = _change(account_id, owner.contact_id, SubscriptionState.UNSUBSCRIBED, text, detail)
            return any(await set_consents(connection, [change]))
        if await store.suppression(connection, account_id, text.phone) is not None:
            return False
        row = Suppression(
            account_id=account_id,
            channel=Channel.SMS,
            address=text.phone,
            reason=UNSUBSCRIBED,
            detail=f"{_STOPPED} to sender {text.sender_id}: {text.text}",
            source=SOURCE,
        )
        await suppress(connection, [row])
        return True

    async def _start(
        self, connection: Connection, account_id: int, text: InboundText, owner: store.Owner | None
    ) -> bool:
        """Undo what a STOP of this number did; says whether it had done anything."""
        lifted = False
        found = await store.suppression(connection, account_id, text.phone)
        if found is not None and _is_of_stop(*found):
            lifted = await store.lift(connection, account_id, text.phone, found[0])
        if owner is None or owner.state is not SubscriptionState.UNSUBSCRIBED:
            return lifted
        last = await store.last_decision(connection, account_id, owner.contact_id)
        if last is None or last.source != SOURCE or last.proof.get("keyword") != Keyword.STOP.value:
            # Somebody, or something, else ended it: a text does not open that again.
            return lifted
        before = _state_named(last.proof.get("before"))
        change = _change(account_id, owner.contact_id, before, text, _proof(text))
        return any(await set_consents(connection, [change])) or lifted

    async def _answer(self, sender: Sender, asked: Asked, phone: str) -> int | None:
        """The content of what is answered, in the language of who has the number; None: nothing is answered."""
        async with self._database.tenant(sender.account_id) as connection:
            owner = await store.find_contact(connection, sender.account_id, phone)
        # Only whom we may have written to is answered: strangers could make us write to anybody.
        words = answer_to(asked, sender, owner.language) if owner is not None else ""
        return await self._content_of(sender, words) if words else None

    async def _content_of(self, sender: Sender, words: str) -> int:
        template = TemplateInput(name=words[:80], subject="", source=words, channel=Channel.SMS)
        return await self._content.made_for_send(sender.account_id, template, track_links=False)

    async def _tell(self, connection: Connection, account_id: int, text: InboundText) -> None:
        """Record the event. A type whose parameters an account has narrowed may refuse it: the text stays."""
        event = EventInput(
            type_key=SMS_RECEIVED,
            key=text.phone[:_LONGEST_ID],
            params={
                "inboundTextId": str(text.inbound_text_id),
                "phone": text.phone,
                "to": text.recipient,
                "text": text.text,
                "keyword": text.keyword,
                "senderId": text.sender_id,
            },
            contact_id=text.contact_id,
        )
        try:
            async with connection.transaction():
                await self._events.write(connection, account_id, [event])
        except (Invalid, NotFound) as error:
            _log.warning("account %s: no event for a text: %s", account_id, error.message)

    # ------------------------------------------------------------ reading

    async def list(
        self, account_id: int, wanted: InboundFilter, *, before: UUID | None = None, limit: int = 100
    ) -> list[InboundText]:
        """Texts, newest first, those before the id of the last one of the page before. Raises Invalid."""
        phone = wanted.phone
        if phone:
            try:
                phone = normalise_number(phone)
            except ValueError as error:
                raise Invalid("phone", str(error)) from None
        if wanted.keyword and wanted.keyword not in [keyword.value for keyword in Keyword]:
            raise Invalid("keyword", "must be stop, help or start")
        wanted = msgspec.structs.replace(wanted, phone=phone)
        async with self._database.tenant(account_id) as connection:
            return await store.page(
                connection, account_id, wanted, before=before, limit=max(1, min(limit, _LONGEST_PAGE + 1))
            )

    async def get(self, account_id: int, inbound_text_id: UUID) -> InboundText:
        """One text. Raises NotFound."""
        async with self._database.tenant(account_id) as connection:
            found = await store.get(connection, account_id, inbound_text_id)
        if found is None:
            raise NotFound("inbound text", str(inbound_text_id))
        return found

    async def forget(self) -> None:
        """Delete texts that were kept long enough. The proof of a decision stays in the consent history."""
        before = self._clock.now() - self._keep
        for forget in (store.forget, store.forget_ids):
            gone = _FORGOTTEN_AT_ONCE
            while gone == _FORGOTTEN_AT_ONCE:
                async with self._database.system() as connection:
                    gone = await forget(connection, before, _FORGOTTEN_AT_ONCE)


def _taken(sender_id: int, from_: str, to: str, text: str, at: datetime, peer_id: str, now: datetime) -> InboundText:
    """What came, bounded and without what a database refuses; its contact and id are not known yet."""
    return InboundText(
        inbound_text_id=single_message_id(0),
        contact_id=None,
        sender_id=sender_id,
        phone=_number(from_),
        recipient=_line(to, _LONGEST_NAME),
        text=_text(text).strip(),
        keyword="",
        is_answered=False,
        peer_id=_line(peer_id, _LONGEST_ID),
        # A gateway's clock is believed in the past only.
        sent_at=min(at, now),
        received_at=now,
    )


def _number(from_: str) -> str:
    """E.164; a short code or a name stays as it is."""
    try:
        return normalise_number(from_)
    except ValueError:
        return _line(from_, _LONGEST_NAME).lstrip("+")


def _is_of_stop(reason: str, detail: str) -> bool:
    """Whether a STOP, here or at the provider, suppressed a number."""
    return reason == OPTED_OUT or (reason == UNSUBSCRIBED and detail.startswith(_STOPPED))


def _text(text: str) -> str:
    return "".join(char for char in text[:_LONGEST_TEXT] if char.isprintable() or char in "\n\t")


def _line(text: str, limit: int) -> str:
    return "".join(char if char.isprintable() else " " for char in text[:limit]).strip()


def _proof(text: InboundText) -> dict[str, Any]:
    """What shows later that the person said it."""
    return {
        "keyword": text.keyword,
        "text": text.text[:_LONGEST_PROOF],
        "from": text.phone,
        "to": text.recipient,
        "sender_id": text.sender_id,
        "peer_id": text.peer_id,
        "sent_at": text.sent_at.isoformat(),
    }


def _change(
    account_id: int, contact_id: int, state: SubscriptionState, text: InboundText, detail: dict[str, Any]
) -> ConsentChange:
    return ConsentChange(
        account_id=account_id,
        contact_id=contact_id,
        channel=Channel.SMS,
        state=state,
        source=SOURCE,
        detail=detail,
        occurred_at=text.received_at,
    )


def _state_named(name: object) -> SubscriptionState:
    """The state that a STOP ended; subscribed when it is not known: the person has just asked for texts."""
    known = {state.name.lower(): state for state in (SubscriptionState.NONE, SubscriptionState.UNCONFIRMED)}
    return known.get(str(name), SubscriptionState.SUBSCRIBED)
