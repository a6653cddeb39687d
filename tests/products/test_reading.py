"""Files of feeds, good, clumsy and hostile, read in this process."""

from __future__ import annotations

import gzip
import tracemalloc
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import pytest

from syncom.products.feeds import reading
from syncom.products.feeds.model import FeedFormat, FeedProblem
from syncom.products.feeds.reading import ReadRequest, batches
from syncom.products.feeds.values import known_currency, money, text_of
from syncom.products.model import Availability, ProductInput
from tests.products.shop import offer, yml

_RSS = """<?xml version="1.0"?>
<rss version="2.0" xmlns:g="http://base.google.com/ns/1.0"><channel><title>Shop</title><link>https://shop.example</link>
<item><g:id>s1</g:id><title>Shirt, red</title><link>https://shop.example/s1?v=red&amp;x=1</link>
<description><![CDATA[<p>Soft <b>cotton</b></p><p>Two&nbsp;pockets</p>]]></description>
<g:image_link>https://shop.example/1.jpg</g:image_link>
<g:additional_image_link>https://shop.example/2.jpg</g:additional_image_link>
<g:additional_image_link>no address</g:additional_image_link>
<g:price>1,299.00 USD</g:price><g:sale_price>999 USD</g:sale_price>
<g:sale_price_effective_date>2026-11-20T00:00-0500/2026-11-30T23:59-0500</g:sale_price_effective_date>
<g:availability>in stock</g:availability><g:brand>Acme</g:brand><g:product_type>Clothes &gt; Shirts</g:product_type>
<g:item_group_id>s</g:item_group_id><g:color>red</g:color>
<g:shipping><g:country>US</g:country><g:price>5 USD</g:price></g:shipping>
<g:product_detail><g:section_name>Cloth</g:section_name><g:attribute_name>Wash</g:attribute_name>
<g:attribute_value>30°</g:attribute_value></g:product_detail></item>
<item><g:id>s2</g:id><title>Shirt</title><g:availability>sold out</g:availability></item>
</channel></rss>"""
_ATOM = """<feed xmlns="http://www.w3.org/2005/Atom" xmlns:g="http://base.google.com/ns/1.0"><title>Shop</title>
<entry><g:id>s1</g:id><title>Shirt</title><link rel="alternate" href="https://shop.example/s1"/><g:price>5 EUR</g:price>
<g:availability>preorder</g:availability><g:google_product_category>212</g:google_product_category></entry></feed>"""
_TABLE = (
    "id\ttitle\tlink\timage link\tadditional image link\tprice\tavailability\tproduct type\n"
    's1\t"Shirt, red"\thttps://shop.example/s1\thttps://shop.example/1.jpg\t'
    "https://shop.example/2.jpg,https://shop.example/3.jpg\t15.00 USD\tin_stock\tClothes > Shirts\n"
    "s2\tToo\tfew\n"
    "s3\tHat\t\t\t\tfree\tin_stock\t\n"
    "s4\tSock\t\t\t\t\tout of stock\t\n"
)


def read(data: bytes | str, folder: Path, language: str = "") -> tuple[list[ProductInput], list[FeedProblem], str]:
    """The products of a file, what is wrong with others, and why nothing of it can be taken."""
    path = folder / "feed"
    path.write_bytes(data.encode() if isinstance(data, str) else data)
    products: list[ProductInput] = []
    problems: list[FeedProblem] = []
    failure = ""
    for batch in batches(ReadRequest(path=str(path), language=language)):
        rows: list[dict[str, Any]] = msgspec.json.decode(batch.rows)
        products += [msgspec.convert(row["details"], ProductInput, strict=False) for row in rows]
        problems += batch.problems
        failure = batch.failure
    return products, problems, failure


