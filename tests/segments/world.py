"""Contacts with a history of everything, and the condition language said in the plainest Python."""

from __future__ import annotations

import json
import random
from collections.abc import Generator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import msgspec
from psycopg.types.json import Jsonb

from syncom.contacts.model import CustomField, FieldType
from syncom.postgres.pool import Connection
from syncom.segments.rfm_classes import class_of

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
TODAY = NOW.date()
FIELDS = [
    CustomField(field_id=1, key="shoe_size", name="Shoe size", type=FieldType.NUMBER),
    CustomField(field_id=2, key="vip", name="VIP", type=FieldType.BOOLEAN),
    CustomField(field_id=3, key="tags", name="Tags", type=FieldType.MULTICHOICE, choices=("a", "b")),
    CustomField(field_id=4, key="birthday", name="Birthday", type=FieldType.DATE),
    CustomField(field_id=5, key="met", name="Met", type=FieldType.DATETIME),
]
CATEGORIES = {"news": 11, "sales": 12}
CLASSES = (
    *("champions", "loyal", "potential_loyalist", "new", "promising", "need_attention", "about_to_sleep", "at_risk"),
    *("cant_lose", "hibernating", "lost"),
)
EVENT_TYPES = {"productViewed": 21, "cartUpdated": 22}
WORDS = ["", "Kyiv", "kyiv'; DROP TABLE contacts; --", "Львів", "%_\\", "100%", "{}", "a"]
DOMAINS = ["example.com", "mail.example", "EXAMPLE.com"]
MOMENTS = ["2026-11-20", "2026-11-20T00:00:00Z", "2026-11-20 02:00+02:00", "2026-11-20T02:00:00.5", "2024-02-29"]
PARAMETERS: list[Any] = [
    *MOMENTS,
    "2026-02-29",
    [],
    ["red", None, "2026-11-21"],
    [[5], {"x": 5}],
    *("", "red", "Red wine", 5, 5.5, "5", "5.50", "-3", "5e3", True, None, [1], "999999999999999999"),
]
STATUSES = ["DELIVERED", "delivered", "IN_PROGRESS", "CANCELLED", "ABANDONED_SHOPPING_CART"]
CHANNELS = {"email": 1, "sms": 2}
STATES = {"none": 0, "unconfirmed": 1, "subscribed": 2, "unsubscribed": 3}
#: What opens are, and so on: a click is an open too.
KINDS = {"delivered": {1}, "bounced": {2}, "opened": {3, 4}, "clicked": {4}, "unsubscribed": {5}, "complained": {6}}


@contextmanager
def at(moment: datetime) -> Generator[None]:
    """Read conditions as of another time than NOW."""
    global NOW, TODAY
    before = NOW
    NOW = moment
    TODAY = moment.date()
    try:
        yield
    finally:
        NOW = before
        TODAY = before.date()


class Fact(msgspec.Struct, frozen=True, kw_only=True):
    """Something that was sent (kind 0) or happened."""

    at: datetime
    kind: int
    campaign: int = 0
    channel: int = 1
    message: UUID = UUID(int=0)
    link: int | None = None
    human: bool = True


class Happened(msgspec.Struct, frozen=True, kw_only=True):
    """An event."""

    at: datetime
    type: str
    params: dict[str, Any]


class Bought(msgspec.Struct, frozen=True, kw_only=True):
    """An order."""

    at: datetime
    status: str
    total: Decimal
    refunded: Decimal
    currency: str
    items: list[dict[str, Any]]


class Someone(msgspec.Struct, kw_only=True):
    """A contact. Facts under ``dropped`` ids are theirs too: these contacts were merged into it."""

    contact_id: int
    city: str
    email: str | None
    states: dict[str, int]
    created_at: datetime
    fields: dict[str, Any]
    lists: list[int]
    categories: list[str]
    facts: list[Fact]
    events: list[Happened]
    orders: list[Bought]
    #: Recency, frequency, monetary and the number of the class; None: no customer.
    scores: tuple[int, int, int, int] | None
    #: Columns of what is foreseen; None: nothing is.
    prediction: dict[str, Any] | None
    dropped: int | None = None


def people(count: int = 150) -> list[Someone]:
    """Always the same ones."""
    chance = random.Random(7)
    return [_someone(number, chance) for number in range(1, count + 1)]


