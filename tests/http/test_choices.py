"""What recipients decide: confirming a subscription, the preference centre, and leaving single categories."""

from __future__ import annotations

import itertools
import re
import string
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from syncom.consent.languages import accepted, chosen, languages
from syncom.consent.model import Asked, Wish, Witness
from syncom.contacts.model import Channel, ContactInput, SubscriptionState, UpsertOptions
from syncom.errors import RateLimited
from syncom.http.native.app import PREFIX as V1
from syncom.ids import single_message_id
from tests.http.running_site import Site

FORM = {"content-type": "application/x-www-form-urlencoded"}
_numbers = itertools.count(1)


async def _person(site: Site, *, consent: SubscriptionState = SubscriptionState.SUBSCRIBED, **members: Any) -> int:
    row = ContactInput(email=f"choice{next(_numbers)}@example.com", **members)
    options = UpsertOptions(consent=consent)
    return (await site.app.contacts.upsert_one(site.owner.account_id, row, options)).contact_id


async def _confirm_path(site: Site, message_id: object) -> str:
    async with site.app.database.system() as connection:
        rows = await connection.execute("SELECT params FROM messages WHERE message_id = %s", (message_id,))
        row = await rows.fetchone()
    assert row is not None
    return row[0]["confirm_url"].removeprefix(site.app.settings.base_url)


def _page_of(site: Site, contact_id: int, category_ids: tuple[int, ...] = (), page: str = "u") -> str:
    token = site.app.tokens.unsubscribe(
        site.owner.account_id, 0, contact_id, single_message_id(contact_id), category_ids
    )
    return f"/t/{page}/{token}"


async def _history(site: Site, contact_id: int) -> list[Any]:
    return await site.app.contacts.proofs.history(site.owner.account_id, contact_id)


# ---------------------------------------------------------------- double opt-in


async def test_only_the_button_confirms_and_the_proof_holds_both_sides(site: Site) -> None:
    account_id = site.owner.account_id
    contact_id = await _person(site, consent=SubscriptionState.NONE, language="uk")
    made = await site.app.contacts.lists.create(account_id, "Confirmed")
    async with site.client() as client:
        asked = await client.post(
            f"{V1}/contacts/{contact_id}/confirmation",
            json={
                "lists": [made.list_id],
                "categories": ["News"],
                "text": "Yes, send me news",
                "page_url": "https://shop.example/form",
                "ip": "203.0.113.5",
                "user_agent": "Their browser",
                "language": "en",
            },
        )
        assert (asked.status_code, asked.json()["outcome"]) == (202, "mailed")
        contact = await site.app.contacts.get(account_id, contact_id)
        assert contact.email_state is SubscriptionState.UNCONFIRMED
        path = await _confirm_path(site, asked.json()["message_id"])
        page = await client.get(path)
        assert 'value="confirm"' in page.text
        assert str(contact.email) not in page.text
        await client.request("HEAD", path)
        assert (await site.app.contacts.get(account_id, contact_id)).email_state is SubscriptionState.UNCONFIRMED
        assert (await client.post(path, content="action=other", headers=FORM)).status_code == 400
        for _ in range(2):
            done = await client.post(path, content="action=confirm", headers=FORM)
            assert "confirmed" in done.text
        told = (await client.get(f"{V1}/contacts/{contact_id}/consents")).json()["items"]
    assert (await site.app.contacts.get(account_id, contact_id)).email_state is SubscriptionState.SUBSCRIBED
    confirmed, requested = told
    assert confirmed["detail"]["request"]["page_url"] == requested["detail"]["page_url"] == "https://shop.example/form"
    assert (requested["text"], requested["detail"]["ip"]) == ("Yes, send me news", "203.0.113.5")
    assert requested["detail"]["user_agent"] == "Their browser"
    assert (confirmed["source"], confirmed["detail"]["method"], confirmed["detail"]["ip"]) == (
        "double opt-in",
        "POST",
        "127.0.0.1",
    )
    assert "Press the button" in confirmed["text"]
    assert confirmed["detail"]["request"]["confirmation_id"] == requested["detail"]["confirmation_id"]
    assert await site.app.contacts.categories.of(account_id, contact_id) == ["News"]
    assert (await site.app.contacts.lists.get(account_id, made.list_id)).size == 1
    assert (await site.app.contacts.proofs.verify(account_id, contact_id)).faults == ()


