"""Forms that people subscribe with: on a page of their own, by a script, and in spite of programs that fill them in."""

from __future__ import annotations

import itertools
import re
from datetime import timedelta
from typing import Any

import pytest

from syncom.consent.forms import TRAP, Forms
from syncom.consent.model import Witness
from syncom.consent.puzzles import PIECES, fits, seed_of
from syncom.contacts.model import Channel, ContactInput, FieldType, IdentityKind, SubscriptionState, UpsertOptions
from syncom.errors import RateLimited
from syncom.http.native.app import PREFIX as V1
from tests.clocks import StandingClock
from tests.http.running_site import Site

FORM = {"content-type": "application/x-www-form-urlencoded"}
SCRIPT = {**FORM, "accept": "application/json"}
_numbers = itertools.count(1)


@pytest.fixture(autouse=True)
def anybody(site: Site) -> None:
    """Each test has the limits of visitors for itself."""
    site.app.forms._attempts._buckets.clear()


async def _form(site: Site, **members: Any) -> dict[str, Any]:
    given = {
        "name": "Footer",
        "title": "News",
        "consent_text": "Yes, send me news.",
        "consent_required": True,
        "fields": [{"key": "email", "label": "Email", "required": True}, {"key": "first_name", "label": "Name"}],
        **members,
    }
    async with site.client() as client:
        made = await client.post(f"{V1}/forms", json=given)
    assert made.status_code == 201, made.text
    return made.json()


def _path(site: Site, form: dict[str, Any]) -> str:
    return form["url"].removeprefix(site.app.settings.base_url)


async def _token(site: Site, form: dict[str, Any], *, seconds: float = 5) -> str:
    """A token of a form that was shown so long ago."""
    app = site.app
    found = await app.forms.find(form["url"].rpartition("/")[2])
    assert found is not None
    shown = StandingClock(app.clock.now() - timedelta(seconds=seconds))
    return Forms(app.database, app.contacts, app.optins, app.sites, app.keyring, shown).token(found)


async def _filled(site: Site, form: dict[str, Any], **values: str) -> dict[str, str]:
    token = await _token(site, form)
    return {"email": f"visitor{next(_numbers)}@example.com", "consent": "on", "form_token": token, **values}


async def _contact(site: Site, email: str) -> Any:
    return await site.app.contacts.find(site.owner.account_id, IdentityKind.EMAIL, email)


async def test_the_page_works_without_a_script_and_asks_for_a_confirmation(site: Site) -> None:
    account_id = site.owner.account_id
    made = await site.app.contacts.lists.create(account_id, "By form")
    form = await _form(site, lists=[made.list_id], categories=["News"], language="uk")
    async with site.client(None) as client:
        page = await client.get(_path(site, form))
        assert page.status_code == 200
        assert "Підписатися" in page.text
        assert "form-action 'self'" in page.headers["content-security-policy"]
        assert re.search(r'name="form_token" value="[\w-]+"', page.text)
        values = await _filled(site, form, first_name="Anna")
        done = await client.post(_path(site, form), data=values, headers={"referer": "https://shop.example/a"})
        assert (done.status_code, "Перевірте" in done.text) == (200, True)
    contact = await _contact(site, values["email"])
    assert (contact.first_name, contact.email_state) == ("Anna", SubscriptionState.UNCONFIRMED)
    assert (await site.app.contacts.lists.get(account_id, made.list_id)).size == 0
    history = await site.app.contacts.proofs.history(account_id, contact.contact_id)
    detail = history[0].detail or {}
    assert (history[0].source, detail["form_id"], detail["form_version"]) == ("form", form["form_id"], 1)
    assert (detail["referrer"], detail["ip"]) == ("https://shop.example/a", "127.0.0.1")
    texts = await site.app.contacts.proofs.texts(account_id, history)
    assert "[ ] Yes, send me news." in texts[detail["text_hash"]]