def _moment(chance: random.Random) -> datetime:
    # Also moments at the very edge of the windows that conditions use.
    if chance.random() < 0.2:
        return NOW - timedelta(days=chance.choice([1, 7, 30, 60]))
    return NOW - timedelta(seconds=chance.randint(0, 90 * 86_400))


def _someone(number: int, chance: random.Random) -> Someone:
    fields: dict[str, Any] = {}
    if chance.random() < 0.7:
        fields["1"] = chance.choice([chance.randint(30, 50), 42.5, -1, 0])
    if chance.random() < 0.7:
        fields["2"] = chance.random() < 0.5
    if chance.random() < 0.7:
        fields["3"] = chance.sample(["a", "b"], chance.randint(0, 2))
    if chance.random() < 0.8:
        near = TODAY + timedelta(days=chance.randint(-40, 40))
        day = chance.choice([date(1992, 2, 29), date(chance.randint(1950, 2005), near.month, min(near.day, 28)), near])
        fields["4"] = day.isoformat()
    if chance.random() < 0.7:
        fields["5"] = (NOW + timedelta(hours=chance.randint(-2000, 2000))).isoformat()
    facts: list[Fact] = []
    for place in range(chance.choice([0, 0, 1, 2, 5])):
        message = UUID(int=(number << 20) | (place << 8) | (number & 255))
        campaign, channel, sent = chance.choice([0, 1, 2]), chance.choice([1, 1, 2]), _moment(chance)
        about = {"campaign": campaign, "channel": channel, "message": message}
        facts.append(Fact(at=sent, kind=0, **about))
        for _ in range(chance.choice([0, 0, 1, 2, 4])):
            kind = chance.choice([1, 2, 3, 3, 3, 4, 4, 5, 6])
            at = min(NOW, sent + timedelta(hours=chance.randint(0, 500)))
            link = chance.randint(0, 2) if kind == 4 else None
            facts.append(Fact(at=at, kind=kind, link=link, human=chance.random() < 0.8, **about))
    events = [
        Happened(
            at=_moment(chance),
            type=chance.choice(list(EVENT_TYPES)),
            params=_params(chance),
        )
        for _ in range(chance.choice([0, 0, 1, 3]))
    ]
    orders = [
        Bought(
            at=_moment(chance),
            status=chance.choice(STATUSES),
            total=Decimal(chance.choice(["0", "10.50", "99.99", "100", "250"])),
            refunded=Decimal(chance.choice(["0", "0", "0", "5.25", "99.99"])),
            currency=chance.choice(["UAH", "EUR", "eur", ""]),
            items=[{"external_id": chance.choice("xyz"), "category": chance.choice(["Shoes", "Hats", ""])}],
        )
        for _ in range(chance.choice([0, 0, 1, 2, 4]))
    ]
    return Someone(
        contact_id=number,
        city=chance.choice(WORDS),
        email=chance.choice([None, f"p{number}@example.com", f"p{number}@mail.example"]),
        states={name: chance.randint(0, 3) for name in ("email", "sms", "webpush")},
        created_at=_moment(chance),
        fields=fields,
        lists=[lst for lst in (1, 2) if chance.random() < 0.4],
        categories=[key for key in CATEGORIES if chance.random() < 0.4],
        facts=facts,
        events=events,
        orders=orders,
        scores=None if chance.random() < 0.4 else _scores(*(chance.randint(1, 5) for _ in range(3))),
        prediction=_prediction(chance),
        dropped=number + 10_000 if chance.random() < 0.15 else None,
    )


def _params(chance: random.Random) -> dict[str, Any]:
    params = {name: chance.choice(PARAMETERS) for name in chance.sample(["colour", "price"], chance.randint(0, 2))}
    if chance.random() < 0.6:
        products = [
            {name: chance.choice(PARAMETERS) for name in ("price", "no", "a b") if chance.random() < 0.6}
            for _ in range(chance.randint(0, 3))
        ]
        params["basket"] = chance.choice([{"total": chance.choice(PARAMETERS), "products": products}, products, 5])
    if chance.random() < 0.1:
        params["basket.total"] = chance.choice(PARAMETERS)
    return params


def _prediction(chance: random.Random) -> dict[str, Any] | None:
    if chance.random() < 0.4:
        return None
    return {
        "churn": chance.choice([None, Decimal("0.7"), Decimal("0.1"), Decimal("0.95")]),
        "orders_30_days": chance.choice([Decimal("0.5"), Decimal(2)]),
        "orders_90_days": Decimal(3),
        "next_order_on": chance.choice([None, TODAY + timedelta(days=chance.randint(-9, 40))]),
        "order_value": chance.choice([None, Decimal("99.99"), Decimal(100)]),
        "lifetime_value": chance.choice([None, Decimal(350), Decimal("10.50")]),
    }


