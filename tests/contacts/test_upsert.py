"""Creating and updating contacts in batches."""

from __future__ import annotations

import asyncio
import random
from contextlib import suppress

import pytest

from syncom.contacts.model import (
    Change,
    Channel,
    ContactInput,
    FieldType,
    IdentityKind,
    MergeMode,
    SubscriptionState,
    UpsertOptions,
)
from syncom.contacts.service import ContactsService, prepare_rows
from syncom.errors import Conflict, Invalid, NotFound
from syncom.postgres.pool import Database

BY_EMAIL = UpsertOptions()
BY_PHONE = UpsertOptions(key=IdentityKind.PHONE)
FILL = UpsertOptions(mode=MergeMode.FILL_BLANKS)
#: As a shop's orders name people.
BY_ANY = UpsertOptions(
    key=IdentityKind.EXTERNAL_ID,
    fallback_keys=(IdentityKind.EMAIL, IdentityKind.PHONE),
    mode=MergeMode.FILL_BLANKS,
)


async def test_a_batch_creates_then_updates_then_leaves_alone(contacts: ContactsService, account_id: int) -> None:
    rows = [ContactInput(email=f"p{n}@example.com", first_name="Anna") for n in range(300)]
    first = await contacts.upsert(account_id, rows, BY_EMAIL)
    again = await contacts.upsert(account_id, rows, BY_EMAIL)
    changed = await contacts.upsert(
        account_id, [ContactInput(email=row.email, first_name="Olha") for row in rows[:100]], BY_EMAIL
    )
    assert (first.created, first.updated, first.unchanged) == (300, 0, 0)
    assert (again.created, again.updated, again.unchanged) == (0, 0, 300)
    assert (changed.created, changed.updated, changed.unchanged) == (0, 100, 0)
    assert again.contact_ids == first.contact_ids
    found = await contacts.get_many(account_id, [i for i in first.contact_ids if i is not None])
    assert [contact.first_name for contact in found] == ["Olha"] * 100 + ["Anna"] * 200


async def test_bad_rows_are_reported_with_field_and_reason_and_the_rest_is_written(
    contacts: ContactsService, account_id: int
) -> None:
    result = await contacts.upsert(
        account_id,
        [
            ContactInput(email="one@example.com"),
            ContactInput(email="nobody"),
            ContactInput(phone="+380441234567"),
            ContactInput(email="two@example.com", first_name="An\r\nna"),
            ContactInput(email="three@example.com", fields={"shoe": "42"}),
            ContactInput(email="four@example.com"),
        ],
        BY_EMAIL,
    )
    assert result.created == 2
    assert [(problem.index, problem.field) for problem in result.problems] == [
        (1, "email"),
        (2, "email"),
        (3, "first_name"),
        (4, "fields.shoe"),
    ]
    assert [contact_id is None for contact_id in result.contact_ids] == [False, True, True, True, True, False]


async def test_rows_of_one_contact_act_in_their_order(contacts: ContactsService, account_id: int) -> None:
    result = await contacts.upsert(
        account_id,
        [
            ContactInput(email="a@example.com", first_name="First", city="Kyiv"),
            ContactInput(email="A@Example.com ", first_name="Second", phone="+380441234567"),
            ContactInput(email="a@example.com", city=""),
        ],
        BY_EMAIL,
    )
    assert len(set(result.contact_ids)) == 1
    assert (result.created, result.updated) == (1, 2)
    contact = await contacts.find(account_id, IdentityKind.PHONE, "+380 44 123-45-67")
    assert contact is not None
    assert (contact.first_name, contact.city, contact.email) == ("Second", "", "a@example.com")


