"""Double opt-in: who asks for messages confirms by a mail that the address is theirs; both are kept as proof.

>>> request = await optins.request(account_id, contact_id, Witness(source="form", ip="192.0.2.1"), Wish())
>>> confirmation = await optins.look(token)        # the page of the mail's link: changes nothing
>>> confirmation = await optins.confirm(token, Witness(source="page", ip="192.0.2.1"))

Scanners follow every link, so only :meth:`OptIns.confirm`, behind a button, subscribes anybody.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID, uuid4

import msgspec
from psycopg.types.json import Jsonb

from syncom.activity.service import ActivityService
from syncom.clock import Clock
from syncom.consent.languages import chosen
from syncom.consent.mail import CONFIRM_URL, confirmation_template
from syncom.consent.model import Asked, Confirmation, Request, Standing, Wish, Witness
from syncom.contacts.categories import add_categories
from syncom.contacts.model import Channel, ConsentChange, Contact, SubscriptionState
from syncom.contacts.proofs import keep_text
from syncom.contacts.service import ContactsService, set_consents
from syncom.content.service import ContentService
from syncom.errors import Conflict, Invalid, NotFound, RateLimited, SyncomError
from syncom.ids import bucket_of, bucket_of_message
from syncom.messages.batch import BatchRecipient, BatchSend
from syncom.messages.service import MessagesService
from syncom.pacing import household
from syncom.postgres.columns import numbers
from syncom.postgres.pool import Connection, Database
from syncom.postgres.sql import load_sql
from syncom.security import Keyring
from syncom.sites.service import SitesService

_SQL = load_sql("syncom.consent", "consent.sql")
#: How long the link of the mail works. Its text says so.
LIFE: Final = timedelta(days=7)
#: After its end a request is kept for so long, so that the page can say that it is too old.
_KEPT: Final = timedelta(days=30)
#: Mails to one contact: none so soon after the last one, and so many a day.
_REST: Final = timedelta(minutes=5)
_DAILY: Final = 4
#: Requests from one IP address (of IPv6: one network) in an hour: families and offices share one.
_HOURLY_OF_IP: Final = 30
#: account, contact, confirmation
_TOKEN: Final = struct.Struct(">IQ16s")
_LONGEST_TOKEN: Final = 200
#: Contacts of one call of :meth:`OptIns.request_many`.
_MANY: Final = 1_000


class _Stored(msgspec.Struct, frozen=True, kw_only=True):
    """What a request keeps beside its proof."""

    categories: tuple[str, ...] = ()
    list_ids: tuple[int, ...] = ()
    detail: dict[str, Any] = {}
    redirect_url: str = ""
    #: The visitor of a site who asked, by the number in its script's cookie.
    visitor: str = ""


class _Row(msgspec.Struct, frozen=True, kw_only=True):
    """A stored request."""

    account_id: int
    contact_id: int
    confirmation_id: UUID
    address: str
    language: str
    request: _Stored
    requested_at: datetime
    expires_at: datetime
    confirmed_at: datetime | None
    message_id: UUID | None


class OptIns:
    """Requests to subscribe, and their confirmations."""

    def __init__(
        self,
        database: Database,
        contacts: ContactsService,
        content: ContentService,
        messages: MessagesService,
        activity: ActivityService,
        sites: SitesService,
        keyring: Keyring,
        clock: Clock,
        *,
        base_url: str,
    ) -> None:
        self._database = database
        self._contacts = contacts
        self._content = content
        self._messages = messages
        self._activity = activity
        self._sites = sites
        self._clock = clock
        self._base = base_url.rstrip("/")
        self._signer = keyring.signer("confirm subscription")

    # ------------------------------------------------------------ asking

    async def request(
        self,
        account_id: int,
        contact_id: int,
        witness: Witness,
        wish: Wish,
        *,
        redirect_url: str = "",
        visitor: str = "",
    ) -> Request:
        """Ask a contact's email address to confirm; the wish is in the history, its fulfilment waits for the answer.

        ``visitor`` is the one of a site who asks: known as this contact once the address is confirmed.

        Repeating it is harmless: no address gets more than one mail in five minutes and four a day. Raises NotFound;
        Invalid for a contact without an email address; RateLimited for an IP address that asks too often.
        """
        contact = await self._contacts.get(account_id, contact_id)
        if not contact.email:
            raise Invalid("contact_id", "this contact has no email address to ask")
        language = chosen(wish.language, contact.language)
        template_id = wish.template_id or await confirmation_template(self._database, self._content, account_id)
        confirmation_id = uuid4()
        async with self._database.system() as connection:
            outcome = await self._take(
                connection, account_id, contact, confirmation_id, witness, wish, language, redirect_url, visitor
            )
        if outcome is not Asked.MAILED:
            return Request(outcome=outcome)
        token = self._signer.sign(_TOKEN.pack(account_id, contact_id, confirmation_id.bytes))
        key = _key(account_id, contact_id, confirmation_id)
        try:
            message_id = await self._mail(account_id, contact, template_id, language, f"{self._base}/t/k/{token}")
        except SyncomError:
            # The next try must not be told that a mail is on its way.
            async with self._database.system() as connection:
                await connection.execute(_SQL["drop_confirmation"], key)
            raise
        async with self._database.system() as connection:
            await connection.execute(_SQL["mailed"], key | {"message_id": message_id})
        return Request(outcome=outcome, confirmation_id=confirmation_id, message_id=message_id)

    async def request_many(
        self, account_id: int, contact_ids: Sequence[int], witness: Witness, wish: Wish
    ) -> dict[Asked, int]:
        """The same for contacts that are not confirmed yet, such as those of an import; how many by outcome.

        At most 1,000; who is subscribed, unsubscribed, gone or without an address is passed over.
        """
        if len(contact_ids) > _MANY:
            raise Invalid("contact_ids", f"has more than {_MANY:,} entries")
        done = dict.fromkeys(Asked, 0)
        for contact in await self._contacts.get_many(account_id, contact_ids):
            if contact.email and contact.email_state is SubscriptionState.UNCONFIRMED:
                request = await self.request(account_id, contact.contact_id, witness, wish)
                done[request.outcome] += 1
        return done

    async def _take(
        self,
        connection: Connection,
        account_id: int,
        contact: Contact,
        confirmation_id: UUID,
        witness: Witness,
        wish: Wish,
        language: str,
        redirect_url: str,
        visitor: str,
    ) -> Asked:
        """Write the wish down, unless no mail is to be sent for it."""
        now = self._clock.now()
        key = _key(account_id, contact.contact_id, confirmation_id)
        # Of the limit alone; the proof has the address itself.
        ip = household(witness.ip)
        if ip:
            values = {"account_id": account_id, "ip": ip, "since": now - timedelta(hours=1)}
            (count,) = await _row(connection, "recent_of_ip", values)
            if count >= _HOURLY_OF_IP:
                raise RateLimited("too many requests from this address", 3600.0)
        email, state, _ = await _row(connection, "lock_contact", key)
        if email != contact.email:
            raise Conflict("the contact has just got another address; ask again")
        count, last = await _row(connection, "recent", key | {"since": now - timedelta(days=1)})
        if count >= _DAILY or (last is not None and now - last < _REST):
            return Asked.WAITING
        if state == SubscriptionState.SUBSCRIBED and not await self._lacks(connection, account_id, contact, wish):
            return Asked.SUBSCRIBED
        text_hash = await keep_text(connection, account_id, witness.language, witness.text) if witness.text else ""
        detail = witness.detail(text_hash) | {"confirmation_id": str(confirmation_id), "address": contact.email}
        stored = _Stored(
            categories=wish.categories,
            list_ids=wish.list_ids,
            detail=detail,
            redirect_url=redirect_url,
            visitor=visitor,
        )
        values = {
            "address": contact.email,
            "language": language,
            "request": Jsonb(msgspec.to_builtins(stored)),
            "ip": ip,
            "requested_at": now,
            "expires_at": now + LIFE,
        }
        await connection.execute(_SQL["add_confirmation"], key | values)
        unknown = state in (SubscriptionState.NONE, SubscriptionState.UNCONFIRMED)
        change = ConsentChange(
            account_id=account_id,
            contact_id=contact.contact_id,
            channel=Channel.EMAIL,
            state=SubscriptionState.UNCONFIRMED if unknown else SubscriptionState(state),
            source=witness.source,
            detail=detail | {"action": "requested"},
            occurred_at=now,
            always=True,
        )
        await set_consents(connection, [change])
        return Asked.MAILED

    async def _lacks(self, connection: Connection, account_id: int, contact: Contact, wish: Wish) -> bool:
        """Whether a subscriber asks for something new."""
        if wish.list_ids:
            values = _key(account_id, contact.contact_id) | {"list_ids": numbers(wish.list_ids)}
            (lacks,) = await _row(connection, "lacks", values)
            if lacks:
                return True
        if not wish.categories:
            return False
        choices = await self._contacts.categories.choices(account_id, contact.contact_id)
        wanted = {one.category.key.lower() for one in choices if one.wanted}
        return any(key.strip().lower() not in wanted for key in wish.categories)

    async def _mail(self, account_id: int, contact: Contact, template_id: int, language: str, url: str) -> UUID:
        recipient = BatchRecipient(
            locator=contact.email or "",
            contact_id=contact.contact_id,
            params={CONFIRM_URL: url},
            language=language,
        )
        send = BatchSend(recipients=(recipient,), template_id=template_id, allow_unconfirmed=True)
        (result,) = await self._messages.send_each(account_id, send)
        if result.message_id is None:
            raise Conflict(f"the mail cannot be sent: {result.problem}")
        return result.message_id

    # ------------------------------------------------------------ confirming

    async def look(self, token: str) -> Confirmation | None:
        """How a request stands; None for a token that was not made here. Changes nothing."""
        row = await self._read(token)
        if row is None:
            return None
        if isinstance(row, Confirmation):
            return row
        return _shown(row, await self._standing(row))

    async def confirm(self, token: str, witness: Witness) -> Confirmation | None:
        """Subscribe the address to what was asked for; once, whatever how often it is called.

        None for a token that was not made here.
        """
        row = await self._read(token)
        if row is None or isinstance(row, Confirmation):
            return row
        standing = await self._standing(row)
        if standing is not Standing.OPEN:
            return _shown(row, standing)
        owner = await self._owner(row)
        if owner is None:
            return _shown(row, Standing.GONE)
        async with self._database.system() as connection:
            await self._fulfil(connection, row, owner, witness)
        if row.request.categories:
            await self._activity.subscription_changed(row.account_id, owner, source="confirmation")
        page_url = str(row.request.detail.get("page_url", ""))
        await self._sites.recognise(row.account_id, row.request.visitor, owner, page_url=page_url)
        return _shown(row, Standing.CONFIRMED)

    async def _read(self, token: str) -> _Row | Confirmation | None:
        payload = self._signer.verify(token) if len(token) < _LONGEST_TOKEN else None
        if payload is None or len(payload) != _TOKEN.size:
            return None
        account_id, contact_id, confirmation = _TOKEN.unpack(payload)
        confirmation_id = UUID(bytes=confirmation)
        async with self._database.tenant(account_id) as connection:
            key = _key(account_id, contact_id, confirmation_id)
            found = await (await connection.execute(_SQL["confirmation"], key)).fetchone()
        if found is None:
            return Confirmation(standing=Standing.GONE)
        return _Row(
            account_id=account_id,
            contact_id=contact_id,
            confirmation_id=confirmation_id,
            address=found[0],
            language=found[1],
            request=msgspec.convert(found[2], _Stored),
            requested_at=found[3],
            expires_at=found[4],
            confirmed_at=found[5],
            message_id=found[6],
        )

    async def _standing(self, row: _Row) -> Standing:
        if row.confirmed_at is not None:
            return Standing.CONFIRMED
        if self._clock.now() >= row.expires_at:
            return Standing.EXPIRED
        return Standing.OPEN if await self._owner(row) is not None else Standing.GONE

    async def _owner(self, row: _Row) -> int | None:
        """The contact, or the one it was merged into, while it still has the address."""
        contact = await self._contacts.current(row.account_id, row.contact_id)
        if contact is None:
            return None
        async with self._database.tenant(row.account_id) as connection:
            values = {"account_id": row.account_id, "address": row.address}
            found = await (await connection.execute(_SQL["owner_of_email"], values)).fetchone()
        return contact.contact_id if found is not None and found[0] == contact.contact_id else None

    async def _fulfil(self, connection: Connection, row: _Row, owner: int, witness: Witness) -> None:
        now = self._clock.now()
        account_id = row.account_id
        # The contact first, as everybody who decides about it does.
        await connection.execute(_SQL["lock_contact"], _key(account_id, owner))
        key = _key(account_id, row.contact_id, row.confirmation_id)
        once = await connection.execute(_SQL["confirm"], key | {"confirmed_at": now})
        if await once.fetchone() is None:
            return
        sent_at: datetime | None = None
        if row.message_id is not None:
            bucket = bucket_of_message(row.message_id)
            values = {"account_id": account_id, "bucket": bucket, "message_id": row.message_id}
            (sent_at,) = await _row(connection, "mail_sent_at", values)
        text_hash = await keep_text(connection, account_id, witness.language, witness.text) if witness.text else ""
        change = ConsentChange(
            account_id=account_id,
            contact_id=owner,
            channel=Channel.EMAIL,
            state=SubscriptionState.SUBSCRIBED,
            source="double opt-in",
            detail={
                "action": "confirmed",
                "request": row.request.detail,
                "requested_at": row.requested_at.isoformat(),
                "mail_sent_at": sent_at.isoformat() if sent_at else "",
                "message_id": str(row.message_id or ""),
                "method": "POST",
                **witness.detail(text_hash),
            },
            occurred_at=now,
            always=True,
        )
        await set_consents(connection, [change])
        await self._contacts.consents.lift(connection, account_id, Channel.EMAIL, [row.address])
        if self._contacts.erasures is not None:
            await self._contacts.erasures.lift(connection, account_id, Channel.EMAIL, row.address)
        await add_categories(connection, account_id, [owner], row.request.categories)
        if row.request.list_ids:
            lists = _key(account_id, owner) | {"list_ids": numbers(row.request.list_ids)}
            await connection.execute(_SQL["join_lists"], lists)

    async def forget_old(self) -> None:
        """Remove requests that ended long ago; their proof stays in the history."""
        async with self._database.system() as connection:
            await connection.execute(_SQL["forget_confirmations"], {"before": self._clock.now() - _KEPT})


def _shown(row: _Row, standing: Standing) -> Confirmation:
    return Confirmation(
        standing=standing,
        language=row.language,
        address=row.address,
        redirect_url=row.request.redirect_url,
    )


def _key(account_id: int, contact_id: int, confirmation_id: UUID | None = None) -> dict[str, Any]:
    return {
        "account_id": account_id,
        "bucket": bucket_of(contact_id),
        "contact_id": contact_id,
        "confirmation_id": confirmation_id,
    }


async def _row(connection: Connection, name: str, values: dict[str, Any]) -> Sequence[Any]:
    """The row of a statement that always has one, but for a contact that has just gone. Raises NotFound for that."""
    row = await (await connection.execute(_SQL[name], values)).fetchone()
    if row is None:
        raise NotFound("contact", values["contact_id"])
    return row
