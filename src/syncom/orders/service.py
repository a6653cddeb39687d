"""Use cases of orders: take them in, read a contact's. Refunds are at ``orders.refunds``."""

from __future__ import annotations

import logging
import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Final

import msgspec
import psycopg

from syncom.contacts.model import ContactInput, IdentityKind, MergeMode, SessionStatus, UpsertOptions
from syncom.contacts.normalise import normalise_phone
from syncom.contacts.service import ContactsService, hold_contacts, prepare_rows, put_session
from syncom.errors import Conflict, FieldError, Invalid, Unavailable
from syncom.events.model import EventInput
from syncom.events.service import EventsService
from syncom.orders import store
from syncom.orders.model import (
    CurrencyRevenue,
    Customer,
    Order,
    OrderDeletion,
    OrderFacts,
    OrderFilter,
    OrderInput,
    OrderKey,
    OrderList,
    OrderPlace,
    OrderProblem,
    OrdersTaken,
    OrderState,
    OrderStatus,
    OrderTotals,
    StatusChange,
)
from syncom.orders.refunds import Changed, Refunds
from syncom.orders.status_events import status_events
from syncom.orders.store import lock_statistics
from syncom.orders.words import order_words
from syncom.postgres.pool import Connection, Database

__all__ = ["MAX_ITEMS", "MAX_ORDERS", "OrdersService", "lock_statistics", "order_words"]

_log = logging.getLogger(__name__)

MAX_ORDERS: Final = 1000
#: Orders that one page of a filtered list is looked for among: a filter that nothing fits must not read a whole shop.
_MOST_LOOKED_AT: Final = 10_000
#: Orders that are added up at a time: a tenth of a second.
_MOST_ADDED_UP: Final = 100_000
_NEVER: Final = datetime(9999, 12, 31, tzinfo=UTC)
#: Lines of one order, and bytes of the shop's own data in one.
MAX_ITEMS: Final = 1000
MAX_INFO: Final = 20_000
_TEXT_LIMIT: Final = 200
_LONG_TEXT_LIMIT: Final = 2000
_LARGEST: Final = Decimal("999999999999.99")
_TEXTS: Final = ("status_description", "store_id", "source", "delivery_method", "payment_method")
_LONG_TEXTS: Final = ("restore_url", "delivery_address")
_ITEM_TEXTS: Final = ("external_id", "category", "url", "image_url", "description")
#: Whom an order is about: the shop's id for the person is bound by the first order and leads from then on. An order
#: adds what is not known yet and never replaces what is.
_CUSTOMER: Final = UpsertOptions(
    key=IdentityKind.EXTERNAL_ID,
    fallback_keys=(IdentityKind.EMAIL, IdentityKind.PHONE),
    mode=MergeMode.FILL_BLANKS,
    source="order",
)
_ATTEMPTS: Final = 3
Recounted = Callable[[Connection, int, Sequence[int]], Awaitable[None]]
#: A status is part of the key of its event's type, so it is made of what a key may have.
_STATUS = re.compile(r"(?! )[\w .:()&+#@-]{1,90}(?<! )")