async def test_filling_blanks_keeps_what_is_there(contacts: ContactsService, account_id: int) -> None:
    await contacts.fields.create(account_id, key="score", name="Score", type=FieldType.NUMBER)
    await contacts.fields.create(account_id, key="note", name="Note", type=FieldType.TEXT)
    row = ContactInput(email="a@example.com", first_name="Anna", fields={"score": 5})
    await contacts.upsert(account_id, [row], BY_EMAIL)
    result = await contacts.upsert(
        account_id,
        [
            ContactInput(
                email="a@example.com",
                first_name="Olha",
                last_name="Koval",
                phone="+380441234567",
                fields={"score": 6, "note": "hi"},
            ),
            ContactInput(email="a@example.com", last_name="Late", phone="+380441234568"),
        ],
        FILL,
    )
    contact = await contacts.get(account_id, result.contact_ids[0] or 0)
    assert (contact.first_name, contact.last_name, contact.phone) == ("Anna", "Koval", "+380441234567")
    assert contact.fields == {"score": 5, "note": "hi"}
    assert await contacts.find(account_id, IdentityKind.PHONE, "+380441234568") is None


async def test_custom_fields_are_merged_key_by_key_and_cleared_by_emptiness(
    contacts: ContactsService, account_id: int
) -> None:
    await contacts.fields.create(account_id, key="score", name="Score", type=FieldType.NUMBER)
    await contacts.fields.create(account_id, key="note", name="Note", type=FieldType.TEXT)
    for fields in ({"score": "7", "note": "a"}, {"note": "b\nc"}, {"score": ""}):
        await contacts.upsert(account_id, [ContactInput(email="a@example.com", fields=fields)], BY_EMAIL)
    contact = await contacts.find(account_id, IdentityKind.EMAIL, "a@example.com")
    assert contact is not None
    assert contact.fields == {"note": "b\nc"}


async def test_a_row_whose_identities_belong_to_two_contacts_is_refused_whole(
    contacts: ContactsService, account_id: int
) -> None:
    first = await contacts.upsert(
        account_id,
        [
            ContactInput(email="a@example.com", first_name="Anna"),
            ContactInput(email="b@example.com", phone="+380441234567"),
        ],
        BY_EMAIL,
    )
    result = await contacts.upsert(
        account_id,
        [
            ContactInput(email="a@example.com", phone="+380441234567", first_name="Other"),
            ContactInput(email="new@example.com", emails=("b@example.com",)),
        ],
        BY_EMAIL,
    )
    assert [(problem.index, problem.field) for problem in result.problems] == [(0, "phone"), (1, "emails.0")]
    assert str(first.contact_ids[1]) in result.problems[0].reason
    assert (await contacts.get(account_id, first.contact_ids[0] or 0)).first_name == "Anna"
    assert await contacts.find(account_id, IdentityKind.EMAIL, "new@example.com") is None


async def test_a_changed_phone_frees_the_old_one_unless_it_is_kept_as_further(
    contacts: ContactsService, account_id: int
) -> None:
    old, new, newest = "+380441234561", "+380441234562", "+380441234563"
    for row in (
        ContactInput(email="a@example.com", phone=old),
        ContactInput(email="a@example.com", phone=new),
        ContactInput(email="b@example.com", phone=old),
        ContactInput(email="a@example.com", phone=newest, phones=(new,)),
    ):
        result = await contacts.upsert(account_id, [row], BY_EMAIL)
        assert not result.problems
    identities = await contacts.identities(account_id, result.contact_ids[0] or 0)
    phones = {i.value: i.primary for i in identities if i.kind is IdentityKind.PHONE}
    assert phones == {new: False, newest: True}


async def test_an_identity_moves_within_a_batch_when_a_row_before_freed_it(
    contacts: ContactsService, account_id: int
) -> None:
    old, new = "+380441234561", "+380441234562"
    await contacts.upsert(account_id, [ContactInput(email="a@example.com", phone=old)], BY_EMAIL)
    result = await contacts.upsert(
        account_id,
        [ContactInput(email="a@example.com", phone=new), ContactInput(email="b@example.com", phone=old)],
        BY_EMAIL,
    )
    assert not result.problems
    owner = await contacts.find(account_id, IdentityKind.PHONE, old)
    assert owner is not None
    assert owner.email == "b@example.com"


