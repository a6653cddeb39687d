"""Contacts that are probably one person, and making one of them."""

from __future__ import annotations

import pytest

from syncom.contacts import duplicates
from syncom.contacts.duplicates import Agreement, Pair, Place
from syncom.contacts.model import ContactInput, FieldType, UpsertOptions
from syncom.contacts.service import ContactsService
from syncom.errors import Invalid
from syncom.postgres.pool import Database


async def add(contacts: ContactsService, account_id: int, *rows: ContactInput) -> list[int]:
    result = await contacts.upsert(account_id, rows, UpsertOptions())
    assert not result.problems
    return [contact_id or 0 for contact_id in result.contact_ids]


async def suggested(contacts: ContactsService, account_id: int, *, limit: int = 20) -> list[Pair]:
    """All pages."""
    pairs: list[Pair] = []
    place: Place | None = None
    while True:
        page = await contacts.duplicates.suggest(account_id, place, limit=limit)
        pairs += page.pairs
        place = page.next
        if place is None:
            return pairs


def ids(pairs: list[Pair]) -> list[tuple[int, int, set[Agreement]]]:
    return [(pair.one.contact_id, pair.other.contact_id, set(pair.agree)) for pair in pairs]


async def test_addresses_that_differ_in_dots_and_what_follows_a_plus_are_one_persons(
    contacts: ContactsService, account_id: int
) -> None:
    plain, dotted, tagged, _ = await add(
        contacts,
        account_id,
        ContactInput(email="annakoval@example.com", first_name="Anna", last_name="Koval"),
        ContactInput(email="Anna.Koval@example.com", first_name="Anna", last_name="Koval"),
        ContactInput(email="annakoval+shop@example.com"),
        ContactInput(email="annakoval@example.org"),
    )
    assert sorted(ids(await suggested(contacts, account_id))) == [
        (plain, dotted, {Agreement.EMAIL}),
        (plain, tagged, {Agreement.EMAIL}),
    ]


async def test_people_of_one_name_are_suggested_only_when_they_agree_in_something_else(
    contacts: ContactsService, account_id: int, other_account_id: int
) -> None:
    await contacts.fields.create(account_id, key="birthday", name="Birthday", type=FieldType.DATE)
    one, born, lives, mails, *_ = await add(
        contacts,
        account_id,
        ContactInput(
            email="ann@example.com",
            first_name="Anna",
            last_name="Koval",
            city="Kyiv",
            postcode="01001",
            fields={"birthday": "1990-05-01"},
        ),
        ContactInput(email="b@example.com", first_name="ANNA", last_name="koval", fields={"birthday": "1990-05-01"}),
        ContactInput(email="c@example.com", first_name="anna", last_name="Koval", city="kyiv", postcode="01001"),
        ContactInput(email="a.nn@example.net", first_name="Anna", last_name="Koval"),
        ContactInput(email="d@example.com", first_name="Anna", last_name="Koval", city="Lviv"),
        ContactInput(email="e@example.com", first_name="Olha", last_name="Koval", city="Kyiv"),
        ContactInput(email="i@example.com", first_name="Olha", city="Kyiv"),
        ContactInput(email="k@example.com", first_name="Olha", city="Kyiv"),
        ContactInput(email="f@example.com", city="Kyiv"),
        ContactInput(email="g@example.com", city="Kyiv"),
    )
    await add(
        contacts,
        other_account_id,
        ContactInput(email="h@example.com", first_name="Anna", last_name="Koval", city="Kyiv"),
    )
    assert sorted(ids(await suggested(contacts, account_id))) == [
        (one, born, {Agreement.NAME, Agreement.DATE}),
        (one, lives, {Agreement.NAME, Agreement.CITY, Agreement.POSTCODE}),
        (one, mails, {Agreement.NAME, Agreement.MAILBOX}),
    ]


async def test_pages_of_small_steps_find_each_pair_once(
    contacts: ContactsService, account_id: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = [
        ContactInput(email=f"{kind}{n}@example.com", first_name=f"Anna {n // 3}", last_name="Koval", city="Kyiv")
        for n in range(30)
        for kind in ("a", "b")
    ]
    await add(contacts, account_id, *rows)
    whole = ids(await suggested(contacts, account_id))
    # Ten names of six people each: five pairs a name.
    assert len(whole) == 50
    monkeypatch.setattr(duplicates, "STEP", 9)
    monkeypatch.setattr(duplicates, "MOST_STEPS", 2)
    parts = ids(await suggested(contacts, account_id, limit=1))
    assert sorted(parts, key=str) == sorted(whole, key=str)


async def test_a_step_reads_no_more_rows_than_it_looks_at(
    contacts: ContactsService, database: Database, account_id: int
) -> None:
    rows = [ContactInput(email=f"p{n}@example.com", first_name=f"Name {n}", city="Kyiv") for n in range(5000)]
    await add(contacts, account_id, *rows)
    async with database.system() as connection:
        await connection.execute("ANALYZE contacts")
        await connection.execute("ANALYZE identities")
    dates: list[str] = []
    steps: list[tuple[str, str, dict[str, object]]] = [
        ("names", "contacts_name", {"after": " name 3", "after_id": 0, "dates": dates}),
        ("addresses", "identities_pkey", {"after": "p3@example.com"}),
    ]
    for name, index, values in steps:
        async with database.system() as connection:
            cursor = await connection.execute(
                "EXPLAIN ANALYZE " + duplicates._SQL[name],  # pyright: ignore[reportPrivateUsage]
                {"account_id": account_id, "step": 100} | values,
            )
            plan = "\n".join(row[0] for row in await cursor.fetchall())
        assert index in plan, plan
        assert "Sort" not in plan, plan
        assert "Rows Removed" not in plan, plan


async def test_a_merge_takes_the_values_one_chooses_and_refuses_names_it_does_not_know(
    contacts: ContactsService, account_id: int
) -> None:
    for key in ("size", "shoe"):
        await contacts.fields.create(account_id, key=key, name=key, type=FieldType.TEXT)
    keep, drop = await add(
        contacts,
        account_id,
        ContactInput(
            email="a@example.com",
            first_name="Ann",
            last_name="K.",
            city="Lviv",
            language="uk",
            fields={"size": "S", "shoe": "37"},
        ),
        ContactInput(
            email="b@example.com",
            phone="+380441234567",
            first_name="Anna",
            city="Kyiv",
            fields={"size": "M", "shoe": "38"},
        ),
    )
    for wrong in ("colour", "fields.colour", "external_id"):
        with pytest.raises(Invalid) as refused:
            await contacts.merge(account_id, keep, drop, take=["city", wrong])
        assert refused.value.fields[0].field == "take.1"
    # The dropped one has no last name and no language: there is nothing to take.
    take = ["email", "first_name", "last_name", "language", "fields.size"]
    merged = await contacts.merge(account_id, keep, drop, take=take)
    assert (merged.email, merged.phone) == ("b@example.com", "+380441234567")
    assert (merged.first_name, merged.last_name, merged.city, merged.language) == ("Anna", "K.", "Lviv", "uk")
    assert merged.fields == {"size": "M", "shoe": "37"}