async def test_a_link_that_is_too_old_subscribes_nobody_and_says_so(site: Site) -> None:
    account_id = site.owner.account_id
    contact_id = await _person(site, consent=SubscriptionState.NONE)
    request = await site.app.optins.request(account_id, contact_id, Witness(source="api"), Wish())
    path = await _confirm_path(site, request.message_id)
    async with site.app.database.system() as connection:
        await connection.execute("UPDATE confirmations SET expires_at = now() WHERE contact_id = %s", (contact_id,))
    async with site.client(None) as client:
        late = await client.post(path, content="action=confirm", headers=FORM)
    assert late.status_code == 410
    assert "too old" in late.text
    assert (await site.app.contacts.get(account_id, contact_id)).email_state is SubscriptionState.UNCONFIRMED


async def test_an_address_that_is_not_the_contacts_any_more_is_not_confirmed(site: Site) -> None:
    account_id = site.owner.account_id
    contact_id = await _person(site, consent=SubscriptionState.NONE)
    request = await site.app.optins.request(account_id, contact_id, Witness(source="api"), Wish())
    path = await _confirm_path(site, request.message_id)
    old = (await site.app.contacts.get(account_id, contact_id)).email
    await site.app.contacts.patch(account_id, contact_id, ContactInput(email=f"new{contact_id}@example.com"))
    async with site.app.database.system() as connection:
        await connection.execute("DELETE FROM identities WHERE value = %s", (old,))
    async with site.client(None) as client:
        assert (await client.post(path, content="action=confirm", headers=FORM)).status_code == 410
    assert (await site.app.contacts.get(account_id, contact_id)).email_state is SubscriptionState.UNCONFIRMED


async def test_no_changed_token_is_taken(site: Site) -> None:
    contact_id = await _person(site, consent=SubscriptionState.NONE)
    request = await site.app.optins.request(site.owner.account_id, contact_id, Witness(source="api"), Wish())
    token = (await _confirm_path(site, request.message_id)).rpartition("/")[2]
    assert await site.app.optins.look(token) is not None
    alphabet = string.ascii_letters + string.digits + "-_"
    for place, letter in itertools.product(range(len(token)), alphabet[::7]):
        other = token[:place] + letter + token[place + 1 :]
        if other != token:
            assert await site.app.optins.look(other) is None
    unsubscribe = _page_of(site, contact_id).rpartition("/")[2]
    assert await site.app.optins.look(unsubscribe) is None
    async with site.client(None) as client:
        for path in ("/t/k/x", "/t/p/x", f"/t/p/{token}", f"/t/k/{'a' * 5000}"):
            assert (await client.get(path)).status_code == 404


async def test_nobody_is_flooded_with_mails(site: Site) -> None:
    account_id = site.owner.account_id
    contact_id = await _person(site, consent=SubscriptionState.NONE)
    witness = Witness(source="form", ip="198.51.100.77")
    outcomes = [(await site.app.optins.request(account_id, contact_id, witness, Wish())).outcome for _ in range(3)]
    assert outcomes == [Asked.MAILED, Asked.WAITING, Asked.WAITING]
    for _ in range(29):
        await site.app.optins.request(account_id, await _person(site), witness, Wish(categories=("Rare",)))
    another = await _person(site)
    with pytest.raises(RateLimited):
        await site.app.optins.request(account_id, another, witness, Wish(categories=("Rare",)))
    assert (await site.app.optins.request(account_id, await _person(site), Witness(source="api"), Wish())).outcome is (
        Asked.SUBSCRIBED
    )


