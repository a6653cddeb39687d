"""Products in mails that are really sent: picked for a batch of readers, each in their language."""

from __future__ import annotations

import email
import email.policy
import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import psycopg
import pytest

from syncom.campaigns.model import CampaignState
from syncom.content.model import TemplateInput
from syncom.events.model import EventInput
from syncom.events.service import EventsService
from syncom.messages.model import MessageState, SenderRole
from syncom.messages.service import MessageRecipient, SendRequest
from syncom.orders.model import OrderInput, OrderItem
from syncom.orders.service import OrdersService
from syncom.postgres.pool import Database
from syncom.products.model import Availability, ProductInput
from tests.messages.email.smtp_peer import SmtpPeer, running_peer
from tests.messages.house import SendingHouse, sending

DONE = (CampaignState.FINISHED, CampaignState.FAILED)
NOW = datetime.now(UTC)


def letter(call: str) -> TemplateInput:
    """A mail with a block."""
    return TemplateInput(
        name="Letter",
        subject="For you",
        source=(
            f"<body><ul>{{% for product in {call} %}}"
            '<li><a href="{{ product.url }}">{{ product.name }}</a> {{ product.price_text }} {{ product.currency }}'
            "{% if product.old_price %} instead of {{ product.old_price_text }}, -{{ product.discount }}%{% endif %}"
            '{% if product.image_url %}<img src="{{ product.image_url }}" alt="">{% endif %}</li>'
            '{% else %}<li>Nothing</li>{% endfor %}</ul><a href="{{ unsubscribe_url }}">Unsubscribe</a></body>'
        ),
    )


def product(ident: str, **members: Any) -> ProductInput:
    given = {"name": f"The {ident}", "url": f"https://shop.example/{ident}", "price": Decimal(10), "currency": "EUR"}
    return ProductInput(product_id=ident, **given | members)


def line(ident: str) -> OrderItem:
    return OrderItem(
        name=f"Ordered {ident}", external_id=ident, price=Decimal(9), url=f"https://shop.example/o/{ident}"
    )


class Shop:
    """What happens in the shop."""

    def __init__(self, house: SendingHouse) -> None:
        self._house = house
        self.events = EventsService(house.database, house.contacts, house.clock)
        self.orders = OrdersService(house.database, house.contacts, self.events)

    async def views(self, contact_id: int, *idents: str) -> None:
        for place, ident in enumerate(idents):
            said = {"productId": ident, "name": f"Seen {ident}", "url": f"https://shop.example/v/{ident}"}
            when = NOW - timedelta(hours=1) + timedelta(minutes=place)
            event = EventInput(
                type_key="productViewed", contact_id=contact_id, params={"product": said}, occurred_at=when
            )
            await self.events.record(self._house.account_id, [event])

    async def order(self, number: str, contact_id: int, *idents: str) -> None:
        given = OrderInput(
            contact_id=contact_id,
            external_id=number,
            status="DELIVERED",
            total=Decimal(9),
            ordered_at=NOW - timedelta(days=1),
            items=tuple(line(ident) for ident in idents),
        )
        await self.orders.add(self._house.account_id, [given])


def listed(peer: SmtpPeer) -> dict[str, list[str]]:
    """What stands in the list of each mail, by the local part of its recipient."""
    found: dict[str, list[str]] = {}
    for mail in peer.accepted:
        message = email.message_from_bytes(mail.data, policy=email.policy.default)
        html = message.get_body(("html",)).get_content()  # pyright: ignore[reportOptionalMemberAccess, reportAttributeAccessIssue]
        lines = re.findall(r"<li>(.*?)</li\s*>", html, re.DOTALL)
        texts = (re.sub(r"<[^>]*>", "", one) for one in lines)
        found[mail.rcpt_to.partition("@")[0]] = [" ".join(text.split()) for text in texts]
    return found


async def sent(house: SendingHouse, call: str) -> dict[str, list[str]]:
    """Send a campaign with this block to everybody; what each one got."""
    async with running_peer() as peer:
        await house.sender(peer.port)
        campaign = await house.campaign(letter=letter(call))
        async with sending(house.loop()):
            finished = await house.until(campaign.campaign_id, *DONE)
    assert finished.state is CampaignState.FINISHED, finished.problem
    return listed(peer)


async def test_everybody_gets_what_they_looked_at_and_others_get_what_sells(house: SendingHouse) -> None:
    one, two, three = await house.people(3)
    shop = Shop(house)
    await house.products.put(
        house.account_id,
        [
            product("a", sale_price=Decimal("7.5"), image_url="https://shop.example/a.jpg"),
            product("b", availability=Availability.OUT_OF_STOCK),
            product("c", group_id="g"),
            product("d", group_id="g"),
            product("e", url=""),
            product("f"),
        ],
    )
    await shop.views(one, "f", "e", "d", "c", "b", "a", "gone")
    await shop.views(two, "b")
    await shop.order("1", three, "f", "a")
    await shop.order("2", three, "f")
    got = await sent(house, 'products("viewed", limit=2, fallback="bestsellers")')
    assert got == {
        "p1": ["The a 7.50 EUR instead of 10, -25%", "The c 10 EUR"],
        "p2": ["The f 10 EUR", "The a 7.50 EUR instead of 10, -25%"],
        "p3": ["The f 10 EUR", "The a 7.50 EUR instead of 10, -25%"],
    }, "not what is sold out, has no address, is gone, or is the same in another size"