def test_an_offer_of_yml_becomes_a_product(tmp_path: Path) -> None:
    text = """<?xml version="1.0" encoding="windows-1251"?>
<!DOCTYPE yml_catalog SYSTEM "shops.dtd">
<yml_catalog date="2026-11-26 10:00"><shop><name>Крамниця</name><categories><category id="1">Одяг</category>
<category id="2" parentId="1">Взуття</category></categories><offers>
<offer id="b-1" available="true" group_id="b"><url>https://shop.example/чоботи</url><price>899,50</price>
<oldprice>1 200</oldprice><currencyId>UAH</currencyId><categoryId>2</categoryId>
<picture>https://shop.example/1.jpg</picture><picture>https://shop.example/2.jpg</picture>
<name>Чоботи &quot;Зима&quot;</name><name_ua>Чоботи українською</name_ua><vendor>Acme</vendor>
<vendorCode>X-7</vendorCode>
<description><![CDATA[<b>Теплі</b>]]></description><param name="Розмір" unit="EU">42</param>
<delivery-options><option cost="50" days="1"/></delivery-options></offer>
<offer id="b-2" type="vendor.model" available="false"><typePrefix>Шапка</typePrefix><vendor>Acme</vendor>
<model>Q</model><price>10</price><oldprice>5</oldprice><currencyId>RUR</currencyId><categoryId>9</categoryId></offer>
</offers></shop></yml_catalog>"""
    products, problems, failure = read(text.encode("cp1251"), tmp_path)
    assert (problems, failure) == ([], "")
    assert products[0] == ProductInput(
        product_id="b-1",
        name='Чоботи "Зима"',
        url="https://shop.example/%D1%87%D0%BE%D0%B1%D0%BE%D1%82%D0%B8",
        image_url="https://shop.example/1.jpg",
        images=("https://shop.example/2.jpg",),
        description="Теплі",
        brand="Acme",
        categories=("Одяг", "Взуття"),
        price=Decimal("1200.00"),
        sale_price=Decimal("899.50"),
        currency="UAH",
        group_id="b",
        attributes={"vendorCode": "X-7", "Розмір": "42 EU"},
    )
    second = products[1]
    assert (second.name, second.availability, second.price, second.sale_price, second.currency, second.categories) == (
        "Шапка Acme Q",
        Availability.OUT_OF_STOCK,
        Decimal(10),
        None,
        "RUB",
        (),
    )
    ukrainian, _, _ = read(text.encode("cp1251"), tmp_path, language="uk")
    assert (ukrainian[0].name, ukrainian[0].language) == ("Чоботи українською", "uk")


def test_an_item_of_google_becomes_a_product(tmp_path: Path) -> None:
    (first,), (problem,), failure = read(_RSS, tmp_path)
    assert failure == ""
    assert first == ProductInput(
        product_id="s1",
        name="Shirt, red",
        url="https://shop.example/s1?v=red&x=1",
        image_url="https://shop.example/1.jpg",
        images=("https://shop.example/2.jpg",),
        description="Soft cotton\nTwo pockets",
        brand="Acme",
        categories=("Clothes", "Shirts"),
        price=Decimal("1299.00"),
        sale_price=Decimal("999.00"),
        sale_from=datetime(2026, 11, 20, 5, tzinfo=UTC),
        sale_until=datetime(2026, 12, 1, 4, 59, tzinfo=UTC),
        currency="USD",
        group_id="s",
        attributes={"Wash": "30°", "color": "red"},
    )
    assert (problem.product_id, problem.field, problem.line) == ("s2", "availability", 15)


def test_atom_and_tables_are_understood_too(tmp_path: Path) -> None:
    (atom,), _, _ = read(_ATOM, tmp_path)
    assert (atom.url, atom.price, atom.availability) == ("https://shop.example/s1", Decimal(5), Availability.PREORDER)
    assert (atom.currency, atom.categories) == ("EUR", ())
    for data in (_TABLE.encode(), _TABLE.encode("utf-16"), gzip.compress(_TABLE.encode())):
        products, problems, failure = read(data, tmp_path)
        assert failure == ""
        assert [one.product_id for one in products] == ["s1", "s4"]
        assert (products[0].name, products[0].categories) == ("Shirt, red", ("Clothes", "Shirts"))
        assert products[0].images == ("https://shop.example/2.jpg", "https://shop.example/3.jpg")
        assert products[1].availability is Availability.OUT_OF_STOCK
        assert sorted((one.line, one.field) for one in problems) == [(3, "row"), (4, "price")]
    assert [batch.format for batch in batches(ReadRequest(path=str(tmp_path / "feed")))] == [FeedFormat.TABLE]


def test_categories_may_stand_after_the_offers_and_in_a_circle(tmp_path: Path) -> None:
    text = (
        '<yml_catalog><shop><offers><offer id="a"><name>A</name><categoryId>1</categoryId></offer></offers>'
        '<categories><category id="1" parentId="2">One</category><category id="2" parentId="1">Two</category>'
        "</categories></shop></yml_catalog>"
    )
    (product,), _, _ = read(text, tmp_path)
    assert product.categories == ("Two", "One")