async def test_who_unsubscribed_can_come_back_by_confirming(site: Site) -> None:
    account_id = site.owner.account_id
    contact_id = await _person(site)
    email = str((await site.app.contacts.get(account_id, contact_id)).email)
    await site.app.contacts.consents.unsubscribe_addresses(account_id, Channel.EMAIL, [email], source="api")
    request = await site.app.optins.request(account_id, contact_id, Witness(source="form"), Wish())
    assert (await site.app.contacts.get(account_id, contact_id)).email_state is SubscriptionState.UNSUBSCRIBED
    path = await _confirm_path(site, request.message_id)
    await site.app.optins.confirm(path.rpartition("/")[2], Witness(source="page"))
    assert (await site.app.contacts.get(account_id, contact_id)).email_state is SubscriptionState.SUBSCRIBED
    listed = await site.app.contacts.consents.suppressions(account_id, Channel.EMAIL, limit=1000)
    assert email not in [entry.address for entry in listed]


async def test_an_imports_unconfirmed_contacts_are_asked_once_each(site: Site) -> None:
    account_id = site.owner.account_id
    ids = [await _person(site, consent=SubscriptionState.UNCONFIRMED) for _ in range(3)]
    subscribed = await _person(site)
    witness = Witness(source="import", more={"import_id": 5})
    done = await site.app.optins.request_many(account_id, [*ids, subscribed], witness, Wish())
    assert done[Asked.MAILED] == 3
    assert (await site.app.optins.request_many(account_id, ids, witness, Wish()))[Asked.WAITING] == 3


async def test_the_account_can_ask_with_a_template_of_its_own_and_a_deleted_one_is_made_anew(site: Site) -> None:
    account_id = site.owner.account_id
    contact_id = await _person(site, consent=SubscriptionState.NONE)
    first = await site.app.optins.request(account_id, contact_id, Witness(source="api"), Wish())
    (status,) = await site.app.messages.status(account_id, [first.message_id] if first.message_id else [])
    assert status.template_id is not None
    versions = await site.app.content.languages(account_id, status.template_id)
    assert {version.language for version in versions} == set(languages()) - {"en"}
    await site.app.content.delete(account_id, status.template_id)
    again = await _person(site, consent=SubscriptionState.NONE)
    second = await site.app.optins.request(account_id, again, Witness(source="api"), Wish())
    assert second.outcome is Asked.MAILED


async def test_a_network_of_ipv6_is_one_visitor_to_the_limit_and_ipv4_is_not(site: Site) -> None:
    account_id = site.owner.account_id
    wish = Wish(categories=("Networks",))

    async def ask(ip: str) -> None:
        await site.app.optins.request(account_id, await _person(site), Witness(source="form", ip=ip), wish)

    for number in range(30):
        await ask(f"2001:db8:7:2::{number:x}")
    with pytest.raises(RateLimited):
        await ask("2001:db8:7:2:ffff::1")
    await ask("2001:db8:7:3::1")
    for number in range(31):
        await ask(f"::ffff:198.18.0.{number}")


# ---------------------------------------------------------------- the preference centre


async def test_the_preference_centre_shows_and_changes_nothing_by_itself(site: Site) -> None:
    account_id = site.owner.account_id
    contact_id = await _person(site, phone="+380671230001")
    before = await _history(site, contact_id)
    async with site.client(None) as client:
        for method in ("GET", "HEAD"):
            page = await client.request(method, _page_of(site, contact_id, page="p"))
            assert page.status_code == 200
        assert (await client.request("PUT", _page_of(site, contact_id, page="p"))).status_code == 405
        page = await client.get(_page_of(site, contact_id, page="p"))
        ukrainian = await client.get(_page_of(site, contact_id, page="p") + "?lang=uk")
        asked = await client.get(_page_of(site, contact_id, page="p"), headers={"accept-language": "fr, uk;q=0.9"})
    assert re.findall(r'name="channel\.(\w+)" value="on"( checked)?', page.text) == [
        ("email", " checked"),
        ("sms", " checked"),
    ]
    assert "Зберегти" in ukrainian.text
    assert 'lang="uk"' in asked.text
    assert str((await site.app.contacts.get(account_id, contact_id)).email) not in page.text
    assert await _history(site, contact_id) == before


