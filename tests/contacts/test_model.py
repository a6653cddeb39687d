"""Random histories of upserts, patches, merges, deletes and consents against a small model in Python."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from syncom.contacts.model import (
    Channel,
    ContactInput,
    IdentityKind,
    MergeMode,
    SubscriptionState,
    UpsertOptions,
)
from syncom.contacts.service import ContactsService
from syncom.errors import NotFound
from syncom.postgres.pool import Database

NONE, _, ON, OFF = SubscriptionState
EMAILS = [f"{name}@example.com" for name in "abcd"]
PHONES = [f"+38044123456{n}" for n in range(4)]


@dataclass
class Person:
    email: str | None = None
    phone: str | None = None
    first_name: str = ""
    states: dict[Channel, SubscriptionState] = field(default_factory=lambda: {Channel.EMAIL: NONE, Channel.SMS: NONE})


@dataclass
class Book:
    """The contacts of one account, as they should be."""

    people: dict[int, Person] = field(default_factory=dict)
    owners: dict[str, int] = field(default_factory=dict)

    def conflicts(self, row: dict[str, str], owner: int | None) -> bool:
        return any(self.owners.get(row.get(name) or "", owner) != owner for name in ("email", "phone"))

    def apply(self, contact_id: int, row: dict[str, str], mode: MergeMode, key: str) -> None:
        person = self.people.setdefault(contact_id, Person())
        for name in ("email", "phone"):
            value, old = row.get(name), getattr(person, name)
            if value is None or value == old or (old is not None and mode is MergeMode.FILL_BLANKS):
                continue
            if name == key and self.owners.get(value) == contact_id:
                continue
            if old is not None:
                self.owners.pop(old)
            setattr(person, name, value or None)
            if value:
                self.owners[value] = contact_id
        name = row.get("first_name")
        if name is not None and (mode is MergeMode.OVERWRITE or not person.first_name):
            person.first_name = name

    def consent(self, contact_id: int, row: dict[str, str]) -> None:
        states = self.people[contact_id].states
        for name, channel in (("email", Channel.EMAIL), ("phone", Channel.SMS)):
            if row.get(name) and states[channel] is NONE:
                states[channel] = ON

    def merge(self, keep_id: int, drop_id: int) -> None:
        keep, drop = self.people[keep_id], self.people.pop(drop_id)
        self.owners = {value: keep_id if owner == drop_id else owner for value, owner in self.owners.items()}
        keep.email = keep.email or drop.email
        keep.phone = keep.phone or drop.phone
        keep.first_name = keep.first_name or drop.first_name
        for channel, state in drop.states.items():
            both = (keep.states[channel], state)
            keep.states[channel] = OFF if OFF in both else max(both)

    def delete(self, contact_id: int) -> None:
        del self.people[contact_id]
        self.owners = {value: owner for value, owner in self.owners.items() if owner != contact_id}


def rows(key: str) -> st.SearchStrategy[dict[str, str]]:
    optional = {
        "email": st.sampled_from([*EMAILS, ""]),
        "phone": st.sampled_from([*PHONES, ""]),
        "first_name": st.sampled_from(["Anna", "Bob", ""]),
    }
    required = {key: st.sampled_from(EMAILS if key == "email" else PHONES)}
    return st.fixed_dictionaries(required, optional={k: v for k, v in optional.items() if k != key})


def batches() -> st.SearchStrategy[tuple[object, ...]]:
    def of(key: str) -> st.SearchStrategy[tuple[object, ...]]:
        return st.tuples(
            st.just("upsert"), st.just(key), st.sampled_from(MergeMode), st.lists(rows(key), min_size=1, max_size=5)
        )

    return st.sampled_from(["email", "phone"]).flatmap(of)


NUMBER = st.integers(0, 5)
STEPS = st.lists(
    st.one_of(
        batches(),
        batches(),
        st.tuples(st.just("merge"), NUMBER, NUMBER),
        st.tuples(st.just("delete"), NUMBER),
        st.tuples(st.just("unsubscribe"), NUMBER, st.sampled_from([Channel.EMAIL, Channel.SMS])),
        st.tuples(st.just("subscribe"), NUMBER, st.sampled_from([Channel.EMAIL, Channel.SMS])),
        st.tuples(st.just("patch"), NUMBER, rows("email")),
    ),
    min_size=1,
    max_size=8,
)


@pytest.fixture
def fresh_accounts(database: Database) -> Callable[[], Awaitable[int]]:
    async def make() -> int:
        async with database.system() as connection:
            cursor = await connection.execute("INSERT INTO accounts (name) VALUES ('x') RETURNING account_id")
            return (await cursor.fetchone())[0]

    return make


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(steps=STEPS)
async def test_every_history_ends_as_in_the_model(contacts: ContactsService, fresh_accounts, steps) -> None:
    account_id = await fresh_accounts()
    book = Book()
    for step in steps:
        await _take(contacts, account_id, book, step)
        await _compare(contacts, account_id, book)


async def _take(contacts: ContactsService, account_id: int, book: Book, step: tuple) -> None:
    if step[0] == "upsert":
        await _upsert(contacts, account_id, book, *step[1:])
        return
    ids = sorted(book.people)
    if not ids:
        return
    chosen = ids[step[1] % len(ids)]
    if step[0] == "merge":
        other = ids[step[2] % len(ids)]
        if other != chosen:
            book.merge(chosen, other)
            await contacts.merge(account_id, chosen, other)
            with pytest.raises(NotFound):
                await contacts.get(account_id, other)
    elif step[0] == "delete":
        book.delete(chosen)
        await contacts.delete(account_id, chosen)
    elif step[0] == "patch":
        if not book.conflicts(step[2], chosen):
            book.apply(chosen, step[2], MergeMode.OVERWRITE, "")
            await contacts.patch(account_id, chosen, ContactInput(**step[2]))
    else:
        state = ON if step[0] == "subscribe" else OFF
        changed = book.people[chosen].states[step[2]] is not state
        book.people[chosen].states[step[2]] = state
        change = contacts.consents.subscribe if state is ON else contacts.consents.unsubscribe
        assert await change(account_id, [chosen], step[2], source="page") == [changed]


async def _upsert(
    contacts: ContactsService,
    account_id: int,
    book: Book,
    key: str,
    mode: MergeMode,
    batch: list[dict[str, str]],
) -> None:
    kind = IdentityKind.EMAIL if key == "email" else IdentityKind.PHONE
    result = await contacts.upsert(
        account_id, [ContactInput(**row) for row in batch], UpsertOptions(key=kind, mode=mode)
    )
    touched = []
    for row, contact_id in zip(batch, result.contact_ids, strict=True):
        owner = book.owners.get(row[key])
        if book.conflicts(row, owner):
            assert contact_id is None
            continue
        assert contact_id is not None
        assert owner in (None, contact_id)
        assert (owner is None) == (contact_id not in book.people)
        book.apply(contact_id, row, mode, key)
        touched.append((contact_id, row))
    for contact_id, row in touched:
        book.consent(contact_id, row)


async def _compare(contacts: ContactsService, account_id: int, book: Book) -> None:
    page = await contacts.search(account_id, limit=1000)
    stored = {
        contact.contact_id: Person(
            email=contact.email,
            phone=contact.phone,
            first_name=contact.first_name,
            states={Channel.EMAIL: contact.email_state, Channel.SMS: contact.sms_state},
        )
        for contact in page.contacts
    }
    assert stored == book.people
    owners = {}
    for contact_id in stored:
        for identity in await contacts.identities(account_id, contact_id):
            owners[identity.value] = contact_id
        history = await contacts.proofs.history(account_id, contact_id)
        for channel, state in book.people[contact_id].states.items():
            last = next((event.state for event in history if event.channel is channel), NONE)
            assert last is state or state is NONE
    assert owners == book.owners
