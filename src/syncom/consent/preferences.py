"""The preference centre: what a contact gets, and its choice, with the proof of it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, Final

import msgspec

from syncom.activity.service import ActivityService
from syncom.clock import Clock
from syncom.consent.model import ChannelChoice, Preferences, PreferencesChoice, TopicChoice, Witness
from syncom.contacts.model import CONSENT_CHANNELS, Channel, ConsentChange, Contact, SubscriptionState
from syncom.contacts.proofs import keep_text
from syncom.contacts.service import ContactsService, set_consents
from syncom.errors import Invalid, NotFound
from syncom.ids import bucket_of
from syncom.postgres.pool import Connection, Database
from syncom.postgres.sql import load_sql

_SQL = load_sql("syncom.consent", "consent.sql")
#: Days of a break that may be chosen, and what the page offers.
_LONGEST_PAUSE: Final = 365
PAUSES: Final = (7, 30, 90)
_STATES: Final = {"email": "email_state", "sms": "sms_state", "webpush": "push_state"}


class PreferencesService:
    """Reads and writes what contacts want."""

    def __init__(self, database: Database, contacts: ContactsService, activity: ActivityService, clock: Clock) -> None:
        self._database = database
        self._contacts = contacts
        self._activity = activity
        self._clock = clock

    async def of(self, account_id: int, contact_id: int) -> Preferences:
        """What a contact, or the one it was merged into, gets now. Raises NotFound."""
        contact = await self._contact(account_id, contact_id)
        choices = await self._contacts.categories.choices(account_id, contact.contact_id)
        async with self._database.tenant(account_id) as connection:
            paused_until = await self._paused_until(connection, account_id, contact)
        return Preferences(
            contact_id=contact.contact_id,
            address=hidden(contact.email or contact.phone or ""),
            language=contact.language,
            channels=tuple(
                ChannelChoice(
                    channel=name, wanted=state in (SubscriptionState.SUBSCRIBED, SubscriptionState.UNCONFIRMED)
                )
                for name, state in _states(contact).items()
            ),
            topics=tuple(
                TopicChoice(
                    category_id=one.category.category_id,
                    key=one.category.key,
                    name=one.category.name,
                    wanted=one.wanted,
                )
                for one in choices
            ),
            paused_until=paused_until,
        )

    async def choose(
        self, account_id: int, contact_id: int, choice: PreferencesChoice, witness: Witness
    ) -> Preferences:
        """Write a choice; what it does not name, and what is so already, stays. Raises NotFound, Invalid.

        A channel that was never confirmed is not confirmed by this: who sees the page has an old mail, no more.
        """
        before = await self.of(account_id, contact_id)
        contact = await self._contact(account_id, before.contact_id)
        if choice.pause_days is not None and not 0 <= choice.pause_days <= _LONGEST_PAUSE:
            raise Invalid("pause_days", f"must be 0 to {_LONGEST_PAUSE}")
        async with self._database.system() as connection:
            unconfirmed = await self._unconfirmed(connection, account_id, contact)
            changes = [
                *self._channels(account_id, contact, choice, unconfirmed),
                *self._topics(account_id, before, choice),
            ]
            text_hash = await keep_text(connection, account_id, witness.language, witness.text) if witness.text else ""
            detail = witness.detail(text_hash)
            if choice.pause_days is not None:
                changes += await self._pause(connection, account_id, contact, choice.pause_days, changes)
            await set_consents(connection, [_proved(change, witness, detail) for change in changes])
            again = [
                change.channel
                for change in changes
                if not change.category_id and change.state is not SubscriptionState.UNSUBSCRIBED
            ]
            if Channel.EMAIL in again and contact.email:
                await self._contacts.consents.lift(connection, account_id, Channel.EMAIL, [contact.email])
            if Channel.SMS in again and contact.phone:
                await self._contacts.consents.lift(connection, account_id, Channel.SMS, [contact.phone])
        if changes:
            await self._activity.subscription_changed(account_id, contact.contact_id, source=witness.source)
        return await self.of(account_id, contact.contact_id)

    async def leave(self, account_id: int, contact_id: int, witness: Witness) -> Preferences:
        """No more messages over any channel. Raises NotFound."""
        return await self.choose(account_id, contact_id, PreferencesChoice(channels=frozenset()), witness)

    # ------------------------------------------------------------ steps

    async def _contact(self, account_id: int, contact_id: int) -> Contact:
        contact = await self._contacts.current(account_id, contact_id)
        if contact is None:
            raise NotFound("contact", contact_id)
        return contact

    async def _paused_until(self, connection: Connection, account_id: int, contact: Contact) -> datetime | None:
        if not contact.email:
            return None
        values = {"account_id": account_id, "address": contact.email, "now": self._clock.now()}
        row = await (await connection.execute(_SQL["paused_until"], values)).fetchone()
        return row[0] if row else None

    async def _unconfirmed(self, connection: Connection, account_id: int, contact: Contact) -> set[Channel]:
        """The channels that were not confirmed when the contact last had not unsubscribed from them."""
        values = {"account_id": account_id, "bucket": bucket_of(contact.contact_id), "contact_id": contact.contact_id}
        rows = await (await connection.execute(_SQL["states_before"], values)).fetchall()
        return {Channel(channel) for channel, state in rows if state == SubscriptionState.UNCONFIRMED}

    def _channels(
        self, account_id: int, contact: Contact, choice: PreferencesChoice, unconfirmed: set[Channel]
    ) -> list[ConsentChange]:
        if choice.channels is None:
            return []
        changes: list[ConsentChange] = []
        for name, state in _states(contact).items():
            wanted = name in choice.channels
            if wanted and state is SubscriptionState.UNSUBSCRIBED:
                change = self._change(account_id, contact.contact_id, _CHANNELS[name], wanted=True)
                # Leaving and coming back confirms nothing.
                if change.channel in unconfirmed:
                    change = msgspec.structs.replace(change, state=SubscriptionState.UNCONFIRMED)
                changes.append(change)
            elif not wanted and state is not SubscriptionState.UNSUBSCRIBED:
                changes.append(self._change(account_id, contact.contact_id, _CHANNELS[name], wanted=False))
        return changes

    def _topics(self, account_id: int, before: Preferences, choice: PreferencesChoice) -> list[ConsentChange]:
        if choice.topics is None:
            return []
        return [
            self._change(
                account_id,
                before.contact_id,
                Channel.EMAIL,
                wanted=topic.category_id in choice.topics,
                category_id=topic.category_id,
            )
            for topic in before.topics
            if topic.wanted != (topic.category_id in choice.topics)
        ]

    async def _pause(
        self, connection: Connection, account_id: int, contact: Contact, days: int, others: Sequence[ConsentChange]
    ) -> list[ConsentChange]:
        """Make or end a break of the mails; it is in the history as well, with the state that ``others`` lead to."""
        values: dict[str, Any] = {
            "account_id": account_id,
            "bucket": bucket_of(contact.contact_id),
            "contact_id": contact.contact_id,
        }
        held = await (await connection.execute(_SQL["lock_contact"], values)).fetchone()
        if held is None or not contact.email:
            return []
        decided = [change.state for change in others if change.channel is Channel.EMAIL and not change.category_id]
        now = self._clock.now()
        values |= {"address": contact.email, "until": now + timedelta(days=days)}
        paused_until = await self._paused_until(connection, account_id, contact)
        if days == 0 and paused_until is None:
            return []
        await connection.execute(_SQL["pause" if days else "end_pause"], values)
        until = values["until"].isoformat() if days else ""
        return [
            ConsentChange(
                account_id=account_id,
                contact_id=contact.contact_id,
                channel=Channel.EMAIL,
                state=decided[0] if decided else SubscriptionState(held[1]),
                source="",
                detail={"action": "paused" if days else "pause ended", "paused_until": until},
                occurred_at=now,
                always=True,
            )
        ]

    def _change(
        self, account_id: int, contact_id: int, channel: Channel, *, wanted: bool, category_id: int = 0
    ) -> ConsentChange:
        return ConsentChange(
            account_id=account_id,
            contact_id=contact_id,
            channel=channel,
            state=SubscriptionState.SUBSCRIBED if wanted else SubscriptionState.UNSUBSCRIBED,
            source="",
            occurred_at=self._clock.now(),
            category_id=category_id,
        )


_CHANNELS: Final = {channel.name.lower(): channel for channel in CONSENT_CHANNELS}


def _proved(change: ConsentChange, witness: Witness, detail: dict[str, Any]) -> ConsentChange:
    return msgspec.structs.replace(change, source=witness.source, detail={**detail, **change.detail})


def _states(contact: Contact) -> dict[str, SubscriptionState]:
    """The channels a contact has an address for, or was ever asked about."""
    has = {"email": bool(contact.email), "sms": bool(contact.phone), "webpush": False}
    return {
        name: state
        for name, member in _STATES.items()
        if (state := getattr(contact, member)) is not SubscriptionState.NONE or has[name]
    }


def hidden(address: str) -> str:
    """An address that its owner recognises and nobody else reads: ``an…@example.com``, ``+380…67``."""
    name, mark, domain = address.partition("@")
    if mark:
        return f"{name[:2]}…@{domain}"
    return f"{address[:4]}…{address[-2:]}" if len(address) > 6 else "…"