def _scores(recency: int, frequency: int, monetary: int) -> tuple[int, int, int, int]:
    return recency, frequency, monetary, int(class_of(recency, frequency, monetary))


def engagement(facts: list[Fact]) -> float:
    """The score: a point for each message opened, three more when it was clicked, halved with every 30 days since."""
    score = 0.0
    for kind, points in (("opened", 1), ("clicked", 3)):
        first: dict[UUID, datetime] = {}
        for fact in messages(facts, kind):
            first[fact.message] = min(first.get(fact.message, fact.at), fact.at)
        # It sinks once a second.
        now = NOW.replace(microsecond=0)
        score += sum(points * 0.5 ** ((now - at) / timedelta(days=30)) for at in first.values())
    return score


def _purchases(orders: list[Bought]) -> list[Bought]:
    return [order for order in orders if order.status.upper() not in ("CANCELLED", "ABANDONED_SHOPPING_CART")]


def messages(facts: list[Fact], kind: str) -> list[Fact]:
    """The facts that show it: people's only."""
    if kind == "sent":
        return [fact for fact in facts if fact.kind == 0]
    return [fact for fact in facts if fact.kind in KINDS[kind] and fact.human]


# ---------------------------------------------------------------- rows


async def store(connection: Connection, account_id: int, everybody: list[Someone]) -> None:
    """Their rows, as the product's own writers leave them."""
    for someone in everybody:
        key = (account_id, someone.contact_id & 255, someone.contact_id)
        # Facts of before the merge stay under the dropped contact's id.
        owner = key if someone.dropped is None else (account_id, someone.dropped & 255, someone.dropped)
        await connection.execute(
            "INSERT INTO contacts (account_id, bucket, contact_id, city, email, email_state, sms_state, push_state,"
            " created_at, fields) VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s)",
            (*key, someone.city, someone.email, *someone.states.values(), someone.created_at, Jsonb(someone.fields)),
        )
        if someone.dropped is not None:
            await connection.execute(
                "INSERT INTO merged_contacts (account_id, bucket, contact_id, into_contact_id) VALUES (%s, %s, %s, %s)",
                (*owner, someone.contact_id),
            )
        for list_id in someone.lists:
            await connection.execute(
                "INSERT INTO list_members (account_id, bucket, contact_id, list_id) VALUES (%s, %s, %s, %s)",
                (*key, list_id),
            )
        for category in someone.categories:
            await connection.execute(
                "INSERT INTO contact_categories (account_id, bucket, contact_id, category_id) VALUES (%s, %s, %s, %s)",
                (*key, CATEGORIES[category]),
            )
        for fact in someone.facts:
            await _store_fact(connection, owner, fact)
        for place, event in enumerate(someone.events):
            await connection.execute(
                "INSERT INTO events (account_id, bucket, contact_id, event_type_id, event_id, key, params, occurred_at)"
                " VALUES (%s, %s, %s, %s, %s, '', %s, %s)",
                (
                    *owner,
                    EVENT_TYPES[event.type],
                    UUID(int=(someone.contact_id << 32) | place),
                    Jsonb(event.params),
                    event.at,
                ),
            )
        for place, order in enumerate(someone.orders):
            await connection.execute(
                "INSERT INTO orders (account_id, bucket, contact_id, external_id, status, total, refunded, currency,"
                " ordered_at, items) VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s)",
                (
                    *(*key, f"o{place}", order.status, order.total, order.refunded, order.currency, order.at),
                    Jsonb(order.items),
                ),
            )
        if someone.prediction is not None:
            await connection.execute(
                "INSERT INTO contact_predictions (account_id, bucket, contact_id, churn, orders_30_days,"
                " orders_90_days, next_order_on, order_value, lifetime_value, predicted_at)"
                " VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, now())",
                (*key, *someone.prediction.values()),
            )
        if someone.scores is not None:
            await connection.execute(
                "INSERT INTO rfm_scores (account_id, bucket, contact_id, recency, frequency, monetary, class, orders,"
                " revenue, last_order_at, computed_at) VALUES (%s, %s, %s, %s, %s, %s, %s, 1, 1, now(), now())",
                (*key, *someone.scores),
            )
        await _store_statistics(connection, key, someone)