async def test_a_form_without_double_opt_in_subscribes_at_once_but_nobody_who_left(site: Site) -> None:
    account_id = site.owner.account_id
    made = await site.app.contacts.lists.create(account_id, "At once")
    form = await _form(site, lists=[made.list_id], double_opt_in=False, redirect_url="https://shop.example/thanks")
    values = await _filled(site, form)
    async with site.client(None) as client:
        done = await client.post(_path(site, form), data=values)
        assert (done.status_code, done.headers["location"]) == (303, "https://shop.example/thanks")
        contact = await _contact(site, values["email"])
        assert contact.email_state is SubscriptionState.SUBSCRIBED
        assert (await site.app.contacts.lists.get(account_id, made.list_id)).size == 1
        await site.app.contacts.consents.unsubscribe(account_id, [contact.contact_id], Channel.EMAIL, source="page")
        await client.post(_path(site, form), data=await _filled(site, form, email=values["email"]))
    assert (await _contact(site, values["email"])).email_state is SubscriptionState.UNSUBSCRIBED


async def test_a_stranger_who_types_an_address_changes_nothing_that_is_known(site: Site) -> None:
    account_id = site.owner.account_id
    known = ContactInput(email="known@example.com", first_name="Known", phone="+380671239999")
    await site.app.contacts.upsert_one(account_id, known, UpsertOptions())
    form = await _form(site, fields=[{"key": key, "label": key} for key in ("email", "first_name", "phone")])
    async with site.client(None) as client:
        new = await _filled(site, form, first_name="Other", phone="+380671239999")
        told = [
            (await client.post(_path(site, form), data=values, headers=SCRIPT)).json()
            for values in (await _filled(site, form, email="known@example.com", first_name="Other"), new)
        ]
    assert told[0] == told[1]
    assert (await _contact(site, "known@example.com")).first_name == "Known"
    assert (await _contact(site, new["email"])).phone is None


async def test_programs_are_kept_out_and_not_told_how(site: Site) -> None:
    form = await _form(site, refused_domains=["Mailinator.example"])
    good = await _filled(site, form)
    other = await _form(site)
    async with site.client(None) as client:
        right = (await client.post(_path(site, form), data=good, headers=SCRIPT)).json()
        trapped = await _filled(site, form, website="https://spam.example")
        assert (await client.post(_path(site, form), data=trapped, headers=SCRIPT)).json() == right
        assert await _contact(site, trapped["email"]) is None
        of_others = [await _token(site, other), good["form_token"][:-1], "x", ""]
        of_the_wrong_time = [await _token(site, form, seconds=age) for age in (0.5, 90_000)]
        for token in (*of_others, *of_the_wrong_time):
            values = await _filled(site, form, form_token=token)
            refused = await client.post(_path(site, form), data=values, headers=SCRIPT)
            assert (refused.status_code, refused.json()["errors"][0]["field"]) == (422, "")
            assert await _contact(site, values["email"]) is None
        thrown = await _filled(site, form, email="a@mailinator.example")
        refused = await client.post(_path(site, form), data=thrown, headers=SCRIPT)
        assert refused.json()["errors"][0]["field"] == "email"


def _solved(token: str, address: str) -> str:
    seed = seed_of(token, address)
    return ".".join(
        str(next(number for number in itertools.count() if fits(seed, place, number))) for place in range(PIECES)
    )


async def test_a_form_that_asks_for_work_subscribes_at_once_only_who_did_it(site: Site) -> None:
    form = await _form(site, proof_of_work=True, double_opt_in=False)
    proved = await _filled(site, form)
    answer = _solved(proved["form_token"], proved["email"])
    async with site.client(None) as client:
        assert '"puzzle":{' in (await client.get(f"{_path(site, form)}.js")).text
        done = await client.post(_path(site, form), data={**proved, "form_proof": answer}, headers=SCRIPT)
        assert (done.status_code, done.json()["title"]) == (200, "Thank you")
        # Without JavaScript the mail that asks remains.
        without = await _filled(site, form)
        page = await client.post(_path(site, form), data=without)
        assert (page.status_code, "mailbox" in page.text) == (200, True)
    assert (await _contact(site, proved["email"])).email_state is SubscriptionState.SUBSCRIBED
    assert (await _contact(site, without["email"])).email_state is SubscriptionState.UNCONFIRMED


