"""People's rights: everything about them in one file, and nothing of them left."""

from __future__ import annotations

import io
import itertools
import zipfile
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import msgspec

from syncom.consent.model import Wish, Witness
from syncom.consent.person import BY_CONTACT, OWNED
from syncom.contacts import store
from syncom.contacts.erasures import SignedCertificate, is_genuine
from syncom.contacts.imports.model import ImportOptions, StoredFile
from syncom.contacts.model import (
    Channel,
    ContactInput,
    ContactSave,
    FieldType,
    FurtherChannel,
    IdentityKind,
    SaveOptions,
    SubscriptionState,
    UpsertOptions,
)
from syncom.http.native.app import PREFIX as V1
from tests.http.running_site import Site
from tests.test_house import CONTACT_OWNED

_numbers = itertools.count(1)
#: What only this person's rows hold.
_CANARIES = tuple(f"canary{number:02}x7q" for number in range(1, 21))


async def _everything(site: Site, canaries: Sequence[str]) -> int:
    """A person who left something of themselves everywhere."""
    account_id = site.owner.account_id
    app = site.app
    c = canaries
    if not any(field.key == "hobby" for field in await app.contacts.fields.all(account_id)):
        await app.contacts.fields.create(account_id, key="hobby", name="Hobby", type=FieldType.TEXT)
    row = ContactInput(
        email=f"{c[0]}@example.com",
        phone=f"+38067123{next(_numbers):04}",
        external_id=c[1],
        contact_key=c[2],
        first_name=c[3],
        last_name=c[4],
        city=c[5],
        address=c[6],
        region=c[7],
        fields={"hobby": c[8]},
        emails=(f"{c[9]}@example.com",),
    )
    channel = FurtherChannel(channel=Channel.MOBILEPUSH, value=c[10], data={"device": c[11]})
    save = ContactSave(contact=row, channels=(channel,))
    contact_id = (await app.contacts.save_one(account_id, save, SaveOptions())).contact_id
    witness = Witness(source="form", ip="203.0.113.9", user_agent=c[12], page_url=f"https://shop.example/{c[13]}")
    await app.contacts.consents.unsubscribe(
        account_id, [contact_id], Channel.SMS, source="page", detail={"user_agent": c[12]}
    )
    async with app.database.system() as connection:
        await connection.execute(
            "UPDATE contacts SET email_state = 1 WHERE account_id = %s AND bucket = %s AND contact_id = %s",
            (account_id, contact_id & 255, contact_id),
        )
    await app.optins.request(account_id, contact_id, witness, Wish())
    async with site.client() as client:
        order = {
            "contact_id": contact_id,
            "external_id": c[14],
            "status": "DELIVERED",
            "total": "10.00",
            "currency": "EUR",
            "ordered_at": "2026-01-01T00:00:00Z",
            "items": [{"external_id": "1", "name": c[15], "price": "10.00", "quantity": "1"}],
        }
        made = await client.post(f"{V1}/orders", json={"orders": [order]})
        assert made.status_code < 300, made.text
        event = {"type_key": "thought", "contact_id": contact_id, "params": {"what": c[16]}}
        assert (await client.post(f"{V1}/events", json=event)).status_code < 300
    async with app.database.system() as connection:
        await connection.execute(
            "INSERT INTO activity (account_id, bucket, contact_id, occurred_at, kind, class, channel, campaign_id,"
            " message_id, ip, user_agent, detail)"
            " VALUES (%s, %s, %s, now(), 3, 0, 1, 0, gen_random_uuid(), %s, %s, %s)",
            (account_id, contact_id & 255, contact_id, "203.0.113.8", c[17], f"{c[18]}@example.com bounced"),
        )
        await connection.execute(
            "INSERT INTO ledger (account_id, bucket, message_id, contact_id, campaign_id, sender_id, channel, state,"
            " uncertain, attempts, launched_at, settled_at, address, reason)"
            " VALUES (%s, %s, gen_random_uuid(), %s, 0, 1, 1, 1, false, 1, now(), now(), %s, %s)",
            (account_id, contact_id & 255, contact_id, f"{c[0]}@example.com", f"550 <{c[19]}@example.com> unknown"),
        )
    await app.contacts.consents.suppress(account_id, Channel.EMAIL, [f"{c[9]}@example.com"], reason="hard bounce")
    return contact_id