async def test_a_further_address_finds_its_contact_without_becoming_primary(
    contacts: ContactsService, account_id: int
) -> None:
    await contacts.upsert(account_id, [ContactInput(email="a@example.com", emails=("second@example.com",))], BY_EMAIL)
    result = await contacts.upsert(account_id, [ContactInput(email="second@example.com", city="Lviv")], BY_EMAIL)
    contact = await contacts.get(account_id, result.contact_ids[0] or 0)
    assert (contact.email, contact.city, result.updated) == ("a@example.com", "Lviv", 1)


async def test_consent_is_given_once_with_its_proof_and_never_given_back(
    contacts: ContactsService, account_id: int
) -> None:
    options = UpsertOptions(source="import", consent_detail={"import_id": 5})
    row = ContactInput(email="a@example.com")
    result = await contacts.upsert(account_id, [row], options)
    contact_id = result.contact_ids[0] or 0
    await contacts.consents.unsubscribe(account_id, [contact_id], Channel.EMAIL, source="one-click")
    await contacts.upsert(account_id, [row], options)
    with_phone = ContactInput(email="a@example.com", phone="+380441234567")
    await contacts.upsert(account_id, [with_phone], options)
    contact = await contacts.get(account_id, contact_id)
    assert contact.email_state is SubscriptionState.UNSUBSCRIBED
    assert contact.sms_state is SubscriptionState.SUBSCRIBED
    history = await contacts.proofs.history(account_id, contact_id)
    assert [(event.channel, event.state, event.source) for event in history] == [
        (Channel.SMS, SubscriptionState.SUBSCRIBED, "import"),
        (Channel.EMAIL, SubscriptionState.UNSUBSCRIBED, "one-click"),
        (Channel.EMAIL, SubscriptionState.SUBSCRIBED, "import"),
    ]
    assert history[0].detail == {"import_id": 5}


async def test_a_batch_of_unsubscribed_people_unsubscribes_known_ones(
    contacts: ContactsService, account_id: int
) -> None:
    row = ContactInput(email="a@example.com")
    await contacts.upsert(account_id, [row], BY_EMAIL)
    result = await contacts.upsert(account_id, [row], UpsertOptions(consent=SubscriptionState.UNSUBSCRIBED))
    contact = await contacts.get(account_id, result.contact_ids[0] or 0)
    assert contact.email_state is SubscriptionState.UNSUBSCRIBED


async def test_rows_join_lists_of_their_own_account_only(
    contacts: ContactsService, account_id: int, other_account_id: int
) -> None:
    own = await contacts.lists.create(account_id, "News")
    foreign = await contacts.lists.create(other_account_id, "News")
    rows = [ContactInput(email="a@example.com"), ContactInput(email="b@example.com")]
    await contacts.upsert(account_id, rows, UpsertOptions(list_ids=(own.list_id,)))
    await contacts.upsert(account_id, rows, UpsertOptions(list_ids=(own.list_id,)))
    assert (await contacts.lists.get(account_id, own.list_id)).size == 2
    with pytest.raises(Invalid, match="list_ids"):
        await contacts.upsert(account_id, rows, UpsertOptions(list_ids=(foreign.list_id,)))


async def test_accounts_do_not_see_each_others_people(
    contacts: ContactsService, account_id: int, other_account_id: int
) -> None:
    row = ContactInput(email="a@example.com", external_id="1")
    first = await contacts.upsert(account_id, [row], BY_EMAIL)
    second = await contacts.upsert(other_account_id, [row], BY_EMAIL)
    assert second.created == 1
    assert first.contact_ids != second.contact_ids
    assert await contacts.get_many(other_account_id, [first.contact_ids[0] or 0]) == []