async def test_a_wrong_proof_is_refused_and_a_right_one_is_of_one_address_and_one_showing(site: Site) -> None:
    form = await _form(site, proof_of_work=True)
    values = await _filled(site, form)
    right = _solved(values["form_token"], values["email"])
    first, *others = right.split(".")
    wrong = [
        "0.0.0.0.0.0.0.0",
        "x",
        "1" * 200,
        ".".join(others),
        ".".join([str(int(first) + (1 << 32)), *others]),
        ".".join([f"-{first}", *others]),
        ".".join(["²", *others]),
    ]
    async with site.client(None) as client:
        for proof in wrong:
            refused = await client.post(_path(site, form), data={**values, "form_proof": proof}, headers=SCRIPT)
            assert refused.status_code == 422, proof
        other = {**values, "email": f"other-{values['email']}", "form_proof": right}
        assert (await client.post(_path(site, form), data=other, headers=SCRIPT)).status_code == 422
        later = {**values, "form_token": await _token(site, form, seconds=9), "form_proof": right}
        assert (await client.post(_path(site, form), data=later, headers=SCRIPT)).status_code == 422
        assert await _contact(site, values["email"]) is None
        done = await client.post(_path(site, form), data={**values, "form_proof": right}, headers=SCRIPT)
        assert done.status_code == 200


async def test_who_does_no_work_may_try_less_often(site: Site) -> None:
    form = await _form(site, proof_of_work=True)
    async with site.client(None) as client:
        answers = [
            (await client.post(_path(site, form), data=await _filled(site, form), headers=SCRIPT)).status_code
            for _ in range(6)
        ]
    assert answers == [200] * 5 + [429]


async def test_a_refused_domain_is_refused_with_its_subdomains_and_no_other(site: Site) -> None:
    form = await _form(site, refused_domains=["thrown.example"])
    async with site.client(None) as client:
        for domain, status in (("thrown.example", 422), ("a.b.thrown.example", 422), ("notthrown.example", 200)):
            values = await _filled(site, form, email=f"a@{domain}")
            assert (await client.post(_path(site, form), data=values, headers=SCRIPT)).status_code == status


async def test_throw_away_mailboxes_are_taken_flagged_or_refused_as_the_form_says(site: Site) -> None:
    account_id = site.owner.account_id
    async with site.client(None) as client:
        for disposable, status, flagged in (("allow", 200, False), ("flag", 200, True), ("refuse", 422, None)):
            form = await _form(site, disposable=disposable)
            for domain in ("mailinator.com", "some.mailinator.com"):
                values = await _filled(site, form, email=f"a{next(_numbers)}@{domain}")
                answer = await client.post(_path(site, form), data=values, headers=SCRIPT)
                assert answer.status_code == status, answer.text
                contact = await _contact(site, values["email"])
                assert (contact is None) == (flagged is None)
                if contact is not None:
                    (entry,) = await site.app.contacts.proofs.history(account_id, contact.contact_id)
                    assert ("disposable" in (entry.detail or {})) is flagged
            kept = await _filled(site, form, email=f"a{next(_numbers)}@kept-for-years.example")
            assert (await client.post(_path(site, form), data=kept, headers=SCRIPT)).status_code == 200
            site.app.forms._attempts._buckets.clear()


