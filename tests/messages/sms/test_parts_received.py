"""Texts of people that come in parts, over any bind, in any order."""

from __future__ import annotations

import asyncio
import itertools
from datetime import UTC, datetime
from importlib import resources

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec import structs

from syncom.clock import SystemClock
from syncom.errors import Unavailable
from syncom.messages.channels.sms.inbound import InboundPart
from syncom.messages.channels.sms.parts_received import PartsReceived
from syncom.postgres.pool import Database

ANN = "+380671112233"


class Written:
    """Keeps texts as whoever reads them must: once by id. The first ``failures`` calls fail."""

    def __init__(self, failures: int = 0) -> None:
        self.texts: dict[str, str] = {}
        self.times: list[datetime] = []
        self._failures = failures

    async def receive(self, sender_id: int, from_: str, to: str, text: str, at: datetime, peer_id: str) -> None:
        del sender_id, from_, to
        await asyncio.sleep(0)
        if self._failures:
            self._failures -= 1
            raise Unavailable("try again")
        self.texts[peer_id or f"alone {len(self.texts)}"] = text
        self.times.append(at)


def part(number: int, total: int, octets: bytes, *, codec: str = "latin-1", peer_id: str = "") -> InboundPart:
    """A part as an SMSC brings it, or, with an id, a gateway."""
    return InboundPart(
        sender_id=1,
        from_=ANN,
        to="4040",
        octets=octets,
        codec=codec,
        reference="7",
        number=number,
        total=total,
        peer_id=peer_id,
    )


async def pass_by(database: Database, minutes: int = 11) -> None:
    """As if so much time had passed."""
    async with database.system() as connection:
        await connection.execute(
            "UPDATE incomplete_texts SET begun_at = begun_at - s.t, sent_at = sent_at - s.t, "
            "give_up_at = give_up_at - s.t, forget_at = forget_at - s.t FROM (SELECT make_interval(mins => %s) AS t) s",
            (minutes,),
        )


async def waiting(database: Database) -> int:
    async with database.system() as connection:
        row = await (await connection.execute("SELECT count(*) FROM incomplete_texts")).fetchone()
    assert row is not None
    return row[0]


@settings(max_examples=15, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    text=st.text(st.characters(codec="utf-16", exclude_categories=("Cs",)), min_size=3, max_size=30),
    cuts=st.lists(st.integers(1, 50), max_size=4, unique=True),
    data=st.data(),
)
async def test_a_text_cut_anywhere_comes_out_whole_once_in_any_order_over_two_binds(
    database: Database, text: str, cuts: list[int], data: st.DataObject
) -> None:
    async with database.system() as connection:
        await connection.execute("DELETE FROM incomplete_texts")
    written = Written()
    binds = [PartsReceived(database, written, SystemClock()) for _ in range(2)]
    octets = text.encode("utf-16-be")
    places = [0, *sorted(cut for cut in cuts if cut < len(octets)), len(octets)]
    bodies = [octets[start:end] for start, end in itertools.pairwise(places)]
    if len(bodies) == 1:
        bodies = [octets[:2], octets[2:]]
    parts = [part(number, len(bodies), body, codec="utf-16-be") for number, body in enumerate(bodies, 1)]
    repeated = data.draw(st.lists(st.sampled_from(parts), max_size=2))
    order = data.draw(st.permutations([*parts, *repeated]))
    await asyncio.gather(*(binds[place % 2].receive(one) for place, one in enumerate(order)))
    assert list(written.texts.values()) == [text]
    await pass_by(database)
    await binds[0].give_up()
    assert list(written.texts.values()) == [text]
    assert await binds[0].give_up() == 0