async def test_single_upserts_share_commits_and_each_gets_its_own_answer(
    contacts: ContactsService, account_id: int, other_account_id: int
) -> None:
    await contacts.upsert_one(account_id, ContactInput(email="b@example.com", phone="+380441234567"), BY_EMAIL)

    async def one(account: int, row: ContactInput) -> object:
        try:
            return (await contacts.upsert_one(account, row, BY_EMAIL)).change
        except (Invalid, Conflict) as error:
            return type(error)

    answers = await asyncio.gather(
        one(account_id, ContactInput(email="a@example.com")),
        one(account_id, ContactInput(email="c@example.com", phone="+380441234567")),
        one(account_id, ContactInput(email="no address")),
        one(account_id, ContactInput(email="a@example.com", first_name="Anna")),
        one(account_id, ContactInput(email="b@example.com")),
        one(other_account_id, ContactInput(email="a@example.com")),
    )
    assert answers == [
        Change.CREATED,
        Conflict,
        Invalid,
        Change.UPDATED,
        Change.UNCHANGED,
        Change.CREATED,
    ]


async def test_batches_that_overlap_neither_deadlock_nor_make_a_person_twice(
    contacts: ContactsService, database: Database, account_id: int
) -> None:
    chance = random.Random(5)

    def row() -> ContactInput:
        n = chance.randrange(60)
        phone = f"+3804412345{chance.choice([n, chance.randrange(60)]):02}"
        return ContactInput(
            email=f"p{n}@example.com", phone=chance.choice([phone, ""]), first_name=chance.choice("ABC")
        )

    async def writer(number: int) -> None:
        for _ in range(12):
            rows = [row() for _ in range(chance.randrange(1, 40))]
            if number % 3 == 0:
                await asyncio.gather(
                    *(contacts.upsert_one(account_id, r, BY_EMAIL) for r in rows[:8]), return_exceptions=True
                )
            else:
                await contacts.upsert(account_id, rows, BY_EMAIL)
            known = await contacts.search(account_id, limit=20)
            ids = [contact.contact_id for contact in known.contacts]
            chance.shuffle(ids)
            if number == 4 and ids:
                await chance.choice([contacts.delete_many, contacts.erase_many])(account_id, ids[:2])
            elif number == 5:
                await contacts.consents.unsubscribe(account_id, ids, Channel.EMAIL, source="page")
            elif number == 1 and len(ids) > 2:
                with suppress(NotFound):  # another writer deleted it
                    await contacts.merge(account_id, ids[0], ids[1])

    await asyncio.gather(*(writer(number) for number in range(7)))
    await _check_consistency(database, account_id)


async def _check_consistency(database: Database, account_id: int) -> None:
    """Identities and contacts agree, nothing is owned by nobody."""
    async with database.tenant(account_id) as connection:
        for column, kind in (("email", 1), ("phone", 2), ("external_id", 3), ("contact_key", 4)):
            cursor = await connection.execute(
                f"SELECT c.contact_id FROM contacts c LEFT JOIN identities i ON i.account_id = c.account_id "
                f"AND i.kind = {kind} AND i.value = c.{column} "
                f"WHERE c.{column} IS NOT NULL AND i.contact_id IS DISTINCT FROM c.contact_id"
            )
            assert await cursor.fetchall() == [], column
        for table in ("identities", "list_members", "consent_events"):
            cursor = await connection.execute(
                f"SELECT t.contact_id FROM {table} t LEFT JOIN contacts c USING (account_id, contact_id) "
                f"WHERE c.contact_id IS NULL AND NOT ('{table}' = 'consent_events' AND t.contact_id IN "
                f"(SELECT contact_id FROM deleted_contacts))"
            )
            assert await cursor.fetchall() == [], table
        cursor = await connection.execute(
            "SELECT contact_id FROM contacts c WHERE email_state <> 0 AND email_state <> (SELECT state FROM "
            "consent_events e WHERE e.account_id = c.account_id AND e.contact_id = c.contact_id AND channel = 1 "
            "ORDER BY occurred_at DESC, consent_event_id DESC LIMIT 1)"
        )
        assert await cursor.fetchall() == []