async def test_what_is_wrong_is_said_at_its_field_and_what_was_typed_stays(site: Site) -> None:
    form = await _form(site)
    values = await _filled(site, form, email='"><b>bad', first_name="<i>Anna</i>", consent="")
    async with site.client(None) as client:
        told = (await client.post(_path(site, form), data=values, headers=SCRIPT)).json()["errors"]
        assert [problem["field"] for problem in told] == ["email", "consent"]
        page = await client.post(_path(site, form), data=values)
        assert page.status_code == 422
        assert "&lt;i&gt;Anna&lt;/i&gt;" in page.text
        assert "<b>bad" not in page.text
        for body in (b"\xff" * 10, b"a=1&a=2"):
            assert (await client.post(_path(site, form), content=body, headers=FORM)).status_code in (400, 422)
        assert (await client.post(_path(site, form), content=b"a=" + b"x" * 20_000, headers=FORM)).status_code == 413
        assert (await client.post(_path(site, form), json={})).status_code == 400
        for path in ("/t/f/x", "/t/f/00000000-0000-0000-0000-000000000000", "/t/f/x.js"):
            assert (await client.get(path)).status_code == 404


async def test_only_the_forms_own_sites_may_show_it(site: Site) -> None:
    form = await _form(site, domains=["shop.example"])
    async with site.client(None) as client:
        for origin, status in (
            ("https://shop.example", 200),
            ("https://www.shop.example", 200),
            ("https://evil.example", 403),
            ("https://shop.example.evil.example", 403),
            (site.app.settings.base_url, 200),
        ):
            values = await _filled(site, form)
            answer = await client.post(_path(site, form), data=values, headers={**SCRIPT, "origin": origin})
            assert answer.status_code == status, origin
            assert answer.headers.get("access-control-allow-origin") == (origin if status == 200 else None)


async def test_an_ip_address_that_fills_in_too_many_forms_has_to_wait(site: Site) -> None:
    form = await _form(site)
    async with site.client(None) as client:
        values = await _filled(site, form, website="x")
        answers = [(await client.post(_path(site, form), data=values, headers=SCRIPT)).status_code for _ in range(25)]
    assert answers == [200] * 20 + [429] * 5


async def test_a_network_of_ipv6_is_one_visitor_to_the_limits(site: Site) -> None:
    form = await _form(site)
    key = form["url"].rpartition("/")[2]
    found = await site.app.forms.find(key)
    assert found is not None

    async def fill(ip: str) -> None:
        await site.app.forms.take(found, {TRAP: "x"}, Witness(source="form", ip=ip))

    for number in range(20):
        await fill(f"2001:db8:1:2::{number:x}")
    with pytest.raises(RateLimited):
        await fill("2001:db8:1:2:ffff::1")
    await fill("2001:db8:1:3::1")


async def test_addresses_of_ipv4_told_as_ipv6_are_not_one_visitor(site: Site) -> None:
    form = await _form(site)
    found = await site.app.forms.find(form["url"].rpartition("/")[2])
    assert found is not None
    for number in range(21):
        await site.app.forms.take(found, {TRAP: "x"}, Witness(source="form", ip=f"::ffff:198.18.1.{number}"))


async def test_the_script_holds_the_form_and_nothing_can_break_out_of_it(site: Site) -> None:
    form = await _form(site, title='</script><script>alert("x")</script>', text="\u2028'\\")
    async with site.client(None) as client:
        script = await client.get(f"{_path(site, form)}.js")
        page = await client.get(_path(site, form))
    assert script.headers["content-type"].startswith("text/javascript")
    assert script.headers["cache-control"] == "no-store"
    assert "__FORM__" not in script.text
    assert "<script>alert" not in page.text
    assert form["popup_snippet"].endswith("data-popup></script>")