async def test_a_choice_is_written_with_its_proof_and_holds_at_once(site: Site) -> None:
    account_id = site.owner.account_id
    contact_id = await _person(site, phone="+380671230002")
    categories = [await site.app.contacts.categories.put(account_id, key, key) for key in ("Sales", "Tips")]
    path = _page_of(site, contact_id, page="p")
    async with site.client(None, **{"user-agent": "Their browser"}) as client:
        body = f"action=save&channel.email=on&topic.{categories[0].category_id}=on&pause=7"
        page = await client.post(path, content=body, headers=FORM)
        assert "Saved" in page.text
        shown = await site.app.preferences.of(account_id, contact_id)
        assert {one.channel: one.wanted for one in shown.channels} == {"email": True, "sms": False}
        assert {one.key for one in shown.topics if one.wanted} == {"Sales"}
        assert shown.paused_until is not None
        assert shown.paused_until > datetime.now(UTC) + timedelta(days=6)
        written = len(await _history(site, contact_id))
        again = body.replace("pause=7", "pause=")
        await client.post(path, content=again, headers=FORM)
        assert len(await _history(site, contact_id)) == written
        await client.post(path, content=body.replace("pause=7", "pause=0"), headers=FORM)
        assert (await site.app.preferences.of(account_id, contact_id)).paused_until is None
        await client.post(path, content="action=everything", headers=FORM)
        for bad in ("action=other", "action=save&pause=x", "action=save&pause=9999", "x", ""):
            assert (await client.post(path, content=bad, headers=FORM)).status_code == 400
    contact = await site.app.contacts.get(account_id, contact_id)
    assert (contact.email_state, contact.sms_state) == (SubscriptionState.UNSUBSCRIBED,) * 2
    history = await _history(site, contact_id)
    declined = next(entry for entry in history if entry.category == "Tips")
    assert (declined.state, declined.source) == (SubscriptionState.UNSUBSCRIBED, "page")
    assert declined.detail["user_agent"] == "Their browser"
    texts = await site.app.contacts.proofs.texts(account_id, history)
    assert "Tips" in texts[declined.detail["text_hash"]]
    assert (await site.app.contacts.proofs.verify(account_id, contact_id)).faults == ()


@pytest.mark.parametrize("consent", [SubscriptionState.UNCONFIRMED, SubscriptionState.SUBSCRIBED], ids=str)
async def test_leaving_and_coming_back_confirms_nobody_who_was_not(site: Site, consent: SubscriptionState) -> None:
    contact_id = await _person(site, consent=consent)
    path = _page_of(site, contact_id, page="p")
    async with site.client(None) as client:
        for body, state in (("action=save", SubscriptionState.UNSUBSCRIBED), ("action=save&channel.email=on", consent)):
            assert (await client.post(path, content=body, headers=FORM)).status_code == 200
            assert (await site.app.contacts.get(site.owner.account_id, contact_id)).email_state is state


async def test_a_break_stops_mailings_and_nothing_that_was_asked_for(site: Site) -> None:
    account_id = site.owner.account_id
    contact_id = await _person(site)
    made = await site.app.contacts.lists.create(account_id, f"Paused {contact_id}")
    await site.app.contacts.lists.add(account_id, made.list_id, [contact_id])
    async with site.client(None) as client:
        await client.post(
            _page_of(site, contact_id, page="p"), content="action=save&channel.email=on&pause=30", headers=FORM
        )
    counted = await _counted(site, made.list_id, ())
    assert counted == {"paused": 1}
    entry = (await _history(site, contact_id))[0]
    assert (entry.state, entry.detail["action"]) == (SubscriptionState.SUBSCRIBED, "paused")