async def test_links_of_products_are_counted_and_lead_to_the_shop(house: SendingHouse) -> None:
    await house.people(1)
    await house.products.put(house.account_id, [product("a", url="https://shop.example/a?x=1&y=<2>")])
    async with running_peer() as peer:
        await house.sender(peer.port)
        campaign = await house.campaign(letter=letter('products("new")'))
        async with sending(house.loop()):
            await house.until(campaign.campaign_id, *DONE)
    message = email.message_from_bytes(peer.accepted[0].data, policy=email.policy.default)
    html = message.get_body(("html",)).get_content()  # pyright: ignore[reportOptionalMemberAccess, reportAttributeAccessIssue]
    assert re.search(r'<a href="http://127\.0\.0\.1:8080/t/r/[\w-]+/[\w-]+">The a</a>', html)


async def test_a_thousand_readers_cost_as_many_statements_as_ten(
    house: SendingHouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[int] = []
    statements = 0
    execute = psycopg.AsyncConnection.execute
    choose = house.content.products_for

    async def counting(self: Any, *arguments: Any, **named: Any) -> Any:
        nonlocal statements
        statements += 1
        return await execute(self, *arguments, **named)

    async def counted(account_id: int, content: Any, readers: Sequence[Any]) -> Any:
        nonlocal statements
        statements = 0
        monkeypatch.setattr(psycopg.AsyncConnection, "execute", counting)
        try:
            return await choose(account_id, content, readers)
        finally:
            monkeypatch.setattr(psycopg.AsyncConnection, "execute", execute)
            asked.append(statements)

    people = await house.people(300)
    shop = Shop(house)
    await house.products.put(house.account_id, [product(str(number)) for number in range(50)])
    for place, contact_id in enumerate(people[:40]):
        await shop.views(contact_id, str(place))
    template = await house.content.create(
        house.account_id, letter('products("recommended", limit=3, fallback="viewed")')
    )
    content = await house.content.compiled(house.account_id, template.content_id)
    from syncom.recommendations.model import BlockReader

    for count in (10, 300):
        picked = await counted(house.account_id, content, [BlockReader(contact_id=one) for one in people[:count]])
        assert len(picked) == count
    assert asked[1] <= asked[0] <= 20


async def test_a_reader_gets_products_in_their_language(house: SendingHouse) -> None:
    await house.people(1, language="uk-UA")
    await house.products.put(
        house.account_id,
        [product("a", name="Lamp"), product("a", name="Лампа", language="uk"), product("b", name="Hat")],
    )
    got = await sent(house, 'products(ids=["b", "a", "nothing"])')
    assert got == {"p1": ["Hat 10 EUR", "Лампа 10 EUR"]}


async def test_what_goes_with_what_somebody_bought_is_recommended(house: SendingHouse) -> None:
    one, two = await house.people(2)
    shop = Shop(house)
    await shop.order("1", one, "lamp")
    await shop.order("2", two, "lamp", "hammer", "saw")
    await shop.order("3", two, "lamp", "saw")
    got = await sent(house, 'products("recommended", limit=2)')
    assert got == {"p1": ["Ordered saw 9", "Ordered hammer 9"], "p2": ["Nothing"]}, "as orders say it"


async def test_a_category_is_asked_for_by_name_or_path(house: SendingHouse) -> None:
    await house.people(1)
    shoes, books = ("Clothes", "Shoes"), ("Books", "Shoes")
    await house.products.put(
        house.account_id,
        [product("a", categories=shoes), product("b", categories=books), product("c", categories=("Clothes",))],
    )
    got = await sent(house, 'products("category:clothes > Shoes", limit=5)')
    assert got == {"p1": ["The a 10 EUR"]}


async def test_the_lines_of_a_cart_become_products_of_the_catalogue(house: SendingHouse) -> None:
    (contact_id,) = await house.people(1)
    await house.products.put(
        house.account_id, [product("a"), product("b", availability=Availability.OUT_OF_STOCK), product("c")]
    )
    source = letter("products(ids=cart.products, limit=10)")
    source = TemplateInput(
        name="Cart", subject="Cart", source=source.source.replace("<li>", "<li>{{ product.item.quantity }} × ", 1)
    )
    template = await house.content.create(house.account_id, source)
    cart = [{"productId": one, "quantity": 2} for one in ("c", "b", "a", "gone")]
    async with running_peer() as peer:
        await house.sender(peer.port)
        request = SendRequest(
            template_id=template.template_id,
            recipients=(MessageRecipient(contact_id=contact_id, params={"cart": {"products": cart}}),),
        )
        message_ids = await house.messages.send(house.account_id, request)
        async with sending(house.loop(SenderRole.EXPRESS)):
            for _ in range(200):
                (status,) = await house.messages.status(house.account_id, message_ids)
                if status.state is MessageState.SENT:
                    break
                await house.clock.sleep(0.05)
    assert listed(peer) == {"p1": ["2 × The c 10 EUR", "2 × The a 10 EUR"]}


async def test_previews_and_checks_know_the_blocks(house: SendingHouse, database: Database) -> None:
    (contact_id,) = await house.people(1)
    account = house.account_id
    template = await house.content.create(account, letter('products("bestsellers")'))
    findings = await house.content.check(account, template.template_id)
    assert [one.kind for one in findings] == ["no_products"]
    shown = await house.content.preview(account, template.template_id, {"contact_id": contact_id})
    assert "Nothing" in shown.html
    viewed = await house.content.create(account, letter('products("viewed")'))
    assert await house.content.check(account, viewed.template_id) == (), "it is about nobody in particular"
    fields = {"contact_id": contact_id, "language": ""}
    assert [one.kind for one in await house.content.check(account, viewed.template_id, fields)] == ["no_products"]
    await house.products.put(account, [product("a")])
    await Shop(house).views(contact_id, "a")
    assert await house.content.check(account, viewed.template_id, fields) == ()
    preview = await house.content.preview(account, viewed.template_id, fields)
    assert '<a href="https://shop.example/a">The a</a> 10 EUR' in preview.html
    assert "The a" in preview.text