async def _store_fact(connection: Connection, owner: tuple[int, int, int], fact: Fact) -> None:
    if fact.kind == 0:
        await connection.execute(
            "INSERT INTO ledger (account_id, bucket, contact_id, message_id, campaign_id, sender_id, channel, state,"
            " uncertain, attempts, launched_at, settled_at, address) VALUES (%s, %s, %s, %s, %s, 1, %s, 1, false, 1,"
            " %s, %s, '')",
            (*owner, fact.message, fact.campaign, fact.channel, fact.at, fact.at),
        )
        return
    await connection.execute(
        "INSERT INTO activity (account_id, bucket, contact_id, occurred_at, kind, class, channel, campaign_id,"
        " message_id, link) VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s)",
        (*owner, fact.at, fact.kind, 0 if fact.human else 1, fact.channel, fact.campaign, fact.message, fact.link),
    )


async def _store_statistics(connection: Connection, key: tuple[int, int, int], someone: Someone) -> None:
    counts: list[int] = []
    moments: list[datetime | None] = []
    for kind in ("sent", "opened", "clicked"):
        facts = messages(someone.facts, kind)
        counts.append(len({fact.message for fact in facts}))
        moments.append(max((fact.at for fact in facts), default=None))
    bought = _purchases(someone.orders)
    if any(counts) or bought:
        await connection.execute(
            "INSERT INTO contact_statistics (account_id, bucket, contact_id, sent, opened, clicked, last_sent_at,"
            " last_open_at, last_click_at, orders, last_order_at, engagement)"
            " VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)",
            (
                *(*key, *counts, *moments, len(bought), max((order.at for order in bought), default=None)),
                engagement(someone.facts) * 2.0 ** ((NOW - datetime(2020, 1, 1, tzinfo=UTC)) / timedelta(days=30)),
            ),
        )


# ---------------------------------------------------------------- the language


def holds(tree: dict[str, Any], person: Someone) -> bool:
    """Whether a condition is true of somebody."""
    if "all" in tree:
        return all(holds(part, person) for part in tree["all"])
    if "any" in tree:
        return any(holds(part, person) for part in tree["any"])
    if "not" in tree:
        return not holds(tree["not"], person)
    if "list" in tree:
        return tree["list"] in person.lists
    if "category" in tree:
        return tree["category"].lower() in person.categories
    if "subscription" in tree:
        return person.states[tree["subscription"]] == STATES[tree["is"]]
    if "email_domain" in tree:
        given = tree["email_domain"]
        wanted = {domain.lower() for domain in (given if isinstance(given, list) else [given])}
        return person.email is not None and person.email.split("@")[1] in wanted
    if "activity" in tree:
        return _activity_holds(tree, person)
    if "event" in tree:
        return _event_holds(tree, person)
    if "orders" in tree:
        return _orders_hold(tree, person)
    if "rfm" in tree:
        return person.scores is not None and _rfm_holds(tree["rfm"], person.scores)
    if "engagement" in tree:
        return _engagement_holds(tree["engagement"], engagement(person.facts))
    if "prediction" in tree:
        return person.prediction is not None and _prediction_holds(tree, person.prediction)
    return _field_holds(tree, person)


def _engagement_holds(given: dict[str, Any], score: float) -> bool:
    # Nine digits count.
    nearly, hardly = 1 - 1e-9, 1 + 1e-9
    floors = {"active": 2, "warm": 0.5, "cooling": 0.125, "inactive": 0}
    band = next(name for name, floor in floors.items() if score >= floor * nearly)
    bounds = given.get("at_least", 0) * nearly <= score <= given.get("at_most", float("inf")) * hardly
    return bounds and band in given.get("band", [band])


def _prediction_holds(tree: dict[str, Any], foreseen: dict[str, Any]) -> bool:
    if tree["prediction"] == "next_order":
        day = foreseen["next_order_on"]
        if tree["op"] in ("is_set", "is_empty"):
            return (day is None) == (tree["op"] == "is_empty")
        return _day_holds(day, tree["op"], tree.get("value"))
    value = foreseen[tree["prediction"]]
    if value is None or tree["op"] in ("is_set", "is_empty"):
        return tree["op"] == (
            "not_equals" if value is None and "value" in tree else "is_empty" if value is None else "is_set"
        )
    return _compares(value, tree["op"], Decimal(str(tree["value"])))