class OrdersService:
    """Orders of an account."""

    def __init__(
        self,
        database: Database,
        contacts: ContactsService,
        events: EventsService,
        *,
        recounted: Recounted | None = None,
        changed: Changed | None = None,
    ) -> None:
        """``recounted`` hears of the contacts whose orders changed, and ``changed`` of these orders, in the transaction
        that changed them."""
        self._database = database
        self._contacts = contacts
        self._events = events
        self._recounted = recounted
        self._changed = changed
        self.refunds = Refunds(database, self._tell_rooms)

    async def add(self, account_id: int, orders: Sequence[OrderInput]) -> OrdersTaken:
        """Add or update up to 1,000 orders; all of them or, with Invalid naming each wrong field, none."""
        return await self._take(account_id, orders, whole=True)

    async def take(self, account_id: int, orders: Sequence[OrderInput]) -> OrdersTaken:
        """The same, but wrong orders are reported and the others are written.

        Orders of one batch act in their order. A number that is known names its order: the newer state is kept
        (:meth:`_is_newer`), with the contact that it names. Raises Invalid for more than 1,000.
        """
        return await self._take(account_id, orders, whole=False)

    async def of_contact(self, account_id: int, contact_id: int, *, limit: int = 100) -> list[Order]:
        """A contact's orders, newest first."""
        async with self._database.tenant(account_id) as connection:
            return await store.of_contact(connection, account_id, contact_id, limit)

    async def browse(
        self, account_id: int, chosen: OrderFilter, *, after: OrderPlace | None = None, limit: int = 100
    ) -> OrderList:
        """Orders of the account that fit, newest first, behind ``after``; at most 1,000 a page, of 10,000 looked at."""
        place = after or OrderPlace(chosen.until or _NEVER, "")
        limit = max(1, min(limit, MAX_ORDERS))
        async with self._database.tenant(account_id) as connection:
            found, looked = await store.browse(
                connection, account_id, chosen, place, look=_MOST_LOOKED_AT, limit=limit + 1
            )
        if len(found) > limit:
            found = found[:limit]
            looked = OrderPlace(found[-1].ordered_at, found[-1].external_id)
        return OrderList(orders=found, end=looked)

    async def totals(self, account_id: int, chosen: OrderFilter) -> OrderTotals:
        """What the orders that fit come to, by status and currency; of the newest 100,000 in the time."""
        async with self._database.tenant(account_id) as connection:
            return await store.totals(connection, account_id, chosen, look=_MOST_ADDED_UP)

    async def revenue(self, account_id: int, contact_id: int) -> list[CurrencyRevenue]:
        """What a contact's purchases came to, by currency. Cancelled orders and abandoned carts are none."""
        async with self._database.tenant(account_id) as connection:
            return await store.revenue(connection, account_id, contact_id)

    async def find(self, account_id: int, external_id: str) -> Order | None:
        """The order with this number."""
        async with self._database.tenant(account_id) as connection:
            return await store.find(connection, account_id, external_id)

    async def known(self, account_id: int, external_ids: Sequence[str]) -> list[str]:
        """Those of the numbers that there are orders of."""
        async with self._database.tenant(account_id) as connection:
            return await store.known_numbers(connection, account_id, external_ids)

    async def delete(self, deletion: OrderDeletion) -> None:
        """Delete orders, a batch in a transaction; safe to run again after a crash."""
        numbers = list(deletion.external_ids)
        count = 0
        while True:
            async with self._database.tenant(deletion.account_id) as connection:
                if deletion.since is not None:
                    numbers = await store.numbers_between(connection, deletion, MAX_ORDERS)
                batch, numbers = numbers[:MAX_ORDERS], numbers[MAX_ORDERS:]
                gone: list[OrderKey] = []
                if batch:
                    held = await store.lock_known(connection, deletion.account_id, batch)
                    gone = await store.delete(connection, deletion, held)
                    await self._tell_rooms(connection, deletion.account_id, gone)
                    count += len(gone)
                # Orders of the range that stayed were changed a moment ago, and are not of it any more.
                if not gone and (deletion.since is not None or not numbers):
                    await put_session(
                        connection,
                        deletion.account_id,
                        deletion.session_id,
                        "orders",
                        SessionStatus.FINISHED,
                        description=f"{count} deleted",
                    )
                    return

    # ------------------------------------------------------------ taking orders

    async def _take(self, account_id: int, orders: Sequence[OrderInput], *, whole: bool) -> OrdersTaken:
        if len(orders) > MAX_ORDERS:
            raise Invalid("orders", f"must be at most {MAX_ORDERS} at a time")
        wrong = [problem for place, order in enumerate(orders) for problem in _check(place, order)]
        if wrong and whole:
            raise _invalid(wrong)
        for _ in range(_ATTEMPTS):
            try:
                async with self._database.tenant(account_id) as connection:
                    return await self._write(connection, account_id, orders, wrong, whole=whole)
            except psycopg.errors.DeadlockDetected:
                # Statistics are also written by whoever counts clicks and sends.
                continue
        raise Unavailable("other writers keep changing the same contacts; try again")

    async def _write(
        self,
        connection: Connection,
        account_id: int,
        orders: Sequence[OrderInput],
        wrong: Sequence[OrderProblem],
        *,
        whole: bool,
    ) -> OrdersTaken:
        batch = _Batch(orders, wrong)
        await self._recognise(connection, account_id, batch)
        # Not before: recognising may have to take the account for itself.
        await hold_contacts(connection, (account_id,))
        known = await store.lock_known(connection, account_id, [order.external_id for _, order in batch.good()])
        _leave_with_their_contacts(batch, known)
        reach = await store.known_contacts(connection, account_id, batch.named_contacts())
        for place, _ in batch.good():
            if batch.contact_ids[place] not in reach:
                batch.refuse(place, "contact_id", f"there is no contact {batch.contact_ids[place]}")
        if whole and batch.problems:
            raise _invalid(batch.problems)
        if not batch.good():
            return OrdersTaken(problems=batch.sorted_problems(), changes=[])
        new = {
            order.external_id: batch.contact_ids[place]
            for place, order in batch.good()
            if order.external_id not in known
        }
        if new:
            known |= await store.claim(connection, account_id, new)
        changes, touched = await _write_newest(connection, account_id, batch, known)
        await self._tell_rooms(connection, account_id, touched)
        await self._tell(connection, account_id, status_events(changes, reach))
        return OrdersTaken(problems=batch.sorted_problems(), changes=changes)

    async def _tell_rooms(self, connection: Connection, account_id: int, orders: Sequence[OrderKey]) -> None:
        if self._recounted is not None and orders:
            await self._recounted(connection, account_id, [order.contact_id for order in orders])
        if self._changed is not None and orders:
            await self._changed(connection, account_id, orders)

    async def _recognise(self, connection: Connection, account_id: int, batch: _Batch) -> None:
        """Find or create the customers of the orders that name one."""
        named = [(place, order.customer) for place, order in batch.good() if order.customer is not None]
        if not named:
            return
        rows, refused = prepare_rows([_contact_input(customer) for _, customer in named], {}, _CUSTOMER)
        found = await self._contacts.merge_prepared(connection, account_id, rows, _CUSTOMER)
        for row, contact_id in zip(rows, found.contact_ids, strict=True):
            if contact_id is not None:
                batch.contact_ids[named[row.row][0]] = contact_id
        for problem in (*refused, *found.problems):
            batch.refuse(named[problem.index][0], f"customer.{problem.field}", problem.reason)

    async def _tell(self, connection: Connection, account_id: int, events: Sequence[EventInput]) -> None:
        """Record the events. An order is worth more than its event: a type that wants other parameters, or one type
        too many, costs the events of that type."""
        try:
            async with connection.transaction():
                await self._events.write(connection, account_id, events)
            return
        except (Invalid, Conflict):
            pass
        for key in dict.fromkeys(event.type_key for event in events):
            try:
                async with connection.transaction():
                    await self._events.write(connection, account_id, [one for one in events if one.type_key == key])
            except (Invalid, Conflict) as error:
                _log.warning("account %d gets no events %s: %s", account_id, key, error.message)


