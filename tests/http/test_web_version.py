"""The mail as a web page: the recipient's own, for whoever holds its link, as long as it can be made."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

import httpx2 as httpx
import pytest

from syncom.contacts.model import ContactInput, UpsertOptions
from syncom.content.model import Dialect, TemplateInput
from syncom.content.render import Renderer
from syncom.ids import campaign_message_id, single_message_id
from syncom.messages.service import MessageRecipient, SendRequest
from tests.http.running_site import Site

_SOURCE = (
    "<h1>Привіт, {{ first_name }}</h1><p>{{ order|default('no order') }}</p><script>alert(1)</script>"
    '<a href="https://shop.example/new">New</a> <a href="{{ view_url }}">View</a>'
)


@dataclass
class Shop:
    """A template with a link to its own page, and a contact."""

    site: Site
    template_id: int
    content_id: int
    contact_id: int

    @property
    def account_id(self) -> int:
        return self.site.owner.account_id

    def address(self, message_id: UUID, contact_id: int = 0) -> str:
        token = self.site.app.tokens.view(self.account_id, self.content_id, contact_id or self.contact_id, message_id)
        return f"/t/v/{token}"

    async def send(self, **params: object) -> UUID:
        recipient = MessageRecipient(contact_id=self.contact_id, params=params)
        request = SendRequest(template_id=self.template_id, recipients=(recipient,))
        (message_id,) = await self.site.app.messages.send(self.account_id, request)
        return message_id

    async def get(self, path: str) -> httpx.Response:
        async with self.site.client(None) as client:
            return await client.get(path)

    async def kept(self, message_id: UUID) -> int:
        async with self.site.app.database.system() as connection:
            cursor = await connection.execute(
                "SELECT count(*) FROM message_params WHERE message_id = %s", (message_id,)
            )
            row = await cursor.fetchone()
        assert row
        return int(row[0])


async def _shop(site: Site, source: str, email: str, dialect: Dialect = Dialect.SYNCOM) -> Shop:
    account_id = site.owner.account_id
    given = TemplateInput(name="L", subject="S", source=source, dialect=dialect)
    template = await site.app.content.create(account_id, given)
    contact = await site.app.contacts.upsert_one(
        account_id, ContactInput(email=email, first_name="Anna <b>"), UpsertOptions()
    )
    return Shop(site, template.template_id, template.content_id, contact.contact_id)


@pytest.fixture
async def shop(site: Site, request: pytest.FixtureRequest) -> Shop:
    return await _shop(site, _SOURCE, f"{abs(hash(request.node.name))}@example.com")


async def test_a_campaigns_mail_is_the_same_on_its_page(shop: Shop) -> None:
    message_id = campaign_message_id(7, shop.contact_id)
    page = await shop.get(shop.address(message_id))
    app = shop.site.app
    renderer = Renderer(
        await app.content.compiled(shop.account_id, shop.content_id), base_url=shop.site.url, tokens=app.tokens
    )
    mail = renderer.render(shop.account_id, shop.content_id, shop.contact_id, message_id, {"first_name": "Anna <b>"})
    assert page.status_code == 200
    assert page.text == mail.html
    assert "Привіт, Anna &lt;b&gt;" in page.text
    assert f'href="{shop.site.url}{shop.address(message_id)}"' in page.text


async def test_a_single_message_keeps_its_parameters_for_the_page(shop: Shop) -> None:
    message_id = await shop.send(order="4711")
    async with shop.site.app.database.system() as connection:
        await connection.execute("DELETE FROM messages WHERE message_id = %s", (message_id,))
    assert "<p>4711</p>" in (await shop.get(shop.address(message_id))).text


async def test_a_mail_in_velocity_has_a_page_by_the_vendors_address(site: Site) -> None:
    source = '<p>$!data.get("n") %FIRSTNAME%</p><a href="https://esputnik.com/viewInBrowser">View</a>'
    shop = await _shop(site, source, "velocity@example.com", Dialect.VELOCITY)
    message_id = await shop.send(n="A-500")
    page = await shop.get(shop.address(message_id))
    assert (page.status_code, "<p>A-500 Anna &lt;b&gt;</p>" in page.text) == (200, True)


async def test_nothing_is_kept_of_messages_without_parameters_or_without_a_page(shop: Shop, site: Site) -> None:
    assert await shop.kept(await shop.send()) == 0
    plain = await _shop(site, "<p>{{ order|default('') }}</p>", "plain@example.com")
    assert await plain.kept(await plain.send(order="4711")) == 0
    assert await shop.kept(await shop.send(order="4711")) == 1


async def test_the_page_runs_nothing_leads_nowhere_and_is_not_indexed(shop: Shop) -> None:
    answer = await shop.get(shop.address(campaign_message_id(7, shop.contact_id)))
    policy = answer.headers["content-security-policy"]
    assert policy.startswith("sandbox allow-popups allow-popups-to-escape-sandbox; default-src 'none'")
    assert "script" not in policy
    assert answer.headers["x-robots-tag"] == "noindex, nofollow"
    assert answer.headers["referrer-policy"] == "no-referrer"
    assert answer.headers["cache-control"] == "no-store"


async def test_only_its_own_token_opens_the_page(shop: Shop) -> None:
    message_id = campaign_message_id(7, shop.contact_id)
    who = (shop.account_id, shop.content_id, shop.contact_id, message_id)
    tokens = shop.site.app.tokens
    good = tokens.view(*who)
    for token in (tokens.track(*who), tokens.unsubscribe(*who), good[:-1], good + "A", "", "x" * 5000):
        answer = await shop.get(f"/t/v/{token}")
        assert (answer.status_code, answer.content) == (404, b"Not found.\n"), token
    for path in (f"/t/u/{good}", f"/t/o/{good}.gif", f"/t/c/{good}/0"):
        assert (await shop.get(path)).status_code == 404
    async with shop.site.client(None) as client:
        assert (await client.post(f"/t/v/{good}")).status_code == 405


async def test_looking_at_the_page_counts_by_its_pixel(shop: Shop) -> None:
    message_id = campaign_message_id(7, shop.contact_id)
    who = (shop.account_id, shop.content_id, shop.contact_id, message_id)
    page = await shop.get(shop.address(message_id))
    assert f"/t/o/{shop.site.app.tokens.track(*who)}.gif" in page.text


async def test_the_page_of_an_old_single_message_is_gone_and_so_are_its_parameters(shop: Shop) -> None:
    message_id = await shop.send(order="4711")
    old = UUID(int=message_id.int - (31 * 86_400_000 << 80))
    async with shop.site.app.database.system() as connection:
        await connection.execute(
            "UPDATE message_params SET message_id = %s, created_at = now() - %s WHERE message_id = %s",
            (old, timedelta(days=31), message_id),
        )
    answer = await shop.get(shop.address(old))
    assert answer.status_code == 410
    assert "no longer available" in answer.text
    fresh = await shop.send(order="4712")
    assert await shop.site.app.web_versions.forget() == 1
    assert (await shop.kept(old), await shop.kept(fresh)) == (0, 1)


async def test_the_page_is_gone_with_its_contact_and_nothing_of_the_message_stays(shop: Shop) -> None:
    message_id = await shop.send(order="4711")
    await shop.site.app.contacts.erase(shop.account_id, shop.contact_id)
    assert (await shop.get(shop.address(message_id))).status_code == 410
    assert await shop.kept(message_id) == 0


async def test_the_page_of_a_contact_that_was_merged_shows_the_one_that_was_kept(shop: Shop) -> None:
    app = shop.site.app
    kept = await app.contacts.upsert_one(
        shop.account_id, ContactInput(email="kept@example.com", first_name="Kept"), UpsertOptions()
    )
    await app.contacts.merge(shop.account_id, kept.contact_id, shop.contact_id)
    assert "Привіт, Kept" in (await shop.get(shop.address(campaign_message_id(7, shop.contact_id)))).text


async def test_a_page_that_can_no_longer_be_filled_or_never_was_is_gone(shop: Shop, site: Site) -> None:
    needy = await _shop(site, "<p>{{ order }}</p><a href='{{ view_url }}'>View</a>", "needy@example.com")
    assert (await needy.get(needy.address(single_message_id(needy.contact_id)))).status_code == 410
    who = (shop.account_id, 1 << 40, shop.contact_id, campaign_message_id(7, shop.contact_id))
    assert (await shop.get(f"/t/v/{site.app.tokens.view(*who)}")).status_code == 410
    stranger = (site.other.account_id, shop.content_id, shop.contact_id, campaign_message_id(7, shop.contact_id))
    assert (await shop.get(f"/t/v/{site.app.tokens.view(*stranger)}")).status_code == 410
