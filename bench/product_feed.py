"""Products a second of a feed, from the file to the catalogue, against a plain parse of the same file.

The floor is the standard library's iterparse, which makes an element of every offer and throws it away. The product
parses in a process of its own, checks and stages every product, and puts them into the catalogue in one transaction.
Twice: all new, and a file in which one product in a hundred has another price. Runs alternate; the median counts.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import AsyncIterator
from io import BytesIO
from xml.etree.ElementTree import iterparse

from bench.figures import Figure
from bench.house import house
from syncom.app import App

OFFERS = 20_000
ROUNDS = 3
_CATEGORIES = "".join(f'<category id="{number}">Category {number}</category>' for number in range(1, 50))


async def run(*, offers: int = OFFERS, rounds: int = ROUNDS) -> list[Figure]:
    """Two figures."""
    new, again = _file(offers, "990"), _file(offers, "890")
    loaded: list[float] = []
    renewed: list[float] = []
    parsed: list[float] = []
    async with house() as made:
        app = made.app
        for _ in range(rounds):
            account_id, feed_id = await _feed(app)
            parsed.append(_parse(new, offers))
            loaded.append(await _load(app, account_id, feed_id, new, created=offers, changed=0))
            changed = sum(number % 100 == 0 for number in range(offers))
            renewed.append(await _load(app, account_id, feed_id, again, created=0, changed=changed))
    floor = statistics.median(parsed)
    return [
        Figure(
            issue="04",
            name=f"{what} of {offers:,} products, against a plain parse",
            measured=offers / statistics.median(measured),
            floor=offers / floor,
            unit="products/s",
            must=must,
            aim=aim,
        )
        for what, measured, must, aim in (
            ("first load of a feed", loaded, 0.05, 0.1),
            ("renewal of a feed, one in a hundred changed,", renewed, 0.08, 0.15),
        )
    ]


async def _feed(app: App) -> tuple[int, int]:
    from syncom.accounts.service import machine_principal
    from syncom.products.feeds.model import FeedInput

    account_id = (await app.accounts.create_account(machine_principal(0), name="Bench")).account_id
    return account_id, (await app.product_feeds.add(account_id, FeedInput(name="Shop"))).feed_id


def _parse(file: bytes, offers: int) -> float:
    started = time.monotonic()
    found = 0
    for _, element in iterparse(BytesIO(file)):
        if element.tag == "offer":
            found += 1
            element.clear()
    if found != offers:
        raise RuntimeError(f"{found} offers were parsed")
    return time.monotonic() - started


async def _load(app: App, account_id: int, feed_id: int, file: bytes, *, created: int, changed: int) -> float:
    async def pieces() -> AsyncIterator[bytes]:
        for start in range(0, len(file), 1 << 16):
            yield file[start : start + (1 << 16)]

    started = time.monotonic()
    done = (await app.product_feeds.take_file(account_id, feed_id, pieces())).last_result
    seconds = time.monotonic() - started
    if done is None or (done.created, done.changed, done.refused) != (created, changed, 0):
        raise RuntimeError(f"the feed ended with {done}")
    return seconds


def _file(offers: int, price: str) -> bytes:
    """YML; one price in a hundred is the given one."""
    lines = "".join(
        f'<offer id="{number}" available="true" group_id="{number // 3}">'
        f"<url>https://shop.example/p/{number}</url><price>{price if number % 100 == 0 else number % 3000 + 1}</price>"
        f"<currencyId>UAH</currencyId><categoryId>{number % 49 + 1}</categoryId>"
        f"<picture>https://shop.example/i/{number}-1.jpg</picture><picture>https://shop.example/i/{number}-2.jpg</picture>"
        f"<name>Черевики {number}</name><vendor>Майстерня</vendor>"
        f"<description>Шкіряні черевики на щодень, модель {number}. {'Зручні та теплі. ' * 10}</description>"
        f'<param name="Розмір">{36 + number % 10}</param><param name="Колір">чорний</param></offer>'
        for number in range(offers)
    )
    return (
        '<?xml version="1.0" encoding="UTF-8"?><yml_catalog><shop>'
        f"<categories>{_CATEGORIES}</categories><offers>{lines}</offers></shop></yml_catalog>"
    ).encode()