async def test_a_big_batch_inside_the_callers_transaction(
    contacts: ContactsService, database: Database, account_id: int
) -> None:
    rows = [ContactInput(email=f"p{n}@example.com", phone=f"+38067{n:07}", external_id=str(n)) for n in range(5000)]
    prepared, problems = prepare_rows(rows, {}, BY_EMAIL)
    assert not problems
    async with database.tenant(account_id) as connection:
        result = await contacts.merge_prepared(connection, account_id, prepared, BY_EMAIL)
    assert result.created == len(set(result.contact_ids)) == 5000
    again = UpsertOptions(key=IdentityKind.EXTERNAL_ID)
    assert (await contacts.upsert(account_id, rows, again)).unchanged == 5000


async def test_people_are_recognised_by_the_first_of_several_identities(
    contacts: ContactsService, account_id: int
) -> None:
    rows = [
        ContactInput(external_id="C-1", email="anna@example.com"),
        ContactInput(email="anna@example.com", phone="+380441234567"),
        ContactInput(phone="+380441234567", first_name="Anna"),
        ContactInput(external_id="C-1", email="other@example.com"),
        ContactInput(email="other@example.com"),
    ]
    result = await contacts.upsert(account_id, rows, BY_ANY)
    assert not result.problems
    anna, other = result.contact_ids[0], result.contact_ids[4]
    assert result.contact_ids == [anna, anna, anna, anna, other]
    assert anna is not None
    assert anna != other
    found = await contacts.get(account_id, anna)
    assert (found.external_id, found.email, found.phone, found.first_name) == (
        "C-1",
        "anna@example.com",
        "+380441234567",
        "Anna",
    )
    again = await contacts.upsert(account_id, rows, BY_ANY)
    assert again.contact_ids == result.contact_ids
    assert again.unchanged == len(rows)


async def test_an_identity_of_somebody_else_stays_there_when_people_are_recognised_by_several(
    contacts: ContactsService, account_id: int
) -> None:
    await contacts.upsert(account_id, [ContactInput(email="a@example.com", phone="+380441234567")], BY_EMAIL)
    result = await contacts.upsert(
        account_id,
        [ContactInput(external_id="C-2", email="b@example.com", phone="+380441234567", contact_key="k")],
        UpsertOptions(key=IdentityKind.EXTERNAL_ID, fallback_keys=(IdentityKind.EMAIL,)),
    )
    assert (result.created, result.problems) == (1, [])
    created = await contacts.find(account_id, IdentityKind.EXTERNAL_ID, "C-2")
    assert created is not None
    assert (created.email, created.phone, created.contact_key) == ("b@example.com", None, "k")


async def test_a_second_external_id_of_a_person_leads_to_them_from_then_on(
    contacts: ContactsService, account_id: int
) -> None:
    rows = [
        ContactInput(external_id="C-1", email="anna@example.com"),
        ContactInput(external_id="C-2", email="anna@example.com"),
        ContactInput(external_id="C-2", email="new@example.com"),
    ]
    for row in rows:
        await contacts.upsert(account_id, [row], BY_ANY)
    found = await contacts.find(account_id, IdentityKind.EXTERNAL_ID, "C-2")
    assert found is not None
    assert (found.external_id, found.email) == ("C-1", "anna@example.com")
    assert await contacts.find(account_id, IdentityKind.EMAIL, "new@example.com") is None


async def test_a_row_without_any_of_the_identities_is_refused(contacts: ContactsService, account_id: int) -> None:
    result = await contacts.upsert(account_id, [ContactInput(first_name="Anna", contact_key="k")], BY_ANY)
    assert [(one.field, one.reason) for one in result.problems] == [
        ("external_id", "is missing: contacts of this batch are recognised by it or email or phone")
    ]


async def test_a_key_given_away_in_a_batch_leads_to_a_new_contact(contacts: ContactsService, account_id: int) -> None:
    overwrite = UpsertOptions(key=IdentityKind.EXTERNAL_ID, fallback_keys=(IdentityKind.EMAIL,))
    await contacts.upsert(account_id, [ContactInput(external_id="C-1", email="a@example.com")], overwrite)
    result = await contacts.upsert(
        account_id,
        [ContactInput(external_id="C-1", email="b@example.com"), ContactInput(email="a@example.com")],
        overwrite,
    )
    assert (result.created, result.updated) == (1, 1)