async def test_a_contact_that_is_gone_has_nothing_to_choose(site: Site) -> None:
    contact_id = await _person(site)
    path = _page_of(site, contact_id, page="p")
    await site.app.contacts.erase(site.owner.account_id, contact_id)
    async with site.client(None) as client:
        assert (await client.get(path)).status_code == 410
        assert (await client.post(path, content="action=everything", headers=FORM)).status_code == 410


# ---------------------------------------------------------------- categories


async def _counted(site: Site, list_id: int, categories: tuple[str, ...]) -> dict[str, int]:
    async with site.client() as client:
        audience = {"lists": [list_id], "categories": list(categories)}
        counted = await client.post(f"{V1}/campaigns/audience", json=audience)
    return counted.json()["excluded"]


async def test_one_click_leaves_the_category_of_the_message_and_no_other(site: Site) -> None:
    account_id = site.owner.account_id
    contact_id = await _person(site)
    made = await site.app.contacts.lists.create(account_id, f"Left {contact_id}")
    await site.app.contacts.lists.add(account_id, made.list_id, [contact_id])
    categories = [await site.app.contacts.categories.put(account_id, key, key) for key in ("Left", "Kept")]
    path = _page_of(site, contact_id, (categories[0].category_id,))
    async with site.client(None) as client:
        page = await client.get(path)
        assert re.findall(r'name="action" value="(\w+)"', page.text) == ["unsubscribe", "everything"]
        assert "/t/p/" in page.text or "../p/" in page.text
        for _ in range(2):
            answer = await client.post(path, content="List-Unsubscribe=One-Click", headers=FORM)
            assert answer.status_code == 200
            assert not answer.is_redirect
    assert (await site.app.contacts.get(account_id, contact_id)).email_state is SubscriptionState.SUBSCRIBED
    history = await _history(site, contact_id)
    assert [(entry.category, int(entry.state)) for entry in history] == [("Left", 3), ("", 2)]
    assert await _counted(site, made.list_id, ("Left",)) == {"unsubscribed from Left": 1}
    assert await _counted(site, made.list_id, ("Kept",)) == {}
    assert await _counted(site, made.list_id, ()) == {}
    async with site.client(None) as client:
        await client.post(path, content="action=resubscribe", headers=FORM)
    assert await _counted(site, made.list_id, ("Left",)) == {}
    async with site.client(None) as client:
        await client.post(path, content="action=everything", headers=FORM)
    assert await _counted(site, made.list_id, ("Kept",)) == {"unsubscribed": 1}


@pytest.mark.parametrize("action", ["resubscribe", "resubscribe_everything"])
async def test_the_button_that_takes_an_unsubscription_back_gives_nobody_consent(site: Site, action: str) -> None:
    account_id = site.owner.account_id

    async def press(contact_id: int, *actions: str) -> SubscriptionState:
        async with site.client(None) as client:
            for one in actions:
                answer = await client.post(_page_of(site, contact_id), content=f"action={one}", headers=FORM)
                assert answer.status_code == 200
        return (await site.app.contacts.get(account_id, contact_id)).email_state

    for state in (SubscriptionState.NONE, SubscriptionState.UNCONFIRMED, SubscriptionState.SUBSCRIBED):
        contact_id = await _person(site, consent=state)
        before = await _history(site, contact_id)
        assert await press(contact_id, action) is state
        assert await _history(site, contact_id) == before
        assert await press(contact_id, "unsubscribe") is SubscriptionState.UNSUBSCRIBED
        assert await press(contact_id, action) is state
        assert await press(contact_id, action) is state
        newest = (await _history(site, contact_id))[0]
        assert (newest.state, newest.detail["text"]) == (state, languages()["en"].unsubscribe["mistake"])
    elsewhere = await _person(site)
    await site.app.contacts.consents.unsubscribe(account_id, [elsewhere], Channel.EMAIL, source="complaint")
    assert await press(elsewhere, action) is SubscriptionState.UNSUBSCRIBED
    assert await press(elsewhere, "unsubscribe", action) is SubscriptionState.UNSUBSCRIBED