def _rfm_holds(given: dict[str, Any], scores: tuple[int, int, int, int]) -> bool:
    named = dict(zip(("recency", "frequency", "monetary"), scores[:3], strict=True))
    bounds = all(
        given.get(name, {}).get("at_least", 1) <= score <= given.get(name, {}).get("at_most", 5)
        for name, score in named.items()
    )
    return bounds and ("class" not in given or CLASSES[scores[3] - 1] in given["class"])


def _inside(at: datetime, tree: dict[str, Any]) -> bool:
    if "in_last_days" in tree:
        return at >= NOW - timedelta(days=tree["in_last_days"])
    after = "from" not in tree or at >= datetime.fromisoformat(tree["from"])
    return after and ("to" not in tree or at < datetime.fromisoformat(tree["to"]))


def _counted(times: int, tree: dict[str, Any]) -> bool:
    if "at_most" in tree:
        return tree.get("at_least", 0) <= times <= tree["at_most"]
    return times >= tree.get("at_least", 1)


def _activity_holds(tree: dict[str, Any], person: Someone) -> bool:
    if tree["activity"] == "ordered":
        return _counted(len([order for order in _purchases(person.orders) if _inside(order.at, tree)]), tree)
    facts = [
        fact
        for fact in messages(person.facts, tree["activity"])
        if _inside(fact.at, tree)
        and ("campaign" not in tree or fact.campaign == tree["campaign"])
        and ("channel" not in tree or fact.channel == CHANNELS[tree["channel"]])
        and ("link" not in tree or fact.link == tree["link"])
    ]
    return _counted(len({fact.message for fact in facts}), tree)


def _event_holds(tree: dict[str, Any], person: Someone) -> bool:
    like = sorted(
        event.at
        for event in person.events
        if event.type == tree["event"] and all(_parameter_holds(part, event.params) for part in tree.get("where", []))
    )
    if "which" in tree:
        return bool(like) and _inside(like[0 if tree["which"] == "first" else -1], tree)
    return _counted(len([at for at in like if _inside(at, tree)]), tree)


def _parameter_holds(part: dict[str, Any], params: dict[str, Any]) -> bool:
    texts = [_json_text(value) for value in _values(part["param"], params)] or [""]
    operator, wanted = part["op"], part.get("value")
    contrary = {"not_equals": "equals", "is_empty": "is_set"}.get(operator)
    found = any(_text_holds(text, contrary or operator, wanted) for text in texts)
    return found != bool(contrary)


def _values(name: str, params: dict[str, Any]) -> list[Any]:
    """What a name leads to: lists are their elements."""
    if name in params:
        return _elements(params[name])
    found: list[Any] = [params]
    for step in name.split("."):
        found = [one[step] for value in found for one in _elements(value) if isinstance(one, dict) and step in one]
    return [one for value in found for one in _elements(value)]


def _elements(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _json_text(value: Any) -> str:
    return "" if value is None else value if isinstance(value, str) else json.dumps(value)


def _text_holds(text: str, operator: str, wanted: Any) -> bool:
    if operator == "is_set":
        return text != ""
    if operator == "in":
        return text in [_text_of(one) for one in wanted or []]
    if operator == "contains":
        return str(wanted).lower() in text.lower()
    if isinstance(wanted, str) and (moment := _moment_in(wanted)) is not None:
        found = _moment_in(text)
        return found is not None and _compares(found, operator, moment)
    if operator == "equals" and isinstance(wanted, bool | str):
        return text == _text_of(wanted)
    number = _number_in(text)
    return number is not None and _compares(number, operator, Decimal(str(wanted)))


def _moment_in(text: str) -> datetime | None:
    """Texts of the world are moments when they begin as one."""
    if not text.startswith("20"):
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)


def _text_of(value: Any) -> str:
    return ("true" if value else "false") if isinstance(value, bool) else str(value)


def _number_in(text: str) -> Decimal | None:
    digits = text.removeprefix("-")
    whole, mark, part = digits.partition(".")
    if whole.isascii() and whole.isdigit() and (not mark or (part.isascii() and part.isdigit())):
        return Decimal(text)
    return None


def _compares(value: Any, operator: str, wanted: Any) -> bool:
    return {
        "equals": lambda: value == wanted,
        "not_equals": lambda: value != wanted,
        "greater": lambda: value > wanted,
        "at_least": lambda: value >= wanted,
        "less": lambda: value < wanted,
        "at_most": lambda: value <= wanted,
    }[operator]()