async def _found_in(site: Site, words: Sequence[str]) -> dict[str, list[str]]:
    """Which of these words stand in which tables of the whole database."""
    found: dict[str, list[str]] = {}
    async with site.app.database.system() as connection:
        rows = await connection.execute(
            "SELECT c.oid::regclass::text FROM pg_class c WHERE c.relkind = 'r'"
            " AND c.relnamespace = 'public'::regnamespace ORDER BY 1"
        )
        for (table,) in await rows.fetchall():
            there = f"EXISTS (SELECT FROM {table} t WHERE strpos(t::text, w) > 0)"
            query = f"SELECT w FROM unnest(%s::text[]) AS w WHERE {there}"
            hits = await (await connection.execute(query.encode(), (list(words),))).fetchall()
            if hits:
                found[table] = sorted(row[0] for row in hits)
    return found


async def test_after_an_erasure_no_table_holds_anything_of_the_person(site: Site) -> None:
    account_id = site.owner.account_id
    contact_id = await _everything(site, _CANARIES)
    before = await _found_in(site, _CANARIES)
    assert set(_CANARIES) == {word for words in before.values() for word in words}
    async with site.client() as client:
        assert (await client.delete(f"{V1}/contacts/{contact_id}", params={"erase": True})).status_code == 204
    assert await _found_in(site, _CANARIES) == {}
    erasures = site.app.contacts.erasures
    assert erasures is not None
    (signed,) = await erasures.certificates(account_id, contact_id=contact_id)
    assert is_genuine(signed)
    certificate = signed.content
    assert certificate.deleted["contacts"] == certificate.deleted["orders"] == 1
    # The order told of itself as well.
    assert certificate.deleted["events"] == 2
    assert certificate.deleted["consent_events"] >= 3
    assert certificate.kept_without_person == {"ledger": 1, "activity": 1}
    assert len(certificate.address_hashes) == 3


def _files_with(folder: Path, word: str) -> list[str]:
    return sorted(
        str(path.relative_to(folder))
        for path in folder.rglob("*")
        if path.is_file() and word.encode() in path.read_bytes()
    )


async def test_after_an_erasure_no_file_that_was_uploaded_before_holds_anything_of_the_person(site: Site) -> None:
    account_id, imports = site.owner.account_id, site.app.imports
    folder = site.app.settings.data_dir

    async def upload(text: str) -> StoredFile:
        async def whole() -> AsyncIterator[bytes]:
            yield text.encode()

        return await imports.store(account_id, "people.csv", whole())

    person = "email,first_name\ncanary99file@example.com,canary99file\ncanary99file is no address,\n"
    made = await imports.create(account_id, await upload(person), ImportOptions())
    done = await imports.run(made.import_id)
    assert (done.created, done.failed) == (1, 1)
    waiting = await imports.create(account_id, await upload("email\ncanary98file@example.com\n"), ImportOptions())
    # The source, what could not be read of it, and the file that is still to be imported.
    assert len(_files_with(folder, "canary99file")) == 2
    await imports.clear()
    assert len(_files_with(folder, "canary99file")) == 2
    contact = await site.app.contacts.find(account_id, IdentityKind.EMAIL, "canary99file@example.com")
    assert contact is not None
    await site.app.contacts.erase(account_id, contact.contact_id)
    undecided = await upload("email\nsomebody@example.com\n")
    await imports.clear()
    assert _files_with(folder, "canary99file") == []
    # What waits is imported first, and an upload after the erasure is another one's business.
    assert len(_files_with(folder, "canary98file")) == 1
    assert (await imports.run(waiting.import_id)).created == 1
    await imports.clear()
    assert _files_with(folder, "canary98file") == []
    assert (await imports.stored(account_id, undecided.upload_id)).size > 0


async def test_a_certificate_that_was_changed_is_not_genuine(site: Site) -> None:
    contact_id = await _everything(site, [f"forged{number:02}" for number in range(20)])
    await site.app.contacts.erase(site.owner.account_id, contact_id)
    async with site.client() as client:
        page = await client.get(f"{V1}/erasures", params={"contact_id": contact_id})
    signed = msgspec.convert(page.json()["items"][0], SignedCertificate)
    assert is_genuine(signed)
    assert not is_genuine(msgspec.structs.replace(signed, certificate=signed.certificate.replace("1", "2")))
    assert not is_genuine(msgspec.structs.replace(signed, signature="x"))
    assert not is_genuine(msgspec.structs.replace(signed, public_key=""))


