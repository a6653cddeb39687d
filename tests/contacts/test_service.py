"""Reading, changing, deleting and merging contacts; consent, lists, fields."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from syncom.contacts.model import (
    Channel,
    ConsentChange,
    ContactFilter,
    ContactInput,
    FieldType,
    IdentityKind,
    SubscriptionState,
    Suppression,
    TimelineKind,
    UpsertOptions,
)
from syncom.contacts.service import ContactsService, set_consents, suppress
from syncom.errors import Conflict, Invalid, NotFound
from syncom.ids import bucket_of, campaign_message_id
from syncom.postgres.pool import Database

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)


async def add(contacts: ContactsService, account_id: int, *rows: ContactInput) -> list[int]:
    result = await contacts.upsert(account_id, rows, UpsertOptions())
    assert not result.problems
    return [contact_id or 0 for contact_id in result.contact_ids]


async def test_pages_go_from_newest_to_oldest_without_a_gap(contacts: ContactsService, account_id: int) -> None:
    ids = await add(contacts, account_id, *(ContactInput(email=f"p{n}@example.com") for n in range(600)))
    some = await contacts.lists.create(account_id, "Some")
    await contacts.lists.add(account_id, some.list_id, ids[::3])
    for filters, expected in ((None, ids), (ContactFilter(list_id=some.list_id), ids[::3])):
        seen: list[int] = []
        cursor = None
        while True:
            page = await contacts.search(account_id, filters, cursor=cursor, limit=90)
            seen += [contact.contact_id for contact in page.contacts]
            cursor = page.cursor
            if cursor is None:
                break
        assert seen == sorted(expected, reverse=True)


async def test_contacts_are_found_by_any_identity_and_by_the_beginning_of_an_address(
    contacts: ContactsService, account_id: int
) -> None:
    rows = [ContactInput(email=f"{name}@example.com", external_id=name) for name in ("anna", "anton", "bob")]
    await add(contacts, account_id, *rows)
    page = await contacts.search(account_id, ContactFilter(email_prefix="AN"), limit=1)
    after = await contacts.search(account_id, ContactFilter(email_prefix="an"), limit=5, cursor=page.cursor)
    assert [contact.external_id for contact in (*page.contacts, *after.contacts)] == ["anna", "anton"]
    exact = await contacts.search(account_id, ContactFilter(external_id="bob"))
    assert [contact.email for contact in exact.contacts] == ["bob@example.com"]
    with pytest.raises(Invalid, match="together"):
        await contacts.search(account_id, ContactFilter(email="a@b.co", phone="+380441234567"))
    with pytest.raises(Invalid, match="cursor"):
        await contacts.search(account_id, cursor="x")


async def test_a_patch_changes_named_members_of_one_contact(
    contacts: ContactsService, account_id: int, other_account_id: int
) -> None:
    one, _ = await add(
        contacts,
        account_id,
        ContactInput(email="a@example.com", first_name="Anna", phone="+380441234567"),
        ContactInput(email="b@example.com"),
    )
    changed = await contacts.patch(account_id, one, ContactInput(email="new@example.com", phone="", last_name="Koval"))
    assert (changed.email, changed.phone, changed.first_name, changed.last_name) == (
        "new@example.com",
        None,
        "Anna",
        "Koval",
    )
    assert await contacts.find(account_id, IdentityKind.EMAIL, "a@example.com") is None
    assert await contacts.find(account_id, IdentityKind.PHONE, "+380441234567") is None
    with pytest.raises(Conflict):
        await contacts.patch(account_id, one, ContactInput(email="b@example.com"))
    with pytest.raises(Invalid):
        await contacts.patch(account_id, one, ContactInput(email="nobody"))
    for account, contact_id in ((account_id, 10**9), (other_account_id, one)):
        with pytest.raises(NotFound):
            await contacts.patch(account, contact_id, ContactInput(first_name="X"))


async def test_a_further_address_can_be_taken_away_and_a_primary_one_cannot(
    contacts: ContactsService, account_id: int
) -> None:
    (one,) = await add(contacts, account_id, ContactInput(email="a@example.com", emails=("b@example.com",)))
    await contacts.remove_address(account_id, one, IdentityKind.EMAIL, "B@example.com")
    assert [identity.value for identity in await contacts.identities(account_id, one)] == ["a@example.com"]
    with pytest.raises(Conflict):
        await contacts.remove_address(account_id, one, IdentityKind.EMAIL, "a@example.com")
    with pytest.raises(NotFound):
        await contacts.remove_address(account_id, one, IdentityKind.EMAIL, "b@example.com")


async def _message(database: Database, account_id: int, contact_id: int, campaign_id: int) -> None:
    message_id = campaign_message_id(campaign_id, contact_id)
    bucket = bucket_of(contact_id)
    async with database.system() as connection:
        await connection.execute(
            "INSERT INTO ledger VALUES (%s, %s, %s, %s, %s, 1, 1, 1, false, 1, now(), now(), 'a@example.com', "
            "'550 a@example.com unknown')",
            (account_id, bucket, message_id, contact_id, campaign_id),
        )
        await connection.execute(
            "INSERT INTO activity (account_id, bucket, contact_id, occurred_at, kind, class, channel, campaign_id, "
            "message_id, ip, user_agent) VALUES (%s, %s, %s, now(), 3, 0, 1, %s, %s, '10.0.0.1', 'Mail')",
            (account_id, bucket, contact_id, campaign_id, message_id),
        )
        await connection.execute(
            "INSERT INTO engagements (account_id, bucket, message_id, contact_id, campaign_id, opens) "
            "VALUES (%s, %s, %s, %s, %s, 1)",
            (account_id, bucket, message_id, contact_id, campaign_id),
        )
        await connection.execute(
            "INSERT INTO contact_statistics (account_id, bucket, contact_id, sent, opened) VALUES (%s, %s, %s, 1, 1)",
            (account_id, bucket, contact_id),
        )
        await connection.execute(
            "INSERT INTO orders (account_id, bucket, contact_id, external_id, status, total, ordered_at) "
            "VALUES (%s, %s, %s, %s, 'paid', 9.5, now())",
            (account_id, bucket, contact_id, f"o{contact_id}"),
        )


async def test_erasing_a_contact_takes_everything_but_nameless_counts(
    contacts: ContactsService, database: Database, account_id: int
) -> None:
    one, two = await add(contacts, account_id, ContactInput(email="a@example.com"), ContactInput(email="b@example.com"))
    news = await contacts.lists.create(account_id, "News")
    await contacts.lists.add(account_id, news.list_id, [one, two])
    await contacts.consents.suppress(account_id, Channel.EMAIL, ["a@example.com"])
    await _message(database, account_id, one, 7)
    await contacts.erase(account_id, one)
    with pytest.raises(NotFound):
        await contacts.erase(account_id, one)
    async with database.system() as connection:
        for table in ("identities", "list_members", "consent_events", "contact_statistics", "orders", "engagements"):
            cursor = await connection.execute(f"SELECT count(*) FROM {table} WHERE contact_id = %s", (one,))
            assert await cursor.fetchone() == (0,), table
        cursor = await connection.execute("SELECT address, reason FROM ledger WHERE contact_id = %s", (one,))
        assert await cursor.fetchall() == [("", "")]
        cursor = await connection.execute("SELECT ip, user_agent FROM activity WHERE contact_id = %s", (one,))
        assert await cursor.fetchall() == [(None, None)]
    assert (await contacts.get(account_id, two)).email == "b@example.com"
    assert len(await contacts.consents.suppressions(account_id, Channel.EMAIL)) == 1
    (again,) = await add(contacts, account_id, ContactInput(email="a@example.com"))
    assert again != one


async def test_merging_gives_the_kept_contact_all_and_the_stricter_consent(
    contacts: ContactsService, database: Database, account_id: int
) -> None:
    keep, drop = await add(
        contacts,
        account_id,
        ContactInput(email="a@example.com", first_name="Anna"),
        ContactInput(email="b@example.com", phone="+380441234567", first_name="A.", last_name="Koval"),
    )
    (oldest,) = await add(contacts, account_id, ContactInput(email="c@example.com"))
    news = await contacts.lists.create(account_id, "News")
    await contacts.lists.add(account_id, news.list_id, [drop])
    await contacts.consents.unsubscribe(account_id, [drop], Channel.EMAIL, source="page")
    for contact_id in (keep, drop, oldest):
        await _message(database, account_id, contact_id, 7)
    await contacts.merge(account_id, drop, oldest)
    merged = await contacts.merge(account_id, keep, drop)
    assert (merged.email, merged.phone, merged.first_name, merged.last_name) == (
        "a@example.com",
        "+380441234567",
        "Anna",
        "Koval",
    )
    assert merged.email_state is SubscriptionState.UNSUBSCRIBED
    assert merged.sms_state is SubscriptionState.SUBSCRIBED
    found = await contacts.find(account_id, IdentityKind.EMAIL, "c@example.com")
    assert found is not None
    assert found.contact_id == keep
    page = await contacts.timeline(account_id, keep, limit=100)
    kinds = [entry.kind for entry in page.entries]
    assert (kinds.count(TimelineKind.MESSAGE), kinds.count(TimelineKind.ACTIVITY)) == (3, 3)
    assert (kinds.count(TimelineKind.ORDER), kinds.count(TimelineKind.JOINED_LIST)) == (3, 1)
    async with database.system() as connection:
        cursor = await connection.execute("SELECT contact_id, sent, opened FROM contact_statistics")
        assert await cursor.fetchall() == [(keep, 3, 3)]
        late = ConsentChange(
            account_id=account_id,
            contact_id=oldest,
            channel=Channel.SMS,
            state=SubscriptionState.UNSUBSCRIBED,
            source="one-click",
            occurred_at=NOW,
        )
        assert await set_consents(connection, [late]) == [True]
    assert (await contacts.get(account_id, keep)).sms_state is SubscriptionState.UNSUBSCRIBED


async def test_a_timeline_is_paged_from_newest_to_oldest(
    contacts: ContactsService, database: Database, account_id: int, other_account_id: int
) -> None:
    (one,) = await add(contacts, account_id, ContactInput(email="a@example.com"))
    await _message(database, account_id, one, 7)
    for number in range(10):
        state = SubscriptionState.UNSUBSCRIBED if number % 2 else SubscriptionState.UNCONFIRMED
        async with database.system() as connection:
            change = ConsentChange(
                account_id=account_id,
                contact_id=one,
                channel=Channel.EMAIL,
                state=state,
                source="page",
                occurred_at=NOW + timedelta(minutes=number // 2),
            )
            await set_consents(connection, [change])
    whole = await contacts.timeline(account_id, one, limit=100)
    assert len(whole.entries) == 15
    assert whole.cursor is None
    times = [entry.occurred_at for entry in whole.entries]
    assert times == sorted(times, reverse=True)
    pieces = []
    cursor = None
    while True:
        page = await contacts.timeline(account_id, one, cursor=cursor, limit=3)
        pieces += page.entries
        cursor = page.cursor
        if cursor is None:
            break
    assert pieces == whole.entries
    with pytest.raises(NotFound):
        await contacts.timeline(other_account_id, one)
    with pytest.raises(Invalid, match="cursor"):
        await contacts.timeline(account_id, one, cursor="yesterday")


async def test_a_timeline_shows_only_the_kinds_and_channels_that_are_asked_for(
    contacts: ContactsService, database: Database, account_id: int
) -> None:
    (one,) = await add(contacts, account_id, ContactInput(email="a@example.com"))
    await _message(database, account_id, one, 7)
    await contacts.consents.subscribe(account_id, [one], Channel.SMS, source="page")

    async def kinds(**asked: Any) -> list[str]:
        return sorted({entry.kind.value for entry in (await contacts.timeline(account_id, one, **asked)).entries})

    assert await kinds() == ["activity", "consent", "created", "message", "order"]
    assert await kinds(kinds=[TimelineKind.MESSAGE, TimelineKind.ORDER]) == ["message", "order"]
    assert await kinds(channels=[Channel.EMAIL]) == ["activity", "consent", "message"]
    assert await kinds(channels=[Channel.SMS]) == ["consent"]
    assert await kinds(kinds=[TimelineKind.CREATED], channels=[Channel.SMS]) == []


async def test_the_lists_of_a_contact_are_told_by_name(contacts: ContactsService, account_id: int) -> None:
    one, other = await add(
        contacts, account_id, ContactInput(email="a@example.com"), ContactInput(email="b@example.com")
    )
    guests = await contacts.lists.create(account_id, "Guests")
    customers = await contacts.lists.create(account_id, "customers")
    await contacts.lists.add(account_id, guests.list_id, [one])
    await contacts.lists.add(account_id, customers.list_id, [one, other])
    assert [found.name for found in await contacts.lists.of(account_id, one)] == ["customers", "Guests"]
    assert [found.list_id for found in await contacts.lists.of(account_id, other)] == [customers.list_id]


async def test_consent_changes_of_many_accounts_are_recorded_only_where_they_change_something(
    contacts: ContactsService, database: Database, account_id: int, other_account_id: int
) -> None:
    (one,) = await add(contacts, account_id, ContactInput(email="a@example.com"))
    (two,) = await add(contacts, other_account_id, ContactInput(email="a@example.com"))

    def change(account: int, contact_id: int, state: SubscriptionState) -> ConsentChange:
        return ConsentChange(
            account_id=account,
            contact_id=contact_id,
            channel=Channel.EMAIL,
            state=state,
            source="one-click\r\n",
            detail={"ip": "10.0.0.1"},
            occurred_at=NOW,
        )

    off, on = SubscriptionState.UNSUBSCRIBED, SubscriptionState.SUBSCRIBED
    async with database.system() as connection:
        flags = await set_consents(
            connection,
            [
                change(other_account_id, two, off),
                change(account_id, one, off),
                change(account_id, one, off),
                change(account_id, two, off),
                change(account_id, one, on),
                change(account_id, 10**9, off),
            ],
        )
    assert flags == [True, True, False, False, True, False]
    history = await contacts.proofs.history(account_id, one)
    assert [event.state for event in history] == [on, off, on] or len(history) == 3
    assert (await contacts.get(account_id, one)).email_state is on
    assert (await contacts.get(other_account_id, two)).email_state is off


async def test_suppressions_are_normalised_kept_longest_and_lifted(
    contacts: ContactsService, database: Database, account_id: int, other_account_id: int
) -> None:
    async with database.system() as connection:
        await suppress(
            connection,
            [
                Suppression(
                    account_id=account,
                    channel=Channel.EMAIL,
                    address=address,
                    reason="hard bounce",
                    detail="550 no\r\nsuch user",
                    expires_at=expires,
                )
                for account, address, expires in (
                    (account_id, "A@Example.com", None),
                    (account_id, "a@example.com", NOW),
                    (account_id, "not an address", None),
                    (other_account_id, "b@example.com", NOW),
                )
            ],
        )
    await contacts.consents.suppress(account_id, Channel.EMAIL, ["a@example.com"], detail="asked by phone")
    await contacts.consents.suppress(other_account_id, Channel.EMAIL, ["b@example.com"])
    (entry,) = await contacts.consents.suppressions(account_id, Channel.EMAIL)
    assert (entry.address, entry.expires_at) == ("a@example.com", None)
    (entry,) = await contacts.consents.suppressions(other_account_id, Channel.EMAIL)
    assert (entry.reason, entry.expires_at) == ("manual", None)
    await contacts.consents.unsuppress(account_id, Channel.EMAIL, "A@example.com")
    with pytest.raises(NotFound):
        await contacts.consents.unsuppress(account_id, Channel.EMAIL, "a@example.com")
    with pytest.raises(Invalid, match=r"addresses\.0"):
        await contacts.consents.suppress(account_id, Channel.EMAIL, ["nobody"])


async def test_lists_have_one_name_each_and_count_their_members(
    contacts: ContactsService, account_id: int, other_account_id: int
) -> None:
    ids = await add(contacts, account_id, *(ContactInput(email=f"p{n}@example.com") for n in range(5)))
    news = await contacts.lists.create(account_id, " News ")
    assert await contacts.lists.ensure(account_id, "NEWS") == news.list_id
    assert await contacts.lists.add(account_id, news.list_id, [*ids, ids[0], 10**9]) == 5
    assert await contacts.lists.add(account_id, news.list_id, ids) == 0
    assert await contacts.lists.remove(account_id, news.list_id, ids[:2]) == 2
    assert [(found.name, found.size) for found in await contacts.lists.all(account_id)] == [("News", 3)]
    other = await contacts.lists.create(account_id, "Other")
    with pytest.raises(Conflict):
        await contacts.lists.rename(account_id, other.list_id, "news")
    with pytest.raises(Conflict):
        await contacts.lists.create(account_id, "news")
    with pytest.raises(NotFound):
        await contacts.lists.add(other_account_id, news.list_id, ids)
    await contacts.lists.delete(account_id, news.list_id)
    assert [found.name for found in await contacts.lists.all(account_id)] == ["Other"]


async def test_custom_fields_have_keys_of_their_own(
    contacts: ContactsService, account_id: int, other_account_id: int
) -> None:
    field = await contacts.fields.create(account_id, key="size", name="Size", type=FieldType.CHOICE, choices=("S", "M"))
    for key in ("Size", "1a", "a-b", "", "email", "a" * 64):
        with pytest.raises(Invalid, match="key"):
            await contacts.fields.create(account_id, key=key, name="X", type=FieldType.TEXT)
    with pytest.raises(Conflict):
        await contacts.fields.create(account_id, key="size", name="X", type=FieldType.TEXT)
    with pytest.raises(Invalid, match="choices"):
        await contacts.fields.create(account_id, key="b", name="X", type=FieldType.CHOICE, choices=("a", "A"))
    with pytest.raises(NotFound):
        await contacts.fields.change(other_account_id, field.field_id, name="Mine")
    await contacts.fields.change(account_id, field.field_id, choices=("S", "M", "L"))
    (one,) = await add(contacts, account_id, ContactInput(email="a@example.com", fields={"size": "l"}))
    assert (await contacts.get(account_id, one)).fields == {"size": "L"}
    await contacts.fields.delete(account_id, field.field_id)
    assert (await contacts.get(account_id, one)).fields == {}
    assert await contacts.fields.all(account_id) == []
