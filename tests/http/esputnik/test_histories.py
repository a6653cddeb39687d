"""Random histories of adding, subscribing, leaving, deleting and restoring against a small model in Python."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from syncom.accounts.model import Role
from syncom.accounts.service import machine_principal
from syncom.contacts.model import Channel, SubscriptionState
from syncom.errors import NotFound
from tests.http.esputnik.conftest import Shop
from tests.http.running_site import Site

NONE, UNCONFIRMED, ON, OFF = SubscriptionState
CHANNELS = {"email": Channel.EMAIL, "sms": Channel.SMS}
KEYS = {
    "email": ("ext", "email"),
    "sms": ("ext", "sms"),
    "email_or_sms": ("ext", "sms", "email"),
    "externalCustomerId": ("ext",),
}
#: No two requests of a run are alike, so none is a duplicate.
_serial = itertools.count(1)

Row = dict[str, str]


@dataclass
class Person:
    ext: str | None = None
    email: str | None = None
    sms: str | None = None
    name: str = ""
    #: Further external ids.
    more: set[str] = field(default_factory=set)
    states: dict[str, SubscriptionState] = field(default_factory=lambda: {"email": NONE, "sms": NONE})

    def identities(self) -> set[tuple[str, str]]:
        own = {(kind, value) for kind in ("ext", "email", "sms") if (value := getattr(self, kind))}
        return own | {("ext", value) for value in self.more}


@dataclass
class Book:
    """The contacts of one account, as they should be."""

    people: dict[int, Person] = field(default_factory=dict)
    #: In the order in which they were deleted.
    deleted: dict[int, Person] = field(default_factory=dict)

    def owner(self, kind: str, value: str | None) -> int | None:
        return next((number for number, one in self.people.items() if (kind, value) in one.identities()), None)

    def recognise(self, row: Row, keys: tuple[str, ...], *, strict: bool) -> tuple[int | None, str]:
        for key in keys:
            number = self.owner(key, row.get(key))
            if number is None:
                continue
            if strict and "ext" in row and key != "ext" and self.people[number].ext not in (None, row["ext"]):
                continue
            return number, key
        return None, ""

    def waiting(self, row: Row, keys: tuple[str, ...]) -> int | None:
        """The deleted contact that the row leads to before any other."""
        for key in keys:
            if key not in row:
                continue
            if self.owner(key, row[key]) is not None:
                return None
            for number in reversed(self.deleted):
                if (key, row[key]) in self.deleted[number].identities():
                    return number
        return None

    def restore(self, number: int) -> None:
        person = self.deleted.pop(number)
        taken = set().union(*(one.identities() for one in self.people.values()))
        for kind in ("ext", "email", "sms"):
            if (kind, getattr(person, kind)) in taken:
                setattr(person, kind, None)
        person.more = {value for value in person.more if ("ext", value) not in taken}
        self.people[number] = person

    def delete(self, number: int) -> None:
        self.deleted[number] = self.people.pop(number)

    def write(self, number: int, row: Row, found_by: str) -> None:
        """What adding does: what is said last holds, and a refusal goes along."""
        person = self.people.setdefault(number, Person())
        refused: set[str] = set()
        for kind in ("email", "sms"):
            other = self.owner(kind, row.get(kind))
            if other is not None and other != number:
                setattr(self.people[other], kind, None)
                if self.people[other].states[kind] is OFF:
                    refused.add(kind)
        if "ext" in row and row["ext"] not in person.more:
            person.ext = row["ext"]
        for kind in ("email", "sms"):
            if kind in row:
                setattr(person, kind, row[kind])
                if person.states[kind] is NONE:
                    person.states[kind] = ON
            if kind in refused:
                person.states[kind] = OFF
        person.name = row["name"]

    def subscribe(self, number: int, row: Row) -> None:
        """What a form does: it adds, and takes nothing from anybody."""
        person = self.people.setdefault(number, Person())
        for kind in ("email", "sms"):
            if kind not in row or self.owner(kind, row[kind]) not in (None, number):
                continue
            if getattr(person, kind) is None:
                setattr(person, kind, row[kind])
            if person.states[kind] is NONE:
                person.states[kind] = UNCONFIRMED
        if "ext" in row and self.owner("ext", row["ext"]) is None:
            if person.ext is None:
                person.ext = row["ext"]
            else:
                person.more.add(row["ext"])
        person.name = row["name"]


def rows() -> st.SearchStrategy[Row]:
    return st.fixed_dictionaries(
        {},
        optional={
            "ext": st.sampled_from(["C-1", "C-2", "C-3"]),
            "email": st.sampled_from([f"{name}@example.org" for name in "abc"]),
            "sms": st.sampled_from([f"38067111223{n}" for n in range(3)]),
        },
    ).filter(lambda row: "email" in row or "sms" in row)


NUMBER = st.integers(0, 5)
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("add"), rows()),
        st.tuples(
            st.just("batch"), st.lists(rows(), min_size=1, max_size=3), st.sampled_from(sorted(KEYS)), st.booleans()
        ),
        st.tuples(st.just("subscribe"), rows()),
        st.tuples(st.just("delete"), NUMBER),
        st.tuples(st.just("restore"), NUMBER),
        st.tuples(st.just("leave"), NUMBER, st.sampled_from(["email", "sms"])),
    ),
    min_size=1,
    max_size=8,
)


@pytest.mark.timeout(400)
@settings(
    max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(steps=STEPS)
async def test_every_history_ends_as_in_the_model(site: Site, steps: list[tuple[Any, ...]]) -> None:
    account = await site.app.accounts.create_account(site.owner, name="History")
    by = machine_principal(account.account_id)
    key = await site.app.accounts.create_api_key(by, name="plugin", role=Role.ADMIN)
    shop = Shop(site, account.account_id, key.key)
    book = Book()
    for step in steps:
        await _take(shop, book, step)
        await _compare(shop, book)


async def _take(shop: Shop, book: Book, step: tuple[Any, ...]) -> None:
    kind = step[0]
    if kind == "batch":
        await _batch(shop, book, [_named(row) for row in step[1]], step[2], restore=step[3])
    elif kind in ("add", "subscribe"):
        await _one(shop, book, _named(step[1]), is_form=kind == "subscribe")
    elif kind == "restore":
        if book.deleted:
            number = list(book.deleted)[step[1] % len(book.deleted)]
            book.restore(number)
            await shop.app.contacts.restore(shop.account_id, number)
    elif book.people:
        number = sorted(book.people)[step[1] % len(book.people)]
        if kind == "delete":
            book.delete(number)
            assert (await shop.delete(f"/v1/contact/{number}")).status == 200
        else:
            book.people[number].states[step[2]] = OFF
            await shop.app.contacts.consents.unsubscribe(shop.account_id, [number], CHANNELS[step[2]], source="page")


def _named(row: Row) -> Row:
    return row | {"name": f"n{next(_serial)}"}


def _contact(row: Row) -> dict[str, Any]:
    channels = [{"type": kind, "value": row[kind]} for kind in ("email", "sms") if kind in row]
    return {"firstName": row["name"], "channels": channels} | (
        {"externalCustomerId": row["ext"]} if "ext" in row else {}
    )


async def _one(shop: Shop, book: Book, row: Row, *, is_form: bool) -> None:
    waiting = book.waiting(row, ("ext",))
    if waiting is not None:
        book.restore(waiting)
    number, found_by = book.recognise(row, ("ext", "email", "sms"), strict=not is_form)
    if is_form:
        answer = await shop.post("/v1/contact/subscribe", {"contact": _contact(row)})
    else:
        answer = await shop.post("/v1/contact", _contact(row))
    assert answer.status == 200, answer.body
    written = answer.json()["id"]
    assert written == number if number is not None else written not in book.people
    if is_form:
        book.subscribe(written, row)
    else:
        book.write(written, row, found_by)


async def _batch(shop: Shop, book: Book, batch: list[Row], dedupe: str, *, restore: bool) -> None:
    body = {"contacts": [_contact(row) for row in batch], "dedupeOn": dedupe, "restoreDeleted": restore}
    answer = await shop.post("/v1/contacts", body)
    assert answer.status == 200, answer.body
    failed = [one["firstName"] for one in answer.json()["failedContacts"]]
    session = (await shop.get(f"/v1/importstatus/{answer.json()['asyncSessionId']}")).json()
    written = iter([one["id"] for one in session["contacts"]])
    going = [row for row in batch if any(key in row for key in KEYS[dedupe])]
    waiting = {row["name"]: book.waiting(row, KEYS[dedupe]) for row in going}
    if restore:
        for number in dict.fromkeys(sorted(one for one in waiting.values() if one is not None)):
            book.restore(number)
    else:
        going = [row for row in going if waiting[row["name"]] is None]
    assert failed == [row["name"] for row in batch if row not in going]
    for row in going:
        number, found_by = book.recognise(row, KEYS[dedupe], strict=True)
        contact_id = next(written)
        assert contact_id == number if number is not None else contact_id not in book.people
        book.write(contact_id, row, found_by)


async def _compare(shop: Shop, book: Book) -> None:
    answer = await shop.get("/v1/contacts")
    assert answer.headers["totalcount"] == str(len(book.people))
    shown = {one["id"]: one for one in answer.json()}
    assert shown.keys() == book.people.keys()
    for number, person in book.people.items():
        stored = await shop.app.contacts.get(shop.account_id, number)
        found = Person(
            ext=stored.external_id,
            email=stored.email,
            sms=stored.phone.removeprefix("+") if stored.phone else None,
            name=stored.first_name,
            more=person.more,
            states={"email": stored.email_state, "sms": stored.sms_state},
        )
        assert found == replace(person), number
        channels = [{"type": kind, "value": value} for kind in ("email", "sms") if (value := getattr(person, kind))]
        assert shown[number]["channels"] == channels
    for number in book.deleted:
        assert (await shop.get(f"/v1/contact/{number}")).status == 404
        try:
            await shop.app.contacts.get(shop.account_id, number)
        except NotFound:
            continue
        raise AssertionError(f"{number} is deleted")