_LAUGHS = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10 if n else "ha"}">' for n in range(10))
_FILE = '<!ENTITY x SYSTEM "file:///etc/passwd">'
_OFFER = '<offer id="a"><name>{}</name></offer>'


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (f"<!DOCTYPE yml_catalog [{_LAUGHS}]><yml_catalog>{_OFFER.format('&l9;')}</yml_catalog>", "entity l0"),
        (f"<!DOCTYPE yml_catalog [{_FILE}]><yml_catalog>{_OFFER.format('&x;')}</yml_catalog>", "entity x"),
        (
            '<!DOCTYPE yml_catalog [<!ENTITY % x SYSTEM "http://127.0.0.1:1/x.dtd"> %x;]><yml_catalog></yml_catalog>',
            "entity x",
        ),
        ("<yml_catalog>" + "<a>" * 40 + "</a>" * 40 + "</yml_catalog>", "nested deeper"),
        ("<yml_catalog>" + _OFFER.format("&nbsp;") + "</yml_catalog>", "undefined entity"),
        ("<yml_catalog>" + _OFFER.format("\x01") + "</yml_catalog>", "not well-formed"),
        ("<yml_catalog><offer id='a'></name></offer></yml_catalog>", "mismatched tag"),
        ("<yml_catalog><!--" + "x" * 3_000_000 + "--></yml_catalog>", "too long"),
        ("<yml_catalog><offer id='" + "x" * 3_000_000 + "'/></yml_catalog>", "too long"),
        ('<?xml version="1.0" encoding="klingon"?><yml_catalog></yml_catalog>', "unknown encoding"),
        ("<svg></svg>", "begins with <svg>"),
    ],
)
def test_hostile_and_broken_xml_is_refused(tmp_path: Path, text: str, reason: str) -> None:
    products, _, failure = read(text, tmp_path)
    assert reason in failure
    assert products == []


def test_entities_of_a_catalogue_elsewhere_are_not_fetched(tmp_path: Path) -> None:
    text = (
        f'<!DOCTYPE yml_catalog SYSTEM "http://127.0.0.1:1/shops.dtd"><yml_catalog>{_OFFER.format("A")}</yml_catalog>'
    )
    (product,), _, failure = read(text, tmp_path)
    assert (product.name, failure) == ("A", "")


def test_an_offer_that_is_too_large_is_refused_alone(tmp_path: Path) -> None:
    many = '<offer id="many">' + "<x>1</x>" * 3_000 + "<name>M</name></offer>"
    long = f'<offer id="long"><name>L</name><description>{"x" * 700_000}</description></offer>'
    named = f'<offer id="named"><name>{"x" * 501}</name></offer>'
    products, problems, failure = read(yml([many, long, named, offer("a")]), tmp_path)
    assert failure == ""
    assert [one.product_id for one in products] == ["a"]
    assert [(one.product_id, one.field) for one in problems] == [
        ("many", "offer"),
        ("long", "offer"),
        ("named", "name"),
    ]


def test_what_unpacks_to_too_much_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "MAX_UNPACKED", 1 << 20)
    products, _, failure = read(gzip.compress(b" " * (5 << 20)), tmp_path)
    assert (products, "unpacks to more than" in failure) == ([], True)
    assert (tmp_path / "feed.plain").stat().st_size <= 1 << 20


def test_memory_does_not_grow_with_the_file(tmp_path: Path) -> None:
    peaks: list[int] = []
    for count in (2_000, 8_000):
        path = tmp_path / "feed"
        path.write_bytes(yml(offer(str(number), description="x" * 200) for number in range(count)))
        tracemalloc.start()
        assert sum(batch.offers for batch in batches(ReadRequest(path=str(path)))) == count
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < peaks[0] * 1.2


@pytest.mark.parametrize(
    ("text", "amount", "currency"),
    [
        ("15.00 USD", "15.00", "USD"),
        ("EUR 9", "9", "EUR"),
        ("1 234,50 грн.", "1234.50", "UAH"),
        ("1,234.50", "1234.50", ""),
        ("1.234,50 €", "1234.50", "EUR"),
        ("1,234", "1234", ""),
        ("1,234,567 JPY", "1234567", "JPY"),
        ("12,5", "12.5", ""),
        ("1'299.00 CHF", "1299.00", "CHF"),
        ("1.234.567", "1234567", ""),
        ("0", "0", ""),
    ],
)
def test_prices_are_read_as_shops_write_them(text: str, amount: str, currency: str) -> None:
    assert money(text) == (Decimal(amount), currency)


def test_what_is_no_price_is_refused() -> None:
    assert money(" ") == (None, "")
    for wrong in ("free", "-5 USD", "USD"):
        with pytest.raises(ValueError, match="is no price"):
            money(wrong)
    assert (known_currency("rur"), known_currency("points")) == ("RUB", "")
    assert text_of("<ul><li>One</li><li>Two &amp; three</li></ul>") == "One\nTwo & three"