async def test_no_category_is_chosen_by_taking_back_what_was_not_declined(site: Site) -> None:
    account_id = site.owner.account_id
    contact_id = await _person(site)
    await site.app.contacts.categories.replace(account_id, contact_id, ["Mine"])
    other = await site.app.contacts.categories.put(account_id, "Not mine", "Not mine")
    before = await _history(site, contact_id)
    async with site.client(None) as client:
        path = _page_of(site, contact_id, (other.category_id,))
        await client.post(path, content="action=resubscribe", headers=FORM)
    assert await site.app.contacts.categories.of(account_id, contact_id) == ["Mine"]
    assert await _history(site, contact_id) == before


async def test_who_leaves_the_only_category_they_chose_does_not_get_all_others(site: Site) -> None:
    account_id = site.owner.account_id
    contact_id = await _person(site)
    made = await site.app.contacts.lists.create(account_id, f"Chose {contact_id}")
    await site.app.contacts.lists.add(account_id, made.list_id, [contact_id])
    await site.app.contacts.categories.replace(account_id, contact_id, ["Only"])
    await site.app.contacts.categories.put(account_id, "Another", "Another")
    (only,) = await site.app.contacts.categories.ids(account_id, ["only"])
    assert await _counted(site, made.list_id, ("Another",)) == {"chose other categories": 1}
    async with site.client(None) as client:
        await client.post(_page_of(site, contact_id, (only,)), content="List-Unsubscribe=One-Click", headers=FORM)
    assert await site.app.contacts.categories.of(account_id, contact_id) == []
    assert await _counted(site, made.list_id, ("Only",)) == {"unsubscribed from Only": 1}
    assert await _counted(site, made.list_id, ("Another",)) == {"chose other categories": 1}
    await site.app.contacts.categories.replace(account_id, contact_id, ["Only"])
    assert await _counted(site, made.list_id, ("Only",)) == {}


async def test_a_no_of_either_contact_holds_after_a_merge(site: Site) -> None:
    account_id = site.owner.account_id
    keep, drop = await _person(site), await _person(site)
    category = await site.app.contacts.categories.put(account_id, "Merged", "Merged")
    await site.app.contacts.categories.replace(account_id, keep, ["Merged"])
    async with site.client(None) as client:
        await client.post(
            _page_of(site, drop, (category.category_id,)), content="List-Unsubscribe=One-Click", headers=FORM
        )
    await site.app.contacts.merge(account_id, keep, drop)
    choices = await site.app.contacts.categories.choices(account_id, keep)
    assert {one.category.key for one in choices if one.wanted} == set()


# ---------------------------------------------------------------- languages


def test_every_language_has_the_same_words_with_the_same_places() -> None:
    def places(text: str) -> set[str]:
        return {name for _, name, _, _ in string.Formatter().parse(text) if name}

    english = languages()["en"]
    assert {"en", "uk"} <= set(languages())
    for tag, words in languages().items():
        for page in ("unsubscribe", "preferences", "confirmation", "mail", "form"):
            own, theirs = getattr(words, page), getattr(english, page)
            assert own.keys() == theirs.keys(), (tag, page)
            assert {name: places(text) for name, text in own.items()} == {
                name: places(text) for name, text in theirs.items()
            }, (tag, page)


def test_the_language_is_the_first_that_there_are_words_for() -> None:
    assert chosen("", "uk-UA", "de") == "uk"
    assert chosen("xx", *accepted("fr-CH, de;q=0.4, uk;q=0.9, *;q=0.1, en;q=x")) == "uk"
    assert chosen(*accepted("\x00" * 900)) == "en"
