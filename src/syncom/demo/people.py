"""A thousand invented customers of an invented shop. The same seed makes the same people."""

from __future__ import annotations

import random
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from syncom.contacts.model import ContactInput
from syncom.orders.model import OrderInput, OrderItem
from syncom.products.model import ProductInput

_FIRST_NAMES = (
    "Olena", "Andrii", "Марія", "Іван", "Sofia", "Lukas", "Emma", "Noah", "Zoë", "Mateo", "Aiko", "Omar", "Chloé",
    "Bohdan", "Ірина", "Leon", "Mia", "Tomasz", "Ana", "José",
)  # fmt: skip
_LAST_NAMES = (
    "Kovalenko", "Шевченко", "Müller", "Rossi", "García", "Novák", "Smith", "O'Brien", "Dubois", "Tanaka", "Haddad",
    "Бондаренко", "Kowalski", "Jensen", "Silva",
)  # fmt: skip
_PLACES = (
    ("UA", "Kyiv", "uk", "Europe/Kyiv"),
    ("UA", "Львів", "uk", "Europe/Kyiv"),
    ("DE", "Berlin", "de", "Europe/Berlin"),
    ("PL", "Kraków", "pl", "Europe/Warsaw"),
    ("ES", "Valencia", "es", "Europe/Madrid"),
    ("GB", "Leeds", "en", "Europe/London"),
)
_GOODS = (
    ("Moka pot", "Coffee", "34.90"),
    ("Beans, 1 kg", "Coffee", "22.50"),
    ("Pour-over set", "Coffee", "48.00"),
    ("Green tea, 200 g", "Tea", "14.20"),
    ("Teapot", "Tea", "39.00"),
    ("Mug", "Ceramics", "12.00"),
    ("Bowl", "Ceramics", "18.50"),
)
_SIZES = ("S", "M", "L")


def contacts(count: int, seed: int = 7) -> list[ContactInput]:
    """Customers with names, places and two custom fields (``favourite``, ``points``)."""
    dice = random.Random(seed)  # noqa: S311 - sample data
    made: list[ContactInput] = []
    for number in range(1, count + 1):
        country, city, language, zone = dice.choice(_PLACES)
        made.append(
            ContactInput(
                email=f"customer{number}@{dice.choice(('mail', 'post', 'box'))}.example",
                phone=f"+38067{number:07d}",
                external_id=f"C-{number:05d}",
                # Some people never told their name: the letter must read well for them too.
                first_name="" if dice.random() < 0.08 else dice.choice(_FIRST_NAMES),
                last_name=dice.choice(_LAST_NAMES),
                country=country,
                city=city,
                language=language,
                time_zone=zone,
                fields={"favourite": dice.choice(("Coffee", "Tea", "Ceramics")), "points": dice.randrange(0, 900)},
            )
        )
    return made


def products() -> list[ProductInput]:
    """The catalogue of the shop: what its orders name. The teapot is on sale."""
    return [
        ProductInput(
            product_id=_product_id(name),
            name=name,
            url=f"https://shop.example/products/{_product_id(name)}",
            categories=(category,),
            price=Decimal(price),
            sale_price=Decimal(29) if name == "Teapot" else None,
            currency="EUR",
        )
        for name, category, price in _GOODS
    ]


def _product_id(name: str) -> str:
    return name.partition(",")[0].lower().replace(" ", "-")


def orders(contact_ids: Sequence[int], now: datetime, seed: int = 7) -> list[OrderInput]:
    """A year of orders: most people few, some people many."""
    dice = random.Random(seed)  # noqa: S311 - sample data
    made: list[OrderInput] = []
    for contact_id in contact_ids:
        for number in range(min(int(dice.paretovariate(1.2)) - 1, 12)):
            goods = dice.sample(_GOODS, dice.randrange(1, 4))
            items = tuple(
                OrderItem(
                    name=name,
                    category=category,
                    price=Decimal(price),
                    quantity=Decimal(dice.randrange(1, 4)),
                    external_id=_product_id(name),
                )
                for name, category, price in goods
            )
            made.append(
                OrderInput(
                    contact_id=contact_id,
                    external_id=f"O-{contact_id}-{number}",
                    status=dice.choice(("DELIVERED", "DELIVERED", "DELIVERED", "IN_PROGRESS", "CANCELLED")),
                    total=sum((item.price * item.quantity for item in items), Decimal(0)),
                    currency="EUR",
                    ordered_at=now - timedelta(days=dice.random() * 365),
                    items=items,
                )
            )
    return made


def moments(count: int, now: datetime, days: int, seed: int) -> list[datetime]:
    """Times in the last days, by daylight."""
    dice = random.Random(seed)  # noqa: S311 - sample data
    return sorted(
        (now - timedelta(days=dice.random() * days)).replace(hour=dice.randrange(7, 22), tzinfo=UTC)
        for _ in range(count)
    )