async def test_what_does_not_become_whole_is_told_after_a_while_with_its_gap(database: Database) -> None:
    written = Written()
    parts = PartsReceived(database, written, SystemClock())
    await parts.receive(part(1, 4, b"one "))
    await parts.receive(part(2, 4, b"two"))
    await parts.receive(part(4, 4, b"four"))
    assert await parts.give_up() == 0
    await pass_by(database)
    assert await parts.give_up() == 2, "told, and forgotten"
    assert list(written.texts.values()) == ["one two […] four"]
    assert written.times[0] < datetime.now(UTC)
    assert await waiting(database) == 0


async def test_a_gateway_has_an_hour_and_what_it_brings_again_within_days_is_known(database: Database) -> None:
    written = Written()
    parts = PartsReceived(database, written, SystemClock())
    half = part(1, 2, "Привіт, ".encode(), codec="utf-8", peer_id="a1")
    await parts.receive(half)
    await pass_by(database, 50)
    assert await parts.give_up() == 0
    whole = part(2, 2, "Анно".encode(), codec="utf-8", peer_id="a2")
    await parts.receive(whole)
    await pass_by(database, 24 * 60)
    for repeated in (half, whole, half):
        await parts.receive(repeated)
    assert await parts.give_up() == 0
    assert written.texts == {"a1": "Привіт, Анно"}
    await pass_by(database, 3 * 24 * 60)
    assert await parts.give_up() == 1
    assert await waiting(database) == 0


async def test_rows_of_both_earlier_tables_are_carried_over(database: Database) -> None:
    async with database.system() as connection:
        await connection.execute(
            "ALTER TABLE incomplete_texts ALTER COLUMN reference TYPE integer USING reference::integer, "
            "DROP COLUMN sent_at, DROP COLUMN give_up_at, DROP COLUMN forget_at"
        )
        inbound_parts = load_statement("0100_inbound_parts.sql")
        await connection.execute(inbound_parts)
        await connection.execute(
            """INSERT INTO incomplete_texts (sender_id, from_address, to_address, reference, total, parts)
            VALUES (1, %s, '4040', 7, 2, '{"1": ["b25lIA==", "latin-1"]}')""",
            (ANN,),
        )
        await connection.execute(
            "INSERT INTO inbound_parts VALUES (1, 2, %s, 'r1', 2, 2, '4321', 'Анно', 'a2', now(), now())", (ANN,)
        )
        for _ in range(2):
            await connection.execute(load_statement("0124_parts_of_texts.sql"))
    written = Written()
    parts = PartsReceived(database, written, SystemClock())
    await parts.receive(part(2, 2, b"two"))
    assert list(written.texts.values()) == ["one two"]
    first = part(1, 2, "Привіт, ".encode(), codec="utf-8", peer_id="a1")
    await parts.receive(structs.replace(first, sender_id=2, to="4321", reference="r1"))
    assert written.texts["a1"] == "Привіт, Анно"


def load_statement(name: str) -> bytes:
    return resources.files("syncom.postgres.migrations").joinpath(name).read_bytes()


async def test_a_number_that_is_used_again_begins_a_new_text(database: Database) -> None:
    written = Written()
    parts = PartsReceived(database, written, SystemClock())
    for text in (b"first", b"again"):
        await parts.receive(part(1, 2, text))
        await parts.receive(part(2, 2, b" text"))
    assert sorted(written.texts.values()) == ["again text", "first text"]


async def test_a_text_that_could_not_be_kept_is_brought_again_and_told_once(database: Database) -> None:
    written = Written(failures=1)
    parts = PartsReceived(database, written, SystemClock())
    await parts.receive(part(1, 2, b"one "))
    with pytest.raises(Unavailable):
        await parts.receive(part(2, 2, b"two"))
    await parts.receive(part(2, 2, b"two"))
    assert list(written.texts.values()) == ["one two"]


async def test_while_the_database_is_away_the_smsc_must_bring_it_again(dsn: str) -> None:
    async with Database(dsn, max_size=1) as database:
        parts = PartsReceived(database, Written(), SystemClock())
    with pytest.raises(Unavailable):
        await parts.receive(part(1, 2, b"one "))