class _Batch:
    """Orders on their way in, with whose they are and what is wrong with them."""

    def __init__(self, orders: Sequence[OrderInput], wrong: Sequence[OrderProblem]) -> None:
        self._orders = orders
        self.problems = list(wrong)
        self._refused = {problem.index for problem in wrong}
        self.contact_ids = [order.contact_id or 0 for order in orders]

    def good(self) -> list[tuple[int, OrderInput]]:
        """The orders that nothing is wrong with so far, with their places."""
        return [(place, order) for place, order in enumerate(self._orders) if place not in self._refused]

    def refuse(self, place: int, field: str, reason: str) -> None:
        self._refused.add(place)
        self.problems.append(OrderProblem(index=place, field=field, reason=reason))

    def named_contacts(self) -> list[int]:
        return sorted({self.contact_ids[place] for place, _ in self.good()})

    def sorted_problems(self) -> list[OrderProblem]:
        return sorted(self.problems, key=lambda problem: problem.index)


def _leave_with_their_contacts(batch: _Batch, known: Mapping[str, store.Claimed]) -> None:
    """Orders that do not say whose they are stay with the contact they have, or got earlier in the batch."""
    # A number of which only refunds are known is nobody's so far.
    owners = {number: claimed.contact_id for number, claimed in known.items() if claimed.contact_id}
    for place, order in batch.good():
        if order.customer is not None or order.contact_id is not None:
            owners[order.external_id] = batch.contact_ids[place]
        elif order.external_id in owners:
            batch.contact_ids[place] = owners[order.external_id]
        else:
            batch.refuse(place, "customer", "is missing: a new order needs a customer id, an email or a phone")


async def _write_newest(
    connection: Connection, account_id: int, batch: _Batch, claimed: Mapping[str, store.Claimed]
) -> tuple[list[StatusChange], list[OrderKey]]:
    """Fold each order of the batch into what is stored, write what is newer, and count anew. Returns the changes of
    status, and the orders that changed."""
    stored = await store.states(connection, account_id, claimed)
    newest: dict[str, store.Row] = {}
    changes: list[StatusChange] = []
    before = dict(stored)
    for place, order in batch.good():
        number, contact_id = order.external_id, batch.contact_ids[place]
        state = before.get(number)
        changed_at = order.changed_at or order.ordered_at
        if state is not None and not _is_newer(order, state):
            continue
        order_id = claimed[number].order_id
        if state is None or state.status != order.status:
            changes.append(StatusChange(order_id=order_id, contact_id=contact_id, order=order))
        created_at = stored[number].created_at if number in stored else None
        newest[number] = store.Row(order_id, contact_id, changed_at, created_at, order)
        before[number] = OrderState(
            contact_id=contact_id,
            status=order.status,
            changed_at=changed_at,
            created_at=created_at or changed_at,
        )
    moved = {
        number: (claimed[number].contact_id, row.contact_id)
        for number, row in newest.items()
        if claimed[number].contact_id != row.contact_id
    }
    if moved:
        await store.move(connection, account_id, moved)
    await store.write(connection, account_id, list(newest.values()))
    touched = [OrderKey(row.contact_id, row.order_id, number) for number, row in newest.items()]
    touched += [OrderKey(old, newest[number].order_id, number) for number, (old, _) in moved.items() if old]
    await store.recount(connection, account_id, [order.contact_id for order in touched])
    return changes, touched