def _orders_hold(tree: dict[str, Any], person: Someone) -> bool:
    where = tree.get("where", {})
    if "status" in where:
        orders = [one for one in person.orders if one.status.upper() in [word.upper() for word in where["status"]]]
    else:
        orders = _purchases(person.orders)
    orders = [
        order
        for order in orders
        if _inside(order.at, tree)
        and ("item" not in where or any(item["external_id"] == where["item"] for item in order.items))
        and ("category" not in where or any(item["category"] == where["category"] for item in order.items))
        and ("currency" not in where or order.currency.upper() == where["currency"].upper())
    ]
    measure = tree["orders"]
    if measure == "count" and "op" not in tree:
        return _counted(len(orders), tree)
    if measure in ("first_at", "last_at"):
        times = [order.at for order in orders]
        wanted = datetime.fromisoformat(tree["value"])
        found = (min if measure == "first_at" else max)(times, default=None)
        return found is not None and _compares(found, tree["op"], wanted)
    wanted = Decimal(str(tree["value"]))
    if measure == "count":
        return _compares(len(orders), tree["op"], wanted)
    # What is left after refunds, of any one currency: amounts of several are never added.
    amounts: dict[str, list[Decimal]] = {}
    for order in orders:
        amounts.setdefault(order.currency.upper(), []).append(order.total - order.refunded)
    if measure == "average":
        return any(_compares(sum(mine) / len(mine), tree["op"], wanted) for mine in amounts.values())
    return any(_compares(sum(mine), tree["op"], wanted) for mine in amounts.values() or [[Decimal(0)]])


def _field_holds(tree: dict[str, Any], person: Someone) -> bool:
    operator, wanted = tree["op"], tree.get("value")
    if tree["field"] in ("city", "email"):
        value = getattr(person, tree["field"]) or ""
        return {
            "equals": lambda: value == wanted,
            "not_equals": lambda: value != wanted,
            "contains": lambda: wanted.lower() in value.lower(),
            "starts_with": lambda: value.lower().startswith(wanted.lower()),
            "in": lambda: value in wanted,
            "is_set": lambda: value != "",
            "is_empty": lambda: value == "",
        }[operator]()
    if tree["field"] == "created_at":
        return _time_holds(person.created_at, operator, wanted)
    field = next(field for field in FIELDS if field.key == tree["field"])
    value = person.fields.get(str(field.field_id))
    if operator == "is_set":
        return value not in (None, [])
    if operator == "is_empty":
        return value in (None, [])
    if operator == "contains":
        return value is not None and wanted in value
    if field.type is FieldType.DATE:
        return _day_holds(None if value is None else date.fromisoformat(value), operator, wanted)
    if field.type is FieldType.DATETIME:
        return _time_holds(None if value is None else datetime.fromisoformat(value), operator, wanted)
    if value is None:
        return operator == "not_equals"
    return _compares(value, operator, wanted)


def _day_holds(day: date | None, operator: str, wanted: Any) -> bool:
    if day is None:
        return operator == "not_equals"
    if operator == "in_last_days":
        return TODAY - timedelta(days=wanted) <= day <= TODAY
    if operator == "in_next_days":
        return TODAY <= day <= TODAY + timedelta(days=wanted)
    if operator == "more_than_days_ago":
        return day < TODAY - timedelta(days=wanted)
    if operator == "anniversary_in_next_days":
        return any(_is_anniversary(day, TODAY + timedelta(days=place)) for place in range(min(wanted, 366) + 1))
    return _compares(day, operator, date.fromisoformat(wanted))


def _is_anniversary(day: date, of: date) -> bool:
    if (day.month, day.day) == (2, 29) and (of + timedelta(days=1)).month == 3 and of.month == 2:
        return True
    return (day.month, day.day) == (of.month, of.day)


def _time_holds(at: datetime | None, operator: str, wanted: Any) -> bool:
    if at is None:
        return operator == "not_equals"
    if operator == "in_last_days":
        return NOW - timedelta(days=wanted) <= at <= NOW
    if operator == "in_next_days":
        return NOW <= at <= NOW + timedelta(days=wanted)
    if operator == "more_than_days_ago":
        return at < NOW - timedelta(days=wanted)
    if operator == "anniversary_in_next_days":
        return _day_holds(at.astimezone(UTC).date(), operator, wanted)
    return _compares(at, operator, datetime.fromisoformat(wanted))