async def test_an_erased_address_is_refused_when_it_is_imported_again_until_it_confirms(site: Site) -> None:
    account_id = site.owner.account_id
    erasures = site.app.contacts.erasures
    assert erasures is not None
    words = [f"again{number:02}" for number in range(20)]
    await site.app.contacts.erase(account_id, await _everything(site, words))
    first, bounced = f"{words[0]}@example.com", f"{words[9]}@example.com"
    told = await erasures.refused(account_id, Channel.EMAIL, [first, bounced, "new@example.com"])
    assert told == {first: "erased", bounced: "hard bounce"}
    assert await erasures.refused(site.other.account_id, Channel.EMAIL, [first]) == {}
    options = UpsertOptions(consent=SubscriptionState.NONE)
    back = (await site.app.contacts.upsert_one(account_id, ContactInput(email=first), options)).contact_id
    request = await site.app.optins.request(account_id, back, Witness(source="form"), Wish())
    async with site.app.database.system() as connection:
        rows = await connection.execute("SELECT params FROM messages WHERE message_id = %s", (request.message_id,))
        row = await rows.fetchone()
    assert row is not None
    await site.app.optins.confirm(row[0]["confirm_url"].rpartition("/")[2], Witness(source="page"))
    assert await erasures.refused(account_id, Channel.EMAIL, [first]) == {}


async def test_after_a_restore_the_same_person_is_erased_again_and_nobody_else(site: Site) -> None:
    account_id = site.owner.account_id
    erasures = site.app.contacts.erasures
    assert erasures is not None
    words = [f"restored{number:02}" for number in range(20)]
    contact_id = await _everything(site, words)
    await site.app.contacts.erase(account_id, contact_id)
    (signed,) = await erasures.certificates(account_id, contact_id=contact_id)
    assert not await erasures.is_of(account_id, signed.content)
    for value, expected in (("somebody@example.com", False), (f"{words[0]}@example.com", True)):
        async with site.app.database.system() as connection:
            await connection.execute(
                "INSERT INTO identities (account_id, kind, value, contact_id) VALUES (%s, 1, %s, %s)",
                (account_id, value, contact_id),
            )
        assert await erasures.is_of(account_id, signed.content) is expected
    async with site.app.database.system() as connection:
        await connection.execute("DELETE FROM identities WHERE contact_id = %s", (contact_id,))


async def test_the_export_holds_everything_about_the_person(site: Site) -> None:
    words = [f"exported{number:02}" for number in range(20)]
    contact_id = await _everything(site, words)
    await _everything(site, [f"stranger{number:02}" for number in range(20)])
    async with site.client() as client:
        answer = await client.get(f"{V1}/contacts/{contact_id}/export")
        assert answer.headers["content-type"] == "application/zip"
        assert (await client.get(f"{V1}/contacts/{contact_id + 10_000_000}/export")).status_code == 404
    async with site.client(site.other_key) as client:
        assert (await client.get(f"{V1}/contacts/{contact_id}/export")).status_code == 404
    with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
        files = {name: archive.read(name).decode() for name in archive.namelist()}
    whole = "\n".join(files.values())
    assert [word for word in words if word not in whole] == []
    assert "stranger" not in whole
    assert {"contact.json", "consents.json", "orders.jsonl", "events.jsonl", "messages.jsonl"} <= files.keys()
    events = [msgspec.json.decode(line) for line in files["events.jsonl"].splitlines()]
    assert "thought" in {event["type"] for event in events}


def test_every_table_that_people_own_rows_of_is_exported() -> None:
    told = {"contacts", "consent_events", "list_members", "contact_categories", "declined_categories", "events"}
    #: Numbers of contacts alone; and which segments, which is told by name.
    numbers = {"erased_contacts", "contact_segments", "segment_moves"}
    assert CONTACT_OWNED - told - numbers - set(OWNED.values()) == set()
    assert not set(OWNED.values()) & set(BY_CONTACT.values())


def test_an_erasure_looks_into_every_table_that_people_own_rows_of() -> None:
    looked_into = {name.removeprefix("delete_").removeprefix("forget_in_") for name in store._OWNED}
    #: Gone before these, and those that hold numbers alone: what the keeper of segments takes out by itself.
    elsewhere = {"contacts", "deleted_contacts", "erased_contacts", "contact_segments", "segment_moves"}
    #: What an order led to stays in the sums of campaigns.
    sums = {"attributions"}
    assert CONTACT_OWNED - looked_into - elsewhere - sums == {"merged_contacts"}
    assert "delete_merged" in store._OWNED
