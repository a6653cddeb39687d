"""Promo codes: each is given away once."""

from __future__ import annotations

import asyncio
from collections import Counter
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest

from syncom.clock import SystemClock
from syncom.errors import Invalid, NotFound
from syncom.postgres.pool import Database
from syncom.promocodes.model import PromocodeFilter, PromocodeInput, Taker
from syncom.promocodes.service import PromocodesService

ANY = PromocodeFilter()


@pytest.fixture
def promocodes(database: Database) -> PromocodesService:
    return PromocodesService(database, SystemClock())


def codes(count: int, **members: object) -> list[PromocodeInput]:
    return [PromocodeInput(code=f"CODE-{n:04}", **members) for n in range(count)]


def takers(count: int) -> list[Taker]:
    return [Taker(effect_id=uuid4(), contact_id=n + 1) for n in range(count)]


async def test_parallel_takers_never_get_the_same_code(promocodes: PromocodesService, account_id: int) -> None:
    await promocodes.upload(account_id, codes(100))
    crowd = [takers(7) for _ in range(12)]
    given = await asyncio.gather(*(promocodes.take(account_id, some) for some in crowd))
    got = Counter(code for some in given for code in some.values())
    assert len(got) == 84
    assert set(got.values()) == {1}
    assert await promocodes.count(account_id, PromocodeFilter(in_use=True)) == 84
    assert len(await promocodes.take(account_id, takers(50))) == 16
    assert await promocodes.take(account_id, takers(1)) == {}


async def test_the_same_effect_gets_the_same_code_however_often_and_wherever_it_is_tried(
    promocodes: PromocodesService, account_id: int
) -> None:
    await promocodes.upload(account_id, codes(10))
    [taker] = takers(1)
    given = await asyncio.gather(*(promocodes.take(account_id, [taker]) for _ in range(8)))
    assert len({some[taker.effect_id] for some in given}) == 1
    assert await promocodes.count(account_id, PromocodeFilter(in_use=True)) == 1


async def test_codes_go_out_in_the_order_they_came_by_type_and_discount(
    promocodes: PromocodesService, account_id: int
) -> None:
    now = datetime.now(UTC)
    await promocodes.upload(
        account_id,
        [
            PromocodeInput(code="OLD", type="spring", expires_at=now - timedelta(minutes=1)),
            PromocodeInput(code="USED", type="spring", in_use=True),
            PromocodeInput(code="TEN", type="spring", discount=10, expires_at=now + timedelta(days=1)),
            PromocodeInput(code="FIVE", type="spring", discount=5),
            PromocodeInput(code="OTHER", type="autumn"),
        ],
    )

    async def take(**wanted: object) -> list[str]:
        return list((await promocodes.take(account_id, takers(1), **wanted)).values())

    assert await take(type_="spring", discount=5) == ["FIVE"]
    assert await take(type_="spring") == ["TEN"]
    assert await take(type_="spring") == []
    assert await take() == ["OTHER"]


async def test_what_a_rolled_back_transaction_took_is_free_again(
    promocodes: PromocodesService, database: Database, account_id: int
) -> None:
    await promocodes.upload(account_id, codes(1))
    with suppress(RuntimeError):
        async with database.tenant(account_id) as connection:
            assert len(await promocodes.take_in(connection, account_id, takers(1))) == 1
            raise RuntimeError
    assert len(await promocodes.take(account_id, takers(1))) == 1


async def test_a_code_that_was_given_away_stays_so_when_it_is_uploaded_again(
    promocodes: PromocodesService, account_id: int
) -> None:
    await promocodes.upload(account_id, codes(2))
    [taken] = (await promocodes.take(account_id, takers(1))).values()
    done = await promocodes.upload(account_id, codes(3, discount=20))
    assert (done.added, done.updated) == (1, 2)
    page, total = await promocodes.search(account_id, ANY)
    assert total == 3
    assert [(code.code, code.in_use, code.discount) for code in page] == [
        ("CODE-0000", taken == "CODE-0000", 20),
        ("CODE-0001", False, 20),
        ("CODE-0002", False, 20),
    ]


async def test_a_wrong_code_refuses_the_upload_by_name(promocodes: PromocodesService, account_id: int) -> None:
    wrong = [PromocodeInput(code="A"), PromocodeInput(code=" "), PromocodeInput(code="B", discount=100)]
    with pytest.raises(Invalid) as refused:
        await promocodes.upload(account_id, wrong)
    assert [field.field for field in refused.value.fields] == ["promocodes.1.code", "promocodes.2.discount"]
    assert await promocodes.count(account_id, ANY) == 0


async def test_accounts_have_codes_of_their_own(
    promocodes: PromocodesService, account_id: int, other_account_id: int
) -> None:
    await promocodes.upload(account_id, codes(1))
    [mine] = (await promocodes.search(account_id, ANY))[0]
    assert await promocodes.take(other_account_id, [Taker(effect_id=UUID(int=1), contact_id=1)]) == {}
    with pytest.raises(NotFound):
        await promocodes.get(other_account_id, mine.promocode_id)
    with pytest.raises(NotFound):
        await promocodes.switch_off(other_account_id, mine.promocode_id)
    assert not (await promocodes.get(account_id, mine.promocode_id)).in_use