def _is_newer(order: OrderFacts, state: OrderState) -> bool:
    """Whether this state replaces the stored one: it is later or, at the same moment, not a step behind.

    So states end the same in whatever order they arrive: a late IN_PROGRESS does not put a DELIVERED order back.
    Two states that agree in moment and step are told apart by nothing, and the one that came last is believed.
    """
    moment = order.changed_at or order.ordered_at
    return (moment, OrderStatus.step_of(order.status)) >= (state.changed_at, OrderStatus.step_of(state.status))


def _contact_input(customer: Customer) -> ContactInput:
    """The customer as a contact. A number that cannot be read is left out when something else says who it is: shops
    pass on what people typed, and the order is worth more than the typing error."""
    given = {name: value for name, value in msgspec.structs.asdict(customer).items() if value.strip()}
    if "phone" in given and ("email" in given or "external_id" in given):
        try:
            normalise_phone(given["phone"])
        except ValueError:
            del given["phone"]
    return ContactInput(**given)


# ------------------------------------------------------------ checks


def _check(place: int, order: OrderInput) -> list[OrderProblem]:
    """The first thing that is wrong with an order."""
    try:
        _check_texts(order)
        _check_amounts(order)
        _check_items(order)
    except FieldError as error:
        return [OrderProblem(index=place, field=error.field, reason=error.reason)]
    return []


def _check_texts(order: OrderInput) -> None:
    if not order.external_id.strip() or len(order.external_id) > _TEXT_LIMIT or not order.external_id.isprintable():
        raise FieldError("external_id", f"must be printable text of 1 to {_TEXT_LIMIT} characters")
    if not _STATUS.fullmatch(order.status):
        raise FieldError("status", "must be 1 to 90 letters, digits, blanks or any of _ - . : ( ) & + # @")
    if order.currency and not (len(order.currency) == 3 and order.currency.isascii() and order.currency.isupper()):
        raise FieldError("currency", "must be an ISO 4217 code such as EUR")
    for names, limit in ((_TEXTS, _TEXT_LIMIT), (_LONG_TEXTS, _LONG_TEXT_LIMIT)):
        for name in names:
            _check_text(name, getattr(order, name), limit)
    encoded = msgspec.json.encode(order.additional_info)
    if len(encoded) > MAX_INFO or b"\\u0000" in encoded:
        raise FieldError("additional_info", f"must be at most {MAX_INFO:,} bytes of JSON, without NUL")
    for name in ("ordered_at", "changed_at"):
        moment = getattr(order, name)
        if moment is not None and moment.tzinfo is None:
            raise FieldError(name, "must say its offset, such as Z or +03:00")


def _check_text(name: str, value: str, limit: int) -> None:
    if len(value) > limit or "\0" in value:
        raise FieldError(name, f"must be at most {limit:,} characters, without NUL")


def _check_amounts(order: OrderInput) -> None:
    for name in ("total", "shipping", "discount", "taxes"):
        amount: Decimal | None = getattr(order, name)
        if amount is not None and not (amount.is_finite() and abs(amount) <= _LARGEST):
            raise FieldError(name, f"must be an amount up to {_LARGEST}")


def _check_items(order: OrderInput) -> None:
    if len(order.items) > MAX_ITEMS:
        raise FieldError("items", f"must be at most {MAX_ITEMS:,}")
    for number, item in enumerate(order.items):
        at = f"items.{number}"
        if not item.name.strip():
            raise FieldError(f"{at}.name", "must not be empty")
        _check_text(f"{at}.name", item.name, _LONG_TEXT_LIMIT)
        for name in _ITEM_TEXTS:
            _check_text(f"{at}.{name}", getattr(item, name), _LONG_TEXT_LIMIT)
        for name in ("price", "quantity"):
            amount: Decimal = getattr(item, name)
            if not (amount.is_finite() and abs(amount) <= _LARGEST):
                raise FieldError(f"{at}.{name}", f"must be a number up to {_LARGEST}")


def _invalid(problems: Sequence[OrderProblem]) -> Invalid:
    return Invalid.of([FieldError(f"orders.{one.index}.{one.field}", one.reason) for one in problems])