@pytest.mark.parametrize(
    ("member", "value", "field"),
    [
        ("name", "", "name"),
        ("language", "xx", "language"),
        ("fields", [{"key": "first_name", "label": "Name"}], "fields"),
        ("fields", [{"key": "email", "label": ""}, {"key": "email", "label": ""}], "fields"),
        ("fields", [{"key": "email", "label": ""}, {"key": "shoe_size", "label": ""}], "fields.1.key"),
        ("redirect_url", "javascript:alert(1)", "redirect_url"),
        ("look", {"accent": "red;}"}, "look.accent"),
        ("popup", {"after": 99999}, "popup"),
        ("domains", ["not a site"], "domain"),
    ],
)
async def test_a_form_that_makes_no_sense_is_refused_with_the_member(
    site: Site, member: str, value: Any, field: str
) -> None:
    async with site.client() as client:
        refused = await client.post(f"{V1}/forms", json={"name": "Form", member: value})
    assert refused.status_code == 422, refused.text
    assert field in refused.text


async def test_forms_are_listed_changed_and_removed_and_not_seen_by_others(site: Site) -> None:
    form = await _form(site)
    path = f"{V1}/forms/{form['form_id']}"
    async with site.client() as client:
        changed = await client.put(path, json={"name": "Other"})
        assert (changed.json()["version"], changed.json()["url"]) == (2, form["url"])
        listed = (await client.get(f"{V1}/forms", params={"limit": 1})).json()
        assert listed["next_cursor"] is not None
    async with site.client(site.other_key) as client:
        assert (await client.get(path)).status_code == 404
        assert (await client.delete(path)).status_code == 404
    async with site.client() as client:
        assert (await client.delete(path)).status_code == 204
        assert (await client.get(path)).status_code == 404
    async with site.client(None) as client:
        assert (await client.get(_path(site, form))).status_code == 404


async def test_a_form_asks_for_custom_fields_too(site: Site) -> None:
    await site.app.contacts.fields.create(site.owner.account_id, key="shoe", name="Shoe", type=FieldType.NUMBER)
    fields = [{"key": "email", "label": ""}, {"key": "shoe", "label": "Size"}]
    form = await _form(site, fields=fields)
    async with site.client(None) as client:
        values = await _filled(site, form, shoe="42")
        await client.post(_path(site, form), data=values, headers=SCRIPT)
        wrong = await client.post(_path(site, form), data=await _filled(site, form, shoe="big"), headers=SCRIPT)
    assert (await _contact(site, values["email"])).fields == {"shoe": 42}
    assert wrong.status_code == 422


async def asked_link(site: Site, contact_id: int) -> str:
    """Where the mail that asks a contact to confirm leads."""
    async with site.app.database.system() as connection:
        row = await (
            await connection.execute("SELECT params FROM messages WHERE contact_id = %s", (contact_id,))
        ).fetchone()
    assert row is not None
    return row[0]["confirm_url"].removeprefix(site.app.settings.base_url)


async def test_a_visitor_of_a_site_is_known_once_they_confirm_or_as_a_contact_that_they_have_just_made(
    site: Site,
) -> None:
    account_id, sites = site.owner.account_id, site.app.sites
    asking, at_once = await _form(site), await _form(site, double_opt_in=False)
    asked = await _filled(site, asking, syncom_visitor="visitor-who-asks")
    made = await _filled(site, at_once, syncom_visitor="visitor-who-is-new")
    async with site.client(None) as client:
        assert (await client.post(_path(site, asking), data=asked, headers=SCRIPT)).status_code == 200
        assert await sites.contact_of(account_id, "visitor-who-asks") is None, "anybody may type an address"
        contact = await _contact(site, asked["email"])
        link = await asked_link(site, contact.contact_id)
        assert (await client.post(link, content="action=confirm", headers=FORM)).status_code == 200
        assert await sites.contact_of(account_id, "visitor-who-asks") == contact.contact_id

        assert (await client.post(_path(site, at_once), data=made, headers=SCRIPT)).status_code == 200
        new = await _contact(site, made["email"])
        assert await sites.contact_of(account_id, "visitor-who-is-new") == new.contact_id
        stranger = {**await _filled(site, at_once, syncom_visitor="visitor-stranger"), "email": made["email"]}
        assert (await client.post(_path(site, at_once), data=stranger, headers=SCRIPT)).status_code == 200
        assert await sites.contact_of(account_id, "visitor-stranger") is None
